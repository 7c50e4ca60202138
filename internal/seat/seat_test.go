package seat

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
)

// maxSeats is how many second browsers a lab of these tests may have.
const maxSeats = 32

// newSeats returns the seats of a lab whose first browser's cookie has that name.
func newSeats(t testing.TB, cookie string) *Seats {
	t.Helper()
	ss, err := New(session.Config{Backend: memory.New(memory.Config{}), Secrets: [][]byte{session.NewSecret()}, CookieName: cookie}, maxSeats)
	if err != nil {
		t.Fatal(err)
	}
	return ss
}

// open opens the family's next browser, which must succeed.
func open(t testing.TB, ss *Seats, family string) *Seat {
	t.Helper()
	s, err := ss.Open(ss.Root, family)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// If it failed, a page would show the value of another program's cookie, or would not take
// its own cookies for its own.
func TestKindOfKnowsOwnKinAndOtherCookies(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"sessionscope", "sessionscope-9090", "__Host-sessionscope"} {
		ss := newSeats(t, base)
		root, second := ss.Root, open(t, ss, "f")
		if got := second.Engine.CookieName(); got != base+"~second" {
			t.Fatalf("the second browser's cookie is %q", got)
		}
		for name, want := range map[string][2]Kind{ // to the first browser, and to the second
			"":                  {Session, Kin},
			"-readable":         {Readable, Kin},
			"-pins":             {Pins, Kin},
			"-live":             {Live, Kin},
			"~second":           {Kin, Session},
			"~second-readable":  {Kin, Readable},
			"~second-pins":      {Kin, Pins},
			"~second-live":      {Kin, Live},
			"~third":            {Kin, Kin},
			"~third-pins":       {Kin, Kin},
			"~fourth-live":      {Kin, Kin},
			"X":                 {Other, Other},
			"~":                 {Other, Other},
			"~fifth":            {Other, Other},
			"~secondary":        {Other, Other},
			"~second~third":     {Other, Other},
			"~Second":           {Other, Other},
			"-pins2":            {Other, Other},
			"-pins-pins":        {Other, Other},
			"-Readable":         {Other, Other},
			"~second-pins2":     {Other, Other},
			"-pins~second":      {Other, Other},
			"-8081":             {Other, Other},
			"-8081~second":      {Other, Other},
			"-8081-pins":        {Other, Other},
			" ":                 {Other, Other},
			"~second-readable ": {Other, Other},
		} {
			if got := root.KindOf(base + name); got != want[0] {
				t.Errorf("to the first browser %q is %s, want %s", base+name, got, want[0])
			}
			if got := second.KindOf(base + name); got != want[1] {
				t.Errorf("to the second browser %q is %s, want %s", base+name, got, want[1])
			}
		}
		for _, name := range []string{"", "a", "X" + base, strings.ToUpper(base), base[1:], base[:len(base)-1], "second", "~second", "-pins", "__Secure-" + base} {
			for _, s := range []*Seat{root, second} {
				if got := s.KindOf(name); got != Other {
					t.Errorf("to the %s %q is %s", s.Label(), name, got)
				}
			}
		}
		for kind, name := range map[Kind]string{Session: base + "~second", Readable: base + "~second-readable", Pins: base + "~second-pins", Live: base + "~second-live"} {
			if got := second.Cookie(kind); got != name || second.KindOf(got) != kind {
				t.Errorf("the second browser's %s cookie is %q", kind, got)
			}
		}
	}
}

