// Package views holds the templ components and the structs they show: shaped
// like the screen and already formatted. It knows nothing of sessions.
package views

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// Page is what every page needs: its title and the addresses of its assets.
type Page struct {
	Title                        string
	CSS, HTMX, SSE, Script, Icon string
	Theme                        string // a script that runs before the first paint
	Base                         string // where the lab is: "" or "/s/NAME-SUFFIX"
	Projector                    bool   // large type, no names and no values
	ID                           string // which of its visit's pages it is
	Proven                       bool   // the request that fetched it proved an older visit: the page goes on with that
	Refresh                      string // without scripts this address is fetched after a second, "" for none
}

// Place is where a page's addresses begin and which visit it belongs to. The
// second browser's lab has a path of its own. Only a page that belongs to a visit has
// the three fields about one.
type Place struct {
	Base   string // before every path: "" or "/s/NAME-SUFFIX"
	Visit  string // its name, which may stand in addresses and opens nothing
	Secret string // opens it, and stands in no address: a POST carries it in its body, or a header does
	Proof  string // opens it once: for the GET that follows a page without scripts
}

// URL returns the address of path, which begins with a slash.
func (p Place) URL(path string) string { return p.Base + path }

// proof makes a button carry the visit's secret along. It is for the POST buttons of a
// form that has a GET button too: from a hidden field that one would put the secret into
// the address.
func (p Place) proof() templ.Attributes {
	if p.Secret == "" {
		return nil
	}
	return templ.Attributes{"name": "page", "value": p.Secret}
}

// Part is a piece of text with the colour or form that it has.
type Part struct {
	Kind string // "", "code", "id", "cookie", "server", "time", "token", "mac", "hidden"
	Text string
}

// Sentence is what the page says under the buttons.
type Sentence struct {
	At    string // the time of day
	Tone  string // "ok", "note", "bad"
	Field string // the field that was refused, if one was
	Verb  string
	Parts []Part
}

// Lab is the whole screen of the lab.
type Lab struct {
	Page          Page
	Place         Place
	StoreName     string
	Second        string   // the name of the second browser whose lab this is, "" for the first
	Placements    []Option // none in a fragment: the choice on the page stays
	Composer      Composer
	ResetComposer bool // a fragment sends the composer along only then
	Sentence      Sentence
	Expired       int // records to clear
	Moment        Moment
	Browser       Browser
	Tools         *Tools // what can be done with a copy of the cookie; nil in the past
	Wire          Wire
	Server        Server
	Timeline      Timeline
	Code          Code
	Done          int // experiments
	Experiments   int // of as many; 0 where there are none
}

// Told is what a stream tells a page. Server is nil when the news have nothing to do
// with it; Browser is nil unless another page of the visit was pressed, and then the
// rest of this page shows what that one saw.
type Told struct {
	Place    Place
	Timeline Timeline
	Figures  Figures
	Server   *Server
	Browser  *Browser
	Wire     *Wire
	Tools    *Tools
	Moment   Moment
	Sentence Sentence
}

// Moment is the moment that the panels show.
type Moment struct {
	Past          bool // it is one of the timeline, and not now
	At, Verb      string
	N             int
	First         bool     // it is known that there is none before it to compare with
	Aside         string   // the panels are of somebody else: "a pinned copy"
	Unknown       bool     // nobody knows what changed: the store does not answer
	Changes       []Change // against the moment before
	Before, After int      // the neighbours' numbers, 0 for none
}

// Change is something that differs between two moments, and how it was and is.
// Kind says where it lives: "cookie", "server", or "".
type Change struct {
	Kind, What, Was, Is string
	Secret              bool // What is a key of a visitor's
}

// Timeline is what happened in a visit, oldest first.
type Timeline struct {
	Since   string
	Entries []Entry
	Dropped int    // that were too many
	Shown   int    // the moment that the panels show, 0 for now
	News    string // what the last entry says, if something else than this page's presses did it
	Seen    int    // the last entry that the page has already, 0 when it must be told all
}

// Entry is one line of the timeline.
type Entry struct {
	N       int
	At      string // the time of day
	Verb    string // "created", "set", "refused"
	What    string
	Tone    string // "", "born", "moved", "bad", "gone"
	Session string // its short name, "" for none
	NewID   bool   // its session is another than the entry's before
	By      string // who, if it was not this browser: "second browser", "a changed copy", "the clock"
}

