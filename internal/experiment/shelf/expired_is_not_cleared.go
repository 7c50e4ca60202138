package shelf

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var expiredIsNotCleared = experiment.Experiment{
	Slug: "expired-is-not-cleared", Section: life,
	Choices: []experiment.Choice{
		{Name: "seconds", Label: "The session lives for", Options: []experiment.Option{{Name: "5", Label: "5 seconds"}, {Name: "3600", Label: "one hour"}, {Name: "1209600", Label: "two weeks"}}},
		{Name: "store", Label: "Store", Options: []experiment.Option{{Name: "memory", Label: "memory"}, {Name: "sqlite", Label: "SQLite"}}},
	},
	Run: runExpiredIsNotCleared,
}

// margin is how long before a session's end, and how long after that end, the run looks.
const margin = 2 * time.Second

func runExpiredIsNotCleared(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{Store: r.Choice("store"), Placement: session.OnServer})
	b, other := in.Client("Rahim's browser"), in.Client("Mara's browser")
	b.Set("name", "Rahim").For("writes")
	asked := b.Post("/expiry", "seconds", r.Choice("seconds")).For("asks for an expiry of its own")
	s := expiry{in: in, other: other, kept: b.Cookie()}
	copied := in.Client("A copy of Rahim's browser") // a client that does not heed the label
	copied.Put(s.kept)
	looked := b.Get("/session").For("asks when it ends")
	life := looked.Answer().IdleExpires.Sub(in.Now())

	s.table = experiment.Table{Caption: "The client's view, and the store's", Head: []string{"when", "who asks", "it sends", "it reads", "live in the store", "expired in the store", "the record"}}
	in.Move(life - margin)
	s.before = s.look(span(margin)+" before its end", copied)
	in.Move(2 * margin)
	s.unasked = s.look(span(margin)+" after its end", nil) // before any cookie is sent: some stores remove an expired record when they are asked for it
	s.whole = recordHolds(in, s.kept, "Rahim")
	s.look("then", b)
	s.after = s.look("then", copied)
	other.Set("name", "Mara").For("a second session begins")
	s.removed = other.Post("/clear-expired").For("clears up").Answer().Removed
	s.later = s.look("after the clear-up", copied)
	s.others = other.Get("/get", "key", "name").For("her session is still there").Answer().Found

	out := s.judge()
	if wish, err := strconv.Atoi(r.Choice("seconds")); err == nil && out.Happened == "refused-and-stays" {
		if got := asked.SetCookie(); got != nil && got.MaxAge < wish {
			out.Verdict += fmt.Sprintf(" It asked for %d seconds and got %d: the {server absolute lifetime} of %s caps the wish.", wish, got.MaxAge, span(looked.Answer().Expires.Sub(looked.Answer().Created)))
		}
	}
	return out
}

// sight is what a client and the store say of the session at one moment.
type sight struct {
	x       *experiment.Exchange // nil if no client asked
	expired int                  // sessions that the store counts as expired
	record  string               // a cell: the session's record, or "none"
}

// found tells whether the client read the name.
func (s sight) found() bool { return s.x.Answer().Found }

// expiry is a session that passes its end.
type expiry struct {
	in      *experiment.Instance
	other   *experiment.Client // Mara's browser
	kept    string             // the session's cookie
	table   experiment.Table
	before  sight // its end
	unasked sight // after its end, before any cookie was sent
	after   sight // its end
	later   sight // after the clear-up
	whole   bool  // the record still held the name after its end
	removed int   // sessions, by the clear-up
	others  bool  // Mara's session is there after the clear-up
}

// look lets c ask for the name, if c is not nil, and Mara for the store's figures.
func (s *expiry) look(when string, c *experiment.Client) (now sight) {
	who, sends, reads := "nobody", "", ""
	if c != nil {
		now.x = c.Get("/get", "key", "name").For(when)
		if who, sends, reads = c.Name(), "no cookie", experiment.Code(now.x.ShownValue()); now.x.Cookie != "" {
			sends = "{cookie the cookie}"
		}
	}
	stats := s.other.Get("/session").For("asks for the store's figures").Answer().Stats
	now.expired, now.record = stats.Expired, recordCell(s.in, s.kept)
	s.table.Rows = append(s.table.Rows, []string{when, who, sends, reads, strconv.Itoa(stats.Sessions), strconv.Itoa(stats.Expired), now.record})
	return now
}

// cleared tells whether the clear-up removed the session, and nothing more.
func (s *expiry) cleared() bool {
	return !s.later.found() && s.later.expired == 0 && s.later.record == "none" && s.others
}

// judge says what became of the session and of its record.
func (s *expiry) judge() experiment.Outcome {
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{s.table}, Decisive: s.after.x}
	before, unasked, after, later := s.before, s.unasked, s.after, s.later
	counted := experiment.Count(unasked.expired, "expired session", "expired sessions")
	switch {
	case !before.found():
		out.Decisive, out.Mark = before.x, "found"
		out.Verdict = fmt.Sprintf("{bad It ended too early:} %s before its end the server refused the cookie already.", span(margin))
	case after.found():
		out.Happened, out.Mark = "still-served", `"found":true`
		out.Verdict = fmt.Sprintf("{bad Served after its end.} %s after it the kept cookie still read %s.", span(margin), experiment.Code(after.x.ShownValue()))
		if !later.found() {
			out.Verdict += fmt.Sprintf(" Only the clear-up, which removed %s, ended that.", experiment.Count(s.removed, "record", "records"))
		}
	case unasked.record == "none" && unasked.expired == 0:
		out.Happened, out.Tone, out.Mark = "removed-at-once", experiment.Refused, `"found":false`
		out.Verdict = fmt.Sprintf("{mac Refused, and removed.} %s after its end the record was gone, before anybody asked for it or cleared up, and the store counted no expired session. The kept cookie read nothing.", span(margin))
	case unasked.record != "none" && after.record == "none":
		out.Tone, out.Mark = experiment.Refused, `"found":false`
		out.Verdict = fmt.Sprintf("{mac Refused, and removed when it was asked for.} %s after its end {server the store} still held the record, and counted %s. Then the kept cookie came, and read nothing; after that the record was gone, before anybody cleared up.", span(margin), counted)
	case unasked.record != "none" && unasked.expired == 1 && s.cleared():
		out.Happened, out.Tone, out.Mark = "refused-and-stays", experiment.Refused, `"found":false`
		out.Pair = []experiment.Shot{before.x.Shot(span(margin)+" before its end", s.kept), after.x.Shot(span(margin)+" after it", s.kept), later.x.Shot("After the clear-up", s.kept)}
		still := "the record"
		if s.whole {
			still += ", with the name `Rahim` in it"
		}
		out.Verdict = fmt.Sprintf("{mac Refused, not removed.} %s after its end the kept cookie read nothing, and {server the store} still held %s, and counted %s. The clear-up removed %d and kept Mara's session; the kept cookie read nothing afterwards either.",
			span(margin), still, counted, s.removed)
	default:
		out.Mark = "found"
		out.Verdict = fmt.Sprintf("{bad None of that:} the server refused the cookie, the store counted %d expired before the clear-up and %d after it, and the clear-up removed %d. The table has the rest.", unasked.expired, later.expired, s.removed)
	}
	return out
}

// recordHolds tells whether text lies in the record of the session that a cookie names.
func recordHolds(in *experiment.Instance, cookie, text string) bool {
	st, ok := in.Record(cookie)
	return ok && strings.Contains(st.Data, text)
}
