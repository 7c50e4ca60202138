package app

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What a stale cookie does not know is said wherever it could be missed, and a new ID
// or placement that would leave it behind is refused.
func TestStaleCookieIsSaid(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	b := newBrowser(t, a, formFragment)
	b.post("/set", "key", "k", "value", "1")
	old := b.cookie()
	b.post("/clear")
	b.post("/set", "key", "later", "value", "2") // in the cookie, after a clear
	stale := func(form answerForm) *browser {
		s := newBrowser(t, a, form)
		u, _ := url.Parse(origin)
		s.jar.SetCookies(u, []*http.Cookie{{Name: "sessionscope", Value: old}})
		return s
	}
	const unknown = "a later one was sent, and this request does not know the values of the later one"
	for _, target := range []string{"/get?key=later", "/keys"} {
		if body := stale(formFragment).get(target).want(200).body; !strings.Contains(body, unknown) {
			t.Errorf("%s does not say that the cookie is stale", target)
		}
		if body := b.get(target).want(200).body; strings.Contains(body, unknown) {
			t.Errorf("%s, the control: the newest cookie is called stale", target)
		}
	}
	for target, form := range map[string][]string{"/cycle-id": nil, "/placement": {"placement", "server"}, "/login": {"user", "Rahim"}} {
		stale(formJSON).post(target, form...).want(409, "A later cookie than the one that came carries values")
	}
	b.get("/keys").want(200, "later")
}
