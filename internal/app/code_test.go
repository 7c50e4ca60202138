package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// The code on the page is of the handler that the route has, and of a function of
// the engine that this handler calls; each act stands in every peer's samples.
func TestCode(t *testing.T) {
	h := newApp(t, nil)
	for _, route := range h.echo.Routes() {
		op := strings.TrimPrefix(route.Path, "/")
		switch {
		case op == "":
			op = "lab"
		case slices.Contains([]string{"healthz", "events", "moment", "lesson", "second", "projector", "assets/*", "exchanges/:n", "about", "quit"}, op):
			continue // they act on no session
		case op == "join" || strings.HasPrefix(op, "join/") || strings.HasPrefix(op, "class"):
			continue // the class's own identity is in no session
		case strings.HasPrefix(op, "experiments"):
			continue // what a run shows is what it sent
		}
		act, ok := acts[op]
		if !ok {
			t.Errorf("%s %s has no code to show", route.Method, route.Path)
			continue
		}
		code := codeOf(op)
		if len(code.Listings) != 2+len(peers) {
			t.Errorf("%s: %d listings, want %d", op, len(code.Listings), 2+len(peers))
			continue
		}
		text := make([]string, len(code.Listings))
		for i, l := range code.Listings {
			for _, token := range l.Tokens {
				text[i] += token.Text
			}
			if strings.TrimSpace(text[i]) == "" {
				t.Errorf("%s: the listing of %q is empty", op, l.Title)
			}
			if i < len(peers) && (l.URL == "" || l.URLText == "") {
				t.Errorf("%s: %s has no link", op, l.Name)
			}
		}
		_, handler, _ := strings.Cut(act.handler, ".")
		_, engine, _ := strings.Cut(act.engine, ".")
		ran := text[len(peers):]
		if !strings.Contains(ran[0], ") "+handler+"(") || !strings.Contains(ran[1], ") "+engine+"(") {
			t.Errorf("%s: the code is of others: %.80s … %.80s", op, ran[0], ran[1])
		}
		indirect := map[string]bool{"Engine.Load": true, "codec.verify": true, "Session.open": true} // App.with loads every session; the request of a copy reaches the other two
		if !indirect[act.engine] && !calls(t, ran[0], engine) {
			t.Errorf("%s: the handler does not call %s", op, engine)
		}
	}
	if codeOf("nothing of ours").Listings != nil {
		t.Error("code of nothing")
	}
}

// A page that shows the code of a press gets it not again, and gets it after all if another answer
// has put other code there meanwhile: otherwise the code would be of another press than the rest.
func TestCodeThatThePageHas(t *testing.T) {
	t.Parallel()
	_, b, v := openLab(t, formFragment)
	shows := func(code, method, target, body string) answer {
		t.Helper()
		r := b.request(method, target, body)
		r.Header.Set(trace.PageHeader, v+" "+strings.Repeat("P", pageIDLen)+" 1 "+code)
		return b.send(r).want(200)
	}
	const set, ofSet = "key=name&value=Rahim", `data-op="set"`
	shows("lab", "POST", "/set", set).want(200, `id="code"`, ofSet, `hx-get="/exchanges/2"`)
	shows("set", "POST", "/set", set).want(200, `hx-get="/exchanges/3?op=set"`).wantNo(`id="code"`)
	shows("set", "GET", "/exchanges/3?op=set", "").wantNo(`id="code"`)
	shows("get", "GET", "/exchanges/3?op=set", "").want(200, `main:has(#wire[data-n=&#34;3&#34;]) #code`, ofSet)
	shows("get", "GET", "/exchanges/3", "").wantNo(`id="code"`)
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200, `id="code"`)
	b.form = formPage
	shows("lab", "GET", "/", "").want(200, `data-op="lab"`)
}

// calls tells whether a function's source calls a method of that name.
func calls(t *testing.T, source, name string) (found bool) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+source, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == name {
			found = true
		}
		return true
	})
	return found
}
