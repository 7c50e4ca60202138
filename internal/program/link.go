package program

import (
	"context"
	"errors"
	"fmt"
	"html"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	linkLife = time.Minute // how long a file with a link waits for the browser
	linkLook = time.Second // how often the program looks whether the link was used
)

// openLink opens the browser at a link that must not be seen by others, and returns when the
// link was used, which waits tells, or after linkLife, or when ctx ends. The link is not put on
// a command line, which everybody on a machine can read. The browser is given a file, which
// only this user can read and which is gone when openLink returns.
func openLink(ctx context.Context, link string, open func(address string) error, waits func() bool) (err error) {
	dir, err := os.MkdirTemp("", "sessionscope-") // with mode 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	file := filepath.Join(dir, "board.html")
	if err := os.WriteFile(file, []byte(linkPage(link)), 0o600); err != nil {
		return err
	}
	opened := make(chan error, 1)
	go func() { opened <- open(fileURL(file)) }() // some openers wait until the browser closes
	ctx, end := context.WithTimeout(ctx, linkLife)
	defer end()
	look := time.NewTicker(linkLook)
	defer look.Stop()
	for {
		select {
		case err := <-opened:
			if err != nil {
				return err
			}
			opened = nil
		case <-ctx.Done():
			return nil
		case <-look.C:
			if !waits() {
				return nil
			}
		}
	}
}

// linkPage returns a page that leads to the link at once.
func linkPage(link string) string {
	link = html.EscapeString(link)
	return fmt.Sprintf(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url=%s">
<title>Sessionscope</title>
<p><a href="%[1]s">To the board of the class</a>
`, link)
}

// fileURL returns the URL of a file, given by its whole path.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	host := ""
	if rest, shared := strings.CutPrefix(path, "//"); shared { // a folder of another Windows machine: //server/share/…
		host, path, _ = strings.Cut(rest, "/")
	}
	if !strings.HasPrefix(path, "/") { // C:/…
		path = "/" + path
	}
	return (&neturl.URL{Scheme: "file", Host: host, Path: path}).String()
}
