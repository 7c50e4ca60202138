package say

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// signedAtNine is a cookie's value that says it was signed at nine.
var signedAtNine = session.Layers{Time: strconv.FormatInt(nine.Unix(), 10), Payload: "cGF5", Signature: []byte("mac")}.Value()

// a cookie of that verdict came. verified tells that its signature fits.
func cookieCame(v session.Verdict, verified bool) fact {
	return func(x *trace.Exchange) {
		x.Cookie = trace.Cookie{Name: "sessionscope", Came: true, Kept: signedAtNine, Bytes: len(signedAtNine), Verdict: v}
		if verified {
			x.Cookie.Key, x.Cookie.Keys, x.Store.ID = 1, 1, now
		}
	}
}

func stored(state session.State) fact {
	return func(x *trace.Exchange) {
		x.Store.ID, x.Store.State = now, state
		if state == session.StateLive {
			x.Store.Record.Version = 3
		}
	}
}

// showings are requests that only looked, and what each showed.
func showings() []struct {
	name                  string
	facts                 []fact
	browser, wire, server string
} {
	ok := cookieCame(session.VerdictOK, true)
	twice := func(x *trace.Exchange) {
		x.Cookie.Jar = make([]trace.Crumb, 2)
		x.Cookie.Jar[0].Kind, x.Cookie.Jar[1].Kind = seat.Session, seat.Session
		x.Cookie.Jar[0].Bytes = 9
		x.Cookie.Jar[1].Bytes = 9
	}
	none := func(x *trace.Exchange) { x.Cookie.Name = "sessionscope" }
	return []struct {
		name                  string
		facts                 []fact
		browser, wire, server string
	}{
		{"no cookie", []fact{none}, "has sent no session cookie", "the request carried no session cookie", "has nothing to look for: only a cookie names a record"},
		{"a live session", []fact{ok, has(session.Hybrid), stored(session.StateLive)}, "keeps 36 B, signed " + Clock(nine), "it was sent, and opened the session", "the record {id:9f2c41e0} is there, version 3"},
		{"placement cookie", []fact{ok, has(session.InCookie), stored(session.StateNone)}, "keeps 36 B, signed " + Clock(nine), "it was sent, and opened the session", "keeps no record of {id:9f2c41e0}: every value lives {cookie:in the cookie}"},
		{"stale", []fact{cookieCame(session.VerdictStale, true), has(session.OnServer), stored(session.StateLive)}, "keeps 36 B, signed " + Clock(nine), "it was sent, and opened the session; a later cookie was sent since", "the record {id:9f2c41e0} is there, version 3"},
		{"two cookies", []fact{ok, twice, has(session.OnServer), stored(session.StateLive)}, "keeps 36 B, signed " + Clock(nine), "two of this name were sent, and one opened the session", "the record {id:9f2c41e0} is there, version 3"},
		{"garbled", []fact{cookieCame(session.VerdictGarbled, false)}, "still keeps 36 B", "it was sent, and {mac:refused}: it carries no signature of this server", "looked for no record: it trusts nothing in this cookie"},
		{"forged", []fact{cookieCame(session.VerdictForged, false)}, "still keeps 36 B", "it was sent, and {mac:refused}: its signature does not fit", "looked for no record: it trusts nothing in this cookie"},
		{"expired", []fact{cookieCame(session.VerdictExpired, true), stored(session.StateExpired)}, "still keeps 36 B, signed " + Clock(nine), "it was sent, and {mac:refused}: its session has expired", "the record {id:9f2c41e0} has expired, and stays until it is cleared"},
		{"expired and cleared", []fact{cookieCame(session.VerdictExpired, true), stored(session.StateNone)}, "still keeps 36 B, signed " + Clock(nine), "it was sent, and {mac:refused}: its session has expired", "has no record of {id:9f2c41e0}"},
		{"flushed", []fact{cookieCame(session.VerdictDead, true), stored(session.StateEnded)}, "still keeps 36 B, signed " + Clock(nine), "it was sent, and {mac:refused}: its session has ended", "a marker is there: the session {id:9f2c41e0} has ended"},
		{"cycled", []fact{cookieCame(session.VerdictMoved, true), stored(session.StateCycled)}, "still keeps 36 B, signed " + Clock(nine), "it was sent, and {mac:refused}: its ID was replaced a moment ago", "a marker is there: the ID {id:9f2c41e0} was replaced"},
		{"a broken record", []fact{cookieCame(session.VerdictDead, true), stored(session.StateCorrupt)}, "still keeps 36 B, signed " + Clock(nine), "it was sent, and {mac:refused}: its session has ended", "the record {id:9f2c41e0} is there, and cannot be read"},
		{"an empty cookie", []fact{emptyCame}, "keeps a cookie without a value", "it was sent, and {mac:refused}: it is empty", "looked for no record: it trusts nothing in this cookie"},
		{"thrown away", []fact{cookieCame(session.VerdictDead, true), stored(session.StateNone), func(x *trace.Exchange) { x.Cookie.Thrown, x.Cookie.Kept = true, "" }}, "is told to drop its cookie", "it was sent, and {mac:refused}: its session has ended", "has no record of {id:9f2c41e0}"},
		{"ignored", []fact{ok, has(session.OnServer), stored(session.StateLive), func(x *trace.Exchange) { x.Cookie.Ignored = true }}, "drops the cookie of this answer: it has Secure, and this address is plain http", "it was sent, and opened the session", "the record {id:9f2c41e0} is there, version 3"},
		{"no store", []fact{cookieCame(session.VerdictAbsent, false), func(x *trace.Exchange) { x.Store.Down = true }}, "keeps 36 B", "it was sent; without the store nobody knows what it opens", "the store does not answer"},
		{"no store, no cookie", []fact{none, func(x *trace.Exchange) { x.Store.Down = true }}, "has sent no session cookie", "the request carried no session cookie", "the store does not answer"},
		{"the store went", []fact{ok, has(session.OnServer), func(x *trace.Exchange) { x.Store.Unknown = true }}, "keeps 36 B, signed " + Clock(nine), "it was sent, and opened the session", "the store did not answer when it was asked for the record {id:9f2c41e0}"},
	}
}

