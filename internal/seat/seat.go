// Package seat finds the seat that a request is for. Each browser that the lab plays has a
// seat: a path, cookies under it, and a session engine that reads the seat's own session
// cookie. A learner of a class has a seat too, and may open second browsers beside it. Begin with
// Seats: Enter finds a request's seat, Open makes one more second browser, Join seats a learner.
package seat

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// IdleLife is how long a second browser keeps its seat, without a request and without an open
// page, once there are as many as may be. With fewer it keeps the seat for ever.
const IdleLife = 30 * time.Minute

// names are the names of the browsers that one family can open beside its first browser.
// A family is the visit that opened them.
var names = []string{"second", "third", "fourth"}

// Seat is one browser's place in the lab.
type Seat struct {
	Engine *session.Engine // for this seat's cookie; second browsers have a view of their owner's engine
	Base   string          // the beginning of the seat's paths: "" or "/s/NAME-SUFFIX"
	Name   string          // "" for a first browser, or one of names
	Family string          // the family that opened it, "" for a first browser
	Class  string          // the ID of the class's seat that it belongs to, "" in the lab itself
	owner  *Seat           // the first browser beside which it was opened; nil for a first browser

	used    atomic.Int64           // Unix time of the latest use, in nanoseconds
	invited atomic.Pointer[string] // the token of the latest invitation that was not accepted
}

// Invite returns a token that lets one page of s into the family that opened s. It can be
// used once. An earlier token is void.
func (s *Seat) Invite() string {
	token := rand.Text()
	s.invited.Store(&token)
	return token
}

// Accept tells whether token is the latest of Invite and was not accepted before.
func (s *Seat) Accept(token string) bool {
	invited := s.invited.Load()
	return invited != nil && token == *invited && s.invited.CompareAndSwap(invited, nil)
}

// First returns the first browser of s: s itself, or the seat beside which s was opened. All seats
// with the same first browser share its store and its signing secrets.
func (s *Seat) First() *Seat {
	if s.owner != nil {
		return s.owner
	}
	return s
}

// IsFirst tells whether s is a first browser: of the lab, or of a learner of a class.
func (s *Seat) IsFirst() bool { return s.owner == nil }

// Label names the browser on the pages of the others.
func (s *Seat) Label() string {
	if s.Name == "" {
		return "first browser"
	}
	return s.Name + " browser"
}

// Kind says what a cookie is for, as a seat sees it.
type Kind string

const (
	Session  Kind = "session"  // the seat's session cookie
	Readable Kind = "readable" // the seat's harmless cookie, which scripts may read
	Pins     Kind = "pins"     // says which browser has pinned a cookie
	Live     Kind = "live"     // finds the experiment's run that waits for the browser
	Kin      Kind = "kin"      // a cookie of another seat of this program
	Other    Kind = "other"    // a cookie of another program: only its name and size may be shown
)

// suffixes follow the name of the session cookie in the names of a seat's other cookies.
var suffixes = map[Kind]string{Session: "", Readable: "-readable", Pins: "-pins", Live: "-live"}

// Cookie returns the name of s's cookie of that kind.
func (s *Seat) Cookie(kind Kind) string { return s.Engine.CookieName() + suffixes[kind] }

// KindOf returns the kind of the cookie of that name. The real browser sends the cookies of
// the lab's first seat to the path of every other seat too: there they are Kin.
func (s *Seat) KindOf(name string) Kind {
	own, first := s.Engine.CookieName(), s.First().Engine.CookieName()
	rest, ours := strings.CutPrefix(name, first)
	if !ours {
		return Other
	}
	for _, other := range append([]string{""}, names...) {
		after, cookie := rest, first
		if other != "" {
			cut, found := strings.CutPrefix(rest, "~"+other)
			if !found {
				continue
			}
			after, cookie = cut, first+"~"+other
		}
		for kind, suffix := range suffixes {
			if after == suffix && cookie == own {
				return kind
			} else if after == suffix {
				return Kin
			}
		}
	}
	return Other
}

// ErrFull tells that no second browser can be opened. The text says which limit is reached.
var ErrFull = errors.New("no second browser can be opened")

// ErrLeft tells that a learner's seat is not at its place any more.
var ErrLeft = errors.New("the seat has left its place")

// Seats are all seats of one lab. They are safe for concurrent use.
type Seats struct {
	// Root is the first browser's seat.
	Root *Seat

	// Each is how many second browsers there may be beside one first browser: its own that was used
	// longest ago gives way to one more, whether or not it is in use. 0 is no limit. It is set
	// before the seats are used.
	Each int

	mu      sync.Mutex
	max     int              // how many second browsers there may be
	byPlace map[string]*Seat // by NAME-SUFFIX
}

// New returns the seats of a lab, with at most max second browsers. One engine, made of cfg,
// serves them all; cfg's cookie is the first browser's. The error names the wrong setting.
func New(cfg session.Config, max int) (*Seats, error) {
	engine, err := session.New(cfg)
	if err != nil {
		return nil, err
	}
	return &Seats{Root: &Seat{Engine: engine}, max: max, byPlace: make(map[string]*Seat)}, nil
}

// now returns the time of the engine's clock.
func (ss *Seats) now() time.Time { return ss.Root.Engine.Now() }

// Enter returns the seat that a path is for, and the path below the seat's Base: "/" for its
// page, or "" when only the slash at the end is missing. seat is nil when no seat has that
// path.
func (ss *Seats) Enter(path string) (seat *Seat, below string) {
	place, below, found := PlaceOf(path)
	if !found {
		return ss.Root, path
	}
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if seat = ss.byPlace[place]; seat == nil {
		return nil, ""
	}
	seat.used.Store(ss.now().UnixNano())
	return seat, below
}

