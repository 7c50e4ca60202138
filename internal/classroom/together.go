package classroom

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"
)

// Together is what a class does together: it is asked one question at a time, it can be paused, and
// it walks through a lesson plan. It is safe for concurrent use.
//
// A change is in the Documents before its method returns. If they fail, the method returns their
// error and the Together stays as it was; the documents have the change or not, until the next one
// is written. What only reads never waits for the documents, and a change waits for writeLimit at most.
//
// The documents hold who answered what while its question is the present one: an answer is bound to its
// seat, so that it can be changed, and outlives a crash. Once the question is finished, by Done or by the
// next Ask, the answers are deleted and only the counts stay; with a seat its answer goes. No method
// but AnswerOf tells an answer. But whoever reads the file of a store that keeps the documents can see
// who answered what while that is kept, and may find bytes of deleted answers in the log beside the file
// until that is written anew. And the counts of a single answer tell whose it is to who knows that one seat has answered.
//
// Begin with OpenTogether, then Start.
type Together struct {
	cfg TogetherConfig

	// lanes keep changes apart. The answers of a seat hold one of them, so that they are written one
	// after another, and every other change holds all, so that no answer is under way meanwhile.
	lanes []chan struct{}
	seed  maphash.Seed

	mu      sync.RWMutex // guards what follows, never held while the documents work
	present Present
	answers map[ID]int  // to the question of present
	past    []Question  // finished, the oldest first
	kept    []byte      // the document of present as it was written last; nil if the documents may hold another
	written map[ID]bool // whose answer may have a document
	unsure  map[ID]bool // whose document may have another answer than answers has
	timer   *time.Timer
	started bool
	ended   bool
}

// TogetherConfig is what a Together is made of.
type TogetherConfig struct {
	Documents Documents        // the same as the Class's
	There     func(ID) bool    // tells whether there is a seat of that ID
	Seats     func() int       // how many seats there are
	Rehearses func(ID) bool    // tells whether one of the program's own browsers sits there; nil for none
	Now       func() time.Time // the clock; nil is time.Now
	Log       *slog.Logger     // nil discards; no line names a seat
	Changed   func(ID)         // is told after each change, but not by OpenTogether: the seat whose answer it was, "" for all other changes; it may be nil
}

// Present is what a class does together at one moment. What it points to never changes.
type Present struct {
	Paused   bool
	Question *Question // that is asked now, or was revealed last; nil for none
	Asked    int       // how many questions were asked in this class
	Answered int       // how many seats have answered Question; those that left after it was closed count
	Plan     string    // the lesson plan that the class walks through; "" for none
	Step     int       // its step, from 0
	StepAt   time.Time // when the step was begun
	PlanAt   time.Time // when the plan was begun
}

const (
	writeLimit = 5 * time.Second // how long a change may take, with the wait for those before it
	closeAgain = time.Second     // after it a question is closed again that could not be closed when its time was up
	lanes      = 64              // so many answers are written at once; the documents share the commits
)

// OpenTogether returns what the documents hold. A question whose time was up meanwhile is closed.
func OpenTogether(ctx context.Context, cfg TogetherConfig) (*Together, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Rehearses == nil {
		cfg.Rehearses = func(ID) bool { return false }
	}
	if cfg.Changed == nil {
		cfg.Changed = func(ID) {}
	}
	t := &Together{
		cfg: cfg, lanes: make([]chan struct{}, lanes), seed: maphash.MakeSeed(),
		answers: make(map[ID]int), written: make(map[ID]bool), unsure: make(map[ID]bool),
	}
	for i := range t.lanes {
		t.lanes[i] = make(chan struct{}, 1)
	}
	t.timer = time.AfterFunc(time.Hour, t.timeIsUp)
	t.timer.Stop()
	if err := t.load(ctx); err != nil {
		return nil, err
	}
	if q := t.present.Question; q.Open() && q.over(cfg.Now()) {
		if err := t.changeAlone(ctx, t.closing(q.N)); err != nil { // the timer tries it again
			cfg.Log.Error(notClosed, "error", err)
		}
	}
	return t, nil
}

// Start begins to close questions whose time is up, and to tell Config.Changed of it. Close ends it.
func (t *Together) Start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = true
	t.arm()
}

// Close stops what Start began.
func (t *Together) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.timer.Stop()
}

// Present returns what the class does now.
func (t *Together) Present() Present {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.present
}

// Past returns the questions that are finished, the oldest first.
func (t *Together) Past() []Question {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.past[:len(t.past):len(t.past)]
}

// begin waits until nobody else is in those lanes. The change is done in the returned context, and ends
// with end.
func (t *Together) begin(ctx context.Context, in []chan struct{}) (_ context.Context, end func(), err error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	had := 0
	end = func() {
		for _, lane := range in[:had] {
			<-lane
		}
		cancel()
	}
	for ; had < len(in); had++ {
		select {
		case in[had] <- struct{}{}:
		case <-ctx.Done():
			end()
			return nil, nil, fmt.Errorf("classroom: wait for a change before this one: %w", context.Cause(ctx))
		}
	}
	return ctx, end, nil
}

