package classroom_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// watchedDocuments call put before each Put, which fails with its error.
type watchedDocuments struct {
	*classroom.MemoryDocuments
	put func() error
}

func (d *watchedDocuments) Put(ctx context.Context, docs ...classroom.Document) error {
	if d.put != nil {
		if err := d.put(); err != nil {
			return err
		}
	}
	return d.MemoryDocuments.Put(ctx, docs...)
}

// openBrowsers returns Browsers over those documents, in a class whose seats are in there.
func openBrowsers(t *testing.T, docs classroom.Documents, there map[classroom.ID]bool) *classroom.Browsers {
	t.Helper()
	b, err := classroom.OpenBrowsers(t.Context(), classroom.BrowsersConfig{
		Documents: docs, Log: slog.New(slog.DiscardHandler), Changed: func(bool) {},
		There: func(id classroom.ID) bool { return there[id] },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What the documents could not keep is shown to nobody, and can be given again.
func TestBrowsersWithoutDocuments(t *testing.T) {
	t.Parallel()
	docs := &watchedDocuments{MemoryDocuments: classroom.NewMemoryDocuments()}
	b := openBrowsers(t, docs, map[classroom.ID]bool{"a": true})
	broken := errors.New("the disk is full")
	docs.put = func() error { return broken }
	if err := b.Ask(t.Context()); !errors.Is(err, broken) || b.Now().N != 0 {
		t.Errorf("asked: %v, %+v", err, b.Now())
	}
	docs.put = nil
	if err := b.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	docs.put = func() error { return broken }
	if err := b.Give(t.Context(), "a", 1, classroom.Gave{Script: true}); !errors.Is(err, broken) || b.Now().Heard != 0 || b.Asks("a", true) != 1 {
		t.Errorf("given: %v, %+v", err, b.Now())
	}
	if err := b.End(t.Context()); !errors.Is(err, broken) || b.Now().N != 1 {
		t.Errorf("ended: %v, %+v", err, b.Now())
	}
	docs.put = nil
	if err := b.Give(t.Context(), "a", 1, classroom.Gave{Script: true}); err != nil || b.Now().Heard != 1 || b.Asks("a", true) != 0 {
		t.Errorf("given again: %v, %+v", err, b.Now())
	}
}

// Whoever leaves the class while its browser's answer is written leaves nothing, also after a crash. The
// same browser gives once at a time, and nobody gives what is not asked.
func TestBrowsersThatLeave(t *testing.T) {
	t.Parallel()
	docs := &watchedDocuments{MemoryDocuments: classroom.NewMemoryDocuments()}
	there := map[classroom.ID]bool{"a": true, "b": true}
	b := openBrowsers(t, docs, there)
	if err := b.Give(t.Context(), "a", 1, classroom.Gave{}); !errors.Is(err, classroom.ErrNotAsked) {
		t.Errorf("before it was asked: %v", err)
	}
	if err := b.Ask(t.Context()); err != nil {
		t.Fatal(err)
	}
	docs.put = func() error {
		docs.put = nil
		if err := b.Give(t.Context(), "a", 1, classroom.Gave{Script: true, Secure: true}); err != nil { // another tab of the same seat
			t.Error(err)
		}
		delete(there, "a")
		return nil
	}
	if err := b.Give(t.Context(), "a", 1, classroom.Gave{Script: true}); !errors.Is(err, classroom.ErrNoSeat) {
		t.Errorf("from who left: %v", err)
	}
	if err := b.Give(t.Context(), "b", 2, classroom.Gave{}); !errors.Is(err, classroom.ErrNotAsked) {
		t.Errorf("for another time: %v", err)
	}
	if err := b.Give(t.Context(), "b", 1, classroom.Gave{Lax: true}); err != nil {
		t.Error(err)
	}
	if err := b.Give(t.Context(), "b", 1, classroom.Gave{Script: true}); err != nil { // a script tells more
		t.Error(err)
	}
	if err := b.Give(t.Context(), "b", 1, classroom.Gave{Lax: true}); err != nil { // and requests tell less
		t.Error(err)
	}
	there["a"] = true // the next look must not find a document that was left
	for name, b := range map[string]*classroom.Browsers{"now": b, "after a crash": openBrowsers(t, docs, there)} {
		if got := b.Now(); got.Heard != 1 || len(got.Class) != 1 || got.Class[0] != (classroom.GaveAlike{Gave: classroom.Gave{Script: true}, Browsers: 1}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
