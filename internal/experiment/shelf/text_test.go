package shelf

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// soundText is a text that has every part. Its lines are counted by TestWrongTexts.
const soundText = `# Title

What people believe.
Is it so?

## Predictions

- yes: Yes: it is
- no-way: No: it is {bad not}

## Does

two requests

## Needs

Any machine will do.

## Answer

It is not

## So what

Do this.
Leave that.

## Explain

First.
Then ` + "`{code}`" + `.
And at last.

## Breaks

A fault.

## Sources

- [RFC 2104: HMAC](https://www.rfc-editor.org/rfc/rfc2104)
`

// A sound text is read whole.
func TestSoundText(t *testing.T) {
	got, err := parse("x.md", soundText)
	if err != nil {
		t.Fatal(err)
	}
	if got.Title != "Title" || got.Lead != "What people believe. Is it so?" || got.Does != "two requests" || got.Needs != "Any machine will do." ||
		got.Answer != "It is not" || len(got.SoWhat) != 2 || got.SoWhat[1] != "Leave that." || len(got.Explain) != 3 || got.Explain[1] != "Then `{code}`." || got.Breaks != "A fault." {
		t.Errorf("it was read as %+v", got)
	}
	if len(got.Predictions) != 2 || got.Predictions[1].Name != "no-way" || got.Predictions[1].Text != "No: it is {bad not}" {
		t.Errorf("its predictions were read as %+v", got.Predictions)
	}
	if len(got.Sources) != 1 || got.Sources[0].URL != "https://www.rfc-editor.org/rfc/rfc2104" || got.Sources[0].Text != "RFC 2104: HMAC" {
		t.Errorf("its sources were read as %+v", got.Sources)
	}
	if _, err := parse("x.md", strings.Replace(soundText, "## Needs\n\nAny machine will do.\n\n", "", 1)); err != nil {
		t.Errorf("without the part that may be missing: %v", err)
	}
}

// A text that is wrong is refused with its file and its line. Otherwise half of it is
// missing on the page, or its markup stands there as it was typed.
func TestWrongTexts(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"no text", soundText, "\n", "x.md:1: there is no text"},
		{"no title", "# Title\n\n", "", "x.md:1: the text does not begin with a title"},
		{"an empty title", "# Title", "#", "x.md:1: the text does not begin with a title"},
		{"an unknown heading", "## Breaks", "## Brakes", `x.md:34: here comes "## Brakes", and not "## Breaks"`},
		{"a missing part", "## Does\n\ntwo requests\n\n", "", `x.md:11: here comes "## Needs", and not "## Does"`},
		{"a missing last part", soundText[strings.Index(soundText, "\n## Sources"):], "", `x.md:36: the part "## Sources" is missing`},
		{"an empty part", "two requests\n\n", "", `x.md:11: the part "## Does" is empty`},
		{"a part twice", "## Sources", "## Breaks\n\nA fault.\n\n## Sources", `x.md:38: here comes "## Breaks", and not "## Sources"`},
		{"a part too many", "rfc2104)\n", "rfc2104)\n\n## More\n\nWords.\n", `x.md:42: "## More" is no part of a text, or stands in the wrong place`},
		{"one prediction", "- no-way: No: it is {bad not}\n", "", "x.md:6: there are 1 predictions; from 2 to 4 are allowed"},
		{"five predictions", "- yes: Yes", "- a: A\n- b: B\n- c: C\n- yes: Yes", "x.md:6: there are 5 predictions; from 2 to 4 are allowed"},
		{"a prediction twice", "- no-way:", "- yes:", "x.md:9: there are two predictions of the name yes"},
		{"a prediction without a name", "- no-way: No: it is", "- No it is", "x.md:9: a prediction is written: - its-name: What is predicted"},
		{"two lines of Does", "two requests", "two requests\nand more", "x.md:11: Does is one line without a full stop"},
		{"a full stop after Does", "two requests", "two requests.", "x.md:11: Does is one line without a full stop"},
		{"no answer", "## Answer\n\nIt is not\n\n", "", `x.md:19: here comes "## So what", and not "## Answer"`},
		{"an answer that is the title", "It is not\n", "Title\n", "x.md:19: the answer is the title, which stands on the page before the run"},
		{"a full stop after the answer", "It is not\n", "It is not.\n", "x.md:19: Answer is one line without a full stop"},
		{"no so what", "## So what\n\nDo this.\nLeave that.\n\n", "", `x.md:23: here comes "## Explain", and not "## So what"`},
		{"one sentence of so what", "Leave that.\n", "", "x.md:23: the part has 1 sentences, and must have 2"},
		{"three sentences of so what", "Do this.", "Do this.\nAnd this.", "x.md:23: the part has 3 sentences, and must have 2"},
		{"a long sentence of so what", "Do this.", "Do" + strings.Repeat(" this", 25) + ".", "x.md:25: the sentence has 26 words; at most 25 are allowed"},
		{"two sentences", "And at last.\n", "", "x.md:28: the part has 2 sentences; from 3 to 6 are allowed"},
		{"seven sentences", "First.", "One.\nTwo.\nThree.\nFour.\nFirst.", "x.md:28: the part has 7 sentences; from 3 to 6 are allowed"},
		{"seven sentences of a lead", "Is it so?", "A.\nB.\nC.\nD.\nE.\nF.", "x.md:1: the part has 7 sentences; from 1 to 6 are allowed"},
		{"no sentence", "First.", "First", "x.md:30: the line is no sentence: it ends without a full stop or a question mark"},
		{"two sentences on a line", "First.", "First. Second.", "x.md:30: the line has more than one sentence"},
		{"plain http", "(https:", "(http:", "x.md:40: a source is written: - [What it is called](https://example.org/page)"},
		{"no host", "https://www.rfc-editor.org/rfc/rfc2104", "https:///rfc2104", "x.md:40: the address https:///rfc2104 has no host"},
		{"code that does not end", "`{code}`", "`{code}", "x.md:31: code begins and does not end, or is empty"},
		{"an unknown colour", "{bad not}", "{red not}", "x.md:9: a brace begins no colour, or the colour does not end"},
		{"a colour that does not end", "{bad not}", "{bad not", "x.md:9: a brace begins no colour, or the colour does not end"},
		{"a brace that ends nothing", "{bad not}", "not}", "x.md:9: a brace ends what did not begin"},
		{"a space at the end", "First.", "First. ", "x.md:30: the line begins or ends with a space"},
		{"no line before a heading", "\n## Does", "## Does", `x.md:10: there is no empty line before the heading "## Does"`},
		{"no line after a heading", "## Does\n", "## Does", `x.md:11: there is no empty line after the heading "## Does"`},
		{"an empty line within a part", "First.\n", "First.\n\n", "x.md:31: an empty line stands within a part"},
		{"no end of the last line", "rfc2104)\n", "rfc2104)", "x.md:40: the last line does not end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(soundText, test.old) {
				t.Fatalf("the sound text has no %q", test.old)
			}
			_, err := parse("x.md", strings.Replace(soundText, test.old, test.new, 1))
			if err == nil || err.Error() != test.want {
				t.Errorf("the error is %v\nwant         %s", err, test.want)
			}
		})
	}
}

