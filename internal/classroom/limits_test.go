package classroom_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
)

func device(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }

// If it fails, a full class loses a seat that is in use, or nobody can join it although seats
// were left alone.
func TestFull(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 3), t.Context()
	var seats []classroom.Joined
	for n := range 3 {
		seats = append(seats, s.joins(fmt.Sprint("visitor ", n)))
		s.now = s.now.Add(time.Second)
	}
	s.Use(seats[0].ID)
	_, err := s.Join(ctx, "late", phone)
	var full *classroom.FullError
	if !errors.As(err, &full) || *full != (classroom.FullError{Seats: 3, After: 58 * time.Second}) {
		t.Errorf("full: %+v, %v", full, err)
	}
	s.now = s.now.Add(full.After - 1)
	_, err = s.Join(ctx, "late", phone)
	if !errors.As(err, &full) || full.After != 1 {
		t.Errorf("a moment before: %+v, %v", full, err)
	}
	s.now = s.now.Add(1)
	s.changes = nil
	late := s.joins("late")
	s.wantChanges("went "+seats[1].Nickname, "came "+late.Nickname)
	if again := s.joins("visitor 0"); again.ID != seats[0].ID {
		t.Error("a seat in use gave way")
	}
	s.now = s.now.Add(time.Hour)
	s.Use(seats[2].ID)
	s.Use(late.ID)
	s.crash() // and what was used stays used
	_, err = s.Join(ctx, "later", phone)
	if !errors.As(err, &full) || full.After != 0 {
		t.Errorf("all are in use: %+v, %v", full, err)
	}
}

