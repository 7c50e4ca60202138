package app

import (
	"net/http"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// plant is POST /plant: it sets a harmless cookie that scripts can read, or with the field
// "off" deletes it. It is the control beside the session cookie, which scripts cannot read.
func (a *App) plant(c *call) (out outcome, err error) {
	there := c.form.Get("off") == ""
	cookie := c.ownCookie(seat.Readable)
	cookie.Value = "scripts-can-read-this"
	if !there {
		cookie.Value, cookie.MaxAge = "", -1
	}
	out.cookies = append(out.cookies, cookie)
	out.kept.Planted = &there
	out.did = trace.Did{Op: "plant", Cookie: cookie.Name, Away: !there}
	return out, nil
}

// ownCookie returns a cookie of that kind on this side of the lab, without a value: it has the
// session cookie's path, and Secure where that has it. Scripts may read the readable one.
func (c *call) ownCookie(kind seat.Kind) *http.Cookie {
	cookie := c.session.Info().Attributes
	cookie.Name, cookie.Value, cookie.HttpOnly = c.seat.Cookie(kind), "", kind != seat.Readable
	return cookie
}
