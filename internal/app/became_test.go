package app

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// What the phone says, the tile, the feed and the lab's panels are about one request. If this fails, two of
// them contradict each other, or a page without a script says nothing.
func TestBecameAgrees(t *testing.T) {
	t.Parallel()
	eachAct(t, func(t *testing.T, w *restartable, act string, want map[string]string) {
		w.everyone(act).want(200)
		for lives, p := range w.phones {
			what, why, _ := strings.Cut(want[lives], ": ")
			p.form = formPage
			page := p.get(p.base + "/class").want(200) // as a page without scripts is loaded again
			titles := map[string]string{"there": "Your session is still there.", "refused": "Your session is gone.", "ended": "Your session is gone.", "none": "No session cookie came."}
			page.want(200, `id="became"`, titles[what], strings.ReplaceAll(why, "'", "&#39;"))
			for other, title := range titles {
				if titles[what] != title && strings.Contains(page.body, title) {
					t.Errorf("%s: the page says %q too (%s)", lives, title, other)
				}
			}
			lab := p.get(p.base + "/").want(200)
			if got := strings.Contains(lab.body, "This browser has a session: "); got != (what == "there") {
				t.Errorf("%s: the lab shows a live session: %t", lives, got)
			}
			tile, _ := w.class.board.Tile(w.seatAt(p.base).ID)
			state := map[string]classroom.State{"there": classroom.StateLive, "refused": classroom.StateEnded, "ended": classroom.StateEnded, "none": classroom.StateNone}[what]
			if tile.State != state || what == "refused" && tile.Reason != why {
				t.Errorf("%s: the tile says %s, %s %q", lives, tile.State, tile.Why, tile.Reason)
			}
			// A new session: the page says since when, and offers nothing that is there already.
			p.post(p.base+"/set", "key", "name", "value", "Rahim").want(303)
			p.form = formFragment
			later := p.get(p.base + "/class/became").want(200)
			if again := strings.Contains(later.body, "You have a new session since."); again != (what != "there") || strings.Contains(later.body, "Set name = Rahim again") {
				t.Errorf("%s: with a session again the page says %s", lives, later.body)
			}
		}
	})
}

// If this fails, a page that is awake does not ask what became of its session within five seconds, asks
// at the same moment as all others, or goes on saying it when the teacher has taken it off the screens.
func TestPagesAreToldToAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openRestartable(t, "memory")
		p := w.phones["server"]
		told := p.stream(p.base + "/class/events")
		time.Sleep(time.Second)
		if strings.Contains(told.told.String(), "event: act\n") {
			t.Errorf("before an act the page is told %s", told.told)
		}
		w.everyone("flush").want(200)
		time.Sleep(time.Second)
		if n := strings.Count(told.told.String(), " now\n\n"); n != 1 {
			t.Errorf("after an act the page is told to ask %d times: %s", n, told.told)
		}
		late := p.stream(p.base + "/class/events") // it has woken, or its page was loaded again
		time.Sleep(time.Second)
		if got := late.told.String(); strings.Count(got, "event: act\n") != 1 || strings.Contains(got, " now\n") {
			t.Errorf("a later page is told %s", got)
		}
		if err := w.class.survey.Finish(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := late.told.String(); !strings.Contains(got, `hx-target="#became"`) {
			t.Errorf("when it is taken off the screens the page is told %s", got)
		}
		late.stop()
		w.kill()
		again := p.stream(p.base + "/class/events") // the class knows no session of it any more
		time.Sleep(time.Second)
		if got := again.told.String(); strings.Count(got, "event: act\n") != 1 {
			t.Errorf("after a crash the page is told %s", got)
		}
		p.became()
		if stakes := w.class.stakes(); len(stakes) != 4 {
			t.Errorf("%d seats", len(stakes))
		}
		again.stop()
		w.class.lab.Close()
	})
	moments := make(map[int]bool)
	for n := range 300 {
		moments[bidAfter(classroom.ID(fmt.Sprintf("%016x", uint64(n)*0x9e3779b97f4a7c15)))] = true
	}
	if len(moments) < 200 {
		t.Errorf("300 pages ask in %d different milliseconds", len(moments))
	}
}
