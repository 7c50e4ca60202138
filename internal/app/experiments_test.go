package app

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/experiment/private"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// experimentCase is one way to run an experiment, and what must come of it.
type experimentCase struct {
	slug     string
	chosen   string   // the choices, as a form: "placement=cookie&value=x"
	happened int      // the prediction that comes true, counted from 1; 0 for none
	says     []string // in the verdict or the tables
	// waits is how long it waits in real time, at least. With 0 a run that would wait
	// goes on at once.
	waits time.Duration
	// witness looks at what travelled, as somebody between client and server saw it.
	// It says for itself what happened.
	witness func(t *testing.T, seen []seen)
}

// control is an experiment on a server that does not keep its promise: it must say so.
type control struct {
	slug     string
	chosen   string
	happened int // another than without the fault
	handler  func(http.Handler) http.Handler
	store    func(session.Backend) session.Backend
}

// seen is a request to a private server and its answer, as they passed by.
type seen struct {
	host, method, path string // with the query
	form               url.Values
	cookie             string // its session cookie's value, "" for none
	cookies            string // the whole Cookie header
	client             string // the User-Agent
	status             int
	setCookie          string // the first Set-Cookie line, "" for none
	body               string
	answer             map[string]any // the body, if it is a JSON object
}

// value is the value of an answer to /get, "" for a missing one.
func (s seen) value() string { text, _ := s.answer["value"].(string); return text }

// sent is the value of the session cookie that the answer sets, "" for none and for an empty one.
func (s seen) sent() string {
	if c, err := http.ParseSetCookie(s.setCookie); err == nil {
		return c.Value
	}
	return ""
}

// witness stands before each private server and writes down what passes.
type witness struct {
	mu   sync.Mutex
	seen []seen
}

func (w *witness) wrap(_ string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		s := seen{host: r.Host, method: r.Method, path: r.URL.RequestURI(), cookies: r.Header.Get("Cookie"), client: r.UserAgent()}
		s.form, _ = url.ParseQuery(string(body))
		if c, err := r.Cookie(experiment.CookieName); err == nil {
			s.cookie = c.Value
		}
		copied := &copying{ResponseWriter: rw, status: http.StatusOK}
		next.ServeHTTP(copied, r)
		s.status, s.setCookie, s.body = copied.status, copied.sent, copied.body.String()
		_ = json.Unmarshal(copied.body.Bytes(), &s.answer)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, s)
	})
}

// copying is a ResponseWriter that keeps what is written.
type copying struct {
	http.ResponseWriter
	status int
	wrote  bool
	sent   string
	body   bytes.Buffer
}

