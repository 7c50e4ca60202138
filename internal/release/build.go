package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A target is a system to build for, in Go's words.
type target struct{ os, arch string }

// targets are all systems that there is a file for.
var targets = []target{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

func (t target) String() string { return t.os + "/" + t.arch }

// program is the file name of the program on this system.
func (t target) program() string {
	if t.os == "windows" {
		return "sessionscope.exe"
	}
	return "sessionscope"
}

// name is the name of the archive without its ending, and of the folder in it.
func (t target) name(version string) string {
	system := t.os
	if system == "darwin" {
		system = "macos"
	}
	return "sessionscope_" + strings.TrimPrefix(version, "v") + "_" + system + "_" + t.arch
}

// buildFlags are the flags of go build for every program that is published. Of the folder in which
// it was built nothing gets into it (-trimpath), and no table for a debugger (-s -w); a stack trace
// has function names and lines all the same.
var buildFlags = []string{"-trimpath", "-buildvcs=true", "-ldflags=-s -w"}

// A workshop is a folder with the sources of a commit, and the environment in which go builds them.
type workshop struct {
	dir    string    // the sources
	env    []string  // of go, without the target
	commit string    // in full
	when   time.Time // when it was committed, in UTC: the time of every file that is made
}

// newWorkshop clones the commit of the repository root into the folder dir, which is not there
// yet: the history and tags come along, since Go takes the version from them. With dirty it copies
// what is not committed, too.
func newWorkshop(ctx context.Context, root, commit, dir string, dirty bool) (*workshop, error) {
	// --no-local: through git's own protocol, as from another machine. The files are as in the
	// commit, whatever the settings of this machine say of line ends.
	if _, err := command(ctx, root, nil, "git", "clone", "--quiet", "--no-local", "--no-checkout", "--template=", "--config=core.autocrlf=false", root, dir); err != nil {
		return nil, err
	}
	if _, err := command(ctx, dir, nil, "git", "checkout", "--quiet", "--detach", commit); err != nil {
		return nil, err
	}
	if dirty {
		if err := copyChanges(ctx, root, dir); err != nil {
			return nil, err
		}
	}
	return openWorkshop(ctx, dir)
}

// openWorkshop takes the folder dir, the top of a git work tree, for a workshop. It uses the caches
// of Go that this machine has.
func openWorkshop(ctx context.Context, dir string) (*workshop, error) {
	w := &workshop{dir: dir}
	var err error
	if w.commit, err = command(ctx, dir, nil, "git", "rev-parse", "HEAD"); err != nil {
		return nil, err
	}
	when, err := command(ctx, dir, nil, "git", "show", "--no-patch", "--format=%cI", "HEAD")
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, when)
	if err != nil {
		return nil, err
	}
	w.when = at.UTC()
	w.env, err = plainEnv(ctx)
	return w, err
}

// changed returns the files of the repository root that differ from the commit, as git status
// prints them.
func changed(ctx context.Context, root string) ([]string, error) {
	status, err := command(ctx, root, nil, "git", "-c", "core.quotePath=false", "status", "--porcelain", "--untracked-files=all")
	if err != nil || status == "" {
		return nil, err
	}
	return strings.Split(status, "\n"), nil
}

