package show

import (
	"fmt"
	"strconv"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// maxChanges is how many rows of changes a page shows. One more row counts the others.
const maxChanges = 9

// Moment is what the bar above the panels says. panels is the exchange in the browser's and
// the server's panel, wire the exchange between them. They differ after a press that sent a
// copy: then the panels show this browser, for which nothing changed. The caller, who knows
// the visit, fills in whether the moment is past, its words and its neighbours.
func Moment(panels, wire trace.Seen) views.Moment {
	m := views.Moment{N: wire.N, Unknown: wire.Beside.Unknown}
	switch {
	case copied(panels):
		m.Aside, m.Unknown = panels.By, false
	case copied(wire): // the press itself came from this browser, perhaps with another cookie than before
		m.First, m.Changes = panels.Beside.First, Changes(panels.Beside.Changes)
	default:
		m.First, m.Changes = wire.Beside.First, Changes(wire.Beside.Changes)
	}
	return m
}

// Changes says what differs from before. A difference that looks the same on a page is left
// out: an expiry that moved by less than a second.
func Changes(changes []trace.Change) (out []views.Change) {
	for _, c := range changes {
		if v := change(c); v.Was != v.Is {
			out = append(out, v)
		}
	}
	if more := len(out) - maxChanges; more > 0 {
		out = append(out[:maxChanges], views.Change{What: "and", Is: fmt.Sprintf("%d more", more)})
	}
	return out
}

func change(c trace.Change) views.Change {
	was, is := c.Was, c.Is
	switch c.What {
	case trace.OfCookie:
		return views.Change{Kind: "cookie", What: "cookie", Was: orNone(was.There, size(was)), Is: orNone(is.There, size(is)+hows[c.How])}
	case trace.OfReadable:
		return views.Change{Kind: "cookie", What: "readable cookie", Was: orNone(was.There, "there"), Is: orNone(is.There, "there")}
	case trace.OfID:
		return idChange(c)
	case trace.OfVersion:
		return views.Change{Kind: "server", What: "version", Was: strconv.Itoa(was.Number), Is: strconv.Itoa(is.Number)}
	case trace.OfExpiry:
		return views.Change{Kind: "server", What: "expires", Was: say.Clock(was.At), Is: say.Clock(is.At)}
	case trace.OfValue:
		return valueChange(c)
	case trace.OfLive:
		return counted("live records", c)
	case trace.OfExpired:
		return counted("expired, not cleared", c)
	case trace.OfLeft:
		return views.Change{Kind: "server", What: "the old record " + is.Text, Is: fmt.Sprintf("is still in the store, v%d; no cookie of this browser opens it", is.Number)}
	}
	return views.Change{}
}

// idChange is a change of the session's ID. With placement cookie the server never had a
// record of it.
func idChange(c trace.Change) views.Change {
	v := views.Change{Kind: "server", What: "session ID, hashed", Was: orNone(c.Was.There, c.Was.Text), Is: orNone(c.Is.There, c.Is.Text)}
	switch {
	case c.How == trace.WentAlong:
		v.Kind, v.Is = "cookie", "gone with the cookie"
	case c.How == trace.InCookie && !c.Is.There:
		v.Kind, v.Is = "cookie", "in a cookie that opens nothing"
	case c.How == trace.InCookie:
		v.Kind, v.Is = "cookie", v.Is+" in the cookie, in no record"
	}
	return v
}

// hows say how a cookie differs from the one before.
var hows = map[trace.How]string{trace.AnotherID: ", of another ID", trace.Signed: ", signed again", trace.Another: ", another cookie"}

func size(s trace.State) string { return say.Number(s.Number) + " bytes" }

func orNone(there bool, text string) string {
	if there {
		return text
	}
	return "none"
}

// counted is a change of how many records the store counts.
func counted(what string, c trace.Change) views.Change {
	return views.Change{Kind: "server", What: what, Was: say.Number(c.Was.Number), Is: say.Number(c.Is.Number)}
}

// valueChange is a change of a key's value, or of where it lives. Key and values come
// from a visitor.
func valueChange(c trace.Change) views.Change {
	was, is := c.Was, c.Is
	v := views.Change{Kind: "cookie", What: say.Shown(c.Key, maxLine), Was: "missing", Is: "missing", Secret: true}
	if is.There && is.Value.OnServer || !is.There && was.Value.OnServer {
		v.Kind = "server"
	}
	if was.There {
		v.Was = short(was.Value)
	}
	if is.There {
		v.Is = short(is.Value)
	}
	switch {
	case c.How == trace.Moved:
		v.Was, v.Is = where(was.Value.OnServer), where(is.Value.OnServer)
	case c.How == trace.Alike || v.Was == v.Is:
		v.Is = "another value that begins alike"
	}
	return v
}

// short is a value within a line.
func short(v trace.Value) string { return say.ShownText(v.Text, 60) }
