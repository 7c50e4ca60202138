package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
)

// Point 3: what the server keeps, as it lies there, in each store.
func TestLabServer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sessions.db")
	for _, store := range []string{"memory", "sqlite", "redis"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			var flags []string
			var server *redistest.Server
			switch store {
			case "sqlite":
				flags = []string{"--store", "sqlite:" + file}
			case "redis":
				server = redistest.Start(t)
				flags = slices.DeleteFunc(redisFlags(t, server), func(s string) bool { return s == "--placement" || s == "server" })
			}
			p := start(t, flags...)
			pg := browse(t, p, true)
			pg.press("Set", "set")
			pg.fill("key", "cart")
			pg.fill("value", strings.Repeat("x", 300))
			pg.press("Set", "set", "on the server")
			// A separate client with the same cookie.
			watcher := newClient(t, p.url)
			c := pg.cookie()
			watcher.http.Jar.SetCookies(must(url.Parse(p.url)), []*http.Cookie{{Name: c.Name, Value: c.Value}})
			_, info, _ := watcher.do("GET", "/session", nil)
			id := info["id"].(string)
			pg.want("#server .record", "sha256:"+id)
			pg.want("#server .clocks", "version 2", "created", "idle clock", "runs out first", "absolute lifetime")
			if clocks := pg.text("#server .clocks"); !regexp.MustCompile(`idle clock (2 h 0 m|1 h 59 m).*absolute lifetime (8 h 0 m|7 h 59 m)`).MatchString(clocks) {
				t.Errorf("the clocks say %q", clocks)
			}
			pg.want("#key-name", "name", `"Rahim"`, "text", "7", "cookie")
			pg.want("#key-cart", "cart", "text", "302", "server")
			stats := info["stats"].(map[string]any)
			pg.want("#figures", fmt.Sprintf("%v live record", stats["sessions"]), "0 expired, not cleared", fmt.Sprintf("%v B in the store", stats["bytes"]), "live and expired records in the last minute")
			stored := map[string]string{}
			for _, row := range eval[[][]string](pg, `[...document.querySelectorAll('.stored div')].map(e => [e.children[0].textContent, e.children[1].textContent])`) {
				stored[row[0]] = row[1]
			}
			where := pg.text("#server .where")
			lies := map[string]string{}
			switch store {
			case "memory":
				if where != "entry of the map" || stored["version"] != fmt.Sprint(info["version"]) || !strings.HasPrefix(stored["key"], id) {
					t.Errorf("%s: %v, a client is told %v", where, stored, info)
				}
			case "sqlite":
				conn, err := sqlite.OpenConn(file, sqlite.OpenReadOnly)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				err = sqlitex.Execute(conn, `SELECT * FROM sessions WHERE key LIKE ?||'%'`, &sqlitex.ExecOptions{Args: []any{id}, ResultFunc: func(s *sqlite.Stmt) error {
					for i := range s.ColumnCount() {
						lies[s.ColumnName(i)] = s.ColumnText(i)
					}
					return nil
				}})
				if err != nil || where != "row of the table sessions" {
					t.Errorf("%q, %v", where, err)
				}
			case "redis":
				out, err := exec.Command("redis-cli", "-u", server.URL(), "--no-raw", "HGETALL", strings.TrimPrefix(where, "hash ")).CombinedOutput()
				if err != nil || !strings.HasPrefix(where, "hash ssc:s:"+id) {
					t.Fatalf("%q: %v %s", where, err, out)
				}
				words := regexp.MustCompile(`(?m)^\s*\d+\) (".*")$`).FindAllStringSubmatch(string(out), -1)
				for i := 0; i+1 < len(words); i += 2 {
					name, _ := strconv.Unquote(words[i][1])
					value, _ := strconv.Unquote(words[i+1][1])
					lies[name] = value
				}
				ttl, err := strconv.Atoi(stored["PTTL"])
				if hour := int(3 * time.Hour / time.Millisecond); err != nil || ttl > hour || ttl < hour-60_000 {
					t.Errorf("PTTL is %q, want two hours and one more", stored["PTTL"])
				}
				delete(stored, "PTTL")
			}
			if store != "memory" && (len(lies) < 5 || fmt.Sprint(lies) != fmt.Sprint(stored)) {
				t.Errorf("the page shows %v\nthe store holds %v", stored, lies)
			}
			pg.click(`button[hx-post="/clear"]`)
			pg.want("#result .verb", "cleared")
			pg.want("#server", "no keys")
			pg.fill("seconds", "1")
			pg.press("Expire in…", "expiry")
			pg.want("#server .clocks .first", "its own expiry", "runs out first")
			pg.want("#server", "its record is still here", `"expiry":"1s"`)
			pg.want("#figures", "1 expired, not cleared")
			pg.press("Clear expired", "cleared", "1 expired record")
			pg.want("#server", "the store holds nothing under its ID")
			pg.shoot("3-server-" + store)
		})
	}
}
