package say

import (
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// The words after Check.
func sayingsOfCheck() []saying {
	check := func(c trace.Check) trace.Did {
		c.Came, c.Bytes, c.CameBytes = true, 170, 178
		return trace.Did{Op: "check", Check: &c}
	}
	same := trace.Did{Op: "check", Same: true, Check: &trace.Check{Came: true, Bytes: 178, CameBytes: 178, Verdict: session.VerdictDead}}
	at := func(part string, in int) session.Difference {
		return session.Difference{Letter: 105, Part: part, In: in}
	}
	own := func(version, came uint64, signed, cameSigned time.Time) trace.Did {
		return check(trace.Check{Verdict: session.VerdictOK, Own: true, Differs: at("time", 9), Version: version, CameVersion: came, Signed: signed, CameSigned: cameSigned})
	}
	none := trace.Did{Op: "check", Check: &trace.Check{Bytes: 178, Verdict: session.VerdictOK}}
	noneGarbled := trace.Did{Op: "check", Check: &trace.Check{Bytes: 178, Verdict: session.VerdictGarbled, Decoded: true}}
	empty, cut := check(trace.Check{Verdict: session.VerdictGarbled}), check(trace.Check{Verdict: session.VerdictGarbled, Begins: true})
	empty.Check.CameBytes = 0
	alike := check(trace.Check{Verdict: session.VerdictOK, Differs: at("", 0)})
	alike.Check.Bytes = 178
	blank := check(trace.Check{Verdict: ""})
	blank.Check.Bytes = 0
	return []saying{
		{"the same", same, []fact{has(session.Hybrid)}, `[ok] the same: What you pasted is {cookie:the cookie} that came with this request, byte for byte: 178 B. It opens {id:9f2c41e0}.`},
		{"the same, which opens nothing", same, []fact{verdict(session.VerdictDead)}, `[note] the same: What you pasted is {cookie:the cookie} that came with this request, byte for byte: 178 B. It {mac:opens nothing: its signature is valid, but its session has ended}.`},
		{"no cookie came", none, nil, `[note] no cookie: No session cookie came with this request, so there is nothing to compare with. What you pasted, 178 B, {server:opens a session: the server accepts it from whoever sends it}.`},
		{"no cookie came, garbled", noneGarbled, nil, `[note] no cookie: No session cookie came with this request, so there is nothing to compare with. What you pasted with its %-escapes decoded, 178 B, {mac:opens nothing: it carries no signature of this server}.`},
		{"an earlier one", own(2, 3, nine, nine), []fact{has(session.Hybrid)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 170 B, and 178 B came. They first differ at letter 105 as sent (letter 9 of the time). It is an earlier cookie of the same session. Its version is 2, and that of the one that came is 3.`},
		{"a later one", own(4, 3, nine, nine), []fact{has(session.Hybrid)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 170 B, and 178 B came. They first differ at letter 105 as sent (letter 9 of the time). It is a later cookie of the same session. Its version is 4, and that of the one that came is 3.`},
		{"signed before", own(0, 0, nine, nine.Add(time.Second)), []fact{has(session.OnServer)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 170 B, and 178 B came. They first differ at letter 105 as sent (letter 9 of the time). It is an earlier cookie of the same session. It was signed at 2001-02-03 09:00:00, the one that came at 2001-02-03 09:00:01.`},
		{"signed after", own(0, 0, nine.Add(time.Second), nine), []fact{has(session.OnServer)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 170 B, and 178 B came. They first differ at letter 105 as sent (letter 9 of the time). It is a later cookie of the same session. It was signed at 2001-02-03 09:00:01, the one that came at 2001-02-03 09:00:00.`},
		{"signed together", own(0, 0, nine, nine), []fact{has(session.OnServer)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 170 B, and 178 B came. They first differ at letter 105 as sent (letter 9 of the time). It is another cookie of the same session, signed in the same second.`},
		{"of another session", check(trace.Check{Verdict: session.VerdictStale, Differs: at("payload", 64)}), []fact{has(session.Hybrid)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 170 B, and 178 B came. They first differ at letter 105 as sent (letter 64 of the payload). It {server:opens another session: the server accepts it from whoever sends it}.`},
		{"forged", check(trace.Check{Verdict: session.VerdictForged, Differs: at("signature", 3)}), []fact{has(session.Hybrid)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 170 B, and 178 B came. They first differ at letter 105 as sent (byte 3 of the signature). It {mac:opens nothing: its signature does not fit}.`},
		{"cut", cut, []fact{has(session.Hybrid)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 170 B, and 178 B came. It is only the beginning of that one. It {mac:opens nothing: it carries no signature of this server}.`},
		{"of the same size, beside a dead one", alike, []fact{verdict(session.VerdictDead)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: both have 178 B. They first differ at letter 105 as sent. It {server:opens a session: the server accepts it from whoever sends it}.`},
		{"blank", blank, []fact{has(session.Hybrid)}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 0 B, and 178 B came. The pasted value is empty. It {mac:opens nothing}.`},
		{"beside an empty cookie", empty, []fact{emptyCame}, `[note] another: What you pasted is not {cookie:the cookie} that came with this request: it has 170 B, and 0 B came. The cookie that came is empty. It {mac:opens nothing: it carries no signature of this server}.`},
		{"of no facts", trace.Did{Op: "check"}, nil, `[note] check: Nothing was checked.`},
	}
}
