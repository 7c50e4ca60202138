package session

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Key is the SHA-256 of a session ID. A backend sees keys and never an ID, so
// that a dump of it opens nothing.
type Key [sha256.Size]byte

// KeyOf returns the key under which the session with the given ID is kept.
func KeyOf(id string) Key { return sha256.Sum256([]byte(id)) }

// Name returns the session's short name, by which pages, logs and events call it.
func (k Key) Name() Name { return Name{[4]byte(k[:4]), true} }

// Name is the short name of a session: the first four bytes of its key. The zero Name
// names no session.
type Name struct {
	bytes [4]byte
	set   bool
}

// String returns the 8 hex digits, or "" for the zero Name.
func (n Name) String() string {
	if !n.set {
		return ""
	}
	return hex.EncodeToString(n.bytes[:])
}

// MarshalText returns String's text, so that JSON and logs show it.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (n *Name) UnmarshalText(text []byte) error {
	if *n = (Name{}); len(text) == 0 {
		return nil
	}
	if hex.DecodedLen(len(text)) != len(n.bytes) {
		return fmt.Errorf("session: %q is no name of a session", text)
	}
	_, err := hex.Decode(n.bytes[:], text)
	n.set = err == nil
	return err
}

// Record is what a backend keeps under a key.
type Record struct {
	// Version counts the writes of a record. Create stores Version+1: 1 for a new
	// session, the next number for a session that goes on under a new ID. A session that
	// leaves placement cookie begins a record with version 1.
	Version uint64
	// Created is the anchor of the absolute lifetime.
	Created time.Time
	// Expires is the first moment at which the record is dead, in whole milliseconds.
	Expires time.Time
	// Data is JSON text in valid UTF-8.
	Data string
	// Marker tells that this is not a session: it says that an ID is dead, and how it
	// ended. Stores never refuse a marker for lack of room, and count it in no figure of
	// sessions.
	Marker bool
}

// check returns an error for times that no session has.
func (r *Record) check() error {
	if r.Created.UnixMilli() > maxMilli || r.Expires.UnixMilli() > maxMilli {
		return errors.New("corrupt record: its times are beyond the year 9000")
	}
	return nil
}

// Entry is a record with its key.
type Entry struct {
	Key Key
	Record
}

// Stored is what a store keeps under a key: a live session, an expired one or a marker.
type Stored struct {
	Record
	// Where says where the store keeps it, for example "row of the table sessions".
	Where string
	// Fields are the record's parts under the store's own names, in the store's order.
	Fields []Field
}

// Field is one part of a record as a store keeps it.
type Field struct{ Name, Value string }

// Stats are a backend's figures. Markers are not sessions: only Ended counts them.
type Stats struct {
	Live    int   // sessions that have not expired
	Expired int   // sessions that have expired and are not cleared yet
	Bytes   int64 // of Data, of live and expired sessions
	Ended   int   // markers, also expired ones; 0 if the store does not count them
}

// Backend keeps records. Its methods may be called concurrently and honour ctx. Any
// error but the errors named here means that the store did not answer: what was asked of it
// may have happened or not.
type Backend interface {
	// Create stores a record under a new key. It returns ErrExists if the key is taken,
	// and ErrFull if there is no room for a new session. It always has room for a record
	// with Version > 0, which goes on from another record, and for a marker, which ends one.
	Create(ctx context.Context, k Key, r Record) error
	// Load returns a live record or a marker. For a key that is unknown, deleted or
	// expired it returns ErrNotFound. For an expired session that was not cleared yet it
	// may return ErrExpired, which is an ErrNotFound too.
	Load(ctx context.Context, k Key) (Record, error)
	// Save replaces the live record of that key if its version still is r.Version, and
	// returns the new version. Otherwise it returns ErrConflict, or ErrNotFound when there
	// is no live record: it never creates one. A store with a limit in bytes returns
	// ErrFull for a record that would grow past the limit; it always has room for a record
	// that shrinks, and for a marker. A marker that replaces a record tells late requests
	// why the session is gone. A store that has many markers may remove the record
	// instead: then late requests learn only that the session is gone.
	Save(ctx context.Context, k Key, r Record) (version uint64, err error)
	// Touch sets the expiry of a live record and nothing else, if the record still has that
	// version: a late read must not undo an expiry that was set meanwhile. Otherwise it
	// returns ErrConflict, or ErrNotFound when there is no live record.
	Touch(ctx context.Context, k Key, version uint64, expires time.Time) error
	// Delete removes the session of that key, live or expired, if there is one. A marker
	// stays.
	Delete(ctx context.Context, k Key) error
	// DeleteExpired removes at most limit sessions that are dead at now, and the dead
	// markers that it meets. It returns how many sessions it removed: fewer than limit
	// means that no dead session is left.
	DeleteExpired(ctx context.Context, now time.Time, limit int) (int, error)
	// Forgotten returns the latest expiry of all markers that DeleteExpired has removed,
	// or the zero time if it has removed none. If the clock goes back before that time, an
	// ID of that age may have ended although no marker says so.
	Forgotten(ctx context.Context) (time.Time, error)
	// Peek returns what the store keeps under that key, live, expired or a marker, for
	// people to look at. It changes nothing, and returns ErrNotFound when there is nothing.
	Peek(ctx context.Context, k Key) (Stored, error)
	// All yields every session, live and expired, in no order.
	All(ctx context.Context) iter.Seq2[Entry, error]
	// Stats returns the figures, without a walk over all records.
	Stats(ctx context.Context) (Stats, error)
	// Ping tells whether the store answers and can be written. It returns a *ReadOnlyError if
	// it cannot, and ErrFull if there is no room for a new session. It writes no session.
	Ping(ctx context.Context) error
}

// ReadOnlyError is the error of a Backend that can be read, and takes no writes for now. What
// was to be written is not there.
type ReadOnlyError struct {
	Why  string // for people: "its disk is full"
	Full bool   // there is no room on its disk, so that nothing can be written at all
	Err  error  // what the store answered
}

func (e *ReadOnlyError) Error() string { return "the store takes no writes: " + e.Err.Error() }
func (e *ReadOnlyError) Unwrap() error { return e.Err }

// ErrDown is the error of a Backend that knows that it can neither keep nor read anything
// for now. The engine does not ask that Backend what became of a write.
var ErrDown = errors.New("the store is down")

// The errors of a Backend that works.
var (
	ErrNotFound = errors.New("no such session")
	ErrExpired  = fmt.Errorf("the session has expired: %w", ErrNotFound)
	ErrExists   = errors.New("the key is taken")
	ErrConflict = errors.New("the record was changed by another request meanwhile")
	ErrFull     = errors.New("the store is full: it takes nothing more until a session ends")
)
