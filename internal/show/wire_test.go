package show

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// names are the headers' names, with a sign for those that are marked or gone.
func names(hs []views.Header) string {
	var out []string
	for _, h := range hs {
		name := h.Name
		name += map[string]string{"": "", "new": "*", "changed": "*", "gone": "-"}[h.Diff]
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// The panel would show another exchange than the one that travelled.
func TestWire(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.sets("name", "1")
	l.others = "theirs=very-private"
	r := l.request("POST", "/set?key=a", "")
	r.Header.Set("Authorization", "Basic secret")
	r.Header.Set("Accept", "text/html")
	x := trace.Exchange{At: noon(), Cookie: trace.Cookie{Came: true}, Events: []session.Event{{Kind: session.Read, Bytes: 172, KeyNumber: 1, KeyCount: 2, Place: session.Hybrid, Version: 1}}}
	head := tap.Head{Lines: []string{"Host: h", "Cookie: " + r.Header.Get("Cookie"), "authorization: Basic secret", "accept: text/html"}, Bytes: 420}
	x.Came(r, head, l.side, "key=name&value=1")
	x.Request.Length = int64(len("key=name&value=1"))
	x.Leaving(303, http.Header{"Location": {"/?x=TOKEN&v=a"}, "Set-Cookie": {ours + "=" + l.cookie + "; Path=/"}, "X-More": {"1"}}, l.side)
	s := seen(x)
	s.N = 5
	w := Wire(s)
	sameBut(t, w, views.Wire{
		N: 5, AsSent: true, RequestLine: "POST /set?key=a", Proto: "HTTP/1.1", Body: "key=name&value=1", RequestHeadBytes: "420 B", RequestShown: "420 B", RequestBytes: "16 B", StatusLine: "303 See Other",
	})
	if got := names(w.Request) + " | " + names(w.Response); got != "Host Cookie authorization accept | Location Set-Cookie X-More" {
		t.Errorf("the fields: %s", got)
	}
	for _, test := range []struct {
		in         []views.Header
		name, want string
	}{
		{w.Request, "Cookie", ours + "=" + l.cookie + "; theirs=‹12 B of value, of another program›"},
		{w.Request, "authorization", "‹12 B, of another program›"},
		{w.Response, "Location", "/?x=‹5 B, for one use›&v=a"},
		{w.Response, "Set-Cookie", ours + "=" + l.cookie + "; Path=/"},
	} {
		if got := field(test.in, test.name); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	if p := w.Request[1].Parts[1]; p != (views.Part{Kind: "token", Text: l.cookie}) {
		t.Errorf("the session cookie is %+v", p)
	}
	// As it ended.
	x.Finish(tap.Left{Status: "303 See Other", Lines: []string{"Location: /", "Date: now"}, HeadBytes: 1234, BodyBytes: 81, Took: 400 * time.Microsecond}, l.side)
	x.Said([]byte(`{"op":"set"}` + "\n"))
	w = Wire(seen(x))
	sameBut(t, w, views.Wire{
		AsSent: true, RequestLine: "POST /set?key=a", Proto: "HTTP/1.1", Body: "key=name&value=1", RequestHeadBytes: "420 B", RequestShown: "420 B", RequestBytes: "16 B", StatusLine: "303 See Other",
		Finished: true, ResponseHeadBytes: "1,234 B", ResponseBytes: "81 B", Took: "0.4 ms", Answer: `{"op":"set"}`,
	})
	if got := names(w.Response); got != "Location Date" {
		t.Errorf("finished, the fields of the response: %s", got)
	}
}

// sameBut compares all of an exchange but its fields and steps.
func sameBut(t *testing.T, got, want views.Wire) {
	t.Helper()
	got.Request, got.Response, got.Steps = nil, nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A page whose request came without a cookie would show that cookie, which opens a session:
// in the panels, in the wire, in JSON or in a command.
func TestHiddenCookieIsNowhere(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	l.sets("name", "1")
	cookie := l.cookie
	l.sets("name", "2")
	for name, opens := range map[string]func(string) bool{"hidden": func(string) bool { return true }, "the control": trace.HideNothing} {
		s := l.before.Seen(opens)
		w, b := Wire(s), Browser(s, s.At, true)
		request, answer := Bare(s)
		all := fmt.Sprint(w, b, request, answer)
		if held := strings.Contains(all, cookie) || strings.Contains(all, l.cookie); held != (name == "the control") {
			t.Errorf("%s: a cookie's value is there: %v", name, held)
		}
		// The press carried it: the words are of the request for the page, which did not.
		if name == "hidden" && field(w.Request, "Cookie") != fmt.Sprintf("%s=‹%d B of value, hidden: the request for this page came without it›", ours, len(cookie)) {
			t.Errorf("the wire: %q", field(w.Request, "Cookie"))
		}
		if want := [2]string{"Cookie", fmt.Sprintf("%s=%d B of value, the session cookie", ours, len(cookie))}; !slices.Contains(request, want) {
			t.Errorf("%s: in JSON, which shows no session cookie to anybody: %q lacks %q", name, request, want)
		}
		if text := fmt.Sprint(request, answer); strings.Contains(text, cookie) || strings.Contains(text, l.cookie) {
			t.Errorf("%s: in JSON: %s", name, text)
		}
	}
}

// The address would show a proof for one use, which Location and a form show by its size.
func TestProofInTheAddress(t *testing.T) {
	t.Parallel()
	proof := strings.Repeat("P", 26)
	for target, want := range map[string]string{
		"/get?key=name&x=" + proof:              "/get?key=name&x=‹26 B, for one use›",
		"/?x=" + proof + "&at=3":                "/?x=‹26 B, for one use›&at=3",
		"/get?key=x&max=1&x=":                   "/get?key=x&max=1&x=", // the controls
		"/get?key=" + strings.Repeat("k", 3000): "/get?key=" + strings.Repeat("k", 1991) + "… (3,009 B in all)",
		"/x=" + proof:                           "/x=" + proof,
	} {
		w := Wire(seen(trace.Exchange{Request: trace.Request{Method: "GET", Target: trace.Cut(target, 2000)}}))
		if w.RequestLine != "GET "+want {
			t.Errorf("%.60s: %.120q", target, w.RequestLine)
		}
	}
}

// The JSON of an exchange would show a session cookie.
func TestBare(t *testing.T) {
	t.Parallel()
	fields := []trace.Field{
		{Name: "X", Pieces: []trace.Piece{{Text: "1"}}}, {Name: "Y", Pieces: []trace.Piece{{Text: "2"}}, Diff: trace.Gone},
		{Name: "Cookie", Pieces: []trace.Piece{{Text: "a="}, {Kind: trace.Token, Text: strings.Repeat("t", 5000)}, {Text: "; "}, {Text: "b="}, {Kind: trace.Kin, Bytes: 3}}},
	}
	request, answer := Bare(seen(trace.Exchange{Request: trace.Request{Fields: fields}}))
	if want := [][2]string{{"X", "1"}, {"Cookie", "a=5,000 B of value, the session cookie; b=3 B of value, the first browser's"}}; !slices.Equal(request, want) || answer == nil || len(answer) != 0 {
		t.Errorf("%q, %q", request, answer)
	}
}

// A piece of an unknown kind would be shown.
func TestUnknownPieceIsNotShown(t *testing.T) {
	t.Parallel()
	w := Wire(seen(trace.Exchange{Request: trace.Request{Fields: []trace.Field{{Name: "X", Pieces: []trace.Piece{{Kind: "new", Text: "secret", Bytes: 6}}}}}}))
	if got := field(w.Request, "X"); got != "‹6 B, not shown›" {
		t.Errorf("%q", got)
	}
}

// The panel would show a visit's secret, or a wrong size of the body.
func TestWireBody(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		request     trace.Request
		body, bytes string
	}{
		{trace.Request{}, "", "0 B"},
		{trace.Request{Body: []trace.Piece{{Text: "key=a"}}, BodyBytes: 5, Length: 5}, "key=a", "5 B"},
		{trace.Request{Body: []trace.Piece{{Text: "key=a&page="}, {Kind: trace.Secret, Bytes: 26}, {Text: "&b=1"}}, BodyBytes: 41, Length: 41}, "key=a&b=1", "41 B"},
		{trace.Request{Body: []trace.Piece{{Text: strings.Repeat("x", 2000)}}, BodyBytes: 7000, Length: 7000}, strings.Repeat("x", 2000) + "… (7,000 B in all)", "7,000 B"},
		{trace.Request{Body: []trace.Piece{{Text: "key=a"}}, BodyBytes: 5, Length: -1}, "key=a", "5 B in chunks, whose framing is not counted,"},
		{trace.Request{Length: 70_000}, "", "70,000 B (not all read)"},
	} {
		w := Wire(seen(trace.Exchange{Request: test.request}))
		if w.Body != test.body || w.RequestBytes != test.bytes || w.RequestHeadBytes != "unknown" {
			t.Errorf("%q, %q, %q; want %q, %q", w.Body, w.RequestBytes, w.RequestHeadBytes, test.body, test.bytes)
		}
	}
}

// The page's own header and field would stand among the lines of the lesson, or a reader who
// adds the bytes would get another sum than the one that was measured.
func TestThePagesOwnFieldsAreLeftOut(t *testing.T) {
	t.Parallel()
	plain := func(name, value string) trace.Field {
		return trace.Field{Name: name, Pieces: []trace.Piece{{Text: value}}}
	}
	page := trace.Field{Name: "sessionscope-page", Pieces: []trace.Piece{{Kind: trace.Secret, Bytes: 55}}} // 55 and its name, ": " and a line end
	load := trace.Field{Name: "Sessionscope-Load", Pieces: []trace.Piece{{Kind: trace.Secret, Bytes: 26}}}
	gone := page
	gone.Diff = trace.Gone
	secret := trace.Piece{Kind: trace.Secret, Bytes: 26}
	for _, test := range []struct {
		name                  string
		fields                []trace.Field
		body                  []trace.Piece
		lines, text, shown, w string
	}{
		{"none", []trace.Field{plain("Host", "h")}, nil, "Host", "", "500 B", ""},
		{"the header", []trace.Field{plain("Host", "h"), page, plain("Accept", "a")}, nil, "Host Accept", "", "424 B", "Left out: this page's own header, 76 B, by which the lab knows its timeline."},
		{"both headers", []trace.Field{page, load}, nil, "", "", "377 B", "Left out: this page's own headers, 123 B, by which the lab knows its timeline."},
		{"a header of the exchange before", []trace.Field{gone}, nil, "", "", "500 B", ""},
		{"the field, first", nil, []trace.Piece{{Text: "page="}, secret, {Text: "&key=a"}}, "", "key=a", "500 B", "Left out: this page's own field in the body, 32 B, by which the lab knows its timeline."},
		{"the field, last", nil, []trace.Piece{{Text: "key=a&page="}, secret}, "", "key=a", "500 B", "Left out: this page's own field in the body, 32 B, by which the lab knows its timeline."},
		{"the field, alone", nil, []trace.Piece{{Text: "page="}, secret}, "", "", "500 B", "Left out: this page's own field in the body, 31 B, by which the lab knows its timeline."},
		{"a proof, which stays", nil, []trace.Piece{{Text: "x="}, {Kind: trace.Once, Bytes: 26}}, "", "x=‹26 B, for one use›", "500 B", ""},
	} {
		n := 0
		for _, p := range test.body {
			n += len(p.Text) + p.Bytes
		}
		s := seen(trace.Exchange{Request: trace.Request{Fields: test.fields, HeadBytes: 500, Body: test.body, BodyBytes: n, Length: int64(n)}})
		s.Beside.N, s.Beside.Same = 4, len(test.fields)
		w := Wire(s)
		if names(w.Request) != test.lines || w.Body != test.text || w.RequestShown != test.shown || w.LeftOut != test.w || w.RequestHeadBytes != "500 B" || strings.Contains(w.Changes, "gone 1") {
			t.Errorf("%s: %q, %q, %s, %q; %s", test.name, names(w.Request), w.Body, w.RequestShown, w.LeftOut, w.Changes)
		}
	}
}

// Nobody would see which letter of the copy was changed.
func TestTheChangedLetterIsMarked(t *testing.T) {
	t.Parallel()
	cookie := strings.Repeat("abcdefgh", 20)
	changed := cookie[:70] + "X" + cookie[71:]
	for name, test := range map[string]struct{ source, carried, marked string }{
		"one letter": {cookie, changed, "X"}, "a copy as it was": {cookie, cookie, ""}, "another cookie": {strings.Repeat("z", 160), cookie, ""}, "no copy": {"", changed, ""},
	} {
		x := trace.Exchange{Source: test.source, Request: trace.Request{Fields: []trace.Field{{Name: "Cookie", Pieces: []trace.Piece{{Text: "a="}, {Kind: trace.Token, Text: test.carried}, {Text: "; b=1"}}}}}}
		marked, whole := "", ""
		for _, p := range Wire(seen(x)).Request[0].Parts {
			if whole += p.Text; p.Kind == "flip" {
				marked += p.Text
			}
		}
		if marked != test.marked || whole != "a="+test.carried+"; b=1" {
			t.Errorf("%s: %q is marked in %q", name, marked, whole)
		}
		if hidden := fmt.Sprint(Wire(x.Seen(func(string) bool { return true })).Request); strings.Contains(hidden, "flip") || strings.Contains(hidden, "abc") {
			t.Errorf("%s, hidden: %s", name, hidden)
		}
	}
}

// The panel would show an exchange when nothing travelled.
func TestWireNothing(t *testing.T) {
	t.Parallel()
	for by, want := range map[string]string{
		"the clock":      "Nothing travelled: a clock ran out. Nobody tells the browser.",
		"another client": "Nothing travelled for this page: another client did this. The lab records only requests of your own pages.",
	} {
		w := Wire(seen(trace.Exchange{Nothing: true, By: by, Events: []session.Event{{Kind: session.Saved}}}))
		if w.Nothing != want || w.By != "" || w.Steps != nil || w.RequestLine != "" {
			t.Errorf("%s: %+v", by, w)
		}
	}
}

// A field that changed since the exchange before would not be marked, or not be named.
func TestWireAgainst(t *testing.T) {
	t.Parallel()
	l := newLab(t, session.Hybrid)
	exchange := func(request, answer http.Header, finished bool) *trace.Exchange {
		x := &trace.Exchange{}
		r := httptest.NewRequest("GET", "/", nil)
		r.Host, r.Header = "h", request
		x.Came(r, tap.Head{}, l.side, "")
		x.Leaving(200, answer, l.side)
		x.Answer.Finished = finished
		return x
	}
	before := exchange(http.Header{"Accept": {"a"}, "X-Old": {"1"}, "Same": {"1"}}, http.Header{"Set-Cookie": {ours + "=a; Path=/"}, "Vary": {"b"}}, true)
	for _, test := range []struct {
		name                 string
		request, answer      http.Header
		finished             bool
		says, marks, answers string
	}{
		{"nothing", http.Header{"Accept": {"a"}, "X-Old": {"1"}, "Same": {"1"}}, http.Header{"Set-Cookie": {ours + "=a; Path=/"}, "Vary": {"b"}}, true,
			"Compared with exchange 4, no header changed.", "Host Accept Same X-Old", "Set-Cookie Vary"},
		{"all kinds", http.Header{"Accept": {"b"}, "X-New": {"1"}, "Same": {"1"}, "Content-Type": {"c"}, "Y-New": {"2"}}, http.Header{"Vary": {"c"}}, true,
			"Compared with exchange 4, request: changed Accept; new Content-Type and 2 more; gone 1; response: changed 1; gone Set-Cookie. The other 2 headers are the same.",
			"Host Accept* Content-Type* Same X-New* Y-New* X-Old-", "Vary* Set-Cookie-"},
		{"not ended yet", http.Header{"Accept": {"a"}, "X-Old": {"1"}, "Same": {"1"}}, http.Header{"Vary": {"b"}}, false,
			"Compared with exchange 4, no header changed.", "Host Accept Same X-Old", "Vary"},
	} {
		x := exchange(test.request, test.answer, test.finished)
		same := x.CompareHeads(before)
		s := seen(*x)
		if got := Wire(s).Changes; got != "" {
			t.Errorf("%s: without one before: %q", test.name, got)
		}
		s.Beside.N, s.Beside.Same = 4, same
		w := Wire(s)
		if request, answer := names(w.Request), names(w.Response); w.Changes != test.says || request != test.marks || answer != test.answers {
			t.Errorf("%s: %q\n%s | %s\nwant %q\n%s | %s", test.name, w.Changes, request, answer, test.says, test.marks, test.answers)
		}
	}
}

// The list of steps would name another act than the engine's.
func TestSteps(t *testing.T) {
	t.Parallel()
	name := session.KeyOf("id").Name()
	for _, test := range []struct {
		name   string
		events []session.Event
		came   bool
		want   string
	}{
		{"none came", nil, false, "no session cookie to read ."},
		{"came and is not read", nil, true, ""},
		{"a read", []session.Event{{Kind: session.Read, Bytes: 172, KeyNumber: 1, KeyCount: 2, Known: true, Place: session.Hybrid, Session: name, Version: 3}}, true,
			"read cookie 172 B. verify signature as before, key 1 of 2. load record " + name.String() + " v3."},
		{"of placement cookie", []session.Event{{Kind: session.Read, Place: session.InCookie, KeyNumber: 1, KeyCount: 1}}, true, "read cookie 0 B. verify signature key 1 of 1. check ID not ended."},
		{"refused", []session.Event{{Kind: session.Refused, Reason: "it does not fit"}, {Kind: session.Expired, Reason: "over"}}, false, "refused it does not fit ! expired over !"},
		{"stale", []session.Event{{Kind: session.Refused, Reason: "stale: a later cookie was sent"}}, true, "stale cookie a later one was sent."},
		{"a birth", []session.Event{{Kind: session.Created, Session: name}, {Kind: session.Set, Key: "a", Bytes: 3}, {Kind: session.Placed, Key: "a", Lives: "server"}, {Kind: session.Placed, Key: "b", Lives: "cookie"}, {Kind: session.Saved, Version: 1}, {Kind: session.Signed, Bytes: 172}}, false,
			"no session cookie to read . new ID " + name.String() + ". set a? 3 B. place a? on the server. place b? in the cookie. save record v1. sign cookie 172 B."},
		{"the others", []session.Event{{Kind: session.Deleted, Key: "a"}, {Kind: session.Cleared, Count: 1}, {Kind: session.Cycled, Before: name}, {Kind: session.Flushed, Session: name}, {Kind: session.Swept, Count: 2}, {Kind: session.Conflict}, {Kind: session.Discarded}, {Kind: "unheard of"}}, true,
			"delete a? . clear  1 key. cycle ID " + name.String() + " has ended. flush " + name.String() + " . clear expired 2 removed. conflict reload and apply again ! discard nothing is saved !"},
		{"too many", slices.Repeat([]session.Event{{Kind: session.Saved, Version: 1}}, 20), true, strings.Repeat("save record v1. ", 16) + "and 4 more steps ."},
	} {
		var got []string
		for _, s := range steps(test.events, test.came) {
			what, end := s.What, "."
			if s.Secret {
				what += "?"
			}
			if s.Bad {
				end = "!"
			}
			got = append(got, s.Verb+" "+what+" "+s.Small+end)
		}
		if text := strings.Join(got, " "); text != test.want {
			t.Errorf("%s: %q, want %q", test.name, text, test.want)
		}
	}
}
