package program

import (
	"context"
	"errors"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// If this fails, another user of the machine reads the link to the board, or its file stays.
func TestOpenLink(t *testing.T) {
	const link = "http://127.0.0.1:8080/classroom?key=ABC&x=1"
	broken := errors.New("there is no browser")
	for _, test := range []struct {
		name   string
		opener error
		used   time.Duration // when the link is used
		ends   time.Duration // when the program ends
		want   time.Duration // when the file is gone
	}{
		{"used", nil, 3500 * time.Millisecond, time.Hour, 4 * time.Second},
		{"never used", nil, time.Hour, time.Hour, time.Minute},
		{"the program ends", nil, time.Hour, 10 * time.Second, 10 * time.Second},
		{"no browser", broken, time.Hour, time.Hour, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), test.ends)
				defer cancel()
				begin := time.Now()
				file := ""
				err := openLink(ctx, link, func(address string) error {
					u, err := neturl.Parse(address)
					if err != nil || u.Scheme != "file" || strings.Contains(address, "key=") {
						t.Errorf("the browser is given %s", address)
					}
					file = u.Path
					wantMode(t, filepath.Dir(file), 0o700)
					wantMode(t, file, 0o600)
					page, _ := os.ReadFile(file)
					if !strings.Contains(string(page), `content="0; url=http://127.0.0.1:8080/classroom?key=ABC&amp;x=1"`) {
						t.Errorf("the page:\n%s", page)
					}
					return test.opener
				}, func() bool { return time.Since(begin) < test.used })
				if !errors.Is(err, test.opener) {
					t.Errorf("error %v, want %v", err, test.opener)
				}
				if took := time.Since(begin); took != test.want {
					t.Errorf("it took %v, want %v", took, test.want)
				}
				left, err := os.ReadDir(os.TempDir())
				if err != nil || len(left) != 0 || file == "" {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		})
	}
}

// wantMode checks the permissions of a file.
func wantMode(t *testing.T, file string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != want {
		t.Errorf("%s: %v, %v, want mode %o", file, info, err, want)
	}
}

// If this fails, a browser looks for a file that is not there.
func TestFileURL(t *testing.T) {
	for path, want := range map[string]string{
		"/tmp/a b/c#d.html":      "file:///tmp/a%20b/c%23d.html",
		"C:/Users/Ada/x.html":    "file:///C:/Users/Ada/x.html",
		"//school/ada$/x y.html": "file://school/ada$/x%20y.html",
		"/tmp/50%/ü/board.html":  "file:///tmp/50%25/%C3%BC/board.html",
	} {
		if got := fileURL(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
