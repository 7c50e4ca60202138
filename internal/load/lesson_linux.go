package main

import (
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// asked is the experiment of the lesson's question: it needs no second of real time.
const asked = "two-tabs"

// lesson is what the teacher does while the learners press.
type lesson struct {
	teacher *teacher
	faults  *faults
	think   time.Duration // within that time after the question the learners answer

	mu   sync.Mutex
	late int // answers that came when the question was closed, and were told so
	told int // presses that were told that an act for everyone came between, or that the store was away for it
	acts []*act
}

// act is something that the teacher does to everybody.
type act struct {
	what       string
	begin, end time.Time       // of the request that did it, or until the revealed question was there
	heard      []time.Duration // from end until each learner's page had heard of it, and was answered what it asked then
}

// steps of the lesson, each with the part of the time at which it is done.
var steps = []struct {
	at   float64
	what string
	do   func(*lesson) error
}{
	{0.05, "", (*lesson).open},
	{0.25, "the reveal", (*lesson).reveal},
	{0.42, "the restart, same secret", func(l *lesson) error { return l.everyone("restart") }},
	{0.60, "the restart, new secret", func(l *lesson) error { return l.everyone("restart-new-secret") }},
	{0.78, "the flush", func(l *lesson) error { return l.everyone("flush") }},
}

// teach does the steps between begin and end.
func (l *lesson) teach(begin, end time.Time) {
	for _, s := range steps {
		time.Sleep(time.Until(begin.Add(time.Duration(s.at * float64(end.Sub(begin))))))
		a := &act{what: s.what, begin: time.Now()}
		if s.what == "" {
			l.faults.add("the question", s.do(l))
			continue
		}
		l.mu.Lock()
		l.acts = append(l.acts, a)
		l.mu.Unlock()
		err := s.do(l)
		l.mu.Lock()
		a.end = time.Now()
		l.mu.Unlock()
		l.faults.add(s.what, err)
	}
}

func (l *lesson) open() error {
	_, err := l.teacher.post("/classroom/open", url.Values{"slug": {asked}})
	return err
}

// reveal returns when the board says what came of it.
func (l *lesson) reveal() error {
	if _, err := l.teacher.post("/classroom/reveal", url.Values{}); err != nil {
		return err
	}
	for wait := time.Now().Add(patience); time.Now().Before(wait); time.Sleep(20 * time.Millisecond) {
		var board struct{ Question struct{ Phase string } }
		if err := l.teacher.get("/classroom", &board); err != nil {
			return err
		}
		if board.Question.Phase == "revealed" {
			return nil
		}
	}
	return fmt.Errorf("the question was not revealed within %v", patience)
}

func (l *lesson) everyone(what string) error {
	body, err := l.teacher.post("/classroom/everyone", url.Values{"act": {what}, "sure": {"1"}})
	if err == nil && strings.Contains(body, `"failed":true`) {
		return fmt.Errorf("it was not done for all: %s", body)
	}
	return err
}

// latest returns the act that was done last, nil if there was none.
func (l *lesson) latest() *act {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.acts) == 0 {
		return nil
	}
	return l.acts[len(l.acts)-1]
}

// first returns the act that was done first, which is the reveal; nil if there was none.
func (l *lesson) first() *act {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.acts) == 0 {
		return nil
	}
	return l.acts[0]
}

// recent tells whether something was done to everybody just now.
func (l *lesson) recent() bool {
	a := l.latest()
	return a != nil && time.Since(a.begin) < patience
}

// met tells whether a press that was refused just now was sent before an act ended. Such a press is told
// that its session was changed meanwhile, or that the store is away: it is counted, and no error.
func (l *lesson) met(sent time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.acts); n == 0 || !l.acts[n-1].end.IsZero() && sent.After(l.acts[n-1].end) {
		return false
	}
	l.told++
	return true
}

