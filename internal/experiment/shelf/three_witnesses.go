package shelf

import (
	"fmt"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var threeWitnesses = experiment.Experiment{
	Slug: "three-witnesses", Section: where,
	Choices: []experiment.Choice{
		{Name: "delete", Label: "Delete only", Options: []experiment.Option{{Name: "cookie", Label: "the cookie, in the browser"}, {Name: "record", Label: "the record, on the server"}}},
		experiment.Placements,
	},
	Run: runThreeWitnesses,
}

// halves is what was seen of a session's cookie and its record after one of the two was deleted.
type halves struct {
	onlyCookie         bool // the cookie was deleted, and not the record
	hadRecord, deleted bool
	kept               string               // the cookie
	before, next       *experiment.Exchange // reads, before the deletion and after it
	cookie             string               // the cookie that the browser keeps after next
	record             bool                 // the server has the record after next
	last               *experiment.Exchange // a read with the cookie put back, or a write without the record
}

func runThreeWitnesses(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{Placement: r.Placement()})
	b := in.Client("Rahim's browser")
	b.Set("name", "Rahim").For("stores a value: the session is created")
	kept := b.Cookie()
	t := experiment.Table{Caption: "Three witnesses", Head: []string{"moment", "the browser keeps", "the wire carried", "under the first ID the server has", "the answer"}}
	serverHas := func() bool { _, ok := in.Record(kept); return ok }
	// ask lets the three speak; x is the request of that moment, nil for none.
	ask := func(moment string, x *experiment.Exchange) {
		keeps, carried, has, said := "nothing", "no request", "{server no record}", ""
		if c := b.Cookie(); c != "" {
			keeps = fmt.Sprintf("{cookie a cookie, %s bytes}", experiment.Comma(cookieSize(experiment.CookieName, c)))
		}
		if st, ok := in.Record(kept); ok {
			has = fmt.Sprintf("{server a record, %s bytes}", experiment.Comma(len(st.Data)))
		}
		if x != nil {
			carried, said = "{wire no Cookie header}", "`name` is missing"
			if x.Answer().Found {
				said = "`name` is " + experiment.Code(x.Value())
			}
			if x.Cookie != "" {
				carried = fmt.Sprintf("{wire a cookie, %s bytes}", experiment.Comma(cookieSize(experiment.CookieName, x.SessionCookie())))
			}
			if x.Method == "POST" {
				said = "written to session " + experiment.Code(x.Answer().Session.ID)
			}
		}
		t.Rows = append(t.Rows, []string{moment, keeps, carried, has, said})
	}
	h := halves{onlyCookie: r.Choice("delete") == "cookie", kept: kept, hadRecord: serverHas()}
	h.before = b.Get("/get", "key", "name").For("reads it")
	ask("before", h.before)
	if h.onlyCookie {
		b.Drop()
		h.deleted = b.Cookie() == ""
	} else {
		in.DeleteRecord(kept)
		h.deleted = !serverHas()
	}
	ask("after the deletion", nil)
	h.next = b.Get("/get", "key", "name").For("asks again, after the deletion")
	ask("after the next request", h.next)
	h.cookie, h.record = b.Cookie(), serverHas()
	if h.onlyCookie {
		b.Put(kept)
		h.last = b.Get("/get", "key", "name").For("puts its cookie back, and asks")
		ask("the cookie is put back", h.last)
	} else {
		h.last = b.Set("name", "Rahim again").For("writes")
		ask("after a write", h.last)
	}
	out := h.judge()
	out.Tables = []experiment.Table{t}
	return out
}

// then says what the last request showed: the cookie put back, or a write without the
// record. adopted is the exchange, if any, under the ID that lost its record.
func (h halves) then() (said string, adopted *experiment.Exchange) {
	if h.onlyCookie {
		if h.last.Answer().Found {
			return fmt.Sprintf(" With the cookie put back, `name` is %s again.", experiment.Code(h.last.Value())), nil
		}
		return " Putting the cookie back did not help: `name` is missing.", nil
	}
	oldID, newID := h.before.Answer().Session.ID, h.last.Answer().Session.ID
	switch {
	case h.last.Status >= 400:
		said = fmt.Sprintf(" A write was answered with status %d.", h.last.Status)
	case oldID == newID:
		adopted, said = h.last, fmt.Sprintf(" A write went to the same session as before, %s.", experiment.Code(newID))
	default:
		said = fmt.Sprintf(" A write began another session, %s in place of %s: the server did not use the old ID again.", experiment.Code(newID), experiment.Code(oldID))
	}
	if h.next.Answer().Session.Exists {
		adopted = h.next
	}
	return said, adopted
}

