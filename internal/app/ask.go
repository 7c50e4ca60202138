package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
)

// askRoutes adds the routes of what the class is asked. classrun.go runs it, askview.go shows it.
func (a *App) askRoutes() {
	a.post("/classroom/open", a.teacher(a.openQuestion))
	a.post("/classroom/close", a.teacher(a.closeQuestion))
	a.post("/classroom/hands", a.teacher(a.countHands))
	a.post("/classroom/reveal", a.teacher(a.revealQuestion))
	a.post("/classroom/done", a.teacher(a.finishQuestion))
}

// maxLimit is the longest time that a question can be open, in seconds.
const maxLimit = 3600

// openQuestion is POST /classroom/open: slug names the experiment, limit is how many seconds it is open
// ("" for no limit), and each other field is one of the experiment's choices.
func (a *App) openQuestion(c *call, cl *class) error {
	chosen := make(map[string]string)
	for name, values := range c.form {
		if name != "slug" && name != "limit" {
			chosen[name] = values[0]
		}
	}
	limit, text := 0, strings.TrimSpace(c.form.Get("limit"))
	if text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxLimit {
			return fieldRefused(fmt.Sprintf(`The field "limit" is how many seconds the question is open, from 1 to %s, or empty for no limit.`, say.Number(maxLimit)))
		}
	}
	if err := cl.ask(c.ctx(), c.form.Get("slug"), chosen, time.Duration(limit)*time.Second); err != nil {
		return askRefused(err)
	}
	e, _ := a.shelf.Find(c.form.Get("slug"))
	return cl.answerAsk(c, "open", say.QuestionOpened(e.Title, limit > 0))
}

// closeQuestion is POST /classroom/close: no answer is taken after it.
func (a *App) closeQuestion(c *call, cl *class) error {
	n, err := questionIn(c)
	if err == nil {
		err = cl.together.CloseQuestion(c.ctx(), n)
	}
	if err != nil {
		return askRefused(err)
	}
	return cl.answerAsk(c, "close", say.QuestionClosed())
}

// countHands is POST /classroom/hands: each field hands is a number of raised hands, one for each
// prediction in its order; empty is 0.
func (a *App) countHands(c *call, cl *class) error {
	n, err := questionIn(c)
	if err != nil {
		return err
	}
	var hands []int
	for _, text := range c.form["hands"] {
		text = strings.TrimSpace(text)
		count, err := strconv.Atoi(text)
		if err != nil && text != "" || count < 0 || count > 999 {
			return fieldRefused(fmt.Sprintf(`The field "hands" is how many hands were raised for a prediction, from 0 to 999; %q is not.`, say.Shown(text, 20)))
		}
		hands = append(hands, count)
	}
	if q := cl.together.Present().Question; q != nil && len(hands) != q.Options {
		return fieldRefused(fmt.Sprintf(`The field "hands" comes once for each of the %d predictions, and it came %d times.`, q.Options, len(hands)))
	}
	if err := cl.together.SetHands(c.ctx(), n, hands); err != nil {
		return askRefused(err)
	}
	sum := 0
	for _, count := range hands {
		sum += count
	}
	return cl.answerAsk(c, "hands", say.HandsCounted(sum))
}

// revealQuestion is POST /classroom/reveal: it runs the experiment, once, and then shows everybody what
// came of it. An open question is closed before.
func (a *App) revealQuestion(c *call, cl *class) error {
	n, err := questionIn(c)
	if err == nil {
		err = cl.reveal(c.ctx(), n)
	}
	if err != nil {
		return askRefused(err)
	}
	return cl.answerAsk(c, "reveal", say.RevealBegun())
}

// finishQuestion is POST /classroom/done: nothing is shown to everybody then.
func (a *App) finishQuestion(c *call, cl *class) error {
	n, err := questionIn(c)
	if err != nil {
		return err
	}
	if q := cl.together.Present().Question; n != 0 && (q == nil || q.N != n) {
		return askRefused(classroom.ErrOther)
	}
	if err := cl.clearStage(c.ctx()); err != nil {
		return askRefused(err)
	}
	return cl.answerAsk(c, "done", say.StageCleared())
}

