package show

import (
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// Timeline is what happened in a visit. at is the moment on the screen, 0 for now.
func Timeline(t hub.Timeline, at int) views.Timeline {
	out := views.Timeline{Since: say.Clock(t.Began), Dropped: t.Dropped, Shown: at}
	last := ""
	for _, e := range t.Entries {
		g := e.Gist
		verb, what, tone := say.Summary(*g)
		by := g.By
		if e.Kin != "" {
			by = e.Kin
		}
		out.Entries = append(out.Entries, views.Entry{
			N: e.N, At: g.At.Local().Format("15:04:05"), Verb: verb, What: what, Tone: tone, Session: g.Session,
			NewID: g.Session != "" && e.Kin == "" && g.Session != last, By: by,
		})
		if e.Kin == "" && g.Session != "" {
			last = g.Session
		}
		out.News = ""
		if (e.Kin != "" || g.Nothing) && (g.Wrote || by == hub.TheClock) {
			out.News = by + ": " + verb + " " + what
		}
	}
	return out
}
