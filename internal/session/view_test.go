package session_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// at returns a view of e whose cookie has that name.
func at(t *testing.T, e *engine, name string) *session.Engine {
	t.Helper()
	view, err := e.At(name, "/"+name+"/")
	if err != nil {
		t.Fatal(err)
	}
	return view
}

// send loads the session of a request that carries value under the name of view's cookie.
func send(t *testing.T, view *session.Engine, value string) *session.Session {
	t.Helper()
	r := &http.Request{Header: http.Header{"Cookie": {view.CookieName() + "=" + value}}}
	s, err := view.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bornAt returns the cookie's value of a session that was born under the name of view's cookie.
func bornAt(t *testing.T, view *session.Engine) string {
	t.Helper()
	s := send(t, view, "")
	must(t, s.Set("a", "1"))
	must(t, s.Commit(t.Context()))
	return s.SetCookie().Value
}

// If it failed, a view would set another browser's cookie, or would have a store or
// settings of its own.
func TestViewsDifferInNameAndPathOnly(t *testing.T) {
	t.Parallel()
	e := newEngine(t, func(c *session.Config) { c.Secure, c.Placement = true, session.OnServer })
	second := at(t, e, "sessionscope~second")
	const rest = "; Max-Age=28800; HttpOnly; Secure; SameSite=Lax"
	for view, want := range map[*session.Engine][2]string{
		e.Engine: {"sessionscope", "/"}, second: {"sessionscope~second", "/sessionscope~second/"},
	} {
		s := send(t, view, "")
		must(t, s.Set("a", "1"))
		must(t, s.Commit(t.Context()))
		h := http.Header{}
		s.WriteCookie(h)
		name, path := want[0], want[1]
		if got, want := h.Get("Set-Cookie"), name+"="+s.SetCookie().Value+"; Path="+path+rest; got != want {
			t.Errorf("%s sets\n%s, want\n%s", name, got, want)
		}
		if view.CookieName() != name || view.Placement() != session.OnServer {
			t.Errorf("%s is called %s and puts values %s", name, view.CookieName(), view.Placement())
		}
		if gs, err := (session.Store{Engine: view}).New(&http.Request{}, name); err != nil || gs.Options.Path != path {
			t.Errorf("%s: gorilla's session has the path %q, %v", name, gs.Options.Path, err)
		}
		if _, err := (session.Store{Engine: view}).New(&http.Request{}, name+"x"); err == nil {
			t.Errorf("%s: gorilla's store takes another name", name)
		}
	}
	e.wantStats(t, 2, 0)
	if short, long := e.EnvelopeBudget(), second.EnvelopeBudget(); long >= short {
		t.Errorf("under the longer name %d bytes of envelope fit, under the shorter one %d", long, short)
	}
	for _, name := range []string{"", "a b", "a;b", "a=b"} {
		if view, err := e.At(name, "/"); err == nil || view != nil {
			t.Errorf("the name %q is taken: %v", name, view)
		}
	}
}

// If it failed, secrets would rotate for some browsers only.
func TestSecretsAreReplacedOnAllViews(t *testing.T) {
	t.Parallel()
	e := newEngine(t, nil)
	views := []*session.Engine{e.Engine, at(t, e, "second"), at(t, e, "third")}
	old := make([]string, len(views))
	for i, view := range views {
		old[i] = bornAt(t, view)
		if !send(t, view, old[i]).Exists() {
			t.Fatalf("%s does not open its own cookie", view.CookieName())
		}
	}
	if err := views[1].SetSecrets([][]byte{[]byte("short")}); err == nil {
		t.Error("a short secret is taken")
	}
	for i, view := range views { // the control
		if !send(t, view, old[i]).Exists() {
			t.Errorf("after a bad secret %s opens nothing", view.CookieName())
		}
	}
	must(t, views[1].SetSecrets([][]byte{freshSecret}))
	views = append(views, at(t, e, "later"))
	for i, view := range views {
		if i < len(old) {
			if s := send(t, view, old[i]); s.Exists() || s.Verdict() != session.VerdictForged {
				t.Errorf("%s still opens a cookie that it knows, of the secret that was replaced: %s", view.CookieName(), s.Verdict())
			}
		}
		fresh := bornAt(t, view)
		for _, other := range views {
			if !send(t, other, fresh).Exists() {
				t.Errorf("%s and %s have different secrets", view.CookieName(), other.CookieName())
			}
		}
	}
}

// If it failed, a cookie that is too large for its name would open a session, because
// a view with a shorter name had verified the same value.
func TestAKnownCookieMustFitTheName(t *testing.T) {
	t.Parallel()
	e := newEngine(t, func(c *session.Config) { c.Placement = session.InCookie })
	short, long := at(t, e, "short"), at(t, e, strings.Repeat("long", 8))
	values := make(map[bool]string) // by whether they fit under the long name
	for n := 1500; n < 3500; n++ {
		s := send(t, short, "")
		must(t, s.Set("a", val(t, strings.Repeat("x", n))))
		if s.Commit(t.Context()) != nil {
			break // it is too large for the short name
		}
		value := s.SetCookie().Value
		values[len(long.CookieName())+len(value) <= session.MaxCookieBytes] = value
	}
	if len(values) != 2 {
		t.Fatal("no value fits under the short name only")
	}
	for fits, value := range values {
		if !send(t, short, value).Exists() {
			t.Errorf("the control: a value of %d bytes opens nothing under the short name", len(value))
		}
		s := send(t, long, value)
		if s.Exists() != fits {
			t.Errorf("under the long name a value of %d bytes is %s", len(value), s.Verdict())
		}
		if !fits && s.Verdict() != session.VerdictForged {
			t.Errorf("the verdict of a value that is too large is %s", s.Verdict())
		}
	}
}

// If it failed, the lab could not show a stolen cookie: the thief's browser has a cookie of
// another name. Under another secret the same value opens nothing.
func TestACopiedCookieOpensUnderTheNameOfAnotherView(t *testing.T) {
	t.Parallel()
	e := newEngine(t, nil)
	thief := at(t, e, "thief")
	value := bornAt(t, at(t, e, "victim"))
	for range 2 { // unknown to the thief's view, then known
		if s := send(t, thief, value); !s.Exists() {
			t.Errorf("it is %s", s.Verdict())
		}
	}
	control := at(t, e.withSecrets(t, freshSecret), "thief")
	if s := send(t, control, value); s.Exists() || s.Verdict() != session.VerdictForged {
		t.Errorf("the control: under another secret it is %s", s.Verdict())
	}
}

// known tells whether view had seen that cookie before.
func known(t *testing.T, e *engine, view *session.Engine, value string) bool {
	t.Helper()
	if !send(t, view, value).Exists() {
		t.Fatal("it opens nothing")
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.events[len(e.events)-1].Known
}

// If it failed, a class would take hundreds of megabytes, or one busy browser would
// slow all others down.
func TestKnownCookiesAreBounded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ setting, most, writes int }{ // a write's cookie has at least 1,300 bytes
		{0, 2 << 20, 4000}, {16 << 10, 17 << 10, 60}, {1, 17 << 10, 30}, // two of the largest cookies take almost 17 KiB
	} {
		t.Run(fmt.Sprint(test.setting), func(t *testing.T) {
			t.Parallel()
			knownAreBounded(t, test.setting, test.most, test.writes)
		})
	}
}

