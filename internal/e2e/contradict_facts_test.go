package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// truth is what really happened with a press, as the connection and the browser's jar have
// it, and as another client is told of the session.
type truth struct {
	name          string // of the session cookie
	press         exchange
	came          []jarCookie // what the browser had when it pressed
	kept          []jarCookie // and after the answer
	before, after look
	same          look                                 // after the press, of the cookies from before it
	verdict       string                               // on the cookie that came, if the test knows it; "" if not
	previous      *truth                               // what the page showed before; nil if nothing
	moments       map[string]*truth                    // what the page showed, by the numbers of the moments
	acted         bool                                 // another client of the test acted since the press before
	scripts       bool                                 // kept says which cookies scripts can read
	lookAt        func(id string) (l look, known bool) // what the last cookie of a session opens now
}

// jarCookie is a cookie that a browser keeps.
type jarCookie struct {
	name, value, path string
	bare              bool // it was sent without a "="
	httpOnly          bool
}

func (c jarCookie) String() string {
	if c.bare {
		return c.value
	}
	return c.name + "=" + c.value
}

// look is what GET /session tells another client that has the same cookies.
type look struct {
	Status      int `json:"-"`
	Exists      bool
	ID          string
	Version     int
	Placement   string
	Created     time.Time
	Expires     time.Time
	IdleExpires time.Time `json:"idle_expires"`
	Values      []struct {
		Key, Type, Lives string
		Value            json.RawMessage
		Bytes            int
	}
	Cookie struct{ Verdict, Key string }
	Stats  struct{ Sessions, Expired, Bytes int }
}

// session is the part of a look that only a write changes.
func (l look) session() string {
	l.Stats, l.Cookie = struct{ Sessions, Expired, Bytes int }{}, struct{ Verdict, Key string }{}
	return string(must(json.Marshal(l)))
}

// facts are claims of what really happened.
type facts struct {
	*truth
	claims []claim
}

