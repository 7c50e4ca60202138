package plan

import (
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment/shelf"
)

func open(t *testing.T) ([]Plan, shelf.Shelf) {
	t.Helper()
	s, err := shelf.Open()
	if err != nil {
		t.Fatal(err)
	}
	all, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	return all, s
}

// A lesson would take longer than a class has, ask what cannot be asked, or leave its teacher without
// a note.
func TestPlans(t *testing.T) {
	t.Parallel()
	all, s := open(t)
	if len(all) != 2 {
		t.Fatalf("%d plans", len(all))
	}
	for _, p := range all {
		if Find(all, p.Name).Title != p.Title || p.Before(len(p.Steps)) != Minutes || p.Before(1) != p.Steps[0].Minutes || p.Steps[0].Minutes < 5 {
			t.Errorf("%s takes %d minutes, %d of them to join", p.Title, p.Before(len(p.Steps)), p.Steps[0].Minutes)
		}
		kinds, asked := map[Kind]int{}, map[string]bool{}
		for _, step := range p.Steps {
			kinds[step.Kind]++
			if step.Kind == Question {
				e, _ := s.Find(step.Experiment)
				if e.Run == nil || len(step.Chosen) != len(e.Choices) || asked[step.Experiment] {
					t.Errorf("%s: %s asks about %q, with %v", p.Title, step.Title, step.Experiment, step.Chosen)
				}
				asked[step.Experiment] = true
			}
			n := step.Note
			if len(n.Do) == 0 || len(n.Ask) < 2 || len(n.Wrong) < 2 || len(n.Seen) < 2 || len(step.Phones) == 0 != (step.Kind == Question) {
				t.Errorf("%s: %s has a note that is too short, or phones that are told nothing", p.Title, step.Title)
			}
		}
		if kinds[Question] < 4 || kinds[Task] == 0 || kinds[Everyone] == 0 || kinds[Talk] == 0 || p.Steps[0].Kind != Join {
			t.Errorf("%s has the steps %v", p.Title, kinds)
		}
	}
	if Find(all, "") != nil || Find(all, "what") != nil {
		t.Error("a plan that there is not")
	}
}

// good is a whole text. It is one of 45 minutes.
const good = `# A plan

A sentence.

## A question

- kind: question
- minutes: 40
- experiment: restart
- seconds: 60
- choose: secret = new

### Do

Reveal it.

### Ask

Why?

### Wrong

Nothing, but see “A stolen cookie”.

### Seen

A ` + "`Cookie`" + `.

## Run it

- kind: run
- minutes: 5
- experiment: secure-on-plain-http

### Phones

Open “Secure on plain http”.

### Do

Wait.

### Ask

Why?

### Wrong

Nothing.

### Seen

No cookie.
`

// A text with a mistake would be read all the same, and a teacher would meet the mistake in class.
func TestAWrongTextIsRefused(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	p, err := parse("good.md", good, s)
	if err != nil || len(p.Steps) != 2 || p.Steps[0].Chosen["placement"] != "hybrid" {
		t.Fatalf("the control is read as %v, %v", p, err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"# A plan\n", "A plan\n", `:1: here must be a heading of its own that begins with "# "`},
		{"A sentence.\n", "A sentence\n", ":3: the line is no sentence"},
		{"A sentence.\n", "A sentence. And another.\n", ":3: the line has more than one sentence"},
		{"A sentence.\n", "A `sentence.\n", ":3: the line has code that does not end, or braces"},
		{"A sentence.\n", "A {cookie sentence}.\n", ":3: the line has code that does not end, or braces"},
		{"A sentence.\n", strings.Repeat("word ", 40) + "end.\n", ":3: the sentence has more than 34 words"},
		{"A sentence.\n", strings.Repeat("A sentence.\n", 6), ":3: the part has more than 5 sentences"},
		{"A sentence.\n", " A sentence.\n", ":3: the line begins or ends with a space"},
		{"A sentence.\n", "\nA sentence.\n", ":3: an empty line too many"},
		{"kind: question", "kind: riddle", `:7: there is no kind "riddle" of steps`},
		{"- minutes: 40\n", "", ":7: the fields are"},
		{"- minutes: 40\n", "- minutes: 40\n- minutes: 40\n", ":9: the field minutes stands there twice"},
		{"- minutes: 40\n", "- minutes: 39\n", "the steps take 44 minutes, and must take 45"},
		{"- minutes: 40\n", "- minutes: x\n", `:7: "x" is no number from 1 to 45`},
		{"- minutes: 40\n", "minutes: 40\n", ":8: a field is written"},
		{"- seconds: 60\n", "- seconds: 0\n", `:7: "0" is no number from 1 to 300`},
		{"- seconds: 60\n", "", ":7: the fields are"},
		{"- seconds: 60\n", "- act: restart\n", ":7: the fields are"},
		{"experiment: restart", "experiment: nothing", `:13: there is no experiment "nothing"`},
		{"experiment: restart", "experiment: secure-on-plain-http", "needs the learners' own browsers, and cannot be asked"},
		{"secret = new", "secret = none", ":13: a choice above this line"},
		{"secret = new", "engine = gorilla", `has no choice "engine"`},
		{"### Do\n\nReveal it.", "### Phones\n\nReveal it.\n\n### Do\n\nReveal it.", ":13: a question tells the phones what to do"},
		{"### Ask\n", "### Tell\n", `:17: here must be a heading of its own that begins with "### Ask"`},
		{"“A stolen cookie”", "“A stolen cake”", ":23: no experiment has the title “A stolen cake”"},
		{"Open “Secure on plain http”.", "Open it.", "the phones are not told the title “Secure on plain http”"},
		{"- kind: run\n- minutes: 5\n- experiment: secure-on-plain-http\n", "- kind: everyone\n- minutes: 5\n- act: explode\n", `there is no act "explode" for everyone`},
		{"- experiment: secure-on-plain-http\n", "- experiment: secure-on-plain-http\n- choose: a = b\n", "only a question chooses"},
		{"### Seen\n\nNo cookie.\n", "### Seen\n", "something is missing at the end"},
		{"No cookie.\n", "No cookie.", "the last line does not end"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%q is not in the text", c.old)
		}
		if _, err := parse("bad.md", text, s); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "bad.md:") {
			t.Errorf("%q in place of %q: %v, want %s", c.new, c.old, err, c.want)
		}
	}
}
