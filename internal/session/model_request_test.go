package session_test

import (
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sessionscope/sessionscope/internal/session"
	"pgregory.net/rapid"
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
