package experiment

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/session"
)

// where are the experiments about where data lives.
func where() []Experiment {
	rfc6265 := Source{"RFC 6265, section 6.1: limits", "https://www.rfc-editor.org/rfc/rfc6265#section-6.1"}
	owasp := Source{"OWASP: Session Management Cheat Sheet", "https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html"}
	django := Source{"Django: session engines", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#configuring-the-session-engine"}
	return []Experiment{
		{
			Number: 8, Slug: "cookie-hybrid-server", Title: "Cookie, hybrid, server",
			Lead: "Session data is always on the server, people say. Store a value of your own under the three placements, and look for it in the `Cookie` header without any key. Where do you find it?",
			Predictions: []string{
				"Under none: the cookie is a ticket with an ID on it",
				"Under one: only with placement cookie",
				"Under two: with placement cookie and with hybrid",
				"Under all three: the cookie carries all that I store",
			},
			Choices: []Choice{{Name: "value", Label: "Your value", Default: "Rahim", Max: 400}},
			Does:    "the same two writes and two reads on three private servers, one for each placement",
			Run:     cookieHybridServer,
			Explain: []string{
				"Where data lives is a decision of the program: with `cookie` the {cookie browser} keeps it all, with `server` the cookie is an ID and the {server record} keeps it all.",
				"`hybrid` divides it: values of at most 256 bytes, written as JSON, travel in the cookie, and larger ones lie in the record.",
				"Base64 is a way to write bytes as letters, not a way to hide them: two layers come off with no key, and then the value stands there in clear.",
				"The {mac signature} only proves that nobody changed it.",
				"A cookie that carries values must be sent anew at every write, and with `hybrid` even one that only carries its version; with `server` it is sent once.",
			},
			Breaks:  "Encryption: a cookie that is encrypted too shows nothing to the one who has no key. A secret that the visitor must not read belongs on the server, or there.",
			Sources: []Source{django, {"RFC 4648, section 5: base64url", "https://www.rfc-editor.org/rfc/rfc4648#section-5"}, owasp},
		},
		{
			Number: 9, Slug: "the-4096-byte-wall", Title: "The 4096-byte wall",
			Lead: "One value grows and grows. Some say that sessions on a server have no size limit; others saw 10 kB fit in one place and not in another. Which wall does it meet, and what is left afterwards?",
			Predictions: []string{
				"No wall: it can grow for as long as I like",
				"A wall before 10,000 bytes: an error, and nothing is lost",
				"At some size the server says yes, and yet the value is lost",
				"A wall after 10,000 bytes: an error, and nothing is lost",
			},
			Choices: []Choice{{Name: "where", Label: "The value goes to", Options: []Option{
				{"cookie", "the cookie"}, {"hybrid", "hybrid"}, {"server", "the server"},
				{"gorilla-cookie", "plain gorilla, CookieStore"}, {"gorilla-file", "plain gorilla, FilesystemStore"},
			}}},
			Does: "writes that double until one does not fit, then halving steps to the last byte that does, by a browser that ignores cookies of more than 4,096 bytes",
			Run:  fourKilobyteWall,
			Explain: []string{
				"A browser need not keep a cookie of more than 4,096 bytes (RFC 6265, section 6.1); today's ignore one whose name and value have more, and the server never hears of it.",
				"What is written as base64 grows by a third, and securecookie does it twice, so that a text in a {cookie cookie} meets this wall at a little more than half of it.",
				"A {server server} has walls too, or one visitor could fill it: here 65,536 bytes a value, with the two quotes that JSON puts around a text, and 262,144 a session. `hybrid` moves what is too large for the cookie to the record, so that 10 kB fit.",
				"gorilla's securecookie counts 4,096 bytes of value alone: with the cookie's name that can be more than a browser takes. Its FilesystemStore keeps the same limit for a file that never travels, unless `MaxLength` is called.",
				"A good limit refuses the whole write, says which limit it was, and leaves what was there before.",
			},
			Breaks:  "A server that sends the cookie without counting it: it answers 200, and only the next request shows that the browser kept the old one.",
			Sources: []Source{rfc6265, {"RFC 6265bis (draft): more than 4096 octets are ignored", "https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis"}, {"gorilla/sessions: FilesystemStore.MaxLength", "https://pkg.go.dev/github.com/gorilla/sessions#FilesystemStore.MaxLength"}},
		},
		{
			Number: 10, Slug: "restart", Title: "Restart the server",
			Lead: "You are logged in, and the server is stopped and started again. Its sessions lie in an SQLite file, so the disk remembers you. A restart should not log you out. Does it?",
			Predictions: []string{
				"I am still logged in, with the cookie that I have",
				"I am logged out: the server's record of me is gone",
				"I am logged out: the signature of my cookie is refused",
				"I am still logged in, and my cookie is signed anew",
			},
			Choices: []Choice{
				{Name: "secret", Label: "The server starts with", Options: []Option{{"same", "the same secret"}, {"new", "a new secret"}, {"both", "a new secret that signs, and the old one to verify"}}},
				placements,
			},
			Does: "a login, two real restarts on the same file, and requests before and after each",
			Run:  restart,
			Explain: []string{
				"The {mac signature} of a cookie is made with the server's secret. A program that makes up a new secret at each start refuses every {cookie cookie} from before it.",
				"The {server record} has no part in that: it lies in the store as before until it expires and is cleared, but no cookie opens it while the old secret is missing.",
				"To change a secret without logging anybody out, the new one signs and the old one still verifies for a while (Django: `SECRET_KEY_FALLBACKS`).",
				"A cookie that the old secret verified is signed anew at the next write; one that carries no values already at the next read, since no newer values can be lost by it.",
				"When all cookies of the old secret have been replaced, or have expired, it can go.",
			},
			Breaks:  "A secret that is kept nowhere: two servers behind one name then refuse each other's cookies, even without a restart.",
			Sources: []Source{{"Django: SECRET_KEY_FALLBACKS", "https://docs.djangoproject.com/en/stable/ref/settings/#secret-key-fallbacks"}, {"gorilla/securecookie: key rotation", "https://pkg.go.dev/github.com/gorilla/securecookie#CodecsFromPairs"}},
		},
		{
			Number: 11, Slug: "stores-through-a-restart", Title: "Memory, SQLite, Redis",
			Lead: "The server restarts with the same secret, so it knows its own signatures again. A short and a long value were stored before. What does the browser find afterwards?",
			Predictions: []string{
				"All is there, and the session has the ID that it had",
				"The short value is there, and the long one is gone",
				"All is gone: the browser is a new visitor",
			},
			Choices: []Choice{
				{Name: "store", Label: "The store", Options: []Option{{"memory", "memory"}, {"sqlite", "SQLite"}, {"redis", "Redis"}}},
				placements,
			},
			Does: "two writes, a restart with the same secret, and two reads; beside it a second browser that logged out before the restart and kept a copy of its cookie",
			Run:  storesThroughARestart,
			Explain: []string{
				"The memory store is a map inside of the program and ends with it; SQLite is a file; Redis is a program of its own that goes on while ours restarts.",
				"With placement `cookie` the values come back from the {cookie browser}, and need no store at all.",
				"With `hybrid` the record belongs to the session even when a value travels in the cookie. Without the {server record} the cookie opens nothing, not even the short value in it: that is how a logout can kill values that somebody else may have copied.",
				"Placement `cookie` has no record to delete, so a logout must leave a mark in the store, that this ID is dead. A memory store forgets these marks too, and a copied cookie lives again if the secret is the same.",
			},
			Breaks:  "Two programs with a memory store each behind one name: every second request meets the one that does not know you. That is what Redis is for.",
			Sources: []Source{django, {"SQLite: durable transactions", "https://www.sqlite.org/transactional.html"}, {"Redis: persistence", "https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/"}},
		},
		{
			Number: 12, Slug: "three-witnesses", Title: "Three witnesses disagree",
			Lead: "A cookie is a session, many people say. Three witnesses can tell: what the browser keeps, what the wire carried, what the server has. Delete one half, and ask them again.",
			Predictions: []string{
				"The half that stays is enough: the value is found",
				"Nothing stays: cookie and session are one thing",
				"The other half stays, but alone it finds nothing",
			},
			Choices: []Choice{
				{Name: "delete", Label: "Delete only", Options: []Option{{"cookie", "the cookie, in the browser"}, {"record", "the record, on the server"}}},
				placements,
			},
			Does: "a write and a read, then one half is deleted behind the other's back, and the browser asks again",
			Run:  threeWitnesses,
			Explain: []string{
				"The {cookie cookie} names a session, and the {server record} is what it names. They lie on two machines, and neither hears of what happens to the other.",
				"Without the cookie the browser is a stranger: the record stays where it is, found by nobody, until it expires and is cleared, or the cookie is put back.",
				"Without the record the browser goes on sending its cookie. The signature still fits, but the ID opens nothing, and a good server never begins a session under an ID that a client brought along.",
				"Only with placement `cookie` is the cookie the whole session: there is no record to delete, and who has the cookie has everything.",
			},
			Breaks:  "A server that creates what it does not find: it would adopt the ID of the orphaned cookie, and anybody could choose an ID for somebody else (session fixation).",
			Sources: []Source{{"RFC 6265, section 3: overview", "https://www.rfc-editor.org/rfc/rfc6265#section-3"}, owasp},
		},
	}
}

// comma writes n as people read it: 65,536.
func comma(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// cookieSize is what browsers count of a cookie: its name and its value.
func cookieSize(name, value string) int { return len(name) + len(value) }

// lettersOf returns the letters of a cookie's value that carry text in its payload,
// in clear under two layers of base64; "" if it is not there.
func lettersOf(cookie, text string) string {
	l, _ := session.Peel(cookie)
	raw, err := base64.URLEncoding.DecodeString(l.Payload)
	at := bytes.Index(raw, []byte(text))
	if err != nil || at < 0 {
		return ""
	}
	// Base64 makes four letters of three bytes: what begins or ends between them takes its neighbours along.
	letters := func(from, to int) (int, int) { return from / 3 * 4, (to + 2) / 3 * 4 }
	from, to := letters(at, at+len(text))
	before := len(l.Time) + len("|")
	from, to = letters(before+from, before+to)
	return cookie[from:min(to, len(cookie))]
}

func cookieHybridServer(r *Run) Outcome {
	value := r.Choice("value")
	short := func(s string) string {
		if rs := []rune(s); len(rs) > 48 {
			return string(rs[:48]) + "…"
		}
		return s
	}
	yours := "`" + Plain(short(value)) + "`"
	if value == "" {
		yours = "the empty text"
	}
	text := strings.Repeat("0123456789", 60)
	// member is how a value stands in the payload of a cookie, and in a record.
	member := func(key, value string) string {
		v, err := session.Text(value)
		if err != nil {
			r.fail(err)
		}
		return fmt.Sprintf("%q:%s", key, v)
	}

	t := Table{
		Caption: "The same script three times",
		Head:    []string{"placement", "cookie", "hybrid", "server"},
		Rows: [][]string{
			{"{cookie cookie}, name and value, bytes"}, {"{server record}, bytes"}, {"`name` lives in"}, {"`text` lives in"},
			{"`name` can be read from the cookie without a key"}, {"answers with `Set-Cookie`, of two writes and two reads"}, {"both read back"},
		},
	}
	peeled := Table{Caption: "What the Cookie header carries, peeled without a key", Head: []string{"placement", "letters of the header", "what they say, two layers of base64 further in"}}
	out := Outcome{Happened: None, Tone: Held}
	var found, missing, lost []string
	bare := 0 // the size of the last cookie without the value
	for _, p := range []session.Placement{session.InCookie, session.Hybrid, session.OnServer} {
		in := r.Boot(Settings{Placement: p})
		b := in.Client("Rahim's browser")
		all := []*Exchange{b.Set("name", value), b.Set("text", text), b.Get("/get", "key", "name"), b.Get("/get", "key", "text")}
		all[0].Note = "stores your value, placement " + p.String()
		all[1].Note = "stores 600 bytes"
		all[2].Note = "reads your value: look at its Cookie header"
		cookie := all[2].Cookie
		if _, v, ok := strings.Cut(cookie, "="); ok {
			cookie = v
		}
		st, has := in.Record(cookie)
		lives := func(member string) string {
			var places []string
			if lettersOf(cookie, member) != "" {
				places = append(places, "{cookie the cookie}")
			}
			if has && strings.Contains(st.Data, member) {
				places = append(places, "{server the record}")
			}
			return cmp.Or(strings.Join(places, " and "), "{bad neither}")
		}
		record := "none"
		if has {
			record = comma(len(st.Data))
		}
		sent := 0
		for _, x := range all {
			if x.SetCookie() != nil {
				sent++
			}
		}
		back := all[2].Answer().Found && all[2].Value() == value && all[3].Value() == text
		if !back {
			lost = append(lost, p.String())
		}
		size := cookieSize(CookieName, cookie)
		carried := lettersOf(cookie, member("name", value))
		says := "your value stands in it"
		if carried != "" {
			found = append(found, p.String())
			peeled.Rows = append(peeled.Rows, []string{"`" + p.String() + "`", "{cookie " + short(carried) + "}", "`" + Plain(short(member("name", value))) + "`"})
		} else {
			says = "your value is not in it"
			missing, bare = append(missing, p.String()), size
			peeled.Rows = append(peeled.Rows, []string{"`" + p.String() + "`", "none", "your value is not there"})
		}
		// Shown first is a cookie that carries the value and leaves the rest to the
		// server, if there is one: hybrid comes after cookie.
		if out.Decisive == nil || carried != "" {
			out.Decisive, out.Mark = all[2], cmp.Or(carried, cookie)
		}
		out.Pair = append(out.Pair, Shot{Title: "Placement " + p.String(), Cookie: cookie, Exchange: all[2], Says: says})
		for i, cell := range []string{comma(size), record, lives(member("name", value)), lives(member("text", text)), yes(carried != "", false), fmt.Sprint(sent), yes(back, true)} {
			t.Rows[i] = append(t.Rows[i], cell)
		}
	}
	out.Tables = []Table{t, peeled}

	if len(lost) > 0 {
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Lost.} With placement %s what was stored did not come back.", strings.Join(lost, " and "))
		return out
	}
	switch strings.Join(found, " and ") {
	case "":
		out.Happened = 0
		out.Verdict = "{ok Nowhere.} No Cookie header carried " + yours + ", and every read found it: it lives on the server."
		return out
	case "cookie":
		out.Happened = 1
	case "cookie and hybrid":
		out.Happened = 2
	case "cookie and hybrid and server":
		out.Happened = 3
	}
	out.Verdict = fmt.Sprintf("{cookie Found in the Cookie header} with placement %s: two layers of base64 came off without a key, and there stood %s.", strings.Join(found, " and "), yours)
	if len(missing) > 0 {
		out.Verdict += fmt.Sprintf(" With placement %s it was not there: the cookie had %s bytes, and {server the server} answered from its record.", strings.Join(missing, " and "), comma(bare))
	}
	return out
}

// setInBrowser is Set by a browser with the limit that browsers have: it ignores a
// cookie whose name and value have more than 4096 bytes, and keeps the one before
// (RFC 6265bis). ignored tells that it did.
func (c *Client) setInBrowser(key, value string) (x *Exchange, ignored bool) {
	before := c.Cookie()
	x = c.Set(key, value)
	if set := x.SetCookie(); set != nil && cookieSize(set.Name, set.Value) > session.MaxCookieBytes {
		ignored = true
		c.Put(before)
	}
	return x, ignored
}

// clip lets go of what is large in x: a run is kept for a while, and these bodies
// say nothing new after their beginning.
func (x *Exchange) clip() {
	short := func(s string) string {
		const most = 4 << 10
		if len(s) <= most {
			return s
		}
		return fmt.Sprintf("%s… (%s bytes in all)", s[:most], comma(len(s)))
	}
	x.Form, x.Body = short(x.Form), short(x.Body)
}

func fourKilobyteWall(r *Run) Outcome {
	set := Settings{}
	switch name := r.Choice("where"); name {
	case "gorilla-cookie":
		set.Twin = cookieTwin(NewSecret(), nil)
	case "gorilla-file":
		set.Twin = fileTwin(NewSecret())
	default:
		p, err := session.ParsePlacement(name)
		if err != nil {
			r.fail(err)
		}
		set.Placement = p
	}
	in := r.Boot(set)
	b := in.Client("Rahim's browser")
	b.Set("name", "Rahim").Note = "stores what must not be lost"

	type try struct {
		n       int // bytes of text
		x       *Exchange
		answer  Answer
		ignored bool // the browser did not take the cookie
	}
	var tries []try
	write := func(n int, note string) try {
		x, ignored := b.setInBrowser("text", strings.Repeat("x", n))
		x.Note = note
		tries = append(tries, try{n, x, x.Answer(), ignored})
		x.clip()
		return tries[len(tries)-1]
	}
	accepted := func(t try) bool { return t.x.Status < 400 }
	var read *Exchange // the last one
	// reads tells how many bytes of text the client gets back; -1 when there is none.
	reads := func(note string) int {
		read = b.Get("/get", "key", "text")
		read.Note = note
		n := len(read.Value())
		if !read.Answer().Found {
			n = -1
		}
		read.clip()
		return n
	}
	// lastOf returns the last size from low to high that is well: low is, and high is not.
	lastOf := func(low, high int, well func(n int) bool) int {
		for high-low > 1 {
			if n := (low + high) / 2; well(n) {
				low = n
			} else {
				high = n
			}
		}
		return low
	}

	const first, most = 625, 160_000 // doubled four times the first is 10,000; a form of ours has room for the most
	low, high := 0, 0
	for n := first; n <= most && high == 0; n *= 2 {
		if accepted(write(n, "doubles")) {
			low = n
		} else {
			high = n
		}
	}
	// What the server takes, and what it really keeps: the two may differ.
	takes := low
	if high > 0 {
		takes = lastOf(low, high, func(n int) bool { return accepted(write(n, "halves the step")) })
	}
	write(takes, "the largest that the server took")
	keeps, wasThere := takes, reads("reads it back")
	if wasThere != takes {
		keeps = lastOf(0, takes, func(n int) bool { write(n, "halves the step"); return reads("reads it back") == n })
		write(keeps, "the largest that comes back")
		wasThere = reads("reads it back")
	}
	over := write(keeps+1, "one byte more")
	after := reads("reads what is left")
	name := b.Get("/get", "key", "name")
	name.Note = "and the other value?"
	kept := after == wasThere && name.Value() == "Rahim"

	sent := func(t try) string {
		c := t.x.SetCookie()
		switch {
		case c == nil:
			return "none"
		case t.ignored:
			return "{bad " + comma(cookieSize(c.Name, c.Value)) + ", ignored by the browser}"
		}
		return comma(cookieSize(c.Name, c.Value))
	}
	answer := func(t try) string {
		a := t.answer
		switch {
		case a.Limit != "":
			return fmt.Sprintf("{mac limit %s: %s, at most %s}", Plain(a.Limit), comma(a.Size), comma(a.Max))
		case !accepted(t):
			return "{mac " + Plain(cmp.Or(a.Detail, strings.TrimSpace(t.x.Body))) + "}"
		case a.Lives != "":
			return map[string]string{"cookie": "saved, in the cookie", "server": "saved, on the server"}[a.Lives]
		}
		return "saved"
	}
	out := Outcome{Happened: None, Tone: Refused, Decisive: over.x, Mark: fmt.Sprint(over.x.Status)}
	grown := Table{Caption: "The value grows", Head: []string{"text, bytes", "status", "cookie sent, bytes", "the answer says"}}
	slices.SortStableFunc(tries, func(a, b try) int { return a.n - b.n })
	edge := func(n int) bool { return n == keeps || n == keeps+1 || n == takes || n == takes+1 }
	for i, t := range tries {
		doubled := t.n%first == 0 && (t.n/first)&(t.n/first-1) == 0
		if (doubled || edge(t.n)) && (i == 0 || tries[i-1].n != t.n) { // of several of one size the first: the others changed nothing
			grown.Rows = append(grown.Rows, []string{comma(t.n), fmt.Sprint(t.x.Status), sent(t), answer(t)})
		}
	}
	size := func(n int) string {
		if n < 0 {
			return "missing"
		}
		return comma(n) + " bytes"
	}
	out.Tables = []Table{grown, {
		Caption: "What the client has", Head: []string{"key", "before the last write", "after it"},
		Rows: [][]string{{"`text`", size(wasThere), size(after)}, {"`name`", "`Rahim`", cmp.Or(Plain(name.Value()), "missing")}},
	}}
	out.Pair = []Shot{
		{Title: comma(over.n) + " bytes of text", Exchange: over.x},
		{Title: "The next read", Exchange: read, Says: size(after)},
	}
	of := func(n int) try { return tries[slices.IndexFunc(tries, func(t try) bool { return t.n == n })] }
	switch a := over.answer; {
	case accepted(over) && after == over.n:
		out.Happened, out.Tone = 0, Held
		out.Verdict = fmt.Sprintf("{ok No wall} up to %s bytes, the most that was tried: every write was saved, and read back.", comma(over.n))
	case accepted(over):
		out.Happened, out.Tone = 2, Lost
		out.Verdict = fmt.Sprintf("{bad Lost without an error.} A text of %s bytes came back. With one byte more the server answered %d, and the next request read %s.", comma(keeps), over.x.Status, size(after))
		if c := over.x.SetCookie(); c != nil && over.ignored {
			out.Mark = "Set-Cookie"
			out.Verdict += fmt.Sprintf(" Its cookie had %s bytes, name and value: more than the %s that a browser takes, so that the browser kept the one before.", comma(cookieSize(c.Name, c.Value)), comma(session.MaxCookieBytes))
		}
		if high > 0 {
			late := of(takes + 1).x
			out.Verdict += fmt.Sprintf(" An error came only at %s bytes: status %d, `%s`.", comma(takes+1), late.Status, Plain(strings.TrimSpace(late.Body)))
		}
	case !kept:
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Refused, and lost too.} Status %d at %s bytes. Before it, the client read %s of `text`; after it: %s, and `name` is %s.", over.x.Status, comma(over.n), size(wasThere), size(after), cmp.Or(Plain(name.Value()), "missing"))
	default:
		out.Happened = 1
		if keeps >= 10_000 {
			out.Happened = 3
		}
		why := "`" + Plain(strings.TrimSpace(over.x.Body)) + "`"
		out.Mark = strings.TrimSpace(over.x.Body)
		if a.Limit != "" {
			why = fmt.Sprintf("the %s would be %s bytes, at most %s are allowed", Plain(a.Limit), comma(a.Size), comma(a.Max))
			out.Mark = fmt.Sprintf(`"limit":%q,"size":%d,"max":%d`, a.Limit, a.Size, a.Max)
		}
		out.Verdict = fmt.Sprintf("{mac The wall stands between %s and %s bytes of text.} The last byte too many got status %d: %s. {ok Nothing was lost:} `text` still has %s, and `name` is still `%s`.",
			comma(keeps), comma(over.n), over.x.Status, why, size(after), Plain(name.Value()))
		if c := of(keeps).x.SetCookie(); c != nil {
			out.Verdict += fmt.Sprintf(" With the largest that fits the cookie had {cookie %s bytes}.", comma(cookieSize(c.Name, c.Value)))
		}
		if a.Limit == string(session.LimitValue) {
			out.Verdict += moreValues(b, keeps)
		}
	}
	return out
}

