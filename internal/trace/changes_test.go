package trace

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
)

// state is an exchange after which the browser's cookie opens a session of that ID, with
// these values: "key=value", and "key@value" for one that lives on the server.
func state(id string, values ...string) Exchange {
	x := Exchange{Session: sessionWith(id, values...), Cookie: Cookie{Name: "s"}}
	if id != "" {
		x.Cookie.Kept, x.Cookie.Bytes = "cookie of "+id, 11
		x.Store = Store{ID: id, State: session.StateLive}
	}
	x.Store.Figures = Figures{Known: true, Live: 5}
	return x
}

func sessionWith(id string, values ...string) (s Session) {
	if id == "" {
		return s
	}
	s = Session{Exists: true, ID: id, Version: 1, Placement: session.Hybrid, Expires: time.Unix(1000, 0)}
	for _, text := range values {
		at := strings.IndexAny(text, "=@")
		v, _ := session.Text(text[at+1:])
		value := ValueOf(text[:at], v)
		value.OnServer = text[at] == '@'
		s.Values = append(s.Values, value)
	}
	return s
}

// empty has the session cookie come without a value.
func empty(x *Exchange) {
	x.Cookie.Came, x.Cookie.Jar = true, []Crumb{{Name: Cut("s", 9), Bytes: 1, Kind: seat.Session}}
}

// told is a change in one line.
func told(c Change) string {
	side := func(s State) string {
		switch {
		case c.What == OfValue && s.There:
			return fmt.Sprintf("%.8s", s.Value.Text.Start)
		case c.What == OfCookie && s.There:
			return fmt.Sprint(s.Number)
		case c.What == OfReadable:
			return fmt.Sprint(s.There)
		case c.What == OfExpiry:
			return fmt.Sprint(s.At.Unix())
		case c.What == OfVersion || c.What == OfLive || c.What == OfExpired:
			return fmt.Sprint(s.Number)
		case c.What == OfLeft && s.Text != "":
			return fmt.Sprintf("%s v%d", s.Text, s.Number)
		case s.There:
			return s.Text
		}
		return "none"
	}
	out := string(c.What)
	if c.Key != "" {
		out += " " + c.Key
	}
	out += ": " + side(c.Was) + " → " + side(c.Is)
	if c.How != "" {
		out += ", " + string(c.How)
	}
	return out
}

