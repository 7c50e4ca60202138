package classroom_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/classroom/classtest"
)

// asked opens a Together over documents, with every seat there, and asks it a question of three answers.
func asked(t testing.TB, documents classroom.Documents, limit time.Duration) *classroom.Together {
	t.Helper()
	together, err := classroom.OpenTogether(t.Context(), classroom.TogetherConfig{
		Documents: documents, There: func(classroom.ID) bool { return true }, Seats: func() int { return 300 },
	})
	want(t, err, nil)
	t.Cleanup(together.Close)
	together.Start()
	want(t, together.Ask(t.Context(), "tamper", nil, 3, limit), nil)
	return together
}

// A question is closed when its time is up, with what was answered until then, also if the documents fail at
// that moment; none is closed by the time of another. If it failed, a class would wait for ever, or
// answers would count that came too late.
func TestTimeIsUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		documents := &classtest.Failing{Documents: classroom.NewMemoryDocuments()}
		together := asked(t, documents, 30*time.Second)
		want(t, together.Ask(t.Context(), "tamper", nil, 3, time.Minute), nil)
		time.Sleep(59 * time.Second)
		want(t, together.Answer(t.Context(), "a", 2, 3), nil)
		if !together.Present().Question.Open() {
			t.Fatal("closed too early")
		}
		documents.Fail(1, false)
		time.Sleep(time.Second)
		want(t, together.Answer(t.Context(), "b", 2, 3), classroom.ErrNotOpen)
		synctest.Wait()
		if !together.Present().Question.Open() {
			t.Fatal("closed, and not written")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		q := together.Present().Question
		if q.Open() || fmt.Sprint(q.Counts) != "[0 0 1]" || !q.Closed.Equal(q.Until) {
			t.Errorf("%+v", q)
		}
		want(t, together.Ask(t.Context(), "tamper", nil, 3, 0), nil)
		time.Sleep(time.Hour)
		if !together.Present().Question.Open() {
			t.Error("a question without a timer was closed")
		}
		want(t, together.Ask(t.Context(), "tamper", nil, 3, time.Second), nil)
		together.Close()
		time.Sleep(time.Hour)
		if !together.Present().Question.Open() {
			t.Error("a timer ran after Close")
		}
	})
}

// Each of 300 seats answers, some of them again, while the question is closed and revealed by several. The
// counts are the answers that were acknowledged, and the experiment runs once.
func TestAnswersWhileItCloses(t *testing.T) {
	t.Parallel()
	together := asked(t, classroom.NewMemoryDocuments(), 0)
	var seats sync.WaitGroup
	var last [300]atomic.Int32
	var runs atomic.Int32
	for i := range last {
		seats.Go(func() {
			for n := range 3 {
				answer := 1 + (i+n)%3
				switch err := together.Answer(context.Background(), classroom.ID(fmt.Sprint(i)), 1, answer); {
				case err == nil:
					last[i].Store(int32(answer))
				case !errors.Is(err, classroom.ErrNotOpen):
					t.Error(err)
				}
				if i%100 == 50 && n == 1 {
					if _, err := together.BeginRun(context.Background(), 1); err == nil {
						runs.Add(1)
						want(t, together.SetResult(context.Background(), 1, classroom.Result{Happened: 1}), nil)
					} else if !errors.Is(err, classroom.ErrRunning) && !errors.Is(err, classroom.ErrRevealed) {
						t.Error(err)
					}
				}
			}
		})
	}
	seats.Wait()
	var counts [3]int
	for i := range last {
		if answer := last[i].Load(); answer != 0 {
			counts[answer-1]++
		}
	}
	p := together.Present()
	if fmt.Sprint(p.Question.Counts) != fmt.Sprint(counts[:]) || p.Answered != p.Question.Answers() || runs.Load() != 1 || p.Question.Result == nil {
		t.Errorf("%+v, acknowledged were %v, %d runs", p.Question, counts, runs.Load())
	}
}

// hanging are documents that answer nothing for a while.
type hanging struct {
	classroom.Documents
	hang atomic.Bool
}

