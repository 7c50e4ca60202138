package app

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// plainPage is a page as a browser without scripts has it.
type plainPage struct {
	testing.TB
	by  *guest
	at  string
	doc *html.Node
}

// plain loads a page.
func (v *guest) plain(at string) *plainPage {
	v.Helper()
	doc, err := html.ParseWithOptions(strings.NewReader(v.get(at).want(200).body), html.ParseOptionEnableScripting(false))
	if err != nil {
		v.Fatal(err)
	}
	return &plainPage{v.TB, v, at, doc}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// unscripted tells whether n stands in a noscript.
func unscripted(n *html.Node) bool {
	for p := range n.Ancestors() {
		if p.Data == "noscript" {
			return true
		}
	}
	return false
}

// press presses the button of that text that stands in a noscript, and follows the way that it leads.
func (p *plainPage) press(text string) *plainPage {
	p.Helper()
	for b := range p.doc.Descendants() {
		if b.Data != "button" || !unscripted(b) || textOf(b) != text {
			continue
		}
		form := b.Parent
		for form.Data != "form" {
			form = form.Parent
		}
		pairs := []string{attr(b, "name"), attr(b, "value")}
		for in := range form.Descendants() {
			if in.Data == "input" {
				pairs = append(pairs, attr(in, "name"), attr(in, "value"))
			}
		}
		return p.by.plain(p.by.post(attr(form, "action"), pairs...).want(303).Header.Get("Location"))
	}
	p.Fatalf("%s has no button %q", p.at, text)
	return nil
}

// again is after how many seconds the page loads itself again, "" for never.
func (p *plainPage) again() string {
	for n := range p.doc.Descendants() {
		if n.Data == "meta" && attr(n, "http-equiv") == "refresh" {
			return attr(n, "content")
		}
	}
	return ""
}

// now is the text of what the class does together; strip that of the seat's strip.
func (p *plainPage) now() string   { return textOf(p.byID("now")) }
func (p *plainPage) strip() string { return textOf(p.byID("seated")) }

func (p *plainPage) byID(id string) *html.Node {
	p.Helper()
	for n := range p.doc.Descendants() {
		if attr(n, "id") == id {
			return n
		}
	}
	p.Fatalf("%s has no #%s", p.at, id)
	return nil
}

func (p *plainPage) wantNow(words ...string) *plainPage {
	p.Helper()
	for _, w := range words {
		if got := p.now(); !strings.Contains(got, w) {
			p.Errorf("the page does not say %q: %s", w, got)
		}
	}
	return p
}

// did fails the test with an error.
func did(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const (
	asked     = "log-out-then-replay"
	predicts2 = "For me: the copy is as good as it was before"
)

// Without scripts, and without a cookie, a phone answers, changes its answer, and sees the reveal. Its page
// loads itself again, more slowly while its answer is awaited: also a phone that never answers learns
// that the question is over. If it failed, such a phone could not take part.
func TestPhoneWithoutScripts(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	p.forget()
	id, ctx, together := w.seatAt(base).ID, t.Context(), w.class.together
	page := func() *plainPage { t.Helper(); p.forget(); return p.plain(base + "/class") }
	loads := func(want string) {
		t.Helper()
		if got := page().again(); got != want {
			t.Errorf("the page loads itself again after %q seconds, want %q", got, want)
		}
	}
	page().wantNow("The teacher asks nothing now")
	loads("5")
	did(t, together.Ask(ctx, asked, map[string]string{"engine": "gorilla"}, 3, 0))
	loads("15")
	first := page().wantNow("The teacher asks: Log out, then replay.", "The server keeps sessions with: plain gorilla CookieStore", "Look again", "Nobody sees who answered what.")
	if !strings.Contains(first.strip(), "the teacher asks") {
		t.Errorf("the strip says %q", first.strip())
	}
	answered := first.press(predicts2).wantNow("Your prediction is in: "+predicts2+".", predicts2+" sent", "✓ Your prediction is in.")
	loads("5")
	if !strings.HasSuffix(answered.strip(), "answered") {
		t.Errorf("the strip says %q", answered.strip())
	}
	answered.press("For nobody: the server answers the copy with an error").press(predicts2)
	if got := together.AnswerOf(id); got != 2 {
		t.Errorf("the answer is %d, want 2", got)
	}
	did(t, together.Pause(ctx, true))
	if got := textOf(page().byID("paused")); !strings.HasPrefix(got, "Eyes up.") {
		t.Errorf("the page says %q while the class is paused", got)
	}
	if got := textOf(p.plain(base + "/").byID("paused")); !strings.HasPrefix(got, "Eyes up.") {
		t.Errorf("the lab says %q while the class is paused", got)
	}
	did(t, together.Pause(ctx, false))
	did(t, together.SetHands(ctx, 1, []int{4, 1, 0}))
	did(t, together.CloseQuestion(ctx, 1))
	page().wantNow("The question is closed. The teacher reveals what happens.", predicts2+" yours")
	_, err := together.BeginRun(ctx, 1)
	did(t, err)
	page().wantNow("The experiment runs , once for everybody")
	did(t, together.SetResult(ctx, 1, classroom.Result{Happened: 2, Verdict: "{ok Logged in} all the same.", At: w.clock.Now(), Run: "gone"}))
	page().wantNow("You foretold it.", "Logged in all the same.", "4 hands", predicts2+" yours 1 ✓ this is what happened 1 hand", "1 of 1 seat answered", "Run it yourself")
	if got := page().now(); strings.Contains(got, "every byte") {
		t.Errorf("a run that is not kept is led to: %s", got)
	}
	loads("5")
}

// While an answer is awaited and there is a time limit, a page without scripts loads itself again at the
// latest once the time is up. Paused, it looks again and again: nothing can be answered.
func TestPhoneLoadsAtTheDeadline(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	did(t, w.class.together.Ask(t.Context(), asked, nil, 3, 40*time.Second))
	if got := p.plain(base + "/class").wantNow("Open for 40 s more.").again(); got != "15" {
		t.Errorf("the page loads itself again after %q seconds, want 15", got)
	}
	w.clock.Move(30 * time.Second)
	if got := p.plain(base + "/class").wantNow("Open for 10 s more.").again(); got != "11" {
		t.Errorf("the page loads itself again after %q seconds, want 11", got)
	}
	did(t, w.class.together.Pause(t.Context(), true))
	if got := p.plain(base + "/class").again(); got != "5" {
		t.Errorf("paused, the page loads itself again after %q seconds, want 5", got)
	}
}

// What a phone says of its own prediction, for each way in which a question ends.
func TestPhoneJudges(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer int
		result classroom.Result
		want   string
	}{
		{2, classroom.Result{Happened: 2}, "You foretold it."},
		{1, classroom.Result{Happened: 2}, "You predicted another outcome."},
		{0, classroom.Result{Happened: 2}, "You made no prediction."},
		{1, classroom.Result{}, "None of the predictions came true."},
		{1, classroom.Result{Undecided: true}, "The run decided nothing"},
	} {
		w := openClassWorld(t, nil)
		p := w.phone()
		base := p.join()
		did(t, w.class.together.Ask(t.Context(), asked, nil, 3, 0))
		if test.answer > 0 {
			did(t, w.class.together.Answer(t.Context(), w.seatAt(base).ID, 1, test.answer))
		}
		_, err := w.class.together.BeginRun(t.Context(), 1)
		did(t, err)
		did(t, w.class.together.SetResult(t.Context(), 1, test.result))
		p.plain(base+"/class").wantNow("Revealed. "+test.want[:14], test.want)
	}
}

// All pages of a seat learn by their stream what the class does: the class page all of it, the others a
// word on the strip, and both a pause. A page that opens its stream late is told the present state.
func TestPhoneIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, nil)
		phone, lab := w.phone(), w.phone()
		base, other := phone.join(), lab.join()
		onPhone, onLab := phone.stream(base+"/class/events?page=class"), lab.stream(other+"/class/events")
		synctest.Wait()
		told := func(s *guestStream, do func() error) string {
			t.Helper()
			synctest.Wait()
			before := len(s.told.String())
			did(t, do())
			synctest.Wait()
			return s.told.String()[before:]
		}
		ctx, together := t.Context(), w.class.together
		for _, step := range []struct {
			name  string
			do    func() error
			phone []string // on the class page
			lab   string   // on the strip of the lab
		}{
			{"ask", func() error { return together.Ask(ctx, asked, nil, 3, 0) }, []string{`data-state="open1"`, "That is my prediction"}, ">the teacher asks<"},
			{"pause", func() error { return together.Pause(ctx, true) }, []string{`<div id="paused" data-paused>`}, `<div id="paused" data-paused>`},
			{"resume", func() error { return together.Pause(ctx, false) }, []string{`<div id="paused"></div>`}, `<div id="paused"></div>`},
			{"close", func() error { return together.CloseQuestion(ctx, 1) }, []string{`data-state="closed1"`, "You made no prediction."}, ">closed<"},
			{"reveal", func() error { return together.SetResult(ctx, 1, classroom.Result{Happened: 1}) }, []string{`data-state="revealed1"`}, ">revealed<"},
			{"ask again", func() error { return together.Ask(ctx, "two-clocks", nil, 3, 0) }, []string{`data-state="open2"`, `id="foretell-2"`}, ">the teacher asks<"},
			{"done", func() error { return together.Done(ctx) }, []string{"The teacher asks nothing now"}, ">Class<"},
		} {
			onBoth := told(onPhone, func() error {
				if got := told(onLab, step.do); !strings.Contains(got, step.lab) || strings.Contains(got, `id="now"`) {
					t.Errorf("%s: the lab was told %q", step.name, got)
				}
				return nil
			})
			for _, words := range step.phone {
				if !strings.Contains(onBoth, words) {
					t.Errorf("%s: the class page was told %q, and not %q", step.name, onBoth, words)
				}
			}
		}
		did(t, together.Ask(ctx, asked, nil, 3, 0))
		did(t, together.Pause(ctx, true))
		late := phone.stream(base + "/class/events?page=class")
		synctest.Wait()
		if got := late.told.String(); !strings.Contains(got, "data-paused") || !strings.Contains(got, `data-state="open3"`) {
			t.Errorf("a page that wakes late was told %q", got)
		}
		w.app.Close()
	})
}

