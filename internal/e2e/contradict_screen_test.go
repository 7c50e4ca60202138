package e2e

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// line is one line of text on a screen: a paragraph, a row of a table, an entry of a list.
// place is the ids around it that the check knows, from outside in: "browser/jar".
type line struct{ place, text string }

// places are all the ids by which the check knows where a line stands, and the classes of
// parts that have no id. Layout within them may change: lines are read by their words.
var places = map[string]bool{
	"result": true, "moment": true, "timeline": true, "news": true,
	"browser": true, "raw": true, "payload": true, "jar": true, "document-cookie": true, "curl-text": true, "pins": true,
	"wire": true, "request": true, "response": true, "sizes": true, "wire-changes": true,
	"server": true, "figures": true, "expired-count": true,
}

var placeClasses = []string{"steps", "clocks", "late", "stored", "changes"}

// inCells are the places whose lines keep the borders of their elements, as " | ".
var inCells = regexp.MustCompile(`(/steps|/changes|timeline|/stored)$`)

// emptyCells are the borders of cells without text.
var emptyCells = regexp.MustCompile(`( \|)+`)

var entryID = regexp.MustCompile(`^e\d+$`)

// linesOf returns the lines of the panels in an HTML text: a page, or fragments of one. It
// reads folded parts too, and what is hidden only by CSS; hidden buttons and forms are left
// out. n is the number of the moment on the screen.
func linesOf(text string) (lines []line, n string) {
	doc, err := html.ParseWithOptions(strings.NewReader(text), html.ParseOptionEnableScripting(false))
	if err != nil {
		panic(err) // of a strings.Reader
	}
	r := &lineReader{}
	r.walk(doc, "")
	r.flush()
	return r.lines, r.n
}

type lineReader struct {
	lines []line
	n     string
	place string // of the line that is being read
	line  strings.Builder
	row   int // more than 0 within a row of a table
}

func (r *lineReader) flush() {
	text := strings.Join(strings.Fields(r.line.String()), " ")
	text = strings.Trim(emptyCells.ReplaceAllString(text, " |"), " |")
	if text != "" && r.place != "" {
		r.lines = append(r.lines, line{r.place, text})
	}
	r.line.Reset()
}

// noLines are elements that say nothing of an exchange.
var noLines = map[atom.Atom]bool{atom.Script: true, atom.Style: true, atom.Select: true, atom.Noscript: true, atom.Nav: true, atom.Head: true}

// blocks are elements that begin a line of their own. A row of a table, an entry of a list
// and a pair of dt and dd are one line.
var blocks = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Li: true, atom.Tr: true, atom.H2: true, atom.H3: true, atom.Summary: true, atom.Label: true,
	atom.Figcaption: true, atom.Caption: true, atom.Fieldset: true, atom.Form: true, atom.Details: true, atom.Section: true,
	atom.Article: true, atom.Ul: true, atom.Ol: true, atom.Dl: true, atom.Table: true, atom.Textarea: true, atom.Button: true, atom.Svg: true,
}

// apart are elements within a line that are words of their own.
var apart = map[atom.Atom]bool{atom.Time: true, atom.Dd: true, atom.Td: true, atom.Th: true, atom.Small: true, atom.B: true, atom.Code: true}

func (r *lineReader) walk(n *html.Node, place string) {
	if n.Type == html.TextNode {
		if strings.TrimSpace(r.line.String()) == "" {
			r.place = place
		}
		r.line.WriteString(n.Data)
		return
	}
	if n.Type == html.ElementNode && (noLines[n.DataAtom] || has(n, "hidden") && n.Data != "form") {
		return
	}
	outside := place
	place = r.enter(n, place)
	oneLine := n.DataAtom == atom.Button && strings.Contains(place, "timeline") || n.DataAtom == atom.Button && strings.HasSuffix(place, "pins")
	block := blocks[n.DataAtom] && !oneLine && !(r.row > 0 && n.DataAtom != atom.Tr)
	if n.DataAtom == atom.Tr {
		r.row++
		defer func() { r.row-- }()
	}
	if block {
		r.flush()
	} else if (r.row > 0 || inCells.MatchString(place)) && r.line.Len() > 0 {
		r.line.WriteString(" | ")
	} else if apart[n.DataAtom] || attr(n, "class") == "unseen" || strings.HasPrefix(attr(n, "class"), "flag") {
		r.line.WriteString(" ")
	}
	if n.DataAtom == atom.Svg {
		r.place = place
		r.line.WriteString(attr(n, "aria-label"))
	} else {
		if n.DataAtom == atom.Progress {
			r.line.WriteString(" [" + attr(n, "value") + " of " + attr(n, "max") + "]")
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			r.walk(c, place)
		}
	}
	if block || place != outside {
		r.flush()
	}
}

// enter returns the place within n, and takes notes of n's attributes.
func (r *lineReader) enter(n *html.Node, place string) string {
	id := attr(n, "id")
	if id == "wire" {
		r.n = attr(n, "data-n")
	}
	switch {
	case entryID.MatchString(id):
		return "timeline/" + id + "/timeline"
	case places[id]:
	default:
		id = ""
		for _, class := range strings.Fields(attr(n, "class")) {
			if slices.Contains(placeClasses, class) {
				id = class
			}
		}
	}
	if id == "" {
		return place
	}
	r.flush()
	return strings.TrimPrefix(place+"/"+id, "/")
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}
