package classroom_test

import (
	"errors"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// If it fails, what is written at the moment of a class's end is there afterwards.
func TestSealedDocuments(t *testing.T) {
	t.Parallel()
	ctx, docs := t.Context(), classroom.NewSealable(classroom.NewMemoryDocuments())
	doc := classroom.Document{Name: "a"}
	for _, sealed := range []bool{false, true, false} {
		docs.Seal(sealed)
		if err := docs.Put(ctx, doc); errors.Is(err, classroom.ErrEnded) != sealed {
			t.Errorf("sealed %t: %v", sealed, err)
		}
	}
}

// If it fails, sessions or markers outlive the class, a request that is under way writes one
// afterwards, or the next class cannot write.
func TestWipeShared(t *testing.T) {
	t.Parallel()
	ctx, store := t.Context(), memory.New(memory.Config{})
	shared, err := classroom.Share(ctx, store, time.Now)
	want(t, err, nil)
	record := session.Record{Created: time.Now(), Expires: time.Now().Add(time.Hour), Data: "{}"}
	marker := session.Record{Created: time.Now(), Expires: time.Now().Add(time.Hour), Marker: true}
	one, two := [8]byte{1}, [8]byte{2}
	a, b := shared.Part(one, classroom.PartLimits{}), shared.Part(two, classroom.PartLimits{})
	want(t, a.Create(ctx, session.KeyOf("a"), record), nil)
	want(t, a.Create(ctx, session.KeyOf("marker"), marker), nil)
	want(t, b.Create(ctx, session.KeyOf("b"), record), nil)
	if n, err := shared.Count(ctx); n != 2 || err != nil {
		t.Errorf("%d sessions, %v", n, err)
	}
	want(t, shared.DropOthers(ctx, func(tag [8]byte) bool { return tag == two }), nil)
	if n, _ := shared.Count(ctx); n != 1 {
		t.Errorf("%d sessions of the seats that are there", n)
	}
	want(t, shared.Wipe(ctx, nil), nil)
	if stats, err := store.Stats(ctx); err != nil || stats != (session.Stats{}) {
		t.Errorf("after the wipe: %+v, %v", stats, err)
	}
	if err := b.Create(ctx, session.KeyOf("late"), record); err == nil {
		t.Error("a request that was under way wrote a session")
	}
	want(t, shared.Part(two, classroom.PartLimits{}).Create(ctx, session.KeyOf("b"), record), nil)
}

// If it fails, the board shows who was in a class that is wiped.
func TestClearBoard(t *testing.T) {
	t.Parallel()
	board := classroom.NewBoard(nil)
	defer board.Close()
	board.Joined("1", "Amber Fox")
	board.Pressed("1", classroom.Press{At: time.Now(), Born: true, Session: "9f2c"})
	_, _, _, version := board.Since(0)
	changed := board.Changed()
	board.Clear()
	<-changed
	if tiles, all, feed, _ := board.Since(version); !all || len(tiles)+len(feed) != 0 {
		t.Errorf("%v, all %t, %v", tiles, all, feed)
	}
	if _, _, feed, _ := board.Since(0); len(feed) != 0 {
		t.Errorf("the feed: %v", feed)
	}
}
