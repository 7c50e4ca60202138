package app

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// New refuses a Config in which something is missing.
func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"store name": func(c *Config) { c.StoreName = "" },
		"hosts":      func(c *Config) { c.Hosts = nil },
		"assets":     func(c *Config) { c.Assets = nil },
		"version":    func(c *Config) { c.Version = "" },
		"licence":    func(c *Config) { c.Licence = "" },
		"log":        func(c *Config) { c.Log = nil },
		"backend":    func(c *Config) { c.Sessions.Backend = nil },
		"secrets":    func(c *Config) { c.Sessions.Secrets = nil },
	} {
		cfg := newApp(t, nil).cfg // complete
		if _, err := New(cfg); err != nil {
			t.Fatal(err) // the control
		}
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("no %s: no error", name)
		}
	}
}

// Each action answers as a page, as a fragment and in JSON, sets a cookie only when it must, and has
// the headers that protect pages.
func TestEveryRouteInEveryForm(t *testing.T) {
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrowser(t, newApp(t, nil), f)
			for _, step := range actions {
				a := b.do(step)
				label := step.method + " " + step.target + " " + strings.Join(step.form, " ")
				if got := a.Header.Get("Set-Cookie") != ""; got != step.wantCookie {
					t.Errorf("%s: Set-Cookie %q, want one: %v", label, a.Header.Get("Set-Cookie"), step.wantCookie)
				}
				for header, want := range map[string]string{
					"Vary": "Accept, Cookie, HX-Request", "Cache-Control": "no-store",
					"X-Content-Type-Options": "nosniff", "Content-Security-Policy": contentPolicy,
					"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
				} {
					if got := a.Header.Get(header); got != want {
						t.Errorf("%s: %s is %q, want %q", label, header, got, want)
					}
				}
				switch {
				case f == formJSON:
					a.want(200)
					if got := a.Header.Get("Content-Type"); got != "application/json" {
						t.Errorf("%s: Content-Type %q", label, got)
					}
					if op, _ := a.json()["op"].(string); op != step.wantOp {
						t.Errorf("%s: op %q, want %q", label, op, step.wantOp)
					}
				case f == formFragment:
					a.want(200, step.wantSays, "<hx-partial", `id="result"`, `id="browser"`, `id="wire"`, `id="server"`).wantNo("<html", "<style", "style=", "<script")
				case step.method == "GET":
					a.want(200, step.wantSays, "<html", "<form").wantNo("<hx-partial", "style=", "<style")
					wantUniqueIDs(t, label, a.body)
				default:
					a.want(303)
					next := a.Header.Get("Location")
					if !strings.HasPrefix(next, "/?x=") || len(next) < 4+26 {
						t.Fatalf("%s: Location %q", label, next)
					}
					b.get(next).want(200, step.wantSays, "<html")
					if _, again, _ := strings.Cut(b.get(next).body, `id="result"`); strings.Contains(again[:strings.Index(again, "</p>")], step.wantSays) && !strings.Contains(step.wantSays, "session") {
						t.Errorf("%s: the result is shown twice", label)
					}
				}
			}
		})
	}
}

// HEAD is answered wherever GET is.
func TestHead(t *testing.T) {
	b := newBrowser(t, newApp(t, nil), formJSON)
	for _, target := range []string{"/", "/get?key=a", "/keys", "/session", "/healthz"} {
		b.send(b.request("HEAD", target, "")).want(200)
	}
}

// A route that is missing in one of these places would be untested, or its press would have
// the words of a look and no code.
func TestEveryRouteHasItsParts(t *testing.T) {
	t.Parallel()
	elsewhere := map[string]string{ // routes that are in no action, and the tests that call them
		"/tamper": "copy_test.go", "/pin": "copy_test.go", "/replay": "copy_test.go", "/drop-cookie": "copy_test.go", "/put-back": "copy_test.go",
		"/plant": "plant_test.go", "/check": "check_test.go", "/exchanges/:n": "moments_test.go", "/moment": "public_test.go", "/lesson": "lesson_test.go", "/events": "events_test.go",
		"/second": "browsers_test.go", "/projector": "browsers_test.go", "/healthz": "stores_test.go", "/assets/*": "http_test.go", "/about": "about_test.go", "/quit": "quit_test.go",
		"/join": "join_test.go", "/join/spin": "join_test.go", "/join/back": "join_test.go", "/class": "classpage_test.go", "/class/heard": "classpage_test.go", "/class/events": "classpage_test.go",
		"/class/answer": "classanswer_test.go", "/classroom/pause": "pause_test.go", "/classroom/resume": "pause_test.go", "/classroom": "seatlimits_test.go", "/classroom/begin": "seatlimits_test.go",
		"/class/browser": "browsergrid_test.go", "/classroom/browsers": "browsergrid_test.go", "/classroom/browser": "browsergrid_test.go",
		"/classroom/events": "board_test.go", "/classroom/screen": "board_test.go", "/classroom/door": "boardacts_test.go", "/classroom/door/let-in": "boardacts_test.go",
		"/classroom/give-back": "boardacts_test.go", "/classroom/remove": "boardacts_test.go", "/classroom/doctor": "boardacts_test.go",
		"/classroom/open": "ask_test.go", "/classroom/close": "ask_test.go", "/classroom/hands": "ask_test.go", "/classroom/reveal": "ask_test.go", "/classroom/done": "ask_test.go",
		"/classroom/rehearse": "rehearsal_test.go",
		"/classroom/everyone": "everyone_test.go", "/class/became": "everyone_test.go",
		"/classroom/end": "ending_test.go", "/classroom/export.html": "export_test.go", "/classroom/export.csv": "export_test.go", "/classroom/data": "classkept_test.go",
		"/classroom/plan": "plan_test.go", "/classroom/next": "plan_test.go", "/classroom/plan/back": "plan_test.go", "/classroom/plan/again": "plan_test.go", "/classroom/plan/leave": "plan_test.go",
		"/experiments": "experiments_test.go", "/experiments/:slug": "experiments_test.go", "/experiments/:slug/run": "experiments_test.go",
		"/experiments/:slug/result": "experiments_test.go", "/experiments/:slug/live/:run/*": "experimentlive_test.go",
	}
	called := map[string]bool{}
	for _, s := range actions {
		path, _, _ := strings.Cut(s.target, "?")
		called[path] = true
	}
	for path, file := range elsewhere {
		source, err := os.ReadFile(file)
		if begin, _, _ := strings.Cut(path, "/:"); err != nil || !strings.Contains(string(source), strings.TrimSuffix(begin, "*")) {
			t.Errorf("%s has no test of %s: %v", file, path, err)
		}
	}
	found := map[string]bool{}
	w := openClassWorld(t, nil)
	for _, route := range append(w.app.echo.Routes(), w.class.lab.echo.Routes()...) {
		if found[route.Path] = true; called[route.Path] == (elsewhere[route.Path] != "") {
			t.Errorf("%s must be in actions, or in this test's list, and not in both", route.Path)
		}
	}
	for path := range elsewhere {
		if !found[path] {
			t.Errorf("%s is no route any more", path)
		}
	}
	facts := func(op string) trace.Seen { return trace.Exchange{Did: trace.Did{Op: op}}.Seen(trace.HideNothing) }
	for op := range acts {
		if !found["/"+op] && op != "lab" {
			t.Errorf("%s has code, and no route", op)
		}
		if look := say.Press(facts("")); op != "lab" && op != "session" && reflect.DeepEqual(say.Press(facts(op)), look) {
			t.Errorf("%s has no words of its own in say: it says %v", op, look)
		}
	}
}
