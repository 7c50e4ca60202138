package show

import (
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// The panel would claim a Max-Age that nobody saw, forget one that the browser keeps, or promise
// more than the 400 days that browsers allow.
func TestFlags(t *testing.T) {
	t.Parallel()
	at := noon()
	until := func(seconds int) string { return say.Clock(at.Add(time.Duration(seconds) * time.Second)) }
	const unseen, seenAt = "This page did not see this cookie being set", "The attributes of the Set-Cookie line of "
	for _, test := range []struct {
		name             string
		label            trace.Label
		chip, means, how string
	}{
		{"not seen", trace.Label{MaxAge: 0, BrowserClose: true}, "", "", unseen},
		{"seen", trace.Label{SetAt: at, MaxAge: 28800}, "Max-Age=28800", "The browser drops it 28,800 seconds after it was set, at " + until(28800) + ". It is only a label: the server decides for itself", seenAt},
		{"seen without Max-Age", trace.Label{SetAt: at}, "no Max-Age", "The browser drops it on closing", seenAt},
		{"400 days", trace.Label{SetAt: at, MaxAge: 34560000}, "Max-Age=34560000", "The browser drops it 34,560,000 seconds after it was set, at " + until(34560000) + ". It is only a label: the server decides for itself", seenAt},
		{"ten years", trace.Label{SetAt: at, MaxAge: 315360000}, "Max-Age=315360000", "The browser drops it at " + until(34560000) + " at the latest: RFC 6265bis caps Max-Age at 400 days, which are 34,560,000 seconds, and this one asks for 315,360,000. It is only a label: the server decides for itself", seenAt},
	} {
		chip, means := "", ""
		for _, f := range flags(test.label) {
			if strings.Contains(f.Text, "Max-Age") {
				chip, means = f.Text, f.Title
			}
		}
		if how := labelFrom(test.label); chip != test.chip || means != test.means || !strings.Contains(how, test.how) {
			t.Errorf("%s: %q means %q, known %q; want %q, %q, %q", test.name, chip, means, how, test.chip, test.means, test.how)
		}
	}
	// Safari differs from the others on its own machine: neither of the two words may hide it.
	for _, secure := range []bool{false, true} {
		for _, f := range flags(trace.Label{Secure: secure}) {
			if f.Text == "Secure" && (f.Off == secure || !strings.Contains(f.Title, "Chromium and Firefox keep it, and Safari does not")) {
				t.Errorf("secure %v: %+v", secure, f)
			}
		}
	}
}

// The panel would show a Secure cookie as kept that the browser throws away.
func TestSecureCookieOverPlainHTTP(t *testing.T) {
	t.Parallel()
	for host, keeps := range map[string]bool{
		"192.168.77.1:8080": false, "lab.example": false, "[2001:db8::1]:8080": false, "0.0.0.0:8080": false, "localhost.example:8080": false,
		"localhost:8080": true, "127.0.0.1:8080": true, "127.9.9.9": true, "[::1]:8080": true, "a.localhost": true, "LOCALHOST": true,
	} {
		l := newLabOf(t, session.Hybrid, true)
		l.host = host
		b := Browser(l.sets("name", "1"), noon(), true)
		if (b.Raw != "") != keeps || (b.Empty != "") == keeps || (len(b.Flags) > 0) != keeps {
			t.Errorf("%s: the panel shows %q %q with %d attributes, want it kept: %v", host, b.Raw, b.Empty, len(b.Flags), keeps)
		}
		if !keeps && !strings.Contains(b.Empty, "A browser drops that cookie without a word") {
			t.Errorf("%s: it says %q", host, b.Empty)
		}
		// A cookie that came stays, and is not replaced by one that is thrown away.
		l.host = "localhost"
		came := flip(l.sets("name", "1").Cookie.Kept)
		l.cookie, l.host = came, host
		if b = Browser(l.sets("name", "2"), noon(), true); !keeps && (b.Raw != came || !strings.Contains(b.Note, "keeps the cookie that came")) {
			t.Errorf("%s: with another cookie: %q %q", host, b.Raw, b.Note)
		}
	}
}
