package say

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forbidden are words for things that have another name in the glossary, which is the
// comment of the package, or that stand where a noun belongs.
var forbidden = []struct{ word, say string }{
	{`throws?|threw|thrown`, "the browser drops a cookie"},
	{`born|births?`, "a write creates a session"},
	{`dead|killed|retired|revived`, "a session or an ID has ended: it opens nothing"},
	{`lies?|lay`, "a record is in the store"},
	{`rid(?:e|es|ing)`, "a value lives in the cookie"},
	{`tombstones?|headstones?`, "a marker"},
	{`rows?|entry|entries`, "a record"},
	{`swept|sweeps?`, "expired records are cleared"},
	{`data`, "values, or the payload of a cookie"},
	{`sids?|tokens?|session ids?`, "the session ID"},
	{`user agents?`, "the browser, or the client"},
	{`ours|mine`, "of this server, of this program"},
	{`windows?`, "a page"},
	{`such`, "the noun"}, // but "such as"
	{`else`, "the noun"},
	{`alone`, "only"},
	{`anew`, "again"},
}

// misnamed returns a line for each forbidden word in text.
func misnamed(text string) (out []string) {
	for _, f := range forbidden {
		word := regexp.MustCompile(`(?:^|[^\pL\pN-])(` + f.word + `)(?:$|[^\pL\pN-])`)
		for line := range strings.SplitSeq(text, "\n") {
			plain := strings.ReplaceAll(holes.ReplaceAllString(line, ""), "such as", "")
			if found := word.FindStringSubmatch(plain); found != nil {
				out = append(out, found[1]+": "+line)
			}
		}
	}
	return out
}

// ofTheirOwn are what the experiments mean by a forbidden word: the rows of their table, the
// windows of a browser, and terms that other people use.
var ofTheirOwn = regexp.MustCompile(`(?m)\brows?\b|\bwindows?\b|\bbearer token\b|^# Experiments: .*|^- [a-z-]+: `)

// A thing would have two names, and a learner would look for the second thing.
func TestThingsHaveOneName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"sentences.txt", "experiments.txt", "plans.txt"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		_, said, found := strings.Cut(string(text), "\n# ") // what is before it tells of the list
		if !found {
			t.Fatal("the list has no section")
		}
		if name == "experiments.txt" {
			said = ofTheirOwn.ReplaceAllString(said, "")
		}
		for _, line := range misnamed(said) {
			t.Errorf("%s has a forbidden word, see the comment of the package for the right one: %s", name, line)
		}
	}
}

// The test above would pass whatever the words are.
func TestAMisnamedThingIsFound(t *testing.T) {
	t.Parallel()
	for _, f := range forbidden {
		if f.say == "" {
			t.Errorf("%s: nothing stands instead", f.word)
		}
	}
	got := misnamed("The browser throws the cookie away.\nA session is born: no data in it.\nwrite a number, such as 7\nThere is no such page.\n--data-raw {such}\nthe rowing entry-less token")
	want := []string{
		"throws: The browser throws the cookie away.", "born: A session is born: no data in it.", "data: A session is born: no data in it.",
		"token: the rowing entry-less token", "such: There is no such page.",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
