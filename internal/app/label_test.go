package app

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The browser keeps the attributes of its cookie: a reader would think that it forgot Max-Age at
// the next press. What this page did not see is not claimed.
func TestAttributesAreKnownFromTheirSetCookie(t *testing.T) {
	t.Parallel()
	const chip, from, unseen = "Max-Age=28800", "The attributes of the Set-Cookie line of ", "This page did not see this cookie being set"
	for name, f := range map[string]answerForm{"page": formPage, "fragment": formFragment} { // JSON tells what is left of the lifetime
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			defer l.h.(*App).Close()
			set := timeOf(time.Now())
			l.shows(f, "/set", "key", "name", "value", "Rahim").story(map[string][]string{"browser": {chip, from + set}})
			time.Sleep(time.Minute)
			for _, target := range []string{"/get?key=name", "/keys", "/session", "/"} {
				l.form = f
				l.get(target).want(200).story(map[string][]string{"browser": {chip, from + set, "28,800 seconds after it was set", "!" + unseen}})
			}
			l.shows(f, "/set", "key", "name", "value", "Rahim").story(map[string][]string{"browser": {chip, from + set}}) // nothing changed
			// Another write, another Set-Cookie.
			l.shows(f, "/set", "key", "name", "value", "Karim").story(map[string][]string{"browser": {"Max-Age=28740", from + timeOf(time.Now()), "!" + chip}})
			// A page that has another visit did not see it, nor did this one see the other's.
			l.form = formPage
			l.browser.get("/").want(200).story(map[string][]string{"browser": {"HttpOnly", "SameSite=Lax"}})
			elsewhere := l.cookie()
			l.form = formJSON
			l.browser.post("/set", "key", "name", "value", "elsewhere").want(200)
			if l.cookie() == elsewhere {
				t.Fatal("the control: no other cookie was set")
			}
			l.form = f
			l.get("/keys").want(200).story(map[string][]string{"browser": {unseen, "!Max-Age=", "HttpOnly"}})
			// What is put back has no Max-Age, whatever its session had.
			l.shows(f, "/pin")
			l.shows(f, "/put-back", "pin", "1").story(map[string][]string{"browser": {"no Max-Age", from}})
			l.form = f
			l.get("/keys").want(200).story(map[string][]string{"browser": {"no Max-Age", from}})
			if t.Failed() {
				t.Fatal(name)
			}
		})
	}
}

// timeOf is a time of day as the page shows it.
func timeOf(at time.Time) string { return at.Local().Format("15:04:05") }

// Browsers keep no cookie for ten years: the meaning of Max-Age says how long they do.
func TestMaxAgeIsCapped(t *testing.T) {
	t.Parallel()
	h := newApp(t, func(c *Config) { c.Sessions.Lifetime, c.Sessions.IdleTimeout = 87600*time.Hour, 87600*time.Hour })
	for name, f := range forms {
		l := &lab{newBrowser(t, h, formFragment), ""}
		l.secret = l.visit("/")
		a := l.shows(f, "/set", "key", "name", "value", "Rahim")
		if f == formJSON {
			l.form = formJSON
			l.get("/session").want(200, `"max_age":3153`) // what the server asks for
			continue
		}
		a.story(map[string][]string{"browser": {"Max-Age=315360000", "RFC 6265bis caps Max-Age at 400 days, which are 34,560,000 seconds, and this one asks for 315,360,000", "!315,360,000 seconds after it was set"}})
		l.shows(f, "/expiry", "seconds", "40000000").story(map[string][]string{"result": {"browsers drop it after 400 days at the latest"}})
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// Under a name of the network a browser throws a Secure cookie away: the panels may not show it as
// kept, and the request's Host is the one that came.
func TestASecureCookieThatIsThrownAway(t *testing.T) {
	t.Parallel()
	for host, keeps := range map[string]bool{"192.168.77.1:8080": false, "localhost:8080": true} {
		a := newExperiments(t, nil)
		a.cfg.Hosts["192.168.77.1:8080"] = true
		token := tokenOf(t, learn(a, "10.0.0.1", "POST", openSlug+"/run", "prediction=1"))
		for range 2 {
			r := httptest.NewRequest("POST", origin+openSlug+"/live/"+token+"/set", nil)
			r.Host = host
			a.ServeHTTP(httptest.NewRecorder(), r)
		}
		learn(a, "10.0.0.1", "POST", openSlug+"/result", "stop=1&run="+token)
		page := answer{learn(a, "10.0.0.1", "GET", openSlug+"?run="+token+"&at=2", "", "Accept", "text/html").Result(), t, ""}
		page.body = learn(a, "10.0.0.1", "GET", openSlug+"?run="+token+"&at=2", "", "Accept", "text/html").Body.String()
		browser := page.region("browser", "</article>")
		if shown := strings.Contains(browser, "bytes of payload"); shown != keeps || strings.Contains(browser, "A browser drops that cookie without a word") == keeps {
			t.Errorf("%s: the panel says %s", host, browser)
		}
		if wire := page.region("wire", "</article>"); !strings.Contains(wire, fmt.Sprintf("Host: %s ", host)) || !strings.Contains(wire, "; Secure") {
			t.Errorf("%s: the wire says %s", host, wire)
		}
	}
	// The control: nobody but the program's own client may name another Host.
	r := httptest.NewRequest("GET", origin+"/", nil)
	r.Host = "evil.example"
	w := httptest.NewRecorder()
	if newApp(t, nil).ServeHTTP(w, r); w.Code != 421 {
		t.Errorf("status %d for a foreign Host", w.Code)
	}
}
