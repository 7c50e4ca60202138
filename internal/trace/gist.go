package trace

import (
	"slices"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Gist is what a row of a timeline tells of an exchange. It is never packed.
type Gist struct {
	At        time.Time
	By        string // who sent the request, "" for a page of that side
	Page      string // the ID of the page that pressed, "" when it did not say
	Status    int
	Nothing   bool   // this browser sent no request
	Elsewhere bool   // no page of this program sent it
	OtherPage bool   // of Nothing: another page did it, whose cookies this browser may share
	Session   string // the short name of the session afterwards, "" for none
	Wrote     bool   // something changed
	Aside     bool   // the exchange does not show what this browser and the server keep now

	Op, Key   string
	Found     bool
	Same      bool // of a copy: nothing was changed in it
	Away      bool // of flush: the page started over; of plant: the cookie was taken away
	Put       bool // the press made another cookie the browser's, or took it away
	Pinned    bool // the press kept a copy of the cookie
	Copied    bool // the press had a copy of the cookie sent
	Changed   bool // the request carried a copy of the cookie in which a part was changed
	Short     bool // the press gave the session an expiry of its own, of minutes at most
	Pin       int  // the number of the pin that the press made, or that the request carried a copy of
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

// maxShort is the longest expiry that a Gist calls short.
const maxShort = 5 * time.Minute

// maxActs is how many acts on single keys a gist keeps: moving a session to another placement
// is an act for each of its keys. A gist keeps 2×maxActs acts of all kinds.
const maxActs = 32

// Gist returns what a timeline tells of x.
func (x *Exchange) Gist() Gist {
	g := Gist{
		At: x.At, By: x.By, Page: x.Page, Status: x.Status, Nothing: x.Nothing, Session: x.Session.ID, Wrote: x.Wrote(), Aside: x.Aside(),
		Op: x.Did.Op, Key: Cut(x.Did.Key, session.MaxKeyBytes).Start, Found: x.Did.Found, Same: x.Did.Same, Away: x.Did.Away, Put: x.Cookie.Put, Pinned: x.Did.Op == "pin" && !x.Did.PinnedAt.IsZero(),
		Copied: x.Did.Copy != nil, Verdict: x.Cookie.Verdict, Placement: x.Session.Placement,
		Changed: x.Change != "" && x.Change != "value", Pin: x.Did.Pin, Short: x.Did.Expiry.After != 0 && x.Did.Expiry.After <= maxShort,
	}
	if n := min(len(x.Events), 2*maxActs); n > 0 {
		g.Acts = make([]Act, 0, n)
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

// Repeats tells whether g and before are the same thing done twice: this browser sent no request,
// nothing was written, and the same sender did the same to the same session. A timeline shows them
// as one row: a stranger can repeat a request hundreds of times a second.
func (g *Gist) Repeats(before *Gist) bool {
	return g.Nothing && before.Nothing && !g.Wrote && !before.Wrote && g.By == before.By && g.Op == before.Op && g.Key == before.Key && g.Session == before.Session && g.Aside == before.Aside &&
		slices.EqualFunc(g.Acts, before.Acts, func(a, b Act) bool { return a.Kind == b.Kind && a.Key == b.Key && a.Reason == b.Reason })
}
