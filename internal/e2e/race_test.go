package e2e

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// buildRaced builds the program with the race detector, and returns where it is. The
// flags are the test command's, so that what it compiled is used again.
var buildRaced = sync.OnceValues(func() (string, error) {
	raced := filepath.Join(filepath.Dir(binary), "sessionscope-raced")
	build := exec.Command("go", "build", "-race", "-gcflags=modernc.org/...=-race=false", "-o", raced, root)
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program with the race detector: %w\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(raced)
	if err != nil {
		return "", err
	}
	for _, s := range info.Settings {
		if s.Key == "-race" && s.Value == "true" {
			return raced, nil
		}
	}
	return "", fmt.Errorf("the program was built without the race detector: %v", info.Settings)
})

// startRaced is start with the race detector in the program.
func startRaced(t *testing.T) *program {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		const missing = "no gcc, which the race detector needs: install it with sudo apt-get install gcc libc6-dev"
		if os.Getenv("CI") == "true" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	raced, err := buildRaced()
	if err != nil {
		t.Fatal(err)
	}
	return startCommand(t, exec.Command(raced, "--addr", "127.0.0.1:0"))
}

// TestRaces uses the program, with the race detector in it, over real connections:
// one page, then pages and clients that press at once while streams run.
func TestRaces(t *testing.T) {
	t.Parallel()
	t.Run("journey", func(t *testing.T) { t.Parallel(); journey(t, startRaced(t), true) })
	t.Run("live", func(t *testing.T) { t.Parallel(); live(t, startRaced(t)) })
}
