package app

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// during is the body of a form that something happens before: the request is under way then.
type during struct {
	do   func()
	form io.Reader
}

func (d *during) Read(p []byte) (int, error) {
	if d.do != nil {
		d.do()
		d.do = nil
	}
	return d.form.Read(p)
}

// postDuring sends a form for a page, and calls do when the request has found its seat and its form is
// still to come.
func (v *guest) postDuring(target, form string, do func()) answer {
	r := v.request("POST", target, "")
	r.Body, r.ContentLength = io.NopCloser(&during{do, strings.NewReader(form)}), int64(len(form))
	return v.send(r)
}

// A request that is under way while its seat moves is answered without the seat's new place and code:
// who had the old place has nothing any more. The control is a seat that does not move.
func TestRequestUnderWayLearnsNothingOfAMovedSeat(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	thief, owner := w.phone(), w.phone()
	base := thief.join()
	before := w.seatAt(base)
	if control := thief.postDuring(base+"/set", "a=%zz", nil); !strings.Contains(control.body, before.Code) {
		t.Fatalf("the control says no code: %d", control.StatusCode)
	}
	for _, target := range []string{"/set", "/class/heard", "/second", "/experiments/" + w.app.shelf.All()[0].Slug + "/run"} {
		for _, form := range []string{"a=%zz", "key=a", "prediction=1"} {
			base := thief.join2()
			before := w.seatAt(base)
			got := thief.postDuring(base+target, form, func() {
				owner.post("/join/back", "nickname", before.Nickname, "code", before.Code).want(303)
			})
			now, _ := w.class.roster.Seat(before.ID)
			if now.Suffix == before.Suffix {
				t.Fatal("the seat did not move")
			}
			for what, secret := range map[string]string{"new place": now.Suffix, "new code": ">" + now.Code + "<"} {
				if strings.Contains(got.body+got.Header.Get("Location")+got.Header.Get("Hx-Redirect"), secret) {
					t.Errorf("%s with %s: the old page is told the %s", target, form, what)
				}
			}
		}
	}
}

// join2 is join by a browser that has a seat.
func (v *guest) join2() string {
	v.forget()
	return v.join()
}

// A stream for a place that its seat has left does not begin, and takes the stream of nobody.
func TestClassStreamOfALeftPlaceDoesNotBegin(t *testing.T) {
	t.Parallel()
	var streams classStreams
	news, leave, ok := streams.begin("seat", func() bool { return true })
	if !ok {
		t.Fatal("the control did not begin")
	}
	defer leave()
	if _, _, ok := streams.begin("seat", func() bool { return false }); ok {
		t.Error("a stream begins at a place that was left")
	}
	select {
	case word := <-news:
		t.Errorf("the seat's stream is told %q", word)
	default:
	}
}

// A request that is under way while its seat is removed leaves nothing behind: no session, no second
// browser, no measure of what the seat uses.
func TestRequestUnderWayLeavesNothingOfARemovedSeat(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	for _, path := range []string{"/set", "/second", "/experiments/" + w.app.shelf.All()[0].Slug + "/run", "/class/heard", "/login"} {
		phone := w.phone()
		base := phone.join()
		secret := phone.get(base + "/").want(200).secret()
		s, left := w.seatAt(base), seatAt(w.app, base)
		w.class.lab.figuresOf(left)
		got := phone.postDuring(base+path, "page="+secret+"&key=a&value="+strings.Repeat("b", 2*freeBody)+"&user=ada&prediction=1&name=x", func() {
			if err := w.class.roster.Remove(t.Context(), s.ID); err != nil {
				t.Error(err)
			}
		})
		if got.StatusCode == http.StatusInternalServerError {
			t.Errorf("%s: 500 %s", path, got.body)
		}
		w.class.lab.figuresOf(left) // of a stream that has not ended yet
		for what, left := range map[string]int{
			"uses": mapSize(&w.class.lab.uses), "figures": mapSize(&w.class.lab.figures), "second browsers": w.class.lab.seats.Seconds(),
			"sessions": int(must(w.class.shared.Stats(t.Context())).Live), "tiles": len(tilesOf(w.class)),
		} {
			if left != 0 {
				t.Errorf("%s leaves %d %s", path, left, what)
			}
		}
	}
}

func mapSize(m interface{ Range(func(_, _ any) bool) }) (n int) {
	m.Range(func(_, _ any) bool { n++; return true })
	return n
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func tilesOf(cl *class) []classroom.Tile {
	tiles, _, _, _ := cl.board.Since(0)
	return tiles
}

// One seat that opens second browsers, in ever new tabs, loses its own, and another seat opens one.
func TestASeatHasFewSecondBrowsers(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, func(c *Config) { c.Class.Seats = 2 })
	greedy, other := w.phone(), w.phone()
	base := greedy.join()
	second := func(v *guest, base string) string {
		secret := v.get(base + "/").want(200).secret()
		place, _, _ := strings.Cut(v.post(base+"/second", "page", secret).want(303).Header.Get("Location"), "?")
		return place
	}
	room := other.join()
	theirs := second(other, room)
	var opened []string
	for range 4 * seatSeconds {
		opened = append(opened, second(greedy, base))
	}
	served := slices.DeleteFunc(opened, func(place string) bool { return greedy.get(place).StatusCode != 200 })
	if len(served) != seatSeconds {
		t.Errorf("the seat has %d second browsers, want %d", len(served), seatSeconds)
	}
	other.get(theirs).want(200)
	second(other, room)
}

// A learner who asks for failures writes nothing into the teacher's log, unless requests are logged.
func TestAskedFailuresOfAClassAreNotLogged(t *testing.T) {
	t.Parallel()
	for _, logs := range []bool{true, false} {
		w := openClassWorld(t, func(c *Config) { c.Class.LogRequests = logs })
		phone := w.phone()
		phone.post(phone.join()+"/set", "key", "a", "value", "b", "fail", "500").want(500)
		if got := strings.Contains(w.log.String(), "status=500"); got != logs {
			t.Errorf("asked for %t: %s", logs, w.log.String())
		}
	}
}
