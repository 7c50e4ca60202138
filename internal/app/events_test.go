package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// What happens without a press: another client, the same visit's other tab, a
// second browser, a clock, somebody who clears.
func TestEvents(t *testing.T) {
	h, base, cl, v := serveLab(t)
	post := func(cl *http.Client, target string, pairs ...string) answer {
		t.Helper()
		form := neturl.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Add(pairs[i], pairs[i+1])
		}
		r, _ := http.NewRequest("POST", base+target, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", formType)
		r.Header.Set("Accept", "application/json")
		return fetch(t, cl, r)
	}
	post(cl, "/set", "key", "name", "value", "Rahim", "page", v).want(200)
	resp, stream := openStream(t, cl, base+"/events?since=1&page="+v)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the stream is %d %v", resp.StatusCode, resp.Header)
	}
	reading(t, stream, "created", `id="server"`) // what the page missed

	thief := newClientOf(t) // another client, with a copy of the cookie and no visit
	u, _ := neturl.Parse(base)
	thief.Jar.SetCookies(u, cl.Jar.Cookies(u))
	post(thief, "/set", "key", "big", "value", strings.Repeat("x\ny", 200)).want(200)
	message := reading(t, stream, "another client", "set big → server", `id="server"`, `id="moment"`, "Nothing travelled for this page: another client did this")
	if strings.Contains(message, `id="browser"`) {
		t.Error("the stream claims to know what the browser keeps")
	}
	post(newClientOf(t), "/clear-expired").want(200) // nothing was cleared: no news, but the figures
	post(cl, "/flush", "page", v).want(200)
	reading(t, stream, "flushed")

	opened := post(cl, "/second", "page", v).json()
	second := opened["url"].(string)
	v2 := openVisit(t, cl, base+opened["page"].(string))
	reading(t, stream, "second browser", "opened")
	post(cl, second+"set", "key", "a", "value", "1", "page", v2).want(200)
	reading(t, stream, "second browser", "created", "a → cookie")
	_, theirs := openStream(t, cl, base+second+"events?page="+v2)
	post(cl, "/set", "key", "b", "value", "1", "page", v).want(200)
	reading(t, theirs, "first browser", "b → cookie")

	// Two a visit, and then no more.
	openStream(t, cl, base+"/events?page="+v)
	if resp, _ := openStream(t, cl, base+"/events?page="+v); resp.StatusCode != 429 {
		t.Errorf("a third stream of a visit: %d, want 429", resp.StatusCode)
	}
	// They end with the app.
	h.Close()
	for _, r := range []*bufio.Reader{stream, theirs} {
		if _, err := io.ReadAll(r); err != nil {
			t.Errorf("the stream ended with %v", err)
		}
	}
}

// What a stream does in time: a clock that runs out, the sweeper, signs of life,
// and a reader who does not read.
func TestEventsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, b, v := openLab(t, formFragment)
		b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
		b.post("/expiry", "seconds", "30", "page", v).want(200)
		time.Sleep(29 * time.Second)
		if entries := b.get("/?at=1&page=" + v).entries(); len(entries) != 3 {
			t.Fatalf("before the clock ran out: %q", entries)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if entries := b.get("/?at=1&page=" + v).entries(); len(entries) != 4 || !strings.HasPrefix(entries[3], "expired the record is still in the store the clock") {
			t.Fatalf("after it ran out: %q", entries)
		}
		b.get("/?at=4&page="+v).want(200, "Nothing travelled: a clock ran out", "its record is still here", "live records")
		if _, err := h.seats.Root.Engine.ClearExpired(t.Context()); err != nil { // as the sweeper does
			t.Fatal(err)
		}
		synctest.Wait()
		if entries := b.get("/?at=1&page=" + v).entries(); len(entries) != 5 || !strings.HasPrefix(entries[4], "cleared 1 expired record the sweeper") {
			t.Fatalf("after the sweep: %q", entries)
		}
		b.get("/?at=5&page="+v).want(200, "the store holds nothing under its ID")
	})
	synctest.Test(t, func(t *testing.T) { // a clock that was moved meanwhile
		h, b, v := openLab(t, formFragment)
		b.post("/set", "key", "name", "value", "Rahim", "page", v)
		time.Sleep(time.Hour)
		elsewhere := newBrowser(t, h, formJSON)
		elsewhere.jar = b.jar
		elsewhere.post("/set", "key", "name", "value", "Karim").want(200)
		proved(h, v) // somebody looks
		time.Sleep(20 * time.Minute)
		proved(h, v)
		time.Sleep(29 * time.Minute)
		proved(h, v)
		time.Sleep(13 * time.Minute)
		synctest.Wait()
		if entries := b.get("/?at=1&page=" + v).entries(); strings.Contains(strings.Join(entries, " "), "expired") {
			t.Errorf("a session that lives is called expired: %q", entries)
		}
	})
}

// A reader who does not read is dropped after a while, and never waited for.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, b, v := openLab(t, formFragment)
		here, there := net.Pipe()
		listener := &pipes{conns: make(chan net.Conn, 1), done: make(chan struct{})}
		listener.conns <- there
		srv := &http.Server{Handler: h, ConnContext: tap.Context}
		go srv.Serve(tap.Listen(listener))
		defer func() {
			here.Close()
			srv.Close()
			h.Close()
		}()
		fmt.Fprintf(here, "GET /events HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nHX-Request: true\r\n%s: %s\r\n\r\n", trace.PageHeader, v)
		synctest.Wait()
		visit := proved(h, v)
		streams := visit.Streams
		if n := streams(); n != 1 {
			t.Fatalf("%d streams, want 1", n)
		}
		began := time.Now()
		for range 5 {
			b.post("/set", "key", "a", "value", rangeText(), "page", v).want(200)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("the writers waited %v for a reader", took)
		}
		time.Sleep(streamWrite + time.Second)
		synctest.Wait()
		if n := streams(); n != 0 {
			t.Errorf("%d streams, the slow reader was not dropped", n)
		}
	})
}

