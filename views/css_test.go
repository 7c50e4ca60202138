package views

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// styleSheet returns the style sheets of the pages that presses change, without comments.
func styleSheet(t *testing.T) string {
	var all []byte
	for _, name := range []string{"sessionscope", "experiments", "class"} {
		css, err := os.ReadFile("../web/css/" + name + ".css")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, css...)
	}
	return regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(string(all), "")
}

// cutOutside cuts a selector at each of separators that stands in no parentheses.
func cutOutside(selector, separators string) (out []string) {
	depth, from := 0, 0
	for i, r := range selector {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case depth == 0 && strings.ContainsRune(separators, r):
			out, from = append(out, selector[from:i]), i+1
		}
	}
	return append(out, selector[from:])
}

// Chromium notes for all rules with :has together what they can restyle, and restyles that when
// an element comes that any :has looks for, below the element that has the :has. If one rule ends
// in "*", or in :not alone, that is everything. With "main:has" too, each press took 7 ms more.
func TestHasRestylesLittle(t *testing.T) {
	pseudo := regexp.MustCompile(`::?(not|has|[a-z-]+$)(\(.*\))?|\*`)
	seen := 0
	for _, rule := range regexp.MustCompile(`([^{};]+)\{`).FindAllStringSubmatch(styleSheet(t), -1) {
		for _, selector := range cutOutside(rule[1], ",") {
			selector = strings.TrimSpace(selector)
			if !strings.Contains(selector, ":has(") {
				continue
			}
			seen++
			compounds := cutOutside(selector, " >+~")
			if last := pseudo.ReplaceAllString(compounds[len(compounds)-1], ""); last == "" {
				t.Errorf("%s: it restyles everything; name a class or an element at its end", selector)
			}
			if strings.HasPrefix(selector, "main:has(") {
				t.Errorf("%s: each press changes something in main; take a smaller element", selector)
			}
		}
	}
	if seen < 20 {
		t.Errorf("the control: the style sheets have %d selectors with :has", seen)
	}
}

// A projector would show a part of a secret: the rule that hides what stands in a .secret names
// the elements.
func TestProjectorHidesWhatSecretsHold(t *testing.T) {
	m := regexp.MustCompile(`\.secret :is\(([^)]*)\)`).FindStringSubmatch(styleSheet(t))
	if m == nil {
		t.Fatal("no rule hides what stands in a .secret")
	}
	hidden, seen := strings.Split(m[1], ", "), 0
	goldens, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(goldens) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, name := range goldens {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		doc, err := html.Parse(file)
		if err != nil {
			t.Fatal(err)
		}
		for el := range doc.Descendants() {
			if el.Type != html.ElementNode || !slices.ContainsFunc(el.Attr, func(a html.Attribute) bool {
				return a.Key == "class" && slices.Contains(strings.Fields(a.Val), "secret")
			}) {
				continue
			}
			for in := range el.Descendants() {
				if seen++; in.Type == html.ElementNode && !slices.Contains(hidden, in.Data) {
					t.Errorf("%s: a <%s> stands in a .secret, and the style sheet hides %s", name, in.Data, hidden)
				}
			}
		}
	}
	if seen == 0 {
		t.Error("the control: nothing stands in a .secret")
	}
}
