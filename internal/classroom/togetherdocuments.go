package classroom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

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
	PlanAt   time.Time `json:"plan_at,omitzero"`
}

// document returns the document of what lasts of s.
func (s Present) document() Document {
	return jsonDocument(togetherName, togetherDocument{s.Paused, s.Question, s.Asked, s.Plan, s.Step, s.StepAt, s.PlanAt})
}

// pastName returns the name of the document of a finished question.
func pastName(n int) string { return fmt.Sprintf("%s%06d", pastPrefix, n) }

// load reads the documents, and deletes what a crash has left there of what is over.
func (t *Together) load(ctx context.Context) error {
	answers := make(map[ID]answerDocument)
	if err := readDocuments(ctx, t.cfg.Documents, t.cfg.Log, func(doc Document) error { return t.read(doc, answers) }); err != nil {
		return fmt.Errorf("classroom: read what the class does: %w", err)
	}
	var litter []string
	q := t.present.Question
	for id, a := range answers {
		if t.written[id] = true; q != nil && a.Question == q.N && a.Answer >= 1 && a.Answer <= q.Options && t.cfg.There(id) {
			t.answers[id] = a.Answer
		}
	}
	past := t.past[:0]
	for _, old := range t.past {
		if q != nil && old.N == q.N { // it was not finished after all
			litter = append(litter, pastName(old.N))
			continue
		}
		past = append(past, old)
		t.present.Asked = max(t.present.Asked, old.N)
	}
	t.past = past
	t.countAnswered()
	t.clean(ctx, litter)
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
		if d.Question != nil && !d.Question.sound() {
			return errors.New("a question without its answers")
		}
		t.present = Present{Paused: d.Paused, Question: d.Question, Asked: d.Asked, Plan: d.Plan, Step: d.Step, StepAt: d.StepAt, PlanAt: d.PlanAt}
		t.kept = doc.Data
	case strings.HasPrefix(doc.Name, answerPrefix):
		var d answerDocument
		err := json.Unmarshal(doc.Data, &d)
		answers[ID(strings.TrimPrefix(doc.Name, answerPrefix))] = d
		return err
	case strings.HasPrefix(doc.Name, pastPrefix):
		var q Question
		if err := json.Unmarshal(doc.Data, &q); err != nil {
			return err
		}
		if !q.sound() || q.Open() || pastName(q.N) != doc.Name {
			return errors.New("a finished question without its answers")
		}
		t.past = append(t.past, q)
	}
	return nil
}

// withDoubts adds the answers whose documents may hold something else, as they are. sure tells that there
// are none. The caller has all lanes.
func (t *Together) withDoubts(docs []Document) (_ []Document, sure bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for id := range t.unsure {
		doc := answerDocument{} // of no question: it counts as none
		if answer := t.answers[id]; answer != 0 {
			doc = answerDocument{t.present.Question.N, answer}
		}
		docs = append(docs, jsonDocument(answerPrefix+string(id), doc))
	}
	return docs, len(t.unsure) == 0
}

// keptDocument returns the document of the present state, nil if the documents may hold another.
func (t *Together) keptDocument() []byte {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.kept
}

func (t *Together) setKept(data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = data
}

// clean deletes those documents, and answers that count no more. The caller has all lanes. If the
// documents fail, the next change tries again.
func (t *Together) clean(ctx context.Context, litter []string) {
	var over []ID
	t.mu.RLock()
	for id := range t.written {
		if _, counts := t.answers[id]; !counts {
			over, litter = append(over, id), append(litter, answerPrefix+string(id))
		}
	}
	t.mu.RUnlock()
	if len(litter) == 0 {
		return
	}
	if err := t.cfg.Documents.Delete(ctx, litter...); err != nil {
		t.cfg.Log.Error("classroom: answers that are over were left until the next change", "error", err)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range over {
		delete(t.written, id)
	}
}
