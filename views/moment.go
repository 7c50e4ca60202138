package views

import "github.com/a-h/templ"

// Moment is the moment that the panels show.
type Moment struct {
	Past          bool // the panels show an earlier moment, and not the present
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
