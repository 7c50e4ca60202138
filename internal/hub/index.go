package hub

import (
	"slices"
	"sync"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
)

// index finds the visits that a press concerns, so that nobody walks over all visits. A visit is
// in the index until the visit ends. The index's lock is the innermost: its methods may be called
// with the hub's lock and a visit's lock held.
type index struct {
	mu        sync.Mutex
	bySession map[session.Name][]*Visit // the visits that saw a session of this name
	byFamily  map[string][]*Visit
	byFirst   map[*seat.Seat][]*Visit // the visits on the pages of a first browser, and of the second browsers beside it
	heirs     map[lostPage]*Visit
}

// lostPage is a page whose visit has ended: the secret that it shows, on the pages of a seat.
type lostPage struct {
	seat   *seat.Seat
	secret string
}

func newIndex() index {
	return index{bySession: make(map[session.Name][]*Visit), byFamily: make(map[string][]*Visit), byFirst: make(map[*seat.Seat][]*Visit), heirs: make(map[lostPage]*Visit)}
}

// add puts v under its family and, if v is an heir, under its lost page. It puts v under no session.
func (x *index) add(v *Visit) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.byFamily[v.Family] = append(x.byFamily[v.Family], v)
	x.byFirst[v.Seat.First()] = append(x.byFirst[v.Seat.First()], v)
	if v.heirOf != "" {
		x.heirs[lostPage{v.Seat, v.heirOf}] = v
	}
}

// remove takes v out. watched are the sessions that v saw.
func (x *index) remove(v *Visit, watched []session.Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	without(x.byFamily, v.Family, v)
	without(x.byFirst, v.Seat.First(), v)
	if v.heirOf != "" {
		delete(x.heirs, lostPage{v.Seat, v.heirOf})
	}
	for _, k := range watched {
		without(x.bySession, k.Name(), v)
	}
}

// saw puts v under the session of k. If forgot is not zero, saw takes v out from under the session
// of forgot, which v does not remember any more.
func (x *index) saw(v *Visit, k session.Key, forgot session.Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !slices.Contains(x.bySession[k.Name()], v) {
		x.bySession[k.Name()] = append(x.bySession[k.Name()], v)
	}
	if forgot != (session.Key{}) && forgot.Name() != k.Name() {
		without(x.bySession, forgot.Name(), v)
	}
}

// without takes v out of the visits of k.
func without[K comparable](visits map[K][]*Visit, k K, v *Visit) {
	left := slices.DeleteFunc(visits[k], func(w *Visit) bool { return w == v })
	if visits[k] = left; len(left) == 0 {
		delete(visits, k)
	}
}

// of returns the visits that saw a session of one of those names, each once.
func (x *index) of(names ...session.Name) (out []*Visit) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range names {
		for _, v := range x.bySession[name] {
			if !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}

// family returns the visits of a family.
func (x *index) family(name string) []*Visit {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.byFamily[name])
}

// realm returns the visits on the pages of a first browser, and of the second browsers beside it.
func (x *index) realm(first *seat.Seat) []*Visit {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.byFirst[first])
}

// heir returns the visit with which a lost page goes on, or nil.
func (x *index) heir(of lostPage) *Visit {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.heirs[of]
}
