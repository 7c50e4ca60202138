package app

import (
	"context"
	"net/http"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// eyes tells which cookies of side s a request may not see: those that open a session
// still, unless this very request carries the cookie, or another of that session, or its
// answer sets it. Whoever has a page's proof and not its cookies must not get a session by
// looking at what the page saw.
func (a *App) eyes(c *call, s *seat.Seat) func(cookie string) bool {
	own := (*session.Cookie)(nil)
	known := make(map[string]bool)
	if c.seat == s {
		for pair := range session.Pairs(c.Request().Header) {
			if pair.Name == s.Engine.CookieName() {
				known[pair.Value] = true
			}
		}
		if c.session != nil && c.session.Exists() { // a cookie that opens nothing any more proves nothing
			own = c.session.Info().Cookie
			known[own.Value] = true
		}
		if c.x != nil && c.x.Cookie.Put { // its answer gives the browser that one
			known[c.x.Cookie.Kept] = true
		}
	}
	return func(cookie string) bool { return !known[cookie] && opensAnother(c.ctx(), s, cookie, own) }
}

// opensAnother tells whether a cookie's value opens a session on the side of s that is
// another than own's.
func opensAnother(ctx context.Context, s *seat.Seat, value string, own *session.Cookie) bool {
	found, err := open(ctx, s, value)
	if err != nil {
		return true // nobody knows
	}
	if found.Exists() {
		return own == nil || own.RecordKey() != found.Info().Cookie.RecordKey()
	}
	// It opens nothing as it stands, but it may be a live one with a letter changed.
	l, _ := session.Peel(value)
	e, ok := l.Envelope()
	key := session.KeyOf(e.ID)
	if !ok || own != nil && own.RecordKey() == key {
		return false
	}
	peeked, err := s.Engine.Peek(ctx, key)
	return err != nil || peeked.State == session.StateLive && found.Verdict() == session.VerdictForged
}

// open returns the session that a cookie's value opens on the side of s. It tells no
// event, and nothing is committed.
func open(ctx context.Context, s *seat.Seat, value string) (*session.Session, error) {
	quiet := &call{seat: s, added: true}
	quiet.scope = scope{Context: context.WithoutCancel(ctx), call: quiet}
	return s.Engine.Load((&http.Request{Header: http.Header{"Cookie": {s.Engine.CookieName() + "=" + value}}}).WithContext(&quiet.scope))
}

// see returns an exchange of side s as this request may see it.
func (a *App) see(c *call, s *seat.Seat, x trace.Exchange) trace.Seen { return x.Seen(a.eyes(c, s)) }
