package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// patience is how long an answer may take before it counts as an error.
const patience = 10 * time.Second

// wire is one connection of a browser. It connects when it is first used.
type wire struct {
	from, to *net.TCPAddr
	conn     net.Conn
	in       *bufio.Reader
}

// answer is the answer to a request. The body is read only if it was asked for.
type answer struct {
	status int
	header http.Header
	body   string
}

// request is what a browser asks.
type request struct {
	method, path string
	form         string // of a POST
	header       string // further lines, each with CR and LF at its end
	read         bool   // the body of the answer
}

// text returns the request as it travels. Its order and its common headers are Chromium's.
func (r request) text(to *net.TCPAddr) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: keep-alive\r\n", r.method, r.path, to)
	b.WriteString("User-Agent: sessionscope-load\r\nAccept-Encoding: gzip, deflate\r\nAccept-Language: en\r\n")
	b.WriteString(r.header)
	if r.method == http.MethodPost {
		fmt.Fprintf(&b, "Origin: http://%s\r\nContent-Type: application/x-www-form-urlencoded;charset=UTF-8\r\nContent-Length: %d\r\n", to, len(r.form))
	}
	b.WriteString("\r\n")
	b.WriteString(r.form)
	return b.String()
}

// open connects, and sends a request.
func (w *wire) open(r request) error {
	if w.conn == nil {
		dialer := net.Dialer{Timeout: patience}
		if w.from != nil {
			dialer.LocalAddr = w.from
		}
		conn, err := dialer.Dial("tcp", w.to.String())
		if err != nil {
			return err
		}
		w.conn, w.in = conn, bufio.NewReaderSize(conn, 4<<10)
	}
	_ = w.conn.SetDeadline(time.Now().Add(patience))
	_, err := io.WriteString(w.conn, r.text(w.to))
	return err
}

// ask sends a request and returns its answer, once all of it has come.
func (w *wire) ask(r request) (a answer, err error) {
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	if err := w.open(r); err != nil {
		return a, err
	}
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	a.status, a.header = resp.StatusCode, resp.Header
	if a.status >= http.StatusBadRequest || r.read {
		a.body, err = textOf(resp)
	} else {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	return a, err
}

// textOf returns the body of an answer as the page's script gets it.
func textOf(resp *http.Response) (string, error) {
	var body io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		zipped, err := gzip.NewReader(resp.Body)
		if err != nil {
			return "", err
		}
		body = zipped
	}
	b, err := io.ReadAll(body)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	return string(b), err
}

// stream asks for an event stream, and calls said with each message, in which the lines of an
// event are as they travelled. It returns an error as soon as the stream ends.
func (w *wire) stream(r request, said func(message []byte)) error {
	r.header = "Accept: text/html, text/event-stream\r\nHX-Request: true\r\n" + r.header
	if err := w.open(r); err != nil {
		return err
	}
	resp, err := http.ReadResponse(w.in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return fmt.Errorf("%s: %d %s", r.path, resp.StatusCode, b)
	}
	_ = w.conn.SetDeadline(time.Time{})
	body := bufio.NewReaderSize(resp.Body, 4<<10)
	var message []byte
	for {
		line, err := body.ReadSlice('\n')
		message = append(message, line...)
		switch {
		case err == bufio.ErrBufferFull:
		case err != nil:
			return fmt.Errorf("%s: the stream ended: %w", r.path, err)
		case len(line) == 1 && line[0] == '\n' && (len(message) == 1 || message[len(message)-2] == '\n'):
			said(message)
			message = message[:0]
		}
	}
}

// close ends the connection.
func (w *wire) close() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
}

// faults counts what went wrong, by what it was.
type faults struct {
	mu   sync.Mutex
	n    int
	kind map[string]int
}

// add counts an error, nil or not.
func (f *faults) add(what string, err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kind == nil {
		f.kind = make(map[string]int)
	}
	f.n++
	f.kind[what+": "+err.Error()]++
}

// check returns an error for an answer that is not the expected one.
func (a answer) check(err error, want int) error {
	switch {
	case err != nil:
		return err
	case a.status != want:
		return fmt.Errorf("%d, not %d: %.120s", a.status, want, a.body)
	}
	return nil
}

// between returns what stands between two texts, "" if they do not.
func between(text, before, after string) string {
	_, rest, found := strings.Cut(text, before)
	value, _, ended := strings.Cut(rest, after)
	if !found || !ended {
		return ""
	}
	return value
}
