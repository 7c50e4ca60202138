package session_test

import (
	"maps"
	"time"

	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/session"
)

// commit does to the model what f does, notes the cookie that it sends, and returns
// the error that it meets.
func (w *world) commit(rt *rapid.T, f *flight, fault modelFault) error {
	if !f.exists {
		return w.bear(f, fault)
	}
	if f.act.kind == "flush" {
		return w.flush(rt, f)
	}
	ed := f.act.edit(f.saw, f.stale)
	if !ed.changed {
		return nil
	}
	if f.saw.placement == session.InCookie {
		return w.commitCookie(f, ed, fault)
	}
	return w.commitRecord(f, ed, fault)
}

// flush ends the session of f at once.
func (w *world) flush(rt *rapid.T, f *flight) error {
	now, m, c := w.clock.Now(), f.cookie.of, f.cookie
	replaced := c.id != m.id
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

// commitCookie is the commit of a session of placement cookie: there is no record, and
// the cookie is all there is.
func (w *world) commitCookie(f *flight, ed edited, fault modelFault) error {
	now, m, after := w.clock.Now(), f.cookie.of, ed.after
	replaced := f.cookie.id != m.id
	if !now.Before(f.saw.expires) {
		return session.ErrGone
	}
	after.expires, after.version = clocks(m.created, now, after.expiry), after.version+1
	fresh := ed.cycle || after.placement != session.InCookie || ed.rearm && after.expires.Before(m.created.Add(lifetime))
	switch gone := m.dead || replaced; {
	case !now.Before(after.expires) && ed.rearm:
		if replaced {
			return session.ErrMoved
		}
		m.dead = true
		return nil
	case !fresh && gone:
		return session.ErrGone
	case fresh && fault.before:
		return errNth
	case gone && after.placement == session.InCookie:
		return fault.or(session.ErrGone)
	case gone:
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

// commitRecord is the commit of a session that has a record, whose version counts.
func (w *world) commitRecord(f *flight, ed edited, fault modelFault) error {
	now, m, c := w.clock.Now(), f.cookie.of, f.cookie
	gone := c.id != m.id || !m.alive(now)
	switch {
	case f.blind && ed.moves():
		return session.ErrStale
	case !ed.rearm && !now.Before(clocks(m.created, now, ed.after.expiry)):
		return session.ErrGone
	case fault.before:
		return errNth
	case gone && ed.copies():
		return session.ErrGone // the lost answer was to the copy under the new ID, and that was found
	case gone:
		return fault.or(session.ErrGone)
	}
	saw, stale := f.saw, f.stale
	if m.version != f.saw.version {
		var err error
		if saw, stale, err = w.retry(f, &ed, fault); err != nil || !ed.changed {
			return err
		}
	}
	w.save(c, saw, stale, &ed)
	if fault.after && !ed.fresh() && !now.Before(ed.after.expires) {
		return errNth // a record that has expired cannot be found again
	}
	return nil
}

// retry does f's act again to what another request has written meanwhile.
func (w *world) retry(f *flight, ed *edited, fault modelFault) (saw state, stale bool, err error) {
	m, c := f.cookie.of, f.cookie
	w.found["conflict"]++
	if fault.after && !ed.copies() {
		return saw, stale, errNth
	}
	saw, _, _, stale = w.opens(c)
	*ed = f.act.edit(saw, stale)
	if missed := stale && c.version < m.changed; (missed && !f.missed || w.blind(c)) && ed.moves() {
		err = session.ErrStale
	}
	return saw, stale, err
}

// save changes the session of c as a request with that cookie did, which saw that. stale
// tells whether a later cookie was sent.
func (w *world) save(c *modelCookie, saw state, stale bool, ed *edited) {
	now, m, after := w.clock.Now(), c.of, &ed.after
	blind, fresh, voids := w.blind(c), ed.fresh(), ed.voids && !ed.fresh()
	after.version = m.version + 1
	if after.expires = clocks(m.created, now, after.expiry); ed.rearm && !now.Before(after.expires) {
		after.expires = time.UnixMilli(0) // no clock that goes back revives it
	}
	there := m.values
	toServer := func(key string) bool {
		_, ok := there[key]
		return ok || blind || voids || after.placement == session.OnServer
	}
	if fresh {
		w.replace(m)
	}
	if after.placement == session.InCookie {
		m.state, m.floor = *after, 0
		w.send(m, *after)
		return
	}
	if ed.voids {
		m.floor = after.version
	}
	base := m.inCookie(saw)
	if fresh || stale && !blind {
		base = nil
	}
	send := fresh || ed.voids || after.placement == session.Hybrid && !blind ||
		after.placement == session.OnServer && (ed.rearm || after.expiry.After != 0 || m.placement != after.placement)
	w.write(m, *after, toServer, base, voids, send && now.Before(after.expires))
}

// inCookie returns the values in saw that a hybrid session has in its cookie.
func (m *modelSession) inCookie(saw state) map[string]string {
	half := map[string]string{}
	for key, text := range saw.values {
		if _, there := m.values[key]; !there && m.placement == session.Hybrid {
			half[key] = text
		}
	}
	return half
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
