package experiment

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
)

// byBrowser are those that the learner's own browser does.
func byBrowser() []Experiment {
	return []Experiment{
		{
			Number: 25, Slug: "normal-lax-strict", Title: "Normal, Lax, Strict",
			Lead: "You are logged in at one site, and another site's page sends your browser there: by a link, a form that reads, a form that writes. Which of your cookies go along?",
			Predictions: []string{
				"With a foreign form that writes, all of them go along: a cookie goes wherever its server is called",
				"With a foreign form that writes, only the one without SameSite goes along",
				"With a foreign form that writes, none of them goes along",
			},
			Does:  "nine requests of your own browser, from three places",
			Needs: "This needs the machine that the program runs on, under localhost or 127.0.0.1: the foreign pages are on a port of their own, which no other machine reaches.",
			Live:  normalLaxStrict,
			Explain: []string{
				"`SameSite` says for each {cookie cookie} whether it goes along when another site caused the request (RFC 6265bis, section 5.6.7): `Strict` never, `Lax` only when somebody follows a link or submits a form that reads, so that the address bar changes.",
				"Without the attribute browsers of the Chromium family treat a cookie as `Lax`, but for its first two minutes they send it with a foreign form that writes all the same; others send it always.",
				"A site is the scheme and the name that somebody registered, such as example.org: {wire another port of the same name} is the same site, so `SameSite` protects nothing from the program next door.",
				"That is why this program also compares `Origin` with its own address: each foreign form that writes was answered 403, after its cookies had been written down here.",
				"`Sec-Fetch-Site` is the browser's own word for where a request came from, which no page can change: a request whose form says something different is not counted here. Over plain http it comes under localhost and 127.0.0.1 only.",
			},
			Breaks:  "An application that changes something on a GET: a link is enough then, and `Lax` sends the cookie along with it.",
			Sources: []Source{{"RFC 6265bis, section 5.6.7", "https://www.ietf.org/archive/id/draft-ietf-httpbis-rfc6265bis-20.html#section-5.6.7"}, {"W3C: Fetch Metadata Request Headers", "https://www.w3.org/TR/fetch-metadata/"}, {"OWASP: Cross-Site Request Forgery Prevention", "https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html"}},
		},
		{
			Number: 26, Slug: "secure-on-plain-http", Title: "Secure on plain http",
			Lead: "The cookie is marked `Secure`, as every guide says. It works on your own machine. Will it work in class, over plain http?",
			Predictions: []string{
				"Yes: the browser keeps the cookie, and however often I press there is one session",
				"No: the browser drops the cookie, and each press makes one more session",
				"No: the server refuses a Secure cookie over plain http with an error",
			},
			Does:  "three presses or more of your own browser",
			Needs: "To see both answers it needs two addresses. Under localhost or 127.0.0.1 Chromium and Firefox count plain http as trustworthy. From another device of the network, the program must listen there: start it with --addr 0.0.0.0:8080.",
			Live:  secureOnPlainHTTP,
			Explain: []string{
				"A cookie with `Secure` is kept and sent over https only (RFC 6265bis, section 5.7): over plain http the browser throws it away without a word, and the page looks as if nothing were wrong.",
				"Chromium and Firefox make an exception for localhost and 127.0.0.1, whose traffic never leaves the machine, and Safari does not: so it may work where it was written, and fails where it is used.",
				"The {server server} notices nothing: each request comes without a cookie, so each write begins another session, and the records climb.",
			},
			Breaks:  "https: with it Secure is right, and with the prefix `__Host-` nobody on plain http can plant such a cookie either.",
			Sources: []Source{{"RFC 6265bis, section 5.7", "https://www.ietf.org/archive/id/draft-ietf-httpbis-rfc6265bis-20.html#section-5.7"}, {"W3C: Secure Contexts, potentially trustworthy origins", "https://www.w3.org/TR/secure-contexts/#is-origin-trustworthy"}},
		},
	}
}

