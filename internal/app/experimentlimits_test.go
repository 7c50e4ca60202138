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
	"unicode/utf8"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/experiment/private"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
	"github.com/sessionscope/sessionscope/views"
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
	const live = "/experiments/closes-with-the-browser"
	runFor(t, a, "born-on-first-write", "") // what is made once is made
	runtime.GC()
	var before, during, after runtime.MemStats
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()

	learners := make([]string, experiment.MaxRuns/experiment.MaxRunsEach) // their cookies
	for i := range learners {
		learners[i] = sessionAt(a, fmt.Sprintf("10.0.0.%d", i))
	}
	began := time.Now()
	tokens := make([]string, experiment.MaxRuns)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() { // two of each learner
			w := learn(a, fmt.Sprintf("10.0.0.%d", i/2), "POST", live+"/run", "prediction=1", "Cookie", learners[i/2])
			var f foundJSON
			if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || w.Code != http.StatusAccepted || f.State != "open" {
				t.Errorf("run %d: status %d: %s", i, w.Code, w.Body)
			}
			tokens[i] = f.Run
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	started := time.Since(began)
	for i, token := range tokens { // each is a server of its own, with sessions of its own
		w := learn(a, fmt.Sprintf("10.0.0.%d", i/2), "POST", live+"/live/"+token+"/cookies", "")
		if got := w.Header()["Set-Cookie"]; w.Code != http.StatusSeeOther || len(got) != 2 {
			t.Fatalf("status %d, cookies %q", w.Code, got)
		}
	}
	runtime.ReadMemStats(&during)
	if w := learn(a, "10.0.1.1", "POST", live+"/run", ""); w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "50 experiments are running") {
		t.Errorf("the next one: status %d, %s", w.Code, w.Body)
	}
	if w := learn(a, "10.0.0.0", "POST", "/experiments/born-on-first-write/run", "", "Cookie", learners[0]); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "You have 2 experiments running") {
		t.Errorf("a learner's third: status %d, %s", w.Code, w.Body)
	}

	began = time.Now()
	for i, token := range tokens {
		wg.Go(func() {
			if w := learn(a, fmt.Sprintf("10.0.0.%d", i/2), "POST", live+"/result", "stop=1&run="+token, "Cookie", learners[i/2]); w.Code != http.StatusOK {
				t.Errorf("the end of run %d: status %d, %s", i, w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	ended := time.Since(began)
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

// The median run takes under half a second.
func TestMedianRun(t *testing.T) {
	a := newExperiments(t, nil)
	var took []time.Duration
	for _, section := range a.shelf.Sections() {
		for _, e := range section.Experiments {
			if e.Live != nil {
				continue
			}
			began := time.Now()
			if f := runFor(t, a, e.Slug, ""); f.State != "ended" {
				t.Errorf("%s: %s %s", e.Slug, f.State, f.Error)
			}
			d := time.Since(began)
			took = append(took, d)
			t.Logf("%s: %v", e.Slug, d.Round(time.Millisecond))
			if d > 30*time.Second {
				t.Errorf("%s took %v", e.Slug, d)
			}
			if !e.Slow && d > 2*time.Second {
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

// What is wrong is refused with words, and nothing starts.
func TestExperimentInput(t *testing.T) {
	a := newExperiments(t, nil)
	const slug = "/experiments/change-one-letter"
	for _, test := range []struct {
		method, target, form string
		status               int
		says                 string
	}{
		{"GET", "/experiments/nope", "", 404, "There is no experiment at this address"},
		{"POST", "/experiments/nope/run", "", 404, "There is no experiment at this address"},
		{"GET", slug + "?run=nope", "", 404, "Its address opens nothing"},
		{"GET", slug + "?run=" + strings.Repeat("A", 4000), "", 404, "Its address opens nothing"},
		{"POST", slug + "/run", "prediction=0", 422, "from 1 to 3"},
		{"POST", slug + "/run", "prediction=4", 422, "from 1 to 3"},
		{"POST", slug + "/run", "prediction=first", 422, "from 1 to 3"},
		{"POST", slug + "/run", "edit=everything", 422, "none of role, letter, deadline, signature"},
		{"POST", slug + "/run", "role=" + strings.Repeat("x", 41), 422, "41 bytes, at most 40"},
		{"POST", slug + "/run", "role=%00", 422, "cannot be seen"},
		{"POST", slug + "/run", "role=%ff", 422, "cannot be seen"},
		{"POST", slug + "/run", "role=%E2%80%AEx", 422, "cannot be seen"},
		{"POST", slug + "/run", "role=%E2%80%A8x", 422, "cannot be seen"},
		{"POST", slug + "/run", "role=%zz", 400, "broken"},
		{"POST", slug + "/run", "role=" + strings.Repeat("x", 300<<10), 413, "too large"},
		{"POST", slug + "/result", "", 404, "Its address opens nothing"},
		{"POST", slug + "/result", "run=nope", 404, "Its address opens nothing"},
		{"GET", slug + "/run", "", 405, "POST"},
		{"POST", slug, "", 405, "method"},
		{"GET", slug + "/live/nope/x", "", 404, "No run waits"},
		{"POST", slug + "/live/nope/x", "", 404, "No run waits"},
		{"GET", "/experiments/nope/", "", 404, "There is no experiment at this address"},
	} {
		w := learn(a, "127.0.0.1", test.method, test.target, test.form)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s %.80s %.40s: status %d, want %d: %.300s", test.method, test.target, test.form, w.Code, test.status, w.Body)
		}
		if w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s %.80s: a refusal sets a cookie", test.method, test.target)
		}
	}
	if w := learn(a, "127.0.0.1", "POST", slug+"/run", "", "Content-Type", "text/plain"); w.Code != 415 && w.Code != 200 { // an empty body is a form without fields
		t.Errorf("status %d", w.Code)
	}
	if w := learn(a, "127.0.0.1", "POST", slug+"/run", "prediction=1", "Content-Type", "application/json"); w.Code != 415 {
		t.Errorf("a JSON body: status %d", w.Code)
	}
	if w := learn(a, "127.0.0.1", "POST", slug+"/run", "prediction=1", "Sec-Fetch-Site", "cross-site"); w.Code != 403 {
		t.Errorf("from another site: status %d", w.Code)
	}
	// As a page the input is kept, and the message is tied to its field.
	w := learn(a, "127.0.0.1", "POST", slug+"/run", "prediction=2&edit=letter&role="+strings.Repeat("x", 41), "Accept", "text/html")
	for _, words := range []string{`id="prediction-2" value="2" checked`, `id="edit-letter" value="letter" checked`, strings.Repeat("x", 41), `aria-invalid="true"`, "41 bytes, at most 40"} {
		if w.Code != 422 || !strings.Contains(w.Body.String(), words) {
			t.Errorf("status %d, the page does not say %q", w.Code, words)
		}
	}
}

// No free text ends a run, becomes markup, or is cut in the middle of a letter.
func TestExperimentHostileText(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", " ", "`", "``{bad x}`", "{cookie ", "}{", `<img src=x onerror=alert(1)>"'&`, "%00%0d%0a", "a=b; c=d", `{"role":"x"}`, "null", "-1", "1e999",
		strings.Repeat("\U0001F600", 10), strings.Repeat("ß", 20), "progress", "_flash", "../../etc/passwd", "' OR 1=1 --",
	}
	// As a secret, each text but the empty one goes through the whole list of guesses.
	secrets := []string{"", "``{bad x}`", `<img src=x onerror=alert(1)>"'&`, strings.Repeat("\U0001F600", 10)}
	var tried atomic.Int32
	t.Cleanup(func() {
		if tried.Load() < 100 {
			t.Errorf("only %d were tried", tried.Load())
		}
	})
	try := func(t *testing.T, e experiment.Experiment, choice experiment.Choice) {
		t.Parallel()
		a := newExperiments(t, nil)
		path, cracks := "/experiments/"+e.Slug, e.Slug == "crack-a-weak-secret"
		for _, text := range texts {
			if len(text) > choice.Max {
				continue
			}
			tried.Add(1)
			form := url.Values{choice.Name: {text}, "prediction": {"9"}}
			if cracks {
				form.Set("secret", "yours")
			}
			// A refusal shows the text too, and runs nothing.
			refused := learn(a, "10.0.0.1", "POST", path+"/run", form.Encode(), "Accept", "text/html")
			if body := refused.Body.String(); refused.Code != http.StatusUnprocessableEntity || strings.Contains(body, "<img") || strings.Contains(body, "\ufffd") {
				t.Errorf("refused with %q: status %d", text, refused.Code)
			}
			if cracks && !slices.Contains(secrets, text) {
				continue
			}
			form.Set("prediction", "1")
			f := runFor(t, a, e.Slug, form.Encode())
			if f.State != "ended" || !utf8.ValidString(f.all()) {
				t.Errorf("with %q: %s %s", text, f.State, f.Error)
			}
			page := learn(a, "10.0.0.1", "GET", path+"?run="+f.Run, "", "Accept", "text/html")
			if body := page.Body.String(); page.Code != http.StatusOK || strings.Contains(body, "<img") || strings.Contains(body, "\ufffd") || !strings.Contains(body, `id="verdict"`) {
				t.Errorf("the page with %q: status %d", text, page.Code)
			}
		}
	}
	for _, section := range newApp(t, nil).shelf.Sections() {
		for _, e := range section.Experiments {
			for _, choice := range e.Choices {
				if len(choice.Options) == 0 {
					t.Run(e.Slug+" "+choice.Name, func(t *testing.T) { try(t, e, choice) })
				}
			}
		}
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

// A run that took longer than a moment is noted by the next request, whose cookie is
// of then: what another tab wrote meanwhile is not undone.
func TestLongRunUndoesNothing(t *testing.T) {
	release := make(chan struct{})
	a := newExperiments(t, func(cfg *experiment.Config) {
		cfg.WrapHandler = func(_ string, h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				<-release // of the run that goes on now
				h.ServeHTTP(w, r)
			})
		}
	})
	b := newBrowser(t, a, formFragment)
	b.post("/set", "key", "a", "value", "1").want(200)
	started := b.post("/experiments/born-on-first-write/run", "prediction", "3").want(200, `id="poll"`, "running")
	_, rest, _ := strings.Cut(started.body, `name="run" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	b.post("/experiments/born-on-first-write/result", "run", token).want(200, `id="poll"`)
	b.post("/set", "key", "x", "value", "mine").want(200)
	close(release)
	for n := 0; ; n++ {
		if got := b.post("/experiments/born-on-first-write/result", "run", token).want(200); strings.Contains(got.body, `id="verdict"`) {
			break
		} else if n > 10_000 {
			t.Fatal("the run does not end")
		}
	}
	b.form = formJSON
	b.get("/keys").want(200, `"keys":["a","progress","x"]`)

	// A script that waited for a long run is told that it is not noted yet.
	release = make(chan struct{})
	time.AfterFunc(2*patience, func() { close(release) })
	w := learn(a, "10.0.0.1", "POST", "/experiments/born-on-first-write/run", "prediction=3")
	if w.Header().Get("Set-Cookie") != "" || !strings.Contains(w.Body.String(), `"state":"ended"`) || !strings.Contains(w.Body.String(), `"noted":false`) {
		t.Errorf("%q, %.200s", w.Header(), w.Body)
	}
	w = learn(a, "10.0.0.1", "POST", "/experiments/born-on-first-write/result", "run="+tokenOf(t, w))
	if w.Header().Get("Set-Cookie") == "" || !strings.Contains(w.Body.String(), `"noted":true`) {
		t.Errorf("%q, %.200s", w.Header(), w.Body)
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

// Progress is a key of the learner's own session, and no more than that.
func TestProgress(t *testing.T) {
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formJSON)
	// ran runs an experiment and asks until its end is written down, or could not be.
	ran := func(slug, prediction string) answer {
		t.Helper()
		f := runFoundIn(t, []byte(b.post("/experiments/"+slug+"/run", "prediction", prediction).body))
		for {
			a := b.post("/experiments/"+slug+"/result", "run", f.Run)
			if f = runFoundIn(t, []byte(a.body)); f.State != "running" && (strings.Contains(a.body, `"noted":true`) || f.Remark != "") {
				return a
			}
		}
	}
	b.get("/experiments").want(200)
	b.get("/experiments/born-on-first-write").want(200)
	if b.cookie() != "" {
		t.Fatal("looking made a session")
	}
	ran("born-on-first-write", "3").want(200, `"right":true`)
	value := func() string { return b.get("/get?key=progress").want(200).body }
	if got := value(); !strings.Contains(got, `"value":{"done":[1],"right":[1]}`) {
		t.Errorf("progress is %s", got)
	}
	b.post("/set", "key", "name", "value", "Rahim").want(200)
	ran("change-one-letter", "1").want(200, `"right":false`)
	ran("born-on-first-write", "1").want(200) // once right stays right
	if got := value(); !strings.Contains(got, `"value":{"done":[1,14],"right":[1]}`) {
		t.Errorf("progress is %s", got)
	}
	b.get("/get?key=name").want(200, `"Rahim"`)
	b.get("/experiments").want(200, `"slug":"change-one-letter","title":"Change one letter","done":true,"right":false`)

	// What is no progress is left alone, and said.
	for _, other := range []string{`"mine"`, `[1]`, `{"done":"all"}`, `{"done":[1],"more":1}`, `null`} {
		b.post("/set", "key", "progress", "type", "json", "value", other)
		before := value()
		ran("born-on-first-write", "3").want(200, "holds something other than progress")
		if got := value(); got != before {
			t.Errorf("%s became %s", before, got)
		}
	}
	// Once there is room for it, the same run can be noted.
	f := runFoundIn(t, []byte(ran("born-on-first-write", "3").want(200, `"noted":false`).body))
	b.post("/delete", "key", "progress").want(200)
	b.post("/experiments/born-on-first-write/result", "run", f.Run).want(200, `"noted":true`)
	if got := value(); !strings.Contains(got, `{"done":[1],"right":[1]}`) {
		t.Errorf("progress is %s", got)
	}
	b.post("/set", "key", "progress", "type", "json", "value", `{"done":[99,14,14,-1],"right":[1e9]}`).want(200)
	ran("born-on-first-write", "3").want(200)

	// A session that does not take it: the run is shown all the same, and the session stays.
	b.post("/placement", "placement", "cookie").want(200)
	b.post("/delete", "key", "progress")
	for _, key := range []string{"a", "b", "c"} {
		b.post("/set", "key", key, "value", strings.Repeat("x", 640))
	}
	for n := 600; n > 0; n -= 20 { // full to the brim
		if b.post("/set", "key", "d", "value", strings.Repeat("x", n)).StatusCode == 200 {
			break
		}
	}
	before := b.cookie()
	ran("born-on-first-write", "3").want(200, "Your progress was not kept", "browser's limit", `"happened":3`)
	if b.cookie() != before {
		t.Error("the session changed")
	}
}

// Progress that a session kept before experiments were moved on the shelf counts for the
// experiments that it was kept for. Otherwise learners lose what they have done.
func TestProgressKeptBefore(t *testing.T) {
	b := newBrowser(t, newExperiments(t, nil), formJSON)
	b.post("/set", "key", "progress", "type", "json", "value", `{"done":[1,8,28],"right":[28]}`).want(200)
	kept := map[string]string{"born-on-first-write": "done", "cookie-hybrid-server": "done", "count-to-five": "done and right"}
	items := b.get("/experiments").want(200).json()["experiments"].([]any)
	for i, item := range items {
		e := item.(map[string]any)
		want := kept[e["slug"].(string)]
		if e["done"] != (want != "") || e["right"] != (want == "done and right") || e["number"] != float64(i+1) {
			t.Errorf("experiment %d is shown as %v, and was %q", i+1, e, want)
		}
	}
	if len(items) < 28 {
		t.Errorf("the shelf lists %d experiments", len(items))
	}
}

// What differs is found between whole letters, and never beyond the end.
func TestDiffering(t *testing.T) {
	for _, test := range []struct{ a, b, want string }{
		{"", "", ""}, {"a", "a", ""}, {"", "abc", ""}, {"abcdef", "abXdef", "X"}, {"abcdef", "abcdef!!", "!!"}, {"abcdefgh", "abcgh", ""}, {"xxxxxx", "yyyyyy", ""},
		{"abcd⠀efgh", "abcd⠁efgh", "⠁"}, {"aaaaaa", "aaaaaaa", "a"}, {"⠀⠀⠀⠀", "⠀⠀⠀⠁", "⠁"},
	} {
		from, to := differing(test.a, test.b)
		if got := test.b[from:to]; got != test.want {
			t.Errorf("in %q, after %q, %q differs, want %q", test.b, test.a, got, test.want)
		}
		whole := ""
		for _, p := range split(views.Part{Kind: "t-data", Text: test.b}, from, to, "flip") {
			whole += p.Text
		}
		if whole != test.b {
			t.Errorf("%q is shown as %q", test.b, whole)
		}
	}
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
	b.get(strings.TrimSuffix(shown, "#run")).want(200, `id="verdict"`)
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

// A Redis that answers and refuses a right is not called one that does not answer:
// the run says which right is missing. With the README's rights it runs.
func TestExperimentOverRedisWithFewRights(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	admin := goredis.NewClient(&goredis.Options{Addr: server.Addr})
	defer admin.Close()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, all, _ := strings.Cut(string(readme), "`ACL SETUSER sessionscope ")
	all, _, _ = strings.Cut(all, "`")
	for user, rights := range map[string]string{"few": strings.NewReplacer("~experiment:*", "", "~{experiment:*", "").Replace(all), "all": all} {
		command := []any{"ACL", "SETUSER", user}
		for _, word := range strings.Fields(strings.Replace(rights, ">PASSWORD", ">pw", 1)) {
			command = append(command, word)
		}
		if err := admin.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
		a := newApp(t, func(c *Config) { c.Stores = private.Stores("redis://" + user + ":pw@" + server.Addr) })
		got := newBrowser(t, a, formJSON).post("/experiments/stores-through-a-restart/run", "store", "redis", "placement", "hybrid")
		if user == "all" {
			got.want(200, `"state":"ended"`, "The store Redis").wantNo("error")
			continue
		}
		got.want(200, `"state":"failed"`, "NOPERM", "The Redis answers", "experiment:*").wantNo("does not answer", "Start the store")
	}
}
