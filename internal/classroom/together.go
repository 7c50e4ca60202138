package classroom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Together is what a class does together: it is asked one question at a time, it can be paused, and
// it walks through a lesson plan. It is safe for concurrent use.
//
// A change is in the Documents before its method returns. If they fail, the method returns their
// error and nothing has changed. Begin with OpenTogether.
type Together struct {
	cfg TogetherConfig

	// gate is held for reading by an answer that is being written, and for writing by every other
	// change: when a question closes, no answer is under way.
	gate  sync.RWMutex
	lanes [64]sync.Mutex // the answers of one seat are written one after another
	seed  maphash.Seed

	mu      sync.RWMutex // guards what follows, never held while the documents work
	present Present
	answers map[ID]int // of the question of present
	past    []Question // finished, the oldest first
	timer   *time.Timer
	ended   bool
}

// TogetherConfig is what a Together is made of.
type TogetherConfig struct {
	Documents Documents        // the same as the Class's
	There     func(ID) bool    // tells whether there is a seat of that ID
	Seats     func() int       // how many seats there are
	Now       func() time.Time // the clock; nil is time.Now
	Log       *slog.Logger     // nil discards; no line names a seat
	Changed   func(ID)         // is told after each change: the seat whose answer it was, "" for all other changes; it may be nil
}

// Present is what a class does together at one moment. What it points to never changes.
type Present struct {
	Paused   bool
	Question *Question // that is asked now, or was revealed last; nil for none
	Asked    int       // how many questions were asked in this class
	Answered int       // how many seats have answered Question
	Plan     string    // the lesson plan that the class walks through; "" for none
	Step     int       // its step, from 0
	StepAt   time.Time // when the step was begun
}

// The names of the documents of Together.
const (
	togetherName = "together"
	answerPrefix = "answer/"
	pastPrefix   = "past/"
)

// togetherDocument is the document of the present state.
type togetherDocument struct {
	Paused   bool      `json:"paused,omitempty"`
	Question *Question `json:"question,omitempty"`
	Asked    int       `json:"asked,omitempty"`
	Plan     string    `json:"plan,omitempty"`
	Step     int       `json:"step,omitempty"`
	StepAt   time.Time `json:"step_at,omitzero"`
}

// answerDocument is the answer of one seat.
type answerDocument struct {
	Question int `json:"question"`
	Answer   int `json:"answer"`
}

// OpenTogether returns what the documents hold. A question whose timer has run out meanwhile is closed.
func OpenTogether(ctx context.Context, cfg TogetherConfig) (*Together, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Changed == nil {
		cfg.Changed = func(ID) {}
	}
	t := &Together{cfg: cfg, seed: maphash.MakeSeed(), answers: make(map[ID]int)}
	t.timer = time.AfterFunc(time.Hour, t.timeIsUp)
	t.timer.Stop()
	if err := t.load(ctx); err != nil {
		return nil, err
	}
	t.arm()
	return t, nil
}

// load reads the documents, and deletes the answers that belong to no seat or to an older question.
func (t *Together) load(ctx context.Context) error {
	answers := make(map[ID]answerDocument)
	var litter []string
	for doc, err := range t.cfg.Documents.All(ctx) {
		if err != nil {
			return fmt.Errorf("classroom: read what the class does: %w", err)
		}
		if err := t.read(doc, answers); err != nil {
			t.cfg.Log.Error("classroom: a document cannot be read and is left out", "document", doc.Name, "error", err)
		}
	}
	for id, a := range answers {
		if q := t.present.Question; q != nil && a.Question == q.N && a.Answer >= 1 && a.Answer <= q.Options && t.cfg.There(id) {
			t.answers[id] = a.Answer
		} else {
			litter = append(litter, answerPrefix+string(id))
		}
	}
	t.present.Answered = len(t.answers)
	if err := t.cfg.Documents.Delete(ctx, litter...); err != nil {
		t.cfg.Log.Error("classroom: answers to an older question were left", "error", err)
	}
	return nil
}

