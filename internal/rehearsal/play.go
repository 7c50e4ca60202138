package rehearsal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// play joins after a while, and plays until ctx ends or the seat is gone. It returns why it ended.
func (b *browser) play(ctx context.Context, after time.Duration) error {
	if after > 0 && !wait(ctx, b.about(after)) {
		return ctx.Err()
	}
	if err := b.join(ctx); err != nil {
		return err
	}
	for {
		if err := b.stayAwake(ctx); err != nil {
			return err
		}
		if !wait(ctx, b.about(b.asleep)) {
			return ctx.Err()
		}
	}
}

// stayAwake plays until the browser falls asleep, which returns nil. It opens the stream of the class as a
// page does, and opens it again when it breaks; who is asleep has none.
func (b *browser) stayAwake(ctx context.Context) error {
	ctx, fallAsleep := context.WithCancel(ctx)
	news := make(chan event)
	followed := make(chan struct{})
	defer func() { fallAsleep(); <-followed }()
	go func() {
		defer close(followed)
		b.follow(ctx, news)
	}()
	now := time.Now()
	b.loads, b.due = 0, agenda{press: now.Add(b.about(b.temper.press)), look: now, answer: b.due.answer}
	if b.awake > 0 {
		b.due.sleep = now.Add(b.about(b.awake))
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(b.due.next()))
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e := <-news:
			err = b.hear(ctx, e)
		case <-timer.C:
			if now := time.Now(); !b.due.sleep.IsZero() && !now.Before(b.due.sleep) {
				return nil
			}
			err = b.act(ctx)
		}
		if err = b.obey(ctx, err); err != nil {
			return err
		}
	}
}

// act does what is due.
func (b *browser) act(ctx context.Context) error {
	is := func(at time.Time) bool { return !at.IsZero() && !time.Now().Before(at) }
	switch {
	case is(b.due.look):
		return b.look(ctx)
	case is(b.due.answer):
		return b.reply(ctx)
	case is(b.due.became):
		return b.became(ctx)
	case is(b.due.load):
		return b.load(ctx)
	case is(b.due.press):
		return b.press(ctx)
	}
	return nil
}

// obey waits where an answer says so. It returns an error if the browser plays no more.
func (b *browser) obey(ctx context.Context, err error) error {
	switch {
	case err == nil:
	case errors.Is(err, errLeft), ctx.Err() != nil:
		return err
	case refused(err, http.StatusForbidden): // paused
		b.now.Paused = true
		b.due.look = time.Now().Add(rest)
	case refused(err, http.StatusTooManyRequests), refused(err, http.StatusServiceUnavailable):
		b.due.press = time.Now().Add(rest + b.about(rest))
	}
	return nil // another refusal, or an outage: the next press tries again
}

// maxAfter bounds the milliseconds in an event of the stream.
const maxAfter = 10_000

// event is what the stream tells.
type event struct{ name, data string }

// hear does what a page does at an event. What the class page shows is not read: the browser asks for
// what the page says, in JSON.
func (b *browser) hear(ctx context.Context, e event) error {
	switch e.name {
	case "bye":
		if e.data == "taken" {
			return nil
		}
		return errLeft
	case "beat":
		return b.ask(ctx, b.home+"/class/heard", url.Values{"page": {"rehearsal"}}, nil)
	case "act": // the event says after how many milliseconds, so that a class does not ask all at once
		word, _, _ := strings.Cut(e.data, " ")
		after, _ := strconv.Atoi(word)
		b.due.became = time.Now().Add(time.Duration(min(max(after, 0), maxAfter)) * time.Millisecond)
		return nil
	case "browsers":
		b.loads, b.due.load = 2, time.Now().Add(b.about(time.Second))
		return nil
	}
	return b.look(ctx)
}

// follow reads the stream of the class, and opens it again when it breaks, until ctx ends or the class
// has said good-bye.
func (b *browser) follow(ctx context.Context, news chan<- event) {
	tell := func(e event) bool {
		select {
		case news <- e:
			return e.name != "bye"
		case <-ctx.Done():
			return false
		}
	}
	for {
		err := b.read(ctx, tell)
		switch {
		case ctx.Err() != nil, err == nil:
			return
		case errors.Is(err, errLeft):
			tell(event{"bye", "gone"})
			return
		}
		if !wait(ctx, rest) {
			return
		}
	}
}

// maxEvent is how long a line of the stream may be, in bytes.
const maxEvent = 1 << 20

// read opens the stream, and tells each event until tell returns false.
func (b *browser) read(ctx context.Context, tell func(event) bool) error {
	r, err := newRequest(ctx, b.home+"/class/events?page=class", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/event-stream")
	resp, err := b.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return errLeft
	case resp.StatusCode != http.StatusOK:
		return &statusError{status: resp.StatusCode}
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	var e event
	some := false // e has a line
	for lines.Scan() {
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "event":
			e.name, some = string(value), true
		case "data":
			e.data, some = string(value), true // the last line: nothing that is read has two
		case "":
			if len(lines.Bytes()) > 0 { // a comment
				continue
			}
			if some && !tell(e) {
				return nil
			}
			e, some = event{}, false
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errors.New("the stream ended")
}