func (h *hanging) Put(ctx context.Context, docs ...classroom.Document) error {
	if h.hang.Load() {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return h.Documents.Put(ctx, docs...)
}

// While the documents hang, whoever looks does not wait, who changes something waits for seconds only,
// and a question that is closed can be run. Afterwards all goes on.
func TestDocumentsThatHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		documents := &hanging{Documents: classroom.NewMemoryDocuments()}
		together := asked(t, documents, 0)
		want(t, together.Answer(t.Context(), "a", 1, 1), nil)
		documents.hang.Store(true)
		began := time.Now()
		var all sync.WaitGroup
		for i := range 300 {
			all.Go(func() {
				want(t, together.Answer(t.Context(), classroom.ID(fmt.Sprint(i)), 1, 2), context.DeadlineExceeded)
			})
		}
		for range 3 {
			all.Go(func() { want(t, together.CloseQuestion(t.Context(), 1), context.DeadlineExceeded) })
			all.Go(func() { want(t, together.Pause(t.Context(), true), context.DeadlineExceeded) })
		}
		ctx, cancel := context.WithCancel(t.Context())
		all.Go(func() { want(t, together.Pause(ctx, true), context.Canceled) })
		synctest.Wait()
		cancel()
		if p := together.Present(); p.Answered != 1 || p.Paused || together.AnswerOf("a") != 1 || together.AnswerOf("1") != 0 || len(together.Past()) != 0 {
			t.Errorf("%+v", p)
		}
		together.Left("a")
		if waited := time.Since(began); waited != 0 {
			t.Errorf("who looks has waited for %s", waited)
		}
		all.Wait()
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("the changes have waited for %s", waited)
		}
		documents.hang.Store(false)
		want(t, together.Answer(t.Context(), "2", 1, 3), nil)
		want(t, together.CloseQuestion(t.Context(), 1), nil)
		if q := together.Present().Question; fmt.Sprint(q.Counts) != "[0 0 1]" {
			t.Errorf("%+v", q)
		}
		documents.hang.Store(true)
		_, err := together.BeginRun(t.Context(), 1)
		want(t, err, nil)
		want(t, together.StopRun(t.Context(), 1), nil)
		if waited := time.Since(began); waited > 5*time.Second {
			t.Errorf("a run has waited for %s", waited)
		}
	})
}

// removing are documents that are told of each write of an answer, before and after it.
type removing struct {
	classroom.Documents
	told func(after bool)
}

func (r *removing) Put(ctx context.Context, docs ...classroom.Document) error {
	answer := strings.HasPrefix(docs[0].Name, "answer/")
	if answer {
		r.told(false)
	}
	err := r.Documents.Put(ctx, docs...)
	if answer {
		r.told(true)
	}
	return err
}

// A seat that is removed while its answer is being written does not count, and its answer does not stay.
func TestASeatLeavesWhileItAnswers(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		s := newSchool(t, 5)
		seat, documents := s.joins("ann"), &removing{Documents: s.documents}
		together, err := classroom.OpenTogether(t.Context(), classroom.TogetherConfig{
			Documents: documents, Seats: s.Count, There: func(id classroom.ID) bool { _, there := s.Seat(id); return there },
		})
		want(t, err, nil)
		documents.told = func(now bool) {
			if now == after {
				want(t, s.Remove(t.Context(), seat.ID), nil)
				together.Left(seat.ID)
			}
		}
		want(t, together.Ask(t.Context(), "tamper", nil, 3, 0), nil)
		want(t, together.Answer(t.Context(), seat.ID, 1, 1), classroom.ErrNoSeat)
		want(t, together.CloseQuestion(t.Context(), 1), nil)
		if p := together.Present(); p.Question.Answers() != 0 || p.Answered != 0 || p.Question.Seats != 0 {
			t.Errorf("%+v", p.Question)
		}
		for doc := range s.documents.All(t.Context()) {
			if strings.HasPrefix(doc.Name, "answer/") {
				t.Errorf("%s stays", doc.Name)
			}
		}
	}
}

// Documents that cannot be read are left out and logged, without a value in the log; questions go on counting.
func TestTogetherWithDamagedDocuments(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"together": `{"question":{"n":1,"options":-1}}`, "together ": `{`, "past/000001": `{"n":1,"options":2,"closed":"2026-03-02T09:00:00Z","counts":[1]}`, "past/000002": `{"n":1,"options":2,"closed":"2026-03-02T09:00:00Z","counts":[1,2]}`, "past/000003": `{"n":3,"options":2}`, "answer/x": `[`,
	} {
		documents := classroom.NewMemoryDocuments()
		want(t, documents.Put(t.Context(), classroom.Document{Name: strings.TrimSpace(name), Data: []byte(data)},
			classroom.Document{Name: "past/000007", Data: []byte(`{"n":7,"options":2,"closed":"2026-03-02T09:00:00Z","counts":[1,2]}`)}), nil)
		var log bytes.Buffer
		together, err := classroom.OpenTogether(t.Context(), classroom.TogetherConfig{
			Documents: documents, There: func(classroom.ID) bool { return true }, Seats: func() int { return 1 }, Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		want(t, err, nil)
		if p := together.Present(); p.Question != nil || p.Asked != 7 || len(together.Past()) != 1 || !strings.Contains(log.String(), "cannot be read") {
			t.Errorf("%s: %+v, %+v, log %s", name, p, together.Past(), &log)
		}
	}
}
