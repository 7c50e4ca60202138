// Package trace keeps what one request was and did: facts, no words and no markup.
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
	maxName   = 80   // bytes of a cookie's name, and of the readable one's value
	maxJar    = 30   // cookies that came
	maxPairs  = 200  // cookies of a head that are told one by one; Chromium keeps 180 of a host
	maxKeys   = 12   // keys that a list names
)

// Exchange is one request, what came of it, and what browser and server keep afterwards.
// It is flat, bounded, and can be written as JSON.
type Exchange struct {
	At     time.Time
	Side   string // whose side of the lab: "" the first browser's, "second" another's
	By     string // who sent it, "" for a page of that side
	Source string // the cookie that was copied, when the request carried a copy
	Copied bool   // the request carried a copy of a cookie
	Page   string // the ID of the page that pressed, "" when it did not say
	Status int    // of the answer
	// Nothing tells that this browser sent no request: its session expired, or another
	// client did something to the session.
	Nothing bool

	Did     Did
	Request Request
	Answer  Answer
	Cookie  Cookie
	Session Session // that the browser's cookie opens after the answer
	Store   Store
	Events  []session.Event
}

// Did is what a handler says that it did, beside what the engine's events tell. A handler sets
// only the fields that its Op needs.
type Did struct {
	Op        string // what was asked for: the route's name, "lab" for the page itself
	Refused   bool   // and was refused
	Key       string
	Found     bool  // the key was there, of get and delete
	Value     Value `json:",omitzero"` // that was set, or got
	Born      bool  // the session did not exist before
	Same      bool  // of set: the key had this value; of a copy: nothing was changed in it
	Away      bool  // of flush: the page starts over; of plant: the cookie was taken away
	Count     int   // keys that were cleared, records that were removed
	Keys      Keys  `json:",omitzero"`
	User      string
	Before    string          // the short name of the ID that ended
	Came      session.Verdict // on the cookie that came, before anything was done
	Was       Session         `json:",omitzero"` // before anything was done
	Learned   int             // experiments whose progress was a key of the session that ended
	Expiry    session.Expiry  `json:",omitzero"`
	Placement session.Placement
	PinnedAt  time.Time `json:",omitzero"`
	Cookie    string    // the name of the cookie that was planted
	Late      bool      // the page asked by itself because its session had expired
	How       string    // what was changed in a copy: "letter", "signature", one of session.TamperParts
	Letter    Letter    `json:",omitzero"` // that was changed
	Copy      *Copy     `json:",omitzero"` // what became of a copy
	OldPage   string    // "restarted", "idle" or "ended": why the page that pressed goes on with another visit
}

// Letter is one that was changed in a cookie's value.
type Letter struct {
	At       int // counted from 1
	Was, Now string
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
	Bytes int // of the whole
}

// Request is the request as its connection saw it, or as net/http has it.
type Request struct {
	Method, Host string
	Target       Text // the address as it came
	Proto        string
	Fields       []Field
	AsSent       bool    // Fields are in the order and spelling in which they came
	HeadBytes    int     // 0 when they are not known
	Body         []Piece // the beginning of the body
	BodyBytes    int     // that the server read
	Length       int64   // of the body, as the head says; -1 for a body in chunks
}

// Answer is the answer as it left. Until Finish it is what the handler knows: header fields that
// net/http adds, sizes and the duration are missing.
type Answer struct {
	Status    string // "200 OK"
	Fields    []Field
	Body      Text // of an answer in JSON
	Finished  bool
	HeadBytes int
	BodyBytes int64 // as they travelled
	Took      time.Duration
}

// Field is one line of a head. Its value is in pieces, since some pieces must not be shown.
type Field struct {
	Name   string
	Pieces []Piece
	Diff   Diff
}

// Diff is what a field is against the exchange before.
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
	Bytes int    // of the text that is not kept
}

// PieceKind says what a piece is, and why its text is not kept.
type PieceKind string

