// Package trace keeps what one request was and did: facts, neither sentences nor markup.
//
// Begin with Exchange: it is gathered while its request is answered, packed into a moment of a
// visit, and compared with others. Nobody may show an exchange as it is: a cookie in it may
// still open a session. Whatever presents an exchange takes a Seen, and only Exchange.Seen,
// which hides those cookies, makes one.
package trace

import (
	"context"
	"slices"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
)

// Bounds of what an exchange keeps.
const (
	maxText   = 2000 // bytes of a body, a stored field, a request's target
	maxCookie = 4096 // bytes of a cookie's value, and of a header field
	maxValue  = 400  // bytes of a session's value
	maxName   = 80   // bytes of a cookie's name, and of the readable cookie's value
	maxJar    = 30   // cookies that came
	maxPairs  = 200  // cookies of a head that get pieces of their own; Chromium keeps 180 of a host
	maxKeys   = 12   // keys that a list names
)

// Exchange is one request, what came of it, and what browser and server keep afterwards.
// It is flat, bounded, and can be written as JSON.
type Exchange struct {
	At     time.Time
	Side   string // whose side of the lab: "" the first browser's, "second" another's
	By     string // who sent the request, "" for a page of that side
	Source string // when the request carried a copy of a cookie: the cookie that was copied
	Copied bool   // the request carried a copy of a cookie
	Change string // what was changed in that copy: "letter", "signature", one of session.TamperParts; "" for nothing
	Page   string // the ID of the page that pressed, "" when it did not say
	Status int    // of the answer
	// Nothing tells that this browser sent no request: its session expired, or another
	// client did something to the session.
	Nothing bool

	Did     Did
	Request Request
	Answer  Answer
	Cookie  Cookie
	Session Session // the session that the browser's cookie opens after the answer
	Store   Store
	Events  []session.Event
}

// Did is what a handler says that it did, beside what the engine's events tell. A handler sets
// only the fields that its Op needs.
type Did struct {
	Op        string // what was asked for: the route's name, "lab" for the page itself
	Refused   bool   // the request was refused
	Key       string
	Found     bool  // of get and delete: the key was there
	Value     Value `json:",omitzero"` // the value that was set, or got
	Born      bool  // the session did not exist before
	Same      bool  // of set: the key had this value; of a copy: nothing was changed in it; of check: the value is that of the cookie that came
	Away      bool  // of flush: the page starts over; of plant: the cookie was taken away
	Over      Over  `json:",omitzero"` // of a flush that starts over
	Count     int   // how many keys were cleared, or records removed
	Keys      Keys  `json:",omitzero"`
	User      string
	Before    string          // the short name of the ID that ended
	Came      session.Verdict // the verdict on the cookie that came, before anything was done
	Was       Session         `json:",omitzero"` // the session before anything was done
	Learned   int             // how many experiments had their progress in the session that ended, whose cookie was dropped, or that got an expiry
	Expiry    session.Expiry  `json:",omitzero"`
	Placement session.Placement
	PinnedAt  time.Time `json:",omitzero"`
	Pins      int       `json:",omitzero"` // of drop-cookie: how many pinned copies this browser has
	Pin       int       `json:",omitzero"` // the number of the pin that the press made, or that the request carried a copy of
	Cookie    string    // the name of the cookie that was planted
	Late      bool      // the page asked by itself because its session had expired
	How       string    // what was changed in a copy: "letter", "signature", one of session.TamperParts
	Letter    Letter    `json:",omitzero"` // the letter that was changed
	Copy      *Copy     `json:",omitzero"` // what became of a copy that was sent
	Check     *Check    `json:",omitzero"` // what a value is that was checked
	OldPage   string    // "restarted", "idle" or "ended": why the page that pressed goes on with another visit
	Asked     bool      // the page asked by itself, after it had got no answer
	Return    Return    `json:",omitzero"` // only of a request with OldPage or Asked
}

// Return is what a request found of its browser's session, before anything was done: the first
// request of a page whose server did not answer, or whose visit has ended.
type Return struct {
	Began     time.Time       // when this run of the program began
	Store     string          // what people are told of the store: "memory"
	Verdict   session.Verdict // on the cookie that came
	ID        string          // the short name of the session that the cookie opened, "" for none
	Version   uint64
	Placement session.Placement
	Created   time.Time
}

// Letter is a letter that was changed in a cookie's value.
type Letter struct {
	At       int // in the value as it is sent, counted from 1
	Was, Now string
	Part     string `json:",omitzero"` // the part under the base64 that changed with it, and where in that part: see session.Difference
	In       int    `json:",omitzero"`
}

// Copy is what became of a copy of a cookie that the server's own client sent.
type Copy struct {
	Status   int
	Accepted bool
	Verdict  session.Verdict
	Reason   string
}

