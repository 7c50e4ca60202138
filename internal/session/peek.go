package session

import (
	"context"
	"errors"
)

// State is what a store holds under a session's key.
type State string

const (
	StateNone    State = "none"    // nothing: never there, or gone; and all there is of a live session of placement cookie
	StateLive    State = "live"    // a session that opens
	StateExpired State = "expired" // a session that opens no more, and is not cleared yet
	StateEnded   State = "ended"   // the headstone of a flushed ID
	StateCycled  State = "cycled"  // the headstone of an ID that was replaced
	StateCorrupt State = "corrupt" // something that is no record
)

// Peeked is what the store holds of a session, whoever asks.
type Peeked struct {
	State State
	// Info describes a session with StateLive, as far as the store knows it: its
	// values are those of the record, and there is no cookie.
	Info Info
	// Stored is the record as it lies there; zero with StateNone.
	Stored Stored
}

// Peek looks at what lies under k, without a cookie. It changes nothing, moves no
// clock and tells no event. The only error is a *StoreError.
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
		s := &Session{e: e, id: "known by its key alone", key: k, rec: rec, verdict: VerdictOK}
		s.base = draft{placement: c.placement, expiry: c.expiry, values: c.values}
		p.Info = s.Info()
	}
	return p, nil
}
