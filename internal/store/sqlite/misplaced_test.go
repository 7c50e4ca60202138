package sqlite_test

import (
	"context"
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

// logged is a log that a test may read while the store writes it.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines returns the lines since the last call.
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

// mishap is something that happens to the files of a running program.
type mishap struct {
	name string
	says string // a part of the line in the log
	// do makes it happen. undo brings the files back; it is nil if nothing can.
	do, undo func(t *testing.T, dir string)
	// kept is where the database is afterwards, "" if it is lost.
	kept string
}

// mishaps happen to the database D/f/s.db. D/link leads there.
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

// uses are the operations of a store, by name.
var uses = map[string]func(context.Context, *sqlite.Store) error{
	"load": func(ctx context.Context, st *sqlite.Store) error {
		_, err := st.Load(ctx, session.KeyOf("0"))
		return err
	}, // it is cached
	"create": func(ctx context.Context, st *sqlite.Store) error {
		return st.Create(ctx, session.KeyOf("other"), newRecord(`{}`))
	},
	"save": func(ctx context.Context, st *sqlite.Store) error {
		_, err := st.Save(ctx, session.KeyOf("0"), session.Record{Version: 1, Expires: time.Now().Add(time.Hour), Data: "1"})
		return err
	},
	"touch": func(ctx context.Context, st *sqlite.Store) error {
		return st.Touch(ctx, session.KeyOf("0"), 1, time.Now().Add(time.Hour))
	},
	"delete": func(ctx context.Context, st *sqlite.Store) error { return st.Delete(ctx, session.KeyOf("0")) },
	"delete expired": func(ctx context.Context, st *sqlite.Store) error {
		_, err := st.DeleteExpired(ctx, time.Now(), 10)
		return err
	},
	"forgotten": func(ctx context.Context, st *sqlite.Store) error { _, err := st.Forgotten(ctx); return err },
	"peek": func(ctx context.Context, st *sqlite.Store) error {
		_, err := st.Peek(ctx, session.KeyOf("0"))
		return err
	},
	"stats": func(ctx context.Context, st *sqlite.Store) error { _, err := st.Stats(ctx); return err },
	"ping":  func(ctx context.Context, st *sqlite.Store) error { return st.Ping(ctx) },
	"all": func(ctx context.Context, st *sqlite.Store) error {
		for _, err := range st.All(ctx) {
			return err
		}
		return nil
	},
	"close": func(context.Context, *sqlite.Store) error { return nil },
}

// Each mishap befalls the files while the store is open, and each operation is the first
// that could notice. If this fails, a write is answered as saved that the next start does
// not find, a record is read from a file that has lost its name, the log does not say why
// with one line, what was answered before is not in the database, or the store does not
// go on when the file is back.
func TestFileThatLostItsName(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps the names of open files")
	}
	for _, m := range mishaps {
		for name := range uses {
			if m.name != "renamed" && !strings.Contains("load save ping close", name) {
				continue // the other operations notice any mishap in the same way
			}
			t.Run(m.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				v := newVictim(t, m, name)
				m.do(t, v.dir)
				moment := time.Now().Add(2 * time.Millisecond) // a read within 1 ms of another does not look
				until(t, "a moment passes", func() bool { return time.Now().After(moment) })
				if name != "close" {
					v.wantOutage(t)
					v.wantKept(t)
					v.wantBack(t)
				}
				v.wantClosed(t)
			})
		}
	}
}

// victim is a store that a mishap befalls. One operation is the first to notice.
type victim struct {
	mishap
	use      string // the name of the operation
	dir      string
	log      *logged
	st       *sqlite.Store
	sessions int // how many the database holds
}

