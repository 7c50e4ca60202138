package session_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// peekEngine returns an engine over a memory store, and the clock of both.
func peekEngine(t *testing.T) (*session.Engine, *storetest.Clock) {
	t.Helper()
	clock := storetest.NewClock()
	e, err := session.New(session.Config{
		Backend: memory.New(memory.Config{Now: clock.Now}), Now: clock.Now, CookieName: "s",
		Secrets: [][]byte{[]byte("a secret of at least 32 bytes, for tests only")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e, clock
}

// load returns the session that a cookie opens.
func load(t *testing.T, e *session.Engine, cookie string) *session.Session {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", "s="+cookie)
	}
	s, err := e.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// bornWith returns the cookie of a new session with that value under "name".
func bornWith(t *testing.T, e *session.Engine, value string) *session.Cookie {
	t.Helper()
	s := load(t, e, "")
	v, _ := session.Text(value)
	if err := errors.Join(s.Set("name", v), s.Commit(t.Context())); err != nil {
		t.Fatal(err)
	}
	return s.Info().Cookie
}

// If it failed, the lab would show a session in another state than the store has it in.
func TestPeekTellsEachState(t *testing.T) {
	e, clock := peekEngine(t)
	want := func(k session.Key, state session.State) session.Peeked {
		t.Helper()
		p, err := e.Peek(t.Context(), k)
		if err != nil || p.State != state {
			t.Fatalf("peek says %q, %v; want %q", p.State, err, state)
		}
		return p
	}
	want(session.KeyOf("nobody"), session.StateNone)
	cookie := bornWith(t, e, strings.Repeat("too large for a cookie ", 20))
	key := cookie.RecordKey()
	p := want(key, session.StateLive)
	if p.Info.ID != key.Name().String() || p.Info.Version != 1 || len(p.Info.Values) != 1 || p.Info.Values[0].Lives != "server" || p.Stored.Where == "" {
		t.Errorf("a live session is %+v", p)
	}
	clock.Move(3 * time.Hour)
	if p := want(key, session.StateExpired); !strings.Contains(p.Stored.Data, "too large") {
		t.Errorf("an expired one lies there as %+v", p.Stored)
	}
	if _, err := e.ClearExpired(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(key, session.StateNone)

	s := load(t, e, bornWith(t, e, "x").Value)
	old := s.Info().Cookie.RecordKey()
	s.CycleID()
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(old, session.StateCycled)
	s = load(t, e, bornWith(t, e, "x").Value)
	s.SetPlacement(session.InCookie)
	if err := s.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	old = s.Info().Cookie.RecordKey()
	want(old, session.StateNone) // alive, and without a record
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(old, session.StateEnded)
}

// If it failed, a cookie with a changed part would open its session, or a copy would carry a
// signature that fits it.
func TestTamperedCookieOpensNothing(t *testing.T) {
	e, _ := peekEngine(t)
	cookie := bornWith(t, e, "Rahim")
	if s := load(t, e, cookie.Value); s.Info().Verdict != session.VerdictOK { // the control
		t.Fatalf("the cookie itself is %s", s.Info().Verdict)
	}
	l, ok := session.Peel(cookie.Value)
	if !ok || l.Value() != cookie.Value {
		t.Fatalf("peeled and wrapped again the cookie is %q, %t", l.Value(), ok)
	}
	for _, part := range session.TamperParts {
		copied, err := session.Tamper(cookie.Value, part, "", len(cookie.Value)/2)
		if err != nil || copied == cookie.Value {
			t.Errorf("%s: %v, changed: %t", part, err, copied != cookie.Value)
			continue
		}
		s := load(t, e, copied)
		if v := s.Info().Verdict; s.Exists() || v != session.VerdictForged && v != session.VerdictGarbled {
			t.Errorf("%s: the copy is %s", part, v)
		}
		if changed, ok := session.Peel(copied); ok && part != "letter" && part != "value" && part != "signature" && string(changed.Signature) != string(l.Signature) {
			t.Errorf("%s: the signature is another", part)
		}
	}
	for at := 1; at <= len(cookie.Value); at++ { // any letter
		copied, err := session.Tamper(cookie.Value, "letter", "", at)
		if err != nil || load(t, e, copied).Exists() {
			t.Errorf("letter %d: %v, or the copy opens the session", at, err)
		}
	}
}

// If it failed, an impossible change would be sent as a copy, or be refused without a
// word on what is wrong with it.
func TestTamperRefusesImpossibleChanges(t *testing.T) {
	e, _ := peekEngine(t)
	cookie := bornWith(t, e, "Rahim")
	for _, test := range []struct {
		part, to string
		at       int
		field    string
	}{
		{"letter", "", 0, "at"}, {"letter", "", len(cookie.Value) + 1, "at"}, {"letter", "ab", 1, "to"}, {"letter", ";", 1, "to"},
		{"value", "a b", 0, "to"}, {"value", strings.Repeat("a", 9000), 0, "to"}, {"value", "a\r\nX: y", 0, "to"},
		{"time", "soon", 0, "to"}, {"signature", "!", 0, "to"}, {"id", "short", 0, "to"}, {"version", "-1", 0, "to"},
		{"created", "yesterday", 0, "to"}, {"deadline", "1960-01-01T00:00:00Z", 0, "to"}, {"values", "[1]", 0, "to"}, {"values", "{", 0, "to"},
		{"signature", strings.Repeat("AAAA", 50_000), 0, "to"}, {"values", `{"a":"` + strings.Repeat("x", 60_000) + `"}`, 0, "to"},
		{"nose", "", 0, "part"}, {"", "", 0, "part"},
	} {
		_, err := session.Tamper(cookie.Value, test.part, test.to, test.at)
		if input := (*session.InputError)(nil); !errors.As(err, &input) || input.Field != test.field {
			t.Errorf("%q to %.20q at %d: %v, want an error of the field %s", test.part, test.to, test.at, err, test.field)
		}
	}
	if _, err := session.Tamper("garbage", "version", "", 0); err == nil {
		t.Error("garbage has a version")
	}
	if copied, err := session.Tamper("garbage", "letter", "", 1); err != nil || copied != "Aarbage" {
		t.Errorf("a letter of garbage: %q, %v", copied, err)
	}
}
