package app

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/views"
)

// experimentCount is how many experiments there are; 0 in a private instance.
func (a *App) experimentCount() int { return len(a.shelf.All()) }

// shelfPage returns what a page of the experiments has.
func (a *App) shelfPage(c *call, title string) views.Page {
	p := a.page(c, title)
	p.ShelfScript, p.ShelfCSS = a.assets.url("js/experiments.js"), a.assets.url("css/experiments.css")
	return p
}

// shelfView is the shelf with the progress in the request's session. current is the slug of
// the experiment that the page is about, or "".
func (a *App) shelfView(c *call, title, current string) views.Shelf {
	p, valid := a.learned(c)
	shelf := views.Shelf{
		Page: a.shelfPage(c, title), Place: c.place(), Second: c.seat.Name, Slug: current,
		Done: a.doneCount(c, p), Right: len(p.Right), All: a.experimentCount(), Other: !valid, Exists: c.session != nil && c.session.Exists(),
	}
	for _, section := range a.shelf.Sections() {
		out := views.ShelfSection{Title: section.Title}
		for _, e := range section.Experiments {
			entry := views.ShelfEntry{
				Number: strconv.Itoa(e.Number), Title: e.Title, Lead: show.Rich(e.Lead), URL: shelf.Place.URL("/experiments/" + e.Slug),
				Done: slices.Contains(p.Done, e.ID), Right: slices.Contains(p.Right, e.ID), Current: e.Slug == current,
			}
			if entry.Done {
				entry.Answer, entry.SoWhat = e.Answer, rich(e.SoWhat)
			}
			out.Entries = append(out.Entries, entry)
		}
		shelf.Sections = append(shelf.Sections, out)
	}
	return shelf
}

// lessonView is the page of e. r is the run to show, nil for none.
func (a *App) lessonView(c *call, e experiment.Experiment, r seenRun) views.Lesson {
	l := views.Lesson{
		Shelf: a.shelfView(c, e.Title, e.Slug), Slug: e.Slug, Title: e.Title,
		Lead: show.Rich(e.Lead), Does: e.Does, Needs: e.Needs, Slow: e.Slow, Live: e.Live != nil,
		SoWhat: rich(e.SoWhat), Explain: rich(e.Explain), Breaks: show.Rich(e.Breaks),
	}
	l.Done, l.Right = a.keeps(c, e)
	if a.told(c, e, r) {
		l.Answer = e.Answer
	}
	for _, source := range e.Sources {
		l.Sources = append(l.Sources, views.Link{URL: source.URL, Text: source.Text})
	}
	l.Choices = choices(e, func(name string) (string, bool) {
		if r.Run != nil {
			text, ok := r.Chosen[name]
			return text, ok
		}
		return c.submitted().Get(name), c.submitted().Has(name)
	})
	if r.Run == nil && l.Done {
		l.Last = a.lastRun(c, e, l.Shelf.Place)
	}
	happened, prediction := experiment.None, c.submitted().Get("prediction")
	if r.Run != nil {
		l.Run = a.runView(c, e, r)
		l.Said = said(l.Run, r.found.Outcome)
		if prediction = ""; r.prediction != experiment.None {
			prediction = strconv.Itoa(e.PredictionNumber(r.prediction))
		}
		if r.now.Ended && l.Run.Failed == "" {
			happened = r.found.Outcome.Happened
		}
		if l.Run.Waiting { // with another query each time: the same address with its fragment would not be fetched
			l.Shelf.Page.Refresh = fmt.Sprintf("%s&look=%d&x=%s#run", r.Page(), momentParam(c.QueryParam("look"))+1, l.Shelf.Place.Proof)
		}
	}
	for i, p := range e.Predictions {
		n := strconv.Itoa(i + 1)
		l.Predictions = append(l.Predictions, views.Prediction{N: n, Text: show.Rich(p.Text), Chosen: n == prediction, Happened: p.Name == happened})
	}
	all := a.shelf.All()
	link := func(i int) *views.Link {
		if i < 0 || i >= len(all) {
			return nil
		}
		return &views.Link{URL: l.Shelf.Place.URL("/experiments/" + all[i].Slug), Text: all[i].Title}
	}
	at := slices.IndexFunc(all, func(other experiment.Experiment) bool { return other.Slug == e.Slug })
	l.Previous, l.Next = link(at-1), link(at+1)
	return l
}

