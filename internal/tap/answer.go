package tap

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Answer is the answer to one request, as its connection writes it.
type Answer struct {
	began time.Time     // when the request's head had been read
	done  chan struct{} // closed when the answer's last byte has been written to the network

	mu     sync.Mutex
	head   []byte    // with the empty line at its end
	body   int64     // bytes of the body that were written
	length int64     // Content-Length, -1 until the head is complete
	ended  time.Time // when the last byte was written; zero before that
}

// maxHead is how many bytes of a head are kept. Something longer is no head.
const maxHead = 64 << 10

// write takes note of what the connection has just written.
func (a *Answer) write(p []byte, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ended.IsZero() {
		return
	}
	for a.length < 0 && len(p) > 0 {
		before := len(a.head)
		head := p
		if at := bytes.Index(p, []byte("\r\n\r\n")); at >= 0 && before == 0 {
			head = p[:at+len("\r\n\r\n")] // the body that came with it takes no memory
		}
		a.head = append(a.head, head...)
		at := bytes.Index(a.head, []byte("\r\n\r\n"))
		if at < 0 {
			if len(a.head) > maxHead {
				a.ended = now // it is no head, and done is never closed
			}
			return
		}
		end := at + len("\r\n\r\n")
		p = p[end-before:]
		if bytes.HasPrefix(a.head, []byte("HTTP/1.1 1")) { // 100 Continue: the answer is still to come
			a.head = nil
			continue
		}
		a.head = a.head[:end:end]
		a.length = contentLength(a.head)
	}
	if a.length < 0 {
		return
	}
	a.body += int64(len(p))
	if a.body >= a.length {
		a.ended = now
		close(a.done)
	}
}

// contentLength returns the Content-Length of a head, 0 if there is none: every answer that
// somebody waits for has one.
func contentLength(head []byte) int64 {
	for line := range bytes.Lines(head) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		if strings.EqualFold(string(name), "Content-Length") {
			n, _ := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
			return n
		}
	}
	return 0
}

// Left is an answer that has left.
type Left struct {
	Status    string   // such as "200 OK"
	Lines     []string // header lines, without the status line
	HeadBytes int
	BodyBytes int64
	Took      time.Duration // from the end of the request's head to the answer's last byte
}

// Wait returns the answer once it has left, or false if ctx ends first. It returns an answer
// that has left even if ctx has ended.
func (a *Answer) Wait(ctx context.Context) (l Left, ok bool) {
	if a == nil {
		return l, false
	}
	select {
	case <-a.done:
	default:
		select {
		case <-a.done:
		case <-ctx.Done():
			return l, false
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	lines := strings.Split(strings.TrimSuffix(string(a.head), "\r\n\r\n"), "\r\n")
	_, status, _ := strings.Cut(lines[0], " ")
	return Left{status, lines[1:], len(a.head), a.body, a.ended.Sub(a.began)}, true
}
