package config

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the scripts of completion anew")

// The scripts of completion are what their templates say of Flags and Commands.
func TestCompletionIsCurrent(t *testing.T) {
	scripts, err := template.New("").Funcs(template.FuncMap{
		"join": strings.Join, "goesOn": goesOn, "zshQuote": zshQuote, "zshSpec": zshSpec, "fishQuote": fishQuote, "fishLine": fishLine, "psQuote": psQuote,
	}).ParseGlob("shells/*.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	for _, shell := range Shells {
		var want, got bytes.Buffer
		if err := scripts.ExecuteTemplate(&want, shell+".tmpl", newTables()); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile("shells/"+CompletionFile(shell), want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := Completion(&got, shell); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("the script for %s is not current: run go test ./internal/config -update, and commit what it changes (-want +got):\n%s", shell, diff)
		}
	}
}

// tables are Flags and Commands as the templates want them.
type tables struct {
	Commands                []offered
	Flags, Valued, Repeated []offered // all flags, those with a value, those that may be given twice
}

// offered is a flag or a command.
type offered struct {
	Flag
	Short string   // Does, up to the first stop
	Words []string // how a value may begin: it ends there, unless goesOn
	Files []string // what a value has before the name of a file
}

func newTables() (t tables) {
	for _, c := range Commands {
		t.Commands = append(t.Commands, newOffered(Flag{Name: c.Name, Value: c.Value, Does: c.Does, Choices: c.Choices}))
	}
	for _, f := range sorted() {
		o := newOffered(f)
		t.Flags = append(t.Flags, o)
		if f.Value != "" {
			t.Valued = append(t.Valued, o)
		}
		if f.Repeats {
			t.Repeated = append(t.Repeated, o)
		}
	}
	return t
}

func newOffered(f Flag) offered {
	o := offered{Flag: f, Short: f.Does}
	for _, stop := range []string{": ", "; ", " ("} {
		o.Short, _, _ = strings.Cut(o.Short, stop)
	}
	begins := append(slices.Clone(f.Choices), f.Begins...)
	switch {
	case f.Value == "FILE":
		begins = []string{"FILE"}
	case f.Value == "" && !f.Command:
		begins = []string{"true", "false"}
	}
	for _, begin := range begins {
		word, file := strings.CutSuffix(begin, "FILE")
		if file {
			o.Files = append(o.Files, word)
		}
		if word != "" {
			o.Words = append(o.Words, word)
		}
	}
	return o
}

// goesOn tells whether something follows a word in the same value, such as sqlite:.
func goesOn(word string) bool { return strings.HasSuffix(word, ":") || strings.HasSuffix(word, "/") }

// zshQuote returns s as one word of zsh.
func zshQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// zshSpec returns the flag as _arguments of zsh wants it: *--NAME=[what it does]:VALUE:(words).
func zshSpec(o offered) string {
	spec := "--" + o.Name
	if o.Repeats {
		spec = "*" + spec
	}
	switch {
	case o.Value != "":
		spec += "="
	case len(o.Words) > 0:
		spec += "=-" // a value is not the next word
	}
	spec += "[" + strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(o.Short) + "]"
	value := strings.ReplaceAll(o.Value, ":", `\:`)
	words := "(" + strings.Join(o.Words, " ") + ")"
	switch {
	case o.Value == "" && len(o.Words) > 0:
		spec += "::on or off:" + words
	case len(o.Begins) > 0:
		spec += ":" + value + ":_sessionscope_" + o.Name
	case len(o.Files) > 0:
		spec += ":" + value + ":_files"
	case len(o.Words) > 0:
		spec += ":" + value + ":" + words
	case o.Value != "":
		spec += ":" + value + ": "
	}
	return zshQuote(spec)
}

// fishQuote returns s as one word of fish.
func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// fishLine returns the line of fish that completes the flag.
func fishLine(o offered) string {
	takes := "__sessionscope_takes"
	if !o.Repeats {
		takes += " " + o.Name
		if o.Value != "" {
			takes += " waits"
		}
	}
	line := fmt.Sprintf("complete -c sessionscope -n %s -l %s", fishQuote(takes), o.Name)
	values := strings.Join(o.Words, " ")
	if len(o.Words) > 0 && len(o.Files) > 0 {
		values += " (__sessionscope_files " + strings.Join(o.Files, " ") + ")"
	}
	switch {
	case values == "" && len(o.Files) > 0:
		line += " -r -F"
	case o.Value != "":
		line += " -x"
	}
	if values != "" {
		line += " -a " + fishQuote(values)
	}
	return line + " -d " + fishQuote(o.Short)
}

// psQuote returns s as one word of PowerShell, which takes curved quotes for straight ones.
func psQuote(s string) string {
	return "'" + strings.NewReplacer("'", "''", "‘", "‘‘", "’", "’’", "‚", "‚‚", "‛", "‛‛").Replace(s) + "'"
}
