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
	key, empty := r.Choice("key"), "note"
	if key == empty {
		empty = "remark"
	}
	in := r.Boot(experiment.Settings{})
	visitor, b := in.Client("A visitor's browser"), in.Client("Rahim's browser")
	t := experiment.Table{Caption: "What each request got", Head: []string{"request", "status", "found", "value", "Set-Cookie", "records before and after"}}
	var missing []*experiment.Exchange // all that ask for the missing key
	made := 0                          // records, while they did
	ask := func(what string, times int, send func() *experiment.Exchange) *experiment.Exchange {
		before := in.Stats().Live
		var x *experiment.Exchange
		var statuses, founds, values []string
		cookies := 0
		add := func(list []string, text string) []string {
			if slices.Contains(list, text) {
				return list
			}
			return append(list, text)
		}
		for range times {
			x = send()
			a := x.Answer()
			x.Note = what
			missing = append(missing, x)
			statuses, founds = add(statuses, strconv.Itoa(x.Status)), add(founds, fmt.Sprint(a.Found))
			if a.Op == "get" {
				values = add(values, experiment.Code(string(a.Value)))
			}
			if x.SetCookie() != nil {
				cookies++
			}
		}
		made += in.Stats().Live - before
		if times > 1 {
			what += fmt.Sprintf(", %d times", times)
		}
		t.Rows = append(t.Rows, []string{what, strings.Join(statuses, ", "), strings.Join(founds, ", "), strings.Join(values, ", "), strconv.Itoa(cookies), fmt.Sprintf("%d, %d", before, in.Stats().Live)})
		return x
	}
	ask("reads it, without a session", reads, func() *experiment.Exchange { return visitor.Get("/get", "key", key) })
	ask("deletes it, without a session", 1, func() *experiment.Exchange { return visitor.Post("/delete", "key", key) })
	born := b.Set(empty, "").For("stores an empty text under " + empty)
	last := ask("reads it, with a session", reads, func() *experiment.Exchange { return b.Get("/get", "key", key) })
	ask("deletes it, with a session", 1, func() *experiment.Exchange { return b.Post("/delete", "key", key) })
	asked, filled := missing, made // what comes now is there
	other := ask("reads "+empty+", which holds an empty text", 1, func() *experiment.Exchange { return b.Get("/get", "key", empty) })
	keys := b.Get("/keys").For("lists the keys")

	errors, founds, cookies := 0, 0, 0
	odd := keys // the first that shows that asking made something
	for _, x := range asked {
		if odd == keys && (x.Answer().Found || x.SetCookie() != nil) {
			odd = x
		}
		if x.Status >= 400 {
			errors++
		}
		if x.Answer().Found {
			founds++
		}
		if x.SetCookie() != nil {
			cookies++
		}
	}
	was, is := born.Answer().Session, keys.Answer().Session
	there := slices.Contains(keys.Answer().Keys, key)
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{t}, Decisive: last}
	switch {
	case last.Status == http.StatusUnprocessableEntity:
		out.Tone, out.Mark = experiment.Refused, `"detail"`
		out.Verdict = fmt.Sprintf("{mac Refused before it was looked for:} status %d. %s A key like this can be neither there nor missing: ask for another one.", last.Status, experiment.Plain(last.Answer().Detail))
	case errors > 0:
		out.Happened, out.Mark = "error", strconv.Itoa(last.Status)
		out.Verdict = fmt.Sprintf("{bad Missing was an error:} %d of %d requests for %s were answered with an error, the last read with status %d.", errors, len(asked), experiment.Code(key), last.Status)
	case founds > 0 || cookies > 0 || filled != 0 || there || is.Version != was.Version:
		if out.Happened, out.Decisive, out.Mark = "created", odd, "Set-Cookie"; odd.SetCookie() == nil {
			out.Mark = key
		}
		out.Verdict = fmt.Sprintf("{bad Asking made something.} Of %d requests for %s, which nobody set, %d found it and %d set a cookie; %s came into the store, and the session went from version %d to %d.",
			len(asked), experiment.Code(key), founds, cookies, experiment.Count(filled, "record", "records"), was.Version, is.Version)
	case !other.Answer().Found:
		out.Decisive, out.Mark = other, "found"
		out.Verdict = fmt.Sprintf("{bad Missing and empty were the same:} `%s` holds an empty text, and was answered as missing.", empty)
	default:
		out.Happened, out.Tone, out.Mark = "missing", experiment.Held, `"found":false`
		out.Pair = []experiment.Shot{last.Shot("Missing: nobody set it", last.SessionCookie()), other.Shot("Empty: an empty text was stored", other.SessionCookie())}
		out.Verdict = fmt.Sprintf("{ok Missing is an ordinary answer.} All %d reads and deletes of %s were answered with status %d and `\"found\":false`, and left no cookie and no record behind; the session that was there stayed at {server version %d}. An empty text is something else: reading `%s` said `\"found\":true`.",
			len(asked), experiment.Code(key), last.Status, is.Version, empty)
	}
	return out
}
