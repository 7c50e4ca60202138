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
	// ErrGone is returned by Commit when another request ended the session, or gave it a
	// new ID, after this request had loaded it. Nothing was written.
	ErrGone = errors.New("another request ended this session meanwhile")
	// ErrMoved is returned by Commit and Flush for a request whose ID was replaced by a new
	// one less than 30 seconds ago. Nothing was written.
	ErrMoved = errors.New("this session has a new ID since a moment ago")
)

var (
	// ErrStale is an ErrConflict: a request that does not know the values in a later cookie
	// would have given a hybrid session a new ID or placement, and those values would have
	// been lost. Nothing was written.
	ErrStale = fmt.Errorf("a later cookie carries values that this request does not know: %w", ErrConflict)
	// ErrNoID is an ErrFull: for now, no more IDs of placement cookie are given out.
	// See IDRoom.
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

// LimitError tells what would have become too large. Nothing was changed.
type LimitError struct {
	Limit Limit
	Size  int    // the size that was refused, in bytes, or in keys for LimitKeys
	Max   int    // the largest size that is allowed
	Key   string // the key whose value met the limit
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the %s would be %d, at most %d", e.Limit, e.Size, e.Max)
}

// InputError tells that a session cannot have a key, a value or a setting. Its text is for
// people and says what is allowed.
type InputError struct {
	Field string // of the form: "key", "value", "type", "placement", …
	Text  string
}

func (e *InputError) Error() string { return e.Text }

// StoreError tells that the backend did not answer. The response must leave the browser's
// cookie as it is: an outage is not a logout.
type StoreError struct {
	Op  string // what was asked of the backend: "load", "save", …
	Err error  // what it answered
}

func (e *StoreError) Error() string { return "session store: " + e.Op + ": " + e.Err.Error() }
func (e *StoreError) Unwrap() error { return e.Err }

// storeError returns the errors of a Backend that works as they are, and any other as a
// *StoreError.
func storeError(op string, err error) error {
	if Answered(err) {
		return err
	}
	return &StoreError{Op: op, Err: err}
}

// Answered tells whether err is nil or an error of a Backend that works, which means that
// the store did answer.
func Answered(err error) bool {
	if err == nil {
		return true
	}
	for _, answer := range []error{ErrNotFound, ErrExists, ErrConflict, ErrFull} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}
