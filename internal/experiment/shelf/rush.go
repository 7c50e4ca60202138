package shelf

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// holding is a gorilla store in which two requests wait for each other: a form with the
// field hold gets its session when another form with that field has loaded its own, or
// after the time that the field names.
type holding struct {
	sessions.Store
	met experiment.Meeting
}

// holdingTwin is a twin over a holding store. It lists the session's keys too.
func holdingTwin(open func(dir func() string) sessions.Store) func(func() string) http.Handler {
	return func(dir func() string) http.Handler {
		store := holding{open(dir), make(experiment.Meeting)}
		mux := http.NewServeMux()
		mux.Handle("/", experiment.Twin(store, false))
		mux.HandleFunc("GET /keys", func(w http.ResponseWriter, r *http.Request) {
			s, _ := store.Get(r, experiment.CookieName) // a wrong cookie gives an empty session beside the error
			keys := []string{}
			for key := range s.Values {
				keys = append(keys, fmt.Sprint(key))
			}
			slices.Sort(keys)
			experiment.WriteJSON(w, http.StatusOK, map[string]any{"op": "keys", "keys": keys})
		})
		return mux
	}
}

// Get implements sessions.Store.
func (h holding) Get(r *http.Request, name string) (*sessions.Session, error) {
	s, err := h.Store.Get(r, name)
	if d, err := time.ParseDuration(r.PostFormValue("hold")); err == nil {
		_ = h.met.Wait(r.Context(), d) // whoever has left gets no answer
	}
	return s, err
}

// rush is what two tabs of one browser did at the same time.
type rush struct {
	tab      *experiment.Client   // the first tab, which shares the browser's cookies
	born     *experiment.Exchange // the first tab begins the session
	one, two *experiment.Exchange // the writes: of city in the first tab, of food in the second
	atOnce   bool                 // both loaded the session, with the same cookie, before either wrote, or one was refused
}

// rushIn begins a session and lets two tabs write city and food into it at once. Each write waits,
// at most for hold, until the other one has loaded the session too. A busy machine can be slower
// than that: then rushIn tries again, with more time.
func rushIn(r *experiment.Run, in *experiment.Instance, city, food string) (ru rush) {
	for _, hold := range []time.Duration{300 * time.Millisecond, 2 * time.Second} {
		ru.tab = in.Client("Rahim's first tab")
		second := ru.tab.Tab("Rahim's second tab")
		ru.born = ru.tab.Set("name", "Rahim")
		r.Together(
			func() { ru.one = ru.tab.Post("/set", "key", "city", "value", city, "hold", hold.String()) },
			func() { ru.two = second.Post("/set", "key", "food", "value", food, "hold", hold.String()) },
		)
		ru.born.Note, ru.one.Note, ru.two.Note = "begins the session", "writes city, at once with the other tab", "writes food, at once with the other tab"
		// Who was answered before the time was up met the other.
		met := ru.one.Took < hold || ru.two.Took < hold
		if ru.atOnce = ru.one.Cookie == ru.two.Cookie && met; ru.atOnce {
			break
		}
	}
	return ru
}

// countTrue returns how many of all are true.
func countTrue(all ...bool) (n int) {
	for _, yes := range all {
		if yes {
			n++
		}
	}
	return n
}
