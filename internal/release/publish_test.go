package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// If this fails, the files of another version are published under a tag: a commit may have two, of which Go
// takes the higher one.
func TestWorkflowWantsTheFilesOfItsTag(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("no shell here: ", err)
	}
	workflow, err := os.ReadFile(filepath.Join(root, ".github", "workflows", "release.yml"))
	if err != nil {
		t.Fatal(err)
	}
	check := regexp.MustCompile(`(?m)^      - run: (test -e .*)$`).FindSubmatch(workflow)
	if check == nil {
		t.Fatal("nothing looks at the files")
	}
	dir := folder(t, map[string]string{"dist/" + targets[0].name("v1.1.0") + ".tar.gz": ""})
	for tag, want := range map[string]bool{"v1.1.0": true, "v1.0.0": false, "v1.1.0-rc.1": false, "v*": false, "v1.1.0 -o v": false} {
		cmd := exec.Command("sh", "-c", string(check[1]))
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GITHUB_REF_NAME="+tag)
		if err := cmd.Run(); (err == nil) != want {
			t.Errorf("%s: %v", tag, err)
		}
	}
}
