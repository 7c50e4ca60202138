package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

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

func newLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{t: t, store: &store{Backend: memory.New(memory.Config{})}}
	seats, err := seat.New(session.Config{Backend: l.store, Secrets: [][]byte{session.NewSecret()}, CookieName: "sessionscope", OnEvent: func(ctx context.Context, ev session.Event) {
		if x := trace.From(ctx); x != nil {
			x.Add(ev)
			return
		}
		l.Add(nil, l.seats.Root, &trace.Exchange{At: ev.Time, By: TheSweeper, Events: []session.Event{ev}}, nil, 0, After{})
	}})
	if err != nil {
		t.Fatal(err)
	}
	l.seats, l.Hub = seats, New(seats)
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
	seat   *seat.Seat
	cookie string
	page   string          // which load of a page presses
	look   bool            // its requests are looks that the page asks for by itself
	by     string          // who sends them, "" for the browser itself
	away   bool            // they go to another program over the same store: no hub hears of them
	x      *trace.Exchange // of the last request
}

func (l *lab) browser(s *seat.Seat) *browser { return &browser{lab: l, seat: s} }

// root is a new browser on the first side.
func (l *lab) root() *browser { return l.browser(l.seats.Root) }

// second opens a family's next side, and returns its browser.
func (l *lab) second(family string) *browser {
	l.t.Helper()
	s, err := l.seats.Open(family)
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
	after.Look = b.look
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

// stream is one of v's, and tells whether it was told anything since it was last asked.
func stream(t testing.TB, v *Visit) (told func() bool, leave func()) {
	t.Helper()
	news, leave, ok := v.Subscribe()
	if !ok {
		t.Fatal("there is no place for a stream")
	}
	return func() bool {
		synctest.Wait()
		select {
		case _, open := <-news:
			return open
		default:
			return false
		}
	}, leave
}

// A secret opens its own visit on its own browser's pages, and nothing else anywhere. Whoever shows
// it proves the visit; who only knows of it does not.
func TestASecretOpensItsVisit(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		root, second := l.seats.Root, l.second("f").seat
		v, w, theirs := l.Begin(root, "", session.Key{}), l.Begin(root, "", session.Key{}), l.Begin(second, "f", session.Key{})
		for name, c := range map[string]struct {
			secret string
			seat   *seat.Seat
			want   *Visit
		}{
			"its own":                {v.Secret, root, v},
			"the other one's":        {w.Secret, root, w},
			"the second browser's":   {theirs.Secret, second, theirs},
			"on the second's pages":  {v.Secret, second, nil},
			"the second's, here":     {theirs.Secret, root, nil},
			"a letter short":         {v.Secret[:len(v.Secret)-1], root, nil},
			"a letter more":          {v.Secret + "A", root, nil},
			"with another beginning": {"0" + v.Secret[1:], root, nil},
			"with another end":       {v.Secret[:len(v.Secret)-1] + "*", root, nil},
			"in small letters":       {strings.ToLower(v.Secret), root, nil},
			"both":                   {v.Secret + " " + w.Secret, root, nil},
			"none":                   {"", root, nil},
		} {
			got, lost := l.Prove(c.secret, c.seat)
			if got != c.want || c.want != nil && lost != NotLost {
				t.Errorf("%s: %v, %q", name, got, lost)
			}
		}
		x := l.Begin(second, "f", session.Key{})
		l.Prove(x.Secret, root)
		if x.Proved() {
			t.Error("a secret that was shown to another browser's pages proves its visit")
		}
		if l.Prove(x.Secret, second); !x.Proved() {
			t.Error("the control: a secret proves nothing")
		}
	})
}

