package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"
	echosession "github.com/labstack/echo-contrib/session"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
)

// Promise 10 of the engine: settle the status, commit, render.
func TestCommit(t *testing.T) {
	stage := func(a *App, c echo.Context) {
		s, err := a.seats.Root.Engine.Load(c.Request())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Set("staged", `"x"`); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name    string
		handler func(a *App, c echo.Context) error
		status  int
		saved   bool
	}{
		{"no body", func(a *App, c echo.Context) error { stage(a, c); return nil }, 200, true},
		{"no content", func(a *App, c echo.Context) error { stage(a, c); return c.NoContent(204) }, 204, true},
		{"a body", func(a *App, c echo.Context) error { stage(a, c); return c.String(200, "ok") }, 200, true},
		{"a 404 of its own", func(a *App, c echo.Context) error { stage(a, c); return c.String(404, "nothing") }, 404, true},
		{"a 500 of its own", func(a *App, c echo.Context) error { stage(a, c); return c.String(500, "broken") }, 500, false},
		{"an error", func(a *App, c echo.Context) error { stage(a, c); return errors.New("broken") }, 500, false},
		{"an error that is a 404", func(a *App, c echo.Context) error { stage(a, c); return echo.ErrNotFound }, 404, true},
		{"a refusal", func(a *App, c echo.Context) error {
			stage(a, c)
			return &session.InputError{Field: "key", Text: "no"}
		}, 422, false},
		{"a refusal that wraps Echo's error", func(a *App, c echo.Context) error {
			stage(a, c)
			return echo.NewHTTPError(400).SetInternal(&session.InputError{Field: "key", Text: "no"})
		}, 422, false},
		{"a refusal that Echo's error caused", func(a *App, c echo.Context) error {
			stage(a, c)
			return &problem{status: 422, cause: echo.ErrBadRequest}
		}, 422, false},
		{"an error that is a 503", func(a *App, c echo.Context) error { stage(a, c); return echo.NewHTTPError(503) }, 503, false},
		{"a panic", func(a *App, c echo.Context) error { stage(a, c); panic("broken") }, 500, false},
		{"gorilla, saved twice", func(a *App, c echo.Context) error {
			sess, err := echosession.Get(cookieName, c)
			if err != nil {
				return err
			}
			sess.Values["staged"] = "x"
			if err := sess.Save(c.Request(), c.Response()); err != nil {
				return err
			}
			sess.Values["more"] = "y"
			if err := sess.Save(c.Request(), c.Response()); err != nil {
				return err
			}
			return c.String(200, "ok")
		}, 200, true},
		{"gorilla, saved too late", func(a *App, c echo.Context) error {
			sess, err := echosession.Get(cookieName, c)
			if err != nil {
				return err
			}
			if err := c.String(200, "written first"); err != nil {
				return err
			}
			sess.Values["staged"] = "x"
			if err := sess.Save(c.Request(), c.Response()); !errors.Is(err, errTooLate) {
				t.Errorf("a save after the first byte: %v, want errTooLate", err)
			}
			return nil
		}, 200, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newApp(t, nil)
			a.echo.GET("/test", func(c echo.Context) error { return test.handler(a, c) },
				echosession.Middleware(gorillaStore{}))
			b := newBrowser(t, a, formJSON)
			got := b.get("/test")
			if got.StatusCode != test.status || (got.Header.Get("Set-Cookie") != "") != test.saved {
				t.Errorf("status %d, Set-Cookie %q; want %d, saved %v", got.StatusCode, got.Header.Get("Set-Cookie"), test.status, test.saved)
			}
			if found := b.get("/get?key=staged").json()["found"]; found != test.saved {
				t.Errorf("found %v, want %v", found, test.saved)
			}
		})
	}
}

// What cannot be saved any more is at least not answered with a 200.
func TestLateCommitFails(t *testing.T) {
	var down bool
	a := newApp(t, func(c *Config) { c.Sessions.Backend = failing(&down) })
	a.echo.GET("/test", func(c echo.Context) error {
		s, err := a.seats.Root.Engine.Load(c.Request())
		if err != nil {
			return err
		}
		down = true
		if err := s.Set("a", `"x"`); err != nil {
			return err
		}
		return c.String(200, "ok")
	})
	if got := newBrowser(t, a, formJSON).get("/test"); got.StatusCode != 503 || got.Header.Get("Set-Cookie") != "" {
		t.Errorf("status %d, headers %v", got.StatusCode, got.Header)
	}
}

