package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Point 6: copies of the cookie, the press as a command, a second browser, and a
// change of privilege.
func TestLabCopies(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.press("Set", "set", "created a")
	own := pg.cookie().Value
	tamper := func(part, to, verb string, says ...string) {
		t.Helper()
		pg.do(chromedp.SetValue(chromedp.ID("tamper-part"), part))
		pg.fill("tamper-to", to)
		pg.press("Send the copy", verb, says...)
		if got := pg.cookie().Value; got != own {
			t.Errorf("%s: the browser's own cookie became %q", part, got)
		}
	}
	pg.click("#tamper summary")
	for _, part := range []string{"letter", "time", "id", "version", "created", "deadline", "signature"} {
		tamper(part, "", "copy refused", "The server's own client", "the signature does not fit", "Your own cookie and session stay as they are")
	}
	tamper("values", `{"name":"Mallory"}`, "copy refused", "the values")
	pg.want("#wire", "what travelled with a copy with a change in the values", "GET /session", `"exists":false`)
	// What the page shows as sent is the copy: a separate client sends it and is refused too.
	sent := regexp.MustCompile(`Cookie: ` + pg.cookie().Name + `=(\S+)`).FindStringSubmatch(pg.content("#request"))
	if sent == nil || sent[1] == own {
		t.Fatalf("the wire shows %q", pg.content("#request"))
	}
	thief := newClient(t, p.url)
	thief.http.Jar.SetCookies(must(url.Parse(p.url)), []*http.Cookie{{Name: pg.cookie().Name, Value: sent[1]}})
	if _, out, _ := thief.do("GET", "/session", nil); out["exists"] != false {
		t.Errorf("the changed copy opens %v", out)
	}
	tamper("value", own, "copy accepted", "an unchanged copy", "whoever sends it is you")
	tamper("version", "minus one", "refused (422)", "whole number")
	pg.want("#timeline ol", "refused", "the signature does not fit", "a copy with a change in the signature")
	pg.shoot("6-tamper")

	pg.press("Pin a copy", "pinned", "as a thief would")
	pg.press("Replay", "replay accepted", "Another client")
	// Only the cookie goes, and comes back: the record does not notice.
	record := pg.text("#server .clocks dd")
	pg.press("Drop the cookie only", "dropped", "is as it was")
	pg.want("#server", "its record is still here, and this browser has no cookie any more that opens it")
	if c := pg.cookie(); c != nil {
		t.Errorf("dropped, the browser keeps %v", c)
	}
	pg.press("Get", "get", "missing")
	pg.press("Put back", "put back", "of this browser again")
	pg.want("#server .clocks dd", record)
	if got := pg.cookie(); got == nil || got.Value != own {
		t.Errorf("put back, the browser keeps %v", got)
	}
	pg.press("Get", "get", `"Rahim"`)
	pg.press("Flush", "flushed")
	pg.press("Replay", "replay refused", "no record has this ID", "no session of its own")
	if c := pg.cookie(); c != nil {
		t.Errorf("a replay gave this browser the cookie %v", c)
	}
	pg.press("Set", "set", "created a")
	pg.press("Get", "get", "name is") // this press as a command, run by a real shell
	pg.click("#curl summary")
	command := eval[string](pg, `document.getElementById('curl-text').value`)
	out, err := exec.Command("sh", "-c", command).Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	_, body, _ := strings.Cut(string(out), "\r\n\r\n")
	var said map[string]any
	if err := json.Unmarshal([]byte(body), &said); err != nil || said["value"] != "Rahim" || "sha256:"+said["session"].(map[string]any)["id"].(string)+"…" != pg.text("#server .record code") {
		t.Errorf("%s\n%s\n%v", command, out, err)
	}
	pg.do(chromedp.Click(chromedp.CSS(`[data-copy]`)))
	pg.want("[data-copy]", "op") // copied, or selected to be copied

	// A second browser in a tab of its own.
	opened := chromedp.WaitNewTarget(pg.ctx, func(info *target.Info) bool { return strings.HasPrefix(info.URL, pg.url+"/s/second-") })
	pg.do(chromedp.Click(chromedp.Search(`//button[contains(., "Second browser")]`)))
	ctx, cancel := chromedp.NewContext(pg.ctx, chromedp.WithTargetID(<-opened))
	t.Cleanup(cancel)
	second := &page{t: t, ctx: ctx, url: pg.url, javascript: true}
	second.listen()
	second.want(".second", "the lab of the second browser")
	second.press("Log in", "logged in", "so its ID is new")
	_, err = chromedp.Call(pg.ctx, cdppage.BringToFront, chromedp.Void{}) // in the background it is not told
	pg.must(err)
	pg.want("#news", "second browser: created")
	pg.want("#figures", "2 live records")
	jar, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{eval[string](second, `location.href`)}})
	second.must(err)
	names := map[string]string{}
	for _, c := range jar.Cookies {
		names[c.Name] = c.Path
	}
	path := eval[string](second, `location.pathname`)
	delete(names, pg.cookie().Name+"-pins")
	if len(names) != 2 || names[pg.cookie().Name] != "/" || names[pg.cookie().Name+"~second"] != path {
		t.Errorf("the browser's cookies are %v, the second lab is at %s", names, path)
	}
	second.want("#jar", pg.cookie().Name+" ", "the first browser's")
	pg.press("Log in", "logged in", "Every login changes the ID")
	ids := []string{pg.text("#server .record code"), second.text("#server .record code")}
	if ids[0] == ids[1] {
		t.Errorf("both browsers have the session %v", ids)
	}
	first8 := func(code string) string { return strings.TrimSuffix(strings.TrimPrefix(code, "sha256:"), "…") }
	pg.want(".family", "first browser (this browser) "+first8(ids[0])+" live", "second browser "+first8(ids[1])+" live")
	second.press("Log out", "logged out")
	pg.want(".family", "first browser (this browser) "+first8(ids[0])+" live", "second browser "+first8(ids[1])+" gone")
	pg.want("#figures", "1 live record")
	pg.want("#timeline ol", "second browser")
	pg.press("Get", "get", "name is") // the other is still logged in
	pg.want("#server", "user", `"ada"`, strings.TrimSuffix(strings.TrimPrefix(ids[0], "sha256:"), "…"))
	pg.forgiveRefusals() // Chromium logs every answer with a 4xx
}
