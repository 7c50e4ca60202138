package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// boards is how many pages of the board the teacher has open.
const boards = 2

// teacher is the teacher's browser.
type teacher struct {
	at     *net.TCPAddr // the lab
	cookie string       // the header
	bytes  [boards]atomic.Int64
}

// newTeacher opens a link to the board.
func newTeacher(at *net.TCPAddr) (*teacher, error) {
	w := wire{to: at}
	defer w.close()
	a, err := w.ask(request{method: "POST", path: "/classroom/begin", header: "Accept: application/json\r\n", read: true})
	if err := a.check(err, http.StatusOK); err != nil {
		return nil, fmt.Errorf("no link to the board: %w", err)
	}
	var begun struct{ URL string }
	if err := json.Unmarshal([]byte(a.body), &begun); err != nil {
		return nil, err
	}
	a, err = w.ask(request{method: "GET", path: begun.URL, header: "Accept: text/html\r\n"})
	if err := a.check(err, http.StatusSeeOther); err != nil {
		return nil, fmt.Errorf("the link to the board: %w", err)
	}
	pair, _, _ := strings.Cut(a.header.Get("Set-Cookie"), ";")
	return &teacher{at: at, cookie: "Cookie: " + pair + "\r\n"}, nil
}

// classAt returns where the class is joined: the first address of the beamer's page, or the
// lab's own address if the class has none.
func (t *teacher) classAt() (*net.TCPAddr, error) {
	w := wire{to: t.at}
	defer w.close()
	a, err := w.ask(request{method: "GET", path: "/classroom/screen", header: "Accept: application/json\r\n" + t.cookie, read: true})
	if err := a.check(err, http.StatusOK); err != nil {
		return nil, fmt.Errorf("the beamer's page: %w", err)
	}
	var screen struct{ Join string }
	if err := json.Unmarshal([]byte(a.body), &screen); err != nil {
		return nil, err
	}
	u, err := url.Parse(screen.Join)
	if err != nil || u.Host == "" {
		return t.at, err
	}
	return net.ResolveTCPAddr("tcp", u.Host)
}

// openBoard loads the n-th page of the board, notes how many presses each tile counts, and
// follows its stream until gone is closed.
func (t *teacher) openBoard(n int, seats map[string]*seat, f *faults, gone <-chan struct{}) (leave func(), err error) {
	page := wire{to: t.at}
	defer page.close()
	a, err := page.ask(request{method: "GET", path: "/classroom", header: "Accept: text/html\r\n" + t.cookie, read: true})
	if err := a.check(err, http.StatusOK); err != nil {
		return nil, fmt.Errorf("the board: %w", err)
	}
	stream := html.UnescapeString(between(a.body, `="/classroom/events`, `"`))
	if stream == "" {
		return nil, errors.New("the board has no stream")
	}
	found := 0
	tiles([]byte(a.body), func(name string, acts int) {
		if s := seats[name]; s != nil {
			s.acts = acts
			found++
		}
	})
	if found != len(seats) {
		return nil, fmt.Errorf("the board has %d tiles of %d seats", found, len(seats))
	}
	w := &wire{to: t.at}
	go func() {
		err := w.stream(request{method: "GET", path: "/classroom/events" + stream, header: t.cookie}, func(message []byte) {
			now := time.Now()
			t.bytes[n].Add(int64(len(message)))
			tiles(message, func(name string, acts int) {
				if s := seats[name]; s != nil {
					s.show(n, acts, now)
				}
			})
		})
		select {
		case <-gone:
		default:
			f.add("the board's stream", err)
		}
	}()
	return func() {
		if w.conn != nil {
			w.conn.Close()
		}
	}, nil
}

// show notes that a board has a tile that counts so many presses.
func (s *seat) show(board, acts int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := min(acts-s.acts, len(s.done)) - 1; i >= 0 && s.done[i].shown[board].IsZero(); i-- {
		s.done[i].shown[board] = now
	}
}

// tiles calls found with each tile of the board that stands in text.
func tiles(text []byte, found func(name string, acts int)) {
	for {
		_, rest, ok := bytes.Cut(text, []byte(`<li id="t-`))
		if !ok {
			return
		}
		name, rest, _ := bytes.Cut(rest, []byte(`"`))
		head, tail, _ := bytes.Cut(rest, []byte(`>`))
		_, after, _ := bytes.Cut(head, []byte(`data-acts="`))
		count, _, _ := bytes.Cut(after, []byte(`"`))
		if acts, err := strconv.Atoi(string(count)); err == nil {
			found(string(name), acts)
		}
		text = tail
	}
}
