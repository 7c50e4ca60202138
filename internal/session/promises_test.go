package session_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of the README and testdata/observed.md of internal/peers anew")

const (
	readmeFile   = "README.md"
	peersFolder  = "../peers"
	observedFile = peersFolder + "/testdata/observed.json"
	evidenceFile = peersFolder + "/testdata/observed.md"
	tablesBegin  = "<!-- task peers writes from here -->\n"
	tablesEnd    = "<!-- to here -->\n"
)

// observed is what task peers saw of the program and of other session layers.
type observed struct {
	Seen       string
	Contenders []contender
	Promises   []struct {
		Test, Promise string
		Cells         map[string]struct{ Outcome, Seen, Note, Suite string }
	}
}

// contender is a column of the tables: the program with a placement, or a peer with a store.
type contender struct{ Name, Title, Values, Version string }

// marks are the outcomes as the tables show them.
var marks = map[string]string{"holds": "✓", "does not hold": "✗", "not applicable": "–"}

// aboutOf has the words with which the comment of the program's own test speaks of a promise.
var aboutOf = map[string]string{
	"TestReadingCreatesNoSession":        `a visit that only looks would fill the store`,
	"TestClientChoosesNoID":              `fix the ID that a victim`,
	"TestLoginLeavesTheOldCookieOutside": `a login would .* leave the ID alive that an attacker knows`,
	"TestParallelSetsBothStay":           `requests of one session at the same time|the last writer's count`,
	"TestFlushStaysFlushed":              `a slow write would revive a session that was flushed`,
	"TestCopyOpensNothingAfterLogout":    `a flush would leave an old cookie alive`,
	"TestIdleClock":                      `outlive its idle timeout`,
	"TestAbsoluteClock":                  `outlive its .* absolute lifetime`,
	"TestOutageIsNoLogout":               `an outage of the store would look like a logout`,
	"TestTooLargeIsRefused":              `grow past a limit, or a refused write would change something`,
	"TestSecretsRotate":                  `a rotation of secrets would log people out`,
	"TestFullStore":                      `a full store would take new sessions|would make a logout fail`,
	"TestExpiredRecordsAreCleared":       `gone before it was cleared`,
}

