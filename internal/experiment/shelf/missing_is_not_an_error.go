package shelf

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var missingIsNotAnError = experiment.Experiment{
	Slug: "missing-is-not-an-error", Section: life,
	Choices: []experiment.Choice{{Name: "key", Label: "Ask for the key", Default: "nickname", Max: 60}},
	Run:     runMissingIsNotAnError,
}

func runMissingIsNotAnError(r *experiment.Run) experiment.Outcome {
	const reads = 10
	q := questions{in: r.Boot(experiment.Settings{}), key: r.Choice("key"), empty: "note"}
	if q.key == q.empty {
		q.empty = "remark"
	}
	q.table = experiment.Table{Caption: "What each request got", Head: []string{"request", "status", "found", "value", "Set-Cookie", "records before and after"}}
	visitor, b := q.in.Client("A visitor's browser"), q.in.Client("Rahim's browser")
	q.ask("reads it, without a session", reads, func() *experiment.Exchange { return visitor.Get("/get", "key", q.key) })
	q.ask("deletes it, without a session", 1, func() *experiment.Exchange { return visitor.Post("/delete", "key", q.key) })
	q.born = b.Set(q.empty, "").For("stores an empty text under " + q.empty)
	q.last = q.ask("reads it, with a session", reads, func() *experiment.Exchange { return b.Get("/get", "key", q.key) })
	q.ask("deletes it, with a session", 1, func() *experiment.Exchange { return b.Post("/delete", "key", q.key) })
	q.missing, q.made = q.asked, q.records // the requests from here on ask for a key that is there
	q.other = q.ask("reads "+q.empty+", which holds an empty text", 1, func() *experiment.Exchange { return b.Get("/get", "key", q.empty) })
	q.keys = b.Get("/keys").For("lists the keys")
	return q.judge()
}

// questions are requests for a key that nobody set, and for a key that holds an empty text.
type questions struct {
	in         *experiment.Instance
	key, empty string // the key that nobody set, and the key that holds an empty text
	table      experiment.Table
	asked      []*experiment.Exchange // all requests so far
	records    int                    // how many records were made by them

	missing           []*experiment.Exchange // the requests for key
	made              int                    // how many records were made by the requests for key
	born, last, other *experiment.Exchange   // the write that begins the session; the last read of key; the read of empty
	keys              *experiment.Exchange   // the list of keys at the end
}

// ask sends the same request several times, and notes each different answer. It returns
// the last one.
func (q *questions) ask(what string, times int, send func() *experiment.Exchange) (x *experiment.Exchange) {
	before := q.in.Stats().Live
	var statuses, founds, values []string
	cookies := 0
	add := func(list *[]string, text string) {
		if !slices.Contains(*list, text) {
			*list = append(*list, text)
		}
	}
	for range times {
		x = send().For(what)
		a := x.Answer()
		q.asked = append(q.asked, x)
		add(&statuses, strconv.Itoa(x.Status))
		add(&founds, fmt.Sprint(a.Found))
		if a.Op == "get" {
			add(&values, experiment.Code(string(a.Value)))
		}
		if x.SetCookie() != nil {
			cookies++
		}
	}
	q.records += q.in.Stats().Live - before
	if times > 1 {
		what += fmt.Sprintf(", %d times", times)
	}
	q.table.Rows = append(q.table.Rows, []string{what, strings.Join(statuses, ", "), strings.Join(founds, ", "), strings.Join(values, ", "), strconv.Itoa(cookies), fmt.Sprintf("%d, %d", before, q.in.Stats().Live)})
	return x
}

// judge says whether asking was an error, and whether it made anything.
func (q *questions) judge() experiment.Outcome {
	errors, founds, cookies := 0, 0, 0
	odd := q.keys // the first that shows that asking made something
	for _, x := range q.missing {
		found, sets := x.Answer().Found, x.SetCookie() != nil
		if odd == q.keys && (found || sets) {
			odd = x
		}
		errors += countTrue(x.Status >= 400)
		founds += countTrue(found)
		cookies += countTrue(sets)
	}
	first, now := q.born.Answer().Session, q.keys.Answer().Session
	there := slices.Contains(q.keys.Answer().Keys, q.key)
	last, other := q.last, q.other
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{q.table}, Decisive: last}
	switch {
	case last.Status == http.StatusUnprocessableEntity:
		out.Tone, out.Mark = experiment.Refused, `"detail"`
		out.Verdict = fmt.Sprintf("{mac Refused before it was looked for:} status %d. %s A key like this can be neither there nor missing: ask for another one.", last.Status, experiment.Plain(last.Answer().Detail))
	case errors > 0:
		out.Happened, out.Mark = "error", strconv.Itoa(last.Status)
		out.Verdict = fmt.Sprintf("{bad Missing was an error:} %d of %d requests for %s were answered with an error, the last read with status %d.", errors, len(q.missing), experiment.Code(q.key), last.Status)
	case founds > 0 || cookies > 0 || q.made != 0 || there || now.Version != first.Version:
		if out.Happened, out.Decisive, out.Mark = "created", odd, "Set-Cookie"; odd.SetCookie() == nil {
			out.Mark = q.key
		}
		out.Verdict = fmt.Sprintf("{bad Asking made something.} Of %d requests for %s, which nobody set, %d found it and %d set a cookie; %s came into the store, and the session went from version %d to %d.",
			len(q.missing), experiment.Code(q.key), founds, cookies, experiment.Count(q.made, "record", "records"), first.Version, now.Version)
	case !other.Answer().Found:
		out.Decisive, out.Mark = other, "found"
		out.Verdict = fmt.Sprintf("{bad Missing and empty were the same:} `%s` holds an empty text, and was answered as missing.", q.empty)
	default:
		out.Happened, out.Tone, out.Mark = "missing", experiment.Held, `"found":false`
		out.Pair = []experiment.Shot{last.Shot("Missing: nobody set it", last.SessionCookie()), other.Shot("Empty: an empty text was stored", other.SessionCookie())}
		out.Verdict = fmt.Sprintf("{ok Missing is an ordinary answer.} All %d reads and deletes of %s were answered with status %d and `\"found\":false`, and left no cookie and no record behind; the session that was there stayed at {server version %d}. An empty text differs from a missing value: reading `%s` said `\"found\":true`.",
			len(q.missing), experiment.Code(q.key), last.Status, now.Version, q.empty)
	}
	return out
}