// line is a line of a witness: a part that has a kind is {kind:words}.
func line(parts []Part) string {
	_, words, _ := strings.Cut(plain(Sentence{Parts: parts}), ": ")
	return words
}

// A class page would say what its request does not show.
func TestShowed(t *testing.T) {
	t.Parallel()
	for _, c := range showings() {
		var x trace.Exchange
		for _, f := range c.facts {
			f(&x)
		}
		got := Showed(x.Seen(trace.HideNothing))
		for _, row := range [][2]string{{line(got.Browser), c.browser}, {line(got.Wire), c.wire}, {line(got.Server), c.server}} {
			if row[0] != row[1] {
				t.Errorf("%s: %q, want %q", c.name, row[0], row[1])
			}
		}
	}
}

// gifts are what browsers gave to the join page.
func gifts() []struct {
	came                         Came
	cookies, about, lines, fetch string
} {
	own := []string{"sessionscope-visitor"}
	const none, plainly = "no Sec-Fetch-*: this client does not send it", "no Sec-Fetch-*: browsers do not send it to an address that is plain http"
	return []struct {
		came                         Came
		cookies, about, lines, fetch string
	}{
		{Came{Lines: 12, Plain: true}, "0 cookies", "nothing says that it was here before", "12 header lines", plainly},
		{Came{Own: own, Lines: 1}, "1 cookie", "sessionscope-visitor, which this page has set", "1 header line", none},
		{Came{Others: 1, Lines: 2, Fetch: true}, "1 cookie", "1 is of another program at this address", "2 header lines", "Sec-Fetch-* is among them: it tells which page a request comes from"},
		{Came{Others: 2, Lines: 2, Plain: true}, "2 cookies", "2 are of other programs at this address", "2 header lines", plainly},
		{Came{Own: own, Others: 1, Lines: 2, Plain: true}, "2 cookies", "sessionscope-visitor, which this page has set; and 1 cookie of another program", "2 header lines", plainly},
		{Came{Own: own, Others: 2, Lines: 2, Plain: true}, "3 cookies", "sessionscope-visitor, which this page has set; and 2 cookies of other programs", "2 header lines", plainly},
	}
}

func TestGave(t *testing.T) {
	t.Parallel()
	for _, g := range gifts() {
		cookies, about, lines, fetch := Gave(g.came)
		if cookies != g.cookies || about != g.about || lines != g.lines || fetch != g.fetch {
			t.Errorf("%q %q %q %q, want %q %q %q %q", cookies, about, lines, fetch, g.cookies, g.about, g.lines, g.fetch)
		}
	}
}

// classSections are the words of the class's pages.
func classSections() []section {
	showed, join := section{heading: "# On the class page: what its request showed"}, section{heading: "# On the page where one takes a seat"}
	for _, c := range showings() {
		var x trace.Exchange
		for _, f := range c.facts {
			f(&x)
		}
		got := Showed(x.Seen(trace.HideNothing))
		for _, parts := range [][]Part{got.Browser, got.Wire, got.Server} {
			showed.lines = append(showed.lines, strings.TrimPrefix(spoken(Sentence{Parts: parts}), ": "))
		}
	}
	for _, g := range gifts() {
		cookies, about, lines, fetch := Gave(g.came)
		join.lines = append(join.lines, cookies+": "+about, lines+": "+fetch)
	}
	join.lines = append(join.lines, Spins(1), Spins(3), WrongCode(0), WrongCode(1), WrongCode(4), TooFast("Too many wrong codes.", 30*time.Second), TooFast("Too many seats.", 100*time.Millisecond), ClassFull(300, 0), ClassFull(300, 40*time.Second))
	return []section{showed, join}
}
