package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axeSource is the source of axe-core, which each document loads once.
var axeSource = sync.OnceValues(func() ([]byte, error) { return os.ReadFile("testdata/axe-core-4.14.1/axe.min.js") })

// axe runs the rules of axe-core on the page as it is, and reports the violations under the
// name of the page's state. It runs all rules, or those that are named.
func (pg *page) axe(state string, rules ...string) {
	pg.t.Helper()
	ctx, cancel := pg.limited()
	defer cancel()
	if !eval[bool](pg, `'axe' in window`) {
		source, err := axeSource()
		pg.must(err)
		pg.must(chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](string(source))))
	}
	only := ""
	if len(rules) > 0 {
		only = fmt.Sprintf(`, runOnly: ['%s']`, strings.Join(rules, `', '`))
	}
	// resultTypes: axe-core gathers the nodes of violations only, which is much faster.
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](
		`axe.run({resultTypes: ['violations']`+only+`}).then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).join(' | ')))`, chromedp.EvalAwaitPromise))
	pg.must(err)
	for _, v := range found {
		pg.t.Errorf("axe, %s: %s", state, v)
	}
}

// everyLook runs axe-core on a state of the page in light and dark, wide and narrow, and
// checks in four widths that the page is not wider than its window. Dark differs from light
// in its colours alone (TestDarkChangesColoursAlone): there the rules about colour run.
func (pg *page) everyLook(state string) {
	pg.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		pg.media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
		for _, width := range []int64{1440, 1024, 390, 320} {
			pg.viewport(width, 900)
			if wide := eval[int64](pg, `document.documentElement.scrollWidth`); wide > width {
				pg.t.Errorf("%s: at %d px the page is %d wide: %s", state, width, wide, eval[string](pg, fmt.Sprintf(`[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > %d && !e.closest('.scroll, .http, .table, pre, .unseen')).map(e => e.tagName + '.' + e.className + '#' + e.id).slice(0, 5).join()`, width)))
			}
			switch name := fmt.Sprintf("%s, %s, %d", state, scheme, width); {
			case width == 1024, width == 320: // for the page's width alone
			case scheme == "dark":
				pg.axe(name, "color-contrast", "link-in-text-block")
			default:
				pg.axe(name)
			}
		}
	}
	pg.viewport(1440, 900)
}

// The style sheet makes dark of light by the function light-dark() alone, which takes
// nothing but colours. Otherwise everyLook would have to run all rules in dark too.
func TestDarkChangesColoursAlone(t *testing.T) {
	css, err := os.ReadFile(root + "/web/css/sessionscope.css")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(css), "prefers-color-scheme") || !strings.Contains(string(css), "light-dark(") {
		t.Error("the style sheet asks for the colour scheme in another way than light-dark()")
	}
	for line := range strings.Lines(string(css)) {
		rule := strings.TrimSpace(line)
		if strings.Contains(rule, "data-theme") && rule != `:root[data-theme="light"] { color-scheme: light; }` && rule != `:root[data-theme="dark"] { color-scheme: dark; }` {
			t.Errorf("a rule for one theme sets more than color-scheme: %s", rule)
		}
	}
}

