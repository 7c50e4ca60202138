package shelf

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var changeOneLetter = experiment.Experiment{
	Slug: "change-one-letter", Section: trust,
	Choices: []experiment.Choice{
		{Name: "edit", Label: "Edit", Options: []experiment.Option{
			{Name: "role", Label: "the role in the payload"}, {Name: "letter", Label: "one letter of the cookie as it stands"}, {Name: "deadline", Label: "the deadline: one year more"}, {Name: "signature", Label: "the signature"},
		}},
		{Name: "role", Label: "The new role", Default: "teacher", Max: 40},
	},
	Run: runChangeOneLetter,
}

func runChangeOneLetter(r *experiment.Run) experiment.Outcome {
	e := edit{in: r.Boot(experiment.Settings{}), part: r.Choice("edit"), untouched: true}
	b := e.in.Client("Rahim's browser")
	login := b.Set("role", "student").For("logs in as a student")
	e.issued = b.Cookie()
	if _, ok := session.Peel(e.issued); !ok {
		return experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Decisive: login, Verdict: fmt.Sprintf("{bad There is no cookie to edit:} the login was answered with status %d.", login.Status)}
	}
	before := e.in.Stats()
	e.record, _ = e.in.Record(e.issued)
	e.table = experiment.Table{Caption: "The record meanwhile", Head: []string{"request", "the role is", "the server's record"}}
	e.edited = editCookie(r, b, e.issued, e.part)
	ask := func(cookie, note, what string) *experiment.Exchange {
		b.Put(cookie)
		x := b.Get("/get", "key", "role").For(note)
		e.row(what, x)
		return x
	}
	e.asIssued = ask(e.issued, "asks with the cookie as issued", "with the cookie as issued")
	e.asEdited = ask(e.edited, "asks with the edited cookie", "with the edited cookie")
	e.again = ask(e.issued, "asks with the first cookie again", "with the first cookie put back")
	e.made = e.in.Stats().Live - before.Live
	return e.judge()
}

// editCookie changes one part of the cookie, as the learner chose.
func editCookie(r *experiment.Run, b *experiment.Client, issued, part string) string {
	switch part {
	case "role":
		values, err := json.Marshal(map[string]string{"role": r.Choice("role")})
		if err != nil {
			r.Fail(err)
		}
		return b.Tamper(issued, "values", string(values), 0)
	case "letter":
		return b.Tamper(issued, "letter", "", (len(issued)+1)/2)
	}
	return b.Tamper(issued, part, "", 0)
}

// edit is a cookie that was edited, and what the server made of it.
type edit struct {
	in                        *experiment.Instance
	part                      string // the part that was edited
	issued, edited            string // the cookie before and after the edit
	table                     experiment.Table
	record                    session.Stored       // the record as it was before
	untouched                 bool                 // the record is as it was
	asIssued, asEdited, again *experiment.Exchange // with the cookie as issued, as edited, and as issued again
	made                      int                  // how many records were made meanwhile
}

// row notes the record as it is after x.
func (e *edit) row(what string, x *experiment.Exchange) {
	st, ok := e.in.Record(e.issued)
	e.untouched = e.untouched && ok && st.Record == e.record.Record
	record := "{bad gone}"
	if ok {
		record = fmt.Sprintf("{server version %d, %d bytes}", st.Version, len(st.Data))
	}
	e.table.Rows = append(e.table.Rows, []string{what, experiment.Code(x.ShownValue()), record})
}

// judge says what the server made of the edited cookie.
func (e *edit) judge() experiment.Outcome {
	issued, edited, again := e.asIssued, e.asEdited, e.again
	out := experiment.Outcome{
		Happened: experiment.None, Tone: experiment.Held, Decisive: edited, Mark: e.edited,
		Pair:   []experiment.Shot{issued.Shot("As issued", e.issued), edited.Shot("As edited", e.edited)},
		Tables: []experiment.Table{editTable(e.issued, e.edited), e.table},
	}
	switch {
	case e.edited == e.issued:
		out.Tables = nil
		out.Undecided = true
		out.Verdict = "{bad Nothing was edited:} both requests carried the same cookie. Write another role."
	case issued.Value() != "student":
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad The server did not take the cookie as issued either} (status %d): this run says nothing about the edited cookie.", issued.Status)
	case edited.Status >= 400:
		out.Happened, out.Tone = "error", experiment.Refused
		out.Verdict = fmt.Sprintf("{bad An error:} the server answered the edited cookie with status %d.", edited.Status)
	case edited.Answer().Found:
		out.Happened, out.Tone = "believed", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Believed.} The server accepted the edited cookie: it says the role is %s.", experiment.Code(edited.Value()))
	case again.Value() != "student" || !e.untouched:
		out.Tone = experiment.Lost
		record := "not as it was"
		if e.untouched {
			record = "as it was"
		}
		out.Verdict = fmt.Sprintf("{bad Refused, but not ignored.} With the edited cookie the role is missing. With the first cookie put back it is %s, and {server the record} is %s.", experiment.Code(again.ShownValue()), record)
	default:
		out.Happened, out.Tone = "ignored", experiment.Refused
		misfit := "The signature that the cookie carries does not fit the edited bytes."
		if e.part == "signature" {
			misfit = "The edited signature does not fit the bytes, which nobody edited."
		}
		out.Verdict = fmt.Sprintf("{bad Signature refused.} %s The server treated the visit as one with no session: status %d, role missing, %s created. With the first cookie put back the role is %s again: {server the record} was untouched meanwhile.",
			misfit, edited.Status, strings.Replace(experiment.Count(e.made, "record", "records"), "0", "no", 1), experiment.Code(again.Value()))
	}
	return out
}

// editTable says in which parts two cookies differ.
func editTable(issued, edited string) experiment.Table {
	t := experiment.Table{Caption: "What was edited, peeled without a key", Head: []string{"part", "as issued", "as edited"}}
	parts := func(cookie string) []string {
		l, ok := session.Peel(cookie)
		if !ok {
			return slices.Repeat([]string{"cannot be peeled"}, 4)
		}
		at, values := "unreadable", "unreadable"
		if e, ok := l.Envelope(); ok {
			at, values = e.Deadline.Format(time.DateTime), e.Values
		}
		return []string{l.Time, at, experiment.Code(values), fmt.Sprintf("`%x…`", l.Signature[:min(8, len(l.Signature))])}
	}
	before, after := parts(issued), parts(edited)
	for i, part := range []string{"time of signing", "deadline", "values", "signature"} {
		if before[i] != after[i] {
			t.Rows = append(t.Rows, []string{part, before[i], after[i]})
		}
	}
	for i := range min(len(issued), len(edited)) {
		if issued[i] != edited[i] {
			t.Rows = append(t.Rows, []string{fmt.Sprintf("letter %d of the value as sent, the first that differs", i+1), "`" + issued[i:i+1] + "`", "`" + edited[i:i+1] + "`"})
			break
		}
	}
	return t
}
