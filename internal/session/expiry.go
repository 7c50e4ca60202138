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
