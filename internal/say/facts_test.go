package say

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// plain is a sentence as one line: its tone, its verb, and its parts. A part that has a kind
// is {kind:words}.
func plain(s Sentence) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s] %s: ", s.Tone, s.Verb)
	for _, p := range s.Parts {
		if p.Kind == "" {
			b.WriteString(p.Text)
			continue
		}
		fmt.Fprintf(&b, "{%s:%s}", p.Kind, p.Text)
	}
	return b.String()
}

// fact is a fact of an exchange beside what its handler did.
type fact func(*trace.Exchange)

// The session that the browser's cookie opens afterwards, and the one that it opened before.
const now, old = "9f2c41e0", "4ca53ce7"

// nine is a moment of a day that is over, so that it is shown with its date.
var nine = time.Date(2001, 2, 3, 9, 0, 0, 0, time.Local)

func sessionOf(id string, p session.Placement, values ...trace.Value) trace.Session {
	return trace.Session{Exists: true, ID: id, Version: 3, Placement: p, Expires: nine.Add(2 * time.Hour), Absolute: nine.Add(8 * time.Hour), Values: values}
}

func has(p session.Placement, values ...trace.Value) fact {
	return func(x *trace.Exchange) { x.Session = sessionOf(now, p, values...) }
}

// riding and kept are values by where they live.
func riding(key, json string) trace.Value { return trace.ValueOf(key, session.Value(json)) }
func kept(key, json string) trace.Value {
	v := riding(key, json)
	v.OnServer = true
	return v
}

func verdict(v session.Verdict) fact {
	return func(x *trace.Exchange) {
		x.Cookie.Verdict, x.Cookie.Came, x.Cookie.Kept, x.Cookie.Bytes = v, true, "kept", 4
	}
}

func sent(x *trace.Exchange)    { x.Cookie.Set = true }
func rolling(x *trace.Exchange) { x.Store.Policy.Rolling = true }
func family(x *trace.Exchange)  { x.Store.Figures.Family = make([]trace.Member, 2) }
func knows(x *trace.Exchange)   { x.Cookie.Known = true }
func emptyCame(x *trace.Exchange) {
	x.Cookie.Verdict, x.Cookie.Came = session.VerdictGarbled, true
	x.Cookie.Jar = []trace.Crumb{{Name: trace.Cut("s", 9), Bytes: 1, Kind: seat.Session}}
}

// signed and placedFor are what the engine tells of a cookie that it signed, and of a value.
func signed(why string) fact {
	return func(x *trace.Exchange) {
		x.Events = append(x.Events, session.Event{Kind: session.Signed, Reason: why})
	}
}

func placedFor(key, why string) fact {
	return func(x *trace.Exchange) {
		x.Events = append(x.Events, session.Event{Kind: session.Placed, Key: key, Lives: "server", Reason: why})
	}
}

func others(n int) fact {
	return func(x *trace.Exchange) {
		for range n {
			x.Cookie.Jar = append(x.Cookie.Jar, trace.Crumb{Name: trace.Cut("theme", 80), Bytes: 9, Kind: seat.Other})
		}
	}
}

// left is what the store has of the session that the browser had before.
func left(state session.State) fact {
	return func(x *trace.Exchange) { x.Store.Left = trace.Left{ID: old, State: state, Version: 7} }
}

// unopened is a live record that no cookie opens, of the session that the browser had before.
func unopened(x *trace.Exchange) {
	x.Store.ID, x.Store.State, x.Store.Record = old, session.StateLive, trace.Session{ID: old, Version: 7}
}

func expired(n int) fact {
	return func(x *trace.Exchange) { x.Store.Figures.Known, x.Store.Figures.Expired = true, n }
}

// put has the press make value the browser's cookie, which gets that verdict.
func put(value string, v session.Verdict) fact {
	return func(x *trace.Exchange) {
		x.Cookie = trace.Cookie{Verdict: v, Came: true, Kept: value, Bytes: len(value), Put: true, Set: true, Thrown: value == ""}
	}
}

const pinnedID = "AAAAAAAAAAAAAAAAAAAAAAAAAA"

// pinnedCookie is a cookie of placement hybrid, of pinnedID and of version 2. It is not signed.
func pinnedCookie() string {
	b := append([]byte{1, byte(session.Hybrid)}, pinnedID...)
	b = binary.AppendUvarint(b, 2)
	b = binary.AppendUvarint(b, uint64(nine.UnixMilli()))
	b = binary.AppendUvarint(b, uint64(nine.Add(8*time.Hour).UnixMilli()))
	return session.Layers{Time: "1", Payload: base64.URLEncoding.EncodeToString(b), Signature: []byte("none")}.Value()
}

func copied(status int, v session.Verdict, reason string) *trace.Copy {
	return &trace.Copy{Status: status, Accepted: v == session.VerdictOK || v == session.VerdictStale, Verdict: v, Reason: reason}
}

// saying is what a press says, of what its handler did and of the facts.
type saying struct {
	name  string
	did   trace.Did
	facts []fact
	want  string
}

// exchange is the exchange of s.
func (s saying) exchange() trace.Exchange {
	x := trace.Exchange{Did: s.did, Cookie: trace.Cookie{Verdict: session.VerdictAbsent}, Store: trace.Store{Policy: trace.Policy{Idle: 2 * time.Hour}}}
	if s.did.Was.Exists {
		x.Cookie.Verdict, x.Cookie.Came = session.VerdictOK, true
	}
	for _, f := range s.facts {
		f(&x)
	}
	if x.Session.Exists && x.Cookie.Verdict == session.VerdictAbsent {
		x.Cookie.Verdict = session.VerdictOK
	}
	return x
}

// groups lists every sentence of a press, by the buttons that it is under.
func groups() []group {
	return []group{
		{"Set", sayingsOfSet()}, {"Get, List keys, Delete, Clear", sayingsOfKeys()},
		{"Log in, Log out, Flush, Start over", sayingsOfBirthAndEnd()}, {"Cycle ID, Clear expired, Expire in, the placement", sayingsOfLife()},
		{"A page that was loaded, or looked at again", sayingsOfLooks()}, {"A page whose server did not answer, or whose visit has ended", sayingsOfReturn()},
		{"Tamper, Replay, Pin, Plant, Drop, Put back", sayingsOfCookies()},
		{"Check a value", sayingsOfCheck()},
	}
}

type group struct {
	name    string
	sayings []saying
}

// A learner would read a wrong sentence under the button.
func TestPress(t *testing.T) {
	t.Parallel()
	for _, g := range groups() {
		for _, s := range g.sayings {
			if got := plain(Press(s.exchange().Seen(trace.HideNothing))); got != s.want {
				t.Errorf("%s: %s %s\ngot  %s\nwant %s", g.name, s.did.Op, s.name, got, s.want)
			}
		}
	}
}
