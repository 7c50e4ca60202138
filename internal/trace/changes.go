package trace

import (
	"cmp"
	"slices"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// What names the thing that a Change is about.
type What string

const (
	OfCookie   What = "cookie"   // the browser's session cookie: There, and Number for its size
	OfReadable What = "readable" // the cookie that scripts may read: There
	OfID       What = "id"       // the session's short name: Text
	OfVersion  What = "version"  // the session's version: Number
	OfExpiry   What = "expiry"   // when the session expires: At
	OfValue    What = "value"    // a key of the session: Value
	OfLive     What = "live"     // live records: Number
	OfExpired  What = "expired"  // records that are expired and not cleared: Number
	OfLeft     What = "left"     // the record of the session that the browser had before: Text for its ID, Number for its version
)

// Change is one difference between two exchanges: what a thing was, and what it is.
type Change struct {
	What    What
	Key     string // of a value
	Was, Is State
	How     How
}

// State is one side of a Change. Which of the fields is set depends on the Change's What.
type State struct {
	There  bool
	Number int // bytes, a version, a count
	Text   string
	At     time.Time
	Value  Value
}

// How says in what two cookies, or two values, differ.
type How string

const (
	AnotherID How = "another-id" // the cookies are of two sessions
	Signed    How = "signed"     // the press had the cookie signed anew
	Another   How = "another"    // the cookies differ and have the same size
	Moved     How = "moved"      // the value is the same, and lives elsewhere
	Alike     How = "alike"      // both values begin with the same letters
	InCookie  How = "in-cookie"  // the ID is in the browser's cookie, and no record has it
	WentAlong How = "went-along" // the ID was in a cookie that the browser does not have any more, and no record has it
)

// state returns the session that the cookie opens. When it opens none, it returns the live
// record that the store has under the ID that was looked for: partial tells that the values
// which ride in a cookie are then unknown.
func (x *Exchange) state() (s Session, partial bool) {
	if !x.Session.Exists && x.Store.State == session.StateLive {
		return x.Store.Record, x.Store.Record.Placement == session.Hybrid
	}
	return x.Session, false
}

// Changes lists what differs between a and b, as far as both know it. It compares facts, not
// the words that pages show.
func Changes(a, b *Exchange) (out []Change) {
	add := func(differ bool, c Change) {
		if differ {
			out = append(out, c)
		}
	}
	as, aPartial := a.state()
	bs, bPartial := b.state()
	out = append(out, cookieChange(a, b, as.ID, bs.ID)...)
	add(a.Cookie.Planted != b.Cookie.Planted, Change{What: OfReadable, Was: State{There: a.Cookie.Planted}, Is: State{There: b.Cookie.Planted}})
	add(as.ID != bs.ID, Change{What: OfID, Was: State{There: as.ID != "", Text: as.ID}, Is: State{There: bs.ID != "", Text: bs.ID}, How: livesID(as, bs, b.Cookie.Kept != "" || b.Cookie.Hidden)})
	add(as.ID != "" && bs.ID != "" && as.Version != bs.Version && (as.ID == bs.ID || b.Cookie.Put || b.cycled(as.ID)), Change{What: OfVersion, Was: State{Number: int(as.Version)}, Is: State{Number: int(bs.Version)}})
	add(as.ID != "" && bs.ID != "" && !as.Expires.Equal(bs.Expires), Change{What: OfExpiry, Was: State{At: as.Expires}, Is: State{At: bs.Expires}})
	out = append(out, valueChanges(as, bs, aPartial, bPartial)...)
	left := b.Store.Left
	leaves := left.ID != "" && left.ID == as.ID && left.ID != bs.ID && left.State == session.StateLive
	add(leaves, Change{What: OfLeft, Is: State{Text: left.ID, Number: int(left.Version)}})
	if a.Store.Figures.Known && b.Store.Figures.Known {
		was, is := a.Store.Figures, b.Store.Figures
		moves := (as.Placement == session.InCookie) != (bs.Placement == session.InCookie) // into a record or out of it
		ours := leaves || moves || (as.ID == "") != (bs.ID == "")                         // other browsers make and end records too
		add(ours && was.Live != is.Live, Change{What: OfLive, Was: State{Number: was.Live}, Is: State{Number: is.Live}})
		add(was.Expired != is.Expired, Change{What: OfExpired, Was: State{Number: was.Expired}, Is: State{Number: is.Expired}})
	}
	return out
}

// cycled tells whether x replaced the ID with that short name: then its session goes on.
func (x *Exchange) cycled(id string) bool {
	return slices.ContainsFunc(x.Events, func(ev session.Event) bool {
		return ev.Kind == session.Cycled && ev.Before.String() == id && ev.Session.String() == x.Session.ID
	})
}

// livesID says where the ID lives when no record has it. before and after are the sessions
// on both sides of the change; keeps tells that the browser keeps a cookie after it.
func livesID(before, after Session, keeps bool) How {
	switch {
	case cmp.Or(after.Placement, before.Placement) != session.InCookie:
		return ""
	case after.ID == "" && !keeps:
		return WentAlong
	}
	return InCookie
}

func cookieChange(a, b *Exchange, wasID, isID string) []Change {
	was, is := &a.Cookie, &b.Cookie
	name := len(was.Name)
	if was.Kept == is.Kept && was.there() == is.there() {
		return nil
	}
	c := Change{What: OfCookie, Was: State{There: was.there(), Number: name + was.Bytes}, Is: State{There: is.there(), Number: name + is.Bytes}}
	if c.Was.There && c.Is.There {
		switch {
		case wasID != isID:
			c.How = AnotherID
		case slices.ContainsFunc(b.Events, func(ev session.Event) bool { return ev.Kind == session.Signed }):
			c.How = Signed
		case was.Bytes == is.Bytes:
			c.How = Another
		}
	}
	return []Change{c}
}

func valueChanges(a, b Session, aPartial, bPartial bool) (out []Change) {
	for _, is := range b.Values {
		was, had := a.Find(is.Key)
		c := Change{What: OfValue, Key: is.Key, Was: State{There: had, Value: was}, Is: State{There: true, Value: is}}
		switch {
		case !had && aPartial && !(bPartial && is.OnServer): // nobody knew then whether the cookie carried it
		case !had:
			out = append(out, c)
		case was.Sum != is.Sum:
			if was.Text.Bytes == is.Text.Bytes && Cut(was.Text.Start, maxAlike).Start == Cut(is.Text.Start, maxAlike).Start {
				c.How = Alike
			}
			out = append(out, c)
		case was.OnServer != is.OnServer && !aPartial && !bPartial:
			c.How = Moved
			out = append(out, c)
		}
	}
	if !bPartial {
		for _, was := range a.Values {
			if _, has := b.Find(was.Key); !has {
				out = append(out, Change{What: OfValue, Key: was.Key, Was: State{There: true, Value: was}})
			}
		}
	}
	return out
}

// maxAlike is how much of a value a row of changes shows, in bytes.
const maxAlike = 60

// Against says what changed in x since before, the last exchange that shows what this browser
// and the server keep. before is nil if there is no exchange like that.
func (x *Exchange) Against(before *Exchange) (b Beside) {
	switch {
	case before == nil:
		b.First = true
	case x.Store.Down, x.Store.Unknown && !x.Session.Exists:
		b.Unknown = true
	default:
		b.Changes = Changes(before, x)
	}
	return b
}
