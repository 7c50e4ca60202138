package experiment

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// life are the experiments about the life of a session.
func life() []Experiment {
	return []Experiment{
		{
			Number: 1, Slug: "born-on-first-write", Title: "Born on first write",
			Lead: "A visitor arrives with no cookie and looks around. When does the server begin to remember something about them?",
			Predictions: []string{
				"At the first request: every visitor gets a session at once",
				"At the first read of a key: reading creates what it looks for",
				"At the first write, and not before",
			},
			Does: "a visit, two reads and two writes by a browser without cookies, and three writes by a client that keeps none",
			Run:  bornOnFirstWrite,
			Explain: []string{
				"Reading asks a question; there is nothing to remember, so nothing is stored and no cookie is sent.",
				"The first write makes a record, and the answer carries `Set-Cookie`: from the next request on the browser sends the {cookie cookie} along (RFC 6265, section 3).",
				"So a test cookie cannot be tested in the request that sets it: whether the browser keeps it shows in the next one.",
				"A second write finds the session by that cookie, so the ID stays; whoever keeps no cookie is a new visitor each time.",
				"An engine that creates records on reading can be filled from outside: in Django's CVE-2015-5143 by requests with made-up session cookies.",
			},
			Breaks:  "A page that stores something for every visitor, such as a counter of visits, makes a session for every crawler too.",
			Sources: []Source{{"RFC 6265, section 3", "https://www.rfc-editor.org/rfc/rfc6265#section-3"}, {"Django: setting test cookies", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#setting-test-cookies"}, {"Django 1.8.3: the session store filled from outside", "https://docs.djangoproject.com/en/stable/releases/1.8.3/#denial-of-service-possibility-by-filling-session-store"}},
		},
		{
			Number: 2, Slug: "missing-is-not-an-error", Title: "Missing is not an error",
			Lead: "You ask the session for a key that nobody ever set, and you ask again and again. Then you delete it, although it is not there. What does the server do?",
			Predictions: []string{
				"It fails: an error such as 404, as for a page that is not there",
				"It answers as usual and says: missing; nothing is made of it",
				"It answers as usual, and the key is there from then on, empty",
			},
			Choices: []Choice{{Name: "key", Label: "Ask for the key", Default: "nickname", Max: 60}},
			Does:    "twenty reads and two deletes of a key that is not there, without a session and with one",
			Run:     missingIsNotAnError,
			Explain: []string{
				"A program asks a session for many things that are not there yet: the language of a first visit, a basket that nobody filled.",
				"So a read has two ordinary answers, a value or missing, and the answer says which it is: Django's `session.get(key)` gives `None`, a Go map gives the value and `ok`.",
				"Status 404 means that the page was not found (RFC 9110, section 15.5.5); here the page was found, and it says that the key is not there.",
				"A deletion of what is not there leaves all as it was, so it is no write: no new version, no new {cookie cookie}.",
				"Missing and empty are two things: an empty text is a value that somebody stored.",
			},
			Breaks: "A program that takes missing for empty cannot tell a visitor who chose nothing from one who was never asked. Reads that create what they look for make a session for every crawler.",
			Sources: []Source{
				{"RFC 9110, section 15.5.5: 404 Not Found", "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.5"},
				{"Django: using sessions in views", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#using-sessions-in-views"},
			},
		},
		{
			Number: 3, Slug: "delete-clear-flush", Title: "Delete, clear, flush",
			Lead: "Three sessions hold the same three values. One gets a `delete`, one a `clear`, one a `flush`. Are these three words for the same thing?",
			Predictions: []string{
				"`delete` takes one value; `clear` and `flush` both end the session",
				"`delete` takes one value, `clear` all of them, `flush` the session itself",
				"They differ in how many values they take; the session stays each time",
			},
			Choices: []Choice{placements},
			Does:    "three sessions, one press each, and then the cookie of before, put back",
			Run:     deleteClearFlush,
			Explain: []string{
				"`delete` removes one key, and `clear` removes all of them; the ID and {server the record} stay, so it is the same session as before.",
				"`flush` removes the record and tells the browser to drop {cookie the cookie}: the ID is dead for good, and the next write gets a new one.",
				"That is why a logout is a `flush`: whoever kept the old cookie finds nothing behind it.",
				"After `delete` and `clear` an old cookie still opens the session, and a value that travels in the cookie can come back with it when nothing on the server says that it is gone.",
				"Where values live in the cookie alone there is no record to remove, so `flush` leaves {server a marker} on the server that says: this ID is dead.",
			},
			Breaks: "A logout that only clears the values, or only drops the browser's cookie, leaves an ID that still works: whoever kept it is inside with the next person who logs in, unless the login changes the ID.",
			Sources: []Source{
				{"Django: flush()", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#django.contrib.sessions.backends.base.SessionBase.flush"},
				{"OWASP: session expiration", "https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#session-expiration"},
			},
		},
		{
			Number: 4, Slug: "expired-is-not-cleared", Title: "Expired is not cleared",
			Lead: "A session is told to end soon, and its time runs out. What becomes of its record on the server?",
			Predictions: []string{
				"The server refuses the cookie at once, and the record stays until somebody clears up",
				"The record is removed at that moment, and with it the server forgets the session",
				"The session goes on for whoever kept the cookie, until its record is removed",
			},
			Choices: []Choice{
				{Name: "seconds", Label: "The session lives for", Options: []Option{{"5", "5 seconds"}, {"3600", "one hour"}, {"1209600", "two weeks"}}},
				{Name: "store", Label: "Store", Options: []Option{{"memory", "memory"}, {"sqlite", "SQLite"}}},
			},
			Does: "a session with an expiry of its own, on a clock that is moved past it, and then a clear-up",
			Run:  expiredIsNotCleared,
			Explain: []string{
				"Every record says when it is dead, and the server compares that with its clock each time a cookie comes: nobody has to remove anything for the session to end.",
				"To remove records is housekeeping: it is done now and then for many at once, by a timer or by hand, so that no visitor has to wait for it.",
				"In between the record lies there with all its values: nobody can open it with a cookie, and whoever can read the store can read it.",
				"A visitor cannot tell the two apart, since the answer is missing both times; the store can.",
				"A session can ask for an end of its own, but for none after its absolute end: the server cuts the wish down.",
			},
			Breaks: "Without any clear-up the store grows for ever: Django leaves it to you, with `clearsessions` once a day. And a server that removes but does not check the clock serves sessions that are dead.",
			Sources: []Source{
				{"Django: clearing the session store", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#clearing-the-session-store"},
				{"OWASP: automatic session expiration", "https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#automatic-session-expiration"},
			},
		},
		{
			Number: 5, Slug: "two-clocks", Title: "Two clocks: idle and absolute",
			Lead: "A session ends two hours after the last activity. You read, you read again, you write. Which press moves the end, and can a busy browser stay for ever?",
			Predictions: []string{
				"All activity moves the end: who keeps busy can stay for ever",
				"Reads and writes move the end, but not past a last moment",
				"Only writes move the end, and not past a last moment",
				"`Max-Age` decides: it ends when the browser drops the cookie",
			},
			Choices: []Choice{{Name: "rolling", Label: "Rolling expiry", Options: []Option{{"off", "off: a read is no activity"}, {"on", "on: a read counts too"}}}},
			Does:    "eight hours of reads and writes by three browsers, on a clock that is moved",
			Run:     twoClocks,
			Explain: []string{
				"The idle clock ends a session that nobody uses; a write winds it up again, and with rolling expiry a read does so too.",
				"The absolute clock starts when the session is born, and no request moves its end: a thief who keeps a stolen session busy loses it all the same.",
				"The earlier of the two wins, and {server the server} looks at both with every cookie that comes.",
				"`Max-Age` is {cookie a label for the browser} (RFC 6265, section 5.2.2): it says how long to keep the cookie, and whoever holds the cookie can ignore it or write another.",
				"Django counts idle time from the last change too, unless `SESSION_SAVE_EVERY_REQUEST` is on.",
			},
			Breaks: "A server that trusts the label alone never ends a copied cookie. A page that asks for news by itself, every minute, keeps a rolling session alive with nobody at the desk.",
			Sources: []Source{
				{"RFC 6265, section 5.2.2: Max-Age", "https://www.rfc-editor.org/rfc/rfc6265#section-5.2.2"},
				{"OWASP: automatic session expiration", "https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#automatic-session-expiration"},
				{"Django: when sessions are saved", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#when-sessions-are-saved"},
			},
		},
		{
			Number: 7, Slug: "flash-message", Title: "A flash message is read once",
			Lead: "After you press Save, the next page says `Saved.` and the one after it does not. The message had to wait somewhere for that next page. Where, and who can read it, how often?",
			Predictions: []string{
				"Once, by whichever browser asks first: the server has one list of messages",
				"Once, by the browser that it was for: reading takes it out of its session",
				"As often as that browser asks, until the session ends: it is a value as any other",
			},
			Choices: []Choice{{Name: "message", Label: "Message", Default: "Your homework was saved.", Max: 120}, placements},
			Does:    "one message, asked for by a stranger, then twice by the browser that it was for",
			Run:     flashMessage,
			Explain: []string{
				"A flash message is an ordinary session value under a key that the library chose, `_flash` in gorilla, and in between it lives where all values live: in {cookie the cookie} or on {server the server}.",
				"To read it is to delete it: the library takes the list out, and the program saves the session without it.",
				"So reading flashes is a write, and belongs into a request whose session is saved; forget the save, and the message comes again.",
				"Another browser has another session, or none, and sees nothing.",
				"Once holds for a browser that keeps its newest cookie: where the message travelled in the cookie, an older cookie still carries it.",
			},
			Breaks: "A handler that reads the flashes and does not save the session afterwards. Or two tabs that load at the same moment: the first one takes the message, and it may be the wrong one.",
			Sources: []Source{
				{"gorilla/sessions: Session.AddFlash", "https://pkg.go.dev/github.com/gorilla/sessions#Session.AddFlash"},
				{"gorilla/sessions: Session.Flashes", "https://pkg.go.dev/github.com/gorilla/sessions#Session.Flashes"},
				{"Django: the messages framework", "https://docs.djangoproject.com/en/stable/ref/contrib/messages/"},
			},
		},
		{
			Number: 28, Slug: "count-to-five", Title: "One, two, three, four, five, one",
			Lead: "A page counts your visits in the session: it shows 1, 2, 3, 4, 5, and then 1 again. What happened to the session at the sixth press?",
			Predictions: []string{
				"A new session began at the sixth press, with a new ID",
				"The same session went on: one key of it was deleted and born again",
				"Each press had a session of its own, and each of them its own ID",
			},
			Choices: []Choice{placements},
			Does:    "six presses, each a read and a write, with a deletion before the sixth write, and then the fifth cookie, put back",
			Run:     countToFive,
			Explain: []string{
				"A session holds any number of keys under one ID; to delete a key takes that key out, and the session stays, even with nothing in it.",
				"It is the page that begins anew: it finds 5, deletes its key, and counts from a missing key as from 0, as in Django's `session.get('visits', 0) + 1`.",
				"With values on {server the server} the cookie names the session and holds no count, so it stays the same byte for byte.",
				"Where the count travels in {cookie the cookie}, each write signs and sends a new value under the same name, which replaces the one before (RFC 6265, section 5.3): new bytes, and the same ID in them.",
				"A new ID comes from a `flush` or a login, not from a deletion.",
			},
			Breaks: "A `flush` in place of the `delete`: the page would show 1 too, but under a new ID, and all else that the session held would be gone.",
			Sources: []Source{
				{"Django: using sessions in views", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#using-sessions-in-views"},
				{"RFC 6265, section 5.3: the storage model", "https://www.rfc-editor.org/rfc/rfc6265#section-5.3"},
			},
		},
	}
}

func bornOnFirstWrite(r *Run) Outcome {
	in := r.Boot(Settings{})
	b := in.Client("Rahim's browser")
	type seen struct {
		what    string
		x       *Exchange
		records int
	}
	var all []seen
	did := func(what string, x *Exchange) {
		x.Note = what
		all = append(all, seen{what, x, in.Stats().Live})
	}
	did("looks at the session", b.Get("/session"))
	did("reads a key", b.Get("/get", "key", "name"))
	did("lists the keys", b.Get("/keys"))
	did("writes", b.Set("name", "Rahim"))
	did("writes again", b.Set("city", "Graz"))

	t := Table{Caption: "After each request", Head: []string{"request", "cookie sent", "Set-Cookie", "records on the server", "ID, hashed"}}
	first, out := -1, Outcome{Happened: None, Tone: Lost, Mark: "Set-Cookie"}
	for i, s := range all {
		sets := s.x.SetCookie() != nil
		if first < 0 && (sets || s.records > 0) {
			first = i
		}
		t.Rows = append(t.Rows, []string{s.what, yes(s.x.Cookie != "", i == 4), yes(sets, i == 3), fmt.Sprint(s.records), "`" + s.x.Answer().Session.ID + "`"})
	}

	forgetful := Table{Caption: "A client that keeps no cookies", Head: t.Head}
	c, before := in.Client("A client that keeps no cookies"), in.Stats().Live
	var ids []string
	for range 3 {
		x := c.Set("name", "Mara").to("writes, and forgets")
		if id := x.Answer().Session.ID; id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		forgetful.Rows = append(forgetful.Rows, []string{"writes", yes(x.Cookie != "", false), yes(x.SetCookie() != nil, true), fmt.Sprint(in.Stats().Live), "`" + x.Answer().Session.ID + "`"})
		c.Drop()
	}
	out.Tables = []Table{t, forgetful}
	if first >= 0 {
		out.Decisive = all[first].x
	}
	switch {
	case first == 3 && all[3].x.SetCookie() != nil && all[3].records > 0:
		set := all[3].x.SetCookie()
		out.Happened, out.Tone = 2, Held
		out.Verdict = fmt.Sprintf("{ok Born on the first write.} Three requests that only looked left no cookie and no record; the fourth wrote, its answer set {cookie a cookie of %d bytes}, and {server the store} went from 0 to %s.",
			len(set.Name)+len(set.Value), word(all[3].records, "record", "records"))
		if all[4].x.Cookie != "" && all[4].x.Answer().Session.ID == all[3].x.Answer().Session.ID {
			out.Verdict += " The fifth request was the first to send that cookie, and kept the ID."
		}
		out.Verdict += fmt.Sprintf(" A client that keeps no cookies wrote %d times: %s more, %s.",
			len(forgetful.Rows), word(in.Stats().Live-before, "record", "records"), word(len(ids), "ID", "IDs"))
	case first == 3:
		sets := "set a cookie"
		if all[3].x.SetCookie() == nil {
			sets, out.Mark = "set no cookie", all[3].x.Path
		}
		out.Verdict = fmt.Sprintf("{bad Half born:} the first write's answer %s, and {server the store} held %s.", sets, word(all[3].records, "record", "records"))
	case first == 4:
		out.Verdict = fmt.Sprintf("{bad Not at the first write:} its answer, with status %d, left no cookie and no record. After the second there was a cookie or a record.", all[3].x.Status)
	case first >= 0:
		out.Happened = min(first, 1)
		out.Verdict = fmt.Sprintf("{bad Born before anything was written:} after the browser only %s, there was a cookie or a record.", all[first].what)
	default:
		out.Verdict = "{bad Never born:} two writes left no cookie and no record."
	}
	return out
}

func missingIsNotAnError(r *Run) Outcome {
	const reads = 10
	key, empty := r.Choice("key"), "note"
	if key == empty {
		empty = "remark"
	}
	in := r.Boot(Settings{})
	visitor, b := in.Client("A visitor's browser"), in.Client("Rahim's browser")
	t := Table{Caption: "What each request got", Head: []string{"request", "status", "found", "value", "Set-Cookie", "records before and after"}}
	var missing []*Exchange // all that ask for the missing key
	made := 0               // records, while they did
	ask := func(what string, times int, send func() *Exchange) *Exchange {
		before := in.Stats().Live
		var x *Exchange
		var statuses, founds, values []string
		cookies := 0
		add := func(list []string, text string) []string {
			if slices.Contains(list, text) {
				return list
			}
			return append(list, text)
		}
		for range times {
			x = send()
			a := x.Answer()
			x.Note = what
			missing = append(missing, x)
			statuses, founds = add(statuses, strconv.Itoa(x.Status)), add(founds, fmt.Sprint(a.Found))
			if a.Op == "get" {
				values = add(values, code(string(a.Value)))
			}
			if x.SetCookie() != nil {
				cookies++
			}
		}
		made += in.Stats().Live - before
		if times > 1 {
			what += fmt.Sprintf(", %d times", times)
		}
		t.Rows = append(t.Rows, []string{what, strings.Join(statuses, ", "), strings.Join(founds, ", "), strings.Join(values, ", "), strconv.Itoa(cookies), fmt.Sprintf("%d, %d", before, in.Stats().Live)})
		return x
	}
	ask("reads it, without a session", reads, func() *Exchange { return visitor.Get("/get", "key", key) })
	ask("deletes it, without a session", 1, func() *Exchange { return visitor.Post("/delete", "key", key) })
	born := b.Set(empty, "").to("stores an empty text under " + empty)
	last := ask("reads it, with a session", reads, func() *Exchange { return b.Get("/get", "key", key) })
	ask("deletes it, with a session", 1, func() *Exchange { return b.Post("/delete", "key", key) })
	asked, filled := missing, made // what comes now is there
	other := ask("reads "+empty+", which holds an empty text", 1, func() *Exchange { return b.Get("/get", "key", empty) })
	keys := b.Get("/keys").to("lists the keys")

	errors, founds, cookies := 0, 0, 0
	odd := keys // the first that shows that asking made something
	for _, x := range asked {
		if odd == keys && (x.Answer().Found || x.SetCookie() != nil) {
			odd = x
		}
		if x.Status >= 400 {
			errors++
		}
		if x.Answer().Found {
			founds++
		}
		if x.SetCookie() != nil {
			cookies++
		}
	}
	was, is := born.Answer().Session, keys.Answer().Session
	there := slices.Contains(keys.Answer().Keys, key)
	out := Outcome{Happened: None, Tone: Lost, Tables: []Table{t}, Decisive: last}
	switch {
	case last.Status == http.StatusUnprocessableEntity:
		out.Tone, out.Mark = Refused, `"detail"`
		out.Verdict = fmt.Sprintf("{mac Refused before it was looked for:} status %d. %s A key like this can be neither there nor missing: ask for another one.", last.Status, Plain(last.Answer().Detail))
	case errors > 0:
		out.Happened, out.Mark = 0, strconv.Itoa(last.Status)
		out.Verdict = fmt.Sprintf("{bad Missing was an error:} %d of %d requests for %s were answered with an error, the last read with status %d.", errors, len(asked), code(key), last.Status)
	case founds > 0 || cookies > 0 || filled != 0 || there || is.Version != was.Version:
		if out.Happened, out.Decisive, out.Mark = 2, odd, "Set-Cookie"; odd.SetCookie() == nil {
			out.Mark = key
		}
		out.Verdict = fmt.Sprintf("{bad Asking made something.} Of %d requests for %s, which nobody set, %d found it and %d set a cookie; %s came into the store, and the session went from version %d to %d.",
			len(asked), code(key), founds, cookies, word(filled, "record", "records"), was.Version, is.Version)
	case !other.Answer().Found:
		out.Decisive, out.Mark = other, "found"
		out.Verdict = fmt.Sprintf("{bad Missing and empty were the same:} `%s` holds an empty text, and was answered as missing.", empty)
	default:
		out.Happened, out.Tone, out.Mark = 1, Held, `"found":false`
		out.Pair = []Shot{last.shot("Missing: nobody set it", last.cookie()), other.shot("Empty: an empty text was stored", other.cookie())}
		out.Verdict = fmt.Sprintf("{ok Missing is an ordinary answer.} All %d reads and deletes of %s were answered with status %d and `\"found\":false`, and left no cookie and no record behind; the session that was there stayed at {server version %d}. An empty text is something else: reading `%s` said `\"found\":true`.",
			len(asked), code(key), last.Status, is.Version, empty)
	}
	return out
}

func deleteClearFlush(r *Run) Outcome {
	in := r.Boot(Settings{Placement: r.Placement()})
	// pressed is one session: its cookie of before, and what came of the press.
	type pressed struct {
		old               string
		before, x, after  *Exchange
		replay            *Exchange // of the cookie of before
		record, recordWas string
	}
	press := func(who, op string, fields ...string) pressed {
		b := in.Client(who + "'s browser")
		b.Set("name", who).to("writes")
		b.Set("city", "Graz").to("writes")
		b.Set("note", strings.Repeat("remember the milk ", 20)).to("writes what is too long for a hybrid session's cookie")
		p := pressed{old: b.Cookie()}
		p.recordWas = in.lies(p.old)
		p.before = b.Get("/keys").to("before")
		p.x = b.Post("/"+op, fields...).to("presses " + op)
		p.after = b.Get("/keys").to("after " + op)
		p.record = in.lies(p.old)
		copied := in.Client("A copy of " + who + "'s browser")
		copied.Put(p.old)
		p.replay = copied.Get("/keys").to("sends the cookie of before")
		return p
	}
	names := []string{"delete", "clear", "flush"}
	all := []pressed{press("Rahim", "delete", "key", "name"), press("Mara", "clear"), press("Ali", "flush")}

	id := func(x *Exchange) string {
		if s := x.Answer().Session; s.Exists {
			return "`" + s.ID + "`"
		}
		return "none"
	}
	t := Table{Caption: "The same three values, one press each", Head: []string{"press", "keys left", "record", "ID", "Set-Cookie", "the cookie of before"}}
	var left []int    // keys of each
	var stays []bool  // the same session goes on
	var opened []bool // by the cookie of before
	for i, p := range all {
		after, replay := p.after.Answer(), p.replay.Answer()
		left = append(left, len(after.Keys))
		stays = append(stays, after.Session.Exists && after.Session.ID == p.before.Answer().Session.ID)
		opened = append(opened, replay.Session.Exists)
		sent := "none"
		if c := p.x.SetCookie(); c != nil && c.Value == "" {
			sent = "{cookie throws the cookie away}"
		} else if c != nil {
			sent = "{cookie a new value}"
		}
		opens := "{mac opens nothing}"
		if replay.Session.Exists {
			opens = "opens, and reads " + keyList(replay.Keys)
		}
		ids := id(p.before) + ", kept"
		if !stays[i] {
			ids = id(p.before) + ", then " + id(p.after)
		}
		record := p.recordWas
		if p.record != record {
			record += ", then " + p.record
		}
		t.Rows = append(t.Rows, []string{"`" + names[i] + "`", keyList(after.Keys), record, ids, sent, opens})
	}
	del, cleared, flushed := all[0], all[1], all[2]
	had := len(del.before.Answer().Keys)

	out := Outcome{Happened: None, Tone: Lost, Tables: []Table{t}, Decisive: flushed.x}
	for i, p := range all {
		// The next request of the browser itself: what it still has to send, and what it gets.
		shot := Shot{Title: "After " + names[i], Cookie: p.after.cookie(), Exchange: p.after, Says: "no session"}
		if stays[i] {
			shot.Says = "the same session, " + word(left[i], "key", "keys")
		}
		out.Pair = append(out.Pair, shot)
	}
	one := stays[0] && left[0] == had-1
	switch {
	case one && stays[1] && left[1] == 0 && !stays[2] && !opened[2]:
		out.Happened, out.Tone, out.Mark = 1, Held, "Max-Age=0"
		browser := "its answer threw {cookie the cookie} away, and"
		if flushed.after.Cookie != "" {
			out.Mark, browser = "/flush", "the browser {bad still sends its cookie}, but"
		}
		out.Verdict = fmt.Sprintf("{ok Three different things.} Of %s, `delete` left %d and `clear` none, and both kept the ID. `flush` ended the session: %s the cookie of before {mac opened nothing any more}.", word(had, "key", "keys"), left[0], browser)
		back := del.replay.Answer().Keys
		switch again := cleared.replay.Answer().Keys; {
		case slices.Contains(back, "name") && len(again) > 0:
			out.Verdict += fmt.Sprintf(" {bad After the other two} the cookie of before brought values back: `name` after `delete`, %s after `clear`.", word(len(again), "key", "keys"))
		case slices.Contains(back, "name"):
			out.Verdict += " {bad After delete} the cookie of before still read `name`, since that value travels in it; after `clear` it read nothing."
		case opened[0] && opened[1]:
			out.Verdict += fmt.Sprintf(" After the other two it still opened the session, and read what was left: %s and %s.", word(len(back), "key", "keys"), word(len(again), "key", "keys"))
		}
	case one && !stays[1] && !stays[2] && !opened[1] && !opened[2]:
		out.Happened, out.Decisive, out.Mark = 0, cleared.x, "/clear"
		out.Verdict = "{bad clear ended the session,} as `flush` did: after both the old cookie opened nothing. `delete` took one value."
	case one && stays[1] && stays[2]:
		out.Happened, out.Mark = 2, "/flush"
		out.Verdict = fmt.Sprintf("{bad flush did not end the session:} the ID stayed after all three, with %d, %d and %s left.", left[0], left[1], word(left[2], "key", "keys"))
	case opened[2]:
		out.Decisive, out.Mark = flushed.replay, flushed.old
		out.Verdict = fmt.Sprintf("{bad flush did not end the session:} the cookie of before still opened it, with %s.", word(len(flushed.replay.Answer().Keys), "key", "keys"))
	default:
		out.Mark = "/flush"
		out.Verdict = fmt.Sprintf("{bad None of that:} of %s, `delete` left %d, `clear` %d and `flush` %d; the table has the rest.", word(had, "key", "keys"), left[0], left[1], left[2])
	}
	return out
}

// lies is what the store holds under the ID that a cookie names.
func (in *Instance) lies(cookie string) string {
	switch st, ok := in.Record(cookie); {
	case !ok:
		return "none"
	case st.Marker:
		return "a marker: {mac this ID is dead}"
	default:
		return fmt.Sprintf("{server version %d} of %d bytes", st.Version, len(st.Data))
	}
}

// keyList is a list of keys, or "nothing".
func keyList(keys []string) string {
	var out []string
	for _, key := range keys {
		out = append(out, code(key))
	}
	return cmp.Or(strings.Join(out, ", "), "nothing")
}

// span is a duration in words, to the second: "1 h 30 min".
func span(d time.Duration) string {
	seconds := int(d.Round(time.Second) / time.Second)
	if seconds == 0 {
		return "0 min"
	}
	var parts []string
	for _, unit := range []struct {
		name string
		size int
	}{{"h", 3600}, {"min", 60}, {"s", 1}} {
		if n := seconds / unit.size; n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
		}
		seconds %= unit.size
	}
	return strings.Join(parts, " ")
}

func expiredIsNotCleared(r *Run) Outcome {
	const margin = 2 * time.Second // before the end and after it
	in := r.Boot(Settings{Store: r.Choice("store"), Placement: session.OnServer})
	b, other := in.Client("Rahim's browser"), in.Client("Mara's browser")
	b.Set("name", "Rahim").to("writes")
	asked := b.Post("/expiry", "seconds", r.Choice("seconds")).to("asks for an expiry of its own")
	kept := b.Cookie()
	copied := in.Client("A copy of Rahim's browser") // one that does not heed the label
	copied.Put(kept)
	told := b.Get("/session").to("asks when it ends")
	life := told.Answer().IdleExpires.Sub(in.Now())

	t := Table{Caption: "The client's view, and the store's", Head: []string{"when", "who asks", "it sends", "it reads", "live in the store", "expired in the store", "the record"}}
	// look lets c ask for the name, if it is not nil, and Mara for the store's figures.
	look := func(when string, c *Client) (x *Exchange, expired int, record string) {
		who, sends, reads := "nobody", "", ""
		if c != nil {
			x = c.Get("/get", "key", "name").to(when)
			if who, sends, reads = c.name, "no cookie", code(says(x)); x.Cookie != "" {
				sends = "{cookie the cookie}"
			}
		}
		figures := other.Get("/session").to("asks for the store's figures")
		stats := figures.Answer().Stats
		record = in.lies(kept)
		t.Rows = append(t.Rows, []string{when, who, sends, reads, strconv.Itoa(stats.Sessions), strconv.Itoa(stats.Expired), record})
		return x, stats.Expired, record
	}
	in.Move(life - margin)
	before, _, _ := look(span(margin)+" before its end", copied)
	in.Move(2 * margin)
	_, expired, record := look(span(margin)+" after its end", nil) // before any cookie is sent: some stores remove what they are asked for
	read := in.holds(kept, "Rahim")
	look("then", b)
	after, _, recordAsked := look("then", copied)
	other.Set("name", "Mara").to("a second session begins")
	swept := other.Post("/clear-expired").to("clears up")
	later, remain, recordLater := look("after the clear-up", copied)
	lives := other.Get("/get", "key", "name").to("her session is still there")

	out := Outcome{Happened: None, Tone: Lost, Tables: []Table{t}, Decisive: after}
	removed := swept.Answer().Removed
	switch {
	case !before.Answer().Found:
		out.Decisive, out.Mark = before, "found"
		out.Verdict = fmt.Sprintf("{bad It ended too early:} %s before its end the cookie was refused already.", span(margin))
	case after.Answer().Found:
		out.Happened, out.Mark = 2, `"found":true`
		out.Verdict = fmt.Sprintf("{bad Served after its end.} %s after it the kept cookie still read %s.", span(margin), code(says(after)))
		if !later.Answer().Found {
			out.Verdict += fmt.Sprintf(" Only the clear-up, which removed %s, ended that.", word(removed, "record", "records"))
		}
	case record == "none" && expired == 0:
		out.Happened, out.Tone, out.Mark = 1, Refused, `"found":false`
		out.Verdict = fmt.Sprintf("{mac Refused, and removed.} %s after its end the record was gone, before anybody asked for it or cleared up, and the store counted no expired session. The kept cookie read nothing.", span(margin))
	case record != "none" && recordAsked == "none":
		out.Tone, out.Mark = Refused, `"found":false`
		out.Verdict = fmt.Sprintf("{mac Refused, and removed when it was asked for.} %s after its end {server the store} still held the record, and counted %s. Then the kept cookie came, and read nothing; after that the record was gone, before anybody cleared up.", span(margin), word(expired, "expired session", "expired sessions"))
	case record != "none" && expired == 1 && !later.Answer().Found && remain == 0 && recordLater == "none" && lives.Answer().Found:
		out.Happened, out.Tone, out.Mark = 0, Refused, `"found":false`
		out.Pair = []Shot{before.shot(span(margin)+" before its end", kept), after.shot(span(margin)+" after it", kept), later.shot("After the clear-up", kept)}
		still := "the record"
		if read {
			still += ", with the name `Rahim` in it"
		}
		out.Verdict = fmt.Sprintf("{mac Refused, not removed.} %s after its end the kept cookie read nothing, and {server the store} still held %s, and counted %s. The clear-up removed %d and left Mara's session alone; to the kept cookie it made no difference.",
			span(margin), still, word(expired, "expired session", "expired sessions"), removed)
		if wish, err := strconv.Atoi(r.Choice("seconds")); err == nil {
			if got := asked.SetCookie(); got != nil && got.MaxAge < wish {
				out.Verdict += fmt.Sprintf(" Of the %d seconds that were asked for it got %d: the {server absolute lifetime} of %s caps it.", wish, got.MaxAge, span(told.Answer().Expires.Sub(told.Answer().Created)))
			}
		}
	default:
		out.Mark = "found"
		out.Verdict = fmt.Sprintf("{bad None of that:} the cookie was refused, the store counted %d expired before the clear-up and %d after it, which removed %d. The table has the rest.", expired, remain, removed)
	}
	return out
}

// holds tells whether text lies in the record of the session that a cookie names.
func (in *Instance) holds(cookie, text string) bool {
	st, ok := in.Record(cookie)
	return ok && strings.Contains(st.Data, text)
}

func twoClocks(r *Run) Outcome {
	in := r.Boot(Settings{Rolling: r.Choice("rolling") == "on", Idle: 2 * time.Hour, Lifetime: 8 * time.Hour})
	b, reader := in.Client("Rahim's browser"), in.Client("Mara's browser")
	b.Set("name", "Rahim").to("is born")
	reader.Set("name", "Mara").to("is born")
	born := b.Get("/session").to("asks when it ends")
	created := born.Answer().Created
	at := func() string { return ends(in.Now(), created) }

	// Three browsers hold one cookie under three labels.
	label := in.Client("Ali's browser")
	issued := label.Set("name", "Ali").to("is born")
	edited, none := in.Client("Ali's browser, label edited"), in.Client("Ali's browser, label removed")
	edited.jar.put(&http.Cookie{Name: CookieName, Value: label.Cookie(), MaxAge: 60})
	none.Put(label.Cookie())
	sent, age := "none was sent", time.Duration(0)
	if c := issued.SetCookie(); c != nil && c.MaxAge > 0 {
		sent, age = fmt.Sprintf("`Max-Age=%d`, as sent", c.MaxAge), time.Duration(c.MaxAge)*time.Second
	}
	labels := Table{Caption: "One cookie under three labels", Head: []string{"label in the browser"}, Rows: [][]string{{sent}, {"`Max-Age=60`, edited"}, {"none: kept for ever"}}}
	tryLabels := func() []*Exchange { return labels.ask(at(), label, edited, none) }

	clocks := Table{Caption: "Rahim's session: which press moves which clock", Head: []string{"press", "after", "idle clock ends", "moved", "absolute end"}}
	idle, reads, writes := born.Answer().IdleExpires, 0, 0 // clocks that moved
	row := func(what string, look *Exchange) bool {
		a := look.Answer()
		moved := a.IdleExpires.Sub(idle) > time.Minute // in between the real clock moves by a few milliseconds
		idle = a.IdleExpires
		cell := "no"
		if moved {
			cell = "{ok yes}"
		}
		clocks.Rows = append(clocks.Rows, []string{what, at(), ends(a.IdleExpires, created), cell, ends(a.Expires, created)})
		return moved
	}
	row("born by a write", born)
	clocks.Rows[0][3] = "starts"
	half := 30 * time.Minute
	for range 2 {
		in.Move(half)
		x := b.Get("/session").to("reads after " + at())
		if row("read", x) {
			reads++
		}
		if len(labels.Head) == 1 {
			tryLabels()
		}
	}
	read := idle
	in.Move(half)
	b.Set("city", "Graz").to("writes after " + at())
	wrote := b.Get("/session").to("asks when it ends")
	if row("write", wrote) {
		writes++
	}

	// Every 90 minutes Rahim writes and Mara reads.
	reader.Get("/get", "key", "name").to("only reads")
	lastAt, refusedAt := at(), ""
	var idled []*Exchange
	var spare time.Duration // on the label, when that was asked
	for i := range 4 {
		in.Move(3 * half)
		b.Set("page", strconv.Itoa(i+1)).to("writes after " + at())
		if refusedAt == "" {
			x := reader.Get("/get", "key", "name")
			if x.Note = "only reads, after " + at(); x.Answer().Found {
				lastAt = at()
			} else {
				refusedAt = at()
			}
		}
		if i == 0 {
			idled, spare = tryLabels(), age-in.Now().Sub(created)
		}
	}
	kept := b.Cookie()
	keeper := in.Client("A copy of Rahim's browser") // one that does not heed the label
	keeper.Put(kept)
	in.Move(half - time.Minute)
	last := b.Get("/session").to("asks when it ends")
	row("four writes more, then a read", last)
	before, beforeAt := keeper.Get("/get", "key", "name"), at()
	before.Note = "sends the kept cookie after " + beforeAt
	in.Move(2 * time.Minute)
	own := b.Get("/get", "key", "name").to("asks as browsers do, after " + at())
	after := keeper.Get("/get", "key", "name").to("sends the kept cookie after " + at())

	out := Outcome{Happened: None, Tone: Lost, Tables: []Table{clocks, labels}, Decisive: after, Mark: fmt.Sprint(`"found":`, after.Answer().Found)}
	out.Pair = []Shot{before.shot("Kept, after "+beforeAt, kept), after.shot("Kept, after "+at(), kept)}
	end := fmt.Sprintf(" Nothing moved the absolute end: a kept cookie was served after %s and {mac refused after %s}, %s after the last write.", beforeAt, at(), span(half+time.Minute))
	if idled[0].Cookie != "" && !idled[0].Answer().Found {
		end += fmt.Sprintf(" `Max-Age` is {cookie a label}: with %s left on it an idle browser sent its cookie, and the server refused it.", span(spare.Round(time.Minute)))
	}
	switch {
	case after.Answer().Found && own.Cookie == "":
		out.Happened = 3
		out.Verdict = fmt.Sprintf("{bad Only the label ended it.} After %s Rahim's browser had dropped its cookie, and a copy that was kept was still served: it read %s.", at(), code(says(after)))
	case after.Answer().Found:
		out.Happened = 0
		out.Verdict = fmt.Sprintf("{bad It did not end.} After %s the busy session was still served: it read %s.", at(), code(says(after)))
	case !before.Answer().Found:
		out.Decisive, out.Mark = before, `"found":false`
		out.Verdict = fmt.Sprintf("{bad It ended too early:} after %s, with its last write %s old, it was refused.", beforeAt, span(half-time.Minute))
	case reads == 0 && writes == 1 && refusedAt != "":
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{ok Only the write moved the idle clock.} Two reads left its end at %s, the write moved it to %s; Mara, who only read, was {mac refused after %s}.", ends(read, created), ends(wrote.Answer().IdleExpires, created), refusedAt) + end
	case reads == 2 && writes == 1 && refusedAt == "":
		out.Happened, out.Tone = 1, Refused
		out.Verdict = fmt.Sprintf("{ok Reads moved the idle clock too.} Two reads moved its end to %s, the write to %s; Mara, who only read, was still served after %s.", ends(read, created), ends(wrote.Answer().IdleExpires, created), lastAt) + end
	default:
		out.Verdict = fmt.Sprintf("{bad The clock and the answers do not agree:} of two reads %d moved the idle clock, of one write %d, and Mara, who only read, was last served after %s.", reads, writes, lastAt)
	}
	return out
}

// ask lets each client read the name, and gives each row what it sent and was told.
func (t *Table) ask(after string, clients ...*Client) (answers []*Exchange) {
	t.Head = append(t.Head, "after "+after+" it sends", "and the server says")
	for i, c := range clients {
		x := c.Get("/get", "key", "name").to("asks after " + after)
		cookie := "no cookie"
		if x.Cookie != "" {
			cookie = "{cookie the cookie}"
		}
		t.Rows[i] = append(t.Rows[i], cookie, code(says(x)))
		answers = append(answers, x)
	}
	return answers
}

// ends is a moment of a session's life, from its birth on.
func ends(at, created time.Time) string { return span(at.Sub(created).Round(time.Minute)) }

func countToFive(r *Run) Outcome {
	const key, top, presses = "visits", 5, 6
	in := r.Boot(Settings{Placement: r.Placement()})
	b := in.Client("Rahim's browser")
	tab := b.Tab("Another tab of Rahim's browser")
	t := Table{Caption: "Six presses", Head: []string{"press", "the page", "shows", "ID, hashed", "version", "Set-Cookie"}}
	anew := 0 // cookies that took another one's place
	wrote := func(press int, page string, before string, x *Exchange) *Exchange {
		x.Note = fmt.Sprintf("press %d: %s", press, strings.ReplaceAll(page, "`", ""))
		sets := "none"
		switch c := x.SetCookie(); {
		case c == nil:
		case before == "":
			sets = "{cookie the first one}"
		case c.Value == before:
			sets = "the same value"
		default:
			sets = "{cookie a new value}"
			anew++
		}
		a := x.Answer()
		t.Rows = append(t.Rows, []string{strconv.Itoa(press), page, Plain(string(a.Value)), "`" + a.Session.ID + "`", strconv.FormatUint(a.Session.Version, 10), sets})
		return x
	}
	var shown, ids, cookies []string // after each press
	var born, deleted, between, fifth, last *Exchange
	for press := 1; press <= presses; press++ {
		read := b.Get("/get", "key", key).to(fmt.Sprintf("press %d: reads the count", press))
		page, count := "reads missing,", 0
		if read.Answer().Found {
			page = "reads " + code(says(read)) + ","
			count, _ = strconv.Atoi(read.Value()) // what is no number counts as none, as in the page
		}
		if count >= top {
			deleted = wrote(press, page+" deletes the key", b.Cookie(), b.Post("/delete", "key", key))
			between = tab.Get("/keys").to("looks what is left")
			page, count = "then", 0
		}
		next := strconv.Itoa(count + 1)
		fifth, last = last, wrote(press, page+" writes `"+next+"`", b.Cookie(), b.Post("/set", "key", key, "value", next, "type", "number"))
		if born == nil {
			born = last
		}
		shown, ids, cookies = append(shown, string(last.Answer().Value)), append(ids, last.Answer().Session.ID), append(cookies, b.Cookie())
	}
	copied := in.Client("A copy of Rahim's browser")
	copied.Put(cookies[top-1])
	replay := copied.Get("/get", "key", key).to("sends the cookie of the fifth press")
	kept := "opened nothing"
	if replay.Answer().Session.Exists {
		kept = "still opened session `" + replay.Answer().Session.ID + "`, and read " + code(says(replay))
	}

	five, sixth, showed := ids[0], ids[presses-1], strings.Join(shown, ", ")
	counted := showed == "1, 2, 3, 4, 5, 1"
	different := func(ids []string) int { return len(slices.Compact(slices.Sorted(slices.Values(ids)))) }
	out := Outcome{Happened: None, Tone: Lost, Tables: []Table{t}, Decisive: last, Mark: `"id":"` + sixth + `"`}
	for i, x := range []*Exchange{fifth, last} {
		out.Pair = append(out.Pair, Shot{Title: fmt.Sprintf("After press %d", top+i), Cookie: cookies[top-1+i], Exchange: x, Says: "it shows " + shown[top-1+i]})
	}
	switch {
	case slices.Contains(ids, ""):
		out.Verdict = fmt.Sprintf("{bad Not every write left a session:} the page showed %s. The table has the rest.", Plain(showed))
	case counted && different(ids) == 1 && between != nil && deleted.Answer().Found && between.Answer().Session.ID == five && len(between.Answer().Keys) == 0:
		out.Happened, out.Tone = 1, Held
		cookie := "stayed the same, byte for byte"
		if cookies[0] != cookies[presses-1] || anew > 0 {
			cookie = fmt.Sprintf("got new bytes %d times", anew)
			if last.Answer().Lives == "cookie" {
				cookie += ", since the count travels in it"
			}
		}
		out.Verdict = fmt.Sprintf("{ok The same session all along.} Six presses showed %s under one ID, `%s`, in versions %d to %d: at the sixth the page deleted its key, {server the session} stayed, with %s in it, and a write made the key anew. {cookie The cookie} %s; that of the fifth press, put back, %s.",
			showed, five, born.Answer().Session.Version, last.Answer().Session.Version, word(len(between.Answer().Keys), "key", "keys"), cookie, kept)
	case counted && different(ids[:top]) == 1 && sixth != five:
		out.Happened = 0
		out.Verdict = fmt.Sprintf("{bad A new session at the sixth press:} five presses had the ID `%s`, the sixth has `%s`. The cookie of the fifth press, put back, %s.", five, sixth, kept)
	case different(ids) == presses && different(shown) == 1:
		out.Happened = 2
		out.Verdict = fmt.Sprintf("{bad Each press began a session of its own:} %d presses, %d IDs, and the page showed %s.", presses, different(ids), Plain(showed))
	default:
		out.Verdict = fmt.Sprintf("{bad None of that:} %d presses had %s, and the page showed %s.", presses, word(different(ids), "ID", "IDs"), Plain(showed))
		if between != nil {
			out.Verdict += fmt.Sprintf(" Its deletion left %s in the session.", word(len(between.Answer().Keys), "key", "keys"))
		}
	}
	return out
}

func flashMessage(r *Run) Outcome {
	message := r.Choice("message")
	in := r.Boot(Settings{Placement: r.Placement()})
	b, stranger := in.Client("Rahim's browser"), in.Client("Mara's browser")
	put := b.Post("/flash", "message", message).to("leaves a message for the next page")
	before := b.Cookie()
	waiting := b.Get("/session").to("looks at the session")
	theirs := stranger.Post("/flashes").to("asks for messages")
	first := b.Post("/flashes").to("asks for messages")
	gone := b.Get("/session").to("looks at the session")
	second := b.Post("/flashes").to("asks again")
	copied := in.Client("A copy of Rahim's browser")
	copied.Put(before)
	replay := copied.Post("/flashes").to("asks with the cookie of before")

	t := Table{Caption: "Where it waits, and who reads it", Head: []string{"request", "messages", "keys in the session then", "they live"}}
	lives := ""
	holds := func(x *Exchange) (keys, places string) {
		var all, where []string
		for _, v := range x.Answer().Values {
			all = append(all, v.Key)
			place := map[string]string{"cookie": "in {cookie the cookie}", "server": "on {server the server}"}[v.Lives]
			if where = append(where, place); v.Key == "_flash" {
				lives = place
			}
		}
		return keyList(all), strings.Join(where, ", ")
	}
	read := func(x *Exchange) string {
		var all []string
		for _, m := range x.Answer().Messages {
			if m != "" {
				m = code(m)
			}
			all = append(all, cmp.Or(m, "an empty text"))
		}
		return cmp.Or(strings.Join(all, ", "), "none")
	}
	keys, places := holds(waiting)
	t.Rows = append(t.Rows, []string{"Rahim leaves it", "", keys, places})
	t.Rows = append(t.Rows, []string{"Mara asks", read(theirs), "", ""})
	keys, places = holds(gone)
	t.Rows = append(t.Rows, []string{"Rahim asks", read(first), keys, places},
		[]string{"Rahim asks again", read(second), "", ""}, []string{"a copy asks with the cookie of before", read(replay), "", ""})

	got := func(x *Exchange) bool { return slices.Contains(x.Answer().Messages, message) }
	out := Outcome{Happened: None, Tone: Lost, Tables: []Table{t}, Decisive: first, Mark: `"messages"`}
	if text := fmt.Sprintf(`"messages":["%s"]`, message); strings.Contains(first.Body, text) {
		out.Mark = text
	}
	switch {
	case put.Status >= 400:
		out.Tone, out.Decisive, out.Mark = Refused, put, `"detail"`
		out.Verdict = fmt.Sprintf("{mac Refused:} the message was answered with status %d. %s", put.Status, Plain(put.Answer().Detail))
	case got(theirs):
		out.Happened, out.Decisive = 0, theirs
		out.Verdict = "{bad Read by whoever asked first.} Mara asked before Rahim did, and got the message that was for him."
	case got(first) && got(second):
		out.Happened, out.Decisive = 2, second
		out.Verdict = "{bad Read twice.} Rahim asked two times, and got the message both times."
	case got(first) && len(second.Answer().Messages) == 0:
		out.Happened, out.Tone = 1, Held
		out.Pair = []Shot{
			{Title: "Rahim asks", Cookie: before, Exchange: first, Says: word(len(first.Answer().Messages), "message", "messages")},
			{Title: "Rahim asks again", Cookie: second.cookie(), Exchange: second, Says: word(len(second.Answer().Messages), "message", "messages")},
		}
		out.Verdict = fmt.Sprintf("{ok Read once.} Mara, who asked first, got %s; Rahim got %d, and %d when he asked again.", word(len(theirs.Answer().Messages), "message", "messages"), len(first.Answer().Messages), len(second.Answer().Messages))
		if lives != "" {
			out.Verdict += fmt.Sprintf(" In between it waited under the key `_flash` %s.", lives)
		}
		if got(replay) {
			out.Verdict += " {bad The cookie of before}, put back, read it once more: the message was in it."
		} else {
			out.Verdict += " The cookie of before, put back, did not bring it again."
		}
	default:
		out.Verdict = fmt.Sprintf("{bad Lost:} Rahim got %s when he asked, and %d when he asked again; what he left was not among them.", word(len(first.Answer().Messages), "message", "messages"), len(second.Answer().Messages))
	}
	return out
}
