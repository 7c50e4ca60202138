package views

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Wire is one exchange. Sizes and duration are empty until it has ended.
type Wire struct {
	N                                int    // in its visit, 0 if it belongs to none
	Nothing                          string // no exchange: why
	Past                             bool   // it is not the exchange that carries this page
	By                               string // who sent it, if not this browser: "the server's own client"
	AsSent                           bool   // Request is in the order and spelling in which it came
	RequestLine, Proto               string
	Request                          []Header
	RequestShown                     string // the size of the request's head without what is left out, "" when it is not known
	OwnBytes                         string // the size of the page's own headers, which are left out; "" for none
	LeftOut                          string // what of the request is not shown, in a sentence
	Body                             string
	StatusLine                       string
	Response                         []Header
	Answer                           string // the response's body, when it is short JSON
	Finished                         bool   // sizes, duration and the response's head are those of the ended exchange
	RequestHeadBytes, RequestBytes   string
	ResponseHeadBytes, ResponseBytes string // as they travelled
	Took                             string // "0.4 ms"
	Changes                          string // against the exchange before, in a sentence
	Steps                            []Step
	Decisive                         string // the text that an experiment is decided by, "" for none
	Code                             string // the op whose code the answer leaves out, since the page shows it; "" mostly
}

// Asks tells whether the page asks for the exchange once it has ended.
func (w Wire) Asks() bool { return w.N > 0 && !w.Finished && w.Nothing == "" }

// ask is where the page asks. With Code it gets the code too if it shows another by then.
func (w Wire) ask() string {
	if w.Code == "" {
		return "/exchanges/" + strconv.Itoa(w.N)
	}
	return "/exchanges/" + strconv.Itoa(w.N) + "?op=" + w.Code
}

// before is a request line up to its query, which may hold keys and values.
func before(line string) string { line, _, _ = strings.Cut(line, "?"); return line }

// query is the rest of the line, from the "?" on.
func query(line string) string { return line[len(before(line)):] }

// Header is one line of a head.
type Header struct {
	Name     string
	Parts    []Part
	Decisive bool   // its presence decides an experiment
	Diff     string // from the exchange before: "new", "changed" or "gone", which means that only that one had it
}

// decides tells whether h stands in the short block: a session is made of cookies, Location
// says where a redirect goes, and an experiment may be decided by any header.
func (h Header) decides() bool {
	switch http.CanonicalHeaderKey(h.Name) {
	case "Cookie", "Set-Cookie", "Location":
		return true
	}
	for _, p := range h.Parts {
		if p.Kind == "decisive" {
			return true
		}
	}
	return h.Decisive
}

// short returns the lines of the short block.
func short(hs []Header) (out []Header) {
	for _, h := range hs {
		if h.Diff != "gone" && h.decides() {
			out = append(out, h)
		}
	}
	return out
}

// none returns what the short block says of the absence of a header, "" when it is there.
// gone tells that the exchange before had it.
func none(hs []Header, name string) (text string, gone bool) {
	for _, h := range hs {
		if http.CanonicalHeaderKey(h.Name) != name {
			continue
		}
		if h.Diff != "gone" {
			return "", false
		}
		gone = true
	}
	return name + ": none", gone
}

// then says what follows from an answer without Set-Cookie.
func (w Wire) then() string {
	if w.By != "" { // another client, which may keep no cookies
		return ""
	}
	return ", so the browser keeps what it has"
}

// requestFold and responseFold say what the folds hold.
func (w Wire) requestFold() string {
	fold := "all " + lines(w.Request, "request")
	if w.RequestShown != "" {
		fold += ", " + w.RequestShown
		if w.OwnBytes != "" {
			fold += ", without the page's own " + w.OwnBytes
		}
	}
	return fold + w.differences(w.Request)
}

func (w Wire) responseFold() string {
	fold := lines(w.Response, "response")
	if w.Finished {
		fold = "all " + fold + ", " + w.ResponseHeadBytes
	} else {
		fold += " so far"
	}
	if differ := w.differences(w.Response); differ != "" {
		fold += differ + " to the exchange before"
	}
	return fold
}

// lines counts the lines of a head, with the first one.
func lines(hs []Header, of string) string {
	n := 1
	for _, h := range hs {
		if h.Diff != "gone" {
			n++
		}
	}
	if n == 1 {
		return "1 " + of + " line"
	}
	return strconv.Itoa(n) + " " + of + " lines"
}

// differences says in how many lines a head differs from the exchange before, "" if there is
// none before.
func (w Wire) differences(hs []Header) string {
	if w.Changes == "" {
		return ""
	}
	n := 0
	for _, h := range hs {
		if h.Diff != "" {
			n++
		}
	}
	switch n {
	case 0:
		return " · no difference"
	case 1:
		return " · 1 difference"
	}
	return " · " + strconv.Itoa(n) + " differences"
}

// Bounds of a text in the short block, in bytes: how much of its beginning and end, and how
// much beside a mark, is in view.
var (
	ofValue = bounds{head: 28, tail: 8, beside: 4}
	ofText  = bounds{head: 300, tail: 60, beside: 80}
)

type bounds struct{ head, tail, beside int }

// inShort sets the middle of each long part apart, as a part of the kind "mid": the page shows
// "…" in its place, and whoever copies the text has all of it.
func (b bounds) inShort(parts []Part) (out []Part) {
	marked := func(i int) bool {
		return i >= 0 && i < len(parts) && (parts[i].Kind == "decisive" || parts[i].Kind == "flip")
	}
	for i, p := range parts {
		head, tail := b.head, b.tail
		if p.Kind == "" {
			head, tail = ofText.head, ofText.tail
		}
		if marked(i - 1) {
			head = b.beside
		}
		if marked(i + 1) {
			tail = b.beside
		}
		if len(p.Text) <= head+tail+8 || p.Kind == "hidden" {
			out = append(out, p)
			continue
		}
		for !utf8.RuneStart(p.Text[head]) {
			head--
		}
		for !utf8.RuneStart(p.Text[len(p.Text)-tail]) {
			tail++
		}
		mid := len(p.Text) - tail
		out = append(out, Part{p.Kind, p.Text[:head]}, Part{Kind: strings.TrimSpace(p.Kind + " mid"), Text: p.Text[head:mid]}, Part{p.Kind, p.Text[mid:]})
	}
	return out
}

// shortens tells whether the short block shows only a part of a text.
func shortens(text, decisive string) bool {
	parts := cut(text, decisive)
	return len(ofText.inShort(parts)) > len(parts)
}

// Step is one thing that the engine did.
type Step struct {
	Verb, What, Small string
	Bad               bool
	Secret            bool // What is a key of a visitor's
}
