package app

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/show"
	"github.com/sessionscope/sessionscope/internal/store/memory"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// pupil is a browser in the first lesson, over a clock that a test moves.
type pupil struct {
	*browser
	app    *App
	clock  *storetest.Clock
	secret string
}

func newPupil(t *testing.T, placement session.Placement) *pupil {
	t.Helper()
	clock := storetest.NewClock()
	app := newApp(t, func(c *Config) {
		c.Sessions.Backend, c.Sessions.Now, c.Sessions.Placement = memory.New(memory.Config{Now: clock.Now}), clock.Now, placement
	})
	b := newBrowser(t, app, formFragment)
	return &pupil{b, app, clock, b.visit("/")}
}

// does presses what a word of a story names. Words that begin with "other:" are pressed by a
// client with the same cookies that shows no visit.
func (p *pupil) does(word string) {
	p.t.Helper()
	page := []string{"page", p.secret}
	if rest, others := strings.CutPrefix(word, "other:"); others {
		word, page = rest, nil
	}
	get := func(target string) {
		if page != nil {
			target += "&page=" + p.secret
		}
		p.get(target).want(200)
	}
	post := func(target string, pairs ...string) { p.post(target, append(pairs, page...)...).want(200) }
	switch what, arg, _ := strings.Cut(word, " "); what {
	case "get":
		get("/get?key=" + arg)
	case "keys":
		get("/keys?")
	case "set":
		post("/set", "key", arg, "value", "Rahim")
	case "peel":
		post("/lesson", "step", "peel", "layer", arg)
	case "tamper":
		post("/tamper", "part", arg)
	case "replay":
		post("/replay", "pin", arg)
	case "start-over":
		post("/flush", "start-over", "1")
	case "expiry":
		post("/expiry", "seconds", arg)
	case "move":
		post("/placement", "placement", arg)
	case "login":
		post("/login", "user", "ada")
	case "wait":
		p.clock.Move(10 * time.Second)
	default:
		post("/" + what)
	}
}

// progress says how far the pupil's visit has come: the names of the steps that are done, and
// how many parts are done of steps that are not.
func (p *pupil) progress() string {
	var out []string
	for _, s := range show.Guide(proved(p.app, p.secret).Lesson(), "", false, 0, 28).Steps {
		parts := 0
		for _, part := range s.Parts {
			if part.Done {
				parts++
			}
		}
		if s.Done {
			out = append(out, s.Name)
		} else if parts > 0 {
			out = append(out, fmt.Sprintf("%s %d/%d", s.Name, parts, len(s.Parts)))
		}
	}
	return strings.Join(out, ", ")
}

