package main

import (
	"context"
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
