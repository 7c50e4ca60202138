package app

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

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

// ran runs an experiment and asks until its end is written down, or could not be.
func ran(b *browser, slug, prediction string) answer {
	b.t.Helper()
	f := runFoundIn(b.t, []byte(b.post("/experiments/"+slug+"/run", "prediction", prediction).body))
	for {
		a := b.post("/experiments/"+slug+"/result", "run", f.Run)
		if f = runFoundIn(b.t, []byte(a.body)); f.State != "running" && (strings.Contains(a.body, `"noted":true`) || f.Remark != "") {
			return a
		}
	}
}

// progressValue is the answer that shows the progress in b's session.
func progressValue(b *browser) string { return b.get("/get?key=progress").want(200).body }

// Progress is a key of the learner's own session, and no more than that.
func TestProgress(t *testing.T) {
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formJSON)
	b.get("/experiments").want(200)
	b.get("/experiments/born-on-first-write").want(200)
	if b.cookie() != "" {
		t.Fatal("looking made a session")
	}
	ran(b, "born-on-first-write", "3").want(200, `"right":true`)
	if got := progressValue(b); !strings.Contains(got, `"value":{"done":[1],"right":[1]}`) {
		t.Errorf("progress is %s", got)
	}
	b.post("/set", "key", "name", "value", "Rahim").want(200)
	ran(b, "change-one-letter", "1").want(200, `"right":false`)
	ran(b, "born-on-first-write", "1").want(200) // once right stays right
	if got := progressValue(b); !strings.Contains(got, `"value":{"done":[1,14],"right":[1]}`) {
		t.Errorf("progress is %s", got)
	}
	b.get("/get?key=name").want(200, `"Rahim"`)
	b.get("/experiments").want(200, `"slug":"change-one-letter","title":"Change one letter","done":true,"right":false`)
}

// Another value under the key of progress is left as it is, and the run says so. Otherwise
// a run destroys what the learner stored.
func TestProgressLeavesOtherValues(t *testing.T) {
	b := newBrowser(t, newExperiments(t, nil), formJSON)
	for _, other := range []string{`"mine"`, `[1]`, `{"done":"all"}`, `{"done":[1],"more":1}`, `null`} {
		b.post("/set", "key", "progress", "type", "json", "value", other)
		before := progressValue(b)
		ran(b, "born-on-first-write", "3").want(200, "holds something other than progress")
		if got := progressValue(b); got != before {
			t.Errorf("%s became %s", before, got)
		}
	}
	// Once there is room for it, the same run can be noted.
	f := runFoundIn(t, []byte(ran(b, "born-on-first-write", "3").want(200, `"noted":false`).body))
	b.post("/delete", "key", "progress").want(200)
	b.post("/experiments/born-on-first-write/result", "run", f.Run).want(200, `"noted":true`)
	if got := progressValue(b); !strings.Contains(got, `{"done":[1],"right":[1]}`) {
		t.Errorf("progress is %s", got)
	}
	b.post("/set", "key", "progress", "type", "json", "value", `{"done":[99,14,14,-1],"right":[1e9]}`).want(200)
	ran(b, "born-on-first-write", "3").want(200)
}

// A session without room for progress stays as it is, and the run is shown all the same.
func TestProgressWithoutRoom(t *testing.T) {
	b := newBrowser(t, newExperiments(t, nil), formJSON)
	ran(b, "born-on-first-write", "3").want(200)
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
	ran(b, "born-on-first-write", "3").want(200, "Your progress was not kept", "browser's limit", `"happened":3`)
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

// While the store does not answer, nobody knows what is done. If this fails, whoever has done some
// experiments reads that none is done.
func TestProgressWithoutStore(t *testing.T) {
	t.Parallel()
	down := false
	h := newApp(t, func(c *Config) {
		c.Sessions.Backend = &storetest.Hooked{Backend: c.Sessions.Backend, Hook: func(context.Context, string) (before, after error) {
			if down {
				return session.ErrDown, nil
			}
			return nil, nil
		}}
	})
	b := newBrowser(t, h, formPage)
	b.post("/set", "key", "a", "value", "1").want(303)
	for path, title := range map[string]string{"/": "Lab", "/experiments": "Experiments", "/experiments/born-on-first-write": "When does a session begin?"} {
		b.get(path).want(200, "0/28").wantNo("?/28", "not known now")
		down = true
		page := b.get(path).want(503, "<title>"+title, "?/28", "not known now").wantNo("0/28", "Nothing done yet", "not done yet")
		down = false
		if path == "/experiments" {
			page.want(503, "The session store does not answer, so nobody knows now what you have done.")
		}
	}
}
