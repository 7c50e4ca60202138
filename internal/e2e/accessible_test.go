package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
// checks in four widths, or in those that are named, that the page is not wider than its window. Dark differs from light
// in its colours alone (TestDarkChangesColoursAlone): there the rules about colour run, and
// no width is measured again.
func (pg *page) everyLook(state string, widths ...int64) {
	pg.t.Helper()
	if len(widths) == 0 {
		widths = []int64{1440, 1024, 320, 390}
	}
	for _, scheme := range []string{"light", "dark"} {
		pg.media("prefers-color-scheme", scheme, "prefers-reduced-motion", "reduce")
		for _, width := range widths {
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
		widths = slices.DeleteFunc(widths, func(w int64) bool { return w == 1024 || w == 320 })
		slices.Reverse(widths) // it ends as wide as it began
	}
}

// The style sheets make dark of light by the function light-dark() alone, which takes
// nothing but colours. Otherwise everyLook would have to run all rules in dark too.
func TestDarkChangesColoursAlone(t *testing.T) {
	files, err := filepath.Glob(root + "/web/css/*.css")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d style sheets, %v", len(files), err)
	}
	var all []byte
	for _, name := range files {
		css, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, css...)
	}
	if strings.Contains(string(all), "prefers-color-scheme") || !strings.Contains(string(all), "light-dark(") {
		t.Error("a style sheet asks for the colour scheme in another way than light-dark()")
	}
	for line := range strings.Lines(string(all)) {
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
	for _, fold := range []string{"#scripts", "#request-more", "#response-more", "#stored", "#plot"} {
		pg.click(fold + " summary")
	}
	pg.click("#check summary")
	pg.press("Plant a readable cookie", "planted")
	pg.click("#session-menu > summary")
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
	pg.press("Expire in", "expiry")
	pg.want("#result", "A clock on this page has run out")
	pg.everyLook("expired")
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on]`)), chromedp.WaitVisible(chromedp.ID("show-values")))
	pg.press("Start over", "started over")
	pg.press("Set", "set")
	pg.everyLook("projector")
	pg.do(chromedp.Navigate(p.url+"/nope"), chromedp.WaitVisible(chromedp.CSS("h1")))
	pg.everyLook("404")
	pg.forgiveRefusals()
}

// key presses one key.
func (pg *page) key(key string) { pg.t.Helper(); pg.do(chromedp.KeyEvent(key)) }

// focused names the element that has the focus: its ID, or its text.
func (pg *page) focused() string {
	pg.t.Helper()
	return eval[string](pg, `(e => e.id || e.textContent.trim())(document.activeElement)`)
}

// wantFocus checks which element has the focus.
func (pg *page) wantFocus(when, want string) {
	pg.t.Helper()
	if got := pg.focused(); got != want {
		pg.t.Errorf("%s the focus is at %q, want %q", when, got, want)
	}
}

// tabTo presses Tab until the element of that name, as focused gives it, has the focus.
func (pg *page) tabTo(name string) {
	pg.t.Helper()
	for range 200 {
		if pg.focused() == name {
			return
		}
		pg.key(kb.Tab)
	}
	pg.t.Fatalf("the focus does not come to %q, it is at %q", name, pg.focused())
}

// The lab works by keyboard alone: Tab reaches each control, no press loses the focus, and
// results are announced.
func TestLabKeyboard(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), true)
	pg.key(kb.Tab)
	pg.wantFocus("after the first Tab", "Skip to the lab")
	pg.tabTo("value")
	pg.key(kb.Enter)
	pg.want("#result .verb", "set")
	pg.wantFocus("after Enter", "value")
	pg.tabTo("peel-sent")
	pg.key(kb.ArrowRight)
	pg.want(".layer.base64", "signed at")
	pg.key(kb.ArrowRight)
	pg.want(".layer.payload", "session ID")
	pg.tabTo("Tamper…")
	pg.key(kb.Enter)
	pg.tabTo("Send the copy")
	pg.key(kb.Enter)
	pg.want("#result .verb", "copy refused")
	pg.wantFocus("after a copy was sent", "Send the copy")
	if top := eval[float64](pg, `document.getElementById('result').getBoundingClientRect().top`); top < 0 || top > 900 {
		t.Errorf("the answer stands at %v, out of view", top)
	}
	pg.walksTimeline()
	pg.usesMenu()
	pg.tabTo("listing-django")
	pg.key(kb.ArrowLeft)
	pg.want(".listing.go", "func")
	if roles := eval[string](pg, `['result', 'news'].map(id => document.getElementById(id).getAttribute('role')).join()`); roles != "status,status" {
		t.Errorf("results and news are announced with the roles %q", roles)
	}
	pg.wantMotion()
	pg.do(chromedp.EmulateViewport(720, 450, chromedp.EmulateScale(2))) // 200 % zoom of a window of 1440 px
	if wide := eval[int64](pg, `document.documentElement.scrollWidth`); wide > 720 {
		t.Errorf("at 200 %% the page is %d px wide", wide)
	}
}

// walksTimeline walks from moment to moment with the arrow keys. The panels follow, and the
// strip stays where it is on the screen.
func (pg *page) walksTimeline() {
	pg.t.Helper()
	const top = `document.getElementById('timeline').getBoundingClientRect().top`
	pg.do(chromedp.Focus(chromedp.CSS("#timeline li:last-child button")))
	// Lines are no whole pixels high, and a page scrolls by whole ones.
	place := fmt.Sprintf(`document.activeElement.closest('li')?.id + (Math.abs(%s - %f) <= 1 ? '' : ' moved to ' + %[1]s)`, top, eval[float64](pg, top))
	for _, step := range []struct{ key, says, moment string }{
		{kb.ArrowLeft, "moment 2,", "e2"}, {kb.Home, "moment 1,", "e1"}, {kb.ArrowRight, "moment 2,", "e2"}, {kb.End, "moment 3,", "e3"},
	} {
		pg.key(step.key)
		pg.want("#moment", step.says)
		pg.wantValue(place, step.moment)
	}
	if stops := eval[int](pg, `[...document.querySelectorAll('#timeline li button')].filter(b => b.tabIndex === 0).length`); stops != 1 {
		pg.t.Errorf("Tab stops at %d moments, want 1", stops)
	}
	pg.tabTo("moment-now")
	pg.key(kb.Enter)
	pg.want("#result", "This browser has a session")
	if eval[bool](pg, `document.activeElement === document.body`) {
		pg.t.Error("the press that leads back to now loses the focus")
	}
}

// usesMenu opens the menu of the session: Escape and a press close it, and the focus goes back
// to where it was opened.
func (pg *page) usesMenu() {
	pg.t.Helper()
	const state = `document.getElementById('session-menu').open + ' ' + document.activeElement.tagName`
	pg.do(chromedp.Focus(chromedp.CSS("#session-menu > summary")))
	pg.key(kb.Enter)
	pg.tabTo("seconds")
	pg.key(kb.Escape)
	pg.wantValue(state, "false SUMMARY")
	pg.key(kb.Enter)
	pg.tabTo("Cycle ID")
	pg.key(kb.Enter)
	pg.want("#result .verb", "cycled")
	pg.wantValue(state, "false SUMMARY")
	pg.key(kb.Enter)
	pg.tabTo("seconds")
	pg.key("x")
	pg.key(kb.Enter)
	pg.want("#result .verb", "refused")
	pg.wantValue(state, "true INPUT") // the field that was refused stays in view
	pg.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('h1').click()`))
	pg.wantValue(state, "false SUMMARY")
	pg.forgiveRefusals()
}

// wantMotion presses buttons of the lab: no element is animated where the reader wants
// reduced motion. The control: elsewhere some are.
func (pg *page) wantMotion() {
	pg.t.Helper()
	eval[chromedp.Void](pg, `(() => { let n = 0; const animate = Element.prototype.animate; Element.prototype.animate = function (...a) { n++; return animate.apply(this, a) }; window.animated = () => n })(), undefined`)
	pg.media("prefers-reduced-motion", "reduce")
	pg.press("Get", "get")
	pg.settled()
	if n := eval[int](pg, `window.animated()`); n != 0 {
		pg.t.Errorf("%d animations where motion is reduced", n)
	}
	pg.media("prefers-reduced-motion", "no-preference")
	pg.press("List keys", "keys")
	pg.settled()
	if n := eval[int](pg, `window.animated()`); n == 0 {
		pg.t.Error("the control: nothing moves where it may")
	}
}
