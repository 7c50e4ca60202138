package show

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

const (
	dropped  = "No cookie any more: the server told the browser to drop it. The next write, with Set, creates a session."
	newcomer = "No cookie yet: none came with this request. The first write, with Set, creates a session."
	again    = "No cookie: none came with this request. The next write, with Set, creates a session."
)

// A panel would say that no cookie came, though it came with the press that dropped it.
func TestDroppedCookieCame(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.sets("name", "1")
	came := len(ours) + len(l.cookie)
	none := ""
	s := l.press("/drop-cookie", &none, func(s *session.Session) { s.Discard(t.Context(), "the cookie itself is replaced") })

	b := Browser(s, s.At, true)
	if b.Empty != dropped || b.Note != "" || b.Raw != "" || len(b.Flags) > 0 {
		t.Errorf("the browser's panel says %q, %q, %q", b.Empty, b.Note, b.Raw)
	}
	if got := row(b, ours); got.Kind != "ended" || got.Size != say.Bytes(came)+" with its name" {
		t.Errorf("the table says %+v of a cookie of %d bytes", got, came)
	}
	w := Wire(s)
	if got := field(w.Request, "Cookie"); !strings.HasPrefix(got, ours+"=") || strings.Contains(got, "not carried") {
		t.Errorf("the wire shows the header %q", got)
	}
	if len(w.Steps) == 0 || w.Steps[0].Verb+" "+w.Steps[0].What != "read cookie" {
		t.Errorf("the steps: %+v", w.Steps)
	}
	v := Server(s, s.At, false)
	if v.Late == nil || v.Late.Text != "its record is still here, and this browser has no cookie any more that opens it." || v.Empty != "" || len(v.Values) != 0 {
		t.Errorf("the server's panel: %+v %+v", v.Late, v)
	}
	// The next request carries none.
	s = l.press("/get", nil, nil)
	if b := Browser(s, s.At, true); b.Empty != again || len(b.Jar) != 0 {
		t.Errorf("then: %q, %+v", b.Empty, b.Jar)
	}
}

// A panel would say that no cookie came with a flush, or that the record is still there.
func TestFlushedCookieCame(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.sets("name", "1")
	s := l.press("/flush", nil, func(s *session.Session) { s.Flush(t.Context()) })
	if b, v := Browser(s, s.At, true), Server(s, s.At, false); b.Empty != dropped || row(b, ours).Kind != "ended" || v.Empty != "No live record of this browser." || v.Late == nil {
		t.Errorf("%q, %+v, %+v", b.Empty, row(b, ours), v)
	}
}

// The panel would say that no cookie came when other cookies did, or "yet" to a browser that
// had a session before.
func TestOtherCookiesCame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		others string
		known  bool
		want   string
	}{
		{"", false, newcomer},
		{"", true, again},
		{"theirs=1", false, "No session cookie yet: this request carried 1 other cookie, listed under “What scripts see”, and none of this name. The first write, with Set, creates a session."},
		{"theirs=1; " + ours + "-readable=x", false, "No session cookie yet: this request carried 2 other cookies, listed under “What scripts see”, and none of this name. The first write, with Set, creates a session."},
		{"theirs=1", true, "No session cookie: this request carried 1 other cookie, listed under “What scripts see”, and none of this name. The next write, with Set, creates a session."},
		{strings.Repeat("a=b; ", 31), false, "No session cookie yet: this request carried more than 30 other cookies, the first of them listed under “What scripts see”, and none of this name. The first write, with Set, creates a session."},
		// What has no "=" has no name, whatever its value is.
		{ours, false, "No session cookie yet: this request carried 1 other cookie, listed under “What scripts see”, and none of this name. The first write, with Set, creates a session."},
	} {
		l := newLab(t, session.Hybrid)
		l.others = test.others
		if test.known {
			l.key = session.KeyOf("one that was here before")
		}
		s := l.press("/get", nil, nil)
		b := Browser(s, s.At, true)
		if b.Empty != test.want || b.Note != "" {
			t.Errorf("%q, known %v: %q %q, want %q", test.others, test.known, b.Note, b.Empty, test.want)
		}
		if got := steps(s.Events, s.Cookie.Came); len(got) != 1 || got[0].Verb != "no session cookie" {
			t.Errorf("%q: the steps are %+v", test.others, got)
		}
	}
}