const (
	Plain   PieceKind = ""        // text
	Token   PieceKind = "token"   // the value of a session cookie
	Hidden  PieceKind = "hidden"  // a session cookie that still opens a session, when the request that looks does not carry it
	Foreign PieceKind = "foreign" // another program's cookie, or credentials
	Pins    PieceKind = "pins"    // says which browser pinned
	Live    PieceKind = "live"    // finds the run again that waits for the browser
	Kin     PieceKind = "kin"     // a cookie of another side of the lab
	Once    PieceKind = "once"    // a token for one use
	Secret  PieceKind = "secret"  // opens the visit
)

// Cookie is what the browser keeps of the session cookie after the answer, and what the
// server found out about the one that came.
type Cookie struct {
	Name     string
	Jar      []Crumb // every cookie that came
	More     bool    // and others
	Came     bool    // one of this name came
	Kept     string  // the value that the browser keeps; "" for none
	Bytes    int     // of that value
	Hidden   bool    // it opens a session still, and the request that looks does not carry it
	Thrown   bool    // the answer has it thrown away
	Set      bool    // the answer sets it
	Put      bool    // the press made it the browser's, by hand
	Verdict  session.Verdict
	Key      int  // which key verifies the kept one, counted from 1; 0 when none does
	Keys     int  // of how many
	Opens    bool // the kept one opens Session, so that it is labelled as Label says
	Label    Label
	Known    bool   // this visit saw a session of this browser before
	Budget   int    // bytes of envelope that fit into one
	Readable string // the name of the cookie that scripts may read
	Planted  bool   // the browser has that after the answer
}

// Label is how the server labels the cookie.
type Label struct {
	Path         string
	HTTPOnly     bool
	Secure       bool
	SameSite     string
	BrowserClose bool
	MaxAge       int // seconds, of the Set-Cookie that the answer carries; 0 for none
}

// Crumb is a cookie that came. Of other programs' only name and size are kept.
type Crumb struct {
	Name  string
	Bytes int // of name and value
	Kind  seat.Kind
	Value string // of the readable one
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
	Sum      string // tells it from any other
	OnServer bool
}

// Store is what the server keeps, as the store itself says.
type Store struct {
	Down bool // it did not answer

	// The session that was looked for: the cookie's, or the one that the browser had
	// last. ID is "" for none.
	ID    string
	State session.State
	// Unknown tells that the store did not answer when it was asked for that session.
	Unknown bool
	Record  Session `json:",omitzero"` // what a live record says by itself, when no cookie opens it
	Where   string  // what holds it: "row of the table sessions"
	Fields  []Stored

	// Left is the session that the browser had before, if that is another one.
	Left Left `json:",omitzero"`

	Policy  Policy
	Figures Figures
}

// Stored is a field of a record, as it lies in the store.
type Stored struct {
	Name  string
	Value Text
}

// Left is what became of a session that the browser does not have any more.
type Left struct {
	ID      string
	State   session.State
	Version uint64
}

// Policy are the clocks that a session has by default.
type Policy struct {
	Idle, Lifetime time.Duration
	Rolling        bool
}

// Figures are the store's at a moment, and what it has of the browsers of a family.
type Figures struct {
	Known         bool // it answered
	Live, Expired int
	Bytes         int64
	Family        []Member // none for a single browser
	// Plot is what the store counted in the last minutes, oldest first. Exchanges share it:
	// it is not to be changed, and is not packed. See Points.
	Plot []Point `json:"-"`
	Last Point   `json:",omitzero"` // what the store counts now, if Plot does not have it yet
}

// Points are the store's figures of the last minutes, oldest first.
func (f *Figures) Points() []Point {
	if f.Last == (Point{}) {
		return f.Plot
	}
	return append(slices.Clip(f.Plot), f.Last)
}

// Member is one browser of a family, and what became of its session.
type Member struct {
	Name    string
	This    bool   // it is the browser whose exchange this is
	ID      string // "" for no session yet
	State   session.State
	Carried bool // all of its session is in its cookie
	Unknown bool // the store did not answer
}

// Point is what the store counted, from a moment on.
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

// Add adds what the engine did.
func (x *Exchange) Add(ev session.Event) {
	x.Events = append(x.Events, ev)
}

// Wrote tells whether the engine changed something for it, and did not merely read.
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
