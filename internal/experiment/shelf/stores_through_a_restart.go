package shelf

import (
	"cmp"
	"fmt"

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
	s := storeRestart{store: r.Choice("store")}
	in := r.Boot(experiment.Settings{Store: s.store, Placement: r.Placement()})
	b, left := in.Client("Rahim's browser"), in.Client("Lamia's browser")
	b.Set("name", "Rahim").For("stores a short value")
	b.Set("text", longValue).For("stores 600 bytes")
	s.before = b.Get("/session").For("where do they live?")

	left.Post("/login", "user", "Lamia").For("logs in")
	s.copied = left.Cookie()
	left.Post("/logout").For("logs out, and has a copy of its cookie")
	left.Put(s.copied)
	s.dead = left.Get("/get", "key", "user").For("sends the copy")
	s.readBefore = b.Get("/get", "key", "name").For("reads the short value")
	s.records = in.Stats().Live

	in.Restart(nil)
	s.recordsAfter = in.Stats().Live
	s.name = b.Get("/get", "key", "name").For("reads the short value, after the restart")
	s.long = b.Get("/get", "key", "text").For("reads the long one")
	s.again = left.Get("/get", "key", "user").For("sends the copy again")
	s.sent = b.Cookie()
	s.wrote = b.Set("visit", "2").For("writes")

	out := s.judge()
	s.judgeLogout(&out)
	return out
}

// storeRestart is what a store remembered through a restart.
type storeRestart struct {
	store                          string
	records, recordsAfter          int
	before, readBefore, name, long *experiment.Exchange // reads by Rahim: two before the restart, and of the two values after it
	wrote                          *experiment.Exchange // Rahim's first write after the restart
	sent                           string               // Rahim's cookie before that write
	copied                         string               // the cookie of Lamia, who logged out
	dead, again                    *experiment.Exchange // copied is sent before the restart, and after it
}

func (s storeRestart) hasName() bool { return s.name.Value() == "Rahim" }
func (s storeRestart) hasLong() bool { return s.long.Value() == longValue }

// same tells whether the session goes on under its ID.
func (s storeRestart) same() bool { return s.wrote.Answer().Session.ID == s.before.Answer().ID }

// lives says where a value lived before the restart.
func (s storeRestart) lives(key string) string {
	for _, v := range s.before.Answer().Values {
		if v.Key == key {
			return map[string]string{"cookie": "{cookie the cookie}", "server": "{server the record}"}[v.Lives]
		}
	}
	return "nowhere"
}

func (s storeRestart) tables() []experiment.Table {
	back := func(found bool) string {
		if found {
			return "{ok found}"
		}
		return "{bad missing}"
	}
	return []experiment.Table{
		{Caption: "Through the restart", Head: []string{"value", "lived in", "after the restart"}, Rows: [][]string{
			{"`name`, 5 bytes", s.lives("name"), back(s.hasName())}, {"`text`, 600 bytes", s.lives("text"), back(s.hasLong())},
		}},
		{Caption: "The store " + cmp.Or(map[string]string{"sqlite": "SQLite", "redis": "Redis"}[s.store], s.store), Head: []string{"what", "before", "after"}, Rows: [][]string{
			{"records", experiment.Comma(s.records), experiment.Comma(s.recordsAfter)},
			{"ID of the session, hashed", experiment.Code(s.before.Answer().ID), experiment.Code(s.wrote.Answer().Session.ID)},
			{"copy of a cookie that was logged out", accepted(s.dead), accepted(s.again)},
		}},
	}
}

// judge says which of the two values is there.
func (s storeRestart) judge() experiment.Outcome {
	out := experiment.Outcome{
		Happened: experiment.None, Tone: experiment.Lost, Decisive: s.name, Tables: s.tables(),
		Pair: []experiment.Shot{s.readBefore.Shot("Before the restart", s.sent), s.name.Shot("After the restart", s.sent)},
	}
	kept := fmt.Sprintf("{server The store} had %s before the restart and %d after it.", experiment.Count(s.records, "record", "records"), s.recordsAfter)
	switch {
	case s.hasName() && s.hasLong() && s.same():
		out.Happened, out.Tone, out.Mark = "all-there", experiment.Held, "Rahim"
		out.Verdict = "{ok All is there.} The browser read both values back, and the session goes on as " + experiment.Code(s.before.Answer().ID) + ". " + kept
		if s.recordsAfter == 0 {
			out.Verdict += " The values came back {cookie from the browser}."
		}
	case s.hasName() && !s.hasLong():
		out.Happened, out.Decisive, out.Mark = "half-there", s.long, `"found":false`
		out.Verdict = "{bad Half of it is gone:} the browser read the short value back, and the long value is missing. " + kept
	case !s.hasName() && !s.hasLong():
		out.Happened, out.Mark = "all-gone", `"found":false`
		out.Verdict = "{bad All is gone.} The browser sent its cookie and found neither value. " + kept
		if s.lives("name") == "{cookie the cookie}" && s.name.Cookie != "" {
			out.Verdict += " Not even the short value in the cookie counts: without the record the cookie opens nothing."
		}
		if !s.same() && s.wrote.Status < 400 {
			out.Verdict += " The next write began a session with another ID."
		}
	default:
		out.Verdict = "{bad Neither all nor nothing:} the short value is " + plainly(s.hasName()) + ", the long value is " + plainly(s.hasLong()) + ", and the next write has the ID " + experiment.Code(s.wrote.Answer().Session.ID) + ". " + kept
	}
	return out
}

// judgeLogout says whether the store still knows that Lamia logged out.
func (s storeRestart) judgeLogout(out *experiment.Outcome) {
	switch {
	case s.dead.Answer().Found:
		out.Verdict += " {bad The logout did not count even before the restart:} the server accepted the copy of Lamia's cookie."
	case s.again.Answer().Found:
		out.Verdict += " {bad But a logout was forgotten:} the server refused the copy of Lamia's cookie after her logout, and after the restart the copy logs her in again."
		out.Pair = append(out.Pair, s.again.Shot("Logged out, after the restart", s.copied))
	default:
		out.Verdict += " The server refused the copy of Lamia's cookie, which she had logged out, before the restart and after it."
	}
}

// plainly says whether a value is there.
func plainly(there bool) string {
	if there {
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
