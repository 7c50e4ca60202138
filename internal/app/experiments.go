package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// patience is how long a press waits for a run's end before it shows how far the
// run is. It is short: the end is noted in the session that the request came with,
// and a long wait would undo what another tab wrote into its cookie meanwhile. A
// script in JSON waits for almost any, and then asks once more for it to be noted.
const (
	patience     = 150 * time.Millisecond
	patienceJSON = 12 * time.Second
)

// experimentRoutes are those of the shelf and of what is on it. Private instances
// have none.
func (a *App) experimentRoutes() {
	a.read("/experiments", a.with(a.listExperiments))
	a.read("/experiments/:slug", a.with(a.experiment))
	a.post("/experiments/:slug/run", a.with(a.startRun))
	a.post("/experiments/:slug/result", a.with(a.runResult))
	a.echo.GET("/experiments/:slug/live/:run/*", handler(a.answerLive))
	a.echo.POST("/experiments/:slug/live/:run/*", inOrder(a.readForm)(handler(a.answerLive)))
}

// progressKey is the key of the learner's own session under which progress is kept.
const progressKey = "progress"

// progress is what is kept there: the IDs of the experiments that were run to their end,
// and of those whose outcome was predicted, in that order.
type progress struct {
	Done  []int `json:"done"`
	Right []int `json:"right"`
}

