package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// school plays a class to the browsers: it notes what they ask, and says what a test has it say.
type school struct {
	mu       sync.Mutex
	asked    map[string]int      // how often each path was asked for, below the seat
	presses  map[string]int      // of each seat
	answers  map[string][]string // of each seat
	cookies  map[string]bool     // of seats whose cookie came
	places   map[string]bool     // placements that were asked for
	streams  map[string]*io.PipeWriter
	question string // in JSON
	paused   bool
	gone     bool // no seat is there
	full     bool
}

func newSchool() *school {
	return &school{
		asked: make(map[string]int), presses: make(map[string]int), answers: make(map[string][]string), cookies: make(map[string]bool),
		places: make(map[string]bool), streams: make(map[string]*io.PipeWriter), question: "null",
	}
}

// RoundTrip implements http.RoundTripper.
func (s *school) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Host == "nobody" {
		return nil, errors.New("nobody answers there")
	}
	text, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(text))
	status, body, cookie := s.answer(r, form)
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(body))}
	if cookie != "" {
		resp.Header.Set("Set-Cookie", cookie)
	}
	if strings.HasSuffix(r.URL.Path, "/class/events") && status == http.StatusOK {
		in, out := io.Pipe()
		s.streams[r.URL.Path], resp.Body = out, in
		context.AfterFunc(r.Context(), func() { in.CloseWithError(r.Context().Err()) })
	}
	return resp, nil
}

// answer returns the answer to a request.
func (s *school) answer(r *http.Request, form url.Values) (status int, body, cookie string) {
	place, below, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/s/"), "/")
	if r.URL.Path == "/join" {
		if s.full {
			return http.StatusTooManyRequests, `{"detail":"The class is full."}`, ""
		}
		return http.StatusOK, `{"url":"/s/` + form.Get("visitor") + `/"}`, ""
	}
	if s.asked[below]++; s.gone {
		return http.StatusNotFound, "", ""
	}
	if _, err := r.Cookie("seat"); err == nil {
		s.cookies[place] = true
	}
	switch below {
	case "class":
		return http.StatusOK, fmt.Sprintf(`{"paused":%t,"question":%s}`, s.paused, s.question), ""
	case "class/events", "class/heard", "class/became":
		return http.StatusOK, "", ""
	}
	if s.paused {
		return http.StatusForbidden, `{"detail":"Eyes up."}`, ""
	}
	if below == "class/answer" {
		s.answers[place] = append(s.answers[place], form.Get("question")+":"+form.Get("prediction"))
		return http.StatusOK, "{}", ""
	}
	s.presses[place]++
	if form.Has("placement") {
		s.places[place+" "+form.Get("placement")] = true
	}
	return http.StatusOK, "{}", "seat=x; Path=/s/" + place + "/"
}

// tell tells all open streams an event.
func (s *school) tell(event string) {
	s.mu.Lock()
	var open []*io.PipeWriter
	for _, out := range s.streams {
		open = append(open, out)
	}
	s.mu.Unlock()
	for _, out := range open {
		_, _ = io.WriteString(out, event+"\n\n") // a stream that was closed takes nothing
	}
	synctest.Wait()
}

// change changes what the school says, and tells the streams of it.
func (s *school) change(do func()) {
	s.mu.Lock()
	do()
	s.mu.Unlock()
	s.tell("data: <hx-partial>")
}

// take returns a count, and sets it to nothing.
func (s *school) take(counts map[string]int) (sum int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, n := range counts {
		sum += n
		delete(counts, name)
	}
	return sum
}

// times returns how often a path was asked for.
func (s *school) times(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// given returns the answers.
func (s *school) given() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.answers)
}

// seats of the browsers, by their visitors' fields.
var visitors = []string{"a", "b", "c", "d", "e", "f"}

// play has the browsers play while test runs. left are those that play no more.
func play(t *testing.T, s *school, test func(t *testing.T, left func() []string)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var gone []string
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan struct{})
		go func() {
			defer close(over)
			Play(ctx, Config{
				Addresses: []string{"http://nobody", "http://class"}, Visitors: visitors, Seed: 7,
				Transport: func() http.RoundTripper { return s },
				Left: func(visitor string, why error) {
					mu.Lock()
					defer mu.Unlock()
					gone = append(gone, fmt.Sprintf("%s: %v", visitor, why))
				},
			})
		}()
		time.Sleep(15 * time.Second) // all have joined
		test(t, func() []string { mu.Lock(); defer mu.Unlock(); return slices.Sorted(slices.Values(gone)) })
		cancel()
		<-over
	})
}

// The browsers would do nothing, be all alike, or do more than people do.
func TestBrowsersPress(t *testing.T) {
	s := newSchool()
	play(t, s, func(t *testing.T, left func() []string) {
		time.Sleep(5 * time.Minute)
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, v := range visitors {
			if n := s.presses[v]; n < 10 || n > 120 || !s.cookies[v] {
				t.Errorf("%s has pressed %d times in five minutes, its cookie came back: %t", v, n, s.cookies[v])
			}
		}
		if len(s.places) != len(visitors) {
			t.Errorf("the placements are %v", s.places)
		}
		of := map[string]int{}
		for place := range s.places {
			of[place[2:]]++
		}
		if of["cookie"] != 2 || of["hybrid"] != 2 || of["server"] != 2 {
			t.Errorf("the placements are %v", of)
		}
		if len(left()) != 0 {
			t.Errorf("left have %v", left())
		}
	})
}

