package app

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// Headers that a learner should see first. The others fold away.
var first = map[string]bool{
	"Host": true, "Cookie": true, "Content-Type": true,
	"Set-Cookie": true, "Cache-Control": true, "Vary": true, "Location": true, "Retry-After": true,
}

// wire is the exchange that is being answered: the request as it came and the
// response's head as far as the handler knows it. Sizes, duration and what else is
// added on the way come with the finished exchange.
func (a *App) wire(c echo.Context, status int) views.Wire {
	r, h := c.Request(), c.Response().Header()
	mem, id := remembered(r.Context()), idOf(c)
	_, came := carried(c)
	w := views.Wire{
		RequestLine: r.Method + " " + shown(r.RequestURI, maxShown), Proto: r.Proto,
		StatusLine: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Body:       shown(mem.body, maxShown),
		SetCookie:  h.Get("Set-Cookie") != "",
		Steps:      steps(mem.events, came),
		AsSent:     mem.tapped.Lines != nil,

		RequestHeadBytes: bytesText(mem.tapped.Bytes), RequestBytes: bytesText(len(mem.body)),
	}
	if mem.tapped.Bytes == 0 {
		w.RequestHeadBytes = "unknown"
	}
	switch n := int(r.ContentLength); {
	case n < 0:
		w.RequestBytes = bytesText(len(mem.body)) + " in chunks, whose framing is not counted,"
	case n > len(mem.body):
		w.RequestBytes = bytesText(n) + " (not all read)"
	}
	w.Request, w.RequestMore = id.headers(requestFields(r, mem.tapped.Lines))
	w.Response, w.ResponseMore = id.headers(sorted(h))
	return w
}

// headerField is one line of a head.
type headerField struct{ name, value string }

// requestFields returns r's head as it came, or else as net/http has it.
func requestFields(r *http.Request, head []string) (fields []headerField) {
	if head == nil {
		h := r.Header.Clone()
		if r.ContentLength > 0 {
			h.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		}
		return append([]headerField{{"Host", r.Host}}, sorted(h)...)
	}
	return fieldsOf(head)
}

// fieldsOf returns the lines of a head as fields.
func fieldsOf(lines []string) (fields []headerField) {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		fields = append(fields, headerField{name, strings.TrimSpace(value)})
	}
	return fields
}

// sorted returns h in the order in which net/http writes it.
func sorted(h http.Header) (fields []headerField) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fields = append(fields, headerField{name, value})
		}
	}
	return fields
}

// headers shows a head, those to see first apart from the rest. Of other
// programs' cookies and of credentials only name and size are shown.
func (id *identity) headers(fields []headerField) (seen, more []views.Header) {
	for _, f := range fields {
		name := http.CanonicalHeaderKey(f.name)
		line := views.Header{Name: shown(f.name, 80), Parts: []views.Part{{Text: shown(f.value, maxCookieShown)}}}
		switch name {
		case "Cookie":
			line.Parts = nil
			for i, pair := range strings.Split(f.value, ";") {
				if i > 0 {
					line.Parts = append(line.Parts, views.Part{Text: "; "})
				}
				line.Parts = append(line.Parts, id.cookiePart(strings.TrimSpace(pair))...)
			}
		case "Set-Cookie":
			pair, attributes, found := strings.Cut(f.value, ";")
			line.Parts, line.Mark = id.cookiePart(pair), true
			if found {
				line.Parts = append(line.Parts, views.Part{Text: ";" + attributes})
			}
		case "Location":
			if before, token, ok := strings.Cut(f.value, "?x="); ok {
				line.Parts = []views.Part{{Text: before + "?x="}, hidden(len(token), "for one use")}
			}
		case pageHeader:
			line.Parts = []views.Part{hidden(len(f.value), "which of this visit's pages it is")}
		case "Authorization", "Proxy-Authorization":
			line.Parts = []views.Part{hidden(len(f.value), "not ours")}
		}
		if first[name] {
			seen = append(seen, line)
		} else {
			more = append(more, line)
		}
	}
	return seen, more
}

