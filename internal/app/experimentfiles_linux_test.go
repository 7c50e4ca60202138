package app

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

// Windows removes no file that is open. If this fails, an experiment over SQLite leaves its folder behind
// there, or cannot open its files again after a restart.
func TestFilesAreClosedBeforeTheyGo(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	closings := 0
	a := newExperiments(t, func(cfg *experiment.Config) {
		open := cfg.Stores["sqlite"]
		cfg.Stores["sqlite"] = func(ctx context.Context, store experiment.StoreConfig) (session.Backend, func() error, func() error, error) {
			backend, end, remove, err := open(ctx, store)
			watched := func(closeIt func() error) func() error {
				return func() error {
					closings++
					if before := openBelow(t, temp+"/sessionscope-"); before == 0 {
						t.Error("the control: no file is open")
					}
					err := closeIt()
					if left, _ := filepath.Glob(filepath.Join(temp, "sessionscope-experiment-*")); openBelow(t, temp+"/sessionscope-") != 0 || len(left) != 1 {
						t.Errorf("after it was closed %d files are open, and there are %d folders, want 1", openBelow(t, temp+"/sessionscope-"), len(left))
					}
					return err
				}
			}
			return backend, watched(end), watched(remove), err
		}
	})
	if f := runFor(t, a, "stores-through-a-restart", "store=sqlite"); f.State != "ended" || closings != 2 {
		t.Errorf("%s %s, closed %d times, want 2", f.State, f.Error, closings)
	}
}

// openBelow returns how many files this program has open whose paths begin with place.
func openBelow(t *testing.T, place string) (n int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		if file, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && strings.HasPrefix(file, place) {
			n++
		}
	}
	return n
}
