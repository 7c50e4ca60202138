package session

import (
	"context"
	"time"
)

// Event tells of one thing that the engine did, at the moment when it did it. The lab's
// timeline, the logs and the metrics are made of events.
type Event struct {
	Kind    EventKind
	Time    time.Time
	Session Name      // the session's short name
	Key     string    // the key that was set, deleted or placed
	Before  Name      // the short name that Cycled replaced
	Reason  string    // why something was refused, expired or discarded; of Placed and Signed, one of the reasons below
	Place   Placement // of the session
	Lives   string    // where Placed put the value: "cookie" or "server"
	Bytes   int       // of the value, the cookie or the record
	Version uint64    // of the session
	Count   int       // how many keys were cleared, or records swept

	KeyNumber, KeyCount int  // which signing key verified or signed, counted from 1, of how many
	Known               bool // these very bytes were signed or verified before: nothing was computed again
}

// EventKind names what happened.
type EventKind string

const (
	Created   EventKind = "created"   // a session was born
	Read      EventKind = "read"      // a cookie verified and opened its session
	Set       EventKind = "set"       // a key has a new value
	Deleted   EventKind = "deleted"   // a key is gone
	Cleared   EventKind = "cleared"   // every key is gone
	Flushed   EventKind = "flushed"   // the session has ended
	Cycled    EventKind = "cycled"    // the session has a new ID
	Expired   EventKind = "expired"   // a session was found, or made, expired
	Swept     EventKind = "swept"     // expired records were removed
	Conflict  EventKind = "conflict"  // another request wrote first: reload and try again
	Discarded EventKind = "discarded" // staged changes were dropped
	Refused   EventKind = "refused"   // a cookie opened nothing, or is stale
	Placed    EventKind = "placed"    // a value was put into the cookie or the record
	Signed    EventKind = "signed"    // a cookie was signed
	Saved     EventKind = "saved"     // a record was written
)

// Why Placed put a value on the server in placement hybrid: the Reason of the event.
const (
	PlacedLarge  = "large"   // it has more than MaxSmallBytes
	PlacedStays  = "stays"   // its key was on the server before, and stays there until it is deleted
	PlacedStale  = "stale"   // a new cookie would replace values that this request does not know
	PlacedNoRoom = "no-room" // the cookie has no room for it
)

// Why Signed made a new cookie: the Reason of the event. The first that holds is told.
const (
	SignedBirth     = "birth"     // it is the first cookie of the session
	SignedID        = "id"        // the session has a new ID
	SignedPlacement = "placement" // the values live in another place
	SignedExpiry    = "expiry"    // the session's own expiry was set
	SignedValues    = "values"    // the values in the cookie are others
	SignedVersion   = "version"   // only the version in the cookie is another
	SignedSecret    = "secret"    // an older secret had signed the cookie
	SignedClock     = "clock"     // the idle clock is in the cookie, and was moved
	SignedMaxAge    = "max-age"   // only the Max-Age beside it is another
)

// watched tells whether anybody wants the events of ctx.
func (e *Engine) watched(ctx context.Context) bool {
	return e.cfg.OnEvent != nil && (e.cfg.Watched == nil || e.cfg.Watched(ctx))
}

// emit passes an event on to OnEvent, with the time. It costs next to nothing while nobody
// wants events.
func (e *Engine) emit(ctx context.Context, ev Event) {
	if !e.watched(ctx) {
		return
	}
	ev.Time = e.Now()
	e.cfg.OnEvent(ctx, ev)
}
