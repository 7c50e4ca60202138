package session_test

import (
	"errors"
	"maps"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/session"
)

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
	f.compareValues(rt)
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

// compareValues compares the values and the clock of the session that was loaded with
// what the model says of them.
func (f *flight) compareValues(rt *rapid.T) {
	got := map[string]string{}
	for _, key := range f.s.Keys() {
		v, _ := f.s.Get(key)
		got[key] = v.Any().(string)
	}
	want := f.saw.values
	if want == nil || !f.exists {
		want = map[string]string{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		rt.Fatalf("values (-want +got):\n%s", diff)
	}
	info := f.s.Info()
	if f.exists && (!info.Expires.Equal(f.saw.expires) || info.Placement != f.saw.placement || (info.Verdict == session.VerdictStale) != f.stale) {
		rt.Fatalf("%+v, want it to end at %v, in %v, stale: %v", info, f.saw.expires, f.saw.placement, f.stale)
	}
}

// edited is what an act makes of a session, and what it asks for beside that.
type edited struct {
	after   state
	changed bool // it makes a difference
	cycle   bool // a new ID
	voids   bool // values in older cookies count no more
	rearm   bool // the expiry's clock begins anew
}

// fresh tells whether a session with a record gets a new ID.
func (ed *edited) fresh() bool { return ed.cycle || ed.after.placement == session.InCookie }

// copies tells whether the record goes on under another ID.
func (ed *edited) copies() bool { return ed.cycle && ed.after.placement != session.InCookie }

// moves tells whether values in a hybrid session's cookie would go elsewhere.
func (ed *edited) moves() bool { return ed.cycle || ed.after.placement != session.Hybrid }

// edit does a to what it saw. stale tells whether a later cookie was sent.
func (a modelAct) edit(saw state, stale bool) (ed edited) {
	ed.after = saw
	ed.after.values = maps.Clone(saw.values)
	st := &ed.after
	switch a.kind {
	case "set", "login":
		old, ok := st.values[a.key]
		st.values[a.key] = a.text
		ed.changed, ed.cycle = !ok || old != a.text || a.kind == "login", a.kind == "login"
	case "delete":
		_, ed.changed = st.values[a.key]
		delete(st.values, a.key)
	case "clear":
		ed.changed = len(st.values) > 0 || stale
		ed.voids = ed.changed
		clear(st.values)
	case "cycle":
		ed.changed, ed.cycle = true, true
	case "expiry":
		st.expiry, ed.changed, ed.rearm = a.expiry, true, true
	case "placement":
		ed.changed = st.placement != a.placement
		ed.voids = ed.changed
		st.placement = a.placement
	}
	return ed
}

// do does to a session what a model does to its state, and commits.
func (a modelAct) do(rt *rapid.T, s *session.Session) error {
	switch a.kind {
	case "set", "login":
		if !s.Exists() {
			s.SetPlacement(a.placement)
		}
		must(rt, s.Set(a.key, val(rt, a.text)))
		if a.kind == "login" {
			s.CycleID()
		}
	case "delete":
		s.Delete(a.key)
	case "clear":
		s.Clear()
	case "cycle":
		s.CycleID()
	case "expiry":
		s.SetExpiry(a.expiry)
	case "placement":
		s.SetPlacement(a.placement)
	case "flush":
		if err := s.Flush(rt.Context()); err != nil {
			return err
		}
	}
	return s.Commit(rt.Context())
}

// finish lets a request act and commit, and compares what came of it with the model.
// The answer may be lost.
func (w *world) finish(rt *rapid.T, f *flight, lost bool) {
	fault := w.fault
	if f.act.kind == "flush" {
		w.fault = modelFault{}
	}
	err := f.act.do(rt, f.s)
	unused := w.fault != modelFault{}
	w.fault = modelFault{}
	if f.act.placement == session.InCookie && errors.As(err, new(*session.LimitError)) && f.s.SetCookie() == nil {
		return // another request meanwhile set what does not fit into a cookie
	}
	if w.mayBeForgotten(f) && errors.Is(err, session.ErrGone) {
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
	var expects *modelCookie
	if len(w.cookies) > before {
		expects = w.cookies[before]
	}
	w.compareSent(rt, f, expects, err)
	switch {
	case f.s.SetCookie() == nil:
	case lost:
		w.found["lost"]++
	default:
		f.jar.cookie = expects // nil when the cookie was expired
	}
}

// mayBeForgotten tells whether the store may have removed the marker that would tell how
// the session of f ended.
func (w *world) mayBeForgotten(f *flight) bool {
	return f.exists && f.saw.placement == session.InCookie && f.cookie.id == f.cookie.of.id && w.clock.Now().Before(f.saw.expires) && w.forgets(f.cookie.of)
}

// compareSent compares the cookie that a request was answered with the one that the
// model expects, nil for none, and notes its value. err is what became of the commit.
func (w *world) compareSent(rt *rapid.T, f *flight, expects *modelCookie, err error) {
	sent := f.s.SetCookie()
	switch {
	case err != nil && sent != nil:
		rt.Fatalf("%+v was refused, and sent a cookie", f.act)
	case expects == nil && sent != nil && sent.Value != "":
		rt.Fatalf("%+v sent a cookie", f.act)
	case expects != nil && (sent == nil || sent.Value == ""):
		rt.Fatalf("%+v sent no cookie", f.act)
	case sent == nil:
		return
	}
	if sent.MaxAge < 0 != (sent.Value == "") || !w.wentBack() && int64(sent.MaxAge) > int64(lifetime/time.Second) {
		rt.Fatalf("Max-Age %d for a cookie of %d letters", sent.MaxAge, len(sent.Value))
	}
	if expects == nil {
		return
	}
	expects.value = sent.Value
	if info := f.s.Info(); w.wentBack() && expects.placement == session.InCookie && info.Created.After(expects.of.created) {
		// It was born in a time of which the store forgot ended IDs.
		if info.Created.After(w.latest) {
			rt.Fatalf("created %v, and the clock was never after %v", info.Created, w.latest)
		}
		expects.of.created, expects.expires = info.Created, clocks(info.Created, w.clock.Now(), expects.expiry)
	}
}