// A secret that opens nothing says why: its visit has ended, or the program that gave it
// has; what never was a secret says nothing.
func TestWhyASecretOpensNothing(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		ended := l.Begin(l.seats.Root, "", session.Key{})
		theirs := l.Begin(l.second("f").seat, "f", session.Key{})
		time.Sleep(time.Nanosecond)
		after := New(l.seats)
		defer after.Close()
		next := after.Begin(l.seats.Root, "", session.Key{})
		time.Sleep(VisitLife + time.Second)
		live := l.Begin(l.second("g").seat, "g", session.Key{})
		for name, c := range map[string]struct {
			secret string
			want   Lost
		}{
			"of a visit that has ended":           {ended.Secret, Idle},
			"of another browser's that has ended": {theirs.Secret, Idle},
			"that was never given":                {l.start + "A", Idle},
			"of another run of the program":       {next.Secret, Restarted},
			"of any other beginning":              {strings.Repeat("A", len(l.start)+1), Restarted},
			"of another browser's pages":          {live.Secret, NotLost},
			"nothing":                             {"", NotLost},
			"as long as a beginning":              {l.start, NotLost},
			"shorter":                             {strings.Repeat("A", len(l.start)), NotLost},
			"as long as may be":                   {l.start + strings.Repeat("A", SecretLen-len(l.start)), Idle},
			"longer":                              {l.start + strings.Repeat("A", SecretLen-len(l.start)+1), NotLost},
			"far longer":                          {strings.Repeat("A", 1<<20), NotLost},
		} {
			if v, lost := l.Prove(c.secret, l.seats.Root); v != nil || lost != c.want {
				t.Errorf("a secret %s: %v, %q, want %q", name, v, lost, c.want)
			}
		}
		if len(live.Secret) > SecretLen {
			t.Errorf("a secret has %d bytes", len(live.Secret))
		}
	})
}

// What may stand in an address names a visit and opens none.
func TestANameOpensNothing(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.second("f")
		v := l.Begin(b.seat, "FAMILYFAMILYFAMILYFAMILY26", session.Key{})
		proof := v.Proof()
		for _, name := range []string{v.Name, v.Family, b.seat.Base, b.seat.Name, l.start + v.Name} {
			if got, _ := l.Prove(name, b.seat); got != nil {
				t.Errorf("%q proves a visit", name)
			}
			if l.Redeem(name, b.seat) != nil {
				t.Errorf("%q is a proof", name)
			}
		}
		if got, _ := l.Prove(proof, b.seat); got != nil {
			t.Error("a proof is a secret")
		}
		if l.Redeem(v.Secret, b.seat) != nil {
			t.Error("a secret is a proof")
		}
		if v.Proved() {
			t.Error("the visit is proved")
		}
		if l.Redeem(proof, b.seat) != v || !v.Proved() {
			t.Error("the control: a proof opens nothing")
		}
	})
}

// A proof opens its visit once, on its own browser's pages.
func TestAProofOpensOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		root, second := l.seats.Root, l.second("f").seat
		v := l.Begin(root, "", session.Key{})
		proof := v.Proof()
		if l.Redeem(proof, second) != nil || l.Redeem("", root) != nil || l.Redeem(proof[1:], root) != nil {
			t.Error("it opens on another browser's pages, or another text does")
		}
		if l.Redeem(proof, root) != v {
			t.Error("it does not open")
		}
		if l.Redeem(proof, root) != nil {
			t.Error("it opens twice")
		}
	})
}

// A visit keeps its last four proofs, and the oldest gives way.
func TestFourProofs(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		root := l.seats.Root
		v, w := l.Begin(root, "", session.Key{}), l.Begin(root, "", session.Key{})
		other := w.Proof()
		var proofs []string
		for range maxProofs + 2 {
			proofs = append(proofs, v.Proof())
		}
		if len(l.byProof) != maxProofs+1 {
			t.Errorf("%d proofs are kept", len(l.byProof))
		}
		for i, proof := range proofs[:2] {
			if l.Redeem(proof, root) != nil {
				t.Errorf("proof %d of six opens still", i+1)
			}
		}
		if l.Redeem(proofs[3], root) != v { // its place is free
			t.Error("proof 4 of six opens nothing")
		}
		last := v.Proof()
		for _, proof := range []string{proofs[2], proofs[4], proofs[5], last} {
			if l.Redeem(proof, root) != v {
				t.Error("one of the last four opens nothing")
			}
		}
		if l.Redeem(other, root) != w {
			t.Error("another visit's proof gave way")
		}
		if len(l.byProof) != 0 || len(v.proofs) != 0 {
			t.Error("used proofs are kept")
		}
	})
}