// The answer of one seat stands on its own pages, and on those of no other.
func TestPhoneKeepsItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := openClassWorld(t, nil)
		phone, neighbour := w.phone(), w.phone()
		base, next := phone.join(), neighbour.join()
		mine, theirs := phone.stream(base+"/class/events?page=class"), neighbour.stream(next+"/class/events?page=class")
		did(t, w.class.together.Ask(t.Context(), asked, nil, 3, 0))
		synctest.Wait()
		before := len(theirs.told.String())
		phone.form = formFragment
		phone.post(base+"/class/answer", "prediction", "2", "question", "1").want(200, `class="sent"`, "Change my prediction")
		synctest.Wait()
		if got := mine.told.String(); !strings.Contains(got, "Your prediction is in.") {
			t.Error("another tab of the seat is not told of its answer")
		}
		if got := theirs.told.String()[before:]; got != "" {
			t.Errorf("another seat was told %q", got)
		}
		phone.form = formPage
		phone.forget()
		if got := phone.plain(base + "/class").now(); !strings.Contains(got, "Your prediction is in.") {
			t.Errorf("without cookies the seat is shown %q", got)
		}
		if got := neighbour.get(next + "/class").want(200).body; strings.Contains(got, "Your prediction is in.") {
			t.Error("another seat is shown an answer")
		}
		w.app.Close()
	})
}

// Every page of a seat has what a pause and the news need, once, and the lab of the teacher has not.
func TestPhoneParts(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	for _, path := range []string{"/", "/class", "/experiments", "/experiments/" + asked, "/about"} {
		body := p.get(base + path).want(200).body
		for _, part := range []string{`id="eyes-up"`, `id="paused"`, `id="became"`, "/assets/js/class."} {
			if strings.Count(body, part) != 1 {
				t.Errorf("%s has %d times %s", path, strings.Count(body, part), part)
			}
		}
	}
	own := w.teacher.get("/").want(200).body
	if i := slices.IndexFunc([]string{"eyes-up", "class.js", "experiments.css"}, func(s string) bool { return strings.Contains(own, s) }); i >= 0 {
		t.Errorf("the teacher's lab has part %d of a seat's", i)
	}
}
