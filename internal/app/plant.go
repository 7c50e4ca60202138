package app

import (
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// plant is POST /plant: it sets a harmless cookie that scripts can read, or with the field
// "off" deletes it. It is the control beside the session cookie, which scripts cannot read.
func (a *App) plant(c *call) (out outcome, err error) {
	there := c.form.Get("off") == ""
	cookie := c.session.Info().Attributes // with the same path, and Secure where the session's is
	cookie.Name, cookie.Value, cookie.HttpOnly = c.seat.Cookie(seat.Readable), "scripts-can-read-this", false
	if !there {
		cookie.Value, cookie.MaxAge = "", -1
	}
	out.cookies = append(out.cookies, cookie)
	out.kept.Planted = &there
	out.did = trace.Did{Op: "plant", Cookie: cookie.Name, Away: !there}
	return out, nil
}
