package session

import (
	"net/http"
	"time"
)

// Info describes a session for people to look at. It holds the session's short name,
// never the ID.
type Info struct {
	Exists       bool
	Verdict      Verdict
	ID           string // the short name
	Version      uint64
	Placement    Placement
	Created      time.Time
	Absolute     time.Time // the end of the absolute lifetime
	Expires      time.Time // when the session dies: by the idle clock or its own expiry, and never after Absolute
	Expiry       Expiry
	BrowserClose bool
	Values       []Item
	Record       string       // the record's Data, as the store keeps it; "" with InCookie
	Cookie       *Cookie      // the browser's cookie, nil if none verified
	CookieBytes  int          // the size of its name and value
	Attributes   *http.Cookie // the attributes that the server gives to the cookie; MaxAge only if the session exists
	Sent         *http.Cookie // the cookie that this request's answer sets, or nil
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
