package sqlite_test

import (
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines returns what was written since it was asked last.
func (l *logged) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSpace(l.text.String())
	l.text.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// mishap is something that happens to the files under a running program.
type mishap struct {
	name string
	says string // in the log
	// do makes it happen; undo brings the files back, nil if nothing can.
	do, undo func(t *testing.T, dir string)
	// kept is where the database lies afterwards, "" for nowhere.
	kept string
}

// The database is D/f/s.db. D/link leads there.
var mishaps = []mishap{
	{"all removed", "s.db", func(t *testing.T, d string) { remove(t, d+"/f/s.db", d+"/f/s.db-wal", d+"/f/s.db-shm") }, nil, ""},
	{"removed", "moved or removed", func(t *testing.T, d string) { remove(t, d+"/f/s.db") }, nil, ""},
	{"renamed", "moved or removed", func(t *testing.T, d string) { rename(t, d+"/f/s.db", d+"/f/old.db") },
		func(t *testing.T, d string) { rename(t, d+"/f/old.db", d+"/f/s.db") }, "f/old.db"},
	{"replaced", "another file", func(t *testing.T, d string) {
		rename(t, d+"/f/s.db", d+"/old.db")
		os.WriteFile(d+"/f/s.db", nil, 0o600)
	}, func(t *testing.T, d string) { rename(t, d+"/old.db", d+"/f/s.db") }, "old.db"},
	{"moved, and a link left", "another file", func(t *testing.T, d string) {
		rename(t, d+"/f/s.db", d+"/big.db")
		os.Symlink(d+"/big.db", d+"/f/s.db")
	}, func(t *testing.T, d string) { rename(t, d+"/big.db", d+"/f/s.db") }, "big.db"},
	{"emptied", "emptied", func(t *testing.T, d string) {
		if err := os.Truncate(d+"/f/s.db", 0); err != nil {
			t.Fatal(err)
		}
	}, nil, ""},
	{"the folder renamed", "moved or removed", func(t *testing.T, d string) { rename(t, d+"/f", d+"/g") },
		func(t *testing.T, d string) { rename(t, d+"/g", d+"/f") }, "g/s.db"},
	{"the link leads elsewhere", "link", func(t *testing.T, d string) {
		remove(t, d+"/link")
		os.WriteFile(d+"/link", nil, 0o600)
	}, func(t *testing.T, d string) {
		remove(t, d+"/link")
		os.Symlink(d+"/f/s.db", d+"/link")
	}, "f/s.db"},
	{"the log removed", "s.db-wal", func(t *testing.T, d string) { remove(t, d+"/f/s.db-wal") }, nil, "f/s.db"},
	{"the log renamed", "s.db-wal", func(t *testing.T, d string) { rename(t, d+"/f/s.db-wal", d+"/wal") },
		func(t *testing.T, d string) { rename(t, d+"/wal", d+"/f/s.db-wal") }, "f/s.db"},
	{"the log moved, and a link left", "s.db-wal", func(t *testing.T, d string) {
		rename(t, d+"/f/s.db-wal", d+"/wal")
		os.Symlink(d+"/wal", d+"/f/s.db-wal")
	}, func(t *testing.T, d string) { rename(t, d+"/wal", d+"/f/s.db-wal") }, "f/s.db"},
	{"the log's index removed", "s.db-shm", func(t *testing.T, d string) { remove(t, d+"/f/s.db-shm") }, nil, "f/s.db"},
	{"log and index removed", "s.db-wal", func(t *testing.T, d string) { remove(t, d+"/f/s.db-wal", d+"/f/s.db-shm") }, nil, "f/s.db"},
	{"log and index removed, and the shell opened it", "s.db-wal", func(t *testing.T, d string) {
		remove(t, d+"/f/s.db-wal", d+"/f/s.db-shm")
		for name, size := range map[string]int{"s.db-wal": 0, "s.db-shm": 32 << 10} { // as it leaves them when it only looks
			if err := os.WriteFile(d+"/f/"+name, make([]byte, size), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}, nil, "f/s.db"},
}

// A file that is removed, renamed or replaced under the store is noticed by
// whatever comes first. Nothing is answered as saved then, nothing is read, and
// one line of the log says why. What was answered before is in the database,
// wherever that lies, and when the file is back all goes on.
func TestFileThatLostItsName(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps the names of open files")
	}
	ctx := t.Context()
	key, other := session.KeyOf("0"), session.KeyOf("other")
	for _, m := range mishaps {
		for name, use := range map[string]func(*sqlite.Store) error{
			"load":   func(st *sqlite.Store) error { _, err := st.Load(ctx, key); return err }, // it is cached
			"create": func(st *sqlite.Store) error { return st.Create(ctx, other, newRecord(`{}`)) },
			"save": func(st *sqlite.Store) error {
				_, err := st.Save(ctx, key, session.Record{Version: 1, Expires: time.Now().Add(time.Hour), Data: "1"})
				return err
			},
			"touch":          func(st *sqlite.Store) error { return st.Touch(ctx, key, 1, time.Now().Add(time.Hour)) },
			"delete":         func(st *sqlite.Store) error { return st.Delete(ctx, key) },
			"delete expired": func(st *sqlite.Store) error { _, err := st.DeleteExpired(ctx, time.Now(), 10); return err },
			"forgotten":      func(st *sqlite.Store) error { _, err := st.Forgotten(ctx); return err },
			"peek":           func(st *sqlite.Store) error { _, err := st.Peek(ctx, key); return err },
			"stats":          func(st *sqlite.Store) error { _, err := st.Stats(ctx); return err },
			"ping":           func(st *sqlite.Store) error { return st.Ping(ctx) },
			"all": func(st *sqlite.Store) error {
				for _, err := range st.All(ctx) {
					return err
				}
				return nil
			},
			"close": func(st *sqlite.Store) error { return nil },
		} {
			if m.name != "renamed" && !strings.Contains("load save ping close", name) {
				continue // who notices it is the same for each
			}
			t.Run(m.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := os.Mkdir(dir+"/f", 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(dir+"/f/s.db", dir+"/link"); err != nil {
					t.Skip(err)
				}
				log := &logged{}
				by := dir + "/f/s.db"
				if strings.Contains(m.name, "link leads") || name == "load" {
					by = dir + "/link"
				}
				st := open(t, sqlite.Config{File: by, Log: slog.New(slog.NewTextHandler(log, nil))})
				fill(t, st, 3, 100)
				if err := errors.Join(use(st), st.Ping(ctx)); err != nil {
					t.Fatal("before: ", err) // the control
				}
				want := 3
				if name == "create" {
					want = 4
				} else if name == "delete" {
					want = 2
				}
				if lines := log.lines(); lines != nil {
					t.Error("before: ", lines)
				}
				// As after a while in which nobody touched the folder.
				long := time.Now().Add(-time.Hour)
				if err := errors.Join(os.Chtimes(dir+"/f", long, long), st.Ping(ctx)); err != nil {
					t.Fatal(err)
				}

				m.do(t, dir)
				until(t, "a moment passes", func() func() bool {
					end := time.Now().Add(2 * time.Millisecond) // of reads that come right after another only the first looks
					return func() bool { return time.Now().After(end) }
				}())
				if name != "close" {
					for range 3 {
						if err := use(st); err == nil || session.Answered(err) {
							t.Fatalf("the answer is %v", err)
						}
					}
					if err := st.Ping(ctx); err == nil {
						t.Error("ping answers")
					}
					if _, err := st.Load(ctx, key); err == nil || session.Answered(err) {
						t.Errorf("a cached record is read: %v", err)
					}
					if err := st.Create(ctx, session.KeyOf("lost"), newRecord(`{}`)); err == nil {
						t.Error("a write is answered")
					}
					if lines := log.lines(); len(lines) != 1 || !strings.Contains(lines[0], m.says) {
						t.Errorf("the log: %q, want one line with %q", lines, m.says)
					}
				}
				if m.kept != "" && name != "close" { // as after a kill: another program copies what is there
					copied := filepath.Join(t.TempDir(), "copy.db")
					script := `cp "$1" "$2" && if [ -e "$1-wal" ]; then cp "$1-wal" "$2-wal"; fi`
					if out, err := exec.Command("sh", "-c", script, "sh", filepath.Join(dir, m.kept), copied).CombinedOutput(); err != nil {
						missing(t, err, string(out))
					}
					if s, err := open(t, sqlite.Config{File: copied}).Stats(ctx); err != nil || s.Live != want {
						t.Errorf("the file holds %d sessions, %v; want %d", s.Live, err, want)
					}
				}
				if m.undo != nil && name != "close" {
					m.undo(t, dir)
					if err := st.Ping(ctx); err != nil {
						t.Errorf("the file is back: %v", err)
					}
					if err := st.Create(ctx, session.KeyOf("back"), newRecord(`{}`)); err != nil {
						t.Errorf("the file is back: %v", err)
					}
					want++
					if lines := log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "again") {
						t.Errorf("the log: %q, want one line", lines)
					}
				}
				log.lines()
				if err := errors.Join(st.Close(), st.Close()); err != nil {
					t.Error(err)
				}
				if lines := log.lines(); (lines != nil) != (name == "close") {
					t.Errorf("the end says %q", lines)
				}
				if _, err := os.Lstat(dir + "/f/s.db.lock"); err == nil {
					t.Error("FILE.lock is left")
				}
				file := filepath.Join(dir, m.kept)
				if m.undo != nil && name != "close" {
					file = dir + "/f/s.db"
				}
				if m.kept == "" {
					return
				}
				if info, err := os.Stat(dir + "/f/s.db-wal"); m.name == "replaced" && err == nil && info.Size() > 0 {
					t.Errorf("a log of %d bytes lies beside a file that it is not of", info.Size())
				}
				s, err := open(t, sqlite.Config{File: file}).Stats(ctx)
				if err != nil || s.Live != want {
					t.Errorf("opened anew: %d sessions, %v; want %d", s.Live, err, want)
				}
			})
		}
	}
}
