package say

import (
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// The words after Set.
func sayingsOfSet() []saying {
	name, long := riding("name", `"Rahim"`), riding("name", `"`+strings.Repeat("a", 300)+`"`)
	born := trace.Did{Op: "set", Key: "name", Value: name, Born: true, Came: session.VerdictAbsent}
	again := trace.Did{Op: "set", Key: "name", Value: name, Came: session.VerdictOK}
	return []saying{
		{"born", born, []fact{has(session.Hybrid, name), sent},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B. Values of at most 256 B live {cookie:in the cookie}. This first write created a session: the server sent its first cookie.`},
		{"born with a cookie that opened nothing", trace.Did{Op: "set", Key: "name", Value: name, Born: true, Came: session.VerdictDead}, []fact{has(session.Hybrid, name), sent},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B. Values of at most 256 B live {cookie:in the cookie}. The cookie that came has a valid signature, but its session has ended: it opens nothing. This write created a new session, and its cookie replaces the one that came.`},
		// The cookie was dropped before, and its session is an orphan now.
		{"born while the session before lives on", born, []fact{has(session.Hybrid, name), sent, left(session.StateLive)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B. Values of at most 256 B live {cookie:in the cookie}. This first write created a session: the server sent its first cookie. The old record {id:4ca53ce7} is still in the store, and no cookie of this browser opens it.`},
		{"born with a bad cookie while the session before lives on", trace.Did{Op: "set", Key: "name", Value: name, Born: true, Came: session.VerdictForged}, []fact{has(session.Hybrid, name), sent, left(session.StateLive)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B. Values of at most 256 B live {cookie:in the cookie}. The signature of the cookie that came does not fit, so it opens nothing. This write created a new session, and its cookie replaces the one that came. The old record {id:4ca53ce7} is still in the store, and no cookie of this browser opens it.`},
		{"born with a cookie whose session has expired", trace.Did{Op: "set", Key: "name", Value: name, Born: true, Came: session.VerdictExpired}, []fact{has(session.Hybrid, name), sent, left(session.StateExpired)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B. Values of at most 256 B live {cookie:in the cookie}. The session of the cookie that came has expired, so it reads as absent. This write created a new session, and its cookie replaces the one that came. The old record {id:4ca53ce7} has expired, and is still in the store: expired is not cleared.`},
		{"with a stale cookie, and a new one is sent", trace.Did{Op: "set", Key: "name", Value: name, Came: session.VerdictStale}, []fact{has(session.Hybrid, name), sent, signed(session.SignedValues)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B. Values of at most 256 B live {cookie:in the cookie}. The values in the cookie changed, so the server sent a new cookie. The cookie that came was stale: values that only a later cookie carried are left behind.`},
		{"born after a session that was in the cookie", born, []fact{has(session.InCookie, name), sent, func(x *trace.Exchange) { x.Store.Left = trace.Left{ID: old, State: session.StateNone, InCookie: true} }},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B, {cookie:in the cookie} like every value. This first write created a session: the server sent its first cookie. The session before, {id:4ca53ce7}, was only in a cookie that this browser does not have any more: a copy of that cookie still opens it.`},
		{"born after a flush", born, []fact{has(session.Hybrid, name), sent, left(session.StateEnded)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B. Values of at most 256 B live {cookie:in the cookie}. This first write created a session: the server sent its first cookie.`},
		{"the same again", trace.Did{Op: "set", Key: "name", Value: name, Same: true}, []fact{has(session.Hybrid, name)},
			`[note] set: {code:name} is {code:"Rahim"} already. Nothing changed, so nothing was written and no cookie was sent.`},
		{"in the cookie", again, []fact{has(session.InCookie, name), sent, signed(session.SignedValues)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B, {cookie:in the cookie} like every value. The values in the cookie changed, so the server sent a new cookie.`},
		{"on the server, with an expiry of its own", again, []fact{has(session.OnServer, kept("name", `"Rahim"`)), sent, signed(session.SignedMaxAge)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B, kept {server:on the server}; the cookie carries only the ID. This session has an expiry of its own, so the server sent the same ID again, with a fresh Max-Age.`},
		{"on the server, after a change of the secret", again, []fact{has(session.OnServer, kept("name", `"Rahim"`)), sent, signed(session.SignedSecret)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B, kept {server:on the server}; the cookie carries only the ID. An older secret had signed the cookie, so the server signed it with the newest and sent it again.`},
		{"on the server, no cookie", again, []fact{has(session.OnServer, kept("name", `"Rahim"`))},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B, kept {server:on the server}; the cookie carries only the ID. The cookie stays as it is.`},
		{"too large for the cookie", trace.Did{Op: "set", Key: "name", Value: long}, []fact{has(session.Hybrid, kept("name", `"long"`)), sent, placedFor("name", session.PlacedLarge), signed(session.SignedVersion)},
			`[ok] set: {code:name} is now {code:"` + strings.Repeat("a", 79) + `… (302 B in all)}: 302 B. Values of more than 256 B live {server:on the server}. No value in the cookie changed, but the cookie carries the version of the session, now 3: so the server sent a new cookie.`},
		{"small, and on the server before", again, []fact{has(session.Hybrid, kept("name", `"Rahim"`)), sent, placedFor("name", session.PlacedStays), signed(session.SignedVersion)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B, kept {server:on the server}: the key was there before, and stays there until it is deleted. No value in the cookie changed, but the cookie carries the version of the session, now 3: so the server sent a new cookie.`},
		{"small, and the cookie is full", again, []fact{has(session.Hybrid, kept("name", `"Rahim"`)), sent, placedFor("name", session.PlacedNoRoom), signed(session.SignedVersion)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B, kept {server:on the server}: it has at most 256 B, but the cookie has no room for it. No value in the cookie changed, but the cookie carries the version of the session, now 3: so the server sent a new cookie.`},
		{"another value made room", again, []fact{has(session.Hybrid, name), sent, placedFor("note", session.PlacedNoRoom), signed(session.SignedValues)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B. Values of at most 256 B live {cookie:in the cookie}. The cookie was full, so {code:note} moved to {server:the server}. The values in the cookie changed, so the server sent a new cookie.`},
		{"a path to a key that is there", trace.Did{Op: "set", Key: "cart['items'][0]", Value: riding("cart['items'][0]", "2")}, []fact{has(session.Hybrid, riding("cart", "{}"), riding("cart['items'][0]", "2")), sent, signed(session.SignedValues)},
			`[note] set: {code:cart['items'][0]} is now {code:2}: 1 B. Values of at most 256 B live {cookie:in the cookie}. The values in the cookie changed, so the server sent a new cookie. A key is a name, and no path: {code:cart} is unchanged. To change a part of it, set all of it again, as json.`},
		{"and nobody knows why", again, []fact{has(session.Hybrid, kept("name", `"Rahim"`)), sent},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B, kept {server:on the server}. The server sent a new cookie.`},
		{"with a stale cookie", again, []fact{has(session.Hybrid, kept("name", `"Rahim"`)), verdict(session.VerdictStale), placedFor("name", session.PlacedStale)},
			`[ok] set: {code:name} is now {code:"Rahim"}: 7 B, kept {server:on the server}: the cookie of this request is stale, and a new cookie would overwrite the values of a later one. The cookie stays as it is.`},
	}
}

// The words after Get, List keys, Delete and Clear.
func sayingsOfKeys() []saying {
	name, stale := riding("name", `"Rahim"`), verdict(session.VerdictStale)
	get := func(v trace.Value) trace.Did { return trace.Did{Op: "get", Key: v.Key, Value: v, Found: true} }
	missing := trace.Did{Op: "get", Key: "nope"}
	return []saying{
		{"found", get(name), []fact{has(session.Hybrid, name)}, `[ok] get: {code:name} is {code:"Rahim"}, a text read from {cookie:the cookie}. Reading changes nothing.`},
		{"found on the server", get(riding("n", "[1]")), []fact{has(session.OnServer, kept("n", "[1]")), stale}, `[ok] get: {code:n} is {code:[1]}, a list read from {server:the server}. Reading changes nothing.`},
		{"an object", get(riding("n", "{}")), []fact{has(session.Hybrid, riding("n", "{}"))}, `[ok] get: {code:n} is {code:{}}, an object read from {cookie:the cookie}. Reading changes nothing.`},
		{"null", get(riding("n", "null")), []fact{has(session.Hybrid, riding("n", "null"))}, `[ok] get: {code:n} is {code:null}, read from {cookie:the cookie}. Reading changes nothing.`},
		{"rolling", get(name), []fact{has(session.Hybrid, name), rolling}, `[ok] get: {code:name} is {code:"Rahim"}, a text read from {cookie:the cookie}. Reading changes no value; with --rolling it moves the idle clock.`},
		{"found, and the clock is in the cookie", get(name), []fact{has(session.InCookie, name), rolling, sent, signed(session.SignedClock)}, `[ok] get: {code:name} is {code:"Rahim"}, a text read from {cookie:the cookie}. Reading changes no value. The idle clock of this session is in the cookie, and this request moved it: so the server sent a new cookie.`},
		{"found, after a change of the secret", get(kept("n", "[1]")), []fact{has(session.OnServer, kept("n", "[1]")), sent, signed(session.SignedSecret)}, `[ok] get: {code:n} is {code:[1]}, a list read from {server:the server}. Reading changes no value. An older secret had signed the cookie, so the server signed it with the newest and sent it again.`},
		{"found in a stale cookie", get(name), []fact{has(session.Hybrid, name), stale}, `[ok] get: {code:name} is {code:"Rahim"}, a text read from {cookie:the cookie}. Reading changes nothing. But this cookie is stale: a later one was sent, and this request does not know the values of the later one.`},
		{"missing", missing, []fact{has(session.Hybrid, name)}, `[note] get: {code:nope} is missing: the session has no key of this name. That is no error, only an empty answer.`},
		{"missing in a stale cookie", missing, []fact{has(session.Hybrid, name), stale}, `[note] get: {code:nope} is missing: the session has no key of this name. That is no error, only an empty answer. But this cookie is stale: a later one was sent, and this request does not know the values of the later one.`},
		{"a path to a key that is there", trace.Did{Op: "get", Key: "cart.n"}, []fact{has(session.Hybrid, riding("cart", "{}"))}, `[note] get: {code:cart.n} is missing: the session has no key of this name. That is no error, only an empty answer. A key is a name, and no path: {code:cart} is there: get it, and look into its value.`},
		{"a path", trace.Did{Op: "get", Key: "cart[0]"}, []fact{has(session.Hybrid)}, `[note] get: {code:cart[0]} is missing: the session has no key of this name. That is no error, only an empty answer. A key is a name, and no path: there is no key {code:cart}.`},
		{"without a session", missing, nil, `[note] get: {code:nope} is missing. This browser has no session. That is no error, and reading does not create a session.`},
		{"with a forged cookie", missing, []fact{verdict(session.VerdictForged)}, `[note] get: {code:nope} is missing. The signature of the cookie that came does not fit, so it opens nothing. That is no error, and reading does not create a session.`},

		{"one", trace.Did{Op: "keys", Keys: trace.KeysOf([]string{"name"})}, []fact{has(session.Hybrid, name)}, `[ok] keys: 1 key: {code:name}.`},
		{"in both halves", trace.Did{Op: "keys", Keys: trace.KeysOf([]string{"cart", "name"})}, []fact{has(session.Hybrid, kept("cart", "[]"), name)}, `[ok] keys: 2 keys: {code:cart, name}. Some values live in the cookie and some on the server: the list has the keys of both.`},
		{"with a stale cookie", trace.Did{Op: "keys", Keys: trace.KeysOf([]string{"name"})}, []fact{has(session.Hybrid, name), stale}, `[ok] keys: 1 key: {code:name}. But this cookie is stale: a later one was sent, and this request does not know the values of the later one.`},
		{"none", trace.Did{Op: "keys"}, []fact{has(session.Hybrid)}, `[note] keys: The session is there, and it has no keys.`},
		{"without a session", trace.Did{Op: "keys"}, nil, `[note] keys: This browser has no session. There are no keys to list, and listing does not create a session.`},

		{"found", trace.Did{Op: "delete", Key: "name", Found: true}, []fact{has(session.Hybrid, riding("cart", "[1]")), sent}, `[ok] deleted: {code:name}. The session itself stays, with its ID and its other keys.`},
		{"the last key", trace.Did{Op: "delete", Key: "name", Found: true}, []fact{has(session.Hybrid), sent}, `[ok] deleted: {code:name}. It was the last key. The session itself stays, with its ID.`},
		{"the last key that a stale cookie knows of", trace.Did{Op: "delete", Key: "name", Found: true}, []fact{has(session.Hybrid), sent, stale}, `[ok] deleted: {code:name}. The session itself stays, with its ID and its other keys.`},
		{"missing", trace.Did{Op: "delete", Key: "name"}, []fact{has(session.Hybrid)}, `[note] delete: {code:name} was not there. That is no error, and no write: no cookie was sent.`},
		{"a path to a key that is there", trace.Did{Op: "delete", Key: "cart[0]"}, []fact{has(session.Hybrid, riding("cart", "[1]"))}, `[note] delete: {code:cart[0]} was not there. That is no error, and no write: no cookie was sent. A key is a name, and no path: {code:cart} is unchanged.`},
		{"without a session", trace.Did{Op: "delete", Key: "name"}, nil, `[note] delete: This browser has no session. There was nothing to delete.`},

		{"two", trace.Did{Op: "clear", Count: 2}, []fact{has(session.Hybrid)}, `[ok] cleared: 2 keys. The session is empty but alive: the ID {id:9f2c41e0} and its record stay. Flush would end the session.`},
		{"in the cookie", trace.Did{Op: "clear", Count: 1}, []fact{has(session.InCookie)}, `[ok] cleared: 1 key. The session is empty but alive: the ID {id:9f2c41e0} stays. Flush would end the session.`},
		{"none", trace.Did{Op: "clear"}, []fact{has(session.Hybrid)}, `[note] clear: The session had no keys already. Nothing was written.`},
		{"without a session", trace.Did{Op: "clear"}, nil, `[note] clear: This browser has no session. There was nothing to clear.`},
	}
}

// The words after Log in, Log out, Flush and Start over.
func sayingsOfBirthAndEnd() []saying {
	was := sessionOf(old, session.Hybrid, riding("user", `"ada"`))
	return []saying{
		{"first", trace.Did{Op: "login", User: "ada"}, []fact{has(session.Hybrid), sent}, `[ok] logged in: {code:user} is now {code:ada}. This login created the session, so its ID is new.`},
		{"first, while the session before lives on", trace.Did{Op: "login", User: "ada"}, []fact{has(session.Hybrid), sent, left(session.StateLive)}, `[ok] logged in: {code:user} is now {code:ada}. This login created the session, so its ID is new. The old record {id:4ca53ce7} is still in the store, and no cookie of this browser opens it.`},
		{"again", trace.Did{Op: "login", User: "ada", Before: old, Was: was}, []fact{has(session.Hybrid), sent, left(session.StateCycled)}, `[ok] logged in: {code:user} is now {code:ada}. Every login changes the ID, here from {id:4ca53ce7} to {id:9f2c41e0}: the old ID opens nothing, whoever knows it.`},

		{"", trace.Did{Op: "logout", Was: was}, nil, `[ok] logged out: The record is gone from {server:the server}, and the browser drops {cookie:the cookie}. The session {id:4ca53ce7} has ended for good: a copy of its cookie opens nothing.`},
		{"of nobody", trace.Did{Op: "logout", Was: sessionOf(old, session.Hybrid)}, nil, `[ok] logged out: The record is gone from {server:the server}, and the browser drops {cookie:the cookie}. The session {id:4ca53ce7} has ended for good: a copy of its cookie opens nothing. Nobody was logged in; the session ended all the same.`},
		{"without a session", trace.Did{Op: "logout"}, nil, `[note] log out: This browser has no session. Nobody was logged in.`},

		{"", trace.Did{Op: "flush", Was: was}, nil, `[ok] flushed: The record is gone from {server:the server}, and the browser drops {cookie:the cookie}. The session {id:4ca53ce7} has ended for good: a copy of its cookie opens nothing.`},
		{"in the cookie", trace.Did{Op: "flush", Was: sessionOf(old, session.InCookie)}, nil, `[ok] flushed: The browser drops {cookie:the cookie}, and {server:the server} remembers that this ID has ended. The session {id:4ca53ce7} has ended for good: a copy of its cookie opens nothing.`},
		{"with progress", trace.Did{Op: "flush", Was: was, Learned: 3}, nil, `[ok] flushed: The record is gone from {server:the server}, and the browser drops {cookie:the cookie}. The session {id:4ca53ce7} has ended for good: a copy of its cookie opens nothing. Your progress through the experiments, 3 done, was a key of this session: it is gone too.`},
		{"over", trace.Did{Op: "flush", Was: was, Away: true}, nil, `[ok] started over: The record is gone from {server:the server}, and the browser drops {cookie:the cookie}. The session {id:4ca53ce7} has ended for good: a copy of its cookie opens nothing. The timeline stays, since it tells what happened. The next write, with Set, creates a session.`},
		{"over, with other cookies and pins", trace.Did{Op: "flush", Was: sessionOf(old, session.InCookie), Away: true, Over: trace.Over{Pins: 2, Owner: true, Readable: true}}, []fact{family}, `[ok] started over: The browser drops {cookie:the cookie}, and {server:the server} remembers that this ID has ended. The session {id:4ca53ce7} has ended for good: a copy of its cookie opens nothing. Taken away too: the readable cookie, 2 pinned copies and the cookie that says which browser pinned. The timeline stays, and so do the other browsers of this lab with their sessions. The next write, with Set, creates a session.`},
		{"without a session", trace.Did{Op: "flush"}, nil, `[note] flush: This browser has no session. There was nothing to flush.`},
		{"over, without a session", trace.Did{Op: "flush", Away: true}, nil, `[note] started over: This browser has no session, so there was nothing to flush. The timeline stays, since it tells what happened. The first write, with Set, creates a session.`},
		{"over, without a session, with a pin", trace.Did{Op: "flush", Away: true, Over: trace.Over{Pins: 1}}, []fact{knows}, `[note] started over: This browser has no session, so there was nothing to flush. Taken away too: 1 pinned copy. The timeline stays, since it tells what happened. The next write, with Set, creates a session.`},
		{"over, with a dead cookie", trace.Did{Op: "flush", Away: true}, []fact{put("", session.VerdictAbsent)}, `[ok] started over: The browser drops {cookie:the cookie} that came: it opened nothing. The timeline stays, since it tells what happened. The next write, with Set, creates a session.`},
	}
}

// The words after Cycle ID, Clear expired, Expiry and Placement.
func sayingsOfLife() []saying {
	was := sessionOf(now, session.Hybrid, riding("name", `"Rahim"`))
	own := func(x session.Expiry) trace.Did { return trace.Did{Op: "expiry", Was: was, Expiry: x} }
	to := func(p session.Placement, was trace.Session) trace.Did {
		return trace.Did{Op: "placement", Placement: p, Was: was}
	}
	late := func(x *trace.Exchange) { x.Session.Expires = x.Session.Absolute }
	return []saying{
		{"", trace.Did{Op: "cycle-id", Before: old}, []fact{has(session.Hybrid), sent}, `[ok] cycled: The same values have a new ID. The hash of the ID, {id:4ca53ce7}, became {id:9f2c41e0}. The old ID opens nothing any more, and the absolute lifetime is as it was.`},
		{"with a stale cookie", trace.Did{Op: "cycle-id", Before: old, Came: session.VerdictStale}, []fact{has(session.Hybrid), sent}, `[ok] cycled: The same values have a new ID. The hash of the ID, {id:4ca53ce7}, became {id:9f2c41e0}. The old ID opens nothing any more, and the absolute lifetime is as it was. The cookie that came was stale: values that only a later cookie carried are left behind.`},
		{"without a session", trace.Did{Op: "cycle-id"}, []fact{verdict(session.VerdictMoved)}, `[note] cycle ID: The ID in the cookie that came was replaced a moment ago, so it opens nothing. There is no ID to change.`},

		{"none", trace.Did{Op: "clear-expired"}, nil, `[note] clear expired: The store holds no expired record. Live records are not touched.`},
		{"one", trace.Did{Op: "clear-expired", Count: 1}, nil, `[ok] cleared: 1 expired record from {server:the server}. An expired session reads as absent already; its record stays until it is cleared.`},
		{"two", trace.Did{Op: "clear-expired", Count: 2}, nil, `[ok] cleared: 2 expired records from {server:the server}. An expired session reads as absent already; its record stays until it is cleared.`},

		{"seconds", own(session.Expiry{After: 5 * time.Second}), []fact{has(session.Hybrid)}, `[ok] expiry: This session expires 5 seconds after its last write. Max-Age tells the browser when to drop {cookie:the cookie}; {server:the server} decides for itself.`},
		{"rolling", own(session.Expiry{After: time.Second}), []fact{has(session.Hybrid), rolling}, `[ok] expiry: This session expires 1 second after its last request. Max-Age tells the browser when to drop {cookie:the cookie}; {server:the server} decides for itself.`},
		{"for years", own(session.Expiry{After: 500 * 24 * time.Hour}), []fact{has(session.Hybrid), func(x *trace.Exchange) { x.Cookie.Label.MaxAge = 500 * 86400 }}, `[ok] expiry: This session expires 43,200,000 seconds after its last write. Max-Age tells the browser when to drop {cookie:the cookie}, and browsers drop it after 400 days at the latest (RFC 6265bis); {server:the server} decides for itself.`},
		{"capped", own(session.Expiry{After: 24 * time.Hour}), []fact{has(session.Hybrid), late}, `[ok] expiry: This session expires 86,400 seconds after its last write, but at the latest at 2001-02-03 17:00:00, when its absolute lifetime ends. Max-Age tells the browser when to drop {cookie:the cookie}; {server:the server} decides for itself.`},
		{"with the browser", own(session.Expiry{BrowserClose: true}), []fact{has(session.Hybrid)}, `[ok] expiry: {cookie:The cookie} has no Max-Age any more, so the browser drops it on closing. On {server:the server} the clocks still run.`},
		{"in the past", own(session.Expiry{After: -1}), nil, `[ok] expired: With an expiry in the past the session expires at once: it reads as absent from now on.`},
		{"the policy", own(session.Expiry{}), []fact{has(session.Hybrid)}, `[ok] expiry: Back to the policy: the session expires 2 h 0 m 0 s after its last write.`},
		{"with the browser, and progress", trace.Did{Op: "expiry", Was: sessionOf(old, session.Hybrid), Expiry: session.Expiry{BrowserClose: true}, Learned: 3}, []fact{has(session.Hybrid)}, `[ok] expiry: {cookie:The cookie} has no Max-Age any more, so the browser drops it on closing. On {server:the server} the clocks still run. Your progress through the experiments, 3 done, is a key of this session: once the browser drops the cookie, it cannot reach the progress. The session has a new ID, {id:9f2c41e0}: a copy of the old cookie, which carries another deadline, opens nothing.`},
		{"with a new ID", trace.Did{Op: "expiry", Was: sessionOf(old, session.InCookie), Expiry: session.Expiry{BrowserClose: true}}, []fact{has(session.InCookie)}, `[ok] expiry: {cookie:The cookie} has no Max-Age any more, so the browser drops it on closing. On {server:the server} the clocks still run. The session has a new ID, {id:9f2c41e0}: a copy of the old cookie, which carries another deadline, opens nothing.`},
		{"without a session", trace.Did{Op: "expiry"}, nil, `[note] expiry: This browser has no session. There is nothing that could expire.`},

		{"to the server", to(session.OnServer, was), []fact{has(session.OnServer, kept("name", `"Rahim"`))}, `[ok] moved: From now on every value lives on the server and the cookie carries only the ID. 1 value moved at once.`},
		{"to the cookie", to(session.InCookie, sessionOf(old, session.Hybrid, riding("name", `"Rahim"`))), []fact{has(session.InCookie, riding("name", `"Rahim"`))}, `[ok] moved: From now on every value lives in the cookie and the server keeps no record. No value had to move. The session has a new ID, {id:9f2c41e0}: the old cookie must not open the old values.`},
		{"to hybrid", to(session.Hybrid, sessionOf(now, session.OnServer, kept("name", `"Rahim"`))), []fact{has(session.Hybrid, kept("name", `"Rahim"`))}, `[ok] moved: From now on values of at most 256 B live in the cookie while it has room; larger values, and values that were on the server before, live on the server. A value on the server stays there until its key is deleted: in the cookie it could be lost with the cookie.`},
		{"with a stale cookie", trace.Did{Op: "placement", Placement: session.OnServer, Was: was, Came: session.VerdictStale}, []fact{has(session.OnServer, kept("name", `"Rahim"`))}, `[ok] moved: From now on every value lives on the server and the cookie carries only the ID. 1 value moved at once. The cookie that came was stale: values that only a later cookie carried are left behind.`},
		{"as it is", to(session.Hybrid, was), []fact{has(session.Hybrid)}, `[note] placement: It is so already: values of at most 256 B live in the cookie while it has room; larger values, and values that were on the server before, live on the server.`},
		{"without a session", to(session.InCookie, trace.Session{}), nil, `[note] placement: This browser has no session. In the next session, every value lives in the cookie and the server keeps no record.`},
	}
}

// The words of a page on which nothing was pressed.
func sayingsOfLooks() []saying {
	late := trace.Did{Op: "session", Late: true}
	return []saying{
		{"a session", trace.Did{Op: "lab"}, []fact{has(session.Hybrid, riding("cart", "[]"), riding("name", "1"))}, `[note] session: This browser has a session: {id:9f2c41e0}, with 2 keys: {code:cart, name}.`},
		{"one key", trace.Did{Op: "session"}, []fact{has(session.Hybrid, riding("name", "1"))}, `[note] session: This browser has a session: {id:9f2c41e0}, with 1 key: {code:name}.`},
		{"an empty one", trace.Did{Op: "lab"}, []fact{has(session.Hybrid)}, `[note] session: This browser has a session, {id:9f2c41e0}, and it is empty.`},
		{"first", trace.Did{Op: "lab"}, nil, `[note] session: This browser has no session. The first write, with Set, creates a session.`},
		{"an Op that has no words", trace.Did{Op: "flash"}, nil, `[note] session: This browser has no session. The first write, with Set, creates a session.`},
		// The page lists the cookies that came: it may not say that none did.
		{"with one other cookie", trace.Did{Op: "lab"}, []fact{others(1)}, `[note] session: This browser has no session: 1 cookie came, and it is not the session cookie. The first write, with Set, creates a session.`},
		{"with other cookies", trace.Did{Op: "lab"}, []fact{others(2)}, `[note] session: This browser has no session: 2 cookies came, and none of them is the session cookie. The first write, with Set, creates a session.`},
		{"with many other cookies", trace.Did{Op: "lab"}, []fact{others(30), func(x *trace.Exchange) { x.Cookie.More = true }}, `[note] session: This browser has no session: more than 30 cookies came, and none of them is the session cookie. The first write, with Set, creates a session.`},
		// Cookies were cleared by hand: no newcomer.
		{"no session any more", trace.Did{Op: "lab"}, []fact{knows}, `[note] session: This browser has no session any more. The next write, with Set, creates a session.`},
		{"no session any more, with another cookie", trace.Did{Op: "lab"}, []fact{knows, others(1)}, `[note] session: This browser has no session any more: 1 cookie came, and it is not the session cookie. The next write, with Set, creates a session.`},
		{"garbled", trace.Did{Op: "lab"}, []fact{verdict(session.VerdictGarbled)}, `[note] session: The cookie that came is unsigned or garbled: it carries no signature of this server, so it opens nothing.`},
		{"empty", trace.Did{Op: "lab"}, []fact{emptyCame}, `[note] session: The cookie that came is empty, so it opens nothing.`},
		{"expired", trace.Did{Op: "lab"}, []fact{verdict(session.VerdictExpired)}, `[note] session: The session of the cookie that came has expired, so it reads as absent.`},
		{"after a restart", trace.Did{Op: "lab", OldPage: "restarted"}, nil, `[note] session: This browser has no session. The first write, with Set, creates a session. The program was restarted: a new timeline begins.`},
		{"after half an hour", trace.Did{Op: "keys", OldPage: "idle"}, nil, `[note] keys: This browser has no session. There are no keys to list, and listing does not create a session. This page was idle for half an hour, and the program was not restarted: a new timeline begins.`},
		{"after others needed the place", trace.Did{Op: "keys", OldPage: "ended"}, nil, `[note] keys: This browser has no session. There are no keys to list, and listing does not create a session. The visit of this page has ended, since the page was idle or others needed its place: a new timeline begins.`},

		{"no cookie", late, []fact{expired(0)}, `[note] expired: A clock on this page has run out. No session cookie came with this request: the browser drops it when its Max-Age ends, or when another page has flushed the session. `},
		{"the cookie still came", late, []fact{verdict(session.VerdictExpired), expired(1)}, `[note] expired: A clock on this page has run out. {cookie:The cookie} still came, and its session has expired. 1 expired record, of any browser, is still {server:on the server}: expired is not cleared.`},
		{"cleared meanwhile", late, []fact{verdict(session.VerdictDead), expired(2)}, `[note] expired: A clock on this page has run out. The cookie that came has a valid signature, but its session has ended: it opens nothing. 2 expired records, of any browser, are still {server:on the server}: expired is not cleared.`},
		{"another tab has written", late, []fact{has(session.Hybrid)}, `[note] session: This browser has a session, {id:9f2c41e0}, and it is empty.`},
	}
}

// The words after presses on the cookie and on copies of it.
func sayingsOfCookies() []saying {
	letter := trace.Did{Op: "tamper", How: "letter", Letter: trace.Letter{At: 5, Was: "a", Now: "b"}, Copy: copied(200, session.VerdictForged, "the signature does not fit")}
	payload := trace.Did{Op: "tamper", How: "letter", Letter: trace.Letter{At: 105, Was: "e", Now: "M", Part: "payload", In: 68}, Copy: letter.Copy}
	replay := func(c *trace.Copy) trace.Did { return trace.Did{Op: "replay", PinnedAt: nine, Copy: c} }
	back := trace.Did{Op: "put-back", PinnedAt: nine}
	pin := pinnedCookie()
	name := session.KeyOf(pinnedID).Name().String()
	hidden := func(x *trace.Exchange) { x.Cookie.Kept, x.Cookie.Hidden = "", true }
	over := trace.Did{Op: "put-back", PinnedAt: nine, Was: sessionOf(old, session.InCookie)}
	none := func(x *trace.Exchange) { x.Cookie.Came = false }
	return []saying{
		{"a letter", letter, []fact{has(session.Hybrid)}, `[bad] copy refused: The server's own client sent a copy of {cookie:the cookie} with letter 5 as sent changed from a to b, and the server {mac:refused} it: the signature does not fit. The answer is 200, as for a request without a session. Your own cookie and session stay as they are.`},
		// The number counts in another text than the peeled one.
		{"a letter of the payload", payload, []fact{has(session.Hybrid)}, `[bad] copy refused: The server's own client sent a copy of {cookie:the cookie} with letter 105 as sent (letter 68 of the payload) changed from e to M, and the server {mac:refused} it: the signature does not fit. The answer is 200, as for a request without a session. Your own cookie and session stay as they are.`},
		{"a part, accepted", trace.Did{Op: "tamper", How: "values", Copy: copied(200, session.VerdictOK, "")}, []fact{has(session.Hybrid), rolling}, `[note] copy accepted: The server's own client sent a copy of {cookie:the cookie} with a change in the values, and the server {server:accepted} it: whoever sends it is you. Your own cookie and session stay as they are. With --rolling the copy's request moved the idle clock, as any request does.`},
		{"nothing", trace.Did{Op: "tamper", How: "value", Same: true, Copy: copied(200, session.VerdictOK, "")}, []fact{has(session.Hybrid)}, `[note] copy accepted: The server's own client sent an unchanged copy of {cookie:the cookie}, and the server {server:accepted} it: whoever sends it is you. Your own cookie and session stay as they are.`},
		{"during an outage", trace.Did{Op: "tamper", How: "time", Copy: copied(503, "", "")}, []fact{has(session.Hybrid)}, `[note] no verdict: The server's own client sent a copy of {cookie:the cookie} with a change in the time of signing, and the server answered 503. Your own cookie and session stay as they are.`},
		{"without a cookie", trace.Did{Op: "tamper"}, nil, `[note] tamper: This browser has no session. There is no cookie to copy.`},

		{"accepted", replay(copied(200, session.VerdictOK, "")), []fact{has(session.Hybrid)}, `[ok] replay accepted: Another client sent the copy of {cookie:the cookie} from 2001-02-03 09:00:00, and the server {server:accepted} it: whoever sends it is you. Your own cookie and session stay as they are.`},
		{"stale", replay(copied(200, session.VerdictStale, "")), nil, `[ok] replay accepted: Another client sent the copy of {cookie:the cookie} from 2001-02-03 09:00:00, and the server {server:accepted} it, although it is stale: whoever sends it is you, as you were then. This browser has no session of its own now.`},
		{"refused", replay(copied(200, session.VerdictDead, "this ID was ended")), nil, `[bad] replay refused: Another client sent the copy of {cookie:the cookie} from 2001-02-03 09:00:00, and the server {mac:refused} it: this ID was ended. The answer is 200, as for a request without a session. This browser has no session of its own now.`},
		{"without a copy", trace.Did{Op: "replay"}, nil, `[note] replay: This browser has no session. There is no copy to send.`},
		{"during an outage", replay(copied(503, "", "")), nil, `[note] no verdict: Another client sent the copy of {cookie:the cookie} from 2001-02-03 09:00:00, and the server answered 503. This browser has no session of its own now.`},

		{"", trace.Did{Op: "pin"}, []fact{has(session.Hybrid), verdict(session.VerdictOK)}, `[ok] pinned: The visit keeps a copy of {cookie:the cookie}, as a thief would. Flush, cycle the ID or let the session expire, then replay the copy and see whether it still opens anything.`},
		{"without a cookie", trace.Did{Op: "pin"}, nil, `[note] pin: This browser has no session. There is no cookie to keep.`},
		{"", trace.Did{Op: "plant", Cookie: "sessionscope-readable"}, nil, `[ok] planted: The server sent {cookie:a readable cookie}, {code:sessionscope-readable}, without HttpOnly. Now document.cookie shows it, and still does not show the session cookie. The server receives the readable cookie with the next request.`},
		{"off", trace.Did{Op: "plant", Cookie: "sessionscope-readable", Away: true}, nil, `[ok] taken away: The browser drops {cookie:the readable cookie}.`},

		// The cookie came with the press: nobody may say that none did.
		{"", trace.Did{Op: "drop-cookie", Was: sessionOf(old, session.Hybrid)}, []fact{put("", session.VerdictAbsent)}, `[ok] dropped: The browser dropped {cookie:the cookie}: it came with this press, and the next press comes without it. What {server:the server} keeps is as it was. Pin a copy first, and you can put it back.`},
		{"of a cookie that opened nothing", trace.Did{Op: "drop-cookie"}, []fact{put("", session.VerdictAbsent)}, `[ok] dropped: The browser dropped {cookie:the cookie}: it came with this press, and the next press comes without it. What {server:the server} keeps is as it was.`},
		{"with a pin", trace.Did{Op: "drop-cookie", Was: sessionOf(old, session.Hybrid), Pins: 1}, []fact{put("", session.VerdictAbsent)}, `[ok] dropped: The browser dropped {cookie:the cookie}: it came with this press, and the next press comes without it. What {server:the server} keeps is as it was. Put back makes a pinned copy the cookie of this browser again.`},
		{"with progress", trace.Did{Op: "drop-cookie", Was: sessionOf(old, session.Hybrid), Learned: 3}, []fact{put("", session.VerdictAbsent)}, `[ok] dropped: The browser dropped {cookie:the cookie}: it came with this press, and the next press comes without it. What {server:the server} keeps is as it was. Pin a copy first, and you can put it back. Your progress through the experiments, 3 done, is a key of that session: no cookie of this browser reaches it now.`},
		{"of a session in it", trace.Did{Op: "drop-cookie", Was: sessionOf(old, session.InCookie)}, []fact{put("", session.VerdictAbsent)}, `[ok] dropped: The browser dropped {cookie:the cookie}: it came with this press, and the next press comes without it. With placement cookie {server:the server} keeps no record: only a copy of the cookie still opens this session. Pin a copy first, and you can put it back.`},
		{"without a cookie", trace.Did{Op: "drop-cookie"}, nil, `[note] drop cookie: This browser has no session. There is no cookie to drop.`},
		{"with an empty one", trace.Did{Op: "drop-cookie"}, []fact{emptyCame}, `[note] drop cookie: The cookie that came is empty, so it opens nothing. There is no cookie to drop.`},

		{"", back, []fact{has(session.Hybrid), put(pin, session.VerdictOK)}, `[ok] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens {id:9f2c41e0}.`},
		{"stale", back, []fact{has(session.Hybrid), put(pin, session.VerdictStale)}, `[ok] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens {id:9f2c41e0}, but it is older than that session: its version is 2, the record's is 3.`},
		{"stale and hidden", back, []fact{has(session.Hybrid), put(pin, session.VerdictStale), hidden}, `[ok] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens {id:9f2c41e0}, but it is older than that session, whose version is 3.`},
		{"over a live session", back, []fact{has(session.Hybrid), put(pin, session.VerdictOK), left(session.StateLive)}, `[ok] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens {id:9f2c41e0}. The session {id:4ca53ce7}, version 7, which this browser had until now, is still in the store, and no cookie of this browser opens it.`},
		{"after that session's cookie was dropped", back, []fact{has(session.Hybrid), put(pin, session.VerdictOK), none, left(session.StateLive)}, `[ok] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens {id:9f2c41e0}. The session {id:4ca53ce7}, version 7, which this browser had before, is still in the store, and no cookie of this browser opens it.`},
		{"over one that had ended", back, []fact{has(session.Hybrid), put(pin, session.VerdictOK), left(session.StateEnded)}, `[ok] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens {id:9f2c41e0}.`},
		{"over one in the cookie", over, []fact{has(session.Hybrid), put(pin, session.VerdictOK)}, `[ok] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens {id:9f2c41e0}. The session {id:4ca53ce7}, version 3, which this browser had until now, was only in the cookie that the copy replaced.`},
		{"a dead one", back, []fact{put(pin, session.VerdictDead)}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens nothing: the session {id:` + name + `} has ended.`},
		{"an expired one", back, []fact{put(pin, session.VerdictExpired)}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens nothing: the session {id:` + name + `} has expired.`},
		{"one whose ID was cycled", back, []fact{put(pin, session.VerdictMoved)}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens nothing: the session {id:` + name + `} got a new ID a moment ago.`},
		{"a dead one, hidden, over a live session", back, []fact{put(pin, session.VerdictDead), hidden, left(session.StateLive)}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens nothing: its signature is valid, but its session has ended. The session {id:4ca53ce7}, version 7, which this browser had until now, is still in the store, and no cookie of this browser opens it.`},
		{"a forged one", back, []fact{put(pin, session.VerdictForged)}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens nothing: its signature does not fit.`}, // and so its ID proves nothing
		{"a garbled one", back, []fact{put("garbled", session.VerdictGarbled)}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens nothing: it carries no signature of this server.`},
		{"one that the engine says nothing of", back, []fact{put("garbled", session.VerdictAbsent)}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens nothing.`},
		// The copy does not say its session, so the store was asked for the session before.
		{"a garbled one, over a live session", back, []fact{put("garbled", session.VerdictGarbled), unopened}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens nothing: it carries no signature of this server. The session {id:4ca53ce7}, version 7, which this browser had until now, is still in the store, and no cookie of this browser opens it.`},
		{"a forged one, after that session's cookie was dropped", back, []fact{put(pin, session.VerdictForged), none, unopened}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. It opens nothing: its signature does not fit. The session {id:4ca53ce7}, version 7, which this browser had before, is still in the store, and no cookie of this browser opens it.`},
		{"during an outage", back, []fact{put(pin, ""), func(x *trace.Exchange) { x.Store.Down = true }}, `[note] put back: The copy from 2001-02-03 09:00:00 is {cookie:the cookie} of this browser again. Nobody can say what it opens: the store does not answer.`},
	}
}

// A press whose facts are missing would have no words.
func TestEveryOpHasWords(t *testing.T) {
	t.Parallel()
	for op := range presses { // app's TestEveryRouteHasItsParts finds an Op that is missing here
		s := Press(trace.Exchange{Did: trace.Did{Op: op}}.Seen(trace.HideNothing)) // of no facts at all
		if s.Verb == "" || s.Tone == "" || len(s.Parts) == 0 {
			t.Errorf("%s, of no facts: %+v", op, s)
		}
	}
}

// copiesBy lists who sent a copy, by what was done to it.
func copiesBy() []copyBy {
	out := []copyBy{
		{trace.Did{Op: "replay", Same: true}, "a pinned copy"},
		{trace.Did{Op: "tamper", How: "value", Same: true}, "an unchanged copy"}, // whichever part was to be changed
		{trace.Did{Op: "tamper", How: "letter", Same: true}, "an unchanged copy"},
		{trace.Did{Op: "tamper", How: "letter", Letter: trace.Letter{At: 5, Was: "a", Now: "b"}}, "a copy with letter 5, as sent, changed from a to b"},
	}
	for _, part := range session.TamperParts {
		if part != "letter" {
			out = append(out, copyBy{trace.Did{Op: "tamper", How: part}, "a copy with a change in " + PartOf(part)})
		}
	}
	return out
}

type copyBy struct {
	did  trace.Did
	want string
}

// The timeline and the page would name the wrong sender of a copy.
func TestCopyBy(t *testing.T) {
	t.Parallel()
	for _, test := range copiesBy() {
		if got := CopyBy(test.did); got != test.want {
			t.Errorf("%+v: %q, want %q", test.did, got, test.want)
		}
	}
	for _, part := range session.TamperParts {
		if PartOf(part) == "" {
			t.Errorf("the part %s has no name", part)
		}
	}
}

// A refusal would lose its field, or a key in it would be shown on a projector.
func TestRefusedAndNotes(t *testing.T) {
	t.Parallel()
	open, secret := Refused(422, "The key is empty.", "key", false), Refused(413, `The value with the key "a" is too large.`, "value", true)
	if plain(open) != "[bad] refused (422): The key is empty." || open.Field != "key" {
		t.Errorf("%+v", open)
	}
	if plain(secret) != `[bad] refused (413): {secret:The value with the key "a" is too large.}` || secret.Field != "value" {
		t.Errorf("%+v", secret)
	}
	for _, test := range notesOnCookies() {
		if got := NoteOf(test.s, test.c); got != test.want {
			t.Errorf("%+v: %q, want %q", test.c, got, test.want)
		}
	}
}

// notesOnCookies lists what is said of the cookie of an exchange, by the facts.
func notesOnCookies() []noteOnCookie {
	live := trace.Session{Exists: true}
	return []noteOnCookie{
		{trace.Session{}, trace.Cookie{Verdict: session.VerdictAbsent}, ""},
		{live, trace.Cookie{Verdict: session.VerdictOK}, ""},
		{live, trace.Cookie{Verdict: session.VerdictStale}, "This cookie is stale: a later one was sent since. The values in this one may be old."},
		{trace.Session{}, trace.Cookie{Verdict: session.VerdictDead, Bytes: 9}, "The cookie that came has a valid signature, but its session has ended: it opens nothing."},
		// The cookie that came was dead, and the good one that was put back has no fault.
		{live, trace.Cookie{Verdict: session.VerdictDead, Bytes: 9, Put: true}, ""},
		{trace.Session{}, trace.Cookie{Verdict: session.VerdictDead, Bytes: 9, Put: true}, "This cookie opens nothing: its signature is valid, but its session has ended."},
		{trace.Session{}, trace.Cookie{Verdict: session.VerdictGarbled, Came: true, Jar: []trace.Crumb{{Name: trace.Cut("s", 9), Bytes: 1, Kind: seat.Session}}}, "The cookie that came is empty, so it opens nothing."},
		{trace.Session{}, trace.Cookie{Verdict: session.VerdictMoved, Bytes: 9, Put: true}, "This cookie opens nothing: its ID was replaced a moment ago."},
	}
}

type noteOnCookie struct {
	s    trace.Session
	c    trace.Cookie
	want string
}
