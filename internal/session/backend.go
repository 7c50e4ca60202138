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

// Name returns how the session is named outside its own cookie.
func (k Key) Name() Name { return Name{[4]byte(k[:4]), true} }

// Name is the name of a session: of its key, the first four bytes. The zero Name
// names none.
type Name struct {
	bytes [4]byte
	is    bool
}

// String returns the 8 hex digits, or "" for the zero Name.
func (n Name) String() string {
	if !n.is {
		return ""
	}
	return hex.EncodeToString(n.bytes[:])
}

// MarshalText makes it String's text in JSON too, a log's above all.
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
	n.is = err == nil
	return err
}

// Record is what a backend keeps under a key.
type Record struct {
	// Version counts the writes of a record. Create stores Version+1: 1 for a new
	// one, the next number for one that goes on under a new ID. A session that
	// leaves placement cookie begins a record, at 1.
	Version uint64
	// Created is the anchor of the absolute lifetime.
	Created time.Time
	// Expires is the first moment at which the record is dead. Whole milliseconds.
	Expires time.Time
	// Data is JSON text, of letters that are valid UTF-8.
	Data string
	// Marker tells that this is no session but the headstone of a dead ID.
	// Markers are never refused for capacity and are counted in no figure.
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

// Stored is a record as it lies in a store, be it live, expired or a marker.
type Stored struct {
	Record
	// Where is what holds it, in the store's words: "row of the table sessions".
	Where string
	// Fields are what lies there, by the store's own names, in its own order.
	Fields []Field
}

// Field is a name and what lies under it.
type Field struct{ Name, Value string }

// Stats are a backend's figures. Markers are no sessions: they are in Ended only.
type Stats struct {
	Live    int   // sessions that still open
	Expired int   // expired, and not cleared yet
	Bytes   int64 // of Data, live and expired
	Ended   int   // markers, those not cleared yet included; 0 where the store does not count them
}

// Backend keeps records. Its methods may be called concurrently and honour ctx.
// Any error that is not one of those named here means that the store does not
// answer; nothing is then known of what it did.
type Backend interface {
	// Create stores a record under a new key. It returns ErrExists if the key
	// is taken, and ErrFull if there is no room for a new session; a record with
	// Version > 0 goes on from another one and a marker ends one, so that
	// neither is refused for room.
	Create(ctx context.Context, k Key, r Record) error
	// Load returns a live record or a marker. Unknown, deleted and expired are
	// alike ErrNotFound; an expired session that was not cleared yet may say
	// ErrExpired, which is an ErrNotFound too.
	Load(ctx context.Context, k Key) (Record, error)
	// Save replaces the live record of that key if its version still is
	// r.Version, and returns the new version. Otherwise it returns ErrConflict,
	// or ErrNotFound when there is no live record: it never creates one. A store
	// with a limit in bytes says ErrFull to a record that would grow past it; one
	// that shrinks, and a marker, are never refused for room. A marker that is saved
	// over a record is for requests that come late: without it the missing record says
	// the same, less kindly. A store that has many may remove the record instead.
	Save(ctx context.Context, k Key, r Record) (version uint64, err error)
	// Touch moves the expiry of a live record and nothing else, if its version
	// still is that: a late read must not undo an expiry that was set meanwhile.
	// Otherwise it returns ErrConflict, or ErrNotFound when there is none.
	Touch(ctx context.Context, k Key, version uint64, expires time.Time) error
	// Delete removes the record of that key, live or expired, if there is one.
	// A marker stays.
	Delete(ctx context.Context, k Key) error
	// DeleteExpired removes at most limit sessions that are dead at now, and the
	// dead markers that it meets. It returns how many sessions it removed: fewer
	// than limit only when no more are dead.
	DeleteExpired(ctx context.Context, now time.Time, limit int) (int, error)
	// Forgotten returns the latest expiry of a marker that DeleteExpired removed, and
	// the zero time if there was none. If the clock goes back before that time, an ID
	// of that age may have been ended although no marker says so.
	Forgotten(ctx context.Context) (time.Time, error)
	// Peek returns what lies under that key, dead or alive, for people who look.
	// It changes nothing, and returns ErrNotFound when nothing lies there.
	Peek(ctx context.Context, k Key) (Stored, error)
	// All yields every session, live and expired, in no order.
	All(ctx context.Context) iter.Seq2[Entry, error]
	// Stats returns the figures, without a walk over all records.
	Stats(ctx context.Context) (Stats, error)
	// Ping tells whether the store answers.
	Ping(ctx context.Context) error
}

// ErrDown is what the error of a Backend is that knows that it can keep and read
// nothing for now: to ask it what became of a write is no use.
var ErrDown = errors.New("the store is down")

// What a Backend answers when it is well.
var (
	ErrNotFound = errors.New("no such session")
	ErrExpired  = fmt.Errorf("the session has expired: %w", ErrNotFound)
	ErrExists   = errors.New("the key is taken")
	ErrConflict = errors.New("the record was changed by another request meanwhile")
	ErrFull     = errors.New("the store is full: it takes nothing more until a session ends")
)