// next tells that only the last entry is new to the page.
func (t Timeline) next() bool { return t.Seen > 0 && t.Seen == t.Last()-1 && len(t.Entries) > 1 }

// Last returns the number of the last entry, 0 without one.
func (t Timeline) Last() int {
	if n := len(t.Entries); n > 0 {
		return t.Entries[n-1].N
	}
	return 0
}

// current marks the moment that the panels show.
func current(is bool) templ.Attributes {
	if !is {
		return nil
	}
	return templ.Attributes{"aria-current": "true"}
}

// currentPage marks the page that is being looked at.
func currentPage(is bool) templ.Attributes {
	if !is {
		return nil
	}
	return templ.Attributes{"aria-current": "page"}
}

// Code is what ran for the last press, and the same act elsewhere.
type Code struct {
	Op       string // that ran
	Listings []Listing
}

// Listing is a piece of code.
type Listing struct {
	ID           string // "django"
	Name, Title  string // "Django", "request.session"
	Where        string // "internal/app/set.go, line 12"
	Tokens       []Token
	URL, URLText string // its documentation, "" for none
}

// Token is a piece of a listing: Kind is "", "keyword", "string" or "comment".
type Token struct{ Kind, Text string }

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
func (c Composer) invalid(field string) templ.Attributes { return invalid(c.Invalid, field) }

