package app

import (
	"context"
	"net/http"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// eyes returns a function that reports whether a cookie of side s must be hidden from this
// request. It hides each cookie that still opens a session, unless the request carries that
// cookie or another one of the same session, or its answer sets that cookie. Otherwise
// whoever proves a visit without its cookies could copy a live cookie off the page.
func (a *App) eyes(c *call, s *seat.Seat) func(cookie string) bool {
	own := (*session.Cookie)(nil)
	known := make(map[string]bool)
	if c.seat == s {
		for pair := range session.Pairs(c.Request().Header) {
			if pair.Name == s.Engine.CookieName() {
				known[pair.Value] = true
			}
		}
		if c.session != nil && c.session.Exists() { // a cookie that opens nothing is no proof of a session
			own = c.session.Info().Cookie
			known[own.Value] = true
		}
		if c.x != nil && c.x.Cookie.Put { // the answer sets that cookie
			known[c.x.Cookie.Kept] = true
		}
	}
	return func(cookie string) bool { return !known[cookie] && opensAnother(c.ctx(), s, cookie, own) }
}

// opensAnother reports whether a cookie's value opens a session on the side of s other than
// that of own, which may be nil. When the store does not answer it returns true.
func opensAnother(ctx context.Context, s *seat.Seat, value string, own *session.Cookie) bool {
	found, err := open(ctx, s, value)
	if err != nil {
		return true
	}
	if found.Exists() {
		return own == nil || own.RecordKey() != found.Info().Cookie.RecordKey()
	}
	// It opens nothing, but it may be a live cookie with one letter changed.
	l, _ := session.Peel(value)
	e, ok := l.Envelope()
	key := session.KeyOf(e.ID)
	if !ok || own != nil && own.RecordKey() == key {
		return false
	}
	peeked, err := s.Engine.Peek(ctx, key)
	return err != nil || peeked.State == session.StateLive && found.Verdict() == session.VerdictForged
}

// open loads the session that a cookie's value opens on the side of s. No visit is told, and
// nothing is committed.
func open(ctx context.Context, s *seat.Seat, value string) (*session.Session, error) {
	quiet := &call{seat: s, added: true}
	quiet.scope = scope{Context: context.WithoutCancel(ctx), call: quiet}
	return s.Engine.Load((&http.Request{Header: http.Header{"Cookie": {s.Engine.CookieName() + "=" + value}}}).WithContext(&quiet.scope))
}

// see returns an exchange of side s with the cookies hidden that this request may not see.
func (a *App) see(c *call, s *seat.Seat, x trace.Exchange) trace.Seen { return x.Seen(a.eyes(c, s)) }

// butOf returns hides for a page that pressed with the session of a short name: no cookie of
// that session is hidden from the page. The request of a stream carries the cookie that the
// browser had when the stream began, and presses have replaced it since. Cookies of other
// sessions stay hidden.
func butOf(name string, hides func(cookie string) bool) func(cookie string) bool {
	return func(cookie string) bool { return trace.SessionIn(cookie) != name && hides(cookie) }
}
