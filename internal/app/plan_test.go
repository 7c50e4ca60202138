package app

import (
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/plan"
)

// walkedClass is a class with one seat, which has begun a lesson plan. Its teacher asks for JSON.
func walkedClass(t *testing.T, name string) (w *classWorld, p *plan.Plan, base string) {
	t.Helper()
	w = openBoard(t)
	base, _ = w.sit(w.phone())
	w.teacher.form = formJSON
	w.teacher.post("/classroom/plan", "plan", name).want(200)
	return w, plan.Find(w.app.plans, name), base
}

// wantActTold notes that the act of the present step is done: afterwards the plan says that it is done, and asks for it no more.
func wantActTold(w *classWorld, act string) {
	w.Helper()
	if _, err := w.class.survey.Begin(w.Context(), classroom.ActKind(act), 1, nil); err != nil {
		w.Fatal(err)
	}
	w.class.survey.Done(w.Context(), false)
	if v := w.class.planView(); !v.Step.Acted {
		w.Errorf("%s is done, and the plan does not say so", act)
	}
	w.teacher.form = formPage
	w.teacher.get("/classroom").want(200, "It is done.").wantNo("Nothing happens before you confirm it.")
	w.teacher.form = formJSON
}

// next presses Next on a page that shows step n, from 1.
func (w *classWorld) next(n int, more ...string) answer {
	w.Helper()
	return w.teacher.post("/classroom/next", append([]string{"step", strconv.Itoa(n)}, more...)...)
}

// restarted is the same class after the program was killed and started again.
func (w *classWorld) restarted(t *testing.T) *classWorld {
	t.Helper()
	again := classWorldBefore(t, nil)
	again.documents = w.documents
	if err := again.app.OpenClass(t.Context()); err != nil {
		t.Fatal(err)
	}
	again.class = again.app.openClass()
	again.teacher.get(again.app.TeacherLink()).want(303)
	return again
}

// A step would be left out or told wrongly, the phones would have the task of another step, or a crash
// in mid-lesson would begin the lesson again.
func TestAClassWalksThroughEachPlan(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"what-a-session-is", "who-can-be-you"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, p, base := walkedClass(t, name)
			for i, s := range p.Steps {
				for _, at := range []*classWorld{w, w.restarted(t)} {
					if got := at.class.walk(); got.Plan == nil || got.Name != name || got.at != i || !slices.Equal(at.class.task(), s.Phones) {
						t.Fatalf("step %d: the class is at %d, and the phones are told %q", i+1, got.at, at.class.task())
					}
					if q := at.class.together.Present().Question; (q != nil) != (s.Kind == plan.Question) || q != nil && (q.Slug != s.Experiment || !maps.Equal(q.Chosen, s.Chosen) || q.Until.Sub(q.Opened) != s.Limit) {
						t.Errorf("step %d: the class is asked %+v", i+1, q)
					}
					student := at.phone()
					student.form = formJSON
					var phone struct{ Task []string }
					if err := json.Unmarshal([]byte(student.get(base+"/class").want(200).body), &phone); err != nil || !slices.Equal(phone.Task, s.Phones) {
						t.Errorf("step %d: a program that plays a phone is told %q, %v", i+1, phone.Task, err)
					}
					student.form = formPage
					page := html.UnescapeString(student.get(base + "/class").want(200).body)
					for _, sentence := range s.Phones {
						if !strings.Contains(page, longest(sentence)) {
							t.Errorf("step %d: the class page of a phone does not say %q", i+1, sentence)
						}
					}
					if beamer := at.class.screenView(); (len(beamer.Task) > 0) != (s.Kind != plan.Question && s.Kind != plan.Join) {
						t.Errorf("step %d: the beamer shows the task %v", i+1, beamer.Task)
					}
					at.teacher.form = formPage
					board := at.teacher.get("/classroom").want(200, ">"+s.Title, fmt.Sprintf("step %d of %d", i+1, len(p.Steps)))
					if got := strings.Count(board.body, `aria-current="step"`); got != 1 {
						t.Errorf("step %d: %d steps are marked as the present one", i+1, got)
					}
					if strings.Contains(board.body, `class="primary" name="everyone" value="`+s.Act+`"`) != (s.Act != "") {
						t.Errorf("step %d: the confirmation of %q is not offered, or is where there is none", i+1, s.Act)
					}
				}
				w.teacher.form = formJSON
				if s.Act != "" {
					wantActTold(w, s.Act)
				}
				var told struct {
					Op, Plan, Title, Kind string
					Step, Steps           int
					Through               bool
					Phones                []string
				}
				if err := json.Unmarshal([]byte(w.next(i+1, "sure", "1").want(200).body), &told); err != nil {
					t.Fatal(err)
				}
				if told.Op != "next" || told.Plan != name || told.Step != i+2 || told.Steps != len(p.Steps) || told.Through != (i+1 == len(p.Steps)) {
					t.Errorf("after step %d a program is told %+v", i+1, told)
				}
				if !told.Through && (told.Title != p.Steps[i+1].Title || told.Kind != string(p.Steps[i+1].Kind) || !slices.Equal(told.Phones, p.Steps[i+1].Phones)) {
					t.Errorf("after step %d a program is told %+v", i+1, told)
				}
			}
			for _, at := range []*classWorld{w, w.restarted(t)} {
				at.teacher.form = formPage
				at.teacher.get("/classroom").want(200, "The plan is through", `href="/classroom/export.html"`, `href="/classroom/export.csv"`).wantNo("Next:", "Your note")
				if at.class.task() != nil {
					t.Errorf("the phones are told %q after the last step", at.class.task())
				}
			}
		})
	}
}

