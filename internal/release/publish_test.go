package main

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/zip"
)

// A published version of the module has every file: go run and go install build the program from
// the module's zip, which refuses some names and sizes, and leaves folders named vendor out.
func TestModuleZipHasEveryFile(t *testing.T) {
	t.Parallel()
	files, err := zip.CheckDir(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := files.Err(); err != nil {
		t.Error(err)
	}
	for _, omitted := range files.Omitted {
		name, err := filepath.Rel(root, omitted.Path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(omitted.Path, "go.mod")); name != ".git" && err != nil { // with go.mod it is another module
			t.Errorf("it has no %s: %v", name, omitted.Err)
		}
	}
	if len(files.Valid) < 500 {
		t.Errorf("it has %d files", len(files.Valid))
	}
}
