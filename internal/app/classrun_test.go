package app

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// held makes private servers wait at their first request until it is let go.
type held struct {
	begun, goOn chan struct{}
	once        sync.Once
	servers     atomic.Int32
}

func (h *held) wrap(next http.Handler) http.Handler {
	h.servers.Add(1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.once.Do(func() { close(h.begun) })
		<-h.goOn
		next.ServeHTTP(w, r)
	})
}

// runOfClass returns where the class's run is seen, below a base.
func (w *askedWorld) runOfClass() string {
	w.Helper()
	run, _ := w.class.run.of(w.class.together.Present().Question.N)
	if run == nil {
		w.Fatal("there is no run")
	}
	return "/experiments/" + asks + "?run=" + run.Token
}

// A run would be seen before it is revealed, would not be found by a phone afterwards, or its page would
// lead a phone to the teacher's lab.
func TestRevealedRunIsForTheClass(t *testing.T) {
	t.Parallel()
	h := &held{begun: make(chan struct{}), goOn: make(chan struct{})}
	w := askWorld(t, h.wrap)
	w.teacher.post("/classroom/open", "slug", asks).want(200)
	w.answers(2, 1)
	w.teacher.post("/classroom/reveal").want(200, `"phase":"running"`)
	<-h.begun
	at := w.runOfClass()
	phone, base := w.phones[0], w.bases[0]
	for who, look := range map[string]func() answer{
		"a phone": func() answer { return phone.get(base + at) }, "the teacher": func() answer { return w.teacher.get(at) },
	} {
		if a := look(); a.StatusCode != 404 || strings.Contains(a.body, "22 reads") {
			t.Errorf("before the reveal %s gets %d", who, a.StatusCode)
		}
	}
	w.teacher.post("/classroom/reveal").want(409, "runs already")
	close(h.goOn)
	waitFor(t, func() bool { return w.class.together.Present().Question.Result != nil })

	page := phone.get(base+at).want(200, "All 22 reads", "the run that the class was shown", "That is what you predicted", base+at+"&amp;at=1").wantNo(`"/experiments`, "Write it into my progress")
	if n := strings.Count(page.body, base+at+"&amp;at="); n < 20 {
		t.Errorf("the page has %d exchanges", n)
	}
	phone.get(base+at+"&at=3").want(200, "All 22 reads")
	w.phones[1].get(w.bases[1]+at).want(200, "You predicted: It fails with an error")
	w.phones[2].get(w.bases[2]+at).want(200).wantNo("predicted it", "You made no prediction", "That is what you predicted")
	phone.post(base+"/experiments/"+asks+"/result", "run", at[strings.LastIndex(at, "=")+1:]).want(303)
	phone.get(base+"/experiments").want(200, "Nothing done yet")
	w.phone().get(at).want(303)
	w.teacher.get(at).want(200, `"happened":2`, `"noted":false`)
	w.teacher.form = formPage
	w.teacher.get(at).want(200, "All 22 reads").wantNo("You made no prediction")
	w.teacher.get("/classroom").want(200, at)
	w.teacher.post("/classroom/done").want(303)
	w.teacher.get(at).want(404)
	phone.get(base + at).want(404)
}

// Two presses of Reveal at the same moment would run the experiment twice.
func TestRevealRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &held{begun: make(chan struct{}), goOn: make(chan struct{})}
		close(h.goOn)
		w := askWorld(t, h.wrap)
		w.teacher.post("/classroom/open", "slug", asks).want(200)
		var begun, refused atomic.Int32
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				switch w.teacher.send(w.teacher.request("POST", "/classroom/reveal", "n=1")).StatusCode {
				case 200:
					begun.Add(1)
				case 409:
					refused.Add(1)
				}
			})
		}
		all.Wait()
		w.result()
		if begun.Load() != 1 || refused.Load() != 7 || h.servers.Load() != 1 {
			t.Errorf("%d presses began a run, %d were refused, %d servers were started", begun.Load(), refused.Load(), h.servers.Load())
		}
	})
}

// The result of the class would be forgotten while its question stands, as results of learners are.
func TestRevealedRunStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := askWorld(t, nil)
		w.teacher.post("/classroom/open", "slug", asks).want(200)
		w.teacher.post("/classroom/reveal").want(200)
		w.result()
		at := w.runOfClass()
		time.Sleep(3 * experiment.KeepFor)
		w.clock.Move(3 * experiment.KeepFor)
		for range 20 { // the teacher's own runs need room
			w.teacher.post("/experiments/" + asks + "/run").want(200)
		}
		w.phones[0].get(w.bases[0]+at).want(200, "All 22 reads", "&amp;at=1")
		w.teacher.form = formPage
		w.teacher.get("/classroom").want(200, "run on this machine at ").wantNo("just now")
	})
}