// progressOf returns the progress that a session's value tells, without experiments that
// are not on the shelf, and whether it is any.
func (a *App) progressOf(v session.Value, ok bool) (p progress, is bool) {
	if !ok {
		return p, true
	}
	dec := json.NewDecoder(strings.NewReader(string(v)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil || v.Type() != session.TypeObject {
		return progress{}, false
	}
	unknown := func(id int) bool {
		return !slices.ContainsFunc(a.shelf.All(), func(e experiment.Experiment) bool { return e.ID == id })
	}
	tidy := func(ids []int) []int { slices.Sort(ids); return slices.DeleteFunc(slices.Compact(ids), unknown) }
	p.Done, p.Right = tidy(p.Done), tidy(p.Right)
	return p, true
}

// progressIn returns the progress that s keeps, which may be nil. is is false when another
// thing lies under its key.
func (a *App) progressIn(s *session.Session) (p progress, is bool) {
	if s == nil {
		return p, true
	}
	v, ok := s.Get(progressKey)
	return a.progressOf(v, ok)
}

// with returns p with one more experiment done. A prediction that was right once stays so.
func (p progress) with(id int, right bool) progress {
	with := func(ids []int, add bool) []int {
		ids = append([]int{}, ids...) // never null in JSON
		if at, has := slices.BinarySearch(ids, id); add && !has {
			ids = slices.Insert(ids, at, id)
		}
		return ids
	}
	return progress{with(p.Done, true), with(p.Right, right)}
}

// note writes a run that has ended into the learner's own session, and returns
// what there is to say of that, mostly nothing. The session is born by it, if
// there is none.
func (a *App) note(c *call, r *experiment.Run) (said string) {
	ctx := c.ctx()
	if !r.Note() {
		return ""
	}
	if _, is := a.progressIn(c.session); !is {
		r.Unnote()
		return "Your session's key progress holds something other than progress, and was left as it is. Delete that key, and this run can still be written down."
	}
	right := r.Prediction != experiment.None && r.Prediction == r.Found().Outcome.Happened
	err := c.session.Update(progressKey, func(old session.Value, ok bool) session.Value {
		p, is := a.progressOf(old, ok)
		if !is {
			return old
		}
		v, err := session.ValueOf(p.with(r.Experiment.ID, right))
		if err != nil {
			return old // lists of numbers: it cannot be
		}
		return v
	})
	if err == nil {
		err = c.session.Commit(ctx)
	}
	c.session.WriteCookie(c.Response().Header())
	if err != nil {
		r.Unnote()
		c.failure = err
		return "Your progress was not kept: " + problemOf(err).detail
	}
	return ""
}

// experimentOf is the one that the address names.
func (a *App) experimentOf(c *call) (experiment.Experiment, error) {
	e, ok := a.shelf.Find(c.Param("slug"))
	if !ok {
		return e, &problem{status: http.StatusNotFound, detail: "There is no experiment at this address. The shelf lists all experiments."}
	}
	return e, nil
}

// runOf returns the run of e that a form or an address names, nil if the request may not see
// it: a name opens nothing. A run is for its owners, and for the browser that has its cookie.
func (a *App) runOf(c *call, e experiment.Experiment, token string) *experiment.Run {
	r := a.experiments.Find(token)
	if r == nil || r.Experiment.Slug != e.Slug || !c.carries(r) && !r.OwnedBy(c.owns()...) {
		return nil
	}
	c.own(r)
	return r
}

// carries tells whether the request has the cookie of a run that waits for its browser.
func (c *call) carries(r *experiment.Run) bool {
	live, _ := c.cookie(c.seat.Cookie(seat.Live))
	return live == r.Ticket
}

// owns is what a request proves that runs can be owned by: its page, and its session.
func (c *call) owns() (by []string) {
	if c.visit != nil {
		by = append(by, ownerOf(c.visit))
	}
	if c.session != nil && c.session.Exists() {
		k := keyOf(c.session)
		by = append(by, "session "+string(k[:]))
	}
	return by
}

// ownerOf is a page as the owner of runs.
func ownerOf(v *hub.Visit) string { return "visit " + v.Name }

// own adds the request's page and session to the owners of r, if the page is one already, or
// the request has the run's cookie. A session's cookie adds none: who has a copy of it must
// not see what comes after the session's end. A run without owners stays without: it is open
// to whoever knows its token.
func (c *call) own(r *experiment.Run) {
	if !r.OwnedBy() && (c.carries(r) || c.visit != nil && r.OwnedBy(ownerOf(c.visit))) {
		r.Own(c.owns()...)
	}
}

// errNoRun is for an address that names a run and proves nothing, or one that is not kept.
func errNoRun() error {
	return &problem{status: http.StatusNotFound, detail: fmt.Sprintf("This run is not shown here. Its address opens nothing: the browser that ran it sees what it found, for %.0f minutes at most. Run the experiment again.", experiment.KeepFor.Minutes())}
}

// listExperiments is GET /experiments.
func (a *App) listExperiments(c *call) error {
	if err := c.commitRead(); err != nil {
		return err
	}
	if c.wants == formJSON {
		p, _ := a.progressIn(c.session)
		type item struct {
			Number int    `json:"number"`
			Slug   string `json:"slug"`
			Title  string `json:"title"`
			Done   bool   `json:"done"`
			Right  bool   `json:"right"`
		}
		items := []item{}
		for _, e := range a.shelf.All() {
			items = append(items, item{e.Number, e.Slug, e.Title, slices.Contains(p.Done, e.ID), slices.Contains(p.Right, e.ID)})
		}
		return writeJSON(c, http.StatusOK, "application/json", struct {
			Op          string `json:"op"`
			Experiments []item `json:"experiments"`
		}{"experiments", items})
	}
	a.begin(c)
	view := a.shelfView(c, "Experiments", "")
	if c.wants == formFragment {
		return a.write(c, http.StatusOK, views.ShelfFragments(view))
	}
	return a.write(c, http.StatusOK, views.ShelfPage(view))
}

// experiment is GET /experiments/SLUG, with ?run= and what that run found, and ?at=
// and which of its exchanges the panels show.
func (a *App) experiment(c *call) error {
	e, err := a.experimentOf(c)
	if err != nil {
		return err
	}
	if err := c.commitRead(); err != nil {
		return err
	}
	a.begin(c)
	r := a.runOf(c, e, c.QueryParam("run"))
	if c.QueryParam("run") == "" {
		r = a.openRun(c, e)
	} else if r == nil {
		return errNoRun()
	}
	if c.wants == formJSON {
		return a.answerRun(c, e, asOfNow(r))
	}
	return a.showExperiment(c, http.StatusOK, e, asOfNow(r), views.Sentence{})
}

// seenRun is a run as it was at one moment: what a page says of it holds together.
type seenRun struct {
	*experiment.Run // nil for none
	now             experiment.Progress
	found           experiment.Found // once it has ended
}

func asOfNow(r *experiment.Run) (v seenRun) {
	if v.Run = r; r == nil {
		return v
	}
	if v.now = r.Progress(); v.now.Ended {
		v.found = r.Found()
	}
	return v
}

// lessonBefore is the path of an experiment's page, with the run that the page shows
// which the request came from; of the shelf for no slug that there is.
func (a *App) lessonBefore(c *call, slug string) string {
	e, ok := a.shelf.Find(slug)
	if !ok {
		return "/experiments"
	}
	path := "/experiments/" + slug
	if from, err := url.Parse(c.Request().Referer()); err == nil {
		if r := a.runOf(c, e, from.Query().Get("run")); r != nil {
			path += "?run=" + r.Token
		}
	}
	return path
}

// startRun is POST /experiments/SLUG/run.
func (a *App) startRun(c *call) error {
	e, err := a.experimentOf(c)
	if err != nil {
		return err
	}
	form := c.submitted()
	prediction := experiment.None
	if text := form.Get("prediction"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > len(e.Predictions) {
			return &session.InputError{Field: "prediction", Text: fmt.Sprintf("The prediction is a number from 1 to %d.", len(e.Predictions))}
		}
		prediction = e.Predictions[n-1].Name
	}
	chosen, err := e.Choose(func(name string) (string, bool) { return form.Get(name), form.Has(name) })
	if err != nil {
		return err
	}
	if open := a.openRun(c, e); open != nil {
		open.Stop() // it begins anew
	}
	r, err := a.experiments.Start(e, learnerOf(c), c.RealIP(), prediction, chosen, c.seat.Base+"/experiments/"+e.Slug)
	if busy := (*experiment.BusyError)(nil); errors.As(err, &busy) {
		return &problem{status: http.StatusTooManyRequests, cause: err, detail: err.Error() + " Nothing was started."}
	} else if err != nil {
		return err
	}
	r.Own(c.owns()...)
	if e.Live != nil { // a browser that is quit and opened again finds it
		cookie := c.session.Info().Attributes
		cookie.Name, cookie.Value, cookie.Path, cookie.MaxAge = c.seat.Cookie(seat.Live), r.Ticket, c.seat.Base+"/experiments/"+e.Slug, int(time.Until(r.Ends()).Seconds())
		c.Response().Header().Add("Set-Cookie", cookie.String())
	}
	return a.showRun(c, e, r)
}

// learnerOf names who a run counts for: the second browser that the page belongs to, or
// the session, or the page's visit. It is "" for a client without session and page. Others
// may know the address of a second browser: a page there belongs to it if it is of the
// family that opened it.
func learnerOf(c *call) string {
	switch {
	case c.visit != nil && c.seat.Base != "" && c.visit.Family == c.seat.Family:
		return c.seat.Base
	case c.session.ID() != "":
		return c.session.ID()
	case c.visit != nil:
		return c.visit.Name
	}
	return ""
}

// openRun is the run of e that waits for this browser, or nil.
func (a *App) openRun(c *call, e experiment.Experiment) *experiment.Run {
	ticket, _ := c.cookie(c.seat.Cookie(seat.Live))
	token, _, _ := strings.Cut(ticket, ".")
	if r := a.runOf(c, e, token); r != nil && r.Progress().Live != nil {
		return r
	}
	return nil
}

// runResult is POST /experiments/SLUG/result: what a run has found by now. It is no
// GET, since the end of a run is noted in the session.
func (a *App) runResult(c *call) error {
	e, err := a.experimentOf(c)
	if err != nil {
		return err
	}
	r := a.runOf(c, e, c.submitted().Get("run"))
	if r == nil {
		return errNoRun()
	}
	if c.submitted().Has("stop") && e.Live != nil {
		r.Stop()
	}
	return a.showRun(c, e, r)
}

// showRun waits a little for the run, and shows what there is.
func (a *App) showRun(c *call, e experiment.Experiment, r *experiment.Run) error {
	ctx := c.ctx()
	if e.Live == nil && !c.submitted().Has("run") { // a request that names a run comes after one that waited
		r.Wait(ctx, patience)
	}
	is := asOfNow(r)
	if is.now.Ended {
		if c.session.Exists() { // a clock may be due: what is noted is a write of its own
			_ = c.session.Commit(ctx)
		}
		r.Remark(a.note(c, r))
		c.own(r) // a session may have been born by it
	} else if err := c.commitRead(); err != nil {
		return err
	}
	switch c.wants {
	case formJSON:
		if e.Live == nil && r.Wait(ctx, patienceJSON) {
			is = asOfNow(r)
		}
		return a.answerRun(c, e, is)
	case formPage:
		page := r.Page()
		if c.visit != nil {
			page += "&x=" + c.visit.Proof()
		}
		return c.Redirect(http.StatusSeeOther, page+"#run")
	}
	return a.showExperiment(c, http.StatusOK, e, is, views.Sentence{})
}

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

// runJSON is what is known of an experiment, and of a run of it if there is one.
type runJSON struct {
	Op          string             `json:"op"`
	Slug        string             `json:"experiment"`
	Title       string             `json:"title"`
	Predictions []string           `json:"predictions"`
	Run         string             `json:"run,omitempty"`
	State       string             `json:"state,omitempty"` // running, open, ended, failed
	Step        int                `json:"step,omitempty"`  // how far it is: hundredths of steps, of as many
	Of          int                `json:"of,omitempty"`
	Prediction  int                `json:"prediction,omitempty"` // counted from 1
	Happened    int                `json:"happened,omitempty"`   // the same; 0 for none of them
	Right       *bool              `json:"right,omitempty"`
	Tone        string             `json:"tone,omitempty"`
	Verdict     string             `json:"verdict,omitempty"`
	Error       string             `json:"error,omitempty"`
	Noted       bool               `json:"noted"` // in the session's progress
	Remark      string             `json:"remark,omitempty"`
	Tables      []experiment.Table `json:"tables,omitempty"`
	Exchanges   []sentJSON         `json:"exchanges,omitempty"`
}

// answerRun answers a program with what is known of e and of r.
func (a *App) answerRun(c *call, e experiment.Experiment, r seenRun) error {
	out := runJSON{Op: "experiment", Slug: e.Slug, Title: e.Title}
	for _, p := range e.Predictions {
		out.Predictions = append(out.Predictions, show.Plain(p.Text))
	}
	status := http.StatusOK
	if r.Run != nil {
		out.Run, out.Prediction, out.Remark = r.Token, e.PredictionNumber(r.Prediction), r.Remarked()
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

// found adds what r found, which has ended.
func (out *runJSON) found(e experiment.Experiment, r seenRun) {
	for _, x := range r.found.Exchanges {
		out.Exchanges = append(out.Exchanges, sentJSON{x.N, x.Client, x.Note, x.Method, x.Path, say.Shown(x.Form, 4<<10), x.Cookie, x.Status, x.Header["Set-Cookie"], say.Shown(x.Body, 4<<10)})
	}
	if r.found.Err != nil {
		out.State, out.Error = "failed", failure(r.found.Err)
		return
	}
	o := r.found.Outcome
	out.Noted = !o.Undecided && r.Noted()
	out.State, out.Tone, out.Verdict, out.Happened = "ended", string(o.Tone), show.Plain(o.Verdict), e.PredictionNumber(o.Happened)
	if r.Prediction != experiment.None && !o.Undecided {
		right := r.Prediction == o.Happened
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
		out.Tables = append(out.Tables, experiment.Table{Caption: t.Caption, Head: t.Head, Rows: rows})
	}
}

// failure says why a run could not be done.
func failure(err error) string {
	switch {
	case errors.Is(err, experiment.ErrUnavailable):
		text := strings.TrimPrefix(err.Error(), experiment.ErrUnavailable.Error()+": ")
		if strings.Contains(text, "NOPERM") {
			return "The Redis answers, but its user may not do what this run needs: " + text + ". The README has the line with all rights under “Many machines: Redis”; those for experiments are the keys experiment:* and {experiment:*."
		}
		return "This needs a store that does not answer: " + text + ". Start the store, or start the program with --store redis://HOST:PORT/DB."
	case errors.Is(err, context.Canceled):
		return "The program ended before the run did."
	}
	return "The run could not be done: " + strings.SplitN(err.Error(), "\n", 2)[0] + "."
}
