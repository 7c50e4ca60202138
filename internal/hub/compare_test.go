package hub

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// A stream tells what came after the moment that the page shows. If the page's own press counted
// as a change, every press would be told twice.
func TestSince(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, other := l.root(), l.root()
		v := b.open("")
		b.page = "MINE"
		b.get(v)           // 1
		b.set(v, "a", "1") // 2
		other.cookie = b.cookie
		b.page = "OTHER"
		b.get(v)                 // 3
		b.set(v, "a", "2")       // 4
		other.set(nil, "b", "3") // 5
		synctest.Wait()
		b.page = "MINE"
		b.set(v, "c", "4") // 6
		b.get(v)           // 7, which changes nothing
		wantSaid(t, v, "get", "set", "get", "set", "another client: set", "set", "get")
		for _, c := range []struct {
			n    int
			page string
			want string
		}{
			{0, "MINE", "last 7, since true, others true, latest 6, changed false"},
			{5, "MINE", "last 7, since true, others false, latest 6, changed false"},
			{5, "OTHER", "last 7, since true, others true, latest 6, changed true"},
			{5, "", "last 7, since true, others true, latest 6, changed true"},
			{6, "OTHER", "last 7, since true, others true, latest 0, changed false"},
			{7, "MINE", "last 7, since false, others false, latest 0, changed false"},
			{99, "MINE", "last 7, since false, others false, latest 0, changed false"},
			{-1, "MINE", "last 7, since true, others true, latest 6, changed false"},
		} {
			news := v.Since(c.n, c.page)
			if got := fmt.Sprintf("last %d, since %t, others %t, latest %d, changed %t", news.Last, news.Since, news.Others, news.Latest.N, news.Changed); got != c.want {
				t.Errorf("after %d, for %q: %s, want %s", c.n, c.page, got, c.want)
			}
		}
		if got, want := v.Pressed("MINE", b.x.Session.ID), true; got != want {
			t.Error("a page that pressed on a session did not")
		}
		for _, c := range [][2]string{{"MINE", ""}, {"MINE", "00000000"}, {"NOBODY", b.x.Session.ID}, {"", b.x.Session.ID}} {
			if v.Pressed(c[0], c[1]) {
				t.Errorf("the page %q pressed on the session %q", c[0], c[1])
			}
		}
		if e, ok := v.Entry(8); ok || v.Last() != 7 {
			t.Errorf("moment 8 is %+v", e)
		}
		if _, ok := v.Entry(0); ok {
			t.Error("there is a moment 0")
		}
	})
}

// A moment is compared with the last known state on its side of the family, and with the sender's
// exchange before it. If it were compared with another sender's
// exchange, a press would seem to change what it did not change.
func TestCompare(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		kin := l.second(v.Family)
		theirs := kin.open(v.Family)
		b.set(v, "a", "1")        // 1
		kin.set(theirs, "k", "9") // 2, of the second browser
		own := b.cookie           //
		b.by = "a copy"           // the server's own client, with a copy of the cookie
		b.set(v, "a", "5")        // 3
		b.by, b.cookie = "", own  //
		b.set(v, "a", "2")        // 4
		kin.set(theirs, "k", "8") // 5
		wantSaid(t, v, "set", "second browser: set", "a copy: set", "set", "second browser: set")
		look := func(n int) (trace.Exchange, trace.Beside) {
			e, _ := v.Entry(n)
			return v.ExchangeOf(t.Context(), e)
		}
		for n, want := range map[int]struct {
			first bool
			with  int // the exchange that its heads were compared with
			value string
		}{
			1: {first: true}, 2: {first: true}, 3: {with: 0, value: `"1" → "5"`}, 4: {with: 1, value: `"1" → "2"`}, 5: {with: 2, value: `"9" → "8"`},
		} {
			x, beside := look(n)
			value := ""
			for _, c := range beside.Changes {
				if c.What == trace.OfValue {
					value += c.Was.Value.Text.Start + " → " + c.Is.Value.Text.Start
				}
			}
			if beside.First != want.first || beside.N != want.with || value != want.value || x.Did.Op == "" {
				t.Errorf("moment %d of %q: first %t, with %d, %q", n, x.Did.Op, beside.First, beside.N, value)
			}
		}
		x := *b.x
		if beside := v.Compare(t.Context(), &x, 0, ""); beside.N != 4 || len(beside.Changes) != 0 {
			t.Errorf("one that is no moment yet: %+v", beside)
		}
		if e, _ := v.Entry(4); !cmp.Equal(e.exchange().Request, b.x.Request) {
			t.Error("looking changed what is kept")
		}
	})
}

// ExchangeOf waits a second for an answer that has not left, and then returns it unfinished. Otherwise a
// client that went away would hang every page that looks.
func TestALookWaitsASecond(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		v := b.open("")
		x := &trace.Exchange{Did: trace.Did{Op: "get"}, At: l.now()}
		l.Add(v, b.seat, x, new(tap.Answer), 0, After{})
		e, _ := v.Entry(1)
		began := time.Now()
		got, _ := v.ExchangeOf(t.Context(), e)
		if took := time.Since(began); took != leaveTime || got.Answer.Finished {
			t.Errorf("after %v the answer is %+v", took, got.Answer)
		}
		began = time.Now()
		if v.ExchangeOf(t.Context(), e); time.Since(began) != 0 {
			t.Error("one that did not leave within a second is waited for again")
		}
		l.Add(v, b.seat, &trace.Exchange{Did: trace.Did{Op: "get"}, At: l.now()}, new(tap.Answer), 0, After{})
		e, _ = v.Entry(2)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began = time.Now()
		if v.ExchangeOf(ctx, e); time.Since(began) != 0 {
			t.Error("a look that waits for nothing waits")
		}
	})
}