func newVictim(t *testing.T, m mishap, use string) *victim {
	t.Helper()
	v := &victim{mishap: m, use: use, dir: t.TempDir(), log: &logged{}, sessions: 3}
	if err := os.Mkdir(v.dir+"/f", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(v.dir+"/f/s.db", v.dir+"/link"); err != nil {
		t.Skip(err)
	}
	by := v.dir + "/f/s.db"
	if strings.Contains(m.name, "link leads") || use == "load" {
		by = v.dir + "/link"
	}
	v.st = open(t, sqlite.Config{File: by, Log: slog.New(slog.NewTextHandler(v.log, nil))})
	fill(t, v.st, v.sessions, 100)
	if err := errors.Join(uses[use](t.Context(), v.st), v.st.Ping(t.Context())); err != nil {
		t.Fatal("before: ", err) // the control
	}
	switch use {
	case "create":
		v.sessions++
	case "delete":
		v.sessions--
	}
	if lines := v.log.lines(); lines != nil {
		t.Error("before: ", lines)
	}
	// As after an hour in which nothing changed in the folder.
	long := time.Now().Add(-time.Hour)
	if err := errors.Join(os.Chtimes(v.dir+"/f", long, long), v.st.Ping(t.Context())); err != nil {
		t.Fatal(err)
	}
	return v
}

// wantOutage wants every operation to fail, and one line in the log.
func (v *victim) wantOutage(t *testing.T) {
	t.Helper()
	for range 3 {
		if err := uses[v.use](t.Context(), v.st); err == nil || session.Answered(err) {
			t.Fatalf("the answer is %v", err)
		}
	}
	if err := v.st.Ping(t.Context()); err == nil {
		t.Error("ping answers")
	}
	if _, err := v.st.Load(t.Context(), session.KeyOf("0")); err == nil || session.Answered(err) {
		t.Errorf("a cached record is read: %v", err)
	}
	if err := v.st.Create(t.Context(), session.KeyOf("lost"), newRecord(`{}`)); err == nil {
		t.Error("a write is answered")
	}
	if lines := v.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], v.says) {
		t.Errorf("the log: %q, want one line with %q", lines, v.says)
	}
}

// wantKept wants the database to have every session that was answered, as after a kill:
// another program copies what is there.
func (v *victim) wantKept(t *testing.T) {
	t.Helper()
	if v.kept == "" {
		return
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	script := `cp "$1" "$2" && if [ -e "$1-wal" ]; then cp "$1-wal" "$2-wal"; fi`
	if out, err := exec.Command("sh", "-c", script, "sh", filepath.Join(v.dir, v.kept), copied).CombinedOutput(); err != nil {
		missing(t, err, string(out))
	}
	if s, err := open(t, sqlite.Config{File: copied}).Stats(t.Context()); err != nil || s.Live != v.sessions {
		t.Errorf("the file holds %d sessions, %v; want %d", s.Live, err, v.sessions)
	}
}

// wantBack undoes the mishap, if that is possible, and wants the store to work again.
func (v *victim) wantBack(t *testing.T) {
	t.Helper()
	if v.undo == nil {
		return
	}
	v.undo(t, v.dir)
	v.kept = "f/s.db"
	if err := v.st.Ping(t.Context()); err != nil {
		t.Errorf("the file is back: %v", err)
	}
	if err := v.st.Create(t.Context(), session.KeyOf("back"), newRecord(`{}`)); err != nil {
		t.Errorf("the file is back: %v", err)
	}
	v.sessions++
	if lines := v.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "again") {
		t.Errorf("the log: %q, want one line", lines)
	}
}

// wantClosed closes the store and opens the database again, wherever it is now.
func (v *victim) wantClosed(t *testing.T) {
	t.Helper()
	v.log.lines()
	if err := errors.Join(v.st.Close(), v.st.Close()); err != nil {
		t.Error(err)
	}
	if lines := v.log.lines(); (lines != nil) != (v.use == "close") {
		t.Errorf("the end says %q", lines)
	}
	if _, err := os.Lstat(v.dir + "/f/s.db.lock"); err == nil {
		t.Error("FILE.lock is left")
	}
	if v.kept == "" {
		return
	}
	if info, err := os.Stat(v.dir + "/f/s.db-wal"); v.name == "replaced" && err == nil && info.Size() > 0 {
		t.Errorf("a log of %d bytes lies beside another file than its own", info.Size())
	}
	s, err := open(t, sqlite.Config{File: filepath.Join(v.dir, v.kept)}).Stats(t.Context())
	if err != nil || s.Live != v.sessions {
		t.Errorf("opened again: %d sessions, %v; want %d", s.Live, err, v.sessions)
	}
}
