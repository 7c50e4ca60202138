package show

import (
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// Timeline is what happened in a visit. at is the moment on the screen, 0 for now. seen is
// the last moment that the page has already, 0 when it has none. When one moment is new, only
// that entry gets words.
func Timeline(t hub.Timeline, at, seen int) views.Timeline {
	out := views.Timeline{Since: say.Clock(t.Began), Dropped: t.Dropped, Shown: at}
	n := len(t.Entries)
	if n == 0 {
		return out
	}
	if n > 1 && at == 0 && seen > 0 && seen == t.Entries[n-2].N {
		out.Next, out.Gone = true, t.Gone
		out.Entries = make([]views.Entry, 0, 1)
	} else {
		out.Entries = make([]views.Entry, 0, n)
	}
	session := "" // of this browser, before the entry
	for i, e := range t.Entries {
		if !out.Next || i == n-1 {
			out.Entries = append(out.Entries, entry(e, session))
		}
		if e.Kin == "" && e.Gist.Session != "" {
			session = e.Gist.Session
		}
	}
	newest, told := t.Entries[n-1], out.Entries[len(out.Entries)-1]
	if (newest.Kin != "" || newest.Gist.Nothing) && (newest.Gist.Wrote || told.By == hub.TheClock) {
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
	return out
}