// Proofs and the secret end with the visit, and an ended one gives no more.
func TestProofsEndWithTheirVisit(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.Begin(l.seats.Root, "", session.Key{})
		proof := v.Proof()
		time.Sleep(VisitLife + time.Second)
		if l.Redeem(proof, l.seats.Root) != nil || v.Proof() != "" {
			t.Error("an ended visit is opened, or gives a proof")
		}
		if len(l.byProof) != 0 || len(l.bySecret) != 0 || l.Count() != 0 || l.Any() {
			t.Errorf("%d proofs and %d secrets are kept", len(l.byProof), len(l.bySecret))
		}
		closed := l.Begin(l.seats.Root, "", session.Key{})
		proof = closed.Proof()
		l.Close()
		l.Close() // twice is no harm
		if l.Redeem(proof, l.seats.Root) != nil || closed.Proof() != "" || l.Any() {
			t.Error("a visit is there after the end")
		}
		if v := l.Begin(l.seats.Root, "", session.Key{}); v == nil || l.Any() || v.Proof() != "" {
			t.Error("one began after the end, which somebody could find")
		}
		if got, lost := l.Prove(closed.Secret, l.seats.Root); got != nil || lost != Idle {
			t.Errorf("after the end: %v, %q", got, lost)
		}
	})
}

// Whoever shows a session's cookie sees the moments of that session, on its own browser's
// pages, and no others: not those of the session before a login, nor what was told of others.
func TestBeginShowsThatSession(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		b.page = "PAGE"
		v := b.open("")
		b.get(v) // before there is a session
		b.set(v, "a", "1")
		before := b.key()
		time.Sleep(time.Second)
		b.press(v, "login", func(s *session.Session) { s.CycleID() })
		now := b.key()
		time.Sleep(time.Second)
		w := b.open("") // another tab, with moments of its own
		b.press(w, "delete", func(s *session.Session) { s.Delete("a") })
		time.Sleep(time.Second)
		b.press(v, "keys", nil)
		stranger := l.root()
		stranger.set(stranger.open(""), "a", "1")
		synctest.Wait()

		for name, c := range map[string]struct {
			seat *seat.Seat
			k    session.Key
			want []string
		}{
			"the session of now":        {l.seats.Root, now, []string{"login", "delete", "keys"}},
			"the session of before":     {l.seats.Root, before, []string{"set"}},
			"a stranger's":              {l.seats.Root, stranger.key(), []string{"set"}},
			"no session":                {l.seats.Root, session.Key{}, nil},
			"one that nobody saw":       {l.seats.Root, session.KeyOf("nobody's"), nil},
			"on another browser's side": {l.second("f").seat, now, nil},
		} {
			u := l.Begin(c.seat, "", c.k)
			if got := said(u); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
			for i, e := range u.list() {
				if e.N != i+1 || e.Gist.Session != c.k.Name().String() || !e.Kept() {
					t.Errorf("%s: moment %d is %d of the session %q", name, i+1, e.N, e.Gist.Session)
				}
			}
			if u.Proved() || u.Family != u.Name {
				t.Errorf("%s: the visit is proved, or of a family", name)
			}
		}
	})
}

// A page that pressed on after its visit had ended goes on with one new visit, whatever it
// presses; another page, and one of another browser, has its own.
func TestALostPageHasOneHeir(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		root, second := l.seats.Root, l.second("f").seat
		lost := l.Begin(root, "", session.Key{})
		time.Sleep(VisitLife + time.Second)
		v := l.Heir(lost.Secret, root)
		if !v.Proved() || v.Secret == lost.Secret || v.Name == lost.Name || v.Family != v.Name || len(v.list()) != 0 {
			t.Errorf("the heir is %+v", v)
		}
		for range 5 {
			time.Sleep(VisitLife / 2)
			if l.Heir(lost.Secret, root) != v {
				t.Fatal("another press of the page has another heir")
			}
		}
		if l.Heir(lost.Secret+"A", root) == v {
			t.Error("another page has the same heir")
		}
		theirs := l.Heir(lost.Secret, second)
		if theirs == v || theirs.Seat != second || theirs.Family != theirs.Name {
			t.Errorf("on another browser's side the heir is of the family %s", theirs.Family)
		}
		if l.Count() != 3 {
			t.Errorf("%d visits", l.Count())
		}
		if got, _ := l.Prove(lost.Secret, root); got != nil {
			t.Error("the old secret opens the heir")
		}
		time.Sleep(VisitLife + time.Second)
		if l.Heir(lost.Secret, root) == v {
			t.Error("an heir that has ended goes on")
		}
	})
}