// see is a reference of a text to other experiments, by their titles.
var see = regexp.MustCompile(`“([^”]+)”`)

// Each text belongs to an experiment, and what it refers to exists.
func TestTexts(t *testing.T) {
	s, err := Open()
	if err != nil {
		t.Fatal(err) // it names the file and the line
	}
	var names, titles, answers, sections []string
	for _, e := range s.All() {
		if slices.Contains(titles, e.Title) || slices.Contains(answers, e.Answer) {
			t.Errorf("%s has the title %q and the answer %q, and one of them is another's too", textName(e.Slug), e.Title, e.Answer)
		}
		names, titles, answers = append(names, textName(e.Slug)), append(titles, e.Title), append(answers, e.Answer)
	}
	for _, section := range s.Sections() {
		if slices.Contains(sections, section.Title) {
			t.Errorf("the experiments of the section %q do not stand together", section.Title)
		}
		sections = append(sections, section.Title)
	}
	files, _ := fs.Glob(texts, "*.md")
	for _, name := range files {
		if !slices.Contains(names, name) {
			t.Errorf("%s belongs to no experiment", name)
		}
	}
	for _, e := range s.All() {
		for _, source := range e.Sources {
			if u, err := url.Parse(source.URL); err != nil || u.Host == "" || u.User != nil {
				t.Errorf("%s: the address %q: %v", textName(e.Slug), source.URL, err)
			}
		}
		for _, sentence := range slices.Concat([]string{e.Lead, e.Needs, e.Breaks}, e.SoWhat, e.Explain) {
			if !strings.Contains(sentence, "See “") {
				continue
			}
			for _, m := range see.FindAllStringSubmatch(sentence, -1) {
				if !slices.Contains(titles, m[1]) || m[1] == e.Title {
					t.Errorf("%s refers to the experiment “%s”: there is no other of that title", textName(e.Slug), m[1])
				}
			}
		}
	}
}

// Each prediction is one that the experiment's function can find to be true, and that
// function names no other. Otherwise a learner can predict what never happens.
func TestPredictions(t *testing.T) {
	s, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.All() {
		name := strings.TrimSuffix(textName(e.Slug), ".md") + ".go"
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		words, happened := literals(file)
		for _, p := range e.Predictions {
			if !words[p.Name] {
				t.Errorf("%s has the prediction %q, and %s does not", textName(e.Slug), p.Name, name)
			}
		}
		for word := range happened {
			if e.PredictionNumber(word) == 0 {
				t.Errorf("%s can find %q, and %s has no prediction of that name", name, word, textName(e.Slug))
			}
		}
	}
}

// literals returns the strings in a file, and the strings that are given to a Happened.
func literals(file *ast.File) (all, happened map[string]bool) {
	all, happened = make(map[string]bool), make(map[string]bool)
	text := func(e ast.Expr) (string, bool) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(lit.Value)
		return s, err == nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if s, ok := text(n); ok {
				all[s] = true
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if sel, ok := left.(*ast.SelectorExpr); ok && sel.Sel.Name == "Happened" && len(n.Rhs) == len(n.Lhs) {
					if s, ok := text(n.Rhs[i]); ok {
						happened[s] = true
					}
				}
			}
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Happened" {
				if s, ok := text(n.Value); ok {
					happened[s] = true
				}
			}
		}
		return true
	})
	return all, happened
}
