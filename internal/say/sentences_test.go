package say

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

var update = flag.Bool("update", false, "write the lists of sentences anew")

// section is a part of a list: what is said in one place.
type section struct {
	heading string
	lines   []string
}

// list shows the sections as a text. A line that an earlier section has is left out.
func list(intro string, sections []section) string {
	var b strings.Builder
	b.WriteString(intro)
	said := make(map[string]bool)
	for _, s := range sections {
		heading := "\n" + s.heading + "\n"
		for _, line := range s.lines {
			line = tidied(line)
			if said[line] || unsaid[line] != "" || !worded(line) {
				continue
			}
			said[line] = true
			b.WriteString(heading + line + "\n")
			heading = ""
		}
	}
	return b.String()
}

// tidied is a line as a page shows it: without tags, and with single spaces.
func tidied(line string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(unknown.ReplaceAllString(bare(line), "{…}"), " "))
}

var (
	spaces  = regexp.MustCompile(`\s+`)
	unknown = regexp.MustCompile(`%[dsUq]`) // a verb of a format that a function of its own fills in
)

// unsaid are strings that look like words and that no page shows, each with what it is.
var unsaid = map[string]string{
	"a stream only looks": "a line of the log", "only the past is looked at": "a line of the log", "the answer is an error": "a line of the log",
	"the cookie itself is replaced": "a line of the log", "panic: {cause} {stack}": "a line of the log",
	"app: no content type for the asset {name}": "a line of the log", "{Visits} visits are in use": "a line of the log",
	": still here": "in a stream", "event: look data: the session is another": "in a stream", "event: beat data: answer": "in a stream", "event: bye data: {word}": "in a stream", "event: bye data:": "in a stream", "event: {event} data: {id} {n}{now}": "in a stream", "id: {…}": "in a stream",
	`attachment; filename="`:              "in a header",
	"public, max-age=31536000, immutable": "in a header", "Accept, Cookie, HX-Request": "in a header", "Sessionscope (the server's own client)": "in a header",
	"every 1s": "a trigger of htmx", "every 250ms": "a trigger of htmx",
	"curl -si {target}": "a command", "Cookie: {Engine}={cookie}": "a command", `\ --data-raw {body}`: "a command", `{b} \ -H 'Accept: application/json'`: "a command",
	"curl -si": "a command", `\ -H 'Accept: application/json'`: "a command",
	"{dir}{file}, line {line}": "a place", "{…}{…}, line {…}": "a place", "visit {Name}": "a name", "known by its key": "a name",
	"(prefers-color-scheme: dark)": "in a script", "(prefers-reduced-motion: no-preference)": "in a script", "0 0 0 3px var(--c)": "in a script", ".free input": "in a script",
	"ports {…} to {…} are taken": "in the sentence of an address at which nobody listens",
	"code":                       "a name", "bared": "a name", "true": "a name", "page": "a name", "result": "a name",
	"site post": "a name", "port post": "a name", "cookie and hybrid": "a name", "cookie and hybrid and server": "a name", "the program's log": "a name",
	"Rahim again": "a value", "remember the milk": "a value",
}

// check compares a list with its file. With -update it writes the file.
func check(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s is not what the program says: read the new words aloud, then write them with\n\tgo test ./internal/say -update\n(-file +program)\n%s", path, diff)
	}
}

const introSentences = `Every sentence of the program, for reading aloud and for translating. It is written by
	go test ./internal/say -update
Under the buttons and in the timeline stand whole sentences, as the program says them of
examples. Elsewhere a word in braces is computed, and the arms of a choice stand below each
other. What is said in more places than one stands once. The glossary is the comment of
the package say. The experiments have a list of their own, experiments.txt, and so have the
lesson plans: plans.txt.
`

// A reader, and one day a translator, would not see a sentence of the program.
func TestSentences(t *testing.T) {
	t.Parallel()
	sections := append(ownSections(), elsewhere(t)...)
	check(t, "sentences.txt", list(introSentences, sections))
}

// ownSections are the words of this package, as it says them.
func ownSections() (out []section) {
	for _, g := range groups() {
		s := section{heading: "# Under the buttons: " + g.name}
		for _, c := range g.sayings {
			s.lines = append(s.lines, spoken(Press(c.exchange().Seen(trace.HideNothing))))
		}
		out = append(out, s)
	}
	refused := spoken(Refused(422, "… (the refusals stand below)", "", false))
	notes := section{heading: "# About the browser's cookie"}
	for _, n := range notesOnCookies() {
		notes.lines = append(notes.lines, NoteOf(n.s, n.c))
	}
	copies := section{heading: "# Who sent a copy, and what can be changed in it"}
	for _, part := range session.TamperParts {
		copies.lines = append(copies.lines, PartOf(part))
	}
	for _, c := range copiesBy() {
		copies.lines = append(copies.lines, CopyBy(c.did))
	}
	timeline := section{heading: "# In the timeline"}
	for _, s := range summaries() {
		what, more, tone := Summary(s.gist)
		timeline.lines = append(timeline.lines, tones[tone]+what+" "+more)
	}
	numbers := section{heading: "# Numbers", lines: []string{
		Clock(nine), Left(3661 * time.Second), Left(61 * time.Second), Left(time.Second), Seconds(time.Second), Seconds(time.Hour), Milliseconds(1540 * time.Microsecond), Milliseconds(time.Second),
		Size(70_002), Size(70_000_002), Shown("Rahims", 5), List(trace.KeysOf(strings.Split("a b c d e f g h i j k l m n", " "))),
	}}
	return append(append(out, section{"# Under the buttons: a refusal", []string{refused}}, onTheBoard(), forEveryone(), onThePhone(), ofTheEnd(), notes, copies, timeline, numbers), classSections()...)
}

