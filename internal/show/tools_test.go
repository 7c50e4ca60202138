package show

import (
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

func TestTools(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	if got := Tools(l.press("/get", nil, nil), true); got.Tamper != nil || got.CanPin || got.Carries || got.Letters != 0 || got.Curl == "" {
		t.Errorf("without a cookie: %+v", got)
	}
	s := l.sets("name", "1")
	got := Tools(s, true)
	if len(got.Tamper) != len(session.TamperParts) || got.Letters != len(l.cookie) || !got.CanPin || !got.Carries || got.At == "" {
		t.Errorf("with one: %+v", got)
	}
	if Tools(s, false).CanPin {
		t.Error("a page that belongs to no visit keeps pins")
	}
	var labels []string
	for _, o := range TamperOptions("values") {
		if labels = append(labels, o.Label); o.Label == "" || o.Chosen != (o.Name == "values") {
			t.Errorf("%+v", o)
		}
	}
	if got := strings.Join(labels, ", "); got != "one letter, the time of signing, the session ID, the version, the time of birth, the deadline, the values, the signature, the whole cookie" {
		t.Error(got)
	}
	if got := Pin(2, "9f2c41e0", noon(), 1160); got != (views.Pin{N: 2, Session: "9f2c41e0", At: "2001-03-01 12:00:00", Bytes: "1,160 B"}) {
		t.Errorf("%+v", got)
	}
	if got := Seat("second", "/s/second-a"); got != (views.Seat{Name: "second", URL: "/s/second-a/"}) {
		t.Errorf("%+v", got)
	}
}

// A press as a command: what belongs to a page is left out, and what is not known whole
// is no command.
func TestCurl(t *testing.T) {
	t.Parallel()
	target := func(s string) trace.Text { return trace.Text{Start: s, Bytes: len(s)} }
	const accept = " \\\n  -H 'Accept: application/json'"
	for _, test := range []struct {
		name string
		x    trace.Exchange
		want string
	}{
		{"a read", trace.Exchange{Request: trace.Request{Method: "GET", Host: "h:1", Target: target("/s/second-a/get?key=a&v=TOKEN&x=ONCE")}}, "curl -si 'http://h:1/s/second-a/get?key=a'" + accept},
		{"with the cookie", trace.Exchange{Request: trace.Request{Method: "GET", Host: "h", Target: target("/?v=TOKEN")}, Cookie: trace.Cookie{Name: ours, Kept: "abc", Bytes: 3}},
			"curl -si 'http://h/' \\\n  -H 'Cookie: " + ours + "=abc'" + accept},
		{"a write", trace.Exchange{Request: trace.Request{Method: "POST", Host: "h", Target: target("http://h/set"), Body: []trace.Piece{{Text: "key=it's&page="}, {Kind: trace.Secret, Bytes: 26}, {Text: "&v=TOKEN&type=text"}}, BodyBytes: 57, Length: 57}},
			"curl -si 'http://h/set'" + accept + " \\\n  --data-raw 'key=it'\\''s&type=text'"},
		{"a hidden cookie", trace.Exchange{Request: trace.Request{Method: "GET", Target: target("/")}, Cookie: trace.Cookie{Hidden: true}}, ""},
		{"a cookie that is too long", trace.Exchange{Request: trace.Request{Method: "GET", Target: target("/")}, Cookie: trace.Cookie{Kept: "abc", Bytes: 5000}}, ""},
		{"the beginning of a target", trace.Exchange{Request: trace.Request{Method: "GET", Target: trace.Text{Start: "/get?key=a", Bytes: 3000}}}, ""},
		{"the beginning of a body", trace.Exchange{Request: trace.Request{Method: "POST", Target: target("/set"), Body: []trace.Piece{{Text: "key=a"}}, BodyBytes: 3000}}, ""},
		{"a body that was not read", trace.Exchange{Request: trace.Request{Method: "POST", Target: target("/set"), Length: 70_000}}, ""},
		{"no target", trace.Exchange{Request: trace.Request{Method: "OPTIONS", Target: target("*")}}, ""},
		{"nothing", trace.Exchange{Nothing: true, Request: trace.Request{Method: "GET", Target: target("/")}}, ""},
	} {
		if got := Curl(seen(test.x)); got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}