// ask opens a question about an experiment, for a time limit or without one (0). What was shown to
// everybody before is taken away.
func (cl *class) ask(ctx context.Context, slug string, chosen map[string]string, limit time.Duration) error {
	asking, err := cl.asking(slug, chosen, limit)
	if err != nil {
		return err
	}
	if err := cl.clearBeside(ctx); err != nil {
		return err
	}
	return cl.together.Ask(ctx, asking.Slug, asking.Chosen, asking.Options, asking.Limit)
}

// asking returns a question about an experiment, for a time limit or without one (0).
func (cl *class) asking(slug string, chosen map[string]string, limit time.Duration) (q classroom.Asking, err error) {
	e, ok := cl.app.shelf.Find(slug)
	switch {
	case !ok:
		return q, fieldRefused(fmt.Sprintf(`The field "slug" names an experiment by the end of its address, such as log-out-then-replay; %q is none.`, say.Shown(slug, 40)))
	case e.Run == nil:
		return q, fieldRefused(fmt.Sprintf("%s is done by the browser of whoever runs it, and each may find something different: there is no one result to reveal. Each phone runs it from its own list of experiments.", e.Title))
	}
	var offered []string
	for _, choice := range e.Choices {
		offered = append(offered, choice.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		if !slices.Contains(offered, name) {
			what := "has no choices"
			if len(offered) > 0 {
				what = "has the choices " + strings.Join(offered, ", ")
			}
			return q, fieldRefused(fmt.Sprintf("There is no field %q: %s %s.", say.Shown(name, 40), e.Title, what))
		}
	}
	if chosen, err = e.Choose(func(name string) (string, bool) { text, ok := chosen[name]; return text, ok }); err != nil {
		return q, err
	}
	return classroom.Asking{Slug: e.Slug, Chosen: chosen, Options: len(e.Predictions), Limit: limit}, nil
}

// clearStage takes away what is shown to everybody: the question, what became of the sessions, the browsers.
func (cl *class) clearStage(ctx context.Context) error {
	if err := cl.clearBeside(ctx); err != nil {
		return err
	}
	if err := cl.together.Done(ctx); !errors.Is(err, classroom.ErrNoQuestion) {
		return err
	}
	return nil
}

// clearBeside takes away what is shown to everybody beside a question. What was counted of an act for
// everyone is kept for the export.
func (cl *class) clearBeside(ctx context.Context) error {
	if err := cl.survey.Finish(ctx); err != nil {
		return err
	}
	return cl.browsers.End(ctx)
}

// questionIn returns the number of the question that a form is about, 0 for whichever is asked now. A
// press on a board that shows an older question must not close the next one.
func questionIn(c *call) (int, error) {
	text := c.form.Get("n")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fieldRefused(`The field "n" is the number of a question.`)
	}
	return n, nil
}

// fieldRefused is the refusal of a field.
func fieldRefused(detail string) *problem {
	return &problem{status: http.StatusUnprocessableEntity, brief: true, detail: detail + " Nothing was changed."}
}

// askWords say why an act comes at the wrong moment.
var askWords = map[error]string{
	classroom.ErrNoQuestion: "Nothing is asked now.",
	classroom.ErrNotOpen:    "The question is closed already.",
	classroom.ErrOther:      "Another question is asked meanwhile: this press was for the one before.",
	classroom.ErrRunning:    "Its experiment runs already. The result comes by itself.",
	classroom.ErrRevealed:   "The question is revealed already: what came of it stays as it is.",
}

// askRefused is the refusal of an act on the question: 409 at the wrong moment, 422 for a wrong field, and
// 503 if it could not be written down.
func askRefused(err error) error {
	if p := (*problem)(nil); errors.As(err, &p) {
		return p
	}
	if input := (*session.InputError)(nil); errors.As(err, &input) {
		return fieldRefused(input.Text)
	}
	for is, words := range askWords {
		if errors.Is(err, is) {
			return &problem{status: http.StatusConflict, brief: true, cause: err, detail: words + " Nothing was changed."}
		}
	}
	return notWritten(err)
}

// answerAsk answers an act on the question; for programs with the question as it is now.
func (cl *class) answerAsk(c *call, op string, said say.Sentence) error {
	return cl.leadToBoard(c, cl.saying(c, said), "", struct {
		Op       string        `json:"op"`
		Question *questionJSON `json:"question"` // null for none
	}{op, cl.questionJSON()})
}
