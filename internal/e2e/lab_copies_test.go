package e2e

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Copies of the cookie are sent, refused and accepted as the page says, while the browser's
// own cookie stays. The press as a command, and a second browser, do what the page says too.
func TestLabCopies(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.press("Set", "set", "created a")
	pg.tampers(p)
	pg.replays()
	pg.runsCommand()
	pg.worksBeside(pg.openSecond())
	pg.checks()
	pg.startsOver()
	pg.forgiveRefusals() // Chromium logs every answer with a 4xx
}

// tampers sends changed copies of the cookie.
func (pg *page) tampers(p *program) {
	pg.t.Helper()
	own := pg.cookie().Value
	tamper := func(part, to, verb string, says ...string) {
		pg.t.Helper()
		pg.do(chromedp.SetValue(chromedp.ID("tamper-part"), part))
		pg.fill("tamper-to", to)
		pg.press("Send the copy", verb, says...)
		if got := pg.cookie().Value; got != own {
			pg.t.Errorf("%s: the browser's own cookie became %q", part, got)
		}
	}
	const places = `JSON.stringify([...document.querySelectorAll('#tools :is(button, summary):not(#tools form[autocomplete] *, .copy *)')].map(e => [e.textContent, e.offsetLeft, e.offsetTop - document.getElementById('browser').offsetTop]))`
	before := eval[string](pg, places)
	pg.click("#tamper summary")
	if got := eval[string](pg, places); got != before || !strings.Contains(got, "Pin a copy") {
		pg.t.Errorf("the form moves the buttons from %s to %s", before, got)
	}
	for _, part := range []string{"letter", "time", "id", "version", "created", "deadline", "signature"} {
		tamper(part, "", "copy refused", "The server's own client", "the signature does not fit", "Your own cookie and session stay as they are")
	}
	tamper("values", `{"name":"Mallory"}`, "copy refused", "the values")
	pg.want("#wire", "what travelled with a copy with a change in the values", "GET /session", `"exists":false`)
	// The page shows the copy that was sent: a separate client sends it and is refused too.
	sent := regexp.MustCompile(`Cookie: ` + pg.cookie().Name + `=(\S+)`).FindStringSubmatch(pg.content("#request"))
	if sent == nil || sent[1] == own {
		pg.t.Fatalf("the wire shows %q", pg.content("#request"))
	}
	if _, out, _ := newThief(pg.t, p, &network.Cookie{Name: pg.cookie().Name, Value: sent[1]}).do("GET", "/session", nil); out["exists"] != false {
		pg.t.Errorf("the changed copy opens %v", out)
	}
	tamper("value", own, "copy accepted", "an unchanged copy", "whoever sends it is you")
	tamper("version", "minus one", "refused (422)", "whole number")
	pg.want("#timeline ol", "refused", "the signature does not fit", "a copy with a change in the signature")
	pg.shoot("6-tamper")
}

// replays pins a copy, replays it, and puts it back after the cookie was dropped.
func (pg *page) replays() {
	pg.t.Helper()
	own := pg.cookie().Value
	pg.press("Pin a copy", "pinned", "as a thief would")
	pg.press("Replay", "replay accepted", "Another client")
	pg.click("#stored summary")             // it stays open from here on
	record := pg.text("#server .clocks dd") // drop and put back must leave the record as it is
	pg.press("Drop the cookie", "dropped", "is as it was")
	pg.want("#server", "its record is still here, and this browser has no cookie any more that opens it")
	if c := pg.cookie(); c != nil {
		pg.t.Errorf("dropped, the browser keeps %v", c)
	}
	pg.press("Get", "get", "missing")
	pg.press("Put back", "put back", "of this browser again")
	pg.click("#stored summary") // that press loaded the page again
	pg.want("#server .clocks dd", record)
	if got := pg.cookie(); got == nil || got.Value != own {
		pg.t.Errorf("put back, the browser keeps %v", got)
	}
	pg.press("Get", "get", `"Rahim"`)
	pg.press("Flush", "flushed")
	pg.press("Replay", "replay refused", "no record has this ID", "no session of its own")
	if c := pg.cookie(); c != nil {
		pg.t.Errorf("a replay gave this browser the cookie %v", c)
	}
}

