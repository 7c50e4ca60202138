package app

import (
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
