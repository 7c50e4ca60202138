package classroom

import (
	"context"
	"fmt"
	"hash/maphash"
)

// answerDocument is the answer of one seat.
type answerDocument struct {
	Question int `json:"question"`
	Answer   int `json:"answer"`
}

// Answer notes the answer of a seat, from 1, to question n. A later answer replaces it, until the
// question is closed. The errors are ErrNoQuestion, ErrOther, ErrNotOpen, ErrNoOption, ErrNoSeat and the
// documents'.
func (t *Together) Answer(ctx context.Context, id ID, n, answer int) error {
	at := maphash.String(t.seed, string(id)) % uint64(len(t.lanes))
	ctx, end, err := t.begin(ctx, t.lanes[at:at+1])
	if err != nil {
		return err
	}
	err = t.answer(ctx, id, n, answer)
	end()
	if err == nil {
		t.cfg.Changed(id)
	}
	return err
}

// answer is Answer for a caller who has the lane of the seat.
func (t *Together) answer(ctx context.Context, id ID, n, answer int) error {
	s := t.Present()
	switch q := s.Question; {
	case q == nil:
		return ErrNoQuestion
	case q.N != n:
		return ErrOther
	case !q.Open(), q.over(t.cfg.Now()):
		return ErrNotOpen
	case answer < 1 || answer > q.Options:
		return ErrNoOption
	case !t.cfg.There(id):
		return ErrNoSeat
	}
	docs := []Document{jsonDocument(answerPrefix+string(id), answerDocument{n, answer})}
	t.mu.Lock()
	sure := t.kept != nil
	if t.answers[id] == answer && !t.unsure[id] && sure {
		t.mu.Unlock()
		return nil
	}
	t.written[id], t.unsure[id] = true, true
	t.mu.Unlock()
	if !sure { // the documents may hold that the question is closed
		docs = append(docs, s.document())
	}
	if err := t.cfg.Documents.Put(ctx, docs...); err != nil {
		return fmt.Errorf("classroom: keep an answer: %w", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !sure {
		t.kept = docs[1].Data
	}
	delete(t.unsure, id)
	if !t.cfg.There(id) { // it went meanwhile; the next change deletes the document
		return ErrNoSeat
	}
	t.answers[id] = answer
	t.countAnswered()
	return nil
}

// AnswerOf returns what a seat has answered to the present question, from 1; 0 for nothing.
func (t *Together) AnswerOf(id ID) int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.answers[id]
}

// Left forgets the answer of a seat that went. Its document went with the seat's. Before the question is
// closed it counts no more; afterwards the counts stay as they are.
func (t *Together) Left(id ID) {
	t.mu.Lock()
	_, had := t.answers[id]
	delete(t.answers, id)
	t.countAnswered()
	t.mu.Unlock()
	if had {
		t.cfg.Changed(id)
	}
}

// count closes q, at the end of its time if that is over. The caller has all lanes.
func (t *Together) count(q *Question) {
	q.Closed, q.Counts, q.Seats = t.cfg.Now(), make([]int, q.Options), t.cfg.Seats()
	if q.over(q.Closed) {
		q.Closed = q.Until
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for id, answer := range t.answers {
		if t.cfg.There(id) { // Left may be about to be called
			q.Counts[answer-1]++
			if t.cfg.Rehearses(id) {
				q.Rehearsed++
			}
		}
	}
}
