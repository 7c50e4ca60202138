package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// seat is a learner: a browser with its address, its cookies, and one page of its lab.
type seat struct {
	name    string // in addresses and on the board: "amber-fox"
	base    string // "/s/amber-fox-peaprhinjphl"
	cookies map[string]string
	faults  *faults

	presses, lab, class wire
	secret, page        string      // of its page
	moment              int         // the last that the page shows
	asks                chan func() // what its page does between the presses
	gone                <-chan struct{}
	lesson              *lesson
	answered, revealed  bool // what its class stream has heard

	mu   sync.Mutex
	done []press
	acts int // what the tile counted before the first press
}

// press is one press of a learner.
type press struct {
	due, sent, answered time.Time
	shown               [boards]time.Time // when it had reached each board; zero until then
}

// cookie returns the header with the cookies of the seat.
func (s *seat) cookie() string {
	var pairs []string
	for name, value := range s.cookies {
		pairs = append(pairs, name+"="+value)
	}
	if len(pairs) == 0 {
		return ""
	}
	return "Cookie: " + strings.Join(pairs, "; ") + "\r\n"
}

// keep keeps the cookies of an answer, as a browser does.
func (s *seat) keep(a answer) {
	for _, line := range a.header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.MaxAge >= 0 {
			s.cookies[c.Name] = c.Value
		} else if err == nil {
			delete(s.cookies, c.Name)
		}
	}
}

// join takes a seat. A device that is told to wait waits.
func (s *seat) join() error {
	for range 1000 {
		a, err := s.presses.ask(request{method: "POST", path: "/join", header: "Accept: application/json\r\n", read: true})
		if err == nil && a.status == http.StatusTooManyRequests {
			time.Sleep(time.Second)
			continue
		}
		if err := a.check(err, http.StatusOK); err != nil {
			return err
		}
		var joined struct{ Nickname, URL string }
		if err := json.Unmarshal([]byte(a.body), &joined); err != nil {
			return err
		}
		s.base = strings.TrimSuffix(joined.URL, "/")
		s.name = strings.ReplaceAll(strings.ToLower(joined.Nickname), " ", "-")
		return nil
	}
	return errors.New("the program seats nobody else")
}

// open loads the page of the lab and opens its streams. gone is closed when the learner leaves.
func (s *seat) open(gone <-chan struct{}) error {
	a, err := s.presses.ask(request{method: "GET", path: s.base + "/", header: "Accept: text/html,application/xhtml+xml\r\n" + s.cookie(), read: true})
	if err := a.check(err, http.StatusOK); err != nil {
		return err
	}
	s.keep(a)
	s.secret, s.page = between(a.body, `data-secret="`, `"`), between(a.body, `data-page="`, `"`)
	stream := html.UnescapeString(between(a.body, `data-stream="`+s.base+`/events`, `"`))
	if s.secret == "" || s.page == "" || stream == "" {
		return errors.New("the lab's page has no secret, no ID or no stream")
	}
	s.moment, _ = strconv.Atoi(between(a.body, `id="ask-`, `"`))
	follow := func(w *wire, path string, said func([]byte)) {
		err := w.stream(request{method: "GET", path: path, header: s.pageHeader() + s.cookie()}, said)
		select {
		case <-gone:
		default:
			s.faults.add("a learner's stream", err)
		}
	}
	go follow(&s.lab, s.base+"/events"+stream, func([]byte) {})
	go follow(&s.class, s.base+"/class/events?page=class", func(message []byte) { s.hear(string(message)) })
	return nil
}

// pageHeader is the header by which the script says which page asks.
func (s *seat) pageHeader() string {
	return fmt.Sprintf("%s: %s %s %d\r\n", trace.PageHeader, s.secret, s.page, s.moment)
}

// presses that a learner makes, in turn.
var acts = []string{"set", "set", "get", "keys", "set", "delete"}

// next returns the n-th press of the learner.
func (s *seat) next(n int) request {
	key := "key" + strconv.Itoa(n%4)
	header := "Accept: text/html, text/event-stream\r\nHX-Request: true\r\nHX-Request-Type: partial\r\nHX-Source: form#set\r\nHX-Target: main\r\nHX-Current-URL: http://" +
		s.presses.to.String() + s.base + "/\r\nReferer: http://" + s.presses.to.String() + s.base + "/\r\n" + s.pageHeader() + s.cookie()
	r := request{method: "POST", path: s.base + "/" + acts[n%len(acts)], header: header}
	switch acts[n%len(acts)] {
	case "set":
		r.form = url.Values{"key": {key}, "value": {"value " + strconv.Itoa(rand.IntN(1e9))}, "type": {"text"}}.Encode()
	case "delete":
		r.form = url.Values{"key": {key}}.Encode()
	case "get":
		r.method, r.path = "GET", r.path+"?key="+key
	default:
		r.method = "GET"
	}
	return r
}

// work presses at the seat's own times from begin to end, does what the page does, and returns when the
// last press is answered.
func (s *seat) work(begin, end time.Time, rate float64) {
	each := time.Duration(float64(time.Second) / rate)
	due := begin.Add(time.Duration(rand.Int64N(int64(each))))
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	for n := 0; due.Before(end); {
		select {
		case do := <-s.asks:
			do()
			continue
		case <-timer.C:
		}
		s.press(n, due)
		n++
		due = due.Add(each)
		timer.Reset(time.Until(due))
	}
}

// rest does what the page does until the learner leaves.
func (s *seat) rest() {
	for {
		select {
		case do := <-s.asks:
			do()
		case <-s.gone:
			return
		}
	}
}

// answerBeat tells the class that somebody has the page in front of them, as its script does.
func (s *seat) answerBeat() {
	a, err := s.presses.ask(request{method: "POST", path: s.base + "/class/heard", form: "page=" + s.page, header: "Accept: */*\r\n" + s.cookie()})
	s.faults.add("the answer to a beat", a.check(err, http.StatusNoContent))
}

// press presses, and then asks for the sizes of that exchange as the page's script does.
func (s *seat) press(n int, due time.Time) {
	r := s.next(n)
	sent := time.Now()
	s.mu.Lock()
	s.done = append(s.done, press{due: due, sent: sent})
	s.mu.Unlock()
	r.read = s.lesson.recent()
	a, err := s.presses.ask(r)
	now := time.Now()
	err = a.check(err, http.StatusOK)
	s.mu.Lock()
	if err == nil {
		s.done[n].answered = now
	}
	s.mu.Unlock()
	switch {
	case (a.status == http.StatusConflict || a.status == http.StatusServiceUnavailable) && s.lesson.met(sent):
		return
	case err != nil:
		s.faults.add("a press", err)
		return
	}
	s.keep(a)
	if s.moment++; r.read { // what the teacher did may be a moment too
		if n, err := strconv.Atoi(between(a.body, `id="ask-`, `"`)); err == nil {
			s.moment = n
		}
	}
	a, err = s.presses.ask(request{
		method: "GET", path: s.base + "/exchanges/" + strconv.Itoa(s.moment),
		header: "Accept: text/html, text/event-stream\r\nHX-Request: true\r\nHX-Request-Type: partial\r\n" + s.pageHeader() + s.cookie(),
	})
	s.faults.add("the sizes of a press", a.check(err, http.StatusOK))
}

// leave closes the page.
func (s *seat) leave() {
	for _, w := range []*wire{&s.presses, &s.lab, &s.class} {
		if w.conn != nil {
			w.conn.Close()
		}
	}
}
