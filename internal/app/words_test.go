package app

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// shows presses as a page or a script does, and returns what the browser shows then: the
// page that a press leads to, if it leads to one.
func (l *lab) shows(f answerForm, target string, pairs ...string) answer {
	l.t.Helper()
	l.form = f
	defer func() { l.form = formFragment }()
	a := l.post(target, append(pairs, "page", l.secret)...)
	next := a.Header.Get("Location") + a.Header.Get("HX-Redirect")
	if next == "" {
		return a.want(200)
	}
	l.form = formPage
	return l.browser.get(strings.TrimPrefix(next, origin)).want(200)
}

// has gives the browser a session cookie, as a person does by hand.
func (l *lab) has(cookie string) {
	u, _ := url.Parse(origin)
	l.jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: cookie, Path: "/"}})
}

// id is the short name of the session in a JSON answer, or on the screen.
func (a answer) id() string {
	a.t.Helper()
	found := regexp.MustCompile(`(?:sha256:|"id":")([0-9a-f]{8})`).FindStringSubmatch(a.body)
	if found == nil {
		a.t.Fatalf("no ID in %.300s", a.body)
	}
	return found[1]
}

// A learner would read that the server lost an ID which only the cookie had, or that a
// record stays where there is none.
func TestWordsOfADroppedCookie(t *testing.T) {
	t.Parallel()
	const stays, only = "What the server keeps is as it was", "With placement cookie the server keeps no record: only a copy of the cookie still opens this session"
	for name, f := range forms {
		for _, placement := range session.Placements() {
			l := newLab(t)
			id := l.press("/set", "key", "name", "value", "Rahim", "placement", placement).want(200).id()
			a := l.shows(f, "/drop-cookie")
			gone := "session ID, hashed " + id + " → gone with the cookie"
			switch {
			case f == formJSON: // the browser has no session now
				a.want(200, `{"op":"drop-cookie","id_before":"`+id+`","session":{"exists":false}}`)
			case placement == "cookie":
				a.story(map[string][]string{
					"result": {only, "!" + stays}, "moment": {gone, "!" + id + " → none"}, "server": {"the store holds nothing under its ID"},
					"timeline": {"the cookie, and the session in it", "!not the record"},
				})
			default:
				a.story(map[string][]string{
					"result": {stays, "!" + only}, "moment": {"!session ID"}, "server": {"its record is still here"}, "timeline": {"the cookie, not the record"},
				})
			}
			if t.Failed() {
				t.Fatalf("%s, placement %s", name, placement)
			}
		}
	}
}

// A learner would read of a new session, and not what became of the old one.
func TestWordsOfAWriteWithACookieThatOpensNothing(t *testing.T) {
	const created = " This write created a new session, and its cookie replaces the one that came."
	flush := func(l *lab) (cookie string) {
		cookie = l.cookie()
		l.press("/flush")
		return cookie
	}
	for _, test := range []struct {
		name, placement string
		end             func(*lab) (cookie string)
		result          string // OLD is the ID before
	}{
		{"ended", "hybrid", flush, "The cookie that came has a valid signature, but its session has ended: it opens nothing." + created + " "},
		{"ended, in the cookie", "cookie", flush, "The cookie that came has a valid signature, but its session has ended: it opens nothing." + created + " "},
		{"forged", "server", func(l *lab) string { c := l.cookie(); return c[:50] + strings.Trim("AB", c[50:51])[:1] + c[51:] },
			"The signature of the cookie that came does not fit, so it opens nothing." + created + " The old record OLD is still in the store, and no cookie of this browser opens it."},
		{"expired", "server", func(l *lab) (cookie string) {
			l.press("/expiry", "seconds", "5")
			cookie = l.cookie()
			time.Sleep(6 * time.Second)
			return cookie
		},
			"The session of the cookie that came has expired, so it reads as absent." + created + " The old record OLD has expired, and is still in the store: expired is not cleared."},
	} {
		for _, f := range forms {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				old := l.press("/set", "key", "name", "value", "Rahim", "placement", test.placement).want(200).id()
				l.has(test.end(l))
				a := l.shows(f, "/set", "key", "name", "value", "Karim", "placement", test.placement)
				if a.id() == old {
					t.Errorf("%s: the session is the old one", test.name)
				}
				if f != formJSON { // which says no more than the new session's ID
					a.story(map[string][]string{"result": {strings.ReplaceAll(test.result, "OLD", old), "!first cookie"}})
				}
			})
		}
	}
}

// A learner would not read that a value is lost with the cookie that carried it.
func TestWordsOfAWriteWithAStaleCookie(t *testing.T) {
	t.Parallel()
	const left = "The cookie that came was stale: values that only a later cookie carried are left behind."
	for _, f := range forms {
		l := newLab(t)
		l.press("/set", "key", "a", "value", "1", "placement", "hybrid").want(200)
		early := l.cookie()
		if a := l.shows(f, "/set", "key", "b", "value", "2"); strings.Contains(a.body, left) {
			t.Errorf("the control: the newest cookie is called stale: %.300s", a.body)
		}
		l.has(early)
		a := l.shows(f, "/set", "key", "c", "value", "3")
		if f != formJSON { // which says what lives where, and no more
			a.story(map[string][]string{"result": {left}})
		}
		l.form = formJSON
		l.get("/keys").want(200, `["a","c"]`)
	}
}

