package trace

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/tap"
)

const (
	live = "L1VEcookie"
	dead = "DEADcookie"
)

// opens is what a request asks that may see no live cookie.
func opens(cookie string) bool { return cookie == live }

// shown is all that an exchange says.
func shown(t testing.TB, s any) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// exchangeWith is one of a request and an answer with these heads.
func exchangeWith(t testing.TB, cookie, setCookie string) Exchange {
	seats := newSeats(t)
	r := httptest.NewRequest("POST", "/set", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	h := http.Header{}
	if setCookie != "" {
		h.Set("Set-Cookie", setCookie)
	}
	var x Exchange
	x.Came(r, tap.Head{}, seats.Root, "")
	x.Leaving(200, h, seats.Root)
	x.Keeps(r, seats.Root, session.Info{}, Kept{})
	return x
}

// A cookie that still opens a session stands nowhere in what may be seen. Wherever it stood, a page
// would give the session away. A cookie that opens nothing stays.
func TestSeenHidesWhatOpens(t *testing.T) {
	t.Parallel()
	gone := func(x, before Exchange) Exchange {
		x.Answer.Finished, before.Answer.Finished = true, true
		x.CompareHeads(&before)
		return x
	}
	for name, of := range map[string]func(cookie string) Exchange{
		"in the Cookie header": func(c string) Exchange { return exchangeWith(t, "sessionscope="+c, "") },
		"twice in it":          func(c string) Exchange { return exchangeWith(t, "sessionscope=x; a=1; sessionscope="+c, "") },
		"in Set-Cookie":        func(c string) Exchange { return exchangeWith(t, "", "sessionscope="+c+"; Path=/") },
		"kept":                 func(c string) Exchange { return Exchange{Cookie: Cookie{Kept: c, Bytes: len(c)}} },
		"in a line of the request that is gone": func(c string) Exchange {
			return gone(exchangeWith(t, "", ""), exchangeWith(t, "sessionscope="+c, ""))
		},
		"in a line of the answer that is gone": func(c string) Exchange {
			return gone(exchangeWith(t, "", ""), exchangeWith(t, "", "sessionscope="+c))
		},
	} {
		x := of(live)
		if !strings.Contains(shown(t, x), live) {
			t.Fatalf("%s: the control: the cookie is not there", name)
		}
		s := x.Seen(opens)
		if got := shown(t, s); strings.Contains(got, live) || !s.Hid() {
			t.Errorf("%s: hid %t: %s", name, s.Hid(), got)
		}
		s = of(dead).Seen(opens)
		if got := shown(t, s); !strings.Contains(got, dead) || s.Hid() {
			t.Errorf("%s: what opens nothing: hid %t: %s", name, s.Hid(), got)
		}
		s = x.Seen(HideNothing)
		if got := shown(t, s); !strings.Contains(got, live) || s.Hid() {
			t.Errorf("%s: where no cookie opens anything: hid %t: %s", name, s.Hid(), got)
		}
	}
}

// A hidden cookie is told by its size, and the cookies beside it stay.
func TestHiddenIsToldByItsSize(t *testing.T) {
	t.Parallel()
	x := exchangeWith(t, "sessionscope="+live+"; sessionscope="+dead+"; a=1", "")
	s := x.Seen(opens)
	want := []Piece{{Text: "sessionscope="}, {Kind: Hidden, Bytes: len(live)}, {Text: "; "}, {Text: "sessionscope="}, {Kind: Token, Text: dead}, {Text: "; "}, {Text: "a="}, {Kind: Foreign, Bytes: 1}}
	for _, f := range s.Request.Fields {
		if f.Name == "Cookie" && !cmp.Equal(f.Pieces, want) {
			t.Errorf("the pieces differ:\n%s", cmp.Diff(want, f.Pieces))
		}
	}
	if s.Cookie.Kept != "" || !s.Cookie.Hidden || s.Cookie.Bytes != len(live) {
		t.Errorf("what the browser keeps: %+v", s.Cookie)
	}
}

// An answer's body tells of the session: it is hidden with the cookie that opens that session, and
// stays with any other.
func TestTheBodyGoesWithTheCookie(t *testing.T) {
	t.Parallel()
	for cookie, stays := range map[string]bool{live: false, dead: true, "": true} {
		x := exchangeWith(t, "sessionscope="+cookie, "")
		x.Said([]byte(`{"value":"private"}`))
		s := x.Seen(opens)
		if got := strings.Contains(shown(t, s), "private"); got != stays {
			t.Errorf("with the cookie %q the body stays: %t, want %t", cookie, got, stays)
		}
	}
}

// A live cookie that was typed into a form is hidden, and nothing else with it. If it were not, its
// session would be given away; if more were, a page would miss what its own session answered.
func TestATypedCookieIsHiddenByItself(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("POST", "/tamper", nil)
	var x Exchange
	x.Came(r, tap.Head{}, newSeats(t).Root, "part=value&to="+live)
	x.Said([]byte(`{"accepted":true}`))
	if got := shown(t, x); !strings.Contains(got, live) {
		t.Fatalf("the control: the typed cookie is not there: %s", got)
	}
	s := x.Seen(opens)
	if got := shown(t, s); strings.Contains(got, live) || !strings.Contains(got, "accepted") || s.Hid() {
		t.Errorf("hid %t: %s", s.Hid(), got)
	}
}

// A cookie would be read by whoever has the page's secret if it was typed where no cookie belongs:
// in another field, an address, another header, or with a line's end behind it.
func TestATypedCookieIsHiddenEverywhere(t *testing.T) {
	t.Parallel()
	cookie, other := strings.Repeat("L1ve-", 20), strings.Repeat("D3ad-", 20)
	seats := newSeats(t)
	for name, form := range map[string]string{
		"the field":                 "part=cookie&to=" + cookie,
		"its name escaped":          "part=cookie&%74o=" + cookie,
		"a line's end behind it":    "part=cookie&to=" + cookie + "%0A",
		"text before it":            "part=cookie&to=x+" + cookie + "+y",
		"another field":             "key=a&value=" + cookie + "&type=text",
		"cut, so that none can say": "part=cookie&to=" + strings.Repeat(cookie, 30),
	} {
		for _, typed := range []string{cookie, other} {
			form := strings.ReplaceAll(form, cookie, typed)
			r := httptest.NewRequest("POST", "/tamper?c="+typed, nil)
			r.Header.Set("X-Cookie", typed)
			var x Exchange
			x.Came(r, tap.Head{}, seats.Root, form)
			got := shown(t, x.Seen(func(c string) bool { return c == cookie }).Request)
			if strings.Contains(got, "L1ve-L1ve-") {
				t.Errorf("%s: it is shown: %s", name, got)
			}
			if typed == other && strings.Count(got, other) < 2 {
				t.Errorf("%s: the control, which opens nothing, is hidden: %s", name, got)
			}
		}
	}
}

// A copy with one changed letter is one guess from the cookie. As long as the cookie opens a session,
// the copy is hidden with it.
func TestACopyIsHiddenWithItsSource(t *testing.T) {
	t.Parallel()
	const near = "L1VEcookiE"
	x := exchangeWith(t, "sessionscope="+near, "sessionscope=another")
	x.Source, x.Copied = live, true
	if got := shown(t, x.Seen(opens)); strings.Contains(got, near) || strings.Contains(got, "another") || strings.Contains(got, live) {
		t.Errorf("a copy of a live cookie: %s", got)
	}
	x.Source = dead
	if got := shown(t, x.Seen(opens)); !strings.Contains(got, near) || !strings.Contains(got, "another") || strings.Contains(got, dead) {
		t.Errorf("a copy of one that opens nothing: %s", got)
	}
	x.Source = ""
	if got := shown(t, x.Seen(opens)); !strings.Contains(got, near) {
		t.Errorf("the control: no copy: %s", got)
	}
}

// Hiding and comparing for one reader change nothing for others who look at the same exchange.
func TestLookingChangesNothing(t *testing.T) {
	t.Parallel()
	x := exchangeWith(t, "sessionscope="+live, "sessionscope="+live)
	x.Source, x.Answer.Finished = live, true
	x.Said([]byte("{}"))
	x.Events = append(x.Events, session.Event{Kind: session.Read})
	before := exchangeWith(t, "a=1", "sessionscope=old")
	before.Request.Fields = append(before.Request.Fields, Field{Name: "X-Gone", Pieces: []Piece{{Text: "1"}}})
	packed, packedBefore := string(x.Pack()), string(before.Pack())
	mine := x
	if same := mine.CompareHeads(&before); same == 0 || mine.Request.Fields[len(mine.Request.Fields)-1].Diff != Gone {
		t.Fatalf("the control: %d fields are the same: %+v", same, mine.Request.Fields)
	}
	s := mine.Seen(opens)
	if !s.Hid() {
		t.Fatal("the control: nothing was hidden")
	}
	if string(x.Pack()) != packed || string(before.Pack()) != packedBefore {
		t.Error("others see another exchange now")
	}
}

// The store is asked once for each cookie, however often the cookie stands in an exchange: a head has
// room for thousands.
func TestEachCookieIsAskedForOnce(t *testing.T) {
	t.Parallel()
	x := exchangeWith(t, strings.Repeat("sessionscope="+live+"; ", 50)+"sessionscope="+dead, "sessionscope="+live)
	asked := make(map[string]int)
	x.Seen(func(cookie string) bool { asked[cookie]++; return true })
	if len(asked) != 2 || asked[live] != 1 || asked[dead] != 1 {
		t.Errorf("asked %v", asked)
	}
}
