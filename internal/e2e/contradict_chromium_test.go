package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// examined is the lab in a Chromium whose requests pass a witness.
type examined struct {
	*page
	wire   *witness
	client *rawBrowser // asks beside the witness what another client is told
	last   *truth
	truths map[string]*truth // of each moment, by its number
}

// forget drops what the witness has recorded. No exchange may be under way.
func (w *witness) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.conns {
		l.up.Reset()
		l.down.Reset()
	}
}

// examine opens the lab in a browser of its own.
func examine(t *testing.T, p *program, wire *witness) *examined {
	t.Helper()
	return &examined{page: browse(t, p, true), wire: wire, client: newRawBrowser(t, &program{url: "http://" + wire.addr})}
}

// begin opens the lab anew, as a tab without a visit.
func (x *examined) begin() {
	x.t.Helper()
	eval[bool](x.page, `(sessionStorage.clear(), addEventListener("pagehide", () => sessionStorage.clear()), true)`)
	x.clearCookies()
	x.open()
	x.live()
	x.last, x.truths = nil, map[string]*truth{}
}

// jar returns the cookies that Chromium keeps for the lab's page.
func (x *examined) jar() (jar []jarCookie) {
	x.t.Helper()
	res, err := chromedp.Call(x.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{x.url}})
	x.must(err)
	for _, c := range res.Cookies {
		jar = append(jar, jarCookie{name: c.Name, value: c.Value, path: c.Path, httpOnly: c.HTTPOnly, bare: c.Name == ""})
	}
	return jar
}

// have gives Chromium exactly these cookies; those that pins need stay.
func (x *examined) have(jar []jarCookie) {
	x.t.Helper()
	for _, c := range x.jar() {
		if c.name != x.client.name+"-pins" {
			_, err := chromedp.Call(x.ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: c.name, URL: x.url})
			x.must(err)
		}
	}
	for _, c := range jar {
		if c.httpOnly {
			path := "/"
			if c.path != "/" {
				path = "/set"
			}
			_, err := chromedp.Call(x.ctx, network.SetCookie, network.SetCookieParams{Name: c.name, Value: c.value, URL: x.url, HTTPOnly: new(true), Path: path})
			x.must(err)
			continue
		}
		eval[string](x.page, `document.cookie = `+strconv.Quote(c.String()))
	}
}

// parts is the HTML of what the check reads. Of the timeline it is the last entry.
const parts = `[...document.querySelectorAll("#result, #moment, #browser, #wire, #server, #expired-count, #timeline-title, #news, #timeline ol li:nth-last-child(-n+2)")].map((e) => e.outerHTML).join("")`

// pressing presses a button in the page, and waits until the page shows the finished exchange.
// It returns the page as it is then, "" if it has no such button.
const pressing = `(async (selector, fields) => {
	const $ = (s) => document.querySelector(s);
	for (const [id, value] of Object.entries(fields)) if ($("#" + id)) $("#" + id).value = value;
	const button = $(selector), before = $("#wire").dataset.n;
	if (!button || button.type === "radio" && button.checked) return "";
	const pause = () => new Promise((done) => setTimeout(done, 10));
	for (let n = 0; $(".htmx-request:is(button, a)") && n < 200; n++) await pause();
	button.id === "look" ? $("#live").dispatchEvent(new Event("look")) : button.click();
	const shown = () => $("#wire").dataset.n !== before && / ms/.test($("#sizes")?.textContent) && !$(".htmx-request:is(button, a)");
	for (let n = 0; !shown(); n++) { if (n > 500) return "nothing came"; await pause(); }
	return ` + parts + `;
})`

// selectors have the button of each press by its method and path.
var selectors = map[string]string{
	"GET /get": `button[hx-get$="/get"]`, "GET /keys": `button[hx-get$="/keys"]`, "GET /session": "#look",
	"POST /tamper": `#tamper button[hx-post]`, "start over": `#start-over button`,
}

func selectorOf(b button) string {
	if s := selectors[b.method+" "+b.path]; s != "" {
		return s
	}
	if slices.Contains(b.form, "start-over") {
		return selectors["start over"]
	}
	if b.path == "/placement" {
		return "#placement-" + b.form[1]
	}
	return fmt.Sprintf(`button[hx-post$=%q]:not(#start-over button)`, b.path)
}

