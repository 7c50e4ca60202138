package app

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// Who types wrong codes behind the address of a whole school keeps out nobody whom the teacher lets
// back in: a code of Give back works at once, once, within its minute, for whoever has it.
func TestWrongCodesKeepNoGivenCodeOut(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	attacker, victim, friend := w.phone(), w.phone(), w.phone()
	attacker.remote, friend.remote = victim.remote, victim.remote
	seat := w.seatAt(victim.join())
	victim.forget()
	last := 0
	for range 2 * classroom.CodeBurst {
		last = attacker.post("/join/back", "nickname", seat.Nickname, "code", "BBBB").StatusCode
	}
	if last != http.StatusTooManyRequests {
		t.Fatalf("the control: the last wrong code is answered %d", last)
	}
	now := w.seatAt("/s/" + seat.Place())
	victim.post("/join/back", "nickname", seat.Nickname, "code", now.Code).want(429)
	code, _, err := w.class.roster.GiveBack(t.Context(), seat.ID)
	if err != nil {
		t.Fatal(err)
	}
	attacker.post("/join/back", "nickname", seat.Nickname, "code", strings.Repeat("B", len(code))).want(429)
	at := victim.post("/join/back", "nickname", "", "code", " "+strings.ToLower(code[:4])+"-"+code[4:]).want(303).Header.Get("Location")
	friend.post("/join/back", "nickname", "", "code", code).want(429) // it was used
	if code, _, err = w.class.roster.GiveBack(t.Context(), seat.ID); err != nil {
		t.Fatal(err)
	}
	w.clock.Move(time.Minute)
	friend.post("/join/back", "nickname", seat.Nickname, "code", code).want(422) // it is too old, and a minute allows some tries
	victim.get(at).want(200)
}

// Who sends long forms to the page where one joins takes none of the room that the lab has for them.
func TestLongFormsAtTheJoinPageTakeNoRoom(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	for _, length := range []int{strangerBody + 1, freeBody + 1, 3 * freeBody, maxBodyBytes + 1} {
		for _, known := range []bool{true, false} {
			most := int64(0)
			form := &during{nil, strings.NewReader("nickname=" + strings.Repeat("x", length))}
			r := p.request("POST", "/join/back", "")
			r.Body, r.ContentLength = io.NopCloser(readerFunc(func(b []byte) (int, error) {
				most = max(most, w.app.bodies.Taken())
				return form.Read(b[:min(len(b), 512)])
			})), -1
			if known {
				r.ContentLength = int64(length + len("nickname="))
			}
			if got := p.send(r); got.StatusCode != http.StatusRequestEntityTooLarge || most > 0 {
				t.Errorf("%d bytes, told %t: %d, and %d bytes of the room", length, known, got.StatusCode, most)
			}
		}
	}
	p.post("/join/back", "nickname", strings.Repeat("x", strangerBody/2)).want(422)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