// TestPromisesBesidePeers: the README's tables are what task peers saw. Each mark of the program
// names a test of its own that is about the promise, and each other mark one in internal/peers.
func TestPromisesBesidePeers(t *testing.T) {
	o := readObserved(t)
	if *update {
		writeTables(t, o)
	}
	before, tables, _ := cutTables(t)
	if tables != o.tables() {
		t.Errorf("the README's tables are not what task peers saw: go test ./internal/session -run %s -update writes them", t.Name())
	}
	if got := readText(t, evidenceFile); got != o.evidence() {
		t.Errorf("%s is not what task peers saw", evidenceFile)
	}
	theirs, ours := testsIn(t, peersFolder), map[string]map[string]string{}
	for _, p := range o.Promises {
		if _, there := theirs[p.Test]; !there {
			t.Errorf("internal/peers has no test %s", p.Test)
		}
		for _, c := range o.Contenders {
			cell, asked := p.Cells[c.Name]
			if marks[cell.Outcome] == "" || !asked || cell.Seen == "" {
				t.Errorf("%s was not asked of %s", p.Test, c.Name)
			}
			if !strings.HasPrefix(c.Name, "sessionscope-") || cell.Outcome == "not applicable" {
				continue
			}
			folder, name, _ := strings.Cut(cell.Suite, ".")
			if ours[folder] == nil {
				ours[folder] = testsIn(t, "../"+folder)
			}
			if about := regexp.MustCompile(cmp.Or(aboutOf[p.Test], "no words are known")); !about.MatchString(ours[folder][name]) {
				t.Errorf("%s of %s: the tree has no test %q whose comment says %q", p.Test, c.Name, cell.Suite, about)
			}
		}
	}
	if len(o.Promises) != len(aboutOf) || !strings.Contains(before, "## ") {
		t.Errorf("%d promises were asked, %d are known", len(o.Promises), len(aboutOf))
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	return string(text)
}

func readObserved(t *testing.T) (o observed) {
	t.Helper()
	must(t, json.Unmarshal([]byte(readText(t, observedFile)), &o))
	return o
}

// cutTables returns the README's tables, and what stands around them.
func cutTables(t *testing.T) (before, tables, after string) {
	t.Helper()
	before, rest, begun := strings.Cut(readText(t, readmeFile), tablesBegin)
	tables, after, ended := strings.Cut(rest, tablesEnd)
	if !begun || !ended {
		t.Fatalf("%s does not have the lines %q and %q", readmeFile, tablesBegin, tablesEnd)
	}
	return before, tables, after
}

func writeTables(t *testing.T, o observed) {
	t.Helper()
	before, _, after := cutTables(t)
	must(t, os.WriteFile(readmeFile, []byte(before+tablesBegin+o.tables()+tablesEnd+after), 0o644))
	must(t, os.WriteFile(evidenceFile, []byte(o.evidence()), 0o644))
}

// tables returns both tables, their notes, and what was compared.
func (o *observed) tables() string {
	var b strings.Builder
	b.WriteString("\nValues on the server:\n\n")
	o.table(&b, "server")
	b.WriteString("\nValues in the cookie:\n\n")
	o.table(&b, "cookie")
	fmt.Fprintf(&b, "\nCompared on %s: ", o.Seen)
	var versions []string
	for _, c := range o.Contenders {
		longer := func(other contender) bool {
			return other.Version != c.Version && strings.HasPrefix(other.Version, c.Version)
		}
		if !slices.Contains(versions, c.Version) && !slices.ContainsFunc(o.Contenders, longer) {
			versions = append(versions, c.Version)
		}
	}
	b.WriteString(strings.Join(versions, "; ") + ".\n\n")
	return b.String()
}

func (o *observed) table(b *strings.Builder, values string) {
	b.WriteString("| |")
	rule, notes := "\n|---|", []string(nil)
	for _, c := range o.Contenders {
		if c.Values == values {
			b.WriteString(" " + c.Title + " |")
			rule += ":-:|"
		}
	}
	b.WriteString(rule + "\n")
	for i, p := range o.Promises {
		if !slices.ContainsFunc(o.Contenders, func(c contender) bool {
			return c.Values == values && p.Cells[c.Name].Outcome != "not applicable"
		}) {
			continue // nobody was asked
		}
		fmt.Fprintf(b, "| %d. %s |", i+1, p.Promise)
		for _, c := range o.Contenders {
			if c.Values != values {
				continue
			}
			cell := p.Cells[c.Name]
			link, test := "../peers/testdata/observed.md#"+strings.ToLower(p.Test), p.Test+"/"+c.Name
			if folder, name, ok := strings.Cut(cell.Suite, "."); ok {
				link, test = fileOf(folder, name), name
			}
			fmt.Fprintf(b, " [%s](%s %q)", marks[cell.Outcome], link, test)
			if cell.Note != "" {
				n := slices.Index(notes, cell.Note)
				if n < 0 {
					n, notes = len(notes), append(notes, cell.Note)
				}
				fmt.Fprintf(b, " <sup>%d</sup>", n+1)
			}
			b.WriteString(" |")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	for n, note := range notes {
		fmt.Fprintf(b, "%d. %s\n", n+1, note)
	}
}

// fileOf returns the file of a test, seen from this folder.
func fileOf(folder, test string) string {
	files, _ := filepath.Glob("../" + folder + "/*_test.go")
	for _, file := range files {
		if text, _ := os.ReadFile(file); strings.Contains(string(text), "\nfunc "+test+"(") {
			return strings.TrimPrefix(filepath.ToSlash(file), "../session/")
		}
	}
	return "?"
}

// evidence returns what was seen of everybody, in words.
func (o *observed) evidence() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What was seen\n\nWritten by `task peers` on %s. Each heading is the test that asked; `go -C internal/peers test -run '/NAME'` asks one contender.\n", o.Seen)
	for i, p := range o.Promises {
		fmt.Fprintf(&b, "\n## %s\n\n%d. %s\n\n| | | |\n|---|---|---|\n", p.Test, i+1, p.Promise)
		for _, c := range o.Contenders {
			cell := p.Cells[c.Name]
			fmt.Fprintf(&b, "| %s (`%s`) | %s | %s |\n", c.Title, c.Name, cell.Outcome, cell.Seen)
		}
	}
	b.WriteString("\n## Versions\n\n| | |\n|---|---|\n")
	for _, c := range o.Contenders {
		fmt.Fprintf(&b, "| %s | %s |\n", c.Title, c.Version)
	}
	return b.String()
}

// testsIn returns the comments of a folder's test functions, by their names.
func testsIn(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(folder + "/*_test.go")
	must(t, err)
	tests := map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		must(t, err)
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				tests[f.Name.Name] = strings.Join(strings.Fields(f.Doc.Text()), " ")
			}
		}
	}
	return tests
}
