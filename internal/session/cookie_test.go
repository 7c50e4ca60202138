package session_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// flip changes one letter of a base64 text.
func flip(text string, at int) string {
	c := byte('A')
	if text[at] == c {
		c = 'B'
	}
	return text[:at] + string(c) + text[at+1:]
}

// If it failed, a cookie with one letter changed, the first, the last or one between them,
// would open its session.
func TestCookieWithOneLetterChangedOpensNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.set("name", "Rahim")
		whole := b.cookie
		b.wantKeys("name") // the control
		for i := range whole {
			b.cookie = flip(whole, i)
			if s := b.load(); s.Exists() {
				t.Fatalf("letter %d of %d changed, and the cookie still opens", i, len(whole))
			}
		}
	})
}

// If it failed, the lab would not say that a cookie is stale, or a lost answer would make
// every later write fail. Of cookie-held values the last writer's count.
func TestStaleCookieIsToldAndMayWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.set("name", "first")
		old := b.twin()
		b.set("name", "second")
		if got := b.load().Info().Verdict; got != session.VerdictOK {
			t.Errorf("the newest cookie is %q", got)
		}
		s := old.load()
		if v, _ := s.Get("name"); s.Info().Verdict != session.VerdictStale || v != `"first"` {
			t.Errorf("verdict %q, value %s", s.Info().Verdict, v)
		}
		old.set("name", "third") // not refused
		if got := old.load().Info().Verdict; got != session.VerdictOK {
			t.Errorf("after a write the cookie is %q", got)
		}
	})
}

// If it failed, a session ID, which opens the session, would stand in a store, an event or
// a page (promise 13).
func TestIDStaysInTheCookie(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		b.do(func(s *session.Session) { s.CycleID() })
		s := b.do(nil)
		id := s.Info().Cookie.Envelope().ID
		if raw, _ := base64.URLEncoding.DecodeString(b.cookie); len(id) != 26 || len(raw) == 0 {
			t.Fatalf("ID %q", id)
		}
		info := s.Info()
		info.Cookie = nil
		seen := fmt.Sprintf("%+v %s", info, info.Record)
		for entry := range e.backend.All(t.Context()) {
			seen += fmt.Sprintf("%+v %s", entry, entry.Data)
		}
		seen += fmt.Sprintf("%+v", e.events)
		if strings.Contains(seen, id) {
			t.Error("the ID is seen outside the cookie")
		}
		if !strings.Contains(seen, session.KeyOf(id).Name().String()) {
			t.Error("the control: its short name is not seen either")
		}
	})
}

// If it failed, a rotation of secrets would log people out, or a late answer to a read would
// undo a newer cookie (promise 14).
func TestReadsKeepTheOldSecretsCookie(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		old := newEngine(t, nil)
		b := old.browser(t)
		b.born(p)
		b.e = old.withSecrets(t, freshSecret, secret)
		s := b.do(nil)
		if got := s.Info().Cookie; p != session.OnServer && got.Key != 2 || got.Keys != 2 {
			t.Errorf("verified by key %d of %d", got.Key, got.Keys)
		}
		if sent := s.SetCookie() != nil; sent != (p == session.OnServer) {
			t.Errorf("a read re-sent the cookie: %v", sent)
		}
		b.set("more", "x")
		b.e = old.withSecrets(t, freshSecret)
		b.wantKeys("big", "more", "name")
	})
}

// If it failed, a second cookie of the same name, from another path or a parent domain,
// could hide or change the session.
func TestFirstCookieThatVerifiesCounts(t *testing.T) {
	e := newEngine(t, nil)
	one, two := e.browser(t), e.browser(t)
	one.set("one", "1")
	two.set("two", "2")
	for _, test := range []struct {
		cookies []string
		want    []string
	}{
		{[]string{"junk", one.cookie}, []string{"one"}},
		{[]string{one.cookie, "junk"}, []string{"one"}},
		{[]string{one.cookie, two.cookie}, []string{"one"}},
		{[]string{two.cookie, one.cookie}, []string{"two"}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for _, c := range test.cookies {
			r.AddCookie(&http.Cookie{Name: "sessionscope", Value: c})
		}
		s, err := e.Load(r)
		must(t, err)
		if diff := cmp.Diff(test.want, s.Keys()); diff != "" {
			t.Errorf("keys (-want +got):\n%s", diff)
		}
	}
}

// If it failed, a flush would not expire the browser's cookie, or scripts could read it.
func TestCookiesHaveTheConfiguredAttributes(t *testing.T) {
	e := newEngine(t, func(c *session.Config) { c.Secure, c.CookiePath, c.CookieName = true, "/s/x/", "a" })
	r := httptest.NewRequest("GET", "/", nil)
	s, err := e.Load(r)
	must(t, err)
	must(t, s.Set("k", "1"))
	must(t, s.Commit(t.Context()))
	for _, c := range []*http.Cookie{s.SetCookie(), func() *http.Cookie { must(t, s.Flush(t.Context())); return s.SetCookie() }()} {
		if c.Name != "a" || c.Path != "/s/x/" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %+v", c)
		}
	}
}

