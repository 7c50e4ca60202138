package shelf_test

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sessionscope/sessionscope/internal/app"
	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/experiment/private"
	"github.com/sessionscope/sessionscope/internal/experiment/shelf"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// proof is why an experiment can be believed: every variant of it was run and watched
// from outside, and on a server with a fault it says something else.
type proof struct {
	slug     string
	cases    []testCase
	controls []control
	// otherwise are predictions that another test makes true: no fault of a server would.
	otherwise []string
}

// testCase is one way to run an experiment, and what must come of it.
type testCase struct {
	chosen   string   // the choices, as a form: "placement=cookie&value=x"
	happened string   // the prediction that comes true
	says     []string // in the verdict or the tables
	// waits is how long the run waits in real time, at least. With 0 a run that would wait
	// goes on at once.
	waits time.Duration
	// witness looks at what travelled, as somebody between client and server saw it.
	// It says for itself what happened.
	witness func(t *testing.T, seen []seen)
}

// control is a run on a server that does not keep its promise.
type control struct {
	chosen   string
	happened string // another prediction than without the fault
	says     string // in the verdict or the tables
	handler  func(http.Handler) http.Handler
	store    func(session.Backend) session.Backend
}

// run runs the cases and the controls. When a case fails, learners are told what did not
// happen; when a control fails, a server with a fault passes for a sound one.
func (p proof) run(t *testing.T) {
	t.Parallel()
	p.wantVariants(t)
	p.wantPredictions(t)
	for _, c := range p.cases {
		t.Run(c.chosen, func(t *testing.T) { c.run(t, p.slug) })
	}
	sound := make(map[string]found)
	for _, c := range p.controls {
		t.Run("control?"+c.chosen, func(t *testing.T) {
			if _, ran := sound[c.chosen]; !ran {
				sound[c.chosen] = run(t, p.slug, c.chosen, nil)
			}
			c.run(t, p.slug, sound[c.chosen])
		})
	}
}

// wantVariants checks that each combination of choices has a case, and that there is a
// control.
func (p proof) wantVariants(t *testing.T) {
	t.Helper()
	variants := []url.Values{{}}
	for _, c := range lookUp(t, p.slug).Choices {
		var more []url.Values
		for _, v := range variants {
			for _, o := range c.Options {
				with := maps.Clone(v)
				with.Set(c.Name, o.Name)
				more = append(more, with)
			}
			if len(c.Options) == 0 {
				more = append(more, v)
			}
		}
		variants = more
	}
	ran := make(map[string]bool)
	for _, c := range p.cases {
		ran[c.chosen] = true
	}
	for _, v := range variants {
		if !ran[v.Encode()] {
			t.Errorf("no case runs %s?%s", p.slug, v.Encode())
		}
	}
	if len(p.controls) == 0 {
		t.Errorf("%s has no control", p.slug)
	}
}

// wantPredictions checks that each prediction comes true in a case or a control.
func (p proof) wantPredictions(t *testing.T) {
	t.Helper()
	came := make(map[string]bool)
	for _, name := range p.otherwise {
		came[name] = true
	}
	for _, c := range p.cases {
		came[c.happened] = true
	}
	for _, c := range p.controls {
		came[c.happened] = true
	}
	for _, prediction := range lookUp(t, p.slug).Predictions {
		if !came[prediction.Name] {
			t.Errorf("%s: the prediction %s comes true in no case and no control", p.slug, prediction.Name)
		}
	}
}

func (c testCase) run(t *testing.T, slug string) {
	var w witness
	began := time.Now()
	f := run(t, slug, c.chosen, func(cfg *experiment.Config) {
		cfg.WrapHandler = w.wrap
		if c.waits > 0 {
			cfg.After = nil
		}
	})
	if took := time.Since(began); took < c.waits {
		t.Errorf("it took %v, and waits for %v", took, c.waits)
	}
	f.want(t, c.happened, c.says...)
	if len(w.seen) == 0 {
		t.Fatal("the witness saw no request")
	}
	c.witness(t, w.seen)
}

// run runs c. sound is what the same experiment finds without the fault.
func (c control) run(t *testing.T, slug string, sound found) {
	f := run(t, slug, c.chosen, func(cfg *experiment.Config) {
		if c.handler != nil {
			cfg.WrapHandler = func(_ string, h http.Handler) http.Handler { return c.handler(h) }
		}
		if c.store != nil {
			cfg.WrapStore = func(_ string, b session.Backend) session.Backend { return c.store(b) }
		}
	})
	f.want(t, c.happened, c.says)
	if f.Outcome.Happened == sound.Outcome.Happened || f.Outcome.Verdict == sound.Outcome.Verdict {
		t.Errorf("the fault changes nothing: %s", f.words())
	}
}

