package trace

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
)

// The header fields in which a page's script names its visit and itself. Their values open the
// visit, and are never kept.
const (
	PageHeader  = "Sessionscope-Page"  // the visit's secret, the ID of the page, the last moment that it shows, and the op of its code panel, with spaces between
	LoadHeader  = "Sessionscope-Load"  // the secret of the visit that was made for the page's load
	VisitHeader = "Sessionscope-Visit" // in answers: the secret that the page shows from now on
)

// secretFields are the fields of forms and addresses whose values open a visit.
var secretFields = map[string]PieceKind{"page": Secret, "x": Once}

// secretField returns the kind of a field's value that opens a visit, "" for any other field.
// name is as it stands in the form, percent-encoded or not.
func secretField(name string) PieceKind {
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	return secretFields[name]
}

// OpensVisit tells whether the value of a field opens a visit. name is as it stands in the form,
// percent-encoded or not.
func OpensVisit(name string) bool { return secretField(name) != "" }

// Cut returns the beginning of s, at most n bytes of it.
func Cut(s string, n int) Text {
	t := Text{s, len(s)}
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		t.Start = strings.Clone(s[:n])
	}
	t.Start = asText(t.Start)
	return t
}

// asText returns s with U+FFFD in place of each byte that is not UTF-8. JSON replaces these bytes
// too, and an exchange must be the same after it was packed, since it is compared with later ones.
func asText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// Came notes the request as it came to side s. head is what the connection knows of the request:
// if head has no lines, the fields come from net/http. body is what the server read.
func (x *Exchange) Came(r *http.Request, head tap.Head, s *seat.Seat, body string) {
	x.Side = s.Name
	x.Request = Request{
		Method: r.Method, Host: r.Host, Target: Cut(r.RequestURI, maxText), Proto: r.Proto,
		AsSent: head.Lines != nil, HeadBytes: head.Bytes, Body: bodyPieces(r.URL.Path, body), BodyBytes: len(body), Length: r.ContentLength,
	}
	x.Request.Fields = fields(requestFields(r, head.Lines), s.KindOf)
}

// Leaving notes the answer as far as its handler knows it.
func (x *Exchange) Leaving(status int, h http.Header, s *seat.Seat) {
	x.Status = status
	x.Answer = Answer{Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Fields: fields(sorted(h), s.KindOf), Body: x.Answer.Body}
}

// Said keeps the beginning of an answer's body, which is JSON.
func (x *Exchange) Said(body []byte) { x.Answer.Body = Cut(strings.TrimSpace(string(body)), maxText) }

// Finish notes the answer as it left.
func (x *Exchange) Finish(left tap.Left, s *seat.Seat) {
	x.Answer = Answer{
		Status: left.Status, Fields: Fields(left.Lines, s.KindOf), Body: x.Answer.Body, Finished: true,
		HeadBytes: left.HeadBytes, BodyBytes: left.BodyBytes, Took: left.Took,
	}
}

// line is one line of a head.
type line struct{ name, value string }

// requestFields returns the lines of r's head as they came or, if its connection did not keep the
// lines, as net/http has them.
func requestFields(r *http.Request, head []string) []line {
	if head != nil {
		return split(head)
	}
	h := r.Header.Clone()
	if r.ContentLength > 0 {
		h.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	return append([]line{{"Host", r.Host}}, sorted(h)...)
}

// split returns the lines of a head as names and values.
func split(head []string) []line {
	lines := make([]line, 0, len(head))
	for _, text := range head {
		name, value, _ := strings.Cut(text, ":")
		lines = append(lines, line{name, strings.TrimSpace(value)})
	}
	return lines
}

// sorted returns the lines of h in the order in which net/http writes them.
func sorted(h http.Header) []line {
	lines := make([]line, 0, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			lines = append(lines, line{name, value})
		}
	}
	return lines
}

// KindOf says what the cookie of a name is.
type KindOf func(name string) seat.Kind

// Fields returns the lines of a head, without the values that must not be kept.
func Fields(head []string, kindOf KindOf) []Field { return fields(split(head), kindOf) }

func fields(lines []line, kindOf KindOf) []Field {
	out := make([]Field, 0, len(lines))
	for _, l := range lines {
		out = append(out, Field{Name: l.name, Pieces: asTexts(pieces(http.CanonicalHeaderKey(l.name), l.value, kindOf))})
	}
	return out
}

