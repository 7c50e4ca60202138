package app

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/hub"
	"github.com/sessionscope/sessionscope/internal/plan"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// asker is a browser or a guest.
type asker interface {
	request(method, target, body string) *http.Request
	send(*http.Request) answer
}

// curl sends the request that curl would send with these arguments.
func curl(by asker, args string) answer {
	method, path, headers := "", "", [][2]string{}
	var fields []string
	words := strings.Fields(args)
	for len(words) > 0 {
		switch words[0] {
		case "-X":
			method, words = words[1], words[2:]
		case "-d":
			fields, words = append(fields, words[1]), words[2:]
		case "-H":
			name, value, _ := strings.Cut(words[1], ":")
			headers, words = append(headers, [2]string{name, value}), words[2:]
		default:
			path, words = words[0], words[1:]
		}
	}
	if method == "" {
		method = "GET"
		if len(fields) > 0 {
			method = "POST"
		}
	}
	r := by.request(method, path, strings.Join(fields, "&"))
	for _, h := range headers {
		if r.Header.Set(h[0], h[1]); h[0] == "Host" {
			r.Host = h[1]
		}
	}
	return by.send(r)
}

// before makes what has to be there for the example of a status; others need nothing.
var before = map[int]func(t *testing.T) asker{
	303: func(t *testing.T) asker { return newBrowser(t, newApp(t, nil), formPage) },
	409: func(t *testing.T) asker { // the session has another ID meanwhile
		b := newBrowser(t, newApp(t, nil), formJSON)
		b.post("/set", "key", "a", "value", "1").want(200)
		late := newBrowser(t, b.h, formJSON)
		late.steal(b.cookie())
		b.post("/cycle-id").want(200)
		return late
	},
	429: func(t *testing.T) asker {
		a := newApp(t, nil)
		for range cap(a.holds) {
			a.holds <- struct{}{}
		}
		return newBrowser(t, a, formJSON)
	},
	503: func(t *testing.T) asker {
		var down atomic.Bool
		b := newBrowser(t, newApp(t, func(c *Config) { c.Sessions.Backend = failing(&down) }), formJSON)
		b.post("/set", "key", "a", "value", "1").want(200)
		down.Store(true)
		return b
	},
	507: func(t *testing.T) asker {
		a := newApp(t, func(c *Config) { c.Sessions.Backend = memory.New(memory.Config{MaxSessions: 1}) })
		newBrowser(t, a, formJSON).post("/set", "key", "a", "value", "1").want(200)
		return newBrowser(t, a, formJSON)
	},
}

// Every status that the code can answer is in the README's table, and no other; the example of each gets
// exactly that status. Of 431, which is Go's own, the README's transcript has the command.
func TestReadmeStatuses(t *testing.T) {
	t.Parallel()
	numbers := map[string]int{} // by the names of net/http: "StatusNotFound"
	for n := 100; n < 600; n++ {
		numbers["Status"+regexp.MustCompile(`[^A-Za-z]`).ReplaceAllString(http.StatusText(n), "")] = n
	}
	there := map[int]bool{http.StatusRequestHeaderFieldsTooLarge: strings.Contains(readmeText(t), "\n431\n")}
	for _, name := range regexp.MustCompile(`\bhttp\.(Status[A-Z]\w+)`).FindAllStringSubmatch(sources(t), -1) {
		if name[1] != "StatusText" {
			there[numbers[name[1]]] = true
		}
	}
	documented := map[int]bool{}
	for _, row := range tableRows(readmeText(t), "Refusals") {
		status, err := strconv.Atoi(row.cells[0])
		if err != nil {
			t.Fatal(err)
		}
		if documented[status] = true; status == http.StatusRequestHeaderFieldsTooLarge {
			continue
		}
		example := strings.ReplaceAll(codes(row.cells[2])[0], "LONG", strings.Repeat("x", session.MaxValueBytes))
		by := asker(newBrowser(t, newApp(t, nil), formJSON))
		if make := before[status]; make != nil {
			by = make(t)
		} else if strings.Contains(example, "NAME-SUFFIX") {
			phone := openClassWorld(t, nil).phone()
			example = strings.ReplaceAll(example, "/s/NAME-SUFFIX", phone.join())
			phone.form, by = formJSON, phone
		}
		got := curl(by, example)
		if got.StatusCode != status {
			t.Errorf("%.100s gets %d, and the README says %d: %.200s", example, got.StatusCode, status, got.body)
		}
		if kind := got.Header.Get("Content-Type"); status >= 400 && kind != "application/problem+json" {
			t.Errorf("%d comes as %s", status, kind)
		}
		if waits := got.Header.Get("Retry-After") != ""; waits != slices.Contains([]int{429, 503, 507}, status) {
			t.Errorf("%d has Retry-After: %t", status, waits)
		}
	}
	if diff := cmp.Diff(documented, there); diff != "" {
		t.Errorf("README (-) and program (+):\n%s", diff)
	}
}