// The load of a page becomes the last moment of the visit that it had before: once, with
// what only that visit knows, and those who are told of that visit are told of it then.
// The visit that it was loaded as ends.
func TestAdopt(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.set(v, "a", "1")
		kin := l.second(v.Family)
		theirs := kin.open(v.Family)
		load := l.Begin(b.seat, "", b.key())
		wantSaid(t, load, "set")
		b.press(load, "lab", nil)
		wantSaid(t, v, "set")
		wantSaid(t, theirs)
		told, _ := stream(t, v)
		theirNews, _ := stream(t, theirs)
		lost, _, _ := load.Subscribe()

		l.Adopt(v, load, func(x *trace.Exchange) { x.Cookie.Known, x.Did.User = true, x.Did.Op })
		wantSaid(t, v, "set", "lab")
		wantSaid(t, theirs, "first browser: lab")
		if e, _ := v.Entry(2); !e.Kept() || e.packed.Unpack().Did.User != "lab" || !e.packed.Unpack().Cookie.Known {
			t.Errorf("its exchange is %+v", e)
		}
		if !told() || !theirNews() {
			t.Error("the streams are not told")
		}
		if _, open := <-lost; open {
			t.Error("the loaded visit goes on")
		}
		if got, why := l.Prove(load.Secret, b.seat); got != nil || why != Idle || l.Count() != 2 {
			t.Errorf("the loaded visit is there: %v, %q, %d visits", got, why, l.Count())
		}
		if e, _ := load.Entry(2); e.packed.Unpack().Cookie.Known {
			t.Error("the loaded visit's own moment was changed")
		}
		l.Adopt(v, v, func(*trace.Exchange) { t.Error("a visit adopts itself") })
		wantSaid(t, v, "set", "lab")
	})
}

// Only what the load itself was is new to the visit that adopts it: not the moments that
// it began with, however many they are.
func TestAdoptTakesNothingOfThePast(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v, w := b.open(""), b.open("")
		b.set(v, "a", "1")
		b.set(w, "a", "2")
		for _, of := range []*Visit{v, w} { // two tabs, with more moments together than one visit keeps
			e := of.list()[0]
			for range MaxMoments - 50 {
				of.append(&Moment{id: l.last.Add(1), Gist: e.Gist, Seat: b.seat, packed: e.packed}, "")
			}
		}
		synctest.Wait()
		before := v.Last()
		load := l.Begin(b.seat, "", b.key())
		if load.Timeline().Dropped == 0 {
			t.Fatal("the control: the load began with all")
		}
		b.press(load, "lab", nil)
		l.Adopt(v, load, func(*trace.Exchange) {})
		if got := said(v); v.Last() != before+1 || got[len(got)-1] != "lab" || got[len(got)-2] == "lab" {
			t.Errorf("%d moments more, the last are %q", v.Last()-before, got[len(got)-3:])
		}
	})
}