func invalid(refused, field string) templ.Attributes {
	if refused != field {
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

// Browser is what the browser keeps. With Empty there is no cookie; Raw may be
// what was sent and opens nothing, which Note says then.
type Browser struct {
	Of                    string // whose cookie it is, if not this browser's: "a changed copy"
	Whose                 string // whose browser keeps it, if not the visitor's own
	Name                  string
	Empty, Note           string
	Flags                 []Flag
	Raw, RawBytes         string  // as it stands in the header
	Layers                *Layers // nil if nothing peels
	Changed               bool    // by this press
	Bytes, Limit          int     // name and value
	Size, Most            string  // the same for people
	EnvelopeBytes, Budget string
	Jar                   []JarCookie // every cookie that this request carried
	Before                bool        // it was an earlier one: nothing has travelled for this browser since
	Readable              string      // the name of the cookie that scripts may read
	Planted               bool        // it came along
	Scripts               bool        // this is the present: the page may look into document.cookie
}

// Layers are what the cookie's value peels to.
type Layers struct {
	Time, Payload, Signature                string // under the outer base64
	TimeBytes, PayloadBytes, SignatureBytes string
	SignedAt, Ago                           string
	Verdict                                 string // on the signature: "valid"
	Valid                                   bool
	Key                                     string  // "1 of 2"
	Keys                                    string  // names in the payload
	Fields                                  []Field // under the inner base64; none if there is no envelope
	Values                                  string
}

// JarCookie is a cookie as the server received it.
type JarCookie struct {
	Name, Size string
	Kind       string // "session", "ended" (thrown away by this answer), "readable", "kin", "other"
	Value      string // of the readable one only
	Whose      string // of kin: which other browser's it is
}

// Tools are the forms that do something with a copy of the cookie.
type Tools struct {
	Curl    string   // the press as a command
	Carries bool     // the command carries the cookie
	Tamper  []Option // the parts that can be changed; none: there is no cookie to copy
	Letters int
	At, To  string // as typed
	Invalid string // the field that was refused
	Pins    []Pin
	MaxPins int
	CanPin  bool
	Second  string   // the name that the next second browser gets, "" if there is no room for one
	Seats   []string // the names of the second browsers that were opened
	Opener  string   // the address of the first browser's lab, on a second's
}

// Pin is a cookie that was kept, to be sent again later.
type Pin struct {
	N                  int
	Session, At, Bytes string
}

// Flag is an attribute of the cookie.
type Flag struct {
	Text, Title string
	Off         bool
}

// Field is a name and what it holds.
type Field struct{ Name, Value string }

// Wire is one exchange. Sizes and duration are empty until it has ended.
type Wire struct {
	N                                int    // in its visit, 0 if it belongs to none
	Nothing                          string // no exchange: why
	Past                             bool   // it is not the exchange that carries this page
	By                               string // who sent it, if not this browser: "the server's own client"
	AsSent                           bool   // Request is in the order and spelling in which it came
	RequestLine, Proto               string
	Request, RequestMore             []Header
	Body                             string
	StatusLine                       string
	Response, ResponseMore           []Header
	Answer                           string // the response's body, when it is short JSON
	SetCookie                        bool
	Finished                         bool // sizes, duration and the response's head are those of the ended exchange
	RequestHeadBytes, RequestBytes   string
	ResponseHeadBytes, ResponseBytes string // as they travelled
	Took                             string // "0.4 ms"
	Changes                          string // against the exchange before, in a sentence
	Steps                            []Step
	Decisive                         string // the text that an experiment is decided by, "" for none
}

// before is a request line up to its query, which may hold keys and values.
func before(line string) string { line, _, _ = strings.Cut(line, "?"); return line }

// query is what before leaves out.
func query(line string) string { return line[len(before(line)):] }

// Header is one line of a head.
type Header struct {
	Name     string
	Parts    []Part
	Decisive bool // that it is there decides an experiment
	Mark     bool // it is new, or says another thing than in the exchange before
	Gone     bool // it stood in the exchange before, and does not in this one
}

// changedHeaders counts those that are marked.
func changedHeaders(hs []Header) (n int) {
	for _, h := range hs {
		if h.Mark || h.Gone {
			n++
		}
	}
	return n
}

// Step is one thing that the engine did.
type Step struct {
	Verb, What, Small string
	Bad               bool
	Secret            bool // What is a key of a visitor's
}

// Server is what the server keeps. With Empty there is no record.
type Server struct {
	Empty          string
	ID             string
	IDChanged      bool
	Version        string
	Created        string
	Idle, Absolute Clock
	Values         []Value
	Partial        bool    // Values are those of the record alone
	Late           *Late   // what became of the session that this browser had before
	Where          string  // what holds what the store keeps: "row of the table sessions"
	Stored         []Field // as it lies there
	Nothing        string  // why nothing is stored
	Figures        Figures
}

// Known tells whether the store answered.
func (s Server) Known() bool { return len(s.Figures.Stats) > 0 }

// Refresh lets the clocks of s count down again from now, in milliseconds since
// 1970. It is false when one has run out, so that s says what is not so any more.
func (s *Server) Refresh(now int64, left func(time.Duration) string) bool {
	for _, c := range []*Clock{&s.Idle, &s.Absolute} {
		if c.Until == 0 {
			continue
		}
		if now >= c.Until {
			return false
		}
		c.Now, c.Still = now, false
		c.Left = left(time.Duration(c.Until-now) * time.Millisecond)
	}
	return true
}

// Late is a session that this browser does not open any more.
type Late struct {
	ID   string
	Text string // what became of its record
}

// Figures are the store's.
type Figures struct {
	Expired int
	Stats   []Stat
	Plot    Plot
	Family  []Member // of a visit with more browsers than one
}

// Member is one browser of a family, and what became of its session.
type Member struct {
	Name, ID, State string
	This            bool // it is this page's
}

// Plot is a small picture of the store over the last minutes. Live and Expired
// are points of an SVG polyline in a box of 300 by 60.
type Plot struct {
	Live, Expired string
	Top           string // the highest figure
	Since         string // "for 3 minutes"
	Text          string // the same for those who do not see it
}

// Clock counts down to a moment. Times are milliseconds since 1970.
type Clock struct {
	Name              string
	Until, Now, Whole int64
	Left, At          string
	First             bool // it runs out before the other
	Still             bool // it does not count down: this is the past
}

// ticks are what lets c count down: times of the server, so that a wrong clock in
// the browser does no harm.
func (c Clock) ticks() templ.Attributes {
	if c.Still {
		return nil
	}
	return templ.Attributes{"data-until": strconv.FormatInt(c.Until, 10), "data-now": strconv.FormatInt(c.Now, 10)}
}

// ends tells the page to ask the server once c has run out.
func (c Clock) ends() templ.Attributes {
	if c.Still {
		return nil
	}
	return templ.Attributes{"data-ends": "session"}
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
	Short, Sum             string // shown in a line, and what tells it from any other
	OnServer               bool
	Changed, Gone          bool // by this press
}

// Stat is one figure of the store.
type Stat struct{ Number, Text string }
