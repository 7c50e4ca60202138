package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// docs are the documents of names with the data beside them.
func docs(pairs ...string) map[string][]byte {
	all := make(map[string][]byte)
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = []byte(pairs[i+1])
	}
	return all
}

// wantDocuments wants st to have these documents.
func wantDocuments(t *testing.T, st *sqlite.Store, want map[string][]byte) {
	t.Helper()
	got, err := st.Documents(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("documents (-want +got):\n%s", diff)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// If this fails, documents are changed, mixed up with sessions, or lost with the program, or
// a file that was made without documents does not open with them.
func TestDocuments(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "s.db")
	make20(t, file)

	st := open(t, sqlite.Config{File: file, Documents: true})
	wantDocuments(t, st, docs())
	must(t, st.PutDocuments(ctx, docs("a", "1", "b", "2", "no data", "", "every byte", "\x00\xff'\"\n")))
	must(t, st.PutDocuments(ctx, docs("b", "22", "c", "3")))
	must(t, st.DeleteDocuments(ctx, "a", "unknown"))
	must(t, st.DeleteDocuments(ctx))
	must(t, st.PutDocuments(ctx, nil))
	want := docs("b", "22", "c", "3", "no data", "", "every byte", "\x00\xff'\"\n")
	wantDocuments(t, st, want)
	if s, err := st.Stats(ctx); err != nil || s.Live != 20 {
		t.Errorf("%+v, %v; want the 20 sessions of before", s, err)
	}
	must(t, st.Close())

	st = open(t, sqlite.Config{File: file}) // as a program that knows no documents
	if s, err := st.Stats(ctx); err != nil || s.Live != 20 {
		t.Errorf("%+v, %v; want the 20 sessions of before", s, err)
	}
	if _, err := st.Documents(ctx); err == nil || st.PutDocuments(ctx, docs("d", "4")) == nil || st.DeleteDocuments(ctx, "b") == nil {
		t.Error("a store without documents has some")
	}
	must(t, st.Close())

	st = open(t, sqlite.Config{File: file, Documents: true})
	wantDocuments(t, st, want)
}

// One document of three is refused. If this fails, the other two are written, or the writes
// of others in the same commit are not.
func TestDocumentsAllOrNone(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s.db")
	st := open(t, sqlite.Config{File: file, Documents: true})
	must(t, st.PutDocuments(t.Context(), docs("a", "old", "z", "old")))
	shell(t, file, `CREATE TRIGGER no_insert BEFORE INSERT ON documents WHEN new.name = 'bad' BEGIN SELECT RAISE(ABORT, 'refused'); END;
		CREATE TRIGGER no_delete BEFORE DELETE ON documents WHEN old.name = 'bad' BEGIN SELECT RAISE(ABORT, 'refused'); END`)
	var wg sync.WaitGroup
	for n := range 20 {
		wg.Go(func() {
			if err := st.PutDocuments(t.Context(), docs("a", "new", "bad", "new", "z", "new")); err == nil {
				t.Error("it was written")
			}
		})
		wg.Go(func() { must(t, st.PutDocuments(t.Context(), docs(fmt.Sprint("good ", n), "new"))) })
	}
	wg.Wait()
	want := docs("a", "old", "z", "old")
	for n := range 20 {
		want[fmt.Sprint("good ", n)] = []byte("new")
	}
	wantDocuments(t, st, want)

	must(t, st.PutDocuments(t.Context(), docs("ba", "")))
	shell(t, file, `DROP TRIGGER no_insert; INSERT INTO documents VALUES ('bad', CAST('by hand' AS BLOB))`)
	if st.DeleteDocuments(t.Context(), "a", "bad", "z") == nil {
		t.Error("it was removed")
	}
	want["ba"], want["bad"] = []byte{}, []byte("by hand")
	wantDocuments(t, st, want)
}

// If this fails, a request that has ended writes or reads documents.
func TestDocumentsHonourContext(t *testing.T) {
	t.Parallel()
	st := open(t, sqlite.Config{File: filepath.Join(t.TempDir(), "s.db"), Documents: true})
	must(t, st.PutDocuments(t.Context(), docs("a", "1")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := st.Documents(ctx)
	for _, err := range []error{st.PutDocuments(ctx, docs("a", "2")), st.DeleteDocuments(ctx, "a"), err} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	}
	wantDocuments(t, st, docs("a", "1"))
}

// killRounds is how often TestDocumentsSurviveAKill kills, with each durability.
const killRounds = 4

// If this fails, a document that was answered is lost with a kill of the program, or only a
// part of a write is there after it.
func TestDocumentsSurviveAKill(t *testing.T) {
	t.Parallel()
	for name, durability := range map[string]sqlite.Durability{"full": sqlite.Full, "batched": sqlite.Batched} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "s.db")
			for round := range killRounds {
				answered := killWriter(t, file, name, 5+20*round)
				st := open(t, sqlite.Config{File: file, Documents: true, Durability: durability})
				all, err := st.Documents(t.Context())
				must(t, err)
				for writer, n := range answered {
					one, two := string(all[writer+" one"]), string(all[writer+" two"])
					got, _ := strconv.Atoi(one)
					if one != two || got < n || got > n+1 {
						t.Errorf("round %d, writer %s: %q and %q; number %d was answered", round, writer, one, two, n)
					}
				}
				must(t, st.Close())
			}
		})
	}
}