// copyChanges makes the files in dir, a clone of root, those that are in root. It writes nothing outside
// dir, wherever a link of the commit leads.
func copyChanges(ctx context.Context, root, dir string) error {
	names, err := command(ctx, root, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return err
	}
	clone, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer clone.Close()
	for name := range strings.SplitSeq(strings.Trim(names, "\x00"), "\x00") {
		name = filepath.FromSlash(name)
		if err := copyChange(clone, name, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	return nil
}

// copyChange makes the file of that name in the clone what from is: a file, a link, or nothing.
func copyChange(clone *os.Root, name, from string) error {
	if err := clone.RemoveAll(name); err != nil {
		return err
	}
	info, err := os.Lstat(from)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	if err := clone.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if info.Mode()&os.ModeSymlink != 0 {
		to, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return clone.Symlink(to, name)
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return clone.WriteFile(name, content, 0o644)
}

// kept are the settings of Go that say where things are and how modules are fetched. They have no
// say in what is built, since go.sum has the checksum of each module; but for GOTOOLCHAIN, which
// chooses the Go that builds. Another Go makes other bytes, and the SBOM says which one it was.
var kept = []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GONOPROXY", "GOPRIVATE", "GOSUMDB", "GONOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS", "GOTOOLCHAIN"}

// plainEnv returns the environment of this process without whatever changes what go builds, be it
// in a variable or in Go's own file of settings.
func plainEnv(ctx context.Context) ([]string, error) {
	settings, err := command(ctx, ".", nil, "go", append([]string{"env", "-json"}, kept...)...)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	if err := json.Unmarshal([]byte(settings), &values); err != nil {
		return nil, err
	}
	env := slices.DeleteFunc(ownEnv(), func(s string) bool {
		return strings.HasPrefix(s, "GO") || strings.HasPrefix(s, "CGO_")
	})
	env = append(env, "GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0")
	for _, name := range kept {
		env = append(env, name+"="+values[name])
	}
	return env, nil
}

// ownEnv returns the environment of this process without the variables that would have git work on
// another repository than that of the folder in which it is called: git sets some for its hooks.
func ownEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		return strings.HasPrefix(name, "GIT_") && name != "GIT_SSL_CAINFO" && !strings.HasPrefix(name, "GIT_SSH")
	})
}

// emptyCaches gives the workshop caches of its own below the folder dir, which is not there yet.
// The folder can be removed: modules are written so that their owner may delete them.
func (w *workshop) emptyCaches(dir string) error {
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOTMPDIR"} {
		folder := filepath.Join(dir, strings.ToLower(name))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		w.env = append(w.env, name+"="+folder)
	}
	w.env = append(w.env, "GOFLAGS=-modcacherw")
	return nil
}

// forTarget returns the environment of go for the target.
func (w *workshop) forTarget(t target) []string {
	return append(slices.Clone(w.env), "GOOS="+t.os, "GOARCH="+t.arch)
}

// A build is a program that was built.
type build struct {
	target  target
	file    string // where it is
	size    int64
	info    *buildinfo.BuildInfo
	version string // as in the build information
}

// build builds the program for the target into the folder out. It refuses a program that is larger
// than maxBinary, and one without a version.
func (w *workshop) build(ctx context.Context, t target, out string) (*build, error) {
	b := &build{target: t, file: filepath.Join(out, t.program())}
	args := slices.Concat([]string{"build"}, buildFlags, []string{"-o", b.file, "."})
	if _, err := command(ctx, w.dir, w.forTarget(t), "go", args...); err != nil {
		return nil, err
	}
	stat, err := os.Stat(b.file)
	if err != nil {
		return nil, err
	}
	if b.size = stat.Size(); b.size > maxBinary {
		return nil, fmt.Errorf("%s: the program has %d bytes, %d are allowed", t, b.size, maxBinary)
	}
	if b.info, err = buildinfo.ReadFile(b.file); err != nil {
		return nil, err
	}
	if b.version = b.info.Main.Version; !strings.HasPrefix(b.version, "v") {
		return nil, fmt.Errorf("%s: the program has no version in its build information, but %q", t, b.version)
	}
	return b, nil
}

// command runs a program in the folder dir, and returns what it prints without white space at the
// end. env nil is ownEnv. The error has what the program says on standard error. The end of ctx interrupts
// it as Ctrl+C does, since go leaves a folder with what it has compiled behind when it is killed.
func command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = 5 * time.Second
	if runtime.GOOS != "windows" { // which cannot interrupt one process
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	}
	if cmd.Dir, cmd.Env = dir, env; env == nil {
		cmd.Env = ownEnv()
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimRight(stdout.String(), " \t\r\n"), nil
}
