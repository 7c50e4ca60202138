package experiment

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/session"
)

// matrix are the grid of everything over every store.
func matrix() []Experiment {
	return []Experiment{
		{
			Number: 27, Slug: "matrix", Title: "The matrix",
			Lead: "One press runs the same seven scripts over all three places for values and all three stores, and over plain gorilla's two for comparison. Which of the eleven rows comes through them all?",
			Predictions: []string{
				"Those with the cookie alone: they need no store at all",
				"Those with the server alone, in a store that outlives the program",
				"All nine of this engine, and neither of plain gorilla",
				"None: each row loses something, only not the same",
			},
			Does: "eleven private servers one after the other, and about ten requests to each",
			Slow: true,
			Run:  everything,
			Explain: []string{
				"A {cookie copied cookie} opens the session wherever it was made: whoever has it is taken for its owner, so that its cells are neither good nor bad news.",
				"A logout must be known to the {server server}: this engine deletes the record, or, where the cookie carries every value, stores the dead ID until its deadline; plain gorilla's CookieStore stores nothing, so that a kept cookie still opens.",
				"What a store in memory knew is gone after a restart: sessions, and the list of the dead IDs too.",
				"This engine signs a deadline into the cookie or keeps one in the record, on its own clock; in plain gorilla a session's `Max-Age` is a label for the browser, and its own check of the signature allows 30 days.",
				"A {mac signature} is checked before any store is asked, so that an edited cookie ends the same way everywhere.",
				"Two tabs that write at once lose an update where the values ride in the cookie, and where the store has no version to compare.",
			},
			Breaks: "A row that comes through here can still be lost with its machine: a store is as good as its backup, and a cookie as good as the place where it is kept.",
			Sources: []Source{
				{"OWASP: session management", "https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html"},
				{"Django: where sessions are kept", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#configuring-the-session-engine"},
				{"gorilla/securecookie: MaxAge", "https://pkg.go.dev/github.com/gorilla/securecookie#SecureCookie.MaxAge"},
				{"RFC 6265, section 8", "https://www.rfc-editor.org/rfc/rfc6265#section-8"},
			},
		},
	}
}

// matrixScripts are the grid's columns, in the order in which they are run.
var matrixScripts = []string{"set", "copied cookie", "two tabs", "edited cookie", "old cookie after logout", "restart", "old cookie after expiry"}

const copiedCookie = 1 // among them: neither good nor bad news

// matrixRow is what the scripts run over, and what came of it.
type matrixRow struct {
	name  string
	set   Settings
	tried bool
	cells []string
	good  bool // every script came out as it should

	kept          string    // the cookie from before the logout
	after, reborn *Exchange // its replay after the logout, and after a restart too, if that was tried
}

func everything(r *Run) Outcome {
	var rows []*matrixRow
	for _, p := range []session.Placement{session.InCookie, session.Hybrid, session.OnServer} {
		for _, store := range []struct{ name, label string }{{"memory", "memory"}, {"sqlite", "SQLite"}, {"redis", "Redis"}} {
			rows = append(rows, &matrixRow{name: p.String() + ", " + store.label, set: Settings{Placement: p, Store: store.name, Idle: time.Hour}})
		}
	}
	secret := session.NewSecret()
	rows = append(rows,
		&matrixRow{name: "gorilla CookieStore", set: Settings{Twin: holdingTwin(func(func() string) sessions.Store { return sessions.NewCookieStore(secret) })}},
		&matrixRow{name: "gorilla FilesystemStore", set: Settings{Twin: holdingTwin(func(dir func() string) sessions.Store { return sessions.NewFilesystemStore(dir(), secret) })}},
	)
	missing := make(map[string]bool) // stores that do not answer
	for i, w := range rows {
		r.Step(i, len(rows), w.name)
		if missing[w.set.Store] {
			continue
		}
		var in *Instance
		err := contain(func() {
			in = r.Boot(w.set)
			w.run(r, in)
		})
		if in != nil { // it ends here, so that a store which is gone spoils its own row alone
			switch end := contain(in.Close); {
			case end == nil || err != nil:
			case w.outside():
				err = fmt.Errorf("%w: %w", ErrUnavailable, end)
			default:
				err = end
			}
		}
		switch w.tried = err == nil; {
		case errors.Is(err, ErrUnavailable):
			missing[w.set.Store] = true
		case err != nil:
			r.fail(err)
		}
	}
	r.Step(len(rows), len(rows), "the grid")
	return matrixOf(rows)
}

// outside tells whether the store is another program, which can end at any time.
func (w *matrixRow) outside() bool { return w.set.Store == "redis" }

// run runs all scripts over w.
func (w *matrixRow) run(r *Run, in *Instance) {
	did := func(x *Exchange, what string) *Exchange {
		x.Note = w.name + ": " + what
		if x.Status == http.StatusServiceUnavailable && w.outside() {
			r.fail(fmt.Errorf("%w: status %d", ErrUnavailable, x.Status))
		}
		return x
	}
	other := in.Client("another browser")
	replay := func(cookie, what string) *Exchange {
		other.Put(cookie)
		return did(other.Get("/get", "key", "name"), what)
	}
	cell := func(good bool, fine, not string) {
		if good {
			w.cells = append(w.cells, "{ok "+fine+"}")
		} else {
			w.cells = append(w.cells, "{bad "+not+"}")
		}
	}
	refused := func(x *Exchange, fine, not string) {
		if x.Status >= 400 {
			fine, not = "", fmt.Sprintf("status %d", x.Status)
		}
		cell(x.Status < 400 && !x.Answer().Found, fine, not)
	}

	ru := in.rush("Graz", "lentils")
	for _, x := range []*Exchange{ru.born, ru.one, ru.two} {
		did(x, x.Note)
	}
	w.kept = ru.tab.Cookie()
	if w.kept == "" {
		w.cells = slices.Repeat([]string{"{bad no cookie}"}, len(matrixScripts))
		return
	}
	// The copy reads for the owner: one request answers three questions, unless it is refused.
	other.Put(w.kept)
	keys := did(other.Get("/keys"), "lists the keys with a copy of the cookie").Answer().Keys
	copied := "opens"
	if !slices.Contains(keys, "name") {
		copied = "refused"
		keys = did(ru.tab.Get("/keys"), "lists the keys with the cookie").Answer().Keys
	}
	cell(slices.Contains(keys, "name"), "kept", "lost")
	w.cells = append(w.cells, copied)
	lost := 2 - countTrue(slices.Contains(keys, "city"), slices.Contains(keys, "food"))
	if ru.atOnce {
		cell(lost == 0, "both kept", fmt.Sprintf("%d of 2 lost", lost))
	} else {
		cell(false, "", "not at once")
	}
	refused(replay(other.Tamper(w.kept, "signature", "", 0), "sends the cookie with its signature changed"), "refused", "believed")

	did(ru.tab.Post("/logout"), "logs out")
	w.after = replay(w.kept, "sends the cookie from before the logout")
	owner := in.Client("Mina's browser")
	did(owner.Set("name", "Mina"), "begins another session")
	in.Restart(nil)
	survived := did(owner.Get("/get", "key", "name"), "reads it after a restart with the same secret").Answer().Found
	// Where the cookie carries every value, nothing but the store's memory of dead
	// IDs keeps it from opening.
	dead := w.after
	if w.set.Placement == session.InCookie && !w.after.Answer().Found {
		w.reborn = replay(w.kept, "sends the cookie from before the logout, after a restart")
		dead = w.reborn
	}
	opens := "opens again"
	if dead == w.reborn {
		opens = "opens after a restart"
	}
	refused(dead, "dead", opens)
	cell(survived, "kept", "lost")

	if !survived {
		did(owner.Set("name", "Mina"), "begins anew after the restart")
	}
	if w.set.Twin != nil {
		did(owner.Post("/expiry"), "sets the expiry to one second")
	}
	kept := owner.Cookie()
	if w.set.Twin != nil {
		r.Sleep(1100 * time.Millisecond) // gorilla's clock cannot be moved
	} else {
		in.Move(w.set.Idle + time.Second)
	}
	refused(replay(kept, "sends the cookie whose time is up"), "refused", "still opens")

	w.good = true
	for i, text := range w.cells {
		w.good = w.good && (i == copiedCookie || strings.HasPrefix(text, "{ok "))
	}
}

// matrixOf is the grid, and what it says.
func matrixOf(rows []*matrixRow) Outcome {
	grid := Table{Caption: "Values, store: what came of each script", Head: append([]string{"row"}, matrixScripts...)}
	lost := make([]int, len(matrixScripts))
	reopened := make(map[bool]int) // by whether it is the engine's
	tried, engines := 0, 0
	var good, missing []string
	out := Outcome{Happened: None, Tone: Lost}
	for _, w := range rows {
		if !w.tried {
			missing = append(missing, w.name)
			_, store, _ := strings.Cut(w.name, ", ")
			grid.Rows = append(grid.Rows, append([]string{w.name, "{bad no " + store + " answers}"}, slices.Repeat([]string{""}, len(matrixScripts)-1)...))
			continue
		}
		tried++
		grid.Rows = append(grid.Rows, append([]string{w.name}, w.cells...))
		for i, text := range w.cells {
			if i != copiedCookie && !strings.HasPrefix(text, "{ok ") {
				lost[i]++
			}
		}
		if w.good {
			good = append(good, w.name)
		}
		if w.set.Twin == nil {
			engines++
		}
		opened := w.after
		if w.reborn != nil {
			opened = w.reborn
		}
		if opened == nil || !opened.Answer().Found {
			continue
		}
		reopened[w.set.Twin == nil]++
		if out.Decisive == nil {
			out.Decisive, out.Mark = opened, `"found":true`
			out.Pair = []Shot{w.after.shot(w.name+", after the logout", w.kept)}
			if w.reborn != nil {
				out.Pair = append(out.Pair, w.reborn.shot("The same after a restart", w.kept))
			}
		}
	}
	out.Tables = []Table{grid}

	// only tells whether the good rows are those that want names.
	only := func(want func(Settings) bool) bool {
		return len(good) > 0 && !slices.ContainsFunc(rows, func(w *matrixRow) bool { return w.tried && w.good != want(w.set) })
	}
	switch {
	case only(func(s Settings) bool { return s.Placement == session.InCookie }):
		out.Happened = 0
	case only(func(s Settings) bool { return s.Placement == session.OnServer && s.Store != "memory" }):
		out.Happened = 1
	case only(func(s Settings) bool { return s.Twin == nil }):
		out.Happened = 2
	case len(good) == 0:
		out.Happened = 3
	}
	if len(good) > 0 {
		out.Tone = Held
		out.Verdict = fmt.Sprintf("{ok Of %d rows %s through all scripts:} %s.", tried, word(len(good), "comes", "come"), strings.Join(good, "; "))
	} else {
		out.Verdict = fmt.Sprintf("{bad Not one of %s} comes through all scripts.", word(tried, "row", "rows"))
	}
	var losses []string
	for i, n := range lost {
		if n > 0 {
			losses = append(losses, fmt.Sprintf("%s %d", matrixScripts[i], n))
		}
	}
	if len(losses) > 0 {
		out.Verdict += " {bad Bad news,} in how many rows: " + strings.Join(losses, ", ") + "."
	}
	out.Verdict += fmt.Sprintf(" A cookie that was logged out opened its session again in %d of this engine's %d rows and in %d of plain gorilla's %d.",
		reopened[true], engines, reopened[false], tried-engines)
	if len(missing) > 0 {
		out.Verdict += " {bad Nothing is known} of these, since their store does not answer: " + strings.Join(missing, "; ") + "."
	}
	return out
}
