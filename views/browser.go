package views

import "strconv"

// Browser is what the browser keeps. When Empty is set, there is no cookie. Raw may be a
// cookie that opens nothing: then Note says why.
type Browser struct {
	Of                    string // whose cookie it is, if not this browser's: "a changed copy"
	Whose                 string // whose browser keeps it, if not the visitor's own
	Name                  string
	Empty, Note           string
	Absent                string // says that the request came without the cookie that its answer set
	Flags                 []Flag
	FlagsFrom             string  // how the attributes are known
	Raw, RawBytes         string  // as it stands in the header
	Layers                *Layers // nil if nothing peels
	Changed               bool    // by this press
	Bytes, Limit          int     // name and value
	Size, Most            string  // the same for people
	EnvelopeBytes, Budget string
	Jar                   []JarCookie // every cookie that this request carried
	Sets                  int         // how many other cookies the answer sets that did not come
	Before                bool        // Jar came with an earlier request: nothing has travelled for this browser since
	Readable              string      // the name of the cookie that scripts may read
	Planted               bool        // it came along
	Typed                 Composer    // what the page's forms keep while no script runs
	Peeled                bool        // the payload is shown first
	Scripts               bool        // this is the present: the page may look into document.cookie
}

// fold says what is folded.
func (b Browser) fold() string {
	fold := "What scripts see"
	if !b.Scripts {
		fold = "What came with the request"
	}
	if len(b.Flags) > 0 {
		fold += " · attributes"
	}
	fold += " · " + b.others()
	switch b.Sets {
	case 0:
		return fold
	case 1:
		return fold + ", 1 was set"
	}
	return fold + ", " + strconv.Itoa(b.Sets) + " were set"
}

// others counts the cookies that came beside the session cookie.
func (b Browser) others() string {
	n := 0
	for _, c := range b.Jar {
		switch {
		case c.Kind == "more":
			return "more than " + strconv.Itoa(n) + " other cookies came"
		case !c.Session:
			n++
		}
	}
	switch n {
	case 0:
		return "no other cookie came"
	case 1:
		return "1 other cookie came"
	}
	return strconv.Itoa(n) + " other cookies came"
}

// Layers are what the cookie's value peels to.
type Layers struct {
	Time, Payload, Signature                string // under the outer base64
	TimeBytes, PayloadBytes, SignatureBytes string
	SignedAt, Ahead                         string // Ahead says that the time is still to come, "" mostly
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
	Begins     string // the beginning of the name as it came, for the script that looks the cookie up
	NameBytes  int    // the size of the whole name
	Bytes      int    // the size of name and value
	Kind       string // "session", "ended" (this answer makes the browser drop it), "readable", "kin", "other"
	Session    bool   // it is the session cookie, also when this answer ends it
	Value      string // of the readable one only
	Whose      string // of kin: which other browser's it is
}

// Flag is an attribute of the cookie.
type Flag struct {
	Text, Title string
	Off         bool
}

// Tools are the forms that do something with a copy of the cookie.
type Tools struct {
	Curl    string   // the press as a command
	Carries bool     // the command carries the cookie
	Open    bool     // the form that changes a copy is open, and its button has the focus
	Tamper  []Option // the parts that can be changed; none: there is no cookie to copy
	Letters int
	At, To  string   // as typed
	Invalid string   // the field that was refused
	Typed   Composer // what the forms keep while no script runs
	Pins    []Pin
	MaxPins int // how many are kept
	CanPin  bool
	Second  string   // the name that the next second browser gets, "" if there is no room for one
	Seats   []string // the names of the second browsers that were opened
	Opener  string   // the address of the first browser's lab, on a second's
}

// Pin is a copy of the cookie that the visit keeps.
type Pin struct {
	N                  int
	Session, At, Bytes string
}
