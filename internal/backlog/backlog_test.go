package backlog

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// reader keeps what it reads. A test stops it, as Ctrl+S stops a terminal, by locking mu.
type reader struct {
	mu     sync.Mutex
	text   strings.Builder
	writes int
}

func (r *reader) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
	return r.text.Write(p)
}

func note(to io.Writer, lines int) { fmt.Fprintf(to, "%d lost\n", lines) }

// If this fails, lines come out of order, or each costs a write.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reader
		w := New(&r, note)
		var want strings.Builder
		for n := range 1000 {
			fmt.Fprintln(w, n)
			fmt.Fprintln(&want, n)
		}
		time.Sleep(pause)
		synctest.Wait()
		if r.text.String() != want.String() {
			t.Errorf("%d bytes came out, want %d", r.text.Len(), want.Len())
		}
		if r.writes > 3 {
			t.Errorf("%d writes for 1000 lines", r.writes)
		}
		w.Close("", time.Second)
	})
}

// If this fails, a single line waits for pause before it is written.
func TestSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reader
		w := New(&r, note)
		for range 3 {
			time.Sleep(time.Second)
			fmt.Fprintln(w, "line")
			synctest.Wait() // no time passes
		}
		if r.writes != 3 {
			t.Errorf("%d writes, want 3", r.writes)
		}
		w.Close("", time.Second)
	})
}

// pipe returns a Writer to a pipe whose first line has been read.
func pipe(t *testing.T) (*Writer, *io.PipeReader) {
	r, to := io.Pipe()
	w := New(to, note)
	fmt.Fprintln(w, "first")
	got := make([]byte, len("first\n"))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "first\n" {
		t.Fatalf("%q, %v", got, err)
	}
	return w, r
}

// Nobody reads. If this fails, a write waits, the queue grows beyond MaxBytes, or a reader
// that is back is not told how many lines it missed and where.
func TestReaderStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := pipe(t)
		line := strings.Repeat("x", 99) + "\n"
		fmt.Fprint(w, line) // this line is being written from now on
		time.Sleep(pause)
		synctest.Wait()
		const room = MaxBytes / 100
		for range room + 123 {
			fmt.Fprint(w, line)
		}
		if n := len(w.queue); n > MaxBytes {
			t.Errorf("%d bytes wait, at most %d", n, MaxBytes)
		}
		got := make(chan string)
		go func() {
			all, _ := io.ReadAll(r)
			got <- string(all)
		}()
		time.Sleep(10 * pause)
		synctest.Wait()
		fmt.Fprintln(w, "back")
		w.Close("the end\n", time.Second)
		w.to.(io.Closer).Close()
		all := <-got
		if want := strings.Repeat(line, 1+room) + "123 lost\nback\nthe end\n"; all != want {
			t.Errorf("%d bytes were read, want %d; the last are %q", len(all), len(want), all[max(0, len(all)-60):])
		}
	})
}

// If this fails, the end of the program waits for a reader that never comes back, or its
// last line is lost because there was no room.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, r := pipe(t)
		line := strings.Repeat(" ", 1<<10-1) + "\n"
		for range MaxBytes>>10 + 1 {
			fmt.Fprint(w, line)
		}
		start := time.Now()
		w.Close("the end\n", time.Second)
		if took := time.Since(start); took != time.Second {
			t.Errorf("Close took %v of a reader that does not read, want 1 s", took)
		}
		fmt.Fprintln(w, "too late")
		go func() {
			<-w.ended
			w.to.(io.Closer).Close()
		}()
		all, err := io.ReadAll(r)
		if text := strings.TrimSpace(string(all)); err != nil || text != "1 lost\nthe end" {
			t.Errorf("the last words are %q, %v", text, err)
		}
		start = time.Now()
		w.Close("again\n", time.Second)
		if took := time.Since(start); took != 0 {
			t.Errorf("the second Close took %v", took)
		}
	})
}

// If this fails, lines that are written at the same time are mixed.
func TestParallel(t *testing.T) {
	t.Parallel()
	var r reader
	w := New(&r, note)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for range 1000 {
				fmt.Fprintf(w, "%d%d%d\n", n, n, n)
			}
		})
	}
	all.Wait()
	w.Close("", time.Minute)
	counts := make(map[string]int)
	for line := range strings.Lines(r.text.String()) {
		counts[line]++
	}
	for n := range 8 {
		if got := counts[fmt.Sprintf("%d%d%d\n", n, n, n)]; got != 1000 {
			t.Errorf("%d lines of writer %d, want 1000", got, n)
		}
	}
}

// If this fails, lines of the log are missing and the log does not say how many, or says it
// in another format than its other lines.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r reader
		log, w := Log(&r, func(to io.Writer) slog.Handler { return slog.NewJSONHandler(to, nil) })
		r.mu.Lock()
		const all = 2 * MaxBytes / 100 // enough to drop some, even if the Writer has taken a full queue
		for range all {
			log.Info("request", "route", strings.Repeat("x", 50))
		}
		r.mu.Unlock()
		time.Sleep(pause)
		synctest.Wait()
		log.Info("back")
		w.Close("", time.Second)
		lines := strings.Split(strings.TrimSpace(r.text.String()), "\n")
		var said struct {
			Level string
			Msg   string
			Lines int
		}
		if err := json.Unmarshal([]byte(lines[len(lines)-2]), &said); err != nil {
			t.Fatal(err)
		}
		if said.Level != "WARN" || !strings.Contains(said.Msg, "were dropped") || said.Lines == 0 || said.Lines+len(lines)-2 != all {
			t.Errorf("of %d lines %d came out, and the log says %+v", all, len(lines)-2, said)
		}
	})
}