// A flush acts when called, even if the page then fails: its cookie travels too.
func TestFlushThenFail(t *testing.T) {
	a := newApp(t, nil)
	a.echo.POST("/test", func(c echo.Context) error {
		s, err := a.seats.Root.Engine.Load(c.Request())
		if err != nil {
			return err
		}
		if err := s.Flush(c.Request().Context()); err != nil {
			return err
		}
		return errors.New("broken")
	})
	b := newBrowser(t, a, formJSON)
	b.post("/set", "key", "a", "value", "1")
	if got := b.post("/test").want(500); !strings.Contains(got.Header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("Set-Cookie %q", got.Header.Get("Set-Cookie"))
	}
	b.get("/session").want(200, `"exists":false`, `"sessions":0`)
}

// After the commit a failing template is no error: the answer says what was done.
func TestRenderFails(t *testing.T) {
	for _, broken := range []renderer{
		func(context.Context, io.Writer, templ.Component) error { return errors.New("broken template") },
		func(context.Context, io.Writer, templ.Component) error { panic("broken template") },
	} {
		for _, f := range []form{formPage, formFragment} {
			a := newApp(t, nil)
			a.render = broken
			b := newBrowser(t, a, f)
			r := b.post("/set", "key", "a", "value", "1")
			if f == formPage {
				r = b.get(r.want(303).Header.Get("Location"))
			}
			r.want(200, "Done: set")
			b.form = formJSON
			b.get("/keys").want(200, `"keys":["a"]`)
		}
	}
	a := newApp(t, nil)
	a.render = func(context.Context, io.Writer, templ.Component) error { return errors.New("broken template") }
	newBrowser(t, a, formPage).get("/").want(500)
	for _, broken := range []renderer{a.render, func(context.Context, io.Writer, templ.Component) error { panic("broken template") }} {
		a.render = broken
		newBrowser(t, a, formPage).get("/nope").want(404, "There is no such page.") // a refusal keeps its status
	}
}

