package session

import (
	"errors"
	"fmt"
)

// Limits of the engine, in bytes unless the name says otherwise.
const (
	MaxKeyBytes     = 128       // one key
	MaxValueBytes   = 64 << 10  // one encoded value
	MaxKeys         = 256       // keys of one session
	MaxDepth        = 1000      // levels of lists and objects in one value; parsers stop at 10,000
	MaxSessionBytes = 256 << 10 // all keys and encoded values of one session
	MaxCookieBytes  = 4096      // cookie name plus value, without the "=": what browsers keep (RFC 6265bis, section 5.6)
	MaxSmallBytes   = 256       // in placement hybrid, a larger encoded value goes to the server
)

var (
	// ErrGone is returned by Commit when another request ended the session, or
	// gave it a new ID, after this one had loaded it. Nothing was written.
	ErrGone = errors.New("another request ended this session meanwhile")
	// ErrMoved is returned by Commit for a request that carries an ID which was
	// replaced by a new one less than 30 seconds ago. Nothing was written.
	ErrMoved = errors.New("this session has a new ID since a moment ago")
)

var (
	// ErrStale is an ErrConflict: a hybrid session was to get a new ID or placement by
	// a request that does not know the values in a later cookie. They would be left
	// behind for good. Nothing was written.
	ErrStale = fmt.Errorf("a later cookie carries values that this request does not know: %w", ErrConflict)
	// ErrNoID is an ErrFull: no more IDs of placement cookie are given out for now.
	ErrNoID = fmt.Errorf("too many IDs of placement cookie were given out: %w", ErrFull)
)

// Limit names what a LimitError ran into.
type Limit string

const (
	LimitValue   Limit = "value"   // MaxValueBytes
	LimitKeys    Limit = "keys"    // MaxKeys
	LimitSession Limit = "session" // MaxSessionBytes
	LimitCookie  Limit = "cookie"  // MaxCookieBytes
)

// LimitError tells that something would have become too large. Nothing was changed.
type LimitError struct {
	Limit Limit
	Size  int    // what it would have been; bytes, or keys for LimitKeys
	Max   int    // what is allowed
	Key   string // the key that met the limit
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the %s would be %d, at most %d", e.Limit, e.Size, e.Max)
}

// InputError tells that a key, a value or a setting is not one that a session
// can have. Its text is for people and says what is allowed.
type InputError struct {
	Field string // of the form: "key", "value", "type", "placement", …
	Text  string
}

func (e *InputError) Error() string { return e.Text }

// StoreError tells that the backend did not answer. The browser's cookie must be
// left as it is: an outage is not a logout.
type StoreError struct {
	Op  string // what was asked of the backend: "load", "save", …
	Err error  // what it answered
}

func (e *StoreError) Error() string { return "session store: " + e.Op + ": " + e.Err.Error() }
func (e *StoreError) Unwrap() error { return e.Err }

// storeError passes on what a well backend says and marks everything else.
func storeError(op string, err error) error {
	if Answered(err) {
		return err
	}
	return &StoreError{Op: op, Err: err}
}

// Answered tells whether err is one that a well Backend answers, nil included.
func Answered(err error) bool {
	if err == nil {
		return true
	}
	for _, known := range []error{ErrNotFound, ErrExists, ErrConflict, ErrFull} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
