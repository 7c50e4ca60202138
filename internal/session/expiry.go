package session

import (
	"fmt"
	"time"
)

// Expiry is a session's own expiry. The zero value is the engine's policy: the idle
// timeout after the last write. The absolute lifetime caps every expiry.
type Expiry struct {
	After        time.Duration // this long after the last write, in place of the idle timeout; if negative, at once
	At           time.Time     // at this instant, whatever is written before it
	BrowserClose bool          // by the policy on the server, and the browser drops the cookie when it closes
}

// String returns the form in which a record keeps x; parseExpiry reads it.
func (x Expiry) String() string {
	switch {
	case x.BrowserClose:
		return "browser-close"
	case !x.At.IsZero():
		return x.At.UTC().Format(time.RFC3339Nano)
	case x.After != 0:
		return x.After.String()
	}
	return ""
}

func parseExpiry(s string) (Expiry, error) {
	switch s {
	case "":
		return Expiry{}, nil
	case "browser-close":
		return Expiry{BrowserClose: true}, nil
	}
	if d, err := time.ParseDuration(s); err == nil {
		return Expiry{After: d}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return Expiry{}, fmt.Errorf("expiry %q is neither a duration nor a time", s)
	}
	return Expiry{At: at}, nil
}

// clocks returns when a session with the expiry x that is written now expires, and the
// end of its absolute lifetime.
func (e *Engine) clocks(created, now time.Time, x Expiry) (expires, absolute time.Time) {
	absolute = created.Add(e.cfg.Lifetime)
	switch {
	case !x.At.IsZero():
		expires = x.At.UTC().Truncate(time.Millisecond)
	case x.After != 0:
		expires = now.Add(x.After)
	default:
		expires = now.Add(e.cfg.IdleTimeout)
	}
	if expires.After(absolute) {
		expires = absolute
	}
	return expires, absolute
}

// maxAge returns the cookie's Max-Age in seconds: what is left of the session's own expiry
// or, without one, of its absolute lifetime. It returns 0, which means no Max-Age, for a
// session that ends with the browser.
func (s *Session) maxAge(now time.Time) int {
	until := s.rec.Created.Add(s.e.cfg.Lifetime)
	switch x := s.base.expiry; {
	case x.BrowserClose:
		return 0
	case s.e.cfg.Rolling && s.base.placement == Hybrid:
		// Reads move the record's clock without a new cookie, which must not end before it.
	case x.After != 0 || !x.At.IsZero():
		until = s.rec.Expires
	}
	return int((until.Sub(now) + time.Second - 1) / time.Second)
}
