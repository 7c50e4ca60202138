package show

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// rows are changes in one text, a line each.
func rows(changes []views.Change) string {
	var b strings.Builder
	for _, c := range changes {
		secret := ""
		if c.Secret {
			secret = " (secret)"
		}
		fmt.Fprintf(&b, "%s %s: %s → %s%s\n", c.Kind, c.What, c.Was, c.Is, secret)
	}
	return b.String()
}

// The bar would not say that the old record is still in the store when a session begins after
// its cookie was dropped, nor that there is one live record more.
func TestChangesTellOfTheOrphan(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.OnServer)
	l.sets("name", "1")
	old := l.before.Session.ID
	bytes := fmt.Sprintf("%d bytes", len(ours)+len(l.cookie))
	none := ""
	dropped := l.press("/drop-cookie", &none, nil)
	if got, want := rows(Moment(dropped, dropped).Changes), "cookie cookie: "+bytes+" → none\n"; got != want {
		t.Errorf("dropped:\n%swant\n%s", got, want)
	}
	l.press("/get", nil, nil)
	s := l.sets("name", "2")
	got := rows(Moment(s, s).Changes)
	for _, want := range []string{
		"cookie cookie: none → " + bytes + "\n", "server session ID, hashed: " + old + " → " + s.Session.ID + "\n", "server name: 1 → 2 (secret)\n",
		"server the old record " + old + ":  → is still in the store, v1; no cookie of this browser opens it\n", "server live records: 1 → 2\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("a new session:\n%slacks %s", got, want)
		}
	}
}

// The bar would say that the server had an ID which was in the cookie, and in no record.
func TestChangesOfASessionInTheCookie(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.InCookie)
	born := l.sets("name", "1")
	id := born.Session.ID
	none := ""
	dropped := l.press("/drop-cookie", &none, nil)
	if got, want := rows(Moment(dropped, dropped).Changes), "cookie session ID, hashed: "+id+" → gone with the cookie\n"; !strings.Contains(got, want) {
		t.Errorf("dropped:\n%slacks %s", got, want)
	}
	again := l.sets("name", "2")
	if got, want := rows(Moment(again, again).Changes), "cookie session ID, hashed: none → "+again.Session.ID+" in the cookie, in no record\n"; !strings.Contains(got, want) {
		t.Errorf("born again:\n%slacks %s", got, want)
	}
	flushed := l.press("/flush", nil, func(s *session.Session) { s.Flush(t.Context()) })
	if got, want := rows(Moment(flushed, flushed).Changes), "cookie session ID, hashed: "+again.Session.ID+" → gone with the cookie\n"; !strings.Contains(got, want) {
		t.Errorf("flushed:\n%slacks %s", got, want)
	}
}

// The bar would not say which session a copy replaced.
func TestChangesOfPutBack(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.OnServer)
	l.sets("name", "1")
	pinned, first := l.cookie, l.before.Session.ID
	l.press("/flush", nil, func(s *session.Session) { s.Flush(t.Context()) })
	l.sets("name", "2")
	l.sets("name", "3")
	second := l.before.Session.ID
	bytes := fmt.Sprintf("%d bytes", len(ours)+len(l.cookie))
	s := l.press("/put-back", &pinned, nil)
	want := "cookie cookie: " + bytes + " → " + bytes + ", of another ID\n" + "server session ID, hashed: " + second + " → none\n" + "server name: 3 → missing (secret)\n" +
		"server the old record " + second + ":  → is still in the store, v2; no cookie of this browser opens it\n"
	if got := rows(Moment(s, s).Changes); got != want {
		t.Errorf("one that opens nothing:\n%swant\n%s", got, want)
	}
	if first == second {
		t.Fatal("the second session has the first one's ID")
	}

	// A copy that opens a live session: the version is shown too.
	l = newLab(t, session.OnServer)
	l.sets("name", "1")
	pinned, first = l.cookie, l.before.Session.ID
	none := ""
	l.press("/drop-cookie", &none, nil)
	l.sets("name", "2")
	l.sets("name", "3")
	second = l.before.Session.ID
	s = l.press("/put-back", &pinned, nil)
	got := rows(Moment(s, s).Changes)
	for _, want := range []string{
		", of another ID\n", "server session ID, hashed: " + second + " → " + first + "\n", "server version: 2 → 1\n", "server name: 3 → 1 (secret)\n",
		"server the old record " + second + ":  → is still in the store, v2; no cookie of this browser opens it\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("one that opens a session:\n%slacks %s", got, want)
		}
	}
}

