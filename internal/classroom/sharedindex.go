package classroom

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// prefixBytes is how many bytes of a session's key stay in the key of the store.
const prefixBytes = len(session.Key{}) - tagBytes

type prefix [prefixBytes]byte

// lateFor is how long a write whose answer was lost may still happen: no store tries
// longer. Until then the index asks the store about that record whenever somebody wants to
// know.
const lateFor = 10 * time.Second

// index knows the sessions of one part, at most a few dozen: their keys, expiries and sizes.
// So nobody needs to walk over the store for the figures of a part.
//
// Writes to one record come one after the other, and the index follows each write before the
// next. When a write's outcome is not known, or the store contradicts the index, the record
// is in doubt, and settle asks the store.
type index struct {
	gate *gate
	now  func() time.Time
	tag  [tagBytes]byte

	mu      sync.Mutex
	entries map[prefix]*entry
	claimed room // by writes that are under way
	dropped bool
	losses  bool // a write's answer was lost
}

// entry is a session of the part, or a key that somebody writes to.
type entry struct {
	turn  chan struct{} // of capacity one: whoever has put something in may write to the record
	users int           // who write or wait
	store visit         // of whoever has the turn

	// key is the session's key. After a restart it is the store's key, until a request
	// brings the session's: both lead to the same record.
	key     session.Key
	there   bool  // the store has a session under it
	expires int64 // in Unix milliseconds
	bytes   int64 // of its data
	// doubt is when it was last unclear what the store has; zero if it is clear.
	doubt time.Time
}

// room is what sessions take of the limits.
type room struct {
	sessions int
	bytes    int64
}

// keep notes that the store has r.
func (e *entry) keep(r session.Record) {
	e.there, e.expires, e.bytes = true, r.Expires.UnixMilli(), int64(len(r.Data))
	if r.Marker {
		e.forget()
	}
}

// forget notes that the store has no session there.
func (e *entry) forget() { e.there, e.expires, e.bytes = false, 0, 0 }

func (e *entry) dead(now time.Time) bool { return e.there && now.UnixMilli() >= e.expires }

// stored returns the key under which the store keeps the record of k.
func (x *index) stored(k session.Key) session.Key {
	copy(k[prefixBytes:], x.tag[:])
	return k
}

// entry returns the entry of k, and makes it if there is none. The caller has mu.
func (x *index) entry(k session.Key) *entry {
	p := prefix(k[:prefixBytes])
	e := x.entries[p]
	if e == nil {
		e = &entry{key: k, turn: make(chan struct{}, 1)}
		x.entries[p] = e
	}
	return e
}

// tidy removes an entry that says nothing. The caller has mu.
func (x *index) tidy(e *entry) {
	if e.users == 0 && !e.there && e.doubt.IsZero() {
		delete(x.entries, prefix(e.key[:prefixBytes]))
	}
}

// enter waits for the caller's turn to write to the record of k. Nobody who waits for the gate has a
// turn: whoever shuts the gate can have every turn. The error is the gate's, or that of ctx.
func (x *index) enter(ctx context.Context, k session.Key) (*entry, error) {
	v, err := x.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	e := x.entry(k)
	e.users++
	x.mu.Unlock()
	select {
	case e.turn <- struct{}{}:
		e.store = v
		return e, nil
	case <-ctx.Done():
	}
	v.leave()
	x.mu.Lock()
	defer x.mu.Unlock()
	e.users--
	x.tidy(e)
	return nil, ctx.Err()
}

// leave ends the caller's turn.
func (x *index) leave(e *entry) {
	defer e.store.leave()
	<-e.turn
	x.mu.Lock()
	defer x.mu.Unlock()
	e.users--
	x.tidy(e)
}

// write calls do, which writes to the record of k, with the store's key, in the caller's
// turn. After a success, done brings the entry up to date. The claim ends in either case.
func (x *index) write(ctx context.Context, k session.Key, claim room, do func(session.Backend, session.Key) error, done func(*entry)) error {
	e, err := x.enter(ctx, k)
	if err != nil {
		x.unclaim(claim)
		return err
	}
	defer x.leave(e)
	err = do(e.store, x.stored(k))
	x.note(e, claim, err, func(e *entry) { e.key = k; done(e) })
	return err
}

