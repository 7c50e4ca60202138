package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// page is a tab of a browser.
type page struct {
	t   *testing.T
	ctx context.Context
	url string

	javascript bool

	mu     sync.Mutex
	faults []string // console errors, exceptions and policy violations, none of which is expected
	ending []string // words of those that are expected until the end of the test
}

// chromium is a running Chromium. ctx is its first tab, which nothing is done in.
type chromium struct {
	ctx  context.Context
	stop func() // kills it
}

var errNoChromium = errors.New("no Chromium: install it with sudo apt-get install chromium")

// startChromium starts one with its profile in dir and with further flags.
func startChromium(dir string, flags ...chromedp.ExecAllocatorOption) (*chromium, error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
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
	if err := chromedp.Do(ctx); err != nil { // the first run's context is the browser's life
		c.stop()
		return nil, fmt.Errorf("starting Chromium: %w", err)
	}
	return c, nil
}

// started ends the test if there is no Chromium.
func started(t *testing.T, c *chromium, err error) *chromium {
	t.Helper()
	if err == errNoChromium && os.Getenv("CI") != "true" {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	return c
}

// shared is the Chromium of all tests that do not need one of their own. testMain
// stops it.
var shared struct {
	once sync.Once
	*chromium
	err error
	dir string // of its profile
}

// browse opens the program's lab in a browser with cookies, cache and storage of its
// own, with or without JavaScript.
func browse(t *testing.T, p *program, javascript bool) *page {
	t.Helper()
	shared.once.Do(func() { shared.chromium, shared.err = startChromium(shared.dir) })
	ctx, cancel := chromedp.NewContext(started(t, shared.chromium, shared.err).ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	return openLab(t, ctx, p, javascript)
}

// browseWith opens the program's lab in a Chromium of the test's own, with its profile
// in dir and with further flags. quit closes it as somebody does who quits it.
func browseWith(t *testing.T, p *program, javascript bool, dir string, flags ...chromedp.ExecAllocatorOption) (pg *page, quit func()) {
	t.Helper()
	c, err := startChromium(dir, flags...)
	started(t, c, err)
	t.Cleanup(c.stop)
	return openLab(t, c.ctx, p, javascript), func() {
		t.Helper()
		if err := chromedp.Cancel(c.ctx); err != nil { // it ends well, and writes its cookies down
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
	return pg
}

// listen collects what the console says. At the end of the test every fault that
// was not forgiven counts.
func (pg *page) listen() {
	pg.t.Helper()
	pg.must(chromedp.Do(pg.ctx))
	messages := chromedp.Console(pg.ctx)
	go func() {
		for m := range messages {
			if m.Type == chromedp.ConsoleError || m.IsException() || m.Source == "security" {
				pg.mu.Lock()
				pg.faults = append(pg.faults, fmt.Sprint(m))
				pg.mu.Unlock()
			}
		}
	}()
	pg.t.Cleanup(func() {
		pg.mu.Lock()
		defer pg.mu.Unlock()
		for _, f := range pg.faults {
			if !containsAny(f, pg.ending) {
				pg.t.Error("console:", f)
			}
		}
	})
}

func (pg *page) must(err error) {
	pg.t.Helper()
	if err != nil {
		pg.shoot("failed")
		pg.t.Fatal(err)
	}
}

// do runs actions, for at most 15 seconds.
func (pg *page) do(actions ...chromedp.Action[chromedp.Void]) {
	pg.t.Helper()
	ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
	defer cancel()
	pg.must(chromedp.Do(ctx, actions...))
}

func (pg *page) viewport(width, height int64) {
	pg.t.Helper()
	pg.do(chromedp.EmulateViewport(width, height))
}

// text returns the text of the first element that matches, white space folded.
func (pg *page) text(selector string) string {
	pg.t.Helper()
	s, err := pg.tryText(selector)
	pg.must(err)
	return s
}

func (pg *page) tryText(selector string) (string, error) {
	ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
	defer cancel()
	s, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(selector)))
	return strings.Join(strings.Fields(s), " "), err
}

// want waits until the element's text holds every one of the words. A page that
// is just being replaced is asked again.
func (pg *page) want(selector string, words ...string) {
	pg.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		got, err := pg.tryText(selector)
		missing := ""
		for _, w := range words {
			if !strings.Contains(got, w) {
				missing = w
			}
		}
		if err == nil && missing == "" {
			return
		}
		if time.Now().After(deadline) {
			pg.shoot("failed")
			pg.t.Fatalf("%s says %q, %v; want %q", selector, got, err, missing)
		}
		pause()
	}
}

// wantValue waits until the page's script expression has that value.
func (pg *page) wantValue(expression, want string) {
	pg.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; {
		got, err := chromedp.Run(pg.ctx, chromedp.Evaluate[string](expression))
		if err == nil && got == want {
			return
		}
		if time.Now().After(end) {
			pg.shoot("failed")
			pg.t.Fatalf("%s is %q, %v; want %q", expression, got, err, want)
		}
		pause()
	}
}

// expectFaults forgives what Chromium and htmx say of a failed request. Anything
// of the page's own, an exception or a violation, still counts.
func (pg *page) expectFaults() { pg.forgive("Failed to load resource", "htmx:error: Failed to fetch") }

// forgive takes those faults out that hold one of the words.
func (pg *page) forgive(words ...string) {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	pg.faults = slices.DeleteFunc(pg.faults, func(f string) bool { return containsAny(f, words) })
}

// ends forgives faults that have these words until the end of the test: the program
// has ended, and Chromium goes on calling it.
func (pg *page) ends(words ...string) {
	pg.mu.Lock()
	defer pg.mu.Unlock()
	pg.ending = words
}

func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// fill puts text into a field.
func (pg *page) fill(id, text string) {
	pg.t.Helper()
	if text == "" && pg.javascript { // which SetValue takes for a failure
		pg.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("` + id + `").value = ""`))
		return
	} else if text == "" {
		pg.do(chromedp.Clear(chromedp.ID(id)))
		return
	}
	pg.do(chromedp.SetValue(chromedp.ID(id), text))
}

// press presses the button with that label and waits until the result has the
// verb and the words.
func (pg *page) press(label string, verb string, words ...string) {
	pg.t.Helper()
	click := chromedp.Click(chromedp.Search(fmt.Sprintf(`//button[starts-with(normalize-space(.), %q)]`, label)))
	if pg.javascript {
		pg.do(chromedp.Evaluate[chromedp.Void](`scrollTo(0, 0)`), click) // not below the header that stays
	} else { // a new page comes
		ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
		defer cancel()
		_, err := chromedp.RunResponse(ctx, click)
		pg.must(err)
	}
	pg.want("#result .verb", verb)
	pg.want("#result", words...)
	if pg.javascript { // a press while another is on its way is dropped
		pg.wantValue(`String(document.querySelectorAll('.htmx-request:is(button, a)').length)`, "0")
	}
}

// sessionCookie is what the first browser's session cookie is called.
var sessionCookie = regexp.MustCompile(`^sessionscope(-\d+)?$`)

// cookie returns this browser's session cookie, nil without one.
func (pg *page) cookie() *network.Cookie {
	pg.t.Helper()
	ctx, cancel := context.WithTimeout(pg.ctx, 15*time.Second)
	defer cancel()
	res, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{pg.url}})
	pg.must(err)
	for _, c := range res.Cookies {
		if sessionCookie.MatchString(c.Name) {
			return c
		}
	}
	return nil
}

// shoot takes pictures of the whole page, in the folder that
// SESSIONSCOPE_SCREENSHOTS names, if any.
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
