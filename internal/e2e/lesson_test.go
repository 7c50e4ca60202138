package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// The first lesson ticks each step off by what was really pressed, says what comes next, and
// leads there.
func TestFirstLesson(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), true)
	pg.live()
	pg.want("#guide-hint", "press Get")
	step := func(name string) { pg.t.Helper(); pg.click(`#guide [value="` + name + `"]`) }
	next := func(label string) { pg.t.Helper(); pg.want(`#guide [aria-current="step"]`, label) }
	focused := func(want string) {
		pg.t.Helper()
		pg.wantValue(`document.activeElement.id || document.activeElement.firstChild.textContent.trim()`, want)
	}
	step("peel")
	pg.want("#guide-hint", "First press Set")
	focused("Set")
	step("get")
	focused("Get")
	pg.press("Get", "get")
	next("Set name")
	pg.press("Set", "set")
	next("Take the base64 off")
	step("peel")
	focused("peel-base64")
	pg.click("label:has(#peel-base64)")
	pg.want("#guide-hint", "Now press Payload decoded")
	pg.click("label:has(#peel-payload)")
	next("Change one letter")
	pg.want("#guide-hint", "Send the copy")
	step("change")
	focused("Send the copy")
	pg.press("Send the copy", "copy refused")
	pg.wantValue(`String(document.querySelector('.composer').getBoundingClientRect().top >= document.querySelector('.top').offsetHeight)`, "true") // not under the header
	next("Pin, flush, replay the pin")
	pg.shoot("lesson-5")
	step("replay")
	focused("Pin a copy")
	pg.press("Pin a copy", "pinned")
	next("✓○○Pin")
	step("replay")
	focused("Flush")
	pg.press("Flush", "flushed")
	step("replay")
	focused("Replay")
	pg.press("Replay", "replay refused")
	next("Expire in 5 s")
	pg.press("Set", "set")
	pg.fill("seconds", "")
	step("expire")
	pg.wantValue(`document.getElementById("seconds").value`, "5")
	pg.fill("seconds", "1")
	pg.press("Expire in", "expiry")
	pg.want("#guide-hint", "Wait")
	next("✓○Expire in 5 s") // the clock ticks it off, nobody presses
	pg.click("#lesson-switch")
	pg.wantValue(`document.getElementById("guide").innerText.trim()`, "First lesson")
	pg.wantValue(`document.activeElement.id`, "lesson-switch")
	pg.reload()
	pg.live()
	pg.wantValue(`document.getElementById("guide").innerText.trim()`, "First lesson")
	pg.click("#lesson-switch")
	next("✓○Expire in 5 s")
	pg.press("Clear expired", "cleared")
	pg.want("#guide-hint", "All six steps are done", "28 experiments")
	pg.viewport(390, 800)
	pg.click("label:has(#show-browser)")
	pg.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('#guide [value="expire"]').click()`))
	pg.wantValue(`document.querySelector('#panel-choice :checked').id`, "show-server") // the step's panel
}

// Without scripts the same six steps are ticked off: the third by its own button, whose page
// shows the cookie without its base64.
func TestFirstLessonWithoutScripts(t *testing.T) {
	t.Parallel()
	pg := browse(t, start(t), false)
	step := func(name, hint string) {
		pg.t.Helper()
		pg.follow(chromedp.Click(chromedp.CSS(`#guide [value="` + name + `"]`)))
		pg.want("#guide-hint", hint)
	}
	pg.want("#guide-hint", "press Get")
	step("replay", "First press Set")
	pg.press("Get", "get")
	pg.press("Set", "set")
	pg.want("#guide-hint", "Press the button Take the base64 off")
	pg.follow(chromedp.Click(chromedp.CSS(`#guide [value="peel"]`)))
	pg.want("#payload", `{"name":"Rahim"}`)
	pg.want(`#guide li:nth-child(3)`, "done:")
	step("change", "Tamper") // it is open then
	pg.press("Send the copy", "copy refused")
	pg.press("Pin a copy", "pinned")
	pg.press("Flush", "flushed")
	pg.press("Replay", "replay refused")
	pg.press("Set", "set")
	pg.fill("seconds", "-1")
	pg.press("Expire in", "expired")
	pg.press("Clear expired", "cleared")
	pg.want("#guide-hint", "All six steps are done")
	pg.follow(chromedp.Click(chromedp.ID("lesson-switch")))
	pg.want("#guide", "First lesson")
	pg.follow(chromedp.Click(chromedp.ID("lesson-switch")))
	pg.want("#guide-hint", "All six steps are done")
}
