package lockfile

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// If this fails, two programs hold a file at once, or one leaves a file that nobody can lock again.
func TestTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := Take(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Take(path); !errors.Is(err, ErrTaken) {
		t.Errorf("a second lock: %v, want ErrTaken", err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if err := first.Release(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Release the file is there: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil { // what a crash leaves
		t.Fatal(err)
	}
	again, err := Take(path)
	if err != nil {
		t.Fatalf("a file without a lock: %v", err)
	}
	again.Release()
	if _, err := Take(filepath.Join(path, "none", "lock")); err == nil || errors.Is(err, ErrTaken) {
		t.Errorf("in a folder that is not there: %v", err)
	}
}

// If this fails, a program that removes its file lets two others hold it at once.
func TestTakeWhileOthersRelease(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	var holders, most, taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				l, err := Take(path)
				if err != nil {
					continue
				}
				if n := holders.Add(1); n > most.Load() {
					most.Store(n)
				}
				taken.Add(1)
				holders.Add(-1)
				l.Release()
			}
		})
	}
	all.Wait()
	if most.Load() != 1 || taken.Load() == 0 {
		t.Errorf("up to %d held the file at once, in %d turns", most.Load(), taken.Load())
	}
}
