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

const copiedCookie = 1 // the script whose cells are neither good nor bad news

// matrixRow is what the scripts run over, and what came of it.
type matrixRow struct {
	name  string
	set   experiment.Settings
	tried bool
	lacks error // why it was not tried
	cells []string
	good  bool // every script came out as it should

	r             *experiment.Run
	other         *experiment.Client
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
	missing := make(map[string]error) // stores that cannot be had, and why
	for i, w := range rows {
		r.Step(i, len(rows), w.name)
		if w.lacks = missing[w.set.Store]; w.lacks != nil {
			continue
		}
		var in *experiment.Instance
		err := r.Try(func() {
			in = r.Boot(w.set)
			w.run(r, in)
		})
		if in != nil { // it ends here, so that a store which is gone spoils only its own row
			switch end := r.Try(in.Close); {
			case end == nil || err != nil:
			case w.outside():
				err = fmt.Errorf("%w: %w", experiment.ErrUnavailable, end)
			default:
				err = end
			}
		}
		switch w.tried = err == nil; {
		case errors.Is(err, experiment.ErrUnavailable), errors.Is(err, experiment.ErrNoFolder):
			w.lacks, missing[w.set.Store] = err, err
		case err != nil:
			r.Fail(err)
		}
	}
	r.Step(len(rows), len(rows), "the grid")
	return matrixOf(rows)
}

// outside tells whether the store is another program, which can end at any time.
func (w *matrixRow) outside() bool { return w.set.Store == "redis" }

// did notes what x was for. It ends the row if the store is another program and has ended.
func (w *matrixRow) did(x *experiment.Exchange, what string) *experiment.Exchange {
	x.Note = w.name + ": " + what
	if x.Status == http.StatusServiceUnavailable && w.outside() {
		w.r.Fail(fmt.Errorf("%w: status %d", experiment.ErrUnavailable, x.Status))
	}
	return x
}

// replay sends a cookie from another browser.
func (w *matrixRow) replay(cookie, what string) *experiment.Exchange {
	w.other.Put(cookie)
	return w.did(w.other.Get("/get", "key", "name"), what)
}

// cell notes what came of a script.
func (w *matrixRow) cell(good bool, fine, not string) {
	if good {
		w.cells = append(w.cells, "{ok "+fine+"}")
	} else {
		w.cells = append(w.cells, "{bad "+not+"}")
	}
}

// refused notes whether the cookie that x carried opened nothing, as it should.
func (w *matrixRow) refused(x *experiment.Exchange, fine, not string) {
	if x.Status >= 400 {
		fine, not = "", fmt.Sprintf("status %d", x.Status)
	}
	w.cell(x.Status < 400 && !x.Answer().Found, fine, not)
}

// run runs all scripts over w.
func (w *matrixRow) run(r *experiment.Run, in *experiment.Instance) {
	w.r, w.other = r, in.Client("another browser")
	ru := rushIn(r, in, "Graz", "lentils")
	for _, x := range []*experiment.Exchange{ru.born, ru.one, ru.two} {
		w.did(x, x.Note)
	}
	w.kept = ru.tab.Cookie()
	if w.kept == "" {
		w.cells = slices.Repeat([]string{"{bad no cookie}"}, len(matrixScripts))
		return
	}
	w.writeAndCopy(ru)
	w.refused(w.replay(w.other.Tamper(w.kept, "signature", "", 0), "sends the cookie with its signature changed"), "refused", "believed")
	w.did(ru.tab.Post("/logout"), "logs out")
	w.after = w.replay(w.kept, "sends the cookie from before the logout")
	owner := in.Client("Mina's browser")
	w.restart(in, owner)
	w.expire(r, in, owner)
	w.good = true
	for i, text := range w.cells {
		w.good = w.good && (i == copiedCookie || strings.HasPrefix(text, "{ok "))
	}
}