// lessons are what a browser did, and what that ticks off.
var lessons = []struct{ name, story, want string }{
	{"nothing", "keys", ""},
	{"a missing key without a session", "get name", "get"},
	{"a missing key with a session", "set name; get nope", "get, set"},
	{"a key that is there", "set name; get name", "set"},
	{"another client's missing key", "set name; other:get nope", "set"},
	{"any key", "set cart", "set"},
	{"the same value again", "set name; set name", "set"},
	{"another client's value", "other:set name", ""},
	{"one layer", "set name; peel base64", "set, peel 1/2"},
	{"both layers", "set name; peel base64; peel payload", "set, peel"},
	{"the payload at once", "set name; peel payload", "set, peel"},
	{"a letter", "set name; tamper letter", "set, change"},
	{"the signature", "set name; tamper signature", "set, change"},
	{"a whole other value", "set name; tamper value", "set"},
	{"without a cookie", "tamper letter", ""},
	{"a pin", "set name; pin", "set, replay 1/3"},
	{"a pin without a cookie", "pin", ""},
	{"pin and flush", "set name; pin; flush", "set, replay 2/3"},
	{"pin, flush, replay", "set name; pin; flush; replay 1", "set, replay"},
	{"flush first", "set name; flush; set name; pin", "set, replay 1/3"},
	{"replay before the flush", "set name; pin; replay 1; flush", "set, replay 2/3"},
	{"a flush of nothing", "set name; pin; drop-cookie; flush", "set, replay 1/3"},
	{"the flush of another session", "set name; pin; drop-cookie; set name; flush; replay 1", "set, replay 2/3"},
	{"a pin after the flush", "set name; pin; flush; set name; pin; replay 2", "set, replay 2/3"},
	{"start over takes the pin", "set name; pin; start-over", "set"},
	{"start over takes the pin after the flush", "set name; pin; flush; start-over", "set"},
	{"another pin after that", "set name; pin; flush; start-over; set name; pin", "set, replay 1/3"},
	{"a flush without that pin", "set name; pin; start-over; set name; flush; set name; pin", "set, replay 1/3"},
	{"start over in the end", "set name; pin; flush; replay 1; start-over", "set, replay"},
	{"only later pins are left", "set name; pin; flush; set name; pin; pin; pin; pin; pin", "set, replay 1/3"},
	{"another client's flush", "set name; pin; other:flush; replay 1", "set, replay 1/3"},
	{"another session between", "set name; pin; flush; set name; replay 1", "set, replay"},
	{"a session that expired", "set name; expiry 5; wait; get name", "get, set, expire 1/2"},
	{"another client saw it expire", "set name; expiry 5; wait; other:get name", "set, expire 1/2"},
	{"not yet", "set name; expiry 5; get name", "set"},
	{"the usual expiry again", "set name; expiry 5; expiry ; wait; get name", "set"},
	{"an expiry of an hour", "set name; expiry 3600; wait; get name", "set"},
	{"another ID between", "set name; expiry 5; login; set name; wait; get name", "get, set, expire 1/2"},
	{"another session between", "set name; expiry 5; flush; set name; wait; get name", "set"},
	{"clearing first", "set name; clear-expired; expiry 5; wait; get name", "get, set, expire 1/2"},
	{"another client clears", "set name; expiry 5; wait; get name; other:clear-expired", "get, set, expire 1/2"},
	{"nothing left to clear", "set name; expiry 5; wait; get name; other:clear-expired; clear-expired", "get, set"},
}

// A step would be ticked that did not happen, or one that happened would stay open.
func TestLessonIsWhatHappened(t *testing.T) {
	t.Parallel()
	for _, placement := range []session.Placement{session.InCookie, session.Hybrid, session.OnServer} {
		for _, test := range lessons {
			t.Run(placement.String()+"/"+test.name, func(t *testing.T) {
				p := newPupil(t, placement)
				for word := range strings.SplitSeq(test.story, "; ") {
					p.does(word)
				}
				for n := 0; n < 2000 && strings.Contains(test.story, "other:") && p.progress() != test.want; n++ {
					<-time.After(time.Millisecond)
				}
				if got := p.progress(); got != test.want {
					t.Errorf("after %q: %q, want %q", test.story, got, test.want)
				}
			})
		}
	}
}

// The last step needs a record that expires. With placement cookie there is none, and the page
// says so.
func TestLessonClearsARecord(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		placement session.Placement
		story     string
		want      string
	}{
		{session.Hybrid, "set name; expiry 5; wait; get name; clear-expired", "get, set, expire"},
		{session.OnServer, "set name; expiry 5; wait; get name; clear-expired", "get, set, expire"},
		{session.InCookie, "set name; expiry 5; wait; get name; clear-expired", "get, set"},
		{session.Hybrid, "set name; expiry -1; clear-expired", "set, expire"},
		{session.InCookie, "set name; expiry -1; clear-expired", "set"},
		{session.InCookie, "set name; move hybrid; expiry 5; wait; get name; clear-expired", "get, set, expire"},
	} {
		p := newPupil(t, test.placement)
		for word := range strings.SplitSeq(test.story, "; ") {
			p.does(word)
		}
		if got := p.progress(); got != test.want {
			t.Errorf("%s: after %q: %q, want %q", test.placement, test.story, got, test.want)
		}
	}
}

