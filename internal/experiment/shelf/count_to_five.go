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
	in := r.Boot(experiment.Settings{Placement: r.Placement()})
	b := in.Client("Rahim's browser")
	c := counter{b: b, tab: b.Tab("Another tab of Rahim's browser")}
	c.table = experiment.Table{Caption: "Six presses", Head: []string{"press", "the page", "shows", "ID, hashed", "version", "Set-Cookie"}}
	for range countPresses {
		c.press()
	}
	copied := in.Client("A copy of Rahim's browser")
	copied.Put(c.cookies[countTop-1])
	replay := copied.Get("/get", "key", countKey).For("sends the cookie of the fifth press")
	kept := "opened nothing"
	if replay.Answer().Session.Exists {
		kept = "still opened session `" + replay.Answer().Session.ID + "`, and read " + experiment.Code(replay.ShownValue())
	}
	out := c.judge(kept)
	out.Tables, out.Decisive, out.Mark = []experiment.Table{c.table}, c.last, `"id":"`+c.ids[countPresses-1]+`"`
	for i, x := range []*experiment.Exchange{c.fifth, c.last} {
		out.Pair = append(out.Pair, experiment.Shot{Title: fmt.Sprintf("After press %d", countTop+i), Cookie: c.cookies[countTop-1+i], Exchange: x, Says: "it shows " + c.shown[countTop-1+i]})
	}
	return out
}

const (
	countKey     = "visits"
	countTop     = 5 // after this count the page begins anew
	countPresses = 6
)

// counter is a page that counts visits in the session.
type counter struct {
	b, tab *experiment.Client
	table  experiment.Table
	anew   int // how many cookies replaced another cookie

	shown, ids, cookies []string             // after each press
	born, fifth, last   *experiment.Exchange // the first write, the last write but one, and the last write
	deleted, between    *experiment.Exchange // the deletion of the key, and a look at the session after it; nil before them
}

// press is one visit: the page reads the count, and writes the next one.
func (c *counter) press() {
	press := len(c.shown) + 1
	read := c.b.Get("/get", "key", countKey).For(fmt.Sprintf("press %d: reads the count", press))
	page, count := "reads missing,", 0
	if read.Answer().Found {
		page = "reads " + experiment.Code(read.ShownValue()) + ","
		count, _ = strconv.Atoi(read.Value()) // a value that is no number counts as 0, as in the page
	}
	if count >= countTop {
		c.deleted = c.row(press, page+" deletes the key", c.b.Cookie(), c.b.Post("/delete", "key", countKey))
		c.between = c.tab.Get("/keys").For("looks what is left")
		page, count = "then", 0
	}
	next := strconv.Itoa(count + 1)
	c.fifth = c.last
	c.last = c.row(press, page+" writes `"+next+"`", c.b.Cookie(), c.b.Post("/set", "key", countKey, "value", next, "type", "number"))
	if c.born == nil {
		c.born = c.last
	}
	c.shown, c.ids, c.cookies = append(c.shown, string(c.last.Answer().Value)), append(c.ids, c.last.Answer().Session.ID), append(c.cookies, c.b.Cookie())
}

// row notes a write of the page. before is the cookie that the browser had.
func (c *counter) row(press int, page, before string, x *experiment.Exchange) *experiment.Exchange {
	x.Note = fmt.Sprintf("press %d: %s", press, strings.ReplaceAll(page, "`", ""))
	sets := "none"
	switch set := x.SetCookie(); {
	case set == nil:
	case before == "":
		sets = "{cookie the first one}"
	case set.Value == before:
		sets = "the same value"
	default:
		sets = "{cookie a new value}"
		c.anew++
	}
	a := x.Answer()
	c.table.Rows = append(c.table.Rows, []string{strconv.Itoa(press), page, experiment.Plain(string(a.Value)), "`" + a.Session.ID + "`", strconv.FormatUint(a.Session.Version, 10), sets})
	return x
}

// different is how many different texts there are.
func different(texts []string) int { return len(slices.Compact(slices.Sorted(slices.Values(texts)))) }

// emptied tells whether the sixth press left the session of that ID without its key.
func (c *counter) emptied(id string) bool {
	return c.between != nil && c.deleted.Answer().Found && c.between.Answer().Session.ID == id && len(c.between.Answer().Keys) == 0
}

// judge says what became of the session. kept says what the cookie of the fifth press did
// when it was put back.
func (c *counter) judge(kept string) experiment.Outcome {
	fifth, sixth, showed := c.ids[0], c.ids[countPresses-1], strings.Join(c.shown, ", ")
	counted := showed == "1, 2, 3, 4, 5, 1"
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost}
	switch {
	case slices.Contains(c.ids, ""):
		out.Verdict = fmt.Sprintf("{bad Not every write left a session:} the page showed %s. The table has the rest.", experiment.Plain(showed))
	case counted && different(c.ids) == 1 && c.emptied(fifth):
		out.Happened, out.Tone = "same-session", experiment.Held
		cookie := "stayed the same, byte for byte"
		if c.cookies[0] != c.cookies[countPresses-1] || c.anew > 0 {
			cookie = fmt.Sprintf("got new bytes %d times", c.anew)
			if c.last.Answer().Lives == "cookie" {
				cookie += ", since the count travels in it"
			}
		}
		out.Verdict = fmt.Sprintf("{ok The same session all along.} Six presses showed %s under one ID, `%s`, in versions %d to %d: at the sixth the page deleted its key, {server the session} stayed, with %s in it, and a write made the key again. {cookie The cookie} %s; the cookie of the fifth press, put back, %s.",
			showed, fifth, c.born.Answer().Session.Version, c.last.Answer().Session.Version, experiment.Count(len(c.between.Answer().Keys), "key", "keys"), cookie, kept)
	case counted && different(c.ids[:countTop]) == 1 && sixth != fifth:
		out.Happened = "new-session"
		out.Verdict = fmt.Sprintf("{bad A new session at the sixth press:} five presses had the ID `%s`, the sixth has `%s`. The cookie of the fifth press, put back, %s.", fifth, sixth, kept)
	case different(c.ids) == countPresses && different(c.shown) == 1:
		out.Happened = "session-a-press"
		out.Verdict = fmt.Sprintf("{bad Each press began a session of its own:} %d presses, %d IDs, and the page showed %s.", countPresses, different(c.ids), experiment.Plain(showed))
	default:
		out.Verdict = fmt.Sprintf("{bad None of that:} %d presses had %s, and the page showed %s.", countPresses, experiment.Count(different(c.ids), "ID", "IDs"), experiment.Plain(showed))
		if c.between != nil {
			out.Verdict += fmt.Sprintf(" Its deletion left %s in the session.", experiment.Count(len(c.between.Answer().Keys), "key", "keys"))
		}
	}
	return out
}
