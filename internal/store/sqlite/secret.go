package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/session"
)

// secretTable makes the table of SignedWith, which has at most one row. It is not in
// schema.sql: a file of an older Sessionscope has no such table, and an older Sessionscope
// opens a file that has one.
const secretTable = `
-- Which secret signs the cookies of these sessions: the file that it was kept in
-- ('' if the program was given one), and a part of its SHA-256. It is not in here.
CREATE TABLE IF NOT EXISTS secret(
  file        TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  database    TEXT NOT NULL -- the name by which the database was opened: its log lies beside it
) STRICT;`

// File returns the true name of the database, without links.
func (st *Store) File() string { return st.file }

// SecretFile returns the file of the secret that signs the sessions of the database. It
// looks for FILE.secret beside the database, by its true name; then for the file that the
// database names, which may lie beside another hard link; then beside the link that was
// opened. For a new database it makes FILE.secret. A database whose sessions were signed
// before needs the same secret: a missing file, or one with other secrets, is an error.
// This holds for a database without rows too, since sessions of placement cookie have none.
func (st *Store) SecretFile(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	own := st.file + ".secret"
	noted, err := st.notedSecret()
	if err != nil {
		return "", err
	}
	var live bool
	err = st.reading(`SELECT EXISTS (SELECT 1 FROM sessions WHERE expires > ? AND key <> ?)`, func(s *sqlite.Stmt) error {
		s.BindInt64(1, st.now().UnixMilli())
		s.BindText(2, noKey)
		_, err := s.Step()
		live = s.ColumnBool(0)
		return err
	})
	if err != nil {
		return "", err
	}
	secrets, err := session.ReadSecrets(own)
	switch {
	case err == nil && noted.among(secrets):
		return own, nil
	case err == nil:
		return "", fmt.Errorf("%s is not the secret that signed the sessions of %s: put the right one in its place, or name it with --secret-file; --secret-file %[1]s takes this one and logs everybody out", own, filepath.Base(st.file))
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	for _, file := range []string{noted.file, st.given + ".secret"} {
		if secrets, err := session.ReadSecrets(file); err == nil && noted.among(secrets) {
			return file, nil
		}
	}
	if live || noted.fingerprint != "" {
		return "", fmt.Errorf("%s is missing, and no other secret opens the sessions of %s: put it back, name it with --secret-file, or move the database away and begin anew", own, filepath.Base(st.file))
	}
	return own, session.MakeSecret(own)
}

// logElsewhere returns an error if the database was open by another name when its program
// was killed: the last writes are in the log beside that name. SQLite looks only beside
// the present name and finds the database without those writes. Later, under the former
// name, it would play that log over what was written meanwhile.
func (st *Store) logElsewhere() error {
	noted, err := st.notedSecret()
	if err != nil || noted.database == "" || noted.database == st.file {
		return err
	}
	if info, err := os.Stat(noted.database); err == nil { // a hard link of this database, or another database
		if own, err := os.Stat(st.file); err != nil || !os.SameFile(info, own) {
			return nil
		}
	}
	log := noted.database + "-wal"
	info, err := os.Stat(log)
	if err != nil || info.Size() == 0 {
		return nil
	}
	if own, err := os.Stat(st.file + "-wal"); err == nil && os.SameFile(info, own) { // the same name in other capitals
		return nil
	}
	return fmt.Errorf("its last writes lie in %s, beside its former name: start with that name, or move the log to %s-wal", log, st.file)
}

// SignedWith notes in the database that the first of these secrets signs from now on.
// file is what SecretFile returned, or "" if --secret-file named the secret.
func (st *Store) SignedWith(ctx context.Context, file string, secrets [][]byte) error {
	now := notedSecret{file, fingerprint(secrets[0]), st.file}
	if noted, err := st.notedSecret(); err != nil || noted == now {
		return err
	}
	err := st.do(ctx, func(*tx) error {
		for _, query := range []string{secretTable, `DELETE FROM secret`} {
			if err := sqlitex.ExecuteTransient(st.write, query, nil); err != nil {
				return err
			}
		}
		return sqlitex.ExecuteTransient(st.write, `INSERT INTO secret (file, fingerprint, database) VALUES (?, ?, ?)`, &sqlitex.ExecOptions{Args: []any{now.file, now.fingerprint, now.database}})
	})
	if err == nil { // from the log into the database, where another hard link finds it too
		st.leading(func() { err = exec(st.write, `PRAGMA wal_checkpoint(PASSIVE)`) })
	}
	return err
}

// notedSecret is the row of the table secret.
type notedSecret struct{ file, fingerprint, database string }

// among tells whether the noted secret is one of these, or none was noted.
func (n notedSecret) among(secrets [][]byte) bool {
	return n.fingerprint == "" || slices.ContainsFunc(secrets, func(secret []byte) bool { return fingerprint(secret) == n.fingerprint })
}

// notedSecret reads the row; it is empty if none was noted.
func (st *Store) notedSecret() (noted notedSecret, err error) {
	tables := 0
	err = st.reading(`SELECT count(*) FROM sqlite_schema WHERE name = 'secret'`, func(s *sqlite.Stmt) error {
		_, err := s.Step()
		tables = s.ColumnInt(0)
		return err
	})
	if err != nil || tables == 0 {
		return noted, err
	}
	err = st.reading(`SELECT file, fingerprint, database FROM secret`, func(s *sqlite.Stmt) error {
		if ok, err := s.Step(); err != nil || !ok {
			return err
		}
		noted = notedSecret{s.ColumnText(0), s.ColumnText(1), s.ColumnText(2)}
		return nil
	})
	return noted, err
}

// fingerprint returns 64 bits of the SHA-256 of a secret, which has 256 random bits:
// nobody finds the secret from them.
func fingerprint(secret []byte) string {
	sum := sha256.Sum256(bytes.Join([][]byte{[]byte("sessionscope fingerprint"), secret}, []byte{0}))
	return hex.EncodeToString(sum[:8])
}
