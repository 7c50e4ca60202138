package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// learn sends a request of the learner at that address, and returns the answer.
func learn(h http.Handler, address, method, target, form string, more ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, origin+target, strings.NewReader(form))
	r.RemoteAddr = address + ":4000"
	r.Header.Set("Accept", "application/json")
	if method == "POST" {
		r.Header.Set("Content-Type", formType)
	}
	for i := 0; i < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// sessionAt begins a session of a learner at that address, and returns its cookie.
func sessionAt(h http.Handler, address string) string {
	c := learn(h, address, "POST", "/set", "key=a&value=b").Result().Cookies()[0]
	return c.Name + "=" + c.Value
}

func tokenOf(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	var f foundJSON
	if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || f.Run == "" {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return f.Run
}

// Fifty private instances at once begin and end within their limits, the next one is
// refused, and afterwards nothing is left of them.
func TestFiftyInstancesAtOnce(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	a := newExperiments(t, nil)
	runFor(t, a, "born-on-first-write", "") // what is made once is made
	runtime.GC()
	var before, during, after runtime.MemStats
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()

	c := pupils{a, make([]string, experiment.MaxRuns/experiment.MaxRunsEach), make([]string, experiment.MaxRuns)}
	started := c.open(t)
	if t.Failed() {
		return
	}
	runtime.ReadMemStats(&during)
	c.wantFull(t)
	ended := c.end(t)
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines+2 && time.Now().Before(end); {
		runtime.Gosched()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	mib := func(m, than runtime.MemStats) float64 {
		return (float64(m.HeapAlloc) - float64(than.HeapAlloc)) / (1 << 20)
	}
	t.Logf("50 instances: started in %v, ended in %v; heap %+.1f MiB while they ran, %+.1f MiB after; goroutines %d before, %d after",
		started, ended, mib(during, before), mib(after, before), goroutines, runtime.NumGoroutine())
	if started > 5*time.Second || ended > 5*time.Second {
		t.Errorf("they started in %v and ended in %v", started, ended)
	}
	if n := runtime.NumGoroutine(); n > goroutines+2 {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	if mib(during, before) > 150 || mib(after, before) > 16 {
		t.Errorf("the heap grew by %.1f MiB, and %.1f stayed", mib(during, before), mib(after, before))
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "sessionscope-experiment-*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	if w := learn(a, "10.0.0.0", "POST", "/experiments/born-on-first-write/run", ""); w.Code != http.StatusOK {
		t.Errorf("afterwards: status %d", w.Code)
	}
}

const liveRun = "/experiments/closes-with-the-browser" // whose runs wait for a browser

// class is as many learners as may have runs at once, with two live runs each.
type pupils struct {
	a        *App
	learners []string // their cookies
	tokens   []string // of the runs
}

// open starts all runs at once, and returns how long that took. Each run is a server of its
// own, with sessions of its own.
func (c pupils) open(t *testing.T) (took time.Duration) {
	for i := range c.learners {
		c.learners[i] = sessionAt(c.a, fmt.Sprintf("10.0.0.%d", i))
	}
	began := time.Now()
	var wg sync.WaitGroup
	for i := range c.tokens {
		wg.Go(func() { // two of each learner
			w := learn(c.a, fmt.Sprintf("10.0.0.%d", i/2), "POST", liveRun+"/run", "prediction=1", "Cookie", c.learners[i/2])
			var f foundJSON
			if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || w.Code != http.StatusAccepted || f.State != "open" {
				t.Errorf("run %d: status %d: %s", i, w.Code, w.Body)
			}
			c.tokens[i] = f.Run
		})
	}
	wg.Wait()
	took = time.Since(began)
	for i, token := range c.tokens {
		w := learn(c.a, fmt.Sprintf("10.0.0.%d", i/2), "POST", liveRun+"/live/"+token+"/cookies", "")
		if got := w.Header()["Set-Cookie"]; w.Code != http.StatusSeeOther || len(got) != 2 {
			t.Errorf("status %d, cookies %q", w.Code, got)
		}
	}
	return took
}

// wantFull checks that no more runs start: neither a stranger's nor a learner's third.
func (c pupils) wantFull(t *testing.T) {
	if w := learn(c.a, "10.0.1.1", "POST", liveRun+"/run", ""); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "50 experiments are running") {
		t.Errorf("the next one: status %d, %s", w.Code, w.Body)
	}
	if w := learn(c.a, "10.0.0.0", "POST", "/experiments/born-on-first-write/run", "", "Cookie", c.learners[0]); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "You have 2 experiments running") {
		t.Errorf("a learner's third: status %d, %s", w.Code, w.Body)
	}
}

// end ends all runs at once, and returns how long that took.
func (c pupils) end(t *testing.T) time.Duration {
	began := time.Now()
	var wg sync.WaitGroup
	for i, token := range c.tokens {
		wg.Go(func() {
			if w := learn(c.a, fmt.Sprintf("10.0.0.%d", i/2), "POST", liveRun+"/result", "stop=1&run="+token, "Cookie", c.learners[i/2]); w.Code != http.StatusOK {
				t.Errorf("the end of run %d: status %d, %s", i, w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

// An experiment makes a folder only if something in it keeps files, and leaves none
// behind. Without a place for folders the others run as ever; those that need one say so.
func TestFolderOfAnExperiment(t *testing.T) {
	var temp string
	var made atomic.Int64 // folders that were there at the last request
	a := newExperiments(t, func(cfg *experiment.Config) {
		cfg.WrapHandler = func(_ string, h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				found, _ := filepath.Glob(filepath.Join(temp, "sessionscope-experiment-*"))
				made.Store(int64(len(found)))
				h.ServeHTTP(w, r)
			})
		}
	})
	for _, test := range []struct {
		slug, form string
		folders    int64
	}{
		{"born-on-first-write", "", 0},
		{"change-one-letter", "", 0},
		{"two-tabs", "", 0},
		{"a-deleted-id-comes-back", "engine=gorilla-stops", 1},
		{"stores-through-a-restart", "store=sqlite", 1},
		{"expired-is-not-cleared", "store=sqlite", 1},
	} {
		temp = t.TempDir()
		made.Store(0)
		t.Setenv("TMPDIR", temp)
		if f := runFor(t, a, test.slug, test.form); f.State != "ended" || made.Load() != test.folders {
			t.Errorf("%s: %s %s, %d folders; want %d", test.slug, f.State, f.Error, made.Load(), test.folders)
		}
		if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
			t.Errorf("%s left %v behind, %v", test.slug, left, err)
		}
		temp = filepath.Join(temp, "nowhere")
		t.Setenv("TMPDIR", temp)
		switch f := runFor(t, a, test.slug, test.form); {
		case test.folders == 0 && f.State != "ended":
			t.Errorf("%s without a place for folders: %s %s", test.slug, f.State, f.Error)
		case test.folders > 0 && (f.State != "failed" || !strings.Contains(f.Error, "it needs a folder for its files, and none can be made in "+temp+": no such file or directory. TMPDIR names another place")):
			t.Errorf("%s without a place for folders: %s %q", test.slug, f.State, f.Error)
		}
	}
}

// A run whose server never answers ends all the same, says so, and leaves nothing.
func TestRunThatHangs(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	asked := make(chan struct{}, 1)
	a := newExperiments(t, func(cfg *experiment.Config) {
		cfg.Limit = 100 * time.Millisecond
		cfg.WrapHandler = func(string, http.Handler) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				<-r.Context().Done()
			})
		}
	})
	goroutines := runtime.NumGoroutine()
	f := runFor(t, a, "born-on-first-write", "prediction=3")
	if f.State != "failed" || !strings.Contains(f.Error, "did not end within 100ms") || f.Right != nil {
		t.Errorf("state %q, error %q, right %v", f.State, f.Error, f.Right)
	}
	select {
	case <-asked:
	default:
		t.Error("the control: no request was sent")
	}
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(end); {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d before", n, goroutines)
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "sessionscope-experiment-*")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	if w := learn(a, "192.0.2.1", "POST", "/experiments/born-on-first-write/result", "run="+f.Run); w.Code != http.StatusOK || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("status %d, and a run that failed is noted: %q", w.Code, w.Header().Get("Set-Cookie"))
	}
}