// judge says what came of the deletion.
func (h halves) judge() experiment.Outcome {
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Refused, Decisive: h.next, Mark: `"found":false`}
	if h.next.Cookie != "" {
		out.Mark = h.next.Cookie
	}
	out.Pair = []experiment.Shot{h.before.Shot("With the record", h.kept), h.next.Shot("Without the record", h.kept)}
	if h.onlyCookie {
		out.Pair = []experiment.Shot{h.next.Shot("Without the cookie", ""), h.last.Shot("With the cookie put back", h.kept)}
	}
	found, half := h.next.Answer().Found, h.cookie != "" || h.record
	switch {
	case !h.before.Answer().Found:
		out.Tone, out.Verdict = experiment.Lost, "{bad Nothing to delete:} the value was missing before anything was deleted."
	case !h.deleted:
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Nothing was deleted:} the half that was to be deleted is still there, and the answer for `name` is %s.", experiment.Plain(h.next.ShownValue()))
	case !half && found:
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Neither half is there}, and yet the answer for `name` is %s.", experiment.Plain(h.next.ShownValue()))
	case h.cookie != "" && (h.onlyCookie || h.record || h.cookie != h.kept):
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Something was made again} by one request that only read: the table says what. The answer for `name` is %s.", experiment.Plain(h.next.ShownValue()))
	default:
		h.judgeHalf(&out)
	}
	return out
}

// judgeHalf says what the half that was not deleted is worth.
func (h halves) judgeHalf(out *experiment.Outcome) {
	then, adopted := h.then()
	switch {
	case h.cookie == "" && !h.record:
		out.Happened, out.Tone = "nothing-stays", experiment.Lost
		out.Verdict = "{cookie Nothing stays.} The browser keeps no cookie, and the server has no record of the session."
		if !h.hadRecord {
			out.Verdict += " It had none before either: with this placement the cookie is the whole session."
		}
	case h.next.Answer().Found:
		out.Happened, out.Tone, out.Mark = "half-is-enough", experiment.Held, h.next.Value()
		stays := "{cookie the cookie}"
		if h.record {
			stays = "{server the record}"
		}
		out.Verdict = fmt.Sprintf("{ok Found.} After the deletion %s stays, and `name` is still %s.", stays, experiment.Code(h.next.Value()))
		if !h.hadRecord && !h.onlyCookie {
			out.Verdict += " There was no record to delete: with this placement the cookie carries everything."
		}
	case h.record:
		out.Happened, out.Tone = "half-finds-nothing", experiment.Held
		out.Verdict = "{server The record stays}, and nobody finds it: the next request carried no cookie, and `name` was missing."
	case adopted != nil:
		out.Tone, out.Decisive, out.Mark = experiment.Lost, adopted, adopted.Answer().Session.ID
		out.Verdict = "{bad Adopted, not refused.} The record is gone, and `name` was missing, but the server goes on with the ID that the cookie brought along: whoever plants a cookie chooses the ID (session fixation)."
		if adopted == h.next {
			out.Verdict += fmt.Sprintf(" It answered the read as one in session %s.", experiment.Code(out.Mark))
		}
	default:
		out.Happened = "half-finds-nothing"
		out.Verdict = fmt.Sprintf("{cookie The cookie stays}, and {mac is refused}: the next request still carried it, %s bytes, and `name` was missing.", experiment.Comma(cookieSize(experiment.CookieName, h.next.SessionCookie())))
		if h.next.SetCookie() == nil {
			out.Verdict += " The answer set no cookie, so the browser goes on sending this one."
		}
	}
	out.Verdict += then
}
