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

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sessionscope/sessionscope/internal/session"
)

// secretTable has at most one row. It is made beside the sessions when a program
// signs their cookies: a file of an older Sessionscope has none, and older ones do
// not mind it.
const secretTable = `
-- Which secret signs the cookies of these sessions: the file that it was kept in
-- ('' if the program was given one), and a part of its SHA-256. It is not in here.
CREATE TABLE IF NOT EXISTS secret(
  file        TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  database    TEXT NOT NULL -- the name by which the database was opened: its log lies beside it
) STRICT;`

// File is the database's true name, without links.
func (st *Store) File() string { return st.file }

// SecretFile returns the file of the secret that signs the sessions of the database:
// FILE.secret beside it, by its true name; if that is not there, the one that the
// database names, which lies beside another hard link, or the one beside the link
// that was opened. For a new database it is made. For one whose sessions it signed,
// which no other secret opens, it is an error if it is missing or another: sessions of
// placement cookie are in no row, so that nobody can tell that there are none.
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
	signs := func(secrets [][]byte) bool { // as far as is known
		if noted.fingerprint == "" {
			return true
		}
		for _, secret := range secrets {
			if fingerprint(secret) == noted.fingerprint {
				return true
			}
		}
		return false
	}
	secrets, err := session.ReadSecrets(own)
	switch {
	case err == nil && signs(secrets):
		return own, nil
	case err == nil:
		return "", fmt.Errorf("%s is not the secret that signed the sessions of %s: put the right one in its place, or name it with --secret-file; --secret-file %[1]s takes this one and logs everybody out", own, filepath.Base(st.file))
	case !errors.Is(err, fs.ErrNotExist):
		return "", err
	}
	for _, file := range []string{noted.file, st.given + ".secret"} {
		if secrets, err := session.ReadSecrets(file); err == nil && signs(secrets) {
			return file, nil
		}
	}
	if live || noted.fingerprint != "" {
		return "", fmt.Errorf("%s is missing, and no other secret opens the sessions of %s: put it back, name it with --secret-file, or move the database away and begin anew", own, filepath.Base(st.file))
	}
	return own, session.MakeSecret(own)
}

// logElsewhere returns an error if a program was killed that had the database open by
// another name: its last writes lie in the log beside that name. SQLite looks beside
// the present name only, finds the database as it was before, and would later play
// that log over what was written meanwhile.
func (st *Store) logElsewhere() error {
	noted, err := st.notedSecret()
	if err != nil || noted.database == "" || noted.database == st.file {
		return err
	}
	if info, err := os.Stat(noted.database); err == nil { // another hard link of this database, or another database
		if own, err := os.Stat(st.file); err != nil || !os.SameFile(info, own) {
			return nil
		}
	}
	log := noted.database + "-wal"
	if info, err := os.Stat(log); err != nil || info.Size() == 0 {
		return nil
	}
	return fmt.Errorf("its last writes lie in %s: start it by the name that it had, or move the log along", log)
}

// SignedWith notes in the database that the first of these secrets signs from now
// on. file is where SecretFile found it, or "" for one that the program was given.
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
	if err == nil { // into the database itself: another name of it does not lead to the log
		st.leading(func() { err = exec(st.write, `PRAGMA wal_checkpoint(PASSIVE)`) })
	}
	return err
}

// notedSecret is the row of the table secret.
type notedSecret struct{ file, fingerprint, database string }

// notedSecret reads it; an empty one is none.
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

// fingerprint names a secret without giving it away: it has 256 random bits.
func fingerprint(secret []byte) string {
	sum := sha256.Sum256(bytes.Join([][]byte{[]byte("sessionscope fingerprint"), secret}, []byte{0}))
	return hex.EncodeToString(sum[:8])
}
