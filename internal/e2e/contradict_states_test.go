package e2e

import (
	"encoding/base64"
	"regexp"
	"strings"
)

// button is a press of the lab's page.
type button struct {
	name, method, path string
	form               []string
	more               bool // another button of the list is the same with other fields
}

// buttons are the presses of the lab, with the inputs that matter.
var buttons = []button{
	{"Get", "GET", "/get", []string{"key", "name"}, false},
	{"Get a missing key", "GET", "/get", []string{"key", "nope"}, true},
	{"List keys", "GET", "/keys", nil, false},
	{"look", "GET", "/session", nil, true},
	{"Set the same", "POST", "/set", []string{"key", "name", "value", "Rahim", "type", "text"}, true},
	{"Set", "POST", "/set", []string{"key", "name", "value", "Karim", "type", "text"}, false},
	{"Set a large value", "POST", "/set", []string{"key", "big", "value", strings.Repeat("x", 300), "type", "text"}, false},
	{"Set a number", "POST", "/set", []string{"key", "n", "value", "7", "type", "number"}, true},
	{"Set no key", "POST", "/set", []string{"key", "", "value", "7", "type", "text"}, true},
	{"Set a huge value", "POST", "/set", []string{"key", "huge", "value", strings.Repeat("x", 70_000), "type", "text"}, true},
	{"Get what does not parse", "GET", "/get?key=100%", nil, true},
	{"Get two fields", "GET", "/get?key=a;b", nil, true},
	{"Set no number", "POST", "/set", []string{"key", "n", "value", "x", "type", "number"}, true},
	{"Delete", "POST", "/delete", []string{"key", "name"}, false},
	{"Delete a missing key", "POST", "/delete", []string{"key", "nope"}, true},
	{"Log in", "POST", "/login", []string{"user", "ada"}, false},
	{"Cycle ID", "POST", "/cycle-id", nil, false},
	{"Expire in 60", "POST", "/expiry", []string{"seconds", "60"}, false},
	{"Expire at close", "POST", "/expiry", []string{"seconds", "0"}, true},
	{"Expire as usual", "POST", "/expiry", []string{"seconds", ""}, true},
	{"Clear", "POST", "/clear", nil, false},
	{"Set small after large", "POST", "/set", []string{"key", "big", "value", "1", "type", "text"}, true},
	{"Placement server", "POST", "/placement", []string{"placement", "server"}, false},
	{"Set on the server", "POST", "/set", []string{"key", "cart", "value", "book", "type", "text"}, true},
	{"Placement hybrid", "POST", "/placement", []string{"placement", "hybrid"}, true},
	{"Placement cookie", "POST", "/placement", []string{"placement", "cookie"}, true},
	{"Tamper a letter", "POST", "/tamper", []string{"part", "letter", "at", "60", "to", ""}, false},
	{"Tamper the signature", "POST", "/tamper", []string{"part", "signature", "to", ""}, true},
	{"Plant", "POST", "/plant", nil, false},
	{"Take away", "POST", "/plant", []string{"off", "1"}, false},
	{"Pin", "POST", "/pin", nil, false},
	{"Replay", "POST", "/replay", []string{"pin", "1"}, false},
	{"Put back", "POST", "/put-back", []string{"pin", "1"}, false},
	{"Drop", "POST", "/drop-cookie", nil, false},
	{"Expire at once", "POST", "/expiry", []string{"seconds", "-1"}, false},
	{"Clear expired", "POST", "/clear-expired", nil, false},
	{"Log out", "POST", "/logout", nil, false},
	{"Flush", "POST", "/flush", nil, false},
	{"Start over", "POST", "/flush", []string{"start-over", "1"}, false},
}

// state is what a browser has in its jar before it presses.
type state struct {
	name    string
	verdict string // of the server on the cookie that comes; "" if it depends
	jar     func(b *rawBrowser, placement string) []jarCookie
}

// born makes a session with two keys, and returns its cookie.
func born(b *rawBrowser, placement string) string {
	return b.act(b.act("", "/set", "key", "name", "value", "Rahim", "placement", placement), "/set", "key", "a", "value", "1")
}

func (b *rawBrowser) own(value string) []jarCookie {
	return []jarCookie{{name: b.name, value: value, path: "/", httpOnly: true}}
}

// forge changes a letter of a cookie, so that its signature does not fit.
func forge(cookie string) string {
	letters := []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
	for _, letter := range letters {
		changed := cookie[:40] + string(letter) + cookie[41:]
		outer, err := base64.URLEncoding.DecodeString(changed)
		if changed != cookie && err == nil && base64Text.Match(outer[:40]) {
			return changed
		}
	}
	panic("no letter fits")
}

var base64Text = regexp.MustCompile(`^[\w=|-]+$`)

// states are the jars in which a browser can come.
var states = []state{
	{"none", "absent", func(*rawBrowser, string) []jarCookie { return nil }},
	{"live", "ok", func(b *rawBrowser, placement string) []jarCookie { return b.own(born(b, placement)) }},
	{"stale", "", func(b *rawBrowser, placement string) []jarCookie {
		old := born(b, placement)
		b.act(old, "/set", "key", "a", "value", "2")
		return b.own(old)
	}},
	{"dead", "dead", func(b *rawBrowser, placement string) []jarCookie {
		old := born(b, placement)
		b.act(old, "/flush")
		return b.own(old)
	}},
	{"moved", "moved", func(b *rawBrowser, placement string) []jarCookie {
		old := born(b, placement)
		b.act(old, "/cycle-id")
		return b.own(old)
	}},
	{"expired", "", func(b *rawBrowser, placement string) []jarCookie {
		old := born(b, placement)
		b.act(old, "/expiry", "seconds", "-1")
		return b.own(old)
	}},
	{"forged", "forged", func(b *rawBrowser, placement string) []jarCookie { return b.own(forge(born(b, placement))) }},
	{"garbled", "garbled", func(b *rawBrowser, _ string) []jarCookie { return b.own("no-cookie-of-ours") }},
	{"empty", "empty", func(b *rawBrowser, _ string) []jarCookie { return b.own("") }},
	{"others only", "absent", func(b *rawBrowser, _ string) []jarCookie {
		return []jarCookie{{name: "theirs", value: "very-private", path: "/"}, {name: "more", value: "1", path: "/"}}
	}},
	{"nameless", "absent", func(b *rawBrowser, _ string) []jarCookie { return []jarCookie{{value: "flag", bare: true}} }},
	{"nameless as ours", "absent", func(b *rawBrowser, _ string) []jarCookie { return []jarCookie{{value: b.name, bare: true}} }},
	{"live among others", "ok", func(b *rawBrowser, placement string) []jarCookie {
		return append(b.own(born(b, placement)), jarCookie{name: "theirs", value: "very-private", path: "/"})
	}},
	{"two, the first forged", "", func(b *rawBrowser, placement string) []jarCookie {
		live := born(b, placement)
		return append([]jarCookie{{name: b.name, value: forge(live), path: "/x"}}, b.own(live)...)
	}},
	{"two, both live", "", func(b *rawBrowser, placement string) []jarCookie {
		return append([]jarCookie{{name: b.name, value: born(b, placement), path: "/x"}}, b.own(born(b, placement))...)
	}},
}