// Keys are the first of a session's keys, and how many there are.
type Keys struct {
	First []string
	Count int
}

// KeysOf returns at most the first few of names.
func KeysOf(names []string) Keys { return Keys{names[:min(len(names), maxKeys)], len(names)} }

// Text is the beginning of a text that may be long, cut between letters.
type Text struct {
	Start string
	Bytes int // the size of the whole text
}

// Request is the request as its connection saw it, or as net/http has it.
type Request struct {
	Method, Host string
	Target       Text // the request's address, as it came
	Proto        string
	Fields       []Field
	AsSent       bool    // Fields are in the order and spelling in which they came
	HeadBytes    int     // 0 when the size is not known
	Body         []Piece // the beginning of the body
	BodyBytes    int     // how much of the body the server read
	Length       int64   // the size of the body, as the head says; -1 for a body in chunks
}

// Answer is the answer as it left. Until Finish it is what the handler knows: header fields that
// net/http adds, sizes and the duration are missing.
type Answer struct {
	Status    string // "200 OK"
	Fields    []Field
	Body      Text // only of an answer in JSON
	Finished  bool
	HeadBytes int
	BodyBytes int64 // the size of the body as it travelled: compressed, if it was
	Took      time.Duration
}

// Field is one line of a head. Its value is in pieces, since some pieces must not be shown.
type Field struct {
	Name   string
	Pieces []Piece
	Diff   Diff
}

// Diff says how a field differs from the exchange before.
type Diff string

const (
	Same    Diff = ""        // the field says the same, or was not compared
	New     Diff = "new"     // the exchange before does not have it
	Changed Diff = "changed" // it has another value
	Gone    Diff = "gone"    // only the exchange before has it
)

// Piece is a part of a field's value.
type Piece struct {
	Kind  PieceKind
	Text  string // "" when the text is not kept
	Bytes int    // the size of the text that is not kept
}

// PieceKind says what a piece is, and why its text is not kept.
type PieceKind string

const (
	Plain   PieceKind = ""        // text
	Token   PieceKind = "token"   // the value of a session cookie
	Hidden  PieceKind = "hidden"  // a session cookie that still opens a session, which the request that looks does not carry
	Foreign PieceKind = "foreign" // another program's cookie, or credentials
	Pins    PieceKind = "pins"    // the pins cookie: says which browser pinned
	Live    PieceKind = "live"    // the live cookie: finds the run that waits for the browser
	Kin     PieceKind = "kin"     // a cookie of another side of the lab
	Once    PieceKind = "once"    // a token for one use
	Secret  PieceKind = "secret"  // the secret of a visit
	Checked PieceKind = "checked" // what somebody has pasted, to be checked
)

// Cookie is what the browser keeps of the session cookie after the answer, and what the
// server found out about the session cookie that came.
type Cookie struct {
	Name     string
	Jar      []Crumb // every cookie that came
	More     bool    // more cookies came than Jar has
	Came     bool    // a session cookie came
	Kept     string  // the value that the browser keeps; "" if it keeps no session cookie
	Bytes    int     // the size of the value that the browser keeps
	Hidden   bool    // Kept is hidden: the cookie opens a session, and the request that looks does not carry it
	Thrown   bool    // the answer has the browser throw the cookie away
	Set      bool    // the answer sets the cookie, or throws it away
	Ignored  bool    `json:",omitzero"` // the browser ignores the answer's Set-Cookie: it has Secure, and comes over plain http from another machine
	Put      bool    // the press made another cookie the browser's by hand, or threw the cookie away
	Verdict  session.Verdict
	Key      int  // the number of the key that verifies the kept cookie, counted from 1; 0 if no key does
	Keys     int  // the number of keys
	Opens    bool // the kept cookie opens Session, so that Label is its label
	Label    Label
	Known    bool   // this visit saw a session of this browser before
	Budget   int    // the most bytes of envelope that fit into a cookie
	Readable string // the name of the cookie that scripts may read
	Planted  bool   // the browser has the readable cookie after the answer
}

// CameEmpty tells that the session cookie that came has no value.
func (c *Cookie) CameEmpty() bool {
	i := slices.IndexFunc(c.Jar, func(crumb Crumb) bool { return crumb.Kind == seat.Session })
	return i >= 0 && c.Jar[i].Bytes == c.Jar[i].Name.Bytes
}

// CameTwice tells that more than one session cookie came: browsers keep cookies of one name apart
// by domain and path, and send neither.
func (c *Cookie) CameTwice() bool {
	n := 0
	for _, crumb := range c.Jar {
		if crumb.Kind == seat.Session {
			n++
		}
	}
	return n > 1
}