// Use notes that s is in use although it gets no request: one of its pages is open.
func (ss *Seats) Use(s *Seat) { s.used.Store(ss.now().UnixNano()) }

// Join seats a learner of a class at the path /s/PLACE/, with the engine that reads the learner's
// own cookie. class is the ID of the learner's seat. A seat that had the place before is replaced.
func (ss *Seats) Join(place, class string, engine *session.Engine) *Seat {
	s := &Seat{Engine: engine, Base: "/s/" + place, Class: class}
	s.used.Store(ss.now().UnixNano())
	ss.mu.Lock()
	defer ss.mu.Unlock()
	ss.byPlace[place] = s
	return s
}

// Leave ends a learner's seat, with its second browsers.
func (ss *Seats) Leave(first *Seat) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	maps.DeleteFunc(ss.byPlace, func(_ string, s *Seat) bool { return s.First() == first })
}

// Has tells whether a path is below one of the seats at /s/. Unlike Enter it is no use of the seat.
func (ss *Seats) Has(path string) bool {
	place, _, found := PlaceOf(path)
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return found && ss.byPlace[place] != nil
}

// PlaceOf cuts a path that begins with /s/NAME-SUFFIX: place is NAME-SUFFIX, and below what follows it,
// with the slash.
func PlaceOf(path string) (place, below string, found bool) {
	rest, found := strings.CutPrefix(path, "/s/")
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[:i], rest[i:], found
	}
	return rest, "", found
}

// Open makes the family's next second browser beside first. Once there are Each beside first, the
// one of them that was idle longest gives way, even if it is in use. Once there are as many in all as
// may be, the one that was idle longest gives way if it was not used for IdleLife. If none gives way,
// or if the family has opened all of its browsers, the error is an ErrFull. It is ErrLeft if first has
// left.
func (ss *Seats) Open(first *Seat, family string) (*Seat, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if !first.at(ss.byPlace) {
		return nil, ErrLeft
	}
	name := next(ss.of(family))
	if name == "" {
		return nil, fmt.Errorf("%w: this visit has opened %d browsers already, and no more are allowed", ErrFull, len(names))
	}
	if beside := func(s *Seat) bool { return s.owner == first }; ss.Each > 0 && ss.count(beside) >= ss.Each {
		delete(ss.byPlace, ss.oldest(beside))
	} else if ss.count(isSecond) >= ss.max && !ss.drop() {
		return nil, fmt.Errorf("%w: there are %d, and no more are allowed; a second browser that was not used for %.0f minutes makes room", ErrFull, ss.max, IdleLife.Minutes())
	}
	place := name + "-" + strings.ToLower(rand.Text()[:12])
	engine, err := first.Engine.At(first.Engine.CookieName()+"~"+name, "/s/"+place+"/")
	if err != nil {
		return nil, err
	}
	s := &Seat{Engine: engine, Base: "/s/" + place, Name: name, Family: family, Class: first.Class, owner: first}
	s.used.Store(ss.now().UnixNano())
	ss.byPlace[place] = s
	return s, nil
}

// at tells whether s still has its place. Only a learner's seat can have left.
func (s *Seat) at(byPlace map[string]*Seat) bool {
	return s.Base == "" || byPlace[strings.TrimPrefix(s.Base, "/s/")] == s
}

// Seconds returns how many second browsers there are.
func (ss *Seats) Seconds() int {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	return ss.count(isSecond)
}

func isSecond(s *Seat) bool { return !s.IsFirst() }

// count counts the seats that are like that. The caller holds the lock.
func (ss *Seats) count(like func(*Seat) bool) (n int) {
	for _, s := range ss.byPlace {
		if like(s) {
			n++
		}
	}
	return n
}

// oldest returns the place of the seat that was used longest ago of those that are like that, "" if
// there is none. The caller holds the lock.
func (ss *Seats) oldest(like func(*Seat) bool) (oldest string) {
	for place, s := range ss.byPlace {
		if like(s) && (oldest == "" || s.used.Load() < ss.byPlace[oldest].used.Load()) {
			oldest = place
		}
	}
	return oldest
}

// drop ends the second browser that was idle longest, and tells whether it was idle for IdleLife.
// The caller holds the lock.
func (ss *Seats) drop() bool {
	oldest := ss.oldest(isSecond)
	if oldest == "" || ss.now().Sub(time.Unix(0, ss.byPlace[oldest].used.Load())) < IdleLife {
		return false
	}
	delete(ss.byPlace, oldest)
	return true
}

// Of returns the browsers that a family has opened, in the order of their names, and the
// name that its next browser gets, or "" when it can open no more.
func (ss *Seats) Of(family string) (open []*Seat, name string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	open = ss.of(family)
	return open, next(open)
}

// of returns the browsers that a family has opened. The caller holds the lock.
func (ss *Seats) of(family string) (open []*Seat) {
	for _, s := range ss.byPlace {
		if s.Family == family && !s.IsFirst() {
			open = append(open, s)
		}
	}
	slices.SortFunc(open, func(a, b *Seat) int { return slices.Index(names, a.Name) - slices.Index(names, b.Name) })
	return open
}

// next returns the first of names that no browser in open has, or "".
func next(open []*Seat) string {
	for _, name := range names {
		if !slices.ContainsFunc(open, func(s *Seat) bool { return s.Name == name }) {
			return name
		}
	}
	return ""
}

// SetSecrets replaces the signing secrets of all seats, also of later ones; see
// session.Engine.SetSecrets.
func (ss *Seats) SetSecrets(secrets [][]byte) error { return ss.Root.Engine.SetSecrets(secrets) }