// moreValues looks for the wall behind that of one value: it stores more of them,
// each as large as one can be, and says what came of it.
func moreValues(b *Client, each int) string {
	for i := 2; i <= 8; i++ {
		x, _ := b.setInBrowser("text"+strconv.Itoa(i), strings.Repeat("x", each))
		x.Note = "one more value of that size"
		a := x.Answer()
		x.clip()
		if a.Limit != "" {
			return fmt.Sprintf(" Behind it stands another: value number %d of that size was refused too, since the {server %s} would be %s bytes, at most %s are allowed.", i, Plain(a.Limit), comma(a.Size), comma(a.Max))
		} else if x.Status >= 400 {
			return fmt.Sprintf(" Value number %d of that size was refused too, with status %d.", i, x.Status)
		}
	}
	return ""
}

// whoIs is who is logged in, by an answer to GET /session; "" for nobody.
func whoIs(x *Exchange) (user string) {
	for _, v := range x.Answer().Values {
		if v.Key == "user" {
			_ = json.Unmarshal(v.Value, &user) // what is no text is no user
		}
	}
	return user
}

func restart(r *Run) Outcome {
	const user = "Rahim"
	old := NewSecret()
	secrets := [][]byte{old}
	switch r.Choice("secret") {
	case "new":
		secrets = [][]byte{NewSecret()}
	case "both":
		secrets = [][]byte{NewSecret(), old}
	}
	in := r.Boot(Settings{Store: "sqlite", Placement: r.Placement(), Secrets: [][]byte{old}})
	b := in.Client("Rahim's browser")

	t := Table{Caption: "The same browser through the restarts", Head: []string{"request", "logged in as", "after the answer its cookie is signed by secret", "Set-Cookie", "records on the server"}}
	look := func(what, note string) *Exchange {
		x := b.Get("/session")
		x.Note = note
		key := cmp.Or(x.Answer().CookieInfo.Key, "none")
		t.Rows = append(t.Rows, []string{what, cmp.Or(Plain(whoIs(x)), "nobody"), key, setOrNot(x), comma(in.Stats().Live)})
		return x
	}
	b.Post("/login", "user", user).Note = "logs in"
	look("before the restart", "looks at the session")
	kept := b.Cookie()
	record, had := in.Record(kept)

	in.Restart(func(s *Settings) { s.Secrets = secrets })
	first := look("the first one after it", "sends the cookie from before the restart")
	now, has := in.Record(kept)
	still := has && now.Data == record.Data
	wrote := b.Set("city", "Graz")
	wrote.Note = "writes"
	t.Rows = append(t.Rows, []string{"then a write", "", "", setOrNot(wrote), comma(in.Stats().Live)})

	out := Outcome{Happened: None, Decisive: first}
	stored := "This placement keeps {server no record}, so none was lost"
	switch {
	case had && still:
		stored = "{server The record} is still in the store, as it was"
	case had && has:
		stored = "{server The record} is still in the store, but not as it was"
	case had:
		stored = "{server The record} is no longer in the store"
	}
	if whoIs(first) != user {
		in.Restart(func(s *Settings) { s.Secrets = [][]byte{old} })
		b.Put(kept)
		back := look("the kept cookie, with the old secret back", "sends the first cookie again, after another restart with the old secret")
		out.Mark = `"exists":false`
		out.Pair = []Shot{{Title: "After the restart", Cookie: kept, Exchange: first, Says: "nobody is logged in"}, {Title: "With the old secret back", Cookie: kept, Exchange: back, Says: cmp.Or(whoIs(back), "nobody") + " is logged in"}}
		switch {
		case whoIs(back) == user:
			out.Happened, out.Tone = 2, Refused
			out.Verdict = fmt.Sprintf("{mac Logged out: the signature is refused.} The browser sent its cookie, and the server, with status %d, knew nobody. %s. With the old secret back, the same cookie logs `%s` in again: the secret was all that was missing.", first.Status, stored, user)
		case had && !has:
			out.Happened, out.Tone = 1, Lost
			out.Verdict = fmt.Sprintf("{bad Logged out: the record is gone.} The browser sent its cookie, and the server, with status %d, knew nobody. %s, and the old secret does not bring it back.", first.Status, stored)
		default:
			out.Tone = Lost
			out.Verdict = fmt.Sprintf("{bad Logged out}, and the old secret does not help: status %d, and nobody is logged in. %s.", back.Status, stored)
		}
		if id := wrote.Answer().Session.ID; id != "" {
			out.Verdict += fmt.Sprintf(" The write in between began another session, `%s`.", Plain(id))
		}
		out.Tables = []Table{t}
		return out
	}

	// The cookie of now, and the one from before the restart, where only the
	// secret that signs is left: this tells under which of them each was signed.
	signed := b.Cookie()
	in.Restart(func(s *Settings) { s.Secrets = secrets[:1] })
	alone := look("after another restart, with the signing secret alone", "sends the cookie of now")
	b.Put(kept)
	replay := look("the kept cookie, there", "sends the cookie from before the first restart")
	out.Tables = []Table{t}
	out.Mark = user
	out.Pair = []Shot{{Title: "From before the restart", Cookie: kept, Exchange: replay, Says: cmp.Or(whoIs(replay), "nobody") + " is logged in"}, {Title: "The cookie of now", Cookie: signed, Exchange: alone, Says: cmp.Or(whoIs(alone), "nobody") + " is logged in"}}
	when := ""
	if first.SetCookie() != nil {
		when = "with the answer to the first read"
	} else if wrote.SetCookie() != nil {
		when = "with the answer to the first write"
	}
	switch {
	case whoIs(alone) != user:
		out.Tone = Lost
		out.Verdict = "{bad Logged in, but not for long:} with the signing secret alone, the browser's cookie is refused. "
		if when == "" {
			out.Verdict += "No new one ever came."
		} else {
			out.Verdict += "A new one came " + when + "."
		}
	case whoIs(replay) == user:
		out.Happened, out.Tone = 0, Held
		out.Verdict = fmt.Sprintf("{ok Still logged in} as `%s`: the cookie from before the restart was accepted right after it, and after one more. %s.", user, stored)
	default:
		out.Happened, out.Tone, out.Decisive = 3, Held, alone
		out.Verdict = fmt.Sprintf("{ok Still logged in, and signed anew.} The cookie from before the restart was accepted once more, and a new one came %s. With the new secret alone that one still logs `%s` in, and {mac the one from before is refused}. %s.", when, user, stored)
	}
	return out
}

