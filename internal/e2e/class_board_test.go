package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// In no state of the board does axe-core find a violation, and in none is the page wider than its
// window: before the first seat, with seats, with one of them open, and for the beamer.
func TestBoardAccessible(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.do(chromedp.Click(chromedp.Search(`//button[normalize-space(.)="Open a class"]`)), chromedp.WaitVisible(chromedp.ID("doctor")))
	pg.want("#board-state.on", "live")
	pg.everyLook("nobody has joined")
	first := takeSeat(t, p)
	sent(t, "POST", p.url+first+"set", url.Values{"key": {"name"}, "value": {"Rahim"}})
	second := takeSeat(t, p)
	for range 2 {
		sent(t, "POST", p.url+second+"set", url.Values{"key": {"name"}, "value": {"Rahim"}})
	}
	takeSeat(t, p)
	pg.want("#tally", "3 seats")
	pg.want("#tiles", "no cookie comes back", "no session yet")
	pg.click("#tiles a.live")
	pg.want("#seat-title", "")
	for _, fold := range []string{"#seat-remove", "#legend", "#doctor-fold"} {
		pg.click(fold + " > summary")
	}
	pg.press("Give back", "give back", "once, within")
	pg.press("Close the door", "door closed")
	pg.want("#join", "The door is closed")
	pg.everyLook("a class, everything open")
	pg.do(chromedp.Navigate(p.url+"/classroom/screen"), chromedp.WaitVisible(chromedp.ID("screen")))
	pg.everyLook("for the beamer")
	pg.do(chromedp.Navigate(p.url+"/classroom?ask=missing-is-not-an-error"), chromedp.WaitVisible(chromedp.ID("ask-chosen")))
	pg.want("#board-state.on", "live")
	pg.click(".opening [type=submit]")
	pg.want("#asked", "Ask for a key that is not there", "open for all")
	pg.click("#ask summary")
	pg.click(".hands summary")
	eval[bool](pg, `(el => { el.value = 'two-tabs'; return el.dispatchEvent(new Event('change', {bubbles: true})) })(document.querySelector('#ask select'))`)
	pg.want("#ask-chosen", "is finished then")
	pg.everyLook("asked, and the form for the next question")
	pg.press("Run it and reveal", "reveal", "the experiment was started")
	pg.want("#asked", "What you predicted", "Nobody made a prediction.", "All 22 reads")
	pg.want("#ask-chosen", "Two tabs")                                // the form stays as it is
	pg.wantValue(`document.activeElement.textContent.trim()`, "Done") // the button that was pressed is gone
	pg.everyLook("revealed")
	pg.do(chromedp.Navigate(p.url+"/classroom/screen"), chromedp.WaitVisible(chromedp.ID("screen")))
	pg.everyLook("revealed, for the beamer")
}

// takeSeat joins the class, and returns the path of the seat.
func takeSeat(t *testing.T, p *program) string {
	t.Helper()
	var seat struct{ Visitor, URL string }
	program := func(method string, form url.Values) {
		t.Helper()
		if err := json.Unmarshal(sent(t, method, p.url+"/join", form), &seat); err != nil {
			t.Fatal(err)
		}
	}
	program("GET", nil)
	program("POST", url.Values{"visitor": {seat.Visitor}})
	return seat.URL
}

// sent sends a form as a program without cookies does, and returns the answer, JSON, which has to be 200.
func sent(t *testing.T, method, address string, form url.Values) []byte {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d, %v: %s", method, address, resp.StatusCode, err, body)
	}
	return body
}
