package app

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// heap is how much memory is in use.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The memory that a visit's moments take is what is counted for them: no more, so that
// the bound on all visits is a bound on memory.
func TestMomentsAreCountedTruly(t *testing.T) {
	a := newApp(t, nil)
	b := newBrowser(t, a, formFragment)
	v := proved(a, b.visit("/"))
	for n := range 8 {
		b.post("/set", "key", fmt.Sprint("k", n), "value", strings.Repeat(fmt.Sprint(n), 250), "placement", "hybrid", "page", v.Secret).want(200)
	}
	press := func(n int) { // it reads: of each cookie that is signed, the engine remembers that it knows it
		r := b.request("GET", fmt.Sprintf("/get?key=k%d", n%8), "")
		r.Header.Set("X-Long", strings.Repeat("abcdefghij", 400))
		r.Header.Set(trace.PageHeader, v.Secret+" "+strings.Repeat("P", pageIDLen)+" 1")
		b.send(r)
	}
	for n := range 20 {
		press(n) // caches, pools
	}
	before, counted := heap(), a.hub.Held()
	for n := range 150 {
		press(n)
	}
	grew, held := heap()-before, a.hub.Held()-counted
	t.Logf("170 moments: %d bytes counted, %d more in memory", held, grew)
	if grew > held+held/4 {
		t.Errorf("%d bytes of moments are counted as %d", grew, held)
	}
	runtime.KeepAlive(a)
}

// Runs that made room for others are gone, and all that are kept have a bound in bytes:
// what strangers run again and again takes no more memory than once.
func TestKeptRunsAreBounded(t *testing.T) {
	a := newApp(t, nil)
	address := 0
	round := func() {
		for range 110 { // more than there are places
			address++
			w := learn(a, fmt.Sprintf("10.0.%d.%d", address/250, address%250), "POST", "/experiments/three-witnesses/run", "")
			if w.Code != 200 {
				t.Fatalf("status %d: %s", w.Code, w.Body)
			}
		}
	}
	goroutines := runtime.NumGoroutine()
	settled := func() int64 { // what ended closes in goroutines of its own
		waitFor(t, func() bool { return runtime.NumGoroutine() <= goroutines+2 })
		return heap()
	}
	empty := heap()
	round()
	full := settled()
	round()
	round()
	again := settled()
	t.Logf("kept runs: %d kB; after twice as many more: %d kB", (full-empty)>>10, (again-empty)>>10)
	// A round takes about 3 MB. What the tests before have left may go meanwhile, so that the first
	// number can be anything.
	if again-full > 2<<20 {
		t.Errorf("after others took their place, kept runs take %d kB more", (again-full)>>10)
	}
	runtime.KeepAlive(a)
}

// What a form without JavaScript leaves for the next page is bounded in bytes too, goes
// by itself, and one timer serves all.
func TestResultsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rs := results{most: 200, mostBytes: 8 << 20}
		big := result{curl: strings.Repeat("x", 1<<20)}
		for n := range 30 {
			rs.put(fmt.Sprint("big", n), big)
		}
		if rs.bytes > rs.mostBytes || len(rs.kept) < 7 {
			t.Errorf("%d results of %d bytes, at most %d", len(rs.kept), rs.bytes, rs.mostBytes)
		}
		if _, ok := rs.take("big29"); !ok {
			t.Error("the last one made room")
		}
		if _, ok := rs.take("big0"); ok {
			t.Error("the first one did not")
		}
		count := func() int {
			synctest.Wait()
			rs.mu.Lock()
			defer rs.mu.Unlock()
			return len(rs.kept)
		}
		before := runtime.NumGoroutine()
		for n := range 5000 {
			rs.put(fmt.Sprint(n), result{curl: "set"})
			if n == 2500 {
				time.Sleep(resultLife / 2)
			}
		}
		if n := count(); n != rs.most {
			t.Errorf("%d results", n)
		}
		time.Sleep(resultLife / 2)
		if n := count(); n != rs.most {
			t.Errorf("%d results before their minute is over", n)
		}
		time.Sleep(resultLife/2 + time.Millisecond)
		if n := count(); n != 0 || rs.bytes != 0 {
			t.Errorf("%d results of %d bytes after their minute", n, rs.bytes)
		}
		if now := runtime.NumGoroutine(); now > before+2 {
			t.Errorf("%d goroutines, %d before", now, before)
		}
	})
}
