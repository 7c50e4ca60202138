package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The page that asks before the program ends, and the last one, are as accessible as the others. By keyboard the way
// back is one Tab from Quit. Where a press ends a class, the way back is as large.
func TestQuitAccessible(t *testing.T) {
	t.Parallel()
	p := startCommand(t, newClicker(t).click())
	defer p.kill() // it ends by itself, as TestDoubleClick shows
	pg := classTab(t, p, "/", `form[action="/classroom/begin"] button`)
	takeSeat(t, p)
	pg.do(chromedp.Navigate(p.url + "/classroom?ending=1"))
	pg.want("main", "Back to the board")
	if tall := eval[[]float64](pg, `[...document.querySelectorAll('main form > .button, main form > button')].map(e => e.offsetHeight)`); len(tall) != 2 || tall[0] != tall[1] {
		t.Errorf("the end of a class and the way back are %v pixels high", tall)
	}
	pg.do(chromedp.Navigate(p.url + "/quit"))
	pg.want("main", "A class is open, with 1 seat")
	pg.everyLook("quit", 390)
	pg.tabTo("End the class, and quit")
	pg.key(kb.Tab)
	pg.wantFocus("after Quit", "Back to the board")
	pg.follow(chromedp.Click(chromedp.CSS(`button[name="sure"]`)))
	pg.want("main", "Sessionscope has ended.")
	pg.everyLook("the last page", 390)
}