// closes is about the life of a session.
func closes() Experiment {
	return Experiment{
		Number: 6, Slug: "closes-with-the-browser", Title: "Closes with the browser",
		Lead: "Two sessions, two cookies: one says how long it lives (`Max-Age`), the other does not. You quit the browser and open it again. Who is still there?",
		Predictions: []string{
			"Both cookies come back: a cookie stays until its server deletes it",
			"Only the one with Max-Age comes back, and both sessions are still on the server",
			"Neither comes back: quitting ends them all",
			"Only the one with Max-Age comes back, and the server has ended the other session",
		},
		Does:  "two cookies for your own browser, which you then quit and open again",
		Needs: "Any machine will do, also a phone: quit the whole browser, not only this page, and come back within five minutes.",
		Live:  closesWithTheBrowser,
		Explain: []string{
			"A cookie without `Max-Age` or `Expires` is kept \"until the current session is over\", and the browser says when its own session is (RFC 6265, section 4.1.2.2): mostly when it quits.",
			"Nobody tells the {server server}: its record goes on opening until the idle clock runs out, for whoever has a copy of that cookie.",
			"A browser that is set to go on where you left off restores such cookies too, and many phones never quit a browser at all.",
			"So closing the window is no logout: a session ends when the server ends it.",
		},
		Breaks:  "A browser that restores its windows keeps both cookies; a private window forgets both.",
		Sources: []Source{{"RFC 6265, section 4.1.2.2", "https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.2"}, {"Django: browser-length sessions and persistent sessions", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#browser-length-sessions-vs-persistent-sessions"}},
	}
}

// --- 6 ---

// The names of the two cookies.
const (
	labelled   = "with-max-age"
	unlabelled = "until-close"
)

type closing struct {
	run *Run
	in  *Instance

	mu    sync.Mutex
	given time.Time
	kept  string // a copy of the cookie without Max-Age
	label bool   // of the two cookies one had Max-Age, and the other not
	looks []look
}

// look is what came at one look.
type look struct {
	at          time.Time
	quit        bool            // the learner says that the browser was quit before
	came, opens map[string]bool // by the cookie's name
	copyOpens   bool            // so does a copy of the one without Max-Age that somebody else kept
	records     int
}

func closesWithTheBrowser(r *Run) Live { return &closing{run: r, in: r.Boot(Settings{})} }

// Visit implements Live.
func (l *closing) Visit(v Visit) Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	back := Reply{To: l.run.Page() + "#run"}
	switch {
	case v.Foreign || v.Method != http.MethodPost:
	case v.Path == "/cookies":
		keeps, ends := l.in.Client("the session with Max-Age"), l.in.Client("the session until close")
		one := keeps.Set("name", "Rahim")
		ends.Set("name", "Ada")
		two := ends.Post("/expiry", "seconds", "0")
		l.label = true
		for name, x := range map[string]*Exchange{labelled: one, unlabelled: two} {
			c := x.SetCookie()
			if l.label = l.label && c != nil; c == nil {
				continue
			}
			c.Name, c.Path = name, l.run.Base()
			back.SetCookies = append(back.SetCookies, c.String())
			l.label = l.label && (c.MaxAge > 0) == (name == labelled)
		}
		l.given, l.kept, l.looks = l.in.Now(), ends.Cookie(), nil
	case (v.Path == "/look" || v.Path == "/look-again") && !l.given.IsZero() && len(l.looks) < 50:
		now := look{at: l.in.Now(), quit: v.Path == "/look-again", came: make(map[string]bool), opens: make(map[string]bool)}
		for _, name := range []string{labelled, unlabelled} {
			value, came := v.Cookies[name]
			now.came[name] = came
			if came {
				asks := l.in.Client("your browser, with " + name)
				asks.Put(value)
				now.opens[name] = asks.Get("/session").Answer().Exists
			}
		}
		thief := l.in.Client("somebody with a copy of until-close")
		thief.Put(l.kept)
		now.copyOpens = thief.Get("/session").Answer().Exists
		now.records = l.in.Stats().Live
		l.looks = append(l.looks, now)
	}
	return back
}

// Cookies implements Live.
func (l *closing) Cookies() []string { return []string{labelled, unlabelled} }

// Stage implements Live.
func (l *closing) Stage(string) Stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.given.IsZero() {
		return Stage{
			Text:    []string{"First let a server give your browser two cookies, each of a session of its own."},
			Actions: []Action{{Label: "Give my browser the two cookies", Method: "POST", URL: l.run.Base() + "/cookies", Here: true}},
		}
	}
	return Stage{
		Text: []string{
			"Your browser was given {cookie two cookies}. Look once, to see them come. Then quit the whole browser, open it again, come back to this page and look again.",
			"The address of this page, in case it is not in your history: `" + l.run.Page() + "`",
		},
		Actions: []Action{
			{Label: "Look what my browser sends", Method: "POST", URL: l.run.Base() + "/look", Here: true},
			{Label: "I quit it and came back: look again", Method: "POST", URL: l.run.Base() + "/look-again", Here: true},
		},
		Tables: l.tables(),
	}
}

