package show

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// The panel would say that there is no record while it is in the store: when the cookie that
// came opens nothing, or when no cookie came.
func TestServerShowsARecordThatNoCookieOpens(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		cookie func(own string) string
	}{
		{"a letter was changed", flip},
		{"garbage came", func(string) string { return "garbage" }},
		{"none came", func(string) string { return "" }},
	} {
		l := newLab(t, session.Hybrid)
		l.sets("name", "1")
		l.cookie = test.cookie(l.cookie)
		s := l.press("/get", nil, nil)
		if s.Session.Exists {
			t.Fatalf("%s: the cookie opens a session", test.name)
		}
		v := Server(s, s.At, false)
		if v.Empty != "" || v.Late == nil || v.Late.ID != s.Store.ID || v.ID != s.Store.ID || v.Late.Text != "its record is still here, and no cookie that came opens it." || len(v.Stored) == 0 || !v.Partial {
			t.Errorf("%s: %q %+v", test.name, v.Empty, v.Late)
		}
	}
	// The control: when no record is known, the panel says other words.
	for _, test := range []struct {
		cookie trace.Cookie
		want   string
	}{
		{trace.Cookie{}, "No record of this browser. Reading never creates a session: only a write does."},
		{trace.Cookie{Came: true, Kept: "garbage", Bytes: 7}, "The cookie that came opens no session. Reading never creates a session: only a write does."},
		{trace.Cookie{Came: true, Put: true, Kept: "garbage", Bytes: 7}, "The cookie that was put back opens no session. Reading never creates a session: only a write does."},
	} {
		if v := Server(seen(trace.Exchange{Cookie: test.cookie}), noon(), false); v.Empty != test.want || v.Late != nil {
			t.Errorf("%+v: %q %+v", test.cookie, v.Empty, v.Late)
		}
	}
}

// The panel would not say what became of a session that no cookie opens.
func TestServerLate(t *testing.T) {
	t.Parallel()
	for state, want := range lateTexts {
		x := trace.Exchange{Store: trace.Store{ID: "9f2c41e0", State: state, Where: "row", Fields: []trace.Stored{{Name: "data", Value: trace.Text{Start: "{}", Bytes: 3000}}}}}
		v := Server(seen(x), noon(), true)
		if v.Empty != "No live record of this browser." || v.Late == nil || *v.Late != (views.Late{ID: "9f2c41e0", Text: want}) {
			t.Errorf("%s: %q %+v", state, v.Empty, v.Late)
		}
		if len(v.Stored) != 1 || v.Stored[0].Value != "{}… (3,000 B in all)" || v.Where != "row" {
			t.Errorf("%s: %+v", state, v.Stored)
		}
		x.By = "a pinned copy"
		s := seen(x)
		s.N = 3
		if v := Server(s, noon(), true); v.Empty != "The copy opened nothing." || v.Late == nil {
			t.Errorf("of a copy: %q %+v", v.Empty, v.Late)
		}
	}
}

// During an outage the panel would show what nobody knows.
func TestServerInAnOutage(t *testing.T) {
	t.Parallel()
	figures := trace.Figures{Known: true, Live: 1}
	for _, test := range []struct {
		name           string
		x              trace.Exchange
		empty, nothing string
	}{
		{"it did not answer", trace.Exchange{Store: trace.Store{Down: true, Figures: figures}}, silent, ""},
		{"nor when it was asked for the record", trace.Exchange{Store: trace.Store{ID: "9f2c41e0", Unknown: true}}, silent, ""},
		{"of a copy", trace.Exchange{By: "a pinned copy", Store: trace.Store{ID: "9f2c41e0", Unknown: true}}, silent, ""},
		{"the session opened before", trace.Exchange{Session: trace.Session{Exists: true, ID: "9f2c41e0"}, Store: trace.Store{ID: "9f2c41e0", Unknown: true}}, "", "unknown, because the store does not answer."},
	} {
		s := seen(test.x)
		s.N = 3
		v := Server(s, noon(), false)
		if v.Empty != test.empty || v.Nothing != test.nothing || test.x.Store.Down && v.Known() {
			t.Errorf("%s: %q %q %v", test.name, v.Empty, v.Nothing, v.Known())
		}
	}
}