// The table or the wire would take a nameless cookie, whose value is the session cookie's
// name, for the session cookie.
func TestNamelessCookie(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.others = ours
	s := l.sets("name", "1")
	b := Browser(s, s.At, true)
	if got := row(b, "(no name)"); got.Kind != "other" || got.Size != "12 B" || len(b.Jar) != 1 || b.Note != "" {
		t.Errorf("the table: %+v, the note %q", b.Jar, b.Note)
	}
	if got := field(Wire(s).Request, "Cookie"); got != "‹12 B without a name, of another program›" {
		t.Errorf("the wire: %q", got)
	}
}

// The panel would say that an empty session cookie is dropped when the answer drops nothing.
func TestEmptyCookieCame(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.others = ours + "="
	s := l.press("/keys", nil, nil)
	b := Browser(s, s.At, true)
	if got := row(b, ours); b.Empty != "The cookie that came is empty, so it opens nothing." || b.Note != "" || got.Kind != "session" || got.Size != "12 B with its name" {
		t.Errorf("%q %q %+v", b.Empty, b.Note, got)
	}
	none := ""
	s = l.press("/drop-cookie", &none, nil)
	if b := Browser(s, s.At, true); b.Empty != dropped || row(b, ours).Kind != "ended" {
		t.Errorf("dropped: %q %+v", b.Empty, row(b, ours))
	}
}

// This program's own cookies would be called another program's.
func TestOwnCookiesAreNotForeign(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.others = ours + "-pins=PPPP; " + ours + "-live=LLL; " + ours + "~second=SSSSS; " + ours + "~third-readable=R; " + ours + "-readable=hi; theirs=very-private"
	s := l.press("/get", nil, nil)
	b, w := Browser(s, s.At, true), Wire(s)
	for _, test := range []struct{ name, kind, size string }{
		{ours + "-pins", "pins", "21 B with its name"},
		{ours + "-live", "live", "20 B with its name"},
		{ours + "~second", "kin", "24 B with its name"},
		{ours + "~third-readable", "kin", "28 B with its name"},
		{ours + "-readable", "readable", "23 B with its name"},
		{"theirs", "other", "18 B with its name"},
	} {
		if got := row(b, test.name); got.Kind != test.kind || got.Size != test.size || got.Value != map[bool]string{true: "hi"}[test.kind == "readable"] {
			t.Errorf("%s: %+v, want %+v", test.name, got, test)
		}
	}
	if !b.Planted || b.Readable != ours+"-readable" {
		t.Errorf("the readable cookie %q came: %v", b.Readable, b.Planted)
	}
	want := ours + "-pins=‹4 B of value, says which browser pinned›; " + ours + "-live=‹3 B of value, finds the run that waits for this browser›; " +
		ours + "~second=‹5 B of value, the second browser's›; " + ours + "~third-readable=‹1 B of value, the third browser's›; " +
		ours + "-readable=hi; theirs=‹12 B of value, of another program›"
	if got := field(w.Request, "Cookie"); got != want {
		t.Errorf("the wire shows\n%q, want\n%q", got, want)
	}
	// Their names say whose they are: on another browser's side the first browser's cookies come too.
	for name, whose := range map[string]string{ours: "the first browser's", ours + "-pins": "the first browser's", ours + "~second": "the second browser's", ours + "~third-readable": "the third browser's"} {
		if j := jar(trace.Cookie{Jar: []trace.Crumb{{Name: trace.Cut(name, maxName), Kind: seat.Kin}}}); j[0].Whose != whose {
			t.Errorf("%s is %s", name, j[0].Whose)
		}
	}
	for _, known := range []seat.Kind{seat.Session, seat.Readable, seat.Pins, seat.Live, seat.Kin, seat.Other} {
		if j := jar(trace.Cookie{Jar: []trace.Crumb{{Name: trace.Cut("n", maxName), Kind: known}}}); j[0].Kind != string(known) {
			t.Errorf("%s is shown as %s", known, j[0].Kind)
		}
	}
	// Cookies that are too many to list have no owner.
	if j := jar(trace.Cookie{More: true}); j[0].Kind == "other" {
		t.Errorf("%+v", j)
	}
}

