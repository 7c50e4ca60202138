package session_test

import (
	"context"
	"errors"
	"fmt"
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

const lifetime = 8 * time.Hour

// state is what a session holds, as one cookie opens it. In placement cookie it is
// the cookie's own; otherwise values has what lies on the server, and the rest is
// the record's.
type state struct {
	values    map[string]string
	placement session.Placement
	expiry    session.Expiry
	expires   time.Time
	version   uint64
}

// modelSession is a session with the record that the server has of it.
type modelSession struct {
	state
	floor   uint64
	changed uint64 // the version at which values in the cookie changed last
	created time.Time
	id      int // counts the IDs that it had
	dead    bool
}

// modelCookie is a cookie that was sent once.
type modelCookie struct {
	value string
	of    *modelSession
	id    int
	left  time.Time // when its ID was replaced
	state           // values are those that it carries
}

// modelJar is a browser, with the cookie that arrived last, nil without one.
type modelJar struct{ cookie *modelCookie }

// flight is a request that has loaded its session and not committed yet.
type flight struct {
	jar    *modelJar
	cookie *modelCookie
	s      *session.Session
	act    modelAct
	saw    state // with all values that it saw
	exists bool
	moved  bool // its ID was replaced a moment before
	stale  bool
	missed bool // a later cookie has other values than its own
	blind  bool // its cookie is from before the floor
}

// modelAct is what a request does.
type modelAct struct {
	kind      string
	key, text string
	expiry    session.Expiry
	placement session.Placement
}

// fault is what happens to the first write to the store of one commit.
type modelFault struct {
	before, after bool // it is not done; it is done, and the answer is lost
}

func (f *modelFault) hook(_ context.Context, op string) (before, after error) {
	if op != "save" && op != "create" {
		return nil, nil
	}
	now := *f
	*f = modelFault{}
	if now.before {
		before = errNth
	}
	if now.after {
		after = errNth
	}
	return before, after
}

// world is the engine and the model of it.
type world struct {
	e        *engine
	clock    *storetest.Clock
	latest   time.Time // of the clock
	swept    bool
	fault    modelFault
	jars     []*modelJar
	sessions []*modelSession
	cookies  []*modelCookie
	flights  []*flight
	found    map[string]int // how often what happened
}

func (w *world) wentBack() bool { return w.clock.Now().Before(w.latest) }

func (m *modelSession) alive(now time.Time) bool { return m != nil && !m.dead && now.Before(m.expires) }

func clocks(created, now time.Time, x session.Expiry) time.Time {
	expires := now.Add(2 * time.Hour)
	switch {
	case !x.At.IsZero():
		expires = x.At
	case x.After != 0:
		expires = now.Add(x.After)
	}
	if absolute := created.Add(lifetime); expires.After(absolute) {
		return absolute
	}
	return expires
}

// opens returns what c opens now, and whether it knows less than a later cookie.
func (w *world) opens(c *modelCookie) (saw state, exists, moved, stale bool) {
	if c == nil {
		return saw, false, false, false
	}
	m, now := c.of, w.clock.Now()
	switch {
	case c.id != m.id:
		deadline := m.created.Add(lifetime)
		if c.placement == session.InCookie {
			deadline = c.expires
		}
		return saw, false, now.Before(c.left.Add(30*time.Second)) && now.Before(deadline), false
	case m.dead:
	case c.placement == session.InCookie:
		saw = c.state
		saw.values = maps.Clone(c.values)
		return saw, now.Before(c.expires), false, false
	case m.alive(now):
		saw = m.state
		saw.values = map[string]string{}
		if m.placement == session.Hybrid {
			stale = c.version < m.version
			if c.placement == session.Hybrid && c.version >= m.floor {
				maps.Copy(saw.values, c.values)
			}
		}
		maps.Copy(saw.values, m.values)
		return saw, true, false, stale
	}
	return saw, false, false, false
}

// forgets tells whether m expired while the clock was ahead, so that the store may
// have forgotten whether its ID was ended.
func (w *world) forgets(m *modelSession) bool {
	return w.wentBack() && w.swept && !m.created.Add(lifetime).After(w.latest)
}

// blind tells whether c says nothing of the values in later cookies of a hybrid session.
func (w *world) blind(c *modelCookie) bool {
	m := c.of
	return m.placement == session.Hybrid && (c.placement != session.Hybrid || c.version < m.floor) && m.version > m.floor && c.version < m.version
}

// begin loads the session of a request and compares it with the model.
func (w *world) begin(rt *rapid.T, j *modelJar, act modelAct) *flight {
	b := &browser{e: w.e}
	if j.cookie != nil {
		b.cookie = j.cookie.value
	}
	s, err := w.e.Load(b.request())
	if err != nil {
		rt.Fatal(err)
	}
	f := &flight{jar: j, cookie: j.cookie, s: s, act: act}
	f.saw, f.exists, f.moved, f.stale = w.opens(j.cookie)
	f.blind = f.stale && w.blind(j.cookie)
	f.missed = f.stale && j.cookie.version < j.cookie.of.changed
	info := s.Info()
	if f.exists && !info.Exists && f.saw.placement == session.InCookie && w.forgets(j.cookie.of) {
		j.cookie.of.dead, f.exists = true, false
		w.found["forgotten"]++
	}
	if info.Exists != f.exists {
		rt.Fatalf("the session exists: %v, want %v; verdict %q", info.Exists, f.exists, info.Verdict)
	}
	got := map[string]string{}
	for _, key := range s.Keys() {
		v, _ := s.Get(key)
		got[key] = v.Any().(string)
	}
	want := f.saw.values
	if want == nil || !f.exists {
		want = map[string]string{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("values (-want +got):\n%s", diff)
	}
	if f.exists && (!info.Expires.Equal(f.saw.expires) || info.Placement != f.saw.placement || (info.Verdict == session.VerdictStale) != f.stale) {
		rt.Fatalf("%+v, want it to end at %v, in %v, stale: %v", info, f.saw.expires, f.saw.placement, f.stale)
	}
	if !f.exists && f.moved != (info.Verdict == session.VerdictMoved) {
		if w.latest.Equal(w.clock.Now()) {
			rt.Fatalf("verdict %q, moved: %v", info.Verdict, f.moved)
		}
		f.moved = !f.moved // its marker may have been removed while the clock was ahead
	}
	if f.exists && f.stale {
		w.found["stale"]++
	}
	return f
}

// edit does act to values, as one who sees them, and tells what else it asks for.
func (a modelAct) edit(st *state, stale bool) (changed, cycle, voids, rearm bool) {
	switch a.kind {
	case "set", "login":
		old, ok := st.values[a.key]
		st.values[a.key] = a.text
		changed, cycle = !ok || old != a.text || a.kind == "login", a.kind == "login"
	case "delete":
		_, changed = st.values[a.key]
		delete(st.values, a.key)
	case "clear":
		changed = len(st.values) > 0 || stale
		voids = changed
		clear(st.values)
	case "cycle":
		changed, cycle = true, true
	case "expiry":
		st.expiry, changed, rearm = a.expiry, true, true
	case "placement":
		changed = st.placement != a.placement
		voids = changed
		st.placement = a.placement
	}
	return changed, cycle, voids, rearm
}

// finish lets a request act and commit, and compares what came of it with the model.
// The answer may be lost.
func (w *world) finish(rt *rapid.T, f *flight, lost bool) {
	fault := w.fault
	err := error(nil)
	switch a := f.act; a.kind {
	case "set", "login":
		if !f.exists {
			f.s.SetPlacement(a.placement)
		}
		must(rt, f.s.Set(a.key, val(rt, a.text)))
		if a.kind == "login" {
			f.s.CycleID()
		}
	case "delete":
		f.s.Delete(a.key)
	case "clear":
		f.s.Clear()
	case "cycle":
		f.s.CycleID()
	case "expiry":
		f.s.SetExpiry(a.expiry)
	case "placement":
		f.s.SetPlacement(a.placement)
	case "flush":
		w.fault = modelFault{}
		err = f.s.Flush(rt.Context())
	}
	if err == nil {
		err = f.s.Commit(rt.Context())
	}
	unused := w.fault != modelFault{}
	w.fault = modelFault{}

	if f.act.placement == session.InCookie && errors.As(err, new(*session.LimitError)) && f.s.SetCookie() == nil {
		return // another request meanwhile set what does not fit into a cookie
	}
	if f.exists && f.saw.placement == session.InCookie && f.cookie.id == f.cookie.of.id && w.clock.Now().Before(f.saw.expires) &&
		errors.Is(err, session.ErrGone) && w.forgets(f.cookie.of) {
		f.cookie.of.dead = true
		return
	}
	before := len(w.cookies)
	want := w.commit(rt, f, fault)
	if want == session.ErrMoved && err == session.ErrGone && w.wentBack() {
		want = err // the marker that says where it went may have been removed
	}
	if want == session.ErrGone && fault.after && f.act.placement == session.InCookie && w.swept && errors.Is(err, errNth) {
		want = errNth // a move into the cookie counts its lifetime anew after such a sweep, and asks the store
	}
	if !errors.Is(err, want) && !(want == errNth && unused) {
		rt.Fatalf("%+v: %v, want %v", f.act, err, want)
	}
	sent := f.s.SetCookie()
	var expects *modelCookie
	if len(w.cookies) > before {
		expects = w.cookies[before]
	}
	switch {
	case err != nil && sent != nil:
		rt.Fatalf("%+v was refused, and sent a cookie", f.act)
	case expects == nil && sent != nil && sent.Value != "":
		rt.Fatalf("%+v sent a cookie", f.act)
	case expects != nil && (sent == nil || sent.Value == ""):
		rt.Fatalf("%+v sent no cookie", f.act)
	}
	if sent == nil {
		return
	}
	if sent.MaxAge < 0 != (sent.Value == "") || !w.wentBack() && int64(sent.MaxAge) > int64(lifetime/time.Second) {
		rt.Fatalf("Max-Age %d for a cookie of %d letters", sent.MaxAge, len(sent.Value))
	}
	if expects != nil {
		expects.value = sent.Value
		if info := f.s.Info(); w.wentBack() && expects.placement == session.InCookie && info.Created.After(expects.of.created) {
			// It was born in a time of which the store forgot ended IDs.
			if info.Created.After(w.latest) {
				rt.Fatalf("created %v, and the clock was never after %v", info.Created, w.latest)
			}
			expects.of.created, expects.expires = info.Created, clocks(info.Created, w.clock.Now(), expects.expiry)
		}
	}
	if lost {
		w.found["lost"]++
		return
	}
	f.jar.cookie = expects // nil when the cookie was expired
}

// commit does to the model what f does, notes the cookie that it sends, and returns
// the error that it meets.
func (w *world) commit(rt *rapid.T, f *flight, fault modelFault) error {
	now, a := w.clock.Now(), f.act
	if !f.exists {
		return w.bear(f, fault)
	}
	m, c := f.cookie.of, f.cookie
	replaced := c.id != m.id
	if a.kind == "flush" {
		switch {
		case replaced && now.Before(c.left.Add(30*time.Second)), replaced && c.placement == session.InCookie:
			if _, err := w.e.Stats(rt.Context()); err == nil && f.s.IDBefore() != "" {
				return nil // its marker was removed while the clock was ahead
			}
			return session.ErrMoved
		case !replaced:
			m.dead = true
		}
		return nil
	}
	after := f.saw
	after.values = maps.Clone(f.saw.values)
	changed, cycle, voids, rearm := a.edit(&after, f.stale)
	if !changed {
		return nil
	}
	lost := func(err error) error { // a refusal of the store's is what the lost answer was
		if fault.after {
			return errNth
		}
		return err
	}

	// Without a record the cookie is all there is.
	if f.saw.placement == session.InCookie {
		if !now.Before(f.saw.expires) {
			return session.ErrGone
		}
		after.expires, after.version = clocks(m.created, now, after.expiry), after.version+1
		fresh := cycle || after.placement != session.InCookie || rearm && after.expires.Before(m.created.Add(lifetime))
		gone := m.dead || replaced
		switch {
		case !now.Before(after.expires) && rearm:
			if replaced {
				return session.ErrMoved
			}
			m.dead = true
			return nil
		case !fresh && gone:
			return session.ErrGone
		case fresh && fault.before:
			return errNth
		case fresh && gone && after.placement == session.InCookie:
			return lost(session.ErrGone)
		case fresh && gone:
			return session.ErrGone
		}
		if fresh {
			w.replace(m)
		}
		if after.placement == session.InCookie {
			m.state = after
			w.send(m, after)
			return nil
		}
		after.version, m.floor = 1, 0
		w.write(m, after, nil, nil, false, true)
		return nil
	}

	// With a record its version counts.
	fresh := cycle || after.placement == session.InCookie
	if f.blind && (cycle || after.placement != session.Hybrid) {
		return session.ErrStale
	}
	if !rearm && !now.Before(clocks(m.created, now, after.expiry)) {
		return session.ErrGone
	}
	if fault.before {
		return errNth
	}
	if replaced || !m.alive(now) {
		if fresh && after.placement != session.InCookie {
			return session.ErrGone // the lost answer was to the copy under the new ID, and that was found
		}
		return lost(session.ErrGone)
	}
	saw, stale := f.saw, f.stale
	if m.version != f.saw.version {
		w.found["conflict"]++
		if fault.after && !(fresh && after.placement != session.InCookie) {
			return errNth
		}
		saw, _, _, stale = w.opens(c)
		after = saw
		after.values = maps.Clone(saw.values)
		changed, cycle, voids, rearm = a.edit(&after, stale)
		if missed := stale && c.version < m.changed; (missed && !f.missed || w.blind(c)) && (cycle || after.placement != session.Hybrid) {
			return session.ErrStale
		}
		if !changed {
			return nil
		}
		fresh = cycle || after.placement == session.InCookie
	}
	blind := w.blind(c)
	after.version = m.version + 1
	if after.expires = clocks(m.created, now, after.expiry); rearm && !now.Before(after.expires) {
		after.expires = time.UnixMilli(0) // no clock that goes back revives it
	}
	toServer := func(key string) bool {
		_, there := m.values[key]
		return there || blind || voids && !fresh || after.placement == session.OnServer
	}
	if fresh {
		w.replace(m)
	}
	if after.placement == session.InCookie {
		m.state, m.floor = after, 0
		w.send(m, after)
		return nil
	}
	if voids {
		m.floor = after.version
	}
	base := map[string]string{}
	for key, text := range saw.values {
		if _, there := m.values[key]; !there && m.placement == session.Hybrid {
			base[key] = text
		}
	}
	if fresh || stale && !blind {
		base = nil
	}
	was := m.placement
	send := fresh || voids || after.placement == session.Hybrid && !blind ||
		after.placement == session.OnServer && (rearm || after.expiry.After != 0 || was != after.placement)
	w.write(m, after, toServer, base, voids && !fresh, send && now.Before(after.expires))
	if fault.after && !fresh && !now.Before(after.expires) {
		return errNth // a record that has expired cannot be found again
	}
	return nil
}

// write makes after the record of m, and what it has in the cookie that is sent. With
// other values in that than base, which is nil for "in any case", it notes the version.
func (w *world) write(m *modelSession, after state, toServer func(string) bool, base map[string]string, voids, send bool) {
	half := map[string]string{}
	record := after
	record.values = map[string]string{}
	for key, text := range after.values {
		if after.placement == session.OnServer || len(text) > 250 || toServer != nil && toServer(key) {
			record.values[key] = text
		} else {
			half[key] = text
		}
	}
	m.state = record
	switch {
	case after.placement != session.Hybrid, len(half) == 0 && voids:
		m.changed = 0
	case base == nil || !maps.Equal(base, half):
		m.changed = after.version
	}
	if send {
		after.values = half
		w.send(m, after)
	}
}

func (w *world) send(m *modelSession, st state) {
	st.values = maps.Clone(st.values)
	if st.placement == session.OnServer {
		st.version = 0
	}
	w.cookies = append(w.cookies, &modelCookie{of: m, id: m.id, state: st})
}

// replace tells all older cookies of m that their ID is dead since now.
func (w *world) replace(m *modelSession) {
	for _, c := range w.cookies {
		if c.of == m && c.id == m.id {
			c.left = w.clock.Now()
		}
	}
	m.id++
	w.found["new ID"]++
}

// bear is a commit without a session: a set begins one.
func (w *world) bear(f *flight, fault modelFault) error {
	a := f.act
	staged := a.kind != "delete" && a.kind != "clear" && a.kind != "read"
	switch {
	case f.moved && staged:
		return session.ErrMoved
	case a.kind != "set" && a.kind != "login":
		return nil
	case a.placement != session.InCookie && fault.before:
		return errNth
	}
	now := w.clock.Now()
	m := &modelSession{created: now}
	w.sessions = append(w.sessions, m)
	after := state{values: map[string]string{a.key: a.text}, placement: a.placement, expires: clocks(now, now, session.Expiry{}), version: 1}
	if a.placement == session.InCookie {
		m.state = after
		w.send(m, after)
		return nil
	}
	w.write(m, after, nil, nil, false, true)
	return nil
}

func (w *world) actions() map[string]func(*rapid.T) {
	jar := func(rt *rapid.T) *modelJar { return rapid.SampledFrom(w.jars).Draw(rt, "browser") }
	draw := func(rt *rapid.T, j *modelJar) modelAct {
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
	return map[string]func(*rapid.T){
		"request": func(rt *rapid.T) {
			j := jar(rt)
			w.finish(rt, w.begin(rt, j, draw(rt, j)), false)
		},
		"answer is lost": func(rt *rapid.T) {
			j := jar(rt)
			w.finish(rt, w.begin(rt, j, draw(rt, j)), true)
		},
		"store breaks off": func(rt *rapid.T) {
			j := jar(rt)
			a := draw(rt, j)
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
			j := jar(rt)
			w.flights = append(w.flights, w.begin(rt, j, draw(rt, j)))
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
			jar(rt).cookie = rapid.SampledFrom(w.cookies).Draw(rt, "cookie")
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
		"clear expired": func(rt *rapid.T) {
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

// perCheck is a test whose clean-up is done after each of rapid's checks.
type perCheck struct {
	testing.TB
	cleanups []func()
}

func (t *perCheck) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }

func (t *perCheck) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}

// TestModel does random requests of three browsers, and compares each with what the
// rules of the three placements say. Requests overlap, answers are lost on their way
// to the browser or from the store, copies and twins of cookies come late, and the
// clock goes back.
func TestModel(t *testing.T) {
	eachStore(t, func(t *testing.T, store stores.Store) {
		found := map[string]int{}
		rapid.Check(t, func(rt *rapid.T) {
			check := &perCheck{TB: t}
			defer check.end()
			w := &world{clock: storetest.NewClock(), found: found, jars: []*modelJar{{}, {}, {}}}
			w.latest = w.clock.Now()
			backend := store.Open(check, 0, w.clock.Now)
			w.e = newEngine(t, func(c *session.Config) {
				c.Now, c.Backend = w.clock.Now, &storetest.Hooked{Backend: backend, Hook: w.fault.hook}
			})
			rt.Repeat(w.actions())
		})
		for _, what := range []string{"stale", "lost", "conflict", "new ID"} {
			if found[what] == 0 {
				t.Errorf("no %s in all of it", what)
			}
		}
		t.Log(fmt.Sprint(found))
	})
}