// Two presses of Next, or two pages of the board, would leave a step out. Back would undo something.
func TestAPressOnAPageThatIsNotUpToDateMovesNothing(t *testing.T) {
	t.Parallel()
	w, p, _ := walkedClass(t, "what-a-session-is")
	codes := make([]int, 8)
	var presses sync.WaitGroup
	for i := range codes {
		presses.Go(func() { codes[i] = w.next(1).StatusCode })
	}
	presses.Wait()
	slices.Sort(codes)
	if codes[0] != 200 || codes[1] != 409 || w.class.walk().at != 1 {
		t.Errorf("eight presses of Next are answered %v, and lead to step %d", codes, w.class.walk().at+1)
	}
	w.next(1).want(409, "The page showed step 1, and the class is at step 2", "Nothing was changed")
	w.next(3).want(409)
	w.teacher.post("/classroom/next").want(422)
	w.next(-1).want(409)
	if err := w.class.together.Ask(t.Context(), "restart", nil, 4, 0); err != nil {
		t.Fatal(err)
	}
	w.teacher.post("/classroom/plan/back", "step", "1").want(409)
	w.teacher.post("/classroom/plan/back", "step", "2").want(200, `"step":1`)
	if q := w.class.together.Present().Question; !q.Open() || q.Slug != "restart" {
		t.Error("Back has taken the question away")
	}
	w.teacher.post("/classroom/plan/back", "step", "1").want(409, "the first step")
	w.teacher.post("/classroom/plan", "plan", "who-can-be-you").want(409, "leave that plan first")
	w.teacher.post("/classroom/plan/leave").want(200, `{"op":"plan/leave"}`)
	w.teacher.post("/classroom/plan/leave").want(409, "no lesson plan")
	w.next(1).want(409, "no lesson plan")
	w.teacher.post("/classroom/plan", "plan", "nothing").want(422)
	if q := w.class.together.Present().Question; q == nil || w.class.task() != nil || w.class.walk().Plan != nil || len(p.Steps) == 0 {
		t.Error("to leave the plan changes more than the plan")
	}
}

// Next would take a question away before anybody knows what comes out, without a word.
func TestNextAsksOnceMoreBeforeAQuestionGoesUnrevealed(t *testing.T) {
	t.Parallel()
	w, _, _ := walkedClass(t, "what-a-session-is")
	if err := w.class.together.Ask(t.Context(), "restart", nil, 4, 0); err != nil {
		t.Fatal(err)
	}
	w.next(1).want(409, "Restart the server", "not revealed yet", "sure=1")
	w.teacher.post("/classroom/plan/again", "step", "1").want(409, "not revealed yet")
	w.teacher.post("/classroom/plan/again", "step", "2", "sure", "1").want(409, "the class is at step 1")
	w.teacher.form = formPage
	w.teacher.get("/classroom").want(200, `id="plan-sure-1"`, `name="sure" value="1"`, "Go on without it").wantNo(`id="plan-next"`)
	q := w.class.together.Present().Question
	if err := w.class.together.SetResult(t.Context(), q.N, classroom.Result{At: w.clock.Now()}); err != nil {
		t.Fatal(err)
	}
	if board := w.teacher.get("/classroom").want(200, `id="plan-next"`).wantNo(`id="plan-sure`).body; strings.Count(board, `class="primary"`) != 1 {
		t.Error("the board has more primary buttons than Next")
	}
	w.teacher.post("/classroom/plan/again", "step", "1").want(303)
	w.next(1).want(303)
	if at := w.class.walk().at; at != 1 {
		t.Errorf("after the reveal Next leads to step %d", at+1)
	}
}

