package e2e

import (
	"fmt"
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

// The Server panel shows what each store keeps of the session, to the letter.
func TestLabServer(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		labServer(t, "memory", nil, func(info map[string]any, where string, shown map[string]string) map[string]string {
			if where != "entry of the map" || shown["version"] != fmt.Sprint(info["version"]) || !strings.HasPrefix(shown["key"], info["id"].(string)) {
				t.Errorf("%s: %v, a client is told %v", where, shown, info)
			}
			return shown // no other program can read that memory
		})
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "sessions.db")
		labServer(t, "sqlite", []string{"--store", "sqlite:" + file}, func(info map[string]any, where string, shown map[string]string) map[string]string {
			if where != "row of the table sessions" {
				t.Errorf("the panel shows a %q", where)
			}
			return rowOf(t, file, info["id"].(string))
		})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		server := redistest.Start(t)
		flags := slices.DeleteFunc(redisFlags(t, server), func(s string) bool { return s == "--placement" || s == "server" })
		labServer(t, "redis", flags, func(info map[string]any, where string, shown map[string]string) map[string]string {
			if !strings.HasPrefix(where, "hash ssc:s:"+info["id"].(string)) {
				t.Errorf("the panel shows a %q", where)
			}
			ttl, err := strconv.Atoi(shown["PTTL"])
			if hours := int(3 * time.Hour / time.Millisecond); err != nil || ttl > hours || ttl < hours-60_000 {
				t.Errorf("PTTL is %q, want two hours and one more", shown["PTTL"])
			}
			delete(shown, "PTTL")
			return hashOf(t, server, strings.TrimPrefix(where, "hash "))
		})
	})
}

// rowOf returns the row of a session in a SQLite file.
func rowOf(t *testing.T, file, id string) map[string]string {
	t.Helper()
	conn, err := sqlite.OpenConn(file, sqlite.OpenReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	row := map[string]string{}
	err = sqlitex.Execute(conn, `SELECT * FROM sessions WHERE key LIKE ?||'%'`, &sqlitex.ExecOptions{Args: []any{id}, ResultFunc: func(s *sqlite.Stmt) error {
		for i := range s.ColumnCount() {
			row[s.ColumnName(i)] = s.ColumnText(i)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// hashOf returns the fields of a hash in Redis.
func hashOf(t *testing.T, server *redistest.Server, name string) map[string]string {
	t.Helper()
	out, err := exec.Command("redis-cli", "-u", server.URL(), "--no-raw", "HGETALL", name).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v %s", name, err, out)
	}
	hash := map[string]string{}
	words := regexp.MustCompile(`(?m)^\s*\d+\) (".*")$`).FindAllStringSubmatch(string(out), -1)
	for i := 0; i+1 < len(words); i += 2 {
		field, _ := strconv.Unquote(words[i][1])
		value, _ := strconv.Unquote(words[i+1][1])
		hash[field] = value
	}
	return hash
}

// labServer compares the Server panel of a program with what a separate client is told, and
// with what stored finds in the store: it gets that answer, and from the panel the name of
// the place and its fields.
func labServer(t *testing.T, store string, flags []string, stored func(info map[string]any, where string, shown map[string]string) map[string]string) {
	t.Helper()
	p := start(t, flags...)
	pg := browse(t, p, true)
	pg.press("Set", "set")
	pg.fill("key", "cart")
	pg.fill("value", strings.Repeat("x", 300))
	pg.press("Set", "set", "on the server")
	_, info, _ := newThief(t, p, pg.cookie()).do("GET", "/session", nil)
	pg.want("#server .record", "sha256:"+info["id"].(string))
	pg.click("#stored summary") // it stays open from here on
	pg.want("#server .clocks", "version 2", "created", "idle clock", "runs out first", "absolute lifetime")
	if clocks := pg.text("#server .clocks"); !regexp.MustCompile(`idle clock (2 h 0 m|1 h 59 m).*absolute lifetime (8 h 0 m|7 h 59 m)`).MatchString(clocks) {
		t.Errorf("the clocks say %q", clocks)
	}
	pg.want("#key-name", "name", `"Rahim"`, "text", "7", "cookie")
	pg.want("#key-cart", "cart", "text", "302", "server")
	stats := info["stats"].(map[string]any)
	pg.want("#figures", fmt.Sprintf("%v live record", stats["sessions"]), "0 expired, not cleared", fmt.Sprintf("%v B in these records", stats["bytes"]), "live and expired records in the last minute")
	shown := map[string]string{}
	for _, row := range eval[[][]string](pg, `[...document.querySelectorAll('.stored div')].map(e => [e.children[0].textContent, e.children[1].textContent])`) {
		shown[row[0]] = row[1]
	}
	if kept := stored(info, pg.text("#server .where"), shown); len(kept) < 5 || fmt.Sprint(kept) != fmt.Sprint(shown) {
		t.Errorf("the page shows %v\nthe store holds %v", shown, kept)
	}
	pg.want("#stored", "no: this ID has not ended", time.Now().Format("2006-01-02 "))
	pg.click(`button[hx-post="/clear"]`)
	pg.want("#result .verb", "cleared")
	pg.want("#server", "no keys")
	pg.fill("seconds", "1")
	pg.press("Expire in", "expiry")
	pg.want("#server .clocks .first", "its own expiry", "runs out first")
	pg.want("#server", "its record is still here", `"expiry":"1s"`)
	pg.want("#figures", "1 expired, not cleared")
	pg.press("Clear expired", "cleared", "1 expired record")
	pg.want("#server", "the store holds nothing under its ID")
	pg.shoot("3-server-" + store)
}
