package trace

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Seen is an exchange as a reader may see it: no cookie in it opens a session to which the
// reader's request has no right. Only Exchange.Seen makes a Seen.
type Seen struct {
	exchange

	N      int    // its number in the visit, 0 for an exchange of no visit
	Past   bool   // another exchange loaded the page that shows this one
	Of     string // the browser of the family that sent it, "" for the visit's own
	Beside Beside
	Edited Span // where the session cookie that it carried differs from the cookie of which that is a copy
}

// Span is a part of a text, in bytes. It is empty when To is not larger than From.
type Span struct{ From, To int }

// exchange is what a Seen embeds: code outside this package cannot set a field of this name.
type exchange = Exchange

// Beside is how an exchange compares with the exchanges before it.
type Beside struct {
	N       int      // the number of the exchange that its heads were compared with, 0 for none
	Same    int      // how many fields of both heads are the same
	First   bool     // there is no moment before it
	Unknown bool     // the store did not answer, so that nobody knows what changed
	Changes []Change // what changed in browser and server since the moment before
}

// Seen returns x without the cookies for which opens returns true: cookies that still open a
// session, and that the reader's request does not carry. When x carried a changed copy of a
// cookie, one letter may turn the copy back into the cookie: if opens returns true for the copied
// cookie, Seen hides all cookies.
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
	var edited Span
	if x.Source != "" && !all {
		edited = x.edited()
	}
	x.Source = ""
	hid := x.hideCookies(hides)
	// A cookie that was typed into a form is hidden by itself: no answer tells of the session that
	// it opens, since a copy that carries it is an exchange of its own.
	x.Request.Body = slices.Clone(x.Request.Body)
	for i, p := range x.Request.Body {
		if typed, err := url.QueryUnescape(p.Text); err == nil && p.Kind == Token && hides(strings.TrimSpace(typed)) {
			x.Request.Body[i] = Piece{Kind: Hidden, Bytes: len(p.Text)}
		}
	}
	x.Request.Body = hideTyped(x.Request.Body, hides)
	for i, f := range x.Request.Fields {
		x.Request.Fields[i].Pieces = hideTyped(f.Pieces, hides)
	}
	target := ""
	for _, p := range hideTyped([]Piece{{Text: x.Request.Target.Start}}, hides) {
		if p.Kind == Hidden {
			p.Text = "…"
		}
		target += p.Text
	}
	x.Request.Target.Start = target
	if x.Cookie.Kept != "" && hides(x.Cookie.Kept) {
		x.Cookie.Kept, x.Cookie.Hidden = "", true
	}
	if hid {
		x.Answer.Body = Text{} // it tells of the session that the hidden cookie opens
	}
	return Seen{exchange: x, Edited: edited}
}

// hideCookies takes the session cookies for which hides returns true out of both heads. It returns
// whether there was one.
func (x *Exchange) hideCookies(hides func(string) bool) (hid bool) {
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
	return hid
}

// edited returns where the session cookie that x carried differs from Source.
func (x *Exchange) edited() Span {
	for _, f := range x.Request.Fields {
		if http.CanonicalHeaderKey(f.Name) != "Cookie" {
			continue
		}
		for _, p := range f.Pieces {
			if p.Kind == Token {
				return Differing(x.Source, p.Text)
			}
		}
	}
	return Span{}
}

// Differing returns where b differs from a, without the beginning and the end that they
// share. When more than a third of b differs, b was not made from a, and the span is empty.
func Differing(a, b string) Span {
	from, to := 0, len(b)
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	for i := len(a); i > from && to > from && a[i-1] == b[to-1]; i-- {
		to--
	}
	if from >= to || 3*(to-from) > len(b) {
		return Span{}
	}
	for from > 0 && !utf8.RuneStart(b[from]) {
		from--
	}
	for to < len(b) && !utf8.RuneStart(b[to]) {
		to++
	}
	return Span{from, to}
}

// hideTyped returns the pieces with each cookie hidden that stands in plain text, that a
// client typed: into a field of a form, or into another header than Cookie.
func hideTyped(pieces []Piece, hides func(cookie string) bool) (out []Piece) {
	for _, p := range pieces {
		from := 0
		for _, at := range typedCookies(p) {
			if !hides(p.Text[at.from:at.to]) {
				continue
			}
			if at.from > from {
				out = append(out, Piece{Text: p.Text[from:at.from]})
			}
			out = append(out, Piece{Kind: Hidden, Bytes: at.to - at.from})
			from = at.to
		}
		if from > 0 {
			p = Piece{Kind: p.Kind, Text: p.Text[from:]}
		}
		if from == 0 || p.Text != "" {
			out = append(out, p)
		}
	}
	return out
}

// minCookie is the smallest size of a session cookie's value, in bytes. No other word in the
// requests of this program's pages is as long.
const minCookie = 80

type span struct{ from, to int }

// typedCookies returns where in p a client may have typed a cookie: the words of base64, with
// their padding, that have minCookie letters.
func typedCookies(p Piece) (out []span) {
	if p.Kind != Plain && p.Kind != Token {
		return nil
	}
	for from := 0; from < len(p.Text); from++ {
		to := from
		for to < len(p.Text) && isBase64URL(p.Text[to]) {
			to++
		}
		if to-from >= minCookie {
			for n := 0; n < 2 && to < len(p.Text) && p.Text[to] == '='; n++ {
				to++
			}
			out = append(out, span{from, to})
		}
		from = to
	}
	return out
}

func isBase64URL(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// Only removes from x what it tells of other sessions than the session with the short name id:
// the sessions of the family's other browsers, and the session that the browser had before. A
// session whose ID was replaced by id is the same session.
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
	if other(x.Did.Return.ID) {
		x.Did.Return = Return{}
	}
	source := x.Source
	*x = x.Seen(func(cookie string) bool { return other(SessionIn(cookie)) }).exchange
	x.Source = source // Only knows one session; a later call of Seen decides with Source which cookies to hide
}

// SessionIn returns the short name of the session that a cookie names, whether or not its
// signature is right; "" for a value that is no cookie of an engine.
func SessionIn(cookie string) string {
	l, _ := session.Peel(cookie)
	e, ok := l.Envelope()
	if !ok {
		return ""
	}
	return session.KeyOf(e.ID).Name().String()
}

// clone copies fields with their pieces, so that a piece can be hidden in the copy only.
func clone(fields []Field) []Field {
	out := make([]Field, len(fields))
	for i, f := range fields {
		out[i] = f
		out[i].Pieces = append([]Piece(nil), f.Pieces...)
	}
	return out
}

// Hid tells whether a cookie was hidden that the browser sent, got or keeps. A typed cookie does
// not count: what s tells of the session is whole without it.
func (s *Seen) Hid() bool {
	if s.Cookie.Hidden {
		return true
	}
	for _, fields := range [][]Field{s.Request.Fields, s.Answer.Fields} {
		for _, f := range fields {
			if name := http.CanonicalHeaderKey(f.Name); name != "Cookie" && name != "Set-Cookie" {
				continue // typed
			}
			for _, p := range f.Pieces {
				if p.Kind == Hidden {
					return true
				}
			}
		}
	}
	return false
}

// HideNothing is an argument of Seen for the exchanges of an experiment, and for nothing else
// (TestWhoHidesNothing): their cookies were signed by a private server, whose secrets end with
// the run, so that they open nothing of the lab.
func HideNothing(string) bool { return false }
