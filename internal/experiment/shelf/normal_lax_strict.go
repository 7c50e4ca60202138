package shelf

import (
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var normalLaxStrict = experiment.Experiment{
	Slug: "normal-lax-strict", Section: together,
	Live: runNormalLaxStrict,
}

// The three cookies, in the order of the grid.
var sameSiteNames = []string{"normal", "lax", "strict"}

// The places that a request can come from, and the ways in which it can be made.
var (
	fromWhere = []origin{{"here", "this page", "same-origin"}, {"port", "another port of this name", "same-site"}, {"site", "another site", "cross-site"}}
	ways      = []way{{"link", "a link"}, {"get", "a form that reads (GET)"}, {"post", "a form that writes (POST)"}}
)

// origin is a place that a request can come from.
type origin struct {
	name, words string
	site        string // what a browser's Sec-Fetch-Site says of it
}

// way is how a request can be made.
type way struct{ name, words string }

// contradicts says how a request that claims to come from o contradicts itself, with
// what its browser says beside what its form says; "" when it does not. A form that
// writes has an Origin also where no Sec-Fetch-Site comes.
func (o origin) contradicts(v experiment.Visit) string {
	said := "said it came from " + o.words + "; "
	switch {
	case v.Site != "" && v.Site != o.site:
		return said + "Sec-Fetch-Site says `" + experiment.Plain(short(v.Site)) + "`"
	case v.Site != "" || v.Method != http.MethodPost:
	case v.Foreign && o.name == "here":
		return said + "no Sec-Fetch-Site came, and its `Origin` is of another page"
	case !v.Foreign && o.name != "here":
		return said + "no Sec-Fetch-Site came, and no `Origin` of another page"
	}
	return ""
}

// short returns the first 40 bytes of s: a header may be long, and is kept.
func short(s string) string {
	const most = 40
	if len(s) <= most {
		return strings.Clone(s)
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

type sameSite struct {
	run *experiment.Run
	in  *experiment.Instance

	mu      sync.Mutex
	given   time.Time
	arrived map[string]*arrival // by place and way
	denied  map[string]string   // why the last request of that place and way is not counted
}

type arrival struct {
	cookies map[string]bool
	status  int           // the status that the browser got; 0 while it has no answer
	site    string        // Sec-Fetch-Site, which the form does not contradict; "" when none came
	age     time.Duration // how old the cookies were
}

func runNormalLaxStrict(r *experiment.Run) experiment.Live {
	l := &sameSite{run: r}
	l.in = r.Boot(experiment.Settings{Twin: func(func() string) http.Handler { return http.HandlerFunc(l.foreign) }})
	return l
}

// foreignPage is the page of another site, with a policy of its own: its forms may
// go to the learner's address. It is filled in by Fprintf: a template would make the
// whole program larger by half.
const foreignPage = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>A foreign page</title>
<main><h1>A foreign page</h1><p>This page is at <b>http://%[1]s</b>. It sends your browser to <b>%[2]s</b>, where you have three cookies.</p>
<p><a id="link" href="%[3]s?from=%[4]s&amp;how=link" target="_blank" rel="noopener">Follow a link</a></p>
<form method="get" action="%[3]s" target="_blank"><input type="hidden" name="from" value="%[4]s"><input type="hidden" name="how" value="get"><button id="get">Submit a form that reads (GET)</button></form><br>
<form method="post" action="%[3]s?from=%[4]s&amp;how=post" target="_blank"><button id="post">Submit a form that writes (POST)</button></form>
<p>Then go back to the experiment's page: the grid there fills.</p></main></html>`

// foreign serves the foreign page, on the run's own port.
func (l *sameSite) foreign(w http.ResponseWriter, r *http.Request) {
	target, from := r.URL.Query().Get("target"), r.URL.Query().Get("from")
	if !loopback(target) || r.URL.Path != "/" || from != "port" && from != "site" {
		http.NotFound(w, r)
		return
	}
	origin := "http://" + target
	w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action "+origin)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	e := html.EscapeString
	fmt.Fprintf(w, foreignPage, e(r.Host), e(origin), e(origin+l.run.Base()+"/land"), e(from))
}

// loopback tells whether host, with a port or none, is this machine's own name.
func loopback(host string) bool {
	name := hostname(host)
	_, port, err := net.SplitHostPort(host)
	if _, bad := strconv.ParseUint(port, 10, 16); err == nil && bad != nil {
		return false
	}
	return name == "localhost" || name == "127.0.0.1"
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// Visit implements Live. What arrives is written down before the app refuses it.
func (l *sameSite) Visit(v experiment.Visit) experiment.Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	back := experiment.Reply{To: l.run.Page() + "#run"}
	switch {
	case v.Path == "/cookies" && v.Method == http.MethodPost && !v.Foreign:
		attributes := map[string]http.SameSite{"normal": 0, "lax": http.SameSiteLaxMode, "strict": http.SameSiteStrictMode}
		for _, name := range sameSiteNames {
			c := &http.Cookie{Name: name, Value: "yours", Path: l.run.Base(), MaxAge: 300, HttpOnly: true, SameSite: attributes[name]}
			back.SetCookies = append(back.SetCookies, c.String())
		}
		l.given, l.arrived, l.denied = time.Now(), make(map[string]*arrival), make(map[string]string)
	case v.Path == "/land" && !l.given.IsZero():
		return l.land(v, back)
	}
	return back
}

// land writes down what came with a request of the grid. back answers any other request.
// The caller holds the lock.
func (l *sameSite) land(v experiment.Visit, back experiment.Reply) experiment.Reply {
	from, how := v.Query.Get("from"), v.Query.Get("how")
	at := slices.IndexFunc(fromWhere, func(o origin) bool { return o.name == from })
	known := at >= 0 && slices.ContainsFunc(ways, func(w way) bool { return w.name == how })
	if !known || (v.Method == http.MethodPost) != (how == "post") {
		return back
	}
	a := &arrival{cookies: make(map[string]bool), site: v.Site, age: time.Since(l.given)}
	var came []string
	for _, name := range sameSiteNames {
		if _, ok := v.Cookies[name]; ok {
			a.cookies[name] = true
			came = append(came, name)
		}
	}
	said := "No cookie came with this request."
	if len(came) > 0 {
		said = "These came with this request: {cookie " + strings.Join(came, ", ") + "}."
	}
	if v.Site == "" {
		said += " No `Sec-Fetch-Site` came: over plain http, browsers send it to localhost and 127.0.0.1 only."
	} else {
		said += " Its `Sec-Fetch-Site` says `" + experiment.Plain(short(v.Site)) + "`."
	}
	if why := fromWhere[at].contradicts(v); why != "" {
		l.denied[from+" "+how] = why
		return experiment.Reply{Stage: experiment.Stage{Title: "It arrived, and is not counted", Text: []string{said, "It is not counted: it " + why + ".", "Close this tab, go back to the experiment, and use the links and forms of its page."}}}
	}
	l.arrived[from+" "+how] = a
	return experiment.Reply{
		Stage: experiment.Stage{Title: "It arrived", Text: []string{said, "Close this tab and go back to the experiment: the grid there has it."}},
		Answered: func(status int) {
			l.mu.Lock()
			defer l.mu.Unlock()
			a.status = status
		},
	}
}

// Cookies implements Live.
func (l *sameSite) Cookies() []string { return sameSiteNames }

// Stage implements Live.
func (l *sameSite) Stage(host string) experiment.Stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !loopback(host) {
		return experiment.Stage{Text: []string{fmt.Sprintf("You reached this page under `%s`. The foreign pages are on a port of the teacher's machine that other machines do not reach: open this page there, under localhost or 127.0.0.1.", experiment.Plain(host)),
			"To any other name browsers send no `Sec-Fetch-Site` over plain http: nothing here could tell where a request came from."}}
	}
	if l.given.IsZero() {
		return experiment.Stage{
			Text:    []string{"First take three cookies for this page's path: one without `SameSite`, one `Lax`, one `Strict`."},
			Actions: []experiment.Action{{Label: "Give my browser the three cookies", Method: "POST", URL: l.run.Base() + "/cookies", Here: true}},
		}
	}
	name, other := hostname(host), "localhost"
	if name == other {
		other = "127.0.0.1"
	}
	page := func(at, from string) string {
		return fmt.Sprintf("http://%s:%d/?%s", at, l.in.Port(), url.Values{"target": {host}, "from": {from}}.Encode())
	}
	land := l.run.Base() + "/land?from=here&how="
	return experiment.Stage{
		Text: []string{
			"Make each request, in any order. Each opens in a tab of its own; the grid below is filled from the `Cookie` headers that really arrive here.",
		},
		Actions: []experiment.Action{
			{Group: "From this page", Label: "Follow a link", Method: "link", URL: land + "link"},
			{Group: "From this page", Label: "A form that reads", Method: "GET", URL: land + "get"},
			{Group: "From this page", Label: "A form that writes", Method: "POST", URL: land + "post"},
			{Group: "From another port of this name", Label: "Open its page", Method: "link", URL: page(name, "port")},
			{Group: "From another site", Label: "Open its page", Method: "link", URL: page(other, "site")},
			{Group: "Begin again", Label: "Three fresh cookies", Method: "POST", URL: l.run.Base() + "/cookies", Here: true},
		},
		Tables: l.tables(),
	}
}

func (l *sameSite) tables() []experiment.Table {
	t := experiment.Table{Caption: "Which cookies arrived", Head: []string{"from", "by", "normal", "lax", "strict", "Sec-Fetch-Site", "answer"}}
	silent := false
	for _, p := range fromWhere {
		for _, w := range ways {
			a, why := l.arrived[p.name+" "+w.name], l.denied[p.name+" "+w.name]
			row := []string{p.words, w.words}
			switch {
			case a != nil:
				for _, name := range sameSiteNames {
					row = append(row, experiment.YesNo(a.cookies[name], p.name != "site"))
				}
				site, answer := "`"+a.site+"`", fmt.Sprintf("{ok taken (%d)}", a.status)
				if a.site == "" {
					site, silent = "none came", true
				}
				if a.status >= 400 {
					answer = fmt.Sprintf("{mac refused (%d)}", a.status)
				}
				t.Rows = append(t.Rows, append(row, site, answer))
			case why == "":
				t.Rows = append(t.Rows, append(row, "–", "–", "–", "", "not made yet"))
			}
			if why != "" {
				t.Rows = append(t.Rows, []string{p.words, w.words, "{bad not counted:} a request " + why, "", "", "", ""})
			}
		}
	}
	t.Note = "`Sec-Fetch-Site` is the browser's own word for where a request came from, and no page can change it: `same-origin`, `same-site` or `cross-site`."
	if silent {
		t.Note += " With a request in this table none came: over plain http, browsers send it to localhost and 127.0.0.1 only, and without it only the form says where the request came from."
	}
	return []experiment.Table{t}
}

// Outcome implements Live.
func (l *sameSite) Outcome() experiment.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := experiment.Outcome{Happened: experiment.None, Undecided: true, Tone: experiment.Lost, Tables: l.tables(), Verdict: "The form that writes was not submitted from another site, so this run shows nothing. Open it again."}
	a, ok := l.arrived["site post"]
	if !ok {
		if why := l.denied["site post"]; why != "" {
			out.Verdict = "The form that writes was not submitted from another site, so this run shows nothing: a request " + why + ", and is not counted. Open it again."
		}
		return out
	}
	out.Undecided = false
	var came []string
	for _, name := range sameSiteNames {
		if a.cookies[name] {
			came = append(came, name)
		}
	}
	after := a.age.Round(time.Second).String()
	switch {
	case len(came) == 0:
		out.Happened, out.Tone = "none-comes", experiment.Held
		out.Verdict = fmt.Sprintf("{ok None of the three cookies came} with the foreign form that writes, %s after they were set.", after)
	case len(came) == len(sameSiteNames):
		out.Happened = "all-come"
		out.Verdict = "{bad All three cookies came} with the foreign form that writes."
	case len(came) == 1 && came[0] == "normal":
		out.Happened, out.Tone = "normal-comes", experiment.Refused
		out.Verdict = fmt.Sprintf("{bad The cookie without SameSite came} with the foreign form that writes, %s after it was set; {ok Lax and Strict stayed away}.", after)
	default:
		out.Verdict = fmt.Sprintf("With the foreign form that writes came: {cookie %s}.", strings.Join(came, ", "))
	}
	if a.status >= 400 {
		out.Verdict += fmt.Sprintf(" The request itself was {mac refused with %d}: its `Origin` is not this program's.", a.status)
	} else {
		out.Verdict += fmt.Sprintf(" {bad The request itself was taken}: status %d.", a.status)
	}
	if a.site == "" {
		out.Verdict += " No Sec-Fetch-Site came with it, so that it came from another site is only what the form says."
	}
	if b, ok := l.arrived["port post"]; ok && b.cookies["strict"] && b.site != "" {
		out.Verdict += " From another port of the same name even {cookie strict} came: another port is the same site."
	}
	return out
}
