package shelf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var countToFive = experiment.Experiment{
	Slug: "count-to-five", Section: life,
	Choices: []experiment.Choice{experiment.Placements},
	Run:     runCountToFive,
}

func runCountToFive(r *experiment.Run) experiment.Outcome {
	const key, top, presses = "visits", 5, 6
	in := r.Boot(experiment.Settings{Placement: r.Placement()})
	b := in.Client("Rahim's browser")
	tab := b.Tab("Another tab of Rahim's browser")
	t := experiment.Table{Caption: "Six presses", Head: []string{"press", "the page", "shows", "ID, hashed", "version", "Set-Cookie"}}
	anew := 0 // cookies that took another one's place
	wrote := func(press int, page string, before string, x *experiment.Exchange) *experiment.Exchange {
		x.Note = fmt.Sprintf("press %d: %s", press, strings.ReplaceAll(page, "`", ""))
		sets := "none"
		switch c := x.SetCookie(); {
		case c == nil:
		case before == "":
			sets = "{cookie the first one}"
		case c.Value == before:
			sets = "the same value"
		default:
			sets = "{cookie a new value}"
			anew++
		}
		a := x.Answer()
		t.Rows = append(t.Rows, []string{strconv.Itoa(press), page, experiment.Plain(string(a.Value)), "`" + a.Session.ID + "`", strconv.FormatUint(a.Session.Version, 10), sets})
		return x
	}
	var shown, ids, cookies []string // after each press
	var born, deleted, between, fifth, last *experiment.Exchange
	for press := 1; press <= presses; press++ {
		read := b.Get("/get", "key", key).For(fmt.Sprintf("press %d: reads the count", press))
		page, count := "reads missing,", 0
		if read.Answer().Found {
			page = "reads " + experiment.Code(read.ShownValue()) + ","
			count, _ = strconv.Atoi(read.Value()) // what is no number counts as none, as in the page
		}
		if count >= top {
			deleted = wrote(press, page+" deletes the key", b.Cookie(), b.Post("/delete", "key", key))
			between = tab.Get("/keys").For("looks what is left")
			page, count = "then", 0
		}
		next := strconv.Itoa(count + 1)
		fifth, last = last, wrote(press, page+" writes `"+next+"`", b.Cookie(), b.Post("/set", "key", key, "value", next, "type", "number"))
		if born == nil {
			born = last
		}
		shown, ids, cookies = append(shown, string(last.Answer().Value)), append(ids, last.Answer().Session.ID), append(cookies, b.Cookie())
	}
	copied := in.Client("A copy of Rahim's browser")
	copied.Put(cookies[top-1])
	replay := copied.Get("/get", "key", key).For("sends the cookie of the fifth press")
	kept := "opened nothing"
	if replay.Answer().Session.Exists {
		kept = "still opened session `" + replay.Answer().Session.ID + "`, and read " + experiment.Code(replay.ShownValue())
	}

	five, sixth, showed := ids[0], ids[presses-1], strings.Join(shown, ", ")
	counted := showed == "1, 2, 3, 4, 5, 1"
	different := func(ids []string) int { return len(slices.Compact(slices.Sorted(slices.Values(ids)))) }
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{t}, Decisive: last, Mark: `"id":"` + sixth + `"`}
	for i, x := range []*experiment.Exchange{fifth, last} {
		out.Pair = append(out.Pair, experiment.Shot{Title: fmt.Sprintf("After press %d", top+i), Cookie: cookies[top-1+i], Exchange: x, Says: "it shows " + shown[top-1+i]})
	}
	switch {
	case slices.Contains(ids, ""):
		out.Verdict = fmt.Sprintf("{bad Not every write left a session:} the page showed %s. The table has the rest.", experiment.Plain(showed))
	case counted && different(ids) == 1 && between != nil && deleted.Answer().Found && between.Answer().Session.ID == five && len(between.Answer().Keys) == 0:
		out.Happened, out.Tone = "same-session", experiment.Held
		cookie := "stayed the same, byte for byte"
		if cookies[0] != cookies[presses-1] || anew > 0 {
			cookie = fmt.Sprintf("got new bytes %d times", anew)
			if last.Answer().Lives == "cookie" {
				cookie += ", since the count travels in it"
			}
		}
		out.Verdict = fmt.Sprintf("{ok The same session all along.} Six presses showed %s under one ID, `%s`, in versions %d to %d: at the sixth the page deleted its key, {server the session} stayed, with %s in it, and a write made the key anew. {cookie The cookie} %s; that of the fifth press, put back, %s.",
			showed, five, born.Answer().Session.Version, last.Answer().Session.Version, experiment.Count(len(between.Answer().Keys), "key", "keys"), cookie, kept)
	case counted && different(ids[:top]) == 1 && sixth != five:
		out.Happened = "new-session"
		out.Verdict = fmt.Sprintf("{bad A new session at the sixth press:} five presses had the ID `%s`, the sixth has `%s`. The cookie of the fifth press, put back, %s.", five, sixth, kept)
	case different(ids) == presses && different(shown) == 1:
		out.Happened = "session-a-press"
		out.Verdict = fmt.Sprintf("{bad Each press began a session of its own:} %d presses, %d IDs, and the page showed %s.", presses, different(ids), experiment.Plain(showed))
	default:
		out.Verdict = fmt.Sprintf("{bad None of that:} %d presses had %s, and the page showed %s.", presses, experiment.Count(different(ids), "ID", "IDs"), experiment.Plain(showed))
		if between != nil {
			out.Verdict += fmt.Sprintf(" Its deletion left %s in the session.", experiment.Count(len(between.Answer().Keys), "key", "keys"))
		}
	}
	return out
}
