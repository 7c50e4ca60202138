package hub

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// fill opens visits that somebody works in until there is no room for more.
func (l *lab) fill() (all []*Visit) {
	for l.proved() < labVisits {
		all = append(all, l.root().used())
	}
	return all
}

// proved returns how many visits a request has proved.
func (l *lab) proved() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	count, _ := l.longestUnused(true)
	return count
}

// wantFull fails unless there is no room for one more visit of either kind, and those that
// there are stay.
func (l *lab) wantFull() {
	l.t.Helper()
	var full *FullError
	if v, err := l.Hub.Begin(l.seats.Root, "", session.Key{}); v != nil || !errors.As(err, &full) || full.Visits != labVisits {
		l.t.Errorf("a page that is opened: %v, %v", v, err)
	}
	if v, err := l.Hub.Heir("0"+l.start+"LOST", l.seats.Root); v != nil || !errors.As(err, &full) {
		l.t.Errorf("a page whose visit has ended: %v, %v", v, err)
	}
	if n := l.proved(); n != labVisits {
		l.t.Errorf("%d visits", n)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if full != nil && full.Free != l.freeIn() {
		l.t.Errorf("room in %v, want %v", full.Free, l.freeIn())
	}
}

// Who is refused would be told to come back when nothing can be free yet.
func TestWhenAFullHouseHasRoom(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		open := l.root().open("")
		_, leave := stream(t, open)
		l.fill()
		in := func(want time.Duration) {
			t.Helper()
			l.mu.Lock()
			defer l.mu.Unlock()
			if got := l.freeIn(); got != want {
				t.Errorf("room in %v, want %v", got, want)
			}
		}
		in(ClosedLife) // if its page is closed now
		leave()
		time.Sleep(time.Minute)
		in(ClosedLife - time.Minute)
		l.wantFull()
		time.Sleep(ClosedLife - time.Minute)
		in(0)
		if _, err := l.Hub.Begin(l.seats.Root, "", session.Key{}); err != nil {
			t.Errorf("then: %v", err)
		}
	})
}

// A full house refuses: if a visit that somebody works in ended for another visit, a learner
// would lose a timeline to a stranger who opens pages.
func TestAFullHouseRefuses(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		open := l.root().open("") // never pressed on, but its page is open
		_, leave := stream(t, open)
		all := append(l.fill(), open)
		l.wantFull()
		time.Sleep(VisitLife - time.Second)
		l.wantFull()
		for i, v := range all {
			if !l.there(v) {
				t.Fatalf("visit %d gave way", i)
			}
		}
		leave()
		time.Sleep(2 * time.Second) // the visits without an open page have ended
		if l.Count() != 1 {
			t.Fatalf("the control: %d visits", l.Count())
		}
	})
}

// When there is no room, the unused visit that was used longest ago gives way. Otherwise pages that
// were opened once would keep learners out for half an hour.
func TestWhatNobodyUsesGivesWay(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b := l.root()
		var order []*Visit
		next := func(v *Visit) {
			order = append(order, v)
			time.Sleep(time.Second)
		}
		once := b.open("")
		once.append(packed(100), "") // the load of a page that has no script
		next(once)
		next(b.open(""))                                  // proved, and never pressed on
		next(l.Heir("0"+l.start+"MADE UP", l.seats.Root)) // pressed on, of a visit that nobody knows
		order[2].append(packed(100), "")
		order[2].append(packed(100), "")
		l.fill()
		for i := range order {
			b.used()
			for j, w := range order {
				if l.there(w) != (j > i) {
					t.Fatalf("after %d gave way, visit %d of the order is there: %t", i+1, j+1, l.there(w))
				}
			}
		}
	})
}

// The visit of a tab that was closed gives way after a while. It stays as long as loading the page
// anew takes: otherwise a reload would lose the timeline.
func TestAClosedTabGivesWay(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		closed := l.root().used()
		_, leave := stream(t, closed)
		l.fill()
		time.Sleep(ClosedLife)
		l.wantFull()
		leave()
		time.Sleep(ClosedLife - time.Second)
		l.wantFull()
		time.Sleep(time.Second)
		if l.root().used(); l.there(closed) {
			t.Error("it keeps its place")
		}
	})
}

