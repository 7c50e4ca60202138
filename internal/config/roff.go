package config

import (
	"bytes"
	"regexp"
	"strings"
)

// manual is a manual page in the macros of man(7), as it is written.
type manual struct{ bytes.Buffer }

// text writes a line as it stands.
func (m *manual) text(line string) { m.WriteString(line + "\n") }

// title writes the heading, and how the text is set: flags and files are not cut at the end of
// a line. The date is in digits and hyphens, or "".
func (m *manual) title(date, source string) {
	m.text(`.TH SESSIONSCOPE 1 "` + date + `" "` + escape(source) + `" "User commands"`)
	m.text(".nh")
	m.text(".ad l")
}

// section begins a section, with paragraphs of prose.
func (m *manual) section(title string, paragraphs ...string) {
	m.text(".SH " + title)
	for i, p := range paragraphs {
		if i > 0 {
			m.text(".PP")
		}
		m.prose(p)
	}
}

// item writes a row of a list. Its name is roff, what it does is prose.
func (m *manual) item(name, does string) {
	m.text(".TP")
	m.text(name)
	m.prose(does)
}

func (m *manual) list(entries []entry) {
	for _, e := range entries {
		m.item(marked(e.name, bold), e.does)
	}
}

func (m *manual) example(does string, commands []string) {
	m.prose(does)
	m.text(".PP")
	m.text(".RS 4")
	m.text(".EX")
	for _, command := range commands {
		m.text(guarded(escape(command)))
	}
	m.text(".EE")
	m.text(".RE")
}

// maxLine is how long a line of the page's source may be: 80 bytes with what may guard it.
const maxLine = 78

// prose writes a paragraph, in short lines. Flags in it are bold, and names of values italic.
func (m *manual) prose(paragraph string) {
	line := ""
	for word := range strings.FieldsSeq(marked(paragraph, escape)) {
		if line != "" && len(line)+1+len(word) > maxLine {
			m.text(guarded(line))
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	m.text(guarded(line))
}

// marks finds flags, and names of values.
var marks = func() *regexp.Regexp {
	var names []string
	for _, f := range Flags {
		if f.Value != "" {
			names = append(names, regexp.QuoteMeta(f.Value))
		}
	}
	for _, c := range Commands {
		if c.Value != "" {
			names = append(names, regexp.QuoteMeta(c.Value))
		}
	}
	return regexp.MustCompile(`--[a-z]+(-[a-z]+)*(=[a-z]+)?|\b(` + strings.Join(names, "|") + `)\b`)
}()

// marked returns text as roff: flags bold, names of values italic, and the rest as others has it.
func marked(text string, others func(string) string) string {
	var out strings.Builder
	done := 0
	for _, at := range marks.FindAllStringIndex(text, -1) {
		out.WriteString(others(text[done:at[0]]))
		if mark := text[at[0]:at[1]]; strings.HasPrefix(mark, "--") {
			out.WriteString(bold(mark))
		} else {
			out.WriteString(italic(mark))
		}
		done = at[1]
	}
	out.WriteString(others(text[done:]))
	return out.String()
}

// value returns what follows the name of a flag or a command.
func value(name string) string {
	if name == "" {
		return ""
	}
	return " " + italic(name)
}

func bold(text string) string   { return font("B", text) }
func italic(text string) string { return font("I", text) }

func font(name, text string) string {
	if text == "" {
		return ""
	}
	return `\f` + name + escape(text) + `\fR`
}

// escape returns text as roff that shows the same characters: unescaped, a backslash begins
// something else, a hyphen may be shown as another kind of dash, quotes may be curved, and a
// tilde and a circumflex are accents.
var escape = strings.NewReplacer(
	`\`, `\e`, "-", `\-`, `"`, `\(dq`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`,
).Replace

// guarded returns a line that roff takes for text, also if it begins with a dot.
func guarded(line string) string {
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		return `\&` + line
	}
	return line
}
