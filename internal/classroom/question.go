package classroom

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Question is an experiment whose outcome the class predicts. It never changes: a Together replaces it.
type Question struct {
	N         int               `json:"n"` // counts the questions of a class from 1
	Slug      string            `json:"slug"`
	Chosen    map[string]string `json:"chosen,omitempty"` // the experiment's choices
	Options   int               `json:"options"`          // how many predictions there are
	Opened    time.Time         `json:"opened"`
	Until     time.Time         `json:"until,omitzero"`      // no answer is taken after it; zero without a timer
	Closed    time.Time         `json:"closed,omitzero"`     // zero while it is open
	Counts    []int             `json:"counts,omitempty"`    // once it is closed: how many seats gave each answer
	Rehearsed int               `json:"rehearsed,omitempty"` // once it is closed: how many of Counts are of the program's own browsers
	Seats     int               `json:"seats,omitempty"`     // once it is closed: how many seats there were
	Hands     []int             `json:"hands,omitempty"`     // raised hands for each answer, counted by the teacher; nil for none
	Running   bool              `json:"-"`                   // its experiment runs now
	Result    *Result           `json:"result,omitempty"`    // once it is revealed
}

// Result is what came of the run of a question's experiment.
type Result struct {
	Happened  int       `json:"happened,omitempty"` // the number of the prediction that came true; 0 for none
	Undecided bool      `json:"undecided,omitempty"`
	Tone      string    `json:"tone,omitempty"`
	Verdict   string    `json:"verdict,omitempty"` // with the markup of experiment.Text
	Exchanges int       `json:"exchanges,omitempty"`
	At        time.Time `json:"at"`
	Run       string    `json:"run,omitempty"` // the token of the run, which this program keeps for a while
}

const (
	maxOptions = 99  // predictions of a question
	maxHands   = 999 // raised hands for an answer
)

// The errors of questions.
var (
	ErrNoQuestion  = errors.New("nothing is asked")
	ErrNotOpen     = errors.New("the question is closed")
	ErrOther       = errors.New("another question is asked now")
	ErrNoOption    = errors.New("the question does not have this answer")
	ErrRunning     = errors.New("the experiment of the question runs already")
	ErrRevealed    = errors.New("the question is revealed already")
	errHandsAnswer = errors.New("one number for each answer, from 0 to 999")
)

// Open tells whether q takes answers. It does so for a nil q too.
func (q *Question) Open() bool { return q != nil && q.Closed.IsZero() }

// over tells whether the time to answer q is over.
func (q *Question) over(now time.Time) bool { return !q.Until.IsZero() && !now.Before(q.Until) }

// sound tells whether q can be worked with, as it was read.
func (q *Question) sound() bool {
	return q.N >= 1 && q.Options >= 1 && q.Options <= maxOptions && (q.Open() || len(q.Counts) == q.Options) && (q.Hands == nil || len(q.Hands) == q.Options)
}

// Answers returns how many seats have answered, once q is closed.
func (q *Question) Answers() (sum int) {
	for _, n := range q.Counts {
		sum += n
	}
	return sum
}

// Count returns how many seats gave answer n, from 1, once q is closed, and how many hands were raised for it.
func (q *Question) Count(n int) (seats, hands int) {
	if n >= 1 && n <= len(q.Counts) {
		seats = q.Counts[n-1]
	}
	if n >= 1 && n <= len(q.Hands) {
		hands = q.Hands[n-1]
	}
	return seats, hands
}

// CameTrue tells whether prediction n, from 1, is what happened, as the run of q found. Of a run that decides
// nothing none is.
func (q *Question) CameTrue(n int) bool {
	return q.Result != nil && !q.Result.Undecided && n >= 1 && q.Result.Happened == n
}

// AllHands returns how many hands were raised.
func (q *Question) AllHands() (sum int) {
	for _, n := range q.Hands {
		sum += n
	}
	return sum
}

// Asking is a question that is about to be asked.
type Asking struct {
	Slug    string
	Chosen  map[string]string
	Options int           // how many predictions there are
	Limit   time.Duration // after it no answer is taken; 0 is no limit
}

