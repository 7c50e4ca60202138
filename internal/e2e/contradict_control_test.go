package e2e

import (
	"html"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// specimen is a screen without a contradiction, for the controls.
type specimen struct {
	where, html string
	lines       []line
	n           string // the moment that it shows
	truth       *truth
	facts       []claim
	claims      []claim
	held        map[string]bool // the subjects of which more than one claim speaks
}

// aside are kinds of claims that tell the check how to read a screen. No other claim speaks of
// the same thing.
var aside = map[string]bool{
	"sender": true, "left": true, "row": true, "deleted row": true, "partial": true, "discarded": true, "budget": true, "panels of": true, "nothing travelled": true,
	"cookie row": true, "cookie line": true, "set-cookie line": true, "curl line": true, "came or put": true, "moment": true, "compared with": true, "differing request": true, "differing response": true, unfinished: true, "curl command": true, "left clock": true, "left opens": true, "left row": true,
}

// contrary has for each kind of claim that no number, ID or value tells a statement that
// cannot be true of the screen of the press.
var contrary = map[string]statement{
	"came":                {"live, Get", "browser", "No cookie: none came with this request."},
	"kept":                {"live, Get", "browser", "No cookie any more: the server told the browser to drop it."},
	"opens":               {"live, Get", "server", "No live record of this browser."},
	"opened before":       {"none, Set", "result", "The old signature no longer fits, so the server sent a new cookie."},
	"set-cookie":          {"live, Set", "wire", "No Set-Cookie: the browser keeps what it has."},
	"wrote":               {"live, Set", "result", "Reading changes nothing."},
	"new ID":              {"live, Cycle ID", "result", "✓ deleted nope. The session itself stays, with its ID and its other keys."},
	"verdict":             {"forged, Get", "browser", "The cookie that came has a valid signature, but its session has ended: it opens nothing."},
	"signature":           {"live, Get", "browser", "signature HMAC-SHA256 does not fit 32 B"},
	"placement":           {"live, Get", "result", "✓ moved From now on every value lives in the cookie and the server keeps no record."},
	"press":               {"live, Get", "result", "There was nothing to flush."},
	"changed":             {"live, Set", "moment", "Compared with the moment before, neither the browser's session cookie nor the server's record changed."},
	"readable":            {"live, Plant", "timeline/e1", "taken away | the readable cookie"},
	"store":               {"live, Get", "server", "The store does not answer."},
	"record stored":       {"live, Get", "server", "In the store: nothing. With this placement the server keeps no record: the cookie is the session."},
	"record":              {"live, Flush", "server/late", "The session ID0: its record is still here, and no cookie that came opens it."},
	"still opens":         {"live, Flush", "server/late", "The session ID0: its record is still here, and no cookie that came opens it."},
	"clock":               {"live, Expire in 60", "server/clocks", "idle clock 2 h until 23:59:59"},
	"lives":               {"live, Set", "result", `✓ set name is now "Karim": 7 B, kept on the server; the cookie carries only the ID.`},
	"copy opens":          {"live, Tamper a letter", "result", "copy accepted The server's own client sent an unchanged copy of the cookie, and the server accepted it: whoever sends it is you."},
	"copy verdict":        {"live, Tamper a letter", "wire/steps", "refused | this ID was ended"},
	"layers":              {"garbled, Get", "browser", "It is base64 around three parts: take it off."},
	"attribute":           {"live, Set", "browser", "HttpOnly SameSite=None Path=/ not set: Secure"},
	"curl carries":        {"none, Get", "browser", "The command carries the cookie of this browser: to the server, whoever runs it is this browser."},
	"request line":        {"live, Get", "wire/request", "POST /nowhere HTTP/1.1"},
	"curl request":        {"live, Get", "browser/curl-text", "curl -si 'http://127.0.0.1/nowhere'"},
	"cookies came":        {"live, Get", "browser", "No session cookie: this request carried 7 other cookies, listed under “What scripts see”, and none of this name."},
	"copy came":           {"live, Tamper a letter", "wire/steps", "no session cookie | to read"},
	"copy status":         {"live, Tamper a letter", "result", "The answer is 503, as for a request without a session."},
	"left lives":          {"none, Drop", "server", `cart | "book" | text | 6 | cookie`},
	"left number of keys": {"none, Drop", "server", "The session is there and has no keys."},
	"home":                {"live, Placement server", "server", "These values live in the cookie. The record has none of them."},
	"copy request line":   {"live, Tamper a letter", "wire/request", "POST /nowhere HTTP/1.1"},
	"pins":                {"live, Pin", "result", "Taken away too: 1 pinned copy."},
	"came twice":          {"live, Get", "browser", "The server told the browser to drop its cookie. But two cookies of this name came, with another domain or path: the other one stays, and the next request shows what it opens."},
	"difference":          {"live, List keys", "wire/request", "gone Cookie: none"},
	"field key":           {"live, Get", "result", "The form has no field key."},
	"keys in the cookie":  {"live, Get", "browser", "payload readable by anyone: the ID, and no value 95 B, still base64"},
	"both places":         {"live, List keys", "result", "Some values live in the cookie and some on the server: the list has the keys of both."},
}

// specimens are the screens of each button with five jars.
func specimens(t *testing.T) (all []specimen) {
	p := start(t)
	for _, s := range states {
		if !slices.Contains([]string{"none", "live", "forged", "garbled", "others only"}, s.name) {
			continue
		}
		b := newRawBrowser(t, p)
		b.open()
		for _, button := range buttons {
			b.jar = s.jar(b, "hybrid")
			text, truth := b.press(button)
			truth.verdict = s.verdict
			sp := specimen{where: s.name + ", " + button.name, html: text, truth: truth, facts: truth.claims(), held: map[string]bool{}}
			sp.lines, sp.n = linesOf(withName(text, b.name))
			sc := readLines(sp.lines, sp.n, b.name)
			sp.claims = sc.claims
			times := map[string]int{}
			for _, c := range slices.Concat(sc.claims, sc.asked(truth), sp.facts) {
				times[c.subject()]++
				sp.held[c.subject()] = times[c.subject()] > 1
			}
			all = append(all, sp)
		}
	}
	return all
}

// finds tells whether the check finds a problem with a thing on a screen.
func finds(text string, t *truth, subject string) bool {
	problems, _ := check(text, t)
	return slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, subject+" is ") })
}

