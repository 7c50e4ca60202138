package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// patience is how long a press waits for a run's end before it shows how far the run is.
// It is short: the end is noted in the session that the request came with, and a longer
// wait would undo what another tab wrote into its cookie meanwhile. A request for JSON
// waits longer, and its script asks once more to have the end noted.
const (
	patience     = 150 * time.Millisecond
	patienceJSON = 12 * time.Second
)

// experimentRoutes adds the routes of the shelf and of its experiments. Private instances
// have none of them.
func (a *App) experimentRoutes() {
	a.read("/experiments", a.with(a.listExperiments))
	a.read("/experiments/:slug", a.with(a.experiment))
	a.post("/experiments/:slug/run", a.with(a.startRun))
	a.post("/experiments/:slug/result", a.with(a.runResult))
	a.echo.GET("/experiments/:slug/live/:run/*", handler(a.answerLive))
	a.echo.POST("/experiments/:slug/live/:run/*", inOrder(a.readForm)(handler(a.answerLive)))
}

// experimentOf is the experiment that the address names.
func (a *App) experimentOf(c *call) (experiment.Experiment, error) {
	e, ok := a.shelf.Find(c.Param("slug"))
	if !ok {
		return e, &problem{status: http.StatusNotFound, detail: "There is no experiment at this address. The shelf lists all experiments."}
	}
	return e, nil
}

// errNoRun is for an address whose run is not kept, or is not the browser's own.
func errNoRun() error {
	return &problem{status: http.StatusNotFound, detail: fmt.Sprintf("This run is not shown here. Its address opens nothing: the browser that ran it sees what it found, for %.0f minutes at most. Run the experiment again.", experiment.KeepFor.Minutes())}
}

// listExperiments is GET /experiments.
func (a *App) listExperiments(c *call) error {
	if err := c.commitRead(); err != nil {
		return err
	}
	if c.wants == formJSON {
		p, _ := a.learned(c)
		type item struct {
			Number int    `json:"number"`
			Slug   string `json:"slug"`
			Title  string `json:"title"`
			Done   bool   `json:"done"`
			Right  bool   `json:"right"`
			Answer string `json:"answer,omitempty"` // the title that says what comes out, once it is done
		}
		items := []item{}
		for _, e := range a.shelf.All() {
			one := item{Number: e.Number, Slug: e.Slug, Title: e.Title, Done: slices.Contains(p.Done, e.ID), Right: slices.Contains(p.Right, e.ID)}
			if one.Done {
				one.Answer = e.Answer
			}
			items = append(items, one)
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

// experiment is GET /experiments/SLUG. ?run= names the run to show, and ?at= the exchange
// that the panels show.
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
		return a.answerRun(c, e, a.asOfNow(c, r))
	}
	return a.showExperiment(c, http.StatusOK, e, a.asOfNow(c, r), views.Sentence{})
}

// seenRun is a run as it was at one moment, so that all parts of a page agree.
type seenRun struct {
	*experiment.Run // nil for none
	now             experiment.Progress
	found           experiment.Found // once it has ended
	prediction      string           // the name of what the request's learner predicted, or None
	page            string           // where the request sees the run
	shared          bool             // it is the run that a whole class was shown
}

// Page returns the address of the run's page for the request: a run that a class was shown has one at
// each seat.
func (v seenRun) Page() string { return v.page }

func (a *App) asOfNow(c *call, r *experiment.Run) (v seenRun) {
	if v.Run = r; r == nil {
		return v
	}
	if v.now = r.Progress(); v.now.Ended {
		v.found = r.Found()
	}
	v.prediction, v.page = r.Prediction, r.Page()
	if v.shared = a.isShown(r); v.shared {
		v.prediction, v.page = a.foretoldBy(c, r.Experiment), c.seat.Base+r.Page()
	}
	return v
}

// lessonBefore is the path of an experiment's page, with the run that the request's page
// showed. It is the path of the shelf when there is no such experiment.
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
		open.Stop() // the experiment begins anew
	}
	r, err := a.experiments.Start(e, learnerOf(c), addressOf(c), prediction, chosen, c.seat.Base+"/experiments/"+e.Slug)
	if busy := (*experiment.BusyError)(nil); errors.As(err, &busy) {
		return crowded(c, busy)
	} else if err != nil {
		return err
	}
	r.Own(c.owns()...)
	if e.Live != nil { // a browser that is quit and opened again finds the run by its cookie
		cookie := c.session.Info().Attributes
		cookie.Name, cookie.Value, cookie.Path, cookie.MaxAge = c.seat.Cookie(seat.Live), r.Ticket, c.seat.Base+"/experiments/"+e.Slug, int(time.Until(r.Ends()).Seconds())
		c.Response().Header().Add("Set-Cookie", cookie.String())
	}
	return a.showRun(c, e, r)
}

// crowded refuses another run. It names and links those of the runs which go on that the
// request's page or session owns, and no stranger's.
func crowded(c *call, busy *experiment.BusyError) *problem {
	p := &problem{status: http.StatusTooManyRequests, cause: busy, detail: busy.Error() + " Nothing was started."}
	for _, r := range busy.Runs {
		if c.carries(r) || !r.OwnedBy() && r.OwnedBy(c.owns()...) { // a run without owners is nobody's
			p.running = append(p.running, ongoing{r.Experiment.Title, r.Page()})
		}
	}
	switch {
	case len(busy.Own) > 0 || len(busy.Runs) == 0: // the words say whose they are
	case len(p.running) == 0:
		p.detail += " None of them was started by this page, or with this browser's session."
	default:
		p.detail += fmt.Sprintf(" Started by this page, or with this browser's session: %d.", len(p.running))
	}
	return p
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

// runResult is POST /experiments/SLUG/result: what a run has found by now. It is not a GET,
// since it notes the end of the run in the session.
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
	seen := a.asOfNow(c, r)
	if seen.now.Ended {
		if c.session.Exists() { // a clock may be due: the note is a write of its own
			_ = c.session.Commit(ctx)
		}
		r.Remark(a.note(c, r))
		c.own(r) // the note may have begun a session
	} else if err := c.commitRead(); err != nil {
		return err
	}
	switch c.wants {
	case formJSON:
		if e.Live == nil && r.Wait(ctx, patienceJSON) {
			seen = a.asOfNow(c, r)
		}
		return a.answerRun(c, e, seen)
	case formPage:
		page := seen.Page()
		if c.visit != nil {
			page += "&x=" + c.visit.Proof()
		}
		return c.Redirect(http.StatusSeeOther, page+"#run")
	}
	return a.showExperiment(c, http.StatusOK, e, seen, views.Sentence{})
}

// failure says why a run could not be done.
func failure(err error) string {
	read := (*session.ReadOnlyError)(nil)
	switch {
	case errors.As(err, &read):
		return "This needs a store that takes writes, and the store can only be read now: " + read.Why + "."
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
