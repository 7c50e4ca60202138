package app

import (
	"context"
	"fmt"
	"sync"

	"github.com/sessionscope/sessionscope/internal/session"
)

func parallelSets(w *world) {
	w.start(0, nil)
	b := w.born()
	cookie := b.cookie()
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			w.holding(cookie).post("/set", "key", fmt.Sprintf("k%02d", n), "value", large).want(200)
		})
	}
	wg.Wait()
	if got := len(b.get("/keys").json()["keys"].([]any)); got != 52 {
		w.Errorf("%d keys, want 52", got)
	}
}

func parallelIncrements(w *world) {
	w.start(0, nil)
	b := w.born()
	b.post("/placement", "placement", "server").want(200) // so that the counter is held there with hybrid too
	cookie := b.cookie()
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { w.holding(cookie).post("/test/increment").want(200) })
	}
	wg.Wait()
	b.get("/get?key=count").want(200, `"value":50,`)
}

// moveTakesNothing: a write that had loaded the session before another request moved it
// loses no value, neither the write's nor the move's, whichever answer the browser keeps.
func moveTakesNothing(w *world) {
	for _, to := range session.Placements() {
		for _, value := range []string{"small", large} {
			w.start(0, nil)
			b := w.born()
			b.post("/set", "key", "a1", "value", "1").want(200)
			late := w.holding(b.cookie())
			w.hook = func(_ context.Context, op string) (_, _ error) {
				if op == "load" {
					w.hook = func(context.Context, string) (_, _ error) {
						w.hook = nil
						b.post("/placement", "placement", to).want(200)
						return nil, nil
					}
				}
				return nil, nil
			}
			a := late.post("/set", "key", "late", "value", value)
			if w.hook != nil || a.StatusCode != 200 && a.StatusCode != 409 {
				w.Fatalf("to %s: the late write got %d, and the move was made: %v", to, a.StatusCode, w.hook == nil)
			}
			if a.Header.Get("Set-Cookie") != "" { // the browser keeps the cookie of the later answer
				b = late
			}
			want := []string{"a1", "big", "name"}
			if a.StatusCode == 200 {
				want = []string{"a1", "big", "late", "name"}
			}
			w.wantKeys(b, want...)
		}
	}
}

// nothingRevived: a write that had loaded the session before another request ended it does
// not revive it. The end comes between the load and the first write, and then at any time.
func nothingRevived(w *world) {
	for name, act := range map[string]func(b *browser){
		"flush":  func(b *browser) { b.post("/flush").want(200) },
		"logout": func(b *browser) { b.post("/logout").want(200) },
		"cycle":  func(b *browser) { b.post("/cycle-id").want(200) },
		"past":   func(b *browser) { b.post("/expiry", "seconds", "-1").want(200) },
	} {
		w.start(0, nil)
		b := w.born()
		late := w.holding(b.cookie())
		kept := late.cookie()
		w.hook = func(_ context.Context, op string) (before, after error) {
			if op == "load" {
				w.hook = func(_ context.Context, op string) (before, after error) {
					w.hook = nil
					act(b) // before the late request's next operation
					return nil, nil
				}
			}
			return nil, nil
		}
		if a := late.post("/set", "key", "late", "value", large).want(409); a.Header.Get("Set-Cookie") != "" || late.cookie() != kept {
			w.Errorf("%s: the late write got a cookie", name)
		}
		w.wantKeys(late)
		if name == "cycle" {
			w.wantKeys(b, "big", "name")
			w.wantStats(w.records(1), 0)
		} else {
			w.wantKeys(b)
			if got := b.get("/session").json()["stats"].(map[string]any)["sessions"]; got != 0.0 {
				w.Errorf("%s: %v sessions live", name, got)
			}
		}
	}

	w.start(0, nil)
	for range 10 {
		b := w.born()
		cookie := b.cookie()
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				a := w.holding(cookie).post("/delete", "key", [...]string{"name", "big"}[n%2])
				if a.StatusCode != 200 && a.StatusCode != 409 {
					w.Errorf("a delete that met a flush: %d", a.StatusCode)
				}
			})
		}
		wg.Go(func() { b.post("/flush").want(200) })
		wg.Wait()
		w.wantKeys(w.holding(cookie))
		w.wantStats(0, 0)
	}
}

func staleIsSaid(w *world) {
	w.start(0, nil)
	b := w.born()
	old := w.holding(b.cookie())
	b.post("/set", "key", "name", "value", "Karim").want(200)
	want := map[string]string{"hybrid": "stale", "server": "ok"}[w.placement] // a cookie without values is never stale
	for b, want := range map[*browser]string{old: want, b: "ok"} {
		if got := b.get("/session").json()["cookie"].(map[string]any)["verdict"]; got != want {
			w.Errorf("verdict %v, want %s", got, want)
		}
	}
	old.post("/set", "key", "more", "value", "x").want(200) // not refused
}
