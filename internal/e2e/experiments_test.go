package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// lesson opens the page of an experiment.
func (pg *page) lesson(slug string) {
	pg.t.Helper()
	pg.do(chromedp.Navigate(pg.url+"/experiments/"+slug), chromedp.WaitVisible(chromedp.ID("do-it")))
}

// runByKeys makes a prediction, sets the choices and runs the experiment with the keyboard.
func (pg *page) runByKeys(prediction int, chosen ...string) {
	pg.t.Helper()
	radio := func(group string, wanted string) {
		pg.t.Helper()
		pg.tabTo(group)
		for range 20 {
			if pg.focused() == wanted && eval[bool](pg, `document.activeElement.checked`) {
				return
			}
			if pg.focused() == wanted {
				pg.key(" ")
			} else {
				pg.key(kb.ArrowDown)
			}
		}
		pg.t.Fatalf("%q cannot be chosen by keys", wanted)
	}
	radio("prediction-1", fmt.Sprintf("prediction-%d", prediction))
	for _, id := range chosen {
		name, _, _ := strings.Cut(id, "-")
		radio(eval[string](pg, fmt.Sprintf(`(document.querySelector('[name=%s]:checked') ?? {}).id`, name)), id)
	}
	pg.tabTo("do-it")
	pg.key(kb.Enter)
}

// lessonRun is an experiment as somebody runs it, and what its page must say then.
type lessonRun struct {
	slug       string
	prediction int
	chosen     []string // IDs of radio buttons
	right      bool     // the prediction is
	says       []string
}

var lessonRuns = []lessonRun{
	{"born-on-first-write", 3, nil, true, []string{"from 0 to 1 record"}},
	{"change-one-letter", 1, []string{"edit-letter"}, false, []string{"Signature refused", "role missing"}},
	{"delete-clear-flush", 2, []string{"placement-server"}, true, []string{"Three different things"}},
	{"two-clocks", 1, nil, false, []string{"Only the write moved the idle clock", "a kept cookie was served after 7 h 59 min and refused after 8 h 1 min"}},
	{"cookie-hybrid-server", 3, nil, true, []string{"Found in the Cookie header with placement cookie and hybrid"}},
	{"restart", 3, []string{"secret-new"}, true, []string{"Logged out"}},
	{"signed-is-not-secret", 1, nil, false, []string{"Read without any key"}},
	{"crack-a-weak-secret", 1, nil, true, []string{"Cracked", "user=admin"}},
	{"log-out-then-replay", 1, []string{"engine-hybrid"}, true, []string{"kept copy"}},
	{"fixation", 3, []string{"rotation-on"}, true, []string{"nobody"}},
	{"guess-the-next-id", 3, []string{"generator-random"}, true, []string{"300"}},
	{"two-tabs", 1, []string{"placement-server"}, true, []string{"Both"}},
	{"the-4096-byte-wall", 2, nil, true, []string{"The wall stands between 2,195 and 2,196 bytes", "Nothing was lost"}},
	{"count-to-five", 3, nil, false, []string{"The same session all along"}},
}

// Fourteen experiments work by keyboard alone, in a wide window and on a phone: the page
// says what happened and judges the prediction, and axe-core finds no violation.
func TestExperimentJourneys(t *testing.T) {
	t.Parallel()
	for i, run := range lessonRuns {
		t.Run(run.slug, func(t *testing.T) {
			t.Parallel()
			p := start(t)
			pg := browse(t, p, true)
			width := []int64{1440, 390}[i%2]
			pg.viewport(width, 900)
			pg.runLesson(run)
			if wide := eval[int64](pg, `document.documentElement.scrollWidth`); wide > width {
				t.Errorf("the page is %d px wide, the window %d", wide, width)
			}
			pg.axe("after")
			// Another client reads the progress, with the cookie that the page has left in the jar.
			done := progressBy(t, p, pg.cookie())
			if len(done.Done) != 1 || (len(done.Right) == 1) != run.right {
				t.Errorf("the session's progress is %+v", done)
			}
			pg.shoot("experiment-" + run.slug)
		})
	}
}