// The README's table of streams has every event that the code sends, and no other, and every last word.
func TestReadmeEvents(t *testing.T) {
	t.Parallel()
	sent, text := map[string]bool{bidAct: true, bidBrowsers: true}, sources(t)
	for _, event := range regexp.MustCompile(`event: ([a-z]+)\\n`).FindAllStringSubmatch(text, -1) {
		sent[event[1]] = true
	}
	documented, bye := map[string]bool{}, ""
	for _, row := range tableRows(readmeText(t), "Streams") {
		for _, name := range codes(row.cells[1]) {
			if documented[name] = true; name == "bye" {
				bye = row.cells[2]
			}
		}
	}
	if diff := cmp.Diff(documented, sent); diff != "" || len(sent) < 5 {
		t.Errorf("README (-) and program (+):\n%s", diff)
	}
	if diff := cmp.Diff(codes(bye), []string{wordTaken, wordMoved, wordGone, wordEnded}); diff != "" {
		t.Errorf("the last words, README (-) and program (+):\n%s", diff)
	}
	for _, never := range []string{`"retry: `, `("Access-Control-`, `("Strict-Transport-Security`} {
		if strings.Contains(text, never) {
			t.Errorf("the README says that this is never sent: %s", never)
		}
	}
}

// Every cookie that the examples get is in the README's table, and each of the table comes with its
// attributes.
func TestReadmeCookies(t *testing.T) {
	t.Parallel()
	w := newReadmeWorld(t, formJSON)
	came := map[string]bool{}
	note := func(lines []string) {
		for _, line := range lines {
			pair, attributes, _ := strings.Cut(line, "; ")
			name, _, _ := strings.Cut(pair, "=")
			if !strings.Contains(attributes, "Max-Age=0") {
				came[strings.NewReplacer("/s/"+w.known["NAME-SUFFIX"], "/s/NAME-SUFFIX", "~"+w.known["NAME"], "~NAME").Replace(name+" "+attributes)] = false
			}
		}
	}
	for _, e := range examplesOf(t) {
		note(w.send(e).Header["Set-Cookie"])
	}
	names := map[string]bool{}
	for _, row := range tableRows(readmeText(t), "Cookies") {
		cookies, found := codes(row.cells[0]), false
		for _, name := range cookies {
			names[name] = true
		}
		name := cookies[0]
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(name+" "+codes(row.cells[1])[0]), "…", ".*") + "$")
		for cookie := range came {
			found = found || pattern.MatchString(cookie)
		}
		if !found {
			t.Errorf("no answer sets %s so", name)
		}
	}
	for cookie := range came {
		if name, _, _ := strings.Cut(cookie, " "); !names[name] {
			t.Errorf("%s is not in the README", cookie)
		}
	}
}

