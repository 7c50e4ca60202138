package classroom

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// shutFor is how long an operation waits for a gate that is shut. A request then gets the answer
// of a store that is away.
const shutFor = 2 * time.Second

// errShut is the error of an operation that has waited for so long, or that meets a store which
// could not be opened again. What was asked of the store did not happen.
var errShut = fmt.Errorf("the store of the class is being restarted: %w", session.ErrDown)

// gate stands before the store of a Shared: every operation passes it. While it is shut, whoever
// shut it has the store to itself, and other operations wait.
type gate struct {
	mu    sync.Mutex
	b     session.Backend // nil if it could not be opened again
	shut  chan struct{}   // closed when the gate opens; nil while it is open
	users sync.WaitGroup  // operations that have passed and not left
}

// passKey is the key of the *gate that a context passes although it is shut.
type passKey struct{}

// visit is the store for one operation. Call leave after it.
type visit struct {
	session.Backend
	g *gate // nil for an operation of whoever shut the gate
}

func (v visit) leave() {
	if v.g != nil {
		v.g.users.Done()
	}
}

// enter waits until the gate is open. The errors are errShut and that of ctx.
func (g *gate) enter(ctx context.Context) (visit, error) {
	for {
		g.mu.Lock()
		b, shut := g.b, g.shut
		if shut != nil && ctx.Value(passKey{}) == g {
			g.mu.Unlock()
			return visit{Backend: b}, down(b)
		}
		if shut == nil {
			if b != nil {
				g.users.Add(1)
			}
			g.mu.Unlock()
			return visit{b, g}, down(b)
		}
		g.mu.Unlock()
		timer := time.NewTimer(shutFor)
		select {
		case <-shut:
			timer.Stop()
		case <-timer.C:
			return visit{}, errShut
		case <-ctx.Done():
			timer.Stop()
			return visit{}, ctx.Err()
		}
	}
}

// down returns the error of a store that is not there.
func down(b session.Backend) error {
	if b == nil {
		return errShut
	}
	return nil
}

// close shuts the gate, and waits until all operations that have passed it have left. Only one at a
// time may do so.
func (g *gate) close() {
	g.mu.Lock()
	g.shut = make(chan struct{})
	g.mu.Unlock()
	g.users.Wait()
}

// open opens the gate.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.shut)
	g.shut = nil
}

// set replaces the store behind the gate, which is shut.
func (g *gate) set(b session.Backend) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.b = b
}

// Alone has the whole store to itself while do runs: it waits for the operations that are under way,
// and others wait for it, at most two seconds. do gets a context that reaches the store, also through
// parts. Of several calls each waits for the one before. The error is do's, or that of ctx.
func (s *Shared) Alone(ctx context.Context, do func(ctx context.Context) error) error {
	select {
	case s.alone <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.alone }()
	s.gate.close()
	defer s.gate.open()
	return do(context.WithValue(ctx, passKey{}, s.gate))
}

// Swap puts the store that next returns in the place of the one before. next may close that one: it
// runs within Alone, whose context the caller has. If next returns nil, with an error, there is no store
// until another Swap succeeds: every operation answers session.ErrDown. The error is next's.
//
// The parts ask the store what it has of the sessions that they know. A store that has sessions
// which the one before did not have must not be put there.
func (s *Shared) Swap(ctx context.Context, next func(ctx context.Context) (session.Backend, error)) error {
	if ctx.Value(passKey{}) != s.gate {
		panic("classroom: Swap outside Alone")
	}
	b, err := next(ctx)
	s.gate.set(b)
	for _, x := range s.indexes() {
		x.doubtAll()
	}
	return err
}

// Expire sets the deadline of every live session of all parts to now. It returns how many sessions
// that were. It needs the context of Alone. After an error some sessions may have their old deadline.
func (s *Shared) Expire(ctx context.Context) (expired int, err error) {
	if ctx.Value(passKey{}) != s.gate {
		panic("classroom: Expire outside Alone")
	}
	v, err := s.gate.enter(ctx)
	if err != nil {
		return 0, err
	}
	now := s.now().Truncate(time.Millisecond)
	var live []session.Entry
	for found, err := range v.All(ctx) {
		if err != nil {
			return 0, err
		}
		if now.Before(found.Expires) {
			live = append(live, found)
		}
	}
	err = Each(live, func(e session.Entry) error {
		err := v.Touch(ctx, e.Key, e.Version, now)
		if session.Answered(err) { // it has ended by its own clock meanwhile
			err = nil
		}
		return err
	})
	for _, x := range s.indexes() {
		x.doubtAll()
	}
	return len(live), err
}

// abreast is how many writes of one act are under way at once: SQLite makes one commit of them.
const abreast = 64

// Each calls do for all, several at a time, and returns the first error. After an error it calls do
// for no others.
func Each[T any](all []T, do func(T) error) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var first error
	todo := make(chan T)
	for range min(abreast, len(all)) {
		wait.Go(func() {
			for one := range todo {
				if err := do(one); err != nil {
					mu.Lock()
					if first == nil {
						first = err
					}
					mu.Unlock()
				}
			}
		})
	}
	for _, one := range all {
		mu.Lock()
		failed := first != nil
		mu.Unlock()
		if failed {
			break
		}
		todo <- one
	}
	close(todo)
	wait.Wait()
	return first
}
