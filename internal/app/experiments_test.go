package app

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/experiment/private"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

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
		b.WriteString("\n" + t.Caption + "\n" + t.Note + "\n" + strings.Join(t.Head, " | "))
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
	cfg := experiment.Config{Boot: a.BootPrivate, Stores: private.Stores(redistest.Database(t)), Log: a.cfg.Log, After: noWait, Limit: 2 * time.Minute}
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

// ended returns the page of a run that has ended, with more in its query. While the run goes on,
// the page names the address that looks again.
func (b *browser) ended(address, more string) answer {
	b.t.Helper()
	for {
		page := b.get(address + more).want(200)
		_, again, running := strings.Cut(page.body, `http-equiv="refresh" content="1;url=`)
		if !running {
			return page
		}
		again, _, _ = strings.Cut(again, "#run")
		address = html.UnescapeString(again)
	}
}

func runFoundIn(t testing.TB, body []byte) (f foundJSON) {
	t.Helper()
	if err := json.Unmarshal(body, &f); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return f
}
