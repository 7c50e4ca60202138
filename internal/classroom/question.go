package classroom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Question is an experiment whose outcome the class predicts. It never changes: a Together replaces it.
type Question struct {
	N       int               `json:"n"` // counts the questions of a class from 1
	Slug    string            `json:"slug"`
	Chosen  map[string]string `json:"chosen,omitempty"` // the experiment's choices
	Options int               `json:"options"`          // how many predictions there are
	Opened  time.Time         `json:"opened"`
	Until   time.Time         `json:"until,omitzero"`   // no answer is taken after it; zero without a timer
	Closed  time.Time         `json:"closed,omitzero"`  // zero while it is open
	Counts  []int             `json:"counts,omitempty"` // once it is closed: how many seats gave each answer
	Seats   int               `json:"seats,omitempty"`  // once it is closed: how many seats there were
	Hands   []int             `json:"hands,omitempty"`  // raised hands for each answer, counted by the teacher; nil for none
	Running bool              `json:"-"`                // its experiment runs now
	Result  *Result           `json:"result,omitempty"` // once it is revealed
}

// Result is what came of the run of a question's experiment.
type Result struct {
	Happened  int       `json:"happened,omitempty"` // the number of the prediction that came true; 0 for none
	Undecided bool      `json:"undecided,omitempty"`
	Failed    string    `json:"failed,omitempty"` // why the run could not be done, mostly ""
	Tone      string    `json:"tone,omitempty"`
	Verdict   string    `json:"verdict,omitempty"` // with the markup of experiment.Text
	Exchanges int       `json:"exchanges,omitempty"`
	At        time.Time `json:"at"`
	Run       string    `json:"run,omitempty"` // the token of the run, which this program keeps for a while
}

// The errors of questions.
var (
	ErrNoQuestion  = errors.New("nothing is asked")
	ErrNotOpen     = errors.New("the question is closed")
	ErrOther       = errors.New("another question is asked now")
	ErrNoOption    = errors.New("the question has no such answer")
	ErrRunning     = errors.New("the experiment of the question runs already")
	ErrRevealed    = errors.New("the question is revealed already")
	ErrUnrevealed  = errors.New("the question must be closed or revealed first")
	errHandsAnswer = errors.New("one number for each answer, from 0 to 999")
)

// Open tells whether q takes answers. It does so for a nil q too.
func (q *Question) Open() bool { return q != nil && q.Closed.IsZero() }

// Answers returns how many seats have answered, once q is closed.
func (q *Question) Answers() (sum int) {
	for _, n := range q.Counts {
		sum += n
	}
	return sum
}

// AllHands returns how many hands were raised.
func (q *Question) AllHands() (sum int) {
	for _, n := range q.Hands {
		sum += n
	}
	return sum
}

// Ask opens a question about an experiment with that many predictions, and finishes the one before. After
// the time limit no answer is taken; 0 is no limit.
func (t *Together) Ask(ctx context.Context, slug string, chosen map[string]string, options int, limit time.Duration) error {
	return t.change(ctx, func(s Present) (Present, []Document, error) {
		docs := finished(s.Question)
		s.Asked++
		q := &Question{N: s.Asked, Slug: slug, Chosen: maps.Clone(chosen), Options: options, Opened: t.cfg.Now()}
		if limit > 0 {
			q.Until = q.Opened.Add(limit)
		}
		s.Question = q
		return s, docs, nil
	})
}

// finished returns the document of a question that is over.
func finished(q *Question) []Document {
	if q == nil {
		return nil
	}
	data, err := json.Marshal(q)
	if err != nil {
		panic(err) // cannot happen: strings, numbers and times of this century
	}
	return []Document{{Name: pastName(q.N), Data: data}}
}

// Answer notes the answer of a seat, from 1, to question n. A later answer replaces it, until the
// question closes. The errors are ErrNoQuestion, ErrOther, ErrNotOpen, ErrNoOption, ErrNoSeat and the
// documents'.
func (t *Together) Answer(ctx context.Context, id ID, n, answer int) error {
	lane := t.lane(id)
	lane.Lock()
	defer lane.Unlock()
	t.gate.RLock()
	defer t.gate.RUnlock()
	q := t.Present().Question
	switch {
	case q == nil:
		return ErrNoQuestion
	case q.N != n:
		return ErrOther
	case !q.Open(), !q.Until.IsZero() && !t.cfg.Now().Before(q.Until):
		return ErrNotOpen
	case answer < 1 || answer > q.Options:
		return ErrNoOption
	case !t.cfg.There(id):
		return ErrNoSeat
	case t.AnswerOf(id) == answer:
		return nil
	}
	data, err := json.Marshal(answerDocument{n, answer})
	if err != nil {
		panic(err) // cannot happen: two numbers
	}
	if err := t.cfg.Documents.Put(ctx, Document{Name: answerPrefix + string(id), Data: data}); err != nil {
		return fmt.Errorf("classroom: keep an answer: %w", err)
	}
	t.mu.Lock()
	t.answers[id] = answer
	t.present.Answered = len(t.answers)
	t.mu.Unlock()
	t.cfg.Changed(id)
	return nil
}