func (f *facts) say(where, format string, args ...any) {
	f.claims = append(f.claims, newClaim(fmt.Sprintf(format, args...), "TRUTH: "+where))
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// claims returns all that is known of a press.
func (t *truth) claims() []claim {
	f := &facts{truth: t}
	f.ofRequest()
	f.ofAnswer()
	f.ofLines()
	f.ofJar()
	f.ofSession()
	f.ofBefore()
	return f.claims
}

var (
	pageSecret = regexp.MustCompile(`page=(\w{40,})`)
	proofField = regexp.MustCompile(`([?&])x=\w+`)
	oneUse     = regexp.MustCompile(`([?&]x=)(\w+)`)
)

// masked is a text with the secrets as the page shows them.
func masked(s string) string {
	s = pageSecret.ReplaceAllStringFunc(s, func(m string) string { return fmt.Sprintf("page=‹%d B, opens this visit›", len(m)-len("page=")) })
	return oneUse.ReplaceAllStringFunc(s, func(m string) string {
		at := strings.Index(m, "=") + 1
		return fmt.Sprintf("%s‹%d B, for one use›", m[:at], len(m)-at)
	})
}

// withName writes NAME for the session cookie's name, and for the beginning of its kin's.
func withName(s, name string) string { return strings.ReplaceAll(s, name, "NAME") }

// shortName is the beginning of a cookie's name, of which the page shows no more.
func shortName(name string) string {
	name, _, _ = strings.Cut(name, "…")
	return name[:min(len(name), 40)]
}

// fields calls each with the lines of a head, without its first.
func fields(head string, each func(name, value string)) (first string) {
	first, rest, _ := strings.Cut(head, "\r\n")
	for l := range strings.SplitSeq(rest, "\r\n") {
		if name, value, ok := strings.Cut(l, ":"); ok {
			each(name, strings.TrimSpace(value))
		}
	}
	return first
}

func (f *facts) ofRequest() {
	cookies := []string{}
	first := fields(f.press.requestHead, func(name, value string) {
		if strings.EqualFold(name, "Cookie") {
			cookies = append(cookies, strings.Split(value, "; ")...)
		} else {
			f.say("the connection", "request header(%s)=%s", name, masked(withName(value, f.name)))
		}
	})
	method, rest, _ := strings.Cut(first, " ")
	target, _, _ := strings.Cut(rest, " ")
	path, _, _ := strings.Cut(target, "?")
	f.say("the connection", "request line=%s %s", method, masked(target))
	f.say("the connection", "press=%s", path)
	f.say("the connection", "curl request=%s %s", method, strings.TrimRight(proofField.ReplaceAllString(target, "$1"), "?&"))
	if body, _ := withoutPage(f.press.requestBody); body != "" {
		f.say("the connection", "request body=%s", masked(body))
	}
	if strings.Contains(target, "?key=") || strings.Contains(target, "&key=") || strings.Contains("&"+f.press.requestBody, "&key=") {
		f.say("the connection", "field key=there")
	}
	for _, key := range []string{"huge"} {
		if _, rest, found := strings.Cut(f.press.requestBody, "value="); found && strings.Contains(f.press.requestBody, "key="+key) {
			value, _, _ := strings.Cut(rest, "&")
			f.say("the connection", "size with the key(%s)=%d", key, len(key)+len(value)+len(`""`))
			f.say("the connection", "size without the key(%s)=%d", key, len(value)+len(`""`))
		}
	}
	f.say("the connection", "size(request head)=%d", len(f.press.requestHead)+4)
	f.say("the connection", "size(request body)=%d", len(f.press.requestBody))
	ofCookies("the connection", strings.Join(cookies, "; "), f.name, f.say)
	own := slices.DeleteFunc(slices.Clone(cookies), func(pair string) bool { return !strings.HasPrefix(pair, f.name+"=") })
	f.say("the connection", "came twice=%s", yesNo(len(own) > 1))
	f.say("the connection", "other cookies=%d", len(cookies)-len(own))
	f.say("the connection", "came=%s", yesNo(len(own) > 0))
	if len(own) == 1 {
		f.say("the connection", "cookie read=%d", len(own[0])-1)
	}
}

var hiddenCookie = regexp.MustCompile(`^‹([\d,]+) B (of value|without a name)`)

// ofCookies claims what a Cookie header has, as it came or as the page shows it.
func ofCookies(where, header, own string, say func(where, format string, args ...any)) {
	if header == "" {
		say(where, "cookies came=0")
		return
	}
	sizes, names := map[string][]string{}, []string{}
	pairs := strings.Split(header, "; ")
	for _, pair := range pairs {
		name, value, named := strings.Cut(pair, "=")
		size := len(value)
		if !named {
			name, value, size = "", pair, len(pair)
		}
		if m := hiddenCookie.FindStringSubmatch(value); m != nil {
			size, _ = strconv.Atoi(strings.ReplaceAll(m[1], ",", ""))
		}
		shown := shortName(withName(name, own))
		size += nameSize(name, own)
		if name == "" {
			shown = "(no name)"
		}
		if sizes[shown] == nil {
			names = append(names, shown)
		}
		sizes[shown] = append(sizes[shown], strconv.Itoa(size))
		if (name == own || name == "NAME") && !strings.HasPrefix(value, "‹") {
			say(where, "cookie sent(%d)=%s", len(sizes[shown]), value)
		}
	}
	say(where, "cookies came=%d", len(pairs))
	for _, name := range names {
		say(where, "cookie size(%s)=%s", name, strings.Join(sizes[name], " and "))
	}
}

// nameSize is the size of a cookie's name, which a page shows cut if it is long.
func nameSize(name, own string) int {
	if m := inAll.FindString(name); m != "" {
		return must(strconv.Atoi(strings.Fields(strings.Trim(m, "… ("))[0]))
	}
	return len(strings.ReplaceAll(name, "NAME", own))
}

func (f *facts) ofAnswer() {
	set := false
	first := fields(f.press.responseHead, func(name, value string) {
		if name == "Set-Cookie" {
			set = set || strings.HasPrefix(value, f.name+"=")
			ofSetCookie("the connection", withName(value, f.name), f.say)
			return
		}
		f.say("the connection", "response header(%s)=%s", name, masked(value))
	})
	_, status, _ := strings.Cut(first, " ")
	f.say("the connection", "status=%s", status[:3])
	f.say("the connection", "set-cookie=%s", yesNo(set))
	f.say("the connection", "other cookies set=%d", f.setBeside())
	if !set {
		f.say("the connection", "set-cookie(NAME)=none")
	}
	f.say("the connection", "size(response head)=%d", len(f.press.responseHead)+4)
	f.say("the connection", "size(response body)=%d", len(f.press.responseBody))
}

// setBeside counts the cookies that the answer sets, which are not the session cookie and did
// not come.
func (f *facts) setBeside() (n int) {
	fields(f.press.responseHead, func(name, value string) {
		cookie, _, _ := strings.Cut(value, "=")
		came := slices.ContainsFunc(f.came, func(c jarCookie) bool { return c.name == cookie && !c.bare })
		if name == "Set-Cookie" && cookie != f.name && !came && !strings.Contains(value, "Max-Age=0") {
			n++
		}
	})
	return n
}

// ofSetCookie claims what a Set-Cookie header says.
func ofSetCookie(where, header string, say func(where, format string, args ...any)) {
	pair, attributes, _ := strings.Cut(header, ";")
	name, value, _ := strings.Cut(pair, "=")
	maxAge, has := "none", map[string]string{}
	for a := range strings.SplitSeq(attributes, ";") {
		key, val, _ := strings.Cut(strings.TrimSpace(a), "=")
		has[key] = val
		if key == "Max-Age" {
			maxAge = val
		}
	}
	if maxAge == "0" {
		value = "dropped"
	}
	if strings.HasPrefix(value, "‹") {
		return
	}
	say(where, "set-cookie(%s)=%s", name, value)
	if name != "NAME" || value == "dropped" {
		return
	}
	_, httpOnly := has["HttpOnly"]
	_, secure := has["Secure"]
	say(where, "attribute(HttpOnly)=%s", yesNo(httpOnly))
	say(where, "attribute(Secure)=%s", yesNo(secure))
	say(where, "attribute(SameSite)=%s", has["SameSite"])
	say(where, "attribute(Path)=%s", has["Path"])
	say(where, "max-age=%s", maxAge)
}

func (f *facts) ofSession() {
	where := "GET /session of another client with the same cookies"
	s := f.after
	if s.Status == 503 {
		f.say(where, "store=down")
		return
	}
	f.say(where, "store=up")
	f.say(where, "opens=%s", yesNo(s.Exists))
	if !f.scripts { // figures of a page with a stream are as new as its last news
		f.say(where, "live records=%d", s.Stats.Sessions)
		f.say(where, "expired records=%d", s.Stats.Expired)
		f.say(where, "store bytes=%s", sizeOf(s.Stats.Bytes))
	}
	if !s.Exists {
		return
	}
	f.say(where, "signature=valid")
	f.say(where, "key=%s", s.Cookie.Key)
	f.say(where, "id=%s", s.ID)
	f.say(where, "version=%d", s.Version)
	f.say(where, "placement=%s", s.Placement)
	f.say(where, "created=%s", clockTime(s.Created))
	f.say(where, "absolute until=%s", clockTime(s.Expires))
	f.say(where, "idle until=%s", clockTime(s.IdleExpires))
	f.say(where, "number of keys=%d", len(s.Values))
	names, homes := []string{}, map[string]bool{}
	for _, v := range s.Values {
		names, homes[v.Lives] = append(names, v.Key), true
		f.say(where, "value(%s)=%s", v.Key, v.Value)
		f.say(where, "bytes(%s)=%d", v.Key, v.Bytes)
		f.say(where, "type(%s)=%s", v.Key, v.Type)
		f.say(where, "lives(%s)=%s", v.Key, v.Lives)
	}
	f.say(where, "keys=%s", strings.Join(names, ", "))
	f.say(where, "both places=%s", yesNo(len(homes) == 2))
	if len(homes) == 1 {
		f.say(where, "home=%s", s.Values[0].Lives)
	}
	for _, key := range []string{"name", "nope", "cart", "n", "user", "big"} {
		if !slices.Contains(names, key) {
			f.say(where, "value(%s)=missing", key)
		}
	}
}

// sizeOf is the size of a store as the page says it.
func sizeOf(n int) string {
	if n < 10_000 {
		return strconv.Itoa(n) + " B"
	}
	return strconv.Itoa(n/1000) + " kB"
}