// read reads one document, if it is of Together.
func (t *Together) read(doc Document, answers map[ID]answerDocument) error {
	switch {
	case doc.Name == togetherName:
		var d togetherDocument
		if err := json.Unmarshal(doc.Data, &d); err != nil {
			return err
		}
		t.present = Present{Paused: d.Paused, Question: d.Question, Asked: d.Asked, Plan: d.Plan, Step: d.Step, StepAt: d.StepAt}
	case strings.HasPrefix(doc.Name, answerPrefix):
		var d answerDocument
		if err := json.Unmarshal(doc.Data, &d); err != nil {
			return err
		}
		answers[ID(strings.TrimPrefix(doc.Name, answerPrefix))] = d
	case strings.HasPrefix(doc.Name, pastPrefix):
		var q Question
		if err := json.Unmarshal(doc.Data, &q); err != nil {
			return err
		}
		t.past = append(t.past, q)
	}
	return nil
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

// change replaces the state by what next makes of it. It keeps the state first, with further documents
// and without those of the names in without.
func (t *Together) change(ctx context.Context, next func(Present) (Present, []Document, error)) error {
	t.gate.Lock()
	defer t.gate.Unlock()
	was := t.Present()
	s, docs, err := next(was)
	if err != nil {
		return err
	}
	data, err := json.Marshal(togetherDocument{s.Paused, s.Question, s.Asked, s.Plan, s.Step, s.StepAt})
	if err != nil {
		panic(err) // cannot happen: strings, numbers and times of this century
	}
	if err := t.cfg.Documents.Put(ctx, append(docs, Document{Name: togetherName, Data: data})...); err != nil {
		return fmt.Errorf("classroom: keep what the class does: %w", err)
	}
	t.mu.Lock()
	var forgotten []string
	if old := was.Question; old != nil && (s.Question == nil || s.Question.N != old.N) {
		for id := range t.answers {
			forgotten = append(forgotten, answerPrefix+string(id))
		}
		t.past, t.answers = append(t.past, *old), make(map[ID]int)
	}
	s.Answered = len(t.answers)
	t.present = s
	t.mu.Unlock()
	if err := t.cfg.Documents.Delete(ctx, forgotten...); err != nil {
		t.cfg.Log.Error("classroom: the answers to a finished question were left until the next start", "error", err)
	}
	t.arm()
	t.cfg.Changed("")
	return nil
}

// Pause pauses the class, or lets it go on.
func (t *Together) Pause(ctx context.Context, paused bool) error {
	return t.change(ctx, func(s Present) (Present, []Document, error) {
		s.Paused = paused
		return s, nil, nil
	})
}

// SetStep notes the step of a lesson plan; the plan "" is none.
func (t *Together) SetStep(ctx context.Context, plan string, step int) error {
	return t.change(ctx, func(s Present) (Present, []Document, error) {
		s.Plan, s.Step, s.StepAt = plan, step, t.cfg.Now()
		return s, nil, nil
	})
}

// arm sets the timer for the question that is open.
func (t *Together) arm() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer.Stop()
	if q := t.present.Question; !t.ended && q.Open() && !q.Until.IsZero() {
		t.timer.Reset(max(0, q.Until.Sub(t.cfg.Now())))
	}
}

// timeIsUp closes the question whose time is up.
func (t *Together) timeIsUp() {
	q := t.Present().Question
	if !q.Open() || q.Until.IsZero() {
		return
	}
	if t.cfg.Now().Before(q.Until) {
		t.arm()
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := t.CloseQuestion(ctx, q.N); err != nil && !errors.Is(err, ErrNotOpen) {
		t.cfg.Log.Error("classroom: the question whose time is up could not be closed, no answer is taken", "error", err)
		t.cfg.Changed("")
	}
}

// Left forgets the answer of a seat that went. Its document went with the seat's.
func (t *Together) Left(id ID) {
	t.mu.Lock()
	_, had := t.answers[id]
	if had && t.present.Question.Open() {
		delete(t.answers, id)
		t.present.Answered = len(t.answers)
	}
	t.mu.Unlock()
	if had {
		t.cfg.Changed(id)
	}
}

// Wiped forgets everything after Class.Wipe has removed the documents.
func (t *Together) Wiped() {
	t.gate.Lock()
	defer t.gate.Unlock()
	t.mu.Lock()
	t.present, t.answers, t.past = Present{}, make(map[ID]int), nil
	t.mu.Unlock()
	t.arm()
	t.cfg.Changed("")
}

// Close stops the timer.
func (t *Together) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.timer.Stop()
}

// lane returns the lock of a seat's answers.
func (t *Together) lane(id ID) *sync.Mutex {
	return &t.lanes[maphash.String(t.seed, string(id))%uint64(len(t.lanes))]
}

// pastName returns the name of the document of a finished question.
func pastName(n int) string { return fmt.Sprintf("%s%06d", pastPrefix, n) }
