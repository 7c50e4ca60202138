package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// unfinished tells that a page shows a part of its own answer.
const unfinished = "response lines so far"

// past looks at a moment that was, as the page's timeline does, and returns what the page
// shows then, and the truth of the moment.
func (b *rawBrowser) past(n string) (html string, t *truth) {
	b.t.Helper()
	if b.plain {
		html = b.land(b.send("POST", "/moment", b.jar, formOf([]string{"page", b.secret, "at", n}), "Accept: text/html"))
		b.shows(html)
	} else {
		headers := []string{"Accept: text/html", "HX-Request: true", fmt.Sprintf("Sessionscope-Page: %s %s %s", b.secret, b.page, b.seen)}
		html = b.send("GET", "/?at="+n, b.jar, nil, headers...).responseBody
	}
	was := *b.moments[n]
	was.lookAt = nil // what opens now may not have opened then
	return html, &was
}

// The lab's own page tells with these which timeline it belongs to. The Wire panel leaves
// them out and says so.
var (
	pageLine = regexp.MustCompile(`(?i)^sessionscope-(page|load): `)
	pageOnly = regexp.MustCompile(`(^|&)page=\w{40,}`)
)

// withoutPage returns a body without the field of the page, and how many bytes that takes away.
func withoutPage(body string) (shown string, bytes int) {
	shown = strings.TrimPrefix(pageOnly.ReplaceAllString(body, ""), "&")
	return shown, len(body) - len(shown)
}

// headLines returns the lines of a head that a page shows, and the bytes of the others.
func headLines(head string) (shown []string, hidden int) {
	for l := range strings.SplitSeq(head, "\r\n") {
		if pageLine.MatchString(l) {
			hidden += len(l) + len("\r\n")
		} else {
			shown = append(shown, l)
		}
	}
	return shown, hidden
}

// ofLines claims how many lines and bytes of both heads a page shows, and what it leaves out.
func (f *facts) ofLines() {
	request, hidden := headLines(f.press.requestHead)
	response, _ := headLines(f.press.responseHead)
	_, inBody := withoutPage(f.press.requestBody)
	f.say("the connection", "request lines=%d", len(request))
	f.say("the connection", "response lines=%d", len(response))
	f.say("the connection", "size(request head without the page's lines)=%d", len(f.press.requestHead)+4-hidden)
	f.say("the connection", "left out(headers)=%d", hidden)
	f.say("the connection", "left out(field)=%d", inBody)
}

// besides claims in what the heads differ from those of an earlier press.
func (t *truth) besides(before *truth) []claim {
	f := &facts{truth: t}
	where := "this exchange and the one that it is compared with"
	f.say(where, "difference(Cookie)=%s", difference(field(before.press.requestHead, "Cookie"), field(t.press.requestHead, "Cookie")))
	for side, heads := range map[string][2]string{"request": {before.press.requestHead, t.press.requestHead}, "response": {before.press.responseHead, t.press.responseHead}} {
		was, _ := headLines(heads[0])
		is, _ := headLines(heads[1])
		lines, names := differences(was, is)
		f.say(where, "differences(%s)=%d", side, lines)
		f.say(where, "differing names(%s)=%d", side, names)
	}
	return f.claims
}

// differences counts the lines of a head that are new, changed or gone since the head before,
// and their names: a name is counted once for each of the three. Lines of one name are compared
// together, and lines Set-Cookie by the name of the cookie.
func differences(before, now []string) (lines, names int) {
	old, is := fieldsOf(before), fieldsOf(now)
	named := map[string]bool{}
	differs := func(of, how string, n int) {
		name, _, _ := strings.Cut(of, " ")
		named[how+" "+name] = true
		lines += n
	}
	for of, values := range is {
		if how := difference(strings.Join(old[of], "\n"), strings.Join(values, "\n")); how != "none" {
			differs(of, how, len(values))
		}
	}
	for of, values := range old {
		if is[of] == nil {
			differs(of, "gone", len(values))
		}
	}
	return lines, len(named)
}

// difference says how a field differs from the head before.
func difference(before, now string) string {
	switch {
	case before == now:
		return "none"
	case before == "":
		return "new"
	case now == "":
		return "gone"
	}
	return "changed"
}

// fieldsOf has the values of a head's fields by their names, those of Set-Cookie by "Set-Cookie"
// and the name of the cookie.
func fieldsOf(lines []string) map[string][]string {
	values := map[string][]string{}
	for _, l := range lines[1:] {
		name, value, _ := strings.Cut(l, ": ")
		switch name {
		case "Location": // the page shows how large a proof is, and compares no more
			value = masked(value)
		case "Set-Cookie":
			cookie, _, _ := strings.Cut(value, "=")
			name += " " + cookie
		}
		values[name] = append(values[name], value)
	}
	return values
}

var andMore = regexp.MustCompile(`^(.*?)(?:,? ?and )?(\d+) more$`)

// countDiffering counts the fields in "changed Cookie and 2 more; new Location".
func countDiffering(words string) (n int) {
	for part := range strings.SplitSeq(words, "; ") {
		_, names, _ := strings.Cut(part, " ")
		if more, err := strconv.Atoi(names); err == nil { // "changed 2"
			n += more
			continue
		}
		if m := andMore.FindStringSubmatch(names); m != nil {
			n += must(strconv.Atoi(m[2]))
			names = m[1]
		}
		if names = strings.TrimSpace(names); names != "" {
			n += len(strings.Split(names, ", "))
		}
	}
	return n
}

// differing turns the claim of which fields differ into one of how many names differ.
func differing(c claim) []claim {
	side := strings.TrimPrefix(c.kind, "differing ")
	return []claim{newClaim(fmt.Sprintf("differing names(%s)=%d", side, countDiffering(c.says)), c.where)}
}
