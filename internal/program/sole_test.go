package program

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const soleAddress = "http://127.0.0.1:8080"

// claiming claims a folder, where Sessionscope answers at the addresses in alive.
func claiming(t *testing.T, folder string, alive ...string) (s *sole, there string, took time.Duration) {
	t.Helper()
	begin := time.Now()
	s, there = claim(t.Context(), []string{folder}, func(_ context.Context, address string) bool {
		return strings.Contains(strings.Join(alive, " "), address)
	})
	return s, there, time.Since(begin)
}

// If this fails, a second double click starts a second program, waits for ever for one that hangs, or finds
// none after a crash; or something is left behind.
func TestClaim(t *testing.T) {
	folder := t.TempDir()
	address := filepath.Join(folder, "sessionscope.address")
	synctest.Test(t, func(t *testing.T) {
		first, there, _ := claiming(t, folder)
		if first == nil || there != "" {
			t.Fatalf("the first: %v, %q", first, there)
		}
		if s, there, took := claiming(t, folder, soleAddress); s != nil || there != "" || took != soleTime {
			t.Errorf("beside one that says no address: %v, %q after %v, want nothing after %v", s, there, took, soleTime)
		}
		time.AfterFunc(time.Second, func() { first.tell(soleAddress) })
		if s, there, took := claiming(t, folder, soleAddress); s != nil || there != soleAddress || took > 2*time.Second {
			t.Errorf("two double clicks at once: %v, %q after %v", s, there, took)
		}
		if info, err := os.Stat(address); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("the address: %v, %v", info, err)
		}
		if s, there, _ := claiming(t, folder); s != nil || there != "" {
			t.Errorf("beside one that does not answer: %v, %q", s, there)
		}
		if err := first.tell(soleAddress); err != nil {
			t.Errorf("an address that is there: %v", err)
		}
		time.AfterFunc(time.Second, first.release) // it is ending
		second, there, _ := claiming(t, folder)
		if second == nil || there != "" {
			t.Fatalf("after the end of the first: %v, %q", second, there)
		}
		second.tell("http://127.0.0.1:9")
		second.lock.Release() // as after a crash, but for the lock's file
		if err := os.WriteFile(second.lock.Path(), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		third, there, took := claiming(t, folder, soleAddress)
		if third == nil || there != "" || took != 0 {
			t.Fatalf("after a crash: %v, %q after %v", third, there, took)
		}
		if text, err := os.ReadFile(address); err == nil {
			t.Errorf("the address of the one that crashed stayed: %s", text)
		}
		third.tell(soleAddress)
		third.release()
	})
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// If this fails, a double click right after Quit waits for seconds, as long as a browser keeps a connection
// open, and starts a program that the next one does not find; or the one that ends takes its files away.
func TestClaimWhileAnotherEnds(t *testing.T) {
	folder := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		first, _, _ := claiming(t, folder)
		(&click{sole: first}).ends() // its requests go on
		second, there, took := claiming(t, folder, soleAddress)
		if second == nil || there != "" || took != 0 {
			t.Fatalf("while the first ends: %v, %q after %v", second, there, took)
		}
		second.tell(soleAddress)
		first.release() // its end
		if s, there, _ := claiming(t, folder, soleAddress); s != nil || there != soleAddress {
			t.Errorf("after the end of the first: %v, %q", s, there)
		}
		second.release()
	})
}

// If this fails, a folder that cannot be used keeps the program from starting, or from the next folder.
func TestClaimWithoutAFolder(t *testing.T) {
	good, none := t.TempDir(), filepath.Join(t.TempDir(), "none")
	for _, folders := range [][]string{nil, {none}} {
		if s, there := claim(t.Context(), folders, nil); s != nil || there != "" {
			t.Errorf("%v: %v, %q", folders, s, there)
		}
	}
	s, _ := claim(t.Context(), []string{none, good}, nil)
	if s == nil || filepath.Dir(s.address) != good {
		t.Errorf("the second folder was not taken: %v", s)
	}
	s.release()
	if err := (&sole{address: filepath.Join(none, "x")}).tell(soleAddress); err == nil {
		t.Error("an address was written into a folder that is not there")
	}
	var nobody *click
	nobody.serves(soleAddress)
	nobody.ends()
	if nobody.quit() != nil || nobody.howToEnd() != "Ctrl+C ends it" {
		t.Error("a program that was not started by a double click has Quit")
	}
}

// If this fails, what somebody put into the file is opened in the browser.
func TestReadAddress(t *testing.T) {
	file := filepath.Join(t.TempDir(), "address")
	for text, want := range map[string]string{
		soleAddress + "\n": soleAddress, "http://127.0.0.1:1\n": "http://127.0.0.1:1", "http://127.0.0.1:65535\n": "http://127.0.0.1:65535",
		"": "", soleAddress: "", "http://127.0.0.1:80": "", soleAddress + "/\n": "", soleAddress + "\n\n": "", soleAddress + " \n": "",
		"http://127.0.0.1:65536\n": "", "http://127.0.0.1:0\n": "", "http://127.0.0.1:08080\n": "", "http://127.0.0.1\n": "", "http://127.0.0.2:8080\n": "",
		"https://127.0.0.1:8080\n": "", "http://localhost:8080\n": "", "http://127.0.0.1:8080@evil.example\n": "", "file:///etc/passwd\n": "", "-h\n": "",
		strings.Repeat("x", 1<<10) + "\n" + soleAddress + "\n": "",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := readAddress(file); got != want {
			t.Errorf("%.60q: %q, want %q", text, got, want)
		}
	}
	link := file + ".link"
	if err := os.WriteFile(file, []byte(soleAddress+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Skip("no links here: ", err)
	}
	for _, path := range []string{link, filepath.Dir(file), file + ".none"} {
		if got := readAddress(path); got != "" {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// If this fails, the page of another program that has the port now is opened.
func TestIsSessionscope(t *testing.T) {
	const health = `{"status":"ok","version":"v1","store":"memory"}`
	for _, test := range []struct {
		name, kind, body, to string
		want                 bool
	}{
		{"Sessionscope", "application/json", health + "\n", "", true},
		{"a page", "text/html", "<h1>hello", "", false},
		{"its text as another kind", "text/html", health, "", false},
		{"another program's health", "application/json", `{"status":"ok"}`, "", false},
		{"more fields", "application/json", `{"status":"ok","version":"v1","store":"memory","up":1}`, "", false},
		{"nothing", "", "", "", false},
		{"a way to elsewhere", "application/json", health, "http://127.0.0.1:1/", true},
		{"no JSON", "application/json", strings.Repeat(" ", 1<<20) + health, "", false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/healthz" {
				t.Errorf("asked for %s", r.URL)
			}
			w.Header().Set("Content-Type", test.kind)
			if test.to != "" {
				w.Header().Set("Location", test.to)
				w.WriteHeader(http.StatusFound)
			}
			w.Write([]byte(test.body))
		}))
		if got := isSessionscope(t.Context(), srv.URL); got != test.want {
			t.Errorf("%s: %t, want %t", test.name, got, test.want)
		}
		srv.Close()
		if isSessionscope(t.Context(), srv.URL) {
			t.Errorf("%s: nobody listens, and it is Sessionscope", test.name)
		}
	}
}
