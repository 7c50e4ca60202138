package session

import (
	"net/http"
	"time"
)

// Info is all that is known of a session, for people. It holds the session's
// short name, never its ID.
type Info struct {
	Exists       bool
	Verdict      Verdict
	ID           string
	Version      uint64
	Placement    Placement
	Created      time.Time
	Absolute     time.Time // its absolute end
	Expires      time.Time // the end of its idle clock, or of its own expiry: the earlier of all
	Expiry       Expiry
	BrowserClose bool
	Values       []Item
	Record       string       // the record's Data, as the store keeps it; "" with InCookie
	Cookie       *Cookie      // the browser's cookie, nil if none verified
	CookieBytes  int          // name plus value
	Attributes   *http.Cookie // as the server labels the cookie; MaxAge is for a session that exists
	Sent         *http.Cookie // what this request's answer sets, nil if nothing
}

// Item is one value of a session.
type Item struct {
	Key   string
	Value Value
	Lives string // "cookie" or "server"
}

// Info describes s as committed.
func (s *Session) Info() Info {
	info := Info{Exists: s.id != "", Verdict: s.verdict, Placement: s.base.placement, Cookie: s.cookie, CookieBytes: s.cookieBytes()}
	info.Attributes, info.Sent = s.e.header("", 0), s.set
	if !info.Exists {
		return info
	}
	info.ID, info.Version, info.Created, info.Expires = s.ID(), s.rec.Version, s.rec.Created, s.rec.Expires
	info.Absolute = s.rec.Created.Add(s.e.cfg.Lifetime)
	info.Expiry, info.BrowserClose = s.base.expiry, s.base.expiry.BrowserClose
	info.Record, info.Attributes.MaxAge = s.rec.Data, s.maxAge(s.e.Now())
	for _, e := range s.base.values {
		info.Values = append(info.Values, Item{e.key, e.Value, e.lives()})
	}
	return info
}