// The first lesson is hidden and offered again in each form, and refuses what it does not know.
func TestLessonForms(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		t.Run(name, func(t *testing.T) {
			_, b, v := openLab(t, f)
			press := func(pairs ...string) answer { return b.post("/lesson", append(pairs, "page", v)...) }
			b.post("/lesson", "hide", "1").want(400, "belongs to a visit")
			press().want(400, "neither the field")
			press("hide", "yes").want(422)
			press("step", "nose").want(422, "no step of that name")
			shown := func(a answer) answer { // what the page shows after it
				a.t.Helper()
				switch f {
				case formPage:
					return b.get(a.want(303).Header.Get("Location")).want(200)
				case formJSON:
					if got := a.want(200).json()["op"]; got != "lesson" {
						t.Errorf("it says %v", got)
					}
				}
				return a.want(200)
			}
			if got := shown(press("hide", "1")); f == formJSON && got.json()["hidden"] != true || f != formJSON && got.region("guide", "</section>") != "First lesson" {
				t.Errorf("hidden: %.300s", got.body)
			}
			got := shown(press("hide", "0"))
			if f == formJSON {
				if got.json()["hidden"] != false || fmt.Sprint(got.json()["done"]) != "[]" {
					t.Errorf("offered again: %s", got.body)
				}
				return
			}
			got.want(200, "Get what is not there", `aria-current="step"`)
			shown(press("step", "expire")).want(200, "First press Set")
		})
	}
}

// Half a step is followed by its other half, and a step that is done by the next step.
func TestLessonHintAfterALayer(t *testing.T) {
	t.Parallel()
	p := newPupil(t, session.Hybrid)
	for _, word := range []string{"get nope", "set name"} {
		p.does(word)
	}
	for _, c := range [][2]string{{"base64", "Now press Payload decoded"}, {"payload", "open Tamper…"}} {
		layer, want := c[0], c[1]
		if got := p.post("/lesson", "step", "peel", "layer", layer, "page", p.secret).want(200).region("guide-hint", "</p>"); !strings.Contains(got, want) {
			t.Errorf("after %s the hint is %q", layer, got)
		}
	}
}

// Without a script the step "peel" is done by its button, and the page shows the payload. It is
// not done while there is no cookie.
func TestLessonPeelsWithoutScripts(t *testing.T) {
	t.Parallel()
	p := newPupil(t, session.Hybrid)
	p.form = formPage
	press := func(target string, pairs ...string) answer {
		return p.browser.get(p.post(target, append(pairs, "page", p.secret)...).want(303).Header.Get("Location")).want(200)
	}
	press("/lesson", "step", "peel").want(200, "First press Set")
	if got := p.progress(); got != "" {
		t.Errorf("without a cookie %q is done", got)
	}
	press("/set", "key", "cart", "value", "3").want(200, `id="peel-sent" checked`)
	press("/lesson", "step", "peel", "key", "cart", "value", "3", "type", "text").want(200, `id="peel-payload" checked`, `value="cart"`)
	if got := p.progress(); got != "set, peel" {
		t.Errorf("%q is done", got)
	}
}

// markedStep returns the label of the step that a page or fragment marks, and the hint.
func markedStep(a answer) (step, hint string) {
	text := func(from, to string) string {
		_, rest, _ := strings.Cut(a.body, from)
		rest, _, _ = strings.Cut(rest, to)
		return strings.Join(strings.Fields(tags.ReplaceAllString(rest, "")), " ")
	}
	return text(`aria-current="step">`, "</button>"), text(`id="guide-hint" role="status">`, "</p>")
}

var tags = regexp.MustCompile("<[^>]*>")

