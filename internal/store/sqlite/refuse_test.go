package sqlite_test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	driver "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// tree returns the content of every file in dir, without FILE.lock. The content of the
// log's index is left out, since every reader makes it anew.
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

// refuse wants Open to refuse the file with a DamagedError that contains says, and to leave
// every file of its folder as it is.
func refuse(t *testing.T, file, says string) {
	t.Helper()
	refuseWith(t, sqlite.Config{File: file}, says)
}

// refuseWith is refuse for a Config.
func refuseWith(t *testing.T, cfg sqlite.Config, says string) {
	t.Helper()
	file := cfg.File
	before := tree(t, filepath.Dir(file))
	_, err := sqlite.Open(t.Context(), cfg)
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

// make20 makes a database with 20 sessions.
func make20(t *testing.T, file string) {
	t.Helper()
	st := open(t, sqlite.Config{File: file})
	fill(t, st, 20, 300)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// strangers are files that Open refuses, with a part of the error.
var strangers = []struct {
	name, says string
	make       func(t *testing.T, file string)
}{
	{"text", "not a database", func(t *testing.T, file string) { writeFile(t, file, strings.Repeat("a text\n", 1000)) }},
	{"one byte", "not a database", func(t *testing.T, file string) { writeFile(t, file, "x") }},
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
	{"newer", "newer", func(t *testing.T, file string) { make20(t, file); shell(t, file, `PRAGMA user_version = 2`) }},
	{"newer, as the log says", "newer", func(t *testing.T, file string) {
		other := filepath.Join(t.TempDir(), "s.db")
		fill(t, open(t, sqlite.Config{File: other}), 20, 300)
		shell(t, other, `PRAGMA user_version = 2`)
		if out, err := exec.Command("cp", other, other+"-wal", filepath.Dir(file)).CombinedOutput(); err != nil {
			missing(t, err, string(out))
		}
	}},
	{"another table", "table", func(t *testing.T, file string) {
		make20(t, file)
		shell(t, file, `ALTER TABLE sessions ADD COLUMN more TEXT`)
	}},
	{"no index", "table", func(t *testing.T, file string) { make20(t, file); shell(t, file, `DROP INDEX sessions_expiry`) }},
	{"empty, with a log", "holds what was in it", func(t *testing.T, file string) { writeFile(t, file, ""); writeFile(t, file+"-wal", "log") }},
	{"gone, with a log", "holds what was in it", func(t *testing.T, file string) { writeFile(t, file+"-wal", "log") }},
}

// If this fails, Open takes the file of another program, of a newer version or a damaged
// one for its own and writes to it.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range strangers {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "s.db")
			test.make(t, file)
			refuse(t, file, test.says)
			refuseWith(t, sqlite.Config{File: file, Documents: true}, test.says)
		})
	}
	for name, query := range map[string]string{
		"other documents":    `CREATE TABLE documents (name TEXT)`,
		"a view":             `CREATE VIEW documents AS SELECT key AS name, data FROM sessions`,
		"a changed table":    `CREATE TABLE documents(name TEXT NOT NULL PRIMARY KEY, data BLOB NOT NULL) STRICT; ALTER TABLE documents ADD COLUMN more TEXT`,
		"an index":           `CREATE INDEX documents ON sessions(created)`,
		"documents, a newer": sqlite.DocumentsTable + `PRAGMA user_version = 2`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "s.db")
			make20(t, file)
			shell(t, file, query)
			refuseWith(t, sqlite.Config{File: file, Documents: true}, "")
		})
	}
	t.Run("empty", func(t *testing.T) { // the control: an empty file is not refused
		t.Parallel()
		file := filepath.Join(t.TempDir(), "s.db")
		writeFile(t, file, "")
		make20(t, file)
		fill(t, open(t, sqlite.Config{File: filepath.Join(t.TempDir(), "s.db")}), 1, 10)
	})
}
