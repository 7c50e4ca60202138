package say

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// This file reads the words of other packages from their Go source.

// parsed is the syntax of a Go file.
func parsed(t *testing.T, name, text string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// phrases returns the string expressions under n, in the order of the source. An
// expression stands whole: what is computed in it is a word in braces.
func phrases(n ast.Node) (out []string) {
	speeches(n, func(e ast.Expr) { out = append(out, phrase(e)) })
	return out
}

// literals returns the string literals that phrases shows.
func literals(n ast.Node) (out []string) {
	speeches(n, func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok {
			out = append(out, phrase(lit))
			return
		}
		ast.Inspect(e, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				out = append(out, phrase(lit))
			}
			return true
		})
	})
	return out
}

// speeches calls hear with each string expression under n. Strings that only steer the
// program are left out: what is compared, looked up, logged, or the cause of an error.
func speeches(n ast.Node, hear func(ast.Expr)) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec, *ast.Field:
			return false
		case *ast.CaseClause:
			for _, s := range n.Body {
				speeches(s, hear)
			}
			return false
		case *ast.IndexExpr:
			speeches(n.X, hear)
			return false
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); !ok || !steering[key.Name] {
				speeches(n.Value, hear)
			}
			return false
		case *ast.CallExpr:
			if quiet[name(n.Fun)] {
				return false
			}
		}
		if e, ok := n.(ast.Expr); ok && speaks(e) {
			hear(e)
			inside(e, hear)
			return false
		}
		binary, ok := n.(*ast.BinaryExpr)
		return !ok || binary.Op == token.LAND || binary.Op == token.LOR
	})
}

// steering are the fields whose strings nobody reads.
var steering = map[string]bool{"Kind": true, "Op": true, "Slug": true, "URL": true, "Method": true, "Path": true, "Tone": true, "tone": true, "To": true}

// quiet are the functions whose strings nobody reads on a page.
var quiet = map[string]bool{
	"New": true, "Error": true, "Warn": true, "Info": true, "panic": true, "Discard": true, "MustCompile": true,
	"Cut": true, "CutPrefix": true, "CutSuffix": true, "HasPrefix": true, "HasSuffix": true, "TrimPrefix": true, "TrimSuffix": true, "Contains": true,
	"ContainsAny": true, "IndexAny": true, "Split": true, "Get": true, "Set": true, "Add": true, "Del": true, "Format": true, "KV": true,
}

// name is the last word of what is called.
func name(fun ast.Expr) string {
	switch fun := fun.(type) {
	case *ast.Ident:
		return fun.Name
	case *ast.SelectorExpr:
		return fun.Sel.Name
	}
	return ""
}

// speaks tells whether e is a string with a literal in it.
func speaks(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return e.Kind == token.STRING
	case *ast.ParenExpr:
		return speaks(e.X)
	case *ast.BinaryExpr:
		return e.Op == token.ADD && (speaks(e.X) || speaks(e.Y))
	case *ast.CallExpr:
		return formats[name(e.Fun)] && len(e.Args) > 0 && speaks(e.Args[0])
	}
	return false
}

// formats are the functions whose first argument has verbs for the others.
var formats = map[string]bool{"Sprintf": true, "Errorf": true}

var verb = regexp.MustCompile(`%(?:[-+# 0]*[0-9]*(?:\.[0-9]+)?[a-zA-Z]|%)`)

// phrase shows e with what is computed in braces.
func phrase(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return s
		}
		return "{" + e.Value + "}"
	case *ast.ParenExpr:
		return phrase(e.X)
	case *ast.BinaryExpr:
		if e.Op == token.ADD && speaks(e) {
			return phrase(e.X) + phrase(e.Y)
		}
	case *ast.CallExpr:
		if speaks(e) {
			args := e.Args[1:]
			return verb.ReplaceAllStringFunc(phrase(e.Args[0]), func(v string) string {
				if v == "%%" || len(args) == 0 {
					return "%"
				}
				arg := args[0]
				args = args[1:]
				return phrase(arg)
			})
		}
	}
	return computed(e)
}

// computed names what is computed: a noun of two forms, or a word in braces.
func computed(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return "{" + e.Name + "}"
	case *ast.SelectorExpr:
		return "{" + e.Sel.Name + "}"
	case *ast.BinaryExpr:
		return strings.Replace(computed(e.X)+computed(e.Y), "{…}", "", 1)
	case *ast.CallExpr:
		switch n := len(e.Args); {
		case isNoun(e) && n > 2:
			return phrase(e.Args[n-2]) + "/" + phrase(e.Args[n-1])
		case n > 0:
			return computed(e.Args[0])
		}
		if sel, ok := e.Fun.(*ast.SelectorExpr); ok {
			return computed(sel.X)
		}
	}
	return "{…}"
}

// inside calls hear with the strings of what is computed in e.
func inside(e ast.Expr, hear func(ast.Expr)) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		inside(e.X, hear)
	case *ast.BinaryExpr:
		inside(e.X, hear)
		inside(e.Y, hear)
	case *ast.CallExpr:
		for i, arg := range e.Args {
			if (i > 0 || !speaks(e)) && !isNoun(arg) {
				speeches(arg, hear)
			}
		}
	case *ast.BasicLit:
	default:
		speeches(e, hear)
	}
}

// isNoun tells whether e is a noun with a form for one and a form for many.
func isNoun(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	return ok && nouns[name(call.Fun)]
}

var nouns = map[string]bool{"Plural": true, "counted": true}

var (
	letters = regexp.MustCompile(`\pL\pL`)
	spaced  = regexp.MustCompile(`\pL[\pL.,:;’'"%]*\s+(?:\S+\s+)?\S*\pL`)
	// notText begins what is no text: a header of HTTP, the beginning of an address.
	notText = regexp.MustCompile(`^/|^HTTP/|^Retry-After|charset=|default-src|form-action`)
	// tags are the elements of a piece of HTML, whole or cut.
	tags = regexp.MustCompile(`<[^<>]*>|^[^<>]*>|<[^<>]*$`)
)

// bare is s without the tags of HTML.
func bare(s string) string {
	if strings.Contains(s, "</") || strings.Contains(s, "<a ") || strings.HasPrefix(s, "<") {
		return tags.ReplaceAllString(s, " ")
	}
	return s
}

// worded tells that s has a word, and sentencelike that it has two.
func worded(s string) bool {
	return letters.MatchString(holes.ReplaceAllString(s, "")) && !notText.MatchString(s)
}
func sentencelike(s string) bool { return spaced.MatchString(s) && worded(s) }

var holes = regexp.MustCompile(`\{[^{} ]*\}`)

// valueOf is the expression of a file that has one variable.
func valueOf(file *ast.File) ast.Expr {
	return file.Decls[0].(*ast.GenDecl).Specs[0].(*ast.ValueSpec).Values[0]
}