// A panic is contained: one answer, and the next request is served.
func TestPanic(t *testing.T) {
	a := newApp(t, nil)
	a.echo.GET("/test", func(echo.Context) error { panic("a secret detail") })
	for _, f := range forms {
		b := newBrowser(t, a, f)
		b.get("/test").want(500, "Something went wrong").wantNo("secret detail")
		b.get("/").want(200)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"store name": func(c *Config) { c.StoreName = "" },
		"hosts":      func(c *Config) { c.Hosts = nil },
		"assets":     func(c *Config) { c.Assets = nil },
		"version":    func(c *Config) { c.Version = "" },
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

func TestFormOf(t *testing.T) {
	for _, test := range []struct {
		headers http.Header
		want    form
	}{
		{http.Header{}, formPage},
		{http.Header{"Accept": {"*/*"}}, formPage},
		{http.Header{"Accept": {"text/html,application/xhtml+xml,*/*;q=0.8"}}, formPage},
		{http.Header{"Accept": {"application/json"}}, formJSON},
		{http.Header{"Accept": {"application/json, text/plain, */*"}}, formJSON},
		{http.Header{"Accept": {"text/html", "application/json;q=0.5"}}, formPage},
		{http.Header{"Accept": {"text/html;q=0.2, application/json;q=0.5"}}, formJSON},
		{http.Header{"Accept": {"application/json;q=0"}}, formPage},
		{http.Header{"Accept": {";;;", "a/b/c"}}, formPage},
		{http.Header{"Hx-Request": {"true"}, "Accept": {"text/html, text/event-stream"}}, formFragment},
		{http.Header{"Hx-Request": {"true"}, "Hx-Boosted": {"true"}}, formPage},
		{http.Header{"Hx-Request": {"true"}, "Hx-History-Restore-Request": {"true"}}, formPage},
	} {
		if got := formOf(&http.Request{Header: test.headers}); got != test.want {
			t.Errorf("%v: %v, want %v", test.headers, got, test.want)
		}
	}
}

func TestHosts(t *testing.T) {
	for _, test := range []struct {
		addr  string
		own   []string
		also  []string
		host  string
		allow bool
	}{
		{"127.0.0.1:8080", nil, nil, "127.0.0.1:8080", true},
		{"127.0.0.1:8080", nil, nil, "localhost:8080", true},
		{"127.0.0.1:8080", nil, nil, "LOCALHOST:8080", true},
		{"127.0.0.1:8080", nil, nil, "[::1]:8080", true},
		{"127.0.0.1:8080", nil, nil, "localhost", false},
		{"127.0.0.1:8080", nil, nil, "localhost:8081", false},
		{"127.0.0.1:8080", nil, nil, "localhost.evil.example:8080", false},
		{"127.0.0.1:8080", nil, nil, "evil.example:8080", false},
		{"127.0.0.1:8080", nil, nil, "", false},
		{"127.0.0.1:8080", nil, nil, "[localhost:8080]:9090", false},
		{"127.0.0.1:8080", nil, []string{"lab.example"}, "[lab.example]:9090", false},
		{"127.0.0.1:80", nil, nil, "localhost", true},
		{"127.0.0.1:80", nil, nil, "[::1]", true},
		{"192.0.2.7:8080", nil, nil, "192.0.2.7:8080", true},
		{"127.0.0.1:8080", nil, []string{"Lab.example"}, "lab.example", true},
		{"127.0.0.1:8080", nil, []string{"Lab.example"}, "lab.example:9000", true},
		{"127.0.0.1:8080", nil, []string{"lab.example:9000"}, "lab.example:9000", true},
		{"127.0.0.1:8080", nil, []string{"lab.example:9000"}, "lab.example", false},
		// The machine's own name, for which it was told to listen.
		{"192.0.2.7:8080", []string{"lab-pc", "lab-pc.local"}, nil, "lab-pc:8080", true},
		{"192.0.2.7:8080", []string{"lab-pc"}, nil, "LAB-PC.:8080", true},
		{"192.0.2.7:8080", []string{"lab-pc"}, nil, "lab-pc:8081", false},
		{"192.0.2.7:8080", []string{"lab-pc"}, nil, "lab-pc.evil.example:8080", false},
		{"192.0.2.7:8080", nil, nil, "lab-pc:8080", false},
		{"192.0.2.7:80", []string{"lab-pc"}, nil, "lab-pc", true},
		{"192.0.2.7:8080", nil, nil, "192.0.2.8:8080", false},
		// A name with a dot at its end is the same name.
		{"127.0.0.1:8080", nil, nil, "localhost.:8080", true},
		{"127.0.0.1:8080", nil, nil, "localhost..:8080", false},
		{"127.0.0.1:8080", nil, []string{"lab.example"}, "lab.example.", true},
		// An address is the same one however it is written, and one in brackets is for any port.
		{"127.0.0.1:8080", nil, nil, "[0:0:0:0:0:0:0:1]:8080", true},
		{"127.0.0.1:8080", nil, nil, "[::1]:8081", false},
		{"127.0.0.1:8080", nil, []string{"[::1]"}, "[::1]:9000", true},
		{"127.0.0.1:8080", nil, []string{"[::1]"}, "[::1]", true},
		{"127.0.0.1:8080", nil, []string{"[::1]"}, "[::2]:9000", false},
		{"127.0.0.1:8080", nil, []string{"[::1]"}, "::1", false},
		{"127.0.0.1:8080", nil, []string{"[::1]:9000"}, "[::1]:9001", false},
		// Who leaves the port out means that of the scheme.
		{"127.0.0.1:8080", nil, []string{"lab.example:443"}, "lab.example", true},
		{"127.0.0.1:8080", nil, []string{"lab.example:443"}, "lab.example:80", false},
	} {
		hosts, err := LocalHosts(addr(test.addr), test.own, test.also)
		if err != nil {
			t.Fatal(err)
		}
		if got := hosts.allow(test.host); got != test.allow {
			t.Errorf("listening on %s, also %v: Host %q allowed: %v, want %v", test.addr, test.also, test.host, got, test.allow)
		}
	}
	all, err := LocalHosts(addr("[::]:8080"), nil, nil)
	if err != nil || !all.allow("127.0.0.1:8080") || all.allow("evil.example:8080") {
		t.Errorf("listening on all: %v, %v", all, err)
	}
	// An address that the machine got later: known by the connections that come to it.
	at := func(local string, host string) bool {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		ip, port, _ := net.SplitHostPort(local)
		n, _ := strconv.Atoi(port)
		return reached(r.WithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.ParseIP(ip), Port: n, Zone: "eth0"})))
	}
	for _, test := range []struct {
		local, host string
		want        bool
	}{
		{"192.0.2.9:8080", "192.0.2.9:8080", true},
		{"192.0.2.9:80", "192.0.2.9", true},
		{"[fe80::9]:8080", "[fe80::9]:8080", true},
		{"192.0.2.9:8080", "192.0.2.10:8080", false},
		{"192.0.2.9:8080", "192.0.2.9:8081", false},
		{"192.0.2.9:8080", "evil.example:8080", false},
	} {
		if got := at(test.local, test.host); got != test.want {
			t.Errorf("a connection to %s with Host %s: %v, want %v", test.local, test.host, got, test.want)
		}
	}
}

