package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A first visit transfers at most 45,000 bytes of bodies, all of them from this server; its
// assets are compressed, and a second visit asks for none of them again.
func TestFirstVisit(t *testing.T) {
	t.Parallel()
	p, wire := startWitnessed(t)
	pg, _ := browseWith(t, p, true, t.TempDir())
	pg.settled()
	total, assets := 0, 0
	for _, e := range wire.exchanges("GET ") {
		path := strings.Fields(e.requestHead)[1]
		if strings.HasPrefix(path, "/events") {
			continue // it goes on for ever
		}
		if !strings.HasPrefix(path, "/exchanges") {
			total += len(e.responseBody)
		}
		if strings.HasPrefix(path, "/assets/") {
			assets++
			if field(e.responseHead, "Content-Encoding") != "gzip" || field(e.responseHead, "Cache-Control") != "public, max-age=31536000, immutable" ||
				!regexp.MustCompile(`\.[0-9a-f]{16}\.(css|js|svg)$`).MatchString(path) {
				t.Errorf("%s travels as %q", path, e.responseHead)
			}
		}
	}
	t.Logf("a first visit: %d bytes of bodies, %d assets", total, assets)
	if total > 45_000 || total < 10_000 || assets < 6 {
		t.Errorf("a first visit takes %d bytes in %d assets, at most 45,000", total, assets)
	}
	if foreign := eval[[]string](pg, `performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin))`); len(foreign) > 0 {
		t.Errorf("the page asked %v", foreign)
	}
	before := len(wire.exchanges("GET /assets/"))
	pg.do(chromedp.Navigate(p.url+"/?again"), chromedp.WaitVisible(chromedp.ID("result")))
	pg.settled()
	if after := len(wire.exchanges("GET /assets/")); after != before {
		t.Errorf("%d assets were asked for again", after-before)
	}
}

// Logs how long it takes from a press until the page has settled, sizes included. Nothing
// depends on that time.
func TestPressToSettled(t *testing.T) {
	pg, _ := browseWith(t, start(t), true, t.TempDir())
	pg.settled()
	times := eval[[]float64](pg, `(async () => {
		const frame = () => new Promise(r => setTimeout(r, 0));
		const out = [];
		for (let i = 0; i < 40; i++) {
			const value = document.getElementById('value'), n = document.getElementById('wire').dataset.n;
			value.value = 'v' + i;
			const began = performance.now();
			document.querySelector('#composer button').click();
			while (document.getElementById('wire').dataset.n === n || !document.getElementById('sizes').textContent.includes(' ms')) await frame();
			out.push(performance.now() - began);
		}
		return out;
	})()`)
	slices.Sort(times)
	t.Logf("press to settled page: median %.0f ms, 90 %% under %.0f ms, of %d", times[len(times)/2], times[len(times)*9/10], len(times))
}