// setOrNot is a cell that says whether an answer set a cookie.
func setOrNot(x *Exchange) string {
	if x.SetCookie() == nil {
		return "none"
	}
	return "{cookie sent}"
}

func storesThroughARestart(r *Run) Outcome {
	store := r.Choice("store")
	in := r.Boot(Settings{Store: store, Placement: r.Placement()})
	b, left := in.Client("Rahim's browser"), in.Client("Lamia's browser")
	text := strings.Repeat("0123456789", 60)
	b.Set("name", "Rahim").Note = "stores a short value"
	b.Set("text", text).Note = "stores 600 bytes"
	before := b.Get("/session")
	before.Note = "where do they live?"

	left.Post("/login", "user", "Lamia").Note = "logs in"
	copied := left.Cookie()
	left.Post("/logout").Note = "logs out, and has a copy of its cookie"
	left.Put(copied)
	dead := left.Get("/get", "key", "user")
	dead.Note = "sends the copy"
	was := b.Get("/get", "key", "name")
	was.Note = "reads the short value"
	records := in.Stats().Live

	in.Restart(nil)
	after := in.Stats().Live
	name := b.Get("/get", "key", "name")
	name.Note = "reads the short value, after the restart"
	long := b.Get("/get", "key", "text")
	long.Note = "reads the long one"
	again := left.Get("/get", "key", "user")
	again.Note = "sends the copy again"
	sent := b.Cookie()
	wrote := b.Set("visit", "2")
	wrote.Note = "writes"

	a := before.Answer()
	lives := func(key string) string {
		for _, v := range a.Values {
			if v.Key == key {
				return map[string]string{"cookie": "{cookie the cookie}", "server": "{server the record}"}[v.Lives]
			}
		}
		return "nowhere"
	}
	hasName, hasText, same := name.Value() == "Rahim", long.Value() == text, wrote.Answer().Session.ID == a.ID
	revived := again.Answer().Found
	back := func(is bool) string {
		if is {
			return "{ok found}"
		}
		return "{bad missing}"
	}
	out := Outcome{
		Happened: None, Tone: Lost, Decisive: name,
		Pair: []Shot{{Title: "Before the restart", Cookie: sent, Exchange: was, Says: says(was)}, {Title: "After the restart", Cookie: sent, Exchange: name, Says: says(name)}},
		Tables: []Table{
			{Caption: "Through the restart", Head: []string{"value", "lived in", "after the restart"}, Rows: [][]string{
				{"`name`, 5 bytes", lives("name"), back(hasName)}, {"`text`, 600 bytes", lives("text"), back(hasText)},
			}},
			{Caption: "The store " + cmp.Or(map[string]string{"sqlite": "SQLite", "redis": "Redis"}[store], store), Head: []string{"what", "before", "after"}, Rows: [][]string{
				{"records", comma(records), comma(after)},
				{"ID of the session, hashed", "`" + Plain(a.ID) + "`", "`" + Plain(wrote.Answer().Session.ID) + "`"},
				{"copy of a cookie that was logged out", accepted(dead), accepted(again)},
			}},
		},
	}
	kept := fmt.Sprintf("{server The store} had %s before the restart and %d after it.", word(records, "record", "records"), after)
	switch {
	case hasName && hasText && same:
		out.Happened, out.Tone, out.Mark = 0, Held, "Rahim"
		out.Verdict = "{ok All is there.} Both values were read back, and the session goes on as `" + Plain(a.ID) + "`. " + kept
		if after == 0 {
			out.Verdict += " The values came back {cookie from the browser}."
		}
	case hasName && !hasText:
		out.Happened, out.Decisive, out.Mark = 1, long, `"found":false`
		out.Verdict = "{bad Half of it is gone:} the short value was read back, the long one is missing. " + kept
	case !hasName && !hasText:
		out.Happened, out.Mark = 2, `"found":false`
		out.Verdict = "{bad All is gone.} The browser sent its cookie and found neither value. " + kept
		if lives("name") == "{cookie the cookie}" && name.Cookie != "" {
			out.Verdict += " Not even the short value counts, which that very cookie carried: without the record it opens nothing."
		}
		if !same && wrote.Status < 400 {
			out.Verdict += " The next write began a session with another ID."
		}
	default:
		out.Verdict = "{bad Neither all nor nothing:} the short value is " + plainly(hasName) + ", the long one is " + plainly(hasText) + ", and the next write has the ID `" + Plain(wrote.Answer().Session.ID) + "`. " + kept
	}
	switch {
	case dead.Answer().Found:
		out.Verdict += " {bad The logout did not count even before that:} the copy of Lamia's cookie was accepted."
	case revived:
		out.Verdict += " {bad But a logout was forgotten:} the copy of Lamia's cookie was refused after her logout, and after the restart it logs her in again."
		out.Pair = append(out.Pair, Shot{Title: "Logged out, after the restart", Cookie: copied, Exchange: again, Says: says(again)})
	default:
		out.Verdict += " The copy of the cookie that Lamia had logged out is refused before and after."
	}
	return out
}

