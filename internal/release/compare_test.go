package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// folder makes a folder with files of these contents.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Two builds that differ are refused, by the name of each file and the place in it.
func TestCompare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		a, b map[string]string
		want []string // parts of the error; none for no error
	}{
		{"the same", map[string]string{"x": "1", "y/z": "2"}, map[string]string{"x": "1", "y/z": "2"}, nil},
		{"a byte", map[string]string{"x": "123", "y/z": "2"}, map[string]string{"x": "124", "y/z": "2"}, []string{"x from byte 2 on"}},
		{"longer", map[string]string{"x": "12"}, map[string]string{"x": "123"}, []string{"x from byte 2 on (2 and 3 bytes)"}},
		{"two files", map[string]string{"x": "1", "y": "1"}, map[string]string{"x": "2", "y": "2"}, []string{"x from byte 0", "y from byte 0"}},
		{"missing in the second", map[string]string{"x": "1", "y": "1"}, map[string]string{"x": "1"}, []string{"y: no such file"}},
		{"missing in the first", map[string]string{"x": "1"}, map[string]string{"x": "1", "y": "1"}, []string{"y: no such file"}},
		{"nothing", nil, nil, []string{"there is no file"}},
	} {
		err := compare(folder(t, test.a), folder(t, test.b))
		if (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v", test.name, err)
		}
		for _, part := range test.want {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v, want %q in it", test.name, err, part)
			}
		}
	}
}
