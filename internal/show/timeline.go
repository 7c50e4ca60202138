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
	out := views.Timeline{Since: say.Clock(t.Began), Dropped: t.Dropped, Shown: at, Entries: make([]views.Entry, len(t.Entries))}
	if at == 0 {
		out.Seen = seen
	}
	session := "" // of this browser, before the entry
	for i, e := range t.Entries {
		out.Entries[i] = views.Entry{N: e.N}
		if last := i == len(t.Entries)-1; last || seen == 0 || seen != t.Entries[len(t.Entries)-1].N-1 {
			entry(&out.Entries[i], e, session)
			if out.News = ""; (e.Kin != "" || e.Gist.Nothing) && (e.Gist.Wrote || out.Entries[i].By == hub.TheClock) {
				out.News = out.Entries[i].By + ": " + out.Entries[i].Verb + " " + out.Entries[i].What
			}
		}
		if e.Kin == "" && e.Gist.Session != "" {
			session = e.Gist.Session
		}
	}
	return out
}

// entry puts the words of a moment into out. before is the session that this browser had.
func entry(out *views.Entry, e hub.Line, before string) {
	g := e.Gist
	out.At, out.Session, out.By = g.At.Local().Format("15:04:05"), g.Session, g.By
	out.Verb, out.What, out.Tone = say.Summary(*g)
	out.NewID = g.Session != "" && e.Kin == "" && g.Session != before
	if e.Kin != "" {
		out.By = e.Kin
	}
}
