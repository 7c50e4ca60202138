package shelf_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

const (
	overHTTP     = "secure-on-plain-http"
	secureCookie = "secure-session"
)

// A browser that keeps the cookie and a browser that drops it have outcomes of their own.
// Otherwise a learner is told that a browser did what it did not do.
func TestSecureOnPlainHTTP(t *testing.T) {
	v := openLive(t, overHTTP, nil)
	v.post("/set")
	v.post("/set", secureCookie)
	v.post("/set", secureCookie)
	v.end("kept", "The cookie came back with each of the 2 presses", "1 record")

	v = openLive(t, overHTTP, nil)
	for range 3 {
		v.post("/set")
	}
	v.end("dropped", "The cookie never came back", "3 records")

	v = openLive(t, overHTTP, nil)
	v.post("/set")
	v.end(experiment.None, "Press at least twice")
}

// A server that loses the session, or sets a cookie without Secure, is found out.
func TestSecureControls(t *testing.T) {
	v := openLive(t, overHTTP, cookieless)
	v.post("/set")
	v.post("/set", secureCookie)
	v.end(experiment.None, "The cookie came back with 1 of the 1 press after the first, and the server has 2 records")

	v = openLive(t, overHTTP, answering(func(_ *http.Request, w *httptest.ResponseRecorder) {
		lines := w.Header()["Set-Cookie"]
		for i := range lines {
			lines[i] = strings.ReplaceAll(lines[i], "; Secure", "")
		}
	}))
	v.post("/set")
	v.post("/set", secureCookie)
	v.end(experiment.None, "The server set no cookie with Secure")
}
