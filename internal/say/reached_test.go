package say

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unreached returns the string literals of a Go file of which a part is in none of lines.
func unreached(t *testing.T, name, source string, lines []string) (out []string) {
	t.Helper()
	said := strings.Join(lines, "\n")
	for _, literal := range literals(parsed(t, name, source)) {
		for _, part := range holesAndVerbs.Split(literal, -1) {
			if worded(part) && !slices.Contains(names, part) && !strings.Contains(said, part) {
				out = append(out, literal)
				break
			}
		}
	}
	return out
}

var holesAndVerbs = regexp.MustCompile(`%(?:\.[0-9]+)?[a-z]|%04x`)

// names are strings of this package that no sentence has: kinds of parts, tones, and the
// forms of times.
var names = []string{"mac", "gone", "born", "bad", "note", "ok", "secret", "code"}

// ownLines are all words that the facts of this package's tests bring out.
func ownLines() (out []string) {
	for _, s := range ownSections() {
		out = append(out, s.lines...)
	}
	for _, why := range []string{"restarted", "idle", "ended"} {
		out = append(out, NewTimeline(why))
	}
	return out
}

// A sentence that no facts of the tests bring out would be missing from the list.
func TestEveryLiteralIsInTheList(t *testing.T) {
	t.Parallel()
	lines := ownLines()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, literal := range unreached(t, path, string(source), lines) {
			t.Errorf("%s: no facts in the tests make the program say %q", path, literal)
		}
	}
}

// The test above would pass whatever is missing.
func TestAnUnreachedLiteralIsFound(t *testing.T) {
	t.Parallel()
	source := `package say
		func never(s *trace.Seen) Sentence {
			if s.Did.Op == "compared" { return Note("set", Text(fmt.Sprintf("A sentence that %d facts bring out.", 0))) }
			return Note("set", Text("This browser has no session. "))
		}`
	got := unreached(t, "never.go", source, ownLines())
	if want := []string{"A sentence that %d facts bring out."}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// The list would leave out what the source says.
func TestPhrases(t *testing.T) {
	t.Parallel()
	source := `package p
		import "an import"
		var words = map[string]string{"key": "a value of a map"}
		const fixed = "a constant"
		func f(n int, err error) string {
			switch word { case "a case": log.Error("a line of the log"); return "an " + "answer of " + strconv.Itoa(n) }
			if word == "compared" || at[key] == words["looked up"] { panic("a panic") }
			return fmt.Sprintf("at most %d %s for %.0f%%", n, say.Plural(n, "key", "keys"), span.Minutes()) + say.Text(tail(" and a tail"))
		}`
	want := []string{"a value of a map", "a constant", "an answer of {n}", "at most {n} key/keys for {span}%{…}", " and a tail"}
	got := phrases(parsed(t, "", source))
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// The list would leave out what a template or the script says.
func TestTemplateAndScriptWords(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "p.templ")
	template := `package views

templ p(n int, title string) {
	<p class="not read" title="A title">
		{ strconv.Itoa(n) } of <b>{ title }</b>
		if n > 0 {
			more than none
		} else {
			none
		}
	</p>
	<i
		if n > 1 {
			title="A title on a condition"
		} else {
			aria-label="Another one"
		}
		{ templ.Attributes{"title": "A spread title"}... }
	></i>
	@button("region", "A button") {
		<small>its text</small>
	}
}
`
	if err := os.WriteFile(path, []byte(template), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, line := range templateWords(t, path) {
		if line = strings.TrimSpace(spaces.ReplaceAllString(line, " ")); line != "" {
			got = append(got, line)
		}
	}
	if want := []string{"A title", "{n} of {title}", "more than none", "none", "A title on a condition", "Another one", "A spread title", "A button", "its text"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	script := "// 'a comment of words'\nfind('#id .name'); say('no answer came', `at ${when} it ended`); // 'nor this one'"
	if got, want := scriptWords(script), []string{"no answer came", "at {…} it ended"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
