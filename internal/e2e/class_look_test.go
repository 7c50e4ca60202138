package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// In no state of a class does axe-core find a violation, and no page is wider than its window:
// the page where one joins, the class page of a phone, the board before anybody is there and
// with seats, and the beamer's page.
func TestClassAccessible(t *testing.T) {
	t.Parallel()
	p := start(t, "--classroom")
	board := classTab(t, p, "/", `form[action="/classroom/begin"] button`)
	board.want("#board-state", "live")
	board.everyLook("board, waiting")
	board.shoot("waiting")
	join := classTab(t, p, "/join", "")
	join.everyLook("join")
	join.shoot("join")
	join.click("#back-again > summary")
	join.fill("back-nickname", "Nobody")
	join.fill("back-code", "ABCD")
	join.follow(chromedp.Click(chromedp.CSS(`form.back button`)))
	join.want("#back-problem", "")
	join.everyLook("join, a wrong code")
	join.forgiveRefusals()
	join.follow(chromedp.Click(chromedp.CSS(`form[action="/join"] button.primary`)))
	setNameOnClassPage(join)
	join.want("#result", "created a session")
	join.want("#showed", "opened the session")
	eval[float64](join, `fetch(location.pathname.replace(/class$/, 'flush'), { method: 'POST', body: new URLSearchParams() }).then(r => r.status)`)
	eval[bool](join, `dispatchEvent(new Event('focus'))`) // the learner comes back from the tab that did it
	join.want("#showed", "has sent no session cookie")
	setNameOnClassPage(join)
	join.everyLook("class page with a session")
	join.shoot("class")
	fillClass(t, p, 23)
	board.wantValue(`String(document.querySelectorAll('#tiles > li').length)`, "24")
	board.shoot("board")
	board.click("#tiles > li:first-child a")
	board.want("#seat", "Give back")
	board.press("Give back", "give back")
	board.everyLook("board with a seat open")
	board.shoot("board-seat")
	screen := classTab(t, p, "/", `form[action="/classroom/begin"] button`)
	screen.do(chromedp.Navigate(p.url+"/classroom/screen"), chromedp.WaitVisible(chromedp.CSS("main")))
	screen.everyLook("screen")
	screen.shoot("screen")
}

// classTab opens a page in a browser of its own, and presses what leads on, if anything.
func classTab(t *testing.T, p *program, path, press string) *page {
	t.Helper()
	pg := &page{t: t, ctx: newContext(t), url: p.url, javascript: true}
	pg.listen()
	pg.viewport(1440, 900)
	pg.do(chromedp.Navigate(p.url+path), chromedp.WaitVisible(chromedp.CSS("main")))
	if press != "" {
		pg.follow(chromedp.Click(chromedp.CSS(press)))
	}
	return pg
}

// setNameOnClassPage presses "Set name" on a class page.
func setNameOnClassPage(pg *page) {
	pg.t.Helper()
	pg.follow(chromedp.Click(chromedp.CSS(`form[action$="/set"] button`)))
	pg.want("#seated", "code")
}

// fillClass seats learners, of whom each has done something else.
func fillClass(t *testing.T, p *program, n int) {
	t.Helper()
	for i := range n {
		c := newClient(t, p.url)
		_, joined, _ := c.do("POST", "/join", url.Values{})
		seat, _ := joined["url"].(string)
		set := func(key string) {
			form := url.Values{"key": {key}, "value": {strings.Repeat("v", 20*i)}, "placement": {[]string{"server", "hybrid", "cookie"}[i%3]}}
			if status, answer, _ := c.do("POST", seat+"set", form); status != 200 {
				t.Fatalf("a seat's press: %d %v", status, answer)
			}
		}
		for k := range i % 5 {
			set(fmt.Sprint("key", k))
		}
		switch i % 7 {
		case 5:
			c.do("POST", seat+"flush", url.Values{})
		case 6: // no cookie comes back
			c.http.Jar = nil
			set("a")
			set("a")
		}
	}
}