// lives are labs after a Set, by its placement, and what the panel says of its store.
var lives = []struct {
	placement session.Placement
	nothing   string
	records   views.Stat
}{
	{session.InCookie, "nothing. With this placement the server keeps no record: the cookie is the session.", views.Stat{Number: "0", Text: "live records"}},
	{session.Hybrid, "", views.Stat{Number: "1", Text: "live record"}},
	{session.OnServer, "", views.Stat{Number: "1", Text: "live record"}},
}

// The panel would show another session than the one that lives, or other clocks.
func TestServerShowsALiveSession(t *testing.T) {
	t.Parallel()
	for _, test := range lives {
		l := newLab(t, test.placement)
		s := l.sets("name", "12")
		v := Server(s, s.At.Add(time.Minute), false)
		if len(v.Values) != 1 || v.Values[0].Sum == "" || len(v.Stored) > 0 != (test.nothing == "") || len(v.Figures.Stats) == 0 {
			t.Fatalf("%s: %+v", test.placement, v)
		}
		want := views.Server{
			ID: s.Session.ID, IDChanged: true, Version: "1", Created: v.Created, Nothing: test.nothing, Where: v.Where, Kept: v.Where, Stored: v.Stored, Figures: v.Figures,
			Values:   []views.Value{{Name: "name", Key: "name", Type: "number", Text: "12", Bytes: "2", Short: "12", Sum: v.Values[0].Sum, OnServer: test.placement == session.OnServer, Changed: true}},
			Idle:     views.Clock{Name: "idle clock", First: true, Whole: (2 * time.Hour).Milliseconds(), Left: "1 h 59 m 0 s", Until: v.Idle.Until, Now: v.Idle.Now, At: v.Idle.At},
			Absolute: views.Clock{Name: "absolute lifetime", Whole: (8 * time.Hour).Milliseconds(), Left: "7 h 59 m 0 s", Until: v.Absolute.Until, Now: v.Absolute.Now, At: v.Absolute.At},
		}
		if test.placement == session.Hybrid {
			want.Carried = true
		}
		if diff := cmp.Diff(want, v); diff != "" {
			t.Errorf("%s, -want +got\n%s", test.placement, diff)
		}
		if got := v.Figures.Stats[0]; got != test.records {
			t.Errorf("%s: %+v, want %+v", test.placement, got, test.records)
		}
	}
}

// The panel would mark what a press did not change, or not mark what it did.
func TestServerMarksWhatAPressChanged(t *testing.T) {
	t.Parallel()
	for _, test := range lives {
		l := newLab(t, test.placement)
		l.sets("name", "12")
		s := l.press("/get", nil, nil)
		if v := Server(s, s.At, true); v.IDChanged || v.Values[0].Changed || !v.Idle.Still || !v.Absolute.Still {
			t.Errorf("%s, a read of the past: %+v", test.placement, v)
		}
		s = l.press("/delete", nil, func(s *session.Session) { s.Delete("name") })
		if v := Server(s, s.At, false); len(v.Values) != 1 || !v.Values[0].Gone || v.Values[0].Name != "name" {
			t.Errorf("%s, deleted: %+v", test.placement, v.Values)
		}
		s = l.press("/expiry", nil, func(s *session.Session) { s.SetExpiry(session.Expiry{After: time.Minute}) })
		if v := Server(s, s.At, false); v.Idle.Name != "its own expiry" || v.Idle.Whole != 60_000 || v.Idle.Left != "1 m 0 s" {
			t.Errorf("%s, its own expiry: %+v", test.placement, v.Idle)
		}
	}
}

// A past moment would be shown with the clocks or the picture of now. The control is the present.
func TestThePastIsOfItsOwnTime(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.sets("name", "1")
	x := *l.before
	x.Store.Figures.Plot = []trace.Point{{At: x.At, Live: 1}}
	later := x.At.Add(30 * time.Second)
	for _, test := range []struct {
		past       bool
		left, line string
	}{
		{true, "2 h 0 m 0 s", "300.0,3.0 300,3.0"},
		{false, "1 h 59 m 30 s", "150.0,3.0 300,3.0"},
	} {
		v, b := Server(seen(x), later, test.past), Browser(seen(x), later, !test.past)
		if v.Idle.Left != test.left || v.Clock().Left != test.left || v.Idle.Now != map[bool]time.Time{true: x.At, false: later}[test.past].UnixMilli() || b.Layers.SignedAt != say.Clock(x.At) || b.Layers.Ahead != "" || v.Figures.Plot.Live != test.line {
			t.Errorf("past %v: %+v, signed %s, the picture %s", test.past, v.Idle, b.Layers.SignedAt, v.Figures.Plot.Live)
		}
	}
}