// lookUp returns the experiment with that slug.
func lookUp(t testing.TB, slug string) experiment.Experiment {
	t.Helper()
	all, err := shelf.Open()
	if err != nil {
		t.Fatal(err)
	}
	e, ok := all.Find(slug)
	if !ok {
		t.Fatalf("there is no experiment %s", slug)
	}
	return e
}

// newRunner returns a Runner whose private instances are instances of the application. Its
// runs do not wait in real time. change may put something between, or be nil.
func newRunner(t testing.TB, change func(*experiment.Config)) *experiment.Runner {
	t.Helper()
	stores := private.Stores(redistest.Database(t))
	lab, err := app.New(app.Config{
		Sessions: session.Config{
			Backend: memory.New(memory.Config{MaxSessions: 100}), CookieName: "sessionscope", Secrets: [][]byte{session.NewSecret()},
		},
		StoreName: "memory", Hosts: app.Hosts{"127.0.0.1:8080": true}, Assets: os.DirFS("../../../web"), Version: "test", Licence: "none",
		Log: slog.New(slog.DiscardHandler), Stores: stores, Seats: 32,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lab.Close)
	cfg := experiment.Config{Boot: lab.BootPrivate, Stores: stores, Log: slog.New(slog.DiscardHandler), After: noWait, Limit: 2 * time.Minute}
	if change != nil {
		change(&cfg)
	}
	rn := experiment.NewRunner(cfg)
	t.Cleanup(rn.Close)
	return rn
}

// noWait is a wait that is over.
func noWait(time.Duration) <-chan time.Time {
	over := make(chan time.Time)
	close(over)
	return over
}

// start starts a run. chosen are the choices, as a form.
func start(t testing.TB, slug, chosen string, change func(*experiment.Config)) *experiment.Run {
	t.Helper()
	form, err := url.ParseQuery(chosen)
	if err != nil {
		t.Fatal(err)
	}
	e := lookUp(t, slug)
	choices, err := e.Choose(func(name string) (string, bool) { return form.Get(name), form.Has(name) })
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRunner(t, change).Start(e, "Ada", "10.0.0.1", experiment.None, choices, "/experiments/"+slug)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// run runs an experiment to its end. chosen are the choices, as a form.
func run(t testing.TB, slug, chosen string, change func(*experiment.Config)) found {
	t.Helper()
	r := start(t, slug, chosen, change)
	if !r.Wait(t.Context(), time.Minute) {
		t.Fatal("the run did not end")
	}
	return found{r.Found()}
}

// choosing is a form of names and values in turn.
func choosing(words ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(words); i += 2 {
		v.Set(words[i], words[i+1])
	}
	return v.Encode()
}

// found is what a run found.
type found struct{ experiment.Found }

// words are the verdict and the tables as a page shows them, without their markup.
func (f found) words() string {
	var b strings.Builder
	b.WriteString(show.Plain(f.Outcome.Verdict))
	for _, t := range f.Outcome.Tables {
		b.WriteString("\n" + t.Caption + "\n" + t.Note + "\n" + strings.Join(t.Head, " | "))
		for _, row := range t.Rows {
			var cells []string
			for _, cell := range row {
				cells = append(cells, show.Plain(cell))
			}
			b.WriteString("\n" + strings.Join(cells, " | "))
		}
	}
	return b.String()
}

// want checks that the prediction came true, and that what was found says all of that.
func (f found) want(t testing.TB, happened string, says ...string) {
	t.Helper()
	if f.Err != nil {
		t.Fatal(f.Err)
	}
	if f.Outcome.Happened != happened {
		t.Errorf("the prediction %q came true, want %q: %s", f.Outcome.Happened, happened, f.words())
	}
	for _, words := range says {
		if !strings.Contains(f.words(), words) {
			t.Errorf("it does not say %q: %s", words, f.words())
		}
	}
}

// Every experiment has a test file of its own that proves it. Experiments in which
// the learner's own browser takes part have tests of their own kind there. Otherwise an
// experiment can be wrong and nobody sees it.
func TestEveryExperimentIsProved(t *testing.T) {
	all, err := shelf.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all.All() {
		name := strings.ReplaceAll(e.Slug, "-", "_") + "_test.go"
		text, err := os.ReadFile(name)
		if err != nil {
			t.Error(err)
			continue
		}
		want := fmt.Sprintf("slug: %q", e.Slug)
		if e.Live != nil {
			want = fmt.Sprintf("%q", e.Slug)
		}
		if !strings.Contains(string(text), want) {
			t.Errorf("%s has no %s", name, want)
		}
	}
}