func (l *closing) tables() []Table {
	if len(l.looks) == 0 {
		return nil
	}
	t := Table{Caption: "Each look", Head: []string{"after", "quit before, you say", labelled, unlabelled, "a copy of " + unlabelled, "records on the server"}}
	cell := func(k look, name string) string {
		switch {
		case k.opens[name]:
			return "{ok came, and opens its session}"
		case k.came[name]:
			return "{bad came, and opens nothing}"
		}
		return "{bad did not come}"
	}
	for _, k := range l.looks {
		quit, copied := "no", "opens nothing"
		if k.quit {
			quit = "yes"
		}
		if k.copyOpens {
			copied = "opens the session"
		}
		t.Rows = append(t.Rows, []string{k.at.Sub(l.given).Round(time.Second).String(), quit, cell(k, labelled), cell(k, unlabelled), copied, fmt.Sprint(k.records)})
	}
	return []Table{t}
}

// Outcome implements Live.
func (l *closing) Outcome() Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Outcome{Happened: None, Undecided: true, Tone: Lost, Tables: l.tables(), Verdict: "You did not quit the browser and look again, so there is nothing to tell. Open it again."}
	if len(l.looks) == 0 || !l.looks[len(l.looks)-1].quit {
		return out
	}
	out.Undecided = false
	last := l.looks[len(l.looks)-1]
	records := word(last.records, "record", "records")
	if last.copyOpens {
		records += ", and a copy of the cookie without Max-Age is still let in"
	}
	switch with, without := last.came[labelled], last.came[unlabelled]; {
	case !l.label:
		out.Verdict = "{bad The server did not give the two cookies that it should}, one with Max-Age and one without, so there is nothing to tell."
	case with && without:
		out.Happened, out.Tone = 0, Held
		out.Verdict = fmt.Sprintf("{cookie Both cookies came back.} If your browser was quit, it restored what it had open. {server The server has %s.}", records)
	case with && last.copyOpens:
		out.Happened = 1
		out.Verdict = fmt.Sprintf("{ok Only the cookie with Max-Age came back.} The other was forgotten by your browser alone: {server the server still has %s}.", records)
	case with && last.records < 2:
		out.Happened = 3
		out.Verdict = fmt.Sprintf("Only the cookie with Max-Age came back, and {server the server has %s}.", records)
	case with:
		out.Verdict = fmt.Sprintf("The cookie with Max-Age came back and the other did not. {server The server has %s}, and a copy of the other cookie opens nothing.", records)
	case !without:
		out.Happened = 2
		out.Verdict = fmt.Sprintf("{bad Neither cookie came back}, as after a private window. {server The server still has %s.}", records)
	default:
		out.Verdict = fmt.Sprintf("The cookie without Max-Age came back and the other did not. {server The server has %s.}", records)
	}
	return out
}

// --- 26 ---

type secure struct {
	run *Run
	in  *Instance

	mu      sync.Mutex
	presses []press
}