// knownAreBounded makes many cookies with an engine of that KnownBytes.
func knownAreBounded(t *testing.T, setting, most, writes int) {
	e := newEngine(t, func(c *session.Config) { c.KnownBytes = setting })
	quiet, busy := at(t, e, "quiet"), at(t, e, "busy")
	older, latest := bornAt(t, quiet), bornAt(t, quiet)
	if !known(t, e, busy, latest) || !known(t, e, quiet, latest) {
		t.Fatal("the control: a cookie that was just signed is not known to all views")
	}
	large := val(t, strings.Repeat("x", session.MaxSmallBytes-2))
	for n := range writes {
		s := send(t, busy, "")
		must(t, s.Set(fmt.Sprint("key", n), large))
		must(t, s.Commit(t.Context()))
		must(t, s.Flush(t.Context())) // the store takes 100 sessions
		if bytes := e.KnownBytes(); bytes > most {
			t.Fatalf("after %d cookies the known ones take %d bytes, at most %d are allowed", n, bytes, most)
		}
	}
	if !known(t, e, quiet, latest) {
		t.Error("a busy view has pushed out what a quiet one saw last")
	}
	if known(t, e, quiet, older) {
		t.Error("the control: nothing is pushed out")
	}
}

// If it failed, two parts of a program that ask for the same view would commit one
// request's session twice.
func TestEqualViewsGiveARequestOneSession(t *testing.T) {
	t.Parallel()
	e := newEngine(t, nil)
	one, same, other := at(t, e, "second"), at(t, e, "second"), at(t, e, "third")
	for name, r := range map[string]*http.Request{
		"in a context": {}, "in a slot": (&http.Request{}).WithContext(context.WithValue(t.Context(), session.SlotKey{}, &session.Slot{})),
	} {
		s, err := one.Load(r)
		must(t, err)
		if again, err := same.Load(r); again != s {
			t.Errorf("%s: a view of the same cookie loads another session, %v", name, err)
		}
		if other.Loaded(r) != nil || e.Loaded(r) != nil {
			t.Errorf("%s: a view of another cookie gives the same session", name)
		}
	}
}
