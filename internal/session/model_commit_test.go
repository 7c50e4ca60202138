package session_test

import (
	"maps"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"pgregory.net/rapid"
)

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