// A run that fails would show something that was not computed, or could not be tried again.
func TestFailedRunCanBeRevealedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := askWorld(t, nil)
		w.app.experiments.Close()
		w.app.experiments = experiment.NewRunner(experiment.Config{
			Boot: func(experiment.AppConfig) (experiment.App, error) { return nil, errors.New("no room") }, Stores: w.app.cfg.Stores, Log: w.app.cfg.Log,
		})
		w.teacher.post("/classroom/open", "slug", asks).want(200)
		w.answers(2)
		w.teacher.post("/classroom/reveal").want(200)
		synctest.Wait()
		w.teacher.get("/classroom").want(200, `"phase":"closed"`, "The run could not be done: no room.").wantNo("counts", "happened")
		w.teacher.form = formPage
		w.teacher.get("/classroom").want(200, "Not done.", "Nothing was revealed", "Run it again and reveal").wantNo("What you predicted")
		w.spoil(nil)
		w.teacher.form = formJSON
		w.teacher.post("/classroom/reveal").want(200)
		if r := w.result(); r["happened"] != 2.0 || fmt.Sprint(r["counts"]) != "[0 1 0]" {
			t.Errorf("the second run gave %v", r)
		}
		w.teacher.get("/classroom").wantNo("no room")
	})
}

// After a crash of the program at any moment a question would be lost, or a run would be said to go on
// that nobody does.
func TestQuestionOutlivesTheProgram(t *testing.T) {
	for _, phase := range []string{"open", "closed", "running", "revealed", "done"} {
		t.Run(phase, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := askWorld(t, nil)
				w.teacher.post("/classroom/open", "slug", asks).want(200)
				w.answers(2, 2)
				w.teacher.post("/classroom/hands", "hands", "1", "hands", "", "hands", "").want(200)
				if phase != "open" {
					w.teacher.post("/classroom/close").want(200)
				}
				switch phase {
				case "running":
					if _, err := w.class.together.BeginRun(t.Context(), 1); err != nil {
						t.Fatal(err)
					}
				case "revealed", "done":
					w.teacher.post("/classroom/reveal").want(200)
					w.result()
				}
				if phase == "done" {
					w.teacher.post("/classroom/done").want(200)
				}
				after := &askedWorld{classWorld: classWorldBefore(t, nil)} // the first one is not closed
				after.documents = w.documents
				if err := after.app.OpenClass(t.Context()); err != nil {
					t.Fatal(err)
				}
				after.class = after.app.openClass()
				after.teacher.get(after.app.TeacherLink()).want(303)
				after.teacher.form = formJSON
				after.bases = w.bases
				after.seesAfterCrash(phase)
			})
		})
	}
}

// seesAfterCrash is what the board and programs see of the question after a crash in that phase.
func (w *askedWorld) seesAfterCrash(phase string) {
	w.Helper()
	switch phase {
	case "done":
		w.teacher.get("/classroom").want(200, `"question":null`)
		return
	case "open":
		w.teacher.get("/classroom").want(200, `"phase":"open"`, `"answered":2`)
		w.answers(1)
		w.teacher.post("/classroom/reveal", "n", "1").want(200)
	case "closed", "running":
		w.teacher.get("/classroom").want(200, `"phase":"closed"`, `"answered":2`, `"hands":[1,0,0]`).wantNo("counts")
		w.teacher.post("/classroom/reveal", "n", "1").want(200)
	case "revealed":
		r := w.result()
		if _, there := r["run"]; there || r["happened"] != 2.0 || fmt.Sprint(r["counts"]) != "[0 2 0]" {
			w.Errorf("the result is %v", r)
		}
		w.teacher.form = formPage
		w.teacher.get("/classroom").want(200, "2 of 2 foretold it, and 0 of 1 raised hand.", "the exchanges of this run are gone").wantNo("Look at every byte")
		w.phone().get(w.bases[0]+"/class").want(200, "You foretold it", "the exchanges of this run are gone").wantNo("Look at every byte")
		return
	}
	want := "[0 2 0]"
	if phase == "open" {
		want = "[1 1 0]"
	}
	if r := w.result(); fmt.Sprint(r["counts"]) != want || r["happened"] != 2.0 || r["run"] == nil {
		w.Errorf("revealed after the crash: %v", r)
	}
}
