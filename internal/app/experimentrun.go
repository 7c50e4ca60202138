package app

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// said is what a screen reader says of a run when the page changes.
func said(v *views.Run, out experiment.Outcome) string {
	switch {
	case v.Stage != nil:
		return "Open: it is for your own browser now."
	case v.Waiting:
		return "Running."
	case v.Failed != "":
		return "Not done. " + v.Failed
	}
	return show.Plain(out.Verdict) + " " + v.Judgement
}

// runView is what r found, or how far it is.
func (a *App) runView(c *call, e experiment.Experiment, r seenRun) *views.Run {
	p := r.now
	v := &views.Run{Token: r.Token, URL: r.Page(), Waiting: !p.Ended, Doing: p.Doing, Remark: r.Remarked(), Unnoted: !r.Noted()}
	if v.Waiting {
		if p.Of > 0 {
			v.Step, v.Of = strconv.Itoa(p.Step), strconv.Itoa(p.Of)
		}
		if p.Live != nil {
			stage := stageView(p.Live.Stage(c.Request().Host))
			v.Stage = &stage
			now, until := time.Now(), r.Ends()
			v.Ends = countdown(until, now)
		}
		return v
	}
	found, out := r.found, r.found.Outcome
	v.Dropped = found.Dropped
	if found.Err != nil {
		v.Failed = failure(found.Err)
	} else {
		v.Tone, v.Verdict = string(out.Tone), show.Rich(out.Verdict)
		if v.Undecided = out.Undecided; !v.Undecided && (!r.shared || r.prediction != experiment.None) {
			v.Judgement, v.JudgedOK = judge(e, r.prediction, out.Happened)
		}
		if v.Chosen = chosenWords(e, r.Chosen); r.shared {
			v.Chosen = append([]string{"the run that the class was shown"}, v.Chosen...)
		}
		v.Shots, v.Tables = shots(out.Pair), tables(out.Tables)
	}
	if len(found.Exchanges) > 0 {
		exchangesOf(v, r, momentParam(c.QueryParam("at")))
	}
	return v
}

// chosenWords say what was chosen for a run of e.
func chosenWords(e experiment.Experiment, chosen map[string]string) (out []string) {
	for _, choice := range e.Choices {
		words := chosen[choice.Name]
		for _, o := range choice.Options {
			if o.Name == words {
				words = o.Label
			}
		}
		if words != "" {
			out = append(out, choice.Label+": "+say.Shown(words, 80))
		}
	}
	return out
}

// countdown is a clock that runs out at until.
func countdown(until, now time.Time) views.Clock {
	return views.Clock{Until: until.UnixMilli(), Now: now.UnixMilli(), Left: say.Left(until.Sub(now))}
}

// exchangesOf adds to v the exchanges of r, and the panels of exchange n. Without an exchange
// n it shows the one that decided the outcome, or the last one.
func exchangesOf(v *views.Run, r seenRun, n int) {
	found, out := r.found, r.found.Outcome
	decisive := out.Decisive
	if decisive == nil {
		decisive = found.Exchanges[len(found.Exchanges)-1]
	}
	at := decisive
	if i := slices.IndexFunc(found.Exchanges, func(x *experiment.Exchange) bool { return x.N == n }); i >= 0 {
		at = found.Exchanges[i]
	}
	for _, x := range found.Exchanges {
		line := views.ExchangeLine{
			N: x.N, URL: r.Page() + "&at=" + strconv.Itoa(x.N), Client: x.Client, Note: x.Note, Line: x.Method + " " + say.Shown(x.Path, 80),
			Status: strconv.Itoa(x.Status), Bad: x.Status >= 400, Current: x == at, Decisive: x == decisive && out.Decisive != nil,
		}
		if x.Cookie != "" {
			line.Cookie = say.Bytes(cookiesSize(x.Cookie))
		}
		if set := x.SetCookie(); set != nil {
			if line.SetCookie = say.Bytes(len(set.Name) + len(set.Value)); set.MaxAge < 0 {
				line.SetCookie = "expires it"
			}
		}
		v.Exchanges = append(v.Exchanges, line)
	}
	v.Panels = panelsOf(at)
	if at == decisive {
		markDecisive(out, at, &v.Panels.Wire)
	}
}

// judge says whether a prediction came true.
func judge(e experiment.Experiment, prediction, happened string) (text string, right bool) {
	switch {
	case prediction == experiment.None:
		return "You made no prediction.", false
	case happened == experiment.None:
		return "None of the predictions says this.", false
	case prediction == happened:
		return "✓ That is what you predicted.", true
	}
	return fmt.Sprintf("✕ You predicted: %s.", strings.TrimSuffix(show.Plain(e.Predictions[e.PredictionNumber(prediction)-1].Text), ".")), false
}
