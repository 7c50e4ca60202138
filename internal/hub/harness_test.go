package hub

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// lab is a hub over real engines, with a store that a test can take away.
type lab struct {
	*Hub
	t     testing.TB
	seats *seat.Seats
	store *store
}

type store struct {
	session.Backend
	down atomic.Bool
	held atomic.Pointer[chan struct{}] // what looks of the hub's wait for
}

func (st *store) wait(ctx context.Context) error {
	if held := st.held.Load(); held != nil {
		select {
		case <-*held:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if st.down.Load() {
		return session.ErrDown
	}
	return nil
}

func (st *store) Peek(ctx context.Context, k session.Key) (session.Stored, error) {
	if err := st.wait(ctx); err != nil {
		return session.Stored{}, err
	}
	return st.Backend.Peek(ctx, k)
}

func (st *store) Stats(ctx context.Context) (session.Stats, error) {
	if err := st.wait(ctx); err != nil {
		return session.Stats{}, err
	}
	return st.Backend.Stats(ctx)
}

// What a lab's hub has room for.
const (
	labVisits = 64
	labBytes  = 32 << 20
)

// Begin is Hub.Begin where there is room.
func (l *lab) Begin(s *seat.Seat, family string, k session.Key) *Visit {
	l.t.Helper()
	v, err := l.Hub.Begin(s, family, k)
	if err != nil {
		l.t.Error(err)
	}
	return v
}

// Heir is Hub.Heir where there is room.
func (l *lab) Heir(secret string, s *seat.Seat) *Visit {
	l.t.Helper()
	v, err := l.Hub.Heir(secret, s)
	if err != nil {
		l.t.Error(err)
	}
	return v
}

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{t: t, store: &store{Backend: memory.New(memory.Config{})}}
	seats, err := seat.New(session.Config{Backend: l.store, Secrets: [][]byte{session.NewSecret()}, CookieName: "sessionscope", OnEvent: func(ctx context.Context, ev session.Event) {
		if x := trace.From(ctx); x != nil {
			x.Add(ev)
			return
		}
		l.Add(nil, l.seats.Root, &trace.Exchange{At: ev.Time, By: TheSweeper, Events: []session.Event{ev}}, nil, 0, After{})
	}}, 32)

	if err != nil {
		t.Fatal(err)
	}
	l.seats, l.Hub = seats, New(seats, Limits{Visits: labVisits, Bytes: labBytes})
	t.Cleanup(l.Close)
	return l
}

// inLab runs a test in a bubble, where time goes by at once.
func inLab(t *testing.T, test func(t *testing.T, l *lab)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { test(t, newLab(t)) })
}

// browser is one client: it keeps its cookie.
type browser struct {
	*lab
	seat     *seat.Seat
	cookie   string
	page     string          // which load of a page presses
	byItself bool            // nobody presses: the page's script asks what its session is
	by       string          // who sends them, "" for the browser itself
	away     bool            // they go to another program over the same store: no hub hears of them
	x        *trace.Exchange // of the last request
}

func (l *lab) browser(s *seat.Seat) *browser { return &browser{lab: l, seat: s} }

// root is a new browser on the first side.
func (l *lab) root() *browser { return l.browser(l.seats.Root) }

// second opens a family's next side, and returns its browser.
func (l *lab) second(family string) *browser {
	l.t.Helper()
	s, err := l.seats.Open(l.seats.Root, family)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.browser(s)
}

