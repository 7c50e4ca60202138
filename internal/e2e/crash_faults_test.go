package e2e

import (
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// fault is a passing failure of the store while the writers write.
type fault struct {
	name       string
	begin, end func()
	outage     bool // no write is acknowledged meanwhile, but for those that were being answered
}

// resetting is a relay between the program and its Redis. While resets is set, it loses one
// answer in twenty, with the connection: the command has been done all the same.
type resetting struct {
	addr, to string
	resets   atomic.Bool
}

func (p *resetting) serve(client *net.TCPConn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		defer server.Close()
		io.Copy(server, client)
	}()
	for buf := make([]byte, 64<<10); ; {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		if p.resets.Load() && rand.IntN(20) == 0 {
			client.SetLinger(0)
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

func startResetting(t *testing.T, to string) *resetting {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &resetting{addr: l.Addr().String(), to: to}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client.(*net.TCPConn))
		}
	}()
	return p
}

func sqliteStore(t *testing.T, durability string) torture {
	dir := t.TempDir()
	file, away := filepath.Join(dir, "s.db"), filepath.Join(dir, "away.db")
	rename := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Error(err)
		}
	}
	back := func() { rename(away, file) }
	return torture{
		flags: []string{"--store", "sqlite:" + file, "--durability", durability},
		check: func() {
			conn, err := sqlite.OpenConn(file, sqlite.OpenReadOnly)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			err = sqlitex.ExecuteTransient(conn, `PRAGMA integrity_check`, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
				if s.ColumnText(0) != "ok" {
					t.Errorf("integrity_check: %s", s.ColumnText(0))
				}
				return nil
			}})
			if err != nil {
				t.Error(err)
			}
		},
		faults: []fault{
			{"renamed", func() { rename(file, away) }, back, true},
			{"replaced", func() {
				rename(file, away)
				if err := os.WriteFile(file, []byte("another file"), 0o600); err != nil {
					t.Error(err)
				}
			}, back, true},
		},
	}
}
