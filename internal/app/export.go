package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// export returns what the teacher takes home: questions with how many predicted what, and by nickname only
// progress. Whose answer is which is not in it, nor how the answers to a question that is open are
// divided.
func (cl *class) export() views.Export {
	now := cl.now()
	e := views.Export{
		Day: now.Local().Format(time.DateOnly), At: now.Local().Format(time.TimeOnly), Version: cl.app.cfg.Version, All: cl.lab.experimentCount(),
	}
	for _, s := range cl.roster.Seats() {
		p, _ := cl.lab.progressOf(session.Value(s.Progress), len(s.Progress) > 0)
		e.Progress = append(e.Progress, views.ExportSeat{Nickname: s.Nickname, Rehearsal: s.Rehearsal, Done: len(p.Done), Right: len(p.Right)})
		if s.Rehearsal {
			e.Rehearsal++
		} else {
			e.Seats++
		}
	}
	for _, act := range cl.survey.All() {
		e.Acts = append(e.Acts, show.ExportAct(act))
	}
	present := cl.together.Present()
	for _, q := range cl.together.Past() {
		e.Questions = append(e.Questions, cl.exportQuestion(q, q.Answers(), q.Seats))
	}
	if q := present.Question; q != nil {
		answered, of := cl.turnout(present)
		e.Questions = append(e.Questions, cl.exportQuestion(*q, answered, of))
	}
	return e
}

// exportQuestion returns one question.
func (cl *class) exportQuestion(q classroom.Question, answered, of int) views.ExportQuestion {
	v := views.ExportQuestion{N: q.N, Title: q.Slug, Asked: q.Opened.Local().Format(time.TimeOnly), Counted: !q.Open(), Answered: answered, Of: of, Rehearsed: q.Rehearsed, Hands: q.AllHands()}
	e, known := cl.lab.shelf.Find(q.Slug)
	if known {
		v.Title, v.Choices = show.Plain(e.Title), strings.Join(chosenWords(e, q.Chosen), ", ")
	}
	for i := range q.Options {
		p := views.ExportPrediction{Text: fmt.Sprintf("Prediction %d", i+1)}
		if i < len(e.Predictions) {
			p.Text = show.Plain(e.Predictions[i].Text)
		}
		p.Count, p.Hands = q.Count(i + 1)
		p.Share, p.True = strconv.Itoa(100*p.Count/max(1, answered)), q.CameTrue(i+1)
		v.Predictions = append(v.Predictions, p)
	}
	v.State = say.AskedState(askedState(q))
	if q.Result != nil {
		v.Verdict = show.Plain(q.Result.Verdict)
	}
	return v
}

// askedState returns how far a question is.
func askedState(q classroom.Question) say.Asked {
	switch r := q.Result; {
	case q.Open():
		return say.AskedOpen
	case r == nil:
		return say.AskedClosed
	case r.Undecided:
		return say.AskedUndecided
	case r.Happened == 0:
		return say.AskedNone
	}
	return say.AskedTrue
}

// exportName is the name of an exported file of that day without its extension.
func exportName(day string) string { return "sessionscope-class-" + day }

// ExportClass returns what the teacher takes home from the class that is open as a page in one file, and
// the name for it, which ends in ".html". It returns no page without a class.
func (a *App) ExportClass(ctx context.Context) (page []byte, name string, err error) {
	cl := a.openClass()
	if cl == nil || cl.over.Load() != nil {
		return nil, "", errNoClass
	}
	e := cl.export()
	var b bytes.Buffer
	err = a.render(ctx, &b, views.ExportPage(e))
	return b.Bytes(), exportName(e.Day) + ".html", err
}

// exportHTML is GET /classroom/export.html: the page in one file.
func (a *App) exportHTML(c *call, cl *class) error {
	page, name, err := a.ExportClass(c.ctx())
	if err != nil {
		return err
	}
	return attach(c, name, "text/html; charset=utf-8", page)
}

// exportCSV is GET /classroom/export.csv: the table.
func (a *App) exportCSV(c *call, cl *class) error {
	e := cl.export()
	return attach(c, exportName(e.Day)+".csv", "text/csv; charset=utf-8; header=present", exportTable(e))
}

// attach answers with a file for the browser to save.
func attach(c *call, name, kind string, body []byte) error {
	h := c.Response().Header()
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	return c.Blob(http.StatusOK, kind, body)
}
