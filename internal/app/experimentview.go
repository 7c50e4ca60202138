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

	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// experimentCount is how many there are; 0 in a private instance, which has none.
func (a *App) experimentCount() int {
	if a.experiments == nil {
		return 0
	}
	return len(experiment.All())
}

// shelfView is the shelf as a session's progress has it. current is the slug of
// the experiment that the page is about, or "". s is nil when the store does not answer.
func (a *App) shelfView(c echo.Context, s *session.Session, title, current string) views.Shelf {
	mem := remembered(c.Request().Context())
	p, is := progressIn(s)
	shelf := views.Shelf{
		Page: a.page(c, title), Place: placeOf(c), Second: mem.id.name, Slug: current,
		Done: len(p.Done), Right: len(p.Right), All: a.experimentCount(), Other: !is, Exists: s != nil && s.Exists(),
	}
	for _, section := range experiment.Shelf() {
		out := views.ShelfSection{Title: section.Title}
		for _, e := range section.Experiments {
			out.Entries = append(out.Entries, views.ShelfEntry{
				Number: strconv.Itoa(e.Number), Title: e.Title, Lead: rich(e.Lead), URL: shelf.Place.WithVisit("/experiments/" + e.Slug),
				Done: slices.Contains(p.Done, e.Number), Right: slices.Contains(p.Right, e.Number), Current: e.Slug == current,
			})
		}
		shelf.Sections = append(shelf.Sections, out)
	}
	return shelf
}

// lessonView is the page of e. r is the run to show, nil for none.
func (a *App) lessonView(c echo.Context, s *session.Session, e experiment.Experiment, r seenRun) views.Lesson {
	l := views.Lesson{
		Shelf: a.shelfView(c, s, e.Title, e.Slug), Slug: e.Slug, Title: e.Title,
		Lead: rich(e.Lead), Does: e.Does, Needs: e.Needs, Slow: e.Slow, Live: e.Live != nil, Breaks: rich(e.Breaks),
	}
	for _, sentence := range e.Explain {
		l.Explain = append(l.Explain, rich(sentence))
	}
	for _, source := range e.Sources {
		l.Sources = append(l.Sources, views.Link{URL: source.URL, Text: source.Text})
	}
	form := submitted(c)
	chosen := func(name string) (string, bool) {
		if r.Run != nil {
			text, ok := r.Chosen[name]
			return text, ok
		}
		return form.Get(name), form.Has(name)
	}
	for _, choice := range e.Choices {
		v := views.Choice{Name: choice.Name, Label: choice.Label, Text: choice.Default, Max: strconv.Itoa(choice.Max)}
		text, ok := chosen(choice.Name)
		if ok {
			v.Text = text
		}
		for i, o := range choice.Options {
			v.Options = append(v.Options, views.Option{Name: o.Name, Label: o.Label, Chosen: ok && o.Name == text || !ok && i == 0})
		}
		l.Choices = append(l.Choices, v)
	}
	happened, prediction := experiment.None, form.Get("prediction")
	if r.Run != nil {
		l.Run = a.runView(c, e, r)
		if prediction = ""; r.Prediction != experiment.None {
			prediction = strconv.Itoa(r.Prediction + 1)
		}
		if r.now.Ended && l.Run.Failed == "" {
			happened = r.found.Outcome.Happened
		}
		switch {
		case l.Run.Stage != nil:
			l.Said = "Open: it is for your own browser now."
		case l.Run.Waiting:
			l.Said = "Running."
		case l.Run.Failed != "":
			l.Said = "Not done. " + l.Run.Failed
		default:
			l.Said = plain(r.found.Outcome.Verdict) + " " + l.Run.Judgement
		}
		if l.Run.Waiting { // with another query each time: the same address with its fragment would not be fetched
			l.Shelf.Page.Refresh = fmt.Sprintf("%s&look=%d#run", r.Page(), momentParam(c.QueryParam("look"))+1)
		}
	}
	for i, text := range e.Predictions {
		n := strconv.Itoa(i + 1)
		l.Predictions = append(l.Predictions, views.Prediction{N: n, Text: rich(text), Chosen: n == prediction, Happened: i == happened})
	}
	all := experiment.All()
	link := func(i int) *views.Link {
		if i < 0 || i >= len(all) {
			return nil
		}
		return &views.Link{URL: l.Shelf.Place.WithVisit("/experiments/" + all[i].Slug), Text: all[i].Title}
	}
	at := slices.IndexFunc(all, func(other experiment.Experiment) bool { return other.Slug == e.Slug })
	l.Previous, l.Next = link(at-1), link(at+1)
	return l
}

