package app

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A seat is removed, or the class ends, while a request of the seat is under way. The phone would be told
// that the store does not answer, and each of them would be an error in the teacher's terminal.
func TestSeatLeavesUnderARequest(t *testing.T) {
	t.Parallel()
	for act, want := range map[string]string{"/classroom/remove": errSeatGone.detail, "/classroom/end": errEnded.detail} {
		for _, form := range []answerForm{formJSON, formFragment, formPage} {
			synctest.Test(t, func(t *testing.T) {
				w := openClassWorld(t, func(c *Config) { c.Sessions.Now = time.Now })
				defer w.app.Close()
				p := w.phone()
				base := p.join()
				p.form = form
				done := make(chan answer, 1)
				go func() { done <- p.post(base+"/set", "key", "a", "value", "b", "placement", "server", "hold", "1s") }()
				synctest.Wait() // it is held
				w.teacher.form = formJSON
				w.teacher.post(act, "seat", w.seatAt(base).Name, "sure", "1").want(200)
				(<-done).want(http.StatusNotFound, want)
				if said := w.log.String(); strings.Contains(said, "level=ERROR") {
					t.Errorf("the log has an error: %s", said)
				}
			})
		}
	}
}
