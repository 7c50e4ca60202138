package app

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// Seats are removed one after another, each with its sessions. Meanwhile the board, the beamer or the
// export would say that more seats have answered than there are.
func TestNoMoreAnswersThanSeats(t *testing.T) {
	t.Parallel()
	var w *classWorld
	looks := 0
	look := func(_ context.Context, op string) (before, after error) {
		if op == "delete" {
			looks++
			w.teacher.form = formJSON
			w.teacher.get("/classroom").want(200, `"answered":1,"seats":1`)
			w.teacher.form = formPage
			w.teacher.get("/classroom/screen").want(200, "1 of 1").wantNo("2 of 1", "3 of 1")
			w.teacher.get("/classroom/export.csv").want(200, ",1,1,,Still open")
		}
		return nil, nil
	}
	w = openClassWorld(t, func(c *Config) {
		open, now := c.Class.Open, c.Sessions.Now
		c.Class.Open = func(ctx context.Context) (ClassParts, error) {
			parts, err := open(ctx)
			parts.Backend = &storetest.Hooked{Backend: memory.New(memory.Config{Now: now}), Hook: look}
			return parts, err
		}
	})
	w.teacher.form = formJSON
	w.teacher.post("/classroom/open", "slug", asks).want(200)
	var ids []classroom.ID
	for range 3 {
		p := w.phone()
		base := p.join()
		p.form = formJSON
		p.post(base+"/set", "key", "a", "value", "b", "placement", session.OnServer.String()).want(200)
		p.post(base+"/class/answer", "prediction", "1").want(200)
		ids = append(ids, w.seatAt(base).ID)
	}
	if err := w.class.roster.Remove(t.Context(), ids[:2]...); err != nil || looks != 2 {
		t.Errorf("removed: %v, with %d looks", err, looks)
	}
}

// Browsers of a rehearsal come after an act for everyone. The board would count them among the phones
// that it was done to.
func TestRehearsalAfterAnActIsNotCounted(t *testing.T) {
	rehearse(t, 30, func(t *testing.T, w *classWorld) {
		p := w.phone()
		base := p.join()
		p.post(base+"/set", "key", "a", "value", "b").want(303)
		w.teacher.post("/classroom/everyone", "act", "expire", "sure", "1").want(200, `"seats":1`)
		w.teacher.post("/classroom/rehearse").want(200)
		time.Sleep(30 * time.Second) // of the bubble's time
		for _, sent := range []string{w.class.survivorsView().Sent, w.class.screenView().Shown.Sent} {
			if sent != "no request of the 1 phone yet" {
				t.Errorf("said of one phone, and six that came later: %q", sent)
			}
		}
		w.teacher.post("/classroom/everyone", "act", "expire", "sure", "1").want(200, `"seats":7`)
		if sent := w.class.survivorsView().Sent; !strings.Contains(sent, "7 seats") || !strings.Contains(sent, "6 of them") {
			t.Errorf("the control says %q", sent)
		}
	})
}

// A phone says that it asked for localhost. The board would show a phone's browser as one of this machine.
func TestNoPhoneIsAtLocalhost(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	askEveryBrowser(w)
	r := p.request("POST", base+"/class/browser", "n=1&step=2&secure_context=true&cookie_store=true")
	r.Host = strings.TrimPrefix(origin, "http://")
	r.Header.Set("Origin", origin)
	r.Header.Set("Accept", "*/*")
	p.send(r).want(http.StatusNoContent)
	rows, _ := gridOf(w)
	if len(rows) == 0 || !strings.HasPrefix(rows[0], "1 browser of the class at the class’s address") {
		t.Errorf("the table is %q", rows)
	}
}

// A seat is being removed during an act for everyone: its tile is there for a moment longer. The act would
// have reached more awake seats than seats.
func TestNoMoreAwakeThanSeats(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	p.get(base + "/class").want(200)
	gone, err := w.class.roster.Join(t.Context(), "a visitor", w.seatAt(base).Device)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.class.roster.Remove(t.Context(), gone.ID); err != nil {
		t.Fatal(err)
	}
	w.class.board.Joined(gone.ID, gone.Nickname)
	w.class.board.Heard(gone.ID, gone.Device)
	w.teacher.form = formJSON
	w.teacher.post("/classroom/everyone", "act", "expire", "sure", "1").want(200, `"seats":1,"awake":1`)
}

