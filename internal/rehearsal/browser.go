package rehearsal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// browser is one small browser. One goroutine has it; another one reads its stream.
type browser struct {
	temper
	addresses []string
	visitor   string
	random    *rand.Rand
	client    *http.Client

	home   string // of its seat: "http://192.168.1.20:8080/s/amber-fox-peaprhinjphl"
	now    class  // as it was told last
	given  answer // its latest
	due    agenda
	turned bool // it has changed its mind about the present question
	loads  int  // how many more it owes to what the browsers are asked
}

// class is what the class page says, in JSON, of what the class does together.
type class struct {
	Paused   bool
	Question *struct{ N, Options int } // that can be answered now; nil for none
}

// answer is an answer that the browser has given.
type answer struct{ question, prediction int }

// agenda says when the browser does something next; the zero time is never.
type agenda struct{ press, answer, look, became, load, sleep time.Time }

// next returns the earliest of those times.
func (a agenda) next() (next time.Time) {
	for _, at := range []time.Time{a.press, a.answer, a.look, a.became, a.load, a.sleep} {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// about draws a time between half and one and a half of mean.
func (b *browser) about(mean time.Duration) time.Duration {
	return mean/2 + time.Duration(b.random.Int64N(int64(mean)))
}

// wait waits, and returns false if ctx has ended.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// statusError is the answer to a request that was refused.
type statusError struct {
	status int
	detail string
}

func (e *statusError) Error() string {
	return cmp.Or(e.detail, http.StatusText(e.status))
}

// refused tells whether err is a refusal with that status.
func refused(err error, status int) bool {
	e := (*statusError)(nil)
	return errors.As(err, &e) && e.status == status
}

// ask sends a request and reads its answer into what, which may be nil. form is that of a POST; with nil
// it is a GET. A seat that is not there any more is an errLeft.
func (b *browser) ask(ctx context.Context, target string, form url.Values, what any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := newRequest(ctx, target, form)
	if err != nil {
		return err
	}
	return b.send(r, what)
}

// send sends a request and reads its answer into what, which may be nil.
func (b *browser) send(r *http.Request, what any) error {
	resp, err := b.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusNotFound && b.home != "":
		return errLeft
	case resp.StatusCode >= http.StatusBadRequest:
		var problem struct{ Detail string }
		_ = json.Unmarshal(body, &problem) // an answer of another kind has no detail
		return &statusError{resp.StatusCode, problem.Detail}
	case what == nil:
		return nil
	}
	return json.Unmarshal(body, what)
}

// newRequest returns a request for JSON.
func newRequest(ctx context.Context, target string, form url.Values) (*http.Request, error) {
	method, body := http.MethodGet, ""
	if form != nil {
		method, body = http.MethodPost, form.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "sessionscope-rehearsal")
	r.Header.Set("Accept", "application/json")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://"+r.URL.Host)
	}
	return r, nil
}

// join takes a seat: at the first address where somebody answers.
func (b *browser) join(ctx context.Context) (err error) {
	for _, at := range b.addresses {
		var joined struct{ URL string }
		if err = b.ask(ctx, at+"/join", url.Values{"visitor": {b.visitor}}, &joined); err == nil {
			b.home = at + strings.TrimSuffix(joined.URL, "/")
			return nil
		}
		if e := (*statusError)(nil); errors.As(err, &e) {
			return err
		}
	}
	return err
}

// look learns what the class does now, as a class page does that is loaded.
func (b *browser) look(ctx context.Context) error {
	b.due.look = time.Time{}
	was, now := b.now, class{}
	if err := b.ask(ctx, b.home+"/class", nil, &now); err != nil {
		b.due.look = time.Now().Add(rest)
		return err
	}
	b.now = now
	if was.Paused && !b.now.Paused {
		b.due.press = time.Now().Add(b.about(b.temper.press))
	}
	switch q := b.now.Question; {
	case q == nil:
		b.due.answer = time.Time{}
	case was.Question == nil || was.Question.N != q.N:
		b.turned = false
		if b.temper.answer > 0 {
			b.due.answer = time.Now().Add(b.about(b.temper.answer))
		}
	}
	return nil
}

// prediction returns the number of the browser's answer: tempers lean to different ones, and which one is
// the favourite differs from question to question.
func (b *browser) prediction() int {
	q, leaning := b.now.Question, b.leaning
	if b.turned {
		leaning++
	}
	return 1 + (leaning+q.N)%q.Options
}

// reply answers the question that is open.
func (b *browser) reply(ctx context.Context) error {
	b.due.answer = time.Time{}
	q := b.now.Question
	if q == nil || q.Options < 1 {
		return nil
	}
	if b.now.Paused {
		b.due.answer = time.Now().Add(rest)
		return nil
	}
	if b.given.question == q.N && b.doubts {
		b.turned = true
	}
	given := answer{q.N, b.prediction()}
	err := b.ask(ctx, b.home+"/class/answer", url.Values{"question": {strconv.Itoa(given.question)}, "prediction": {strconv.Itoa(given.prediction)}}, nil)
	switch {
	case err == nil:
		b.given = given
		if b.doubts && !b.turned {
			b.due.answer = time.Now().Add(b.about(b.temper.answer))
		}
	case refused(err, http.StatusForbidden), refused(err, http.StatusTooManyRequests):
		b.due.answer = time.Now().Add(rest)
	}
	return err
}

// became asks what became of the session, as every page does after something was done for everyone.
func (b *browser) became(ctx context.Context) error {
	b.due.became = time.Time{}
	err := b.ask(ctx, b.home+"/class/became", nil, nil)
	if err != nil {
		b.due.became = time.Now().Add(again)
	}
	return err
}

// load loads the class page twice, as a page without a script does that loads itself: the first load
// gets cookies, the second shows which of them this browser keeps.
func (b *browser) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := newRequest(ctx, b.home+"/class", nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "text/html")
	if b.loads--; b.loads > 0 {
		b.due.load = time.Now().Add(rest)
	} else {
		b.due.load = time.Time{}
	}
	return b.send(r, nil)
}

// keys and words are what the browsers keep in their sessions.
var (
	keys  = []string{"name", "cart", "theme", "visits"}
	words = []string{"apple", "bread", "candle", "dark", "egg", "forest", "green", "honey"}
)

// press does something to the session. While the class is paused it does nothing.
func (b *browser) press(ctx context.Context) error {
	b.due.press = time.Now().Add(b.about(b.temper.press))
	if b.now.Paused {
		return nil
	}
	key := keys[b.random.IntN(len(keys))]
	target, form := b.home, url.Values(nil)
	switch n := b.random.IntN(10); {
	case n < 5:
		target += "/set"
		form = url.Values{"key": {key}, "value": {words[b.random.IntN(len(words))]}, "placement": {b.placement}}
		if key == "visits" {
			form.Set("value", strconv.Itoa(1+b.random.IntN(99)))
			form.Set("type", "number")
		}
	case n < 8:
		target += "/get?key=" + key
	case n < 9:
		target += "/keys"
	default:
		target += "/delete"
		form = url.Values{"key": {key}}
	}
	return b.ask(ctx, target, form, nil)
}
