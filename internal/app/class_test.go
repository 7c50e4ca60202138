package app

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// wifi is a network of one address.
type wifi struct{}

func (wifi) Addresses() []network.Address {
	return []network.Address{{IP: netip.MustParseAddr("192.168.77.1"), Port: 8080, Interface: "wlan0"}}
}
func (wifi) Knocks() []network.Knock { return nil }

// newClass returns an application with an open class over the memory store.
func newClass(t testing.TB, change func(*Config)) *App {
	t.Helper()
	a := newApp(t, func(c *Config) {
		c.Class = &ClassConfig{Seats: 32, Open: func(context.Context) (ClassParts, error) {
			return ClassParts{
				Backend: memory.New(memory.Config{}), Documents: classroom.NewMemoryDocuments(),
				Secrets: [][]byte{session.NewSecret()}, Network: wifi{}, Close: func() error { return nil },
			}, nil
		}}
		if change != nil {
			change(c)
		}
	})
	if err := a.OpenClass(t.Context()); err != nil {
		t.Fatal(err)
	}
	return a
}

// from makes a request come from that address; a loopback address is the teacher's side.
func from(r *http.Request, remote string) *http.Request {
	local := "192.168.77.1"
	if strings.HasPrefix(remote, "127.") {
		local = "127.0.0.1"
	}
	r.Host, r.RemoteAddr = local+":8080", remote+":50000"
	if r.Header.Get("Origin") != "" {
		r.Header.Set("Origin", "http://"+r.Host)
	}
	at := &net.TCPAddr{IP: net.ParseIP(local), Port: 8080}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, at))
}

// sits seats a learner, and returns the base of the learner's paths.
func sits(t testing.TB, a *App, who string) string {
	t.Helper()
	a.openClass().roster.Offer(who)
	joined, err := a.openClass().roster.Join(t.Context(), who, netip.MustParseAddr("192.168.77.2"))
	if err != nil {
		t.Fatal(err)
	}
	return "/s/" + joined.Seat.Place()
}

// seatAt returns the seat at that base.
func seatAt(a *App, base string) *seat.Seat {
	s, _ := a.openClass().lab.seats.Enter(base + "/")
	return s
}

// phone sends a form to a seat's path with those cookies, and returns the answer.
func phone(a *App, method, target, body, cookies string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Accept", "application/json")
	if method == "POST" {
		r.Header.Set("Content-Type", formType)
		r.Header.Set("Origin", "http://x")
	}
	if cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, from(r, "192.168.77.2"))
	return w
}

// A cookie of one seat opens nothing at another seat or in the lab, under its own name or another,
// in each placement; the control is the seat itself. If it failed, a student could be another one.
func TestACookieOpensOneSeatOnly(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	one, two := sits(t, a, "one"), sits(t, a, "two")
	for _, placement := range []string{"cookie", "hybrid", "server"} {
		w := phone(a, "POST", one+"/set", url.Values{"key": {"name"}, "value": {"Rahim"}, "placement": {placement}}.Encode(), "")
		if w.Code != 200 {
			t.Fatalf("set: %d %s", w.Code, w.Body)
		}
		cookie := w.Result().Cookies()[0]
		if cookie.Path != one+"/" || !strings.HasPrefix(cookie.Name, cookieName+"~") {
			t.Errorf("the cookie is %s", cookie)
		}
		names := []string{cookie.Name, cookieName, seatAt(a, two).Engine.CookieName()}
		for _, name := range names {
			sent := name + "=" + cookie.Value
			if got := phone(a, "GET", two+"/get?key=name", "", sent).Body.String(); !strings.Contains(got, `"found":false`) || !strings.Contains(got, `"exists":false`) {
				t.Errorf("%s, as %s: the other seat answers %s", placement, name, got)
			}
			r := httptest.NewRequest("GET", "/get?key=name", nil)
			r.Header.Set("Cookie", sent)
			r.Header.Set("Accept", "application/json")
			root := httptest.NewRecorder()
			a.ServeHTTP(root, from(r, "127.0.0.1"))
			if got := root.Body.String(); !strings.Contains(got, `"found":false`) {
				t.Errorf("%s, as %s: the lab answers %s", placement, name, got)
			}
		}
		if got := phone(a, "GET", one+"/get?key=name", "", cookie.Name+"="+cookie.Value).Body.String(); !strings.Contains(got, "Rahim") {
			t.Errorf("%s: its own seat answers %s", placement, got)
		}
	}
}

// newRequest is a browser's request for a page.
func newRequest(method, target, cookies string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Accept", "text/html")
	if cookies != "" {
		r.Header.Set("Cookie", cookies)
	}
	return r
}

// record returns the answer to r.
func record(a *App, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// answered returns the status and the body of the answer to r.
func answered(a *App, r *http.Request) (int, string) {
	w := record(a, r)
	return w.Code, w.Body.String()
}

// While a class is open the teacher's pages do not say that nothing leaves this machine.
func TestFooterOfTheTeacherNamesTheClass(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	for _, path := range []string{"/", "/experiments", "/about"} {
		_, body := answered(a, from(newRequest("GET", path, ""), "127.0.0.1"))
		if !strings.Contains(body, "a class is open at 192.168.77.1:8080: others on this network reach the class, and not this lab") || strings.Contains(body, "nothing leaves this machine") {
			t.Errorf("%s says where things go wrongly", path)
		}
	}
}