// Changes compares the facts of two exchanges. If it compared the words of a page, two values that
// are cut alike would count as the same.
func TestChangesCompareWhatWas(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3000)
	signed := []session.Event{{Kind: session.Signed}}
	// onlyRecord takes the cookie away, so that only the record is known.
	onlyRecord := func(x Exchange) Exchange {
		x.Store.Record, x.Session = x.Session, Session{}
		x.Cookie.Kept, x.Cookie.Bytes = "", 0
		return x
	}
	inCookie := func(x Exchange) Exchange {
		x.Session.Placement, x.Store.State = session.InCookie, session.StateNone
		return x
	}
	named := func(id string) (n session.Name) {
		if err := n.UnmarshalText([]byte(id)); err != nil {
			t.Fatal(err)
		}
		return n
	}
	with := func(x Exchange, do func(*Exchange)) Exchange { do(&x); return x }
	for name, c := range map[string]struct {
		a, b Exchange
		want []string
	}{
		"nothing changed":               {state("A", "k=1"), state("A", "k=1"), nil},
		"nothing, and there is nothing": {state(""), state(""), nil},
		"born": {state(""), with(state("A", "k=1", "l@2"), func(x *Exchange) { x.Events, x.Store.Figures.Live = signed, 6 }),
			[]string{"cookie: none → 12", "id: none → A", `value k: none → "1"`, `value l: none → "2"`, "live: 5 → 6"}},
		"flushed": {state("A", "k=1"), with(state(""), func(x *Exchange) { x.Store.Figures.Live = 4 }),
			[]string{"cookie: 12 → none", "id: A → none", `value k: "1" → none`, "live: 5 → 4"}},
		"values": {state("A", "a=1", "b=2", "c@3"), state("A", "a=1", "b=22", "d@4"),
			[]string{`value b: "2" → "22"`, `value d: none → "4"`, `value c: "3" → none`}},
		"two long values that begin alike":               {state("A", "k@"+long+"a"), state("A", "k@"+long+"b"), []string{`value k: "xxxxxxx → "xxxxxxx, alike`}},
		"two that end unlike and are not as long":        {state("A", "k@"+long+"a"), state("A", "k@"+long), []string{`value k: "xxxxxxx → "xxxxxxx`}},
		"two that differ where they are shown":           {state("A", "k@"+long[:50]+"a"+long), state("A", "k@"+long[:50]+"b"+long), []string{`value k: "xxxxxxx → "xxxxxxx`}},
		"a long value that is the same":                  {state("A", "k@"+long), state("A", "k@"+long), nil},
		"a value that another client's look did not see": {with(state(""), func(x *Exchange) { x.Store.State, x.Store.Record = session.StateLive, sessionWith("A") }), with(state("A", "k@1"), func(x *Exchange) { x.Cookie = Cookie{Name: "s"} }), nil},
		"an empty cookie that is thrown away":            {with(state(""), empty), with(state(""), func(x *Exchange) { empty(x); x.Cookie.Set, x.Cookie.Thrown = true, true }), []string{"cookie: 1 → none"}},
		"an empty cookie that comes again":               {with(state(""), empty), with(state(""), empty), nil},
		"a value that moved":                             {state("A", "k=1"), state("A", "k@1"), []string{`value k: "1" → "1", moved`}},
		"a value that moved and changed":                 {state("A", "k=1"), state("A", "k@2"), []string{`value k: "1" → "2"`}},

		"signed anew":                     {state("A"), with(state("A"), func(x *Exchange) { x.Cookie.Kept, x.Events = "other", signed }), []string{"cookie: 12 → 12, signed"}},
		"another cookie that is as large": {state("A"), with(state("A"), func(x *Exchange) { x.Cookie.Kept = "other" }), []string{"cookie: 12 → 12, another"}},
		"another cookie that is larger":   {state("A"), with(state("A"), func(x *Exchange) { x.Cookie.Kept, x.Cookie.Bytes = "other", 20 }), []string{"cookie: 12 → 21"}},
		"the cookie that scripts read":    {state("A"), with(state("A"), func(x *Exchange) { x.Cookie.Planted = true }), []string{"readable: false → true"}},
		"a version and a clock": {state("A"), with(state("A"), func(x *Exchange) { x.Session.Version, x.Session.Expires = 2, time.Unix(2000, 0) }),
			[]string{"version: 1 → 2", "expiry: 1000 → 2000"}},
		"a clock that says the same elsewhere": {state("A"), with(state("A"), func(x *Exchange) { x.Session.Expires = x.Session.Expires.In(time.FixedZone("x", 3600)) }), nil},
		"a new ID, and the old record is no more": {with(state("A"), func(x *Exchange) { x.Session.Version = 3 }), with(state("B"), func(x *Exchange) { x.Store.Left = Left{ID: "A", State: session.StateCycled} }),
			[]string{"cookie: 12 → 12, another-id", "id: A → B"}},

		"a new ID of the same session": {state("4ca53ce7"), with(state("9f2c41e0"), func(x *Exchange) {
			x.Session.Version, x.Events = 2, []session.Event{{Kind: session.Cycled, Before: named("4ca53ce7"), Session: named("9f2c41e0")}}
		}), []string{"cookie: 12 → 12, another-id", "id: 4ca53ce7 → 9f2c41e0", "version: 1 → 2"}},
		"moved into the cookie, and its record is gone": {state("A"), with(inCookie(state("A")), func(x *Exchange) { x.Store.Figures.Live = 4 }), []string{"live: 5 → 4"}},
		"moved out of it": {inCookie(state("A")), with(state("A"), func(x *Exchange) { x.Store.Figures.Live = 6 }), []string{"live: 5 → 6"}},

		// The cookie was thrown away, and the next press began a session: the record of the old one lies there still.
		"an orphan": {state("A"), with(state("B"), func(x *Exchange) {
			x.Store.Left, x.Store.Figures.Live = Left{ID: "A", State: session.StateLive, Version: 7}, 6
		}), []string{"cookie: 12 → 12, another-id", "id: A → B", "left: none → A v7", "live: 5 → 6"}},
		"an orphan of long ago": {state("B"), with(state("B"), func(x *Exchange) { x.Store.Left = Left{ID: "A", State: session.StateLive} }), nil},
		"an orphan that expired": {state("A"), with(state("B"), func(x *Exchange) { x.Store.Left = Left{ID: "A", State: session.StateExpired} }),
			[]string{"cookie: 12 → 12, another-id", "id: A → B"}},
		"a cookie that was put back": {with(state("B"), func(x *Exchange) { x.Session.Version = 2 }), with(state("A", "k=1"), func(x *Exchange) { x.Cookie.Put, x.Session.Version = true, 9 }),
			[]string{"cookie: 12 → 12, another-id", "id: B → A", "version: 2 → 9", `value k: none → "1"`}},

		"the cookie alone was thrown away": {state("A", "k=1", "l@2"), onlyRecord(state("A", "l@2")), []string{"cookie: 12 → none"}},
		"the cookie came back":             {onlyRecord(state("A", "l@2")), state("A", "k=1", "l@2"), []string{"cookie: none → 12"}},
		"a record that somebody changed while there is no cookie": {onlyRecord(state("A", "l@2")), with(onlyRecord(state("A", "l@3", "m@4")), func(x *Exchange) { x.Store.Record.Version = 2 }),
			[]string{"version: 1 → 2", `value l: "2" → "3"`, `value m: none → "4"`}},
		"a value that moved while nobody could know": {onlyRecord(state("A", "k@1")), state("A", "k=1"), []string{"cookie: none → 12"}},
		"a record that has all": {state("A", "l@2"), func() Exchange {
			x := onlyRecord(state("A"))
			x.Store.Record.Placement = session.OnServer
			return x
		}(), []string{"cookie: 12 → none", `value l: "2" → none`}},

		// With placement cookie the server never had a record of the ID.
		"born in the cookie":                     {state(""), inCookie(state("A", "k=1")), []string{"cookie: none → 12", "id: none → A, in-cookie", `value k: none → "1"`}},
		"dropped with its cookie":                {inCookie(state("A", "k=1")), state(""), []string{"cookie: 12 → none", "id: A → none, went-along", `value k: "1" → none`}},
		"expired in its cookie":                  {inCookie(state("A")), with(state(""), func(x *Exchange) { x.Cookie = state("A").Cookie }), []string{"id: A → none, in-cookie"}},
		"expired in its cookie, which is hidden": {inCookie(state("A")), with(state(""), func(x *Exchange) { x.Cookie.Hidden = true }), []string{"cookie: 12 → none", "id: A → none, in-cookie"}},
		"moved into the cookie":                  {state("A"), inCookie(state("B")), []string{"cookie: 12 → 12, another-id", "id: A → B, in-cookie"}},
		"moved out of the cookie":                {inCookie(state("A")), state("B"), []string{"cookie: 12 → 12, another-id", "id: A → B"}},

		"others' sessions":     {state("A"), with(state("A"), func(x *Exchange) { x.Store.Figures.Live = 50 }), nil},
		"what expired":         {state("A"), with(state("A"), func(x *Exchange) { x.Store.Figures.Expired = 3 }), []string{"expired: 0 → 3"}},
		"figures nobody knows": {state("A"), with(state(""), func(x *Exchange) { x.Store.Figures = Figures{} }), []string{"cookie: 12 → none", "id: A → none"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, change := range Changes(&c.a, &c.b) {
				got = append(got, told(change))
			}
			if !cmp.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			a, b := c.a.Pack().Unpack(), c.b.Pack().Unpack()
			if again := Changes(&a, &b); !cmp.Equal(again, Changes(&c.a, &c.b)) {
				t.Errorf("after packing: %+v", again)
			}
		})
	}
}