type press struct {
	host, id string
	came     bool
	set      *http.Cookie // that the answer sets; nil for none
	status   int
	records  int
}

// secureName is the cookie's name: it is beside the learner's own session cookie.
const secureName = "secure-session"

func secureOnPlainHTTP(r *Run) Live {
	return &secure{run: r, in: r.Boot(Settings{Secure: true, CookieName: secureName, CookiePath: r.Base()})}
}

// Visit implements Live.
func (l *secure) Visit(v Visit) Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	back := Reply{To: l.run.Page() + "#run"}
	if v.Foreign || v.Method != http.MethodPost || v.Path != "/set" || len(l.presses) >= 50 {
		return back
	}
	b := l.in.Client("your browser")
	value, came := v.Cookies[secureName]
	if came {
		b.Put(value)
	}
	x := b.Set("press", fmt.Sprint(len(l.presses)+1))
	back.SetCookies = x.Header["Set-Cookie"]
	l.presses = append(l.presses, press{v.Host, x.Answer().Session.ID, came, x.SetCookie(), x.Status, l.in.Stats().Live})
	return back
}

// Cookies implements Live.
func (l *secure) Cookies() []string { return []string{secureName} }

// Stage implements Live.
func (l *secure) Stage(host string) Stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Stage{
		Text: []string{
			fmt.Sprintf("You reached this page under `%s`. Press three times: each is `session['press'] = n`, and its answer sets a cookie with `Secure`.", Plain(host)),
		},
		Actions: []Action{{Label: "Set", Method: "POST", URL: l.run.Base() + "/set", Here: true}},
		Tables:  l.tables(),
	}
}

func (l *secure) tables() []Table {
	if len(l.presses) == 0 {
		return nil
	}
	t := Table{Caption: "Each press", Head: []string{"press", "your browser sent a cookie", "session, hashed", "records on the server"}}
	for i, p := range l.presses {
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), yes(p.came, i > 0), "`" + p.id + "`", fmt.Sprint(p.records)})
	}
	return []Table{t}
}

// Outcome implements Live.
func (l *secure) Outcome() Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Outcome{Happened: None, Undecided: true, Tone: Lost, Tables: l.tables(), Verdict: "Press at least twice: the first press has no cookie to send yet. Open it again."}
	n := len(l.presses)
	if n < 2 {
		return out
	}
	out.Undecided = false
	came, refused := 0, 0
	for _, p := range l.presses[1:] {
		if p.came {
			came++
		}
		if p.status >= 400 {
			refused++
		}
	}
	last := l.presses[n-1]
	under := "`http://" + Plain(last.host) + "`"
	switch {
	case refused > 0:
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{bad The server answered %s with an error.}", word(refused, "press", "presses"))
	case l.presses[0].set == nil || !l.presses[0].set.Secure:
		out.Verdict = "{bad The server set no cookie with Secure} at the first press, so there is nothing to tell."
	case came == n-1 && last.records == 1:
		out.Happened, out.Tone = 0, Held
		out.Verdict = fmt.Sprintf("{ok The cookie came back} with each of the %s after the first: under %s your browser counts plain http as trustworthy. {server The server has %s.} Now try it from another device.",
			word(n-1, "press", "presses"), under, word(last.records, "record", "records"))
	case came == 0 && last.records == n:
		out.Happened = 1
		out.Verdict = fmt.Sprintf("{bad The cookie never came back.} Under %s your browser threw it away each time, without a word: %s made {server %s}.", under, word(n, "press", "presses"), word(last.records, "record", "records"))
	default:
		out.Verdict = fmt.Sprintf("The cookie came back with %d of the %s after the first, and the server has %s.", came, word(n-1, "press", "presses"), word(last.records, "record", "records"))
	}
	return out
}

