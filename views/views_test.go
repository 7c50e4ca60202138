package views

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

const evil = `<img src=x onerror=alert(1)>"'&`

// fragments are the regions of the page, each in the states that differ.
func fragments() map[string]templ.Component {
	clock := Clock{Name: "idle clock", Until: 7_200_000, Now: 1_800_000, Whole: 7_200_000, Left: "1 h 30 m 0 s", At: "10:00:00", First: true}
	later := Clock{Name: "absolute lifetime", Until: 28_800_000, Whole: 28_800_000, Left: "8 h 0 m 0 s", At: "16:00:00"}
	place := Place{Base: "/s/second-a", Visit: "NAME", Secret: "SECRET", Proof: "PROOF"}
	return map[string]templ.Component{
		"result-ok":   Result(Sentence{Tone: "ok", Verb: "set", Parts: []Part{{"code", "name"}, {"", " lives "}, {"cookie", "in the cookie"}, {"server", "on the server"}}}),
		"seat-strip":  StripLine(Strip{Nickname: evil, Code: "KZQD", Home: "/s/amber-fox-abcdefghijkl", Twice: true}),
		"seat-moved":  SeatEnded("moved", true),
		"seat-gone":   SeatEnded("gone", true),
		"seat-ended":  SeatEnded("ended", true),
		"join-offer":  taking(Join{Visitor: "TOKEN", Nickname: evil, Spins: "2 spins left", Problem: evil}),
		"join-own":    taking(Join{Own: evil}),
		"join-knocks": knocking(Join{Nickname: evil}),
		"join-back":   backForm(Back{Open: true, Nickname: evil, Problem: evil}),
		"join-gave":   gave(Gave{Cookies: "1 cookie", About: evil, Lines: "9 header lines", Fetch: "no Sec-Fetch-*"}),
		"witness":     witness("server", "Server", []Part{{"", "the record "}, {"id", "9f2c41e0"}, {"", evil}}),
		"result-id":   Result(Sentence{Tone: "note", Verb: "session", Parts: []Part{{"id", "9f2c41e0"}, {"", " has "}, {"code", "name"}}}),
		"result-bad":  Result(Sentence{Tone: "bad", Field: "key", Verb: "refused (422)", Parts: []Part{{"", evil}}}),
		"browser-no":  BrowserPanel(place, Browser{Name: "sessionscope", Empty: "No cookie yet.", Scripts: true}, &Tools{Second: "second", Curl: "curl -si '" + evil + "'"}),
		"browser-bad": BrowserPanel(place, Browser{
			Name: "sessionscope", Note: "Refused.", Raw: evil, RawBytes: "30 B", Bytes: 40, Limit: 4096, Size: "40", Most: "4,096",
			Jar: []JarCookie{{Name: evil, Begins: evil, NameBytes: 32, Bytes: 40, Size: "40 B", Kind: "other"}},
		}, nil),
		"browser-ok": BrowserPanel(place, Browser{
			Name: "sessionscope", Flags: []Flag{{Text: "HttpOnly", Title: "no script"}, {Text: "Secure", Title: "off", Off: true}}, Raw: "cmF3", RawBytes: "4 B", Changed: true,
			Layers: &Layers{
				Time: "1795416238", Payload: "cGF5", Signature: "bWFj", TimeBytes: "10 B", PayloadBytes: "4 B", SignatureBytes: "32 B",
				SignedAt: "07:00:00", Ahead: "in the future", Verdict: "valid", Valid: true, Key: "1 of 1", Keys: evil,
				Values: `{"name":"` + evil + `"}`, Fields: []Field{{Name: "version", Value: "3"}, {Name: "session ID", Value: evil}},
			},
			Bytes: 200, Limit: 4096, Size: "200", Most: "4,096", EnvelopeBytes: "72", Budget: "2,262", Scripts: true,
			Jar: []JarCookie{{Name: "sessionscope", Begins: "sessionscope", NameBytes: 12, Bytes: 200, Size: "200 B", Kind: "session"}, {Name: "r", Begins: "r", NameBytes: 1, Bytes: 9, Size: "9 B", Kind: "readable", Value: evil}}, Planted: true, Readable: "r",
		}, &Tools{
			Curl: "curl", Tamper: []Option{{Name: "letter", Label: "one letter", Chosen: true}}, Letters: 160, At: "80", To: evil, Invalid: "to", CanPin: true,
			Pins: []Pin{{N: 1, Session: "9f2c41e0", At: "07:00:00", Bytes: "160 B"}}, Seats: []string{"second"}, Opener: "/",
		}),
		"browser-before": BrowserPanel(place, Browser{Name: "sessionscope", Empty: "No cookie.", Before: true}, nil),
		"wire": WirePanel(place, Wire{
			N: 5, RequestLine: "POST /set", Proto: "HTTP/1.1", AsSent: true, Body: evil, StatusLine: "200 OK",
			Request: []Header{
				{Name: "Cookie", Parts: []Part{{"", "a="}, {"token", strings.Repeat("t", 50)}, {"flip", "X"}, {"token", "b"}, {"hidden", "2 B, of another program"}}},
				{Name: "X", Parts: []Part{{"", evil}}, Diff: "new"}, {Name: "Y", Parts: []Part{{"", "1"}}, Diff: "gone"},
			},
			RequestShown: "426 B", LeftOut: "Left out: 74 B.", Response: []Header{{Name: "Set-Cookie", Parts: []Part{{"", "a=b"}}, Diff: "changed"}}, RequestHeadBytes: "500 B", RequestBytes: "7 B",
			Steps: []Step{{Verb: "read", What: "cookie", Small: "3 B"}, {Verb: "refused", What: evil, Bad: true}},
		}),
		"wire-finished": WirePanel(place, Wire{
			N: 5, By: "a changed copy", RequestLine: "GET /session", Proto: "HTTP/1.1", StatusLine: "200 OK", Answer: evil + strings.Repeat("a", 400), Finished: true,
			Response:         []Header{{Name: "Set-Cookie", Parts: []Part{{"", "a=b"}}, Diff: "gone"}, {Name: "Location", Parts: []Part{{"decisive", strings.Repeat("d", 50)}}, Decisive: true}},
			RequestHeadBytes: "500 B", RequestBytes: "0 B", ResponseHeadBytes: "400 B", ResponseBytes: "81 B", Took: "0.4 ms", Changes: "Compared with exchange 4, no header changed.",
		}),
		"wire-nothing": WirePanel(place, Wire{Nothing: "Nothing travelled."}),
		"server-no":    ServerPanel(Server{Empty: "No record.", Late: &Late{"9f2c41e0", "it has expired."}, Where: "row", Kept: "row", Stored: []Field{{Name: "data", Value: evil}, {Name: "created", Value: "1", Note: "1970"}}, Figures: Figures{Stats: []Stat{{"0", "live records"}}, Family: []Member{{"first browser", "9f2c41e0", "live", true}, {"second browser", "", "gone", false}}}}),
		"server-ok": ServerPanel(Server{
			ID: "9f2c41e0", IDChanged: true, Version: "3", Created: "06:00:00", Idle: clock, Absolute: later, Nothing: "nothing.", Carried: true,
			Clear: &place, Figures: Figures{Expired: 2, Stats: []Stat{{"1", "live record"}}, Plot: Plot{Live: "0,57 300,3", Expired: "0,57 300,57", Top: "1", Since: "in the last minute", Text: "1 live"}},
			Values: []Value{
				{Name: "name", Key: "name", Type: "text", Text: evil, Bytes: "7", Changed: true},
				{Name: evil, Key: evil, Type: "list", Text: "[]", Bytes: "2", OnServer: true},
				{Name: "old", Key: "old", Gone: true},
			},
		}),
		"moment-past":     MomentBar(place, Moment{Past: true, N: 3, At: "07:00:00", Verb: "set " + evil, Before: 2, After: 4, Changes: []Change{{Kind: "cookie", What: "cookie", Was: "none", Is: "172 bytes"}, {Kind: "server", What: evil, Was: evil, Is: evil, Secret: true}}}),
		"moment-same":     MomentBar(place, Moment{N: 3}),
		"moment-first":    MomentBar(place, Moment{N: 1, First: true}),
		"moment-begin":    MomentBar(place, Moment{N: 1, First: true, Past: true}),
		"moment-unproven": MomentBar(place, Moment{N: 1}),
		"panel-choice":    panelChoice(Moment{N: 3, Changes: []Change{{Kind: "server", What: "version", Was: "1", Is: "2"}}}),
		"projector":       projectorSwitch(place),
		"composer":        composer(Lab{Place: place, Composer: Composer{Key: evil, Value: "1", Type: "text"}}),
		"session-menu":    sessionMenu(Lab{Place: place, Composer: Composer{Key: evil, Value: "1", Type: "text", User: "ada", Seconds: "5", Placement: "hybrid", Invalid: "user"}}),
		"guide": GuideRow(place, Guide{Typed: Composer{Key: evil, Type: "text"}, Lead: Lead{Hint: evil, Bare: "Press it."}, Steps: []GuideStep{
			{Name: "get", Parts: []GuidePart{{"Get", true}}, Done: true, Lead: Lead{To: "get", Hint: "Press Get."}}, {Name: "peel", Parts: []GuidePart{{evil, true}, {", then", false}}, Next: true, Lead: Lead{To: "set", Hint: evil}},
		}}),
		"guide-done":   GuideRow(place, Guide{Done: true, Experiments: 28, Steps: []GuideStep{{Name: "get", Parts: []GuidePart{{"Get", true}}, Done: true}}}),
		"guide-hidden": GuideRow(place, Guide{Hidden: true}),
		"guide-off":    GuideRow(place, Guide{Off: true}),
		"timeline": TimelinePanel(place, Timeline{Since: "07:00:00", Dropped: 2, Shown: 3, News: "the clock: expired", Entries: []Entry{
			{N: 3, At: "07:00:01", Verb: "created", What: evil, Tone: "born", Session: "9f2c41e0", NewID: true}, {N: 4, At: "07:00:02", Verb: "expired", Tone: "gone", By: "the clock"},
		}}),
		"code": CodePanel(Code{Listings: []Listing{
			{ID: "go", Name: "Go: what ran here", Title: "set", Where: "set.go, line 1", Tokens: []Token{{"keyword", "func"}, {"", " set() "}, {"comment", "// <b>"}}},
			{ID: "django", Name: "Django", Title: "request.session", URL: "https://docs.djangoproject.com/", URLText: "Django"},
		}}),
		"placement":     PlacementChoice([]Option{{Name: "cookie", Label: "Cookie", Title: "all"}, {Name: "hybrid", Label: "Hybrid", Chosen: true}}),
		"composer-line": ComposerLine(Composer{Key: evil, Value: evil, Type: "json", Invalid: "value"}),
		"predict":       predict(Lesson{Predictions: []Prediction{{N: "1", Text: []Part{{"", "yes"}}, Chosen: true}, {N: "2", Text: []Part{{"code", evil}}, Happened: true}}}),
		"do": do(Lesson{Slug: "x", Does: "one request", Needs: "a machine", Slow: true, Problem: Sentence{Tone: "bad", Verb: "refused (422)", Field: "text", Parts: []Part{{"", evil}}}, Choices: []Choice{
			{Name: "how", Label: "How", Options: []Option{{Name: "a", Label: "one way", Chosen: true}, {Name: "b", Label: "another"}}},
			{Name: "text", Label: "Text", Text: evil, Max: "40", Invalid: true},
		}}),
		"waiting": waiting(Lesson{Slug: "x", Shelf: Shelf{Place: place}}, Run{Token: "RUN", Waiting: true, Step: "150", Of: "1100", Doing: evil}),
		"live": waiting(Lesson{Slug: "x", Shelf: Shelf{Place: place}}, Run{Token: "RUN", Waiting: true, Ends: clock, Stage: &Stage{Text: [][]Part{{{"", evil}}}, Groups: []ActionGroup{{Title: "Here", Actions: []Action{
			{Label: "Set", Method: "post", URL: "/x/set", Here: true}, {Label: "Follow", Method: "link", URL: "/x/land?how=link"}, {Label: "Read", Method: "get", URL: "/x/land", Fields: []Field{{Name: "how", Value: "get"}}},
		}}}}}),
		"not-done":   observe(Lesson{}, Run{Failed: evil}),
		"shelf-list": shelfList(Shelf{Sections: []ShelfSection{{Title: "Trust", Entries: []ShelfEntry{{Number: "1", Title: "One", URL: "/experiments/one", Done: true, Right: true}, {Number: "2", Title: "Two", URL: "/experiments/two", Current: true}}}}}),
		"problem":    ProblemFragment(Sentence{Tone: "bad", Verb: "refused (404)", Parts: []Part{{"", "There is no page at this address."}}}),
	}
}

