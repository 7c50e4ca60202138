package app

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// These tests hold README.md true. TestReadmeRoutes compares its tables of routes with Echo's;
// TestReadmeWho and TestReadmeExamples send requests to them. readmefacts_test.go has statuses, events,
// cookies, headers, words and numbers, and internal/e2e runs the commands.

// readmeText returns README.md.
func readmeText(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sources returns the text of this package, without its tests.
func sources(t testing.TB) string {
	t.Helper()
	files, _ := filepath.Glob("*.go")
	var all strings.Builder
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// tableRow is a row of one of the README's tables.
type tableRow struct {
	heading string // under which the table is
	cells   []string
}

var inCode = regexp.MustCompile("`([^`]+)`")

// codes returns what stands between backquotes.
func codes(text string) (all []string) {
	for _, match := range inCode.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}

// tableRows returns the rows of all tables under the headings that begin so, without those that head them.
func tableRows(text, heading string) (rows []tableRow) {
	under, head := "", true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			under = strings.TrimLeft(line, "# ")
		case !strings.HasPrefix(line, "|"):
			head = true
		case strings.HasPrefix(line, "|---"):
			head = false
		case !head && strings.HasPrefix(under, heading):
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, tableRow{under, cells})
		}
	}
	return rows
}

// readmeRoute is a route as the README has it.
type readmeRoute struct{ heading, method, path, who, kind, fields string }

// atSeat tells whether a seat of a class has the route below its path.
func (r readmeRoute) atSeat() bool {
	return r.heading == "The lab" || r.heading == "Experiments" || r.who == "seat"
}

func (r readmeRoute) private() bool { return strings.HasPrefix(r.heading, "Only on the private") }

// pattern matches the paths of a route.
func (r readmeRoute) pattern() *regexp.Regexp {
	return regexp.MustCompile("^" + regexp.MustCompile(`:[a-z]+`).ReplaceAllString(regexp.QuoteMeta(r.path), `[^/]+`) + "$")
}

// readmeRoutes returns the routes of the README's tables. HEAD goes with each GET unless the row has "no HEAD".
func readmeRoutes(t testing.TB) (all []readmeRoute) {
	t.Helper()
	for _, row := range tableRows(readmeText(t), "") {
		for _, code := range codes(row.cells[0]) {
			method, path, ok := strings.Cut(code, " ")
			if !ok || len(row.cells) != 4 || method != "GET" && method != "POST" {
				continue
			}
			r := readmeRoute{row.heading, method, path, row.cells[1], row.cells[2], row.cells[3]}
			if all = append(all, r); method == "GET" && !strings.Contains(r.fields, "no HEAD") {
				r.method = "HEAD"
				all = append(all, r)
			}
		}
	}
	if len(all) < 90 {
		t.Fatalf("only %d routes were found", len(all))
	}
	return all
}