// there tells that the browser keeps a session cookie, which may be empty.
func (c *Cookie) there() bool { return c.Kept != "" || c.CameEmpty() && !c.Set && !c.Hidden }

// Label are the attributes of the cookie. A Cookie header carries none, so they are known from the
// Set-Cookie that this visit saw last, if it set the cookie that the browser keeps.
type Label struct {
	Path         string
	HTTPOnly     bool
	Secure       bool
	SameSite     string
	BrowserClose bool      // the session ends with the browser
	SetAt        time.Time `json:",omitzero"` // when the visit saw the Set-Cookie; zero if it did not
	MaxAge       int       // in seconds, as that Set-Cookie says; 0 without Max-Age, and if the visit did not see it
}

// Crumb is a cookie that came. Of another program's cookie only name and size are kept.
type Crumb struct {
	Name  Text // the beginning of the name
	Bytes int  // the size of name and value
	Kind  seat.Kind
	Value string // only of the readable cookie
	Ended bool   `json:",omitzero"` // the answer has the browser throw it away
}

// Session is a flat copy of session.Info.
type Session struct {
	Exists       bool
	ID           string // its short name
	Version      uint64
	Placement    session.Placement
	Created      time.Time
	Absolute     time.Time
	Expires      time.Time
	Expiry       session.Expiry
	BrowserClose bool
	Values       []Value
}

// Value is one value of a session, or the beginning of it.
type Value struct {
	Key      string
	Type     string
	Text     Text   // as JSON
	Sum      string // a digest of the whole value
	OnServer bool
}

// Store is what the server keeps, as the store itself says.
type Store struct {
	Down bool // the store did not answer

	// ID is the short name of the session that was looked for: the cookie's session, or the
	// session that the browser had last. It is "" if there is none.
	ID    string
	State session.State
	// Unknown tells that the store did not answer when it was asked for that session.
	Unknown bool
	Record  Session `json:",omitzero"` // what a live record says by itself, when no cookie opens it
	Where   string  // what holds the record: "row of the table sessions"
	Fields  []Stored

	// Left is the session that the browser had before, if it has another session now.
	Left Left `json:",omitzero"`

	Policy  Policy
	Figures Figures
}

// Stored is a field of a record, as the store keeps it.
type Stored struct {
	Name  string
	Value Text
}

// Left is what became of a session that the browser does not have any more.
type Left struct {
	ID       string
	State    session.State
	Version  uint64
	InCookie bool `json:",omitzero"` // all of it was in a cookie that the browser does not have any more: the store never had a record of it
}

// Policy are the clocks that a session has by default.
type Policy struct {
	Idle, Lifetime time.Duration
	Rolling        bool
}

// Figures are what the store counts, and what it has of the sessions of a family's browsers.
type Figures struct {
	Known         bool // the store answered
	Live, Expired int
	Bytes         int64
	Family        []Member // nil for a single browser
	// Plot is what the store counted in the last minutes, oldest first. Exchanges share it:
	// nobody may change it, and Pack leaves it out. See Points.
	Plot []Point `json:"-"`
	Last Point   `json:",omitzero"` // what the store counts now, if Plot does not have it yet
}

// Points returns Plot with Last behind it.
func (f *Figures) Points() []Point {
	if f.Last == (Point{}) {
		return f.Plot
	}
	return append(slices.Clip(f.Plot), f.Last)
}

// Member is one browser of a family, and what became of its session.
type Member struct {
	Name    string
	This    bool   // the exchange is of this browser
	ID      string // "" for no session yet
	State   session.State
	Carried bool // all of the session is in the browser's cookie
	Unknown bool // the store did not answer
}

// Point is what the store counted, from the time At until the next Point.
type Point struct {
	At            time.Time
	Live, Expired int
}

type key struct{}

// Key is the context key of a request's *Exchange.
var Key = key{}

// From returns the exchange that ctx gathers, or nil.
func From(ctx context.Context) *Exchange {
	x, _ := ctx.Value(Key).(*Exchange)
	return x
}

// Add adds an event of the engine.
func (x *Exchange) Add(ev session.Event) {
	x.Events = append(x.Events, ev)
}

// Wrote tells whether the engine changed something for the request, and did not merely read.
func (x *Exchange) Wrote() bool {
	for _, ev := range x.Events {
		switch ev.Kind {
		case session.Read, session.Refused, session.Expired, session.Discarded, session.Conflict:
		case session.Swept:
			if ev.Count > 0 {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// Aside tells that x does not show what its side's browser and the server keep now: another
// client than that browser sent it, or the store was down.
func (x *Exchange) Aside() bool { return x.By != "" && !x.Nothing || x.Store.Down || x.Store.Unknown }
