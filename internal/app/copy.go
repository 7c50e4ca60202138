package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/views"
)

// copyTime is how long the server's own client waits for an answer.
const copyTime = 5 * time.Second

// maxPins is how many cookies a visit keeps of one browser, and four times as many
// in all; the oldest makes room.
const maxPins = 5

// pin is a cookie that was kept, to be sent again.
type pin struct {
	n     int
	owner string // the pins cookie of the browser that pinned it
	value string
	name  string // its session's short name
	at    time.Time
}

// copyOf is what became of a copy of a cookie that the server's own client sent.
type copyOf struct {
	Accepted bool   `json:"accepted"`
	Verdict  string `json:"verdict"`
	Reason   string `json:"reason,omitempty"`
	Status   int    `json:"status"`

	wire   views.Wire
	curl   string // the request as a command
	source string // the cookie that was copied
}

// carried returns the cookie of the lab's name that this request carried, as it
// stands in the header, and whether there was one.
func carried(c echo.Context) (value string, ok bool) {
	name := idOf(c).engine.CookieName()
	for pair := range cookiePairs(c.Request()) {
		if pair.name == name {
			return pair.value, true
		}
	}
	return "", false
}

// tamper is POST /tamper: a copy of this browser's cookie, with a part changed,
// is sent by the server's own client.
func (a *App) tamper(c echo.Context, s *session.Session) error {
	form := submitted(c)
	value := kept(c, s.Info())
	if value == "" {
		return a.answer(c, s, outcome{op: "tamper", say: func(info session.Info) views.Sentence {
			return noSession("tamper", info, "There is no cookie to copy.")
		}})
	}
	part, err := field(form, "part")
	if err != nil {
		return err
	}
	at := (len(value) + 1) / 2
	if text := form.Get("at"); text != "" && part == "letter" {
		if at, err = strconv.Atoi(text); err != nil {
			return &session.InputError{Field: "at", Text: fmt.Sprintf("The position is a number from 1 to %d.", len(value))}
		}
	}
	changed, err := session.Tamper(value, part, form.Get("to"), at)
	if err != nil {
		return err
	}
	how := "a change in " + tamperLabels[part]
	if part == "letter" {
		how = fmt.Sprintf("letter %d changed from %c to %c", at, value[at-1], changed[at-1])
	}
	return a.sendCopy(c, s, "tamper", value, changed, "a copy with "+how, func(became copyOf, info session.Info) views.Sentence {
		return a.sayTamper(how, changed == value, became, info)
	})
}

// pinCookie is POST /pin: a copy of this browser's cookie is kept in the visit.
func (a *App) pinCookie(c echo.Context, s *session.Session) error {
	v := a.visitOf(c)
	if v == nil {
		return &problem{status: http.StatusBadRequest, detail: `A pin belongs to a visit: send the page's field "v" along.`}
	}
	name, value := s.ID(), kept(c, s.Info())
	if (&http.Cookie{Name: "pin", Value: value}).Valid() != nil || len(idOf(c).engine.CookieName())+len(value) > session.MaxCookieBytes {
		return &problem{status: http.StatusUnprocessableEntity, detail: "The cookie that came is none that a server could send: it is too large, or has letters that a cookie cannot have. Nothing was kept."}
	}
	if value != "" {
		if info := s.Info(); name == "" && info.Cookie != nil {
			name = info.Cookie.RecordKey().Name().String()
		}
		owner := pinsOwner(c)
		if owner == "" { // the browser is told who it is, so that nobody else gets what it pinned
			owner = rand.Text()
			cookie := s.Info().Attributes
			cookie.Name, cookie.Value, cookie.MaxAge = idOf(c).pinsCookie(), owner, 0
			remembered(c.Request().Context()).pinsOwner = owner
			c.Response().Header().Add("Set-Cookie", cookie.String())
		}
		v.mu.Lock()
		v.pinned++
		v.pins = append(v.pins, pin{v.pinned, owner, value, name, idOf(c).engine.Now()})
		own := 0
		for _, p := range slices.Backward(v.pins) {
			if p.owner == owner {
				own++
			}
			if own > maxPins {
				v.pins = slices.DeleteFunc(v.pins, func(old pin) bool { return old.n == p.n })
				break
			}
		}
		if len(v.pins) > 4*maxPins {
			v.pins = v.pins[1:]
		}
		v.mu.Unlock()
	}
	return a.answer(c, s, outcome{op: "pin", say: func(info session.Info) views.Sentence {
		if value == "" {
			return noSession("pin", info, "There is no cookie to keep.")
		}
		return did("pinned", text("A copy of "), theCookie, text(" is kept here, as a thief would keep it. Flush, cycle the ID or let the session expire, then replay the copy and see whether it still opens anything."))
	}})
}