// Next would leave an act out without a word, and the phones wait for what never happens.
func TestNextAsksOnceMoreBeforeAnActIsLeftOut(t *testing.T) {
	t.Parallel()
	w, p, _ := walkedClass(t, "what-a-session-is")
	at := slices.IndexFunc(p.Steps, func(s plan.Step) bool { return s.Kind == plan.Everyone })
	for n := range at {
		w.next(n+1, "sure", "1").want(200)
	}
	w.next(at+1).want(409, "Restart, same secret", "was not done since the step began", "sure=1", "Nothing was changed")
	w.teacher.form = formPage
	w.teacher.get("/classroom").want(200, `action="/classroom#everyone-sure"`, `class="primary" name="everyone" value="restart"`, "was not done in this step", "Go on without it").wantNo(`id="plan-next"`)
	wantActTold(w, "restart")
	w.teacher.form = formPage
	w.teacher.get("/classroom").want(200, `id="plan-next"`, "It is done.", `<a href="#everyone-now">The table</a>`).wantNo(`id="plan-sure`)
	w.teacher.post("/classroom/done").want(303)
	w.teacher.get("/classroom").want(200, `id="plan-next"`, "It is done.").wantNo("#everyone-now")
	w.next(at + 1).want(303)
	if now := w.class.walk().at; now != at+1 {
		t.Errorf("after the act Next leads to step %d", now+1)
	}
}

// The teacher would not see how long the step and the lesson take.
func TestTheBoardCountsTheMinutesOfAStep(t *testing.T) {
	t.Parallel()
	w, p, _ := walkedClass(t, "who-can-be-you")
	w.clock.Move(4*time.Minute + 59*time.Second)
	w.next(1).want(200)
	w.clock.Move(time.Minute)
	v := w.class.planView()
	if v.Time.Minutes != "1" || v.Whole.Minutes != "5" || v.Time.Over || v.Whole.Over || v.Until != "10" || v.Time.Planned != strconv.Itoa(p.Steps[1].Minutes) {
		t.Errorf("the board says %+v, %+v, until %s", v.Time, v.Whole, v.Until)
	}
	w.clock.Move(time.Hour)
	if v := w.class.planView(); !v.Time.Over || !v.Whole.Over || v.Time.Minutes != "61" || v.Whole.At != w.clock.Now().Add(-(66*time.Minute-time.Second)).UnixMilli() {
		t.Errorf("after an hour more the board says %+v, %+v", v.Time, v.Whole)
	}
}

// The class would read the teacher's note: what goes wrong, and what they should see.
func TestNotesAreForTheTeacherOnly(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"what-a-session-is", "who-can-be-you"} {
		w, p, base := walkedClass(t, name)
		student := w.phone()
		beamer, phone := w.teacher.stream("/classroom/events?part=screen"), student.stream(base+"/class/events?page=class")
		var boards strings.Builder
		seen := map[string]string{}
		look := func(where string, from *guest, form answerForm, target string) {
			from.form = form
			seen[where] += from.get(target).want(200).body
		}
		for i := range p.Steps {
			w.teacher.form = formPage
			boards.WriteString(w.teacher.get("/classroom").body)
			look("the beamer", w.teacher, formPage, "/classroom/screen")
			look("the beamer's JSON", w.teacher, formJSON, "/classroom/screen")
			look("a class page", student, formPage, base+"/class")
			look("its JSON", student, formJSON, base+"/class")
			look("a lab", student, formPage, base+"/")
			seen["the answer to Next"] += w.next(i+1, "sure", "1").want(200).body
		}
		beamer.stop()
		phone.stop()
		seen["the beamer's stream"], seen["a phone's stream"] = beamer.told.String(), phone.told.String()
		for _, s := range p.Steps {
			for _, sentence := range slices.Concat(s.Note.Do, s.Note.Ask, s.Note.Wrong, s.Note.Seen) {
				piece := html.EscapeString(longest(sentence))
				if !strings.Contains(boards.String(), piece) {
					t.Errorf("%s: the board does not have the note %q", s.Title, piece)
				}
				for where, body := range seen {
					if body == "" || strings.Contains(body, piece) || strings.Contains(body, longest(sentence)) {
						t.Errorf("%s: %s has the teacher's note %q, or nothing", s.Title, where, piece)
					}
				}
			}
		}
	}
}

// longest returns the longest piece of a sentence that has no markup.
func longest(sentence string) string {
	return slices.MaxFunc(strings.Split(sentence, "`"), func(a, b string) int { return len(a) - len(b) })
}
