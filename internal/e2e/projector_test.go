package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// seen returns what can be seen below an element: text whose colour is not transparent, and
// tooltips.
func (pg *page) seen(selector string) string {
	pg.t.Helper()
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

// wantHidden checks that no key, value or user name, each of which contains SECRET here, can
// be seen.
func (pg *page) wantHidden() {
	pg.t.Helper()
	for _, where := range regexp.MustCompile(`.{0,60}SECRET.{0,20}`).FindAllString(strings.ReplaceAll(pg.seen("body"), "\n", " "), -1) {
		pg.t.Errorf("the projector shows %q", where)
	}
}

// Projector mode shows no name and no value until the reader asks for them. It does show IDs,
// which are nobody's name.
func TestLabProjector(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), true)
	pg.fill("key", "SECRETKEY")
	pg.fill("value", "SECRETVALUE")
	pg.press("Set", "set")
	pg.fill("user", "SECRETUSER")
	pg.press("Log in", "logged in")
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on]`)), chromedp.WaitVisible(chromedp.ID("show-values")))
	pg.fill("key", "SECRETKEY")
	pg.press("Get", "get")
	pg.settled()
	pg.wantHidden()
	if masked := eval[string](pg, `['key', 'value', 'user'].map(id => getComputedStyle(document.getElementById(id)).webkitTextSecurity).join()`); masked != "disc,disc,disc" {
		t.Errorf("the fields are masked as %q", masked)
	}
	if size := eval[string](pg, `getComputedStyle(document.body).fontSize`); size != "22px" {
		t.Errorf("the type has %s", size)
	}
	pg.shoot("8-projector")
	pg.click("#show-values")
	if text := pg.seen("body"); !strings.Contains(text, "SECRETVALUE") {
		t.Error("the control: values that are to be shown are not")
	}
	pg.click("#show-values")
	before := pg.sessionID()
	pg.press("Cycle ID", "cycled")
	pg.wantValue(`String(!document.querySelector('#server .record code').textContent.includes(`+strconv.Quote(before)+`))`, "true")
	for _, id := range []string{before, pg.sessionID()} {
		for _, where := range []string{"#result", "#moment", "#timeline"} {
			if text := pg.seen(where); !strings.Contains(text, id) {
				t.Errorf("the projector hides the ID %s in %s: %q", id, where, text)
			}
		}
	}
	pg.wantHidden()

	// A reload, which proves no visit, has the visit's mode before the first paint.
	const projected = `String(document.documentElement.hasAttribute('data-projector'))`
	pg.reload()
	if on := eval[string](pg, projected); on != "true" || eval[bool](pg, `document.getElementById('show-values').checked`) {
		t.Errorf("reloaded, projector mode is %s, want true and values hidden", on)
	}
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on].projected`)))
	pg.wantValue(`String(!!document.getElementById('result') && !document.documentElement.hasAttribute('data-projector'))`, "true")
	pg.reload()
	if on := eval[string](pg, projected); on != "false" {
		t.Errorf("left and reloaded, projector mode is %s", on)
	}
}
