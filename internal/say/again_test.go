package say

import (
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// returning is what the request of a page found that comes back: after a restart if why is
// "restarted", over a store of that kind.
func returning(why, store string, v session.Verdict, p session.Placement) trace.Did {
	back := trace.Return{Began: nine, Store: store, Verdict: v, Placement: p}
	if v == session.VerdictOK || v == session.VerdictStale {
		back.ID, back.Version, back.Created = old, 3, nine.Add(-time.Minute)
	}
	return trace.Did{Op: "session", Asked: true, OldPage: why, Return: back}
}

// The words of the first request after the server did not answer, or after the page's visit
// has ended.
func sayingsOfReturn() (out []saying) {
	const restarted, connection = "[note] answers again: The program was restarted: a new timeline begins.", "[note] answers again: The connection was lost, and the program was not restarted."
	const idle, ended = "[note] answers again: This page was idle for half an hour, and the program was not restarted: a new timeline begins.",
		"[note] answers again: The visit of this page has ended, since the page was idle or others needed its place: a new timeline begins."
	const same = " {cookie:The cookie} that came opened the session {id:4ca53ce7}, with the same ID, at version 3"
	const stale = " The cookie is stale: a later one was sent, and the values in this one may be old."
	const none = " No session cookie came with this request, so there was no session to find again."
	nothing := func(why string) string { return " The cookie that came opened nothing: " + why + "." }
	add := func(name string, did trace.Did, want string) { out = append(out, saying{name, did, nil, want}) }

	// Whatever the reason, the words name what the store and the cookie say.
	for _, lost := range [][2]string{{"", connection}, {"idle", idle}, {"ended", ended}} {
		why, first := lost[0], lost[1]
		for _, store := range []string{"memory", "sqlite", "redis"} {
			add(why+" and the session is there", returning(why, store, session.VerdictOK, session.Hybrid), first+same+".")
			add(why+" with a stale cookie", returning(why, store, session.VerdictStale, session.OnServer), first+same+"."+stale)
			add(why+" without a cookie", returning(why, store, session.VerdictAbsent, 0), first+none)
			add(why+" while the store is down", returning(why, store, "", 0), first)
			for _, v := range []session.Verdict{session.VerdictExpired, session.VerdictGarbled, session.VerdictMoved, session.VerdictForged, session.VerdictDead} {
				add(why+" with a cookie that is "+string(v), returning(why, store, v, 0), first+nothing(faults[v]))
			}
		}
	}
	for _, names := range [][2]string{{"sqlite", "SQLite"}, {"redis", "Redis"}} {
		store, kept := names[0], names[1]
		for _, p := range []session.Placement{session.Hybrid, session.OnServer} {
			add("restarted over "+store, returning("restarted", store, session.VerdictOK, p), restarted+same+": the program still has the secret that signed it, and "+kept+" kept the record {server:on the server}.")
			add("restarted over "+store+", stale", returning("restarted", store, session.VerdictStale, p), restarted+same+": the program still has the secret that signed it, and "+kept+" kept the record {server:on the server}."+stale)
		}
		add("restarted over "+store+" with another secret", returning("restarted", store, session.VerdictForged, 0), restarted+nothing("none of the secrets that the program has now signed it"))
		add("restarted over "+store+", and the record is gone", returning("restarted", store, session.VerdictDead, 0), restarted+nothing("its signature is valid, but its session has ended"))
	}
	for _, store := range []string{"memory", "sqlite", "redis"} {
		add("restarted, placement cookie", returning("restarted", store, session.VerdictOK, session.InCookie), restarted+same+": its values are {cookie:in the cookie}, and the program still has the secret that signed it.")
		younger := returning("restarted", store, session.VerdictOK, session.Hybrid)
		younger.Return.Created = nine.Add(time.Millisecond)
		add("restarted, and another page has set a value since", younger, restarted+" {cookie:The cookie} that came opened the session {id:4ca53ce7}, version 3, which began after the restart.")
		add("restarted without a cookie", returning("restarted", store, session.VerdictAbsent, 0), restarted+none)
		add("restarted while the store is down", returning("restarted", store, "", 0), restarted)
		for _, v := range []session.Verdict{session.VerdictExpired, session.VerdictGarbled, session.VerdictMoved} {
			add("restarted with a cookie that is "+string(v), returning("restarted", store, v, 0), restarted+nothing(faults[v]))
		}
	}
	add("restarted with a new secret", returning("restarted", "memory", session.VerdictForged, 0), restarted+
		nothing("none of the secrets that the program has now signed it")+" Without --secret-file each start makes a new secret, and the memory store begins empty at each start.")
	add("restarted with the same secret, over memory", returning("restarted", "memory", session.VerdictDead, 0), restarted+
		" The signature of the cookie that came fits, since the secret is the same. The cookie opened nothing all the same: the memory store begins empty at each start, and has no record of the session.")
	return out
}

// A press on a page whose visit has ended says the same, after what was done.
func TestPressAfterARestartSaysTheSame(t *testing.T) {
	t.Parallel()
	for _, s := range sayingsOfReturn() {
		if s.did.OldPage == "" {
			continue
		}
		asked := s.exchange()
		s.did.Asked, s.did.Op = false, "keys"
		pressed := s.exchange()
		words := plain(Press(asked.Seen(trace.HideNothing)))
		_, words, _ = strings.Cut(words, "answers again: ")
		if said := plain(Press(pressed.Seen(trace.HideNothing))); !strings.HasPrefix(said, "[note] keys: This browser has no session.") || !strings.HasSuffix(said, " "+words) {
			t.Errorf("%s: the page says %q, and a press %q", s.name, words, said)
		}
	}
}