func (c *copying) WriteHeader(status int) {
	if !c.wrote {
		c.wrote, c.status, c.sent = true, status, c.Header().Get("Set-Cookie")
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *copying) Write(p []byte) (int, error) {
	if !c.wrote {
		c.WriteHeader(http.StatusOK)
	}
	c.body.Write(p)
	return c.ResponseWriter.Write(p)
}

func (c *copying) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// found is the JSON of a run.
type foundJSON struct {
	State, Tone, Verdict, Error, Remark string
	Run                                 string
	Happened, Prediction                int
	Right                               *bool
	Tables                              []experiment.Table
	Exchanges                           []sentJSON
}

// all is everything that was found, in words.
func (f foundJSON) all() string {
	var b strings.Builder
	b.WriteString(f.Verdict)
	for _, t := range f.Tables {
		b.WriteString("\n" + t.Caption + "\n" + strings.Join(t.Head, " | "))
		for _, row := range t.Rows {
			b.WriteString("\n" + strings.Join(row, " | "))
		}
	}
	return b.String()
}

// noWait is a wait that is over.
func noWait(time.Duration) <-chan time.Time {
	over := make(chan time.Time)
	close(over)
	return over
}

// newExperiments returns an application for experiments, whose runs do not wait in
// real time. change may put something between, or be nil.
func newExperiments(t testing.TB, change func(*experiment.Config)) *App {
	t.Helper()
	a := newApp(t, nil)
	a.experiments.Close()
	cfg := experiment.Config{Boot: a.bootPrivate, Stores: private.Stores(redistest.Database(t)), Log: a.cfg.Log, After: noWait}
	if change != nil {
		change(&cfg)
	}
	a.experiments = experiment.NewRunner(cfg)
	return a
}

// runFor runs an experiment over HTTP, as a script would, and waits for its end.
func runFor(t testing.TB, h http.Handler, slug, form string) foundJSON {
	t.Helper()
	send := func(path, form string) foundJSON {
		r := httptest.NewRequest("POST", origin+"/experiments/"+slug+path, strings.NewReader(form))
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Content-Type", formType)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var f foundJSON
		if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || w.Code >= 300 {
			t.Fatalf("%s %s: status %d: %s", slug, form, w.Code, w.Body)
		}
		return f
	}
	f := send("/run", form)
	for f.State == "running" {
		f = send("/result", "run="+f.Run)
	}
	return f
}

func runFoundIn(t testing.TB, body []byte) (f foundJSON) {
	t.Helper()
	if err := json.Unmarshal(body, &f); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return f
}

// runCases runs cases, each with a witness of its own.
func runCases(t *testing.T, cases []experimentCase) {
	t.Parallel()
	for _, c := range cases {
		t.Run(c.slug+"?"+c.chosen, func(t *testing.T) {
			var w witness
			a := newExperiments(t, func(cfg *experiment.Config) {
				cfg.WrapHandler = w.wrap
				if c.waits > 0 {
					cfg.After = nil
				}
			})
			began := time.Now()
			f := runFor(t, a, c.slug, c.chosen)
			if took := time.Since(began); took < c.waits {
				t.Errorf("it took %v, and waits for %v", took, c.waits)
			}
			if f.State != "ended" || f.Error != "" {
				t.Fatalf("state %q, %s", f.State, f.Error)
			}
			if f.Happened != c.happened {
				t.Errorf("prediction %d came true, want %d: %s", f.Happened, c.happened, f.all())
			}
			for _, words := range c.says {
				if !strings.Contains(f.all(), words) {
					t.Errorf("it does not say %q: %s", words, f.all())
				}
			}
			if len(w.seen) == 0 {
				t.Fatal("nothing travelled")
			}
			c.witness(t, w.seen)
		})
	}
}

// runControls runs experiments on servers with a fault: the verdict must be another.
func runControls(t *testing.T, controls []control) {
	t.Parallel()
	sound := make(map[string]foundJSON)
	for _, c := range controls {
		t.Run(c.slug+"?"+c.chosen, func(t *testing.T) {
			way := c.slug + "?" + c.chosen
			if _, ok := sound[way]; !ok {
				sound[way] = runFor(t, newExperiments(t, nil), c.slug, c.chosen)
			}
			well := sound[way]
			a := newExperiments(t, func(cfg *experiment.Config) {
				if c.handler != nil {
					cfg.WrapHandler = func(_ string, h http.Handler) http.Handler { return c.handler(h) }
				}
				if c.store != nil {
					cfg.WrapStore = func(_ string, b session.Backend) session.Backend { return c.store(b) }
				}
			})
			f := runFor(t, a, c.slug, c.chosen)
			if f.State != "ended" {
				t.Fatalf("state %q, %s", f.State, f.Error)
			}
			if f.Happened != c.happened || f.Happened == well.Happened || f.Verdict == well.Verdict {
				t.Errorf("with the fault prediction %d came true, want %d, and without it %d: %s", f.Happened, c.happened, well.Happened, f.all())
			}
		})
	}
}

var sentenceEnd = regexp.MustCompile(`[.?!]( |$)`)

// Every experiment is run in every variant, and has a control.
func TestExperimentsAreCovered(t *testing.T) {
	run, controlled := make(map[string]bool), make(map[string]bool)
	for _, c := range slices.Concat(lifeCases, whereCases, forgeryCases, theftCases, parallelCases, matrixCases) {
		run[c.slug+"?"+c.chosen] = true
	}
	for _, c := range slices.Concat(lifeControls, whereControls, forgeryControls, theftControls, parallelControls, matrixControls) {
		controlled[c.slug] = true
	}
	for _, section := range newApp(t, nil).shelf.Sections() {
		for _, e := range section.Experiments {
			if n := len(e.Predictions); n < 2 || n > 4 {
				t.Errorf("%s has %d predictions", e.Slug, n)
			}
			if n := len(sentenceEnd.FindAllString(strings.Join(e.Explain, " "), -1)); n < 3 || n > 6 {
				t.Errorf("%s is explained in %d sentences", e.Slug, n)
			}
			if e.Breaks == "" || len(e.Sources) == 0 || e.Lead == "" || e.Does == "" {
				t.Errorf("%s lacks a text", e.Slug)
			}
			if e.Live != nil {
				continue // experimentlive_test.go runs it, and a browser's journey
			}
			variants := []url.Values{{}}
			for _, c := range e.Choices {
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
			for _, v := range variants {
				if !run[e.Slug+"?"+v.Encode()] {
					t.Errorf("no case runs %s?%s", e.Slug, v.Encode())
				}
			}
			if !controlled[e.Slug] {
				t.Errorf("%s has no control", e.Slug)
			}
		}
	}
}