// The README has every route of the lab, of a class's seats and of a private server, and no other.
func TestReadmeRoutes(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	private, err := w.app.BootPrivate(experiment.AppConfig{Sessions: w.app.cfg.Sessions, StoreName: "memory", Hosts: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(private.(*instance).Close)
	for _, side := range []struct {
		name   string
		routes []*echo.Route
		has    func(readmeRoute) bool
	}{
		{"the lab", w.app.echo.Routes(), func(r readmeRoute) bool { return r.who != "seat" && !r.private() }},
		{"a seat", w.class.lab.echo.Routes(), readmeRoute.atSeat},
		{"a private server", private.(*instance).echo.Routes(), func(r readmeRoute) bool { return r.heading == "The lab" || r.private() }},
	} {
		var documented, there []string
		for _, r := range readmeRoutes(t) {
			if side.has(r) {
				documented = append(documented, r.method+" "+r.path)
			}
		}
		for _, r := range side.routes {
			there = append(there, r.Method+" "+r.Path)
		}
		slices.Sort(documented)
		slices.Sort(there)
		if diff := cmp.Diff(documented, there); diff != "" {
			t.Errorf("%s, README (-) and program (+):\n%s", side.name, diff)
		}
	}
}

// There is each route for whom the README names, and nothing for anybody else: not for a browser of this
// machine, for the teacher, for a seat at its own path, nor for a stranger of the network.
func TestReadmeWho(t *testing.T) {
	t.Parallel()
	w := openBoard(t)
	w.app.cfg.Quit = func() {}
	seat, stranger, here := w.phone(), w.phone(), w.guest(origin, "127.0.0.1:50001")
	base := seat.join()
	ended, end := context.WithCancel(t.Context())
	end()
	there := func(by *guest, method, path string) bool {
		path = strings.NewReplacer(":n", "1", ":slug", "two-tabs", ":run", "x", "/assets/*", w.app.assets.url("js/theme.js"), "*", "x").Replace(path)
		r := by.request(method, path, "prediction=99&stop=1")
		asksFor(r, formJSON)
		if r.Header.Del("Hx-Request"); strings.HasSuffix(path, "/events") { // a stream would not end
			r = r.WithContext(&merged{ended, r.Context()})
		}
		got := by.send(r)
		nothing := got.StatusCode == 404 && (method == "HEAD" || strings.Contains(got.body, "There is no page at this address."))
		return !nothing && !strings.Contains(got.body, "Eyes up") && got.Header.Get("Location") != "/join"
	}
	for _, r := range readmeRoutes(t) {
		if r.private() {
			continue
		}
		if r.method == "HEAD" && strings.Contains(r.path, ":") { // what it names is not there for anybody
			continue
		}
		got := map[string]bool{"seat": there(seat, r.method, base+r.path), "here": there(here, r.method, r.path), "stranger": there(stranger, r.method, r.path), "teacher": there(w.teacher, r.method, r.path)}
		want := map[string]bool{"here": r.who == "all" || r.who == "lab", "teacher": r.who != "seat", "stranger": r.who == "all", "seat": r.atSeat()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s %s is for %s, README (-) and program (+):\n%s", r.method, r.path, r.who, diff)
		}
	}
	alone := newApp(t, nil) // without a class the lab is for everybody who reaches it
	if got := (&guest{TB: t, h: alone, origin: lan, remote: stranger.remote, local: stranger.local, jar: stranger.jar, form: formJSON}).get("/keys"); got.StatusCode != 200 {
		t.Errorf("without a class, from the network: %d", got.StatusCode)
	}
}

// example is one request of the README and its answer: "lab> POST /set key=name value=Rahim → 200 {…}".
type example struct{ who, method, path, form, answer string }

var exampleLine = regexp.MustCompile(`(?m)^(lab|teacher|phone)> (GET|POST) (\S+)((?: \S+)*?) → (.*)$`)

func examplesOf(t testing.TB) (all []example) {
	t.Helper()
	for _, e := range exampleLine.FindAllStringSubmatch(readmeText(t), -1) {
		all = append(all, example{e[1], e[2], e[3], strings.ReplaceAll(strings.TrimSpace(e[4]), " ", "&"), e[5]})
	}
	if len(all) < 50 {
		t.Fatalf("only %d examples were found", len(all))
	}
	return all
}

// readmeWorld is a class, with what its answers gave for the next requests of the examples.
type readmeWorld struct {
	*classWorld
	by    map[string]*guest // "lab", "teacher", "phone"
	known map[string]string // what stands for what: "SECRET" for a page's secret
}

func newReadmeWorld(t *testing.T, form answerForm) *readmeWorld {
	w := &readmeWorld{classWorld: openBoard(t), known: map[string]string{}}
	w.by = map[string]*guest{"lab": w.guest(origin, "127.0.0.1:50001"), "teacher": w.teacher, "phone": w.phone()}
	w.app.cfg.Quit = func() {}
	w.known["SECRET"] = secretOf(t, w.by["lab"].get("/").body)
	for _, by := range w.by {
		by.form = form
	}
	return w
}

// given are the patterns by which an answer has something for the next requests.
var given = map[string]*regexp.Regexp{
	"VISITOR": regexp.MustCompile(`visitor"(?::| value=)"([A-Z2-7]{26})`),
	"RUN":     regexp.MustCompile(`"run":"([A-Z2-7]{26})|run=([A-Z2-7]{26})`),
	"KEY":     regexp.MustCompile(`key=([A-Z2-7]{26})`),
}

// send sends the request of an example.
func (w *readmeWorld) send(e example) answer {
	w.Helper()
	var with []string
	for _, name := range []string{"SECRET", "VISITOR", "RUN", "KEY", "NAME-SUFFIX", "NAME"} { // the longer of two that begin alike first
		with = append(with, name, w.known[name])
	}
	once := strings.NewReplacer(with...) // a token may have such letters
	e.path, e.form = once.Replace(e.path), once.Replace(e.form)
	if e.method == "GET" {
		e.path, e.form = strings.TrimSuffix(e.path+"?"+e.form, "?"), ""
	}
	got := w.by[e.who].send(w.by[e.who].request(e.method, e.path, e.form))
	for q := w.class.together.Present().Question; q != nil && q.Running; q = w.class.together.Present().Question {
		runtime.Gosched() // until it is revealed
	}
	for name, pattern := range given {
		if has := pattern.FindStringSubmatch(got.Header.Get("Location") + got.Header.Get("Hx-Redirect") + got.body); has != nil {
			w.known[name] = strings.Join(has[1:], "")
		}
	}
	if seats := w.class.roster.Seats(); len(seats) > 0 {
		w.known["NAME-SUFFIX"], w.known["NAME"] = seats[0].Place(), seats[0].Name
	}
	return got
}

// differing are what differs from run to run in an answer.
var differing = map[string]*regexp.Regexp{
	`"ID"`:         regexp.MustCompile(`"[0-9a-f]{8}"`),
	`"TIME"`:       regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]*"`),
	"TOKEN":        regexp.MustCompile(`[A-Z2-7]{26}`),
	"/s/PLACE":     regexp.MustCompile(`/s/[a-z0-9-]+`),
	`nickname":""`: regexp.MustCompile(`nickname":"[^"]*"`),
	`code":""`:     regexp.MustCompile(`code":"[A-Z]*"`),
}

func masked(text string) string {
	for with, pattern := range differing {
		text = pattern.ReplaceAllString(text, with)
	}
	return text
}

// Each example is a real answer, and each route that answers in JSON has one. Sent by a page and by htmx,
// the same requests get what the kind of their route says.
func TestReadmeExamples(t *testing.T) {
	t.Parallel()
	routes, shown := readmeRoutes(t), map[string]bool{}
	of := func(e example) readmeRoute {
		path := strings.TrimPrefix(e.path, "/s/NAME-SUFFIX")
		i := slices.IndexFunc(routes, func(r readmeRoute) bool { return r.method == e.method && r.pattern().MatchString(path) })
		if i < 0 {
			t.Fatalf("no route has %s %s", e.method, e.path)
		}
		return routes[i]
	}
	for _, form := range []answerForm{formJSON, formPage, formFragment} {
		w := newReadmeWorld(t, form)
		for _, e := range examplesOf(t) {
			got, r := w.send(e), of(e)
			shown[r.method+" "+r.path] = true
			status, _, _ := strings.Cut(got.Status, " ")
			if done := strings.HasPrefix(e.answer, "20"); form == formJSON || !done {
				want := regexp.QuoteMeta(masked(e.answer))
				if !done && form != formJSON {
					want = e.answer[:3] + ".*"
				}
				if said := strings.TrimSpace(status + " " + got.body); !regexp.MustCompile("(?s)^" + strings.ReplaceAll(want, "…", ".*") + "$").MatchString(masked(said)) {
					t.Errorf("%s> %s %s %s is answered, in form %d:\n%s", e.who, e.method, e.path, e.form, form, said)
				}
				continue
			}
			leads := got.Header.Get("Location")+got.Header.Get("Hx-Redirect") != ""
			if wanted, way := r.gets(form); got.StatusCode != wanted || leads != way && e.path != "/join" {
				t.Errorf("%s %s is a %s, and in form %d it is a %d to %q", e.method, e.path, r.kind, form, got.StatusCode, got.Header.Get("Location"))
			}
		}
	}
	_, transcript, _ := strings.Cut(readmeText(t), "```console")
	for _, r := range routes {
		if slices.Contains([]string{"read", "press", "way", "act", "quiet"}, r.kind) && r.method != "HEAD" && !r.private() &&
			!shown[r.method+" "+r.path] && !strings.Contains(transcript, "localhost:8080"+r.path) {
			t.Errorf("%s %s has no example", r.method, r.path)
		}
	}
}

// gets returns what a successful request of the route's kind is answered as a page or a fragment: the
// status, and whether the answer leads elsewhere.
func (r readmeRoute) gets(form answerForm) (status int, leads bool) {
	switch {
	case r.kind == "quiet":
		return http.StatusNoContent, false
	case form == formPage && (r.kind == "press" || r.kind == "way" || r.kind == "act"), form == formPage && r.path == "/class/became":
		return http.StatusSeeOther, true
	case form == formFragment && r.kind == "way" && !strings.Contains(r.fields, "htmx gets the fragments"):
		return http.StatusOK, true
	}
	return http.StatusOK, false
}
