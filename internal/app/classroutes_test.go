package app

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// everyMethod are the methods of RFC 9110 and two more.
var everyMethod = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "TEACHER"}

// attempt is a way to ask for what is the teacher's without being the teacher.
type attempt struct {
	name    string
	local   string // the server's end of the connection
	remote  string // the other end
	host    string
	cookie  string
	headers [2]string // one more header
}

// request makes the attempt's request for a path.
func (at attempt) request(method, path, accept string) *http.Request {
	r := httptest.NewRequest(method, "/", nil)
	r.URL.Path = path
	r.Host, r.RemoteAddr = at.host, net.JoinHostPort(at.remote, "50000")
	r.Header.Set("Accept", accept)
	if method == "POST" {
		r.Header.Set("Content-Type", formType)
	}
	if at.cookie != "" {
		r.Header.Set("Cookie", at.cookie)
	}
	if at.headers[0] != "" {
		r.Header.Set(at.headers[0], at.headers[1])
	}
	return r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(at.local), Port: 8080}))
}

// refused tells whether an answer has nothing of the teacher's: no such page, a way to where one
// joins, a name that is not this server's, or another origin.
func refused(w *httptest.ResponseRecorder) bool {
	to := w.Header().Get("Location")
	return slices.Contains([]int{404, 421, 403}, w.Code) && to == "" || w.Code == 303 && to == "/join"
}

// networkAttempts are from the network, with the teacher's own cookie. No header makes them local.
func networkAttempts(teacher string) []attempt {
	const lan, phone = "192.168.77.1", "192.168.77.2"
	own := attempt{"the own address", lan, phone, lan + ":8080", teacher, [2]string{}}
	var all []attempt
	for _, host := range []string{lan + ":8080", lan, lan + ".:8080", "localhost:8080", "localhost", "LOCALHOST.:8080", "127.0.0.1:8080", "127.0.0.1", "127.0.0.1:80", "[::1]:8080", "", "0.0.0.0:8080", "evil.example:8080"} {
		at := own
		at.name, at.host = "the Host "+host, host
		all = append(all, at)
	}
	for _, h := range [][2]string{
		{"X-Forwarded-For", "127.0.0.1"}, {"X-Real-Ip", "127.0.0.1"}, {"Forwarded", "for=127.0.0.1;host=localhost"}, {"X-Forwarded-Host", "localhost:8080"},
		{"X-Http-Method-Override", "GET"}, {"X-Original-Url", "/classroom"}, {"Hx-Request", "true"}, {"Sec-Fetch-Site", "none"}, {"Origin", "http://127.0.0.1:8080"},
	} {
		at := own
		at.name, at.headers = h[0], h
		all = append(all, at)
	}
	for name, ends := range map[string][2]string{
		"IPv6": {"fd00::1", "fd00::2"}, "this machine by its own address": {lan, lan}, "a loopback address from the network": {lan, "127.0.0.1"}, "the network at loopback": {"127.0.0.1", phone},
	} {
		all = append(all, attempt{name, ends[0], ends[1], "127.0.0.1:8080", teacher, [2]string{}})
	}
	return all
}

// Nothing that the lab itself serves is there for the network while a class is open, whatever the
// request says of itself, by any method, even with the teacher's cookie. A route that is added is in
// the table by itself. The control is the teacher. If it failed, a student could be the teacher.
func TestNoRouteOfTheTeacherIsThereForTheNetwork(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	w.phone().join()
	cookie := w.app.teacherCookie() + "=" + w.teacher.cookie("/classroom", w.app.teacherCookie())
	paths := map[string]bool{"/classroom/": true, "//classroom": true, "/classroom/nothing": true, "/join/../classroom": true, "/assets/../classroom": false, "/CLASSROOM": true, "*": true}
	for _, route := range w.app.echo.Routes() {
		path := strings.NewReplacer(":n", "1", ":slug", "cookie-or-server", ":run", "x", "*", "x").Replace(route.Path)
		public := path == "/join" || strings.HasPrefix(path, "/join/") || path == "/healthz" || strings.HasPrefix(path, "/assets/")
		paths[path] = !public
	}
	if len(paths) < 40 {
		t.Fatalf("only %d paths", len(paths))
	}
	for path, teachers := range paths {
		for _, at := range networkAttempts(cookie) {
			for _, method := range everyMethod {
				for _, accept := range []string{"text/html", "application/json", "text/event-stream"} {
					got := record(w.app, at.request(method, path, accept))
					if teachers && !refused(got) || got.Code >= 500 {
						t.Errorf("%s %s by %s as %s: %d to %q", method, path, at.name, accept, got.Code, got.Header().Get("Location"))
					}
				}
			}
		}
	}
	teacher := attempt{"the teacher", "127.0.0.1", "127.0.0.1", "127.0.0.1:8080", cookie, [2]string{}}
	for _, path := range []string{"/classroom", "/classroom/screen"} {
		if got := record(w.app, teacher.request("GET", path, "text/html")); got.Code != 200 {
			t.Errorf("the control, %s: %d", path, got.Code)
		}
	}
}

