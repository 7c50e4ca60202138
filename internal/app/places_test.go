package app

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pressed is one press, with the words that its screen must have.
type pressed struct {
	target string
	form   []string
	result []string
	steps  string
}

// A learner would read one of two reasons why a value is on the server, or one that
// the sizes beside it contradict; and of a signature where only the version is another.
func TestWordsOfAPlaceAndItsCookie(t *testing.T) {
	t.Parallel()
	set := func(key, value string) []string {
		return []string{"key", key, "value", value, "placement", "hybrid"}
	}
	large, small := strings.Repeat("x", 298), strings.Repeat("y", 250)
	version := func(n int) string {
		return fmt.Sprintf("No value in the cookie changed, but the cookie carries the version of the session, now %d: so the server sent a new cookie.", n)
	}
	full := []pressed{}
	for i := range 8 {
		full = append(full, pressed{"/set", set(fmt.Sprintf("k%02d", i), small), nil, ""})
	}
	stories := map[string][]pressed{
		"over 256 B": {{"/set", set("big", large), []string{"300 B. Values of more than 256 B live on the server", "!too large for the cookie"}, "on the server: over 256 B"}},
		"256 B": {
			{"/set", set("edge", strings.Repeat("x", 254)), []string{"256 B. Values of at most 256 B live in the cookie"}, "the first"},
			{"/set", set("edge", strings.Repeat("x", 255)), []string{"257 B. Values of more than 256 B live on the server", "The values in the cookie changed"}, "values changed"},
		},
		"stays": {
			{"/set", set("n", large), nil, ""},
			{"/set", set("n", "s"), []string{"3 B, kept on the server : the key was there before, and stays there until it is deleted. " + version(2), "!no room", "!old signature"}, "new version"},
			{"/delete", []string{"key", "n"}, nil, "new version"},
			{"/set", set("n", "s"), []string{"3 B. Values of at most 256 B live in the cookie", "The values in the cookie changed, so the server sent a new cookie."}, "values changed"},
		},
		"no room": append(full,
			pressed{"/set", set("m", small+"more"), []string{"kept on the server : it has at most 256 B, but the cookie has no room for it. ", "!was there before"}, "on the server: the cookie has no room"},
			pressed{"/set", set("p", small), []string{"Values of at most 256 B live in the cookie . The cookie was full, so k00 moved to the server . The values"}, "on the server: the cookie has no room"}),
		"cycle":     {{"/set", set("a", "1"), nil, ""}, {"/cycle-id", nil, nil, "new ID"}},
		"expiry":    {{"/set", set("a", "1"), nil, ""}, {"/expiry", []string{"seconds", "60"}, nil, "new expiry"}},
		"placement": {{"/set", set("a", "1"), nil, ""}, {"/placement", []string{"placement", "server"}, nil, "new placement"}},
		"max-age": {
			{"/set", []string{"key", "a", "value", "1", "placement", "server"}, nil, ""}, {"/expiry", []string{"seconds", "60"}, nil, ""},
			{"/set", set("a", "2"), []string{"This session has an expiry of its own, so the server sent the same ID again, with a fresh Max-Age."}, "fresh Max-Age"},
		},
		"in the cookie": {
			{"/set", []string{"key", "a", "value", "1", "placement", "cookie"}, nil, ""},
			{"/set", set("a", "2"), []string{"in the cookie like every value", "The values in the cookie changed, so the server sent a new cookie."}, "values changed"},
		},
	}
	for _, f := range []answerForm{formPage, formFragment} { // JSON says where a value lives, and no reason
		for name, presses := range stories {
			l := newLab(t)
			for _, p := range presses {
				a := l.shows(f, p.target, p.form...)
				a.story(map[string][]string{"result": p.result, "wire": {p.steps}})
			}
			if t.Failed() {
				t.Fatalf("form %v, %s", f, name)
			}
		}
	}
}

// A learner would read a tick, and believe that a part of the cart was set.
func TestWordsOfAKeyThatLooksLikeAPath(t *testing.T) {
	t.Parallel()
	const says = "A key is a name, and no path: "
	for _, f := range []answerForm{formPage, formFragment} { // JSON names the key that was set
		l := newLab(t)
		l.press("/set", "key", "cart", "value", `{"items":[{"qty":1}]}`, "type", "json").want(200)
		a := l.shows(f, "/set", "key", "cart['items'][0]['qty']", "value", "2", "type", "number")
		a.story(map[string][]string{"result": {says + "cart is unchanged. To change a part of it, set all of it again, as json.", "!✓"}})
		l.shows(f, "/set", "key", "shop.name", "value", "x").story(map[string][]string{"result": {"!" + says, "✓"}}) // the control: no key is called shop
		l.shows(f, "/set", "key", "cart.name", "value", "x").story(map[string][]string{"result": {says + "cart is unchanged"}})
		l.get("/get?key=cart[0]").story(map[string][]string{"result": {says + "cart is there: get it"}})
		l.form = formJSON
		l.get("/get?key=cart").want(200, `"value":{"items":[{"qty":1}]}`)
	}
}

// A read that sends a cookie would be said to change nothing, and not why it sends one.
func TestWordsOfAReadThatSendsACookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := []byte(strings.Repeat("a", 32)), []byte(strings.Repeat("b", 32))
		app := newApp(t, func(c *Config) { c.Sessions.Secrets, c.Sessions.Rolling = [][]byte{first}, true })
		for _, test := range []struct{ placement, target, says string }{
			{"cookie", "/get?key=name", "The idle clock of this session is in the cookie, and this request moved it: so the server sent a new cookie."},
			{"server", "/keys", "An older secret had signed the cookie, so the server signed it with the newest and sent it again."},
		} {
			b := newBrowser(t, app, formFragment)
			l := &lab{b, b.visit("/")}
			l.press("/set", "key", "name", "value", "Rahim", "placement", test.placement).want(200)
			time.Sleep(2 * time.Minute)
			if test.placement == "server" {
				if err := app.SetSecrets([][]byte{second, first}); err != nil {
					t.Fatal(err)
				}
			}
			l.get(test.target).want(200).story(map[string][]string{"result": {test.says, "!Reading changes nothing"}})
			l.get(test.target).want(200).story(map[string][]string{"result": {"!" + test.says}}) // the control: one read later nothing is sent
		}
	})
}
