package app

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// panelsOf are the three panels of an exchange: what the private instance noted of it, or
// what the client saw of an exchange with another program. Cookies need no hiding: a private
// server's secrets are its own and end with the run.
func panelsOf(x *experiment.Exchange) *views.RunPanels {
	facts := x.Facts.Unpack()
	if x.Facts == nil {
		facts = seenByClient(x)
	}
	seen := facts.Seen(trace.HideNothing)
	v := &views.RunPanels{N: x.N, Browser: show.Browser(seen, facts.At, false), Wire: show.Wire(seen), Server: show.Server(seen, facts.At, true)}
	if x.Facts == nil {
		v.Wire.Steps, v.Browser.EnvelopeBytes = nil, "" // nobody knows what that program did
		v.Server = views.Server{Empty: "Another program than the lab: what it keeps does not show here."}
		if l := v.Browser.Layers; l != nil {
			l.Verdict, l.Keys, l.Valid, l.Fields, l.Values = "checked by that program", "in that program's own coding", false, nil, ""
		}
	}
	whose := x.Client
	for _, article := range []string{"The ", "A ", "Another ", "Somebody "} { // the name stands within a sentence
		if strings.HasPrefix(whose, article) {
			whose = strings.ToLower(whose[:1]) + whose[1:]
		}
	}
	v.Client = whose
	if v.Browser.Raw == "" && !facts.Cookie.Ignored { // the lab's words speak of the lab's buttons
		v.Browser.Empty = "No cookie after this exchange."
		if set := x.SetCookie(); set != nil && set.MaxAge < 0 {
			v.Browser.Empty = "No cookie any more: this answer told the browser to drop it."
		}
	}
	v.Wire.N, v.Wire.Past, v.Wire.By, v.Browser.Of, v.Browser.Whose = 0, true, whose, "", whose
	v.Server.Figures.Plot = views.Plot{} // it plots a visit's moments
	return v
}

// seenByClient is what a client saw of an exchange with another program.
func seenByClient(x *experiment.Exchange) (f trace.Exchange) {
	const name = experiment.CookieName
	kindOf := func(string) seat.Kind { return seat.Session }
	f.At, f.Status = x.At, x.Status
	f.Request = trace.Request{
		Method: x.Method, Target: trace.Cut(x.Path, 2000), Proto: "HTTP/1.1", AsSent: true, HeadBytes: headBytes(x.Sent),
		Body: []trace.Piece{{Text: trace.Cut(x.Form, 2000).Start}}, BodyBytes: len(x.Form), Length: int64(len(x.Form)),
	}
	f.Answer = trace.Answer{
		Status: fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)), Body: trace.Cut(strings.TrimSpace(x.Body), 2000), Finished: true,
		HeadBytes: headBytes(x.Received), BodyBytes: int64(x.Bytes), Took: x.Took,
	}
	if len(x.Sent) > 0 && len(x.Received) > 0 {
		f.Request.Fields, f.Answer.Fields = trace.Fields(x.Sent[1:], kindOf), trace.Fields(x.Received[1:], kindOf)
	}
	c := &f.Cookie
	c.Name = name
	for pair := range session.Pairs(http.Header{"Cookie": {x.Cookie}}) {
		c.Jar = append(c.Jar, trace.Crumb{Name: trace.Cut(pair.Name, 80), Bytes: len(pair.Name) + len(pair.Value), Kind: seat.Session})
		if pair.Name == name {
			c.Came, c.Kept = true, pair.Value
		}
	}
	if set := x.SetCookie(); set != nil {
		c.Set = true
		if c.Kept = set.Value; set.MaxAge < 0 {
			c.Kept, c.Thrown = "", true
		}
	}
	c.Bytes = len(c.Kept)
	return f
}

// cookiesSize is the size of the cookies in a header, names and values.
func cookiesSize(header string) (n int) {
	for pair := range session.Pairs(http.Header{"Cookie": {header}}) {
		n += len(pair.Name) + len(pair.Value)
	}
	return n
}

// headBytes is the size of a head of these lines.
func headBytes(lines []string) int {
	n := len("\r\n")
	for _, line := range lines {
		n += len(line) + len("\r\n")
	}
	return n
}
