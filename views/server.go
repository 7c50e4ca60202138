package views

import (
	"fmt"
	"strconv"
	"time"

	"github.com/a-h/templ"
)

// Server is what the server keeps. When Empty is set, there is no live record.
type Server struct {
	Empty          string
	ID             string
	IDChanged      bool
	Version        string
	Created        string
	Idle, Absolute Clock
	Values         []Value
	Partial        bool    // Values are those of the record alone
	Late           *Late   // what became of the session that this browser had before
	Carried        bool    // all of the values are in the cookie, and none is in the record
	Where, Kept    string  // what holds the record in the store: "hash ssc:s:9f2c…", and that in two words: "Redis hash"
	Stored         []Field // the record's fields, as the store keeps them
	Nothing        string  // why nothing is stored
	Figures        Figures
	Clear          *Place // where Clear expired is sent; nil in an experiment and in the past
}

// fold says what is folded: the record as the store keeps it, and the clocks.
func (s Server) fold() string {
	switch {
	case len(s.Stored) == 0:
		return "version · two clocks"
	case s.Empty != "":
		return "the " + s.Kept + ", as the store keeps it"
	}
	return "the " + s.Kept + ", as the store keeps it · two clocks"
}

// Known tells whether the store answered.
func (s Server) Known() bool { return len(s.Figures.Stats) > 0 }

// Refresh lets the clocks of s count down again from now, in milliseconds since
// 1970. It returns false when a clock has run out: then s is out of date.
func (s *Server) Refresh(now int64, left func(time.Duration) string) bool {
	for _, c := range []*Clock{&s.Idle, &s.Absolute} {
		if c.Until == 0 {
			continue
		}
		if now >= c.Until {
			return false
		}
		c.Now, c.Still = now, false
		c.Left = left(time.Duration(c.Until-now) * time.Millisecond)
	}
	return true
}

// Clock returns the one that runs out first.
func (s Server) Clock() Clock {
	if s.Idle.First {
		return s.Idle
	}
	return s.Absolute
}

// Late is a session that this browser does not open any more.
type Late struct {
	ID   string
	Text string // what became of its record
}

// Value is one value of the session.
type Value struct {
	Name                   string // the key itself
	Key, Type, Text, Bytes string // as shown
	Short, Sum             string // shown in a line, and what tells it from any other
	OnServer               bool
	Changed, Gone          bool // by this press
}

// Clock counts down to a moment. Times are milliseconds since 1970.
type Clock struct {
	Name              string
	Until, Now, Whole int64
	Left, At          string
	First             bool // it runs out before the other
	Still             bool // it does not count down: this is the past
}

// ticks are what lets c count down: times of the server, so that a wrong clock in
// the browser does no harm.
func (c Clock) ticks() templ.Attributes {
	if c.Still {
		return nil
	}
	return templ.Attributes{"data-until": strconv.FormatInt(c.Until, 10), "data-now": strconv.FormatInt(c.Now, 10)}
}

// ends tells the page to ask the server once c has run out.
func (c Clock) ends() templ.Attributes {
	if c.Still {
		return nil
	}
	return templ.Attributes{"data-ends": "session"}
}

// Dash is the stroke-dasharray of what is left of c, of 100.
func (c Clock) Dash() string {
	if c.Whole <= 0 {
		return "0 100"
	}
	return fmt.Sprintf("%d 100", max(0, min(100, 100*(c.Until-c.Now)/c.Whole)))
}

// Figures are the store's.
type Figures struct {
	Expired int
	Stats   []Stat
	Plot    Plot
	Family  []Member // of a visit with more browsers than one
}

// Stat is one figure of the store.
type Stat struct{ Number, Text string }

// Member is one browser of a family, and what became of its session.
type Member struct {
	Name, ID, State string
	This            bool // this page belongs to it
}

// Plot is a small picture of the store over the last minutes. Live and Expired
// are points of an SVG polyline in a box of 300 by 60.
type Plot struct {
	Live, Expired string
	Top           string // the highest figure
	Since         string // "for 3 minutes"
	Text          string // the same for those who do not see it
}
