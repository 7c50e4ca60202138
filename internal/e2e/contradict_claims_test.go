package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// claim is what one statement says of one thing: that its kind, of a certain name, has a
// value. Two claims of one kind and name with unequal values contradict each other.
type claim struct {
	kind, of, says string
	where          string // the place and the words of the statement
}

// newClaim reads a claim from "kind=value" or "kind(name)=value".
func newClaim(text, where string) claim {
	subject, says, ok := strings.Cut(text, "=")
	if !ok {
		panic("no claim: " + text)
	}
	kind, of, named := strings.Cut(subject, "(")
	if named {
		of = strings.TrimSuffix(of, ")")
	}
	says = strings.TrimRight(says, " |")
	if strings.HasSuffix(kind, "value") && kind != "kept value" {
		says = begin(says)
	} else if !strings.HasSuffix(kind, " line") {
		says = plain(says)
	}
	return claim{kind, of, says, where}
}

var (
	commas = regexp.MustCompile(`(\d),(\d{3})\b`)
	inAll  = regexp.MustCompile(`… \([\d,]+ B in all\)$`)
)

// plain is a text without the commas in its numbers.
func plain(says string) string {
	for was := ""; was != says; {
		was, says = says, commas.ReplaceAllString(says, "$1$2")
	}
	return says
}

// begin is a value, or the beginning of a long one: a line shows less of it than a table.
func begin(value string) string {
	if cut := inAll.ReplaceAllString(value, ""); cut != value || len(value) > 50 {
		return cut[:min(len(cut), 50)]
	}
	return value
}

func (c claim) subject() string {
	if c.of == "" {
		return c.kind
	}
	return c.kind + "(" + c.of + ")"
}

// contradictions returns the pairs of claims that cannot both be true: of each thing the
// first claim, and the first one with another value for each of them.
func contradictions(claims []claim) (out []string) {
	first := map[string]claim{}
	told := map[string]bool{}
	for _, c := range claims {
		f, known := first[c.subject()]
		switch {
		case !known:
			first[c.subject()] = c
		case !agree(f, c) && !told[c.subject()+c.says]:
			told[c.subject()+c.says] = true
			out = append(out, fmt.Sprintf("%s is %q: %s\n\tbut it is %q: %s", c.subject(), f.says, f.where, c.says, c.where))
		}
	}
	return out
}

// agree tells whether two claims of one thing can both be true. The time of a press may be
// read on both sides of a second's end, and a figure may be one of several.
func agree(a, b claim) bool {
	if a.kind == "request body" && (inAll.MatchString(a.says) || inAll.MatchString(b.says)) {
		x, y := inAll.ReplaceAllString(a.says, ""), inAll.ReplaceAllString(b.says, "")
		return strings.HasPrefix(x, y) || strings.HasPrefix(y, x)
	}
	if any := strings.Split(b.says, " or "); len(any) > 1 && strings.HasSuffix(a.kind, " records") {
		return slices.Contains(any, a.says)
	}
	if a.kind != "at" || a.says == b.says {
		return a.says == b.says
	}
	x, errX := time.Parse(time.TimeOnly, a.says)
	y, errY := time.Parse(time.TimeOnly, b.says)
	return errX == nil && errY == nil && x.Sub(y).Abs() <= time.Second
}

// row teaches what some words say. A row without claims is of words that say nothing which
// could be wrong: labels, advice, explanations.
type row struct {
	words string   // a regular expression
	says  []string // claims, in which $1 is the first group of the words

	compiled *regexp.Regexp
}

// lesson has the rows for the lines of a place.
type lesson struct {
	at   string // a regular expression for the end of the place
	rows []row

	compiled *regexp.Regexp
}

// compile makes the regular expressions of lessons.
func compile(lessons []lesson) []lesson {
	for i := range lessons {
		l := &lessons[i]
		l.compiled = regexp.MustCompile("^(?:" + l.at + ")$")
		for j := range l.rows {
			l.rows[j].compiled = regexp.MustCompile("^(?:" + l.rows[j].words + ")(?:[ |]+|$)")
		}
	}
	return lessons
}

// learned are all lessons, those about results first.
var learned = compile(slices.Concat(resultLessons, panelLessons, wireLessons))

// claimsOf reads a line: its sentences one after the other, each by the first row that knows
// its words. unread are the words that no row knows: a new sentence must be taught.
func claimsOf(l line) (claims []claim, unread string) {
	if r, ok := remembered.Load(l); ok {
		return r.(reading).claims, r.(reading).unread
	}
	rows := rowsAt(l.place)
	for rest := l.text; rest != ""; {
		r, m := firstOf(rows, rest)
		if r == nil {
			unread = rest
			break
		}
		for _, says := range r.says {
			text := string(r.compiled.ExpandString(nil, says, rest, m))
			claims = append(claims, newClaim(text, l.place+": "+strings.TrimSpace(rest[:m[1]])))
		}
		rest = rest[m[1]:]
	}
	remembered.Store(l, reading{claims, unread})
	return claims, unread
}

// remembered has what was read in each line: most lines stand on many screens.
var remembered sync.Map // of reading, by line

type reading struct {
	claims []claim
	unread string
}

// rowsAt returns the rows for the lines of a place.
func rowsAt(place string) (rows []*row) {
	if entry, ok := strings.CutPrefix(place, "timeline/e"); ok {
		_, place, _ = strings.Cut(entry, "/")
		place = "timeline/e1/" + place
	}
	if known, ok := placeRows.Load(place); ok {
		return known.([]*row)
	}
	for i := range learned {
		if learned[i].compiled.MatchString(place) {
			for j := range learned[i].rows {
				rows = append(rows, &learned[i].rows[j])
			}
		}
	}
	placeRows.Store(place, rows)
	return rows
}

var placeRows sync.Map // of []*row, by place

// firstOf returns the first row that knows the words at the beginning of a text, and where its
// groups are.
func firstOf(rows []*row, text string) (*row, []int) {
	for _, r := range rows {
		if m := r.compiled.FindStringSubmatchIndex(text); m != nil && m[1] > 0 {
			return r, m
		}
	}
	return nil, nil
}
