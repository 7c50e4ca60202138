package say

import (
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// summaries lists what the timeline says, by the facts of the exchange.
func summaries() []summary {
	read := trace.Act{Kind: session.Read}
	stale := trace.Act{Kind: session.Refused, Reason: "stale: a later cookie was sent"}
	dead := trace.Act{Kind: session.Refused, Reason: "this ID was ended"}
	saved := trace.Act{Kind: session.Saved}
	created, signed := trace.Act{Kind: session.Created}, trace.Act{Kind: session.Signed}
	flushed := trace.Act{Kind: session.Flushed, Place: session.Hybrid}
	cycled := trace.Act{Kind: session.Cycled, Place: session.OnServer}
	set := func(key string) trace.Act { return trace.Act{Kind: session.Set, Key: key} }
	placed := func(key, lives string) trace.Act {
		return trace.Act{Kind: session.Placed, Key: key, Lives: lives}
	}
	many := []trace.Act{read}
	for range 14 {
		many = append(many, placed("k", "server"))
	}
	acts := func(list ...trace.Act) []trace.Act { return list }
	return []summary{
		{"refused", trace.Gist{Op: "set", Status: 404, Put: true, Acts: acts(read)}, "refused|set: 404 Not Found|bad"},
		// After a stale copy was put back.
		{"refused, with a stale cookie", trace.Gist{Op: "cycle-id", Status: 409, Acts: acts(stale, read)}, "refused|cycle ID: 409 Conflict, stale cookie|bad"},
		{"refused look", trace.Gist{Op: "lab", Status: 503}, "refused|503 Service Unavailable|bad"},

		{"first look", trace.Gist{Op: "lab", Verdict: session.VerdictAbsent}, "opened|no session cookie|"},
		{"look", trace.Gist{Op: "lab", Verdict: session.VerdictOK, Acts: acts(read)}, "opened||"},
		{"look with a stale cookie", trace.Gist{Op: "lab", Verdict: session.VerdictStale, Acts: acts(stale, read)}, "opened|stale cookie|"},
		{"look with a dead cookie", trace.Gist{Op: "lab", Verdict: session.VerdictDead, Acts: acts(dead)}, "refused|this ID was ended|bad"},
		{"expired", trace.Gist{Op: "session", Acts: acts(trace.Act{Kind: session.Expired, Reason: "the record's clock has run out"})}, "expired|the record's clock has run out|gone"},
		{"session", trace.Gist{Op: "session", Acts: acts(read)}, "read||"},
		{"a copy that was refused", trace.Gist{By: "an unchanged copy", Op: "session", Acts: acts(dead)}, "refused|this ID was ended|bad"},
		{"no Op, read", trace.Gist{Acts: acts(read)}, "read||"},
		{"no Op", trace.Gist{}, "looked|no session cookie|"},

		{"born", trace.Gist{Op: "set", Key: "name", Acts: acts(created, set("name"), placed("name", "cookie"), saved, signed)}, "created|name → cookie|born"},
		{"born with a bad cookie", trace.Gist{Op: "set", Key: "name", Acts: acts(dead, created, set("name"), placed("name", "cookie"), saved)}, "created|name → cookie, a cookie refused|born"},
		{"set", trace.Gist{Op: "set", Key: "name", Acts: acts(read, set("name"), placed("name", "server"), saved)}, "set|name → server|"},
		{"set, and another key had to move", trace.Gist{Op: "set", Key: "b", Acts: acts(read, placed("a", "server"), set("b"), placed("b", "cookie"), saved)}, "set|b → cookie|"},
		{"two keys, each told once", trace.Gist{Op: "flash", Acts: acts(read, set("a"), placed("a", "cookie"), set("b"), placed("b", "server"), saved)}, "set|a → cookie, b → server|"},
		{"set with a stale cookie", trace.Gist{Op: "set", Key: "name", Acts: acts(stale, read, set("name"), placed("name", "server"), saved)}, "set|name → server, stale cookie|"},
		{"set of a key whose place is not told", trace.Gist{Op: "set", Key: "name", Acts: acts(read, set("name"))}, "set|name|"},
		{"set, no change", trace.Gist{Op: "set", Key: "name", Acts: acts(read)}, "set|name, no change|"},
		{"a long key", trace.Gist{Op: "get", Found: true, Key: strings.Repeat("k", 40), Acts: acts(read)}, "get|" + strings.Repeat("k", 30) + "… (40 B in all)|"},
		{"get", trace.Gist{Op: "get", Key: "name", Found: true, Acts: acts(read)}, "get|name|"},
		// Two cookies of the name came, and the second one opened the session: nothing was refused to the press.
		{"get with a forged cookie before the good one", trace.Gist{Op: "get", Key: "name", Found: true, Session: "9f2c41e0", Verdict: session.VerdictOK, Acts: acts(dead, read)}, "get|name, a cookie refused|"},
		{"get, missing", trace.Gist{Op: "get", Key: "nope", Verdict: session.VerdictAbsent}, "get|nope → missing|"},
		{"keys, no session", trace.Gist{Op: "keys", Verdict: session.VerdictAbsent}, "keys|no session cookie|"},
		{"delete", trace.Gist{Op: "delete", Key: "name", Found: true, Acts: acts(read, trace.Act{Kind: session.Deleted, Key: "name"}, saved)}, "deleted|name|"},
		{"delete, missing", trace.Gist{Op: "delete", Key: "name", Acts: acts(read)}, "delete|name, no change|"},
		{"clear", trace.Gist{Op: "clear", Acts: acts(read, trace.Act{Kind: session.Cleared, Count: 1}, saved)}, "cleared|1 key|"},

		{"flush", trace.Gist{Op: "flush", Acts: acts(stale, read, flushed)}, "flushed|record and cookie gone|gone"},
		{"start over", trace.Gist{Op: "flush", Away: true, Acts: acts(read, flushed)}, "started over|record and cookie gone|gone"}, // the button says Start over
		{"start over, no session", trace.Gist{Op: "flush", Away: true, Verdict: session.VerdictAbsent}, "started over|without a session|"},
		{"start over with a dead cookie", trace.Gist{Op: "flush", Away: true, Put: true, Acts: acts(dead)}, "started over|the cookie gone, which opened nothing|gone"},
		{"flush in the cookie", trace.Gist{Op: "flush", Acts: acts(read, trace.Act{Kind: session.Flushed, Place: session.InCookie})}, "flushed|cookie gone, its ID ended|gone"},
		{"flush elsewhere", trace.Gist{Nothing: true, Elsewhere: true, By: "another client", Acts: acts(read, flushed)}, "flushed|session ended; the next request shows whether a cookie is left|gone"},
		{"logout", trace.Gist{Op: "logout", Acts: acts(read, flushed)}, "logged out|record and cookie gone|gone"}, // the button says Log out
		{"logout, no session", trace.Gist{Op: "logout", Verdict: session.VerdictAbsent}, "log out|no session cookie|"},
		{"login", trace.Gist{Op: "login", Acts: acts(read, set("user"), placed("user", "cookie"), cycled, saved)}, "logged in|new ID|moved"},
		{"login, born", trace.Gist{Op: "login", Acts: acts(created, set("user"), placed("user", "cookie"), saved)}, "created|user → cookie|born"},
		{"cycle", trace.Gist{Op: "cycle-id", Acts: acts(read, cycled, saved)}, "cycled|new ID, same values|moved"},
		{"cycle with a write", trace.Gist{Nothing: true, By: "another page", Acts: acts(read, set("a"), placed("a", "cookie"), cycled)}, "cycled|new ID, a → cookie|moved"},
		{"expiry", trace.Gist{Op: "expiry", Acts: acts(read, saved)}, "expiry|set|moved"},
		{"expiry with a new ID", trace.Gist{Op: "expiry", Acts: acts(read, cycled)}, "expiry|set, new ID|moved"},
		{"placement", trace.Gist{Op: "placement", Acts: acts(read, placed("a", "server"), saved)}, "moved|a → server|moved"},
		{"placement of many", trace.Gist{Op: "placement", Acts: many}, "moved|" + strings.Repeat("k → server, ", 11) + "k → server and more|moved"},
		{"placement with a new ID", trace.Gist{Op: "placement", Acts: acts(read, placed("a", "server"), cycled, saved)}, "moved|to server, new ID|moved"},
		{"placement, values stay", trace.Gist{Op: "placement", Placement: session.Hybrid, Acts: acts(read, saved)}, "moved|to hybrid, values stay|moved"},
		{"clear expired", trace.Gist{Op: "clear-expired", Acts: acts(trace.Act{Kind: session.Swept, Count: 2})}, "cleared|2 expired records|gone"},
		{"clear expired, none", trace.Gist{Op: "clear-expired", Acts: acts(trace.Act{Kind: session.Swept})}, "clear expired|none found|"},
		{"clear expired, none, no session", trace.Gist{Op: "clear-expired", Verdict: session.VerdictAbsent, Acts: acts(trace.Act{Kind: session.Swept})}, "clear expired|none found|"},
		{"clear expired, none, with a dead cookie", trace.Gist{Op: "clear-expired", Verdict: session.VerdictDead, Acts: acts(dead, trace.Act{Kind: session.Swept})}, "clear expired|none found, cookie refused: this ID was ended|bad"},
		{"get with a dead cookie", trace.Gist{Op: "get", Key: "name", Verdict: session.VerdictDead, Acts: acts(dead)}, "get|name → missing, cookie refused: this ID was ended|bad"},
		{"keys with an expired cookie", trace.Gist{Op: "keys", Acts: acts(trace.Act{Kind: session.Expired, Reason: "the record's clock has run out"})}, "keys|expired: the record's clock has run out|gone"},
		{"another client with a dead cookie", trace.Gist{Nothing: true, By: "another client", Op: "keys", Acts: acts(dead)}, "refused|this ID was ended|bad"},
		{"flush, no session", trace.Gist{Op: "flush", Verdict: session.VerdictAbsent}, "flush|nothing to end|"},
		{"flush with a dead cookie", trace.Gist{Op: "flush", Verdict: session.VerdictDead, Acts: acts(dead)}, "flush|nothing to end, cookie refused: this ID was ended|bad"},
		{"the sweeper", trace.Gist{Nothing: true, By: "the sweeper", Acts: acts(trace.Act{Kind: session.Swept, Count: 1})}, "cleared|1 expired record|gone"},
		{"the clock", trace.Gist{Nothing: true, By: "the clock", Acts: acts(trace.Act{Kind: session.Expired, Reason: "the record is still in the store"})}, "expired|the record is still in the store|gone"},

		{"plant", trace.Gist{Op: "plant", Verdict: session.VerdictAbsent}, "planted|a readable cookie|"},
		{"plant off", trace.Gist{Op: "plant", Away: true, Acts: acts(read)}, "taken away|the readable cookie|"}, // and not planted
		{"plant with a dead cookie", trace.Gist{Op: "plant", Verdict: session.VerdictDead, Acts: acts(dead)}, "planted|a readable cookie, a cookie refused|"},
		{"check, the same", trace.Gist{Op: "check", Same: true, Verdict: session.VerdictOK, Acts: acts(read)}, "checked|a value: the same|"},
		{"check, another", trace.Gist{Op: "check", Verdict: session.VerdictDead, Acts: acts(dead)}, "checked|a value: another, a cookie refused|"},
		{"check without a cookie", trace.Gist{Op: "check", Verdict: session.VerdictAbsent}, "checked|a value, and no session cookie came|"},
		{"pin", trace.Gist{Op: "pin", Pinned: true, Verdict: session.VerdictOK, Acts: acts(read)}, "pinned|a copy|"},
		{"pin of a dead cookie", trace.Gist{Op: "pin", Pinned: true, Verdict: session.VerdictDead, Acts: acts(dead)}, "pinned|a copy, a cookie refused|"},
		// An empty cookie came: there was no cookie to keep.
		{"pin of an empty cookie", trace.Gist{Op: "pin", Verdict: session.VerdictGarbled, Acts: acts(dead)}, "pin|cookie refused: this ID was ended|bad"},
		{"pin without a cookie", trace.Gist{Op: "pin", Verdict: session.VerdictAbsent}, "pin|no session cookie|"}, // nothing was pinned
		{"tamper", trace.Gist{Op: "tamper", Copied: true, Acts: acts(read)}, "sent|a changed copy|"},
		{"tamper with nothing", trace.Gist{Op: "tamper", Copied: true, Same: true, Acts: acts(read)}, "sent|an unchanged copy|"},
		{"tamper without a cookie", trace.Gist{Op: "tamper", Verdict: session.VerdictAbsent}, "tamper|no session cookie|"},
		{"replay", trace.Gist{Op: "replay", Copied: true, Acts: acts(dead)}, "sent|a pinned copy|"},
		// The cookie came with the press, whatever it opened.
		{"drop", trace.Gist{Op: "drop-cookie", Put: true, Verdict: session.VerdictAbsent, Acts: acts(trace.Act{Kind: session.Read, Place: session.OnServer})}, "dropped|the cookie, not the record|gone"},
		{"drop of a session in the cookie", trace.Gist{Op: "drop-cookie", Put: true, Verdict: session.VerdictAbsent, Acts: acts(trace.Act{Kind: session.Read, Place: session.InCookie})}, "dropped|the cookie, and the session in it|gone"},
		{"drop of a dead cookie", trace.Gist{Op: "drop-cookie", Put: true, Acts: acts(dead)}, "dropped|the cookie|gone"},
		{"drop without a cookie", trace.Gist{Op: "drop-cookie", Verdict: session.VerdictAbsent}, "drop cookie|no session cookie|"},
		// The cookie that came with the press does not matter any more.
		{"put back", trace.Gist{Op: "put-back", Put: true, Session: "9f2c41e0", Verdict: session.VerdictOK, Acts: acts(dead)}, "put back|a pinned copy|moved"},
		{"put back, stale", trace.Gist{Op: "put-back", Put: true, Session: "9f2c41e0", Verdict: session.VerdictStale, Acts: acts(stale, read)}, "put back|a stale copy|moved"},
		{"put back, dead", trace.Gist{Op: "put-back", Put: true, Verdict: session.VerdictDead, Acts: acts(read, dead)}, "put back|a copy that opens nothing|gone"},
		{"put back during an outage", trace.Gist{Op: "put-back", Put: true, Aside: true}, "put back|a pinned copy|moved"},
	}
}

type summary struct {
	name string
	gist trace.Gist
	want string // verb|what|tone
}

// The timeline would say of an exchange what it did not do.
func TestSummary(t *testing.T) {
	t.Parallel()
	for _, test := range summaries() {
		verb, what, tone := Summary(test.gist)
		if got := verb + "|" + what + "|" + tone; got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