// A kind of change would have no words, or a projector would show a key or a value.
func TestChanges(t *testing.T) {
	t.Parallel()
	value := func(text string, onServer bool) trace.State {
		return trace.State{There: true, Value: trace.Value{Key: "k", Text: trace.Text{Start: text, Bytes: len(text)}, OnServer: onServer}}
	}
	long := strings.Repeat("x", 70)
	for _, test := range []struct {
		c    trace.Change
		want string
	}{
		{trace.Change{What: trace.OfCookie, Is: trace.State{There: true, Number: 1172}}, "cookie cookie: none → 1,172 bytes"},
		{trace.Change{What: trace.OfCookie, Was: trace.State{There: true, Number: 172}, Is: trace.State{There: true, Number: 172}, How: trace.Another}, "cookie cookie: 172 bytes → 172 bytes, another cookie"},
		{trace.Change{What: trace.OfCookie, Was: trace.State{There: true, Number: 172}, Is: trace.State{There: true, Number: 180}, How: trace.Signed}, "cookie cookie: 172 bytes → 180 bytes, signed again"},
		{trace.Change{What: trace.OfCookie, Was: trace.State{There: true, Number: 172}, Is: trace.State{There: true, Number: 180}, How: trace.AnotherID}, "cookie cookie: 172 bytes → 180 bytes, of another ID"},
		{trace.Change{What: trace.OfReadable, Is: trace.State{There: true}}, "cookie readable cookie: none → there"},
		{trace.Change{What: trace.OfID, Was: trace.State{There: true, Text: "9f2c41e0"}}, "server session ID, hashed: 9f2c41e0 → none"},
		{trace.Change{What: trace.OfID, Is: trace.State{There: true, Text: "9f2c41e0"}, How: trace.InCookie}, "cookie session ID, hashed: none → 9f2c41e0 in the cookie, in no record"},
		{trace.Change{What: trace.OfID, Was: trace.State{There: true, Text: "9f2c41e0"}, How: trace.InCookie}, "cookie session ID, hashed: 9f2c41e0 → in a cookie that opens nothing"},
		{trace.Change{What: trace.OfID, Was: trace.State{There: true, Text: "9f2c41e0"}, How: trace.WentAlong}, "cookie session ID, hashed: 9f2c41e0 → gone with the cookie"},
		{trace.Change{What: trace.OfVersion, Was: trace.State{Number: 1999}, Is: trace.State{Number: 2000}}, "server version: 1999 → 2000"},
		{trace.Change{What: trace.OfExpiry, Was: trace.State{At: noon()}, Is: trace.State{At: noon().Add(time.Hour)}}, "server expires: 2001-03-01 12:00:00 → 2001-03-01 13:00:00"},
		{trace.Change{What: trace.OfValue, Key: "k", Is: value("1", true)}, "server k: missing → 1 (secret)"},
		{trace.Change{What: trace.OfValue, Key: "k", Was: value("1", false)}, "cookie k: 1 → missing (secret)"},
		{trace.Change{What: trace.OfValue, Key: "k", Was: value("1", false), Is: value("1", true), How: trace.Moved}, "server k: in the cookie → on the server (secret)"},
		{trace.Change{What: trace.OfValue, Key: "k", Was: value(long, false), Is: value(long, false), How: trace.Alike}, "cookie k: " + long[:60] + "… (70 B in all) → another value that begins alike (secret)"},
		{trace.Change{What: trace.OfLive, Was: trace.State{Number: 35}, Is: trace.State{Number: 36}}, "server live records: 35 → 36"},
		{trace.Change{What: trace.OfExpired, Was: trace.State{Number: 1}, Is: trace.State{Number: 0}}, "server expired, not cleared: 1 → 0"},
		{trace.Change{What: trace.OfLeft, Is: trace.State{Text: "4ca53ce7", Number: 3}}, "server the old record 4ca53ce7:  → is still in the store, v3; no cookie of this browser opens it"},
	} {
		if got := rows(Changes([]trace.Change{test.c})); got != test.want+"\n" {
			t.Errorf("%s: %q, want %q", test.c.What, got, test.want)
		}
	}
	// What looks the same is no change.
	if got := Changes([]trace.Change{{What: trace.OfExpiry, Was: trace.State{At: noon()}, Is: trace.State{At: noon().Add(time.Millisecond)}}}); got != nil {
		t.Errorf("%+v", got)
	}
	// A bar has room for nine.
	var many []trace.Change
	for i := range 12 {
		many = append(many, trace.Change{What: trace.OfValue, Key: strconv.Itoa(i), Is: value("1", false)})
	}
	if got := Changes(many[:9]); len(got) != 9 || got[8].What != "8" {
		t.Errorf("of nine: %+v", got)
	}
	if got := Changes(many); len(got) != 10 || got[9] != (views.Change{What: "and", Is: "3 more"}) {
		t.Errorf("of twelve: %+v", got)
	}
}

// The bar would compare with a moment that does not exist, or not say that the store is down.
func TestMoment(t *testing.T) {
	t.Parallel()
	changes := []trace.Change{{What: trace.OfReadable, Is: trace.State{There: true}}}
	for _, test := range []struct {
		x      trace.Exchange
		beside trace.Beside
		want   views.Moment
	}{
		{trace.Exchange{}, trace.Beside{First: true}, views.Moment{N: 3, First: true}},
		{trace.Exchange{}, trace.Beside{Unknown: true}, views.Moment{N: 3, Unknown: true}},
		{trace.Exchange{}, trace.Beside{Changes: changes}, views.Moment{N: 3, Changes: Changes(changes)}},
		{trace.Exchange{By: "the clock", Nothing: true}, trace.Beside{Changes: changes}, views.Moment{N: 3, Changes: Changes(changes)}},
		{trace.Exchange{By: "a pinned copy"}, trace.Beside{Changes: changes}, views.Moment{N: 3, Aside: "a pinned copy"}},
	} {
		s := seen(test.x)
		s.N, s.Beside = 3, test.beside
		if got := Moment(s, s); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("%+v, want %+v", got, test.want)
		}
	}
}

// After a press that sent a copy, the bar would show what changed for the copy, and not for
// this browser.
func TestMomentOfAPressThatSentACopy(t *testing.T) {
	t.Parallel()
	own, sent := seen(trace.Exchange{}), seen(trace.Exchange{By: "a pinned copy"})
	sent.N, sent.Beside.Changes = 7, []trace.Change{{What: trace.OfReadable, Is: trace.State{There: true}}}
	if got, want := Moment(own, sent), (views.Moment{N: 7}); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	sent.Beside = trace.Beside{Unknown: true} // nobody could say what the copy opens
	if got := Moment(own, sent); !got.Unknown || got.Aside != "" {
		t.Errorf("in an outage: %+v", got)
	}
}