// quick is how long a run takes at most that does not say that it is slow.
const quick = 2 * time.Second

// timeRun runs an experiment, and returns how long that takes.
func timeRun(t *testing.T, a *App, e experiment.Experiment) time.Duration {
	t.Helper()
	began := time.Now()
	if f := runFor(t, a, e.Slug, ""); f.State != "ended" {
		t.Errorf("%s: %s %s", e.Slug, f.State, f.Error)
	}
	return time.Since(began)
}

// The median run takes under half a second.
func TestMedianRun(t *testing.T) {
	a := newExperiments(t, nil)
	var took []time.Duration
	for _, section := range a.shelf.Sections() {
		for _, e := range section.Experiments {
			if e.Live != nil {
				continue
			}
			d := timeRun(t, a, e)
			for try := 1; try < 3 && !e.Slow && d > quick; try++ { // other tests have the processor, too
				d = min(d, timeRun(t, a, e))
			}
			took = append(took, d)
			t.Logf("%s: %v", e.Slug, d.Round(time.Millisecond))
			if d > 30*time.Second {
				t.Errorf("%s took %v", e.Slug, d)
			}
			if !e.Slow && d > quick {
				t.Errorf("%s took %v and does not say that it is slow", e.Slug, d)
			}
		}
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > 500*time.Millisecond {
		t.Errorf("the median run took %v", median)
	} else {
		t.Logf("median of %d: %v", len(took), median)
	}
}

// Whoever takes a new session for each run has no more than a few learners' places,
// and a live experiment that is begun anew ends the one before.
func TestLimitOfAnAddress(t *testing.T) {
	a := newExperiments(t, nil)
	run := func(cookie string) *httptest.ResponseRecorder {
		return learn(a, "10.0.0.1", "POST", "/experiments/secure-on-plain-http/run", "", "Cookie", cookie)
	}
	born := func() string { return sessionAt(a, "10.0.0.1") }
	mine := born()
	opened := run(mine)
	first, open := tokenOf(t, opened), opened.Result().Cookies()[0]
	if !strings.HasPrefix(open.Value, first+".") || !open.HttpOnly || open.Path != "/experiments/secure-on-plain-http" || open.MaxAge < 290 || open.MaxAge > 300 {
		t.Errorf("the browser finds its run by %v", open)
	}
	again := run(mine + "; " + open.Name + "=" + open.Value)
	second := tokenOf(t, again)
	if w := learn(a, "10.0.0.1", "GET", "/experiments/secure-on-plain-http?run="+first, "", "Cookie", mine); !strings.Contains(w.Body.String(), `"state":"ended"`) {
		t.Errorf("the one before goes on: %s", w.Body)
	}
	if w := learn(a, "10.0.0.1", "GET", "/experiments/secure-on-plain-http", "", "Cookie", open.Name+"="+again.Result().Cookies()[0].Value); tokenOf(t, w) != second {
		t.Error("the page of its browser does not show the open run")
	}
	if w := learn(a, "10.0.0.1", "GET", "/experiments/secure-on-plain-http", "", "Cookie", mine); strings.Contains(w.Body.String(), second) {
		t.Error("somebody else at the same address is shown the run")
	}
	for n := 2; n <= experiment.MaxRunsAddress; n++ {
		tokenOf(t, run(born()))
	}
	if w := run(born()); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "at your address") {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
}

// What a page waits for or shows, and what is there no more, is told where the page
// has room for it, and ends its asking.
func TestRunThatIsGone(t *testing.T) {
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formFragment)
	const slug = "/experiments/born-on-first-write"
	for _, got := range []answer{b.post(slug+"/result", "run", "gone"), b.get(slug + "?run=gone&at=2")} {
		got.want(404, `hx-target="#problem"`, "refused (404)", `hx-target="#run"`, `<div id="run" tabindex="-1"></div>`).wantNo("#result")
	}
	b.post(slug+"/run", "prediction", "9").want(422, `hx-target="#problem"`, "from 1 to 3").wantNo("#result", "#run")
	b.form = formPage
	b.get(slug+"?run=gone").want(404, "Run the experiment again", `action="`+slug+`/run"`)
}

