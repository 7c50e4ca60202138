// Package classroom is a class: who has a seat, how a seat is joined and found again, what the
// class does together, and the facts that the teacher's board is made of. It knows neither HTTP
// nor HTML.
//
// Begin with Open, which returns a Class with everything that its Documents hold. A visitor
// of the join page is offered a nickname (Offer, Spin) and gets a seat (Join). Its owner
// comes back by the seat cookie (Return) or by nickname and code (Back). Board gathers what
// every seat's session does; Shared divides one store among the seats.
//
// Three others keep in the same Documents what the class does: Together the question that is asked, its
// answers and what came of it; Survey what was done to every session at once, and what the requests after
// it showed; Browsers what the browsers of the class have. A seat that goes is told to each of them by
// Left, and after a Wipe each forgets by Wiped.
//
// A change is in the Documents before it is acknowledged. If the Documents fail, the method returns
// their error and nothing has changed. Pressed and Done of a Survey report what has happened already:
// they log the error.
package classroom

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// MaxSeats is the largest number of seats that a class can be opened for. The lists of words
// have more than twice the nicknames that such a class and its visitors hold.
const MaxSeats = 1000

// Config is what a class is made of.
type Config struct {
	Documents Documents        // keeps the class; it must not be nil
	Seats     int              // how many seats there may be, 1 to MaxSeats
	Now       func() time.Time // the clock; nil is time.Now
	Log       *slog.Logger     // nil discards; no line names a seat
	// Changed is told every change, one after another, in the order in which they happened.
	// The method that makes the change returns after Changed has. Changed may read the
	// Class; it must not change it, or it waits for itself. It may be nil.
	Changed func(Change)
}

// Change tells what became of a seat, or of the door.
type Change struct {
	Kind ChangeKind
	Seat Seat // as it is now, or was when it went; of Knocked and Door the zero Seat
}

// ChangeKind names a change.
type ChangeKind string

const (
	Came    ChangeKind = "came"    // somebody has joined
	Moved   ChangeKind = "moved"   // the seat has another suffix and another code
	Recoded ChangeKind = "recoded" // after wrong codes the seat has another code
	Went    ChangeKind = "went"    // the seat was removed, or has given way
	Knocked ChangeKind = "knocked" // Waiting has changed
	Door    ChangeKind = "door"    // the door was opened or closed
)

// Class is a class. It is safe for concurrent use.
type Class struct {
	documents Documents
	max       int
	now       func() time.Time
	log       *slog.Logger
	changed   func(Change)

	writing chan struct{} // of capacity one: holds a token while the class is being changed

	mu       sync.RWMutex // guards what follows, never held while the documents work
	seats    map[ID]*seat // a *seat in here never changes: it is replaced
	byName   map[string]ID
	byCookie map[[sha256.Size]byte]ID
	moved    map[string]ID // places that were left
	closed   bool          // the door
	visitors visitors
	joins    deviceRate
	codes    deviceRate // that are tried
}