// The panel would speak of "this request" when nothing travelled: the cookies came with this
// browser's last request.
func TestNothingTravelledIsNoRequest(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.others = "theirs=1"
	l.press("/get", nil, nil)
	x := *l.before
	for _, test := range []struct {
		nothing bool
		jar     []trace.Crumb
		want    string
	}{
		{false, x.Cookie.Jar, "No session cookie yet: this request carried 1 other cookie, listed under “What came with the request”, and none of this name. The first write, with Set, creates a session."},
		{true, x.Cookie.Jar, "No session cookie yet: its last request carried 1 other cookie, listed under “What came with the request”, and none of this name. The first write, with Set, creates a session."},
		{true, nil, "No cookie yet: none came with its last request. The first write, with Set, creates a session."},
	} {
		x.Nothing, x.Cookie.Jar = test.nothing, test.jar
		if b := Browser(seen(x), x.At, false); b.Empty != test.want || b.Before != test.nothing {
			t.Errorf("%v: %q %v", test.nothing, b.Empty, b.Before)
		}
	}
}

// After a good cookie was put back, the panel would show the verdict on the cookie that came,
// and not on the one that the browser keeps.
func TestPutBackTellsOfWhatIsKept(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.sets("name", "1")
	pinned := l.cookie
	l.cookie = flip(l.cookie)
	s := l.press("/get", nil, nil)
	if b := Browser(s, s.At, true); !strings.Contains(b.Note, "does not fit") || b.Layers == nil || b.Layers.Verdict != "does not fit" || len(b.Flags) > 0 {
		t.Fatalf("before: %q %+v", b.Note, b.Layers)
	}
	s = l.press("/put-back", &pinned, nil)
	b := Browser(s, s.At, true)
	if b.Note != "" || b.Empty != "" || b.Raw != pinned || b.Layers == nil || !b.Layers.Valid || b.Layers.Verdict != "valid" || b.Layers.Key != "1 of 1" {
		t.Errorf("put back: %q %q %+v", b.Note, b.Empty, b.Layers)
	}
	if got := row(b, ours); got.Kind != "session" {
		t.Errorf("the table: %+v", got)
	}
}

// An answer sets no cookie when it tells the browser to drop one.
func TestCookiesThatAreSetAreCounted(t *testing.T) {
	t.Parallel()
	none := func(string) seat.Kind { return seat.Other }
	for line, sets := range map[string]int{
		"Set-Cookie: b=1; Path=/":            1,
		"Set-Cookie: b=; Path=/; Max-Age=0":  0,
		"Set-Cookie: b=; Path=/; Max-Age=05": 1,
		"Set-Cookie: a=1; Path=/":            0, // it came
		"Location: /; Max-Age=0":             0,
	} {
		s := seen(trace.Exchange{Cookie: trace.Cookie{Name: ours, Jar: []trace.Crumb{{Name: trace.Cut("a", maxName)}}}})
		if s.Answer.Fields = trace.Fields([]string{line}, none); Browser(s, noon(), true).Sets != sets {
			t.Errorf("%s sets %d cookies, want %d", line, Browser(s, noon(), true).Sets, sets)
		}
	}
}

