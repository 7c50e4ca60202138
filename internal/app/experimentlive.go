package app

import (
	"errors"
	"net/http"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// witnessLive lets a run of the learner's own browser see a request below its path,
// before anything refuses it: what arrived has arrived. What the run replies is kept
// for answerLive.
func (a *App) witnessLive(c *call) error {
	r := c.Request()
	before, rest, ok := strings.Cut(r.URL.Path, "/live/")
	if !ok || a.experiments == nil || !strings.Contains(before, "/experiments/") || r.Method != http.MethodGet && r.Method != http.MethodPost || a.pauses(r) {
		return nil
	}
	token, path, _ := strings.Cut(rest, "/")
	run := a.experiments.Find(token)
	if run == nil || run.Base() != before+"/live/"+token {
		return nil
	}
	v := experiment.Visit{
		Method: r.Method, Host: r.Host, Path: "/" + path, Query: r.URL.Query(), Cookies: make(map[string]string),
		Site: r.Header.Get("Sec-Fetch-Site"), Foreign: crossOrigin.Check(r) != nil,
	}
	for pair := range session.Pairs(r.Header) {
		v.Cookies[pair.Name] = pair.Value
	}
	reply, ok := run.Visit(v)
	if !ok {
		return nil
	}
	c.live = &reply
	if reply.Answered != nil {
		c.Response().Before(func() { reply.Answered(c.Response().Status) })
	}
	if v.Foreign && c.wants == formPage && reply.To == "" {
		return a.refuseLive(c)
	}
	return nil
}

// refuseLive refuses a form of another origin's page, as checkOrigin does, with a page that
// says what came: the learner stands on it in a tab that the form has opened.
func (a *App) refuseLive(c *call) error {
	s := c.live.Stage
	s.Title = "It arrived, and is refused"
	s.Text = append([]string{"This program {mac refuses} the request with status 403, as it should: the `Origin` is another page's. What came with it was noted before that."}, s.Text...)
	return errors.Join(a.showStage(c, http.StatusForbidden, s), errAnswered)
}

// showStage answers with a page of its own, which leads back to the experiment.
func (a *App) showStage(c *call, status int, s experiment.Stage) error {
	back, _, _ := strings.Cut(c.Request().URL.Path, "/live/")
	return a.write(c, status, views.StagePage(a.shelfPage(c, s.Title), stageView(s), c.seat.Base+back))
}

// answerLive answers the learner's own browser below the path of a run.
func (a *App) answerLive(c *call) error {
	reply := c.live
	if reply == nil {
		return &problem{status: http.StatusNotFound, detail: "No run waits for your browser here: it has ended, or its five minutes are over. Open the experiment again."}
	}
	for _, line := range reply.SetCookies {
		c.Response().Header().Add("Set-Cookie", line)
	}
	if reply.To != "" {
		return c.Redirect(http.StatusSeeOther, reply.To)
	}
	return a.showStage(c, http.StatusOK, reply.Stage)
}
