package session_test

import (
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/session"
)

// jar draws one of the browsers.
func (w *world) jar(rt *rapid.T) *modelJar { return rapid.SampledFrom(w.jars).Draw(rt, "browser") }

// act draws what a request of that browser does.
func (w *world) act(rt *rapid.T, j *modelJar) modelAct {
	a := modelAct{
		kind:      rapid.SampledFrom([]string{"set", "set", "set", "set", "read", "delete", "clear", "flush", "cycle", "login", "expiry", "placement", "placement"}).Draw(rt, "act"),
		key:       rapid.SampledFrom([]string{"a", "b", "ü \"\\"}).Draw(rt, "key"),
		placement: rapid.SampledFrom(placements).Draw(rt, "placement"),
	}
	saw, exists, _, _ := w.opens(j.cookie)
	fits := !slices.ContainsFunc(slices.Collect(maps.Values(saw.values)), func(text string) bool { return len(text) > 300 })
	switch a.kind {
	case "set", "login":
		a.text = rapid.SampledFrom([]string{"1", "2", "\u2028<é>"}).Draw(rt, "value")
		if exists && saw.placement != session.InCookie || !exists && a.placement != session.InCookie {
			a.text = strings.Repeat(a.text, rapid.SampledFrom([]int{1, 400}).Draw(rt, "times"))
		}
	case "expiry":
		a.expiry = rapid.SampledFrom([]session.Expiry{
			{}, {After: 5 * time.Second}, {After: 3 * time.Hour}, {After: 20 * time.Hour}, {BrowserClose: true},
			{At: w.clock.Now().Add(time.Minute)}, {After: -time.Second},
		}).Draw(rt, "expiry")
	case "placement":
		if a.placement == session.InCookie && !fits {
			a.placement = session.OnServer
		}
	}
	return a
}

// actions are what can happen, by name; rapid does them in random order. After each it
// does the one without a name, which checks the store's figures.
func (w *world) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"request": func(rt *rapid.T) {
			j := w.jar(rt)
			w.finish(rt, w.begin(rt, j, w.act(rt, j)), false)
		},
		"answer is lost": func(rt *rapid.T) {
			j := w.jar(rt)
			w.finish(rt, w.begin(rt, j, w.act(rt, j)), true)
		},
		"store breaks off": func(rt *rapid.T) {
			j := w.jar(rt)
			a := w.act(rt, j)
			if a.kind == "flush" || a.kind == "expiry" && a.expiry.After < 0 {
				rt.Skip("it has more than one write")
			}
			f := w.begin(rt, j, a)
			w.fault.before = rapid.Bool().Draw(rt, "before")
			w.fault.after = !w.fault.before
			w.finish(rt, f, false)
		},
		"load": func(rt *rapid.T) {
			if len(w.flights) > 3 {
				rt.Skip("enough are under way")
			}
			j := w.jar(rt)
			w.flights = append(w.flights, w.begin(rt, j, w.act(rt, j)))
		},
		"commit": func(rt *rapid.T) {
			if len(w.flights) == 0 {
				rt.Skip("none is under way")
			}
			n := rapid.IntRange(0, len(w.flights)-1).Draw(rt, "which")
			f := w.flights[n]
			w.flights = slices.Delete(w.flights, n, n+1)
			if f.act.kind != "flush" && f.act.kind != "expiry" && f.exists { // those may have more than one write
				w.fault.after = rapid.IntRange(0, 3).Draw(rt, "answer of the store") == 0
			}
			w.finish(rt, f, rapid.Bool().Draw(rt, "lost"))
		},
		"an older cookie": func(rt *rapid.T) { // a copy, a late answer, a twin
			if len(w.cookies) == 0 {
				rt.Skip("none was sent yet")
			}
			w.jar(rt).cookie = rapid.SampledFrom(w.cookies).Draw(rt, "cookie")
		},
		"time": func(rt *rapid.T) {
			w.clock.Move(rapid.SampledFrom([]time.Duration{
				time.Millisecond, 4 * time.Second, 29 * time.Second, 31 * time.Second, time.Minute, time.Hour, 2*time.Hour - time.Millisecond, 9 * time.Hour,
			}).Draw(rt, "passes"))
			if now := w.clock.Now(); now.After(w.latest) {
				w.latest = now
			}
		},
		"clock goes back": func(rt *rapid.T) {
			w.clock.Move(-rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 9 * time.Hour}).Draw(rt, "by"))
		},
		"clear expired": w.clearExpired,
		"":              w.compareStats,
	}
}

// clearExpired removes what has expired from the store.
func (w *world) clearExpired(rt *rapid.T) {
	_, expired := w.count()
	n, err := w.e.ClearExpired(rt.Context())
	if err != nil || n != expired {
		rt.Fatalf("%d cleared, %v; want %d", n, err, expired)
	}
	w.swept = true
	now := w.clock.Now()
	for _, m := range w.sessions {
		if m.placement != session.InCookie { // an older cookie may still open that
			m.dead = m.dead || !m.alive(now)
		}
	}
}

// compareStats compares the store's figures with the model's.
func (w *world) compareStats(rt *rapid.T) {
	live, expired := w.count()
	if st, err := w.e.Stats(rt.Context()); err != nil || st.Live != live || st.Expired != expired {
		rt.Fatalf("the store has %+v, %v; want %d live and %d expired", st, err, live, expired)
	}
}