// other returns a value that differs from says in a digit or a letter.
func other(says string) string {
	for i, r := range says {
		switch {
		case r >= '0' && r <= '8':
			return says[:i] + string(r+1) + says[i+1:]
		case r == '9':
			return says[:i] + "8" + says[i+1:]
		}
	}
	for i, r := range says {
		if r >= 'a' && r < 'z' || r >= 'A' && r < 'Z' {
			return says[:i] + string(r+1) + says[i+1:]
		}
	}
	return says + "x"
}

// plantValue changes the value of a claim in one of the lines of its place, and tells whether
// the check finds that.
func (sp specimen) plantValue(c claim) bool {
	for i, l := range sp.lines {
		if !strings.HasPrefix(c.where, l.place+":") {
			continue
		}
		for _, says := range []string{c.says, number(c.says)} {
			for at := range placesIn(l.text, says) {
				planted := slices.Clone(sp.lines)
				planted[i].text = l.text[:at] + other(says) + l.text[at+len(says):]
				problems, _ := readLines(planted, sp.n, sp.truth.name).check(sp.truth, sp.facts)
				if slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, c.subject()+" is ") }) {
					return true
				}
			}
		}
	}
	return false
}

// placesIn yields where a text has part.
func placesIn(text, part string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for at := 0; part != ""; at += len(part) {
			i := strings.Index(text[at:], part)
			if i < 0 || !yield(at+i) {
				return
			}
			at += i
		}
	}
}

