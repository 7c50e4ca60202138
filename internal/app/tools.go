package app

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// tools returns the page's controls for copies of its cookie.
func (a *App) tools(c *call, l screen) *views.Tools {
	cookie := l.panels.Cookie.Kept
	t := a.toolsOf(c.visit, cookie, l.owner)
	t.Curl, t.Carries, t.Invalid = l.curl, cookie != "", l.sentence.Field
	if form := c.submitted(); c.op() == "tamper" {
		t.To = form.Get("to")
		if at := form.Get("at"); at != "" {
			t.At = at
		}
		for i := range t.Tamper {
			t.Tamper[i].Chosen = t.Tamper[i].Name == form.Get("part")
		}
	}
	return t
}

// toolsOf returns the controls for copies of a cookie on the pages of v, which may be nil.
// Only the pins of owner are among them.
func (a *App) toolsOf(v *hub.Visit, cookie, owner string) *views.Tools {
	t := &views.Tools{MaxPins: hub.MaxPins}
	if cookie != "" {
		t.Letters, t.CanPin, t.At = len(cookie), v != nil, strconv.Itoa((len(cookie)+1)/2)
		t.Tamper = show.TamperOptions("")
	}
	if v == nil {
		return t
	}
	if owner != "" {
		for _, p := range v.Pins(owner) {
			t.Pins = append(t.Pins, views.Pin{N: p.N, Session: p.Name, At: say.Clock(p.At), Bytes: say.Bytes(len(v.Seat.Engine.CookieName()) + len(p.Value))})
		}
	}
	open, next := a.seats.Of(v.Family)
	if !v.Seat.IsFirst() {
		t.Opener = v.Seat.First().Base + "/"
		return t
	}
	t.Second = next
	for _, s := range open {
		t.Seats = append(t.Seats, s.Name)
	}
	return t
}

// curl returns this press as a command for curl, with the cookie that the browser has
// afterwards. It returns "" if the form is too long for a command line.
func (a *App) curl(c *call, seen trace.Seen) string {
	r := c.Request()
	target := "http://" + r.Host + c.seat.Base + r.URL.EscapedPath()
	if kept := withoutVisit(r.URL.RawQuery); kept != "" {
		target += "?" + kept
	}
	body := ""
	if c.op() == "check" { // whose form has a cookie that is perhaps another browser's
		return ""
	}
	if r.Method == http.MethodPost {
		body = withoutVisit(c.body)
		if len(body) > maxEchoed {
			return "" // too long for a command line that anybody would want
		}
		body = " \\\n  --data-raw " + quoted(body)
	}
	return command(c.seat, target, seen.Cookie.Kept) + body
}

// command returns a GET as a command for curl. cookie may be "".
func command(s *seat.Seat, target, cookie string) string {
	b := "curl -si " + quoted(target)
	if cookie != "" {
		b += " \\\n  -H " + quoted("Cookie: "+s.Engine.CookieName()+"="+cookie)
	}
	return b + " \\\n  -H 'Accept: application/json'"
}

// withoutVisit removes the fields that prove a visit from a form or a query: a command
// belongs to no page.
func withoutVisit(form string) string {
	var kept []string
	for field := range strings.SplitSeq(form, "&") {
		if name, _, _ := strings.Cut(field, "="); field != "" && !trace.OpensVisit(name) {
			kept = append(kept, field)
		}
	}
	return strings.Join(kept, "&")
}

// quoted returns s as one word for a POSIX shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