// What a page was told of is what came after the moment that it shows; what changed is the
// last write that it did not press itself.
func TestSince(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, other := l.root(), l.root()
		v := b.open("")
		b.page = "MINE"
		b.get(v)           // 1
		b.set(v, "a", "1") // 2
		other.cookie = b.cookie
		b.page = "OTHER"
		b.get(v)                 // 3
		b.set(v, "a", "2")       // 4
		other.set(nil, "b", "3") // 5
		synctest.Wait()
		b.page = "MINE"
		b.set(v, "c", "4") // 6
		b.get(v)           // 7, which changes nothing
		wantSaid(t, v, "get", "set", "get", "set", "another client: set", "set", "get")
		for _, c := range []struct {
			n    int
			page string
			want string
		}{
			{0, "MINE", "last 7, since true, others true, latest 6, changed false"},
			{5, "MINE", "last 7, since true, others false, latest 6, changed false"},
			{5, "OTHER", "last 7, since true, others true, latest 6, changed true"},
			{5, "", "last 7, since true, others true, latest 6, changed true"},
			{6, "OTHER", "last 7, since true, others true, latest 0, changed false"},
			{7, "MINE", "last 7, since false, others false, latest 0, changed false"},
			{99, "MINE", "last 7, since false, others false, latest 0, changed false"},
			{-1, "MINE", "last 7, since true, others true, latest 6, changed false"},
		} {
			news := v.Since(c.n, c.page)
			if got := fmt.Sprintf("last %d, since %t, others %t, latest %d, changed %t", news.Last, news.Since, news.Others, news.Latest.N, news.Changed); got != c.want {
				t.Errorf("after %d, for %q: %s, want %s", c.n, c.page, got, c.want)
			}
		}
		if got, want := v.Pressed("MINE", b.x.Session.ID), true; got != want {
			t.Error("a page that pressed on a session did not")
		}
		for _, c := range [][2]string{{"MINE", ""}, {"MINE", "00000000"}, {"NOBODY", b.x.Session.ID}, {"", b.x.Session.ID}} {
			if v.Pressed(c[0], c[1]) {
				t.Errorf("the page %q pressed on the session %q", c[0], c[1])
			}
		}
		if e, ok := v.Entry(8); ok || v.Last() != 7 {
			t.Errorf("moment 8 is %+v", e)
		}
		if _, ok := v.Entry(0); ok {
			t.Error("there is a moment 0")
		}
	})
}

// What a moment is compared with is the last state that is known on its side of the
// family, and the sender's exchange before it.
func TestCompare(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		kin := l.second(v.Family)
		theirs := kin.open(v.Family)
		b.set(v, "a", "1")        // 1
		kin.set(theirs, "k", "9") // 2, of the second browser
		own := b.cookie           //
		b.by = "a copy"           // the server's own client, with a copy of the cookie
		b.set(v, "a", "5")        // 3
		b.by, b.cookie = "", own  //
		b.set(v, "a", "2")        // 4
		kin.set(theirs, "k", "8") // 5
		wantSaid(t, v, "set", "second browser: set", "a copy: set", "set", "second browser: set")
		look := func(n int) (trace.Exchange, trace.Beside) {
			e, _ := v.Entry(n)
			return v.Look(t.Context(), e)
		}
		for n, want := range map[int]struct {
			first bool
			with  int // the exchange that its heads were compared with
			value string
		}{
			1: {first: true}, 2: {first: true}, 3: {with: 0, value: `"1" → "5"`}, 4: {with: 1, value: `"1" → "2"`}, 5: {with: 2, value: `"9" → "8"`},
		} {
			x, beside := look(n)
			value := ""
			for _, c := range beside.Changes {
				if c.What == trace.OfValue {
					value += c.Was.Value.Text.Start + " → " + c.Is.Value.Text.Start
				}
			}
			if beside.First != want.first || beside.N != want.with || value != want.value || x.Did.Op == "" {
				t.Errorf("moment %d of %q: first %t, with %d, %q", n, x.Did.Op, beside.First, beside.N, value)
			}
		}
		x := *b.x
		if beside := v.Compare(t.Context(), &x, 0, ""); beside.N != 4 || len(beside.Changes) != 0 {
			t.Errorf("one that is no moment yet: %+v", beside)
		}
		if e, _ := v.Entry(4); !cmp.Equal(e.packed.Unpack().Request, b.x.Request) {
			t.Error("looking changed what is kept")
		}
	})
}

