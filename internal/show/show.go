// Package show turns facts into what the screen shows: an exchange as one reader may see it
// (trace.Seen) into the structs of views. Begin with Browser, Wire and Server, the three
// panels. The package knows no request, no store and no Echo, writes nothing, and gives the
// same answer to the same facts.
//
// No function takes a trace.Exchange: a cookie in an exchange may still open a session, and
// Exchange.Seen hides it.
package show

import (
	"fmt"
	"strings"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// Bounds of what a page shows of one text, in bytes.
const (
	maxShown  = 2000 // of a body, a value's key, a stored field
	maxCookie = 4096 // of a cookie's value
	maxName   = 80   // of the name of a header field or a cookie
	maxLine   = 40   // of a key within a line
)

// anotherPage is what trace.Seen.Of says of another page of the same browser.
const anotherPage = "another page"

// Parts are a sentence's pieces for the page.
func Parts(in []say.Part) []views.Part {
	var out []views.Part
	for _, p := range in {
		out = append(out, views.Part{Kind: p.Kind, Text: p.Text})
	}
	return out
}

// Sentence is what the page says under the buttons.
func Sentence(s say.Sentence) views.Sentence {
	return views.Sentence{At: s.At, Tone: s.Tone, Field: s.Field, Verb: s.Verb, Parts: Parts(s.Parts)}
}

// copied tells that s is the exchange of a copy of the cookie, or of another client,
// and not of this side's browser.
func copied(s trace.Seen) bool { return s.By != "" && !s.Nothing }

// PlacementOptions are the choices of where a new session's values live.
func PlacementOptions(chosen string) []views.Option {
	titles := map[string]string{
		"cookie": "Every value lives in the signed cookie",
		"hybrid": fmt.Sprintf("Values of at most %d B live in the cookie while it has room; larger values, and values that were on the server before, live on the server", session.MaxSmallBytes),
		"server": "Every value lives on the server; the cookie carries only the ID",
	}
	var out []views.Option
	for _, name := range session.Placements() {
		label := strings.ToUpper(name[:1]) + name[1:]
		out = append(out, views.Option{Name: name, Label: label, Title: titles[name], Chosen: name == chosen})
	}
	return out
}