// change replaces the state by what next makes of it, once the documents have it. A question that is
// replaced is finished.
func (t *Together) change(ctx context.Context, next func(Present) (Present, error)) error {
	ctx, end, err := t.begin(ctx, t.lanes)
	if err != nil {
		return err
	}
	err = t.changeAlone(ctx, next)
	end()
	if err == nil {
		t.cfg.Changed("")
	}
	return err
}

// changeAlone is change for a caller who has all lanes.
func (t *Together) changeAlone(ctx context.Context, next func(Present) (Present, error)) error {
	was := t.Present()
	s, err := next(was)
	if err != nil {
		return err
	}
	doc := s.document()
	docs := []Document{doc}
	var old *Question
	if q := was.Question; q != nil && (s.Question == nil || s.Question.N != q.N) {
		over := *q
		if over.Open() {
			t.count(&over)
		}
		over.Running, old = false, &over
		docs = append(docs, jsonDocument(pastName(over.N), over))
	}
	docs, sure := t.withDoubts(docs)
	if !sure || string(t.keptDocument()) != string(doc.Data) {
		t.setKept(nil)
		if err := t.cfg.Documents.Put(ctx, docs...); err != nil {
			return fmt.Errorf("classroom: keep what the class does: %w", err)
		}
	}
	t.mu.Lock()
	t.kept = doc.Data
	clear(t.unsure)
	if old != nil {
		t.past, t.answers = append(t.past, *old), make(map[ID]int)
	}
	t.present = s
	t.countAnswered()
	t.arm()
	t.mu.Unlock()
	t.clean(ctx, nil)
	return nil
}

// countAnswered brings Present.Answered up to date. The caller holds mu.
func (t *Together) countAnswered() {
	if t.present.Answered = len(t.answers); t.present.Question != nil && !t.present.Question.Open() {
		t.present.Answered = t.present.Question.Answers()
	}
}

// Pause pauses the class, or lets it go on.
func (t *Together) Pause(ctx context.Context, paused bool) error {
	return t.change(ctx, func(s Present) (Present, error) {
		s.Paused = paused
		return s, nil
	})
}

// SetStep notes the step of a lesson plan; the plan "" is none.
func (t *Together) SetStep(ctx context.Context, plan string, step int) error {
	return t.change(ctx, func(s Present) (Present, error) { return t.at(s, plan, step), nil })
}

// BeginStep notes the step of a lesson plan and finishes the present question. With asking it asks
// another one in its place. The documents have all of that or nothing.
func (t *Together) BeginStep(ctx context.Context, plan string, step int, asking *Asking) error {
	return t.change(ctx, func(s Present) (Present, error) {
		if s.Plan != plan || s.Step != step { // a step that begins again has begun when it did first
			s = t.at(s, plan, step)
		}
		if asking != nil {
			return t.open(s, *asking)
		}
		s.Question = nil
		return s, nil
	})
}

// at returns s at a step of a lesson plan.
func (t *Together) at(s Present, plan string, step int) Present {
	now := t.cfg.Now()
	if s.Plan != plan {
		s.PlanAt = now
	}
	s.Plan, s.Step, s.StepAt = plan, step, now
	return s
}

// arm sets the timer for the question that is open. The caller holds mu.
func (t *Together) arm() {
	t.timer.Stop()
	if q := t.present.Question; t.started && !t.ended && q.Open() && !q.Until.IsZero() {
		t.timer.Reset(max(0, q.Until.Sub(t.cfg.Now())))
	}
}

// timeIsUp closes the question whose time is up. If the documents fail it tries again later; no answer
// is taken meanwhile.
func (t *Together) timeIsUp() {
	t.mu.RLock()
	q, ended := t.present.Question, t.ended
	t.mu.RUnlock()
	if ended || !q.Open() || q.Until.IsZero() {
		return
	}
	var err error
	if q.over(t.cfg.Now()) {
		err = t.CloseQuestion(context.Background(), q.N)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.arm()
	case !t.ended && t.present.Question == q:
		t.cfg.Log.Error(notClosed, "error", err)
		t.timer.Reset(closeAgain)
	}
}

const notClosed = "classroom: the question whose time is up could not be closed, no answer is taken"

// Wiped forgets everything, after Class.Wipe has removed the documents. What was being written
// meanwhile is removed too.
func (t *Together) Wiped() {
	ctx, end, err := t.begin(context.Background(), t.lanes)
	if err != nil { // the documents hang since they were wiped
		ctx, end = context.Background(), func() {}
	}
	t.mu.Lock()
	names := []string{togetherName}
	for _, q := range t.past {
		names = append(names, pastName(q.N))
	}
	if q := t.present.Question; q != nil {
		names = append(names, pastName(q.N))
	}
	t.present, t.answers, t.past, t.kept = Present{}, make(map[ID]int), nil, nil
	clear(t.unsure)
	t.arm()
	t.mu.Unlock()
	if err == nil {
		t.clean(ctx, names)
	}
	end()
	t.cfg.Changed("")
}
