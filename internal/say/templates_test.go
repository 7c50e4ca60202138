package say

import (
	"html"
	"regexp"
	"strings"
	"testing"

	templ "github.com/a-h/templ/parser/v2"
)

// This file reads the words of the templates and of the page's script.

// inline are the elements that stand within a line.
var inline = map[string]bool{"a": true, "b": true, "i": true, "code": true, "small": true, "span": true, "time": true, "mark": true, "del": true, "ins": true, "noscript": true}

// read are the attributes that a person reads or hears.
var read = map[string]bool{"title": true, "aria-label": true, "placeholder": true, "alt": true}

// templateWords returns the lines of a template, top to bottom. The arms of a choice are
// lines of their own.
func templateWords(t *testing.T, path string) []string {
	t.Helper()
	file, err := templ.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t}
	for _, node := range file.Nodes {
		switch node := node.(type) {
		case *templ.HTMLTemplate:
			r.all(node.Children)
			r.end()
		case *templ.TemplateFileGoExpression:
			r.calls("package views\n" + node.Expression.Value)
		}
	}
	return r.lines
}

type reader struct {
	t     *testing.T
	line  strings.Builder
	lines []string
}

func (r *reader) end() {
	r.lines = append(r.lines, r.line.String())
	r.line.Reset()
}

func (r *reader) all(nodes []templ.Node) {
	for _, n := range nodes {
		r.node(n)
	}
}

// arm reads one arm of a choice.
func (r *reader) arm(nodes []templ.Node) {
	r.end()
	r.all(nodes)
	r.end()
}

func (r *reader) node(n templ.Node) {
	switch n := n.(type) {
	case *templ.Text:
		r.line.WriteString(html.UnescapeString(n.Value) + string(n.TrailingSpace))
	case *templ.Whitespace:
		r.line.WriteString(" ")
	case *templ.StringExpression:
		r.line.WriteString(r.hole(n.Expression.Value) + string(n.TrailingSpace))
	case *templ.Element:
		r.element(n)
	case *templ.IfExpression:
		r.arm(n.Then)
		for _, e := range n.ElseIfs {
			r.arm(e.Then)
		}
		r.arm(n.Else)
	case *templ.ForExpression:
		r.arm(n.Children)
	case *templ.SwitchExpression:
		for _, c := range n.Cases {
			r.arm(c.Children)
		}
	case *templ.TemplElementExpression:
		r.calls("package views\nvar _ = " + n.Expression.Value)
		r.arm(n.Children)
	case *templ.ChildrenExpression, *templ.DocType, *templ.GoComment, *templ.ScriptElement:
	default:
		r.t.Errorf("a template has a %T, which nobody reads", n)
	}
}

// calls reads Go code of a template: names of regions and classes are in small letters.
func (r *reader) calls(code string) {
	for _, p := range phrases(parsed(r.t, "", code)) {
		if strings.ContainsAny(p, " ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			r.lines = append(r.lines, p)
		}
	}
}

func (r *reader) element(e *templ.Element) {
	if !inline[e.Name] {
		r.end()
	}
	r.attributes(e.Attributes)
	r.all(e.Children)
	r.line.WriteString(string(e.TrailingSpace))
	if e.Name == "small" {
		r.line.WriteString(" ")
	}
	if !inline[e.Name] {
		r.end()
	}
}

// attributes reads the attributes of an element, those of a condition too.
func (r *reader) attributes(list []templ.Attribute) {
	for _, a := range list {
		switch a := a.(type) {
		case *templ.ConstantAttribute:
			if read[a.Key.String()] {
				r.lines = append(r.lines, html.UnescapeString(a.Value))
			}
		case *templ.ExpressionAttribute:
			if read[a.Key.String()] {
				r.lines = append(r.lines, r.hole(a.Expression.Value))
			}
		case *templ.SpreadAttributes:
			r.calls("package views\nvar _ = " + a.Expression.Value)
		case *templ.ConditionalAttribute:
			r.attributes(a.Then)
			r.attributes(a.Else)
		case *templ.BoolConstantAttribute, *templ.BoolExpressionAttribute:
		default:
			r.t.Errorf("an element has a %T, which nobody reads", a)
		}
	}
}

// hole shows a Go expression of a template.
func (r *reader) hole(expression string) string {
	file := parsed(r.t, "", "package p\nvar _ = "+expression)
	return phrase(valueOf(file))
}

// inScript is a string of JavaScript. A template's ${…} is what is computed.
var inScript = regexp.MustCompile("'(?:[^'\\\\\n]|\\\\.)*'|\"(?:[^\"\\\\\n]|\\\\.)*\"|`[^`]*`")

// notSaid is what only looks like words in a script: a selector, an event, markup of a line.
var notSaid = regexp.MustCompile(`[#=\[\]>|]|^nav, |^result `)

// scriptWords returns the strings of a script that have words.
func scriptWords(text string) (out []string) {
	for _, line := range strings.Split(text, "\n") {
		code, _, _ := strings.Cut(line, " // ")
		if strings.HasPrefix(strings.TrimSpace(line), "//") {
			continue
		}
		for _, s := range inScript.FindAllString(code, -1) {
			if s = s[1 : len(s)-1]; sentencelike(s) && !notSaid.MatchString(s) {
				out = append(out, scriptHole.ReplaceAllString(s, "{…}"))
			}
		}
	}
	return out
}

var scriptHole = regexp.MustCompile(`\$\{[^}]*\}`)
