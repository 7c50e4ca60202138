package classroom

import (
	"net/netip"
	"time"
)

// Press is what one request did to the session of a seat.
type Press struct {
	At      time.Time
	Op      string // what was asked for: "set", "get"; "" if nobody acted, and the request only shows what the session is
	Session string // the short name of the session that the browser has after it; "" for none
	Born    bool   // the request gave birth to that session
	Sent    bool   // a session cookie of the seat came along, whether it opened anything or not
	Wrote   bool   // the request has written, or tried to

	Keys, Bytes        int       // of the session's values after it
	InCookie, OnServer int       // how many keys live where
	Expires            time.Time // when the session expires by its clock; zero if nobody knows

	Ended  string // how the session of the cookie has ended, one of the words below; "" if it has not
	Reason string // of EndedRefused: why the cookie opened nothing
}

// How a session ends, for its browser.
const (
	EndedFlushed = "flushed" // by Flush
	EndedExpired = "expired" // by its clock
	EndedCycled  = "cycled"  // the cookie has an ID that was replaced
	EndedRefused = "refused" // the cookie opens nothing, see the reason
)

// State is what a tile says first.
type State string

const (
	StateNone     State = "none"     // no session yet
	StateGone     State = "gone"     // it had one, and its cookie came no more
	StateLive     State = "live"     // it has one
	StateEnded    State = "ended"    // it has ended, see Why
	StateNoCookie State = "nocookie" // two writes in a row each gave birth to a session: no cookie comes back
)

// AwakeFor is how long a seat counts as awake after it was heard, and a device as open at it.
const AwakeFor = 25 * time.Second

// Tile is what the board shows of a seat. It is a copy and never changes.
type Tile struct {
	ID       ID
	Nickname string
	Name     string // the nickname in addresses: "amber-fox"
	Session  string // the short name; of StateEnded that of the session that has ended
	State    State
	Unseen   bool    // the seat is from before the program's start, and nothing was seen of its session since
	Why      string  // of StateEnded: one of EndedFlushed and so on
	Reason   string  // of EndedRefused: why the cookie opened nothing
	Act      ActKind // of EndedRefused: what the teacher did to every session, if that is why; "" if it is not

	Keys, Bytes        int // of the session's values; 0 without a live session
	InCookie, OnServer int // how many keys live where

	LastOp   string
	LastAt   time.Time // when that was; zero if nothing was done yet
	HeardAt  time.Time // when a page of the seat was heard last; zero if never
	Awake    bool      // heard within AwakeFor
	Flash    int64     // grows with each press
	Done     int       // how many experiments are done
	Answered bool      // the seat has answered what is asked now
	Devices  int       // how many devices were heard within AwakeFor

	Rehearsal bool // one of the program's own browsers sits there
}

// FeedLine is one event for the board's feed.
type FeedLine struct {
	At       time.Time
	Nickname string
	What     string // FeedBorn, or EndedFlushed and so on
	Why      string // of EndedRefused: why the cookie opened nothing
}

// FeedBorn tells that a session was born.
const FeedBorn = "born"

// tileDevices is how many devices of a seat are told apart.
const tileDevices = 4

// tile is a Tile with what only the board knows of it.
type tile struct {
	Tile
	version int64                    // of the board, when the tile changed last
	expires time.Time                // of a live session; zero if nobody knows
	act     ActKind                  // what was done to every session since the seat's was seen; "" for nothing
	births  int                      // how many writes in a row each gave birth to a session
	devices map[netip.Addr]time.Time // when each was heard last
}

// acted notes the last act of the seat.
func (t *tile) acted(p Press) {
	if p.Op != "" {
		t.Flash++
		t.LastOp, t.LastAt = p.Op, p.At
	}
}

// pressed changes the tile by a press.
func (t *tile) pressed(p Press) {
	t.acted(p)
	if p.At.After(t.HeardAt) {
		t.HeardAt = p.At
	}
	switch {
	case p.Born && !p.Sent:
		t.births++
	case p.Born:
		t.births = 1 // a cookie did come, and opened nothing
	case p.Wrote || p.Sent || p.Ended != "":
		t.births = 0
	}
	switch {
	case p.Session != "":
		t.State, t.Why, t.Reason, t.Act, t.act, t.Session = StateLive, "", "", "", "", p.Session
		if t.births >= 2 {
			t.State = StateNoCookie
		}
	case p.Ended != "":
		t.ended(p)
	case t.State == StateLive:
		t.State, t.Session = StateGone, ""
	}
	t.Keys, t.Bytes, t.InCookie, t.OnServer, t.expires = p.Keys, p.Bytes, p.InCookie, p.OnServer, p.Expires
	if p.Session == "" {
		t.noValues()
	}
}

// ended notes that the session has ended. After something was done to every session, a cookie of before is
// refused because of that, and so is each that is refused for the same reason.
func (t *tile) ended(p Press) {
	switch {
	case p.Ended != EndedRefused:
		t.Act = ""
	case t.act != "" || !t.told(p):
		t.Act = t.act
	}
	t.State, t.Why, t.Reason, t.act = StateEnded, p.Ended, p.Reason, ""
}

// told tells whether the tile says already how the session of a press has ended.
func (t *tile) told(p Press) bool {
	return t.State == StateEnded && t.Why == p.Ended && t.Reason == p.Reason
}

// everyone notes what was done to every session, if the seat may have one, or lost it by an act before.
func (t *tile) everyone(kind ActKind) {
	if t.Unseen || t.Act != "" || t.State == StateLive || t.State == StateNoCookie {
		t.act = kind
	}
}

// noValues notes that the seat has no live session.
func (t *tile) noValues() {
	t.Keys, t.Bytes, t.InCookie, t.OnServer, t.expires = 0, 0, 0, 0, time.Time{}
}

// heard notes that a device was heard.
func (t *tile) heard(device netip.Addr, now time.Time) {
	t.HeardAt = now
	if _, known := t.devices[device]; !known && len(t.devices) >= tileDevices {
		oldest := device
		for d, at := range t.devices {
			if oldest == device || at.Before(t.devices[oldest]) {
				oldest = d
			}
		}
		delete(t.devices, oldest)
	}
	t.devices[device] = now
}

// tick brings the tile to now. expired tells that its session has just expired by its clock.
func (t *tile) tick(now time.Time) (changed, expired bool) {
	before := t.Tile
	t.Awake = !t.HeardAt.IsZero() && now.Sub(t.HeardAt) < AwakeFor
	for d, at := range t.devices {
		if now.Sub(at) >= AwakeFor {
			delete(t.devices, d)
		}
	}
	t.Devices = len(t.devices)
	if !t.expires.IsZero() && !now.Before(t.expires) {
		expired = true
		t.State, t.Why, t.births = StateEnded, EndedExpired, 0
		t.noValues()
	}
	return t.Tile != before, expired
}

// due returns when the clock changes the tile next, or the zero time.
func (t *tile) due() time.Time {
	due := t.expires
	sooner := func(at time.Time) {
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	if t.Awake {
		sooner(t.HeardAt.Add(AwakeFor))
	}
	for _, at := range t.devices {
		sooner(at.Add(AwakeFor))
	}
	return due
}