// If it fails, one device joins faster than it may, or keeps others from joining.
func TestJoinRate(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 300), t.Context()
	n := 0
	flood := func(want int) (after time.Duration) {
		t.Helper()
		for joined := 0; ; joined++ {
			n++
			_, err := s.Join(ctx, fmt.Sprint("flood ", n), phone)
			var rate *classroom.RateError
			if errors.As(err, &rate) {
				if joined != want {
					t.Errorf("%d seats were joined, want %d", joined, want)
				}
				return rate.After
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if after := flood(60); after != 100*time.Millisecond {
		t.Errorf("the next after %v", after)
	}
	s.joins("flood 1") // a form sent twice costs nothing
	if _, err := s.Join(ctx, "ann", device(1)); err != nil {
		t.Errorf("another device: %v", err)
	}
	s.now = s.now.Add(2*time.Second + 50*time.Millisecond)
	if after := flood(20); after != 50*time.Millisecond {
		t.Errorf("the next after %v", after)
	}
	s.now = s.now.Add(-time.Hour) // the clock goes back
	flood(0)
	s.now = s.now.Add(time.Second)
	flood(10)
	s.now = s.now.Add(2 * time.Hour)
	flood(60)
	if n := len(s.OfDevice(phone)); n != 150 {
		t.Errorf("the device has %d seats", n)
	}
	ids := s.OfDevice(phone)
	want(t, s.SetProgress(ctx, ids[0], []byte("x")), nil)
	if err := s.Remove(ctx, append(ids, ids[0], "nobody")...); err != nil || len(s.Seats()) != 1 {
		t.Errorf("%d seats are left, %v", len(s.Seats()), err)
	}
	documents := 0
	for range s.documents.All(ctx) {
		documents++
	}
	if documents != 1 {
		t.Errorf("%d documents are left, want that of one seat", documents)
	}
}

// If it fails, strangers who look at the join page make the program grow, or take the
// nickname of somebody who reads it.
func TestOffersAreBounded(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 10), t.Context()
	s.Offer("ann")
	ann, _, _ := s.Spin("ann")
	for n := range 500 {
		s.Offer(fmt.Sprint("flood ", n))
	}
	if n := s.Visitors(); n != 20 {
		t.Errorf("%d visitors are kept, want 20", n)
	}
	bob, spins := s.Offer("bob")
	if again, _ := s.Offer("bob"); spins != 0 || again != bob || bob == ann {
		t.Errorf("offered without room: %q, then %q, %d spins", bob, again, spins)
	}
	_, _, err := s.Spin("bob")
	want(t, err, classroom.ErrNoSpins)
	if joined := s.joins("bob"); joined.Nickname != bob {
		t.Errorf("joined as %q, offered %q", joined.Nickname, bob)
	}
	s.documents.Fail(1, false)
	_, err = s.Join(ctx, "eve", phone)
	want(t, err, classtest.ErrFailing)
	if n := s.Visitors(); n != 21 {
		t.Errorf("%d visitors are kept, want 21", n)
	}
	if joined := s.joins("ann"); joined.Nickname != ann {
		t.Errorf("joined as %q, offered %q", joined.Nickname, ann)
	}
	s.now = s.now.Add(classroom.OfferLife)
	s.Offer(strings.Repeat("long", 1e5))
	if n := s.Visitors(); n != 1 {
		t.Errorf("%d visitors are kept after OfferLife, want 1", n)
	}
}

// during are documents that do something while they are written.
type during struct {
	classroom.Documents
	do func()
}

func (d *during) Put(ctx context.Context, docs ...classroom.Document) error {
	d.do()
	return d.Documents.Put(ctx, docs...)
}

// If it fails, two visitors have one nickname, before they join, while one joins, or after.
func TestTwins(t *testing.T) {
	t.Parallel()
	s := newSchool(t, 1)
	s.Offer("eve")
	s.Offer("adam") // no further offer is kept
	bob, _ := s.Offer("bob")
	twin := "" // is offered the same nickname, where it is free
	for n := 0; twin == ""; n++ {
		if nickname, _ := s.Offer(fmt.Sprint(n)); nickname == bob {
			twin = fmt.Sprint(n)
		}
	}
	differ := func(when string) {
		t.Helper()
		if nickname, _ := s.Offer(twin); nickname == bob {
			t.Errorf("%s two have %q", when, bob)
		}
	}
	s.documents.Documents = &during{s.documents.Documents, func() { differ("while one joins") }}
	if joined := s.joins("bob"); joined.Nickname != bob {
		t.Errorf("joined as %q, offered %q", joined.Nickname, bob)
	}
	differ("after one has joined")
	s = newSchool(t, 1)
	s.Offer("bob")
	differ("before they join")
}

// If it fails, strangers who knock make the program grow, or one device pushes the others
// from the door.
func TestKnocksAreBounded(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 10), t.Context()
	want(t, s.SetDoor(ctx, true), nil)
	knock := func(visitor string, from netip.Addr) {
		s.now = s.now.Add(1)
		_, err := s.Join(ctx, visitor, from)
		want(t, err, classroom.ErrDoor)
	}
	knock("ann", device(1))
	for n := range 60 {
		knock(fmt.Sprint("flood ", n), phone)
	}
	knock("bob", device(2))
	if waits := s.Waiting(); len(waits) != 10 || !s.Knocks("ann") || !s.Knocks("bob") || !s.Knocks("flood 0") || s.Knocks("flood 59") {
		t.Errorf("waiting: %v", waits)
	}
	if _, err := s.Join(ctx, "flood 60", phone); errors.Is(err, classroom.ErrDoor) {
		t.Error("a device knocks as fast as it likes")
	}
	flooder, _ := s.Offer("flood 0")
	if n, err := s.LetIn(ctx, flooder); n != 1 || err != nil {
		t.Errorf("%d were let in, %v", n, err)
	}
	s.joins("flood 0") // whoever waited is let in, however fast the device knocks
	s.now = s.now.Add(classroom.KnockLife - time.Second)
	knock("ann", device(1))
	s.now = s.now.Add(time.Second)
	if waits := s.Waiting(); len(waits) != 1 || s.Knocks("bob") {
		t.Errorf("waiting after KnockLife: %v", waits)
	}
}

