package hub

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// othersMoment returns a moment of what another client did to a session without writing.
func othersMoment(op string) *Moment {
	m := packed(100)
	m.Gist = trace.Gist{Nothing: true, By: AnotherClient, Op: op, Session: "9f2c41e0", Acts: []trace.Act{{Kind: session.Refused, Reason: op}}}
	return m
}

// ownMoment returns a moment of a press.
func ownMoment() *Moment {
	m := packed(100)
	m.Gist = trace.Gist{Op: "set", Wrote: true}
	return m
}

// rows returns the entries of v as text: the number, how many moments, what was done.
func rows(v *Visit) (out []string) {
	for _, e := range v.list() {
		out = append(out, fmt.Sprint(e.N, " ", e.Times, " ", e.Gist.Op))
	}
	return out
}

// What another client does again and again is one row that counts. The row has the number of the
// last moment: otherwise streams would take it for old, and not tell it.
func TestRepeatsAreOneRow(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.root().open("")
		news, _ := stream(t, v)
		v.append(ownMoment(), "")
		for range 3 {
			v.append(othersMoment("get"), "")
		}
		news()
		last := othersMoment("get")
		if n := v.append(last, ""); n != 5 || !news() || !v.Since(4, "").Others {
			t.Errorf("the fourth has the number %d, or is no news: %+v", n, v.Since(4, ""))
		}
		v.append(ownMoment(), "")
		v.append(othersMoment("get"), "")
		if got, want := rows(v), []string{"1 1 set", "5 4 get", "6 1 set", "7 1 get"}; !slices.Equal(got, want) {
			t.Errorf("the timeline is %q, want %q", got, want)
		}
		for n, want := range map[int]int{0: 0, 1: 1, 2: 5, 3: 5, 5: 5, 6: 6, 7: 7, 8: 0} {
			if e, ok := v.Entry(n); e.N != want || ok != (want > 0) || want == 5 && e.Moment != last {
				t.Errorf("moment %d is in row %d, want %d", n, e.N, want)
			}
		}
		for n, want := range map[int][2]int{1: {0, 5}, 3: {1, 6}, 5: {1, 6}, 6: {5, 7}, 7: {6, 0}, 9: {0, 0}} {
			if before, after := v.Neighbours(n); before != want[0] || after != want[1] {
				t.Errorf("beside %d are %d and %d, want %d", n, before, after, want)
			}
		}
		if bytes, _ := held(v); int64(bytes) != l.Held() {
			t.Errorf("%d bytes are held, counted as %d", bytes, l.Held())
		}
		// The control: what differs in anything that a row says is a row of its own.
		for name, change := range map[string]func(*trace.Gist){
			"another sender":  func(g *trace.Gist) { g.By = AnotherPage },
			"another act":     func(g *trace.Gist) { g.Acts[0].Kind = session.Expired },
			"one more act":    func(g *trace.Gist) { g.Acts = append(g.Acts, trace.Act{}) },
			"another session": func(g *trace.Gist) { g.Session = "00000000" },
			"another key":     func(g *trace.Gist) { g.Key = "a" },
			"a write":         func(g *trace.Gist) { g.Wrote = true },
			"a press":         func(g *trace.Gist) { g.Nothing = false },
		} {
			v.append(othersMoment("get"), "")
			before, m := len(v.list()), othersMoment("get")
			if change(&m.Gist); v.append(m, "") == 0 || len(v.list()) != before+1 {
				t.Errorf("%s: it is the same row", name)
			}
		}
		w := l.root().open("")
		w.append(othersMoment("get"), "")
		if w.append(othersMoment("get"), "second browser"); len(w.list()) != 2 {
			t.Error("what another browser of the family was told is the same row")
		}
	})
}

// However much other clients do, the last three quarters of the timeline stay the learner's own.
func TestStrangersPushOutAQuarter(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.root().open("")
		for range MaxMoments {
			v.append(ownMoment(), "")
		}
		for i := range 5 * MaxMoments {
			v.append(othersMoment(fmt.Sprint(i)), "")
		}
		mine := 0
		for _, e := range v.list() {
			if !e.Gist.Nothing {
				mine++
			}
		}
		line := v.Timeline(0)
		if mine != MaxMoments-l.maxUnsent() || len(line.Entries) != MaxMoments || line.Dropped != 5*MaxMoments || line.Entries[0].N != l.maxUnsent()+1 {
			t.Errorf("%d of %d moments are the learner's, %d were dropped, the first is %d", mine, len(line.Entries), line.Dropped, line.Entries[0].N)
		}
		if e, ok := v.Entry(line.Gone); ok || line.Gone <= MaxMoments {
			t.Errorf("what made room for the last is said to be %d, which is there: %+v", line.Gone, e)
		}
	})
}

// A page that has all rows but the last gets only that one; any other page gets the whole timeline.
// Otherwise rows would be missing on the page, or stand there twice.
func TestTheNextRow(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		v := l.root().open("")
		first := ownMoment()
		first.Gist.Session = "9f2c41e0"
		v.append(first, "")
		v.append(othersMoment("get"), "")
		v.append(ownMoment(), "")
		if got := v.Timeline(2); !got.Next || len(got.Entries) != 1 || got.Entries[0].N != 3 || got.Session != "9f2c41e0" || got.Gone != 0 {
			t.Errorf("after 2 of 3: %+v", got)
		}
		for _, seen := range []int{0, 1, 3, 9} {
			if got := v.Timeline(seen); got.Next || len(got.Entries) != 3 {
				t.Errorf("after %d of 3: %+v", seen, got)
			}
		}
		v.append(othersMoment("get"), "")
		v.append(othersMoment("get"), "")
		for _, seen := range []int{3, 4} { // the page may have the row as it was
			if got := v.Timeline(seen); got.Next || len(got.Entries) != 4 {
				t.Errorf("after %d of 5, of which 2 are one row: %+v", seen, got)
			}
		}
	})
}