func (id *identity) cookiePart(text string) []views.Part {
	pair := parsePair(text)
	switch pair.name {
	case "":
		return []views.Part{hidden(len(pair.value), "not ours")}
	case id.engine.CookieName():
		return []views.Part{{Text: pair.name + "="}, {Kind: "token", Text: shown(pair.value, maxCookieShown)}}
	case id.readable():
		return []views.Part{{Text: text}}
	case id.pinsCookie():
		return []views.Part{{Text: pair.name + "="}, hidden(len(pair.value), "this browser's alone")}
	}
	return []views.Part{{Text: shown(pair.name, 80) + "="}, hidden(len(pair.value), "not ours")}
}

func hidden(n int, whose string) views.Part {
	return views.Part{Kind: "hidden", Text: fmt.Sprintf("%s, %s", bytesText(n), whose)}
}

// steps tells what the engine did for this request, from its own events. carried
// tells that a cookie came.
func steps(events []session.Event, carried bool) (out []views.Step) {
	add := func(verb, what, small string) { out = append(out, views.Step{Verb: verb, What: what, Small: small}) }
	for _, ev := range events {
		switch ev.Kind {
		case session.Read:
			add("read", "cookie", bytesText(ev.Bytes))
			how := "key"
			if ev.Known {
				how = "as before, key"
			}
			add("verify", "signature", fmt.Sprintf("%s %d of %d", how, ev.KeyNumber, ev.KeyCount))
			if ev.Place == session.InCookie {
				add("check", "ID", "not retired")
			} else {
				add("load", "record", fmt.Sprintf("%s v%d", ev.Session, ev.Version))
			}
		case session.Refused, session.Expired:
			if isStale(ev) {
				add("stale", "cookie", "a later one was sent")
				continue
			}
			out = append(out, views.Step{Verb: string(ev.Kind), What: ev.Reason, Bad: true})
		case session.Created:
			add("new", "ID", ev.Session.String())
		case session.Set:
			add("set", shown(ev.Key, 40), bytesText(ev.Bytes))
			out[len(out)-1].Secret = true
		case session.Placed:
			add("place", shown(ev.Key, 40), map[string]string{"cookie": "in the cookie", "server": "on the server"}[ev.Lives])
			out[len(out)-1].Secret = true
		case session.Deleted:
			add("delete", shown(ev.Key, 40), "")
			out[len(out)-1].Secret = true
		case session.Cleared:
			add("clear", "", fmt.Sprintf("%d %s", ev.Count, plural(ev.Count, "key", "keys")))
		case session.Cycled:
			add("cycle", "ID", ev.Before.String()+" is dead")
		case session.Flushed:
			add("flush", ev.Session.String(), "")
		case session.Swept:
			add("sweep", "", fmt.Sprintf("%d removed", ev.Count))
		case session.Conflict:
			out = append(out, views.Step{Verb: "conflict", What: "reload and apply again", Bad: true})
		case session.Discarded:
			out = append(out, views.Step{Verb: "discard", What: "nothing is saved", Bad: true})
		case session.Saved:
			add("save", "record", fmt.Sprintf("v%d", ev.Version))
		case session.Signed:
			add("sign", "cookie", bytesText(ev.Bytes))
		}
	}
	const most = 16
	if more := len(out) - most; more > 0 {
		out = append(out[:most:most], views.Step{Verb: "and", What: fmt.Sprintf("%d more steps", more)})
	}
	if !carried && !slices.ContainsFunc(events, func(ev session.Event) bool {
		return ev.Kind == session.Read || ev.Kind == session.Refused || ev.Kind == session.Expired
	}) {
		out = slices.Insert(out, 0, views.Step{Verb: "no cookie", What: "to read"})
	}
	return out
}