// --- 25 ---

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
func (o origin) contradicts(v Visit) string {
	said := "said it came from " + o.words + "; "
	switch {
	case v.Site != "" && v.Site != o.site:
		return said + "Sec-Fetch-Site says `" + Plain(short(v.Site)) + "`"
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
	run *Run
	in  *Instance

	mu      sync.Mutex
	given   time.Time
	arrived map[string]*arrival // by place and way
	denied  map[string]string   // why the last request of that place and way is not counted
}

type arrival struct {
	cookies map[string]bool
	status  int           // of the answer that the browser got; 0 while it has none
	site    string        // Sec-Fetch-Site, which the form does not contradict; "" when none came
	age     time.Duration // of the cookies
}

func normalLaxStrict(r *Run) Live {
	l := &sameSite{run: r}
	l.in = r.Boot(Settings{Twin: func(func() string) http.Handler { return http.HandlerFunc(l.foreign) }})
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
func (l *sameSite) Visit(v Visit) Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	back := Reply{To: l.run.Page() + "#run"}
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
func (l *sameSite) land(v Visit, back Reply) Reply {
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
	if why := fromWhere[at].contradicts(v); why != "" {
		l.denied[from+" "+how] = why
		return Reply{Stage: Stage{Title: "It arrived, and is not counted", Text: []string{said, "It is not counted: it " + why + ".", "Close this tab, and use the links and forms of the experiment's page."}}}
	}
	l.arrived[from+" "+how] = a
	return Reply{
		Stage: Stage{Title: "It arrived", Text: []string{said, "Close this tab: the grid on the experiment's page has it."}},
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
func (l *sameSite) Stage(host string) Stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !loopback(host) {
		return Stage{Text: []string{fmt.Sprintf("You reached this page under `%s`. The foreign pages are on a port of the teacher's machine that other machines do not reach: open this page there, under localhost or 127.0.0.1.", Plain(host))}}
	}
	if l.given.IsZero() {
		return Stage{
			Text:    []string{"First take three cookies for this page's path: one without `SameSite`, one `Lax`, one `Strict`."},
			Actions: []Action{{Label: "Give my browser the three cookies", Method: "POST", URL: l.run.Base() + "/cookies", Here: true}},
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
	return Stage{
		Text: []string{
			"Make each request, in any order. Each opens in a tab of its own; the grid below is filled from the `Cookie` headers that really arrive here.",
			"`Sec-Fetch-Site` is your browser's own word for where the request came from.",
		},
		Actions: []Action{
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

func (l *sameSite) tables() []Table {
	t := Table{Caption: "Which cookies arrived", Head: []string{"from", "by", "normal", "lax", "strict", "Sec-Fetch-Site", "answer"}}
	silent := false
	for _, p := range fromWhere {
		for _, w := range ways {
			a, why := l.arrived[p.name+" "+w.name], l.denied[p.name+" "+w.name]
			row := []string{p.words, w.words}
			switch {
			case a != nil:
				for _, name := range sameSiteNames {
					row = append(row, yes(a.cookies[name], p.name != "site"))
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
	if silent { // too long for its column
		t.Rows = append(t.Rows, []string{"none came", "", "No Sec-Fetch-Site came, so where it came from is only what the form says.", "", "", "", ""})
	}
	return []Table{t}
}

// Outcome implements Live.
func (l *sameSite) Outcome() Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := Outcome{Happened: None, Undecided: true, Tone: Lost, Tables: l.tables(), Verdict: "The form that writes was not submitted from another site, so that there is nothing to tell about it. Open it again."}
	a, ok := l.arrived["site post"]
	if !ok {
		if why := l.denied["site post"]; why != "" {
			out.Verdict = "The form that writes was not submitted from another site, so that there is nothing to tell about it: a request " + why + ", and is not counted. Open it again."
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
		out.Happened, out.Tone = 2, Held
		out.Verdict = fmt.Sprintf("{ok None of the three cookies came} with the foreign form that writes, %s after they were set.", after)
	case len(came) == len(sameSiteNames):
		out.Happened = 0
		out.Verdict = "{bad All three cookies came} with the foreign form that writes."
	case len(came) == 1 && came[0] == "normal":
		out.Happened, out.Tone = 1, Refused
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