// The panel would say that the cookie carries what it does not carry.
func TestBrowserPeels(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	s := l.sets("name", "12")
	b := Browser(s, s.At.Add(time.Hour), true)
	if b.Layers == nil || len(b.Layers.Fields) != 6 {
		t.Fatalf("%+v", b)
	}
	want := views.Browser{
		Name: ours, Raw: l.cookie, Changed: true, Bytes: len(ours) + len(l.cookie), Limit: 4096, Most: "4,096", Budget: "2,262", Scripts: true,
		RawBytes: say.Bytes(len(l.cookie)), Size: say.Number(len(ours) + len(l.cookie)), EnvelopeBytes: b.EnvelopeBytes, Readable: b.Readable, Flags: b.Flags, FlagsFrom: b.FlagsFrom, Layers: b.Layers,
		Absent: "The request came without this cookie. Its answer set it.",
	}
	if diff := cmp.Diff(want, b); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if s = l.sets("name", "13"); Browser(s, s.At, true).Absent != "" {
		t.Error("the panel says that a cookie did not come which came")
	}
	var flags []string
	for _, f := range b.Flags {
		flags = append(flags, f.Text)
		if f.Title == "" || f.Off != (f.Text == "Secure") {
			t.Errorf("%+v", f)
		}
	}
	if got := strings.Join(flags, " "); got != "HttpOnly SameSite=Lax Path=/ Secure Max-Age=28800" {
		t.Errorf("the flags are %s", got)
	}
	ls := b.Layers
	if got := strings.Join([]string{ls.Keys, ls.Values, ls.Fields[0].Value, ls.Fields[3].Value}, " "); got != `name {"name":12} hybrid 1` || ls.SignedAt != say.Clock(s.At) {
		t.Errorf("%s: %+v", got, ls)
	}
	// The next answer sets nothing, and no visit remembers the one before.
	s = l.press("/get", nil, nil)
	if b := Browser(s, s.At, false); len(b.Flags) != 4 || b.Changed || b.Scripts {
		t.Errorf("then: %+v", b)
	}
}

// The panel would say something of a cookie that is cut, hidden, or met an outage.
func TestBrowserUnknown(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	cookie := l.sets("name", "1").Cookie
	base := trace.Exchange{At: noon(), Cookie: trace.Cookie{Name: ours, Came: true, Kept: cookie.Kept, Bytes: cookie.Bytes}}

	down := base
	down.Store.Down = true
	if b := Browser(seen(down), noon(), true); b.Layers == nil || b.Layers.Verdict != "not checked" || b.Layers.Valid || b.Note != "The store does not answer, so nobody can say what a cookie opens. The browser keeps its cookies." {
		t.Errorf("in an outage: %+v", b)
	}
	cut := base
	cut.Cookie.Bytes = 5000
	if b := Browser(seen(cut), noon(), true); b.Layers != nil || !strings.HasSuffix(b.Raw, "… (5,000 B in all)") || b.Size != "5,012" {
		t.Errorf("of a cookie that is too long: %+v", b)
	}
	hidden := base.Seen(func(string) bool { return true })
	if b := Browser(hidden, noon(), true); b.Raw != "" || b.Layers != nil || b.Empty != "" || b.Note != "This cookie still opens a session, and the request for this page came without it. Only the page of the browser that has the cookie shows it." || b.Size == "" {
		t.Errorf("hidden: %+v", b)
	}
}

// The panel would call a copy's cookie the visitor's own.
func TestWhose(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		by, of        string
		nothing       bool
		browser, wire string
	}{
		{"", "", false, "", ""},
		{"a pinned copy", "", false, "a pinned copy", "a pinned copy"},
		{"", "second browser", false, "the second browser", "a press of the second browser"},
		{"", anotherPage, false, "", "a press on another page"},
		{"another client", "", true, "", ""},
	} {
		s := seen(trace.Exchange{By: test.by, Nothing: test.nothing})
		s.Of = test.of
		if b, w := Browser(s, noon(), true).Of, Wire(s).By; b != test.browser || w != test.wire {
			t.Errorf("%+v: %q and %q", test, b, w)
		}
	}
}
