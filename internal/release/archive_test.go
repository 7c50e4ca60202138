package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tarHeaders returns the headers of a tar.gz, whose own header has nothing in it but the format.
func tarHeaders(t *testing.T, file string) []*tar.Header {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	packed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if h := packed.Header; h.Name != "" || h.Comment != "" || len(h.Extra) > 0 || !h.ModTime.IsZero() || h.OS != 255 { // 255 is unknown
		t.Errorf("gzip has the header %+v", h)
	}
	var all []*tar.Header
	for archive := tar.NewReader(packed); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
}

// example is what the tests of archives pack.
func example() []entry {
	return inFolder("folder", []entry{
		{"program", 0o755, bytes.Repeat([]byte("same "), 1000)},
		{"README.md", 0o644, []byte("words")},
		{"completions/a", 0o644, []byte("a")},
		{"completions/b", 0o644, []byte("b")},
	})
}

// A zip has the same bytes wherever it is packed, its files have the time of the commit for every
// clock, and the program can be run when it is unpacked on Unix.
func TestZip(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 28, 1, 30, 5, 999, time.UTC)
	packed, err := packZip(example(), when)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := packZip(example(), when.In(time.FixedZone("", -8*60*60)))
	if err != nil || !bytes.Equal(packed, elsewhere) {
		t.Errorf("packed in another time zone it has other bytes: %v", err)
	}
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range archive.File {
		got = append(got, f.Mode().String()+" "+f.Name)
		if !f.Modified.Equal(when.Truncate(time.Second)) || f.CreatorVersion>>8 != 3 || f.ModifiedTime != 1<<11|30<<5|2 || f.ModifiedDate != 46<<9|11<<5|28 { // 3 is Unix
			t.Errorf("%s has the header %+v", f.Name, f.FileHeader)
		}
	}
	if diff := cmp.Diff(packedNames, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if content, err := fs.ReadFile(archive, "folder/completions/b"); string(content) != "b" {
		t.Errorf("a file has %q, %v", content, err)
	}
}

// packedNames are the modes and names of example.
var packedNames = []string{
	"drwxr-xr-x folder/", "-rwxr-xr-x folder/program", "-rw-r--r-- folder/README.md",
	"drwxr-xr-x folder/completions/", "-rw-r--r-- folder/completions/a", "-rw-r--r-- folder/completions/b",
}

// A tar.gz has the same bytes wherever it is packed, and all of them.
func TestTar(t *testing.T) {
	t.Parallel()
	when := time.Date(2026, 11, 28, 1, 30, 5, 999, time.UTC)
	packed, err := packTar(example(), when)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := packTar(example(), when.In(time.FixedZone("", -8*60*60)))
	if err != nil || !bytes.Equal(packed, elsewhere) {
		t.Errorf("packed in another time zone it has other bytes: %v", err)
	}
	file := filepath.Join(t.TempDir(), "a.tar.gz")
	if err := os.WriteFile(file, packed, 0o644); err != nil {
		t.Fatal(err)
	}
	entries, err := readTar(file)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range example() {
		if i >= len(entries) || entries[i].name != want.name || entries[i].mode != want.mode || !bytes.Equal(entries[i].content, want.content) {
			t.Fatalf("entry %d of %d is not %s as it was", i, len(entries), want.name)
		}
	}
}
