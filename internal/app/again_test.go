package app

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// resultOf returns the words of the sentence under the buttons.
func resultOf(a answer) string {
	_, result, _ := strings.Cut(a.body, `<p id="result"`)
	result, _, _ = strings.Cut(result, "</p>")
	_, result, _ = strings.Cut(result, "</b>")
	result, _, _ = strings.Cut(result, "<time>")
	return strings.Join(strings.Fields(tag.ReplaceAllString(result, "")), " ")
}

var tag = regexp.MustCompile(`<[^>]*>`)

// After a restart the page's own request says what became of its session and why, shows that,
// and goes on with a new visit. A press says the same, with a script and without.
func TestFirstRequestAfterARestart(t *testing.T) {
	t.Parallel()
	const restarted = "The program was restarted: a new timeline begins."
	const none = " No session cookie came with this request, so there was no session to find again."
	const forged = " The cookie that came opened nothing: none of the secrets that the program has now signed it."
	const newSecret = forged + " Without --secret-file each start makes a new secret, and the memory store begins empty at each start."
	const forgotten = " The signature of the cookie that came fits, since the secret is the same. The cookie opened nothing all the same: the memory store begins empty at each start, and has no record of the session."
	const there = " The cookie that came opened the session ID, with the same ID, at version 1"
	const inCookie = there + ": its values are in the cookie, and the program still has the secret that signed it."
	const inFile = there + ": the program still has the secret that signed it, and SQLite kept the record on the server."
	const expired = " The cookie that came opened nothing: its session has expired."
	const dead = " The cookie that came opened nothing: its signature is valid, but its session has ended."
	newcomer := func(*again) {}
	for _, test := range []struct {
		name, store, placement string
		sameSecret             bool
		before                 func(*again)
		want                   string
	}{
		{"no session", "memory", "hybrid", false, newcomer, none},
		{"no session, same secret", "memory", "hybrid", true, newcomer, none},
		{"no session", "sqlite", "hybrid", true, newcomer, none},
		{"a new secret", "memory", "hybrid", false, (*again).set, newSecret},
		{"a new secret", "memory", "cookie", false, (*again).set, newSecret},
		{"a new secret", "memory", "server", false, (*again).set, newSecret},
		{"another secret", "sqlite", "hybrid", false, (*again).set, forged},
		{"the secret of before", "memory", "hybrid", true, (*again).set, forgotten},
		{"the secret of before", "memory", "server", true, (*again).set, forgotten},
		{"the secret of before", "memory", "cookie", true, (*again).set, inCookie},
		{"the file of before", "sqlite", "cookie", true, (*again).set, inCookie},
		{"the file of before", "sqlite", "hybrid", true, (*again).set, inFile},
		{"the file of before", "sqlite", "server", true, (*again).set, inFile},
		{"expired meanwhile", "sqlite", "server", true, (*again).setAndRest, expired},
		{"expired meanwhile", "memory", "cookie", true, (*again).setAndRest, expired},
		{"ended before by another client", "sqlite", "server", true, (*again).setAndLose, dead},
		{"ended before by another client", "sqlite", "cookie", true, (*again).setAndLose, dead},
	} {
		t.Run(strings.Join([]string{test.name, test.store, test.placement}, ", "), func(t *testing.T) {
			t.Parallel()
			for _, how := range []string{"the page asks", "a press with a script", "a press without"} {
				l := &again{t: t, store: test.store, placement: test.placement, clock: storetest.NewClock()}
				v := l.start("a secret of at least 32 bytes, for this test only")
				test.before(l)
				secret := "a secret of at least 32 bytes, for this test only"
				if !test.sameSecret {
					secret = "another secret of at least 32 bytes, for this test"
				}
				l.restart(secret)
				got, want := "", restarted+strings.ReplaceAll(test.want, "session ID,", "session "+l.id+",")
				switch how {
				case "the page asks":
					got = l.asks(v)
				case "a press with a script":
					l.form = formFragment
					next := l.get("/keys?page=" + v).want(200).Header.Get("HX-Redirect")
					l.form = formPage
					got = resultOf(l.get(next).want(200))
				case "a press without":
					l.form = formPage
					next := l.post("/clear-expired", "page", v).want(303).Header.Get("Location")
					got = resultOf(l.get(next).want(200))
				}
				if at := strings.Index(got, restarted); at < 0 || got[at:] != want {
					t.Errorf("%s: %s\nwant %s", how, got, want)
				}
			}
		})
	}
}

// again is a lab that is restarted, and a page of it.
type again struct {
	*browser
	t                *testing.T
	store, placement string
	clock            *storetest.Clock
	app              *App
	secret, id       string // of the page's visit, and the session's short name
	keep             func(*Config)
}

