package e2e

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPictures makes the pictures of README.md anew, in the folder that SESSIONSCOPE_PICTURES names. It is
// what task pictures runs; without the variable it does nothing. They show the built program as it is, light,
// in a window of 1440 pixels: the lab after a first press, an experiment after its run, and the board of a
// class of 24 after a reveal. From one run to the next differ the times, IDs and nicknames.
func TestPictures(t *testing.T) {
	dir := os.Getenv("SESSIONSCOPE_PICTURES")
	if dir == "" {
		t.Skip("SESSIONSCOPE_PICTURES names no folder: task pictures makes the pictures")
	}
	t.Run("lab", func(t *testing.T) { pictureLab(t, dir) })
	t.Run("board", func(t *testing.T) { pictureBoard(t, filepath.Join(dir, "board.png")) })
}

// startAtHome starts the program at its own address: with any other port the cookie's name has that in it.
func startAtHome(t *testing.T, args ...string) *program {
	t.Helper()
	const addr = "127.0.0.1:8080"
	free, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal("the pictures need this address for themselves: ", err)
	}
	free.Close()
	return start(t, append(args, "--addr", addr)...)
}

func pictureLab(t *testing.T, dir string) {
	t.Helper()
	lab := browse(t, startAtHome(t), true)
	lab.press("Set", "set", "This first write created a session")
	lab.settled()
	lab.do(chromedp.Click(chromedp.Search(`//label[contains(., "Base64 off")]`)))
	lab.want("#guide", "✓○")
	lab.picture(filepath.Join(dir, "lab.png"), 1240)
	lab.lesson("change-one-letter")
	lab.do(chromedp.Click(chromedp.ID("prediction-1")), chromedp.Click(chromedp.ID("do-it")))
	lab.want("#verdict", "Signature refused")
	lab.want("#progress-count", "1/")
	lab.picture(filepath.Join(dir, "experiment.png"), 1345)
	lab.tolerate(programGone...)
}

// pictureBoard opens a class, seats 24 learners who press and predict, reveals, and takes the picture. The
// address that the board shows is one of RFC 5737, for documents: soon after the picture the board would say
// that it does not answer, if this machine does not have it.
func pictureBoard(t *testing.T, file string) {
	t.Helper()
	p := startAtHome(t, "--classroom", "--join-host", "192.0.2.20:8080")
	board := classTab(t, p, "/", `form[action="/classroom/begin"] button`)
	board.want("#board-state", "live")
	act := func(name, fields string) {
		t.Helper()
		if status := eval[float64](board, fmt.Sprintf(`fetch('/classroom/%s', { method: 'POST', body: new URLSearchParams('%s'), headers: { Accept: 'application/json' } }).then(r => r.status)`, name, fields)); status != 200 {
			t.Fatalf("the act %s: status %v", name, status)
		}
	}
	act("open", "slug=log-out-then-replay&limit=600")
	for i := range 24 {
		seat := takeSeat(t, p)
		c := newClient(t, p.url)
		set := func(key, value string) {
			c.do("POST", seat+"set", url.Values{"key": {key}, "value": {value}, "placement": {[]string{"cookie", "hybrid", "server"}[i%3]}})
		}
		for k := range i % 5 { // the first of five does nothing
			set([]string{"name", "colour", "city", "note"}[k], []string{"Rahim", "green", "Dhaka", strings.Repeat("long ", 60)}[k])
		}
		switch i % 12 {
		case 1:
			c.do("GET", seat+"keys", nil)
		case 2:
			c.do("GET", seat+"get?key=name", nil)
		case 3:
			c.do("POST", seat+"flush", url.Values{})
		case 9: // no cookie comes back
			c.http.Jar = nil
			set("name", "Rahim")
			set("name", "Rahim")
		}
		if i%8 != 7 {
			if status, answer, _ := c.do("POST", seat+"class/answer", url.Values{"prediction": {[]string{"1", "2", "1", "3", "1"}[i%5]}}); status != 200 {
				t.Fatal(status, answer)
			}
		}
	}
	act("reveal", "")
	board.want("#asked", "foretold it.", "21 of 24 answered")
	board.wantValue(`String(document.querySelectorAll('#tiles > li').length)`, "24")
	board.picture(file, 1226)
}

// picture takes a picture of the page's first pixels, light and with nothing in motion or pointed at.
func (pg *page) picture(file string, height int64) {
	pg.t.Helper()
	pg.media("prefers-color-scheme", "light", "prefers-reduced-motion", "reduce")
	pg.viewport(1440, height)
	pg.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur(); scrollTo(0, 0); Promise.all(document.getAnimations().map(a => a.finished)).then(() => undefined)`, chromedp.EvalAwaitPromise))
	png, err := chromedp.Run(pg.ctx, chromedp.CaptureScreenshot())
	pg.must(err)
	pg.must(os.WriteFile(file, png, 0o644))
}
