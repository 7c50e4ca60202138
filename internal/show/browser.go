package show

import (
	"fmt"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// Browser shows what the browser keeps after the answer, and which cookies came with the
// request. With scripts the panel is of the present, and the page may look into
// document.cookie; without, it is of a past moment, and is shown as it was then.
func Browser(s trace.Seen, now time.Time, scripts bool) views.Browser {
	c := s.Cookie
	if !scripts {
		now = s.At
	}
	b := views.Browser{
		Of: whose(s), Name: c.Name, Note: note(s), Scripts: scripts, Limit: session.MaxCookieBytes, Readable: c.Readable, Planted: c.Planted, Jar: jar(c), Sets: setBeside(s), Before: s.Nothing,
		Changed: !s.Nothing && did(s.Events, session.Signed),
	}
	if c.Opens {
		b.Flags, b.FlagsFrom = flags(c.Label), labelFrom(c.Label)
	}
	if c.Kept == "" && !c.Hidden {
		b.Empty = noCookie(s, scripts)
		return b
	}
	if c.Set && !c.Came && !s.Nothing {
		b.Absent = "The request came without this cookie. Its answer set it."
	}
	b.RawBytes, b.Bytes = say.Bytes(c.Bytes), len(c.Name)+c.Bytes
	b.Size, b.Most = say.Number(b.Bytes), say.Number(b.Limit)
	b.Raw = say.ShownText(trace.Text{Start: c.Kept, Bytes: c.Bytes}, maxCookie)
	if c.Hidden {
		b.Raw = ""
	}
	layers, ok := session.Peel(c.Kept)
	if !ok || len(c.Kept) < c.Bytes { // the beginning of a cookie would peel to a wrong payload
		return b
	}
	b.Layers = peeled(layers, now)
	check(b.Layers, s)
	if e, ok := layers.Envelope(); ok {
		b.EnvelopeBytes, b.Budget = say.Number(e.Bytes), say.Number(c.Budget)
		payload(b.Layers, e)
	} else {
		b.Layers.Keys = "nothing, because it is no payload of this server"
	}
	return b
}

// whose says whose cookie the panel shows, or "" for this browser's.
func whose(s trace.Seen) string {
	switch {
	case copied(s):
		return s.By
	case s.Of != "" && s.Of != anotherPage:
		return "the " + s.Of
	}
	return ""
}

// note says what is special about the cookie that the browser keeps, or "".
func note(s trace.Seen) string {
	c := s.Cookie
	switch {
	case c.Hidden:
		return "This cookie still opens a session, and the request for this page came without it. Only the page of the browser that has the cookie shows it."
	case s.Store.Down:
		return "The store does not answer, so nobody can say what a cookie opens. The browser keeps its cookies."
	case c.Ignored && c.Kept != "":
		return "The browser keeps the cookie that came. It drops the cookie of this answer, which has Secure and came over plain http from another machine."
	case c.Kept == "" && (c.Thrown || c.Came || c.Ignored): // the browser keeps no cookie to speak of
		return ""
	}
	return say.NoteOf(s.Session, c)
}

// noCookie says why the browser keeps no session cookie. scripts is that of Browser.
func noCookie(s trace.Seen, scripts bool) string {
	c, request := s.Cookie, "this request"
	switch {
	case s.Nothing:
		request = "its last request"
	case s.Did.Copy != nil: // the copy travelled in another request, which the page shows
		request = "the press itself"
	}
	yet, write := " yet", "The first write, with Set, creates a session."
	if c.Known {
		yet, write = "", "The next write, with Set, creates a session."
	}
	switch {
	case c.Ignored:
		return "No cookie: this answer sets one with Secure, over plain http. A browser drops that cookie without a word, unless the server is on its own machine."
	case c.Thrown && c.CameTwice():
		return "The server told the browser to drop its cookie. But two cookies of this name came, with another domain or path: the other one stays, and the next request shows what it opens."
	case c.Thrown:
		return "No cookie any more: the server told the browser to drop it. The next write, with Set, creates a session."
	case c.Came:
		return "The cookie that came is empty, so it opens nothing."
	case len(c.Jar) > 0:
		fold := "What came with the request"
		if scripts {
			fold = "What scripts see"
		}
		n, those := len(c.Jar), ", listed under “"+fold+"”,"
		count := fmt.Sprintf("%d other %s", n, say.Plural(n, "cookie", "cookies"))
		if c.More {
			count, those = fmt.Sprintf("more than %d other cookies", n), ", the first of them listed under “"+fold+"”,"
		}
		return fmt.Sprintf("No session cookie%s: %s carried %s%s and none of this name. %s", yet, request, count, those, write)
	}
	return fmt.Sprintf("No cookie%s: none came with %s. %s", yet, request, write)
}

// jar lists the cookies that came. Of other programs' cookies only name and size are known.
func jar(c trace.Cookie) (out []views.JarCookie) {
	for _, crumb := range c.Jar {
		j := views.JarCookie{
			Name: say.ShownText(crumb.Name, maxName), Begins: crumb.Name.Start, NameBytes: crumb.Name.Bytes, Bytes: crumb.Bytes,
			Size: say.Bytes(crumb.Bytes) + " with its name", Kind: string(crumb.Kind), Session: crumb.Kind == seat.Session,
		}
		switch {
		case crumb.Name.Bytes == 0:
			j.Name, j.Size = "(no name)", say.Bytes(crumb.Bytes)
		case crumb.Ended, crumb.Kind == seat.Session && c.Thrown && !c.CameTwice():
			j.Kind = "ended"
		case crumb.Kind == seat.Readable:
			j.Value = say.Shown(crumb.Value, maxName)
		case crumb.Kind == seat.Kin:
			j.Whose = whoseKin(crumb.Name.Start)
		}
		out = append(out, j)
	}
	if c.More {
		out = append(out, views.JarCookie{Name: "and more", Kind: "more"}) // whose they are is not known
	}
	return out
}

// setBeside counts the cookies that the answer sets beside the session cookie, and that did not
// come with the request.
func setBeside(s trace.Seen) (n int) {
	came := map[string]bool{s.Cookie.Name: true}
	for _, crumb := range s.Cookie.Jar {
		came[crumb.Name.Start] = true
	}
	for _, f := range s.Answer.Fields {
		if canonical(f) == "Set-Cookie" && f.Diff != trace.Gone && !f.Drops() && !came[f.CookieName()] {
			n++
		}
	}
	return n
}

// whoseKin says which browser a cookie belongs to that another side of the lab has set. The
// cookie's name has the browser's name.
func whoseKin(name string) string {
	_, side, named := strings.Cut(name, "~")
	if !named {
		return "the first browser's"
	}
	side, _, _ = strings.Cut(side, "-")
	return "the " + side + " browser's"
}

// flags are the attributes of the cookie, and what each means here and now. Max-Age is shown only
// if this visit saw the Set-Cookie: labelFrom says which of them were seen, and when.
func flags(at trace.Label) []views.Flag {
	var out []views.Flag
	if at.HTTPOnly {
		out = append(out, views.Flag{Text: "HttpOnly", Title: "Scripts in the page cannot read it: document.cookie does not have it"})
	}
	out = append(out, views.Flag{Text: "SameSite=" + at.SameSite, Title: "Not sent with requests from other sites, except when somebody follows a link. Another port of this host counts as the same site"})
	path := views.Flag{Text: "Path=" + at.Path, Title: "Sent with every request to this host: to every path, and, since cookies know no ports, to every port"}
	if at.Path != "/" {
		path.Title = "Sent with requests below this path only: this browser's identity of its own. It is no wall: pages of the same host can still reach it"
	}
	secure := views.Flag{Text: "Secure", Title: "Sent over https. Over plain http browsers drop it when it is set; from their own machine Chromium and Firefox keep it, and Safari does not"}
	if !at.Secure {
		secure.Off = true
		secure.Title = "Off: this page came over plain http, where browsers drop a Secure cookie; from their own machine Chromium and Firefox keep it, and Safari does not. Whoever listens on the way can read this one"
	}
	out = append(out, path, secure)
	switch {
	case at.SetAt.IsZero():
	case at.MaxAge == 0:
		out = append(out, views.Flag{Text: "no Max-Age", Title: "The browser drops it on closing"})
	default:
		out = append(out, views.Flag{Text: fmt.Sprintf("Max-Age=%d", at.MaxAge), Title: "The browser drops it " + dropTime(at) + ". It is only a label: the server decides for itself"})
	}
	return out
}

// dropTime says when the browser drops a cookie with Max-Age.
func dropTime(at trace.Label) string {
	after := func(seconds int) string { return say.Clock(at.SetAt.Add(time.Duration(seconds) * time.Second)) }
	if at.MaxAge > say.MaxCookieAge {
		return fmt.Sprintf("at %s at the latest: RFC 6265bis caps Max-Age at 400 days, which are %s seconds, and this one asks for %s", after(say.MaxCookieAge), say.Number(say.MaxCookieAge), say.Number(at.MaxAge))
	}
	return fmt.Sprintf("%s seconds after it was set, at %s", say.Number(at.MaxAge), after(at.MaxAge))
}

// labelFrom says how the attributes are known: a Cookie header carries none.
func labelFrom(at trace.Label) string {
	if at.SetAt.IsZero() {
		return "A Cookie header carries names and values, and no attributes. This page did not see this cookie being set: so these are the attributes that this server gives to its cookie, and when the browser drops it is not known."
	}
	return "The attributes of the Set-Cookie line of " + say.Clock(at.SetAt) + ". The browser keeps them and does not send them back: a Cookie header carries names and values only."
}
