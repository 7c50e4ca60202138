package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

const root = "../.."

// testVersion is the tag of the commit that the tests build.
const testVersion = "v1.2.3"

// A made is what the tests make once for this machine's system, from the caches of this machine: two
// builds in two folders, and the files of the first one.
type made struct {
	target target
	shop   *workshop
	builds [2]*build
	files  string // the folder of the files
	skip   string // why nothing could be made, if that is no failure
	err    error
}

// makes returns what the tests make once.
var makes = sync.OnceValue(func() *made {
	m := &made{target: target{runtime.GOOS, runtime.GOARCH}}
	known := false
	for _, t := range targets {
		known = known || t == m.target
	}
	switch _, err := exec.LookPath("git"); {
	case !known:
		m.skip = fmt.Sprintf("there is no file for %s", m.target)
	case err != nil:
		m.skip = "git is missing: it has the version"
	default:
		m.err = m.make(context.Background())
	}
	return m
})

func (m *made) make(ctx context.Context) error {
	m.files = filepath.Join(scratch, "files")
	for i, name := range []string{"a", "another/folder"} {
		dir := filepath.Join(scratch, name)
		if err := copySources(dir); err != nil {
			return err
		}
		if err := commit(ctx, dir); err != nil {
			return err
		}
		w, err := openWorkshop(ctx, dir)
		if err != nil {
			return err
		}
		if i == 0 {
			m.shop = w
		}
		if m.builds[i], err = w.build(ctx, m.target, filepath.Join(scratch, fmt.Sprint("built", i))); err != nil {
			return err
		}
	}
	return m.shop.pack(ctx, m.builds[:1], m.files)
}

// scratch is a folder that is there while the tests run.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "sessionscope-release-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// copySources copies what the program is built from into the folder to: not its tests. It reads
// all of that, so that go test takes no old result for new sources.
func copySources(to string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		switch base := entry.Name(); {
		case base == ".git" && !entry.IsDir(): // a work tree of git's has a file, which leads to the repository
			return nil
		case entry.IsDir() && (base == ".git" || base == "testdata" || name == "dist" || name == ".task"):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		case !entry.Type().IsRegular() || strings.HasSuffix(base, "_test.go") || name == "sessionscope":
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o644)
	})
}

// commit makes the folder a git repository of one commit, the same one each time, with the tag
// testVersion. It names the repository in each command, so that none is for the one that is tested.
func commit(ctx context.Context, dir string) error {
	repository := filepath.Join(dir, ".git")
	if _, err := os.Lstat(repository); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is a repository already, %v", dir, err)
	}
	env := append(ownEnv(), "GIT_DIR="+repository, "GIT_WORK_TREE="+dir, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
		"GIT_AUTHOR_DATE=2026-11-27T21:30:05+03:00", "GIT_COMMITTER_DATE=2026-11-27T21:30:05+03:00")
	for _, args := range [][]string{
		{"init", "--quiet", "--template=", "--initial-branch=main"},
		{"add", "--all"},
		{"-c", "gc.auto=0", "commit", "--quiet", "--message=all"},
		{"tag", testVersion},
	} {
		if _, err := command(ctx, dir, env, "git", args...); err != nil {
			return err
		}
	}
	return nil
}

// files returns what is made once, or skips or fails the test.
func files(t *testing.T) *made {
	t.Helper()
	m := makes()
	switch {
	case m.skip != "" && os.Getenv("CI") != "":
		t.Fatal(m.skip)
	case m.skip != "":
		t.Skip(m.skip)
	case m.err != nil:
		t.Fatal(m.err)
	}
	return m
}

// archived returns the path of the archive for this machine's system, which is made once: a tar.gz,
// or a zip on Windows.
func archived(t *testing.T) string {
	t.Helper()
	m := files(t)
	for _, ending := range []string{".tar.gz", ".zip"} {
		path := filepath.Join(m.files, m.target.name(testVersion)+ending)
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
	t.Fatalf("there is no archive in %s", m.files)
	return ""
}

// Linked again in another folder, the program has the same bytes.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	m := files(t)
	if err := compare(filepath.Dir(m.builds[0].file), filepath.Dir(m.builds[1].file)); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(archived(t)); err != nil {
		t.Error(err)
	}
}
