package views

import "strings"

// Wire is one exchange. Sizes and duration are empty until it has ended.
type Wire struct {
	N                                int    // in its visit, 0 if it belongs to none
	Nothing                          string // no exchange: why
	Past                             bool   // it is not the exchange that carries this page
	By                               string // who sent it, if not this browser: "the server's own client"
	AsSent                           bool   // Request is in the order and spelling in which it came
	RequestLine, Proto               string
	Request, RequestMore             []Header
	Body                             string
	StatusLine                       string
	Response, ResponseMore           []Header
	Answer                           string // the response's body, when it is short JSON
	SetCookie                        bool
	Finished                         bool // sizes, duration and the response's head are those of the ended exchange
	RequestHeadBytes, RequestBytes   string
	ResponseHeadBytes, ResponseBytes string // as they travelled
	Took                             string // "0.4 ms"
	Changes                          string // against the exchange before, in a sentence
	Steps                            []Step
	Decisive                         string // the text that an experiment is decided by, "" for none
}

// before is a request line up to its query, which may hold keys and values.
func before(line string) string { line, _, _ = strings.Cut(line, "?"); return line }

// query is the rest of the line, from the "?" on.
func query(line string) string { return line[len(before(line)):] }

// Header is one line of a head.
type Header struct {
	Name     string
	Parts    []Part
	Decisive bool // its presence decides an experiment
	Mark     bool // it is new, or has another value than in the exchange before
	Gone     bool // the exchange before had it, and this one does not
}

// changedHeaders counts the headers that are marked.
func changedHeaders(hs []Header) (n int) {
	for _, h := range hs {
		if h.Mark || h.Gone {
			n++
		}
	}
	return n
}

// Step is one thing that the engine did.
type Step struct {
	Verb, What, Small string
	Bad               bool
	Secret            bool // What is a key of a visitor's
}
