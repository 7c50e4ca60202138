package seat

import (
	"errors"
	"net/http"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// cookieOf returns the cookie of a session that was born at s.
func cookieOf(t testing.TB, s *Seat) string {
	t.Helper()
	r, _ := http.NewRequest("POST", "/", nil)
	sess, err := s.Engine.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := session.Text("1")
	if err := errors.Join(sess.Set("a", v), sess.Commit(t.Context())); err != nil {
		t.Fatal(err)
	}
	return sess.SetCookie().Value
}

// reads tells whether that cookie opens a session at s.
func reads(t testing.TB, s *Seat, cookie string) bool {
	t.Helper()
	r, _ := http.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", s.Engine.CookieName()+"="+cookie)
	sess, err := s.Engine.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	return sess.Exists()
}

// If it failed, a restart with a new secret would leave some browsers' cookies alive, or a
// bad secret would take effect at some seats.
func TestSetSecretsReachesAllSeats(t *testing.T) {
	t.Parallel()
	ss := newSeats(t, "sessionscope")
	seats := []*Seat{ss.Root, open(t, ss, "f"), open(t, ss, "g")}
	old := make([]string, len(seats))
	for i, s := range seats {
		if old[i] = cookieOf(t, s); !reads(t, s, old[i]) {
			t.Fatalf("the %s does not read its own cookie", s.Label())
		}
	}
	if err := ss.SetSecrets([][]byte{[]byte("short")}); err == nil {
		t.Error("a short secret is taken")
	}
	for i, s := range append(seats, open(t, ss, "h")) {
		if i < len(old) && !reads(t, s, old[i]) || !reads(t, s, cookieOf(t, s)) {
			t.Errorf("after a bad secret the %s reads nothing", s.Label())
		}
	}
	secret := session.NewSecret()
	if err := ss.SetSecrets([][]byte{secret}); err != nil {
		t.Fatal(err)
	}
	later := open(t, ss, "i")
	control := newSeats(t, "sessionscope") // its own secret
	for i, s := range append(seats, later) {
		if i < len(old) && reads(t, s, old[i]) {
			t.Errorf("the %s takes a cookie of before", s.Label())
		}
		fresh := cookieOf(t, s)
		if !reads(t, s, fresh) {
			t.Errorf("the %s does not read its own cookie", s.Label())
		}
		if reads(t, control.Root, fresh) {
			t.Error("the control: any seat reads any cookie")
		}
		if !reads(t, later, fresh) { // signed with the same secret, whatever the cookie's name is
			t.Errorf("the %s has another secret than the one that was opened last", s.Label())
		}
	}
}

// If it failed, a lab would start with settings that no engine can have.
func TestNewRefusesABadSetting(t *testing.T) {
	t.Parallel()
	if ss, err := New(session.Config{Backend: memory.New(memory.Config{}), CookieName: "sessionscope"}, maxSeats); err == nil || ss != nil {
		t.Errorf("without secrets: %v, %v", ss, err)
	}
}
