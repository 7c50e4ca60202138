package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tests that the test command runs without the race detector are in four packages. A test of
// that name in another package would be skipped there, and run nowhere.
func TestTestsWithoutTheDetectorRun(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "Taskfile.yml"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`SINGLE: '\^Test\(([^)]+)\)\$'`).FindSubmatch(text)
	if found == nil {
		t.Fatal("the Taskfile has no SINGLE")
	}
	files, err := filepath.Glob(filepath.Join(root, "internal", "*", "*_test.go"))
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files of tests: %v", len(files), err)
	}
	deeper, _ := filepath.Glob(filepath.Join(root, "internal", "*", "*", "*_test.go"))
	where := map[string][]string{}
	for _, file := range append(files, deeper...) {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`(?m)^func Test(\w+)\(`).FindAllSubmatch(source, -1) {
			where[string(name[1])] = append(where[string(name[1])], filepath.Base(filepath.Dir(file)))
		}
	}
	for name := range strings.SplitSeq(string(found[1]), "|") {
		for _, folder := range where[name] {
			if folder != "app" && folder != "session" && folder != "classroom" && folder != "shelf" && folder != "e2e" {
				t.Errorf("Test%s is in internal/%s too: there the test command skips it", name, folder)
			}
		}
		if len(where[name]) == 0 {
			t.Errorf("there is no Test%s any more", name)
		}
	}
}
