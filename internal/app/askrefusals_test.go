package app

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// A press with a wrong field, or at the wrong moment, would change something, or not say what is wrong.
func TestAskIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := askWorld(t, nil)
		refused := func(status int, words, act string, pairs ...string) {
			t.Helper()
			before := w.class.together.Present()
			w.teacher.post("/classroom/"+act, pairs...).want(status, words, "Nothing was changed")
			if after := w.class.together.Present(); after != before {
				t.Errorf("%s %q changed something", act, pairs)
			}
		}
		for _, act := range []string{"close", "reveal"} {
			refused(409, "Nothing is asked now", act)
		}
		refused(409, "Nothing is asked now", "hands", "hands", "1")
		refused(422, `The field \"slug\" names an experiment`, "open")
		refused(422, `\"nothing\" is none`, "open", "slug", "nothing")
		refused(422, `There is no field \"color\": Ask for a key that is not there has the choices key.`, "open", "slug", asks, "color", "red")
		refused(422, `There is no field \"key\"`, "open", "slug", "born-on-first-write", "key", "a")
		refused(422, "that is none of", "open", "slug", "log-out-then-replay", "engine", "x")
		refused(422, "at most 60 are allowed", "open", "slug", asks, "key", strings.Repeat("k", 61))
		for _, limit := range []string{"0", "-1", "3601", "x", "1e3"} {
			refused(422, `The field \"limit\"`, "open", "slug", asks, "limit", limit)
		}
		w.teacher.post("/classroom/open", "slug", asks, "limit", "30").want(200, `"until":`)
		for _, act := range []string{"close", "reveal", "done", "hands"} {
			pairs := []string{"n", "7"}
			if act == "hands" {
				pairs = append(pairs, "hands", "1", "hands", "1", "hands", "1")
			}
			refused(409, "Another question is asked meanwhile", act, pairs...)
			refused(422, `The field \"n\"`, act, "n", "x")
		}
		w.teacher.post("/classroom/close", "n", "1").want(200)
		refused(409, "closed already", "close", "n", "1")
		w.teacher.post("/classroom/reveal").want(200)
		w.result()
		refused(409, "revealed already", "reveal")
		refused(409, "closed already", "close")
	})
}

// An experiment that the program's own clients drive could not be asked, or one that needs each learner's
// own browser would be asked as if it had one result.
func TestEveryExperimentIsAskedOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	w := askWorld(t, nil)
	page := w.guest(origin, w.teacher.remote)
	page.jar = w.teacher.jar
	alone := 0
	for _, e := range w.app.shelf.All() {
		if e.Run == nil {
			alone++
			w.teacher.post("/classroom/open", "slug", e.Slug).want(422, "Each phone runs it from its own list of experiments")
			page.get("/classroom?ask="+e.Slug).want(200, "The class cannot be asked this", "/experiments/"+e.Slug).wantNo(`action="/classroom/open"`)
			continue
		}
		body := page.get("/classroom?ask="+e.Slug).want(200, `action="/classroom/open"`, `name="slug" value="`+e.Slug+`"`, `name="limit" value="300"`).body
		for _, choice := range e.Choices {
			if !strings.Contains(body, `name="`+choice.Name+`"`) {
				t.Errorf("%s: the form has no %s", e.Slug, choice.Name)
			}
		}
		w.teacher.post("/classroom/open", "slug", e.Slug).want(200, `"phase":"open"`, e.Slug)
	}
	if alone != 3 {
		t.Errorf("%d experiments are not asked", alone)
	}
	if past := w.class.together.Past(); len(past) != 24 {
		t.Errorf("%d questions were finished by the next one", len(past))
	}
	page.form = formFragment
	page.get("/classroom?ask="+asks).want(200, `hx-target="#ask-chosen"`, "Open</button>").wantNo("<html")
	page.get("/classroom?ask=").want(200, `hx-target="#ask-chosen"`).wantNo("Open</button>")
}

// A phase would reach the board or the beamer late, or the beamer would name somebody or tell what was
// answered before the reveal.
func TestBoardAndBeamerAreToldOfEachPhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := askWorld(t, nil)
		var names []string
		for _, base := range w.bases {
			s := w.seatAt(base)
			names = append(names, s.Nickname, s.Code, s.Name, s.Place())
		}
		board, screen := w.teacher.stream("/classroom/events"), w.teacher.stream("/classroom/events?part=screen")
		phone := w.phones[0].stream(w.bases[0] + "/class/events?p%61ge=class") // guests take "page=" for a proof
		was := [2]int{}
		told := func(what string, words ...string) {
			t.Helper()
			synctest.Wait() // the clock stands still: what is told is told at once
			for i, s := range []*guestStream{board, screen} {
				news := s.told.String()[was[i]:]
				was[i] += len(news)
				for _, word := range words {
					if !strings.Contains(news, word) {
						t.Errorf("%s: stream %d is not told %q", what, i, word)
					}
				}
				for _, name := range names {
					if i == 1 && strings.Contains(news, name) {
						t.Errorf("%s: the beamer is told %q", what, name)
					}
				}
				if what != "revealed" && strings.Contains(news, "What you predicted") {
					t.Errorf("%s: the reveal is told", what)
				}
			}
		}
		told("nothing")
		w.teacher.post("/classroom/open", "slug", asks, "limit", "60").want(200)
		told("open", "Ask for a key that is not there", "<b>0 of 3</b> have answered", "It answers as usual, says", "data-until=")
		w.answers(1, 2)
		time.Sleep(boardRest)
		told("answered", "<b>2 of 3</b> have answered")
		w.teacher.post("/classroom/close").want(200)
		told("closed", "closed")
		w.teacher.post("/classroom/reveal").want(200)
		told("revealed", "The experiment runs now.", "What you predicted", "2 of 3 answered, no names", "1 of 2 foretold it.", "All 22 reads")
		if news := phone.told.String(); !strings.Contains(news, "All 22 reads") || !strings.Contains(news, w.bases[0]+w.runOfClass()) {
			t.Errorf("a phone is told %q", news)
		}
		if err := w.class.together.Pause(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if news := screen.told.String()[was[1]:]; !strings.Contains(news, "Eyes up") || !strings.Contains(news, "1 of 2 foretold it.") {
			t.Error("the beamer is not told of the pause, or has lost what the teacher speaks of")
		}
		if err := w.class.together.Pause(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		was = [2]int{len(board.told.String()), len(screen.told.String())}
		w.teacher.post("/classroom/done").want(200)
		synctest.Wait()
		if news := screen.told.String()[was[1]:]; !strings.Contains(news, "Join the class") {
			t.Errorf("after Done the beamer is told %q", news)
		}
	})
}

// The time of a question would end on the board and not for an answer, or the other way round.
func TestQuestionClosesByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := askWorld(t, nil)
		w.teacher.post("/classroom/open", "slug", asks, "limit", "30").want(200)
		w.clock.Move(29 * time.Second)
		w.answers(1)
		w.clock.Move(time.Second)
		if err := w.class.together.Answer(t.Context(), w.seatAt(w.bases[1]).ID, 1, 1); err != classroom.ErrNotOpen {
			t.Errorf("an answer after the time: %v", err)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		w.teacher.get("/classroom").want(200, `"phase":"closed"`, `"answered":1`)
	})
}
