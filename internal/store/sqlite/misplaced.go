package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// SQLite goes on writing to a file that was removed, or that has another name by
// now, and all of it succeeds: the next start would find nothing of it. So each
// commit, before it is answered, and each read that is not right after another
// compares the files that are open with those that have their names.

// openFile is a file that SQLite has open, and the name it was opened by.
type openFile struct {
	name string
	info fs.FileInfo
}

// misplaced is the error of a store one of whose open files has lost its name.
type misplaced struct{ name, what string }

func (e *misplaced) Error() string { return e.name + ": " + e.what }

// Is tells that to ask again is no use: reads are refused too.
func (e *misplaced) Is(target error) bool { return target == session.ErrDown }

const (
	gone     = "it was moved or removed"
	replaced = "another file lies there now"
	emptied  = "it was emptied"
)

// remember notes which files are open: the database as the lock opened it, before
// SQLite did; the log and its index, which SQLite has made by now and keeps until
// Close.
func (st *Store) remember() error {
	st.verifyMu.Lock()
	defer st.verifyMu.Unlock()
	db, err := st.lock.db.Stat()
	if err != nil {
		return err
	}
	st.opened = []openFile{{st.file, db}}
	if st.given != st.file { // a link
		st.opened = append(st.opened, openFile{st.given, db})
	}
	names := []string{st.file + "-wal", st.file + "-shm"}
	if !st.lock.owned { // who removes FILE.lock would let a second Sessionscope in
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

// compare returns the first open file that has lost its name, or nil. The caller
// has verifyMu.
func (st *Store) compare() *misplaced {
	for _, f := range st.opened {
		look := os.Lstat // a link under a true name is another file: the next start would follow it
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

// settled tells, by two calls of the system and not by one for each file, that all
// open files have their names still: nothing was made, removed or renamed in the
// folder since they were compared, and the database was not emptied. The time of a
// folder is a few milliseconds coarse: one that changed just before counts for
// nothing. The caller has verifyMu.
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

// settle looks at the folder before all files are compared.
func (st *Store) settle() {
	st.folder = nil
	if folder, err := os.Lstat(filepath.Dir(st.file)); err == nil && time.Since(folder.ModTime()) > folderRests {
		st.folder = folder
	}
}

// folderRests is how long a folder must have been left alone for its time to tell of
// the next change.
const folderRests = 100 * time.Millisecond

// verify returns an error if an open file has lost its name. One line of the log
// says so, and one when it has its name again.
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
	case known != nil && known.what == emptied: // for good: what it held is lost
		return known
	}
	st.settle()
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
		next := "put it back under this name, or end the program and start it with the new one"
		if found.what == emptied {
			next = "end the program and put a copy of the database in its place"
		} else if found.name != st.file && found.name != st.given {
			next = "end the program and start it again"
		}
		st.log.Error("no session is read or saved: "+found.what, "file", found.name, "next", next)
		return found
	}
	return known
}

// recent returns what verify has found within verifyEvery of now, in nanoseconds
// after start.
func (st *Store) recent(now int64) error {
	if next := st.nextVerify.Load(); now >= next && st.nextVerify.CompareAndSwap(next, now+int64(verifyEvery)) {
		return st.verify()
	}
	if f := st.fault.Load(); f != nil {
		return f
	}
	return nil
}

// rescue brings what only the log has into the database, once for each fault, so
// that whoever finds the database, under whatever name, has all that was ever
// answered. The caller holds lead.
func (st *Store) rescue() {
	f := st.fault.Load()
	if f == nil || f == st.rescued || st.write == nil {
		return
	}
	st.rescued = f
	if f.what == emptied { // the log has the last pages only: they would make a database that looks sound
		return
	}
	if st.otherLog() { // it was begun upon the database as it is: to change that now would spoil it
		st.log.Error("the last writes lie in a log that was removed: another program has begun its own", "file", st.file)
		return
	}
	mode := "FULL"
	if f.name == st.file && f.what == replaced {
		mode = "TRUNCATE" // SQLite would take the log for that of the file that lies there now
	}
	var busy int64
	err := row(st.write, `PRAGMA wal_checkpoint(`+mode+`)`, &busy)
	if err == nil && busy != 0 {
		err = errors.New("another program is using it")
	}
	if err != nil {
		st.log.Error("the last writes lie in the log only", "file", filepath.Base(st.file)+"-wal", "error", err)
	}
}

// otherLog tells whether the log under the database's name is another one, with
// something in it.
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
