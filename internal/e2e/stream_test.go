package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// gateway stands between a browser and the program. It can answer late, lose files and
// refuse event streams, and it counts those.
type gateway struct {
	*httptest.Server
	late map[string]time.Duration // how long a file waits whose path holds that word

	mu    sync.Mutex
	to    *url.URL // the program
	lost  string   // what has that word in its path is not answered; "" for none
	asked []string // the address and the Referer of each request
	pages []string // the header Sessionscope-Page of each request for a stream
	open  int      // streams now
	most  int      // streams at once, at most
	away  bool     // no stream comes through
	says  int      // a status in its place, 0 for no answer
	uncut context.Context
	cut   func() // ends the open streams
}

// through starts a gateway to the program, which must allow the host 127.0.0.1.
func through(t *testing.T, p *program) *gateway {
	t.Helper()
	g := &gateway{}
	g.leadTo(t, p)
	g.letThrough()
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			g.mu.Lock()
			defer g.mu.Unlock()
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = g.to.Scheme, g.to.Host, r.In.Host
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.asked = append(g.asked, r.Method+" "+r.URL.String()+" "+r.Referer())
		lost := g.lost != "" && strings.Contains(r.URL.Path, g.lost)
		g.mu.Unlock()
		for word, wait := range g.late {
			if strings.Contains(r.URL.Path, word) {
				select {
				case <-time.After(wait):
				case <-r.Context().Done():
				}
			}
		}
		if lost {
			panic(http.ErrAbortHandler)
		}
		if strings.HasSuffix(r.URL.Path, "/events") {
			g.stream(proxy, w, r)
			return
		}
		if r.ContentLength > 0 { // an answer that comes before the proxy has read the body's end would break off
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return // the browser has left
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { g.CloseClientConnections(); g.Close() })
	return g
}

// leadTo has the gateway lead to that program.
func (g *gateway) leadTo(t *testing.T, p *program) {
	t.Helper()
	to, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.to = to
}

// lose has nothing answered that has the word in its path. "" ends it.
func (g *gateway) lose(word string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lost = word
}

// stream passes one event stream on, or refuses it.
func (g *gateway) stream(proxy http.Handler, w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	g.pages = append(g.pages, r.Header.Get("Sessionscope-Page"))
	if away, says := g.away, g.says; away {
		g.mu.Unlock()
		if says == 0 {
			panic(http.ErrAbortHandler)
		}
		http.Error(w, "refused", says)
		return
	}
	g.open++
	g.most = max(g.most, g.open)
	uncut := g.uncut
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.open--
		g.mu.Unlock()
	}()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(uncut, cancel)()
	proxy.ServeHTTP(w, r.WithContext(ctx))
}

// refuse ends all streams and lets none through any more. What asks for one gets that
// status, or no answer when it is 0.
func (g *gateway) refuse(status int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away, g.says = true, status
	g.cut()
}

// letThrough ends refuse.
func (g *gateway) letThrough() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.away = false
	g.uncut, g.cut = context.WithCancel(context.Background())
}

// streams returns the headers Sessionscope-Page of all requests for a stream, and how
// many streams there were at once, at most.
func (g *gateway) streams() (pages []string, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append(pages, g.pages...), g.most
}

