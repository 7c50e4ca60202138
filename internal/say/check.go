package say

import (
	"fmt"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// checked says whether a pasted value is the cookie that came with the press and, if not, what it
// is. Of another session's cookie it says that the server accepts it, and no more.
func checked(s *trace.Seen) Sentence {
	c := s.Did.Check
	if c == nil {
		return Note("check", Text("Nothing was checked."))
	}
	decoded := ""
	if c.Decoded {
		decoded = " with its %-escapes decoded"
	}
	switch {
	case !c.Came:
		return Note("no cookie", Text("No session cookie came with this request, so there is nothing to compare with. What you pasted"+decoded+", "+Bytes(c.Bytes)+", "), verdictOf(s), Text("."))
	case s.Did.Same && s.Session.Exists:
		return Did("the same", Text("What you pasted"+decoded+" is "), theCookie, Text(" that came with this request, byte for byte: "+Bytes(c.Bytes)+". It opens "), ID(s.Session.ID), Text("."))
	case s.Did.Same:
		return Note("the same", Text("What you pasted"+decoded+" is "), theCookie, Text(" that came with this request, byte for byte: "+Bytes(c.Bytes)+". It "), verdictOf(s), Text("."))
	}
	parts := []Part{Text("What you pasted" + decoded + " is not "), theCookie, Text(" that came with this request: " + sizes(c) + firstDifference(c))}
	if c.Own {
		return Note("another", append(parts, Text(ageOf(c)))...)
	}
	return Note("another", append(parts, Text("It "), verdictOf(s), Text("."))...)
}

// verdictOf says what a pasted value opens, or why it opens nothing. It has no ID: the cookie may
// be another browser's.
func verdictOf(s *trace.Seen) Part {
	switch c := s.Did.Check; {
	case c.Verdict == session.VerdictOK || c.Verdict == session.VerdictStale:
		if s.Session.Exists {
			return Part{"server", "opens another session: the server accepts it from whoever sends it"}
		}
		return Part{"server", "opens a session: the server accepts it from whoever sends it"}
	case faults[c.Verdict] != "":
		return Part{"mac", "opens nothing: " + faults[c.Verdict]}
	}
	return Part{"mac", "opens nothing"}
}

// sizes says how large the pasted value is, and how large the one that came.
func sizes(c *trace.Check) string {
	if c.Bytes == c.CameBytes {
		return "both have " + Bytes(c.Bytes) + ". "
	}
	return "it has " + Bytes(c.Bytes) + ", and " + Bytes(c.CameBytes) + " came. "
}

// firstDifference says where the pasted value first differs from the cookie that came.
func firstDifference(c *trace.Check) string {
	switch {
	case c.CameBytes == 0:
		return "The cookie that came is empty. "
	case c.Bytes == 0:
		return "The pasted value is empty. "
	case c.Begins:
		return "It is only the beginning of that one. "
	}
	return fmt.Sprintf("They first differ at letter %d as sent%s. ", c.Differs.Letter, within(c.Differs.Part, c.Differs.In))
}

// within says which part of the peeled cookie a letter of the value belongs to, and where it is in
// that part; "" if it belongs to none.
func within(part string, n int) string {
	switch part {
	case "time":
		return fmt.Sprintf(" (letter %d of the time)", n)
	case "payload":
		return fmt.Sprintf(" (letter %d of the payload)", n)
	case "signature":
		return fmt.Sprintf(" (byte %d of the signature)", n)
	}
	return ""
}

// ageOf says which of two cookies of one session is the earlier one.
func ageOf(c *trace.Check) string {
	times := " It was signed at " + Clock(c.Signed) + ", the one that came at " + Clock(c.CameSigned) + "."
	versions := fmt.Sprintf(" Its version is %d, and that of the one that came is %d.", c.Version, c.CameVersion)
	switch {
	case c.Version < c.CameVersion:
		return "It is an earlier cookie of the same session." + versions
	case c.Version > c.CameVersion:
		return "It is a later cookie of the same session." + versions
	case c.Signed.Before(c.CameSigned):
		return "It is an earlier cookie of the same session." + times
	case c.Signed.After(c.CameSigned):
		return "It is a later cookie of the same session." + times
	}
	return "It is another cookie of the same session, signed in the same second."
}