// pieces takes a field's value apart.
func pieces(name, value string, kindOf KindOf) (out []Piece) {
	text := func(t string) { out = append(out, Piece{Text: t}) }
	switch name {
	case "Cookie":
		for i, pair := range strings.SplitN(value, ";", maxPairs+1) {
			if i > 0 {
				text("; ")
			}
			if i == maxPairs {
				out = append(out, withheld(Foreign, pair))
				break
			}
			out = append(out, cookiePieces(strings.TrimSpace(pair), kindOf)...)
		}
	case "Set-Cookie":
		pair, attributes, found := strings.Cut(value, ";")
		if out = cookiePieces(pair, kindOf); found {
			text(";" + attributes)
		}
	case "Location", "Hx-Redirect":
		before, query, found := strings.Cut(value, "?")
		if text(before); found {
			text("?")
			out = append(out, formPieces(query, nil)...)
		}
	case PageHeader, LoadHeader, VisitHeader:
		out = append(out, withheld(Secret, value))
	case "Authorization", "Proxy-Authorization":
		out = append(out, withheld(Foreign, value))
	default:
		text(cut(value, maxCookie))
	}
	return out
}

// cut bounds s to n bytes. If it cuts s, the end of the result says how long s was.
func cut(s string, n int) string {
	if len(s) <= n {
		return asText(s)
	}
	tail := fmt.Sprintf("… (%d B in all)", len(s))
	return Cut(s, n-len(tail)).Start + tail
}

func withheld(kind PieceKind, text string) Piece { return Piece{Kind: kind, Bytes: len(text)} }

// cookiePieces returns the pieces of one cookie, "name=value". The values of other programs'
// cookies are not kept.
func cookiePieces(text string, kindOf KindOf) []Piece {
	pair := session.ParsePair(text)
	if pair.Name == "" {
		return []Piece{withheld(Foreign, pair.Value)}
	}
	name := Piece{Text: cut(pair.Name, maxName) + "="}
	switch kind := kindOf(pair.Name); kind {
	case seat.Session:
		return []Piece{name, {Kind: Token, Text: pair.Value}}
	case seat.Readable:
		return []Piece{{Text: cut(text, maxText)}}
	default:
		return []Piece{name, withheld(PieceKind(pieceKindOf[kind]), pair.Value)}
	}
}

var pieceKindOf = map[seat.Kind]PieceKind{seat.Pins: Pins, seat.Live: Live, seat.Kin: Kin, seat.Other: Foreign}

// bodyPieces returns the pieces of the body of a request for a path. What was pasted to be checked
// is not kept: it may be a line with the cookies of other programs.
func bodyPieces(path, body string) []Piece {
	if path == "/check" {
		return formPieces(body, map[string]PieceKind{"cookie": Checked})
	}
	return formPieces(body, nil)
}

// formPieces returns the pieces of a form, without the values that open a visit, and without those
// of the fields in withheld.
func formPieces(form string, withheld map[string]PieceKind) (out []Piece) {
	whole := Cut(form, maxText).Start // a body may be anything: this is text
	plain := ""
	fields := strings.Split(whole, "&")
	for i, field := range fields {
		if i > 0 {
			plain += "&"
		}
		name, value, _ := strings.Cut(field, "=")
		kind, kept := secretField(name), value
		typed, _ := url.QueryUnescape(name)
		switch {
		case withheld[typed] != "":
			kind, kept = withheld[typed], ""
		case typed == "to" && i == len(fields)-1 && len(form) > maxText: // nobody can say whether the beginning of a cookie is one that opens a session
			kind, kept = Hidden, ""
		case typed == "to": // a whole cookie may have been typed, for a copy
			kind = Token
		case kind != "":
			kept = ""
		}
		if kind != "" && value != "" {
			out = append(out, Piece{Text: plain + name + "="}, Piece{Kind: kind, Text: kept, Bytes: len(value) - len(kept)})
			plain = ""
			continue
		}
		plain += field
	}
	if plain != "" {
		out = append(out, Piece{Text: plain})
	}
	return out
}

func asTexts(pieces []Piece) []Piece {
	for i := range pieces {
		pieces[i].Text = asText(pieces[i].Text)
	}
	return pieces
}

// Kept is what a press did to the browser's cookies, beside the session's own Set-Cookie.
type Kept struct {
	Put     *string // nil: the press changed no session cookie by hand; "": it deleted the cookie; otherwise the cookie's new value
	Planted *bool   // nil: the press changed no readable cookie; otherwise whether the browser has it afterwards
	Unpins  bool    // the press throws the pins cookie away
	Before  bool    // this visit saw a session of this browser before
	// Label returns the label of a cookie's value, as this visit saw the cookie set; nil: nobody knows.
	Label func(cookie string) (Label, bool)
}

