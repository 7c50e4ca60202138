package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
)

// interrupts are the presses of Ctrl+C. The first ends the program; a class that has seats says something
// before that. Once the program ends, another one ends it at once.
type interrupts struct {
	signals chan os.Signal
	before  atomic.Pointer[func(again <-chan os.Signal)]
}

// newInterrupts returns the presses from now on.
func newInterrupts() *interrupts {
	i := &interrupts{signals: make(chan os.Signal, 2)}
	signal.Notify(i.signals, os.Interrupt)
	return i
}

// watch calls end after the first press, and after whatever is done before that. It returns when ctx ends.
func (i *interrupts) watch(ctx context.Context, end func()) {
	defer signal.Stop(i.signals)
	select {
	case <-ctx.Done():
		return
	case <-i.signals:
	}
	if before := i.before.Load(); before != nil {
		(*before)(i.signals)
	}
	end()
}

// farewell is what the terminal of a class says before Ctrl+C ends it: it offers to save what came out.
type farewell struct {
	seats  func() int
	export func(context.Context) (page []byte, name string, err error)
	end    func(context.Context) (said string, err error)
	file   string          // that keeps the class when the program is stopped otherwise; "" for none
	folder string          // in which the page is saved
	enters <-chan struct{} // has something when Enter is pressed
	stdout io.Writer
}

// say asks, and ends the class as it was answered: Enter saves what came out before that, and another
// Ctrl+C does not. The end of ctx, which a service manager asks for, leaves the class as it is. A class
// without a seat has nothing to say.
func (f *farewell) say(ctx context.Context, again <-chan os.Signal) {
	n := f.seats()
	if n == 0 {
		return
	}
	seats := fmt.Sprintf("%d seats", n)
	if n == 1 {
		seats = "1 seat"
	}
	text := fmt.Sprintf("\nThe class has %s. Enter saves what came out as a page in this folder, and ends the class. Ctrl+C again ends it without. Either way seats, answers and sessions are wiped.\n", seats)
	if f.file != "" {
		text += "To go on with this class when a later start opens one, " + endOtherwise(runtime.GOOS) + "\n"
	}
	fmt.Fprint(f.stdout, text)
	for done := false; !done; {
		select {
		case <-ctx.Done():
			return
		case <-again:
			done = true
			fmt.Fprintln(f.stdout) // the terminal shows ^C
		case <-f.enters:
			path, err := f.save(ctx)
			if done = err == nil; done {
				fmt.Fprintf(f.stdout, "Saved: %s\n", path)
			} else {
				fmt.Fprintf(f.stdout, "It could not be saved: %v. Enter tries again, and Ctrl+C ends the class without.\n", err)
			}
		}
	}
	said, err := f.end(ctx)
	if err != nil {
		said = fmt.Sprintf("The class could not be wiped: %v.", err)
	}
	fmt.Fprintln(f.stdout, said)
}

// endOtherwise says what ends the program without the farewell. Windows has no signals to send: a window
// that is closed ends the program as SIGTERM does elsewhere.
func endOtherwise(system string) string {
	if system == "windows" {
		return "close this window."
	}
	return fmt.Sprintf("stop the program by another signal: kill %d", os.Getpid())
}

// maxCopies is how many files of one name there may be in a folder.
const maxCopies = 99

// save writes the export into a new file, and returns its path. A file that is there is left as it is: the
// new one has a number in its name.
func (f *farewell) save(ctx context.Context) (path string, err error) {
	page, name, err := f.export(ctx)
	if err != nil {
		return "", err
	}
	folder, err := filepath.Abs(f.folder)
	if err != nil {
		return "", err
	}
	kind := filepath.Ext(name)
	for n := 1; n <= maxCopies; n++ {
		path = filepath.Join(folder, name)
		if n > 1 {
			path = filepath.Join(folder, fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, kind), n, kind))
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = file.Write(page)
		if err = errors.Join(err, file.Close()); err != nil {
			return "", errors.Join(err, os.Remove(path))
		}
		return path, nil
	}
	return "", fmt.Errorf("the folder has %d of that name", maxCopies)
}
