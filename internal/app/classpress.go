package app

import (
	"net/http"
	"strings"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
)

// pressed tells the board what a request of a seat did. It runs after each request, also after
// one that was refused.
//
// A request of the program's own clients is nobody's: no device of the seat sent it. What a
// second browser does is heard, and does not touch the session on the tile, which is the one
// of the seat's first browser. A stream ends long after it has loaded its session, so the end
// of a stream tells nothing. A seat that sends too much is not heard by what is refused. A request that
// was under way while something was done for everyone shows a session that is of before.
func (cl *class) pressed(c *call) {
	id := classroom.ID(c.seat.Class)
	if id == "" || c.from != nil || strings.HasSuffix(c.Path(), "/events") {
		return
	}
	if c.Response().Status != http.StatusTooManyRequests {
		if c.Request().Method == http.MethodPost {
			cl.roster.Use(id)
		}
		cl.board.Heard(id, deviceOf(c.Request()))
	}
	if c.seat.IsFirst() && c.session != nil {
		if p := pressOf(c); c.act == cl.survey.Number() {
			cl.board.Pressed(id, p)
		} else {
			cl.board.Acted(id, p)
		}
	}
	cl.sawSession(c)
}

// pressOf returns what the board is told of a request: what the engine has done and what the session
// is afterwards. Nothing of it is what the client says.
func pressOf(c *call) classroom.Press {
	value, _ := c.carried()
	p := classroom.Press{At: c.now(), Sent: value != "", Wrote: c.x.Wrote()}
	if op := c.op(); show.IsAct(op) {
		p.Op = op
	}
	for _, ev := range c.x.Events {
		switch ev.Kind {
		case session.Created:
			p.Born = true
		case session.Flushed:
			p.Ended = classroom.EndedFlushed
		case session.Expired:
			p.Ended = classroom.EndedExpired
		case session.Refused:
			p.Ended, p.Reason = endOfRefused(c.session, ev.Reason)
		}
	}
	if c.session.Exists() && !(p.Op == "drop-cookie" && c.Response().Status < http.StatusBadRequest) { // the browser drops that cookie
		describeSession(&p, c.session.Info())
	}
	return p
}

// endOfRefused returns how the session of a refused cookie has ended. A cookie that is merely
// stale opens its session, which has not ended.
func endOfRefused(s *session.Session, reason string) (ended, why string) {
	switch {
	case s.Verdict() == session.VerdictMoved:
		return classroom.EndedCycled, ""
	case s.Verdict() == session.VerdictStale, strings.HasPrefix(reason, "stale"):
		return "", ""
	}
	return classroom.EndedRefused, reason
}

// describeSession adds the session that the browser has afterwards.
func describeSession(p *classroom.Press, info session.Info) {
	p.Session, p.Expires, p.Keys = info.ID, info.Expires, len(info.Values)
	for _, v := range info.Values {
		p.Bytes += len(v.Value)
		if v.Lives == "server" {
			p.OnServer++
		} else {
			p.InCookie++
		}
	}
}
