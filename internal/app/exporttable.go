package app

import (
	"bytes"
	"encoding/csv"
	"regexp"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/views"
)

// exportHead is the first line of the table. Programs read the table by it: columns may be added at its
// end, and none is renamed or removed.
var exportHead = []string{"kind", "question", "time", "title", "item", "count", "of", "right", "note"}

// exportTable returns the export as a table (RFC 4180): one line a fact, whose first cell says what kind of
// fact it is. It begins with a byte order mark: without one Excel reads UTF-8 as the code page of its
// country, and shows other letters. LibreOffice, and Python's utf-8-sig, take the mark for what it is.
func exportTable(e views.Export) []byte {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	line := func(cells ...string) {
		for i, cell := range cells {
			cells[i] = harmless(cell)
		}
		_ = w.Write(append(cells, make([]string, len(exportHead)-len(cells))...)) // into memory
	}
	n := strconv.Itoa
	line(exportHead...)
	line("class", "", e.Day+" "+e.At, "A class with Sessionscope", "seats", n(e.Seats))
	if e.Rehearsal > 0 {
		line("class", "", "", "", "small browsers of Rehearse", n(e.Rehearsal))
	}
	for _, q := range e.Questions {
		questionLines(q, line)
	}
	for _, a := range e.Acts {
		actLines(a, line)
	}
	for _, s := range e.Progress {
		note := ""
		if s.Rehearsal {
			note = "a small browser of Rehearse"
		}
		line("progress", "", "", "experiments done", s.Nickname, n(s.Done), n(e.All), n(s.Right), note)
	}
	w.Flush()
	return b.Bytes()
}

// questionLines writes the lines of a question.
func questionLines(q views.ExportQuestion, line func(cells ...string)) {
	n := strconv.Itoa
	note := q.State
	if q.Rehearsed > 0 {
		note = strings.TrimSpace(note + " Of the answers " + n(q.Rehearsed) + " are of small browsers of Rehearse.")
	}
	line("question", n(q.N), q.Asked, q.Title, q.Choices, n(q.Answered), n(q.Of), "", note)
	for _, p := range q.Predictions {
		came, count, of := "", "", ""
		if p.True {
			came = "came true"
		}
		if q.Counted {
			count, of = n(p.Count), n(q.Answered)
		}
		line("prediction", n(q.N), "", q.Title, p.Text, count, of, "", came)
	}
	for _, p := range q.Predictions {
		if q.Hands > 0 {
			line("hands", n(q.N), "", q.Title, p.Text, n(p.Hands), n(q.Hands), "", "counted by hand")
		}
	}
	if q.Verdict != "" {
		line("verdict", n(q.N), "", q.Title, q.Verdict)
	}
}

// actLines writes the lines of an act for everyone.
func actLines(a views.ExportAct, line func(cells ...string)) {
	n := strconv.Itoa
	for _, f := range a.Rows {
		all := n(f.There + f.Refused + f.Ended + f.NoCookie + f.NotHeard)
		fate := func(what string, count int, note string) {
			line("everyone", "", a.At, a.What, f.Lived+": "+what, n(count), all, "", note)
		}
		fate("still there", f.There, a.Failed)
		fate("refused", f.Refused, f.WhyRefused)
		fate("expired or replaced", f.Ended, f.WhyEnded)
		fate("no cookie came", f.NoCookie, "")
		fate("not heard from", f.NotHeard, "")
	}
}

// formulas finds what a spreadsheet takes for the beginning of a formula. A spreadsheet whose country has
// the semicolon between cells begins a cell after each.
var formulas = regexp.MustCompile(`(^|;)([\s"]*)([=+\-@＝＋－＠])`)

// harmless returns a text as a cell that no spreadsheet takes for a formula (OWASP, CSV Injection): an
// apostrophe stands before what could begin one, and a cell has one line and no tab.
func harmless(cell string) string {
	cell = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, cell)
	return formulas.ReplaceAllString(cell, "$1$2'$3")
}
