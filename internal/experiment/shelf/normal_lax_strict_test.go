package shelf_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// grid is an open run of Normal, Lax, Strict whose three cookies were given.
type grid struct {
	*experiment.Run
	t *testing.T
}

func openGrid(t *testing.T) grid {
	t.Helper()
	rn := experiment.NewRunner(experiment.Config{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(rn.Close)
	r, err := rn.Start(lookUp(t, "normal-lax-strict"), "ada", "A", experiment.None, nil, "/experiments/normal-lax-strict")
	if err != nil {
		t.Fatal(err)
	}
	if reply, ok := r.Visit(experiment.Visit{Method: http.MethodPost, Path: "/cookies", Host: "localhost:8080"}); !ok || len(reply.SetCookies) != 3 {
		t.Fatalf("cookies: %+v", reply)
	}
	return grid{r, t}
}

// land is a request that says that it is from there and was made in that way. site is its
// Sec-Fetch-Site, and foreign tells that its Origin is another's.
func (g grid) land(from, how, site string, foreign bool, cookies ...string) experiment.Reply {
	g.t.Helper()
	v := experiment.Visit{Method: http.MethodGet, Host: "localhost:8080", Path: "/land", Query: url.Values{"from": {from}, "how": {how}}, Cookies: map[string]string{}, Site: site, Foreign: foreign}
	if how == "post" {
		v.Method = http.MethodPost
	}
	for _, name := range cookies {
		v.Cookies[name] = "yours"
	}
	reply, ok := g.Visit(v)
	if !ok {
		g.t.Fatal("the run is not open")
	}
	if reply.Answered != nil {
		status := http.StatusOK
		if foreign {
			status = http.StatusForbidden
		}
		reply.Answered(status)
	}
	return reply
}

// rows are the rows of the grid for that place and way.
func (g grid) rows(from, how string) (rows []string) {
	for _, row := range g.Progress().Live.Stage("localhost:8080").Tables[0].Rows {
		if row[0] == from && row[1] == how {
			rows = append(rows, strings.TrimRight(strings.Join(row[2:], "|"), "|"))
		}
	}
	return rows
}

func (g grid) wantRows(from, how string, want ...string) {
	g.t.Helper()
	if got := g.rows(from, how); strings.Join(got, "\n") != strings.Join(want, "\n") {
		g.t.Errorf("the grid has for %s, %s\n%s\nwant\n%s", from, how, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wantNote checks that the grid says what its column Sec-Fetch-Site is, and after that silent.
func (g grid) wantNote(silent string) {
	g.t.Helper()
	const is = "`Sec-Fetch-Site` is the browser's own word for where a request came from, and no page can change it: `same-origin`, `same-site` or `cross-site`."
	if got := g.Progress().Live.Stage("localhost:8080").Tables[0].Note; got != strings.TrimSpace(is+" "+silent) {
		g.t.Errorf("below the grid stands %q", got)
	}
}

// outcome ends the run.
func (g grid) outcome() experiment.Outcome {
	g.Stop()
	return g.Found().Outcome
}

const (
	foreignForm = "a form that writes (POST)"
	aLink       = "a link"
	notMade     = "–|–|–||not made yet"
)

// What a form says of where it stands is looked at beside what the browser says. A request
// that contradicts itself is not counted, and the grid says why.
func TestFormThatLiesAboutItsSite(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, from, how, site string
		foreign               bool
		place, way, says      string
	}{
		{"posted by this very page", "site", "post", "same-origin", false, "another site", foreignForm, "said it came from another site; Sec-Fetch-Site says `same-origin`"},
		{"posted by another port", "site", "post", "same-site", true, "another site", foreignForm, "said it came from another site; Sec-Fetch-Site says `same-site`"},
		{"typed into the address bar", "site", "link", "none", false, "another site", aLink, "said it came from another site; Sec-Fetch-Site says `none`"},
		{"another site as a port", "port", "post", "cross-site", true, "another port of this name", foreignForm, "said it came from another port of this name; Sec-Fetch-Site says `cross-site`"},
		{"another site as this page", "here", "link", "cross-site", false, "this page", aLink, "said it came from this page; Sec-Fetch-Site says `cross-site`"},
		{"made up", "site", "link", "`{bad x}" + strings.Repeat("y", 9000) + "\xff", false, "another site", aLink, "Sec-Fetch-Site says `ˋ❴bad x❵" + strings.Repeat("y", 32) + "…`"},
		{"by curl, with neither header", "site", "post", "", false, "another site", foreignForm, "said it came from another site; no Sec-Fetch-Site came, and no `Origin` of another page"},
		{"without the one header, a foreign Origin", "here", "post", "", true, "this page", foreignForm, "said it came from this page; no Sec-Fetch-Site came, and its `Origin` is of another page"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := openGrid(t)
			reply := g.land(test.from, test.how, test.site, test.foreign, "normal", "lax")
			denied := "{bad not counted:} a request "
			rows := g.rows(test.place, test.way)
			if len(rows) != 1 || !strings.HasPrefix(rows[0], denied) || !strings.HasSuffix(rows[0], test.says) {
				t.Errorf("the grid says %q, want …%q", rows, test.says)
			}
			if said := strings.Join(reply.Stage.Text, " "); !strings.Contains(said, test.says) || !strings.Contains(said, "is not counted") {
				t.Errorf("what arrived says %q", said)
			}
			// An honest one counts, and neither hides the other.
			honest := map[string]string{"here": "same-origin", "port": "same-site", "site": "cross-site"}[test.from]
			g.land(test.from, test.how, honest, test.how == "post" && test.from != "here", "normal")
			g.land(test.from, test.how, test.site, test.foreign, "normal", "lax", "strict")
			if rows := g.rows(test.place, test.way); len(rows) != 2 || !strings.Contains(rows[0], "yes}|") || !strings.Contains(rows[0], "`"+honest+"`") || !strings.HasPrefix(rows[1], denied) {
				t.Errorf("after an honest one the grid says %q", rows)
			}
		})
	}
}

// The outcome rests on no request that contradicts itself, and says which one came.
func TestOutcomeOfAFormThatLies(t *testing.T) {
	t.Parallel()
	g := openGrid(t)
	g.land("site", "post", "same-origin", false, "normal", "lax", "strict")
	out := g.outcome()
	if !out.Undecided || out.Happened != experiment.None || !strings.Contains(out.Verdict, "was not submitted from another site") || !strings.Contains(out.Verdict, "Sec-Fetch-Site says `same-origin`") {
		t.Errorf("it was believed: %+v", out)
	}

	g = openGrid(t) // the control: an honest one, and after it one that lies
	g.land("site", "post", "cross-site", true, "normal")
	g.land("site", "post", "same-origin", false, "normal", "lax", "strict")
	out = g.outcome()
	if out.Undecided || out.Happened != "normal-comes" || !strings.Contains(out.Verdict, "The cookie without SameSite came") || strings.Contains(out.Verdict, "only what the form says") {
		t.Errorf("the honest one is not counted: %+v", out)
	}

	g = openGrid(t) // a program that lets a foreign form in is caught
	g.land("site", "post", "cross-site", false)
	if out := g.outcome(); out.Happened != "none-comes" || !strings.Contains(out.Verdict, "The request itself was taken}: status 200") {
		t.Errorf("it is not said that the form was taken: %+v", out)
	}
}

// Over plain http from another machine no Sec-Fetch-Site comes: what the form says is all
// that there is then, and the grid and the outcome say so.
func TestNoSecFetchSite(t *testing.T) {
	t.Parallel()
	const only, note = "none came", "With a request in this table none came: over plain http, browsers send it to localhost and 127.0.0.1 only, and without it only the form says where the request came from."
	g := openGrid(t)
	g.wantRows("another site", foreignForm, notMade)
	g.land("site", "post", "", true, "normal")
	g.land("site", "link", "", false, "normal", "lax")
	g.land("here", "link", "", false, "normal", "lax", "strict")
	g.land("port", "post", "", true, "normal", "lax", "strict")
	g.wantRows("another site", foreignForm, "{bad yes}|{ok no}|{ok no}|"+only+"|{mac refused (403)}")
	g.wantRows("another site", aLink, "{bad yes}|{bad yes}|{ok no}|"+only+"|{ok taken (200)}")
	g.wantRows("this page", aLink, "{ok yes}|{ok yes}|{ok yes}|"+only+"|{ok taken (200)}")
	g.wantRows("this page", foreignForm, notMade)
	g.wantNote(note)
	out := g.outcome()
	if out.Happened != "normal-comes" || !strings.Contains(out.Verdict, "No Sec-Fetch-Site came with it, so that it came from another site is only what the form says") || strings.Contains(out.Verdict, "another port") {
		t.Errorf("the outcome is %+v", out)
	}

	g = openGrid(t) // the control
	g.land("site", "post", "cross-site", true, "normal")
	g.land("port", "post", "same-site", true, "normal", "lax", "strict")
	g.wantRows("another site", foreignForm, "{bad yes}|{ok no}|{ok no}|`cross-site`|{mac refused (403)}")
	g.wantNote("")
	if out := g.outcome(); strings.Contains(out.Verdict, "only what") || !strings.Contains(out.Verdict, "From another port of the same name even {cookie strict} came") {
		t.Errorf("the outcome is %+v", out)
	}
}
