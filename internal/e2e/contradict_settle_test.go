package e2e

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// screen is what a page says.
type screen struct {
	name   string // of the session cookie
	claims []claim
	unread []string // words that no lesson knows
}

// readScreen reads the HTML of a page, or of the fragments that a press brings. name is the name
// of the session cookie.
func readScreen(text, name string) *screen {
	lines, n := linesOf(withName(text, name))
	return readLines(lines, n, name)
}

// readLines reads the lines of a page. n is the number of the moment that it shows.
func readLines(lines []line, n, name string) *screen {
	s := &screen{name: name}
	own := "timeline/e" + n + "/timeline"
	for _, l := range lines {
		claims, unread := claimsOf(l)
		if unread != "" {
			s.unread = append(s.unread, l.place+": "+unread)
		}
		if strings.HasPrefix(l.place, "timeline/e") && l.place != own {
			continue // the words of another moment
		}
		s.claims = append(s.claims, claims...)
	}
	s.expand()
	s.settle()
	return s
}

// says returns the values of the claims of a kind.
func (s *screen) says(kind string) (out []string) {
	for _, c := range s.claims {
		if c.kind == kind {
			out = append(out, c.says)
		}
	}
	return out
}

func (s *screen) claimed(kind, says string) bool { return slices.Contains(s.says(kind), says) }

// each replaces each claim by what change returns.
func (s *screen) each(change func(c claim) []claim) {
	var out []claim
	for _, c := range s.claims {
		out = append(out, change(c)...)
	}
	s.claims = out
}

// expand takes the claims out of lines that have many.
func (s *screen) expand() {
	rows := map[string][]string{}
	s.each(func(c claim) []claim {
		switch c.kind {
		case "cookie row":
			c.of = shortName(c.of)
			rows[c.of] = append(rows[c.of], strings.TrimSuffix(c.says, " B"))
			return nil
		case "request header", "response header":
			if c.says = masked(c.says); strings.Contains(c.says, "opens this visit") || strings.Contains(c.says, "not shown") {
				return nil
			}
		case "scripts see":
			if c.of = shortName(c.of); strings.HasPrefix(c.says, "not ") || c.says == "nothing any more" {
				return nil
			}
			c.says = strings.TrimSuffix(c.says, " by HttpOnly")
		case "document.cookie":
			seen := strings.Split(c.says, "; ")
			slices.Sort(seen)
			c.says = strings.Join(seen, "; ")
		case "cookie line", "set-cookie line", "curl line":
			return s.within(c)
		case "differing request", "differing response":
			return differing(c)
		}
		return []claim{c}
	})
	count := 0
	for name, sizes := range rows {
		count += len(sizes)
		s.claims = append(s.claims, newClaim(fmt.Sprintf("cookie size(%s)=%s", name, strings.Join(sizes, " and ")), "browser/jar: the row of "+name))
	}
	if count > 0 {
		s.claims = append(s.claims, newClaim("cookies came="+strconv.Itoa(count), "browser/jar: its rows"))
	}
}

// within returns the claims within a header field, or within a command.
func (s *screen) within(line claim) (out []claim) {
	say := func(where, format string, args ...any) {
		out = append(out, newClaim(fmt.Sprintf(format, args...), where))
	}
	switch line.kind {
	case "cookie line":
		ofCookies(line.where, line.says, s.name, say)
	case "set-cookie line":
		ofSetCookie(line.where, line.says, say)
		if strings.HasPrefix(line.says, "NAME=") {
			say(line.where, "set-cookie=yes")
		}
	case "curl line":
		curlLine(line.where, line.says, say)
	}
	return out
}

// setting is what the words of a screen depend on.
type setting struct {
	copied    bool // the Wire panel shows what travelled with a copy
	discarded bool // the engine threw the staged write away
	left      bool // the Server panel shows the record of a session that no cookie opens
	opens     bool // the browser's cookie opens a session
	twice     bool // two cookies of the name came, and one of them opened a session
	set       bool // the answer sets the session cookie
	stale     bool
}

