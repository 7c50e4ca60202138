package shelf

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var storesThroughARestart = experiment.Experiment{
	Slug: "stores-through-a-restart", Section: where,
	Choices: []experiment.Choice{
		{Name: "store", Label: "The store", Options: []experiment.Option{{Name: "memory", Label: "memory"}, {Name: "sqlite", Label: "SQLite"}, {Name: "redis", Label: "Redis"}}},
		experiment.Placements,
	},
	Run: runStoresThroughARestart,
}

func runStoresThroughARestart(r *experiment.Run) experiment.Outcome {
	store := r.Choice("store")
	in := r.Boot(experiment.Settings{Store: store, Placement: r.Placement()})
	b, left := in.Client("Rahim's browser"), in.Client("Lamia's browser")
	text := strings.Repeat("0123456789", 60)
	b.Set("name", "Rahim").For("stores a short value")
	b.Set("text", text).For("stores 600 bytes")
	before := b.Get("/session").For("where do they live?")

	left.Post("/login", "user", "Lamia").For("logs in")
	copied := left.Cookie()
	left.Post("/logout").For("logs out, and has a copy of its cookie")
	left.Put(copied)
	dead := left.Get("/get", "key", "user").For("sends the copy")
	was := b.Get("/get", "key", "name").For("reads the short value")
	records := in.Stats().Live

	in.Restart(nil)
	after := in.Stats().Live
	name := b.Get("/get", "key", "name").For("reads the short value, after the restart")
	long := b.Get("/get", "key", "text").For("reads the long one")
	again := left.Get("/get", "key", "user").For("sends the copy again")
	sent := b.Cookie()
	wrote := b.Set("visit", "2").For("writes")

	a := before.Answer()
	lives := func(key string) string {
		for _, v := range a.Values {
			if v.Key == key {
				return map[string]string{"cookie": "{cookie the cookie}", "server": "{server the record}"}[v.Lives]
			}
		}
		return "nowhere"
	}
	hasName, hasText, same := name.Value() == "Rahim", long.Value() == text, wrote.Answer().Session.ID == a.ID
	revived := again.Answer().Found
	back := func(is bool) string {
		if is {
			return "{ok found}"
		}
		return "{bad missing}"
	}
	out := experiment.Outcome{
		Happened: experiment.None, Tone: experiment.Lost, Decisive: name,
		Pair: []experiment.Shot{was.Shot("Before the restart", sent), name.Shot("After the restart", sent)},
		Tables: []experiment.Table{
			{Caption: "Through the restart", Head: []string{"value", "lived in", "after the restart"}, Rows: [][]string{
				{"`name`, 5 bytes", lives("name"), back(hasName)}, {"`text`, 600 bytes", lives("text"), back(hasText)},
			}},
			{Caption: "The store " + cmp.Or(map[string]string{"sqlite": "SQLite", "redis": "Redis"}[store], store), Head: []string{"what", "before", "after"}, Rows: [][]string{
				{"records", experiment.Comma(records), experiment.Comma(after)},
				{"ID of the session, hashed", experiment.Code(a.ID), experiment.Code(wrote.Answer().Session.ID)},
				{"copy of a cookie that was logged out", accepted(dead), accepted(again)},
			}},
		},
	}
	kept := fmt.Sprintf("{server The store} had %s before the restart and %d after it.", experiment.Count(records, "record", "records"), after)
	switch {
	case hasName && hasText && same:
		out.Happened, out.Tone, out.Mark = "all-there", experiment.Held, "Rahim"
		out.Verdict = "{ok All is there.} Both values were read back, and the session goes on as " + experiment.Code(a.ID) + ". " + kept
		if after == 0 {
			out.Verdict += " The values came back {cookie from the browser}."
		}
	case hasName && !hasText:
		out.Happened, out.Decisive, out.Mark = "half-there", long, `"found":false`
		out.Verdict = "{bad Half of it is gone:} the short value was read back, the long one is missing. " + kept
	case !hasName && !hasText:
		out.Happened, out.Mark = "all-gone", `"found":false`
		out.Verdict = "{bad All is gone.} The browser sent its cookie and found neither value. " + kept
		if lives("name") == "{cookie the cookie}" && name.Cookie != "" {
			out.Verdict += " Not even the short value counts, which that very cookie carried: without the record it opens nothing."
		}
		if !same && wrote.Status < 400 {
			out.Verdict += " The next write began a session with another ID."
		}
	default:
		out.Verdict = "{bad Neither all nor nothing:} the short value is " + plainly(hasName) + ", the long one is " + plainly(hasText) + ", and the next write has the ID " + experiment.Code(wrote.Answer().Session.ID) + ". " + kept
	}
	switch {
	case dead.Answer().Found:
		out.Verdict += " {bad The logout did not count even before that:} the copy of Lamia's cookie was accepted."
	case revived:
		out.Verdict += " {bad But a logout was forgotten:} the copy of Lamia's cookie was refused after her logout, and after the restart it logs her in again."
		out.Pair = append(out.Pair, again.Shot("Logged out, after the restart", copied))
	default:
		out.Verdict += " The copy of the cookie that Lamia had logged out is refused before and after."
	}
	return out
}

// plainly says whether a value is there.
func plainly(is bool) string {
	if is {
		return "there"
	}
	return "missing"
}

// accepted is a cell that says whether a cookie that should be dead was.
func accepted(x *experiment.Exchange) string {
	if x.Answer().Found {
		return "{bad accepted}"
	}
	return "{mac refused}"
}