// writeAndCopy notes whether the session has what was written, whether a copy of its
// cookie opens it, and what the two tabs lost. The copy reads for the owner: one request
// answers three questions, unless it is refused.
func (w *matrixRow) writeAndCopy(ru rush) {
	w.other.Put(w.kept)
	keys := w.did(w.other.Get("/keys"), "lists the keys with a copy of the cookie").Answer().Keys
	copied := "opens"
	if !slices.Contains(keys, "name") {
		copied = "refused"
		keys = w.did(ru.tab.Get("/keys"), "lists the keys with the cookie").Answer().Keys
	}
	w.cell(slices.Contains(keys, "name"), "kept", "lost")
	w.cells = append(w.cells, copied)
	lost := 2 - countTrue(slices.Contains(keys, "city"), slices.Contains(keys, "food"))
	if ru.atOnce {
		w.cell(lost == 0, "both kept", fmt.Sprintf("%d of 2 lost", lost))
	} else {
		w.cell(false, "", "not at once")
	}
}

// restart restarts the server with the same secret. It notes whether the cookie from
// before the logout is dead, and whether another session lives on.
func (w *matrixRow) restart(in *experiment.Instance, owner *experiment.Client) {
	w.did(owner.Set("name", "Mina"), "begins another session")
	in.Restart(nil)
	survived := w.did(owner.Get("/get", "key", "name"), "reads it after a restart with the same secret").Answer().Found
	dead, opens := w.after, "opens again"
	// Where the cookie carries every value, nothing but the store's memory of dead
	// IDs keeps it from opening.
	if w.set.Placement == session.InCookie && !w.after.Answer().Found {
		w.reborn = w.replay(w.kept, "sends the cookie from before the logout, after a restart")
		dead, opens = w.reborn, "opens after a restart"
	}
	w.refused(dead, "dead", opens)
	w.cell(survived, "kept", "lost")
	if !survived {
		w.did(owner.Set("name", "Mina"), "begins again after the restart")
	}
}

// expire notes whether a cookie whose time is up is refused.
func (w *matrixRow) expire(r *experiment.Run, in *experiment.Instance, owner *experiment.Client) {
	if w.set.Twin != nil {
		w.did(owner.Post("/expiry"), "sets the expiry to one second")
	}
	kept := owner.Cookie()
	if w.set.Twin != nil {
		r.Sleep(1100 * time.Millisecond) // gorilla's clock cannot be moved
	} else {
		in.Move(w.set.Idle + time.Second)
	}
	w.refused(w.replay(kept, "sends the cookie whose time is up"), "refused", "still opens")
}

// matrixOf is the grid, and what it says.
func matrixOf(rows []*matrixRow) experiment.Outcome {
	g := grid{rows: rows, reopened: make(map[bool]int), lost: make([]int, len(matrixScripts))}
	g.table = experiment.Table{Caption: "Values, store: what came of each script", Head: append([]string{"row"}, matrixScripts...)}
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost}
	for _, w := range rows {
		if g.add(w); w.opened() && out.Decisive == nil {
			out.Decisive, out.Mark = w.lastReplay(), `"found":true`
			out.Pair = []experiment.Shot{w.after.Shot(w.name+", after the logout", w.kept)}
			if w.reborn != nil {
				out.Pair = append(out.Pair, w.reborn.Shot("The same after a restart", w.kept))
			}
		}
	}
	out.Tables = []experiment.Table{g.table}
	g.judge(&out)
	return out
}

// lastReplay is the last time that the cookie from before the logout was sent; nil for
// never.
func (w *matrixRow) lastReplay() *experiment.Exchange {
	if w.reborn != nil {
		return w.reborn
	}
	return w.after
}

// opened tells whether the cookie from before the logout opened its session again.
func (w *matrixRow) opened() bool {
	x := w.lastReplay()
	return w.tried && x != nil && x.Answer().Found
}