// If it failed, a request would reach another browser's seat, or its path would be changed
// on the way.
func TestEnterFindsTheSeatOfAPath(t *testing.T) {
	t.Parallel()
	ss := newSeats(t, "sessionscope")
	second := open(t, ss, "f")
	if !regexp.MustCompile(`^/s/second-[a-z0-9]{12}$`).MatchString(second.Base) {
		t.Fatalf("the second browser is at %q", second.Base)
	}
	other := newSeats(t, "sessionscope")
	foreign := open(t, other, "f")
	for path, want := range map[string]struct {
		seat  *Seat
		below string
	}{
		"/": {ss.Root, "/"}, "/set": {ss.Root, "/set"}, "": {ss.Root, ""}, "*": {ss.Root, "*"}, "/s": {ss.Root, "/s"}, "/S/x": {ss.Root, "/S/x"}, "//s/x": {ss.Root, "//s/x"},
		"/session": {ss.Root, "/session"}, "/experiments/s/x": {ss.Root, "/experiments/s/x"},
		second.Base: {second, ""}, second.Base + "/": {second, "/"}, second.Base + "/set": {second, "/set"}, second.Base + "//": {second, "//"},
		second.Base + "/s/x/": {second, "/s/x/"}, second.Base + second.Base + "/": {second, second.Base + "/"},
		"/s/": {nil, ""}, "/s//": {nil, ""}, "/s//set": {nil, ""}, "/s/second/": {nil, ""}, "/s/second-unknown/set": {nil, ""}, second.Base + "x/": {nil, ""}, second.Base[:len(second.Base)-1] + "/": {nil, ""},
		"/s/" + strings.ToUpper(second.Base[3:]) + "/": {nil, ""}, "/s/" + second.Base[2:]: {nil, ""}, "/s/../set": {nil, ""}, foreign.Base + "/": {nil, ""},
	} {
		if s, below := ss.Enter(path); s != want.seat || below != want.below {
			t.Errorf("%q is for %v, %q; want %v, %q", path, s, below, want.seat, want.below)
		}
	}
}

// If it failed, two browsers of a family would share a cookie or a path, or one family could
// take every seat.
func TestAFamilyOpensThreeBrowsers(t *testing.T) {
	t.Parallel()
	ss := newSeats(t, "sessionscope")
	if got := ss.Root.Label(); got != "first browser" {
		t.Errorf("the first is the %q", got)
	}
	for _, want := range []string{"second", "third", "fourth"} {
		if _, next := ss.Of("f"); next != want {
			t.Errorf("the next is %q, want %q", next, want)
		}
		s := open(t, ss, "f")
		if s.Name != want || s.Family != "f" || s.Label() != want+" browser" || s.Engine.CookieName() != "sessionscope~"+want || !strings.HasPrefix(s.Base, "/s/"+want+"-") {
			t.Errorf("the %s browser is %q of %q at %s with the cookie %s", want, s.Name, s.Family, s.Base, s.Engine.CookieName())
		}
		if path := attributes(t, s).Path; path != s.Base+"/" {
			t.Errorf("the %s browser's cookie has the path %q", want, path)
		}
	}
	if s, err := ss.Open(ss.Root, "f"); s != nil || !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "3 browsers already") {
		t.Errorf("a fourth: %v, %v", s, err)
	}
	for range 20 { // a map's order is another each time
		all, next := ss.Of("f")
		var got []string
		for _, s := range all {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, []string{"second", "third", "fourth"}) || next != "" {
			t.Fatalf("the family has %q, the next is %q", got, next)
		}
	}
	if s := open(t, ss, "another"); s.Name != "second" {
		t.Errorf("another family's first is its %q", s.Name)
	}
	if all, next := ss.Of("nobody"); len(all) != 0 || next != "second" {
		t.Errorf("a family of none has %v, the next is %q", all, next)
	}
}

// attributes returns the attributes of the cookie that s sets.
func attributes(t testing.TB, s *Seat) *http.Cookie {
	t.Helper()
	r, _ := http.NewRequest("GET", "/", nil)
	sess, err := s.Engine.Load(r)
	if err != nil {
		t.Fatal(err)
	}
	return sess.Info().Attributes
}

