// Package seat knows whose side of the lab a request is for. Each browser that the
// lab plays has a side: a path, the cookies that live under it, and an engine that
// reads its session cookie. Begin with Seats.
package seat

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

const (
	// MaxSeats is how many second browsers there are in all.
	MaxSeats = 32
	// IdleLife is how long a second browser keeps its place without a request and without
	// an open page when all places are taken. As long as there are free ones it keeps it for ever.
	IdleLife = 30 * time.Minute
)

// names are the browsers that one family can open beside its first.
var names = []string{"second", "third", "fourth"}

// Seat is one browser's side of the lab.
type Seat struct {
	Engine *session.Engine // a view of the one engine of all sides: see its At
	Base   string          // before every path: "" or "/s/NAME-SUFFIX"
	Name   string          // "" for the first browser, "second" for another
	Family string          // that opened it, "" for the first browser

	used    atomic.Int64           // Unix time of its last request, in nanoseconds
	invited atomic.Pointer[string] // what lets a page into the family, once
}

// Invite returns what lets one page of s into the family that opened it. It is for one
// use, and takes the place of an earlier one.
func (s *Seat) Invite() string {
	token := rand.Text()
	s.invited.Store(&token)
	return token
}

// Accept tells whether token is what Invite returned last, once.
func (s *Seat) Accept(token string) bool {
	invited := s.invited.Load()
	return invited != nil && token == *invited && s.invited.CompareAndSwap(invited, nil)
}

// Label says whose a moment is, on the pages of the others.
func (s *Seat) Label() string {
	if s.Name == "" {
		return "first browser"
	}
	return s.Name + " browser"
}

// Kind is what a cookie is to a side of the lab.
type Kind string

const (
	Session  Kind = "session"  // its session cookie
	Readable Kind = "readable" // the harmless one, which scripts may read
	Pins     Kind = "pins"     // says which browser pinned
	Live     Kind = "live"     // finds the run again that waits for the browser
	Kin      Kind = "kin"      // of another side of this program's
	Other    Kind = "other"    // of another program: only its name and size may be shown
)

// suffixes are what follows the session cookie's name in the others.
var suffixes = map[Kind]string{Session: "", Readable: "-readable", Pins: "-pins", Live: "-live"}

// Cookie returns the name of s's cookie of that kind.
func (s *Seat) Cookie(kind Kind) string { return s.Engine.CookieName() + suffixes[kind] }

// KindOf returns what the cookie of that name is to s. A browser sends the first
// browser's cookies to the path of every other, and they are this program's too.
func (s *Seat) KindOf(name string) Kind {
	own := s.Engine.CookieName()
	first, _, _ := strings.Cut(own, "~")
	rest, ours := strings.CutPrefix(name, first)
	if !ours {
		return Other
	}
	for _, other := range append([]string{""}, names...) {
		of, side := rest, first
		if other != "" {
			after, is := strings.CutPrefix(rest, "~"+other)
			if !is {
				continue
			}
			of, side = after, first+"~"+other
		}
		for kind, suffix := range suffixes {
			if of == suffix && side == own {
				return kind
			} else if of == suffix {
				return Kin
			}
		}
	}
	return Other
}

// ErrFull tells that no second browser can be opened: its text says which limit was passed.
var ErrFull = errors.New("no second browser can be opened")

// Seats are all sides of one lab. It is safe for concurrent use.
type Seats struct {
	// Root is the first browser's side.
	Root *Seat

	max int // second browsers; a benchmark opens more than MaxSeats

	mu      sync.Mutex
	byPlace map[string]*Seat // by NAME-SUFFIX
}

// New returns the seats of a lab. One engine, made of cfg, serves all sides: cfg's cookie
// is the first browser's. The error names the wrong setting.
func New(cfg session.Config) (*Seats, error) {
	engine, err := session.New(cfg)
	if err != nil {
		return nil, err
	}
	return &Seats{Root: &Seat{Engine: engine}, max: MaxSeats, byPlace: make(map[string]*Seat)}, nil
}

// now is the engine's clock.
func (ss *Seats) now() time.Time { return ss.Root.Engine.Now() }

// Enter returns the side that a path is for, and the path below it: "/" for the side's
// own page, "" when only the slash at its end is missing. seat is nil when nobody has that
// path.
func (ss *Seats) Enter(path string) (seat *Seat, below string) {
	rest, is := strings.CutPrefix(path, "/s/")
	if !is {
		return ss.Root, path
	}
	place, below, slash := strings.Cut(rest, "/")
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if seat = ss.byPlace[place]; seat == nil {
		return nil, ""
	}
	seat.used.Store(ss.now().UnixNano())
	if slash {
		below = "/" + below
	}
	return seat, below
}

// Use notes that s is in use without a request: one of its pages is open.
func (ss *Seats) Use(s *Seat) { s.used.Store(ss.now().UnixNano()) }

// Open makes the family's next second browser. When all places are taken, one that was
// not used for IdleLife gives way; where there is none, or when the family has all of
// its own, the error is ErrFull.
func (ss *Seats) Open(family string) (*Seat, error) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	open := ss.of(family)
	name := next(open)
	if name == "" {
		return nil, fmt.Errorf("%w: this visit has opened %d browsers already, and no more are allowed", ErrFull, len(names))
	}
	if len(ss.byPlace) >= ss.max && !ss.drop() {
		return nil, fmt.Errorf("%w: there are %d, and no more are allowed; one that nobody used for %.0f minutes gives way", ErrFull, ss.max, IdleLife.Minutes())
	}
	place := name + "-" + strings.ToLower(rand.Text()[:12])
	engine, err := ss.Root.Engine.At(ss.Root.Engine.CookieName()+"~"+name, "/s/"+place+"/")
	if err != nil {
		return nil, err
	}
	s := &Seat{Engine: engine, Base: "/s/" + place, Name: name, Family: family}
	s.used.Store(ss.now().UnixNano())
	ss.byPlace[place] = s
	return s, nil
}

// drop ends the side that was used longest ago, if that is long enough. The caller
// holds the lock.
func (ss *Seats) drop() bool {
	oldest := ""
	for place, s := range ss.byPlace {
		if oldest == "" || s.used.Load() < ss.byPlace[oldest].used.Load() {
			oldest = place
		}
	}
	if ss.now().Sub(time.Unix(0, ss.byPlace[oldest].used.Load())) < IdleLife {
		return false
	}
	delete(ss.byPlace, oldest)
	return true
}

// Of returns the browsers that a family has opened, in the order of their names, and
// the name that the next one gets, "" when there can be no more.
func (ss *Seats) Of(family string) (open []*Seat, name string) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	open = ss.of(family)
	return open, next(open)
}

// of is Of without the name. The caller holds the lock.
func (ss *Seats) of(family string) (open []*Seat) {
	for _, s := range ss.byPlace {
		if s.Family == family {
			open = append(open, s)
		}
	}
	slices.SortFunc(open, func(a, b *Seat) int { return slices.Index(names, a.Name) - slices.Index(names, b.Name) })
	return open
}

// next returns the first name that none of open has, or "".
func next(open []*Seat) string {
	for _, name := range names {
		if !slices.ContainsFunc(open, func(s *Seat) bool { return s.Name == name }) {
			return name
		}
	}
	return ""
}

// SetSecrets replaces the signing secrets of all sides, and of those to come; see
// session.Engine.
func (ss *Seats) SetSecrets(secrets [][]byte) error { return ss.Root.Engine.SetSecrets(secrets) }