// runLesson runs an experiment by keyboard, and checks all that the page says then.
func (pg *page) runLesson(run lessonRun) {
	pg.t.Helper()
	pg.lesson(run.slug)
	pg.axe("before")
	pg.runByKeys(run.prediction, run.chosen...)
	pg.want("#verdict", run.says...)
	if run.right {
		pg.want(".judgement", "That is what you predicted")
	} else {
		pg.want(".judgement", "You predicted")
	}
	pg.want("#predict .happened", "this is what happened")
	pg.want("#progress-count", "1/")
	pg.want("#explain", "so what?", "Sources:")
	if folded := pg.content("#explanation"); !strings.Contains(folded, "What would break this?") {
		pg.t.Errorf("the fold under it says %q", folded)
	}
	pg.wantFocus("after the run", "do-it")
	if eval[int](pg, `[...document.querySelectorAll('#evidence mark.decisive, #evidence mark.flip')].filter(e => e.checkVisibility()).length`) == 0 {
		pg.t.Error("no decisive byte is marked in view")
	}
	if n := eval[int](pg, `document.querySelectorAll('.exchanges a').length`); n > 1 {
		pg.do(chromedp.Focus(chromedp.ID("x1")))
		pg.key(kb.Enter)
		pg.want("#panels", "Exchange 1, of")
		pg.wantFocus("after another exchange was pressed", "x1")
	}
}

// progress is the value of a session's key "progress": the numbers of the experiments that
// it has done, and of those that it has predicted right.
type progress struct{ Done, Right []int }

// progressBy reads the key progress with a copy of a browser's cookie.
func progressBy(t *testing.T, p *program, c *network.Cookie) progress {
	t.Helper()
	if c == nil {
		t.Fatal("the browser has no session")
	}
	var got struct{ Value progress }
	askJSON(t, p.url+"/get?key=progress", &http.Cookie{Name: c.Name, Value: c.Value}, &got)
	return got.Value
}

// experimentCount is how many experiments the shelf lists.
func experimentCount(t *testing.T, p *program) int {
	t.Helper()
	var shelf struct{ Experiments []struct{ Slug string } }
	askJSON(t, p.url+"/experiments", nil, &shelf)
	return len(shelf.Experiments)
}

// askJSON asks for an address in JSON, with a cookie or none, and reads the answer into v.
func askJSON(t *testing.T, url string, c *http.Cookie, v any) {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	if c != nil {
		r.AddCookie(c)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Fatal(err)
	}
}

// The shelf shows which experiments were done. A flush resets that, and says so.
func TestExperimentShelf(t *testing.T) {
	t.Parallel()
	for _, javascript := range []bool{true, false} {
		t.Run(fmt.Sprintf("javascript=%t", javascript), func(t *testing.T) {
			t.Parallel()
			p := start(t)
			pg := browse(t, p, javascript)
			pg.do(chromedp.Click(chromedp.CSS(`header nav a[href^="/experiments"]`)), chromedp.WaitVisible(chromedp.CSS(".cards")))
			pg.want("main", "Nothing done yet", "When does a session begin?", "Change one letter", "The matrix")
			if pg.cookie() != nil {
				t.Error("looking at the shelf made a session")
			}
			pg.shoot("shelf")
			pg.finds(javascript)
			pg.do(chromedp.Click(chromedp.CSS(`.card[href^="/experiments/born-on-first-write"]`)), chromedp.WaitVisible(chromedp.ID("do-it")))
			pg.do(chromedp.Click(chromedp.ID("prediction-3")), chromedp.Click(chromedp.ID("do-it")))
			pg.want("#verdict", "Born on the first write")
			pg.want("#answer", "Born on first write")
			pg.want("#shelf-list a.right", "When does a session begin?", "done, predicted right")
			pg.do(chromedp.Navigate(p.url+"/experiments"), chromedp.WaitVisible(chromedp.CSS(".cards")))
			all := experimentCount(t, p)
			pg.want("#progress-text", fmt.Sprintf("1 of %d done, 1 predicted right", all))
			pg.do(chromedp.Click(chromedp.CSS(`header nav a`)), chromedp.WaitVisible(chromedp.ID("result")))
			pg.want("#progress-count", fmt.Sprint("1/", all))
			pg.want("#server", "progress")
			pg.press("Flush", "flushed", "Your progress through the experiments, 1 done,", "it is gone too")
			pg.want("#progress-count", fmt.Sprint("0/", all))
			pg.do(chromedp.Navigate(p.url+"/experiments"), chromedp.WaitVisible(chromedp.CSS(".cards")))
			pg.want("#progress-text", "Nothing done yet")
		})
	}
}

// finds searches the shelf, on which nothing is done. Without JavaScript there is no search.
func (pg *page) finds(javascript bool) {
	pg.t.Helper()
	const shown = `String([...document.querySelectorAll('.cards > li')].filter(e => e.checkVisibility()).length)`
	if !javascript {
		pg.wantValue(`String(document.getElementById('find').checkVisibility())`, "false")
		return
	}
	all := eval[string](pg, shown)
	for _, test := range []struct{ words, found string }{{"PLANTED", "1"}, {"visitor remember", "1"}, {"born on first", "0"}, {" ", all}} { // the third is an answer
		pg.fill("find", test.words)
		pg.wantValue(shown, test.found)
	}
	pg.want(".cards", "When does a session begin?")
}

