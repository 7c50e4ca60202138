package show

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// Tools are what a page can do with a copy of the cookie that the browser keeps after s,
// and s as a command. keeps tells that the page belongs to a visit, which keeps pins.
// Pins and seats are the visit's to add.
func Tools(s trace.Seen, keeps bool) *views.Tools {
	t := &views.Tools{Curl: Curl(s)}
	if n := s.Cookie.Bytes; s.Cookie.Kept != "" {
		t.Tamper, t.Letters, t.CanPin, t.Carries, t.At = TamperOptions(""), n, keeps, true, strconv.Itoa((n+1)/2)
	}
	return t
}

// TamperOptions are the parts of a cookie that can be changed in a copy.
func TamperOptions(chosen string) (out []views.Option) {
	for _, part := range session.TamperParts {
		out = append(out, views.Option{Name: part, Label: say.PartOf(part), Chosen: part == chosen})
	}
	return out
}

// Pin is a cookie that a visit keeps, of the session of that short name.
func Pin(n int, session string, at time.Time, bytes int) views.Pin {
	return views.Pin{N: n, Session: session, At: say.Clock(at), Bytes: say.Bytes(bytes)}
}

// Seat is the lab of another browser of that name, whose addresses begin with base.
func Seat(name, base string) views.Seat { return views.Seat{Name: name, URL: base + "/"} }

// Curl is a request as a command for a POSIX shell, with the cookie that the browser has
// after it and without what belongs to a page; "" when what came is not known whole, or
// when the cookie is not to be shown.
func Curl(s trace.Seen) string {
	in, c := s.Request, s.Cookie
	path, ok := target(in.Target)
	body, whole := form(in)
	if s.Nothing || !ok || !whole || c.Hidden || len(c.Kept) < c.Bytes {
		return ""
	}
	out := "curl -si " + quoted("http://"+in.Host+path)
	if c.Kept != "" {
		out += " \\\n  -H " + quoted("Cookie: "+c.Name+"="+c.Kept)
	}
	out += " \\\n  -H 'Accept: application/json'"
	if in.Method == http.MethodPost {
		out += " \\\n  --data-raw " + quoted(body)
	}
	return out
}

// target is a request's path and query without the fields that belong to a page.
func target(t trace.Text) (path string, ok bool) {
	path, query, _ := strings.Cut(t.Start, "?")
	if !strings.HasPrefix(path, "/") { // the absolute form, as for a proxy
		u, err := url.Parse(path)
		if err != nil || u.Host == "" {
			return "", false
		}
		path = u.RequestURI()
	}
	if query = withoutPage(query); query != "" {
		path += "?" + query
	}
	return path, t.Bytes == len(t.Start)
}

// form is a request's body without the fields that belong to a page.
func form(in trace.Request) (text string, whole bool) {
	kept := 0
	for _, p := range in.Body {
		text += p.Text
		kept += len(p.Text) + p.Bytes
	}
	return withoutPage(text), kept >= in.BodyBytes && int64(kept) >= in.Length
}

// withoutPage takes out of a form the fields that belong to a page and its visit.
func withoutPage(form string) string {
	var kept []string
	for field := range strings.SplitSeq(form, "&") {
		switch name, _, _ := strings.Cut(field, "="); {
		case field == "", name == "v", name == "page", name == "x":
		default:
			kept = append(kept, field)
		}
	}
	return strings.Join(kept, "&")
}

// quoted is s as one word of a POSIX shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
