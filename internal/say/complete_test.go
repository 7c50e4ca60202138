package say

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// silent are the folders and files of the program that say nothing on a page.
var silent = map[string]string{
	"internal/backlog":   "speaks to the log",
	"internal/bench":     "is a benchmark",
	"internal/classroom": "has facts, and no words; its errors are put into words by internal/app",
	"internal/config":    "speaks to the terminal",
	"internal/e2e":       "has tests only",
	"internal/figures":   "is a benchmark",
	"internal/load":      "is a benchmark",
	"internal/peers":     "asks other session layers, and has tests only",
	"internal/program":   "speaks to the terminal",
	"internal/release":   "makes what is published, and speaks to who runs it",
	"internal/terminal":  "speaks to the terminal",
	"internal/store":     "its errors are causes, which only the log shows",
	"internal/trace":     "has facts, and no words",

	"internal/experiment/shelf/text.go": "speaks to the writer of a text",
	"internal/plan/text.go":             "speaks to the writer of a text",
	"internal/session/backend.go":       "its errors are causes, which only the log shows",
	"internal/session/codec.go":         "but for the errors that reasons names",
	"internal/session/engine.go":        "its errors are causes, which only the log shows",
	"internal/session/envelope.go":      "but for the error that reasons names",
	"internal/session/errors.go":        "its errors are causes, which only the log shows",
	"internal/session/secrets.go":       "speaks to the terminal",
	"internal/session/expiry.go":        "its errors are causes, which only the log shows",
	"internal/session/values.go":        "its errors are causes, which only the log shows",
}

// speaking returns the folders of the program whose words stand in a list.
func speaking(t *testing.T) (out []string) {
	t.Helper()
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if dir := "internal/" + e.Name(); e.IsDir() && silent[dir] == "" {
			out = append(out, dir)
		}
	}
	return append(out, "views")
}

// inLog are the functions whose strings no page shows: the log and a panic show them.
var inLog = []string{"New", "Errorf", "Error", "Warn", "Info", "panic", "MustCompile", "wrong"}

// saidLiterals returns the string literals of a Go file that have a word, a space and
// another word, and are not of a function that is in inLog.
func saidLiterals(file *ast.File) (out []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			return n.Tag == nil
		case *ast.CallExpr:
			return !slices.Contains(inLog, name(n.Fun))
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && sentencelike(s) {
				out = append(out, s)
			}
		}
		return true
	})
	return out
}

// missing returns the literals of which a part is in none of the lists and not in unsaid.
func missing(literals []string, lists string) (out []string) {
	for _, literal := range literals {
		if unsaid[tidied(literal)] != "" {
			continue
		}
		for _, part := range verb.Split(literal, -1) {
			if part = tidied(part); worded(part) && !strings.Contains(lists, part) {
				out = append(out, literal)
				break
			}
		}
	}
	return out
}

// A sentence would be in no list: the lists leave out what they take for an address, a
// condition or a line of the log.
func TestNoSentenceIsMissing(t *testing.T) {
	t.Parallel()
	var lists strings.Builder
	for _, name := range []string{"sentences.txt", "experiments.txt", "plans.txt"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		lists.Write(text)
	}
	files, met := 0, make(map[string]bool)
	for _, section := range append(elsewhere(t), ofExperiments(t)...) {
		for _, line := range section.lines {
			met[tidied(line)] = true
		}
	}
	for _, dir := range speaking(t) {
		if dir == "internal/say" {
			continue // the list has examples of this package's sentences: see TestEveryLiteralIsInTheList
		}
		for _, file := range filesOf(t, dir, ".go") {
			if silent[file] != "" || strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "_templ.go") {
				continue
			}
			source, err := os.ReadFile(path.Join("../..", file))
			if err != nil {
				t.Fatal(err)
			}
			files++
			literals := saidLiterals(parsed(t, file, string(source)))
			for _, literal := range literals {
				met[tidied(literal)] = true
			}
			for _, literal := range missing(literals, lists.String()) {
				t.Errorf("%s: %q is in no list, and not in unsaid", file, literal)
			}
		}
	}
	for line := range unsaid {
		if !met[line] {
			t.Errorf("%q is in no source any more: take it out of unsaid", line)
		}
	}
	if files < 50 {
		t.Errorf("%d files were read", files)
	}
}

// The test above would pass whatever is missing.
func TestAMissingSentenceIsFound(t *testing.T) {
	t.Parallel()
	source := "package p\n" + `
		import "an import"
		type t struct { a int ` + "`json:\"a b\"`" + ` }
		var h = map[string]string{"a looked up key": "a planted sentence"}
		func f(c *call) (string, error) {
			if h["another planted sentence"] == "a compared sentence" { log.Error("a line of the log"); panic("the end of it") }
			c.header.Set("Retry-After", "try again later")
			return fmt.Sprintf("at most %d keys are allowed", n), errors.New("a cause of it")
		}`
	got := missing(saidLiterals(parsed(t, "p.go", source)), "at most {n} keys are allowed")
	want := []string{"a looked up key", "a planted sentence", "another planted sentence", "a compared sentence", "try again later"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