// Keeps notes which cookies the browser has after the answer. info is the committed session that
// its session cookie opens.
func (x *Exchange) Keeps(r *http.Request, s *seat.Seat, info session.Info, k Kept) {
	c := Cookie{Name: s.Engine.CookieName(), Readable: s.Cookie(seat.Readable), Verdict: info.Verdict, Known: k.Before, Budget: s.Engine.EnvelopeBudget()}
	came := c.jar(r, s, k)
	switch {
	case k.Put != nil:
		c.Kept, c.Put, c.Set, c.Thrown = *k.Put, true, true, *k.Put == ""
	case info.Cookie != nil:
		c.Kept = info.Cookie.Value
	case info.Sent != nil:
		c.Thrown = true
	default:
		c.Kept = came
	}
	c.Kept, c.Bytes = Cut(c.Kept, maxCookie).Start, len(c.Kept)
	c.Set = c.Set || info.Sent != nil
	if info.Cookie != nil {
		c.Key, c.Keys = info.Cookie.Key, info.Cookie.Keys
		c.Opens = info.Exists && info.Cookie.Value == c.Kept
	}
	if at := info.Attributes; at != nil {
		c.Label = Label{Path: at.Path, HTTPOnly: at.HttpOnly, Secure: at.Secure, SameSite: "Lax", BrowserClose: info.BrowserClose}
		switch {
		case info.Sent != nil:
			c.Label.MaxAge, c.Label.SetAt = info.Sent.MaxAge, x.At
		case k.Put != nil:
			c.Label.MaxAge, c.Label.SetAt = max(0, at.MaxAge), x.At
		}
	}
	x.Session = SessionOf(info)
	if c.Set && c.Label.Secure && !keepsSecure(r) {
		c.Ignored, c.Thrown, c.Kept, c.Bytes = true, false, Cut(came, maxCookie).Start, len(came)
		c.Opens, c.Label.SetAt, c.Label.MaxAge = false, time.Time{}, 0
	}
	x.Cookie = c
	x.Relabel(k.Label)
}

// jar notes which cookies came, and returns the value of the session cookie among them.
func (c *Cookie) jar(r *http.Request, s *seat.Seat, k Kept) (came string) {
	for pair := range session.Pairs(r.Header) {
		kind := s.KindOf(pair.Name)
		switch {
		case kind == seat.Session && !c.Came:
			c.Came, came = true, pair.Value
		case kind == seat.Readable:
			c.Planted = true
		}
		if len(c.Jar) == maxJar {
			c.More = true
			continue
		}
		crumb := Crumb{Name: Cut(pair.Name, maxName), Bytes: len(pair.Name) + len(pair.Value), Kind: kind}
		if kind == seat.Readable {
			crumb.Value = cut(pair.Value, maxName)
		}
		c.Jar = append(c.Jar, crumb)
	}
	if k.Planted != nil {
		c.Planted = *k.Planted
	}
	for i := range c.Jar {
		switch kind := c.Jar[i].Kind; {
		case kind == seat.Readable:
			c.Jar[i].Ended = !c.Planted
		case kind == seat.Pins:
			c.Jar[i].Ended = k.Unpins
		}
	}
	return came
}

// SessionOf returns a flat copy of info.
func SessionOf(info session.Info) Session {
	s := Session{
		Exists: info.Exists, ID: info.ID, Version: info.Version, Placement: info.Placement, Created: info.Created,
		Absolute: info.Absolute, Expires: info.Expires, Expiry: info.Expiry, BrowserClose: info.BrowserClose,
	}
	for _, item := range info.Values {
		v := ValueOf(item.Key, item.Value)
		v.OnServer = item.Lives == "server"
		s.Values = append(s.Values, v)
	}
	return s
}

// ValueOf returns a value of a session, with at most maxValue bytes of its JSON.
func ValueOf(key string, v session.Value) Value {
	sum := sha256.Sum256([]byte(v))
	return Value{Key: key, Type: v.Type(), Text: Cut(string(v), maxValue), Sum: hex.EncodeToString(sum[:8])}
}

// Find returns the session's value of that key.
func (s Session) Find(key string) (v Value, ok bool) {
	i := slices.IndexFunc(s.Values, func(v Value) bool { return v.Key == key })
	if i < 0 {
		return v, false
	}
	return s.Values[i], true
}