// settle says of whom the claims are: of a copy, of another session, of the moment before.
func (s *screen) settle() {
	x := setting{
		copied:    len(s.says("sender")) > 0 || s.claimed("nothing travelled", "yes"),
		discarded: s.claimed("discarded", "yes"), left: len(s.says("left")) > 0, opens: s.claimed("opens", "yes"),
		twice: s.claimed("opened before", "yes") && len(s.says("refused")) > 0, set: s.claimed("set-cookie", "yes"), stale: s.claimed("kept verdict", "stale"),
	}
	s.each(func(c claim) []claim {
		switch {
		case x.copied && ofCopy(c):
			return []claim{copyOf(c)}
		case strings.HasPrefix(c.where, "moment") && strings.HasPrefix(c.kind, "was "):
			c.kind = "previously " + strings.TrimPrefix(c.kind, "was ")
		case x.left && (strings.HasPrefix(c.where, "server:") && leftKinds[c.kind] || strings.HasPrefix(c.where, "server/clocks")):
			c.kind = "left " + c.kind
		case strings.HasPrefix(c.kind, "staged ") && x.discarded:
			c.kind = "discarded " + c.kind
		case strings.HasPrefix(c.kind, "staged "):
			c.kind = strings.TrimPrefix(c.kind, "staged ")
		case c.kind == "record":
			return []claim{c, {"still opens", c.of, yesNo(c.says == "live"), c.where}}
		default:
			return x.ofSession(c)
		}
		return []claim{c}
	})
	s.count()
	if len(s.says(unfinished)) > 0 { // Date and the size come when the page has left
		s.claims = slices.DeleteFunc(s.claims, func(c claim) bool {
			return c.subject() == "differences(response)" || c.subject() == "differing names(response)"
		})
	}
}

// leftKinds are the claims of the Server panel that are of the record which it shows.
var leftKinds = map[string]bool{"id": true, "opens": true, "value": true, "type": true, "bytes": true, "lives": true, "number of keys": true, "row": true}

// ofCopy tells whether a claim is of the copy that was sent, and not of this browser.
func ofCopy(c claim) bool {
	return c.kind != "sender" && c.kind != "letter" && (strings.HasPrefix(c.where, "wire") || strings.HasPrefix(c.where, "browser/curl") || strings.HasPrefix(c.where, "timeline/e"))
}

// copyOf turns a claim into one of the copy that was sent.
func copyOf(c claim) claim {
	switch {
	case c.kind == "kept value":
		c.kind, c.of = "cookie sent", "1"
	case c.kind == "curl request":
		c.kind = "request line"
	case c.kind == "refused":
		c.kind = "verdict"
	case c.kind == "response body" && strings.HasPrefix(c.says, `{"exists":`):
		c.kind, c.says = "opens", yesNo(strings.HasPrefix(c.says, `{"exists":true`))
	}
	c.kind = "copy " + c.kind
	return c
}

// ofSession settles claims that are of the session, or of its cookie, if the page says so.
func (x setting) ofSession(c claim) []claim {
	switch {
	case c.kind == "refused" && !x.twice, c.kind == "kept verdict" && !x.set:
		c.kind = "verdict"
	case c.kind == "copy reason" && c.says == "the signature does not fit":
		c.kind, c.says = "copy verdict", "forged"
	case c.kind == "entry id" && x.opens:
		c.kind = "id"
	case c.kind == "stored version" && x.left, c.kind == "stored placement" && x.left:
		c.kind = "left " + strings.TrimPrefix(c.kind, "stored ")
	case c.kind == "stored version" && x.opens, c.kind == "saved version" && !x.discarded:
		c.kind = "version"
	case c.kind == "stored placement" && x.opens:
		c.kind = "placement"
	case c.kind == "envelope" && c.of == "version" && x.opens && !x.stale && c.says[0] <= '9':
		return []claim{c, {"version", "", c.says, c.where}}
	}
	return []claim{c}
}

// count claims how many keys the table of the Server panel has.
func (s *screen) count() {
	for _, whose := range []string{"", "left "} {
		if n := len(s.says(whose + "row")); n > 0 && !s.claimed("partial", "yes") {
			s.claims = append(s.claims, newClaim(whose+"number of keys="+strconv.Itoa(n), "server: the rows of its table"))
		}
	}
}

