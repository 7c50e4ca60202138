package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// If this fails, -out removes somebody's folder: the sources, a home, or the whole disk.
func TestOutRemovesItsOwnFilesOnly(t *testing.T) {
	t.Parallel()
	from := folder(t, map[string]string{"sessionscope_2.0.0_linux_amd64.tar.gz": "new", "SHA256SUMS": "new"})
	old := map[string]string{"sessionscope_1.0.0_linux_amd64.tar.gz": "1", "sessionscope_1.0.0_linux_amd64.cdx.json": "1", "sessionscope_1.0.0_windows_amd64.zip": "1", "SHA256SUMS": "1"}
	for name, out := range map[string]string{
		"a new one":          filepath.Join(t.TempDir(), "deep", "dist"),
		"an empty one":       t.TempDir(),
		"an earlier release": folder(t, old),
	} {
		if err := replace(out, from); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := namesIn(t, out); !slices.Equal(got, []string{"SHA256SUMS", "sessionscope_2.0.0_linux_amd64.tar.gz"}) {
			t.Errorf("%s: it has %q", name, got)
		}
	}
	for name, out := range map[string]string{
		"sources":           folder(t, map[string]string{"main.go": "1", "SHA256SUMS": "1"}),
		"a folder in it":    folder(t, map[string]string{"sessionscope_1.0.0.zip/a": "1"}),
		"a name like ours":  folder(t, map[string]string{"sessionscope": "1"}),
		"a hidden file":     folder(t, map[string]string{".git": "1"}),
		"a file, no folder": filepath.Join(folder(t, map[string]string{"dist": "1"}), "dist"),
	} {
		// Before anything is built: the folder of no repository would be the next error.
		if err := release(t.Context(), options{root: t.TempDir(), out: out}, t.Output()); err == nil || strings.Contains(err.Error(), "rev-parse") {
			t.Errorf("%s: the release began: %v", name, err)
		}
		if err := replace(out, from); err == nil {
			t.Errorf("%s: it was replaced", name)
		}
		if info, err := os.Stat(out); err != nil || info.IsDir() && slices.Contains(namesIn(t, out), "sessionscope_2.0.0_linux_amd64.tar.gz") {
			t.Errorf("%s: something was written or removed, %v", name, err)
		}
	}
}

// namesIn returns the names in a folder, in their order.
func namesIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Error(err)
	}
	for _, file := range files {
		names = append(names, file.Name())
	}
	return names
}
