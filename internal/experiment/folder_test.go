package experiment

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// An experiment's files would lie where nobody expects them, or it could not be run on a machine that
// has a place for them.
func TestMakeFolder(t *testing.T) {
	t.Parallel()
	here := t.TempDir()
	file := filepath.Join(here, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing, second := filepath.Join(here, "missing"), t.TempDir()
	dir, err := makeFolder([]string{missing, second, here})
	if err != nil || filepath.Dir(dir) != second || !strings.HasPrefix(filepath.Base(dir), "sessionscope-experiment-") {
		t.Errorf("the folder is %s, %v; want one in %s", dir, err, second)
	}
	if info, err := os.Stat(dir); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("it has the mode %v, %v", info.Mode(), err)
	}
	dir, err = makeFolder([]string{missing, file})
	if dir != "" || !errors.Is(err, ErrNoFolder) || !strings.Contains(err.Error(), "none can be made in "+missing+": ") || !strings.Contains(err.Error(), ", in "+file+": ") {
		t.Errorf("without a place: %q, %v", dir, err)
	}
	if left, _ := os.ReadDir(here); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

// Who sets TMPDIR has said where files go: nothing would be written elsewhere. Without it the system's
// place comes first, and the working folder last.
func TestFolderPlaces(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no TMPDIR")
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", "/home/ada")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("TMPDIR", "")
	if got := folderPlaces(); len(got) != 3 || got[0] != "/tmp" || !strings.HasPrefix(got[1], "/home/ada/") || got[2] != here {
		t.Errorf("the places are %q", got)
	}
	t.Setenv("HOME", "")
	if got := folderPlaces(); !slices.Equal(got, []string{"/tmp", here}) {
		t.Errorf("without a home they are %q", got)
	}
	t.Setenv("TMPDIR", "/scratch")
	if got := folderPlaces(); !slices.Equal(got, []string{"/scratch"}) {
		t.Errorf("with TMPDIR they are %q", got)
	}
}
