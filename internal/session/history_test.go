package session_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

const historyKeys = 3

// act is one request of a history, and seen what it found.
type act struct {
	op    string
	key   int
	value string
}

type seen struct {
	kind  string // "ok", "gone", "unknown"
	value string // of a get, and of an update before it
}

// whole is one session as a map; "" for a key that is missing.
type whole struct {
	gone   bool
	values [historyKeys]string
}

// oneSession is what a program with one client would see of one session.
var oneSession = porcupine.Model{
	Init: func() any { return whole{} },
	Step: func(s, input, output any) (bool, any) {
		w, a, got := s.(whole), input.(act), output.(seen)
		if w.gone {
			return got.kind != "ok" || a.op == "flush", w
		}
		if got.kind == "gone" {
			return false, w
		}
		old := w.values[a.key]
		switch a.op {
		case "set":
			w.values[a.key] = a.value
		case "update":
			w.values[a.key] = old + a.value
		case "delete":
			w.values[a.key] = ""
		case "clear":
			w.values = [historyKeys]string{}
		case "flush":
			w.gone = true
		}
		if got.kind == "ok" && (a.op == "get" || a.op == "update") && got.value != old {
			return false, s
		}
		return true, w
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
}

// sessionHistory lets clients work on one session at the same time, each
// request on a Session of its own, and returns what they saw.
func sessionHistory(t *testing.T, sound, e *engine, seed uint64, clients, times int) *storetest.Recorder {
	b := sound.browser(t)
	b.do(func(s *session.Session) {
		s.SetPlacement(session.OnServer)
		must(t, s.Set("there", "true"))
	})
	var h storetest.Recorder
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(client)))
			for n := range times {
				a := act{
					op:  [...]string{"get", "get", "get", "set", "set", "update", "delete"}[random.IntN(7)],
					key: random.IntN(historyKeys), value: fmt.Sprintf("%d.%d,", client, n),
				}
				switch p := random.IntN(10 * clients * times); { // of each a few in a history, or none
				case p < 6:
					a.op = "flush"
				case p < 60:
					a.op = "clear"
				}
				h.Do(client, a, func() (any, bool) {
					got := e.act(t, b.request(), a)
					return got, got.kind != "unknown"
				})
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	return &h
}

func (e *engine) act(t *testing.T, r *http.Request, a act) seen {
	key := fmt.Sprint("key", a.key)
	value := func(v session.Value) string { return strings.Trim(string(v), `"`) }
	s, err := e.Load(r)
	if err != nil {
		return seen{kind: kindOf(t, err)}
	}
	if !s.Exists() {
		return seen{kind: "gone"}
	}
	got := seen{kind: "ok"}
	switch a.op {
	case "get":
		v, _ := s.Get(key)
		return seen{"ok", value(v)}
	case "set":
		err = s.Set(key, val(t, a.value))
	case "update":
		err = s.Update(key, func(old session.Value, _ bool) session.Value {
			got.value = value(old)
			return val(t, got.value+a.value)
		})
	case "delete":
		s.Delete(key)
	case "clear":
		s.Clear()
	case "flush":
		err = s.Flush(r.Context())
	}
	if err == nil {
		err = s.Commit(r.Context())
	}
	if err != nil {
		return seen{kind: kindOf(t, err)}
	}
	return got
}

func kindOf(t *testing.T, err error) string {
	store := (*session.StoreError)(nil)
	switch {
	case errors.As(err, &store):
		return "unknown"
	case errors.Is(err, session.ErrGone):
		return "gone"
	}
	t.Error(err)
	return "unknown"
}

// What the clients of one session see at the same time is what one order of
// their requests explains, also when store operations fail.
func TestHistories(t *testing.T) {
	eachStore(t, func(t *testing.T, store stores.Store) {
		for _, failing := range []bool{false, true} {
			t.Run(fmt.Sprintf("failing=%v", failing), func(t *testing.T) {
				t.Parallel()
				gone, histories, times := 0, 10, 200
				if failing { // each unknown outcome doubles what there is to try
					histories, times = 30, 15
				}
				for n := range histories {
					seed := uint64(n)
					sound, clock := newEngineOn(t, store, nil)
					e := sound
					if failing {
						e = newEngine(t, func(c *session.Config) {
							c.Now, c.Backend = clock.Now, &storetest.Hooked{Backend: sound.backend, Hook: storetest.Unreliable(seed, 40)}
						})
					}
					h := sessionHistory(t, sound, e, seed, 5, times)
					if got := h.Check(oneSession); got != porcupine.Ok {
						t.Errorf("history %d of %d operations: %v", seed, h.Len(), got)
					}
					if st, err := sound.Stats(t.Context()); err != nil {
						t.Error(err)
					} else if st.Live == 0 {
						gone++
					}
				}
				if gone == 0 || gone == histories {
					t.Errorf("%d of %d histories ended with a flush", gone, histories)
				}
			})
		}
	})
}

// lossy saves over whatever is there.
type lossy struct{ session.Backend }

func (b lossy) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	if now, err := b.Load(ctx, k); err == nil {
		r.Version = now.Version
	}
	return b.Backend.Save(ctx, k, r)
}

// The control: a store that loses updates is found.
func TestHistoriesFindLostUpdates(t *testing.T) {
	for seed := range uint64(100) {
		e := newEngine(t, func(c *session.Config) { c.Backend = lossy{c.Backend} })
		if sessionHistory(t, e, e, seed, 5, 40).Check(oneSession) == porcupine.Illegal {
			return
		}
	}
	t.Error("the fault was not found")
}
