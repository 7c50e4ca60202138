package program

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/sessionscope/sessionscope/internal/config"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/redis/redistest"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

var silent = slog.New(slog.DiscardHandler)

// openOne opens the store of a class.
func openOne(t *testing.T, cfg config.Config, lab store) classStore {
	t.Helper()
	st, err := openClassStore(t.Context(), cfg, lab, silent)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// If this fails, a class does not outlive its program, shares a secret with the lab, or other
// users of the machine can read it.
func TestClassFile(t *testing.T) {
	dir := t.TempDir()
	lab := store{file: filepath.Join(dir, "sessions.db")}
	cfg := config.Config{Store: "sqlite", StoreFile: lab.file, Seats: 30, MaxSessions: 100}
	first := openOne(t, cfg, lab)
	k := session.KeyOf("a")
	if err := first.Create(t.Context(), k, session.Record{Created: time.Now(), Expires: time.Now().Add(time.Hour), Data: "{}"}); err != nil {
		t.Fatal(err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sessions.db.class", "sessions.db.class.secret"} {
		wantMode(t, filepath.Join(dir, name), 0o600)
	}
	if _, err := os.Stat(lab.file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lab's own file: %v", err)
	}
	again := openOne(t, cfg, lab)
	defer again.close()
	if _, err := again.Load(t.Context(), k); err != nil || again.file != filepath.Join(dir, "sessions.db.class") {
		t.Errorf("%s after the restart: %v", again.file, err)
	}
	if !bytes.Equal(first.secrets[0], again.secrets[0]) {
		t.Error("the restart made a new secret: it logs the class out")
	}
}

// If this fails, a damaged class is taken for another fault: the exit code is 3 for it.
func TestDamagedClass(t *testing.T) {
	lab := store{file: filepath.Join(t.TempDir(), "sessions.db")}
	if err := os.WriteFile(lab.file+".class", bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openClassStore(t.Context(), config.Config{Store: "sqlite", Seats: 1}, lab, silent)
	if !errors.As(err, new(*sqlite.DamagedError)) || exitCode(err) != 3 {
		t.Errorf("%v, exit code %d", err, exitCode(err))
	}
}

// If this fails, a cookie of the lab opens a session of the class, or a class loses its
// sessions though the file of secrets is the same.
func TestClassSecrets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := session.MakeSecret(file); err != nil {
		t.Fatal(err)
	}
	given, err := readSecrets(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Config{SecretFile: file}
	one, err := classSecrets(cfg)
	if err != nil {
		t.Fatal(err)
	}
	two, _ := classSecrets(cfg)
	if len(one) != len(given) || bytes.Equal(one[0], given[0]) || !bytes.Equal(one[0], two[0]) {
		t.Errorf("%d derived secrets of %d; the same twice: %t", len(one), len(given), bytes.Equal(one[0], two[0]))
	}
	random, err := classSecrets(config.Config{})
	if other, _ := classSecrets(config.Config{}); err != nil || bytes.Equal(random[0], other[0]) {
		t.Errorf("without a file: %v", err)
	}
}

// If this fails, a class in somebody's Redis needs more rights than the README has, leaves keys
// behind, or touches keys of others.
func TestClassInRedis(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rights, _ := strings.Cut(string(readme), "`ACL SETUSER sessionscope")
	rights, _, _ = strings.Cut(rights, "`")
	server := redistest.Start(t)
	admin := goredis.NewClient(&goredis.Options{Addr: server.Addr})
	defer admin.Close()
	command := []any{"ACL", "SETUSER", "sessionscope"}
	for _, word := range strings.Fields(strings.Replace(rights, ">PASSWORD", ">pw", 1)) {
		command = append(command, word)
	}
	if err := errors.Join(admin.Do(t.Context(), command...).Err(), admin.Set(t.Context(), "ssc:s:others", "untouched", 0).Err()); err != nil {
		t.Fatal(err)
	}
	st := openOne(t, config.Config{Store: "redis", StoreURL: "redis://sessionscope:pw@" + server.Addr, Seats: 1}, store{})
	if err := st.Create(t.Context(), session.KeyOf("a"), session.Record{Created: time.Now(), Expires: time.Now().Add(time.Hour), Data: "{}"}); err != nil {
		t.Fatal(err)
	}
	if keys, _ := admin.Keys(t.Context(), "class:*").Result(); len(keys) != 1 {
		t.Errorf("with a session: %v", keys)
	}
	if err := st.close(); err != nil {
		t.Fatal(err)
	}
	if keys, err := admin.Keys(t.Context(), "*").Result(); err != nil || len(keys) != 1 || st.file != "" {
		t.Errorf("left behind: %v, %v", keys, err)
	}
}
