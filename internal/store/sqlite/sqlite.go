// Package sqlite keeps session records in one SQLite file, which outlives the
// program and can be read with the sqlite3 shell while it runs. Begin with Open; then
// read.go and write.go, which implement session.Backend, and queue.go and commit.go,
// through which each write goes. documents.go keeps small documents beside the sessions.
//
// A write that was answered survives a kill of the program, and with Full a power cut
// too. A damaged file is refused and left as it is. But SQLite has no checksums: when a
// letter inside a value changes and leaves valid JSON, nobody notices.
package sqlite

import (
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

const (
	// lookEvery is how often a read asks whether another program wrote to the file,
	// and verifyEvery how often it asks whether the file still has its name.
	lookEvery   = 100 * time.Millisecond
	verifyEvery = time.Millisecond
	// busyTimeout is how long a write waits for another program that is writing.
	busyTimeout = 1500 * time.Millisecond
)

// Durability says when a write counts as done.
type Durability int

const (
	// Full: a write is on disk before it is answered.
	Full Durability = iota
	// Batched: a write is in the file before it is answered, and on disk about a second
	// later. A kill of the program loses nothing, a power cut the writes of that second.
	Batched
)

// Config says what Open opens.
type Config struct {
	File        string // Open makes it, with its folders, if it is not there
	Durability  Durability
	MaxSessions int              // expired sessions count until they are cleared; 0 means no limit
	Documents   bool             // the file keeps documents too, see PutDocuments, and what is removed from it is overwritten with zeros
	Now         func() time.Time // the clock; nil means time.Now
	Log         *slog.Logger     // nil means no log
}

// Store is a session.Backend. It starts no goroutine.
//
// One connection writes, and only who has lead may use it (queue.go). Another one
// reads, so that no read waits for the disk. The lock makes this process the only
// Sessionscope that writes, so that it may keep records and figures in memory too;
// changes by the sqlite3 shell are seen within lookEvery.
type Store struct {
	file  string // its true name, without links
	given string // the name that Open was given
	max   int64
	now   func() time.Time
	log   *slog.Logger
	lock  *fileLock // nil after Close

	lead        chan struct{} // of capacity one: who has put something in has lead, and may use write
	write       *sqlite.Conn  // nil after Close
	dataVersion int64         // of the file when cache and figures were last right, -1 to count anew; guarded by lead
	queueMu     sync.Mutex
	queue       []*op
	crowd       crowd
	unsynced    atomic.Bool                           // Batched: a sync is due
	refused     atomic.Pointer[session.ReadOnlyError] // of the last write, nil if the file took it
	batched     bool
	documents   bool

	readMu sync.Mutex
	read   *sqlite.Conn // nil after Close

	start      time.Time
	nextLook   atomic.Int64 // when look recounts again, in nanoseconds after start
	nextVerify atomic.Int64 // when recent verifies again, in nanoseconds after start

	verifyMu sync.Mutex
	opened   []openFile                // what SQLite has open, and under which names; guarded by verifyMu
	folder   fs.FileInfo               // the folder as it was before all files were compared; nil if it had just changed
	fault    atomic.Pointer[misplaced] // what verify found last; nil if every file has its name
	rescued  *misplaced                // the fault for which rescue has run; guarded by lead

	mu       sync.RWMutex
	cache    cache
	forgot   uint64 // counts the times at which cached records may have changed
	sessions int64  // live and expired, without markers; written with lead
	bytes    int64  // size of their Data
	ended    int64  // markers

	forgotten atomic.Int64 // the latest expiry of the markers that were removed, Unix milliseconds
}

var errClosed = errors.New("the store is closed")