// grid is what came of all rows.
type grid struct {
	rows           []*matrixRow
	table          experiment.Table
	lost           []int        // bad news, by script
	reopened       map[bool]int // rows whose logged-out cookie opened again, by whether they are the engine's
	tried, engines int          // rows that were tried, and how many of them are the engine's
	good, missing  []string     // rows that came through all scripts, and those without a store
	folderless     []string     // rows without a folder for the files of their store
	lasting        bool         // a row with the values on the server, in a store that outlives the program, was tried
}

// add counts a row.
func (g *grid) add(w *matrixRow) {
	if !w.tried {
		_, store, _ := strings.Cut(w.name, ", ")
		why := "{bad no " + store + " answers}"
		if errors.Is(w.lacks, experiment.ErrNoFolder) {
			why, g.folderless = "{bad no folder for its files}", append(g.folderless, w.name)
		} else {
			g.missing = append(g.missing, w.name)
		}
		g.table.Rows = append(g.table.Rows, append([]string{w.name, why}, slices.Repeat([]string{""}, len(matrixScripts)-1)...))
		return
	}
	g.tried++
	g.lasting = g.lasting || w.set.Placement == session.OnServer && w.set.Store != "memory"
	g.table.Rows = append(g.table.Rows, append([]string{w.name}, w.cells...))
	for i, text := range w.cells {
		if i != copiedCookie && !strings.HasPrefix(text, "{ok ") {
			g.lost[i]++
		}
	}
	if w.good {
		g.good = append(g.good, w.name)
	}
	engine := w.set.Twin == nil
	if engine {
		g.engines++
	}
	if w.opened() {
		g.reopened[engine]++
	}
}

// only tells whether the good rows are those that want names.
func (g *grid) only(want func(experiment.Settings) bool) bool {
	return len(g.good) > 0 && !slices.ContainsFunc(g.rows, func(w *matrixRow) bool { return w.tried && w.good != want(w.set) })
}

// judge says which rows came through all scripts, and what the others lost.
func (g *grid) judge(out *experiment.Outcome) {
	out.Undecided = !g.lasting
	switch {
	case out.Undecided:
	case g.only(func(s experiment.Settings) bool { return s.Placement == session.InCookie }):
		out.Happened = "cookie"
	case g.only(func(s experiment.Settings) bool { return s.Placement == session.OnServer && s.Store != "memory" }):
		out.Happened = "lasting-server"
	case g.only(func(s experiment.Settings) bool { return s.Twin == nil }):
		out.Happened = "this-engine"
	case len(g.good) == 0:
		out.Happened = "no-row"
	}
	if len(g.good) > 0 {
		out.Tone = experiment.Held
		out.Verdict = fmt.Sprintf("{ok Of %d rows %s through all scripts:} %s.", g.tried, experiment.Count(len(g.good), "comes", "come"), strings.Join(g.good, "; "))
	} else {
		out.Verdict = fmt.Sprintf("{bad Not one of %s} comes through all scripts.", experiment.Count(g.tried, "row", "rows"))
	}
	var losses []string
	for i, n := range g.lost {
		if n > 0 {
			losses = append(losses, fmt.Sprintf("%s %d", matrixScripts[i], n))
		}
	}
	if len(losses) > 0 {
		out.Verdict += " {bad Bad news,} in how many rows: " + strings.Join(losses, ", ") + "."
	}
	out.Verdict += fmt.Sprintf(" A cookie that was logged out opened its session again in %d of this engine's %d rows and in %d of plain gorilla's %d.",
		g.reopened[true], g.engines, g.reopened[false], g.tried-g.engines)
	if len(g.missing) > 0 {
		out.Verdict += " {bad Nothing is known} of these rows, since their store does not answer: " + strings.Join(g.missing, "; ") + "."
	}
	if len(g.folderless) > 0 {
		out.Verdict += " {bad Nothing is known} of these rows, since their store keeps files and no folder can be made for them: " + strings.Join(g.folderless, "; ") + "."
	}
	if out.Undecided {
		out.Verdict += " So this run decides nothing: no row with the values on the server, in a store that outlives the program, could be tried."
	}
}
