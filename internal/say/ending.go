package say

import (
	"fmt"
	"strings"
)

// Holdings is how much there is of a class.
type Holdings struct {
	Seats     int
	Answers   int // to the question that is asked now: whose answer is which is kept while it stands
	Questions int // that were asked
	Acts      int // for everyone
	Sessions  int // records, live and expired; a session of placement cookie has none
}

// Held returns what a class has, a line for each kind, for the list of what its end wipes.
func Held(h Holdings) []string {
	lines := []string{
		counted(h.Seats, "seat", "seats") + ": nickname, code, the device’s address, when it joined, and its progress",
		counted(h.Sessions, "record of a session", "records of sessions") + ": what was typed, and the markers of sessions that have ended",
		counted(h.Questions, "question", "questions") + ", with what came out",
	}
	if h.Answers > 0 {
		lines = append(lines, counted(h.Answers, "answer", "answers")+" to the present question, and which seat gave "+Plural(h.Answers, "it", "which"))
	}
	if h.Acts > 0 {
		lines = append(lines, counted(h.Acts, "act", "acts")+" for everyone, with what became of the sessions")
	}
	return lines
}

// Wiped says in one line what the end of a class has removed.
func Wiped(h Holdings) string {
	all := []string{counted(h.Seats, "seat", "seats"), counted(h.Sessions, "record of a session", "records of sessions"), counted(h.Questions, "question", "questions"), counted(h.Answers, "answer", "answers")}
	if h.Acts > 0 {
		all = append(all, counted(h.Acts, "act for everyone", "acts for everyone"))
	}
	return fmt.Sprintf("Wiped: %s and %s.", strings.Join(all[:len(all)-1], ", "), all[len(all)-1])
}

// Asked is how far a question of a class is.
type Asked int

// The states of a question.
const (
	AskedTrue      Asked = iota // revealed: one of the predictions came true
	AskedNone                   // revealed: none of them came true
	AskedUndecided              // revealed: the run has not decided it
	AskedClosed                 // closed and not revealed
	AskedOpen                   // open
)

// AskedState says in an export how far a question is, "" if one of its predictions came true.
func AskedState(s Asked) string {
	switch s {
	case AskedNone:
		return "None of the predictions came true."
	case AskedUndecided:
		return "The run has not decided it."
	case AskedClosed:
		return "Closed, and not revealed."
	case AskedOpen:
		return "Still open. How many predicted what is counted when it is closed."
	}
	return ""
}
