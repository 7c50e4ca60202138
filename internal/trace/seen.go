package trace

import (
	"net/url"
	"slices"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Seen is an exchange as somebody may see it: no cookie in it opens a session that the
// request which looks has no right to. Only Exchange.Seen makes one.
type Seen struct {
	exchange

	N      int    // its number in the visit, 0 when it belongs to none
	Past   bool   // it is not the exchange that carries the page
	Of     string // whose it is in a family of browsers, "" for the visit's own
	Beside Beside
}

// exchange is what a Seen embeds: outside this package nobody can put one there.
type exchange = Exchange

// Beside is what Compare found out.
type Beside struct {
	N       int      // the exchange that its heads were compared with, 0 for none
	Same    int      // fields of both heads that are the same
	First   bool     // there is no moment before it
	Unknown bool     // nobody can say what changed: the store did not answer
	Changes []Change // of browser and server, against the moment before
}

// Seen hides in x every cookie for which opens is true: those that open a session still
// and that the request which looks does not carry. When x is of a copy, a letter may turn
// what it holds into the cookie that was copied: all is hidden with that one.
func (x Exchange) Seen(opens func(cookie string) bool) Seen {
	known := make(map[string]bool)
	all := x.Source != "" && opens(x.Source)
	hides := func(value string) bool {
		hide, asked := known[value]
		if !asked {
			hide = all || opens(value)
			known[value] = hide
		}
		return hide
	}
	x.Source = ""
	hid := false
	for _, fields := range []*[]Field{&x.Request.Fields, &x.Answer.Fields} {
		*fields = clone(*fields)
		for _, f := range *fields {
			for i, p := range f.Pieces {
				if p.Kind == Token && p.Text != "" && hides(p.Text) {
					f.Pieces[i] = Piece{Kind: Hidden, Bytes: len(p.Text)}
					hid = true
				}
			}
		}
	}
	x.Request.Body = slices.Clone(x.Request.Body)
	for i, p := range x.Request.Body {
		if typed, err := url.QueryUnescape(p.Text); err == nil && p.Kind == Token && hides(typed) {
			x.Request.Body[i] = Piece{Kind: Hidden, Bytes: len(p.Text)}
		}
	}
	if x.Cookie.Kept != "" && hides(x.Cookie.Kept) {
		x.Cookie.Kept, x.Cookie.Hidden = "", true
	}
	if hid {
		x.Answer.Body = Text{} // it tells of the session that is hidden
	}
	return Seen{exchange: x}
}

// Only leaves out of x what it tells of other sessions than that of the short name id: of
// the other browsers of a family, and of the one that the browser had before. A session
// whose ID became id is no other.
func (x *Exchange) Only(id string) {
	ids := []string{"", id}
	for _, ev := range x.Events {
		if ev.Session.String() == id {
			ids = append(ids, ev.Before.String())
		}
	}
	other := func(id string) bool { return !slices.Contains(ids, id) }
	x.Events = slices.DeleteFunc(slices.Clone(x.Events), func(ev session.Event) bool { return other(ev.Session.String()) })
	x.Store.Figures.Family = nil
	if other(x.Store.Left.ID) {
		x.Store.Left = Left{}
	}
	if other(x.Did.Was.ID) {
		x.Did.Was = Session{}
	}
	source := x.Source
	*x = x.Seen(func(cookie string) bool {
		l, _ := session.Peel(cookie)
		e, ok := l.Envelope()
		return ok && other(session.KeyOf(e.ID).Name().String())
	}).exchange
	x.Source = source // what is to be hidden with it is not known yet
}

// clone copies fields with their pieces: what is hidden for one stays for others.
func clone(fields []Field) []Field {
	out := make([]Field, len(fields))
	for i, f := range fields {
		out[i] = f
		out[i].Pieces = append([]Piece(nil), f.Pieces...)
	}
	return out
}

// Hid tells whether anything was hidden.
func (s *Seen) Hid() bool {
	if s.Cookie.Hidden {
		return true
	}
	for _, fields := range [][]Field{s.Request.Fields, s.Answer.Fields} {
		for _, f := range fields {
			for _, p := range f.Pieces {
				if p.Kind == Hidden {
					return true
				}
			}
		}
	}
	return false
}

// Nobody is for Seen where no cookie opens anything: of a private server that is on no
// browser's way, whose secrets die with it.
func Nobody(string) bool { return false }
