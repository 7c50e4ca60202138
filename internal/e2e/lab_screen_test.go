package e2e

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

// wantInView checks that the elements are within the window, each with as many of its upper
// pixels as its height says, when nobody has scrolled.
func (pg *page) wantInView(when string, width, height int64, elements map[string]int) {
	pg.t.Helper()
	pg.viewport(width, height)
	pg.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`))
	for selector, least := range elements {
		box := eval[[]float64](pg, fmt.Sprintf(`(r => [r.top, r.bottom, r.width])(document.querySelector(%q).getBoundingClientRect())`, selector))
		end := box[1]
		if least > 0 {
			end = min(end, box[0]+float64(least))
		}
		if box[0] < 0 || end > float64(height) || box[2] == 0 {
			pg.t.Errorf("%s, %d×%d: %s begins at %.0f and ends at %.0f, out of view", when, width, height, selector, box[0], end)
		}
	}
}

// After a press, what it did is in view in every window: the sentence, the timeline, and the
// tops of the panels, or on a phone of the panel that changed most. Above them is room for a
// lesson of 60 px, and for the strip of a seat in class.
func TestPressIsAnsweredInView(t *testing.T) {
	t.Parallel()
	const lesson, strip = 60, 30
	pg := browse(t, start(t), true)
	phone := map[string]int{"#composer button": 0, "#session-menu": 0, "#result": 0, "#timeline": 0}
	pg.wantInView("opened", 390, 800-strip, phone)
	pg.wantInView("opened", 320, 800-strip, phone)
	pg.press("Set", "set", "first cookie")
	three := map[string]int{"#result": 0, "#timeline": 0, "#browser": 200, "#wire": 200, "#server": 200}
	pg.wantInView("set", 1440, 900-lesson-strip, three)
	pg.wantInView("set", 1024, 900-lesson-strip, three)
	for _, chosen := range []string{"browser", "wire", "server"} {
		switch chosen {
		case "wire":
			pg.press("List keys", "keys")
		case "server": // the cookie carries the ID alone from now on
			pg.click(`label:has(#placement-server)`)
			pg.want("#result", "cookie carries only the ID")
			pg.fill("value", "Karim")
			pg.press("Set", "set", "cookie stays as it is")
		}
		phone["#"+chosen] = 100
		pg.wantInView(chosen+" changed", 390, 800-lesson-strip, phone)
		pg.wantInView(chosen+" changed", 320, 800-lesson-strip, phone)
		if seen := eval[string](pg, `['browser', 'wire', 'server'].filter(id => document.getElementById(id).checkVisibility()).join()`); seen != chosen {
			t.Errorf("a phone shows the panels %s, want %s", seen, chosen)
		}
		delete(phone, "#"+chosen)
	}
	pg.viewport(1440, 900)
	pg.do(chromedp.Click(chromedp.CSS(`button[name=on]`)), chromedp.WaitVisible(chromedp.ID("show-values")))
	pg.press("Set", "set")
	pg.wantInView("projector", 1280, 720, three)
	pg.wantInView("projector", 1920, 1080, three)
	pg.do(chromedp.Navigate(pg.url+"/about"), chromedp.WaitVisible(chromedp.CSS("[data-project='']")))
	pg.everyLook("about, on a projector")
	pg.click("[data-project='']")
	pg.everyLook("about")
	pg.open()
	if eval[bool](pg, `document.documentElement.hasAttribute('data-projector')`) {
		t.Error("projector mode was left on the page about the screen, and the lab still has it")
	}
}
