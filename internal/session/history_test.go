package session_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	kind  string // "ok", "gone", "refused", "unknown"
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
		if got.kind == "refused" { // by its old ID, or as a conflict: it did nothing
			return true, w
		}
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
// request on a Session of its own, and returns what they saw. All of them have the
// session's first cookie or, once its ID was changed, the cookie with the new ID. moves
// are what some of them do besides: change placement or ID. Then no key is deleted, so
// that all values stay on the server, where they were born.
func sessionHistory(t *testing.T, sound, e *engine, seed uint64, clients, times int, moves ...string) *storetest.Recorder {
	b := sound.browser(t)
	b.do(func(s *session.Session) {
		s.SetPlacement(session.OnServer)
		must(t, s.Set("there", "true"))
		if len(moves) > 0 {
			for key := range historyKeys {
				must(t, s.Set(fmt.Sprint("key", key), `""`))
			}
		}
	})
	var jar atomic.Pointer[browser]
	jar.Store(b)
	var h storetest.Recorder
	var wg sync.WaitGroup
	defer func() { // the session is there in the end, and holds what it should
		for key := range historyKeys {
			a := act{op: "get", key: key}
			h.Do(clients, a, func() (any, bool) {
				got := sound.act(t, jar.Load(), a)
				if got.kind == "refused" {
					t.Error("in the end, the newest cookie is of an ID that was replaced")
				}
				return got, true
			})
		}
	}()
	for client := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(client)))
			for n := range times {
				a := randomAct(random, clients*times, moves)
				if a.op == "update" {
					a.value = "x" // two of them at once are equal writes
				} else {
					a.value = fmt.Sprintf("%d.%d,", client, n)
				}
				h.Do(client, a, func() (any, bool) {
					own := *jar.Load()
					got := e.act(t, &own, a)
					if got.kind == "gone" && slices.Contains(moves, "cycle") {
						got.kind = "refused" // its ID is gone, and the session may be not
					}
					if a.op == "cycle" && got.kind == "ok" {
						jar.Store(&own)
					}
					return got, got.kind != "unknown"
				})
				runtime.Gosched()
			}
		})
	}
	wg.Wait()
	return &h
}

// randomAct draws what a request of a history of about that many does.
func randomAct(random *rand.Rand, requests int, moves []string) act {
	a := act{op: [...]string{"get", "get", "get", "set", "set", "update", "delete"}[random.IntN(7)], key: random.IntN(historyKeys)}
	if len(moves) > 0 && random.IntN(8) == 0 {
		a.op = moves[random.IntN(len(moves))]
	}
	switch p := random.IntN(10 * requests); { // of each a few in a history, or none
	case p < 6:
		a.op = "flush"
	case p < 60:
		a.op = "clear"
	}
	if len(moves) > 0 && (a.op == "delete" || a.op == "clear") {
		a.op = "get"
	}
	return a
}

func (e *engine) act(t *testing.T, b *browser, a act) seen {
	r := b.request()
	key := fmt.Sprint("key", a.key)
	value := func(v session.Value) string { return strings.Trim(string(v), `"`) }
	s, err := e.Load(r)
	if err != nil {
		return seen{kind: kindOf(t, a.op, err)}
	}
	if s.Verdict() == session.VerdictMoved {
		return seen{kind: "refused"}
	} else if !s.Exists() {
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
	case "cycle":
		s.CycleID()
	case "hybrid", "server":
		p, _ := session.ParsePlacement(a.op)
		s.SetPlacement(p)
	}
	if err == nil {
		err = s.Commit(r.Context())
	}
	if c := s.SetCookie(); c != nil {
		b.cookie = c.Value
	}
	if err != nil {
		return seen{kind: kindOf(t, a.op, err)}
	}
	return got
}

func kindOf(t *testing.T, op string, err error) string {
	store := (*session.StoreError)(nil)
	switch {
	case errors.As(err, &store):
		return "unknown"
	case errors.Is(err, session.ErrGone):
		return "gone"
	case errors.Is(err, session.ErrMoved), errors.Is(err, session.ErrConflict) && (op == "cycle" || op == "server"):
		return "refused"
	}
	t.Error(err)
	return "unknown"
}

// If it failed, clients of one session at the same time would see what no order of their
// requests explains, also when store operations fail.
func TestHistories(t *testing.T) {
	eachStore(t, func(t *testing.T, store stores.Store) {
		for _, test := range []struct {
			failing bool
			moves   []string
		}{{false, nil}, {true, nil}, {false, []string{"hybrid", "server"}}, {true, []string{"hybrid", "server"}}, {false, []string{"hybrid", "server", "cycle"}}} {
			failing := test.failing
			t.Run(fmt.Sprintf("failing=%v %v", failing, test.moves), func(t *testing.T) {
				t.Parallel()
				gone, histories, times := 0, 5, 200
				if failing { // each unknown outcome doubles what there is to try
					histories, times = 30, 15
				}
				if test.moves != nil { // the engine's own: the stores have shown theirs
					times /= 2
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
					h := sessionHistory(t, sound, e, seed, 5, times, test.moves...)
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

// The control of TestHistories: if it failed, a store that loses updates would not be found.
func TestHistoriesFindLostUpdates(t *testing.T) {
	for seed := range uint64(100) {
		e := newEngine(t, func(c *session.Config) { c.Backend = lossy{c.Backend} })
		if sessionHistory(t, e, e, seed, 5, 40).Check(oneSession) == porcupine.Illegal {
			return
		}
	}
	t.Error("the fault was not found")
}