// A region would change without a decision, or a visitor's text would become markup.
func TestGolden(t *testing.T) {
	all := fragments()
	maps.Copy(all, runFragments())
	maps.Copy(all, boardFragments())
	for name, component := range all {
		var b strings.Builder
		if err := component.Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(b.String(), "><", ">\n<") + "\n"
		if strings.Contains(got, "<img") || strings.Contains(got, `onerror=alert(1)>"`) {
			t.Errorf("%s: a visitor's text came back as markup:\n%s", name, got)
		}
		file := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got), go test ./views -update writes it anew:\n%s", name, diff)
		}
	}
}

// The ring would count down to the clock that runs out second, or be drawn too long.
func TestClock(t *testing.T) {
	first, second := Clock{Name: "a", First: true}, Clock{Name: "b"}
	for _, test := range []struct {
		server Server
		want   string
	}{
		{Server{Idle: first, Absolute: second}, "a"},
		{Server{Idle: second, Absolute: first}, "a"},
	} {
		if got := test.server.Clock().Name; got != test.want {
			t.Errorf("the clock that runs out first is %q, want %q", got, test.want)
		}
	}
	for _, test := range []struct {
		clock Clock
		want  string
	}{
		{Clock{Until: 100, Now: 0, Whole: 200}, "50 100"}, {Clock{Until: 0, Now: 10, Whole: 200}, "0 100"},
		{Clock{Until: 900, Now: 0, Whole: 200}, "100 100"}, {Clock{}, "0 100"},
	} {
		if got := test.clock.Dash(); got != test.want {
			t.Errorf("%+v: %q, want %q", test.clock, got, test.want)
		}
	}
}

