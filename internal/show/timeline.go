package show

import (
	"fmt"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// Timeline is what happened in a visit. at is the moment on the screen, 0 for now.
func Timeline(t hub.Timeline, at int) views.Timeline {
	out := views.Timeline{Since: say.Clock(t.Began), Dropped: t.Dropped, Shown: at, Next: t.Next, Gone: t.Gone, Entries: make([]views.Entry, 0, len(t.Entries))}
	n := len(t.Entries)
	if n == 0 {
		return out
	}
	session := t.Session // of this browser, before the entry
	for _, e := range t.Entries {
		out.Entries = append(out.Entries, entry(e, session))
		if e.Kin == "" && e.Gist.Session != "" {
			session = e.Gist.Session
		}
	}
	newest, told := t.Entries[n-1], out.Entries[n-1]
	if (newest.Kin != "" || newest.Gist.Nothing) && (newest.Gist.Wrote || newest.Gist.By == hub.TheClock) {
		out.News = told.By + ": " + told.Verb + " " + told.What
	}
	return out
}

// entry is a moment in words. before is the session that this browser had before it.
func entry(e hub.Line, before string) (out views.Entry) {
	g := e.Gist
	out.N, out.At, out.Session, out.By = e.N, g.At.Local().Format("15:04:05"), g.Session, g.By
	out.Verb, out.What, out.Tone = say.Summary(*g)
	out.NewID = g.Session != "" && e.Kin == "" && g.Session != before
	if e.Kin != "" {
		out.By = e.Kin
	}
	out.Beside = e.Kin != "" || g.Nothing && (g.Aside || !g.Wrote)
	if e.Times > 1 {
		out.By = fmt.Sprintf("%s, %s times", out.By, say.Number(e.Times))
	}
	return out
}
