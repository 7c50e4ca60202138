package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// chromium is a running Chromium. ctx is its first tab, which tests leave alone.
type chromium struct {
	ctx  context.Context
	stop func() // kills Chromium
}

var errNoChromium = errors.New("no Chromium: install it with sudo apt-get install chromium")

// The programs' names of Chromium, and of its headless shell: the same engine without the
// browser around it. A test takes less than half the time in the shell. It has no
// back-forward cache, and asks for no favicon.
var (
	wholeChromium = []string{"chromium", "chromium-browser", "google-chrome"}
	headlessShell = []string{"chromium-headless-shell", "chrome-headless-shell"}
)

// startChromium starts the first of the programs that is installed, with its profile in dir
// and with further flags.
func startChromium(names []string, dir string, flags ...chromedp.ExecAllocatorOption) (*chromium, error) {
	path := ""
	for _, name := range names {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return nil, errNoChromium
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.DisableGPU,
		chromedp.UserDataDir(dir), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(opts, flags...)...)
	ctx, cancel := chromedp.NewContext(alloc)
	c := &chromium{ctx, func() { cancel(); stop() }}
	if err := chromedp.Do(ctx); err != nil { // Chromium lives as long as the context of the first run
		c.stop()
		return nil, fmt.Errorf("starting Chromium: %w", err)
	}
	return c, nil
}

// orSkip returns c. Without a Chromium it skips the test, or fails it under CI=true.
func orSkip(t *testing.T, c *chromium, err error) *chromium {
	t.Helper()
	if err == errNoChromium && os.Getenv("CI") != "true" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	return c
}

// still is the flag of a Chromium whose pages move only where a test asks for it, as for a reader
// who wants reduced motion: to paint each step of what moves took a tenth of the processor.
var still = chromedp.Flag("force-prefers-reduced-motion", true)

// shared is the Chromium of all tests but those of browseWith: its headless shell, if that is
// installed. testMain stops it.
var shared struct {
	once sync.Once
	*chromium
	err error
	dir string // for its profile
}

// newContext returns the context of a first tab in the shared Chromium, which has cookies,
// cache and storage of its own.
func newContext(t *testing.T) context.Context {
	t.Helper()
	shared.once.Do(func() {
		shared.chromium, shared.err = startChromium(slices.Concat(headlessShell, wholeChromium), shared.dir, still)
	})
	ctx, cancel := chromedp.NewContext(orSkip(t, shared.chromium, shared.err).ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	return ctx
}

// browse opens the program's lab in a browser with cookies, cache and storage of its own,
// with or without JavaScript.
func browse(t *testing.T, p *program, javascript bool) *page {
	t.Helper()
	return openLab(t, newContext(t), p, javascript)
}

// browseWith opens the program's lab in a whole Chromium of the test's own, with its profile
// in dir and with further flags. quit closes that Chromium as a person does who quits it.
func browseWith(t *testing.T, p *program, javascript bool, dir string, flags ...chromedp.ExecAllocatorOption) (pg *page, quit func()) {
	t.Helper()
	c, err := startChromium(wholeChromium, dir, flags...)
	orSkip(t, c, err)
	t.Cleanup(c.stop)
	return openLab(t, c.ctx, p, javascript), func() {
		t.Helper()
		if err := chromedp.Cancel(c.ctx); err != nil { // unlike stop, this lets Chromium save its cookies
			t.Fatal("quitting Chromium:", err)
		}
		c.stop()
	}
}

// openLab opens the lab in the tab of ctx.
func openLab(t *testing.T, ctx context.Context, p *program, javascript bool) *page {
	t.Helper()
	pg := &page{t: t, ctx: ctx, url: p.url, javascript: javascript}
	pg.listen()
	if !javascript {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		pg.must(err)
	}
	pg.viewport(1440, 900)
	pg.do(chromedp.Navigate(p.url), chromedp.WaitVisible(chromedp.ID("result")))
	if javascript {
		pg.live() // a press before its scripts run would leave by the form itself
	}
	return pg
}

// beginLoad opens an address in a browser with cookies, cache and storage of its own, and
// returns before the page is there. The scripts run before the page's own.
func beginLoad(t *testing.T, address string, scripts ...string) *page {
	t.Helper()
	pg := &page{t: t, ctx: newContext(t), url: address, javascript: true}
	pg.listen()
	pg.runBefore(scripts)
	_, err := chromedp.Call(pg.ctx, cdppage.Navigate, cdppage.NavigateParams{URL: address})
	pg.must(err)
	return pg
}

// appears waits seconds for the element id in the tab of ctx, and returns whether it is visible. A question
// to a tab that still navigates is an error, or never gets an answer: it is to be asked again. The
// tab must have been attached to before, since a context that ends meanwhile would close it.
func appears(ctx context.Context, id string) bool {
	ctx, cancel := context.WithTimeout(ctx, patience/20)
	defer cancel()
	return chromedp.Do(ctx, chromedp.WaitVisible(chromedp.ID(id))) == nil
}

// query returns what an expression is in the tab of ctx. A question to a tab that still navigates
// is an error, or never gets an answer: query gives up after seconds, and is to be called again.
func query[T any](ctx context.Context, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience/20)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}