// The hint is that of the marked step: a layer that is taken off, or a step that was asked
// about, would leave another step's hint there.
func TestLessonHintIsTheMarkedSteps(t *testing.T) {
	t.Parallel()
	p := newPupil(t, session.Hybrid)
	want := func(when string, a answer, step, hint string) {
		t.Helper()
		if s, h := markedStep(a.want(200)); !strings.Contains(s, step) || !strings.Contains(h, hint) {
			t.Errorf("%s: the step %q is marked, and the hint is %q", when, s, h)
		}
	}
	peel := func(layer string) answer { return p.post("/lesson", "step", "peel", "layer", layer, "page", p.secret) }
	p.does("set name")
	want("out of order", peel("base64"), "Get what is not there", "press Get")
	p.does("get nope")
	want("one layer", peel("base64"), "Take the base64 off", "Payload decoded")
	want("both layers", peel("payload"), "Change one letter", "Tamper")
	p.form = formPage
	ask := func(step string) answer {
		return p.browser.get(p.post("/lesson", "step", step, "page", p.secret).want(303).Header.Get("Location"))
	}
	want("asked about a later one", ask("expire"), "Expire in 5 s", "Expire in")
	ask("expire").want(200, `id="session-menu" open`)
	want("asked about one that is done by that", ask("peel"), "Change one letter", "Tamper")
	ask("change").want(200, `id="tamper" open`, "3/6<span")
}

// A flush takes the progress in the experiments with the session: the lesson says so before.
func TestLessonSaysWhatAFlushForgets(t *testing.T) {
	t.Parallel()
	p := newPupil(t, session.Hybrid)
	said := func() string {
		for _, s := range show.Guide(proved(p.app, p.secret).Lesson(), "", false, 2, 28).Steps {
			if s.Name == "replay" {
				return s.Hint
			}
		}
		return ""
	}
	p.does("set name")
	p.does("pin")
	if got := said(); !strings.Contains(got, "your 2 done experiments are forgotten") {
		t.Errorf("with progress it says %q", got)
	}
	p.post("/set", "key", "progress", "type", "json", "value", `{"done":[1],"right":[]}`, "page", p.secret).want(200, "your 1 done experiment is forgotten")
}

// A second browser's lab has no first lesson, and its presses tick nothing off in the first.
func TestLessonIsTheFirstBrowsers(t *testing.T) {
	t.Parallel()
	h, b, v := openLab(t, formJSON)
	second := b.post("/second", "page", v).want(200).json()
	b.form = formPage
	page := b.get(second["page"].(string)).want(200, `id="guide"`).wantNo("Get what is not there")
	base := strings.TrimSuffix(second["url"].(string), "/")
	b.post(base+"/set", "key", "who", "value", "second", "page", page.secret())
	b.post(base+"/lesson", "hide", "1", "page", page.secret()).want(404, "first browser")
	if l := proved(h, v).Lesson(); l.Stored || l.Has {
		t.Errorf("the first browser's lesson: %+v", l)
	}
}

// A reload that proves its visit keeps the lesson. A page that only has the session's cookie
// begins with what that session's moments show, and with no pins.
func TestLessonAfterAReload(t *testing.T) {
	t.Parallel()
	p := newPupil(t, session.Hybrid)
	for _, word := range []string{"get name", "set name", "pin"} {
		p.does(word)
	}
	p.form = formPage
	p.browser.get("/?x="+proved(p.app, p.secret).Proof()).want(200, "Pin<span")
	p.secret = p.visit("/")
	if got := p.progress(); got != "set" {
		t.Errorf("a page with the session's cookie begins with %q", got)
	}
}

// Another page of the visit is told when a step is done or the lesson is hidden.
func TestLessonInTheStream(t *testing.T) {
	t.Parallel()
	_, base, cl, v := serveLab(t)
	_, r := openStream(t, cl, base+"/events?since=1&page="+v)
	post := func(target, body string) {
		resp, err := cl.Post(base+target, "application/x-www-form-urlencoded", strings.NewReader(body+"&page="+v))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	post("/set", "key=name&value=Rahim")
	reading(t, r, "First lesson", `<span class="unseen">done: </span>Set name`)
	post("/lesson", "hide=1")
	reading(t, r, `name="hide" value="0"`)
}

// A layer that no cookie has ticks nothing off.
func TestLessonUnknownLayer(t *testing.T) {
	p := newPupil(t, session.Hybrid)
	p.does("set name")
	for _, layer := range []string{"signature", "Base64", "payload "} {
		p.post("/lesson", "step", "peel", "layer", layer, "page", p.secret).want(422)
	}
	if got := p.progress(); got != "set" {
		t.Errorf("done: %s", got)
	}
}
