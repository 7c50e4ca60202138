package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
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
	join.everyLook("join, a wrong code", 320, 390)
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
	phoneTogether(t, board, join)
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
	act(t, board, "end", "sure=1")
	join.want("#ended", "This class has ended", "Look for another class")
	join.wantValue(`String(document.querySelector('main').inert)`, "false")
}

// act sends one of the teacher's acts from the board's page.
func act(t *testing.T, board *page, name, fields string) {
	t.Helper()
	if status := eval[float64](board, fmt.Sprintf(`fetch('/classroom/%s', { method: 'POST', body: '%s', headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'application/json' } }).then(r => r.status)`, name, fields)); status != 200 {
		t.Fatalf("the act %s: status %v", name, status)
	}
}

// phoneTogether has the class asked by its board, answers on a phone, and looks at the phone in each state.
func phoneTogether(t *testing.T, board, phone *page) {
	t.Helper()
	chosen := `[...document.querySelectorAll('.foretell label')].map(l => (l.className || '-') + l.firstElementChild.checked).join()`
	// A page whose stream another page of the seat has taken says so, and a press opens it again.
	eval[bool](phone, `(async () => { const c = new AbortController(); await fetch(document.getElementById('class-live').dataset.stream, { signal: c.signal }); c.abort(); return true })()`)
	phone.want("#class-state", "Another page of your seat follows the class now")
	act(t, board, "open", "slug=log-out-then-replay&limit=600")
	phone.click("#now-title")
	phone.want("#now-title", "Log out, then replay")
	phone.wantValue(`document.getElementById('class-state').textContent.trim()`, "")
	phone.everyLook("a question on a phone", 320, 390)
	phone.click(".foretell label:nth-child(2)")
	// What comes while a prediction is chosen and not sent, also the answer of another tab, leaves it chosen.
	eval[float64](phone, `fetch(location.pathname + '/answer', { method: 'POST', body: new URLSearchParams({ prediction: 1 }) }).then(r => r.status)`)
	phone.want("#now-said", "Your prediction is in: For nobody")
	phone.wantValue(chosen, "sentfalse,-true,-false")
	phone.click(".foretell button")
	phone.wantValue(chosen, "-false,senttrue,-false")
	phone.axe("answered on a phone")
	phone.shoot("phone-answered")
	// A pause lies over the page, and leaves what is chosen and where the focus is.
	phone.click(".foretell label:nth-child(3)")
	act(t, board, "pause", "")
	phone.wantValue(`String(document.getElementById('eyes-up').open && document.activeElement.id)`, "eyes-up-title")
	phone.axe("paused")
	phone.do(chromedp.KeyEvent(kb.Escape), chromedp.KeyEvent(kb.Escape))
	phone.wantValue(`String(document.getElementById('eyes-up').open)`, "true")
	phone.shoot("phone-paused")
	act(t, board, "resume", "")
	phone.wantValue(`String(document.getElementById('eyes-up').open || document.activeElement.value)`, "3")
	phone.wantValue(chosen, "-false,sentfalse,-true")
	act(t, board, "reveal", "")
	phone.want("#now .judgement", "You foretold it.")
	phone.wantValue(`document.activeElement.id`, "now-title")
	phone.everyLook("revealed on a phone", 320, 390)
	phone.shoot("phone-revealed")
	act(t, board, "done", "")
	phone.want("#now-title", "The teacher asks nothing now")
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
