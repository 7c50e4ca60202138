package sqlite

import (
	"zombiezen.com/go/sqlite"

	"github.com/sessionscope/sessionscope/internal/session"
)

// refusals are SQLite's codes for a file that can be read and takes no writes, and what each
// means.
var refusals = map[sqlite.ResultCode]string{
	sqlite.ResultBusy:     "another program is writing to its file, and does not finish",
	sqlite.ResultLocked:   "another program is writing to its file, and does not finish",
	sqlite.ResultReadOnly: "its file must not be written",
	sqlite.ResultFull:     "its disk is full",

	sqlite.ResultIOErrWrite: "the system does not let it write to its file",
}

// readOnly returns err, as a *session.ReadOnlyError if it is one of refusals. Ping remembers it.
func (st *Store) readOnly(err error) error {
	code := sqlite.ErrCode(err)
	if refusals[code] == "" {
		code = code.ToPrimary()
	}
	if why := refusals[code]; err != nil && why != "" {
		no := &session.ReadOnlyError{Why: why, Full: code == sqlite.ResultFull, Err: err}
		st.refused.Store(no)
		return no
	}
	return err
}
