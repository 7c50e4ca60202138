package classroom_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// rehearse seats one of the program's own browsers.
func (s *school) rehearse(token string) classroom.Joined {
	s.t.Helper()
	joined, err := s.Rehearse(context.Background(), token, phone)
	want(s.t, err, nil)
	return joined
}

// The program's own browsers would stand in a learner's way: at the door, in the device's rate, or in a
// full class; or nobody could tell them from learners after a restart.
func TestRehearsalGivesWay(t *testing.T) {
	t.Parallel()
	s := newSchool(t, 3)
	for range classroom.JoinBurst {
		if _, err := s.Join(t.Context(), "somebody", phone); err != nil {
			t.Fatal(err)
		}
	}
	want(t, s.SetDoor(t.Context(), true), nil)
	own := s.rehearse("own")
	if again := s.rehearse("own"); again.ID != own.ID || !own.Rehearsal {
		t.Errorf("twice joined are %+v and %+v", own.Seat, again.Seat)
	}
	if waiting := s.Waiting(); len(waiting) != 0 {
		t.Errorf("at the door wait %v", waiting)
	}
	want(t, s.SetDoor(t.Context(), false), nil)
	s.now = s.now.Add(time.Second) // seats of one moment have no order
	s.rehearse("second own")
	var full *classroom.FullError
	if _, err := s.Rehearse(t.Context(), "third own", phone); !errors.As(err, &full) {
		t.Errorf("in a full class it is told %v", err)
	}
	s.Use(own.ID)
	s.crash()
	if ids := s.Rehearsing(); len(ids) != 2 || !slices.Contains(ids, own.ID) { // both joined at one moment
		t.Errorf("after a restart %v are known, of %s", ids, own.ID)
	}
	for _, learner := range []string{"ann", "ben"} {
		if joined, err := s.Join(t.Context(), learner, phone); err != nil || joined.Rehearsal {
			t.Errorf("in a class that is full of them %s is told %v", learner, err)
		}
	}
	if ids := s.Rehearsing(); len(ids) != 0 {
		t.Errorf("%v are left", ids)
	}
	if _, err := s.Join(t.Context(), "cid", phone); !errors.As(err, &full) {
		t.Errorf("in a class that is full of learners one more is told %v", err)
	}
}

// A learner could come back to the seat of one of the program's own browsers: the board would say of a
// person that a program sits there.
func TestNobodyComesBackToARehearsal(t *testing.T) {
	t.Parallel()
	s := newSchool(t, 3)
	own := s.rehearse("own")
	if _, err := s.Back(t.Context(), phone, own.Nickname, own.Code); !errors.Is(err, classroom.ErrNoSeat) {
		t.Errorf("its code: %v", err)
	}
	if _, _, err := s.GiveBack(t.Context(), own.ID); !errors.Is(err, classroom.ErrNoSeat) {
		t.Errorf("give back: %v", err)
	}
	learner, err := s.Join(t.Context(), "ann", phone)
	want(t, err, nil)
	if _, err := s.Back(t.Context(), phone, strings.ToUpper(learner.Nickname), learner.Code); err != nil {
		t.Errorf("a learner's code: %v", err)
	}
}

// Nobody could tell how many of the answers are the program's own; or its tile would look like a
// learner's.
func TestRehearsalIsCountedApart(t *testing.T) {
	t.Parallel()
	s := newSchool(t, 5)
	own := s.rehearse("own")
	ann, err := s.Join(t.Context(), "ann", phone)
	want(t, err, nil)
	together, err := classroom.OpenTogether(t.Context(), classroom.TogetherConfig{
		Documents: s.documents, Seats: s.Count,
		There:     func(id classroom.ID) bool { _, there := s.Seat(id); return there },
		Rehearses: func(id classroom.ID) bool { seat, _ := s.Seat(id); return seat.Rehearsal },
	})
	want(t, err, nil)
	defer together.Close()
	want(t, together.Ask(t.Context(), "replay", nil, 3, 0), nil)
	for _, id := range []classroom.ID{own.ID, ann.ID} {
		want(t, together.Answer(t.Context(), id, 1, 2), nil)
	}
	want(t, together.CloseQuestion(t.Context(), 1), nil)
	if q := together.Present().Question; q.Rehearsed != 1 || q.Answers() != 2 {
		t.Errorf("%d of %d answers are the program's own", q.Rehearsed, q.Answers())
	}
	board := classroom.NewBoard(nil)
	defer board.Close()
	board.Rehearses(own.ID, own.Nickname)
	board.Joined(ann.ID, ann.Nickname)
	tiles, _, _, _ := board.Since(0)
	for _, tile := range tiles {
		if tile.Rehearsal != (tile.ID == own.ID) || tile.State != classroom.StateNone || tile.Name == "" {
			t.Errorf("a tile is %+v", tile)
		}
	}
}
