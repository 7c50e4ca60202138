package session_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// modelSession is a session as a plain map, with its clocks.
type modelSession struct {
	values    map[string]string
	placement session.Placement
	expiry    session.Expiry
	created   time.Time
	expires   time.Time
	id        int // counts the IDs that it had
	dead      bool
}

// modelCookie is a cookie that was sent once: what it opened then.
type modelCookie struct {
	value   string
	of      *modelSession
	id      int
	left    time.Time // when its ID was replaced
	values  map[string]string
	expires time.Time
	void    bool // its values count no more with hybrid: a clear or a move came after it
}

// modelJar is a browser: all its tabs share the newest cookie.
type modelJar struct {
	cookie string
	of     *modelSession // what that opens, nil without one
}

// flight is a request that has loaded its session and not committed yet.
type flight struct {
	jar     *modelJar
	s       *session.Session
	of      *modelSession
	id      int
	key     string
	value   string // "" deletes
	changes bool   // what it loaded
}

// world is the engine and the model of it.
type world struct {
	e        *engine
	clock    *storetest.Clock
	jars     []*modelJar
	sessions []*modelSession
	cookies  []*modelCookie
	flights  []*flight
}

func (m *modelSession) alive(now time.Time) bool { return m != nil && !m.dead && now.Before(m.expires) }

// written moves the clock of m, as each write does.
func (w *world) written(m *modelSession) {
	now, absolute := w.clock.Now(), m.created.Add(8*time.Hour)
	switch {
	case !m.expiry.At.IsZero():
		m.expires = m.expiry.At
	case m.expiry.After != 0:
		m.expires = now.Add(m.expiry.After)
	default:
		m.expires = now.Add(2 * time.Hour)
	}
	if m.expires.After(absolute) {
		m.expires = absolute
	}
}

// request does one request of j, notes the cookie that it got, and wants the error.
func (w *world) request(rt *rapid.T, j *modelJar, want error, act func(s *session.Session)) *session.Session {
	b := &browser{e: w.e, cookie: j.cookie}
	s, err := w.e.Load(b.request())
	if err != nil {
		rt.Fatal(err)
	}
	act(s)
	w.commit(rt, j, s, want)
	return s
}

func (w *world) commit(rt *rapid.T, j *modelJar, s *session.Session, want error) {
	if err := s.Commit(rt.Context()); !errors.Is(err, want) {
		rt.Fatalf("commit: %v, want %v", err, want)
	}
	if c := s.SetCookie(); c != nil {
		if j.cookie = c.Value; c.MaxAge < 0 != (c.Value == "") || int64(c.MaxAge) > int64(8*time.Hour/time.Second) {
			rt.Fatalf("Max-Age %d for a cookie of %d letters", c.MaxAge, len(c.Value))
		}
	}
}

// sent notes what j's cookie opens.
func (w *world) sent(j *modelJar) {
	if m := j.of; m != nil && j.cookie != "" {
		w.cookies = append(w.cookies, &modelCookie{value: j.cookie, of: m, id: m.id, values: maps.Clone(m.values), expires: m.expires})
	}
}

// change is a write by j; act stages it and edit does it to the model, which
// tells whether there is a difference.
func (w *world) change(rt *rapid.T, j *modelJar, act func(s *session.Session), edit func(m *modelSession) bool) {
	w.request(rt, j, nil, act)
	if m := j.of; m.alive(w.clock.Now()) && edit(m) {
		w.written(m)
		w.sent(j)
	}
}

