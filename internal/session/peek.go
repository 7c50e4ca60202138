package session

import (
	"context"
	"errors"
)

// State is what a store holds under a session's key.
type State string

const (
	StateNone    State = "none"    // nothing: an unknown key, a session that is gone, or a live one of placement cookie
	StateLive    State = "live"    // a session that has not expired
	StateExpired State = "expired" // a session that has expired and is not cleared yet
	StateEnded   State = "ended"   // the marker of an ID that was flushed
	StateCycled  State = "cycled"  // the marker of an ID that was replaced
	StateCorrupt State = "corrupt" // data that does not parse as a record
)

// Peeked is what the store holds of a session.
type Peeked struct {
	State State
	// Info describes a session with StateLive as far as the store knows it: with the values
	// in the record, and without a cookie.
	Info Info
	// Stored is the record as the store keeps it, zero with StateNone.
	Stored Stored
}

// Peek returns what the store holds under k. It needs no cookie, changes nothing, moves no
// clock and emits no event. The only error is a *StoreError.
func (e *Engine) Peek(ctx context.Context, k Key) (Peeked, error) {
	stored, err := e.cfg.Backend.Peek(ctx, k)
	if err = storeError("peek", err); errors.Is(err, ErrNotFound) {
		return Peeked{State: StateNone}, nil
	} else if err != nil {
		return Peeked{}, err
	}
	p := Peeked{Stored: stored, State: StateLive}
	rec := stored.Record
	switch c, err := parseContents(rec.Data); {
	case rec.Marker && !cycledAt(rec.Data).IsZero():
		p.State = StateCycled
	case rec.Marker:
		p.State = StateEnded
	case err != nil || rec.Version == 0 || rec.check() != nil:
		p.State = StateCorrupt
	case !e.Now().Before(rec.Expires):
		p.State = StateExpired
	default:
		s := &Session{e: e, id: "known by its key", key: k, rec: rec, verdict: VerdictOK}
		s.base = draft{placement: c.placement, expiry: c.expiry, values: c.values}
		p.Info = s.Info()
	}
	return p, nil
}