// plainly says whether a value is there.
func plainly(is bool) string {
	if is {
		return "there"
	}
	return "missing"
}

// accepted is a cell that says whether a cookie that should be dead was.
func accepted(x *Exchange) string {
	if x.Answer().Found {
		return "{bad accepted}"
	}
	return "{mac refused}"
}

func threeWitnesses(r *Run) Outcome {
	in := r.Boot(Settings{Placement: r.Placement()})
	b := in.Client("Rahim's browser")
	b.Set("name", "Rahim").Note = "stores a value: the session is born"
	kept := b.Cookie()

	t := Table{Caption: "Three witnesses", Head: []string{"moment", "the browser keeps", "the wire carried", "under the first ID the server has", "the answer"}}
	browserHas := func() bool { return b.Cookie() != "" }
	serverHas := func() bool { _, ok := in.Record(kept); return ok }
	// carriedBy is the size of the cookie in a request, as browsers count it.
	carriedBy := func(x *Exchange) string {
		name, value, _ := strings.Cut(x.Cookie, "=")
		return comma(cookieSize(name, value))
	}
	// ask lets the three speak; x is the request of that moment, nil for none.
	ask := func(moment string, x *Exchange) {
		keeps, carried, has, said := "nothing", "no request", "{server no record}", ""
		if c := b.Cookie(); c != "" {
			keeps = fmt.Sprintf("{cookie a cookie, %s bytes}", comma(cookieSize(CookieName, c)))
		}
		if st, ok := in.Record(kept); ok {
			has = fmt.Sprintf("{server a record, %s bytes}", comma(len(st.Data)))
		}
		if x != nil {
			carried, said = "{wire no Cookie header}", "`name` is missing"
			if x.Answer().Found {
				said = "`name` is `" + Plain(x.Value()) + "`"
			}
			if x.Cookie != "" {
				carried = fmt.Sprintf("{wire a cookie, %s bytes}", carriedBy(x))
			}
			if x.Method == "POST" {
				said = "written to session `" + Plain(x.Answer().Session.ID) + "`"
			}
		}
		t.Rows = append(t.Rows, []string{moment, keeps, carried, has, said})
	}
	before := b.Get("/get", "key", "name")
	before.Note = "reads it"
	ask("before", before)
	hadRecord := serverHas()

	onlyCookie := r.Choice("delete") == "cookie"
	if onlyCookie {
		b.Drop()
	} else {
		in.DeleteRecord(kept)
	}
	deleted := !browserHas()
	if !onlyCookie {
		deleted = !serverHas()
	}
	ask("after the deletion", nil)
	next := b.Get("/get", "key", "name")
	next.Note = "asks again, after the deletion"
	ask("after the next request", next)
	hasCookie, hasRecord, found := browserHas(), serverHas(), next.Answer().Found

	out := Outcome{Happened: None, Tone: Refused, Decisive: next, Mark: `"found":false`}
	if next.Cookie != "" {
		out.Mark = next.Cookie
	}
	var then string
	if onlyCookie {
		b.Put(kept)
		back := b.Get("/get", "key", "name")
		back.Note = "puts its cookie back, and asks"
		ask("the cookie is put back", back)
		if back.Answer().Found {
			then = fmt.Sprintf(" With the cookie put back, `name` is `%s` again.", Plain(back.Value()))
		} else {
			then = " Putting the cookie back did not help: `name` is missing."
		}
		out.Pair = []Shot{{Title: "Without the cookie", Exchange: next, Says: says(next)}, {Title: "With the cookie put back", Cookie: kept, Exchange: back, Says: says(back)}}
	} else {
		again := b.Set("name", "Rahim again")
		again.Note = "writes"
		ask("after a write", again)
		if was, is := before.Answer().Session.ID, again.Answer().Session.ID; was == is {
			then = fmt.Sprintf(" A write went to the same session as before, `%s`.", Plain(is))
		} else {
			then = fmt.Sprintf(" A write began another session, `%s` in place of `%s`: the old ID was not taken up again.", Plain(is), Plain(was))
		}
		out.Pair = []Shot{{Title: "With the record", Cookie: kept, Exchange: before, Says: says(before)}, {Title: "Without the record", Cookie: kept, Exchange: next, Says: says(next)}}
	}
	out.Tables = []Table{t}

	switch {
	case !before.Answer().Found:
		out.Tone, out.Verdict = Lost, "{bad Nothing to delete:} the value was missing before anything was deleted."
	case !deleted:
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Nothing was deleted:} what was to be deleted is still there, and the answer for `name` is %s.", Plain(says(next)))
	case !hasCookie && !hasRecord && !found:
		out.Happened, out.Tone = 1, Lost
		out.Verdict = "{cookie Nothing stays.} The browser keeps no cookie, and the server has no record of it."
		if !hadRecord {
			out.Verdict += " It had none before either: with this placement the cookie is the whole session."
		}
		out.Verdict += then
	case hasCookie && hasRecord:
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Both halves are there again} after one request that only read: somebody made anew what was deleted. The answer for `name` is %s.", Plain(says(next)))
	case found && (hasCookie || hasRecord):
		out.Happened, out.Tone, out.Mark = 0, Held, next.Value()
		half := "{cookie the cookie}"
		if hasRecord {
			half = "{server the record}"
		}
		out.Verdict = fmt.Sprintf("{ok Found.} After the deletion %s stays, and `name` is still `%s`.", half, Plain(next.Value()))
		if !hadRecord && !onlyCookie {
			out.Verdict += " There was no record to delete: with this placement all is in the cookie."
		}
		out.Verdict += then
	case hasRecord && !hasCookie:
		out.Happened, out.Tone = 2, Held
		out.Verdict = "{server The record stays}, and nobody finds it: the next request carried no cookie, and `name` was missing." + then
	case hasCookie && !hasRecord:
		out.Happened = 2
		out.Verdict = fmt.Sprintf("{cookie The cookie stays}, and {mac is refused}: the next request still carried it, %s bytes, and `name` was missing.", carriedBy(next))
		if next.SetCookie() == nil {
			out.Verdict += " The answer set no cookie, so the browser goes on sending this one."
		}
		out.Verdict += then
	default:
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Neither half is there}, and yet the answer for `name` is %s.", Plain(says(next)))
	}
	return out
}
