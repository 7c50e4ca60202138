package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// While the server does not answer, the page says since when, and its clocks stand still.
// When there is a server again, the page says what became of its session and why, shows
// that, and hears its stream; what was typed stays. Nobody presses or loads it again.
func TestServerAwayAndBack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, result, server string
		args                 []string
	}{
		{"memory", "Without --secret-file each start makes a new secret, and the memory store begins empty", "0 live records", nil},
		{"SQLite", "with the same ID, at version 1: the program still has the secret that signed it, and SQLite kept the record", `"Rahim"`,
			[]string{"--store", "sqlite:" + filepath.Join(t.TempDir(), "s.db")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, test.args...)
			pg := beginLoad(t, p.url, shortWaits)
			pg.live()
			pg.press("Set", "set", "created a")
			pg.wantClocks(true)
			pg.tolerate(programGone...)
			pg.fill("value", "typed")
			p.stop(t, os.Interrupt)
			pg.want("#away", "The server has not answered since")
			if since := eval[string](pg, `document.querySelector('#away time').textContent`); !clock.MatchString(since) {
				t.Errorf("it has not answered since %q, want a time of day", since)
			}
			pg.wantClocks(false)
			pg.shoot("away-" + test.name)
			startCommand(t, exec.Command(binary, append([]string{"--addr", p.addr()}, test.args...)...))
			pg.want("#result", "answers again", "The program was restarted: a new timeline begins.", test.result)
			pg.want("#server", test.server)
			pg.live()
			if eval[bool](pg, `document.getElementById('away').checkVisibility()`) {
				t.Error("the banner is still there")
			}
			if n := eval[int](pg, `document.querySelectorAll('#timeline li').length`); n != 1 {
				t.Errorf("the new timeline has %d moments, want the one that asked", n)
			}
			pg.shoot("back-" + test.name)
			pg.press("Set", "set", "typed")
			pg.wantClocks(true)
		})
	}
}

var clock = regexp.MustCompile(`^\d\d:\d\d:\d\d$`)

// shortWaits makes timers of 300 ms and more run ten times as fast.
const shortWaits = `{
	const real = window.setTimeout;
	window.setTimeout = (f, ms, ...more) => real(f, ms >= 300 ? ms / 10 : ms, ...more);
}`

// wantClocks checks whether the clocks of the Server panel go on when an hour passes, and
// whether the panels are dimmed while they do not.
func (pg *page) wantClocks(run bool) {
	pg.t.Helper()
	const hour = `new Promise(ticked => setTimeout(ticked, 299)).then(() => new Promise(done => { // they tick every 250 ms
		const clocks = () => [...document.querySelectorAll('#server [data-until]')].map(e => e.getAttribute('stroke-dasharray') ?? e.textContent).join();
		const before = clocks(), now = performance.now;
		performance.now = () => now.call(performance) + 3600e3;
		setTimeout(() => { performance.now = now; done(clocks() !== before) }, 299);
	}))`
	if ran := eval[bool](pg, hour); ran != run {
		pg.t.Errorf("the clocks run: %t, want %t", ran, run)
	}
	if dimmed := eval[bool](pg, `[...document.querySelectorAll('.scope > .panel')].every(e => getComputedStyle(e).filter === 'grayscale(1)')`); dimmed == run {
		pg.t.Errorf("the panels are dimmed: %t, want %t", dimmed, !run)
	}
}
