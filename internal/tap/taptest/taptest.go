// Package taptest has what tests of connections share. Begin with Half.
package taptest

import (
	"io"
	"net"
	"testing"
)

// Half sends the beginning of a request to addr, and returns the connection, which ends with
// the test.
func Half(t *testing.T, addr, text string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	return conn
}