// heard notes that a learner's page has heard of an act.
func (l *lesson) heard(a *act) {
	l.mu.Lock()
	defer l.mu.Unlock()
	since := a.end
	if since.IsZero() { // its answer is still on its way to the teacher
		since = time.Now()
	}
	a.heard = append(a.heard, time.Since(since))
}

// during tells whether an act was being done at some moment between two times.
func (l *lesson) during(from, to time.Time) bool {
	return slices.ContainsFunc(l.acts, func(a *act) bool { return from.Before(a.end) && a.begin.Before(to) })
}

// post sends a form of the teacher's.
func (t *teacher) post(path string, form url.Values) (string, error) {
	w := wire{to: t.at}
	defer w.close()
	a, err := w.ask(request{method: "POST", path: path, form: form.Encode(), header: "Accept: application/json\r\n" + t.cookie, read: true})
	return a.body, a.check(err, http.StatusOK)
}

// get reads JSON of the teacher's.
func (t *teacher) get(path string, what any) error {
	w := wire{to: t.at}
	defer w.close()
	a, err := w.ask(request{method: "GET", path: path, header: "Accept: application/json\r\n" + t.cookie, read: true})
	if err := a.check(err, http.StatusOK); err != nil {
		return err
	}
	return json.Unmarshal([]byte(a.body), what)
}

// hear does what the page's script does at a message of the class's stream, and answers the question as
// a learner does.
func (s *seat) hear(message string) {
	name := between("\n"+message, "\nevent: ", "\n")
	switch {
	case name == "beat":
		s.ask(s.answerBeat, 0)
	case name == "act":
		word, _, _ := strings.Cut(between("\n"+message, "\ndata: ", "\n"), " ")
		after, _ := strconv.Atoi(word)
		latest := s.lesson.latest()
		s.ask(func() { s.askWhatBecame(latest) }, time.Duration(after)*time.Millisecond)
	case strings.Contains(message, `data-state="open`) && !s.answered:
		s.answered = true
		s.ask(func() { s.predict(html.UnescapeString(between(message, `name="question" value="`, `"`))) }, time.Duration(rand.Int64N(int64(s.lesson.think))))
	case strings.Contains(message, `data-state="revealed`) && !s.revealed:
		s.revealed = true
		if a := s.lesson.first(); a != nil { // a later act may have begun meanwhile
			s.lesson.heard(a)
		}
	}
}

// ask has the seat's own goroutine do something after a while.
func (s *seat) ask(do func(), after time.Duration) {
	time.AfterFunc(after, func() {
		select {
		case s.asks <- do:
		case <-s.gone:
		}
	})
}

// predict answers the question.
func (s *seat) predict(question string) {
	form := url.Values{"question": {question}, "prediction": {strconv.Itoa(1 + rand.IntN(2))}}
	a, err := s.presses.ask(request{method: "POST", path: s.base + "/class/answer", form: form.Encode(), header: "Accept: text/html, text/event-stream\r\nHX-Request: true\r\n" + s.cookie()})
	if err == nil && a.status == http.StatusConflict {
		s.lesson.mu.Lock()
		defer s.lesson.mu.Unlock()
		s.lesson.late++
		return
	}
	s.faults.add("an answer to the question", a.check(err, http.StatusOK))
}

// askWhatBecame asks what became of the session, as every page does after the latest act for everyone.
func (s *seat) askWhatBecame(latest *act) {
	a, err := s.presses.ask(request{method: "GET", path: s.base + "/class/became", header: "Accept: text/html, text/event-stream\r\nHX-Request: true\r\nHX-Request-Type: partial\r\n" + s.pageHeader() + s.cookie()})
	s.keep(a)
	if err := a.check(err, http.StatusOK); err != nil {
		s.faults.add("what became of a session", err)
	} else if latest != nil {
		s.lesson.heard(latest)
	}
}

// unheard returns how many pages have not heard of an act, of so many learners.
func (l *lesson) unheard(learners int) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acts {
		n += max(0, learners-len(a.heard))
	}
	return n
}
