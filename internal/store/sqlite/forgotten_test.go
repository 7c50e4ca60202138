package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If this fails, the next start does not know until when markers were removed, so that an
// ended ID opens again after the clock was set back.
func TestForgottenIsKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions.db")
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	expires := now.Add(8 * time.Hour)
	for n := range 2 {
		st, err := Open(t.Context(), Config{File: file, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			mark := session.Record{Created: now, Expires: expires, Data: `{}`, Marker: true}
			if err := st.Create(t.Context(), session.KeyOf("ended"), mark); err != nil {
				t.Fatal(err)
			}
			now = now.Add(9 * time.Hour)
			if _, err := st.DeleteExpired(t.Context(), now, 10); err != nil {
				t.Fatal(err)
			}
			now = now.Add(-9 * time.Hour)
		}
		if until, err := st.Forgotten(t.Context()); err != nil || !until.Equal(expires) {
			t.Errorf("opening %d: forgotten until %v, %v; want %v", n, until, err, expires)
		}
		if s, err := st.Stats(t.Context()); err != nil || s != (session.Stats{}) {
			t.Errorf("opening %d: %+v, %v; want nothing", n, s, err)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