// runView is what r found, or how far it is.
func (a *App) runView(c echo.Context, e experiment.Experiment, r seenRun) *views.Run {
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
			v.Ends = views.Clock{Until: until.UnixMilli(), Now: now.UnixMilli(), Left: left(until.Sub(now))}
		}
		return v
	}
	found, out := r.found, r.found.Outcome
	v.Dropped = found.Dropped
	if found.Err != nil {
		v.Failed = failure(found.Err)
	} else {
		v.Tone, v.Verdict = string(out.Tone), rich(out.Verdict)
		if v.Undecided = out.Undecided; !v.Undecided {
			v.Judgement, v.JudgedOK = judge(e, r.Prediction, out.Happened)
		}
		for _, choice := range e.Choices {
			words := r.Chosen[choice.Name]
			for _, o := range choice.Options {
				if o.Name == words {
					words = o.Label
				}
			}
			if words != "" {
				v.Chosen = append(v.Chosen, choice.Label+": "+shown(words, 80))
			}
		}
		v.Shots, v.Tables = shots(out.Pair), tables(out.Tables)
	}
	if len(found.Exchanges) == 0 {
		return v
	}
	decisive := out.Decisive
	if decisive == nil {
		decisive = found.Exchanges[len(found.Exchanges)-1]
	}
	at := decisive
	if n := momentParam(c.QueryParam("at")); n > 0 {
		for _, x := range found.Exchanges {
			if x.N == n {
				at = x
			}
		}
	}
	base := r.Page() + "&at="
	for _, x := range found.Exchanges {
		line := views.ExchangeLine{
			N: x.N, URL: base + strconv.Itoa(x.N), Client: x.Client, Note: x.Note, Line: x.Method + " " + shown(x.Path, 80),
			Status: strconv.Itoa(x.Status), Bad: x.Status >= 400, Current: x == at, Decisive: x == decisive && out.Decisive != nil,
		}
		if x.Cookie != "" {
			line.Cookie = bytesText(cookiesSize(x.Cookie))
		}
		if set := x.SetCookie(); set != nil {
			if line.SetCookie = bytesText(len(set.Name) + len(set.Value)); set.MaxAge < 0 {
				line.SetCookie = "expires it"
			}
		}
		v.Exchanges = append(v.Exchanges, line)
	}
	v.Panels = panelsOf(at)
	if at == decisive {
		markDecisive(out, at, &v.Panels.Wire)
	}
	return v
}

// judge says whether a prediction came true.
func judge(e experiment.Experiment, prediction, happened int) (text string, right bool) {
	switch {
	case prediction == experiment.None:
		return "You made no prediction.", false
	case happened == experiment.None:
		return "None of the predictions says this.", false
	case prediction == happened:
		return "✓ That is what you predicted.", true
	}
	return fmt.Sprintf("✕ You predicted: %s.", strings.TrimSuffix(plain(e.Predictions[prediction]), ".")), false
}

// shots shows cookies peeled, with what differs from the one before marked.
func shots(in []experiment.Shot) (out []views.Shot) {
	var before []views.Part
	for _, s := range in {
		v := views.Shot{Title: s.Title, Says: shown(s.Says, 120), None: s.Cookie == ""}
		if s.Cookie != "" {
			parts := []views.Part{{Kind: "t-data", Text: s.Cookie}}
			if layers, ok := session.Peel(s.Cookie); ok {
				parts = []views.Part{{Kind: "t-time", Text: legible(layers.Time)}, {Kind: "dim", Text: "|"}, {Kind: "t-data", Text: legible(layers.Payload)},
					{Kind: "dim", Text: "|"}, {Kind: "t-mac", Text: base64.URLEncoding.EncodeToString(layers.Signature)}}
				if e, ok := layers.Envelope(); ok {
					v.Values = shown(e.Values, 200)
				}
			}
			for i, p := range parts {
				from, to := 0, 0
				if len(before) == len(parts) {
					from, to = differing(before[i].Text, p.Text)
				}
				v.Token = append(v.Token, split(p, from, to, p.Kind+" flip")...)
			}
			v.Size, before = bytesText(len(experiment.CookieName)+len(s.Cookie))+" with its name", parts
		}
		if x := s.Exchange; x != nil {
			v.None = v.None && x.Cookie == "" && x.SetCookie() == nil
			v.Line, v.Status = x.Method+" "+shown(x.Path, 60), strconv.Itoa(x.Status)
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
				cells = append(cells, rich(cell))
			}
			v.Rows = append(v.Rows, cells)
		}
		out = append(out, v)
	}
	return out
}