// After all sessions have expired, a phone sends a cookie that nobody signed. The board and the table would
// give why it was refused as why sessions have ended, beside the number of those.
func TestWhyIsSaidOfItsNumber(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	asks := make(map[string]*http.Request)
	for _, lives := range []string{"cookie", "server"} {
		p := w.phone()
		base := p.join()
		p.post(base+"/set", "key", "a", "value", "b", "placement", lives).want(303)
		asks[lives] = p.request("GET", base+"/class/became", "")
	}
	w.teacher.post("/classroom/everyone", "act", "expire", "sure", "1").want(303)
	name, _, _ := strings.Cut(asks["cookie"].Header.Get("Cookie"), "=")
	asks["cookie"].Header.Set("Cookie", name+"=made-up")
	for _, r := range asks {
		w.teacher.send(r)
	}
	const made, clock = "the cookie carries no signature of this server", "the record&#39;s clock has run out"
	w.teacher.get("/classroom/export.csv").want(200, "the cookie: refused,1,1,,1: "+made, "the cookie: expired or replaced,0,1,,\r\n", "the server: refused,0,1,,\r\n", "the server: expired or replaced,1,1,,1: ")
	for _, page := range []string{"/classroom", "/classroom/screen"} {
		board := w.teacher.get(page).want(200).body
		cells := regexp.MustCompile(`<td>(\d) ?<small>([^<]*)</small>`).FindAllStringSubmatch(board, -1)
		if len(cells) != 2 || cells[0][1]+cells[0][2] != "1"+made || cells[1][1]+cells[1][2] != "1"+clock {
			t.Errorf("%s says why of %q", page, cells)
		}
	}
	w.teacher.get("/classroom/export.html").want(200, "1: "+made, "1: "+clock)
}

// If this fails, a screen reader finds other numbers beside the ones that the board shows.
func TestSummaryHasTheNumbersBesideIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, nil)
		n := boardNews{class: w.class, acts: make(map[classroom.ID]int64), summed: time.Now()}
		says := func(want string, flash int64, awake ...bool) {
			t.Helper()
			var tiles []classroom.Tile
			for i, yes := range awake {
				tiles = append(tiles, classroom.Tile{ID: classroom.ID(rune('a' + i)), Flash: flash, Awake: yes})
			}
			if got := n.tally(tiles).Summary; got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		says("", 0, true, true)
		time.Sleep(boardSummary)
		says("", 0, true, true)
		time.Sleep(boardSummary)
		says("2 seats: 2 awake, 0 in trouble. In the last seconds 2 did something.", 1, true, true)
		says("", 1, true, false)
		time.Sleep(boardSummary)
		says("2 seats: 1 awake, 1 in trouble.", 1, true, false)
		w.app.Close()
	})
}

// The board would count a class in trouble after the teacher's own act, and say that cookies were changed.
func TestWhatTheTeacherDidIsNoTrouble(t *testing.T) {
	t.Parallel()
	for act, all := range fates {
		t.Run(act, func(t *testing.T) {
			t.Parallel()
			w := openRestartable(t, "memory")
			w.everyone(act).want(200)
			for i, lives := range []string{"cookie", "hybrid", "server"} {
				p := w.phones[lives]
				seat := w.seatAt(p.base)
				for range 3 { // a page without scripts loads itself again
					p.became()
				}
				tile, _ := w.class.board.Tile(seat.ID)
				v := show.Tile(tile, 28, w.clock.Now())
				if refused := strings.HasPrefix(all[0][i], "refused"); v.Trouble || refused != strings.HasPrefix(v.Words, "gone: ") {
					t.Errorf("%s: the tile says %q, in trouble %t", lives, v.Words, v.Trouble)
				}
				told := 0
				_, _, feed, _ := w.class.board.Since(0)
				for _, l := range feed {
					if l.Nickname == seat.Nickname && l.What == classroom.EndedRefused {
						told++
					}
				}
				if told > 1 {
					t.Errorf("%s: the feed tells %d times that its cookie opens nothing", lives, told)
				}
			}
			p := w.phones["cookie"]
			p.post(p.base+"/set", "key", "name", "value", "Rahim").want(200)
			if tile, _ := w.class.board.Tile(w.seatAt(p.base).ID); tile.Act != "" || tile.State != classroom.StateLive {
				t.Errorf("with another session the tile is %+v", tile)
			}
		})
	}
}
