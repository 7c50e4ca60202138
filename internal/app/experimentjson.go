package app

import (
	"net/http"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
)

// sentJSON is an exchange as its client saw it.
type sentJSON struct {
	N         int      `json:"n"`
	Client    string   `json:"client"`
	Note      string   `json:"note,omitempty"`
	Method    string   `json:"method"`
	Path      string   `json:"path"`
	Form      string   `json:"form,omitempty"`
	Cookie    string   `json:"cookie,omitempty"`
	Status    int      `json:"status"`
	SetCookie []string `json:"set_cookie,omitempty"`
	Body      string   `json:"body,omitempty"`
}

// runJSON is an experiment, and a run of it if there is one.
type runJSON struct {
	Op          string             `json:"op"`
	Slug        string             `json:"experiment"`
	Title       string             `json:"title"`
	Answer      string             `json:"answer,omitempty"`  // the title that says what comes out, once the experiment is done
	SoWhat      []string           `json:"so_what,omitempty"` // and what a developer does differently
	Predictions []string           `json:"predictions"`
	Run         string             `json:"run,omitempty"`
	State       string             `json:"state,omitempty"` // running, open, ended, failed
	Step        int                `json:"step,omitempty"`  // steps done, in hundredths; Of is all steps
	Of          int                `json:"of,omitempty"`
	Prediction  int                `json:"prediction,omitempty"` // its number, from 1
	Happened    int                `json:"happened,omitempty"`   // the number of the prediction that came true; 0 for none
	Right       *bool              `json:"right,omitempty"`
	Tone        string             `json:"tone,omitempty"`
	Verdict     string             `json:"verdict,omitempty"`
	Error       string             `json:"error,omitempty"`
	Noted       bool               `json:"noted"` // in the session's progress
	Remark      string             `json:"remark,omitempty"`
	Tables      []experiment.Table `json:"tables,omitempty"`
	Exchanges   []sentJSON         `json:"exchanges,omitempty"`
}

// answerRun answers in JSON with what is known of e and of r.
func (a *App) answerRun(c *call, e experiment.Experiment, r seenRun) error {
	out := runJSON{Op: "experiment", Slug: e.Slug, Title: e.Title}
	for _, p := range e.Predictions {
		out.Predictions = append(out.Predictions, show.Plain(p.Text))
	}
	if a.told(c, e, r) {
		out.Answer = e.Answer
		for _, sentence := range e.SoWhat {
			out.SoWhat = append(out.SoWhat, show.Plain(sentence))
		}
	}
	status := http.StatusOK
	if r.Run != nil {
		out.Run, out.Prediction, out.Remark = r.Token, e.PredictionNumber(r.prediction), r.Remarked()
		out.State, out.Step, out.Of = "running", r.now.Step, r.now.Of
		if r.now.Live != nil {
			out.State = "open"
		}
		if r.now.Ended {
			out.found(e, r)
		} else {
			status = http.StatusAccepted
		}
	}
	return writeJSON(c, status, "application/json", out)
}

// found adds what r, which has ended, found.
func (out *runJSON) found(e experiment.Experiment, r seenRun) {
	for _, x := range r.found.Exchanges {
		out.Exchanges = append(out.Exchanges, sentJSON{x.N, x.Client, x.Note, x.Method, x.Path, say.Shown(x.Form, 4<<10), x.Cookie, x.Status, x.Header["Set-Cookie"], say.Shown(x.Body, 4<<10)})
	}
	if r.found.Err != nil {
		out.State, out.Error = "failed", failure(r.found.Err)
		return
	}
	o := r.found.Outcome
	out.Noted = !o.Undecided && r.Noted() && !r.shared
	out.State, out.Tone, out.Verdict, out.Happened = "ended", string(o.Tone), show.Plain(o.Verdict), e.PredictionNumber(o.Happened)
	if r.prediction != experiment.None && !o.Undecided {
		right := r.prediction == o.Happened
		out.Right = &right
	}
	for _, t := range o.Tables {
		rows := [][]string{}
		for _, row := range t.Rows {
			cells := []string{}
			for _, cell := range row {
				cells = append(cells, show.Plain(cell))
			}
			rows = append(rows, cells)
		}
		out.Tables = append(out.Tables, experiment.Table{Caption: t.Caption, Head: t.Head, Rows: rows, Note: show.Plain(t.Note)})
	}
}
