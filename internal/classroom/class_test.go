package classroom_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
)

// school is a class with a clock that a test moves, and documents that fail on demand.
type school struct {
	*classroom.Class
	t         rapid.TB
	documents *classtest.Failing
	seats     int
	now       time.Time
	changes   []string // what Changed was told
	log       bytes.Buffer
}

var phone = netip.MustParseAddr("192.168.1.7")

// newSchool opens a class of so many seats with empty documents.
func newSchool(t rapid.TB, seats int) *school {
	s := &school{
		t: t, documents: &classtest.Failing{Documents: classroom.NewMemoryDocuments()}, seats: seats,
		now: time.Date(2026, 3, 2, 9, 0, 0, 123, time.UTC),
	}
	s.crash()
	return s
}

// crash opens the class anew with what the documents hold.
func (s *school) crash() {
	s.t.Helper()
	class, err := classroom.Open(context.Background(), classroom.Config{
		Documents: s.documents, Seats: s.seats, Now: func() time.Time { return s.now },
		Log: slog.New(slog.NewTextHandler(&s.log, nil)), Changed: s.told,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Class, s.changes = class, nil
}

// told notes a change. It reads the class, as an app does.
func (s *school) told(change classroom.Change) {
	if _, there := s.Seat(change.Seat.ID); change.Seat.ID != "" && there != (change.Kind != classroom.Went) {
		s.t.Errorf("%v: there = %v", change.Kind, there)
	}
	line := string(change.Kind)
	if change.Seat.ID != "" {
		line += " " + change.Seat.Nickname
	}
	s.changes = append(s.changes, line)
}

// wantChanges compares what was told since the last time.
func (s *school) wantChanges(want ...string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.changes, cmpopts.EquateEmpty()); diff != "" {
		s.t.Errorf("changes (-want +got):\n%s", diff)
	}
	s.changes = nil
}

// joins joins a visitor, which must succeed.
func (s *school) joins(visitor string) classroom.Joined {
	s.t.Helper()
	joined, err := s.Join(context.Background(), visitor, phone)
	if err != nil {
		s.t.Fatalf("join of %s: %v", visitor, err)
	}
	return joined
}

// wantSeat compares the seat of an ID with want.
func (s *school) wantSeat(want classroom.Seat) {
	s.t.Helper()
	got, _ := s.Seat(want.ID)
	if diff := cmp.Diff(want, got, seatOptions); diff != "" {
		s.t.Errorf("seat (-want +got):\n%s", diff)
	}
}

var seatOptions = cmp.Options{cmpopts.EquateEmpty(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

// want fails the test if err is not target.
func want(t rapid.TB, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("error %v, want %v", err, target)
	}
}

// If it fails, a student who joins gets another nickname than was shown, or two get one seat.
func TestJoin(t *testing.T) {
	t.Parallel()
	s := newSchool(t, 300)
	offered, spins := s.Offer("ann")
	if again, left := s.Offer("ann"); spins != 3 || again != offered || left != 3 {
		t.Errorf("offered %q with %d spins, then %q with %d", offered, spins, again, left)
	}
	seen := []string{offered}
	for left := 2; left >= 0; left-- {
		nickname, got, err := s.Spin("ann")
		if err != nil || got != left || slices.Contains(seen, nickname) {
			t.Errorf("spin: %q, %d left, %v; seen were %q", nickname, got, err, seen)
		}
		seen = append(seen, nickname)
	}
	nickname, left, err := s.Spin("ann")
	if want(t, err, classroom.ErrNoSpins); nickname != seen[3] || left != 0 {
		t.Errorf("spin without spins: %q, %d", nickname, left)
	}
	ann := s.joins("ann")
	if ann.Nickname != nickname || ann.Name != strings.ReplaceAll(strings.ToLower(nickname), " ", "-") || ann.Place() != ann.Name+"-"+ann.Suffix ||
		len(ann.ID) != 16 || len(ann.Suffix) != 12 || len(ann.Code) != 4 || ann.Device != phone || !ann.Joined.Equal(s.now) || ann.Used {
		t.Errorf("joined: %+v, offered %q", ann.Seat, nickname)
	}
	s.wantSeat(ann.Seat)
	if twice := s.joins("ann"); twice.ID != ann.ID || twice.Cookie != ann.Cookie {
		t.Errorf("a form sent twice: %v, %v", ann, twice)
	}
	if nickname, left := s.Offer("ann"); nickname != ann.Nickname || left != 0 {
		t.Errorf("offered to who has a seat: %q, %d", nickname, left)
	}
	_, _, err = s.Spin("ann")
	want(t, err, classroom.ErrNoSpins)
	slog.New(slog.NewTextHandler(&s.log, nil)).Info("joined", "seat", ann, "alone", ann.Seat)
	for _, secret := range []string{ann.Suffix, ann.Code, ann.Cookie, ann.Name, ann.Nickname} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log has %q: %s", secret, s.log.String())
		}
	}
	bob := s.joins("bob")
	if bob.ID == ann.ID || bob.Nickname == ann.Nickname || bob.Cookie == ann.Cookie || bob.Code == ann.Code {
		t.Errorf("two seats: %+v, %+v", ann, bob)
	}
	s.wantChanges("came "+ann.Nickname, "came "+bob.Nickname)
	if found, ok := s.AtPlace(bob.Place()); !ok || found.ID != bob.ID {
		t.Errorf("at %s: %v, %v", bob.Place(), found, ok)
	}
	for _, place := range []string{"", "-", bob.Name, bob.Name + "-", ann.Name + "-" + bob.Suffix, bob.Place() + "/"} {
		if found, ok := s.AtPlace(place); ok {
			t.Errorf("at %q: %v", place, found)
		}
	}
}