// An answer that has not left is waited for a second, and is shown unfinished then.
func TestALookWaitsASecond(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		x := &trace.Exchange{Did: trace.Did{Op: "get"}, At: l.now()}
		l.Add(v, b.seat, x, new(tap.Answer), 0, After{})
		e, _ := v.Entry(1)
		began := time.Now()
		got, _ := v.Look(t.Context(), e)
		if took := time.Since(began); took != leaveTime || got.Answer.Finished {
			t.Errorf("after %v the answer is %+v", took, got.Answer)
		}
		began = time.Now()
		if v.Look(t.Context(), e); time.Since(began) != 0 {
			t.Error("one that did not leave within a second is waited for again")
		}
		l.Add(v, b.seat, &trace.Exchange{Did: trace.Did{Op: "get"}, At: l.now()}, new(tap.Answer), 0, After{})
		e, _ = v.Entry(2)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began = time.Now()
		if v.Look(ctx, e); time.Since(began) != 0 {
			t.Error("a look that waits for nothing waits")
		}
	})
}

// A moment that several visits share is shown once to a page that begins with it, whole if
// any of them has its exchange still.
func TestASharedMomentIsShownOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.set(v, "a", "1")
		w := b.open("")
		wantSaid(t, w, "set")
		v.append(packed(maxPacked), "") // v loses the exchange, w has it still
		if mine, _ := v.Entry(1); mine.Kept() {
			t.Fatal("the control: the exchange is kept")
		}
		for range 10 { // in whatever order the visits are asked
			u := l.Begin(b.seat, "", b.key())
			wantSaid(t, u, "set")
			if e, _ := u.Entry(1); !e.Kept() {
				t.Fatal("the exchange is lost")
			}
		}
	})
}

// So is the load of a page that a visit adopted while another page had begun with it.
func TestAnAdoptedMomentIsShownOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.set(v, "a", "1")
		load := l.Begin(b.seat, "", b.key())
		b.press(load, "lab", nil)
		tab := l.Begin(b.seat, "", b.key()) // meanwhile
		l.Adopt(v, load, func(*trace.Exchange) {})
		wantSaid(t, tab, "set", "lab")
		wantSaid(t, l.Begin(b.seat, "", b.key()), "set", "lab")
	})
}

// A page that says twice from where it was loaded, at the same time, is one moment.
func TestAdoptOnce(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.set(v, "a", "1")
		load := l.Begin(b.seat, "", b.key())
		b.press(load, "lab", nil)
		for range 2 { // both found the load before it ended
			l.Adopt(v, load, func(*trace.Exchange) {})
		}
		wantSaid(t, v, "set", "lab")
	})
}

// The visit that adopts a load watches the session that the load's browser had, and no
// other; while the store is down it knows nothing new.
func TestAdoptFollowsTheLoad(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		b.get(v)
		b.set(nil, "a", "1") // another tab, of which v has not heard
		b.expiry(nil, 30*time.Second)
		synctest.Wait()
		if has, _ := v.Has(b.key()); has {
			t.Fatal("the control: the visit has heard of it")
		}
		adopt := func() {
			load := l.Begin(b.seat, "", session.Key{})
			b.press(load, "lab", nil)
			before := v.Session()
			l.Adopt(v, load, func(*trace.Exchange) {
				if v.Session() != before {
					t.Error("what was there before is not known any more when the exchange is completed")
				}
			})
		}
		adopt()
		if has, _ := v.Has(b.key()); !has {
			t.Error("the session that the load found is not this browser's")
		}
		b.withCookieOf().set(nil, "a", "2")
		wantSaid(t, v, "get", "lab", "another client: set")
		time.Sleep(30 * time.Second)
		wantSaid(t, v, "get", "lab", "another client: set", "the clock: expired")
		b.set(nil, "a", "3")
		synctest.Wait()
		adopt()
		now := b.key()
		down := l.Begin(b.seat, "", session.Key{})
		l.Add(down, b.seat, &trace.Exchange{Did: trace.Did{Op: "lab"}, Store: trace.Store{Down: true}}, nil, 0, After{Unknown: true})
		l.Adopt(v, down, func(*trace.Exchange) {})
		if has, _ := v.Has(now); !has {
			t.Error("while the store was down the browser lost its session")
		}
		b.cookie = ""
		adopt()
		if has, _ := v.Has(session.Key{}); !has {
			t.Error("the browser has a session that it threw away")
		}
	})
}
