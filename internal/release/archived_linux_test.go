package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// archived builds the program as it is released, and returns the path of an archive of it.
func archived(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "sessionscope")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "../..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	files := tar.NewWriter(zip)
	if err := files.WriteHeader(&tar.Header{Name: "sessionscope_test/sessionscope", Mode: 0o755, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	files.Write(content)
	files.Close()
	zip.Close()
	path := filepath.Join(dir, "sessionscope_test_linux.tar.gz")
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