// Ask opens a question about an experiment with that many predictions, and finishes the one before. After
// the time limit no answer is taken; 0 is no limit.
func (t *Together) Ask(ctx context.Context, slug string, chosen map[string]string, options int, limit time.Duration) error {
	asking := Asking{slug, chosen, options, limit}
	return t.change(ctx, func(s Present) (Present, error) { return t.open(s, asking) })
}

// open returns s with a question that is opened now.
func (t *Together) open(s Present, asking Asking) (Present, error) {
	if asking.Options < 1 || asking.Options > maxOptions {
		return s, ErrNoOption
	}
	s.Asked++
	q := &Question{N: s.Asked, Slug: asking.Slug, Chosen: maps.Clone(asking.Chosen), Options: asking.Options, Opened: t.cfg.Now()}
	if asking.Limit > 0 {
		q.Until = q.Opened.Add(asking.Limit)
	}
	s.Question = q
	return s, nil
}

// Done finishes the present question: nothing is asked then.
func (t *Together) Done(ctx context.Context) error {
	return t.change(ctx, func(s Present) (Present, error) {
		if s.Question == nil {
			return s, ErrNoQuestion
		}
		s.Question = nil
		return s, nil
	})
}

// CloseQuestion ends the time in which question n can be answered, and counts the answers. As in all
// methods, n 0 is the present question.
func (t *Together) CloseQuestion(ctx context.Context, n int) error {
	return t.change(ctx, t.closing(n))
}

func (t *Together) closing(n int) func(Present) (Present, error) {
	return t.asked(n, func(q *Question) error {
		if !q.Open() {
			return ErrNotOpen
		}
		t.count(q)
		return nil
	})
}

// asked returns a change of question n by do, which is given a copy.
func (t *Together) asked(n int, do func(*Question) error) func(Present) (Present, error) {
	return func(s Present) (Present, error) {
		switch {
		case s.Question == nil:
			return s, ErrNoQuestion
		case n != 0 && s.Question.N != n:
			return s, ErrOther
		}
		q := *s.Question
		s.Question = &q
		return s, do(&q)
	}
}

// SetHands notes how many hands were raised for each answer to question n.
func (t *Together) SetHands(ctx context.Context, n int, hands []int) error {
	return t.change(ctx, t.asked(n, func(q *Question) error {
		switch {
		case q.Result != nil:
			return ErrRevealed
		case len(hands) != q.Options || slices.ContainsFunc(hands, func(n int) bool { return n < 0 || n > maxHands }):
			return errHandsAnswer
		}
		q.Hands = slices.Clone(hands)
		return nil
	}))
}

// BeginRun closes question n if it is open, and notes that its experiment runs. The caller runs it, and
// calls SetResult or StopRun. ErrRunning and ErrRevealed tell that somebody else has begun before: an
// experiment runs once for a question. That it runs is in no document: after a crash the question is
// closed, and can be revealed again.
func (t *Together) BeginRun(ctx context.Context, n int) (asked Question, err error) {
	err = t.change(ctx, t.asked(n, func(q *Question) error {
		switch {
		case q.Running:
			return ErrRunning
		case q.Result != nil:
			return ErrRevealed
		}
		if q.Open() {
			t.count(q)
		}
		q.Running = true
		asked = *q
		return nil
	}))
	return asked, err
}

// SetResult reveals question n. If it is revealed already, the first result stays.
func (t *Together) SetResult(ctx context.Context, n int, r Result) error {
	return t.change(ctx, t.asked(n, func(q *Question) error {
		if q.Open() {
			t.count(q)
		}
		if q.Running = false; q.Result == nil {
			q.Result = &r
		}
		return nil
	}))
}

// StopRun notes that the run of question n came to nothing: it can be run again.
func (t *Together) StopRun(ctx context.Context, n int) error {
	return t.change(ctx, t.asked(n, func(q *Question) error {
		q.Running = false
		return nil
	}))
}
