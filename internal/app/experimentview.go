package app

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/seat"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// experimentCount is how many there are; 0 in a private instance, which has none.
func (a *App) experimentCount() int { return len(a.shelf.All()) }

// shelfView is the shelf as the progress in the request's session has it. current is the
// slug of the experiment that the page is about, or "".
func (a *App) shelfView(c *call, title, current string) views.Shelf {
	p, is := a.progressIn(c.session)
	shelf := views.Shelf{
		Page: a.page(c, title), Place: c.place(), Second: c.seat.Name, Slug: current,
		Done: len(p.Done), Right: len(p.Right), All: a.experimentCount(), Other: !is, Exists: c.session != nil && c.session.Exists(),
	}
	for _, section := range a.shelf.Sections() {
		out := views.ShelfSection{Title: section.Title}
		for _, e := range section.Experiments {
			out.Entries = append(out.Entries, views.ShelfEntry{
				Number: strconv.Itoa(e.Number), Title: e.Title, Lead: show.Rich(e.Lead), URL: shelf.Place.URL("/experiments/" + e.Slug),
				Done: slices.Contains(p.Done, e.ID), Right: slices.Contains(p.Right, e.ID), Current: e.Slug == current,
			})
		}
		shelf.Sections = append(shelf.Sections, out)
	}
	return shelf
}

