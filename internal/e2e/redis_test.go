package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// redisFlags are those of a program on that Redis, with a secret of its own.
func redisFlags(t *testing.T, server *redistest.Server) []string {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := session.MakeSecret(secret); err != nil {
		t.Fatal(err)
	}
	return []string{"--store", server.URL(), "--secret-file", secret, "--placement", "server"}
}

func setForm(key, value string) url.Values { return url.Values{"key": {key}, "value": {value}} }

// Two programs on one Redis are one: they listen on one port of two addresses, as
// two machines behind one name do, and a browser's requests go to either.
func TestTwoProgramsOneRedis(t *testing.T) {
	t.Parallel()
	flags := redisFlags(t, redistest.Start(t))
	one := start(t, flags...)
	_, port, _ := net.SplitHostPort(one.addr())
	two := start(t, append(flags, "--addr", "127.0.0.2:"+port)...)
	browser := newClient(t, "http://localhost:"+port)
	via := func(host string) *client {
		c := *browser.http
		c.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(host, port))
		}}
		return &client{t, browser.base, &c}
	}
	either := []*client{via("127.0.0.1"), via("127.0.0.2")}

	if status, answer, _ := either[0].do("POST", "/set", setForm("name", "Rahim")); status != 200 {
		t.Fatal(status, answer)
	}
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			if status, answer, _ := either[n%2].do("POST", "/set", setForm(fmt.Sprint("k", n), "x")); status != 200 {
				t.Errorf("set %d: %d %v", n, status, answer)
			}
		})
	}
	wg.Wait()
	one.kill()
	_, answer, _ := either[1].do("GET", "/keys", nil)
	if keys, _ := answer["keys"].([]any); len(keys) != 51 {
		t.Errorf("%d keys of 51 survive: %v", len(keys), keys)
	}
	if _, answer, _ := either[1].do("GET", "/get?key=name", nil); answer["value"] != "Rahim" {
		t.Errorf("the other program says %v", answer)
	}
	if status, answer, _ := either[1].do("POST", "/flush", url.Values{}); status != 200 || answer["id_before"] == nil {
		t.Errorf("flush: %d %v", status, answer)
	}
	two.stop(t, os.Interrupt)
}

// A Redis that hangs, and one that is gone, is a 503 within two seconds that
// leaves the cookie alone, and within five seconds of its return all is well.
func TestRedisOutage(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	c := newClient(t, start(t, redisFlags(t, server)...).url)
	if status, answer, _ := c.do("POST", "/set", setForm("name", "Rahim")); status != 200 {
		t.Fatal(status, answer)
	}
	for _, fault := range []struct {
		name       string
		begin, end func()
	}{
		{"hangs", server.Pause, server.Continue},
		{"is gone", server.Stop, server.Restart},
	} {
		fault.begin()
		for _, act := range []struct {
			method, path string
			form         url.Values
		}{
			{"GET", "/get?key=name", nil},
			{"POST", "/set", setForm("name", "Karim")},
			{"POST", "/flush", url.Values{}},
			{"GET", "/healthz", nil},
		} {
			began := time.Now()
			status, answer, resp := c.do(act.method, act.path, act.form)
			if took := time.Since(began); status != 503 || resp.Header.Get("Retry-After") == "" || resp.Header.Get("Set-Cookie") != "" || took > 2*time.Second {
				t.Errorf("Redis %s: %s answers %d after %v with %v; %v", fault.name, act.path, status, took, resp.Header, answer)
			}
		}
		fault.end()
		for end := time.Now().Add(5 * time.Second); ; pause() {
			status, answer, _ := c.do("POST", "/set", setForm("name", "Rahim"))
			if status == 200 {
				break
			} else if status != 503 || time.Now().After(end) {
				t.Fatalf("after Redis %s: %d %v", fault.name, status, answer)
			}
		}
		if _, answer, _ := c.do("GET", "/get?key=name", nil); answer["value"] != "Rahim" {
			t.Errorf("after Redis %s: %v", fault.name, answer)
		}
	}
}

// Without an answer from Redis the program does not start, and says why in a
// line that keeps the password to itself.
func TestRedisRefused(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "right")
	flags := redisFlags(t, server)
	for _, test := range []struct {
		url, want string
		code      int
	}{
		{strings.Replace(server.URL(), "://", "://:wrong@", 1), "invalid", 1},
		{"redis://:hidden@127.0.0.1:1/0", "refused", 1},
		{"redis://:hidden@127.0.0.1:x/0", "redis://[USER:PASSWORD@]HOST:PORT/DB", 2},
		{"redis://:hidden@127.0.0.1:1/-1", "its database is -1", 2},
	} {
		flags[1] = test.url
		cmd := exec.Command(binary, flags...)
		output, _ := cmd.CombinedOutput()
		code, out := cmd.ProcessState.ExitCode(), string(output)
		if code != test.code || strings.Count(out, "\n") != 1 || !strings.Contains(out, test.want) || strings.Contains(out, "wrong") || strings.Contains(out, "hidden") {
			t.Errorf("%s: exit %d, %q; want %d and %q", test.url, code, out, test.code, test.want)
		}
	}
}
