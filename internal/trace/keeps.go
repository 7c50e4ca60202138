package trace

import (
	"net"
	"net/http"
	"strings"
)

// Relabel notes the label that a visit saw set for the cookie that the browser keeps, if the answer
// itself set none.
func (x *Exchange) Relabel(of func(cookie string) (Label, bool)) {
	c := &x.Cookie
	if of == nil || c.Kept == "" || len(c.Kept) < c.Bytes || !c.Label.SetAt.IsZero() {
		return
	}
	if label, known := of(c.Kept); known {
		c.Label = label
	}
}

// keepsSecure tells whether a browser keeps a cookie with Secure that the answer to r sets: over
// https, and over plain http from its own machine. (Safari does not keep the latter.)
func keepsSecure(r *http.Request) bool {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	ip := net.ParseIP(host)
	return r.TLS != nil || host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