// press sends a request that does something to the session, and makes it a moment of v,
// whose number it returns; v is nil for none.
func (b *browser) press(v *Visit, op string, do func(*session.Session)) int {
	b.t.Helper()
	b.x = &trace.Exchange{At: b.now(), By: b.by, Page: b.page, Did: trace.Did{Op: op}}
	r := httptest.NewRequest("POST", "/"+op, nil)
	r = r.WithContext(context.WithValue(r.Context(), trace.Key, b.x))
	if b.cookie != "" {
		r.Header.Set("Cookie", b.seat.Engine.CookieName()+"="+b.cookie)
	}
	s, err := b.seat.Engine.Load(r)
	if err != nil {
		b.t.Fatal(err)
	}
	if do != nil {
		do(s)
	}
	if err := s.Commit(r.Context()); err != nil {
		b.t.Fatal(err)
	}
	info := s.Info()
	if info.Sent != nil {
		b.cookie = info.Sent.Value
	}
	b.x.Came(r, tap.Head{}, b.seat, "")
	b.x.Leaving(200, http.Header{}, b.seat)
	b.x.Keeps(r, b.seat, info, trace.Kept{})
	b.x.Store.ID = info.ID
	if b.away {
		return 0
	}
	after := AfterOf(info)
	after.ByItself = b.byItself
	return b.Add(v, b.seat, b.x, nil, 0, after)
}

func (b *browser) set(v *Visit, key, value string) int {
	b.t.Helper()
	return b.press(v, "set", func(s *session.Session) {
		text, err := session.Text(value)
		if err == nil {
			err = s.Set(key, text)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	})
}

func (b *browser) get(v *Visit) int { b.t.Helper(); return b.press(v, "get", nil) }

func (b *browser) flush(v *Visit) int {
	b.t.Helper()
	return b.press(v, "flush", func(s *session.Session) {
		if err := s.Flush(context.WithValue(context.Background(), trace.Key, b.x)); err != nil {
			b.t.Fatal(err)
		}
	})
}

// begun is a new browser on the first side, and its visit, which has set a key.
func (l *lab) begun() (*browser, *Visit) {
	l.t.Helper()
	b := l.root()
	v := b.open("")
	b.set(v, "a", "1")
	return b, v
}

// setInCookie sets a key of a session that is all in its cookie.
func (b *browser) setInCookie(v *Visit) {
	b.t.Helper()
	b.press(v, "set", func(s *session.Session) {
		s.SetPlacement(session.InCookie)
		text, _ := session.Text("1")
		_ = s.Set("a", text)
	})
}

// key is the key of the session that b's cookie opens.
func (b *browser) key() session.Key {
	b.t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r = r.WithContext(context.WithValue(r.Context(), trace.Key, &trace.Exchange{}))
	r.Header.Set("Cookie", b.seat.Engine.CookieName()+"="+b.cookie)
	s, err := b.seat.Engine.Load(r)
	if err != nil || !s.Exists() {
		b.t.Fatalf("the cookie opens no session: %v", err)
	}
	return s.Info().Cookie.RecordKey()
}

// open is a page that b loaded and that proved its visit.
func (b *browser) open(family string) *Visit {
	b.t.Helper()
	k := session.Key{}
	if b.cookie != "" {
		k = b.key()
	}
	v := b.Begin(b.seat, family, k)
	v.Confirm()
	return v
}

// used is a page that was opened and pressed on.
func (b *browser) used() *Visit {
	b.t.Helper()
	v := b.open("")
	v.append(packed(100), "")
	v.append(packed(100), "")
	return v
}

// said is v's timeline: what was asked for, and who did it if it was no press of its own.
func said(v *Visit) (out []string) {
	for _, e := range v.list() {
		text := e.Gist.Op
		for _, act := range e.Gist.Acts {
			if act.Kind == session.Expired || act.Kind == session.Swept {
				text = string(act.Kind)
			}
		}
		if by := e.Kin + e.Gist.By; by != "" {
			text = by + ": " + text
		}
		out = append(out, text)
	}
	return out
}

// wantSaid waits until all is told, and compares.
func wantSaid(t testing.TB, v *Visit, want ...string) {
	t.Helper()
	synctest.Wait()
	if got := said(v); !slices.Equal(got, want) {
		t.Errorf("the timeline is %q, want %q", got, want)
	}
}

// stream opens a stream of v. news tells whether the stream was signalled since the last call.
func stream(t testing.TB, v *Visit) (news func() bool, leave func()) {
	t.Helper()
	signals, leave, ok := v.Subscribe()
	if !ok {
		t.Fatal("there is no place for a stream")
	}
	return func() bool {
		synctest.Wait()
		select {
		case _, open := <-signals:
			return open
		default:
			return false
		}
	}, leave
}