// start starts the lab, and opens a page of it.
func (l *again) start(secret string) (visit string) {
	l.t.Helper()
	for _, s := range stores.All {
		if s.Name == l.store {
			kept := s.Open(l.t, 0, l.clock.Now)
			l.keep = func(c *Config) {
				c.StoreName, c.Sessions.Now, c.Sessions.Backend = s.Name, l.clock.Now, kept
				if s.Name == "memory" {
					c.Sessions.Backend = s.Open(l.t, 0, l.clock.Now)
				}
			}
		}
	}
	l.restart(secret)
	l.browser = newBrowser(l.t, l.app, formPage)
	l.secret = l.visit("/")
	return l.secret
}

// restart ends the program, and starts it again with that secret.
func (l *again) restart(secret string) {
	l.t.Helper()
	if l.app != nil {
		l.app.Close()
	}
	l.clock.Move(time.Second)
	l.app = newApp(l.t, func(c *Config) { l.keep(c); c.Sessions.Secrets = [][]byte{[]byte(secret)} })
	if l.browser != nil {
		l.h = l.app
	}
}

func (l *again) set() {
	l.form = formJSON
	l.id = id(l.post("/set", "key", "name", "value", "Rahim", "placement", l.placement, "page", l.secret).want(200))
}

func (l *again) setAndRest() { l.set(); l.clock.Move(3 * time.Hour) }

// setAndLose has another client, which has the cookie too, end the session.
func (l *again) setAndLose() {
	l.set()
	r := l.request("POST", "/flush", "")
	newBrowser(l.t, l.app, formJSON).send(r).want(200)
}

// asks has the page ask what became of its session, and returns what it is told.
func (l *again) asks(v string) (result string) {
	l.t.Helper()
	l.form = formFragment
	a := l.get("/session?after=away&page=" + v).want(200)
	next := a.Header.Get(trace.VisitHeader)
	if next == "" || next == v || a.Header.Get("HX-Redirect") != "" {
		l.t.Errorf("the page goes on with the visit %q, and with another page %q", next, a.Header.Get("HX-Redirect"))
	}
	if n := len(a.entries()); n != 1 {
		l.t.Errorf("the new timeline has %d moments", n)
	}
	_, wire, _ := strings.Cut(a.body, `id="wire"`)
	if wire, _, _ = strings.Cut(wire, `id="server"`); !strings.Contains(wire, trace.VisitHeader) || strings.Contains(wire, next) {
		l.t.Error("the Wire panel shows the secret of the visit, or not the header that carries it")
	}
	// Asked again with the new visit, the program was not restarted.
	const same = "The connection was lost, and the program was not restarted."
	if second := resultOf(l.get("/session?after=away&page=" + next).want(200)); !strings.HasPrefix(second, same) {
		l.t.Errorf("asked again: %s", second)
	}
	l.form = formJSON
	if exists := l.get("/session").json()["exists"].(bool); exists != strings.Contains(resultOf(a), "opened the session") {
		l.t.Errorf("in JSON the session exists: %t", exists)
	}
	return resultOf(a)
}

// A visit that ended since its page was idle is told apart from a restart, and so is a
// connection that was lost.
func TestIdleIsNoRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, b, v := openLab(t, formFragment)
		defer h.Close()
		if got, want := resultOf(b.get("/session?after=away&page="+v).want(200)), "The connection was lost, and the program was not restarted. No session cookie came with this request, so there was no session to find again."; got != want {
			t.Errorf("no session: %s\nwant %s", got, want)
		}
		b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
		b.form = formJSON
		short := b.get("/session").json()["id"].(string)
		b.form = formFragment
		there := " The cookie that came opened the session " + short + ", with the same ID, at version 1."
		if got, want := resultOf(b.get("/session?after=away&page="+v).want(200)), "The connection was lost, and the program was not restarted."+there; got != want {
			t.Errorf("a lost connection: %s\nwant %s", got, want)
		}
		time.Sleep(hub.VisitLife + time.Second)
		const idle = "This page was idle for half an hour, and the program was not restarted: a new timeline begins."
		if got := resultOf(b.get("/session?after=away&page=" + v).want(200)); got != idle+there {
			t.Errorf("after half an hour: %s\nwant %s", got, idle+there)
		}
		time.Sleep(3 * time.Hour)
		if got, want := resultOf(b.get("/session?after=away&page="+v).want(200)), idle+" The cookie that came opened nothing: its session has expired."; got != want {
			t.Errorf("after three hours: %s\nwant %s", got, want)
		}
	})
}

// A page of an experiment is told the same, in the place of its problems.
func TestExperimentAfterARestart(t *testing.T) {
	t.Parallel()
	l := &again{t: t, store: "memory", placement: "hybrid", clock: storetest.NewClock()}
	v := l.start("a secret of at least 32 bytes, for this test only")
	l.set()
	l.restart("another secret of at least 32 bytes, for this test")
	l.form = formFragment
	r := l.request("GET", "/session?after=away&page="+v, "")
	r.Header.Set("HX-Current-URL", origin+"/experiments/change-one-letter")
	a := l.send(r).want(200, `hx-target="#problem"`, "The program was restarted", "none of the secrets that the program has now signed it").wantNo(`id="result"`)
	if a.Header.Get(trace.VisitHeader) == "" {
		t.Error("the page keeps the visit that has ended")
	}
}