// lessonView is the page of e. r is the run to show, nil for none.
func (a *App) lessonView(c *call, e experiment.Experiment, r seenRun) views.Lesson {
	l := views.Lesson{
		Shelf: a.shelfView(c, e.Title, e.Slug), Slug: e.Slug, Title: e.Title,
		Lead: show.Rich(e.Lead), Does: e.Does, Needs: e.Needs, Slow: e.Slow, Live: e.Live != nil, Breaks: show.Rich(e.Breaks),
	}
	for _, sentence := range e.Explain {
		l.Explain = append(l.Explain, show.Rich(sentence))
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
	happened, prediction := experiment.None, c.submitted().Get("prediction")
	if r.Run != nil {
		l.Run = a.runView(c, e, r)
		l.Said = said(l.Run, r.found.Outcome)
		if prediction = ""; r.Prediction != experiment.None {
			prediction = strconv.Itoa(e.PredictionNumber(r.Prediction))
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

// choices are what can be chosen for a run of e, with what was; chosen says what that is.
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

// said is what a page says of a run as soon as that is so, for those who do not see it.
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
			v.Ends = views.Clock{Until: until.UnixMilli(), Now: now.UnixMilli(), Left: say.Left(until.Sub(now))}
		}
		return v
	}
	found, out := r.found, r.found.Outcome
	v.Dropped = found.Dropped
	if found.Err != nil {
		v.Failed = failure(found.Err)
	} else {
		v.Tone, v.Verdict = string(out.Tone), show.Rich(out.Verdict)
		if v.Undecided = out.Undecided; !v.Undecided {
			v.Judgement, v.JudgedOK = judge(e, r.Prediction, out.Happened)
		}
		v.Chosen = chosenWords(e, r.Chosen)
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

// exchangesOf adds to v the exchanges of r, and the panels of number n: without that of the
// exchange that decided the outcome, or of the last one.
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

// shots shows cookies peeled, with what differs from the one before marked.
func shots(in []experiment.Shot) (out []views.Shot) {
	var before []views.Part
	for _, s := range in {
		v := views.Shot{Title: s.Title, Says: say.Shown(s.Says, 120), None: s.Cookie == ""}
		if s.Cookie != "" {
			parts := []views.Part{{Kind: "t-data", Text: s.Cookie}}
			if layers, ok := session.Peel(s.Cookie); ok {
				parts = []views.Part{{Kind: "t-time", Text: legible(layers.Time)}, {Kind: "dim", Text: "|"}, {Kind: "t-data", Text: legible(layers.Payload)},
					{Kind: "dim", Text: "|"}, {Kind: "t-mac", Text: base64.URLEncoding.EncodeToString(layers.Signature)}}
				if e, ok := layers.Envelope(); ok {
					v.Values = say.Shown(e.Values, 200)
				}
			}
			for i, p := range parts {
				from, to := 0, 0
				if len(before) == len(parts) {
					from, to = differing(before[i].Text, p.Text)
				}
				v.Token = append(v.Token, split(p, from, to, p.Kind+" flip")...)
			}
			v.Size, before = say.Bytes(len(experiment.CookieName)+len(s.Cookie))+" with its name", parts
		}
		if x := s.Exchange; x != nil {
			v.None = v.None && x.Cookie == "" && x.SetCookie() == nil
			v.Line, v.Status = x.Method+" "+say.Shown(x.Path, 60), strconv.Itoa(x.Status)
		}
		out = append(out, v)
	}
	return out
}

// differing returns where b differs from a: what neither begins nor ends alike. Where
// that is more than a third b was not made from a, and nothing is to be shown.
func differing(a, b string) (from, to int) {
	for from < len(a) && from < len(b) && a[from] == b[from] {
		from++
	}
	to = len(b)
	for i := len(a); i > from && to > from && a[i-1] == b[to-1]; i-- {
		to--
	}
	if from >= to || 3*(to-from) > len(b) {
		return 0, 0
	}
	for from > 0 && !utf8.RuneStart(b[from]) {
		from--
	}
	for to < len(b) && !utf8.RuneStart(b[to]) {
		to++
	}
	return from, to
}

// legible gives each byte that cannot be seen a sign of its own: a letter that was
// changed under base64 becomes any.
func legible(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c > ' ' && c <= '~' {
			b.WriteByte(c)
		} else {
			b.WriteRune('\u2800' + rune(c)) // a braille pattern: 256 of them
		}
	}
	return b.String()
}

// split gives what stands from from to to in p a kind of its own.
func split(p views.Part, from, to int, kind string) (out []views.Part) {
	if from >= to {
		return []views.Part{p}
	}
	for _, piece := range []views.Part{{Kind: p.Kind, Text: p.Text[:from]}, {Kind: kind, Text: p.Text[from:to]}, {Kind: p.Kind, Text: p.Text[to:]}} {
		if piece.Text != "" {
			out = append(out, piece)
		}
	}
	return out
}

func tables(in []experiment.Table) (out []views.Table) {
	for _, t := range in {
		v := views.Table{Caption: t.Caption, Head: t.Head}
		for _, row := range t.Rows {
			for len(row) > 2 && row[len(row)-1] == "" { // the last one stretches
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

// panelsOf are the three witnesses of an exchange: what the private instance noted of it,
// or of another program what the client saw. Its cookies open nothing here: the secrets
// of a private server, or of another program, are its own, and end with the run.
func panelsOf(x *experiment.Exchange) *views.RunPanels {
	facts := x.Facts.Unpack()
	if x.Facts == nil {
		facts = seenByClient(x)
	}
	seen := facts.Seen(trace.Nobody)
	v := &views.RunPanels{N: x.N, Browser: show.Browser(seen, facts.At, false), Wire: show.Wire(seen), Server: show.Server(seen, facts.At, true)}
	if x.Facts == nil {
		v.Wire.Steps, v.Browser.EnvelopeBytes = nil, "" // what that program did is not known
		v.Server = views.Server{Empty: "Another program than the lab: what it keeps does not show here."}
		if l := v.Browser.Layers; l != nil {
			l.Verdict, l.Keys, l.Valid, l.Fields, l.Values = "checked by that program", "in that program's own coding", false, nil, ""
		}
	}
	whose := x.Client
	for _, article := range []string{"The ", "A ", "Another ", "Somebody "} { // it stands within a sentence
		if strings.HasPrefix(whose, article) {
			whose = strings.ToLower(whose[:1]) + whose[1:]
		}
	}
	v.Client = whose
	if v.Browser.Raw == "" { // the lab's own words speak of its buttons
		v.Browser.Empty = "No cookie after this exchange."
		if set := x.SetCookie(); set != nil && set.MaxAge < 0 {
			v.Browser.Empty = "No cookie any more: this answer told the browser to drop it."
		}
	}
	v.Wire.N, v.Wire.Past, v.Wire.By, v.Browser.Of, v.Browser.Whose = 0, true, whose, "", whose
	v.Server.Figures.Plot = views.Plot{} // of moments
	return v
}

// seenByClient is what a client saw of an exchange with another program.
func seenByClient(x *experiment.Exchange) (f trace.Exchange) {
	const name = experiment.CookieName
	kindOf := func(string) seat.Kind { return seat.Session }
	f.At, f.Status = x.At, x.Status
	f.Request = trace.Request{
		Method: x.Method, Target: trace.Cut(x.Path, 2000), Proto: "HTTP/1.1", AsSent: true, HeadBytes: headBytes(x.Sent),
		Body: []trace.Piece{{Text: trace.Cut(x.Form, 2000).Start}}, BodyBytes: len(x.Form), Length: int64(len(x.Form)),
	}
	f.Answer = trace.Answer{
		Status: fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)), Body: trace.Cut(strings.TrimSpace(x.Body), 2000), Finished: true,
		HeadBytes: headBytes(x.Received), BodyBytes: int64(x.Bytes), Took: x.Took,
	}
	if len(x.Sent) > 0 && len(x.Received) > 0 {
		f.Request.Fields, f.Answer.Fields = trace.Fields(x.Sent[1:], kindOf), trace.Fields(x.Received[1:], kindOf)
	}
	c := &f.Cookie
	c.Name = name
	for pair := range session.Pairs(http.Header{"Cookie": {x.Cookie}}) {
		c.Jar = append(c.Jar, trace.Crumb{Name: trace.Cut(pair.Name, 80).Start, Bytes: len(pair.Name) + len(pair.Value), Kind: seat.Session})
		if pair.Name == name {
			c.Came, c.Kept = true, pair.Value
		}
	}
	if set := x.SetCookie(); set != nil {
		c.Set = true
		if c.Kept = set.Value; set.MaxAge < 0 {
			c.Kept, c.Thrown = "", true
		}
	}
	c.Bytes = len(c.Kept)
	return f
}

// cookiesSize is the size of the cookies in a header, names and values.
func cookiesSize(header string) (n int) {
	for pair := range session.Pairs(http.Header{"Cookie": {header}}) {
		n += len(pair.Name) + len(pair.Value)
	}
	return n
}

// headBytes is the size of a head of these lines.
func headBytes(lines []string) int {
	n := len("\r\n")
	for _, line := range lines {
		n += len(line) + len("\r\n")
	}
	return n
}

// markDecisive marks in an exchange what the outcome is decided by: where the
// cookie differs from the one beside it, or else the outcome's Mark.
func markDecisive(out experiment.Outcome, x *experiment.Exchange, w *views.Wire) {
	from, to, cookie := 0, 0, ""
	for i, s := range out.Pair {
		if i > 0 && s.Exchange == x && s.Cookie != "" && out.Pair[i-1].Cookie != "" {
			cookie = s.Cookie
			from, to = differing(out.Pair[i-1].Cookie, cookie)
		}
	}
	mark := strings.TrimPrefix(out.Mark, experiment.CookieName+"=") // name and value stand apart
	if from >= to && (strings.Contains(w.Answer, mark) || strings.Contains(w.Body, mark) || strings.Contains(w.RequestLine, mark)) {
		w.Decisive, mark = mark, "" // once is enough
	}
	for _, head := range []*[]views.Header{&w.Request, &w.RequestMore, &w.Response, &w.ResponseMore} {
		hs := slices.Clone(*head) // the exchange is shown to others too
		*head = hs
		for i := range hs {
			var parts []views.Part
			for _, p := range hs[i].Parts {
				a, b := from, to
				if from >= to {
					a = strings.Index(p.Text, mark)
					b = a + len(mark)
				} else if p.Text != cookie {
					a = -1
				}
				if a < 0 || a >= b || b > len(p.Text) {
					parts = append(parts, p)
					continue
				}
				mark = "" // once is enough
				parts = append(parts, split(p, a, b, "decisive")...)
			}
			hs[i].Parts = parts
			hs[i].Decisive = mark != "" && hs[i].Name == mark
		}
	}
}

// stageView is a stage for the page.
func stageView(s experiment.Stage) views.Stage {
	v := views.Stage{Title: s.Title, Tables: tables(s.Tables)}
	for _, p := range s.Text {
		v.Text = append(v.Text, show.Rich(p))
	}
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

// showExperiment renders an experiment: the page, or what a press can have changed.
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

// slugOf is the slug in a request's address, also of one that was refused before it
// had a route, so long as it came from an experiment's page.
func slugOf(c *call) string {
	if slug := c.Param("slug"); slug != "" || c.wants != formFragment {
		return slug
	}
	_, rest, _ := strings.Cut(c.Request().URL.Path, "/experiments/")
	slug, _, _ := strings.Cut(rest, "/")
	return slug
}
