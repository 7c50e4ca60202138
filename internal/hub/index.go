package hub

import (
	"slices"
	"sync"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
)

// index finds visits by what a press concerns, so that nobody walks over all of them. A visit
// is in it until it ends. Its lock is the innermost: the hub's and a visit's may be held.
type index struct {
	mu        sync.Mutex
	bySession map[session.Name][]*Visit // that saw a session of this name
	byFamily  map[string][]*Visit
	heirs     map[lostPage]*Visit
}

// lostPage is a page whose visit has ended: the secret that it shows, on the pages of a seat.
type lostPage struct {
	seat   *seat.Seat
	secret string
}

func newIndex() index {
	return index{bySession: make(map[session.Name][]*Visit), byFamily: make(map[string][]*Visit), heirs: make(map[lostPage]*Visit)}
}

// add puts v in, without the sessions that it saw.
func (x *index) add(v *Visit) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.byFamily[v.Family] = append(x.byFamily[v.Family], v)
	if v.heirOf != "" {
		x.heirs[lostPage{v.Seat, v.heirOf}] = v
	}
}

// remove takes v out, which saw those sessions.
func (x *index) remove(v *Visit, watched []session.Key) {
	x.mu.Lock()
	defer x.mu.Unlock()
	without(x.byFamily, v.Family, v)
	if v.heirOf != "" {
		delete(x.heirs, lostPage{v.Seat, v.heirOf})
	}
	for _, k := range watched {
		without(x.bySession, k.Name(), v)
	}
}

// saw puts v in as one that saw the session of k, and forgot for it another; zero for none.
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

// heir returns the visit with which a lost page goes on, or nil.
func (x *index) heir(of lostPage) *Visit {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.heirs[of]
}