// lastRun is the last run of e that the request may see, if its result is still kept.
func (a *App) lastRun(c *call, e experiment.Experiment, at views.Place) *views.LastRun {
	r := a.experiments.Last(e.Slug, c.owns()...)
	if r == nil {
		return nil
	}
	v := &views.LastRun{URL: r.Page() + "&x=" + at.Proof + "#run", Kept: fmt.Sprintf("%.0f minutes", experiment.KeepFor.Minutes())}
	if n := e.PredictionNumber(r.Prediction); n > 0 {
		v.Predicted = show.Rich(strings.TrimSuffix(e.Predictions[n-1].Text, "."))
	}
	return v
}

// rich are sentences for the page.
func rich(sentences []string) (out [][]views.Part) {
	for _, sentence := range sentences {
		out = append(out, show.Rich(sentence))
	}
	return out
}

// choices are the choices of e for the page. chosen returns what was chosen, by name.
func choices(e experiment.Experiment, chosen func(name string) (string, bool)) (out []views.Choice) {
	for _, choice := range e.Choices {
		v := views.Choice{Name: choice.Name, Label: choice.Label, Text: choice.Default, Max: strconv.Itoa(choice.Max)}
		text, ok := chosen(choice.Name)
		if ok {
			v.Text = text
		}
		for i, o := range choice.Options {
			v.Options = append(v.Options, views.Option{Name: o.Name, Label: o.Label, Chosen: ok && o.Name == text || !ok && i == 0})
		}
		out = append(out, v)
	}
	return out
}

func tables(in []experiment.Table) (out []views.Table) {
	for _, t := range in {
		v := views.Table{Caption: t.Caption, Head: t.Head, Note: show.Rich(t.Note)}
		for _, row := range t.Rows {
			for len(row) > 2 && row[len(row)-1] == "" { // the last cell of a row stretches
				row = row[:len(row)-1]
			}
			var cells [][]views.Part
			for _, cell := range row {
				cells = append(cells, show.Rich(cell))
			}
			v.Rows = append(v.Rows, cells)
		}
		out = append(out, v)
	}
	return out
}

// stageView is a stage for the page.
func stageView(s experiment.Stage) views.Stage {
	v := views.Stage{Title: s.Title, Text: rich(s.Text), Tables: tables(s.Tables)}
	for _, action := range s.Actions {
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Title != action.Group {
			v.Groups = append(v.Groups, views.ActionGroup{Title: action.Group})
		}
		g := &v.Groups[len(v.Groups)-1]
		shown := views.Action{Label: action.Label, Method: strings.ToLower(action.Method), URL: action.URL, Here: action.Here}
		if u, err := url.Parse(action.URL); err == nil && shown.Method == "get" { // a form that reads has its fields in place of a query
			for name := range u.Query() {
				shown.Fields = append(shown.Fields, views.Field{Name: name, Value: u.Query().Get(name)})
			}
		}
		g.Actions = append(g.Actions, shown)
	}
	return v
}

// showExperiment renders an experiment: the page, or the parts that a press can change.
func (a *App) showExperiment(c *call, status int, e experiment.Experiment, r seenRun, problem views.Sentence) error {
	l := a.lessonView(c, e, r)
	l.Problem = problem
	for i := range l.Choices {
		l.Choices[i].Invalid = problem.Field == l.Choices[i].Name
	}
	switch {
	case c.wants != formFragment:
		return a.write(c, status, views.LessonPage(l))
	case problem.Verb != "":
		return a.write(c, status, views.LessonProblem(l, status == http.StatusNotFound))
	case c.Request().Method == http.MethodGet && l.Run != nil && l.Run.Panels != nil:
		return a.write(c, status, views.PanelsFragments(l))
	}
	return a.write(c, status, views.LessonFragments(l))
}

// slugOf is the slug in a request's address. A request that was refused before it had a
// route has one too, if it asks for a fragment.
func slugOf(c *call) string {
	if slug := c.Param("slug"); slug != "" || c.wants != formFragment {
		return slug
	}
	_, rest, _ := strings.Cut(c.Request().URL.Path, "/experiments/")
	slug, _, _ := strings.Cut(rest, "/")
	return slug
}
