package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/experiment/shelf"
)

// A text is a small part of Markdown. This is all that it may have, in this order:
//
//	# The title
//
//	The lead: sentences, one a line.
//
//	## A step
//
//	- kind: question
//	- minutes: 5
//	- experiment: restart
//	- seconds: 60
//	- choose: secret = new
//
//	### Phones
//
//	Sentences for the phones, one a line.
//
//	### Do
//
//	Sentences for the teacher, as below ### Ask, ### Wrong and ### Seen, which follow.
//
// A question and a run have an experiment; a question has seconds in which it takes answers, may
// choose, and has no part Phones, since the question itself is on the phones. A step of the kind
// everyone has an act. A title in “ ” is the title of an experiment.

const (
	mostSentences = 5  // of one part
	mostWords     = 34 // of one sentence
	mostSeconds   = 300
)

var (
	sentence = regexp.MustCompile(`^\S.*[.?!]$`)
	within   = regexp.MustCompile(`[.?!] `)
	field    = regexp.MustCompile(`^- ([a-z]+): (\S.*)$`)
	choice   = regexp.MustCompile(`^([a-z]+) = (\S.*)$`)
	quoted   = regexp.MustCompile(`“([^”]*)”`)
)

// block are the lines between two empty ones.
type block struct {
	at    int // the number of the first, from 1
	lines []string
}

// reader takes one block of a text after the other. A method that finds a fault calls wrong, which
// panics; parse returns that error.
type reader struct {
	name   string
	last   int
	blocks []block
	shelf  shelf.Shelf
}

// wrong ends the reading with an error that says in which line the text is wrong, and how.
func (r *reader) wrong(at int, format string, args ...any) {
	panic(wrongText{fmt.Errorf("%s:%d: %s", r.name, at, fmt.Sprintf(format, args...))})
}

// wrongText is what wrong panics with.
type wrongText struct{ error }

// parse reads the text of a file of that name. Its error begins with "NAME:LINE: ".
func parse(name, text string, s shelf.Shelf) (p Plan, err error) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case wrongText:
			p, err = Plan{}, fault
		default:
			panic(fault)
		}
	}()
	r := &reader{name: name, shelf: s}
	r.split(text)
	p.Title = r.heading("# ")
	p.Lead = r.sentences()
	for len(r.blocks) > 0 {
		p.Steps = append(p.Steps, r.step())
	}
	if sum := p.Before(len(p.Steps)); sum != Minutes {
		r.wrong(r.last, "the steps take %d minutes, and must take %d", sum, Minutes)
	}
	return p, nil
}

// split finds the blocks of text.
func (r *reader) split(text string) {
	lines := strings.Split(text, "\n")
	if r.last = len(lines) - 1; lines[r.last] != "" {
		r.wrong(len(lines), "the last line does not end")
	}
	begun := false
	for i, l := range lines[:r.last] {
		switch {
		case l != strings.TrimSpace(l):
			r.wrong(i+1, "the line begins or ends with a space")
		case l == "" && !begun:
			r.wrong(i+1, "an empty line too many")
		case l == "":
			begun = false
		case begun:
			b := &r.blocks[len(r.blocks)-1]
			b.lines = append(b.lines, l)
		default:
			r.blocks, begun = append(r.blocks, block{i + 1, []string{l}}), true
		}
	}
}

// next takes the next block.
func (r *reader) next() block {
	if len(r.blocks) == 0 {
		r.wrong(r.last, "something is missing at the end")
	}
	b := r.blocks[0]
	r.blocks = r.blocks[1:]
	return b
}

// heading takes a heading that begins with mark.
func (r *reader) heading(mark string) string {
	b := r.next()
	title, ok := strings.CutPrefix(b.lines[0], mark)
	if !ok || len(b.lines) != 1 {
		r.wrong(b.at, "here must be a heading of its own that begins with %q", mark)
	}
	r.titles(b.at, title)
	return title
}

// is tells whether the next block is that heading.
func (r *reader) is(heading string) bool {
	return len(r.blocks) > 0 && r.blocks[0].lines[0] == heading
}

// sentences takes a block of sentences.
func (r *reader) sentences() []string {
	b := r.next()
	for i, l := range b.lines {
		switch at := b.at + i; {
		case !sentence.MatchString(l) || strings.HasPrefix(l, "#") || strings.HasPrefix(l, "-"):
			r.wrong(at, "the line is no sentence")
		case within.MatchString(l):
			r.wrong(at, "the line has more than one sentence")
		case strings.Count(l, "`")%2 != 0 || strings.ContainsAny(l, "{}"):
			r.wrong(at, "the line has code that does not end, or braces")
		case len(strings.Fields(l)) > mostWords:
			r.wrong(at, "the sentence has more than %d words", mostWords)
		default:
			r.titles(at, l)
		}
	}
	if len(b.lines) > mostSentences {
		r.wrong(b.at, "the part has more than %d sentences", mostSentences)
	}
	return b.lines
}

