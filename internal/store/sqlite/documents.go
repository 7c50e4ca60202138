package sqlite

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"
)

// documentsTable makes the table of a store that was opened with Config.Documents. It is not
// in schema.sql: a file of sessions only has no such table, and a file that has one is opened
// without Config.Documents as well.
const documentsTable = `
-- Small documents under names, in the order of the bytes of their names. The program decides
-- what is in them.
CREATE TABLE IF NOT EXISTS documents(
  name TEXT NOT NULL PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;`

// errNoDocuments is the error of a store that was opened without Config.Documents.
var errNoDocuments = errors.New("the store was opened without documents")

// makeDocuments makes the table of documents unless it is there.
func (st *Store) makeDocuments() error {
	return sqlitex.ExecuteTransient(st.write, documentsTable, nil)
}

// hasDocuments returns an error if a table of documents is there and is not the one of
// documentsTable.
func hasDocuments(conn *sqlite.Conn) error {
	return sqlitex.ExecuteTransient(conn, `SELECT sql FROM sqlite_schema WHERE name = 'documents'`, &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		if sql, ours := strings.CutPrefix(s.ColumnText(0), "CREATE TABLE "); !ours || !strings.Contains(documentsTable, sql+";") {
			return unfit("it is damaged: its table of documents is not the one that Sessionscope makes")
		}
		return nil
	}})
}

// PutDocuments writes documents, each in place of the one of its name: all of them or none.
// They are as durable as sessions (see Durability), and share their commits. After an error
// they were written, all of them, or not.
func (st *Store) PutDocuments(ctx context.Context, documents map[string][]byte) error {
	own := make(map[string][]byte, len(documents)) // the end of ctx may leave the write to another goroutine
	for name, data := range documents {
		own[name] = bytes.Clone(data)
	}
	return st.doDocuments(ctx, func() error {
		s, err := st.write.Prepare(`INSERT INTO documents (name, data) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET data = ?2`)
		for name, data := range own {
			if err != nil {
				break
			}
			s.BindText(1, name)
			s.BindBytes(2, data)
			err = step(s)
		}
		return err
	})
}

// DeleteDocuments removes the documents of those names: all of them or none. A name of no
// document is no error. After an error they were removed, all of them, or not.
func (st *Store) DeleteDocuments(ctx context.Context, names ...string) error {
	own := append([]string(nil), names...)
	return st.doDocuments(ctx, func() error {
		s, err := st.write.Prepare(`DELETE FROM documents WHERE name = ?`)
		for _, name := range own {
			if err != nil {
				break
			}
			s.BindText(1, name)
			err = step(s)
		}
		return err
	})
}

// doDocuments puts a write of documents into the queue and returns its answer, as do does.
func (st *Store) doDocuments(ctx context.Context, run func() error) error {
	if !st.documents {
		return errNoDocuments
	}
	return st.do(ctx, func(tx *tx) error {
		tx.documents = true
		return run()
	})
}

// step runs a statement that returns no row.
func step(s *sqlite.Stmt) error {
	_, err := s.Step()
	return errors.Join(err, s.Reset())
}

// Documents returns all documents by name, as they were at one moment.
func (st *Store) Documents(ctx context.Context) (map[string][]byte, error) {
	if !st.documents {
		return nil, errNoDocuments
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := make(map[string][]byte)
	err := st.reading(`SELECT name, data FROM documents`, func(s *sqlite.Stmt) error {
		for {
			if ok, err := s.Step(); err != nil || !ok {
				return err
			}
			data := make([]byte, s.ColumnLen(1))
			s.ColumnBytes(1, data)
			all[s.ColumnText(0)] = data
		}
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
