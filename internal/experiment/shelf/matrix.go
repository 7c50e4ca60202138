package shelf

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var matrix = experiment.Experiment{
	Slug: "matrix", Section: together,
	Slow: true,
	Run:  runMatrix,
}

// matrixScripts are the grid's columns, in the order in which they are run.
var matrixScripts = []string{"set", "copied cookie", "two tabs", "edited cookie", "old cookie after logout", "restart", "old cookie after expiry"}

const copiedCookie = 1 // among them: neither good nor bad news

// matrixRow is what the scripts run over, and what came of it.
type matrixRow struct {
	name  string
	set   experiment.Settings
	tried bool
	cells []string
	good  bool // every script came out as it should

	kept          string               // the cookie from before the logout
	after, reborn *experiment.Exchange // its replay after the logout, and after a restart too, if that was tried
}

func runMatrix(r *experiment.Run) experiment.Outcome {
	var rows []*matrixRow
	for _, p := range []session.Placement{session.InCookie, session.Hybrid, session.OnServer} {
		for _, store := range []struct{ name, label string }{{"memory", "memory"}, {"sqlite", "SQLite"}, {"redis", "Redis"}} {
			rows = append(rows, &matrixRow{name: p.String() + ", " + store.label, set: experiment.Settings{Placement: p, Store: store.name, Idle: time.Hour}})
		}
	}
	secret := session.NewSecret()
	rows = append(rows,
		&matrixRow{name: "gorilla CookieStore", set: experiment.Settings{Twin: holdingTwin(func(func() string) sessions.Store { return sessions.NewCookieStore(secret) })}},
		&matrixRow{name: "gorilla FilesystemStore", set: experiment.Settings{Twin: holdingTwin(func(dir func() string) sessions.Store { return sessions.NewFilesystemStore(dir(), secret) })}},
	)
	missing := make(map[string]bool) // stores that do not answer
	for i, w := range rows {
		r.Step(i, len(rows), w.name)
		if missing[w.set.Store] {
			continue
		}
		var in *experiment.Instance
		err := r.Try(func() {
			in = r.Boot(w.set)
			w.run(r, in)
		})
		if in != nil { // it ends here, so that a store which is gone spoils its own row alone
			switch end := r.Try(in.Close); {
			case end == nil || err != nil:
			case w.outside():
				err = fmt.Errorf("%w: %w", experiment.ErrUnavailable, end)
			default:
				err = end
			}
		}
		switch w.tried = err == nil; {
		case errors.Is(err, experiment.ErrUnavailable):
			missing[w.set.Store] = true
		case err != nil:
			r.Fail(err)
		}
	}
	r.Step(len(rows), len(rows), "the grid")
	return matrixOf(rows)
}

// outside tells whether the store is another program, which can end at any time.
func (w *matrixRow) outside() bool { return w.set.Store == "redis" }

// run runs all scripts over w.
func (w *matrixRow) run(r *experiment.Run, in *experiment.Instance) {
	did := func(x *experiment.Exchange, what string) *experiment.Exchange {
		x.Note = w.name + ": " + what
		if x.Status == http.StatusServiceUnavailable && w.outside() {
			r.Fail(fmt.Errorf("%w: status %d", experiment.ErrUnavailable, x.Status))
		}
		return x
	}
	other := in.Client("another browser")
	replay := func(cookie, what string) *experiment.Exchange {
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
	refused := func(x *experiment.Exchange, fine, not string) {
		if x.Status >= 400 {
			fine, not = "", fmt.Sprintf("status %d", x.Status)
		}
		cell(x.Status < 400 && !x.Answer().Found, fine, not)
	}

	ru := rushIn(r, in, "Graz", "lentils")
	for _, x := range []*experiment.Exchange{ru.born, ru.one, ru.two} {
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
func matrixOf(rows []*matrixRow) experiment.Outcome {
	grid := experiment.Table{Caption: "Values, store: what came of each script", Head: append([]string{"row"}, matrixScripts...)}
	lost := make([]int, len(matrixScripts))
	reopened := make(map[bool]int) // by whether it is the engine's
	tried, engines := 0, 0
	var good, missing []string
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost}
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
			out.Pair = []experiment.Shot{w.after.Shot(w.name+", after the logout", w.kept)}
			if w.reborn != nil {
				out.Pair = append(out.Pair, w.reborn.Shot("The same after a restart", w.kept))
			}
		}
	}
	out.Tables = []experiment.Table{grid}

	// only tells whether the good rows are those that want names.
	only := func(want func(experiment.Settings) bool) bool {
		return len(good) > 0 && !slices.ContainsFunc(rows, func(w *matrixRow) bool { return w.tried && w.good != want(w.set) })
	}
	switch {
	case only(func(s experiment.Settings) bool { return s.Placement == session.InCookie }):
		out.Happened = "cookie"
	case only(func(s experiment.Settings) bool { return s.Placement == session.OnServer && s.Store != "memory" }):
		out.Happened = "lasting-server"
	case only(func(s experiment.Settings) bool { return s.Twin == nil }):
		out.Happened = "this-engine"
	case len(good) == 0:
		out.Happened = "no-row"
	}
	if len(good) > 0 {
		out.Tone = experiment.Held
		out.Verdict = fmt.Sprintf("{ok Of %d rows %s through all scripts:} %s.", tried, experiment.Count(len(good), "comes", "come"), strings.Join(good, "; "))
	} else {
		out.Verdict = fmt.Sprintf("{bad Not one of %s} comes through all scripts.", experiment.Count(tried, "row", "rows"))
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