// What another client did would be marked as this browser's press.
func TestNothingTravelledMarksNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.sets("name", "1")
	x := *l.before
	if v, b := Server(seen(x), x.At, false), Browser(seen(x), x.At, true); !v.IDChanged || !b.Changed {
		t.Fatalf("the control: %v %v", v.IDChanged, b.Changed)
	}
	x.Nothing, x.By = true, "another client"
	if v, b := Server(seen(x), x.At, false), Browser(seen(x), x.At, true); v.IDChanged || v.Values[0].Changed || b.Changed {
		t.Errorf("%+v %v", v, b.Changed)
	}
}

// When another client uses the session whose cookie this browser keeps, the panel would say
// that no cookie of this browser opens the record.
func TestNothingTravelledSaysNothingOfTheCookie(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.sets("name", "1")
	x := *l.before
	x.Nothing, x.By, x.Session = true, "another client", trace.Session{}
	if v := Server(seen(x), x.At, true); v.ID != x.Store.ID || v.Late != nil || !v.Partial {
		t.Errorf("this browser has the cookie: %+v", v.Late)
	}
	if v := Server(x.Seen(func(string) bool { return true }), x.At, true); v.Late != nil {
		t.Errorf("it is hidden: %+v", v.Late)
	}
	const dropped = "its record is still here, and this browser has no cookie any more that opens it."
	other := newLab(t, session.Hybrid).sets("name", "1").Cookie.Kept
	for _, kept := range []string{"", "garbage", other} {
		x.Cookie.Kept, x.Cookie.Bytes = kept, len(kept)
		if v := Server(seen(x), x.At, true); v.Late == nil || v.Late.Text != dropped {
			t.Errorf("it keeps %.20q: %+v", kept, v.Late)
		}
	}
}

// The panel would not name the old record while it is live.
func TestServerTellsOfTheOldRecord(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.sets("name", "1")
	old := l.before.Session.ID
	none := ""
	l.press("/drop-cookie", &none, nil)
	s := l.sets("name", "2") // the second session of this browser
	v := Server(s, s.At, false)
	if v.ID == old || v.Late == nil || *v.Late != (views.Late{ID: old, Text: "its record is still here, v1; no cookie of this browser opens it."}) {
		t.Errorf("after a new session was born: %+v", v.Late)
	}
	// A cookie that opens nothing is put back over it: the panel shows both.
	x := trace.Exchange{Store: trace.Store{ID: "4ca53ce7", State: session.StateEnded, Left: trace.Left{ID: "9f2c41e0", State: session.StateLive, Version: 3}}}
	if v := Server(seen(x), noon(), false); v.Late == nil || v.Late.ID != "4ca53ce7" || !strings.HasPrefix(v.Late.Text, "it has ended.") || !strings.HasSuffix(v.Late.Text, " And the old record 9f2c41e0 is still here, v3; no cookie of this browser opens it.") {
		t.Errorf("over a live session: %+v", v.Late)
	}
	// A record that is gone, or that the panel shows already, is not named.
	for _, left := range []trace.Left{{}, {ID: "9f2c41e0", State: session.StateEnded}, {ID: "4ca53ce7", State: session.StateLive}} {
		x.Store.Left = left
		if v := Server(seen(x), noon(), false); strings.Contains(v.Late.Text, "is still here") {
			t.Errorf("%+v: %q", left, v.Late.Text)
		}
	}
}