// A class that practises would answer nothing, all the same, or twice.
func TestBrowsersAnswer(t *testing.T) {
	s := newSchool()
	play(t, s, func(t *testing.T, _ func() []string) {
		for n := range 3 {
			s.change(func() { s.question = fmt.Sprintf(`{"n":%d,"options":3}`, n+1); clear(s.answers) })
			time.Sleep(3 * time.Minute) // one of them may be asleep
			s.mu.Lock()
			last, twice := map[string]int{}, 0
			for v, given := range s.answers {
				last[given[len(given)-1]]++
				if len(given) > 2 || len(given) == 2 && given[0] == given[1] {
					t.Errorf("%s has answered %v", v, given)
				}
				twice += len(given) - 1
			}
			if len(s.answers) != len(visitors)-1 || twice != 1 || len(last) < 2 {
				t.Errorf("the answers are %v", s.answers)
			}
			s.mu.Unlock()
		}
		s.change(func() { s.question = "null"; clear(s.answers) })
		time.Sleep(time.Minute)
		if given := s.given(); len(given) != 0 {
			t.Errorf("without a question they answer %v", given)
		}
	})
}

// A pause would not hold the browsers, or they would not go on after it.
func TestBrowsersObeyAPause(t *testing.T) {
	s := newSchool()
	play(t, s, func(t *testing.T, _ func() []string) {
		s.change(func() { s.paused, s.question = true, `{"n":1,"options":2}` })
		s.take(s.presses)
		s.take(s.asked)
		time.Sleep(time.Minute)
		tried := s.take(s.asked)
		if n := s.take(s.presses); n > 0 || len(s.given()) > 0 || tried > 60 {
			t.Errorf("in a pause of a minute they pressed %d times, answered %v and asked %d times", n, s.given(), tried)
		}
		s.change(func() { s.paused = false })
		time.Sleep(time.Minute)
		if n := s.take(s.presses); n < 10 || len(s.given()) < 4 {
			t.Errorf("in a minute after it they pressed %d times, and answered %v", n, s.given())
		}
	})
}

// The class would hear nothing of the browsers: of their beats, after an act for everyone, or when it asks
// what browsers have.
func TestBrowsersHear(t *testing.T) {
	s := newSchool()
	play(t, s, func(t *testing.T, _ func() []string) {
		for event, want := range map[string]struct {
			path  string
			times int
		}{"event: beat\ndata: answer": {"class/heard", 6}, "event: act\ndata: 300 1 now": {"class/became", 6}, "event: browsers\ndata: 300 1 now": {"class", 12}} {
			s.take(s.asked)
			s.tell(event)
			if strings.Contains(event, "act") && s.times(want.path) > 0 {
				t.Errorf("%q is not waited for", event)
			}
			time.Sleep(8 * time.Second)
			if got := s.times(want.path); got != want.times {
				t.Errorf("after %q they ask %d times for %s, want %d", event, got, want.path, want.times)
			}
		}
	})
}

// All browsers would stay awake, and a teacher would not see a sleeper; or the sleeper would not wake.
func TestOneBrowserSleeps(t *testing.T) {
	s := newSchool()
	play(t, s, func(t *testing.T, _ func() []string) {
		beats := func() int {
			s.take(s.asked)
			s.tell("event: beat\ndata: answer")
			return s.times("class/heard")
		}
		asleep, awake := 0, 0
		for range 60 {
			time.Sleep(10 * time.Second)
			switch n := beats(); n {
			case 5:
				asleep++
			case 6:
				awake++
			default:
				t.Errorf("%d browsers answer a beat", n)
			}
		}
		if asleep < 10 || awake < 20 {
			t.Errorf("of 60 beats 5 browsers answered %d, and 6 answered %d", asleep, awake)
		}
	})
}

// A browser would play on without a seat, or nobody would be told why it has none.
func TestBrowsersLeave(t *testing.T) {
	for name, test := range map[string]struct {
		begin, then func(s *school)
		want        string
	}{
		"all seats go":     {func(*school) {}, func(s *school) { s.change(func() { s.gone = true }) }, "<nil>"},
		"the class ends":   {func(*school) {}, func(s *school) { s.tell("event: bye\ndata: ended") }, "<nil>"},
		"no seat is there": {func(s *school) { s.full = true }, func(*school) {}, "The class is full."},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSchool()
			test.begin(s)
			play(t, s, func(t *testing.T, left func() []string) {
				test.then(s)
				time.Sleep(time.Second)
				var want []string
				for _, v := range visitors {
					want = append(want, v+": "+test.want)
				}
				if got := left(); !slices.Equal(got, want) {
					t.Errorf("left have %v, want %v", got, want)
				}
			})
		})
	}
}
