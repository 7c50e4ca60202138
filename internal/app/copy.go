package app

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// tamper is POST /tamper: the server's own client sends a copy of this browser's cookie in
// which one part is changed.
func (a *App) tamper(c *call) (out outcome, err error) {
	out.did.Op = "tamper"
	value := c.kept()
	if value == "" {
		return out, nil
	}
	part, err := field(c.form, "part")
	if err != nil {
		return out, err
	}
	at := (len(value) + 1) / 2
	if text := c.form.Get("at"); text != "" && part == "letter" {
		if at, err = strconv.Atoi(text); err != nil {
			return out, &session.InputError{Field: "at", Text: fmt.Sprintf("The position is a number from 1 to %d, counted in the value as it is sent.", len(value))}
		}
	}
	changed, err := session.Tamper(value, part, c.form.Get("to"), at)
	if err != nil {
		return out, err
	}
	out.did.How, out.did.Same = part, changed == value
	if part == "letter" {
		d := session.Differ(value, changed)
		out.did.Letter = trace.Letter{At: at, Was: value[at-1 : at], Now: changed[at-1 : at], Part: d.Part, In: d.In}
	}
	return out, a.sendCopy(c, &out, value, changed)
}

// pinCookie is POST /pin: a copy of this browser's cookie is kept in the visit.
func (a *App) pinCookie(c *call) (out outcome, err error) {
	v := a.visitOf(c)
	if v == nil {
		return out, c.noVisit(errNoVisit("A pin"))
	}
	name, value := c.session.ID(), c.kept()
	if (&http.Cookie{Name: "pin", Value: value}).Valid() != nil || len(c.seat.Engine.CookieName())+len(value) > session.MaxCookieBytes {
		return out, &problem{status: http.StatusUnprocessableEntity, detail: "No server could have sent the cookie that came: it is too large, or has letters that a cookie cannot have. Nothing was kept."}
	}
	out.did.Op = "pin"
	if value == "" {
		return out, nil
	}
	info := c.session.Info()
	if name == "" && info.Cookie != nil {
		name = info.Cookie.RecordKey().Name().String()
	}
	owner := c.owner("")
	if owner == "" { // the answer gives the browser a pins cookie: only who sends it gets the pin
		owner = rand.Text()
		cookie := c.ownCookie(seat.Pins)
		cookie.Value, cookie.MaxAge = owner, 0
		out.owner, out.cookies = owner, append(out.cookies, cookie)
	}
	out.did.PinnedAt = c.now()
	out.did.Pin = v.Pin(hub.Pin{Owner: owner, Value: value, Name: name, At: out.did.PinnedAt})
	return out, nil
}

// errNoVisit refuses a request that proves no visit. what names the thing that needs one.
func errNoVisit(what string) error {
	return &problem{status: http.StatusBadRequest, detail: what + ` belongs to a visit: send the visit's secret along, as the page's field "page" does.`}
}

// owner returns the pins cookie of this request: it says whose pins the request may use, and
// is "" if it may use none. named is the cookie that the answer sets; it goes before the cookie
// that came.
func (c *call) owner(named string) string {
	if named != "" {
		return named
	}
	if value, _ := c.cookie(c.seat.Cookie(seat.Pins)); len(value) == pageIDLen {
		return value
	}
	return ""
}

// pinOf returns the pin whose number the form gives, if it is this browser's.
func (a *App) pinOf(c *call) (hub.Pin, error) {
	n, err := strconv.Atoi(c.form.Get("pin"))
	switch {
	case c.visit == nil:
		return hub.Pin{}, errNoVisit("A pin")
	case err != nil:
		return hub.Pin{}, &problem{status: http.StatusBadRequest, detail: `The form names no pin: send the number of a pin in the field "pin".`}
	}
	for _, p := range c.visit.Pins(c.owner("")) {
		if p.N == n && p.Owner != "" {
			return p, nil
		}
	}
	return hub.Pin{}, &problem{status: http.StatusNotFound, detail: fmt.Sprintf("This browser has no pin of that number: a visit keeps its last %d pins.", hub.MaxPins)}
}

// replay is POST /replay: a pinned cookie is sent by the server's own client.
func (a *App) replay(c *call) (out outcome, err error) {
	pin, err := a.pinOf(c)
	if err != nil {
		return out, err
	}
	out.did = trace.Did{Op: "replay", PinnedAt: pin.At, Pin: pin.N}
	return out, a.sendCopy(c, &out, pin.Value, pin.Value)
}

// dropCookie is POST /drop-cookie: it deletes the browser's session cookie. The server's
// record stays.
func (a *App) dropCookie(c *call) (out outcome, err error) {
	out.did = trace.Did{Op: "drop-cookie", Before: c.session.ID(), Was: c.was(), Came: c.session.Verdict(), Learned: a.loses(c)}
	if v := c.visit; v != nil {
		if owner := c.owner(""); owner != "" {
			out.did.Pins = len(v.Pins(owner))
		}
	}
	if _, came := c.carried(); came { // an empty one too
		c.replace(&out, "", session.Info{})
	}
	return out, nil
}

// putBack is POST /put-back: a pinned copy becomes this browser's session cookie again. The
// answer shows at once which session it opens.
func (a *App) putBack(c *call) (out outcome, err error) {
	pin, err := a.pinOf(c)
	if err != nil {
		return out, err
	}
	found, err := open(c.ctx(), c.seat, pin.Value)
	if err != nil {
		return out, err
	}
	out.did = trace.Did{Op: "put-back", PinnedAt: pin.At, Was: c.was(), Came: c.session.Verdict()}
	c.replace(&out, pin.Value, found.Info())
	return out, nil
}

// replace sets the browser's session cookie to value, or deletes it if value is "". opens is
// the session behind value.
func (c *call) replace(out *outcome, value string, opens session.Info) {
	cookie := c.session.Info().Attributes
	cookie.Value, cookie.MaxAge = value, 0
	if value == "" {
		cookie.MaxAge = -1
	}
	opens.Attributes = cookie
	out.kept.Put, out.opened, out.discard = &value, &opens, true
	out.cookies = append(out.cookies, cookie)
}

// copied is the exchange in which the server's own client sent a copy of a cookie.
type copied struct {
	seen   trace.Seen   // as the press may see it
	packed trace.Packed // whole
	curl   string       // the request as a command
}

// sendCopy sends a request with value, a copy of the cookie source, and adds its exchange to
// out.
func (a *App) sendCopy(c *call, out *outcome, source, value string) error {
	sent, err := a.self.send(c, source, value, out.did)
	if err != nil {
		return &problem{status: http.StatusServiceUnavailable, cause: err, detail: "The server's own client got no answer to the copy. Nothing was changed."}
	}
	x := sent.x
	became := trace.Copy{Status: x.Status, Accepted: x.Session.Exists, Verdict: x.Cookie.Verdict}
	for _, ev := range x.Events {
		if ev.Kind == session.Refused || ev.Kind == session.Expired {
			became.Reason = ev.Reason
		}
	}
	out.did.Copy = &became
	out.copied = &copied{seen: a.see(c, c.seat, sent.x), packed: sent.x.Pack(), curl: command(c.seat, sent.url, value)}
	out.copied.seen.N, out.copied.seen.Beside, out.copied.seen.Past = sent.n, sent.beside, true
	return nil
}
