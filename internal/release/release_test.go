package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// testVersion is the tag of the commit that the tests build.
const testVersion = "v1.2.3"

// commitTime is when it was committed, in another zone than UTC.
var commitTime = time.Date(2026, 11, 28, 1, 30, 5, 0, time.FixedZone("", 3*60*60))

// A made is what the tests make once for this machine's system, from the caches of this machine: two
// builds in two folders, and the files of the first one.
type made struct {
	target target
	shop   *workshop
	builds [2]*build
	files  string // the folder of the files
	skip   string // why there is nothing for this system
	err    error
}

// makes returns what the tests make once.
var makes = sync.OnceValue(func() *made {
	m := &made{target: target{runtime.GOOS, runtime.GOARCH}}
	known := false
	for _, t := range targets {
		known = known || t == m.target
	}
	if !known {
		m.skip = fmt.Sprintf("there is no file for %s", m.target)
		return m
	}
	m.err = m.make(context.Background())
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
	env := append(ownEnv(), append(committer(), "GIT_DIR="+repository, "GIT_WORK_TREE="+dir)...)
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

// committer returns the variables for git that say who commits, and when; and that no settings of
// this machine count.
func committer() []string {
	env := []string{"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_SYSTEM=" + os.DevNull}
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		env = append(env, "GIT_"+who+"_NAME=a", "GIT_"+who+"_EMAIL=a@example.org", "GIT_"+who+"_DATE="+commitTime.Format(time.RFC3339))
	}
	return env
}

// files returns what is made once, or skips or fails the test.
func files(t *testing.T) *made {
	t.Helper()
	requireGit(t)
	m := makes()
	switch {
	case m.skip != "":
		t.Skip(m.skip)
	case m.err != nil:
		t.Fatal(m.err)
	}
	return m
}

// requireGit skips the test where git is missing, and under CI=true fails it.
func requireGit(t *testing.T) {
	t.Helper()
	switch _, err := exec.LookPath("git"); {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatal(err)
	case err != nil:
		t.Skip(err)
	}
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

// Linked again in another folder, the program has the same bytes, and at most 25 MB of them.
func TestSameBytes(t *testing.T) {
	t.Parallel()
	m := files(t)
	if err := compare(filepath.Dir(m.builds[0].file), filepath.Dir(m.builds[1].file)); err != nil {
		t.Error(err)
	}
	if b := m.builds[0]; b.size > 25_000_000 || b.size < 5_000_000 || b.version != testVersion {
		t.Errorf("the program has %d bytes, version %q", b.size, b.version)
	}
	said, err := command(t.Context(), ".", nil, m.builds[1].file, "--version")
	if want := "sessionscope " + testVersion + " "; err != nil || !strings.HasPrefix(said, want) {
		t.Errorf("--version says %q, %v, want %q at the beginning", said, err, want)
	}
}

// An archive is one folder with exactly these files, all of the time of the commit, of user and
// group 0, and with the modes that they need.
func TestArchive(t *testing.T) {
	t.Parallel()
	m := files(t)
	if m.target.os == "windows" {
		t.Skip("this is read as tar.gz")
	}
	file := archived(t)
	folder := m.target.name(testVersion)
	want := []string{
		"drwxr-xr-x " + folder + "/",
		"-rwxr-xr-x " + folder + "/sessionscope",
		"-rw-r--r-- " + folder + "/README.md",
		"-rw-r--r-- " + folder + "/LICENSE",
		"-rw-r--r-- " + folder + "/LICENSES.txt",
		"-rw-r--r-- " + folder + "/sessionscope.1",
		"drwxr-xr-x " + folder + "/completions/",
		"-rw-r--r-- " + folder + "/completions/sessionscope.bash",
		"-rw-r--r-- " + folder + "/completions/_sessionscope",
		"-rw-r--r-- " + folder + "/completions/sessionscope.fish",
		"-rw-r--r-- " + folder + "/completions/sessionscope.ps1",
	}
	var got []string
	headers := tarHeaders(t, file)
	for _, h := range headers {
		got = append(got, h.FileInfo().Mode().String()+" "+h.Name)
		if !h.ModTime.Equal(commitTime) || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || len(h.PAXRecords) > 0 || h.Format != tar.FormatUSTAR {
			t.Errorf("%s has the header %+v", h.Name, h)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in %s (-want +got):\n%s", filepath.Base(file), diff)
	}
	content := unpacked(t)
	program, err := os.ReadFile(m.builds[0].file)
	if err != nil || content["sessionscope"] != string(program) {
		t.Errorf("the program in the archive has other bytes than the one that was built: %v", err)
	}
	for name, want := range map[string]string{
		"LICENSE": "The Sessionscope authors", "README.md": "# Sessionscope\n",
		"sessionscope.1": "1.2.3", "completions/sessionscope.bash": "sessionscope", "completions/_sessionscope": "sessionscope",
		"completions/sessionscope.fish": "sessionscope", "completions/sessionscope.ps1": "sessionscope",
	} {
		if !strings.Contains(content[name], want) {
			t.Errorf("%s does not say %q", name, want)
		}
	}
}

// unpacked returns the files of the archive by their paths inside its folder.
func unpacked(t *testing.T) map[string]string {
	t.Helper()
	files(t)
	content, err := unpack()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// unpack is for unpacked.
var unpack = sync.OnceValues(func() (map[string]string, error) {
	content := map[string]string{}
	entries, err := readTar(filepath.Join(makes().files, makes().target.name(testVersion)+".tar.gz"))
	for _, e := range entries {
		_, name, _ := strings.Cut(e.name, "/")
		content[name] = string(e.content)
	}
	return content, err
})

// SHA256SUMS is what the programs that check it expect, and names every file.
func TestSums(t *testing.T) {
	t.Parallel()
	m := files(t)
	lines, err := os.ReadFile(filepath.Join(m.files, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	name := m.target.name(testVersion)
	if want := regexp.MustCompile(`^[0-9a-f]{64}  ` + regexp.QuoteMeta(name) + `\.cdx\.json\n[0-9a-f]{64}  ` + regexp.QuoteMeta(name) + `\.(tar\.gz|zip)\n$`); !want.Match(lines) {
		t.Errorf("SHA256SUMS is\n%s", lines)
	}
	for _, args := range [][]string{{"sha256sum", "-c", "SHA256SUMS"}, {"shasum", "-a", "256", "-c", "SHA256SUMS"}} {
		if _, err := exec.LookPath(args[0]); err != nil {
			continue
		}
		said, err := command(t.Context(), m.files, nil, args[0], args[1:]...)
		if err != nil || strings.Count(said, ": OK") != 2 {
			t.Errorf("%s: %v\n%s", args[0], err, said)
		}
	}
}
