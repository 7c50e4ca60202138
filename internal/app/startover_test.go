package app

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A learner would read that everything is as at the beginning while the readable cookie, the
// pins and the cookie that says whose they are stay.
func TestStartOverTakesAwayWhatItSays(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		l := newLab(t)
		l.press("/set", "key", "name", "value", "Rahim").want(200)
		l.press("/plant").want(200)
		l.press("/pin").want(200)
		l.press("/pin").want(200)
		l.form = f
		set := l.post("/flush", "start-over", "1", "page", l.secret)
		ended := []string{}
		for _, c := range set.Cookies() {
			if c.MaxAge < 0 && c.Value == "" && c.Path == "/" {
				ended = append(ended, c.Name)
			}
		}
		want := []string{cookieName, cookieName + "-pins", cookieName + "-readable"}
		if slices.Sort(ended); !slices.Equal(ended, want) {
			t.Errorf("%s: the answer ends %q, want %q", name, ended, want)
		}
		if f == formJSON {
			set.want(200, `"dropped":["sessionscope","sessionscope-readable","sessionscope-pins"],"pins_removed":2,`, `"session":{"exists":false}`)
		} else {
			if next := set.Header.Get("Location"); next != "" {
				set = l.browser.get(next)
			}
			set.want(200).wantNo("Everything is as at the beginning", "Pinned copies").story(map[string][]string{
				"result":   {"started over", "Taken away too: the readable cookie, 2 pinned copies and the cookie that says which browser pinned", "The timeline stays"},
				"browser":  {"Plant a readable cookie"},
				"moment":   {"readable cookie there → none"},
				"timeline": {"started over record and cookie gone"},
			})
			if got := set.region("jar", "</table>"); strings.Count(got, "dropped with this answer") != 3 {
				t.Errorf("%s: the table says %s", name, got)
			}
		}
		u, _ := url.Parse(origin)
		if left := l.jar.Cookies(u); len(left) != 0 {
			t.Errorf("%s: the browser keeps %v", name, left)
		}
		// Nor does the server keep the pins for whoever sends the old cookies again.
		r := l.request("POST", "/put-back", "pin=1&page="+l.secret)
		r.Header.Set("Cookie", cookieName+"-pins="+strings.Repeat("A", pageIDLen))
		l.send(r).want(404)
	}
}

// A cookie that opens nothing goes too: until the next Set it would stand on the page.
func TestStartOverWithACookieThatOpensNothing(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		l := newLab(t)
		l.press("/set", "key", "name", "value", "Rahim").want(200)
		dead := l.cookie()
		l.press("/flush").want(200)
		for _, cookie := range []string{dead, "", "garbled"} {
			l.has(cookie)
			a := l.shows(f, "/flush", "start-over", "1")
			u, _ := url.Parse(origin)
			if left := l.jar.Cookies(u); len(left) != 0 {
				t.Errorf("%s, %q: the browser keeps %v", name, cookie, left)
			}
			if f == formJSON {
				a.want(200, `"dropped":["sessionscope"],"pins_removed":0,"session":{"exists":false}`)
				continue
			}
			a.story(map[string][]string{
				"result":   {"The browser drops the cookie that came: it opened nothing", "The timeline stays"},
				"browser":  {"No cookie any more", "dropped with this answer"},
				"timeline": {"started over the cookie gone, which opened nothing"},
			})
		}
		// Without a cookie there is nothing to end, and no Set-Cookie.
		l.form = f
		if a := l.post("/flush", "start-over", "1", "page", l.secret); a.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: without a cookie the answer sets %q", name, a.Header.Get("Set-Cookie"))
		}
	}
}

// Another browser that has the same visit keeps its pins.
func TestStartOverLeavesOtherBrowsersPins(t *testing.T) {
	t.Parallel()
	h, b, v := openLab(t, formJSON)
	other := newBrowser(t, h, formJSON)
	for _, b := range []*browser{b, other} {
		b.post("/set", "key", "a", "value", "1", "page", v).want(200)
		b.post("/pin", "page", v).want(http.StatusOK)
	}
	b.post("/flush", "start-over", "1", "page", v).want(200, `"pins_removed":1`)
	other.post("/replay", "pin", "2", "page", v).want(200, `"accepted":true`)
}
