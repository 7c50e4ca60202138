package app

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// askedWorld is a class of three phones whose runs a test can spoil.
type askedWorld struct {
	*classWorld
	phones [3]*guest
	bases  [3]string
}

// askWorld opens a class. wrap stands before each private server of a run; it may be nil.
func askWorld(t testing.TB, wrap func(http.Handler) http.Handler) *askedWorld {
	t.Helper()
	w := &askedWorld{classWorld: openBoard(t)}
	w.spoil(wrap)
	w.teacher.form = formJSON
	for i := range w.phones {
		w.phones[i] = w.phone()
		w.bases[i], _ = w.sit(w.phones[i])
	}
	return w
}

// spoil has wrap stand before each private server of the runs to come.
func (w *askedWorld) spoil(wrap func(http.Handler) http.Handler) {
	w.app.experiments.Close()
	cfg := experiment.Config{Boot: w.app.BootPrivate, Stores: w.app.cfg.Stores, Log: w.app.cfg.Log}
	if wrap != nil {
		cfg.WrapHandler = func(_ string, h http.Handler) http.Handler { return wrap(h) }
	}
	w.app.experiments = experiment.NewRunner(cfg)
}

// answers has the phones answer, in their order; 0 is no answer.
func (w *askedWorld) answers(answers ...int) {
	w.Helper()
	for i, answer := range answers {
		if answer == 0 {
			continue
		}
		if err := w.class.together.Answer(w.Context(), w.seatAt(w.bases[i]).ID, w.class.together.Present().Question.N, answer); err != nil {
			w.Fatal(err)
		}
	}
}

// question returns the question as programs are told.
func (w *askedWorld) question() map[string]any {
	w.Helper()
	q, _ := w.teacher.get("/classroom").want(200).json()["question"].(map[string]any)
	return q
}

// result returns what came of the question, once it is revealed.
func (w *askedWorld) result() map[string]any {
	w.Helper()
	synctest.Wait()
	r, ok := w.question()["result"].(map[string]any)
	if !ok {
		w.Fatalf("nothing is revealed: %v", w.question())
	}
	return r
}

// asks is the slug of a fast experiment.
const asks = "missing-is-not-an-error"

// What a class predicted would be shown before it is revealed, counted wrongly, or the right answer would
// not come from the run: with servers that answer otherwise, another prediction comes true.
func TestAskAndReveal(t *testing.T) {
	missingIs404 := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got := httptest.NewRecorder()
			h.ServeHTTP(got, r)
			maps.Copy(w.Header(), got.Header())
			if strings.Contains(got.Body.String(), `"found":false`) {
				got.Code = http.StatusNotFound
			}
			w.WriteHeader(got.Code)
			_, _ = got.Body.WriteTo(w)
		})
	}
	for _, test := range []struct {
		name     string
		wrap     func(http.Handler) http.Handler
		happened float64
		foretold string
	}{
		{"as it is", nil, 2, "1 of 3 foretold it."},
		{"with a fault", missingIs404, 1, "2 of 3 foretold it."},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := askWorld(t, test.wrap)
				w.teacher.post("/classroom/open", "slug", asks, "key", "nickname").want(200, `"phase":"open"`, `"answered":0`, `"seats":3`)
				w.answers(2, 2, 1)
				w.answers(1) // changed
				w.teacher.get("/classroom").want(200, `"answered":3`).wantNo("counts", "happened")
				w.teacher.post("/classroom/close").want(200, `"phase":"closed"`, `"answered":3`).wantNo("counts")
				w.teacher.post("/classroom/reveal").want(200)
				r := w.result()
				if counts := fmt.Sprint(r["counts"]); counts != "[2 1 0]" || r["happened"] != test.happened || r["exchanges"].(float64) < 20 {
					t.Errorf("the result is %v", r)
				}
				w.teacher.form = formPage
				for _, page := range []string{"/classroom", "/classroom/screen"} {
					w.teacher.get(page).want(200, test.foretold, "3 of 3 answered, no names", "What you predicted", "real exchanges, run just now on this machine")
				}
				w.teacher.post("/classroom/done").want(303)
				w.teacher.get("/classroom").want(200, "Ask the class").wantNo("What you predicted")
				if past := w.class.together.Past(); len(past) != 1 || past[0].Result == nil {
					t.Errorf("the past has %v", past)
				}
			})
		})
	}
}

// A class without phones could not be asked, or hands would be counted as answers of phones.
func TestHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := askWorld(t, nil)
		w.teacher.post("/classroom/open", "slug", asks).want(200)
		w.answers(2, 2, 1)
		for _, wrong := range [][]string{{"hands", "1"}, {"hands", "-1", "hands", "0", "hands", "0"}, {"hands", "x", "hands", "0", "hands", "0"}, {"hands", "1000", "hands", "0", "hands", "0"}, {}} {
			w.teacher.post("/classroom/hands", wrong...).want(422, "Nothing was changed")
		}
		w.teacher.post("/classroom/hands", "hands", "4", "hands", "", "hands", "5").want(200, `"hands":[4,0,5]`)
		w.teacher.post("/classroom/reveal").want(200)
		w.result()
		w.teacher.post("/classroom/hands", "hands", "4", "hands", "", "hands", "5").want(409, "revealed already")
		w.teacher.form = formPage
		w.teacher.get("/classroom").want(200, "3 of 3 answered, no names; 9 raised hands, counted by hand", "2 of 3 foretold it, and 0 of 9 raised hands.", `<progress max="3" value="2"`, `<progress class="hand" max="9" value="4"`)
	})
}
