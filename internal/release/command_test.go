package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

// If this fails, Ctrl+C kills go, which then leaves a folder with all that it has compiled.
func TestInterruptedCommandTidiesUp(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot interrupt one process")
	}
	dir := t.TempDir()
	begun := filepath.Join(dir, "begun")
	if err := exec.Command("mkfifo", begun).Run(); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := command(ctx, dir, nil, "sh", "-c", `trap 'kill $!; rm -r work; exit 1' INT; mkdir work; sleep 60 >begun 2>&1 & wait`)
		ended <- err
	}()
	if f, err := os.Open(begun); err != nil { // waits until the command has opened it too
		t.Fatal(err)
	} else {
		defer f.Close()
	}
	interrupt()
	if err := <-ended; err == nil {
		t.Error("an interrupted command is no error")
	}
	if _, err := os.Stat(filepath.Join(dir, "work")); err == nil {
		t.Error("its folder is left behind")
	}
}

// If this fails, -dirty writes through a link of the commit, into somebody's file.
func TestChangesStayInTheClone(t *testing.T) {
	t.Parallel()
	outside := folder(t, map[string]string{"file": "mine"})
	dir := folder(t, map[string]string{"a": "1", "b": "1"})
	for name, to := range map[string]string{"was a link": filepath.Join(outside, "file"), "link": "a", "new": "a"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Skip("no links here: ", err)
		}
	}
	requireGit(t)
	if err := commit(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"was a link": "", "new": "b"} {
		path := filepath.Join(dir, name)
		err := os.Remove(path)
		if to == "" {
			err = errors.Join(err, os.WriteFile(path, []byte("changed"), 0o644))
		} else {
			err = errors.Join(err, os.Symlink(to, path))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), "clone")
	if _, err := newWorkshop(t.Context(), dir, "HEAD", to, true); err != nil {
		t.Fatal(err)
	}
	if content, err := os.ReadFile(filepath.Join(outside, "file")); string(content) != "mine" {
		t.Errorf("a file outside has %q, %v", content, err)
	}
	if content, err := os.ReadFile(filepath.Join(to, "was a link")); string(content) != "changed" {
		t.Errorf("the change is %q, %v", content, err)
	}
	for name, want := range map[string]string{"link": "a", "new": "b"} {
		if leads, err := os.Readlink(filepath.Join(to, name)); leads != want {
			t.Errorf("%s leads to %q, %v", name, leads, err)
		}
	}
	// A folder of the commit that is a link, and that is a folder now.
	other := folder(t, map[string]string{"a": "1"})
	if err := errors.Join(os.Symlink(outside, filepath.Join(other, "d")), commit(t.Context(), other), os.Remove(filepath.Join(other, "d")),
		os.Mkdir(filepath.Join(other, "d"), 0o755), os.WriteFile(filepath.Join(other, "d", "file"), []byte("changed"), 0o644)); err != nil {
		t.Fatal(err)
	}
	_, err := newWorkshop(t.Context(), other, "HEAD", filepath.Join(t.TempDir(), "clone"), true)
	if content, _ := os.ReadFile(filepath.Join(outside, "file")); string(content) != "mine" {
		t.Errorf("a file in a folder outside has %q, %v", content, err)
	}
}
