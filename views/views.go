// Package views holds the templ components and the structs they show: shaped
// like the screen and already formatted. It knows nothing of sessions.
package views

import (
	"fmt"

	"github.com/a-h/templ"
)

// Page is what every page needs: its title and the addresses of its assets.
type Page struct {
	Title                   string
	CSS, HTMX, Script, Icon string
	Theme                   string // a script that runs before the first paint
}

// Part is a piece of text with the colour or form that it has.
type Part struct {
	Kind string // "", "code", "cookie", "server", "token", "hidden"
	Text string
}

// Sentence is what the page says under the buttons.
type Sentence struct {
	Tone  string // "ok", "note", "bad"
	Field string // the field that was refused, if one was
	Verb  string
	Parts []Part
}

// Lab is the whole screen of the lab.
type Lab struct {
	Page          Page
	StoreName     string
	Placements    []Option // none in a fragment: the choice on the page stays
	Composer      Composer
	ResetComposer bool // a fragment sends the composer along only then
	Sentence      Sentence
	Expired       int // records to clear
	Browser       Browser
	Wire          Wire
	Server        Server
}

// Option is one choice of a group.
type Option struct {
	Name, Label, Title string
	Chosen             bool
}

// Composer is what stands in the form's fields.
type Composer struct {
	Key, Value, Type, User, Seconds string
	Placement                       string
	Invalid                         string // the field that was refused
}

// invalid marks the field that was refused and ties it to the sentence that says why.
func (c Composer) invalid(field string) templ.Attributes {
	if c.Invalid != field {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": "result"}
}

// Types are the types that a value can be typed in as.
func (c Composer) Types() []Option {
	out := []Option{{Name: "text", Label: "text"}, {Name: "number", Label: "number"}, {Name: "boolean", Label: "boolean"}, {Name: "json", Label: "JSON"}}
	for i := range out {
		out[i].Chosen = out[i].Name == c.Type
	}
	return out
}

// Browser is what the browser keeps. With Empty there is no cookie that opens
// anything; Raw may still be what was sent.
type Browser struct {
	Empty                    string
	Note                     string
	Name                     string
	Flags                    []Flag
	Raw                      string
	Time, Payload, Signature string
	SignedAt, Key            string
	Keys                     string // in the payload
	Changed                  bool   // by this press
	Values                   string
	Fields                   []Field
	Bytes, Limit             int
	Size, Most               string // the same for people
	EnvelopeBytes, Budget    string
}

// Flag is an attribute of the cookie.
type Flag struct {
	Text, Title string
	Off         bool
}

// Field is a field of the cookie's payload.
type Field struct{ Name, Value string }

// Wire is one exchange.
type Wire struct {
	Past                        bool // it is not the exchange that carries this page
	AsSent                      bool // Request is in the order and spelling in which it came
	RequestLine, Proto          string
	Request, RequestMore        []Header
	Body                        string
	StatusLine                  string
	Response, ResponseMore      []Header
	SetCookie                   bool
	RequestBytes, ResponseBytes string // of the bodies
	Steps                       []Step
}

// Header is one line of a head.
type Header struct {
	Name  string
	Parts []Part
	Mark  bool
}

// Step is one thing that the engine did.
type Step struct {
	Verb, What, Small string
	Bad               bool
}

// Server is what the server keeps. With Empty there is no record.
type Server struct {
	Empty          string
	ID             string
	IDChanged      bool
	Idle, Absolute Clock
	Values         []Value
	Record         string
	RecordBytes    string
	Stats          []Stat
}

// Clock counts down to a moment. Times are milliseconds since 1970.
type Clock struct {
	Name              string
	Until, Now, Whole int64
	Left, At          string
	First             bool // it runs out before the other
}

// Dash is the stroke-dasharray of what is left of c, of 100.
func (c Clock) Dash() string {
	if c.Whole <= 0 {
		return "0 100"
	}
	return fmt.Sprintf("%d 100", max(0, min(100, 100*(c.Until-c.Now)/c.Whole)))
}

// Clock returns the one that runs out first.
func (s Server) Clock() Clock {
	if s.Idle.First {
		return s.Idle
	}
	return s.Absolute
}

// Value is one value of the session.
type Value struct {
	Name                   string // the key itself
	Key, Type, Text, Bytes string // as shown
	OnServer               bool
	Changed, Gone          bool // by this press
}

// Stat is one figure of the store.
type Stat struct{ Number, Text string }