// titles checks that what stands in “ ” are titles of experiments.
func (r *reader) titles(at int, line string) {
	for _, m := range quoted.FindAllStringSubmatch(line, -1) {
		if !slices.ContainsFunc(r.shelf.All(), func(e experiment.Experiment) bool { return e.Title == m[1] }) {
			r.wrong(at, "no experiment has the title “%s”", m[1])
		}
	}
}

// has are the fields of the kinds beside kind and minutes. A question may have choose, too.
var has = map[Kind][]string{Question: {"experiment", "seconds"}, Task: nil, Run: {"experiment"}, Everyone: {"act"}, Browsers: nil, Talk: nil, Join: nil}

// step takes one step.
func (r *reader) step() (s Step) {
	s.Title = r.heading("## ")
	fields := r.fields(&s)
	title := ""
	if slug, ok := fields["experiment"]; ok {
		title = r.experiment(&s, slug)
	}
	if s.Kind != Question {
		r.heading("### Phones")
		at := r.blocks[:min(1, len(r.blocks))]
		s.Phones = r.sentences()
		if s.Kind == Run && !strings.Contains(strings.Join(s.Phones, " "), "“"+title+"”") {
			r.wrong(at[0].at, "the phones are not told the title “%s”", title)
		}
	} else if r.is("### Phones") {
		r.wrong(r.blocks[0].at, "a question tells the phones what to do")
	}
	for _, part := range []struct {
		heading string
		to      *[]string
	}{{"### Do", &s.Note.Do}, {"### Ask", &s.Note.Ask}, {"### Wrong", &s.Note.Wrong}, {"### Seen", &s.Note.Seen}} {
		r.heading(part.heading)
		*part.to = r.sentences()
	}
	return s
}

// fields takes the lines below a step's title.
func (r *reader) fields(s *Step) map[string]string {
	b := r.next()
	fields := make(map[string]string)
	s.Chosen = make(map[string]string)
	for i, l := range b.lines {
		m := field.FindStringSubmatch(l)
		if m == nil {
			r.wrong(b.at+i, "a field is written: - kind: task")
		}
		if c := choice.FindStringSubmatch(m[2]); m[1] == "choose" && c != nil {
			s.Chosen[c[1]] = c[2]
			continue
		}
		if _, twice := fields[m[1]]; twice {
			r.wrong(b.at+i, "the field %s stands there twice", m[1])
		}
		fields[m[1]] = m[2]
	}
	s.Kind = Kind(fields["kind"])
	more, known := has[s.Kind]
	want := slices.Sorted(slices.Values(append([]string{"kind", "minutes"}, more...)))
	switch got := slices.Sorted(maps.Keys(fields)); {
	case !known:
		r.wrong(b.at, "there is no kind %q of steps", s.Kind)
	case !slices.Equal(got, want):
		r.wrong(b.at, "the fields are %q, and must be %q", got, want)
	case len(s.Chosen) > 0 && s.Kind != Question:
		r.wrong(b.at, "only a question chooses")
	}
	s.Minutes = r.number(b.at, fields["minutes"], Minutes)
	if s.Kind == Question {
		s.Limit = time.Duration(r.number(b.at, fields["seconds"], mostSeconds)) * time.Second
	}
	if s.Act = fields["act"]; s.Kind == Everyone && !slices.Contains(Acts, s.Act) {
		r.wrong(b.at, "there is no act %q for everyone", s.Act)
	}
	return fields
}

// number reads a number from 1 to most.
func (r *reader) number(at int, text string, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		r.wrong(at, "%q is no number from 1 to %d", text, most)
	}
	return n
}

// experiment takes the experiment of a step, and returns its title. The program's own clients drive that of a question.
func (r *reader) experiment(s *Step, slug string) string {
	e, ok := r.shelf.Find(slug)
	switch s.Experiment = slug; {
	case !ok:
		r.wrong(r.at(), "there is no experiment %q above this line", slug)
	case s.Kind != Question:
		return e.Title
	case e.Run == nil:
		r.wrong(r.at(), "%q needs the learners' own browsers, and cannot be asked", slug)
	}
	for name := range s.Chosen {
		if !slices.ContainsFunc(e.Choices, func(c experiment.Choice) bool { return c.Name == name }) {
			r.wrong(r.at(), "%q above this line has no choice %q", slug, name)
		}
	}
	chosen, err := e.Choose(func(name string) (string, bool) { text, ok := s.Chosen[name]; return text, ok })
	if err != nil {
		r.wrong(r.at(), "a choice above this line: %v", err)
	}
	s.Chosen = chosen
	return e.Title
}

// at returns the line of the next block.
func (r *reader) at() int {
	if len(r.blocks) == 0 {
		return r.last
	}
	return r.blocks[0].at
}
