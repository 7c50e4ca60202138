package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// proxy stands between a store and Redis, and spoils answers.
type proxy struct {
	addr         string
	to           atomic.Value // the address of Redis, a string
	half, pieces atomic.Bool
	// lose is a text: the answer to the next command that contains it is lost.
	lose atomic.Pointer[string]
	// reset is for how long after that all connections are closed instead of answered.
	reset time.Duration
	until atomic.Int64 // the end of that time, in Unix nanoseconds
}

// startProxy returns a proxy that listens. The caller stores to before it connects.
func startProxy(t *testing.T) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String()}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		l.Close()
		cancel()
		all.Wait()
	})
	all.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.serve(ctx, client) })
		}
	})
	return p
}

func (p *proxy) serve(ctx context.Context, client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to.Load().(string))
	if err != nil {
		return
	}
	defer server.Close()
	defer context.AfterFunc(ctx, func() { client.Close(); server.Close() })()
	var lost atomic.Bool
	go func() {
		defer server.Close()
		for buf := make([]byte, 64<<10); ; {
			n, err := client.Read(buf)
			if err != nil {
				return
			}
			if what := p.lose.Load(); what != nil && strings.Contains(string(buf[:n]), *what) && p.lose.CompareAndSwap(what, nil) {
				lost.Store(true)
				p.until.Store(time.Now().Add(p.reset).UnixNano())
			}
			server.Write(buf[:n])
		}
	}()
	for buf := make([]byte, 64<<10); ; {
		n, err := server.Read(buf)
		switch {
		case err != nil || lost.Load() || time.Now().UnixNano() < p.until.Load():
			return
		case p.half.Load() && n > 1000:
			client.Write(buf[:n/2])
			<-ctx.Done()
			return
		case p.pieces.Load():
			for i := range min(n, 100) {
				client.Write(buf[i : i+1])
			}
			client.Write(buf[min(n, 100):n])
		default:
			client.Write(buf[:n])
		}
	}
}

// The answer to an update is lost. If this fails, go-redis sends the update again and
// it is made twice, or is called a conflict and the engine makes it again.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, cluster := range []bool{false, true} {
		t.Run(fmt.Sprintf("cluster %t", cluster), func(t *testing.T) {
			t.Parallel()
			proxy := startProxy(t)
			var server *redistest.Server
			if cluster {
				_, port, _ := net.SplitHostPort(proxy.addr)
				server = redistest.StartCluster(t, 1, "--cluster-announce-port", port)[0]
			} else {
				server = redistest.Start(t)
			}
			proxy.to.Store(server.Addr)
			st := open(t, Config{URL: "redis://" + proxy.addr})
			create(t, st, 1, time.Hour, `0`)
			_, err := st.Save(t.Context(), key(1), load(t, st, 1)) // Redis knows the script now
			want(t, nil, err)
			for version := uint64(2); version <= 7; version++ {
				r := load(t, st, 1)
				if r.Version != version {
					t.Fatalf("version %d after %d updates", r.Version, version-1)
				}
				if version == 7 {
					break
				}
				proxy.lose.Store(&saveScript.sha)
				_, err := st.Save(t.Context(), key(1), r)
				wantOutage(t, "save", err)
			}
			// Reading a figure twice does no harm: go-redis sends it again, unnoticed.
			wantStats(t, st, 1, 0, 1)
			proxy.lose.Store(&statsScript.sha)
			wantStats(t, st, 1, 0, 1)
			if proxy.lose.Load() != nil {
				t.Error("no answer was lost")
			}
		})
	}
}

// Connections are closed for a moment after an update. Ten requests increment a counter
// at once. If this fails, one of them is told that it counted and did not, or the other
// way round: only an unknown outcome may go either way.
func TestResetConnections(t *testing.T) {
	t.Parallel()
	proxy := startProxy(t)
	proxy.to.Store(redistest.Start(t).Addr)
	proxy.reset = 20 * time.Millisecond
	load := counter(t, open(t, Config{URL: "redis://" + proxy.addr}))
	acknowledged, unknown := 0, 0
	for round := range 5 {
		var all sync.WaitGroup
		var mu sync.Mutex
		var requests []*session.Session
		for range 10 {
			s := load()
			want(t, nil, s.Update("n", func(old session.Value, _ bool) session.Value {
				n, _ := strconv.Atoi(string(old))
				return session.Value(strconv.Itoa(n + 1))
			}))
			requests = append(requests, s)
		}
		for _, s := range requests {
			all.Go(func() {
				err := s.Commit(context.WithoutCancel(t.Context()))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					acknowledged++
				} else if unknown++; !errors.As(err, new(*session.StoreError)) {
					t.Error(err)
				}
			})
			if round > 0 {
				proxy.lose.Store(&saveScript.sha) // not in the first round: Redis does not know the script yet
			}
		}
		all.Wait()
		proxy.lose.Store(nil)
		for time.Now().UnixNano() < proxy.until.Load() {
			runtime.Gosched()
		}
		v, _ := load().Get("n")
		if n, _ := strconv.Atoi(string(v)); n < acknowledged || n > acknowledged+unknown {
			t.Fatalf("round %d: the counter is at %d after %d acknowledged updates and %d of unknown outcome", round, n, acknowledged, unknown)
		}
	}
	if proxy.until.Load() == 0 {
		t.Error("the control: no connection was reset")
	}
}

// counter makes a session in st whose value n is 0. The function that it returns loads
// the session for a new request.
func counter(t *testing.T, st *Store) (load func() *session.Session) {
	t.Helper()
	e, err := session.New(session.Config{
		Backend: st, CookieName: "s", Placement: session.OnServer,
		Secrets: [][]byte{[]byte("a secret of at least 32 bytes, for tests only")},
	})
	want(t, nil, err)
	var cookie *http.Cookie
	load = func() *session.Session {
		r := httptest.NewRequest("GET", "/", nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		s, err := e.Load(r)
		want(t, nil, err)
		return s
	}
	s := load()
	want(t, nil, s.Set("n", "0"))
	want(t, nil, s.Commit(t.Context()))
	cookie = s.SetCookie()
	return load
}

// Answers come byte by byte, or break off half way. If this fails, half an answer is
// taken for a whole one, or its rest for the answer to the next command.
func TestSlowAnswers(t *testing.T) {
	t.Parallel()
	proxy := startProxy(t)
	proxy.to.Store(redistest.Start(t).Addr)
	st := open(t, Config{URL: "redis://" + proxy.addr})
	hurried := open(t, Config{URL: "redis://" + proxy.addr, timeout: callTimeout})
	data := strings.Repeat("x", 100_000)
	create(t, st, 1, time.Hour, data)
	proxy.pieces.Store(true)
	if r := load(t, st, 1); r.Data != data {
		t.Errorf("%d bytes", len(r.Data))
	}
	proxy.pieces.Store(false)
	proxy.half.Store(true)
	_, err := hurried.Load(t.Context(), key(1))
	wantOutage(t, "load", err)
	proxy.half.Store(false)
	st = hurried
	wantBack(t, st)
	if r := load(t, st, 1); r.Data != data { // not the other half of the answer before
		t.Errorf("%d bytes", len(r.Data))
	}
}
