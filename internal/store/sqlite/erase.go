package sqlite

import (
	"context"
	"errors"
)

// Erase removes every session and every marker, in one transaction. Then it writes the file again, so
// that neither the file nor its log has the bytes of what was removed, documents among them. After an
// error of that second part the records are gone, and their bytes may be in the file until later
// writes replace them.
func (st *Store) Erase(ctx context.Context) error {
	select {
	case st.lead <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-st.lead }()
	if st.write == nil {
		return errClosed
	}
	defer st.rescue()
	defer st.rollBack()
	if err := st.begin(); err != nil {
		return st.readOnly(err)
	}
	err := exec(st.write, `DELETE FROM sessions`)
	if err == nil {
		err = st.finish()
	}
	st.dataVersion = -1 // the figures are counted again
	if err != nil {
		return st.readOnly(err)
	}
	if err := st.recount(); err != nil {
		return err
	}
	if err := exec(st.write, `VACUUM`); err != nil {
		return st.readOnly(err)
	}
	var busy int64
	if err := row(st.write, `PRAGMA wal_checkpoint(TRUNCATE)`, &busy); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("the log could not be emptied: another program is using the database")
	}
	return st.verify()
}