// pinsCookie is the name of the cookie by which a browser shows that pins are its
// own: a visit's token stands in addresses, and must not give a kept session away.
func (id *identity) pinsCookie() string { return id.engine.CookieName() + "-pins" }

// pinsOwner is whose pins this request may use, "" for nobody's.
func pinsOwner(c echo.Context) string {
	if mem := remembered(c.Request().Context()); mem.pinsOwner != "" {
		return mem.pinsOwner
	}
	name := idOf(c).pinsCookie()
	for pair := range cookiePairs(c.Request()) {
		if pair.name == name && len(pair.value) == pageIDLen {
			return pair.value
		}
	}
	return ""
}

// pinOf returns the pin that the form names, if it is this browser's.
func (a *App) pinOf(c echo.Context) (pin, error) {
	v := remembered(c.Request().Context()).visit
	n, err := strconv.Atoi(submitted(c).Get("pin"))
	if v == nil || err != nil {
		return pin{}, &problem{status: http.StatusBadRequest, detail: `This names a pin of a visit: send the fields "v" and "pin" along.`}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, p := range v.pins {
		if p.n == n && p.owner == pinsOwner(c) {
			return p, nil
		}
	}
	return pin{}, &problem{status: http.StatusNotFound, detail: fmt.Sprintf("This browser has no such pin: a visit keeps its last %d.", maxPins)}
}

// replay is POST /replay: a pinned cookie is sent by the server's own client.
func (a *App) replay(c echo.Context, s *session.Session) error {
	copied, err := a.pinOf(c)
	if err != nil {
		return err
	}
	return a.sendCopy(c, s, "replay", copied.value, copied.value, "a pinned copy", func(became copyOf, info session.Info) views.Sentence {
		return a.sayReplay(copied, became, info)
	})
}

// dropCookie is POST /drop-cookie: the browser throws its cookie away, and the
// server's record is not touched.
func (a *App) dropCookie(c echo.Context, s *session.Session) error {
	value := kept(c, s.Info())
	if value == "" {
		return a.answer(c, s, outcome{op: "drop-cookie", say: func(info session.Info) views.Sentence {
			return noSession("drop cookie", info, "There is no cookie to throw away.")
		}})
	}
	return a.replace(c, s, "drop-cookie", "", did("thrown away", text("The browser threw "), theCookie, text(" away. Nothing else was done: what "), theServer,
		text(" keeps is untouched. Pin a copy before, and you can put it back.")))
}

// putBack is POST /put-back: a pinned copy becomes this browser's cookie again.
func (a *App) putBack(c echo.Context, s *session.Session) error {
	copied, err := a.pinOf(c)
	if err != nil {
		return err
	}
	return a.replace(c, s, "put-back", copied.value, did("put back", text("The copy from "+clock(copied.at)+" is "), theCookie,
		text(" of this browser again.")))
}

// replace gives the browser another session cookie, or with "" takes it away. What
// came of it shows on the page that comes next, whose request carries it.
func (a *App) replace(c echo.Context, s *session.Session, op, value string, sentence views.Sentence) error {
	ctx := c.Request().Context()
	s.Discard(ctx, "the cookie alone is replaced") // so that no other Set-Cookie is sent
	info, mem := s.Info(), remembered(ctx)
	cookie := info.Attributes
	cookie.Value, cookie.MaxAge = value, 0
	if value == "" {
		cookie.MaxAge = -1
	}
	c.Response().Header().Set("Set-Cookie", cookie.String())
	out := outcome{op: op}
	mem.outcome, mem.replaced = &out, &value
	if wants(c) == formJSON {
		body := out.appendJSON(nil, s)
		a.recordJSON(c, http.StatusOK, s, body)
		return c.Blob(http.StatusOK, "application/json", body)
	}
	return a.redirect(c, s, sentence, out, info)
}

// sendCopy sends a request with value, a copy of the cookie source, and shows the
// exchange.
func (a *App) sendCopy(c echo.Context, s *session.Session, op, source, value, by string, say func(copyOf, session.Info) views.Sentence) error {
	became, err := a.self.send(c, source, value, by)
	if err != nil {
		return &problem{status: http.StatusServiceUnavailable, cause: err, detail: "The server's own client got no answer to the copy. Nothing was changed."}
	}
	return a.answer(c, s, outcome{op: op, copy: &became, say: func(info session.Info) views.Sentence { return say(became, info) }})
}

// client is the server's own: it speaks HTTP to the same handler, with real
// requests over connections that never leave the process.
type client struct {
	app    *App
	conns  chan net.Conn
	server *http.Server
	once   sync.Once
}

func newClient(a *App) *client { return &client{app: a, conns: make(chan net.Conn)} }

// ownConn is the server's end of a connection of its own client.
type ownConn struct {
	net.Conn
	*errand
}

// errand is what the server's own client is about.
type errand struct {
	visit  *visit
	by     string
	source string        // the cookie that it sends a copy of
	done   chan *request // what the request was remembered as
}

type errandKey struct{}

// start serves the client's connections until the app ends.
func (cl *client) start() {
	cl.server = &http.Server{
		Handler: cl.app, ReadHeaderTimeout: time.Second, ReadTimeout: time.Second, MaxHeaderBytes: 32 << 10,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			own := tap.Under(conn).(ownConn)
			return tap.Context(context.WithValue(ctx, errandKey{}, own.errand), conn)
		},
	}
	go cl.server.Serve(tap.Listen(cl))
}