// Devices that have their whole burst again are forgotten; with too many at once the further
// ones share a burst. If it fails, addresses make the program grow.
func TestDevicesAreBounded(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 10), t.Context()
	want(t, s.SetDoor(ctx, true), nil)
	refused := 0
	for n := range 5000 {
		_, err := s.Join(ctx, fmt.Sprint("visitor ", n), device(n))
		if rate := new(classroom.RateError); errors.As(err, &rate) {
			refused++
		}
	}
	if n := s.Devices(); n != 4097 || refused != 5000-4096-60 {
		t.Errorf("%d devices are known, %d joins were refused", n, refused)
	}
	s.now = s.now.Add(time.Minute)
	_, _ = s.Join(ctx, "late", device(9999))
	if n := s.Devices(); n != 1 {
		t.Errorf("%d devices are known a minute later", n)
	}
}

// If it fails, a write that failed leaves two seats with one nickname after a crash.
func TestJoinAgainAfterFailure(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 300), t.Context()
	s.documents.Fail(1, true)
	_, err := s.Join(ctx, "ann", phone)
	want(t, err, classtest.ErrFailing)
	if len(s.Seats()) != 0 {
		t.Error("a Join that failed has a seat")
	}
	ann := s.joins("ann")
	s.crash()
	if diff := cmp.Diff([]classroom.Seat{ann.Seat}, s.Seats(), seatOptions); diff != "" {
		t.Errorf("after the crash (-want +got):\n%s", diff)
	}
}

// What cannot be read is left out, left where it is, and logged without a seat's words.
func TestDamagedDocuments(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 300), t.Context()
	ann, bob := s.joins("ann"), s.joins("bob")
	want(t, s.SetProgress(ctx, bob.ID, []byte("kept")), nil)
	put := func(name, data string) {
		want(t, s.documents.Put(ctx, classroom.Document{Name: name, Data: []byte(data)}), nil)
	}
	var good string
	for doc := range s.documents.All(ctx) {
		if doc.Name == "seat/"+string(ann.ID) {
			good = string(doc.Data)
		}
	}
	put("seat/"+string(bob.ID), "{")
	put("seat/a", "{}")                                                         // has given way
	put("seat/b", strings.Replace(good, `"code"`, `"unknown"`, 1))              // a later version's
	put("seat/c", strings.Replace(good, `"cookie":"`, `"cookie":"00`, 1))       // a long hash
	put("seat/d", strings.Replace(good, ann.Suffix, "", 1))                     // without a suffix
	put("seat/0", strings.Replace(good, `"joined":"2026`, `"joined":"2025`, 1)) // an older one of one nickname
	put("seat/fffffffffffffffff", strings.Replace(good, `"joined":"2026`, `"joined":"2024`, 1))
	put("progress/nobody", "x")
	put("question", "of others")
	s.crash()
	if diff := cmp.Diff([]classroom.Seat{ann.Seat}, s.Seats(), seatOptions); diff != "" {
		t.Errorf("seats (-want +got):\n%s", diff)
	}
	var names []string
	for doc := range s.documents.All(ctx) {
		names = append(names, strings.NewReplacer(string(ann.ID), "ANN", string(bob.ID), "BOB").Replace(doc.Name))
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{"progress/BOB", "question", "seat/ANN", "seat/BOB", "seat/b", "seat/c", "seat/d"}, names); diff != "" {
		t.Errorf("documents (-want +got):\n%s", diff)
	}
	for _, secret := range []string{ann.Code, ann.Suffix, ann.Nickname, bob.Nickname} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %q:\n%s", secret, s.log.String())
		}
	}
	if n := strings.Count(s.log.String(), "cannot be read"); n != 4 {
		t.Errorf("%d lines in the log, want 4:\n%s", n, s.log.String())
	}
}

// A wrong setting is named.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]classroom.Config{
		"Documents is nil": {Seats: 1},
		"0 seats":          {Documents: classroom.NewMemoryDocuments()},
		"1001 seats":       {Documents: classroom.NewMemoryDocuments(), Seats: 1001},
	} {
		if _, err := classroom.Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
