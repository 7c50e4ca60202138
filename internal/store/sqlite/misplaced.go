package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// When a file is removed or renamed while SQLite has it open, SQLite goes on writing to
// it without an error, and the next start finds nothing of that. So verify asks whether
// the names still lead to the files that are open: before a commit is answered, and
// once in verifyEvery before a read.

// openFile is a file that SQLite has open, and the name it was opened by.
type openFile struct {
	name string
	info fs.FileInfo
}

// misplaced is the error of every read and write while an open file has lost its name.
type misplaced struct{ name, what string }

func (e *misplaced) Error() string { return e.name + ": " + e.what }

// Is makes this error a session.ErrDown, since reads fail too.
func (e *misplaced) Is(target error) bool { return target == session.ErrDown }

const (
	gone     = "it was moved or removed"
	replaced = "another file lies there now"
	emptied  = "it was emptied"
)

// noteOpened fills st.opened. The database is there as the lock has opened it, before
// SQLite did. SQLite has made the log and its index by now, and keeps both until Close.
func (st *Store) noteOpened() error {
	st.verifyMu.Lock()
	defer st.verifyMu.Unlock()
	db, err := st.lock.db.Stat()
	if err != nil {
		return err
	}
	st.opened = []openFile{{st.file, db}}
	if st.given != st.file { // given is a link, and may be changed to lead elsewhere
		st.opened = append(st.opened, openFile{st.given, db})
	}
	names := besides(runtime.GOOS, st.file)
	if !st.lock.owned { // FILE.lock is the only lock: without it a second Sessionscope could start
		names = append(names, st.lock.beside.Path())
	}
	for _, name := range names {
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		st.opened = append(st.opened, openFile{name, info})
	}
	if f := st.compare(); f != nil { // it was moved just now
		return f
	}
	return nil
}

// besides returns the files that SQLite keeps beside an open database, and that somebody could move, remove
// or replace meanwhile. goos is runtime.GOOS. On Windows nobody can do that with the index of the log (-shm),
// since it is mapped into memory. Wine cannot tell which file it is, so that every database would be refused.
func besides(goos, file string) []string {
	if goos == "windows" {
		return []string{file + "-wal"}
	}
	return []string{file + "-wal", file + "-shm"}
}

// compare returns the first open file whose name does not lead to it any more, or nil.
// The caller has verifyMu.
func (st *Store) compare() *misplaced {
	for _, f := range st.opened {
		look := os.Lstat // not Stat: a link that was put in its place counts as another file, since the next start would follow it
		if f.name == st.given && st.given != st.file {
			look = os.Stat
		}
		info, err := look(f.name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return &misplaced{f.name, gone}
		case err != nil:
			return &misplaced{f.name, err.Error()}
		case !os.SameFile(info, f.info):
			return &misplaced{f.name, replaced}
		case f.name == st.file && info.Size() == 0 && f.info.Size() > 0:
			return &misplaced{f.name, emptied}
		}
	}
	return nil
}

// settled tells that all open files still have their names, with two calls of the
// system instead of one for each file: since they were compared, nothing was made,
// removed or renamed in the folder, and the database was not emptied. It may answer
// false when they have. The caller has verifyMu.
func (st *Store) settled() bool {
	if st.folder == nil || st.given != st.file {
		return false
	}
	folder, err := os.Lstat(filepath.Dir(st.file))
	if err != nil || !folder.ModTime().Equal(st.folder.ModTime()) || !os.SameFile(folder, st.folder) {
		return false
	}
	db, err := os.Lstat(st.file)
	return err == nil && db.Size() > 0 && os.SameFile(db, st.opened[0].info)
}

// noteFolder fills st.folder for settled, before all files are compared. The time of a
// folder has steps of a few milliseconds: of a folder that has just changed, the next
// change could leave the same time.
func (st *Store) noteFolder() {
	st.folder = nil
	if folder, err := os.Lstat(filepath.Dir(st.file)); err == nil && time.Since(folder.ModTime()) > folderRests {
		st.folder = folder
	}
}

// folderRests is how long a folder must have been unchanged, so that its time shows the
// next change.
const folderRests = 100 * time.Millisecond

// verify returns an error if an open file has lost its name. It writes one line to the
// log then, and one when the file has its name again.
func (st *Store) verify() error {
	st.verifyMu.Lock()
	defer st.verifyMu.Unlock()
	if st.opened == nil { // before Open is done, and after Close
		return nil
	}
	known := st.fault.Load()
	switch {
	case known == nil && st.settled():
		return nil
	case known != nil && known.what == emptied: // its content is lost, and nothing brings it back
		return known
	}
	st.noteFolder()
	found := st.compare()
	if found != nil {
		st.folder = nil
	}
	switch {
	case found == nil && known == nil:
		return nil
	case found == nil:
		st.fault.Store(nil)
		st.log.Warn("the file has its name again: sessions are read and saved as before", "file", st.file)
		return nil
	case known == nil || *found != *known:
		st.fault.Store(found)
		st.log.Error("no session is read or saved: "+found.what, "file", found.name, "next", st.remedy(found))
		return found
	}
	return known
}

// remedy is what the operator can do about f.
func (st *Store) remedy(f *misplaced) string {
	switch {
	case f.what == emptied:
		return "end the program and put a copy of the database in its place"
	case f.name != st.file && f.name != st.given:
		return "end the program and start it again"
	}
	return "put it back under this name, or end the program and start it with the new one"
}

// recent returns the result of the last verify, at most verifyEvery old. now is in
// nanoseconds after start.
func (st *Store) recent(now int64) error {
	if next := st.nextVerify.Load(); now >= next && st.nextVerify.CompareAndSwap(next, now+int64(verifyEvery)) {
		return st.verify()
	}
	if f := st.fault.Load(); f != nil {
		return f
	}
	return nil
}

// rescue moves what only the log has into the database, once for each fault: whoever
// finds the database, under whatever name, then has every write that was answered. The
// caller has lead.
func (st *Store) rescue() {
	f := st.fault.Load()
	if f == nil || f == st.rescued || st.write == nil {
		return
	}
	st.rescued = f
	if f.what == emptied { // the log has only the last pages, which would make a database that looks sound and is not
		return
	}
	if st.otherLog() { // it continues the database as it is: to change the database now would damage it
		st.log.Error("the last writes are not in the database: its log was moved or removed, and another program has begun a new one", "file", st.file)
		return
	}
	mode := "FULL"
	if f.name == st.file && f.what == replaced {
		mode = "TRUNCATE" // or SQLite would play our log over the file that has the name now
	}
	var busy int64
	err := row(st.write, `PRAGMA wal_checkpoint(`+mode+`)`, &busy)
	if err == nil && busy != 0 {
		err = errors.New("another program is using it")
	}
	if err != nil {
		st.log.Error("the last writes are in the log and cannot be moved into the database: keep both files together", "file", filepath.Base(st.file)+"-wal", "error", err)
	}
}

// otherLog tells whether another log has the name of ours, and is not empty.
func (st *Store) otherLog() bool {
	st.verifyMu.Lock()
	defer st.verifyMu.Unlock()
	for _, f := range st.opened {
		if f.name == st.file+"-wal" {
			info, err := os.Stat(f.name)
			return err == nil && info.Size() > 0 && !os.SameFile(info, f.info)
		}
	}
	return false
}
