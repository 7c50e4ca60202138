//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A workflow runs the code of an action by its commit, which nobody can move, as they can a tag or a
// branch; beside it stands the version that it is. The workflows run the tests by .ci/run, which has the
// README's command (isTestCommand), and the release by the same Task.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob(root + "/.github/workflows/*.yml")
	if err != nil || len(files) != 2 {
		t.Fatalf("workflows: %v, %v", files, err)
	}
	pinned := regexp.MustCompile(`^[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	release := strings.TrimSuffix(testCommand, "test") + "release"
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
	if uses < 8 || !strings.Contains(all, "- run: bash .ci/run\n") || !strings.Contains(all, "- run: "+release+"\n") {
		t.Errorf("%d actions, or the commands of the README are not run", uses)
	}
}