// A learner would see a clock that has more left than it has in all, and no word about it.
func TestWordsOfAClockThatWasSetBack(t *testing.T) {
	t.Parallel()
	var back atomic.Int64
	app := newApp(t, func(c *Config) {
		c.Sessions.Now = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
	})
	const says = "more than 8 h 0 m 0 s: the server's clock was set back"
	for _, f := range []answerForm{formPage, formFragment} { // JSON has the times, and no clocks
		b := newBrowser(t, app, formFragment)
		l := &lab{b, b.visit("/")}
		l.press("/set", "key", "name", "value", "Rahim").want(200).story(map[string][]string{"server": {"absolute lifetime", "!" + says}})
		back.Store(int64(time.Hour))
		l.form = f
		l.get("/get?key=name").want(200).story(map[string][]string{"server": {"absolute lifetime, " + says}})
		back.Store(0)
	}
}

// A learner would not find a press in the timeline: its row named what became of the cookie only.
func TestWordsOfARowNameThePress(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]answerForm{"page": formPage, "fragment": formFragment} {
		l := newLab(t)
		l.shows(f, "/flush").story(map[string][]string{"timeline": {"flush nothing to end", "!flush no session cookie"}})
		l.shows(f, "/clear-expired").story(map[string][]string{"timeline": {"clear expired none found", "!clear expired no session cookie"}})
		l.press("/set", "key", "a", "value", "1", "placement", "hybrid").want(200)
		l.press("/pin").want(200)
		l.press("/cycle-id").want(200)
		l.shows(f, "/put-back", "pin", "1")
		l.form = f
		l.post("/set", "key", "b", "value", "2", "page", l.secret).want(409).story(map[string][]string{"timeline": {"refused set: 409 Conflict"}})
		l.shows(f, "/clear-expired").story(map[string][]string{"timeline": {"clear expired none found, cookie refused: this ID was replaced a moment ago"}})
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// An empty session cookie came: no answer says that it is dropped unless it drops it.
func TestWordsOfAnEmptyCookie(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		l := newLab(t)
		for _, target := range []string{"/keys", "/get?key=name", "/session", "/flush", "/clear-expired", "/pin", "/drop-cookie"} {
			l.has("")
			l.form = f
			r := l.request(map[bool]string{true: "GET", false: "POST"}[target[1] == 'k' || target[1] == 'g' || target[1] == 's'], target, "page="+l.secret)
			r.Header.Set(trace.PageHeader, l.secret)
			a := l.send(r)
			drops := a.Header.Get("Set-Cookie") != ""
			if drops != (target == "/drop-cookie") {
				t.Errorf("%s, %s: Set-Cookie %q", name, target, a.Header.Get("Set-Cookie"))
			}
			if f == formJSON {
				a.want(200).wantNo(`"exists":true`)
				continue
			}
			if next := a.Header.Get("Location") + a.Header.Get("HX-Redirect"); next != "" {
				l.form = formPage
				a = l.browser.get(next)
			}
			says := map[string][]string{"browser": {"The cookie that came is empty, so it opens nothing", "!dropped with this answer", "!No cookie any more"}}
			if drops {
				says = map[string][]string{"browser": {"No cookie any more", "dropped with this answer"}, "result": {"it came with this press"}}
			}
			a.want(200).story(says)
		}
	}
}

// A script would read of the session that the press came with, and not of the one that the browser
// has now.
func TestPutBackInJSON(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first := l.press("/set", "key", "name", "value", "Rahim").want(200).id()
	l.press("/pin").want(200)
	l.press("/drop-cookie").want(200)
	second := l.press("/set", "key", "name", "value", "Karim").want(200).id()
	l.form = formJSON
	a := l.post("/put-back", "pin", "1", "page", l.secret).want(200)
	if got := a.id(); got != first || got == second {
		t.Errorf("after the first session was put back the answer tells of %s, want %s: %s", got, first, a.body)
	}
	l.post("/flush", "page", l.secret).want(200)
	l.post("/put-back", "pin", "1", "page", l.secret).want(200, `"session":{"exists":false}`)
}

// A learner would not hear what became of a session that was in the dropped cookie: no store has
// a record of it.
func TestWordsAfterADropInPlacementCookie(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]answerForm{"page": formPage, "fragment": formFragment} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			defer l.h.(*App).Close()
			const still = "was only in a cookie that this browser does not have any more: a copy of that cookie still opens it"
			set := func(value string) answer {
				return l.shows(f, "/set", "key", "name", "value", value, "placement", "cookie")
			}
			first := set("Rahim").id()
			dropped := l.cookie()
			l.shows(f, "/drop-cookie")
			set("Karim").story(map[string][]string{"result": {"The session before, " + first, still}})
			b := newBrowser(t, l.h, formJSON) // and so it does
			r := b.request("GET", "/get?key=name", "")
			r.Header.Set("Cookie", cookieName+"="+dropped)
			b.send(r).want(200, `"value":"Rahim"`)
			l.shows(f, "/flush") // a flushed one opens nothing
			set("again").story(map[string][]string{"result": {"!" + still}})
			l.shows(f, "/drop-cookie")
			time.Sleep(3 * time.Hour) // nor does one that has expired
			set("late").story(map[string][]string{"result": {"!" + still}})
			if t.Failed() {
				t.Fatal(name)
			}
		})
	}
}
