package shelf

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// A text is a small part of Markdown. This is all that it may have, in this order:
//
//	# The title
//
//	The lead: sentences, one a line.
//
//	## Predictions
//
//	- name: What the learner can predict
//	- other-name: Something else
//
//	## Does
//
//	what is done, in a few words on one line
//
//	## Needs
//
//	Sentences; this part may be missing.
//
//	## Answer
//
//	the title that tells what comes out, on one line
//
//	## So what
//
//	Two sentences: what a developer does differently because of this.
//
//	## Explain
//
//	Sentences.
//
//	## Breaks
//
//	Sentences.
//
//	## Sources
//
//	- [What the page is called](https://example.org/page)
//
// The title, the lead, the predictions and Does stand on the page before the run: they do not
// say what comes out.
//
// A line may have the markup of experiment.Text. A part has at most six sentences: a learner
// reads it while a class waits. A sentence of So what is short enough to be remembered.
const (
	mostSentences = 6
	soWhat        = 2  // sentences of So what
	mostWords     = 25 // of each of them
)

var (
	predictionLine = regexp.MustCompile(`^- ([a-z0-9]+(?:-[a-z0-9]+)*): (\S.*)$`)
	sourceLine     = regexp.MustCompile(`^- \[([^\[\]]+)\]\((https://[^\s()]+)\)$`)
	sentenceWithin = regexp.MustCompile(`[.?!]["”)]* `)
	sentenceEnd    = regexp.MustCompile(`[.?!]["”)]?$`)
	coloured       = regexp.MustCompile(`^\{(cookie|server|wire|mac|ok|bad) [^{}]+\}`)
)

// part is a heading of a text and the lines below the heading.
type part struct {
	heading string
	at      int // the heading's line, from 1
	lines   []line
}

type line struct {
	at   int // from 1
	text string
}

// reader takes one part of a text after the other. A method that finds a fault calls wrong, which
// panics; parse returns that error.
type reader struct {
	name  string // the file's name
	last  int    // the number of the file's last line
	parts []part // the parts that are not taken yet
}

// wrong ends the reading: it panics with an error that says in which line the text is wrong, and
// how.
func (r *reader) wrong(at int, format string, args ...any) {
	panic(fmt.Errorf("%s:%d: %s", r.name, at, fmt.Sprintf(format, args...)))
}

// parse reads the text of a file of that name. Its error begins with "NAME:LINE: ".
func parse(name, text string) (out experiment.Text, err error) {
	defer func() {
		if p := recover(); p != nil {
			wrong, ok := p.(error)
			if !ok {
				panic(p)
			}
			out, err = experiment.Text{}, wrong
		}
	}()
	r := &reader{name: name}
	r.split(text)
	title, lead := r.title()
	out.Title, out.Lead = title, strings.Join(lead, " ")
	out.Predictions = r.predictions()
	out.Does = r.phrase("Does")
	if len(r.parts) > 0 && r.parts[0].heading == "## Needs" {
		out.Needs = strings.Join(r.sentences(r.take("## Needs"), 1), " ")
	}
	out.Answer = r.answer(out.Title)
	out.SoWhat = r.soWhat()
	out.Explain = r.sentences(r.take("## Explain"), 3)
	out.Breaks = strings.Join(r.sentences(r.take("## Breaks"), 1), " ")
	out.Sources = r.sources()
	if len(r.parts) > 0 {
		r.wrong(r.parts[0].at, "%q is no part of a text, or stands in the wrong place", r.parts[0].heading)
	}
	return out, nil
}