// If it fails, the door does not keep anybody out, or somebody who was let in stays outside.
func TestDoor(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 300), t.Context()
	want(t, s.SetDoor(ctx, true), nil)
	want(t, s.SetDoor(ctx, true), nil)
	s.crashKeepingChanges()
	s.wantChanges("door")
	nickname, _ := s.Offer("ann")
	if s.Knocks("ann") {
		t.Error("an offer knocks")
	}
	for range 200 { // who waits asks again and again
		_, err := s.Join(ctx, "ann", phone)
		want(t, err, classroom.ErrDoor)
	}
	knocked := s.now
	s.now = s.now.Add(time.Second)
	_, err := s.Join(ctx, "bob", phone)
	want(t, err, classroom.ErrDoor)
	bob, _ := s.Offer("bob")
	waiting := []classroom.Waiting{{Nickname: nickname, Device: phone, Since: knocked}, {Nickname: bob, Device: phone, Since: s.now}}
	if diff := cmp.Diff(waiting, s.Waiting(), seatOptions); diff != "" || !s.Knocks("ann") {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	_, _, err = s.Spin("ann")
	want(t, err, classroom.ErrNoSpins)
	eve, _ := s.Offer("eve") // has not knocked
	for _, want := range []int{1, 0} {
		if n, err := s.LetIn(ctx, nickname, eve, "No One"); err != nil || n != want {
			t.Errorf("%d were let in, want %d: %v", n, want, err)
		}
	}
	s.wantChanges("knocked", "knocked", "knocked")
	if diff := cmp.Diff(waiting[1:], s.Waiting(), seatOptions); diff != "" || !s.Knocks("ann") {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	if ann := s.joins("ann"); ann.Nickname != nickname || s.Knocks("ann") {
		t.Errorf("joined as %q, offered %q", ann.Nickname, nickname)
	}
	s.wantChanges("came "+nickname, "knocked")
	if diff := cmp.Diff(waiting[1:], s.Waiting(), seatOptions); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	_, err = s.Join(ctx, "bob", phone)
	want(t, err, classroom.ErrDoor)

	want(t, s.SetDoor(ctx, false), nil)
	if len(s.Waiting()) != 0 || s.DoorClosed() || !s.Knocks("bob") {
		t.Error("somebody waits at an open door")
	}
	if joined := s.joins("bob"); joined.Nickname != bob {
		t.Errorf("joined as %q, offered %q", joined.Nickname, bob)
	}
}

// If it fails, what a class was is there after its end.
func TestWipe(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 300), t.Context()
	ann := s.joins("ann")
	want(t, s.SetProgress(ctx, ann.ID, []byte("x")), nil)
	want(t, s.documents.Put(ctx, classroom.Document{Name: "question"}), nil)
	want(t, s.SetDoor(ctx, true), nil)
	s.documents.Fail(1, false)
	_, err := s.Wipe(ctx)
	want(t, err, classtest.ErrFailing)
	ann.Progress = []byte("x")
	s.wantSeat(ann.Seat)
	s.changes = nil
	n, err := s.Wipe(ctx)
	if want(t, err, nil); n != 1 || len(s.Seats()) != 0 || s.DoorClosed() {
		t.Errorf("wiped %d: %v, closed %v", n, s.Seats(), s.DoorClosed())
	}
	s.wantChanges("went "+ann.Nickname, "door")
	for doc := range s.documents.All(ctx) {
		t.Errorf("document %s is there", doc.Name)
	}
	if again := s.joins("ann"); again.ID == ann.ID || again.Nickname != ann.Nickname {
		t.Errorf("joined again: %+v", again)
	}
}

// If it fails, two students who join at the same moment share a nickname, a place or a seat,
// or a reader sees half of a change.
func TestParallelJoins(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 40), t.Context()
	var all sync.WaitGroup
	for n := range 60 {
		all.Go(func() {
			visitor, device := fmt.Sprint("visitor ", n), netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
			s.Offer(visitor)
			_, _, _ = s.Spin(visitor)
			joined, err := s.Join(ctx, visitor, device)
			if full := new(classroom.FullError); err != nil && !errors.As(err, &full) {
				t.Error(err)
			}
			if err != nil {
				return
			}
			s.Use(joined.ID)
			if found, ok := s.AtPlace(joined.Place()); !ok || found.ID != joined.ID {
				t.Errorf("at %s: %v", joined.Place(), found)
			}
			want(t, s.SetProgress(ctx, joined.ID, []byte(visitor)), nil)
			if n%4 == 0 {
				_, err = s.Back(ctx, phone, joined.Nickname, joined.Code)
				want(t, err, nil)
			}
			if n%4 == 1 {
				want(t, s.Remove(ctx, s.OfDevice(device)...), nil)
			}
		})
	}
	all.Wait()
	names := make(map[string]bool)
	for _, seat := range s.Seats() {
		if names[seat.Name] || names[seat.Suffix] {
			t.Errorf("%q or its suffix is there twice", seat.Nickname)
		}
		names[seat.Name], names[seat.Suffix] = true, true
	}
	before := s.Seats()
	s.crash()
	if diff := cmp.Diff(before, s.Seats(), seatOptions); diff != "" {
		t.Errorf("after a crash (-before +after):\n%s", diff)
	}
}