func sameKeys(rt *rapid.T, what string, s *session.Session, want map[string]string) {
	got := map[string]string{}
	for _, key := range s.Keys() {
		v, _ := s.Get(key)
		got[key] = v.Any().(string)
	}
	if want == nil {
		want = map[string]string{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// replaced tells all older cookies of m that their ID is dead since now.
func (w *world) replaced(m *modelSession) {
	for _, c := range w.cookies {
		if c.of == m && c.id == m.id {
			c.left = w.clock.Now()
		}
	}
	m.id++
}

// void tells that values in cookies of before count no more.
func (w *world) void(m *modelSession) {
	for _, c := range w.cookies {
		c.void = c.void || c.of == m
	}
}

func (w *world) actions() map[string]func(*rapid.T) {
	jar := func(rt *rapid.T) *modelJar { return rapid.SampledFrom(w.jars).Draw(rt, "browser") }
	key := func(rt *rapid.T) string { return rapid.SampledFrom([]string{"a", "b", "ü \"\\"}).Draw(rt, "key") }
	text := func(rt *rapid.T, p session.Placement) string {
		s := rapid.SampledFrom([]string{"1", "2", "\u2028<é>"}).Draw(rt, "value")
		if p == session.InCookie {
			return s // three of them fit
		}
		return strings.Repeat(s, rapid.SampledFrom([]int{1, 300}).Draw(rt, "times"))
	}
	return map[string]func(*rapid.T){
		"set": func(rt *rapid.T) {
			j, k := jar(rt), key(rt)
			if !j.of.alive(w.clock.Now()) {
				place := rapid.SampledFrom(placements).Draw(rt, "born in")
				v := text(rt, place)
				w.request(rt, j, nil, func(s *session.Session) {
					s.SetPlacement(place)
					must(rt, s.Set(k, val(rt, v)))
				})
				m := &modelSession{values: map[string]string{k: v}, placement: place, created: w.clock.Now()}
				w.sessions, j.of = append(w.sessions, m), m
				w.written(m)
				w.sent(j)
				return
			}
			v := text(rt, j.of.placement)
			w.change(rt, j, func(s *session.Session) { must(rt, s.Set(k, val(rt, v))) }, func(m *modelSession) bool {
				old, ok := m.values[k]
				m.values[k] = v
				return !ok || old != v
			})
		},
		"get": func(rt *rapid.T) {
			j := jar(rt)
			kept := j.cookie
			s := w.request(rt, j, nil, func(*session.Session) {})
			if j.cookie != kept {
				rt.Fatal("a read sent a cookie")
			}
			if !j.of.alive(w.clock.Now()) {
				sameKeys(rt, "no session", s, nil)
				return
			}
			sameKeys(rt, "values", s, j.of.values)
			if info := s.Info(); !info.Expires.Equal(j.of.expires) || info.Placement != j.of.placement || info.Verdict != session.VerdictOK {
				rt.Fatalf("%+v, want it to end at %v, in %v", info, j.of.expires, j.of.placement)
			}
		},
		"delete": func(rt *rapid.T) {
			k := key(rt)
			w.change(rt, jar(rt), func(s *session.Session) { s.Delete(k) }, func(m *modelSession) bool {
				_, ok := m.values[k]
				delete(m.values, k)
				return ok
			})
		},
		"clear": func(rt *rapid.T) {
			w.change(rt, jar(rt), func(s *session.Session) { s.Clear() }, func(m *modelSession) bool {
				n := len(m.values)
				if clear(m.values); n > 0 {
					w.void(m)
				}
				return n > 0
			})
		},
		"flush": func(rt *rapid.T) {
			j := jar(rt)
			w.request(rt, j, nil, func(s *session.Session) { must(rt, s.Flush(rt.Context())) })
			if j.of.alive(w.clock.Now()) {
				j.of.dead, j.of = true, nil
			}
		},
		"cycle": func(rt *rapid.T) {
			w.change(rt, jar(rt), func(s *session.Session) { s.CycleID() }, func(m *modelSession) bool {
				w.replaced(m)
				return true
			})
		},
		"expiry": func(rt *rapid.T) {
			j := jar(rt)
			x := rapid.SampledFrom([]session.Expiry{
				{}, {After: 5 * time.Second}, {After: 20 * time.Hour}, {BrowserClose: true}, {At: w.clock.Now().Add(time.Minute)}, {After: -time.Second},
			}).Draw(rt, "expiry")
			w.change(rt, j, func(s *session.Session) { s.SetExpiry(x) }, func(m *modelSession) bool {
				m.expiry = x
				if x.After < 0 {
					m.expires = w.clock.Now()
					if m.dead, j.of = m.placement == session.InCookie, nil; j.cookie != "" {
						rt.Fatal("a past expiry leaves the cookie")
					}
					return false
				}
				return true
			})
		},
		"placement": func(rt *rapid.T) {
			j, p := jar(rt), rapid.SampledFrom(placements).Draw(rt, "placement")
			if len(w.flights) > 0 { // values in the cookie are last-writer-wins
				rt.Skip("a request is under way")
			}
			if m := j.of; p == session.InCookie && m != nil && slices.ContainsFunc(slices.Collect(maps.Values(m.values)), func(v string) bool { return len(v) > 300 }) {
				rt.Skip("they do not fit")
			}
			w.change(rt, j, func(s *session.Session) { s.SetPlacement(p) }, func(m *modelSession) bool {
				was := m.placement
				if m.placement = p; p != was && (p == session.InCookie || was == session.InCookie) {
					w.replaced(m)
				}
				if p != was {
					w.void(m)
				}
				return p != was
			})
		},
		"begin": func(rt *rapid.T) {
			f := &flight{jar: jar(rt), key: key(rt)}
			m := f.jar.of
			if !m.alive(w.clock.Now()) || m.placement != session.OnServer || len(w.flights) > 3 {
				rt.Skip("not for this session")
			}
			if rapid.Bool().Draw(rt, "sets") {
				f.value = text(rt, session.OnServer)
			}
			b := &browser{e: w.e, cookie: f.jar.cookie}
			var err error
			f.s, err = w.e.Load(b.request())
			must(rt, err)
			f.of, f.id, f.changes = m, m.id, m.values[f.key] != f.value
			if f.value == "" {
				f.s.Delete(f.key)
			} else {
				must(rt, f.s.Set(f.key, val(rt, f.value)))
			}
			w.flights = append(w.flights, f)
		},
		"finish": func(rt *rapid.T) {
			if len(w.flights) == 0 {
				rt.Skip("none is under way")
			}
			n := rapid.IntRange(0, len(w.flights)-1).Draw(rt, "which")
			f := w.flights[n]
			w.flights = slices.Delete(w.flights, n, n+1)
			m := f.of
			if !f.changes {
				w.commit(rt, f.jar, f.s, nil)
				return
			}
			if !m.alive(w.clock.Now()) || m.id != f.id {
				w.commit(rt, f.jar, f.s, session.ErrGone)
				return
			}
			w.commit(rt, f.jar, f.s, nil)
			if m.values[f.key] == f.value {
				return
			}
			if m.values[f.key] = f.value; f.value == "" {
				delete(m.values, f.key)
			}
			w.written(m)
			w.sent(f.jar)
		},
		"replay": func(rt *rapid.T) {
			if len(w.cookies) == 0 {
				rt.Skip("no cookie was sent yet")
			}
			c := rapid.SampledFrom(w.cookies).Draw(rt, "cookie")
			now, m := w.clock.Now(), c.of
			j := &modelJar{cookie: c.value}
			s := w.request(rt, j, nil, func(*session.Session) {})
			switch {
			case m.dead || c.id != m.id || !m.alive(now) && m.placement != session.InCookie:
				sameKeys(rt, "a dead cookie", s, nil)
				if c.id != m.id && !m.dead && now.Before(c.left.Add(30*time.Second)) && now.Before(c.expires) {
					if s.Info().Verdict != session.VerdictMoved {
						rt.Fatalf("verdict %q, want moved", s.Info().Verdict)
					}
					w.request(rt, j, session.ErrMoved, func(s *session.Session) { must(rt, s.Set("a", "1")) })
				}
			case m.placement == session.InCookie && !now.Before(c.expires):
				sameKeys(rt, "an expired cookie", s, nil)
			case m.placement == session.InCookie:
				sameKeys(rt, "the values that this cookie carries", s, c.values)
			case m.placement == session.OnServer:
				sameKeys(rt, "the values on the server", s, m.values)
			default: // the cookie's half may be old, but it is of this session
				for _, k := range s.Keys() {
					v, _ := s.Get(k)
					if text := v.Any().(string); text != m.values[k] && (c.void || text != c.values[k]) {
						rt.Fatalf("%s holds %.20q, neither now nor when the cookie was sent", k, text)
					}
				}
			}
			if j.cookie != c.value {
				rt.Fatal("a replay got a cookie")
			}
		},
		"time": func(rt *rapid.T) {
			w.clock.Move(rapid.SampledFrom([]time.Duration{
				time.Millisecond, 4 * time.Second, 29 * time.Second, 31 * time.Second, time.Minute, time.Hour, 2*time.Hour - time.Millisecond, 9 * time.Hour,
			}).Draw(rt, "passes"))
		},
		"clear expired": func(rt *rapid.T) {
			_, expired := w.count()
			n, err := w.e.ClearExpired(rt.Context())
			if err != nil || n != expired {
				rt.Fatalf("%d cleared, %v; want %d", n, err, expired)
			}
			now := w.clock.Now()
			for _, m := range w.sessions {
				if m.placement != session.InCookie { // an older cookie may still open that
					m.dead = m.dead || !m.alive(now)
				}
			}
		},
		"": func(rt *rapid.T) {
			live, expired := w.count()
			if st, err := w.e.Stats(rt.Context()); err != nil || st.Live != live || st.Expired != expired {
				rt.Fatalf("the store has %+v, %v; want %d live and %d expired", st, err, live, expired)
			}
		},
	}
}

// count returns how many records there must be.
func (w *world) count() (live, expired int) {
	now := w.clock.Now()
	for _, m := range w.sessions {
		switch {
		case m.dead || m.placement == session.InCookie:
		case m.alive(now):
			live++
		default:
			expired++
		}
	}
	return live, expired
}

// TestModel does random requests of three browsers, tabs that work at the same
// time and replayed cookies, and wants each to see what a plain map says.
func TestModel(t *testing.T) {
	eachStore(t, func(t *testing.T, store stores.Store) {
		rapid.Check(t, func(rt *rapid.T) {
			e, clock := newEngineOn(t, store, nil)
			w := &world{e: e, clock: clock, jars: []*modelJar{{}, {}, {}}}
			rt.Repeat(w.actions())
		})
	})
}