// A page would speak of the moment before while the server does not know yet whether it
// continues an older visit, or a page of no visit would prove one; or the second sentence that
// a beginner reads would be about a comparison.
func TestPageWithoutProof(t *testing.T) {
	render := func(c templ.Component) string {
		var b strings.Builder
		if err := c.Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	const load = `hx-get="/session?after=load"`
	place := Place{Secret: "SECRET"}
	unproven, proven := render(LabPage(Lab{Place: place, Moment: Moment{N: 1}})), render(LabPage(Lab{Page: Page{Proven: true, Projector: true}, Place: place, Moment: Moment{N: 1, First: true}}))
	if strings.Contains(unproven, "moment of this visit") || strings.Contains(unproven, "moment before") || !strings.Contains(unproven, load) {
		t.Errorf("without proof the page is %s", unproven)
	}
	if strings.Contains(proven, "moment of this visit") || strings.Contains(proven, "moment before") || strings.Contains(proven, load) || !strings.Contains(proven, `<html lang="en" data-projector data-proven>`) {
		t.Errorf("with a proof the page is %s", proven)
	}
	if none := render(LabPage(Lab{})); strings.Contains(none, load) || strings.Contains(none, "data-stream") || strings.Contains(none, `name="page"`) || !strings.Contains(none, "<body>") {
		t.Errorf("of no visit the page is %s", none)
	}
}
