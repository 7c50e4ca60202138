package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// repositoryOf makes a git repository of one commit with these files.
func repositoryOf(t *testing.T, files map[string]string) string {
	t.Helper()
	requireGit(t)
	dir := folder(t, files)
	if err := commit(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A tree with changes is refused by the names of the files that differ, before anything is made.
func TestDirtyTreeIsRefused(t *testing.T) {
	t.Parallel()
	dir := repositoryOf(t, map[string]string{"a b": "1", "gone": "1", "same": "1", ".gitignore": "ignored\n"})
	if changes, err := changed(t.Context(), dir); err != nil || len(changes) > 0 {
		t.Errorf("nothing was changed: %q, %v", changes, err)
	}
	for name, content := range map[string]string{"a b": "2", "new/é": "1", "ignored": "1"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "new"), 0o755), os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "dist")
	err := release(t.Context(), options{root: dir, out: out, targets: targets}, t.Output())
	if err == nil {
		t.Fatal("it is no error")
	}
	for _, want := range []string{"a b", "gone", "new/é"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "same") || strings.Contains(err.Error(), "ignored") {
		t.Errorf("the error names a file that does not differ: %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a folder was made")
	}
}

// A clone without its history is refused: the version would be another one.
func TestShallowCloneIsRefused(t *testing.T) {
	t.Parallel()
	dir := repositoryOf(t, map[string]string{"a": "1"})
	git := func(dir string, args ...string) {
		t.Helper()
		if _, err := command(t.Context(), dir, append(ownEnv(), committer()...), "git", args...); err != nil {
			t.Fatal(err)
		}
	}
	git(dir, "commit", "--quiet", "--allow-empty", "--message=second")
	shallow := filepath.Join(t.TempDir(), "shallow")
	git(dir, "clone", "--quiet", "--depth=1", "file://"+filepath.ToSlash(dir), shallow)
	err := release(t.Context(), options{root: shallow, out: filepath.Join(dir, "dist"), targets: targets}, t.Output())
	if err == nil || !strings.Contains(err.Error(), "git fetch --unshallow --tags") {
		t.Error(err)
	}
}

// What is built is the commit: with -dirty what is not committed, too, and then the commit is not
// what it was for Go, which gives the version.
func TestClone(t *testing.T) {
	t.Parallel()
	dir := repositoryOf(t, map[string]string{"a": "1\n", "gone": "1", "deep/b": "1"})
	for name, content := range map[string]string{"a": "2\n", "new": "1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "gone")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		dirty   bool
		want    string // the files with their contents
		changes int
	}{
		{"the commit", false, "a=1\n deep/b=1 gone=1", 0},
		{"with changes", true, "a=2\n deep/b=1 new=1", 3},
	} {
		to := filepath.Join(t.TempDir(), "clone")
		w, err := newWorkshop(t.Context(), dir, "HEAD", to, test.dirty)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"a", "deep/b", "gone", "new"} {
			if content, err := os.ReadFile(filepath.Join(to, name)); err == nil {
				got = append(got, name+"="+string(content))
			}
		}
		if strings.Join(got, " ") != test.want || !w.when.Equal(commitTime) || w.when.Location().String() != "UTC" {
			t.Errorf("%s: %q of %s, want %q", test.name, got, w.when, test.want)
		}
		changes, err := changed(t.Context(), to)
		if err != nil || len(changes) != test.changes {
			t.Errorf("%s: %q differ, %v, want %d", test.name, changes, err, test.changes)
		}
		if tags, err := command(t.Context(), to, nil, "git", "tag"); err != nil || tags != testVersion {
			t.Errorf("%s: the tags are %q, %v", test.name, tags, err)
		}
	}
}

// A tag that Go does not take for a version is refused: the files would have another name than the
// release.
func TestTagIsTheVersion(t *testing.T) {
	t.Parallel()
	dir := repositoryOf(t, map[string]string{"a": "1"})
	w := &workshop{dir: dir}
	for _, test := range []struct {
		version string
		refused bool
	}{
		{testVersion, false},
		{testVersion + "+dirty", false},
		{"v0.0.0-20261127223005-0123456789ab", true},
	} {
		if err := w.checkTag(t.Context(), test.version); (err != nil) != test.refused {
			t.Errorf("%s: %v", test.version, err)
		}
	}
	if _, err := command(t.Context(), dir, nil, "git", "tag", "--delete", testVersion); err != nil {
		t.Fatal(err)
	}
	if err := w.checkTag(t.Context(), "v0.0.0-20261127223005-0123456789ab"); err != nil {
		t.Errorf("without a tag: %v", err)
	}
}

// Nothing that this machine sets for Go changes what is built.
func TestPlainEnv(t *testing.T) {
	for _, name := range []string{"GOFLAGS", "GOEXPERIMENT", "GOAMD64", "CGO_ENABLED", "GODEBUG", "GIT_DIR"} {
		t.Setenv(name, map[string]string{"GOFLAGS": "-tags=x", "GOAMD64": "v3", "CGO_ENABLED": "1", "GODEBUG": "madvdontneed=1", "GIT_DIR": "/nowhere"}[name])
	}
	env, err := plainEnv(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, not := range []string{"GOFLAGS=-tags=x", "GOAMD64=v3", "CGO_ENABLED=1", "GODEBUG=madvdontneed=1", "GIT_DIR=/nowhere"} {
		if slices.Contains(env, not) {
			t.Errorf("%s is in it", not)
		}
	}
	w := workshop{dir: ".", env: env}
	said, err := command(t.Context(), ".", w.forTarget(target{"windows", "arm64"}), "go", "env", "GOOS", "GOARCH", "GOFLAGS", "GOARM64", "CGO_ENABLED")
	if want := "windows\narm64\n\nv8.0\n0"; err != nil || said != want {
		t.Errorf("go env says %q, %v, want %q", said, err, want)
	}
}

// The command line names systems, and refuses what it does not know.
func TestOptions(t *testing.T) {
	t.Parallel()
	opts, err := readOptions([]string{"-once", "-dirty", "-target", "linux/amd64", "-target", "windows/arm64", "-out", "x"}, t.Output())
	if want := []target{{"linux", "amd64"}, {"windows", "arm64"}}; err != nil || !slices.Equal(opts.targets, want) || !opts.once || !opts.dirty || opts.out != "x" {
		t.Errorf("%+v, %v", opts, err)
	}
	if opts, err := readOptions(nil, t.Output()); err != nil || len(opts.targets) != 6 || opts.once || opts.dirty || opts.out != "dist" {
		t.Errorf("%+v, %v", opts, err)
	}
	for _, args := range [][]string{{"x"}, {"-target", "plan9/386"}} {
		if _, err := readOptions(args, t.Output()); err == nil || errors.Is(err, flag.ErrHelp) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