// number groups the digits of a number as a page does.
func number(digits string) string {
	if strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return digits
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// plantWords adds a statement to the HTML.
func plantWords(text, place, words string) string {
	outer, inner, nested := strings.Cut(place, "/")
	line := "<table><tr><td>" + strings.ReplaceAll(html.EscapeString(words), " | ", "</td><td>") + "</td></tr></table>"
	if nested && entryID.MatchString(inner) {
		line = `<li id="` + inner + `">` + line + `</li>`
	} else if nested && places[inner] {
		line = `<div id="` + inner + `">` + line + `</div>`
	} else if nested {
		line = `<div class="` + inner + `">` + line + `</div>`
	}
	if outer == "timeline" {
		return text + line
	}
	return text + `<div id="` + outer + `">` + line + `</div>`
}

// Each kind of claim is read on some screen, and held against something: a contradiction that
// is planted there is found.
func TestContradictionsArePlantedAndFound(t *testing.T) {
	all := specimens(t)
	new := plantWords(all[0].html, "server", "A sentence that nobody taught.")
	if problems, _ := check(new, all[0].truth); !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, "nobody taught the check to read: server") }) {
		t.Error("a sentence that no lesson has is not found")
	}
	kinds := map[string]bool{}
	for _, l := range learned {
		for _, r := range l.rows {
			for _, says := range r.says {
				kinds[kindOf(says)] = true
			}
		}
	}
	for _, sp := range all {
		for _, c := range sp.claims {
			kinds[c.kind] = true
		}
	}
	found := 0
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		c, ok := contrary[kind]
		switch {
		case aside[kind] || !ok && unheld.MatchString(kind):
			continue
		case ok && !c.isFound(all, kind):
			t.Errorf("%s: %q, planted on the screen of %q, is not found", kind, c.words, c.press)
		case !ok && !slices.ContainsFunc(all, func(sp specimen) bool { return sp.plant(kind) }):
			t.Errorf("%s: no planted contradiction is found", kind)
		}
		found++
	}
	t.Logf("%d kinds of claims, %d screens", found, len(all))
}

// statement is what is planted on the screen of a press.
type statement struct{ press, place, words string }

// isFound plants the statement, and tells whether the check finds that it contradicts the
// screen's claims of that kind.
func (st statement) isFound(all []specimen, kind string) bool {
	sp := all[slices.IndexFunc(all, func(sp specimen) bool { return sp.where == st.press })]
	place := strings.ReplaceAll(st.place, "e1", "e"+shownIn(sp.html))
	return findsKind(plantWords(sp.html, place, strings.ReplaceAll(st.words, "ID0", sp.truth.before.ID)), sp.truth, kind)
}

// plant changes the value of a claim of that kind, and tells whether the check finds that. It
// tries the first claims that are held against another one.
func (sp specimen) plant(kind string) bool {
	tries := 0
	return slices.ContainsFunc(sp.claims, func(c claim) bool {
		if c.kind != kind || !sp.held[c.subject()] || tries == 3 {
			return false
		}
		tries++
		return sp.plantValue(c)
	})
}

// unheld are kinds that the check gives another name when it knows of whom they speak, those of
// a copy's request, which no connection of the test sees, and those that only a page with a
// script or with a second browser has.
var unheld = regexp.MustCompile(`^(staged|stored|saved|entry|was|refused|kept verdict|copy|response body$|now |scripts see|document\.cookie|family|size with)`)

// kindOf is the kind of a claim as a lesson has it.
func kindOf(says string) string {
	kind, _, _ := strings.Cut(says, "=")
	kind, _, _ = strings.Cut(kind, "(")
	return kind
}

func shownIn(text string) string {
	if m := regexp.MustCompile(`data-n="(\d+)"`).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// findsKind tells whether the check finds a problem with a kind of claims.
func findsKind(text string, t *truth, kind string) bool {
	problems, _ := check(text, t)
	return slices.ContainsFunc(problems, func(p string) bool {
		return strings.HasPrefix(p, kind+" is ") || strings.HasPrefix(p, kind+"(")
	})
}