// killWriter starts TestDocumentWriter as a program of its own, kills it after that many
// answers, of two writers at least, and returns the last answered number of each writer.
func killWriter(t *testing.T, file, durability string, answers int) map[string]int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestDocumentWriter$", "-test.timeout=1m")
	cmd.Env = append(os.Environ(), "SESSIONSCOPE_DOCUMENTS="+file, "SESSIONSCOPE_DURABILITY="+durability)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	last := make(map[string]int)
	lines := bufio.NewScanner(out)
	killed := false
	for n := 0; lines.Scan(); n++ {
		if !killed && n >= answers && len(last) >= 2 { // on a busy machine one of the writers begins late
			killed = true
			must(t, cmd.Process.Kill()) // SIGKILL, and the answers that are under way are still read
		}
		writer, number, ok := strings.Cut(lines.Text(), " ")
		if last[writer], err = strconv.Atoi(number); !ok || err != nil {
			t.Fatalf("the writer says %q", lines.Text())
		}
	}
	if cmd.Wait() == nil || len(last) < 2 {
		t.Fatalf("the writer ended by itself, with the answers %v", last)
	}
	return last
}

// TestDocumentWriter is the program of killWriter: three writers, each of which writes the
// next number into two documents again and again, and prints it once it is answered.
func TestDocumentWriter(t *testing.T) {
	file := os.Getenv("SESSIONSCOPE_DOCUMENTS")
	if file == "" {
		t.Skip("it is the program of another test")
	}
	durability := sqlite.Full
	if os.Getenv("SESSIONSCOPE_DURABILITY") == "batched" {
		durability = sqlite.Batched
	}
	st := open(t, sqlite.Config{File: file, Documents: true, Durability: durability})
	all, err := st.Documents(t.Context())
	must(t, err)
	var wg sync.WaitGroup
	for _, writer := range []string{"a", "b", "c"} {
		wg.Go(func() {
			n, _ := strconv.Atoi(string(all[writer+" one"]))
			for {
				n++
				number := strconv.Itoa(n)
				if err := st.PutDocuments(context.Background(), docs(writer+" one", number, writer+" two", number)); err != nil {
					t.Error(err)
					return
				}
				os.Stdout.WriteString(writer + " " + number + "\n") // one call: lines do not mix
			}
		})
	}
	wg.Wait()
}

// If this fails, a class that forgets keeps a session or a marker, loses its documents, or takes live
// sessions of placement cookie for ended ones.
func TestForget(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	file := filepath.Join(t.TempDir(), "s.db")
	make20(t, file)
	st := open(t, sqlite.Config{File: file, Documents: true})
	must(t, st.PutDocuments(ctx, docs("a", "1")))
	ended, now := session.KeyOf("ended"), time.Now()
	mark := session.Record{Created: now, Expires: now.Add(time.Hour), Data: "{}", Marker: true}
	must(t, st.Create(ctx, ended, mark))
	if s, err := st.Stats(ctx); err != nil || s.Live != 20 || s.Ended != 1 {
		t.Fatalf("the control: %+v, %v", s, err)
	}
	must(t, st.Forget(ctx))
	for range 2 {
		if s, err := st.Stats(ctx); err != nil || s != (session.Stats{}) {
			t.Errorf("%+v, %v; want nothing", s, err)
		}
		if r, err := st.Load(ctx, ended); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("the marker: %+v, %v", r, err)
		}
		if until, err := st.Forgotten(ctx); err != nil || until.UnixMilli() > 0 {
			t.Errorf("forgotten until %v, %v", until, err)
		}
		wantDocuments(t, st, docs("a", "1"))
		must(t, st.Close())
		st = open(t, sqlite.Config{File: file, Documents: true})
	}
	must(t, st.Create(ctx, ended, mark))
	if r, err := st.Load(ctx, ended); err != nil || !r.Marker {
		t.Errorf("a marker afterwards: %+v, %v", r, err)
	}
	must(t, st.Close())
}

// If this fails, the file of a class has the answer of a seat for as long as nothing is written in its
// place. The control is a document that was not removed.
func TestRemovedDocumentsAreOverwritten(t *testing.T) {
	t.Parallel()
	ctx, file := t.Context(), filepath.Join(t.TempDir(), "s.db")
	for _, do := range []func(*sqlite.Store) error{
		func(st *sqlite.Store) error {
			return st.PutDocuments(ctx, docs("a", "an-answer-removed", "b", "an-answer-changed", "c", "an-answer-kept", "d", strings.Repeat("a-long-one-removed ", 1000)))
		},
		func(st *sqlite.Store) error { return st.DeleteDocuments(ctx, "a", "d") },
		func(st *sqlite.Store) error { return st.PutDocuments(ctx, docs("b", "another")) },
	} {
		st := open(t, sqlite.Config{File: file, Documents: true})
		must(t, do(st))
		must(t, st.Close())
	}
	content, err := os.ReadFile(file)
	must(t, err)
	for text, want := range map[string]bool{"an-answer-kept": true, "an-answer-removed": false, "an-answer-changed": false, "a-long-one-removed": false} {
		if strings.Contains(string(content), text) != want {
			t.Errorf("%s is in the file: %t, want %t", text, !want, want)
		}
	}
}
