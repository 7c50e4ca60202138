package views

import (
	"slices"

	"github.com/a-h/templ"
)

// Moment is the moment that the panels show.
type Moment struct {
	Panel         string // the panel that a narrow screen shows: "browser", "server", or "" for the one that changed most
	Past          bool   // the panels show an earlier moment, and not the present
	At, Verb      string
	N             int
	First         bool     // no earlier moment of the visit exists to compare with
	Aside         string   // the panels show another client: "a pinned copy"
	Unknown       bool     // the store does not answer, so the changes are not known
	Changes       []Change // against the moment before
	Before, After int      // the neighbours' numbers, 0 for none
}

// Change is something that differs between two moments, and how it was and is.
// Kind says where it lives: "cookie", "server", or "".
type Change struct {
	Kind, What, Was, Is string
	Secret              bool // What is a key of a visitor's
}

// panelOption is one of the three panels, for a screen that has room for one at a time.
type panelOption struct {
	Option
	Marked bool // it has something new
}

// panels returns the three panels. The one that changed most is chosen: the browser's if its
// cookie changed, the server's if only the record did, the wire's if neither did. Before any
// press it is the browser's.
func (m Moment) panels() []panelOption {
	browser, wire, server := panelOption{Option: Option{Name: "browser", Label: "Browser"}}, panelOption{Option: Option{Name: "wire", Label: "Wire"}}, panelOption{Option: Option{Name: "server", Label: "Server"}}
	for _, c := range m.Changes {
		browser.Marked = browser.Marked || c.Kind == "cookie"
		server.Marked = server.Marked || c.Kind == "server"
	}
	wire.Marked = m.N > 1
	switch {
	case m.Panel == "browser", m.Panel == "" && (browser.Marked || m.N <= 1):
		browser.Chosen = true
	case m.Panel == "server", server.Marked:
		server.Chosen = true
	default:
		wire.Chosen = true
	}
	return []panelOption{browser, wire, server}
}

// Timeline is what happened in a visit, oldest first.
type Timeline struct {
	Since   string
	Entries []Entry
	Dropped int    // that were too many
	Shown   int    // the moment that the panels show, 0 for now
	News    string // the last entry in words, when no press of this page made it
	Next    bool   // the page has all before the last entry, so that Entries has only that one
	Gone    int    // with Next: the number of the entry that made room for it, 0 for none
}

// Last returns the number of the last entry, 0 without one.
func (t Timeline) Last() int {
	if n := len(t.Entries); n > 0 {
		return t.Entries[n-1].N
	}
	return 0
}

// NextBeside tells whether Entries has only one entry, beside the moment that the panels show:
// then the page needs all, since another entry is marked as the latest.
func (t Timeline) NextBeside() bool { return t.Next && t.Entries[len(t.Entries)-1].Beside }

// latest returns the number of the entry that the panels show at present, if entries beside it
// come after it. It returns 0 if that is the last entry, which CSS finds: a selector that looks
// for it among all entries costs a millisecond at each press.
func (t Timeline) latest() int {
	for i, e := range slices.Backward(t.Entries) {
		if e.Beside {
			continue
		}
		if i == len(t.Entries)-1 {
			return 0
		}
		return e.N
	}
	return 0
}

// Entry is one line of the timeline.
type Entry struct {
	N       int
	At      string // the time of day
	Verb    string // "created", "set", "refused"
	What    string
	Tone    string // "", "born", "moved", "bad", "gone"
	Session string // its short name, "" for none
	NewID   bool   // the browser's session had another ID before this entry
	By      string // who, if it was not this browser: "second browser", "a changed copy", "the clock"
	Beside  bool   // the panels do not show it while it is the latest: they show a moment before it
}

// current marks the moment that the panels show.
func current(shown bool) templ.Attributes {
	if !shown {
		return nil
	}
	return templ.Attributes{"aria-current": "true"}
}

// aside is what the entry's tooltip says: no key and no value, which a projector hides.
func (e Entry) aside() string {
	said := e.At
	if e.By != "" {
		said += " · " + e.By
	}
	if e.Session != "" {
		said += " · session " + e.Session
	}
	if e.NewID {
		said += ", a new ID"
	}
	return said
}