// close ends the client's server, if it was started.
func (cl *client) close() {
	cl.once.Do(func() {})
	if cl.server != nil {
		cl.server.Close()
	}
}

// Accept implements net.Listener.
func (cl *client) Accept() (net.Conn, error) {
	select {
	case conn := <-cl.conns:
		return conn, nil
	case <-cl.app.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (cl *client) Close() error { return nil }

// Addr implements net.Listener.
func (cl *client) Addr() net.Addr { return &net.UnixAddr{Name: "own", Net: "unix"} }

// errCopyFailed is for a copy that got no answer, which cannot be but at the end
// of the program.
var errCopyFailed = errors.New("the server's own client got no answer")

// send asks for /session with value, a copy of source, on behalf of the visit of c.
func (cl *client) send(c echo.Context, source, value, by string) (became copyOf, err error) {
	cl.once.Do(cl.start)
	id := idOf(c)
	ctx, cancel := context.WithTimeout(c.Request().Context(), copyTime)
	defer cancel()
	job := &errand{remembered(ctx).visit, by, source, make(chan *request, 1)}
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			here, there := net.Pipe()
			select {
			case cl.conns <- ownConn{there, job}:
				return here, nil
			case <-cl.app.done:
				return nil, net.ErrClosed
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Request().Host+id.base+"/session", nil)
	if err != nil {
		return became, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "Sessionscope (the server's own client)")
	r.Header.Set("Cookie", id.engine.CookieName()+"="+value)
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return became, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return became, err
	}
	var mem *request
	select {
	case mem = <-job.done:
	case <-ctx.Done():
		return became, errCopyFailed
	}
	became = copyOf{Status: resp.StatusCode, source: source, curl: id.command(r.URL.String(), value)}
	if mem.info != nil {
		became.Accepted, became.Verdict = mem.info.Exists, string(mem.info.Verdict)
	}
	if mem.wire != nil {
		became.wire = *mem.wire
	}
	for _, ev := range mem.events {
		if ev.Kind == session.Refused || ev.Kind == session.Expired {
			became.Reason = ev.Reason
		}
	}
	if v := job.visit; v != nil {
		if e, ok := v.entry(became.wire.N); ok {
			cl.app.finish(ctx, v, e, &became.wire)
		}
	}
	return became, nil
}
