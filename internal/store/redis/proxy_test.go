package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
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

type proxy struct {
	addr         string
	to           atomic.Value // string
	half, pieces atomic.Bool
	// lose is what to look for in a command, whose answer will be lost. Once.
	lose atomic.Pointer[string]
	// reset is for how long all connections are then reset, answers to what was done too.
	reset time.Duration
	until atomic.Int64 // that ends, in Unix nanoseconds
}

// startProxy listens at once; to is set before the first connection.
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

// A proxy loses the answer to an update that was made. It must not be made twice,
// nor be called a conflict, on which the engine would make it again.
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
			// A figure may be asked for again: the caller notices nothing.
			wantStats(t, st, 1, 0, 1)
			proxy.lose.Store(&statsScript.sha)
			wantStats(t, st, 1, 0, 1)
			if proxy.lose.Load() != nil {
				t.Error("no answer was lost")
			}
		})
	}
}

// Connections are reset for a moment after updates were made: ten increments at once
// are counted, each of them, or are errors that say that nothing is known.
func TestResetConnections(t *testing.T) {
	t.Parallel()
	proxy := startProxy(t)
	proxy.to.Store(redistest.Start(t).Addr)
	proxy.reset = 20 * time.Millisecond
	e, err := session.New(session.Config{
		Backend: open(t, Config{URL: "redis://" + proxy.addr}), CookieName: "s", Placement: session.OnServer,
		Secrets: [][]byte{[]byte("a secret of at least 32 bytes, for tests only")},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	s, err := e.Load(r)
	want(t, nil, err)
	want(t, nil, s.Set("n", "0"))
	want(t, nil, s.Commit(t.Context()))
	cookie := s.SetCookie()
	load := func() *session.Session {
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(cookie)
		s, err := e.Load(r)
		want(t, nil, err)
		return s
	}
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
				proxy.lose.Store(&saveScript.sha) // the first round lets Redis know the script
			}
		}
		all.Wait()
		proxy.lose.Store(nil)
		for time.Now().UnixNano() < proxy.until.Load() {
			runtime.Gosched()
		}
		v, _ := load().Get("n")
		if n, _ := strconv.Atoi(string(v)); n < acknowledged || n > acknowledged+unknown {
			t.Fatalf("round %d: %d counted, %d were acknowledged, of %d nothing is known", round, n, acknowledged, unknown)
		}
	}
	if proxy.until.Load() == 0 {
		t.Error("the control: no connection was reset")
	}
}

// A proxy that hands an answer over in pieces, late, or half.
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
	if r := load(t, st, 1); r.Data != data { // the other half is nobody's answer
		t.Errorf("%d bytes", len(r.Data))
	}
}