// If it failed, a secret that serves two ports or seats would not open their sessions, or
// securecookie's own thirty days would end a session before its deadline.
func TestSignatureCoversPurposeNotName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, func(c *session.Config) { c.Lifetime, c.IdleTimeout = 90*24*time.Hour, 90*24*time.Hour })
		b := e.browser(t)
		b.set("a", "1")
		time.Sleep(60 * 24 * time.Hour)
		b.wantKeys("a")

		named := newEngine(t, func(c *session.Config) {
			c.Backend, c.CookieName, c.Lifetime = e.backend, "other", 90*24*time.Hour
		})
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "other", Value: b.cookie})
		if s, err := named.Load(r); err != nil || !s.Exists() {
			t.Errorf("under another name: %v", err)
		}

		shorter := newEngine(t, func(c *session.Config) { c.Backend, c.Lifetime = e.backend, time.Hour })
		b.e = shorter
		if got := b.load().Info().Verdict; got != session.VerdictExpired {
			t.Errorf("with a shorter lifetime the verdict is %q", got)
		}
	})
}

// If it failed, a cookie whose last letter has other spare bits, which base64 ignores, would
// open its session.
func TestSpareBitsOfTheLastLetterCount(t *testing.T) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	e := newEngine(t, nil)
	for _, text := range []string{"R", "Ra", "Rah"} { // one of them leaves spare bits
		b := e.browser(t)
		b.set("name", text)
		whole := b.cookie
		at := len(strings.TrimRight(whole, "=")) - 1
		for _, c := range letters {
			b.cookie = whole[:at] + string(c) + whole[at+1:]
			if opens := b.load().Exists(); opens != (b.cookie == whole) {
				t.Errorf("%q instead of %q: opens %v", c, whole[at], opens)
			}
		}
	}
}

// If it failed, the browser would drop the cookie up to a second before the session ends.
func TestMaxAgeRoundsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newEngine(t, nil).browser(t)
		b.set("a", "1")
		time.Sleep(500 * time.Millisecond)
		if s := b.set("a", "2"); s.SetCookie().MaxAge != 28800 {
			t.Errorf("Max-Age %d half a second later, want 28800", s.SetCookie().MaxAge)
		}
	})
}

// If it failed, sessions in use would end when the old secret is removed.
func TestWriteSignsWithTheNewKey(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		old := newEngine(t, nil)
		b := old.browser(t)
		b.born(p)
		b.e = old.withSecrets(t, freshSecret, secret)
		b.set("more", "x")
		b.e = old.withSecrets(t, freshSecret)
		b.wantKeys("big", "more", "name")
	})
}

// If it failed, a request with several acts would send the cookie of an earlier one.
func TestLastCookieOfARequestCounts(t *testing.T) {
	b := newEngine(t, nil).browser(t)
	s := b.load()
	must(t, s.Set("a", "1"))
	must(t, b.commit(s))
	must(t, s.Flush(t.Context()))
	if c := s.SetCookie(); c == nil || c.MaxAge != -1 {
		t.Errorf("after set and flush the cookie is %v", c)
	}
	must(t, s.Set("b", "2"))
	must(t, b.commit(s))
	if c := s.SetCookie(); c == nil || c.MaxAge <= 0 {
		t.Errorf("after flush and set the cookie is %v", c)
	}
	b.wantKeys("b")
}

// If it failed, a session could have times that neither a page nor JSON can show.
func TestCookieBeyondTheYear9000OpensNothing(t *testing.T) {
	for _, p := range placements {
		now := time.Date(9999, 12, 31, 20, 0, 0, 0, time.UTC)
		e := newEngine(t, func(c *session.Config) {
			c.Now = func() time.Time { return now }
			c.Backend = memory.New(memory.Config{Now: c.Now})
		})
		b := e.browser(t)
		b.born(p)
		s := b.load()
		if s.Exists() {
			t.Errorf("%v: it opens a session that lives until %v", p, s.Info().Absolute)
		}
		now = time.Date(8999, 12, 31, 12, 0, 0, 0, time.UTC) // the control
		b.born(p)
		b.wantKeys("big", "name")
		if _, err := json.Marshal(b.load().Info()); err != nil {
			t.Errorf("%v: %v", p, err)
		}
	}
}