var texts int

func rangeText() string { texts++; return fmt.Sprint(texts) }

// pipes is a listener over pipes.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return addr("pipe") }

// Whatever ends a line in an event stream begins a line of data.
func TestNoEventIsInjected(t *testing.T) {
	h, base, cl, v := serveLab(t)
	form := neturl.Values{"key": {"k"}, "value": {"a\r\n\r\nevent: evil\rdata: <b>\n\nid: 7"}, "page": {v}}
	_, stream := openStream(t, cl, base+"/events?since=1&page="+v)
	r, _ := http.NewRequest("POST", base+"/set", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("HX-Request", "true")
	fetch(t, cl, r).want(200)
	if message := reading(t, stream, "created", "evil"); strings.Contains(message, "\nevent:") || strings.Contains(message, "\rdata") {
		t.Errorf("a value began a field: %q", message)
	}
	h.Close()
}

// A stream that is refused is no moment, and renders no page.
func TestRefusedStreamIsNoMoment(t *testing.T) {
	h, b, v := openLab(t, formFragment)
	visit := proved(h, v)
	for range hub.MaxStreams {
		visit.Subscribe()
	}
	if a := b.get("/events?page=" + v).want(429); len(a.body) > 200 || a.Header.Get("Retry-After") == "" {
		t.Errorf("the refusal: %v %q", a.Header, a.body)
	}
	b.get("/events?page=nonsense").want(404)
	b.get("/?at=1&page=" + v).wantEntries("opened")
}

// The clock ends only what it ended: not what was flushed before, nor what another
// tab has kept alive; and it asks again when the store did not answer.
func TestClockTellsTheTruth(t *testing.T) {
	for _, placement := range []string{"cookie", "hybrid"} {
		synctest.Test(t, func(t *testing.T) {
			var down atomic.Bool
			h := newApp(t, func(c *Config) {
				c.Sessions.Backend = &storetest.Hooked{Backend: c.Sessions.Backend, Hook: func(context.Context, string) (before, after error) {
					if down.Load() {
						return errDown, nil
					}
					return nil, nil
				}}
			})
			b := newBrowser(t, h, formFragment)
			v := b.visit("/")
			entries := func() string { synctest.Wait(); return strings.Join(b.get("/?at=1&page="+v).entries(), "; ") }
			elsewhere := newBrowser(t, h, formJSON)
			b.post("/set", "key", "a", "value", "1", "placement", placement, "page", v).want(200)
			b.post("/expiry", "seconds", "600", "page", v)
			elsewhere.jar = b.jar
			time.Sleep(5 * time.Minute)
			elsewhere.post("/set", "key", "a", "value", "2").want(200)
			time.Sleep(6 * time.Minute)
			if got := entries(); strings.Contains(got, "the clock") {
				t.Fatalf("%s: kept alive elsewhere: %s", placement, got)
			}
			time.Sleep(5 * time.Minute)
			if got := entries(); !strings.Contains(got, "the clock") {
				t.Errorf("%s: at its end: %s", placement, got)
			}

			b.post("/set", "key", "a", "value", "3", "placement", placement, "page", v)
			b.post("/expiry", "seconds", "600", "page", v)
			elsewhere.post("/flush").want(200)
			if got := entries(); !strings.HasSuffix(got[:strings.LastIndex(got, "another client")], "the next request shows whether a cookie is left ") {
				t.Errorf("%s: flushed elsewhere: %s", placement, got)
			}
			time.Sleep(11 * time.Minute)
			if got := entries(); strings.Count(got, "the clock") != 1 {
				t.Errorf("%s: after a flush: %s", placement, got)
			}

			b.post("/set", "key", "a", "value", "4", "placement", placement, "page", v).want(200)
			b.post("/expiry", "seconds", "600", "page", v)
			time.Sleep(9 * time.Minute)
			down.Store(true)
			time.Sleep(time.Minute)
			synctest.Wait()
			down.Store(false)
			time.Sleep(10 * time.Second)
			if got := entries(); strings.Count(got, "the clock") != 2 {
				t.Errorf("%s: after an outage: %s", placement, got)
			}
		})
	}
}

// The figures that many strangers move are told without the whole timeline.
func TestFiguresAreTold(t *testing.T) {
	h, addr := serve(t, func(c *Config) { c.Sessions.Backend = memory.New(memory.Config{MaxSessions: 1000}) })
	base := "http://" + addr
	cl := newClientOf(t)
	v := openVisit(t, cl, base+"/")
	_, stream := openStream(t, cl, base+"/events?since=1&page="+v)
	r, _ := http.NewRequest("POST", base+"/set", strings.NewReader("key=a&value=1"))
	r.Header.Set("Content-Type", formType)
	r.Header.Set("Accept", "application/json")
	fetch(t, newClientOf(t), r).want(200)
	if message := reading(t, stream, `id="figures"`, "<b>1</b>"); strings.Contains(message, `id="timeline"`) {
		t.Error("a stranger's write sends the timeline anew")
	}
	h.Close()
}
