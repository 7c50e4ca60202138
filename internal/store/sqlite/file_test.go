package sqlite_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	driver "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// shell runs SQL on the file as another program would.
func shell(t *testing.T, file, query string) {
	t.Helper()
	conn, err := driver.OpenConn(file, driver.OpenReadWrite|driver.OpenCreate)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteScript(conn, query, nil); err != nil {
		t.Fatal(err)
	}
}

func newRecord(data string) session.Record {
	now := time.Now()
	return session.Record{Created: now, Expires: now.Add(time.Hour), Data: data}
}

// until waits for a condition, for at most 5 s.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("never happened:", what)
		}
	}
}

// missing skips the test for want of a tool; in CI that is a failure.
func missing(t *testing.T, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(args...)
	}
	t.Skip(args...)
}

// Only the owner reads what is kept, however it lay there before.
func TestModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := filepath.Join(t.TempDir(), "a", "b")
	file := filepath.Join(dir, "s.db")
	want := func(name string, mode fs.FileMode) {
		t.Helper()
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %o", name, info, err, mode)
		}
	}
	for range 2 {
		st := open(t, sqlite.Config{File: file})
		if err := st.Create(t.Context(), session.KeyOf("a"), newRecord(`{}`)); err != nil && !errors.Is(err, session.ErrExists) {
			t.Fatal(err)
		}
		want(filepath.Dir(dir), 0o700)
		want(dir, 0o700)
		for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
			want(file+suffix, 0o600)
		}
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(file + "-wal"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after Close the log is there: %v", err)
		}
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A second one is refused under every name of the file; the shell is not.
func TestLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, link := filepath.Join(dir, "s.db"), filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Skip(err)
	}
	st := open(t, sqlite.Config{File: file})
	for _, name := range []string{file, link} {
		_, err := sqlite.Open(t.Context(), sqlite.Config{File: name})
		if !errors.Is(err, sqlite.ErrLocked) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want ErrLocked with the file's name", name, err)
		}
	}
	shell(t, file, `SELECT * FROM sessions`)
	if err := errors.Join(st.Close(), st.Close()); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{st.Ping(t.Context()), st.Delete(t.Context(), session.KeyOf("a"))} {
		if err == nil {
			t.Error("a closed store answers")
		}
	}
	open(t, sqlite.Config{File: link})
}