// tones are the marks before what is said.
var tones = map[string]string{"ok": "✓ ", "note": "· ", "bad": "✕ ", "": "", "born": "", "moved": "", "gone": ""}

// spoken is a sentence as it is read aloud.
func spoken(s Sentence) string {
	var b strings.Builder
	b.WriteString(tones[s.Tone] + s.Verb + ": ")
	for _, p := range s.Parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// elsewhere are the words of other packages, as their source has them.
func elsewhere(t *testing.T) (out []section) {
	refused := []string{"errors.go", "guards.go", "body.go", "hosts.go", "set.go", "life.go", "copy.go", "moments.go", "browsers.go", "events.go"}
	for _, file := range refused {
		out = append(out, goFile(t, "# Refused", "internal/app/"+file, sentencelike))
	}
	out = append(out, reasons(t))
	for _, store := range []string{"redis", "sqlite"} {
		out = append(out, goFile(t, "# Refused: why a store takes no writes", "internal/store/"+store+"/readonly.go", sentencelike))
	}
	for _, dir := range []string{"internal/session", "internal/tap", "internal/network"} {
		out = append(out, goFiles(t, "# Refused", dir, sentencelike)...)
	}
	for _, dir := range []string{"internal/hub", "internal/seat"} {
		out = append(out, goFiles(t, "# Who acted", dir, sentencelike)...)
	}
	out = append(out, goFiles(t, "# In the panels", "internal/show", worded)...)
	for _, path := range filesOf(t, "views", ".templ") {
		out = append(out, section{"# On the page: " + path, templateWords(t, "../../"+path)})
	}
	out = append(out, goFiles(t, "# On the page", "views", worded)...)
	out = append(out, goFiles(t, "# On the page", "internal/app", sentencelike)...) // what is not above
	for _, path := range filesOf(t, "web/js", ".js") {
		script, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, section{"# On the page: " + path, scriptWords(string(script))})
	}
	return out
}

// reasons are the errors that a timeline shows: why a cookie opens nothing.
func reasons(t *testing.T) section {
	s := section{heading: "# Refused: why a cookie opens nothing"}
	for _, path := range []string{"internal/session/codec.go", "internal/session/envelope.go"} {
		text, err := os.ReadFile(filepath.Join("../..", path))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range shownError.FindAllStringSubmatch(string(text), -1) {
			s.lines = append(s.lines, found[1])
		}
	}
	if len(s.lines) != 3 {
		t.Errorf("the reasons are %q", s.lines)
	}
	return s
}

var shownError = regexp.MustCompile(`(?m)^(?:var |\t)err(?:Garbled|Forged|Envelope) += errors\.New\("(.*)"\)$`)

// goFiles has a section for each Go file of a folder.
func goFiles(t *testing.T, what, dir string, reads func(string) bool) (out []section) {
	for _, path := range filesOf(t, dir, ".go") {
		if silent[path] == "" && !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "_templ.go") {
			out = append(out, goFile(t, what, path, reads))
		}
	}
	return out
}

// goFile is the section of one Go file: its phrases that reads lets pass.
func goFile(t *testing.T, what, path string, reads func(string) bool) section {
	s := section{heading: what + ": " + path}
	text, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range phrases(parsed(t, path, string(text))) {
		if reads(bare(p)) {
			s.lines = append(s.lines, p)
		}
	}
	return s
}

// filesOf lists the files under a folder of the module, with their paths in it.
func filesOf(t *testing.T, dir, ext string) (out []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("../.."), dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ext) && !strings.Contains(path, "/testdata/") {
			out = append(out, path)
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("no %s under %s: %v", ext, dir, err)
	}
	return out
}

const introExperiments = `Every sentence of the experiments, as their source has it. It is written by
	go test ./internal/say -update
A word in braces is computed, but for {cookie …}, {server …}, {wire …}, {mac …}, {ok …} and
{bad …}, which colour words.
`

// A reader, and one day a translator, would not see a sentence of an experiment.
func TestSentencesOfExperiments(t *testing.T) {
	t.Parallel()
	check(t, "experiments.txt", list(introExperiments, ofExperiments(t)))
}

// ofExperiments are the words of the experiments: their texts, and what their Go source says.
func ofExperiments(t *testing.T) (out []section) {
	for _, path := range filesOf(t, "internal/experiment", "") {
		switch {
		case strings.HasSuffix(path, ".md"):
			out = append(out, textFile(t, "# Experiments", path))
		case silent[path] == "" && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go"):
			out = append(out, goFile(t, "# Experiments", path, sentencelike))
		}
	}
	return out
}

const introPlans = `Every sentence of the lesson plans, as their texts have it. It is written by
	go test ./internal/say -update
`

// A reader, and one day a translator, would not see a sentence of a lesson plan.
func TestSentencesOfPlans(t *testing.T) {
	t.Parallel()
	check(t, "plans.txt", list(introPlans, ofPlans(t)))
}

// ofPlans are the words of the lesson plans.
func ofPlans(t *testing.T) (out []section) {
	for _, path := range filesOf(t, "internal/plan", ".md") {
		out = append(out, textFile(t, "# Lesson plans", path))
	}
	return out
}

// textFile is the section of a file that is text.
func textFile(t *testing.T, what, path string) section {
	text, err := os.ReadFile(filepath.Join("../..", path))
	if err != nil {
		t.Fatal(err)
	}
	return section{what + ": " + path, strings.Split(string(text), "\n")}
}
