package app

import (
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/views"
)

// The page about the screen says what is there, and has the licence of all that is inside. It
// is no moment of a visit, and sets no cookie.
func TestAbout(t *testing.T) {
	_, b, v := openLab(t, formPage)
	b.post("/set", "key", "name", "value", "Rahim", "page", v)
	page := b.get("/about").want(200, "What is on this screen", "Three panels", "Hybrid", "Pin a copy", "Put back", "Tamper", "Check a value", "Second browser", "memory, which is empty at each start", "Version", "Marker", "the program&#39;s own licence", "Zero-Clause BSD", "nothing leaves this machine")
	if page.Header.Get("Set-Cookie") != "" || page.secret() != "" {
		t.Error("the page has a cookie or a visit")
	}
	for _, m := range modules() {
		page.want(200, `href="https://pkg.go.dev/`+m.Path+"@"+m.Version+`?tab=licenses"`)
	}
	if n := len(b.get("/?page=" + v).entries()); n != 3 {
		t.Errorf("the visit has %d moments, want 3: opened, created, opened", n)
	}
	base, _ := b.secondOf(v)
	b.get(base+"/about").want(200, `href="`+base+`/about#licences"`, `href="`+base+`/"`)
	b.form = formJSON
	b.get("/about").want(200, `{"op":"about","version":"test","modules":[`)
}

// Each page says where things go, and that nothing leaves the machine only where that is true.
func TestFooterSaysWhatLeavesTheMachine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		reach views.Reach
		want  string
	}{
		{"at home", views.Reach{}, "nothing leaves this machine"},
		{"on the network", views.Reach{Addr: "192.0.2.7:8080"}, "served at 192.0.2.7:8080: others on this network can reach it"},
		{"behind a proxy", views.Reach{Names: []string{"lab.example"}}, "answers to lab.example: others may reach it through a proxy"},
		{"Redis elsewhere", views.Reach{Redis: "db.example:6379"}, "records are kept in Redis at db.example:6379"},
	} {
		b := newBrowser(t, newApp(t, func(c *Config) { c.Reach = test.reach }), formPage)
		for _, target := range []string{"/", "/experiments", "/experiments/born-on-first-write", "/about", "/nope"} {
			a := b.get(target)
			_, foot, _ := strings.Cut(a.body, `<footer class="foot">`)
			if text := strings.Join(strings.Fields(textOnly(foot)), " "); !strings.Contains(text, test.want) || !strings.HasPrefix(text, "Sessionscope test · ") || strings.Contains(text, "nothing leaves") != test.reach.Home() {
				t.Errorf("%s, %s: %q, want %q", test.name, target, text, test.want)
			}
		}
	}
}
