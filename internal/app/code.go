package app

import (
	"embed"
	"fmt"
	"go/scanner"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// The code that the page shows is the code that ran: its own source, embedded. A file with a
// handler of acts must be named here; TestCode finds one that is not.
//
//go:embed check.go copy.go inspect.go keys.go lab.go life.go plant.go set.go
var handlerSource embed.FS

//go:embed samples
var sampleSource embed.FS

// act is the code of an op: a handler of this package, the engine's function that it calls,
// and the section of the samples that does the same.
type act struct{ handler, engine, sample string }

var acts = map[string]act{
	"lab":           {"App.lab", "Engine.Load", "session"},
	"session":       {"App.inspect", "Engine.Load", "session"},
	"set":           {"App.set", "Session.Set", "set"},
	"get":           {"App.get", "Session.Get", "get"},
	"keys":          {"App.keys", "Session.Keys", "keys"},
	"delete":        {"App.delete", "Session.Delete", "delete"},
	"clear":         {"App.clear", "Session.Clear", "clear"},
	"flush":         {"App.flush", "Session.Flush", "flush"},
	"cycle-id":      {"App.cycleID", "Session.CycleID", "cycle-id"},
	"clear-expired": {"App.clearExpired", "Engine.ClearExpired", "clear-expired"},
	"expiry":        {"App.expiry", "Session.SetExpiry", "expiry"},
	"placement":     {"App.placement", "Session.SetPlacement", "placement"},
	"login":         {"App.login", "Store.Save", "login"},
	"logout":        {"App.logout", "Store.Save", "logout"},
	"tamper":        {"App.tamper", "codec.verify", "verify"},
	"replay":        {"App.replay", "Session.open", "replay"},
	"pin":           {"App.pinCookie", "Engine.Load", "session"},
	"drop-cookie":   {"App.dropCookie", "Engine.Load", "drop"},
	"put-back":      {"App.putBack", "Engine.Load", "put-back"},
	"check":         {"App.check", "codec.verify", "verify"},
	"plant":         {"App.plant", "Engine.Load", "plant"},
}

// peers are the frameworks whose samples the page shows.
var peers = []struct{ id, name, title, file, comment, keywords, url, urlText string }{
	{"django", "Django", "request.session", "django.py", "#", "def|return|from|import|None|True|False|for|in|if",
		"https://docs.djangoproject.com/en/stable/topics/http/sessions/", "Django: how to use sessions"},
	{"express", "Express", "express-session", "express.js", "//", "const|return|if|for|of|new|require|null|false|true|delete",
		"https://expressjs.com/en/resources/middleware/session.html", "Express: express-session"},
	{"php", "PHP", "$_SESSION", "php.php", "//", "echo|foreach|as|unset|null|true|false|if",
		"https://www.php.net/manual/en/book.session.php", "PHP: session handling"},
	{"rails", "Rails", "session", "rails.rb", "#", "def|end|nil|true|false|if|do",
		"https://guides.rubyonrails.org/action_controller_overview.html#session", "Rails: the session"},
}

// functions are the pieces of Go that the page can show, by "Type.name".
var functions = sync.OnceValue(func() map[string]views.Listing {
	out := make(map[string]views.Listing)
	for _, act := range acts {
		out[act.handler] = function("internal/app/", handlerSource, act.handler)
		out[act.engine] = function("internal/session/", session.Source, act.engine)
	}
	return out
})

// function finds a method, with the comment above it, in the source of a package.
// In formatted code only the brace that ends a function begins a line.
func function(dir string, source embed.FS, method string) views.Listing {
	of, name, _ := strings.Cut(method, ".")
	files, _ := source.ReadDir(".")
	for _, file := range files {
		bytes, _ := source.ReadFile(file.Name())
		text := string(bytes)
		from := 1 + strings.LastIndex(text[:max(0, strings.Index(text, of+") "+name+"("))], "\n")
		if !strings.HasPrefix(text[from:], "func (") {
			continue
		}
		code, _, _ := strings.Cut(text[from:], "\n}\n")
		for from > 0 { // the comment
			above := 1 + strings.LastIndex(text[:from-1], "\n")
			if !strings.HasPrefix(text[above:], "//") {
				break
			}
			code, from = text[above:from]+code, above
		}
		line := 1 + strings.Count(text[:from], "\n")
		return views.Listing{Title: name, Where: fmt.Sprintf("%s%s, line %d", dir, file.Name(), line), Tokens: goTokens(code + "\n}")}
	}
	return views.Listing{} // cannot happen: a test finds every function
}

// goTokens colours Go.
func goTokens(code string) (out []views.Token) {
	set := token.NewFileSet()
	file := set.AddFile("", set.Base(), len(code))
	var s scanner.Scanner
	s.Init(file, []byte(code), nil, scanner.ScanComments)
	at := 0
	for {
		pos, tok, lit := s.Scan()
		kind := ""
		switch {
		case tok == token.EOF:
			return append(out, views.Token{Text: code[at:]})
		case tok == token.COMMENT:
			kind = "comment"
		case tok == token.STRING || tok == token.CHAR:
			kind = "string"
		case tok.IsKeyword():
			kind = "keyword"
		default:
			continue
		}
		from := file.Offset(pos)
		if from > at {
			out = append(out, views.Token{Text: code[at:from]})
		}
		at = from + len(lit)
		out = append(out, views.Token{Kind: kind, Text: code[from:at]})
	}
}

// samples are the peers' listings by section, coloured.
var samples = sync.OnceValue(func() map[string][]views.Listing {
	out := make(map[string][]views.Listing)
	for _, p := range peers {
		text, err := sampleSource.ReadFile("samples/" + p.file)
		if err != nil {
			panic(err) // it is embedded
		}
		parts := regexp.MustCompile(`("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(` + p.comment + `[^\n]*)|\b(` + p.keywords + `)\b`)
		for section := range strings.SplitSeq(strings.TrimPrefix(string(text), "=== "), "\n=== ") {
			name, code, _ := strings.Cut(section, "\n")
			code = strings.TrimSuffix(code, "\n")
			l := views.Listing{ID: p.id, Name: p.name, Title: p.title, URL: p.url, URLText: p.urlText}
			at := 0
			for _, m := range parts.FindAllStringSubmatchIndex(code, -1) {
				kind := "string"
				if m[4] >= 0 {
					kind = "comment"
				} else if m[6] >= 0 {
					kind = "keyword"
				}
				l.Tokens = append(l.Tokens, views.Token{Text: code[at:m[0]]}, views.Token{Kind: kind, Text: code[m[0]:m[1]]})
				at = m[1]
			}
			l.Tokens = append(l.Tokens, views.Token{Text: code[at:]})
			out[name] = append(out[name], l)
		}
	}
	return out
})

// codeOf returns an act in other frameworks, and the code that ran for its op: the handler
// and the engine's function stand under one name.
func codeOf(op string) views.Code {
	act, ok := acts[op]
	if !ok {
		return views.Code{}
	}
	handler, engine := functions()[act.handler], functions()[act.engine]
	handler.ID, handler.Name = "go", "Go: what ran here"
	engine.ID = "go"
	return views.Code{Op: op, Listings: slices.Concat(samples()[act.sample], []views.Listing{handler, engine})}
}
