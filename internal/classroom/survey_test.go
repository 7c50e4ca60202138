package classroom_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
	"github.com/sessionscope/sessionscope/internal/session"
)

// openSurvey opens a survey as the program does at its start. gone are seats that are there no more.
func openSurvey(t *testing.T, docs classroom.Documents, gone ...classroom.ID) *classroom.Survey {
	t.Helper()
	s, err := classroom.OpenSurvey(t.Context(), classroom.SurveyConfig{Documents: docs, Now: func() time.Time { return time.Unix(1e9, 0).UTC() }, There: func(id classroom.ID) bool {
		for _, g := range gone {
			if g == id {
				return false
			}
		}
		return true
	}})
	must(t, err)
	return s
}

// known is a session of that placement.
func known(id classroom.ID, p session.Placement) classroom.Stake {
	k := session.Known{Key: session.KeyOf(string(id)), Placement: p, Version: 3, Created: time.UnixMilli(1e12).UTC()}
	if p == 0 {
		k = session.Known{}
	}
	return classroom.Stake{Seat: id, Known: k}
}

// A class is acted on three times, with a crash after each step. If this fails, a crash loses an act, what
// a seat has said, or how often the secrets were replaced, or counts a seat twice.
func TestSurveyOutlivesCrashes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	docs := classroom.NewMemoryDocuments()
	s := openSurvey(t, docs)
	stakes := []classroom.Stake{known("a", session.InCookie), known("b", session.OnServer), known("c", 0), known("d", session.OnServer)}
	_, err := s.Begin(ctx, classroom.ActNewSecret, 2, stakes)
	must(t, err)
	if _, err := s.Begin(ctx, classroom.ActFlush, 2, stakes); !errors.Is(err, classroom.ErrActing) {
		t.Errorf("a second act meanwhile: %v", err)
	}
	s = openSurvey(t, docs)
	act, left := s.Unfinished()
	if act == nil || act.N != 1 || act.Kind != classroom.ActNewSecret || len(left) != 4 || s.Generation() != 1 || s.Number() != 0 {
		t.Fatalf("after a crash in the middle: %+v, %d seats, generation %d, number %d", act, len(left), s.Generation(), s.Number())
	}
	for _, one := range left {
		if i := int(one.Seat[0] - 'a'); one != stakes[i] {
			t.Errorf("the seat had %+v, and before the crash %+v", one, stakes[i])
		}
	}
	if s.Pressed(ctx, "a", 0, classroom.Showed{What: classroom.ShowedThere}) {
		t.Error("a request of before the act counts")
	}
	s.Done(ctx, true)
	at := time.Unix(1e9+1, 0).UTC()
	s.Pressed(ctx, "a", 1, classroom.Showed{What: classroom.ShowedRefused, Why: "why", At: at})
	s.Pressed(ctx, "b", 1, classroom.Showed{What: classroom.ShowedEnded, Why: "clock", At: at})
	s.Pressed(ctx, "c", 1, classroom.Showed{What: classroom.ShowedNone, At: at})
	s = openSurvey(t, docs)
	if s.Pressed(ctx, "a", 1, classroom.Showed{What: classroom.ShowedThere}) || s.Pressed(ctx, "x", 1, classroom.Showed{What: classroom.ShowedThere}) {
		t.Error("a second request counts, or one of a seat that came later")
	}
	want := []classroom.Row{
		{Lived: session.InCookie, Seats: 1, Refused: 1, Why: map[string]int{"why": 1}},
		{Lived: session.OnServer, Seats: 2, Ended: 1, Unheard: 1, Why: map[string]int{}, WhyEnded: map[string]int{"clock": 1}},
		{Seats: 1, None: 1, Why: map[string]int{}},
	}
	if diff := cmp.Diff(want, s.Rows()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	first, _ := s.Present()
	_, err = s.Begin(ctx, classroom.ActRestart, 1, stakes[:1])
	must(t, err)
	s.Done(ctx, false)
	must(t, s.Finish(ctx))
	s = openSurvey(t, docs)
	past := s.All()
	if act, _ := s.Present(); act != nil || len(past) != 2 || !cmp.Equal(past[0].Act, *first) || !first.Failed || past[1].N != 2 || past[1].Rows[0].Unheard != 1 || s.Generation() != 1 || s.Number() != 2 || len(s.Rows()) != 0 {
		t.Errorf("%+v; generation %d, number %d", past, s.Generation(), s.Number())
	}
	if diff := cmp.Diff(want[0].Refused, past[0].Rows[0].Refused); diff != "" {
		t.Error(diff)
	}
	if n := count(t, docs); n != 3 { // the state, and two acts in numbers
		t.Errorf("%d documents are left", n)
	}
}

func count(t *testing.T, docs classroom.Documents) (n int) {
	for _, err := range docs.All(t.Context()) {
		must(t, err)
		n++
	}
	return n
}

// The documents fail. If this fails, an act takes effect that is not kept, or one that was refused comes
// back with the next start.
func TestSurveyAndFailingDocuments(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for _, done := range []bool{false, true} { // the write is not done, or its answer is lost
		docs := &classtest.Failing{Documents: classroom.NewMemoryDocuments()}
		s := openSurvey(t, docs)
		docs.Fail(1, done)
		if _, err := s.Begin(ctx, classroom.ActNewSecret, 0, []classroom.Stake{known("a", session.Hybrid)}); err == nil {
			t.Fatal("an act that is not kept was begun")
		}
		for range 2 {
			if act, _ := s.Unfinished(); act != nil || s.Generation() != 0 || s.Number() != 0 {
				t.Errorf("written %t: %+v, generation %d", done, act, s.Generation())
			}
			s = openSurvey(t, docs)
		}
	}
}

// 1000 seats are acted on. If this fails, a document is too large for the store.
func TestSurveyOfAThousandSeats(t *testing.T) {
	t.Parallel()
	docs := classroom.NewMemoryDocuments()
	s := openSurvey(t, docs)
	var stakes []classroom.Stake
	for n := range classroom.MaxSeats {
		stakes = append(stakes, known(classroom.ID(fmt.Sprintf("%016x", n)), session.Hybrid))
	}
	_, err := s.Begin(t.Context(), classroom.ActFlush, 0, stakes)
	must(t, err)
	if again := openSurvey(t, docs, stakes[0].Seat); len(again.Rows()) != 1 || again.Rows()[0].Seats != classroom.MaxSeats-1 {
		t.Errorf("%+v", again.Rows())
	}
	s.Left(stakes[1].Seat)
	s.Done(t.Context(), false)
	if rows := s.Rows(); rows[0].Seats != classroom.MaxSeats-1 {
		t.Errorf("%+v", rows)
	}
	s.Wiped()
	if act, _ := s.Present(); act != nil || s.Number() != 0 || len(s.All()) != 0 {
		t.Errorf("wiped: %+v", act)
	}
}