// split finds the parts of text. Between a heading and its lines there is one empty line,
// and so there is before each heading.
func (r *reader) split(text string) {
	if !strings.HasSuffix(text, "\n") {
		r.wrong(1+strings.Count(text, "\n"), "the last line does not end")
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	r.last = len(lines)
	for i, l := range lines {
		at := i + 1
		heading := strings.HasPrefix(l, "#")
		beside := func(i int) bool { return i < 0 || i >= len(lines) || strings.HasPrefix(lines[i], "#") }
		switch {
		case l != strings.TrimSpace(l):
			r.wrong(at, "the line begins or ends with a space")
		case heading && i > 0 && lines[i-1] != "":
			r.wrong(at, "there is no empty line before the heading %q", l)
		case heading && i+1 < len(lines) && lines[i+1] != "":
			r.wrong(at, "there is no empty line after the heading %q", l)
		case heading:
			r.parts = append(r.parts, part{heading: l, at: at})
		case l == "" && !beside(i-1) && !beside(i+1):
			r.wrong(at, "an empty line stands within a part")
		case l == "":
		case len(r.parts) == 0:
			r.wrong(at, "the text does not begin with a title")
		default:
			r.markup(at, l)
			p := &r.parts[len(r.parts)-1]
			p.lines = append(p.lines, line{at, l})
		}
	}
	if len(r.parts) == 0 {
		r.wrong(1, "there is no text")
	}
}

// markup checks that code and colour end on the line on which they begin.
func (r *reader) markup(at int, l string) {
	for l != "" {
		switch l[0] {
		case '`':
			code, rest, closed := strings.Cut(l[1:], "`")
			if !closed || code == "" {
				r.wrong(at, "code begins and does not end, or is empty")
			}
			l = rest
		case '{':
			piece := coloured.FindString(l)
			if piece == "" {
				r.wrong(at, "a brace begins no colour, or the colour does not end")
			}
			l = l[len(piece):]
		case '}':
			r.wrong(at, "a brace ends what did not begin")
		default:
			l = l[1:]
		}
	}
}

// take takes the next part, which has that heading and something below it.
func (r *reader) take(heading string) part {
	if len(r.parts) == 0 {
		r.wrong(r.last, "the part %q is missing", heading)
	}
	p := r.parts[0]
	if p.heading != heading {
		r.wrong(p.at, "here comes %q, and not %q", p.heading, heading)
	}
	if len(p.lines) == 0 {
		r.wrong(p.at, "the part %q is empty", heading)
	}
	r.parts = r.parts[1:]
	return p
}

// title takes the title and the lead.
func (r *reader) title() (title string, lead []string) {
	p := r.parts[0]
	title, ok := strings.CutPrefix(p.heading, "# ")
	if !ok || title == "" {
		r.wrong(p.at, "the text does not begin with a title")
	}
	return title, r.sentences(r.take(p.heading), 1)
}

// sentences returns the lines of p. Each line is one sentence, and there are at least least.
func (r *reader) sentences(p part, least int) (out []string) {
	for _, l := range p.lines {
		switch {
		case !sentenceEnd.MatchString(l.text):
			r.wrong(l.at, "the line is no sentence: it ends without a full stop or a question mark")
		case sentenceWithin.MatchString(l.text):
			r.wrong(l.at, "the line has more than one sentence")
		}
		out = append(out, l.text)
	}
	if n := len(out); n < least || n > mostSentences {
		r.wrong(p.at, "the part has %d sentences; from %d to %d are allowed", n, least, mostSentences)
	}
	return out
}

// phrase takes the part of that heading, which is one line and no sentence.
func (r *reader) phrase(heading string) string {
	p := r.take("## " + heading)
	if len(p.lines) != 1 || strings.HasSuffix(p.lines[0].text, ".") {
		r.wrong(p.at, "%s is one line without a full stop", heading)
	}
	return p.lines[0].text
}

// answer takes the title that tells what comes out.
func (r *reader) answer(title string) string {
	at := 0
	if len(r.parts) > 0 {
		at = r.parts[0].at
	}
	text := r.phrase("Answer")
	if text == title {
		r.wrong(at, "the answer is the title, which stands on the page before the run")
	}
	return text
}

// soWhat takes what a developer does differently.
func (r *reader) soWhat() []string {
	p := r.take("## So what")
	if n := len(p.lines); n != soWhat {
		r.wrong(p.at, "the part has %d sentences, and must have %d", n, soWhat)
	}
	for _, l := range p.lines {
		if n := len(strings.Fields(l.text)); n > mostWords {
			r.wrong(l.at, "the sentence has %d words; at most %d are allowed", n, mostWords)
		}
	}
	return r.sentences(p, soWhat)
}

func (r *reader) predictions() (out []experiment.Prediction) {
	p := r.take("## Predictions")
	for _, l := range p.lines {
		m := predictionLine.FindStringSubmatch(l.text)
		switch {
		case m == nil:
			r.wrong(l.at, "a prediction is written: - its-name: What is predicted")
		case slices.ContainsFunc(out, func(other experiment.Prediction) bool { return other.Name == m[1] }):
			r.wrong(l.at, "there are two predictions of the name %s", m[1])
		}
		out = append(out, experiment.Prediction{Name: m[1], Text: m[2]})
	}
	if n := len(out); n < 2 || n > 4 {
		r.wrong(p.at, "there are %d predictions; from 2 to 4 are allowed", n)
	}
	return out
}

func (r *reader) sources() (out []experiment.Source) {
	for _, l := range r.take("## Sources").lines {
		m := sourceLine.FindStringSubmatch(l.text)
		if m == nil {
			r.wrong(l.at, "a source is written: - [What it is called](https://example.org/page)")
		}
		if u, err := url.Parse(m[2]); err != nil || u.Host == "" {
			r.wrong(l.at, "the address %s has no host", m[2])
		}
		out = append(out, experiment.Source{Text: m[1], URL: m[2]})
	}
	return out
}