// press presses a button, and returns the page then and the truth of it; "" if the page has
// no such button.
func (x *examined) press(b button) (html string, t *truth) {
	x.t.Helper()
	t = &truth{name: x.client.name, came: x.jar(), previous: x.last, moments: x.truths, scripts: true, acted: x.client.acted}
	x.client.acted = false
	t.before = x.client.look(x.sent(t.came))
	x.wire.forget()
	fields := map[string]string{}
	for i := 0; i+1 < len(b.form); i += 2 {
		name := b.form[i]
		if b.path == "/tamper" {
			name = "tamper-" + name
		}
		fields[name] = b.form[i+1]
	}
	script := fmt.Sprintf(`%s(%q, %s)`, pressing, selectorOf(b), must(json.Marshal(fields)))
	if html = x.shown(b, script); html == "" {
		return "", nil
	}
	path, _, _ := strings.Cut(b.path, "?")
	t.press = x.wire.last(x.t, b.method+" "+path)
	t.kept = x.jar()
	t.after = x.client.look(x.sent(t.kept))
	if set := cookieOf(field(t.press.responseHead, "Set-Cookie"), t.name); set != "" {
		t.after = x.client.look(x.client.own(set))
	}
	if !strings.Contains(html, "what travelled with a") {
		x.last = t
		if m := shownMoment.FindStringSubmatch(html); m != nil {
			x.truths[m[1]] = t
		}
	}
	return html, t
}

// shown runs the script of a press and returns the page that it leads to: most answers change
// parts of the page, and some lead to another one.
func (x *examined) shown(b button, script string) (html string) {
	x.t.Helper()
	if b.path != "/put-back" && b.path != "/drop-cookie" && !slices.Contains(b.form, "start-over") {
		return eval[string](x.page, script)
	}
	if !eval[bool](x.page, fmt.Sprintf(`(window.left = true, !!document.querySelector(%q))`, selectorOf(b))) {
		return ""
	}
	ctx, cancel := x.limited()
	defer cancel()
	html, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
	if err == nil {
		return html // the page stayed, since there was nothing to drop
	}
	x.wantValue(`String(!window.left && / ms/.test(document.querySelector("#sizes")?.textContent) && /live/.test(document.querySelector("#live-state")?.textContent))`, "true")
	return eval[string](x.page, parts)
}

// sent are the cookies of a jar that the session's requests carry.
func (x *examined) sent(jar []jarCookie) []jarCookie {
	return slices.DeleteFunc(slices.Clone(jar), func(c jarCookie) bool { return c.path != "/" })
}

// browserStates are further jars, which only scripts make.
var browserStates = []state{
	{"letters of two bytes", "absent", func(*rawBrowser, string) []jarCookie { return []jarCookie{{name: "n", value: "é", path: "/"}} }},
	{"a long name", "absent", func(*rawBrowser, string) []jarCookie {
		return []jarCookie{{name: strings.Repeat("n", 100), value: "1", path: "/"}}
	}},
}

// inChromium presses every second button in each state, and holds the pages against the jar of
// Chromium and the record of a witness. With SESSIONSCOPE_ALL_STATES=1 it presses each button.
func inChromium(t *testing.T) {
	y := &findings{}
	p, wire := startWitnessed(t)
	x := examine(t, p, wire)
	x.viewport(320, 200) // little to paint
	x.tolerate("Failed to load resource", "htmx:error: Failed to fetch")
	control := false // what a script wrongly says that it sees is found
	for i, s := range slices.Concat(states, browserStates) {
		placement := []string{"hybrid", "cookie", "server"}[i%3]
		if i%6 == 0 {
			x.begin()
		}
		for j, b := range buttons {
			if b.more || (i+j)%2 > 0 && os.Getenv("SESSIONSCOPE_ALL_STATES") == "" {
				continue
			}
			x.have(s.jar(x.client, placement))
			html, truth := x.press(b)
			if truth == nil {
				continue
			}
			truth.verdict = s.verdict
			control = control || strings.Contains(html, "hidden by HttpOnly") && finds(strings.Replace(html, "hidden by HttpOnly", "visible", 1), truth, "scripts see(NAME)")
			y.add(fmt.Sprintf("Chromium, %s, %s, %s", placement, s.name, b.name), html, truth)
		}
	}
	if !control {
		t.Error("a cookie that scripts are said to see, and cannot, is not found")
	}
	y.report(t)
}
