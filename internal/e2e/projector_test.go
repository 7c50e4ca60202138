package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// Projector mode shows no name and no value, until they are asked for.
func TestLabProjector(t *testing.T) {
	t.Parallel()
	p := start(t)
	pg := browse(t, p, true)
	pg.fill("key", "SECRETKEY")
	pg.fill("value", "SECRETVALUE")
	pg.press("Set", "set")
	pg.fill("user", "SECRETUSER")
	pg.press("Log in", "logged in")
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on]`)), chromedp.WaitVisible(chromedp.ID("show-values")))
	pg.fill("key", "SECRETKEY")
	pg.press("Get", "get")
	pg.settled()
	// What can be seen: text whose colour is not transparent, and no tooltip.
	seen := func(selector string) string {
		t.Helper()
		return eval[string](pg, `(() => {
			const out = [], root = document.querySelector(`+strconv.Quote(selector)+`);
			const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
			while (walk.nextNode()) {
				const e = walk.currentNode.parentElement;
				if (!e.closest('noscript, option') && getComputedStyle(e).color !== 'rgba(0, 0, 0, 0)' && e.checkVisibility()) out.push(walk.currentNode.data);
			}
			for (const e of root.querySelectorAll('[title]')) out.push(e.title);
			return out.join(' ');
		})()`)
	}
	hidden := func() {
		t.Helper()
		for _, where := range regexp.MustCompile(`.{0,60}SECRET.{0,20}`).FindAllString(strings.ReplaceAll(seen("body"), "\n", " "), -1) {
			t.Errorf("the projector shows %q", where)
		}
	}
	hidden()
	if masked := eval[string](pg, `['key', 'value', 'user'].map(id => getComputedStyle(document.getElementById(id)).webkitTextSecurity).join()`); masked != "disc,disc,disc" {
		t.Errorf("the fields are masked as %q", masked)
	}
	if size := eval[string](pg, `getComputedStyle(document.body).fontSize`); size != "20px" {
		t.Errorf("the type has %s", size)
	}
	pg.shoot("8-projector")
	pg.click("#show-values")
	if text := seen("body"); !strings.Contains(text, "SECRETVALUE") {
		t.Error("the control: values that are to be shown are not")
	}
	pg.click("#show-values")

	// IDs are nobody's name: they are shown, in the sentence as in the rows.
	was := pg.text("#server .record code")
	pg.press("Cycle ID", "cycled")
	pg.wantValue(`String(document.querySelector('#server .record code').textContent !== `+strconv.Quote(was)+`)`, "true")
	for _, code := range []string{was, pg.text("#server .record code")} {
		id := strings.TrimSuffix(strings.TrimPrefix(code, "sha256:"), "…")
		for _, where := range []string{"#result", "#moment", "#timeline"} {
			if text := seen(where); !strings.Contains(text, id) {
				t.Errorf("the projector hides the ID %s in %s: %q", id, where, text)
			}
		}
	}
	hidden()

	// It is the visit's: a reload, which proves no visit, knows it before the first paint.
	const projected = `String(document.documentElement.hasAttribute('data-projector'))`
	reload := func() string {
		t.Helper()
		pg.do(chromedp.Reload(), chromedp.WaitVisible(chromedp.ID("result")))
		return eval[string](pg, projected)
	}
	if on := reload(); on != "true" || eval[bool](pg, `document.getElementById('show-values').checked`) {
		t.Errorf("reloaded, projector mode is %s, want true and values hidden", on)
	}
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on].projected`)))
	pg.wantValue(`String(!!document.getElementById('result') && !document.documentElement.hasAttribute('data-projector'))`, "true")
	if on := reload(); on != "false" {
		t.Errorf("left and reloaded, projector mode is %s", on)
	}
}