// What the sqlite3 shell does is seen, and counted.
func TestChangeFromOutside(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.db")
	st := open(t, sqlite.Config{File: file})
	keys := fill(t, st, 3, 100)
	load := func(k session.Key) (string, error) {
		r, err := st.Load(t.Context(), k)
		return r.Data, err
	}
	for _, k := range keys { // all of them are cached now
		if _, err := load(k); err != nil {
			t.Fatal(err)
		}
	}
	shell(t, file, fmt.Sprintf(`UPDATE sessions SET data = '"changed"', version = 9 WHERE key = '%x'`, keys[0]))
	until(t, "the change is seen", func() bool { data, _ := load(keys[0]); return data == `"changed"` })
	shell(t, file, fmt.Sprintf(`DELETE FROM sessions WHERE key = '%x'`, keys[1]))
	until(t, "the row is gone", func() bool { _, err := load(keys[1]); return errors.Is(err, session.ErrNotFound) })
	other := session.KeyOf("other")
	shell(t, file, fmt.Sprintf(`INSERT INTO sessions SELECT '%x', created, expires, 1, '"new"', 0 FROM sessions LIMIT 1`, other))
	want := session.Stats{Live: 3, Bytes: 100 + 9 + 5}
	until(t, "the new row is counted", func() bool { s, _ := st.Stats(t.Context()); return s == want })
	if data, err := load(other); err != nil || data != `"new"` {
		t.Errorf("the new row: %s, %v", data, err)
	}
	// A write compares with the file even before anybody has looked.
	r, err := st.Load(t.Context(), keys[2])
	if err != nil {
		t.Fatal(err)
	}
	shell(t, file, `UPDATE sessions SET version = version + 1`)
	if _, err := st.Save(t.Context(), keys[2], r); !errors.Is(err, session.ErrConflict) {
		t.Errorf("save over a changed row: %v, want ErrConflict", err)
	}
	// A shell that is writing makes writes wait, and reads go on.
	conn, err := driver.OpenConn(file, driver.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := sqlitex.ExecuteTransient(conn, `BEGIN IMMEDIATE`, nil); err != nil {
		t.Fatal(err)
	}
	saved := make(chan error)
	r.Version++
	go func() { _, err := st.Save(t.Context(), keys[2], r); saved <- err }()
	for range 1000 {
		if r, err := st.Load(t.Context(), keys[2]); err != nil || r.Version != 2 {
			t.Fatalf("version %d, %v", r.Version, err)
		}
	}
	if err := sqlitex.ExecuteTransient(conn, `ROLLBACK`, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-saved; err != nil {
		t.Errorf("save, after the shell is done: %v", err)
	}
}

// tree is every file of dir with its content: not that of the log's index, which
// every reader makes anew. The lock is ours and does not count.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(path) != ".lock" {
			content, err := os.ReadFile(path)
			if files[path] = string(content); filepath.Ext(path) == ".db-shm" {
				files[path] = ""
			}
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// refuse wants the file to be refused and every file of its folder to stay as it is.
func refuse(t *testing.T, file, says string) {
	t.Helper()
	before := tree(t, filepath.Dir(file))
	_, err := sqlite.Open(t.Context(), sqlite.Config{File: file})
	damaged := (*sqlite.DamagedError)(nil)
	if !errors.As(err, &damaged) || damaged.File != file || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want a DamagedError that says %q", err, says)
	}
	for name, content := range tree(t, filepath.Dir(file)) {
		if old, ok := before[name]; !ok || old != content {
			t.Errorf("%s was changed or made", name)
		}
		delete(before, name)
	}
	for name := range before {
		t.Errorf("%s is gone", name)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	ours := func(t *testing.T, file string) {
		st := open(t, sqlite.Config{File: file})
		fill(t, st, 20, 300)
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write := func(t *testing.T, name, content string) {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name, says string
		make       func(t *testing.T, file string)
	}{
		{"text", "not a database", func(t *testing.T, file string) { write(t, file, strings.Repeat("a text\n", 1000)) }},
		{"one byte", "not a database", func(t *testing.T, file string) { write(t, file, "x") }},
		{"directory", "regular file", func(t *testing.T, file string) { os.Mkdir(file, 0o700) }},
		{"another program's", "another program", func(t *testing.T, file string) {
			shell(t, file, `CREATE TABLE sessions (id); PRAGMA application_id = 7`)
		}},
		{"another program's, in WAL mode", "another program", func(t *testing.T, file string) {
			conn, err := driver.OpenConn(file, driver.OpenReadWrite|driver.OpenCreate|driver.OpenWAL)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(sqlitex.ExecuteTransient(conn, `CREATE TABLE sessions (id)`, nil), conn.Close()); err != nil {
				t.Fatal(err)
			}
		}},
		{"newer", "newer", func(t *testing.T, file string) { ours(t, file); shell(t, file, `PRAGMA user_version = 2`) }},
		{"newer, as the log says", "newer", func(t *testing.T, file string) {
			other := filepath.Join(t.TempDir(), "s.db")
			fill(t, open(t, sqlite.Config{File: other}), 20, 300)
			shell(t, other, `PRAGMA user_version = 2`)
			if out, err := exec.Command("cp", other, other+"-wal", filepath.Dir(file)).CombinedOutput(); err != nil {
				missing(t, err, string(out))
			}
		}},
		{"another table", "table", func(t *testing.T, file string) {
			ours(t, file)
			shell(t, file, `ALTER TABLE sessions ADD COLUMN more TEXT`)
		}},
		{"no index", "table", func(t *testing.T, file string) { ours(t, file); shell(t, file, `DROP INDEX sessions_expiry`) }},
		{"empty, with a log", "holds what was in it", func(t *testing.T, file string) { write(t, file, ""); write(t, file+"-wal", "log") }},
		{"gone, with a log", "holds what was in it", func(t *testing.T, file string) { write(t, file+"-wal", "log") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "s.db")
			test.make(t, file)
			refuse(t, file, test.says)
		})
	}
	t.Run("empty", func(t *testing.T) { // the control: this one is none of them
		t.Parallel()
		file := filepath.Join(t.TempDir(), "s.db")
		write(t, file, "")
		ours(t, file)
		fill(t, open(t, sqlite.Config{File: filepath.Join(t.TempDir(), "s.db")}), 1, 10)
	})
}

// TestDamage flips bytes, cuts files, empties pages: either the file is refused
// and stays as it is, or everything in it is right. What lies within the bytes of
// a row itself SQLite cannot tell.
func TestDamage(t *testing.T) {
	t.Parallel()
	const seed, rows = 3, 80
	base := filepath.Join(t.TempDir(), "s.db")
	st := open(t, sqlite.Config{File: base})
	want := map[session.Key]session.Record{}
	token := func(n int) string { return fmt.Sprintf("<%03d>", n) }
	write := func(n int) {
		k := session.KeyOf(token(n))
		size := 60
		if n%8 == 0 {
			size = 2000 // more than a page
		}
		r := newRecord(`"` + strings.Repeat(token(n), size) + `"`)
		if err := st.Create(t.Context(), k, r); err != nil {
			t.Fatal(err)
		}
		r, err := st.Load(t.Context(), k)
		if err != nil {
			t.Fatal(err)
		}
		want[k] = r
	}
	for n := range rows {
		write(n)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	closed, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	st = open(t, sqlite.Config{File: base})
	for n := range 10 {
		write(rows + n)
	}
	// As a killed program leaves it. Another program copies: SQLite's locks would be
	// lost when this one closes the file.
	dir := t.TempDir()
	if out, err := exec.Command("cp", base, base+"-wal", dir).CombinedOutput(); err != nil {
		missing(t, err, string(out))
	}
	killed, _ := os.ReadFile(filepath.Join(dir, "s.db"))
	logged, _ := os.ReadFile(filepath.Join(dir, "s.db-wal"))
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	final, _ := os.ReadFile(base)
	if len(killed) == 0 || len(logged) == 0 || len(final) <= len(killed) {
		t.Fatal("no log to damage")
	}

	random := rand.New(rand.NewPCG(seed, 0))
	// flip changes up to 64 bytes and returns where.
	flip := func(content []byte) (at []int) {
		for range 1 << random.IntN(7) {
			i := random.IntN(len(content))
			content[i] ^= byte(1 + random.IntN(255))
			at = append(at, i)
		}
		return at
	}
	const sound = "killed in a checkpoint"
	refused, served, excused := 0, 0, 0
	for n := range 420 {
		main, log := bytes.Clone(closed), []byte(nil)
		var at []int
		var kind string
		older := false // what the log held may be missing
		switch n % 7 {
		case 0, 1:
			kind, at = "flipped", flip(main)
		case 2:
			kind, main = "cut", main[:random.IntN(len(main))]
		case 3:
			kind = "a page of zeros"
			page := random.IntN(len(main)/4096) * 4096
			clear(main[page : page+4096])
		case 4:
			kind, main, log, older = "the log flipped", bytes.Clone(killed), bytes.Clone(logged), true
			flip(log)
		case 5:
			kind, main, log, older = "the log cut", bytes.Clone(killed), logged[:random.IntN(len(logged))], true
		case 6: // no damage: some pages are in the file already, the rest is in the log
			kind, main, log = sound, append(bytes.Clone(killed), make([]byte, len(final)-len(killed))...), logged
			for page := 0; page < len(final); page += 4096 {
				if random.IntN(2) == 0 {
					copy(main[page:page+4096], final[page:])
				}
			}
		}
		if len(main) == 0 {
			continue
		}
		dir := t.TempDir()
		file := filepath.Join(dir, "s.db")
		if err := os.WriteFile(file, main, 0o600); err != nil {
			t.Fatal(err)
		}
		if log != nil {
			if err := os.WriteFile(file+"-wal", log, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		st, err := sqlite.Open(t.Context(), sqlite.Config{File: file})
		if err != nil && kind != sound {
			refused++
			refuse(t, file, "")
			after := map[string]string{file: string(main)}
			if log != nil {
				after[file+"-wal"] = string(log)
			}
			if diff := cmp.Diff(after, tree(t, dir)); diff != "" {
				t.Errorf("case %d, %s: what lies there (-want +got):\n%.300s", n, kind, diff)
			}
			continue
		}
		if err != nil {
			t.Errorf("case %d, %s: %v", n, kind, err)
			continue
		}
		served++
		// inRow tells whether a flipped byte lies within, or just before, what is of this row.
		inRow := func(k session.Key, text string) bool {
			for _, i := range at {
				around := closed[max(0, i-len(text)):min(len(closed), i+200)]
				if bytes.Contains(around, []byte(text)) || bytes.Contains(around, []byte(hex.EncodeToString(k[:]))) {
					return true
				}
			}
			return false
		}
		for id := range rows {
			k := session.KeyOf(token(id))
			got, err := st.Load(t.Context(), k)
			if got == want[k] && err == nil {
				continue
			}
			if err == nil && !json.Valid([]byte(got.Data)) {
				excused++ // the engine reads it as absent, and warns
				continue
			}
			if older || !inRow(k, token(id)) {
				t.Errorf("case %d, %s: row %d is wrong: %v, version %d, %d bytes", n, kind, id, err, got.Version, len(got.Data))
			}
			excused++
		}
		for id := rows; log != nil && id < rows+10; id++ {
			k := session.KeyOf(token(id))
			if got, err := st.Load(t.Context(), k); !(older && errors.Is(err, session.ErrNotFound)) && (err != nil || got != want[k]) {
				t.Errorf("case %d, %s: row %d is wrong: %v", n, kind, id, err)
			}
		}
		for range st.All(t.Context()) {
		}
		st.Stats(t.Context())
		if err := st.Close(); err != nil {
			t.Errorf("case %d, %s: close: %v", n, kind, err)
		}
	}
	t.Logf("%d refused, %d served, %d rows damaged in their own bytes", refused, served, excused)
	if refused < 100 || served < 100 {
		t.Errorf("%d were refused and %d served: that shows little", refused, served)
	}
}

// A page that goes bad while the program runs is an error of that read, and of
// nothing else.
func TestDamageWhileOpen(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.db")
	st := open(t, sqlite.Config{File: file, Durability: sqlite.Batched})
	keys := fill(t, st, 3000, 3000)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = open(t, sqlite.Config{File: file})
	if _, err := st.Load(t.Context(), keys[0]); err != nil {
		t.Fatal(err)
	}
	// Another program, or SQLite's locks would go when this one closes the file.
	if out, err := exec.Command("dd", "if=/dev/urandom", "of="+file, "bs=4096", "seek=1000", "count=2000", "conv=notrunc").CombinedOutput(); err != nil {
		missing(t, err, string(out))
	}
	failed := 0
	for i, k := range keys {
		r, err := st.Load(t.Context(), k)
		switch {
		case err == nil && r.Data != `"`+strings.Repeat("x", 2998)+`"`:
			t.Fatalf("session %d is wrong: %q", i, r.Data[:20])
		case errors.Is(err, session.ErrNotFound):
			t.Errorf("session %d reads as absent", i)
		case err != nil:
			failed++
		}
	}
	if failed < 100 {
		t.Errorf("%d reads of 3000 failed", failed)
	}
	if _, err := st.Load(t.Context(), keys[0]); err != nil {
		t.Errorf("the session that was read before: %v", err)
	}
	if err := st.Ping(t.Context()); err != nil {
		t.Logf("ping: %v", err)
	}
}

// tmpfs mounts a small file system of its own, which needs root.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("only root on Linux can mount a small disk")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "none", dir).CombinedOutput(); err != nil {
		t.Skip("cannot mount: ", string(out))
	}
	t.Cleanup(func() { exec.Command("umount", dir).Run() })
	return dir
}

// A full disk refuses writes, reads go on, and once there is room so do writes.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := tmpfs(t, "size=4m")
	st := open(t, sqlite.Config{File: filepath.Join(dir, "s.db")})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	data := `"` + strings.Repeat("x", 20000) + `"`
	var err error
	n := 0
	for ; err == nil && n < 1000; n++ {
		err = st.Create(t.Context(), session.KeyOf(fmt.Sprint(n)), newRecord(data))
	}
	n-- // of them were created
	if !errors.Is(err, session.ErrFull) {
		t.Fatalf("session %d: %v, want ErrFull", n, err)
	}
	r, err := st.Load(t.Context(), session.KeyOf("0"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Save(t.Context(), session.KeyOf("0"), r); err == nil || errors.Is(err, session.ErrFull) {
		t.Errorf("save: %v, want an error of SQLite's", err)
	}
	check := func(want int) {
		t.Helper()
		for i := range want {
			if r, err := st.Load(t.Context(), session.KeyOf(fmt.Sprint(i))); err != nil || r.Data != data {
				t.Fatalf("session %d: %d bytes, %v", i, len(r.Data), err)
			}
		}
		if s, err := st.Stats(t.Context()); err != nil || s.Live != want || s.Bytes != int64(want*len(data)) {
			t.Errorf("%+v, %v; want %d sessions", s, err, want)
		}
	}
	check(n)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := st.Create(t.Context(), session.KeyOf(fmt.Sprint(n)), newRecord(data)); err != nil {
		t.Errorf("with room again: %v", err)
	}
	check(n + 1)
	t.Logf("%d sessions fitted", n)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	st = open(t, sqlite.Config{File: filepath.Join(dir, "s.db")})
	check(n + 1)
}

// A disk that cannot be written is an error that names the file, and no damage.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "s.db")
	lock := func() {
		if err := errors.Join(os.Chmod(file, 0o400), os.Chmod(dir, 0o500)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(dir, 0o700) })
	}
	if os.Geteuid() == 0 { // modes do not stop root
		dir = tmpfs(t, "size=4m")
		file = filepath.Join(dir, "s.db")
		lock = func() {
			if out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
				t.Skip(string(out))
			}
		}
	}
	if err := open(t, sqlite.Config{File: file}).Close(); err != nil {
		t.Fatal(err)
	}
	lock()
	for _, name := range []string{file, filepath.Join(dir, "new.db"), filepath.Join(dir, "folder", "new.db")} {
		_, err := sqlite.Open(t.Context(), sqlite.Config{File: name})
		if err == nil || errors.Is(err, sqlite.ErrLocked) || errors.As(err, new(*sqlite.DamagedError)) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, want an error of the system's with the name", name, err)
		}
	}
}