// Open returns the class that the documents hold: an empty one with an open door if they
// hold none. A document that cannot be read is left out and logged.
func Open(ctx context.Context, cfg Config) (*Class, error) {
	if cfg.Documents == nil {
		return nil, errors.New("classroom: Config.Documents is nil")
	}
	if cfg.Seats < 1 || cfg.Seats > MaxSeats {
		return nil, fmt.Errorf("classroom: %d seats: there can be 1 to %d", cfg.Seats, MaxSeats)
	}
	c := &Class{
		documents: cfg.Documents, max: cfg.Seats, now: cfg.Now, log: cfg.Log, changed: cfg.Changed,
		writing: make(chan struct{}, 1),
		seats:   make(map[ID]*seat), byName: make(map[string]ID),
		byCookie: make(map[[sha256.Size]byte]ID), moved: make(map[string]ID),
		visitors: newVisitors(cfg.Seats), joins: newDeviceRate(JoinBurst, JoinRate), codes: newDeviceRate(CodeBurst, 1/CodeEvery.Seconds()),
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.changed == nil {
		c.changed = func(Change) {}
	}
	if err := c.load(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// begin waits until nobody else changes the class. The caller calls end when it is done.
func (c *Class) begin(ctx context.Context) (end func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	select {
	case c.writing <- struct{}{}:
		return func() { <-c.writing }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// at returns the seat with that ID, or nil.
func (c *Class) at(id ID) *seat {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.seats[id]
}

// keep writes next to the documents and then to memory. gives is a seat that gives way to
// it, or nil: both happen or neither. The caller has begun.
func (c *Class) keep(ctx context.Context, next, gives *seat) error {
	docs := []Document{next.document()}
	if gives != nil {
		docs = append(docs, Document{Name: gives.documentName(), Data: []byte(givenWay)})
	}
	if err := c.documents.Put(ctx, docs...); err != nil {
		return fmt.Errorf("classroom: keep a seat: %w", err)
	}
	c.mu.Lock()
	if gives != nil {
		c.forget(gives)
	}
	c.install(next)
	c.mu.Unlock()
	if gives == nil {
		return nil
	}
	if err := c.documents.Delete(ctx, gives.names()...); err != nil {
		c.log.Error("classroom: a seat that gave way was left in the documents until the next start", "error", err)
	}
	c.changed(Change{Kind: Went, Seat: gives.copy()})
	return nil
}

// install puts next into memory, in place of the seat with its ID. The caller holds mu.
func (c *Class) install(next *seat) {
	if old := c.seats[next.ID]; old != nil {
		c.unlist(old)
	}
	c.seats[next.ID] = next
	c.byName[next.Name] = next.ID
	c.byCookie[next.cookie] = next.ID
	for _, suffix := range next.before {
		c.moved[next.Name+"-"+suffix] = next.ID
	}
}

// forget removes old from memory. The caller holds mu.
func (c *Class) forget(old *seat) {
	c.unlist(old)
	delete(c.seats, old.ID)
	c.visitors.unseat(old.ID)
}

// unlist removes old from everything but seats. The caller holds mu.
func (c *Class) unlist(old *seat) {
	delete(c.byName, old.Name)
	delete(c.byCookie, old.cookie)
	for _, suffix := range old.before {
		delete(c.moved, old.Name+"-"+suffix)
	}
}

// Seats returns all seats, in the order in which they joined.
func (c *Class) Seats() []Seat {
	c.mu.RLock()
	all := make([]Seat, 0, len(c.seats))
	for _, s := range c.seats {
		all = append(all, s.copy())
	}
	c.mu.RUnlock()
	slices.SortFunc(all, compareJoined)
	return all
}

// Seat returns the seat with that ID, if there is one.
func (c *Class) Seat(id ID) (Seat, bool) { return c.at(id).found() }

// Named returns the seat with that Name, if there is one.
func (c *Class) Named(name string) (Seat, bool) {
	c.mu.RLock()
	s := c.seats[c.byName[name]]
	c.mu.RUnlock()
	return s.found()
}

// Count returns how many seats there are.
func (c *Class) Count() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.seats)
}

// Moved tells whether a seat that is still there was once at NAME-SUFFIX and has moved away.
// A seat's latest eight places are known.
func (c *Class) Moved(place string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, moved := c.moved[place]
	return moved
}

// OfDevice returns the seats that were joined from a device, in the order in which they
// joined.
func (c *Class) OfDevice(d netip.Addr) []ID {
	var ids []ID
	for _, s := range c.Seats() {
		if s.Device == d {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// Remove removes those seats, with their progress: all of them, or none if the documents
// fail. IDs of no seat are ignored.
func (c *Class) Remove(ctx context.Context, ids ...ID) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	var gone []*seat
	var names []string
	for _, id := range ids {
		if s := c.at(id); s != nil && !slices.Contains(gone, s) {
			gone, names = append(gone, s), append(names, s.names()...)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	if err := c.documents.Delete(ctx, names...); err != nil {
		return fmt.Errorf("classroom: remove seats: %w", err)
	}
	c.dismiss(gone)
	return nil
}

// dismiss removes seats from memory, and tells of it. The caller has begun.
func (c *Class) dismiss(gone []*seat) {
	c.mu.Lock()
	for _, s := range gone {
		c.forget(s)
	}
	c.mu.Unlock()
	for _, s := range gone {
		c.changed(Change{Kind: Went, Seat: s.copy()})
	}
}

// Use notes that the seat has opened a stream or sent a press: from then on it never gives
// way. The first call writes a document, for at most two seconds; a failure is logged, and
// then the seat could give way only after a restart.
func (c *Class) Use(id ID) {
	if s := c.at(id); s == nil || s.Used {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	end, err := c.begin(ctx)
	if err != nil {
		return // the next call tries again
	}
	defer end()
	s := c.at(id)
	if s == nil || s.Used {
		return
	}
	next := *s
	next.Used = true
	if err := c.keep(ctx, &next, nil); err != nil {
		c.log.Error("classroom: that a seat is in use was not kept", "error", err)
		c.mu.Lock()
		c.install(&next)
		c.mu.Unlock()
	}
}

// SetProgress keeps what the seat's owner has done: bytes that only the caller understands,
// at most MaxDocument of them. For an ID of no seat it returns ErrNoSeat.
func (c *Class) SetProgress(ctx context.Context, id ID, progress []byte) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	s := c.at(id)
	if s == nil {
		return ErrNoSeat
	}
	next := *s
	next.Progress = slices.Clone(progress)
	if err := c.documents.Put(ctx, Document{Name: s.progressName(), Data: next.Progress}); err != nil {
		return fmt.Errorf("classroom: keep progress: %w", err)
	}
	c.mu.Lock()
	c.install(&next)
	c.mu.Unlock()
	return nil
}

// Wipe removes every document, every seat and every visitor, and opens the door. It returns
// how many seats there were.
func (c *Class) Wipe(ctx context.Context) (seats int, err error) {
	end, err := c.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer end()
	var names []string
	for doc, err := range c.documents.All(ctx) {
		if err != nil {
			return 0, fmt.Errorf("classroom: wipe: %w", err)
		}
		names = append(names, doc.Name)
	}
	if err := c.documents.Delete(ctx, names...); err != nil {
		return 0, fmt.Errorf("classroom: wipe: %w", err)
	}
	c.mu.Lock()
	gone := make([]*seat, 0, len(c.seats))
	for _, s := range c.seats {
		gone = append(gone, s)
	}
	wasClosed := c.closed
	c.closed, c.visitors = false, newVisitors(c.max)
	c.mu.Unlock()
	slices.SortFunc(gone, func(a, b *seat) int { return compareJoined(a.Seat, b.Seat) })
	c.dismiss(gone)
	if wasClosed {
		c.changed(Change{Kind: Door})
	}
	return len(gone), nil
}