// Secrets that strangers make up push out no visit. A made-up secret of this run of the program is
// recognized, and the heirs of all other secrets make room for each other.
func TestMadeUpSecretsPushNobodyOut(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		var all []*Visit
		for range labVisits - 1 {
			all = append(all, l.root().used())
		}
		for i := range 5 * labVisits {
			if v, lost := l.Prove(fmt.Sprint(l.start, "MADEUPMADEUPMADEUPMADEUP", i), l.seats.Root); v != nil || lost != NotLost {
				t.Fatalf("a made-up secret of this run: %v, %q", v, lost)
			}
			secret := fmt.Sprint("0", l.start, "MADE UP", i)
			if _, lost := l.Prove(secret, l.seats.Root); lost != Restarted {
				t.Fatalf("a made-up secret of another run: %q", lost)
			}
			v := l.Heir(secret, l.seats.Root)
			for range 3 {
				v.append(packed(100), "")
				if l.Heir(secret, l.seats.Root) != v {
					t.Fatal("the next press of the same page has another heir")
				}
			}
		}
		for i, v := range all {
			if !l.there(v) {
				t.Fatalf("visit %d was pushed out", i)
			}
		}
		// The control: a page that shows the secret of its heir is one that somebody works in.
		v := l.Heir("0"+l.start+"REAL", l.seats.Root)
		l.Prove(v.Secret, l.seats.Root)
		v.append(packed(100), "")
		v.append(packed(100), "")
		if l.wantFull(); !l.there(v) {
			t.Error("the heir of a page gave way")
		}
	})
}

// there tells whether v has not ended.
func (l *lab) there(v *Visit) bool { return slices.Contains(l.all(), v) }

// Opening pages, however many, pushes out no visit that somebody pressed on, even if that was not
// used for almost as long as a visit lives.
func TestOpeningPagesPushesNobodyOut(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		var used []*Visit
		for range labVisits - 1 {
			used = append(used, l.root().used())
		}
		time.Sleep(VisitLife - time.Second)
		b := l.root()
		b.set(nil, "a", "1")
		for range OpenedEach*labVisits + 20 {
			b.Begin(b.seat, "", b.key())
		}
		for i, v := range used {
			if !l.there(v) {
				t.Fatalf("visit %d was pushed out", i)
			}
		}
		if want := labVisits - 1 + OpenedEach*labVisits; l.Count() != want || len(l.bySecret) != want {
			t.Errorf("%d visits, want %d", l.Count(), want)
		}
		// The control: a proved one that nobody pressed on gives way to another proved one.
		last := b.open("")
		if b.open(""); l.there(last) {
			t.Error("a page that nobody pressed on kept its place")
		}
	})
}

// A page that took over as many moments as a visit keeps counts as pressed on after its own presses,
// like any other. It would give way if the moments that it took over were counted.
func TestALongPastIsNoReasonToGiveWay(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		b, v := l.begun()
		e, _ := v.Entry(1)
		for range MaxMoments {
			v.append(l.again(e), "")
		}
		synctest.Wait()
		w := b.open("")
		if len(w.list()) != MaxMoments {
			t.Fatalf("it begins with %d moments", len(w.list()))
		}
		b.get(w)
		b.get(w)
		for range 2 * labVisits {
			l.root().open("")
		}
		if !l.there(w) {
			t.Error("pages that were merely opened pushed it out")
		}
	})
}

// A page that was loaded in a full house would find its visit, and be the one too many. It is told
// so, and its visit opens once there is room. The browser of a session that has a visit may reload.
func TestAnOpenedPageMeetsAFullHouse(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		opened := l.Begin(l.seats.Root, "", session.Key{})
		proof := opened.Proof()
		all := l.fill()
		if v, lost := l.Prove(opened.Secret, l.seats.Root); v != nil || lost != Full {
			t.Errorf("%v, %q, want %q", v, lost, Full)
		}
		if v := l.Redeem(proof, l.seats.Root); v != nil {
			t.Error("a proof made room")
		}
		b := l.root()
		b.set(all[0], "a", "1")
		if v, err := l.Hub.Begin(l.seats.Root, "", b.key()); v == nil {
			t.Errorf("a reload: %v", err)
		}
		l.mu.Lock()
		l.end(all[1])
		l.mu.Unlock()
		if v, lost := l.Prove(opened.Secret, l.seats.Root); v != opened {
			t.Errorf("the control: with room, %v, %q", v, lost)
		}
		if _, lost := l.Prove(all[1].Secret, l.seats.Root); lost != Idle {
			t.Errorf("nobody gave way, and a visit that has ended is %q", lost)
		}
	})
}

// A page whose visit gave way would say that it was idle for half an hour.
func TestAVisitThatGaveWayWasNotIdle(t *testing.T) {
	inLab(t, func(t *testing.T, l *lab) {
		first := l.Begin(l.seats.Root, "", session.Key{})
		time.Sleep(time.Second)
		for range OpenedEach * labVisits {
			l.Begin(l.seats.Root, "", session.Key{})
		}
		if _, lost := l.Prove(first.Secret, l.seats.Root); lost != Ended {
			t.Errorf("it is %q", lost)
		}
	})
}
