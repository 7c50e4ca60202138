package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A lab that is for this machine only has nothing for a connection that came for a class, before
// the class is open and after it has ended. The control is a lab that the network may use.
func TestNetworkWithoutAClass(t *testing.T) {
	t.Parallel()
	for _, home := range []bool{true, false} {
		a := newApp(t, func(c *Config) { c.Class = &ClassConfig{Seats: 1, Home: home} })
		for _, path := range []string{"/", "/join", "/experiments", "/healthz"} {
			code, body := answered(a, from(newRequest("GET", path, ""), "192.168.77.2"))
			if refused := code == 404 && strings.Contains(body, "There is no class here now."); refused != home {
				t.Errorf("home %t, %s: %d %s", home, path, code, body)
			}
		}
		if code, _ := answered(a, from(newRequest("GET", "/", ""), "127.0.0.1")); code != 200 {
			t.Errorf("home %t: this machine gets %d", home, code)
		}
	}
}

// A name of the class is a Host for the network, at the door and at a seat, and none for this
// machine: there it would stand for whatever device claims the name.
func TestNamesOfAClass(t *testing.T) {
	t.Parallel()
	a := newClass(t, func(c *Config) { c.Class.Names = Hosts{"lab.example": true} })
	seat := sits(t, a, "one")
	for _, test := range []struct {
		path, remote, host string
		want               int
	}{
		{"/healthz", "192.168.77.2", "lab.example:8080", 200},
		{seat + "/keys", "192.168.77.2", "lab.example:8080", 200},
		{"/healthz", "192.168.77.2", "evil.example:8080", 421},
		{seat + "/keys", "192.168.77.2", "evil.example:8080", 421},
		{"/healthz", "127.0.0.1", "lab.example:8080", 421},
		{"/healthz", "127.0.0.1", "127.0.0.1:8080", 200},
	} {
		r := from(newRequest("GET", test.path, ""), test.remote)
		r.Host = test.host
		if code, body := answered(a, r); code != test.want {
			t.Errorf("%s from %s as %s: %d %s, want %d", test.path, test.remote, test.host, code, body, test.want)
		}
	}
}

// While a class is open its own setting decides whether requests are logged.
func TestLogOfAClass(t *testing.T) {
	t.Parallel()
	for _, logs := range []bool{true, false} {
		var lines bytes.Buffer
		a := newClass(t, func(c *Config) {
			c.Log, c.LogRequests, c.Class.LogRequests = slog.New(slog.NewTextHandler(&lines, nil)), !logs, logs
		})
		answered(a, from(newRequest("GET", "/join", ""), "192.168.77.2"))
		if got := strings.Contains(lines.String(), "route=/join status=200"); got != logs {
			t.Errorf("asked for %t:\n%s", logs, &lines)
		}
	}
}

// A link waits until it is used.
func TestLinkWaits(t *testing.T) {
	t.Parallel()
	a := newClass(t, nil)
	link := a.TeacherLink()
	if !a.LinkWaits(link) || a.LinkWaits("/classroom?key=x") || a.LinkWaits("") {
		t.Errorf("a new link waits: %t; one that nobody made: %t", a.LinkWaits(link), a.LinkWaits("/classroom?key=x"))
	}
	_, key, _ := strings.Cut(link, "key=")
	if a.openClass().teachers.waits(key, time.Now().Add(teacherKeyLife)) {
		t.Error("an old link waits")
	}
	if code, _ := answered(a, from(newRequest("GET", link, ""), "127.0.0.1")); code != 303 || a.LinkWaits(link) {
		t.Errorf("used: %d, it waits: %t", code, a.LinkWaits(link))
	}
}