// runsCommand has a shell run the press that the page shows as a command.
func (pg *page) runsCommand() {
	pg.t.Helper()
	pg.press("Set", "set", "created a")
	pg.press("Get", "get", "name is")
	pg.click("#curl summary")
	command := eval[string](pg, `document.getElementById('curl-text').value`)
	out, err := exec.Command("sh", "-c", command).Output()
	if err != nil {
		pg.t.Fatalf("%s: %v", command, err)
	}
	_, body, _ := strings.Cut(string(out), "\r\n\r\n")
	var said map[string]any
	if err := json.Unmarshal([]byte(body), &said); err != nil || said["value"] != "Rahim" || said["session"].(map[string]any)["id"] != pg.sessionID() {
		pg.t.Errorf("%s\n%s\n%v", command, out, err)
	}
	pg.do(chromedp.Click(chromedp.CSS(`[data-copy]`)))
	pg.want("[data-copy]", "op") // copied, or selected to be copied
}

// sessionID returns the short name of the session that the Server panel shows.
func (pg *page) sessionID() string {
	pg.t.Helper()
	return strings.TrimSuffix(strings.TrimPrefix(pg.text("#server .record code"), "sha256:"), "…")
}

// worksBeside presses in this browser and in a second one: each has a session of its own, and
// hears what the other does.
func (pg *page) worksBeside(second *page) {
	pg.t.Helper()
	second.listen()
	second.want(".second", "the lab of the second browser")
	second.press("Log in", "logged in", "so its ID is new")
	pg.toFront()
	pg.want("#news", "second browser: created")
	pg.want("#figures", "2 live records")
	jar, err := chromedp.Call(second.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{eval[string](second, `location.href`)}})
	second.must(err)
	names := map[string]string{}
	for _, c := range jar.Cookies {
		names[c.Name] = c.Path
	}
	path := eval[string](second, `location.pathname`)
	delete(names, pg.cookie().Name+"-pins")
	if len(names) != 2 || names[pg.cookie().Name] != "/" || names[pg.cookie().Name+"~second"] != path {
		pg.t.Errorf("the browser's cookies are %v, the second lab is at %s", names, path)
	}
	second.click("#scripts summary")
	second.want("#jar", pg.cookie().Name+" ", "the first browser's")
	pg.press("Log in", "logged in", "Every login changes the ID")
	first, other := pg.sessionID(), second.sessionID()
	if first == other {
		pg.t.Errorf("both browsers have the session %s", first)
	}
	pg.want(".family", "first browser (this browser) "+first+" live", "second browser "+other+" live")
	second.press("Log out", "logged out")
	pg.want(".family", "first browser (this browser) "+first+" live", "second browser "+other+" gone")
	pg.want("#figures", "1 live record")
	pg.want("#timeline ol", "second browser")
	pg.press("Get", "get", "name is") // the first is still logged in
	pg.want("#server", "user", `"ada"`, first)
}

// checks pastes the browser's own cookie as developer tools show it, and another one.
func (pg *page) checks() {
	pg.t.Helper()
	own := pg.cookie()
	pg.click("#check summary")
	pg.fill("check-value", own.Name+"="+own.Value+"; Path=/; HttpOnly")
	pg.press("Check", "the same", "byte for byte")
	pg.want("#wire", "what was pasted: it is not kept")
	pg.shoot("9-check")
	pg.fill("check-value", own.Value[:100]+"AAAA"+own.Value[104:])
	pg.press("Check", "another", "both have", "They first differ at letter", "its signature does not fit")
	pg.fill("check-value", "theirs=1")
	pg.press("Check", "refused (422)", "There is no cookie "+own.Name)
	if marked := eval[string](pg, `[...document.querySelectorAll('[aria-invalid]')].map(e => e.id).join()`); marked != "check-value" {
		pg.t.Errorf("the field that is marked is %q", marked)
	}
}

// startsOver leaves none of this server's cookies in the browser, and no pin on the page.
func (pg *page) startsOver() {
	pg.t.Helper()
	pg.press("Plant a readable cookie", "planted")
	pg.press("Pin a copy", "pinned")
	pg.press("Start over", "started over", "Taken away too: the readable cookie", "The timeline stays")
	pg.shoot("9-start-over")
	left, err := chromedp.Call(pg.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{pg.url}})
	if pg.must(err); len(left.Cookies) != 0 {
		pg.t.Errorf("the browser still has %s and perhaps more", left.Cookies[0].Name)
	}
	if pg.has("#pins") {
		pg.t.Error("a pin is left on the page")
	}
}