// AnswerOf returns what a seat has answered to the present question, from 1; 0 for nothing.
func (t *Together) AnswerOf(id ID) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.answers[id]
}

// asked returns the question of s, or an error if it is not number n. n 0 is whichever it is.
func (s Present) asked(n int) (Question, error) {
	switch q := s.Question; {
	case q == nil:
		return Question{}, ErrNoQuestion
	case n != 0 && q.N != n:
		return Question{}, ErrOther
	default:
		return *q, nil
	}
}

// CloseQuestion ends the time in which question n can be answered, and counts the answers.
func (t *Together) CloseQuestion(ctx context.Context, n int) error {
	return t.change(ctx, func(s Present) (Present, []Document, error) {
		q, err := s.asked(n)
		if err == nil && !q.Open() {
			err = ErrNotOpen
		}
		if err != nil {
			return s, nil, err
		}
		t.count(&q)
		s.Question = &q
		return s, nil, nil
	})
}

// count closes q.
func (t *Together) count(q *Question) {
	q.Closed, q.Counts, q.Seats = t.cfg.Now(), make([]int, q.Options), t.cfg.Seats()
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, answer := range t.answers {
		q.Counts[answer-1]++
	}
}

// SetHands notes how many hands were raised for each answer to the present question.
func (t *Together) SetHands(ctx context.Context, n int, hands []int) error {
	return t.change(ctx, func(s Present) (Present, []Document, error) {
		q, err := s.asked(n)
		switch {
		case err != nil:
			return s, nil, err
		case q.Result != nil:
			return s, nil, ErrRevealed
		case len(hands) != q.Options || slices.ContainsFunc(hands, func(n int) bool { return n < 0 || n > 999 }):
			return s, nil, errHandsAnswer
		}
		q.Hands = slices.Clone(hands)
		s.Question = &q
		return s, nil, nil
	})
}

// BeginRun closes the present question if it is open, and notes that its experiment runs. The caller
// runs it, and calls SetResult. ErrRunning and ErrRevealed tell that somebody else has begun before: an
// experiment runs once for a question. A crash forgets that it runs.
func (t *Together) BeginRun(ctx context.Context, n int) (asked Question, err error) {
	err = t.change(ctx, func(s Present) (Present, []Document, error) {
		q, err := s.asked(n)
		switch {
		case err != nil:
			return s, nil, err
		case q.Running:
			return s, nil, ErrRunning
		case q.Result != nil:
			return s, nil, ErrRevealed
		}
		if q.Open() {
			t.count(&q)
		}
		q.Running, asked = true, q
		s.Question = &q
		return s, nil, nil
	})
	return asked, err
}

// SetResult reveals question n. A result of a question that is finished meanwhile is dropped.
func (t *Together) SetResult(ctx context.Context, n int, r Result) error {
	return t.change(ctx, func(s Present) (Present, []Document, error) {
		q, err := s.asked(n)
		if err != nil {
			return s, nil, err
		}
		q.Running, q.Result = false, &r
		s.Question = &q
		return s, nil, nil
	})
}

// StopRun notes that the run of question n came to nothing: it can be run again.
func (t *Together) StopRun(ctx context.Context, n int) error {
	return t.change(ctx, func(s Present) (Present, []Document, error) {
		q, err := s.asked(n)
		if err != nil {
			return s, nil, err
		}
		q.Running = false
		s.Question = &q
		return s, nil, nil
	})
}

// Done finishes the present question: nothing is asked then.
func (t *Together) Done(ctx context.Context) error {
	return t.change(ctx, func(s Present) (Present, []Document, error) {
		if s.Question == nil {
			return s, nil, ErrNoQuestion
		}
		docs := finished(s.Question)
		s.Question = nil
		return s, docs, nil
	})
}
