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

func runExpiredIsNotCleared(r *experiment.Run) experiment.Outcome {
	const margin = 2 * time.Second // before the end and after it
	in := r.Boot(experiment.Settings{Store: r.Choice("store"), Placement: session.OnServer})
	b, other := in.Client("Rahim's browser"), in.Client("Mara's browser")
	b.Set("name", "Rahim").For("writes")
	asked := b.Post("/expiry", "seconds", r.Choice("seconds")).For("asks for an expiry of its own")
	kept := b.Cookie()
	copied := in.Client("A copy of Rahim's browser") // one that does not heed the label
	copied.Put(kept)
	told := b.Get("/session").For("asks when it ends")
	life := told.Answer().IdleExpires.Sub(in.Now())

	t := experiment.Table{Caption: "The client's view, and the store's", Head: []string{"when", "who asks", "it sends", "it reads", "live in the store", "expired in the store", "the record"}}
	// look lets c ask for the name, if it is not nil, and Mara for the store's figures.
	look := func(when string, c *experiment.Client) (x *experiment.Exchange, expired int, record string) {
		who, sends, reads := "nobody", "", ""
		if c != nil {
			x = c.Get("/get", "key", "name").For(when)
			if who, sends, reads = c.Name(), "no cookie", experiment.Code(x.ShownValue()); x.Cookie != "" {
				sends = "{cookie the cookie}"
			}
		}
		figures := other.Get("/session").For("asks for the store's figures")
		stats := figures.Answer().Stats
		record = recordCell(in, kept)
		t.Rows = append(t.Rows, []string{when, who, sends, reads, strconv.Itoa(stats.Sessions), strconv.Itoa(stats.Expired), record})
		return x, stats.Expired, record
	}
	in.Move(life - margin)
	before, _, _ := look(span(margin)+" before its end", copied)
	in.Move(2 * margin)
	_, expired, record := look(span(margin)+" after its end", nil) // before any cookie is sent: some stores remove what they are asked for
	read := recordHolds(in, kept, "Rahim")
	look("then", b)
	after, _, recordAsked := look("then", copied)
	other.Set("name", "Mara").For("a second session begins")
	swept := other.Post("/clear-expired").For("clears up")
	later, remain, recordLater := look("after the clear-up", copied)
	lives := other.Get("/get", "key", "name").For("her session is still there")

	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{t}, Decisive: after}
	removed := swept.Answer().Removed
	switch {
	case !before.Answer().Found:
		out.Decisive, out.Mark = before, "found"
		out.Verdict = fmt.Sprintf("{bad It ended too early:} %s before its end the cookie was refused already.", span(margin))
	case after.Answer().Found:
		out.Happened, out.Mark = "still-served", `"found":true`
		out.Verdict = fmt.Sprintf("{bad Served after its end.} %s after it the kept cookie still read %s.", span(margin), experiment.Code(after.ShownValue()))
		if !later.Answer().Found {
			out.Verdict += fmt.Sprintf(" Only the clear-up, which removed %s, ended that.", experiment.Count(removed, "record", "records"))
		}
	case record == "none" && expired == 0:
		out.Happened, out.Tone, out.Mark = "removed-at-once", experiment.Refused, `"found":false`
		out.Verdict = fmt.Sprintf("{mac Refused, and removed.} %s after its end the record was gone, before anybody asked for it or cleared up, and the store counted no expired session. The kept cookie read nothing.", span(margin))
	case record != "none" && recordAsked == "none":
		out.Tone, out.Mark = experiment.Refused, `"found":false`
		out.Verdict = fmt.Sprintf("{mac Refused, and removed when it was asked for.} %s after its end {server the store} still held the record, and counted %s. Then the kept cookie came, and read nothing; after that the record was gone, before anybody cleared up.", span(margin), experiment.Count(expired, "expired session", "expired sessions"))
	case record != "none" && expired == 1 && !later.Answer().Found && remain == 0 && recordLater == "none" && lives.Answer().Found:
		out.Happened, out.Tone, out.Mark = "refused-and-stays", experiment.Refused, `"found":false`
		out.Pair = []experiment.Shot{before.Shot(span(margin)+" before its end", kept), after.Shot(span(margin)+" after it", kept), later.Shot("After the clear-up", kept)}
		still := "the record"
		if read {
			still += ", with the name `Rahim` in it"
		}
		out.Verdict = fmt.Sprintf("{mac Refused, not removed.} %s after its end the kept cookie read nothing, and {server the store} still held %s, and counted %s. The clear-up removed %d and left Mara's session alone; to the kept cookie it made no difference.",
			span(margin), still, experiment.Count(expired, "expired session", "expired sessions"), removed)
		if wish, err := strconv.Atoi(r.Choice("seconds")); err == nil {
			if got := asked.SetCookie(); got != nil && got.MaxAge < wish {
				out.Verdict += fmt.Sprintf(" Of the %d seconds that were asked for it got %d: the {server absolute lifetime} of %s caps it.", wish, got.MaxAge, span(told.Answer().Expires.Sub(told.Answer().Created)))
			}
		}
	default:
		out.Mark = "found"
		out.Verdict = fmt.Sprintf("{bad None of that:} the cookie was refused, the store counted %d expired before the clear-up and %d after it, which removed %d. The table has the rest.", expired, remain, removed)
	}
	return out
}

// recordHolds tells whether text lies in the record of the session that a cookie names.
func recordHolds(in *experiment.Instance, cookie, text string) bool {
	st, ok := in.Record(cookie)
	return ok && strings.Contains(st.Data, text)
}
