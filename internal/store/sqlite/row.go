package sqlite

import (
	"encoding/hex"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

// stored returns r as a write puts it into the file: at the next version, its times in
// UTC and whole milliseconds.
func stored(r session.Record) session.Record {
	r.Version++
	r.Created, r.Expires = milli(r.Created), milli(r.Expires)
	return r
}

func milli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// bind sets the parameters 1 to 6: key, created, expires, version, data and marker.
func bind(s *sqlite.Stmt, k session.Key, r session.Record) {
	s.BindText(1, hex.EncodeToString(k[:]))
	s.BindInt64(2, r.Created.UnixMilli())
	s.BindInt64(3, r.Expires.UnixMilli())
	s.BindInt64(4, int64(r.Version))
	s.BindText(5, r.Data)
	s.BindBool(6, r.Marker)
}

// record reads the first five columns: created, expires, version, data and marker.
func record(s *sqlite.Stmt) session.Record {
	return session.Record{
		Created: time.UnixMilli(s.ColumnInt64(0)).UTC(), Expires: time.UnixMilli(s.ColumnInt64(1)).UTC(),
		Version: uint64(s.ColumnInt64(2)), Data: s.ColumnText(3), Marker: s.ColumnBool(4),
	}
}

// parseKey returns the zero key for a text that is no key. No session has that key.
func parseKey(text string) (k session.Key) {
	if len(text) == hex.EncodedLen(len(k)) {
		hex.Decode(k[:], []byte(text))
	}
	return k
}

// exec runs a statement without parameters.
func exec(c *sqlite.Conn, query string) error { return row(c, query) }

// row runs a query without parameters and reads the integers of its one row.
func row(c *sqlite.Conn, query string, columns ...*int64) error {
	s, err := c.Prepare(query)
	if err != nil {
		return err
	}
	if _, err := s.Step(); err != nil {
		return err
	}
	for i, column := range columns {
		*column = s.ColumnInt64(i)
	}
	return s.Reset()
}