// asked are facts that only a statement asks for: whether a session's cookie still opens it,
// and which letter of the cookie was changed in a copy.
func (s *screen) asked(t *truth) (facts []claim) {
	told := map[string]bool{}
	for _, c := range s.claims {
		if told[c.subject()] {
			continue
		}
		told[c.subject()] = true
		switch {
		case c.kind == "still opens" && t.lookAt != nil:
			if l, known := t.lookAt(c.of); known {
				facts = append(facts, claim{c.kind, c.of, yesNo(l.Exists), "TRUTH: GET /session of another client with its cookie"})
			}
		case c.kind == "compared with" && t.moments[c.says] != nil:
			facts = append(facts, t.besides(t.moments[c.says])...)
		case c.kind == "left" && t.lookAt != nil:
			if l, known := t.lookAt(c.says); known && l.Exists {
				facts = append(facts, ofLeft(l)...)
			}
		case c.kind == "letter":
			at, _ := strconv.Atoi(c.of)
			kept, sent := s.says("kept value"), s.says("copy cookie sent")
			if len(kept) > 0 && len(sent) > 0 && at >= 1 && at <= len(kept[0]) && at <= len(sent[0]) {
				facts = append(facts, claim{c.kind, c.of, kept[0][at-1:at] + " to " + sent[0][at-1:at], "TRUTH: the cookies in the Browser and the Wire panel"})
			}
		}
	}
	return facts
}

// ofLeft claims what the record has of a session that this browser does not open. The record of
// a session with placement hybrid has only the values on the server.
func ofLeft(l look) (facts []claim) {
	say := func(says string) {
		facts = append(facts, newClaim(says, "TRUTH: GET /session of another client with its cookie"))
	}
	for _, says := range []string{
		fmt.Sprint("left version=", l.Version), "left created=" + clockTime(l.Created), "left placement=" + l.Placement,
		"left absolute until=" + clockTime(l.Expires), "left idle until=" + clockTime(l.IdleExpires), "left id=" + l.ID,
	} {
		say(says)
	}
	if l.Placement == "server" {
		say(fmt.Sprint("left number of keys=", len(l.Values)))
	}
	for _, v := range l.Values {
		if v.Lives == "server" {
			say(fmt.Sprintf("left value(%s)=%s", v.Key, v.Value))
			say(fmt.Sprintf("left type(%s)=%s", v.Key, v.Type))
			say(fmt.Sprintf("left bytes(%s)=%d", v.Key, v.Bytes))
			say(fmt.Sprintf("left lives(%s)=%s", v.Key, v.Lives))
		}
	}
	return facts
}

// check reads a page and holds it against itself and the truth.
func check(text string, t *truth) (problems []string, statements int) {
	return readScreen(text, t.name).check(t, t.claims())
}

// check holds a screen against itself and the facts.
func (s *screen) check(t *truth, facts []claim) (problems []string, statements int) {
	if t.scripts {
		s.each(func(c claim) []claim {
			if nowPlace.MatchString(c.where) {
				c.kind = "now " + c.kind // a stream brings figures that are newer than the moment
			}
			return []claim{c}
		})
	}
	for _, words := range s.unread {
		problems = append(problems, "nobody taught the check to read: "+words)
	}
	return append(problems, contradictions(slices.Concat(s.claims, s.asked(t), facts))...), len(s.claims)
}

// nowPlace is where a page with a stream shows figures that are newer, or a moment older, than
// those of the moment: the stream brings them four times a second.
var nowPlace = regexp.MustCompile(`^(server/figures|(server/)?expired-count:)`)

var (
	curlAddress = regexp.MustCompile(`'(https?://[^']*)'`)
	curlData    = regexp.MustCompile(`--data-raw '([^']*)'`)
	curlCookie  = regexp.MustCompile(`-H 'Cookie: NAME=([^';]*)'`)
)

// curlLine claims what a curl command sends.
func curlLine(where, text string, say func(where, format string, args ...any)) {
	u, data, cookie := curlAddress.FindStringSubmatch(text), curlData.FindStringSubmatch(text), curlCookie.FindStringSubmatch(text)
	if u == nil {
		say(where, "curl command=%s", text)
		return
	}
	parsed := must(url.Parse(u[1]))
	method := "GET"
	if data != nil || strings.Contains(text, "-X POST") {
		method = "POST"
	}
	say(where, "curl request=%s %s", method, parsed.RequestURI())
	if cookie != nil {
		say(where, "kept value=%s", cookie[1])
	}
	say(where, "curl carries=%s", yesNo(cookie != nil))
}
