package app

import (
	"strings"
	"testing"
)

// The command that the page offers is the press, with the cookie that the browser
// has after it, as one word each whatever was typed.
func TestCurl(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formFragment)
	v := b.visit("/")
	a := b.post("/set", "key", "it's", "value", "$(evil) `x` \"y\"", "page", v).want(200)
	text := a.region("curl-text", "</textarea>")
	want := "curl -si 'http://127.0.0.1:8080/set' \\ -H 'Cookie: " + cookieName + "=" + b.cookie() + "' \\ -H 'Accept: application/json' \\ --data-raw 'key=it%27s&value=%24%28evil%29+%60x%60+%22y%22'"
	if !strings.Contains(text, want) {
		t.Errorf("the command is %s\nwant %s", text, want)
	}
	if got := quoted("it's"); got != `'it'\''s'` {
		t.Errorf("quoted: %s", got)
	}
	b.get("/get?key=a&page="+v).want(200, "curl -si &#39;http://127.0.0.1:8080/get?key=a&#39;")
}
