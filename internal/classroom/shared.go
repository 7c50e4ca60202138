package classroom

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Shared divides one session.Backend into parts, one for each seat. A record of one part
// cannot be reached from another part, and each part has its own figures, limits and expired
// sessions. Make a Shared with Share, and a seat's Backend with Part.
//
// The store keeps a record of a part under the first 24 bytes of the session's key, followed
// by the 8 bytes of the part's tag. So a record's short name stays the same, and its key says
// whose it is. A session ID is random: 24 bytes of its hash are enough.
//
// Only one Shared may write to a store at a time, and everything goes through it. The store
// should have room for all parts: a store that is full itself clears expired sessions of any
// part to make room, and the figures of that part count them until Sweep.
type Shared struct {
	gate  *gate
	alone chan struct{} // of capacity one: whoever has put something in may shut the gate
	now   func() time.Time
	mu    sync.Mutex
	byTag map[[tagBytes]byte]*index
}

const tagBytes = 8

// PartLimits bound a part. 0 means no limit.
type PartLimits struct {
	Sessions int   // expired ones included until they are cleared
	Bytes    int64 // of session.Record.Data, over all sessions of the part
}

// The limits of a part, as PartFullError names them.
const (
	LimitSessions = "sessions"
	LimitBytes    = "bytes"
)

// PartFullError tells that a part has reached one of its limits, while other parts may have
// room. It is a session.ErrFull. A store that is full itself returns another ErrFull.
type PartFullError struct {
	Limit string // LimitSessions or LimitBytes
	Max   int64  // how many the part may have
}

func (e *PartFullError) Error() string {
	return fmt.Sprintf("this part of the store is full: it has room for %d %s", e.Max, e.Limit)
}
func (e *PartFullError) Unwrap() error { return session.ErrFull }

// errDropped is the error of a part that was dropped, for a request that was under way. It is
// an ErrDown, so that the engine does not ask what became of a write.
var errDropped = fmt.Errorf("this part of the store was dropped: %w", session.ErrDown)

// Share divides b. It reads all sessions of b once, to know which part has which. now is the
// clock, the same as b's. The only errors are b's.
func Share(ctx context.Context, b session.Backend, now func() time.Time) (*Shared, error) {
	s := &Shared{gate: &gate{b: b}, alone: make(chan struct{}, 1), now: now, byTag: make(map[[tagBytes]byte]*index)}
	for found, err := range b.All(ctx) {
		if err != nil {
			return nil, err
		}
		x := s.index([tagBytes]byte(found.Key[prefixBytes:]))
		e := x.entry(found.Key)
		e.keep(found.Record)
	}
	return s, nil
}

// Part returns the part of that tag, with these limits. A part that is not there yet is
// empty. Two calls with one tag return the same part.
func (s *Shared) Part(tag [tagBytes]byte, l PartLimits) session.Backend {
	return &part{index: s.index(tag), limits: l}
}

// index returns the index of that part, and makes it if there is none.
func (s *Shared) index(tag [tagBytes]byte) *index {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.byTag[tag]
	if x == nil {
		x = &index{gate: s.gate, now: s.now, tag: tag, entries: make(map[prefix]*entry)}
		s.byTag[tag] = x
	}
	return x
}

// indexes returns all indexes.
func (s *Shared) indexes() []*index {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*index, 0, len(s.byTag))
	for _, x := range s.byTag {
		all = append(all, x)
	}
	return all
}

// Stats returns the figures of the whole store.
func (s *Shared) Stats(ctx context.Context) (session.Stats, error) {
	v, err := s.gate.enter(ctx)
	if err != nil {
		return session.Stats{}, err
	}
	defer v.leave()
	return v.Stats(ctx)
}

// sweepStep is how many sessions Sweep removes at a time, so that no request waits for it.
const sweepStep = 1000

// Sweep removes all expired sessions of all parts, and the expired markers. It returns how
// many sessions it removed. One call every ten minutes replaces the sweepers of all engines.
func (s *Shared) Sweep(ctx context.Context) (removed int, err error) {
	now := s.now()
	for n := sweepStep; n == sweepStep && err == nil; removed += n {
		n, err = s.sweep(ctx, now)
	}
	for _, x := range s.indexes() { // also after an error: a part of them may be gone
		x.doubtExpired(now)
	}
	return removed, err
}

// sweep is a step of Sweep.
func (s *Shared) sweep(ctx context.Context, now time.Time) (removed int, err error) {
	v, err := s.gate.enter(ctx)
	if err != nil {
		return 0, err
	}
	defer v.leave()
	return v.DeleteExpired(ctx, now, sweepStep)
}

// Drop removes all sessions of a part, live and expired. Its markers stay until they expire.
// Whoever has the part from before can write no session to it any more: a request that is
// under way leaves nothing. Then Part returns a new, empty part. After an error some sessions
// may be left, and the part takes no new ones: call Drop again.
func (s *Shared) Drop(ctx context.Context, tag [tagBytes]byte) error {
	s.mu.Lock()
	x := s.byTag[tag]
	s.mu.Unlock()
	if x == nil {
		return nil
	}
	for _, k := range x.drop() {
		if err := x.write(ctx, k, room{}, func(b session.Backend, k session.Key) error { return b.Delete(ctx, k) }, (*entry).forget); err != nil {
			return err
		}
	}
	if x.lost() {
		if err := s.dropStrays(ctx, tag); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byTag[tag] == x {
		delete(s.byTag, tag)
	}
	return nil
}

// dropStrays removes what a walk over the store finds of a part. A write whose answer was
// lost may have left a session that the index does not know.
func (s *Shared) dropStrays(ctx context.Context, tag [tagBytes]byte) (err error) {
	v, err := s.gate.enter(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	for found, e := range v.All(ctx) {
		if e != nil {
			return errors.Join(err, e)
		}
		if [tagBytes]byte(found.Key[prefixBytes:]) == tag {
			err = errors.Join(err, v.Delete(ctx, found.Key))
		}
	}
	return err
}
