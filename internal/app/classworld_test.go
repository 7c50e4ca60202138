package app

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/network"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// classWorld is an application with an open class, whose network is played. Its clock stands
// still until a test moves it.
type classWorld struct {
	testing.TB
	app       *App
	class     *class
	clock     *storetest.Clock
	documents *classroom.MemoryDocuments
	net       *playedNetwork
	log       lines
	phones    int
	teacher   *guest // a browser on this machine, with the teacher's cookie
}

// lan is where the class listens.
const lan = "http://192.168.77.1:8080"

// openClassWorld opens a class of 30 seats. change may be nil.
func openClassWorld(t testing.TB, change func(*Config)) *classWorld {
	t.Helper()
	w := classWorldBefore(t, change)
	if err := w.app.OpenClass(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.class = w.app.openClass()
	w.teacher.get(w.app.TeacherLink()).want(303)
	return w
}

// classWorldBefore is openClassWorld before the class is opened.
func classWorldBefore(t testing.TB, change func(*Config)) *classWorld {
	t.Helper()
	w := &classWorld{TB: t, clock: storetest.NewClock(), documents: classroom.NewMemoryDocuments(), net: &playedNetwork{}}
	w.app = newApp(t, func(c *Config) {
		c.Sessions.Now, c.Log = w.clock.Now, slog.New(slog.NewTextHandler(&w.log, nil))
		c.Class = &ClassConfig{Seats: 30, LogRequests: true, Open: func(context.Context) (ClassParts, error) {
			return ClassParts{
				Backend:   memory.New(memory.Config{MaxSessions: 1000, Now: w.clock.Now}),
				Documents: w.documents, Network: w.net, Close: func() error { return nil },
				Secrets: [][]byte{[]byte("a secret of the class, of at least 32 bytes, for tests")},
			}, nil
		}}
		if change != nil {
			change(c)
		}
	})
	w.teacher = w.guest(origin, "127.0.0.1:50000")
	return w
}

// playedNetwork is a network that a test fills in.
type playedNetwork struct {
	mu        sync.Mutex
	addresses []network.Address
	knocks    []network.Knock
}

// Addresses implements Network. A network without a list has the address of lan.
func (n *playedNetwork) Addresses() []network.Address {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.addresses == nil {
		return []network.Address{{IP: netip.MustParseAddr("192.168.77.1"), Port: 8080, Interface: "wlan0"}}
	}
	return n.addresses
}

// Knocks implements Network.
func (n *playedNetwork) Knocks() []network.Knock {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.knocks
}

// guest is a browser at an address of its own, which keeps cookies by their paths and follows no
// redirects. Its requests go straight to the router.
type guest struct {
	testing.TB
	h      http.Handler
	origin string // that it asks: this machine's loopback, or lan
	remote string // its own address and port
	local  net.Addr
	jar    http.CookieJar
	form   answerForm
}

// phone returns another device in the class's network, which asks for pages.
func (w *classWorld) phone() *guest {
	w.phones++
	return w.guest(lan, net.JoinHostPort(netip.AddrFrom4([4]byte{192, 168, 77, byte(1 + w.phones)}).String(), "40000"))
}

// guest returns a browser that asks origin from an address.
func (w *classWorld) guest(origin, remote string) *guest {
	w.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.Fatal(err)
	}
	u, _ := url.Parse(origin)
	return &guest{w.TB, w.app, origin, remote, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(u.Host)), jar, formPage}
}

// request makes a request as this browser would send it. target is a path.
func (v *guest) request(method, target, body string) *http.Request {
	target, proof := proofIn(target)
	r := httptest.NewRequest(method, v.origin+target, strings.NewReader(body))
	r.RemoteAddr = v.remote
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, v.local))
	if proof != "" {
		r.Header.Set(trace.PageHeader, proof)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", v.origin)
	}
	asksFor(r, v.form)
	for _, c := range v.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	return r
}

func (v *guest) send(r *http.Request) answer {
	v.Helper()
	at := *r.URL // the handler changes the path
	w := httptest.NewRecorder()
	v.h.ServeHTTP(w, r)
	resp := w.Result()
	body, _ := io.ReadAll(resp.Body)
	v.jar.SetCookies(&at, resp.Cookies())
	return answer{resp, v.TB, string(body)}
}

func (v *guest) get(target string) answer {
	v.Helper()
	return v.send(v.request("GET", target, ""))
}

// post sends a form: post("/set", "key", "name", "value", "Rahim").
func (v *guest) post(target string, pairs ...string) answer {
	v.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return v.send(v.request("POST", target, form.Encode()))
}

// cookie returns the value of the browser's cookie of that name for a path, or "".
func (v *guest) cookie(path, name string) string {
	u, _ := url.Parse(v.origin + path)
	for _, c := range v.jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// forget empties the browser: no cookie is left.
func (v *guest) forget() { v.jar, _ = cookiejar.New(nil) }

// join takes a seat and returns where it is: "/s/NAME-SUFFIX".
func (v *guest) join() (base string) {
	v.Helper()
	page := v.get("/join").want(200)
	at := v.post("/join", "visitor", fieldOf(page.body, "visitor")).want(303).Header.Get("Location")
	return strings.TrimSuffix(at, "/class")
}

// fieldOf returns the value of the first hidden field of that name, or "".
func fieldOf(page, name string) string {
	_, rest, _ := strings.Cut(page, `<input type="hidden" name="`+name+`" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

// seatAt returns the seat at a base.
func (w *classWorld) seatAt(base string) classroom.Seat {
	w.Helper()
	for _, s := range w.class.roster.Seats() {
		if base == "/s/"+s.Place() {
			return s
		}
	}
	w.Fatalf("no seat is at %s", base)
	panic("unreachable")
}

// guestStream is a request that goes on until stop, and what it was told so far.
type guestStream struct {
	stop func()
	told *lines
	done chan struct{} // closed when the handler has returned
}

// stream opens an event stream.
func (v *guest) stream(target string) *guestStream {
	v.Helper()
	ctx, cancel := context.WithCancel(v.Context())
	r := v.request("GET", target, "")
	r = r.WithContext(&merged{ctx, r.Context()})
	s := &guestStream{told: &lines{}, done: make(chan struct{})}
	s.stop = func() { cancel(); <-s.done }
	v.Cleanup(s.stop)
	go func() {
		defer close(s.done)
		v.h.ServeHTTP(&streamed{header: http.Header{}, to: s.told}, r)
	}()
	return s
}

// merged has the end of one context and the values of another.
type merged struct {
	context.Context
	values context.Context
}

func (m *merged) Value(key any) any { return m.values.Value(key) }

// streamed is a ResponseWriter whose body is read while it is written.
type streamed struct {
	header http.Header
	to     io.Writer
}

func (s *streamed) Header() http.Header                { return s.header }
func (s *streamed) WriteHeader(int)                    {}
func (s *streamed) Write(b []byte) (int, error)        { return s.to.Write(b) }
func (s *streamed) FlushError() error                  { return nil }
func (s *streamed) SetWriteDeadline(_ time.Time) error { return nil }
