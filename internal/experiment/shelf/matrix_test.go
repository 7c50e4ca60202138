package shelf_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/experiment/private"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

var matrix = proof{
	slug: "matrix", otherwise: []string{"cookie", "this-engine"}, // TestMatrixOutcome
	cases: []testCase{
		{happened: "lasting-server", waits: 2200 * time.Millisecond, says: []string{
			"Of 11 rows 2 come through all scripts: server, SQLite; server, Redis.", "1 of this engine's 9 rows", "1 of plain gorilla's 2",
			"cookie, memory | kept | opens | 1 of 2 lost | refused | opens after a restart | kept | refused",
			"hybrid, Redis | kept | opens | 1 of 2 lost | refused | dead | kept | refused",
			"server, memory | kept | opens | both kept | refused | dead | lost | refused",
			"server, Redis | kept | opens | both kept | refused | dead | kept | refused",
			"gorilla CookieStore | kept | opens | 1 of 2 lost | refused | opens again | kept | still opens",
			"gorilla FilesystemStore | kept | opens | 1 of 2 lost | refused | dead | kept | still opens",
		}, witness: sawMatrix(theMatrix(true))},
	},
	controls: []control{
		{happened: "no-row", store: unversionedStore},
		{happened: "no-row", handler: trusting},
	},
}

func TestMatrix(t *testing.T) { matrix.run(t) }

// survived is what is to be read in a row of the matrix, "" for nothing.
type survived struct {
	row      string
	keys     int  // of the two that two tabs wrote
	loggedIn bool // the cookie opens after the logout
	reborn   bool // it opens after a restart, if that was tried
	restart  bool
	expired  bool // the cookie opens when its time is up
}

// theMatrix is what the rows are, with a Redis and without.
func theMatrix(redis bool) (rows []survived) {
	for _, p := range []string{"cookie", "hybrid", "server"} {
		for _, store := range []string{"memory", "SQLite", "Redis"} {
			if store == "Redis" && !redis {
				continue
			}
			w := survived{row: p + ", " + store, keys: 1, restart: p == "cookie" || store != "memory", reborn: p == "cookie" && store == "memory"}
			if p == "server" {
				w.keys = 2
			}
			rows = append(rows, w)
		}
	}
	return append(rows,
		survived{row: "gorilla CookieStore", keys: 1, loggedIn: true, restart: true, expired: true},
		survived{row: "gorilla FilesystemStore", keys: 1, restart: true, expired: true},
	)
}

// sawMatrix is a witness of those rows.
func sawMatrix(rows []survived) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var servers [][]seen // what each of them answered
		anew := 0
		for i, s := range all {
			switch begins := s.form.Get("value") == "Rahim"; {
			case begins && (i == 0 || all[i-1].form.Get("hold") == ""):
				servers = append(servers, nil)
			case begins: // the two tabs were not at once
				anew++
			}
			servers[len(servers)-1] = append(servers[len(servers)-1], s)
		}
		if len(servers) != len(rows) {
			t.Fatalf("%d servers, want %d", len(servers), len(rows))
		}
		if n := len(all) - 3*anew; n > 120 {
			t.Errorf("%d requests: the page keeps 120", n)
		}
		for i, want := range rows {
			if got := sawRow(t, want.row, servers[i]); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
	}
}

// sawRow reads a row of the matrix from what one server answered.
func sawRow(t *testing.T, row string, all []seen) survived {
	got := survived{row: row}
	var cookie string // of the copy
	var copies []seen // the other browser's reads
	for _, s := range all {
		switch {
		case s.path == "/keys":
			cookie = s.cookie
			keys, _ := s.answer["keys"].([]any)
			got.keys = len(keys) - 1
			if !slices.Contains(keys, any("name")) {
				t.Errorf("%s: the copy lists %v", row, keys)
			}
		case s.method == "GET" && s.client == "Mina's browser":
			got.restart = s.value() == "Mina"
		case s.method == "GET":
			copies = append(copies, s)
		}
		if s.status != 200 {
			t.Errorf("%s: %s %s: status %d", row, s.method, s.path, s.status)
		}
	}
	tampered, replayed, last := copies[0], copies[1], copies[len(copies)-1]
	if tampered.cookie == cookie || len(tampered.cookie) != len(cookie) || tampered.answer["found"] != false {
		t.Errorf("%s: the edited cookie: %s", row, tampered.body)
	}
	if replayed.cookie != cookie {
		t.Errorf("%s: another cookie was replayed", row)
	}
	got.loggedIn, got.expired = replayed.value() == "Rahim", last.value() == "Mina"
	tried := len(copies) == 4
	got.reborn = tried && copies[2].cookie == cookie && copies[2].value() == "Rahim"
	if tried != strings.HasPrefix(row, "cookie") {
		t.Errorf("%s: replayed after the restart: %v", row, tried)
	}
	return got
}

// trusting is a server that does not look at signatures: a cookie that it gave out
// is taken with any.
func trusting(h http.Handler) http.Handler {
	var given sync.Map // cookies by what is signed
	signed := func(cookie string) string { l, _ := session.Peel(cookie); return l.Time + "|" + l.Payload }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(experiment.CookieName); err == nil {
			if whole, ok := given.Load(signed(c.Value)); ok {
				r.Header.Set("Cookie", experiment.CookieName+"="+whole.(string))
			}
		}
		copied := &copying{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(copied, r)
		if c, err := http.ParseSetCookie(copied.sent); err == nil && c.Value != "" {
			given.Store(signed(c.Value), c.Value)
		}
	})
}

// Without a Redis its rows say so, and the others are as they are.
func TestMatrixWithoutRedis(t *testing.T) {
	t.Parallel()
	var w witness
	f := run(t, "matrix", "", func(cfg *experiment.Config) {
		cfg.WrapHandler, cfg.Stores = w.wrap, private.Stores("redis://127.0.0.1:1/0")
	})
	f.wantNoRedis(t)
	sawMatrix(theMatrix(false))(t, w.seen)
}

// wantNoRedis checks that f was found without a Redis.
func (f found) wantNoRedis(t *testing.T) {
	t.Helper()
	f.want(t, "lasting-server", "Of 8 rows 1 comes")
	if n := strings.Count(f.words(), "no Redis answers"); n != 3 {
		t.Errorf("%d rows say that there is none: %s", n, f.words())
	}
}

// A Redis that ends during a row takes its rows with it, and no others.
func TestMatrixRedisEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		path   string // of the requests that are counted
		client string
		n      int  // the number of the request at which Redis ends
		after  bool // its answer; then nothing but the clean-up is left
	}{
		{"at the logout", "/logout", "Rahim's first tab", 3, false},
		{"before the clean-up", "/get", "another browser", 12, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := redistest.Start(t)
			n := 0
			f := run(t, "matrix", "", func(cfg *experiment.Config) {
				cfg.Stores = private.Stores("redis://" + server.Addr + "/0")
				cfg.WrapHandler = func(_ string, h http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.URL.Path != test.path || r.UserAgent() != test.client {
							h.ServeHTTP(w, r)
							return
						}
						if n++; n == test.n && !test.after {
							server.Stop()
						}
						h.ServeHTTP(w, r)
						if n == test.n && test.after {
							server.Stop()
						}
					})
				}
			})
			f.wantNoRedis(t)
		})
	}
}
