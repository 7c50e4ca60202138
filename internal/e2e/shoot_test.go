package e2e

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// shoot takes pictures of the whole page, light and dark, in three widths. They go into the
// folder that the environment variable SESSIONSCOPE_SCREENSHOTS names; without it there are
// none.
func (pg *page) shoot(name string) {
	pg.t.Helper()
	dir := os.Getenv("SESSIONSCOPE_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(pg.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		})
		if err != nil {
			pg.t.Error(err)
		}
		for _, width := range []int64{1440, 1024, 390} {
			still := chromedp.Evaluate[chromedp.Void](`Promise.all(document.getAnimations().map(a => a.finished)).then(() => undefined)`, chromedp.EvalAwaitPromise)
			if !pg.javascript {
				still = chromedp.WaitVisible(chromedp.CSS("main"))
			}
			chromedp.Do(pg.ctx, chromedp.EmulateViewport(width, 900), still)
			png, err := chromedp.Run(pg.ctx, chromedp.FullScreenshot(100))
			if err != nil {
				pg.t.Error(err)
				continue
			}
			file := filepath.Join(dir, fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
			if err := os.WriteFile(file, png, 0o644); err != nil {
				pg.t.Error(err)
			}
		}
	}
	pg.viewport(1440, 900)
}

// media sets media features for CSS: media("prefers-color-scheme", "dark").
func (pg *page) media(features ...string) {
	pg.t.Helper()
	var list []*emulation.MediaFeature
	for i := 0; i < len(features); i += 2 {
		list = append(list, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	_, err := chromedp.Call(pg.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: list})
	pg.must(err)
}

// viewport gives the window a size in CSS pixels.
func (pg *page) viewport(width, height int64) {
	pg.t.Helper()
	pg.do(chromedp.EmulateViewport(width, height))
}