// The addresses for other machines: those that a phone on the same Wi-Fi reaches come
// first, those of tunnels and of machines inside this one last.
func TestElsewhere(t *testing.T) {
	for _, test := range []struct{ interfaces, want string }{
		{"lo=127.0.0.1 lo=::1 docker0=172.17.0.1 eth0=203.0.113.4 wlan0=192.168.1.5 wlan0=fe80::1 wlan0=fd00::5", "192.168.1.5 203.0.113.4 172.17.0.1"},
		{"tun0=10.8.0.2 eth0=10.0.0.7", "10.0.0.7 10.8.0.2"},
		{"eth0=169.254.3.4 eth0=fe80::2", ""},
		{"eth0=fd00::2 eth0=fe80::2 docker0=fd01::1", "fd00::2"},
		{"eth0=10.0.0.1 eth1=10.0.0.2 eth2=10.0.0.3 eth3=10.0.0.4", "10.0.0.1 10.0.0.2 10.0.0.3"},
		{"", ""},
	} {
		var all []candidate
		for field := range strings.FieldsSeq(test.interfaces) {
			name, ip, _ := strings.Cut(field, "=")
			all = append(all, candidate{name, name == "tun0", netip.MustParseAddr(ip)})
		}
		var got []string
		for _, ip := range ranked(all) {
			got = append(got, ip.String())
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%s: %q, want %q", test.interfaces, got, test.want)
		}
	}
	for _, one := range []addr{"127.0.0.1:8080", "192.0.2.7:8080", "[::1]:8080"} {
		if got := Elsewhere(one); got != nil {
			t.Errorf("listening on %s: %v", one, got)
		}
	}
}

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }

func TestResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rs results
		count := func() int {
			rs.mu.Lock()
			defer rs.mu.Unlock()
			return len(rs.kept)
		}
		for n := range maxResults + 10 {
			rs.put(fmt.Sprint(n), result{})
		}
		if n := count(); n != maxResults {
			t.Errorf("%d results kept, at most %d", n, maxResults)
		}
		for _, test := range []struct {
			token string
			after time.Duration
			want  bool
		}{
			{"nonsense", 0, false}, {"", 0, false},
			{"0", 0, false},   // made room
			{"209", 0, true},  // once
			{"209", 0, false}, // not twice
			{"208", 59 * time.Second, true},
			{"207", time.Second, false}, // a minute is over
		} {
			time.Sleep(test.after)
			if _, ok := rs.take(test.token); ok != test.want {
				t.Errorf("%q after %v: %v, want %v", test.token, test.after, ok, test.want)
			}
		}
		if n := count(); n != 0 {
			t.Errorf("%d results are kept for more than a minute", n)
		}
	})
}

// The steps never say that no cookie came when one did, although the engine
// could say nothing of it, and a long text is cut between characters.
func TestStepsOfAnOutage(t *testing.T) {
	var down bool
	b := newBrowser(t, newApp(t, func(c *Config) { c.Sessions.Backend = failing(&down) }), formPage)
	if page := b.get("/").body; !strings.Contains(page, "no cookie") {
		t.Error("the control: a first visit does not say that there was no cookie")
	}
	b.post("/set", "key", "name", "value", "Rahim")
	down = true
	w := b.get("/")
	if w.StatusCode != http.StatusServiceUnavailable || strings.Contains(w.body, "no cookie") {
		t.Errorf("status %d, and the page says that no cookie came: %v", w.StatusCode, strings.Contains(w.body, "no cookie"))
	}
	if got := say.Shown(strings.Repeat("ü", 10), 5); got != "üü… (20 B in all)" {
		t.Errorf("cut: %q", got)
	}
}