// In no state of the lab does axe-core find a violation, and in none is the page wider than
// its window.
func TestLabAccessible(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.everyLook("no session")
	pg.press("Set", "set")
	pg.settled()
	pg.everyLook("set")
	pg.fill("key", strings.Repeat("k", 128))
	pg.fill("value", strings.Repeat("v", 3000))
	pg.press("Set", "set")
	pg.click(`label:has(#peel-payload)`)
	pg.click("#tamper summary")
	pg.click("#curl summary")
	pg.press("Plant a readable cookie", "planted")
	pg.everyLook("large, everything open")
	pg.do(chromedp.SetValue(chromedp.ID("tamper-part"), "signature"))
	pg.press("Send the copy", "copy refused")
	pg.press("Pin a copy", "pinned")
	pg.press("Replay", "replay accepted")
	pg.everyLook("replayed")
	pg.click("#e2 button")
	pg.want("#moment", "moment 2")
	pg.everyLook("a moment of the past")
	pg.click("#moment-now")
	pg.want("#result", "This browser has a session")
	pg.click(`label:has(#placement-server)`)
	pg.want("#result", "moved")
	pg.click(`label:has(#listing-rails)`)
	pg.everyLook("placement server")
	pg.fill("key", "")
	pg.press("Set", "refused (422)")
	pg.everyLook("refused")
	pg.fill("seconds", "1")
	pg.press("Expire in…", "expiry")
	pg.want("#result", "A clock on this page has run out")
	pg.everyLook("expired")
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on]`)), chromedp.WaitVisible(chromedp.ID("show-values")))
	pg.press("Start over", "flush")
	pg.press("Set", "set")
	pg.everyLook("projector")
	pg.do(chromedp.Navigate(p.url+"/nope"), chromedp.WaitVisible(chromedp.CSS("h1")))
	pg.everyLook("404")
	pg.forgiveRefusals()
}

// Keys, focus and announcements: all that is pressed can be reached, the focus is
// never lost, and motion stops where it is not wanted.
func TestLabKeyboard(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	press := func(keys string) { t.Helper(); pg.do(chromedp.KeyEvent(keys)) }
	focus := func() string {
		return eval[string](pg, `(e => e.id || e.textContent.trim())(document.activeElement)`)
	}
	tabTo := func(want string) {
		t.Helper()
		for range 120 {
			press(kb.Tab)
			if focus() == want {
				return
			}
		}
		t.Fatalf("the focus does not come to %q, it is at %q", want, focus())
	}
	press(kb.Tab)
	if got := focus(); got != "Skip to the lab" {
		t.Errorf("the first stop is %q", got)
	}
	tabTo("value")
	press(kb.Enter)
	pg.want("#result .verb", "set")
	if got := focus(); got != "value" {
		t.Errorf("after Enter the focus is at %q", got)
	}
	tabTo("peel-sent")
	press(kb.ArrowRight)
	pg.want(".layer.base64", "signed at")
	press(kb.ArrowRight)
	pg.want(".layer.payload", "session ID")
	tabTo("Tamper…")
	press(kb.Enter)
	tabTo("Send the copy")
	press(kb.Enter)
	pg.want("#result .verb", "copy refused")
	if got := focus(); got != "Send the copy" {
		t.Errorf("after a copy was sent the focus is at %q", got)
	}
	if top := eval[float64](pg, `document.getElementById('result').getBoundingClientRect().top`); top < 0 || top > 900 {
		t.Errorf("the answer stands at %v, out of view", top)
	}
	pg.do(chromedp.Focus(chromedp.CSS("#e2 button")))
	press(kb.Enter)
	pg.want("#moment", "moment 2")
	tabbed := eval[bool](pg, `document.activeElement !== document.body`)
	pg.do(chromedp.Focus(chromedp.ID("moment-now")))
	press(kb.Enter)
	pg.want("#result", "This browser has a session")
	if lost := eval[bool](pg, `document.activeElement === document.body`); lost || !tabbed {
		t.Errorf("back to now the focus is lost; before it was kept: %t", tabbed)
	}
	tabTo("listing-handler")
	press(kb.ArrowRight)
	pg.want(".listing.engine", "func")

	if polite := eval[string](pg, `['result', 'news'].map(id => document.getElementById(id).getAttribute('role')).join()`); polite != "status,status" {
		t.Errorf("results and news are announced as %q", polite)
	}
	// Motion: none where it is reduced; the control, where it is not.
	const count = `(() => { let n = 0; const animate = Element.prototype.animate; Element.prototype.animate = function (...a) { n++; return animate.apply(this, a) }; window.animated = () => n })()`
	eval[chromedp.Void](pg, count+`, undefined`)
	pg.media("prefers-reduced-motion", "reduce")
	pg.press("Get", "get")
	pg.settled()
	if n := eval[int](pg, `window.animated()`); n != 0 {
		t.Errorf("%d animations where motion is reduced", n)
	}
	pg.media("prefers-reduced-motion", "no-preference")
	pg.press("List keys", "keys")
	pg.settled()
	if n := eval[int](pg, `window.animated()`); n == 0 {
		t.Error("the control: nothing moves where it may")
	}
	// 200 % zoom of a 1440 px window is one of 720 px.
	pg.do(chromedp.EmulateViewport(720, 450, chromedp.EmulateScale(2)))
	if wide := eval[int64](pg, `document.documentElement.scrollWidth`); wide > 720 {
		t.Errorf("at 200 %% the page is %d px wide", wide)
	}
}
