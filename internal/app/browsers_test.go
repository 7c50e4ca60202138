package app

import (
	neturl "net/url"
	"regexp"
	"strings"
	"testing"
)

// A second browser has a path, a cookie name and a cookie path of its own, and a session of
// its own. All routes work there.
func TestSecondBrowser(t *testing.T) {
	t.Parallel()
	h, b, v := openLab(t, formJSON)
	b.post("/second").want(400)
	base := strings.TrimSuffix(b.post("/second", "page", v).want(200).json()["url"].(string), "/")
	if !regexp.MustCompile(`^/s/second-[a-z0-9]{12}$`).MatchString(base) {
		t.Fatalf("the second browser is at %q", base)
	}
	b.post("/set", "key", "who", "value", "first", "page", v)
	a := b.post(base+"/set", "key", "who", "value", "second").want(200)
	set := a.Header.Get("Set-Cookie")
	if !strings.HasPrefix(set, cookieName+"~second=") || !strings.Contains(set, "; Path="+base+"/; ") || !strings.Contains(set, "HttpOnly; SameSite=Lax") {
		t.Errorf("its cookie is %q", set)
	}
	value, _, _ := strings.Cut(strings.TrimPrefix(set, cookieName+"~second="), ";")
	with := func(method, target string) answer {
		r := b.request(method, target, "")
		r.Header.Set("Cookie", b.request("GET", "/", "").Header.Get("Cookie")+"; "+cookieName+"~second="+value)
		return b.send(r)
	}
	if got := with("GET", base+"/get?key=who").json()["value"]; got != "second" {
		t.Errorf("the second browser's value is %v", got)
	}
	if got := with("GET", "/get?key=who").json()["value"]; got != "first" {
		t.Errorf("the first browser's value is %v", got)
	}
	if got := id(b.get("/keys")); got == id(a) || got == "" {
		t.Errorf("both have the session %q", got)
	}
	b.form = formPage
	page := with("GET", base+"/").want(200, "the lab of the", `action="`+base+`/set"`, `href="`+base+`/`, "The first browser").wantNo(`action="/set"`, `hx-post="/set"`, `hx-get="/get"`)
	wantUniqueIDs(t, "the second browser", page.body)
	post := b.post(base+"/set", "key", "a", "value", "1").want(303)
	if next := post.Header.Get("Location"); !strings.HasPrefix(next, base+"/?x=") {
		t.Errorf("after a press the second browser goes to %q", next)
	}
	b.form = formJSON
	for _, step := range actions {
		if a := b.send(b.request(step.method, base+step.target, neturl.Values{"key": {"k"}, "value": {"v"}, "seconds": {"9"}, "user": {"u"}, "placement": {"hybrid"}}.Encode())); a.StatusCode != 200 {
			t.Errorf("%s %s: %d", step.method, base+step.target, a.StatusCode)
		}
	}
	b.get("/s/second-unknown/").want(404)
	b.get("/s/").want(404)
	b.get(base + "/nope").want(404)
	if err := h.SetSecrets([][]byte{[]byte("another secret of at least 32 bytes, for tests")}); err != nil {
		t.Fatal(err)
	}
	if about(with("GET", base+"/keys"))["exists"] != false {
		t.Error("the second browser's cookie is still good under secrets that are gone")
	}
}

// A visit has at most three second browsers, which open none themselves. When the house is
// full a new one is refused, and nobody's open one makes room.
func TestSecondBrowsersAreBounded(t *testing.T) {
	t.Parallel()
	h, b, v := openLab(t, formJSON)
	base, _ := b.secondOf(v)
	b.post("/second", "page", v).want(200)
	b.post("/second", "page", v).want(200)
	b.post("/second", "page", v).want(429)
	b.post(base+"/second", "page", b.visit(base+"/")).want(400)
	for range h.capacity.browsers - 3 {
		other := newBrowser(t, h, formJSON)
		other.post("/second", "page", other.visit("/")).want(200)
	}
	other := newBrowser(t, h, formJSON)
	other.post("/second", "page", other.visit("/")).want(429, "there are 32, and no more are allowed")
	b.get(base + "/keys").want(200)
}

// Projector mode is a visit's: its pages are marked until it is switched off.
func TestProjector(t *testing.T) {
	_, b, v := openLab(t, formPage)
	b.get("/?page=" + v).wantNo("data-projector")
	next := b.post("/projector", "on", "1", "page", v).want(303).Header.Get("Location")
	b.get(next).want(200, "<html lang=\"en\" data-projector", "show values")
	b.get(b.post("/projector", "on", "0", "page", v).Header.Get("Location")).want(200).wantNo("data-projector")
	b.form = formJSON
	if out := b.post("/projector", "on", "1", "page", v).want(200).json(); out["op"] != "projector" || out["on"] != true {
		t.Errorf("as JSON: %v", out)
	}
	b.post("/projector").want(400)
	b.form = formFragment
	if got := b.post("/projector", "on", "1", "page", v).want(200).Header.Get("HX-Redirect"); !strings.HasPrefix(got, "/?x=") {
		t.Errorf("HX-Redirect %q", got)
	}
}
