package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// Seats that join, move, press, stream and are removed at the same time, while the board is read and
// the program ends: nothing fails in the server, every stream ends, and of the seats that are gone
// nothing is left.
func TestSeatsComeMoveAndGoAtOnce(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, func(c *Config) { c.Class.Seats = 100 })
	boards := []*guestStream{w.teacher.stream("/classroom/events"), w.teacher.stream("/classroom/events?part=screen")}
	var streams []*guestStream
	var phones []*guest
	for range 8 {
		phones = append(phones, w.phone())
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	for i, p := range phones {
		all.Go(func() {
			for n := range 6 {
				p.forget()
				base := p.join()
				place := seatNow(w, base)
				s := p.stream(base + "/class/events")
				lab := p.stream(base + "/events?page=" + p.get(base+"/").secret())
				mu.Lock()
				streams = append(streams, s, lab)
				mu.Unlock()
				p.post(base+"/set", "key", "a", "value", fmt.Sprint(n))
				var under sync.WaitGroup
				under.Go(func() { p.post(base + "/flush") })
				under.Go(func() { p.get(base + "/class") })
				switch (i + n) % 3 {
				case 0:
					under.Go(func() { p.post("/join/back", "nickname", place.Nickname, "code", place.Code) })
				case 1:
					under.Go(func() { _ = w.class.roster.Remove(context.Background(), place.ID) })
				}
				under.Wait()
			}
		})
	}
	all.Go(func() {
		for range 30 {
			w.teacher.get("/classroom").want(200)
		}
	})
	all.Wait()
	var gone []string
	for _, s := range w.class.roster.Seats() {
		if got := phones[0].get("/s/" + s.Place() + "/class"); got.StatusCode != http.StatusOK {
			t.Errorf("a seat that is there: %d", got.StatusCode)
		}
		gone = append(gone, string(s.ID))
	}
	if err := w.class.roster.Remove(t.Context(), ids(w.class)...); err != nil {
		t.Error(err)
	}
	for _, s := range streams {
		<-s.done // else the test ends by its timeout
	}
	stats, err := w.class.shared.Stats(t.Context())
	if err != nil || stats.Live != 0 || mapSize(&w.class.lab.uses) != 0 || w.class.lab.seats.Seconds() != 0 || len(tilesOf(w.class)) != 0 {
		t.Errorf("of %d seats is left: %+v %v, %d uses, %d tiles", len(gone), stats, err, mapSize(&w.class.lab.uses), len(tilesOf(w.class)))
	}
	w.app.Close()
	for _, s := range boards {
		<-s.done
	}
	if text := w.log.String(); strings.Contains(text, "panic") || strings.Contains(text, "status=500") {
		t.Error(text)
	}
}

func ids(cl *class) (all []classroom.ID) {
	for _, s := range cl.roster.Seats() {
		all = append(all, s.ID)
	}
	return all
}

// A class that cannot be opened, in whichever part, leaves nothing behind, and the next try opens it.
// Two tries at once open one.
func TestClassThatCannotBeOpenedLeavesNothing(t *testing.T) {
	t.Parallel()
	var opened, closed atomic.Int32
	var down atomic.Bool
	failing := func(context.Context) error { return nil }
	a := newApp(t, func(c *Config) {
		c.Class = &ClassConfig{Seats: 32, Open: func(ctx context.Context) (ClassParts, error) {
			if err := failing(ctx); err != nil {
				return ClassParts{}, err
			}
			opened.Add(1)
			parts := ClassParts{
				Backend: memory.New(memory.Config{}), Documents: classroom.NewMemoryDocuments(), Secrets: [][]byte{session.NewSecret()}, Network: wifi{},
				Close: func() error { closed.Add(1); return nil },
			}
			if down.Load() {
				parts.Secrets = nil
			}
			return parts, nil
		}}
	})
	begin := func() (int, string) {
		r := newRequest("POST", "/classroom/begin", "")
		r.Header.Set("Content-Type", formType)
		return answered(a, from(r, "127.0.0.1"))
	}
	failing = func(context.Context) error { return errors.New("no socket can be opened") }
	if code, body := begin(); code != http.StatusServiceUnavailable || !strings.Contains(body, "no socket can be opened") {
		t.Errorf("without a network: %d %s", code, body)
	}
	failing = func(context.Context) error { return nil }
	down.Store(true)
	if code, _ := begin(); code != http.StatusServiceUnavailable {
		t.Errorf("without secrets: %d", code)
	}
	if a.openClass() != nil || opened.Load() != 1 || closed.Load() != 1 {
		t.Errorf("a class is there: %t; %d stores were opened and %d closed", a.openClass() != nil, opened.Load(), closed.Load())
	}
	down.Store(false)
	var both sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		both.Go(func() { codes[i], _ = begin() })
	}
	both.Wait()
	if opened.Load() != 2 || slices.ContainsFunc(codes, func(code int) bool { return code != http.StatusSeeOther }) {
		t.Errorf("%d presses at once opened %d classes: %v", len(codes), opened.Load()-1, codes)
	}
}

// A class that is being opened while the program ends is closed with it, and none is opened after that.
func TestClassThatIsOpenedAtTheEndIsClosed(t *testing.T) {
	t.Parallel()
	var closed atomic.Int32
	opening, goOn := make(chan struct{}), make(chan struct{})
	a := newApp(t, func(c *Config) {
		c.Class = &ClassConfig{Seats: 2, Open: func(context.Context) (ClassParts, error) {
			close(opening)
			<-goOn
			return ClassParts{
				Backend: memory.New(memory.Config{}), Documents: classroom.NewMemoryDocuments(), Secrets: [][]byte{session.NewSecret()}, Network: wifi{},
				Close: func() error { closed.Add(1); return nil },
			}, nil
		}}
	})
	var both sync.WaitGroup
	both.Go(func() { _ = a.OpenClass(context.Background()) })
	<-opening
	both.Go(a.Close)
	<-a.done
	close(goOn)
	both.Wait()
	if closed.Load() != 1 {
		t.Errorf("the class was closed %d times", closed.Load())
	}
}

// seatNow returns the seat at base, the zero Seat if it has moved or left meanwhile.
func seatNow(w *classWorld, base string) (seat classroom.Seat) {
	for _, s := range w.class.roster.Seats() {
		if base == "/s/"+s.Place() {
			return s
		}
	}
	return seat
}
