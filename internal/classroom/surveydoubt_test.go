package classroom_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
	"github.com/sessionscope/sessionscope/internal/session"
)

// shown returns a Survey of documents that can be made to fail. It shows an act for the seats a and b, of
// which a was heard.
func shown(t *testing.T) (*classtest.Failing, *classroom.Survey) {
	t.Helper()
	docs := &classtest.Failing{Documents: classroom.NewMemoryDocuments()}
	s := openSurvey(t, docs)
	_, err := s.Begin(t.Context(), classroom.ActExpire, 0, []classroom.Stake{known("a", session.Hybrid), known("b", session.InCookie)})
	must(t, err)
	s.Done(t.Context(), false)
	s.Pressed(t.Context(), "a", 1, classroom.Showed{What: classroom.ShowedEnded, Why: "late"})
	return docs, s
}

// An act is refused since its documents failed, and they were written all the same. If this fails, the next
// start has lost what became of the sessions after the act before, or counts that act twice.
func TestSurveyAfterARefusedAct(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} { // the documents fail once more
		docs, s := shown(t)
		want := s.All()
		docs.Fail(1, true)
		if _, err := s.Begin(t.Context(), classroom.ActFlush, 0, []classroom.Stake{known("a", session.OnServer), known("b", 0)}); err == nil {
			t.Fatal("an act that is not kept was begun")
		}
		if again {
			want[0].Rows[0].Unheard, want[0].Rows[0].None = 0, 1
			s.Pressed(t.Context(), "b", 1, classroom.Showed{What: classroom.ShowedNone})
		}
		if diff := cmp.Diff(want, openSurvey(t, docs).All()); diff != "" {
			t.Errorf("after a start (-want +got):\n%s", diff)
		}
	}
}

// What could not be written after an act is written with what the next request showed. If this fails, a
// start does the act again, to sessions that have begun since, or forgets what a request showed.
func TestSurveyWritesWhatItOwes(t *testing.T) {
	t.Parallel()
	docs := &classtest.Failing{Documents: classroom.NewMemoryDocuments()}
	s := openSurvey(t, docs)
	_, err := s.Begin(t.Context(), classroom.ActExpire, 0, []classroom.Stake{known("a", session.Hybrid), known("b", session.Hybrid)})
	must(t, err)
	docs.Fail(1, false)
	s.Done(t.Context(), false)
	docs.Fail(1, false)
	s.Pressed(t.Context(), "a", 1, classroom.Showed{What: classroom.ShowedEnded})
	s.Pressed(t.Context(), "b", 1, classroom.Showed{What: classroom.ShowedEnded})
	after := openSurvey(t, docs)
	if act, _ := after.Unfinished(); act != nil {
		t.Errorf("a start does the act again: %+v", act)
	}
	if rows := after.Rows(); len(rows) != 1 || rows[0].Ended != 2 {
		t.Errorf("after a start: %+v", rows)
	}
}
