package session_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it failed, an outage of the store would look like a logout (promise 12).
func TestStoreThatIsDownIsAStoreError(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.born(p)
		down := newEngine(t, func(c *session.Config) { c.Backend = failing{e.backend} })
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "sessionscope", Value: b.cookie})
		store := (*session.StoreError)(nil)
		if _, err := down.Load(r); !errors.As(err, &store) || !errors.Is(err, errDown) {
			t.Errorf("load: %v, want a StoreError", err)
		}
		if p != session.InCookie {
			s, err := down.Load(httptest.NewRequest("GET", "/", nil))
			must(t, err)
			s.SetPlacement(p)
			must(t, s.Set("a", "1"))
			if err := s.Commit(t.Context()); !errors.As(err, &store) || s.SetCookie() != nil {
				t.Errorf("commit: %v, cookie %v", err, s.SetCookie())
			}
		}
	})
}

// If it failed, a corrupt record would open, its ID would be used again, or the operator
// would not hear of it (promise 12).
func TestCorruptRecordReadsAsAbsent(t *testing.T) {
	for _, data := range []string{"", "{", "null", `{"placement":"hybrid","values":[]}`, `{"placement":"cookie","values":{}}`, `{"values":{}}`, `{"placement":"hybrid","expiry":"soon","values":{}}`} {
		var log strings.Builder
		e := newEngine(t, func(c *session.Config) { c.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
		b := e.browser(t)
		id := b.born(session.Hybrid).ID()
		for entry, err := range e.backend.All(t.Context()) {
			must(t, err)
			entry.Data = data
			_, err = e.backend.Save(t.Context(), entry.Key, entry.Record)
			must(t, err)
		}
		b.wantKeys()
		if again := b.set("a", "1"); again.ID() == id {
			t.Errorf("%q: the corrupt record's ID is used again", data)
		}
		b.wantKeys("a")
		if !strings.Contains(log.String(), `"level":"WARN"`) || !strings.Contains(log.String(), `"session":"`+id+`"`) {
			t.Errorf("%q: the log does not name session %s: %s", data, id, &log)
		}
	}
}
