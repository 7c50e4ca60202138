package trace

import (
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Gist is what a timeline tells of an exchange. Unlike the whole it stays unpacked.
type Gist struct {
	At        time.Time
	By        string // who sent it, "" for a page of that side
	Page      string // that pressed, "" when it did not say
	Status    int
	Nothing   bool   // nothing travelled for this browser
	Elsewhere bool   // it belongs to no page of this program's
	Session   string // the short name of the session afterwards, "" for none
	Wrote     bool   // something changed, and was not merely read
	Aside     bool   // it says nothing of what this browser and the server keep now

	Op, Key   string
	Found     bool
	Same      bool // of a copy: nothing was changed in it
	Away      bool // of plant: the cookie was taken away
	Put       bool // the press made another cookie the browser's, or took it away
	Pinned    bool // the press kept a copy of the cookie
	Copied    bool // it sent a copy
	Verdict   session.Verdict
	Placement session.Placement
	Acts      []Act
}

// Act is what a timeline tells of a session.Event.
type Act struct {
	Kind   session.EventKind
	Key    string
	Lives  string
	Reason string
	Place  session.Placement
	Count  int
}

// maxActs is how many acts a gist keeps. A move may tell of each key of a session, so
// those that tell of single keys make room for the others.
const maxActs = 32

// Gist returns what a timeline tells of x.
func (x *Exchange) Gist() Gist {
	g := Gist{
		At: x.At, By: x.By, Page: x.Page, Status: x.Status, Nothing: x.Nothing, Session: x.Session.ID, Wrote: x.Wrote(), Aside: x.Aside(),
		Op: x.Did.Op, Key: Cut(x.Did.Key, session.MaxKeyBytes).Start, Found: x.Did.Found, Same: x.Did.Same, Away: x.Did.Away, Put: x.Cookie.Put, Pinned: x.Did.Op == "pin" && !x.Did.PinnedAt.IsZero(),
		Copied: x.Did.Copy != nil, Verdict: x.Cookie.Verdict, Placement: x.Session.Placement,
	}
	ofKeys := 0
	for _, ev := range x.Events {
		if ev.Kind == session.Placed || ev.Kind == session.Set {
			if ofKeys++; ofKeys > maxActs {
				continue
			}
		}
		if len(g.Acts) == 2*maxActs {
			break
		}
		g.Acts = append(g.Acts, Act{ev.Kind, Cut(ev.Key, session.MaxKeyBytes).Start, ev.Lives, ev.Reason, ev.Place, ev.Count})
	}
	return g
}
