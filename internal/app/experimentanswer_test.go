package app

import (
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/show"
)

// answersOf are the words that nobody may read before they have run e.
func answersOf(e experiment.Experiment) []string {
	return append([]string{e.Answer, "What would break this?"}, e.SoWhat...)
}

// written is the longest piece of a sentence that has no colour, as it stands in a page.
func written(sentence string) (longest string) {
	for _, words := range strings.FieldsFunc(sentence, func(r rune) bool { return strings.ContainsRune("`{}", r) }) {
		if words = html.EscapeString(words); len(words) > len(longest) {
			longest = words
		}
	}
	return longest
}

// A learner would read what comes out before they have predicted it.
func TestNothingTellsTheAnswerBefore(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	for _, form := range []answerForm{formPage, formFragment, formJSON} {
		b := newBrowser(t, a, form)
		shelf := b.get("/experiments").want(200).body
		for _, e := range a.shelf.All() {
			page := b.get("/experiments/" + e.Slug).want(200).body
			for _, other := range a.shelf.All() { // beside an experiment stand the others
				for _, words := range answersOf(other) {
					if words = written(words); strings.Contains(shelf, words) || strings.Contains(page, words) {
						t.Errorf("%v: before it is done, %s or the shelf says %q of %s", form, e.Slug, words, other.Slug)
					}
				}
			}
		}
	}
}

// An experiment that is done would be blank when somebody comes back to it, and its card
// would not say what came out.
func TestWhatIsDoneIsShownOnReturn(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	done, right := make([]string, 0, len(a.shelf.All())), "14"
	for _, e := range a.shelf.All() {
		done = append(done, fmt.Sprint(e.ID))
	}
	for _, form := range []answerForm{formPage, formFragment} {
		b := newBrowser(t, a, formJSON)
		b.post("/set", "key", "progress", "type", "json", "value", `{"done":[`+strings.Join(done, ",")+`],"right":[`+right+`]}`).want(200)
		b.form = form
		shelf := b.get("/experiments").want(200)
		for _, e := range a.shelf.All() {
			page := b.get("/experiments/"+e.Slug).want(200, "it again", "the prediction itself and the exchanges of that run were not kept")
			for _, words := range append([]string{e.Breaks}, append(answersOf(e), e.Explain...)...) {
				page.want(200, written(words))
			}
			for _, words := range append(e.SoWhat, e.Answer) {
				shelf.want(200, written(words))
			}
			const predicted = "You predicted it right."
			if got := strings.Contains(page.body, predicted); got != (e.Slug == "change-one-letter") {
				t.Errorf("%s says %q: %t", e.Slug, predicted, got)
			}
		}
	}
	b := newBrowser(t, a, formJSON)
	b.post("/set", "key", "progress", "type", "json", "value", `{"done":[14],"right":[]}`).want(200)
	one, _ := a.shelf.Find("change-one-letter")
	b.get("/experiments").want(200, `"answer":"`+one.Answer+`"`)
	b.get("/experiments/change-one-letter").want(200, one.Answer, show.Plain(one.SoWhat[1]))
	b.get("/experiments/fixation").want(200).wantNo(`"answer"`, `"so_what"`)
}

// The page would say that the exchanges of a run are gone while they are kept.
func TestWhatIsKeptOfADoneExperiment(t *testing.T) {
	t.Parallel()
	const slug, gone = "/experiments/born-on-first-write", "were not kept"
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formJSON)
	ran(b, "born-on-first-write", "1").want(200)
	run := runFoundIn(t, []byte(ran(b, "born-on-first-write", "2").want(200).body)).Run
	cookie := b.cookie()
	b.form = formPage
	b.get(slug).want(200, "The last time you predicted:", "<b>At the first read of a key", `href="`+slug+`?run=`+run, "for 15 minutes after its end").wantNo(gone)
	b.get(slug+"?run="+run).want(200, "All that travelled").wantNo("The last time")

	stranger := newBrowser(t, a, formJSON) // has done it, elsewhere
	stranger.post("/set", "key", "progress", "type", "json", "value", `{"done":[1],"right":[]}`).want(200)
	stranger.form = formPage
	stranger.get(slug).want(200, gone).wantNo(run, "The last time")

	a.experiments.Close() // a restart
	a.experiments = newExperiments(t, nil).experiments
	r := b.request("GET", slug, "")
	r.Header.Set("Cookie", cookieName+"="+cookie)
	b.send(r).want(200, gone, "run it again").wantNo(run)
}

// A run that has ended tells what came out at once, also where the session does not keep
// that it is done. One that could not be done, or that found nothing, tells nothing.
func TestARunTellsTheAnswer(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formJSON)
	e, _ := a.shelf.Find("born-on-first-write")
	b.post("/set", "key", "progress", "type", "json", "value", `"mine"`).want(200)
	ran(b, e.Slug, "3").want(200, e.Answer, show.Plain(e.SoWhat[0]))
	b.get("/experiments/" + e.Slug).want(200).wantNo(e.Answer)
	b.form = formFragment
	f := b.post("/experiments/"+e.Slug+"/run", "prediction", "3")
	for !strings.Contains(f.body, `id="verdict"`) {
		f = b.post("/experiments/"+e.Slug+"/result", "run", tokenIn(f.body))
	}
	f.want(200, `<p id="answer">`+e.Answer, written(e.SoWhat[0]), `<details id="explanation">`)

	crack, _ := a.shelf.Find("crack-a-weak-secret")
	if got := runFor(t, a, crack.Slug, "secret=yours&word="); got.Happened != 0 || !strings.Contains(got.all(), "nothing to crack") {
		t.Fatalf("the control found %s", got.all())
	}
	b.form = formJSON
	b.post("/experiments/"+crack.Slug+"/run", "secret", "yours", "word", "").want(200, "nothing to crack").wantNo(crack.Answer)
}

// tokenIn is the token of the run that a page waits for.
func tokenIn(body string) string {
	_, rest, _ := strings.Cut(body, `name="run" value="`)
	token, _, _ := strings.Cut(rest, `"`)
	return token
}