// note follows a write to e, whose answer was err. The caller has the turn.
func (x *index) note(e *entry, claim room, err error, done func(*entry)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.claimed.sessions -= claim.sessions
	x.claimed.bytes -= claim.bytes
	switch {
	case err == nil:
		done(e)
	case errors.Is(err, errDropped):
	case !session.Answered(err):
		e.doubt, x.losses = time.Now(), true
	case errors.Is(err, session.ErrNotFound) && e.there && !e.dead(x.now()):
		e.doubt = time.Now()
	}
}

// unclaim ends the claim of a write that does not happen.
func (x *index) unclaim(claim room) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.claimed.sessions -= claim.sessions
	x.claimed.bytes -= claim.bytes
}

func (x *index) isDropped() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.dropped
}

// drop lets the part take no session any more, and returns the keys of all entries. Writes
// that are under way are among them.
func (x *index) drop() []session.Key {
	x.mu.Lock()
	x.dropped = true
	x.mu.Unlock()
	return x.keys(func(*entry) bool { return true })
}

// lost tells whether the answer of a write was ever lost.
func (x *index) lost() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.losses
}

// keys returns the keys of the entries that match.
func (x *index) keys(match func(*entry) bool) []session.Key {
	x.mu.Lock()
	defer x.mu.Unlock()
	var keys []session.Key
	for _, e := range x.entries {
		if match(e) {
			keys = append(keys, e.key)
		}
	}
	return keys
}

// read follows a read of k, whose answer was r and err. A read may meet a write, so it
// changes nothing in the index: what the read contradicts is in doubt.
func (x *index) read(k session.Key, r session.Record, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	e := x.entries[prefix(k[:prefixBytes])]
	live := err == nil && !r.Marker
	switch {
	case live && e == nil:
		x.entry(k).doubt = time.Now()
	case live:
		if e.key = k; !e.there {
			e.doubt = time.Now()
		}
	case e != nil && e.there && !e.dead(x.now()) && (err == nil || errors.Is(err, session.ErrNotFound)):
		e.doubt = time.Now()
	}
}

// doubtExpired puts what has expired at now in doubt: somebody else may have cleared it.
func (x *index) doubtExpired(now time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.entries {
		if e.dead(now) {
			e.doubt = time.Now()
		}
	}
}

// doubtAll puts everything in doubt: the store is another one. A write that has ended there may not be
// noted here yet, so that the index follows it later, and the doubt stays.
func (x *index) doubtAll() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.entries {
		e.doubt = time.Now()
	}
}

// settle asks the store about all that is in doubt. The error is the store's, or that of ctx.
func (x *index) settle(ctx context.Context) error {
	for _, k := range x.keys(func(e *entry) bool { return !e.doubt.IsZero() }) {
		e, err := x.enter(ctx, k)
		if err != nil {
			return err
		}
		err = x.ask(ctx, e, k)
		x.leave(e)
		if err != nil {
			return err
		}
	}
	return nil
}

// ask sets e, the entry of k, to what the store has. The caller has the turn.
func (x *index) ask(ctx context.Context, e *entry, k session.Key) error {
	asked := time.Now()
	found, err := e.store.Peek(ctx, x.stored(k))
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case err == nil:
		e.keep(found.Record)
	case errors.Is(err, session.ErrNotFound):
		e.forget()
	default:
		return err
	}
	if asked.Sub(e.doubt) > lateFor {
		e.doubt = time.Time{}
	}
	return nil
}

// clear removes the session of k if the store has it and it is dead at now. It tells whether
// it did.
func (x *index) clear(ctx context.Context, k session.Key, now time.Time) (removed bool, err error) {
	e, err := x.enter(ctx, k)
	if err != nil {
		return false, err
	}
	defer x.leave(e)
	if err := x.ask(ctx, e, k); err != nil {
		return false, err
	}
	x.mu.Lock()
	dead := e.dead(now)
	x.mu.Unlock()
	if !dead {
		return false, nil
	}
	err = e.store.Delete(ctx, x.stored(k))
	x.note(e, room{}, err, (*entry).forget)
	return err == nil, err
}

// taken returns what the sessions of the part take, with the claims of writes that are under
// way. The caller has mu.
func (x *index) taken() room {
	all := x.claimed
	for _, e := range x.entries {
		if e.there {
			all.sessions++
			all.bytes += e.bytes
		}
	}
	return all
}

// stats returns the figures at now.
func (x *index) stats(now time.Time) (s session.Stats) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.entries {
		switch {
		case e.dead(now):
			s.Expired++
		case e.there:
			s.Live++
		}
		s.Bytes += e.bytes
	}
	return s
}
