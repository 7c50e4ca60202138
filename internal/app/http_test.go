package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// A path with percent-encoded letters, or with a slash at its end, names the same resource:
// the answer is the same, for every route and method, and nothing is redirected.
func TestSamePathSameResource(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	visit := newBrowser(t, a, formPage).visit("/")
	seat := newBrowser(t, a, formJSON).post("/second", "page", visit).want(200).json()["url"].(string)
	asked := func(method, target string) (status int, body, allow string) {
		v := visit
		if strings.Contains(target, "econd") { // a visit may open only three
			v = newBrowser(t, a, formPage).visit("/")
		}
		b := newBrowser(t, a, formJSON)
		r := b.request(method, target, "key=name&value=1&user=ada&seconds=5&placement=server&part=letter&page="+v)
		if method != "POST" {
			r.Body = http.NoBody
		}
		if strings.HasPrefix(target, "/events") {
			ctx, cancel := context.WithCancel(t.Context())
			cancel() // a stream would go on for ever
			r = r.WithContext(ctx)
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if to := w.Header().Get("Location"); to != "" {
			t.Errorf("%s %s leads to %q", method, target, to)
		}
		return w.Code, w.Body.String()[:min(w.Body.Len(), 24)], w.Header().Get("Allow")
	}
	for _, path := range append(plainPaths(t, a), strings.TrimSuffix(seat, "/")+"/keys") {
		last := strings.LastIndex(path, "/") + 1
		encoded := path[:last] + "%" + strings.ToUpper(hexOf(path[last])) + path[last+1:]
		for _, method := range []string{"GET", "HEAD", "POST", "PUT"} {
			status, body, allow := asked(method, path)
			for _, other := range []string{encoded, path + "/", encoded + "/"} {
				if s, b, al := asked(method, other); s != status || b != body || al != allow {
					t.Errorf("%s %s: %d %q Allow %q, want as %s: %d %q Allow %q", method, other, s, b, al, path, status, body, allow)
				}
			}
		}
	}
	asset := a.assets.url("css/sessionscope.css")
	for target, want := range map[string]int{
		asset: 200, strings.Replace(asset, "css", "%63ss", 1): 200,
		"/get//?key=name": 404, "//get?key=name": 404, "//evil.example/": 404, "/%2f": 404, "/%2Fevil.example": 404, "/get%2F?key=name": 404,
		"/experiments%2ffixation": 404, "/assets/../get?key=name": 404, "/..": 404, "/%2e%2e/": 404, asset + "/": 404, "/nothing/": 404, "/%6eothing": 404,
		seat: 200, strings.Replace(seat, "second", "%73econd", 1): 200,
	} {
		if got, body, _ := asked("GET", target); got != want {
			t.Errorf("GET %s: %d %q, want %d", target, got, body, want)
		}
	}
}

// plainPaths returns the paths of all routes but the lab's page, assets and what experiments
// serve, with names in the place of parameters.
func plainPaths(t *testing.T, a *App) (paths []string) {
	t.Helper()
	for _, r := range a.echo.Routes() {
		path := strings.NewReplacer(":slug", "fixation", ":n", "1", ":run", "nobody", "/*", "/").Replace(r.Path)
		if path != "/" && !strings.Contains(path, "live") && !strings.Contains(path, "assets") {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	if len(paths) < 25 {
		t.Fatalf("only %d routes: %v", len(paths), paths)
	}
	return paths
}

func hexOf(b byte) string { return string("0123456789abcdef"[b>>4]) + string("0123456789abcdef"[b&15]) }

// gone is the connection of a client that has left: each write fails with err.
type gone struct {
	*httptest.ResponseRecorder
	err error
}

func (g gone) Write([]byte) (int, error)       { return 0, g.err }
func (g gone) WriteString(string) (int, error) { return 0, g.err }

// A client that leaves while a request holds a session, or while its answer is
// written, is no error of the server's, and no moment that a timeline could tell of.
func TestClientThatLeaves(t *testing.T) {
	t.Parallel()
	for _, f := range []answerForm{formPage, formFragment, formJSON} {
		for name, c := range map[string]struct {
			err    error
			body   string
			leaves bool
			logged bool
		}{
			"while it holds":         {syscall.EPIPE, "key=a&value=1&hold=5s", true, false},
			"a refusal, pipe broken": {syscall.EPIPE, "key=&value=1", false, false},
			"a refusal, reset":       {syscall.ECONNRESET, "key=&value=1", false, false},
			"a refusal, too slow":    {context.DeadlineExceeded, "key=&value=1", true, false},
			"done, pipe broken":      {syscall.EPIPE, "key=a&value=1", false, false},
			"a fault of ours":        {errors.New("no buffer"), "key=&value=1", false, true}, // the control
		} {
			var log lines
			a := newApp(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			b := newBrowser(t, a, f)
			v := newBrowser(t, a, formPage).visit("/")
			r := b.request("POST", "/set", c.body+"&page="+v)
			if c.leaves {
				ctx, cancel := context.WithCancel(r.Context())
				cancel()
				r = r.WithContext(ctx)
			}
			a.ServeHTTP(gone{httptest.NewRecorder(), c.err}, r)
			if got := strings.Contains(log.String(), "level=ERROR"); got != c.logged {
				t.Errorf("form %d, %s: logged %q", f, name, log.String())
			}
			if c.leaves {
				newBrowser(t, a, formPage).get("/?page=" + v).wantNo("503")
			}
		}
	}
}

// A page that asks for its stream again gets the answer's head at once, also when there is no
// news for it. A head that waits for the next beat would look like a server that is gone.
func TestStreamHasAHeadAtOnce(t *testing.T) {
	t.Parallel()
	a, base, cl, v := serveLab(t)
	page := strings.Repeat("P", pageIDLen)
	r, _ := http.NewRequest("POST", base+"/set", strings.NewReader("key=a&value=1&page="+v))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("HX-Request", "true")
	r.Header.Set(trace.PageHeader, page+" 1")
	fetch(t, cl, r).want(200)
	ctx, cancel := context.WithTimeout(t.Context(), streamBeat/3)
	defer cancel()
	r, _ = http.NewRequestWithContext(ctx, "GET", base+"/events?since=1&page="+v+"&page="+page, nil)
	resp, err := cl.Do(r)
	if err != nil {
		t.Fatalf("no head: %v", err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
		t.Fatalf("no byte: %v", err)
	}
	a.Close()
}

// Another site's page gets no stream, and learns nothing of a visit by asking.
func TestStreamOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	_, b, v := openLab(t, formPage)
	for _, c := range []struct {
		name, value string
		want        int
	}{
		{"Sec-Fetch-Site", "cross-site", 403}, {"Sec-Fetch-Site", "same-site", 403}, {"Origin", "http://evil.example", 403}, {"Origin", "null", 403},
		{"Sec-Fetch-Site", "same-origin", 200}, {"Sec-Fetch-Site", "none", 200}, {"Origin", origin, 200}, {"Accept", "text/event-stream", 200},
	} {
		for _, target := range []string{"/events?page=" + v, "/events?page=nobody"} {
			r := b.request("GET", target, "")
			r.Header.Set(c.name, c.value)
			ctx, cancel := context.WithCancel(r.Context())
			time.AfterFunc(time.Millisecond, cancel)
			a := b.send(r.WithContext(ctx))
			if want := c.want; want == 200 && strings.HasSuffix(target, "nobody") {
				a.want(404)
			} else {
				a.want(want)
			}
			cancel()
		}
	}
}

// After a form the lab's page comes by a request of its own, not by the form's redirect: such
// a page Chromium would show again by Back. The hop in between shows nothing, is no moment,
// and leads nowhere but to the lab.
func TestFormIsFollowedByAHop(t *testing.T) {
	t.Parallel()
	_, b, v := openLab(t, formPage)
	r := b.request("POST", "/set", "key=name&value=Rahim&page="+v)
	r.Header.Set("Upgrade-Insecure-Requests", "1")
	to := b.send(r).want(303).Header.Get("Location")
	on, ok := strings.CutSuffix(to, "&hop=1")
	if !ok {
		t.Fatalf("Location %q", to)
	}
	for range 2 { // it uses nothing up
		if got := b.get(to).want(200, `content="0; url=`+on+`"`).wantNo("Rahim"); got.Header.Get("Cache-Control") != "no-store" || len(got.body) > 400 {
			t.Errorf("the hop: %v %q", got.Header, got.body)
		}
	}
	b.get(on).want(200, "This first write created a session", "Rahim")
	b.get("/?page="+v).wantEntries("opened", "created", "opened")
	if got := b.get(`/?hop=1&x=%22%3E%3Cscript%3E&to=//evil.example`).want(200).wantNo("<script", `url=//`); !strings.Contains(got.body, `url=/?`) {
		t.Error(got.body)
	}
	if to := b.post("/set", "key", "a", "value", "1").want(303).Header.Get("Location"); strings.Contains(to, "hop") { // no browser
		t.Errorf("Location %q", to)
	}
}