// wantReachable checks that a table that is wider than a phone says so, that its last column
// can be scrolled to, and that the names of the rows stay in view then.
func (pg *page) wantReachable(width int64) {
	pg.t.Helper()
	pg.viewport(width, 800)
	pg.want(".sideways", "8 columns: scroll sideways")
	got := eval[string](pg, `(() => {
		const table = document.querySelector('.table.many')
		table.scrollLeft = 9999
		const at = (selector) => [...table.querySelectorAll(selector)].at(-1).getBoundingClientRect(), frame = table.getBoundingClientRect()
		const last = at('thead th'), name = at('tbody th')
		return [document.documentElement.scrollWidth, table.scrollLeft > 0, last.right <= frame.right + 1, name.left >= frame.left - 1, name.right <= last.right - 60].join(' ')
	})()`)
	if want := fmt.Sprint(width, " true true true true"); got != want {
		pg.t.Errorf("at %d px the table is %q, want %q", width, got, want)
	}
}

// A run of some seconds shows a progress bar that moves, with and without JavaScript, and
// counts as done when it ends.
func TestExperimentProgressMoves(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.lesson("matrix")
	eval[chromedp.Void](pg, `window.steps = new Set(), new MutationObserver(() => { const p = document.querySelector('#waiting progress'); if (p) window.steps.add(p.value) }).observe(document.querySelector('#lesson'), {subtree: true, childList: true, attributes: true}), undefined`)
	pg.do(chromedp.Click(chromedp.ID("prediction-1")), chromedp.Click(chromedp.ID("do-it")))
	pg.want("#verdict", " ")
	if n := eval[int](pg, `window.steps.size`); n < 2 {
		t.Errorf("the progress bar showed %d different values", n)
	}
	once := fmt.Sprint("1/", experimentCount(t, p))
	pg.want("#progress-count", once)
	pg.axe("the matrix")
	pg.shoot("experiment-matrix")
	pg.wantReachable(390)
	pg.wantReachable(320)
	pg.do(chromedp.Click(chromedp.ID("do-it")))
	pg.want("#waiting", "running")
	pg.axe("running")

	plain := browse(t, p, false)
	plain.lesson("matrix")
	plain.do(chromedp.Click(chromedp.ID("prediction-1")), chromedp.Click(chromedp.ID("do-it")))
	plain.want("#waiting", "running", "This page looks again every second")
	plain.want("#verdict", " ")
	if c := plain.cookie(); c != nil {
		t.Error("a GET wrote progress")
	}
	plain.do(chromedp.Click(chromedp.ID("note")))
	plain.want("#progress-count", once)
	if got := progressBy(t, p, plain.cookie()); len(got.Done) != 1 || got.Done[0] != 27 {
		t.Errorf("progress is %+v", got)
	}
}

// A learner has at most two runs at once.
func TestExperimentLimit(t *testing.T) {
	t.Parallel()
	p := start(t)
	c := newClient(t, p.url)
	c.do("POST", "/set", url.Values{"key": {"a"}, "value": {"b"}}) // its session makes it one learner
	for n, slug := range []string{"closes-with-the-browser", "secure-on-plain-http", "normal-lax-strict"} {
		status, out, _ := c.do("POST", "/experiments/"+slug+"/run", url.Values{"prediction": {"1"}})
		want := http.StatusAccepted
		if n == 2 {
			want = http.StatusTooManyRequests
		}
		if status != want {
			t.Errorf("run %d: status %d, want %d: %v", n+1, status, want, out)
		}
		if said := fmt.Sprint(out["detail"]); n == 2 && !strings.Contains(said, "“Quit the browser and come back”, “Secure on plain http”") {
			t.Errorf("the refusal says %q", said)
		}
	}
}

// When the program ends, so do its private servers, and none of their folders is left.
func TestExperimentShutdown(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	cmd := exec.Command(binary, "--addr", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+temp)
	p := startCommand(t, cmd)
	folders := func() int {
		found, err := filepath.Glob(filepath.Join(temp, "sessionscope-experiment-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	for range 3 { // learners with a run of each kind; the matrix makes folders for its files
		c := newClient(t, p.url)
		c.do("POST", "/set", url.Values{"key": {"a"}, "value": {"b"}})
		c.do("POST", "/experiments/closes-with-the-browser/run", nil)
		go func() { // nobody waits for its end
			if resp, err := c.http.PostForm(p.url+"/experiments/matrix/run", nil); err == nil {
				resp.Body.Close()
			}
		}()
	}
	if !until(func() bool { return folders() > 0 }) {
		t.Fatal("the control: no folder while they run")
	}
	p.stop(t, syscall.SIGTERM)
	if n := folders(); n != 0 {
		t.Errorf("%d folders are left", n)
	}
}