// Below /classroom there is nothing on this machine for who has not the teacher's cookie, and nothing
// for another origin that has it. Open a class is a button of the lab: it leads whoever is at this
// machine to the board. The control is the teacher, who finds every route.
func TestNoRouteOfTheTeacherIsThereWithoutItsCookie(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	seat := w.phone()
	base := seat.join()
	seat.post(base+"/set", "key", "a", "value", "b").want(303)
	name, value := w.app.teacherCookie()+"=", w.teacher.cookie("/classroom", w.app.teacherCookie())
	here := attempt{"no cookie", "127.0.0.1", "127.0.0.1", "127.0.0.1:8080", "", [2]string{}}
	attempts := []attempt{here}
	add := func(what, host, cookie string, header [2]string) {
		attempts = append(attempts, attempt{what, here.local, here.remote, host, cookie, header})
	}
	link := w.app.TeacherLink()
	add("a student's cookie", here.host, name+seat.cookie(base+"/", cookieName+"~"+w.seatAt(base).Name), [2]string{})
	add("a seat cookie", here.host, name+seat.cookie("/join", cookieName+"-seat"), [2]string{})
	add("a link's key", here.host, name+strings.TrimPrefix(link, "/classroom?key="), [2]string{})
	add("a longer cookie", here.host, name+value+"A", [2]string{})
	add("an empty cookie", here.host, name, [2]string{})
	add("small letters", here.host, name+strings.ToLower(value), [2]string{})
	add("a name that was led here", "evil.example:8080", name+value, [2]string{"Origin", "http://evil.example:8080"})
	add("a name of the network", "lab.local:8080", name+value, [2]string{})
	for _, foreign := range [][2]string{{"Origin", "http://192.168.77.1:8080"}, {"Origin", "null"}, {"Origin", "http://127.0.0.1:8081"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		add("a page of "+foreign[0]+" "+foreign[1], here.host, name+value, foreign)
	}
	found := 0
	for _, route := range w.app.echo.Routes() {
		if !strings.HasPrefix(route.Path, "/classroom") || route.Path == "/classroom/begin" {
			continue
		}
		found++
		for _, at := range attempts {
			page := at.headers[0] != "" && at.host == here.host && route.Method != "POST" && route.Path != "/classroom/events" // a link from elsewhere leads to the board
			for _, accept := range []string{"text/html", "application/json"} {
				if got := record(w.app, at.request(route.Method, route.Path, accept)); !refused(got) && !page {
					t.Errorf("%s %s with %s as %s: %d %.80s", route.Method, route.Path, at.name, accept, got.Code, got.Body)
				}
			}
		}
		teacher := attempt{"", here.local, here.remote, here.host, name + value, [2]string{}}
		if route.Path == "/classroom/events" { // it would not end
			continue
		}
		if got := record(w.app, teacher.request(route.Method, route.Path, "application/json")); refused(got) && !strings.Contains(got.Body.String(), "no seat of that name") {
			t.Errorf("the control, %s %s: %d %s", route.Method, route.Path, got.Code, got.Body)
		}
	}
	if found < 10 {
		t.Errorf("only %d routes", found)
	}
	for _, at := range attempts[7:] {
		if got := record(w.app, at.request("POST", "/classroom/begin", "text/html")); !refused(got) {
			t.Errorf("POST /classroom/begin with %s: %d", at.name, got.Code)
		}
	}
}

// A stranger whose request to the page where one joins is refused sees nothing of the lab, and takes
// none of its visits, also with a secret that the lab gave out or that is made up.
func TestStrangersTakeNoVisitOfTheLab(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	page := w.teacher.get("/")
	before := w.app.hub.Count()
	stranger := w.phone()
	for _, secret := range []string{"", fieldOf(page.body, "page"), strings.Repeat("A", 40)} {
		for _, try := range []struct{ method, path, kind, body string }{
			{"POST", "/join", "text/plain", "x"}, {"POST", "/join/spin", formType, "a=%zz"}, {"POST", "/join/back", formType, "own=" + strings.Repeat("x", maxBodyBytes+1)},
			{"GET", "/join?x=%zz", "", ""}, {"POST", "/join", formType, "page=" + secret + "&a=%zz"}, {"GET", "/healthz?a;b", "", ""},
		} {
			r := stranger.request(try.method, "/join", try.body)
			if try.method == "GET" {
				path, query, _ := strings.Cut(try.path, "?")
				r.URL.Path, r.URL.RawQuery = path, query
			} else {
				r.URL.Path = try.path
				r.Header.Set("Content-Type", try.kind)
			}
			if secret != "" {
				r.Header.Set(trace.PageHeader, secret)
			}
			got := stranger.send(r)
			if got.StatusCode < 400 || got.StatusCode >= 500 || strings.Contains(got.body, `id="composer"`) || strings.Contains(got.body, `name="page"`) {
				t.Errorf("%s %s with %q: %d, with the lab: %t", try.method, try.path, secret, got.StatusCode, strings.Contains(got.body, `id="composer"`))
			}
		}
	}
	if after := w.app.hub.Count(); after != before {
		t.Errorf("%d visits of the lab, %d before the strangers", after, before)
	}
}