// Every name that the code gives to a field of a form, of an address or of JSON, and to a header, stands
// in the README.
func TestReadmeNames(t *testing.T) {
	t.Parallel()
	readme, text := readmeText(t), sources(t)
	for what, pattern := range map[string]string{
		"a field":           `\b(?:form|submitted\(\)|QueryParams\(\))\.(?:Get|Has)\("([a-z_-]+)"|QueryParam\("([a-z]+)"|\bform\["([a-z]+)"\]|\bfield\([\w.()]+, "([a-z]+)"`,
		"a member of JSON":  "json:\"([a-z_]+)|\\btext\\(\"([a-z_]+)\"|`,?\\{?\"([a-z_]+)\":[^`]*`",
		"a header":          `\.(?:Set|Add)\("([A-Z][A-Za-z-]+)"`,
		"a header of pages": `(?s:)trace\.(\w+Header)\b`,
	} {
		found := 0
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			name := strings.Join(match[1:], "")
			switch name {
			case "Content-Length", "Content-Type", "Date", "Accept", "Cookie", "User-Agent": // of every message, and of the program's own client
				continue
			case "PageHeader":
				name = trace.PageHeader
			case "LoadHeader":
				name = trace.LoadHeader
			case "VisitHeader":
				name = trace.VisitHeader
			}
			found++
			if !regexp.MustCompile("[`\" ]" + name + "[`\": ]").MatchString(readme) {
				t.Errorf("%s, %s, is not in the README", name, what)
			}
		}
		if found < 3 {
			t.Errorf("only %d times %s", found, what)
		}
	}
}

