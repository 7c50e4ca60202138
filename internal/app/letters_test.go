package app

import (
	"fmt"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// A reader would look for letter 100 in the peeled cookie, where it has another number.
func TestALetterIsCountedInTheValueAsSent(t *testing.T) {
	t.Parallel()
	for _, f := range []answerForm{formPage, formFragment} { // JSON does not name the letter
		l := newLab(t)
		l.press("/set", "key", "name", "value", "Rahim").want(200)
		own, at := l.cookie(), 100
		to := "A"
		if own[at-1:at] == to {
			to = "B"
		}
		was, _ := session.Peel(own)
		now, ok := session.Peel(own[:at-1] + to + own[at:])
		in := 0
		for ok && in < len(was.Payload) && was.Payload[in] == now.Payload[in] {
			in++
		}
		if !ok || in == len(was.Payload) {
			t.Fatal("the control: letter 100 belongs to no letter of the payload")
		}
		l.shows(f, "/tamper", "part", "letter", "at", fmt.Sprint(at), "to", to).story(map[string][]string{
			"result": {fmt.Sprintf("letter 100 as sent (letter %d of the payload) changed from %s to %s", in+1, own[at-1:at], to)},
			"wire":   {fmt.Sprintf("a copy with letter 100, as sent, changed from %s to %s", own[at-1:at], to)},
		})
	}
}