// A first moment has nothing to be compared with, and while the store does not answer nobody knows
// what changed: neither may be shown as "nothing changed".
func TestAgainst(t *testing.T) {
	t.Parallel()
	a, b := state("A"), state("B")
	if got := b.Against(nil); !got.First || got.Unknown || got.Changes != nil {
		t.Errorf("the first: %+v", got)
	}
	if got := b.Against(&a); got.First || got.Unknown || len(got.Changes) != 2 {
		t.Errorf("another ID: %+v", got)
	}
	// Who looks while the store does not say what lies there does not know that it is gone.
	gone := state("")
	gone.Store.Unknown = true
	if got := gone.Against(&a); got.First || !got.Unknown || got.Changes != nil {
		t.Errorf("without a cookie, and the store did not say what lies there: %+v", got)
	}
	b.Store.Unknown = true
	if got := b.Against(&a); got.Unknown || len(got.Changes) != 2 {
		t.Errorf("the control: a cookie opens its session: %+v", got)
	}
	b.Store.Down = true
	if got := b.Against(&a); got.First || !got.Unknown || got.Changes != nil {
		t.Errorf("while the store is down: %+v", got)
	}
}

// Each line of a head is marked as the same, new, changed, or gone. A wrong mark would show a learner
// a difference that the browser did not make.
func TestHeadsAreCompared(t *testing.T) {
	t.Parallel()
	kindOf := newSeats(t).Root.KindOf
	head := func(lines ...string) []Field { return Fields(lines, kindOf) }
	for name, c := range map[string]struct {
		was, is []string
		open    bool // one of both answers has not ended
		same    int
		want    string
	}{
		"the same":                            {was: []string{"A: 1", "B: 2"}, is: []string{"A: 1", "B: 2"}, same: 2, want: "A B"},
		"in another order":                    {was: []string{"A: 1", "B: 2"}, is: []string{"B: 2", "A: 1"}, same: 2, want: "B A"},
		"new":                                 {was: []string{"A: 1"}, is: []string{"A: 1", "B: 2"}, same: 1, want: "A B:new"},
		"changed":                             {was: []string{"A: 1"}, is: []string{"A: 2"}, want: "A:changed"},
		"gone":                                {was: []string{"A: 1", "B: 2"}, is: []string{"A: 1"}, same: 1, want: "A B:gone"},
		"gone is not said early":              {was: []string{"A: 1", "B: 2"}, is: []string{"A: 1"}, open: true, same: 1, want: "A"},
		"two lines of one name":               {was: []string{"A: 1", "A: 2"}, is: []string{"A: 1", "A: 2"}, same: 2, want: "A A"},
		"one of two is another":               {was: []string{"A: 1", "A: 2"}, is: []string{"A: 1", "A: 3"}, want: "A:changed A:changed"},
		"the first of two is another":         {was: []string{"A: 1", "A: 2"}, is: []string{"A: 3", "A: 2"}, want: "A:changed A:changed"},
		"two of one name are gone":            {was: []string{"A: 1", "A: 2"}, is: nil, want: "A:gone A:gone"},
		"another cookie is set":               {was: []string{"Set-Cookie: sessionscope=a; Path=/"}, is: []string{"Set-Cookie: sessionscope-pins=b; Path=/"}, want: "Set-Cookie:new Set-Cookie:gone"},
		"a cookie is set anew beside another": {was: []string{"Set-Cookie: sessionscope=a"}, is: []string{"Set-Cookie: b=1", "Set-Cookie: sessionscope=c"}, want: "Set-Cookie:new Set-Cookie:changed"},
		"a session's cookie":                  {was: []string{"Cookie: sessionscope=a"}, is: []string{"Cookie: sessionscope=b"}, want: "Cookie:changed"},
		"what belongs together is not split":  {was: []string{"Cookie: sessionscope=a; b=1"}, is: []string{"Cookie: sessionscope=a; b=1"}, same: 1, want: "Cookie"},
		"another cookie beside it":            {was: []string{"Cookie: sessionscope=a"}, is: []string{"Cookie: sessionscope=a; b=1"}, want: "Cookie:changed"},
		"another program's cookie, as long":   {was: []string{"Cookie: sessionscope=a; b=1"}, is: []string{"Cookie: sessionscope=a; b=2"}, same: 1, want: "Cookie"},
		"another program's cookie, longer":    {was: []string{"Cookie: sessionscope=a; b=1"}, is: []string{"Cookie: sessionscope=a; b=12"}, want: "Cookie:changed"},
		"credentials, longer":                 {was: []string{"Authorization: a"}, is: []string{"Authorization: ab"}, want: "Authorization:changed"},
		"a page that shows more moments":      {was: []string{PageHeader + ": S P 9"}, is: []string{PageHeader + ": S P 10"}, same: 1, want: PageHeader},
		"everything is new":                   {is: []string{"A: 1"}, want: "A:new"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, side := range []string{"request", "answer"} {
				before, x := Exchange{Answer: Answer{Finished: true}}, Exchange{Answer: Answer{Finished: !c.open}}
				was, is := &before.Answer.Fields, &x.Answer.Fields
				if side == "request" {
					if c.open {
						continue // a request has ended when it is looked at
					}
					was, is = &before.Request.Fields, &x.Request.Fields
				}
				*was, *is = head(c.was...), head(c.is...)
				same := x.CompareHeads(&before)
				var got []string
				for _, f := range *is {
					text := f.Name
					if f.Diff != Same {
						text += ":" + string(f.Diff)
					}
					got = append(got, text)
				}
				if strings.Join(got, " ") != c.want || same != c.same {
					t.Errorf("%s: %d are the same of %q, want %d of %q", side, same, strings.Join(got, " "), c.same, c.want)
				}
			}
		})
	}
}