// Each test that the README names is there, and each package stands in the layout of ../README.md.
func TestReadmeNamesTests(t *testing.T) {
	t.Parallel()
	packages, err := os.ReadDir("..")
	made, err2 := os.ReadFile("../README.md")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		if p.IsDir() && !strings.Contains(string(made), "\ninternal/"+p.Name()+"/ ") {
			t.Errorf("internal/%s is not in the layout", p.Name())
		}
	}
	var all strings.Builder
	for _, dir := range []string{".", "../e2e", "../session"} {
		files, _ := os.ReadDir(dir)
		for _, f := range files {
			if text, err := os.ReadFile(dir + "/" + f.Name()); err == nil && strings.HasSuffix(f.Name(), "_test.go") {
				all.Write(text)
			}
		}
	}
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(readmeText(t)+string(made), -1) {
		if !strings.Contains(all.String(), "func "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
}

// readmePhrases are all that the README says with a number or a list of the code's words, made of the
// code's own constants.
func readmePhrases(t *testing.T) []string {
	t.Helper()
	in := func(file, text, said string) string { // a number that no other package can name
		if source, err := os.ReadFile(file); err != nil || !strings.Contains(string(source), text) {
			t.Errorf("%s has no %q: %s", file, text, said)
		}
		return said
	}
	f, n := fmt.Sprintf, func(n int) string { return say.Number(n) }
	unit := func(d time.Duration) string { return f("%.0f s", d.Seconds()) }
	minutes := func(d time.Duration) string { return f("%.0f minutes", d.Minutes()) }
	words := func(words ...string) string {
		last := len(words) - 1
		return "`" + strings.Join(words[:last], "`, `") + "` or `" + words[last] + "`"
	}
	lab := capacityFor(32)
	return []string{
		f("`hold`, `0s` to `%s`", maxHold), f("at most %s bytes. Says", n(maxChecked)), f("a visit keeps %d of a browser", hub.MaxPins), f("seconds, 1 to %s,", n(maxLimit)),
		f("Another nickname, %d times", classroom.Spins), in("ask.go", "count > 999", "`hands`, 0 to 999"),
		f("| 1 to %d bytes of UTF-8", session.MaxKeyBytes), f("%s bytes as JSON; lists and objects %s deep", n(session.MaxValueBytes), n(session.MaxDepth)),
		f("%d keys, %s bytes; its cookie %s bytes", session.MaxKeys, n(session.MaxSessionBytes), n(session.MaxCookieBytes)), f("%s bytes as it is sent; from the network at `/join` %s", n(maxBodyBytes), n(strangerBody)),
		in("../program/program.go", "MaxHeaderBytes:    32 << 10", "32,768 bytes, and what Go's server adds"),
		in("../program/program.go", "const seats = 32", f("%s connections, %d pages in use, %d requests that hold a session, %d runs", n(lab.connections), lab.visits, lab.holds, lab.runs)),
		f("%d streams; %d moments, in a class %d", hub.MaxStreams, hub.MaxMoments, seatMoments), f("%d runs at once, %d of one address", experiment.MaxRunsEach, lab.runsAddress),
		f("%d requests a second after %d at once, %d requests that hold a session, %d runs", seatRate, seatBurst, seatHolds, seatRuns), f("%d pages, %d streams, %d second browsers", seatVisits, seatStreams, seatSeconds),
		f("%d sessions, %s bytes of them", partLimits.Sessions, n(int(partLimits.Bytes))), f("%d seats at once, and then %d a second; %d codes, and then one every %s", classroom.JoinBurst, classroom.JoinRate, classroom.CodeBurst, unit(classroom.CodeEvery)),
		f("%d wrong tries", classroom.WrongCodes), f("the board | %d streams", maxBoards), f("%s without a request", minutes(hub.VisitLife)), f("%s, once | the lab", unit(resultLife)), f("%s, once | 403", minutes(teacherKeyLife)),
		in("../../views/layout.templ", `"reconnectMaxDelay":"3s"`, "at most 3 s before"),
		in("../experiment/limits.go", "runLimit  = 25 * time.Second", in("../experiment/limits.go", "liveLimit = 5 * time.Minute", "| 25 s; of the learner's own browser 5 minutes |")), f("what a run found | %s", minutes(experiment.KeepFor)),
		in("../experiment/limits.go", "maxPlacesEach = 8", f("| %d, %d of one address; of one learner 8, of which", 2*lab.runs, lab.runs)), f("a JSON request for a run | %s", unit(patienceJSON)), f("longer than %d ms is not noted", patience.Milliseconds()), f("from %s bytes on", n(minGzip)),
		f("every %s as a comment, in a seat's stream every %s", unit(streamBeat), unit(classBeat)), f("does not read for %s", unit(streamWrite)),
		"`verdict` of a cookie is " + words(string(session.VerdictAbsent), string(session.VerdictOK), string(session.VerdictStale), string(session.VerdictGarbled), string(session.VerdictForged), string(session.VerdictExpired), string(session.VerdictDead), string(session.VerdictMoved)),
		"`state` of a seat is " + words(string(classroom.StateNone), string(classroom.StateGone), string(classroom.StateLive), string(classroom.StateEnded), string(classroom.StateNoCookie)),
		"`outcome` is " + words(string(classroom.ShowedThere), string(classroom.ShowedRefused), string(classroom.ShowedEnded), string(classroom.ShowedNone)),
		"`phase` is " + words(phaseOpen, phaseClosed, phaseRunning, phaseRevealed), "`tone` is " + words(string(experiment.Held), string(experiment.Refused), string(experiment.Lost)),
		"`kind` of a step is " + words(string(plan.Join), string(plan.Question), string(plan.Task), string(plan.Run), string(plan.Everyone), string(plan.Browsers), string(plan.Talk)),
		"`part`: " + words(session.TamperParts...),
	}
}

// Each number of the README is the code's, and the README has no other; the figures under Measured are
// not the code's.
func TestReadmeNumbers(t *testing.T) {
	t.Parallel()
	text, _, _ := strings.Cut(readmeText(t), "## Measured")
	for _, phrase := range readmePhrases(t) {
		if !strings.Contains(text, phrase) {
			t.Errorf("the README does not say %q", phrase)
		}
		text = strings.Replace(text, phrase, "", 1)
	}
	for _, pattern := range []string{"(?s)```.*?```", "`[^`\n]*`", `\(#.*?\)`, `\(RFC \d+\)`, `SHA-256`, `first 8 hex digits`, `RFC 9457`, `port other than 8080`} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, "")
	}
	for _, row := range tableRows(readmeText(t), "Refusals") {
		text = regexp.MustCompile(`\b`+row.cells[0]+`\b`).ReplaceAllString(text, "")
	}
	for _, number := range regexp.MustCompile(`.*\b(\d[\d,.]+|[2-9])\b.*`).FindAllString(text, -1) {
		t.Errorf("no constant holds a number of: %s", number)
	}
}
