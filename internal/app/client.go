package app

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// copyTime is how long the server's own client waits for an answer.
const copyTime = 5 * time.Second

// client is the server's own HTTP client. It sends real requests to the app's own handler,
// over connections that do not leave the process.
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
	*sender
}

// sender says for whom the server's own client sends a request. The handler finds it by the
// request's connection.
type sender struct {
	by     string
	source string      // the cookie of which the request carries a copy, "" for none
	change string      // what was changed in that copy, "" for nothing
	pin    int         // the number of the pin that was copied, 0 for none
	visit  *hub.Visit  // whose moment the exchange becomes, nil for none
	last   session.Key // the session that the client had before, zero for none
	noted  chan noted  // receives what the application noted, once the request is answered
}

// noted is what the application knows of a request of its own client after the answer.
type noted struct {
	x      *trace.Exchange
	known  bool // x is complete: the request was not refused on its way
	n      int  // its number in the sender's visit, 0 for no moment
	answer *tap.Answer
	seat   *seat.Seat
	had    session.Key // the session that its cookie named
}

type senderKey struct{}

// start serves the client's connections until the app ends.
func (cl *client) start() {
	cl.server = &http.Server{
		Handler: cl.app, ReadHeaderTimeout: time.Second, ReadTimeout: time.Second, MaxHeaderBytes: 32 << 10,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			own := tap.Under(conn).(ownConn)
			return tap.Context(context.WithValue(ctx, senderKey{}, own.sender), conn)
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

// errCopyFailed means that a copy got no answer, which happens only when the program ends.
var errCopyFailed = errors.New("the server's own client got no answer")

// sentCopy is the exchange of a copy that was sent, and its moment in the visit.
type sentCopy struct {
	url    string
	x      trace.Exchange
	n      int // 0 for no moment
	beside trace.Beside
}

// send asks for /session with the cookie value, a copy of source, on behalf of c's visit. did
// says what the press that sends it did.
func (cl *client) send(c *call, source, value string, did trace.Did) (out sentCopy, err error) {
	cl.once.Do(cl.start)
	ctx, cancel := context.WithTimeout(c.ctx(), copyTime)
	defer cancel()
	from := &sender{by: say.CopyBy(did), source: source, pin: did.Pin, visit: c.visit, noted: make(chan noted, 1)}
	if !did.Same {
		from.change = did.How
	}
	transport := &http.Transport{
		DisableKeepAlives: true, DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			here, there := net.Pipe()
			select {
			case cl.conns <- ownConn{there, from}:
				return here, nil
			case <-cl.app.done:
				return nil, net.ErrClosed
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	}
	out.url = "http://" + c.Request().Host + c.seat.Base + "/session"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, out.url, nil)
	if err != nil {
		return out, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "Sessionscope (the server's own client)")
	r.Header.Set("Cookie", c.seat.Engine.CookieName()+"="+value)
	resp, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return out, err
	}
	select {
	case noted := <-from.noted:
		out.x, out.n = *noted.x, noted.n
	case <-ctx.Done():
		return out, errCopyFailed
	}
	if e, ok := c.entry(out.n); ok {
		out.x, out.beside = c.visit.ExchangeOf(ctx, e)
	}
	return out, nil
}
