package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A workflow runs the code of an action by its commit, which nobody can move, as they can a tag or a
// branch; beside it stands the version that it is. And it runs the commands of the README.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	if err != nil || len(files) != 2 {
		t.Fatalf("workflows: %v, %v", files, err)
	}
	pinned := regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	const task = "go run github.com/go-task/task/v3/cmd/task@v3.45.4 "
	all, uses := "", 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
		for line := range strings.Lines(string(text)) {
			_, action, ok := strings.Cut(line, "uses: ")
			if action = strings.TrimSpace(action); !ok || action == "./.github/workflows/test.yml" {
				continue
			}
			if uses++; !pinned.MatchString(action) {
				t.Errorf("%s: %q is not pinned as OWNER/NAME@COMMIT # vVERSION", filepath.Base(file), action)
			}
		}
	}
	if uses < 8 || !strings.Contains(all, "- run: bash .ci/run\n") || !strings.Contains(all, "- run: "+task+"release\n") {
		t.Errorf("%d actions, or the commands of the README are not run", uses)
	}
	ci, err := os.ReadFile(root + "/.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(ci), task+"test\n") || !strings.Contains(readme(t), "\n"+task+"test\n") {
		t.Error("README and .ci/run do not run the same command")
	}
}