// However late each of its scripts comes, in any order, a page opens one event stream, and
// the first request for it says which page it is. When the script of the streams does not
// come at all, the page says that it is not live.
func TestLateScripts(t *testing.T) {
	t.Parallel()
	p := start(t, "--allow-host", "127.0.0.1")
	const own, htmx, sse = "js/sessionscope.", "htmx.min.", "hx-sse.min."
	const soon, late, latest = 0, 400 * time.Millisecond, 800 * time.Millisecond
	type opened struct {
		*gateway
		*page
	}
	var all []opened
	open := func(lost string, ownWaits, htmxWaits, sseWaits time.Duration) {
		g := through(t, p)
		g.late = map[string]time.Duration{own: ownWaits, htmx: htmxWaits, sse: sseWaits}
		g.lose(lost)
		all = append(all, opened{g, beginLoad(t, g.URL)})
	}
	for _, waits := range [][3]time.Duration{
		{soon, late, latest}, {soon, latest, late}, {late, soon, latest}, {late, latest, soon}, {latest, soon, late}, {latest, late, soon},
	} {
		open("", waits[0], waits[1], waits[2])
	}
	open(sse, soon, soon, soon)
	for _, o := range all {
		name := fmt.Sprintf("own script %v late, htmx %v, hx-sse %v", o.late[own], o.late[htmx], o.late[sse])
		if o.lost != "" {
			o.want("#live-state", "not live: a part of this page did not come")
			o.forgive("Failed to load resource")
			continue
		}
		if !until(func() bool { state, _ := o.tryText("#live-state"); return state == "live" }) {
			pages, _ := o.streams()
			t.Errorf("%s: the page does not say that it is live; it asked for streams with the headers Sessionscope-Page %q", name, pages)
			continue
		}
		eval[bool](o.page, `new Promise(done => setTimeout(done)).then(() => fetch('/healthz')).then(r => r.ok)`) // what else the page asked for came before it
		pages, most := o.streams()
		if len(pages) != 1 || most != 1 {
			t.Errorf("%s: the page asked for %d streams, and had %d at once; want one", name, len(pages), most)
		}
		if moment := eval[string](o.page, `document.querySelector('#timeline li').id.slice(1)`); len(pages) > 0 && !strings.Contains(pages[0], " "+moment+" ") {
			t.Errorf("%s: the first stream was asked for with the header Sessionscope-Page: %q, want the page and the moment %s", name, pages[0], moment)
		}
	}
	// The control: a second stream is seen.
	o := all[0]
	pages, _ := o.streams()
	if !eval[bool](o.page, fmt.Sprintf(`fetch(document.getElementById('live').dataset.stream, {headers: {'Sessionscope-Page': %q}}).then(r => r.ok)`, pages[0])) {
		t.Error("there is no second stream")
	}
	if pages, most := o.streams(); len(pages) != 2 || most != 2 {
		t.Errorf("of a second stream the gateway says that it was number %d, of %d at once", len(pages), most)
	}
}

// A page whose stream was cut, or did not come at first, tries again every three seconds
// at most, however long that takes, and says with each try what it shows by then. When it
// is refused it leaves off: the next try is that of the page's slow beat.
func TestStreamComesBack(t *testing.T) {
	t.Parallel()
	g := through(t, start(t, "--allow-host", "127.0.0.1"))
	// Timers run ten times as fast, and chance brings the longest waits. 60,000 ms is how
	// long hx-sse waits for an answer.
	const fast = `{
		const real = window.setTimeout;
		window.waits = [];
		window.setTimeout = (f, ms, ...more) => { if (ms >= 300 && ms !== 60000) waits.push(Math.round(ms)); return real(f, ms >= 300 ? ms / 10 : ms, ...more); };
		Math.random = () => 1;
	}`
	pg := beginLoad(t, g.URL, fast)
	pg.want("#live-state.on", "live")
	g.refuse(0)
	pg.want("#live-state", "not live: the server does not answer")
	other := beginLoad(t, g.URL, fast)
	for _, page := range []*page{pg, other} {
		page.tolerate("Failed to load resource", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "htmx:sse:error", "htmx:error: Failed to fetch")
	}
	other.want("#live-state", "not live: the server does not answer")
	pg.wantValue(`String(waits.length > 5)`, "true")
	pg.press("Get", "get", "missing")
	moment, err := strconv.Atoi(eval[string](pg, `document.querySelector('#timeline li:last-child').id.slice(1)`))
	if err != nil || moment < 2 {
		t.Fatalf("the last moment is %d, %v", moment, err)
	}
	g.letThrough()
	pg.want("#live-state.on", "live")
	other.want("#live-state.on", "live")
	for _, waits := range [][]int{eval[[]int](pg, `waits`), eval[[]int](other, `waits`)} {
		if slices.Max(waits) > 3900 || slices.Max(waits) < 3000 {
			t.Errorf("it waited %v ms between two tries, want at most 3,000 and 30 %%, and so much", waits)
		}
	}
	if pages, _ := g.streams(); !slices.ContainsFunc(pages, func(page string) bool { return strings.Contains(page, fmt.Sprintf(" %d ", moment)) }) {
		t.Errorf("the streams were asked for with the headers Sessionscope-Page %q, want one with the moment %d, which the page shows when its stream comes back", pages, moment)
	}

	const tries = `String(!!document.getElementById('live')._htmx.sse)`
	pg.wantValue(tries, "true")
	g.refuse(http.StatusNotFound)
	pg.want("#live-state", "not live: this visit has ended")
	pg.wantValue(tries, "false")
	pg.want("#live-state", "not live: this visit has ended")
}
