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

	"github.com/sessionscope/sessionscope/internal/classroom"
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

// eachClassStore opens the store of a class of each kind that outlives a restart of the server.
func eachClassStore(t *testing.T, test func(t *testing.T, st classStore)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		st := openOne(t, config.Config{Store: "sqlite", Seats: 3, Batched: true}, store{file: filepath.Join(t.TempDir(), "s.db")})
		defer st.close()
		test(t, st)
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		st := openOne(t, config.Config{Store: "redis", StoreURL: redistest.Database(t), Seats: 3}, store{})
		defer st.close()
		test(t, st)
	})
}

// The handle of a class's store is closed and opened again, and the store forgets. If this fails, a
// restart loses sessions, markers or documents, or what was to be forgotten stays.
func TestReopenAndForget(t *testing.T) {
	t.Parallel()
	eachClassStore(t, func(t *testing.T, st classStore) {
		ctx, now := t.Context(), time.Now().UTC().Truncate(time.Millisecond)
		live, ended := session.KeyOf("live"), session.KeyOf("ended")
		r := session.Record{Created: now, Expires: now.Add(time.Hour), Data: "{}"}
		marker := r
		marker.Marker = true
		must(t, errors.Join(st.Create(ctx, live, r), st.Create(ctx, ended, marker), st.documents.Put(ctx, classroom.Document{Name: "a", Data: []byte("1")})))
		b, err := st.reopen(ctx)
		must(t, err)
		if _, err := st.Load(ctx, live); err == nil {
			t.Error("the control: the old handle still reads")
		}
		got, err := b.Load(ctx, live)
		if mark, e := b.Load(ctx, ended); err != nil || e != nil || got.Version != 1 || !mark.Marker {
			t.Errorf("after the restart: %+v, %v; %+v, %v", got, err, mark, e)
		}
		wantDocument := func(data string) {
			t.Helper()
			n := 0
			for doc, err := range st.documents.All(ctx) {
				if n++; err != nil || string(doc.Data) != data {
					t.Errorf("document %s is %q, %v", doc.Name, doc.Data, err)
				}
			}
			if n != 1 {
				t.Errorf("%d documents", n)
			}
		}
		wantDocument("1")
		must(t, st.documents.Put(ctx, classroom.Document{Name: "a", Data: []byte("2")}))
		if b, err = st.forget(ctx); err != nil {
			t.Fatal(err)
		}
		for _, k := range []session.Key{live, ended} {
			if got, err := b.Load(ctx, k); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("forgotten: %+v, %v", got, err)
			}
		}
		stats, err := b.Stats(ctx)
		if until, e := b.Forgotten(ctx); err != nil || e != nil || stats != (session.Stats{}) || until.UnixMilli() > 0 {
			t.Errorf("it holds %+v, %v; forgotten until %v, %v", stats, err, until, e)
		}
		wantDocument("2")
		must(t, b.Create(ctx, live, r))
	})
}

// Documents are written while the file is closed and opened again. If this fails, the class's state is
// refused or lost meanwhile.
func TestDocumentsWaitForARestart(t *testing.T) {
	t.Parallel()
	st := openOne(t, config.Config{Store: "sqlite", Seats: 3, Batched: true}, store{file: filepath.Join(t.TempDir(), "s.db")})
	done := make(chan error)
	go func() {
		var err error
		for range 60 {
			err = errors.Join(err, st.documents.Put(t.Context(), classroom.Document{Name: "a", Data: []byte("1")}))
		}
		done <- err
	}()
	for range 5 {
		_, err := st.reopen(t.Context())
		must(t, err)
	}
	must(t, <-done)
	must(t, st.close())
	if err := st.documents.Delete(t.Context(), "a"); !errors.Is(err, errClassClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