// If it failed, a browser that was used within half an hour would give way to another, idle
// ones would keep everybody out, or not the one that was idle longest would give way.
func TestOnlyTheBrowserThatWasIdleLongestGivesWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ss := newSeats(t, "sessionscope")
		var all []*Seat
		for i := range maxSeats {
			all = append(all, open(t, ss, fmt.Sprint("f", i)))
			time.Sleep(time.Second)
		}
		full := func(when string) {
			t.Helper()
			s, err := ss.Open(ss.Root, "late")
			if s != nil || !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "there are 32") || !strings.Contains(err.Error(), "30 minutes") {
				t.Fatalf("%s: %v, %v", when, s, err)
			}
		}
		full("at once")
		time.Sleep(IdleLife - maxSeats*time.Second - time.Second)
		full("a second before the first was idle long enough")
		if s, _ := ss.Enter(all[0].Base + "/"); s != all[0] { // it is used again
			t.Fatal("the first is gone")
		}
		time.Sleep(time.Second)
		full("the first was idle, and is not")
		time.Sleep(time.Second)
		late := open(t, ss, "late") // now the second was idle for half an hour
		if s, _ := ss.Enter(all[1].Base + "/"); s != nil {
			t.Error("the one that was idle longest is there still")
		}
		for i, s := range append(all[2:], all[0], late) {
			if got, _ := ss.Enter(s.Base + "/"); got != s {
				t.Errorf("%d: another gave way", i)
			}
		}
		full("all were used just now")
		if left, next := ss.Of("f1"); len(left) != 0 || next != "second" {
			t.Errorf("the family of the one that gave way has %v, next %q", left, next)
		}
	})
	synctest.Test(t, func(t *testing.T) { // as long as there is room, nobody gives way
		ss := newSeats(t, "sessionscope")
		first := open(t, ss, "f")
		time.Sleep(100 * IdleLife)
		open(t, ss, "g")
		if s, _ := ss.Enter(first.Base + "/"); s != first {
			t.Error("an idle browser gave way although there was room")
		}
	})
}

// If it failed, a family that has opened all of its browsers would push out another's.
func TestAFullFamilyPushesNobodyOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ss := newSeats(t, "sessionscope")
		for i := range maxSeats {
			open(t, ss, fmt.Sprint("f", i/3))
		}
		time.Sleep(2 * IdleLife)
		if _, err := ss.Open(ss.Root, "f0"); !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "3 browsers already") {
			t.Errorf("a fourth of a family: %v", err)
		}
		if n := len(ss.byPlace); n != maxSeats {
			t.Errorf("%d browsers are left", n)
		}
	})
}

// If it failed, an invitation that somebody saw would let a second page into the family.
func TestInvitationLetsOnePageIn(t *testing.T) {
	t.Parallel()
	ss := newSeats(t, "sessionscope")
	s, other := open(t, ss, "f"), open(t, ss, "f")
	if s.Accept("") || s.Accept("x") {
		t.Error("a seat that invited nobody lets a page in")
	}
	first := s.Invite()
	last := s.Invite()
	if s.Accept(first) {
		t.Error("an earlier invitation lets a page in")
	}
	if s.Accept("") || s.Accept(last[1:]) || s.Accept(strings.ToLower(last)) || other.Accept(last) {
		t.Error("another text, or another seat, lets a page in")
	}
	if !s.Accept(last) {
		t.Error("the last invitation lets nobody in")
	}
	if s.Accept(last) || s.Accept("") {
		t.Error("an invitation lets a page in twice")
	}
	if next := s.Invite(); next == last || !s.Accept(next) {
		t.Error("the next invitation lets nobody in")
	}
	for range 1000 { // many pages at once, and one of them is let in
		token, start := s.Invite(), make(chan struct{})
		var in sync.WaitGroup
		var accepted atomic.Int32
		for range 4 {
			in.Go(func() {
				<-start
				if s.Accept(token) {
					accepted.Add(1)
				}
			})
		}
		close(start)
		in.Wait()
		if n := accepted.Load(); n != 1 {
			t.Fatalf("%d pages at once were let in by one invitation", n)
		}
	}
}

// If it failed, requests at the same time would open more browsers than maxSeats, or race.
func TestSeatsAtTheSameTime(t *testing.T) {
	t.Parallel()
	ss := newSeats(t, "sessionscope")
	secret := session.NewSecret()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 6 {
				family := fmt.Sprint("f", i, n)
				s, err := ss.Open(ss.Root, family)
				if err != nil {
					if !errors.Is(err, ErrFull) {
						t.Error(err)
					}
					continue
				}
				if got, _ := ss.Enter(s.Base + "/x"); got != s {
					t.Error("a seat that was opened is not there")
				}
				s.Accept(s.Invite())
				s.KindOf("sessionscope~second")
				ss.Of(family)
				if err := ss.SetSecrets([][]byte{secret}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := len(ss.byPlace); n != maxSeats {
		t.Errorf("%d second browsers", n)
	}
}