// The line of this browser in the figures, which were asked for before the press was done,
// would contradict the panel above it.
func TestFamilyAgreesWithThePanel(t *testing.T) {
	t.Parallel()
	family := []trace.Member{{Name: "first browser", ID: "4ca53ce7", State: session.StateLive}, {Name: "second browser", This: true}}
	this := func(placement session.Placement, act func(*lab) trace.Seen) views.Member {
		s := act(newLab(t, placement))
		s.Store.Figures.Family = family
		v := Server(s, s.At, false).Figures.Family
		if len(v) != 2 || v[0] != (views.Member{Name: "first browser", ID: "4ca53ce7", State: "live"}) {
			t.Errorf("the other browser: %+v", v)
		}
		if v[1].ID != s.Store.ID {
			t.Errorf("this browser has %s, the panel shows %s", v[1].ID, s.Store.ID)
		}
		v[1].ID = ""
		return v[1]
	}
	sets := func(l *lab) trace.Seen { return l.sets("name", "1") }
	flushes := func(l *lab) trace.Seen {
		l.sets("name", "1")
		return l.press("/flush", nil, func(s *session.Session) { s.Flush(t.Context()) })
	}
	for _, test := range []struct {
		placement session.Placement
		act       func(*lab) trace.Seen
		want      string
	}{
		{session.Hybrid, sets, "live"},
		{session.InCookie, sets, "only in its cookie"},
		{session.Hybrid, flushes, "gone"},
		{session.InCookie, flushes, "gone"},
		{session.Hybrid, func(l *lab) trace.Seen { return l.press("/get", nil, nil) }, "no session yet"},
	} {
		if got, want := this(test.placement, test.act), (views.Member{Name: "second browser", This: true, State: test.want}); got != want {
			t.Errorf("%s: %+v, want %+v", test.placement, got, want)
		}
	}
	// A copy's session, or another client's, is not this browser's.
	for _, x := range []trace.Exchange{{By: "a pinned copy"}, {By: "another client", Nothing: true}} {
		x.Store = trace.Store{ID: "9f2c41e0", State: session.StateLive, Figures: trace.Figures{Known: true, Family: family}}
		if v := Server(seen(x), noon(), false).Figures.Family[1]; v.State != "no session yet" || v.ID != "" {
			t.Errorf("%s: %+v", x.By, v)
		}
	}
	if family[1].ID != "" {
		t.Error("the facts were changed")
	}
}

// A reader would see 13 digits for a date and 0 for a marker, or an empty record without a
// word about where the values are.
func TestStoredFieldsAreExplained(t *testing.T) {
	t.Parallel()
	at := noon()
	for _, test := range []struct{ name, value, want string }{
		{"key", "9f2c", "SHA-256 of the session ID"}, {"created", strconv.FormatInt(at.UnixMilli(), 10), "2001-03-01 12:00:00"}, {"expires", "soon", ""},
		{"marker", "0", "no: this ID has not ended"}, {"marker", "false", "no: this ID has not ended"}, {"marker", "1", "yes: this ID has ended and opens nothing"}, {"marker", "", ""},
		{"PTTL", "61000", "Redis removes it in 1 m 1 s"}, {"PTTL", "-1", ""}, {"version", "3", ""}, {"data", "{}", ""}, {"data", `{"values":{},"cookie_values_since":2}`, "cookie_values_since: values in a cookie of an earlier version do not count any more"},
	} {
		if got := noteOn(trace.Stored{Name: test.name, Value: trace.Cut(test.value, 99)}); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.name, test.value, got, test.want)
		}
	}
	for placement, want := range map[session.Placement]bool{session.Hybrid: true, session.OnServer: false, session.InCookie: false} {
		l := newLab(t, placement)
		l.sets("name", "1")
		s := l.sets("city", `"Graz"`)
		if v := Server(s, s.At, false); v.Carried != want || v.Kept != v.Where {
			t.Errorf("%s: all values travel in the cookie: %t; kept in the %q", placement, v.Carried, v.Kept)
		}
		s = l.sets("long", `"`+strings.Repeat("x", 300)+`"`)
		if v := Server(s, s.At, false); v.Carried {
			t.Errorf("%s: one value is in the record", placement)
		}
	}
	var v views.Server
	stored(&v, trace.Store{Where: "hash ssc:s:9f2c"})
	if v.Kept != "Redis hash" || v.Where != "hash ssc:s:9f2c" {
		t.Errorf("%q, %q", v.Kept, v.Where)
	}
}