// Whoever runs many experiments takes away what they found themselves, and nobody
// else's.
func TestOwnRunsMakeRoom(t *testing.T) {
	a := newExperiments(t, nil)
	const slug = "/experiments/born-on-first-write"
	run := func(address, cookie string) string {
		return tokenOf(t, learn(a, address, "POST", slug+"/run", "", "Cookie", cookie))
	}
	own, many := sessionAt(a, "10.0.0.1"), sessionAt(a, "10.0.0.2")
	mine := run("10.0.0.1", own)
	first := run("10.0.0.2", many)
	for range 70 {
		run("10.0.0.2", many)
	}
	if w := learn(a, "10.0.0.1", "GET", slug+"?run="+mine, "", "Cookie", own); w.Code != http.StatusOK {
		t.Errorf("what another one found is gone: status %d", w.Code)
	}
	if w := learn(a, "10.0.0.2", "GET", slug+"?run="+first, "", "Cookie", many); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "15 minutes at most") {
		t.Errorf("the control: the oldest of many is still there: status %d", w.Code)
	}
}

// The projector switch of an experiment's page leaves the run on it.
func TestProjectorKeepsTheRun(t *testing.T) {
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formPage)
	const slug = "/experiments/born-on-first-write"
	page := b.send(func() *http.Request { r := b.request("GET", "/", ""); r.Header.Set("Accept", "text/html"); return r }())
	_, rest, _ := strings.Cut(page.body, `data-secret="`)
	visit, _, _ := strings.Cut(rest, `"`)
	shown := b.post(slug+"/run", "prediction", "3", "page", visit).want(303).Header.Get("Location")
	if !strings.HasPrefix(shown, slug+"?run=") || strings.Contains(shown, visit) {
		t.Fatalf("the run is shown at %q", shown)
	}
	// An address that was used names the run; what proves the page is in it for one use.
	b.ended(strings.TrimSuffix(shown, "#run"), "").want(200, `id="verdict"`)
	run, _, _ := strings.Cut(strings.TrimSuffix(shown, "#run"), "&")
	next := ""
	for referer, want := range map[string]string{origin + run: run, "": slug, "%zz": slug, origin + slug + "?run=other": slug} {
		r := b.request("POST", "/projector", url.Values{"on": {"1"}, "page": {visit}, "experiment": {"born-on-first-write"}}.Encode())
		r.Header.Set("Referer", referer)
		got := b.send(r).want(303).Header.Get("Location")
		if before, _, _ := strings.Cut(got, "x="); strings.TrimRight(before, "?&") != want {
			t.Errorf("from %q it goes on to %v, want %q", referer, got, want)
		}
		if want == run {
			next = got
		}
	}
	b.get(next).want(200, "data-projector", `id="verdict"`)
	// Nobody else is shown the run: not by its address, nor by one that was used.
	for _, address := range []string{run, strings.TrimSuffix(shown, "#run"), next} {
		newBrowser(t, a, formPage).get(address).want(404, "Its address opens nothing").wantNo(`id="verdict"`)
	}
	newBrowser(t, a, formJSON).post(slug+"/result", "run", strings.TrimPrefix(run, slug+"?run=")).want(404).wantNo(visit)
}
