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
				"gorilla's securecookie counts 4,096 bytes of value alone: with the cookie's name that can be more than a browser takes; and its FilesystemStore keeps the same limit for a file that never travels, unless `MaxLength` is called.",
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
	yours := code(short(value))
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
		all := []*Exchange{
			b.Set("name", value).to("stores your value, placement " + p.String()),
			b.Set("text", text).to("stores 600 bytes"),
			b.Get("/get", "key", "name").to("reads your value: look at its Cookie header"),
			b.Get("/get", "key", "text"),
		}
		cookie := all[2].cookie()
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
			peeled.Rows = append(peeled.Rows, []string{"`" + p.String() + "`", "{cookie " + short(carried) + "}", code(short(member("name", value)))})
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
// cookie that is larger, and keeps the one before. ignored tells that it did.
func (c *Client) setInBrowser(key, value string) (x *Exchange, ignored bool) {
	before := c.Cookie()
	x = c.Set(key, value)
	if set := x.SetCookie(); set != nil && cookieSize(set.Name, set.Value) > browserLimit {
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

// try is one write of the value that grows.
type try struct {
	n       int // bytes of text
	x       *Exchange
	answer  Answer
	ignored bool // the browser did not take the cookie
}

func (t try) accepted() bool { return t.x.Status < 400 }

// sent is a cell: the size of the cookie that the answer set.
func (t try) sent() string {
	c := t.x.SetCookie()
	switch {
	case c == nil:
		return "none"
	case t.ignored:
		return "{bad " + comma(cookieSize(c.Name, c.Value)) + ", ignored by the browser}"
	}
	return comma(cookieSize(c.Name, c.Value))
}

// says is a cell: the answer.
func (t try) says() string {
	a := t.answer
	switch {
	case a.Limit != "":
		return fmt.Sprintf("{mac limit %s: %s, at most %s}", Plain(a.Limit), comma(a.Size), comma(a.Max))
	case !t.accepted():
		return "{mac " + Plain(cmp.Or(a.Detail, strings.TrimSpace(t.x.Body))) + "}"
	case a.Lives != "":
		return map[string]string{"cookie": "saved, in the cookie", "server": "saved, on the server"}[a.Lives]
	}
	return "saved"
}

// doubledFrom is the first size; doubled four times it is 10,000.
const doubledFrom = 625

func fourKilobyteWall(r *Run) Outcome {
	set := Settings{}
	switch name := r.Choice("where"); name {
	case "gorilla-cookie":
		set.Twin = cookieTwin(session.NewSecret(), nil)
	case "gorilla-file":
		set.Twin = fileTwin(session.NewSecret())
	default:
		set.Placement = r.placementOf(name)
	}
	b := r.Boot(set).Client("Rahim's browser")
	b.Set("name", "Rahim").to("stores what must not be lost")
	var w wall
	write := func(n int, note string) try {
		x, ignored := b.setInBrowser("text", strings.Repeat("x", n))
		t := try{n, x.to(note), x.Answer(), ignored}
		w.tries = append(w.tries, t)
		x.clip()
		return t
	}
	// reads tells how many bytes of text the client gets back; -1 when there is none.
	reads := func(note string) int {
		w.read = b.Get("/get", "key", "text").to(note)
		n := len(w.read.Value())
		if !w.read.Answer().Found {
			n = -1
		}
		w.read.clip()
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

	const most = 160_000 // a form of ours has room for that
	high := 0
	for n := doubledFrom; n <= most && high == 0; n *= 2 {
		if write(n, "doubles").accepted() {
			w.takes = n
		} else {
			high = n
		}
	}
	// What the server takes, and what it really keeps: the two may differ.
	if high > 0 {
		w.takes = lastOf(w.takes, high, func(n int) bool { return write(n, "halves the step").accepted() })
	}
	write(w.takes, "the largest that the server took")
	w.keeps, w.before = w.takes, reads("reads it back")
	if w.before != w.takes {
		w.keeps = lastOf(0, w.takes, func(n int) bool { write(n, "halves the step"); return reads("reads it back") == n })
		write(w.keeps, "the largest that comes back")
		w.before = reads("reads it back")
	}
	w.over = write(w.keeps+1, "one byte more")
	w.after = reads("reads what is left")
	w.name = b.Get("/get", "key", "name").to("and the other value?").Value()
	out := w.judge()
	if out.Happened != None && w.over.answer.Limit == string(session.LimitValue) {
		out.Verdict += moreValues(b, w.keeps)
	}
	return out
}

// wall is what came of a value that grew.
type wall struct {
	tries         []try
	takes, keeps  int       // the largest that the server took, and that came back
	over          try       // one byte more than keeps
	before, after int       // bytes that were read before it and after it; -1 for none
	read          *Exchange // the last read
	name          string    // the other value, at last
}

// of is the first try of that size, nil for none.
func (w wall) of(n int) *Exchange {
	for _, t := range w.tries {
		if t.n == n {
			return t.x
		}
	}
	return nil
}

// grown is the table of the sizes that count: the doubled ones, and the edges.
func (w wall) grown() Table {
	t := Table{Caption: "The value grows", Head: []string{"text, bytes", "status", "Set-Cookie, bytes", "the answer says"}}
	sorted := slices.SortedStableFunc(slices.Values(w.tries), func(a, b try) int { return a.n - b.n })
	for i, at := range sorted {
		doubled := at.n%doubledFrom == 0 && (at.n/doubledFrom)&(at.n/doubledFrom-1) == 0
		edge := at.n == w.keeps || at.n == w.keeps+1 || at.n == w.takes || at.n == w.takes+1
		if (doubled || edge) && (i == 0 || sorted[i-1].n != at.n) { // of several of one size the first: the others changed nothing
			t.Rows = append(t.Rows, []string{comma(at.n), fmt.Sprint(at.x.Status), at.sent(), at.says()})
		}
	}
	return t
}

func (w wall) judge() Outcome {
	size := func(n int) string {
		if n < 0 {
			return "missing"
		}
		return comma(n) + " bytes"
	}
	over, name := w.over, cmp.Or(Plain(w.name), "missing")
	out := Outcome{
		Happened: None, Tone: Refused, Decisive: over.x, Mark: fmt.Sprint(over.x.Status),
		Tables: []Table{w.grown(), {
			Caption: "What the client has", Head: []string{"key", "before the last write", "after it"},
			Rows: [][]string{{"`text`", size(w.before), size(w.after)}, {"`name`", "`Rahim`", name}},
		}},
		Pair: []Shot{
			{Title: comma(over.n) + " bytes of text", Exchange: over.x},
			{Title: "The next read", Exchange: w.read, Says: size(w.after)},
		},
	}
	switch a := over.answer; {
	case over.accepted() && w.after == over.n:
		out.Happened, out.Tone = 0, Held
		out.Verdict = fmt.Sprintf("{ok No wall} up to %s bytes, the most that was tried: every write was saved, and read back.", comma(over.n))
	case over.accepted():
		out.Happened, out.Tone = 2, Lost
		out.Verdict = fmt.Sprintf("{bad Lost without an error.} A text of %s bytes came back. With one byte more the server answered %d, and the next request read %s.", comma(w.keeps), over.x.Status, size(w.after))
		if c := over.x.SetCookie(); c != nil && over.ignored {
			out.Mark = "Set-Cookie"
			out.Verdict += fmt.Sprintf(" Its cookie had %s bytes, name and value: more than the %s that a browser takes, so that the browser kept the one before.", comma(cookieSize(c.Name, c.Value)), comma(browserLimit))
		}
		if late := w.of(w.takes + 1); late != nil && late.Status >= 400 {
			out.Verdict += fmt.Sprintf(" An error came only at %s bytes: status %d, %s.", comma(w.takes+1), late.Status, code(strings.TrimSpace(late.Body)))
		}
	case w.after != w.before || w.name != "Rahim":
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Refused, and lost too.} Status %d at %s bytes. Before it, the client read %s of `text`; after it: %s, and `name` is %s.", over.x.Status, comma(over.n), size(w.before), size(w.after), name)
	default:
		out.Happened = 1
		if w.keeps >= 10_000 {
			out.Happened = 3
		}
		out.Mark = strings.TrimSpace(over.x.Body)
		why := code(out.Mark)
		if a.Limit != "" {
			why = fmt.Sprintf("the %s would be %s bytes, at most %s are allowed", Plain(a.Limit), comma(a.Size), comma(a.Max))
			out.Mark = fmt.Sprintf(`"limit":%q,"size":%d,"max":%d`, a.Limit, a.Size, a.Max)
		}
		out.Verdict = fmt.Sprintf("{mac The wall stands between %s and %s bytes of text.} The last byte too many got status %d: %s. {ok Nothing was lost:} `text` still has %s, and `name` is still `Rahim`.",
			comma(w.keeps), comma(over.n), over.x.Status, why, size(w.after))
		if c := w.of(w.keeps).SetCookie(); c != nil {
			out.Verdict += fmt.Sprintf(" With the largest that fits the cookie had {cookie %s bytes}.", comma(cookieSize(c.Name, c.Value)))
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

// whoIs is who is logged in, by an answer to GET /session.
func whoIs(x *Exchange) string {
	user := ""
	for _, v := range x.Answer().Values {
		if v.Key == "user" {
			_ = json.Unmarshal(v.Value, &user) // what is no text is no user
		}
	}
	return cmp.Or(user, "nobody")
}

func restart(r *Run) Outcome {
	const user = "Rahim"
	old := session.NewSecret()
	secrets := [][]byte{old}
	switch r.Choice("secret") {
	case "new":
		secrets = [][]byte{session.NewSecret()}
	case "both":
		secrets = [][]byte{session.NewSecret(), old}
	}
	in := r.Boot(Settings{Store: "sqlite", Placement: r.Placement(), Secrets: [][]byte{old}})
	b := in.Client("Rahim's browser")

	t := Table{Caption: "The same browser through the restarts", Head: []string{"request", "logged in as", "after the answer its cookie is signed by secret", "Set-Cookie", "records on the server"}}
	look := func(what, note string) *Exchange {
		x := b.Get("/session").to(note)
		key := cmp.Or(x.Answer().CookieInfo.Key, "none")
		t.Rows = append(t.Rows, []string{what, Plain(whoIs(x)), key, setOrNot(x), comma(in.Stats().Live)})
		return x
	}
	b.Post("/login", "user", user).to("logs in")
	look("before the restart", "looks at the session")
	kept := b.Cookie()
	record, had := in.Record(kept)

	in.Restart(func(s *Settings) { s.Secrets = secrets })
	first := look("the first one after it", "sends the cookie from before the restart")
	now, has := in.Record(kept)
	still := has && now.Data == record.Data
	wrote := b.Set("city", "Graz").to("writes")
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
		out.Pair = []Shot{{Title: "After the restart", Cookie: kept, Exchange: first, Says: "nobody is logged in"}, {Title: "With the old secret back", Cookie: kept, Exchange: back, Says: whoIs(back) + " is logged in"}}
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
			out.Verdict += fmt.Sprintf(" The write in between began another session, %s.", code(id))
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
	out.Pair = []Shot{{Title: "From before the restart", Cookie: kept, Exchange: replay, Says: whoIs(replay) + " is logged in"}, {Title: "The cookie of now", Cookie: signed, Exchange: alone, Says: whoIs(alone) + " is logged in"}}
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
	b.Set("name", "Rahim").to("stores a short value")
	b.Set("text", text).to("stores 600 bytes")
	before := b.Get("/session").to("where do they live?")

	left.Post("/login", "user", "Lamia").to("logs in")
	copied := left.Cookie()
	left.Post("/logout").to("logs out, and has a copy of its cookie")
	left.Put(copied)
	dead := left.Get("/get", "key", "user").to("sends the copy")
	was := b.Get("/get", "key", "name").to("reads the short value")
	records := in.Stats().Live

	in.Restart(nil)
	after := in.Stats().Live
	name := b.Get("/get", "key", "name").to("reads the short value, after the restart")
	long := b.Get("/get", "key", "text").to("reads the long one")
	again := left.Get("/get", "key", "user").to("sends the copy again")
	sent := b.Cookie()
	wrote := b.Set("visit", "2").to("writes")

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
		Pair: []Shot{was.shot("Before the restart", sent), name.shot("After the restart", sent)},
		Tables: []Table{
			{Caption: "Through the restart", Head: []string{"value", "lived in", "after the restart"}, Rows: [][]string{
				{"`name`, 5 bytes", lives("name"), back(hasName)}, {"`text`, 600 bytes", lives("text"), back(hasText)},
			}},
			{Caption: "The store " + cmp.Or(map[string]string{"sqlite": "SQLite", "redis": "Redis"}[store], store), Head: []string{"what", "before", "after"}, Rows: [][]string{
				{"records", comma(records), comma(after)},
				{"ID of the session, hashed", code(a.ID), code(wrote.Answer().Session.ID)},
				{"copy of a cookie that was logged out", accepted(dead), accepted(again)},
			}},
		},
	}
	kept := fmt.Sprintf("{server The store} had %s before the restart and %d after it.", word(records, "record", "records"), after)
	switch {
	case hasName && hasText && same:
		out.Happened, out.Tone, out.Mark = 0, Held, "Rahim"
		out.Verdict = "{ok All is there.} Both values were read back, and the session goes on as " + code(a.ID) + ". " + kept
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
		out.Verdict = "{bad Neither all nor nothing:} the short value is " + plainly(hasName) + ", the long one is " + plainly(hasText) + ", and the next write has the ID " + code(wrote.Answer().Session.ID) + ". " + kept
	}
	switch {
	case dead.Answer().Found:
		out.Verdict += " {bad The logout did not count even before that:} the copy of Lamia's cookie was accepted."
	case revived:
		out.Verdict += " {bad But a logout was forgotten:} the copy of Lamia's cookie was refused after her logout, and after the restart it logs her in again."
		out.Pair = append(out.Pair, again.shot("Logged out, after the restart", copied))
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

// halves is what was seen of a session's cookie and its record, of which one was deleted.
type halves struct {
	onlyCookie         bool // it was the cookie
	hadRecord, deleted bool
	kept               string    // the cookie
	before, next       *Exchange // reads, before the deletion and after it
	cookie             string    // that the browser keeps after next
	record             bool      // that the server has then
	last               *Exchange // with the cookie put back, or a write without the record
}

func threeWitnesses(r *Run) Outcome {
	in := r.Boot(Settings{Placement: r.Placement()})
	b := in.Client("Rahim's browser")
	b.Set("name", "Rahim").to("stores a value: the session is born")
	kept := b.Cookie()
	t := Table{Caption: "Three witnesses", Head: []string{"moment", "the browser keeps", "the wire carried", "under the first ID the server has", "the answer"}}
	serverHas := func() bool { _, ok := in.Record(kept); return ok }
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
				said = "`name` is " + code(x.Value())
			}
			if x.Cookie != "" {
				carried = fmt.Sprintf("{wire a cookie, %s bytes}", comma(cookieSize(CookieName, x.cookie())))
			}
			if x.Method == "POST" {
				said = "written to session " + code(x.Answer().Session.ID)
			}
		}
		t.Rows = append(t.Rows, []string{moment, keeps, carried, has, said})
	}
	h := halves{onlyCookie: r.Choice("delete") == "cookie", kept: kept, hadRecord: serverHas()}
	h.before = b.Get("/get", "key", "name").to("reads it")
	ask("before", h.before)
	if h.onlyCookie {
		b.Drop()
		h.deleted = b.Cookie() == ""
	} else {
		in.DeleteRecord(kept)
		h.deleted = !serverHas()
	}
	ask("after the deletion", nil)
	h.next = b.Get("/get", "key", "name").to("asks again, after the deletion")
	ask("after the next request", h.next)
	h.cookie, h.record = b.Cookie(), serverHas()
	if h.onlyCookie {
		b.Put(kept)
		h.last = b.Get("/get", "key", "name").to("puts its cookie back, and asks")
		ask("the cookie is put back", h.last)
	} else {
		h.last = b.Set("name", "Rahim again").to("writes")
		ask("after a write", h.last)
	}
	out := h.judge()
	out.Tables = []Table{t}
	return out
}

// judge says what came of the deletion.
func (h halves) judge() Outcome {
	out := Outcome{Happened: None, Tone: Refused, Decisive: h.next, Mark: `"found":false`}
	if h.next.Cookie != "" {
		out.Mark = h.next.Cookie
	}
	var then string
	var adopted *Exchange // under the ID that lost its record
	if h.onlyCookie {
		out.Pair = []Shot{h.next.shot("Without the cookie", ""), h.last.shot("With the cookie put back", h.kept)}
		if h.last.Answer().Found {
			then = fmt.Sprintf(" With the cookie put back, `name` is %s again.", code(h.last.Value()))
		} else {
			then = " Putting the cookie back did not help: `name` is missing."
		}
	} else {
		out.Pair = []Shot{h.before.shot("With the record", h.kept), h.next.shot("Without the record", h.kept)}
		was, is := h.before.Answer().Session.ID, h.last.Answer().Session.ID
		switch {
		case h.last.Status >= 400:
			then = fmt.Sprintf(" A write was answered with status %d.", h.last.Status)
		case was == is:
			adopted, then = h.last, fmt.Sprintf(" A write went to the same session as before, %s.", code(is))
		default:
			then = fmt.Sprintf(" A write began another session, %s in place of %s: the old ID was not taken up again.", code(is), code(was))
		}
		if h.next.Answer().Session.Exists {
			adopted = h.next
		}
	}
	found, half := h.next.Answer().Found, h.cookie != "" || h.record
	switch {
	case !h.before.Answer().Found:
		out.Tone, out.Verdict = Lost, "{bad Nothing to delete:} the value was missing before anything was deleted."
	case !h.deleted:
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Nothing was deleted:} what was to be deleted is still there, and the answer for `name` is %s.", Plain(says(h.next)))
	case !half && !found:
		out.Happened, out.Tone = 1, Lost
		out.Verdict = "{cookie Nothing stays.} The browser keeps no cookie, and the server has no record of it."
		if !h.hadRecord {
			out.Verdict += " It had none before either: with this placement the cookie is the whole session."
		}
		out.Verdict += then
	case !half:
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Neither half is there}, and yet the answer for `name` is %s.", Plain(says(h.next)))
	case h.cookie != "" && (h.onlyCookie || h.record || h.cookie != h.kept):
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Something was made anew} by one request that only read: the table says what. The answer for `name` is %s.", Plain(says(h.next)))
	case found:
		out.Happened, out.Tone, out.Mark = 0, Held, h.next.Value()
		stays := "{cookie the cookie}"
		if h.record {
			stays = "{server the record}"
		}
		out.Verdict = fmt.Sprintf("{ok Found.} After the deletion %s stays, and `name` is still %s.", stays, code(h.next.Value()))
		if !h.hadRecord && !h.onlyCookie {
			out.Verdict += " There was no record to delete: with this placement all is in the cookie."
		}
		out.Verdict += then
	case h.record:
		out.Happened, out.Tone = 2, Held
		out.Verdict = "{server The record stays}, and nobody finds it: the next request carried no cookie, and `name` was missing." + then
	case adopted != nil:
		out.Tone, out.Decisive, out.Mark = Lost, adopted, adopted.Answer().Session.ID
		out.Verdict = "{bad Adopted, not refused.} The record is gone, and `name` was missing, but the server goes on with the ID that the cookie brought along: whoever plants a cookie chooses the ID (session fixation)."
		if adopted == h.next {
			out.Verdict += fmt.Sprintf(" It answered the read as one in session %s.", code(out.Mark))
		}
		out.Verdict += then
	default:
		out.Happened = 2
		out.Verdict = fmt.Sprintf("{cookie The cookie stays}, and {mac is refused}: the next request still carried it, %s bytes, and `name` was missing.", comma(cookieSize(CookieName, h.next.cookie())))
		if h.next.SetCookie() == nil {
			out.Verdict += " The answer set no cookie, so the browser goes on sending this one."
		}
		out.Verdict += then
	}
	return out
}
