package sqlite_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/sqlite"
)

// written is what a database file had in it at four moments.
type written struct {
	closed      []byte // after Close, with the rows below rows
	killed, log []byte // with lateRows more: the database and its log, as a kill leaves them
	final       []byte // after Close, with all rows
	want        map[session.Key]session.Record
}

const (
	rows     = 80
	lateRows = 10 // they are in the log of a killed program
	pageSize = 4096
)

// token is the ID of row n, and what its data consists of.
func token(n int) string { return fmt.Sprintf("<%03d>", n) }

// writeRow creates row n. Every eighth is longer than a page.
func (w *written) writeRow(t *testing.T, st *sqlite.Store, n int) {
	t.Helper()
	k, size := session.KeyOf(token(n)), 60
	if n%8 == 0 {
		size = 2000
	}
	if err := st.Create(t.Context(), k, newRecord(`"`+strings.Repeat(token(n), size)+`"`)); err != nil {
		t.Fatal(err)
	}
	r, err := st.Load(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	w.want[k] = r
}

// writeDatabase writes a database and reads its files at the moments of written.
func writeDatabase(t *testing.T) *written {
	t.Helper()
	w := &written{want: map[session.Key]session.Record{}}
	base := filepath.Join(t.TempDir(), "s.db")
	content := func(name string) []byte {
		t.Helper()
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	st := open(t, sqlite.Config{File: base})
	for n := range rows {
		w.writeRow(t, st, n)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	w.closed = content(base)
	st = open(t, sqlite.Config{File: base})
	for n := range lateRows {
		w.writeRow(t, st, rows+n)
	}
	// Another program copies: SQLite's locks would be lost if this one closed the file.
	dir := t.TempDir()
	if out, err := exec.Command("cp", base, base+"-wal", dir).CombinedOutput(); err != nil {
		missing(t, err, string(out))
	}
	w.killed, w.log = content(filepath.Join(dir, "s.db")), content(filepath.Join(dir, "s.db-wal"))
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	w.final = content(base)
	if len(w.killed) == 0 || len(w.log) == 0 || len(w.final) <= len(w.killed) {
		t.Fatal("no log to damage")
	}
	return w
}

// damage is a database that was damaged in one way.
type damage struct {
	kind      string
	main, log []byte // log is nil if there is none
	flipped   []int  // positions in main
	older     bool   // the log is damaged, so that its rows may be missing
}

// checkpoint is the kind of damage that is none: the program was killed in a checkpoint,
// so that some pages of the log are in the database and others are not.
const checkpoint = "killed in a checkpoint"

// damaged returns case n of the damages.
func (w *written) damaged(random *rand.Rand, n int) damage {
	d := damage{main: bytes.Clone(w.closed)}
	switch n % 7 {
	case 0, 1:
		d.kind, d.flipped = "flipped", flip(random, d.main)
	case 2:
		d.kind, d.main = "cut", d.main[:random.IntN(len(d.main))]
	case 3:
		d.kind = "a page of zeros"
		page := random.IntN(len(d.main)/pageSize) * pageSize
		clear(d.main[page : page+pageSize])
	case 4:
		d.kind, d.main, d.log, d.older = "the log flipped", bytes.Clone(w.killed), bytes.Clone(w.log), true
		flip(random, d.log)
	case 5:
		d.kind, d.main, d.log, d.older = "the log cut", bytes.Clone(w.killed), w.log[:random.IntN(len(w.log))], true
	case 6:
		d.kind, d.main, d.log = checkpoint, append(bytes.Clone(w.killed), make([]byte, len(w.final)-len(w.killed))...), w.log
		for page := 0; page < len(w.final); page += pageSize {
			if random.IntN(2) == 0 {
				copy(d.main[page:page+pageSize], w.final[page:])
			}
		}
	}
	return d
}

// flip changes up to 64 bytes of content and returns their positions.
func flip(random *rand.Rand, content []byte) (at []int) {
	for range 1 << random.IntN(7) {
		i := random.IntN(len(content))
		content[i] ^= byte(1 + random.IntN(255))
		at = append(at, i)
	}
	return at
}

// files writes the damaged database into a new folder, and returns its content by name.
func (d damage) files(t *testing.T) (file string, content map[string]string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "s.db")
	content = map[string]string{file: string(d.main)}
	if d.log != nil {
		content[file+"-wal"] = string(d.log)
	}
	for name, text := range content {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file, content
}

// inRow tells whether a flipped byte lies within the bytes of row k, or just before them:
// SQLite has no checksums and does not notice it there.
func (w *written) inRow(d damage, k session.Key, text string) bool {
	for _, i := range d.flipped {
		around := w.closed[max(0, i-len(text)):min(len(w.closed), i+200)]
		if bytes.Contains(around, []byte(text)) || bytes.Contains(around, []byte(hex.EncodeToString(k[:]))) {
			return true
		}
	}
	return false
}

// wantRows wants every row of st to be right. It returns how many are wrong in their own
// bytes.
func (w *written) wantRows(t *testing.T, d damage, st *sqlite.Store) (excused int) {
	t.Helper()
	for id := range rows {
		k := session.KeyOf(token(id))
		got, err := st.Load(t.Context(), k)
		if got == w.want[k] && err == nil {
			continue
		}
		excused++
		if err == nil && !json.Valid([]byte(got.Data)) { // for the engine there is no session then, and it warns
			continue
		}
		if d.older || !w.inRow(d, k, token(id)) {
			t.Errorf("%s: row %d is wrong: %v, version %d, %d bytes", d.kind, id, err, got.Version, len(got.Data))
		}
	}
	for id := rows; d.log != nil && id < rows+lateRows; id++ {
		k := session.KeyOf(token(id))
		if got, err := st.Load(t.Context(), k); !(d.older && errors.Is(err, session.ErrNotFound)) && (err != nil || got != w.want[k]) {
			t.Errorf("%s: row %d is wrong: %v", d.kind, id, err)
		}
	}
	return excused
}

// Bytes are flipped, files are cut, pages are emptied. If this fails, a damaged file is
// served with rows that are wrong outside their own bytes, or it is refused but not left
// as it is, or a program that was killed in a checkpoint does not start again.
func TestDamage(t *testing.T) {
	t.Parallel()
	const seed = 3
	w := writeDatabase(t)
	random := rand.New(rand.NewPCG(seed, 0))
	refused, served, excused := 0, 0, 0
	for n := range 420 {
		d := w.damaged(random, n)
		if len(d.main) == 0 {
			continue
		}
		d.kind = fmt.Sprintf("case %d, %s", n, d.kind)
		file, before := d.files(t)
		st, err := sqlite.Open(t.Context(), sqlite.Config{File: file, Durability: sqlite.Batched}) // no power is cut
		if err != nil && strings.HasSuffix(d.kind, checkpoint) {
			t.Errorf("%s: %v", d.kind, err)
			continue
		}
		if err != nil {
			refused++
			refuse(t, file, "")
			if diff := cmp.Diff(before, tree(t, filepath.Dir(file))); diff != "" {
				t.Errorf("%s: the files (-want +got):\n%.300s", d.kind, diff)
			}
			continue
		}
		served++
		excused += w.wantRows(t, d, st)
		for range st.All(t.Context()) {
		}
		st.Stats(t.Context())
		if err := st.Close(); err != nil {
			t.Errorf("%s: close: %v", d.kind, err)
		}
	}
	t.Logf("%d refused, %d served, %d rows damaged in their own bytes", refused, served, excused)
	if refused < 100 || served < 100 {
		t.Errorf("%d were refused and %d served: too few to show much", refused, served)
	}
}

// Pages go bad while the program runs. If this fails, a read of such a page answers
// wrong data or "no such session", or other sessions cannot be read either.
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
	// Another program overwrites the pages: SQLite's locks would be lost if this one
	// closed the file.
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
