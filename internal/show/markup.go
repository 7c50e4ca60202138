package show

import (
	"strings"

	"github.com/sessionscope/sessionscope/views"
)

// Rich reads the markup of experiments: `code` for code, and {cookie words} for words in one
// of colours. What is not closed is text.
func Rich(s string) (parts []views.Part) {
	add := func(t string) {
		if t != "" {
			parts = append(parts, views.Part{Text: t})
		}
	}
	for s != "" {
		at := strings.IndexAny(s, "`{")
		if at < 0 {
			break
		}
		end := "`"
		if s[at] == '{' {
			end = "}"
		}
		inner, rest, ok := strings.Cut(s[at+1:], end)
		kind, words := "code", inner
		if ok && end == "}" {
			kind, words, ok = strings.Cut(inner, " ")
			ok = ok && colours[kind]
		}
		if !ok {
			add(s[:at+1])
			s = s[at+1:]
			continue
		}
		add(s[:at])
		parts = append(parts, views.Part{Kind: kind, Text: words})
		s = rest
	}
	add(s)
	return parts
}

// colours are the kinds of words that Rich knows.
var colours = map[string]bool{"cookie": true, "server": true, "wire": true, "mac": true, "ok": true, "bad": true}

// Plain is the text of Rich without colours.
func Plain(s string) string {
	var b strings.Builder
	for _, p := range Rich(s) {
		b.WriteString(p.Text)
	}
	return b.String()
}
