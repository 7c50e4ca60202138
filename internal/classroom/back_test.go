package classroom_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// If it fails, the owner who comes back finds another seat, or what was before still opens it.
func TestBack(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 300), t.Context()
	ann, bob := s.joins("ann"), s.joins("bob")
	progress := []byte("3 done")
	want(t, s.SetProgress(ctx, ann.ID, progress), nil)
	progress[0] = '4' // is the caller's
	s.Use(ann.ID)
	s.wantChanges("came "+ann.Nickname, "came "+bob.Nickname)

	same, err := s.Return(ctx, ann.Cookie)
	if want(t, err, nil); same.Place() != ann.Place() || same.Code != ann.Code || same.Cookie != ann.Cookie {
		t.Errorf("returned: %v, joined %v", same, ann)
	}
	for _, cookie := range []string{"", "x", ann.Cookie + "x", strings.ToLower(ann.Cookie)} {
		_, err := s.Return(ctx, cookie)
		want(t, err, classroom.ErrNoSeat)
	}
	moved, err := s.Back(ctx, phone, " "+strings.ToUpper(ann.Name), strings.ToLower(ann.Code[:2]+" "+ann.Code[2:]))
	if want(t, err, nil); moved.ID != ann.ID || moved.Name != ann.Name || moved.Suffix == ann.Suffix || moved.Code == ann.Code || moved.Cookie == ann.Cookie {
		t.Errorf("moved: %v, joined %v", moved, ann)
	}
	if !moved.Used || string(moved.Progress) != "3 done" {
		t.Errorf("the seat lost something: %+v", moved)
	}
	s.wantChanges("moved " + ann.Nickname)
	for range 2 { // also after a crash
		if _, ok := s.AtPlace(ann.Place()); ok || !s.Moved(ann.Place()) || s.Moved(moved.Place()) || s.Moved(bob.Place()) {
			t.Errorf("at the old place: %v, moved %v", ok, s.Moved(ann.Place()))
		}
		_, err = s.Return(ctx, ann.Cookie)
		want(t, err, classroom.ErrNoSeat)
		_, err = s.Back(ctx, phone, ann.Nickname, ann.Code)
		want(t, err, classroom.ErrNoSeat)
		s.wantSeat(moved.Seat)
		s.crash()
	}
	for range 12 { // the latest eight places are known
		moved, err = s.Back(ctx, phone, ann.Nickname, moved.Code)
		want(t, err, nil)
	}
	if s.Moved(ann.Place()) {
		t.Error("the place before the latest eight is known")
	}
	if again := s.joins("ann"); again.ID == ann.ID {
		t.Error("the join page's token still gives the seat that has moved")
	}
}

// If it fails, a code can be searched, an owner is locked out for good, or a wrong nickname
// sounds unlike a wrong code.
func TestWrongCodes(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 300), t.Context()
	ann, bob := s.joins("ann"), s.joins("bob")
	_, err := s.Back(ctx, phone, "No One", ann.Code)
	want(t, err, classroom.ErrNoSeat)
	s.changes = nil
	for left := 4; left >= 0; left-- {
		_, err := s.Back(ctx, phone, ann.Nickname, bob.Code)
		var wrong *classroom.WrongCodeError
		if want(t, err, classroom.ErrNoSeat); !errors.As(err, &wrong) || wrong.Left != left {
			t.Errorf("error %v, want %d left", err, left)
		}
		s.crashKeepingChanges()
	}
	s.wantChanges("recoded " + ann.Nickname)
	now, _ := s.Seat(ann.ID)
	if now.Code == ann.Code || now.Suffix != ann.Suffix {
		t.Errorf("after five wrong codes: %+v, was %+v", now, ann)
	}
	_, err = s.Back(ctx, phone, ann.Nickname, now.Code)
	var rate *classroom.RateError
	if !errors.As(err, &rate) || rate.After != 30*time.Second {
		t.Errorf("the right code at once: %v", err)
	}
	if same, err := s.Return(ctx, ann.Cookie); err != nil || same.ID != ann.ID {
		t.Errorf("the seat cookie: %v", err)
	}
	if _, err := s.Back(ctx, phone, bob.Nickname, bob.Code); err != nil {
		t.Errorf("another seat: %v", err)
	}
	s.now = s.now.Add(rate.After)
	if _, err := s.Back(ctx, phone, ann.Nickname, now.Code); err != nil {
		t.Errorf("the right code after the pause: %v", err)
	}

	tries := 0
	for end := s.now.Add(time.Hour); s.now.Before(end); {
		_, err := s.Back(ctx, phone, ann.Nickname, "ZZZZ")
		if errors.As(err, &rate) {
			s.now = s.now.Add(rate.After)
			continue
		}
		tries++
	}
	if tries != 55 {
		t.Errorf("somebody who searches the code has %d tries in an hour, want 55", tries)
	}
}

// crashKeepingChanges is crash for a test that compares changes later.
func (s *school) crashKeepingChanges() {
	kept := s.changes
	s.crash()
	s.changes = kept
}

// If it fails, a code that the teacher gives opens the seat twice, too late, or not at all.
func TestGiveBack(t *testing.T) {
	t.Parallel()
	s, ctx := newSchool(t, 300), t.Context()
	ann, bob := s.joins("ann"), s.joins("bob")
	_, _, err := s.GiveBack(ctx, "nobody")
	want(t, err, classroom.ErrNoSeat)
	void, _, err := s.GiveBack(ctx, ann.ID)
	want(t, err, nil)
	code, until, err := s.GiveBack(ctx, ann.ID)
	if want(t, err, nil); len(code) != 8 || !until.Equal(s.now.Add(time.Minute)) {
		t.Errorf("code %q until %v", code, until)
	}
	for range 6 { // wrong codes do not void it
		_, _ = s.Back(ctx, phone, ann.Nickname, "ZZZZ")
	}
	for _, wrong := range []struct{ nickname, code string }{{"", void}, {bob.Nickname, code}, {"", ""}, {"", code[:4]}, {"", strings.Repeat(" ", 99) + code}} {
		_, err := s.Back(ctx, phone, wrong.nickname, wrong.code)
		want(t, err, classroom.ErrNoSeat)
	}
	s.crash()
	moved, err := s.Back(ctx, phone, "", strings.ToLower(code[:4]+"-"+code[4:]))
	if want(t, err, nil); moved.ID != ann.ID || moved.Suffix == ann.Suffix {
		t.Errorf("by the code: %v", moved)
	}
	_, err = s.Back(ctx, phone, "", code)
	want(t, err, classroom.ErrNoSeat)

	code, until, err = s.GiveBack(ctx, ann.ID)
	want(t, err, nil)
	s.now = until
	for _, nickname := range []string{"", ann.Nickname} {
		_, err = s.Back(ctx, phone, nickname, code)
		want(t, err, classroom.ErrNoSeat)
	}
	code, until, err = s.GiveBack(ctx, ann.ID)
	want(t, err, nil)
	s.now = until.Add(-1)
	moved, err = s.Back(ctx, phone, ann.Nickname, code)
	if want(t, err, nil); moved.ID != ann.ID {
		t.Errorf("by nickname and code: %v", moved)
	}
	for doc := range s.documents.All(ctx) {
		if text := string(doc.Data); strings.Contains(text, moved.Cookie) || strings.Contains(text, code) {
			t.Errorf("document %s holds a cookie or a given code: %s", doc.Name, text)
		}
	}
}