// panelsOf are the three witnesses of an exchange: what the private instance
// shows of it, or of another program what the client saw.
func panelsOf(x *experiment.Exchange) *views.RunPanels {
	v := &views.RunPanels{N: x.N, Client: x.Client}
	if packed, ok := x.Panels.(packed); ok {
		p := packed.panels()
		v.Browser, v.Wire, v.Server = p.Browser, p.Wire, p.Server
	} else {
		v.Browser, v.Wire = seenByClient(x)
		v.Server.Empty = "Another program than the lab: what it keeps does not show here."
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
			v.Browser.Empty = "No cookie any more: this answer had it thrown away."
		}
	}
	v.Wire.N, v.Wire.Past, v.Wire.By, v.Browser.Of, v.Browser.Whose = 0, true, whose, "", whose
	v.Server.Figures.Plot = views.Plot{} // of moments
	return v
}

// seenByClient is what a client saw of an exchange with another program.
func seenByClient(x *experiment.Exchange) (b views.Browser, w views.Wire) {
	const name = experiment.CookieName
	heads := func(lines []string) (seen, more []views.Header) {
		for _, f := range fieldsOf(lines) {
			h := views.Header{Name: f.name, Parts: []views.Part{{Text: shown(f.value, maxCookieShown)}}}
			if h.Name == "Cookie" || h.Name == "Set-Cookie" {
				pair, more, _ := strings.Cut(h.Parts[0].Text, ";")
				name, value, _ := strings.Cut(pair, "=")
				h.Parts = []views.Part{{Text: name + "="}, {Kind: "token", Text: value}}
				if more != "" {
					h.Parts = append(h.Parts, views.Part{Text: ";" + more})
				}
			}
			if first[http.CanonicalHeaderKey(h.Name)] {
				seen = append(seen, h)
			} else {
				more = append(more, h)
			}
		}
		return seen, more
	}
	w = views.Wire{
		RequestLine: x.Method + " " + shown(x.Path, maxShown), Proto: "HTTP/1.1", StatusLine: fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)),
		Body: shown(x.Form, maxShown), Answer: shown(strings.TrimSpace(x.Body), maxShown), AsSent: true, Finished: true, SetCookie: x.SetCookie() != nil,
		RequestHeadBytes: bytesText(headBytes(x.Sent)), RequestBytes: bytesText(len(x.Form)),
		ResponseHeadBytes: bytesText(headBytes(x.Received)), ResponseBytes: bytesText(x.Bytes), Took: milliseconds(x.Took),
	}
	if len(x.Sent) > 0 && len(x.Received) > 0 {
		w.Request, w.RequestMore = heads(x.Sent[1:])
		w.Response, w.ResponseMore = heads(x.Received[1:])
	}
	b = views.Browser{Name: name, Limit: session.MaxCookieBytes}
	for pair := range cookiePairs(&http.Request{Header: http.Header{"Cookie": {x.Cookie}}}) {
		b.Jar = append(b.Jar, views.JarCookie{Name: shown(pair.name, 80), Size: bytesText(len(pair.name) + len(pair.value)), Kind: "session"})
	}
	value := ""
	if set := x.SetCookie(); set != nil {
		if value = set.Value; set.MaxAge < 0 {
			value = ""
		}
		b.Changed = true
	} else if r := (&http.Request{Header: http.Header{"Cookie": {x.Cookie}}}); x.Cookie != "" {
		if c, err := r.Cookie(name); err == nil {
			value = c.Value
		}
	}
	if value == "" {
		b.Empty = "No cookie after this exchange."
		return b, w
	}
	b.Raw, b.RawBytes, b.Bytes = shown(value, maxCookieShown), bytesText(len(value)), len(name)+len(value)
	b.Size, b.Most = number(b.Bytes), number(b.Limit)
	if layers, ok := session.Peel(value); ok {
		b.Layers = peeled(layers, x.At)
		b.Layers.Verdict, b.Layers.Keys = "checked by that program alone", "in that program's own coding"
	}
	return b, w
}

// cookiesSize is the size of the cookies in a header, names and values.
func cookiesSize(header string) (n int) {
	for pair := range cookiePairs(&http.Request{Header: http.Header{"Cookie": {header}}}) {
		n += len(pair.name) + len(pair.value)
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
		v.Text = append(v.Text, rich(p))
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
func (a *App) showExperiment(c echo.Context, status int, s *session.Session, e experiment.Experiment, r seenRun, problem views.Sentence) error {
	l := a.lessonView(c, s, e, r)
	l.Problem = problem
	for i := range l.Choices {
		l.Choices[i].Invalid = problem.Field == l.Choices[i].Name
	}
	switch {
	case wants(c) != formFragment:
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
func slugOf(c echo.Context) string {
	if slug := c.Param("slug"); slug != "" || wants(c) != formFragment {
		return slug
	}
	_, rest, _ := strings.Cut(c.Request().URL.Path, "/experiments/")
	slug, _, _ := strings.Cut(rest, "/")
	return slug
}
