package views

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// form is what a form of a page has.
type form struct {
	method    string
	get, post int // buttons
	hidden    int // fields "page"
	once      int // fields "x", without scripts
	proven    int // buttons "page"
}

// forms are the forms of a page, by their IDs or addresses.
type forms struct {
	t        *testing.T
	of       map[string]*form
	inside   string // the form that is open
	noscript bool
}

// tag is a start tag of the forms' parts, or an end tag.
var tag = regexp.MustCompile(`<(/?)(form|button|input|noscript)\b([^>]*)>`)

// attribute returns the value of an attribute in what stands between a tag's brackets.
func attribute(tag, name string) string {
	if m := regexp.MustCompile(`\b` + name + `="([^"]*)"`).FindStringSubmatch(tag); m != nil {
		return m[1]
	}
	return ""
}

func formsOf(t *testing.T, html string) *forms {
	f := &forms{t: t, of: make(map[string]*form)}
	for _, m := range tag.FindAllStringSubmatch(html, -1) {
		end, name, attrs := m[1] != "", m[2], m[3]
		switch {
		case name == "noscript":
			f.noscript = !end
		case name == "form" && end:
			f.inside = ""
		case name == "form":
			if f.inside = attribute(attrs, "id"); f.inside == "" {
				f.inside = attribute(attrs, "action") + strconv.Itoa(len(f.of))
			}
			f.called(f.inside).method += attribute(attrs, "method")
		case end:
		case name == "input":
			f.input(attrs)
		case attribute(attrs, "type") == "submit":
			f.button(attrs)
		}
	}
	return f
}

// called is the form of that ID, which its buttons may name before it begins.
func (f *forms) called(id string) *form {
	if f.of[id] == nil {
		f.of[id] = &form{}
	}
	return f.of[id]
}

func (f *forms) input(attrs string) {
	switch attribute(attrs, "name") {
	case "page":
		f.called(f.inside).hidden++
	case "x":
		if !f.noscript {
			f.t.Errorf("with a script the form %q sends x too", f.inside)
		}
		f.called(f.inside).once++
	}
}

func (f *forms) button(attrs string) {
	id := attribute(attrs, "form")
	if id == "" {
		id = f.inside
	}
	if attribute(attrs, "formmethod") == "get" {
		f.called(id).get++
	} else {
		f.called(id).post++
	}
	if attribute(attrs, "name") == "page" {
		f.called(id).proven++
	}
}

// A visit's secret would stand in an address, or a form would not prove its visit. A form
// with a GET button has the secret only in its POST buttons, and in a noscript what opens
// the visit once.
func TestSecretStandsInNoAddress(t *testing.T) {
	place := Place{Visit: "NAME", Secret: "SECRET", Proof: "PROOF"}
	shelf := Shelf{Place: place, All: 1, Page: Page{ID: "PAGE"}}
	for name, page := range map[string]templ.Component{
		"lab": LabPage(Lab{
			Page: Page{ID: "PAGE"}, Place: place, Wire: Wire{N: 2}, Timeline: Timeline{Entries: []Entry{{N: 1}, {N: 2}}}, Moment: Moment{Past: true, N: 2, Before: 1}, Experiments: 1,
			Browser: Browser{Scripts: true}, Tools: &Tools{CanPin: true, Tamper: []Option{{}}, Second: "second", Pins: []Pin{{N: 1}}},
		}),
		"shelf":   ShelfPage(shelf),
		"lesson":  LessonPage(Lesson{Shelf: shelf, Run: &Run{Unnoted: true, Tone: "held"}}),
		"waiting": LessonPage(Lesson{Shelf: shelf, Run: &Run{Waiting: true, Stage: &Stage{}}}),
	} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := page.Render(t.Context(), &b); err != nil {
				t.Fatal(err)
			}
			secretsStand(t, b.String())
			forms := formsOf(t, b.String())
			for id, f := range forms.of {
				want := form{method: "post", get: f.get, post: f.post, hidden: 1}
				if f.get > 0 {
					want.hidden, want.once, want.proven = 0, 1, f.post
				}
				if *f != want {
					t.Errorf("the form %q is %+v, want %+v", id, *f, want)
				}
			}
			if len(forms.of) == 0 || name == "lab" && (forms.called("composer").get == 0 || forms.called("bare").get == 0) {
				t.Errorf("the control: the page has %d forms, of which those of the lab's GET buttons have none", len(forms.of))
			}
		})
	}
}

// secretsStand tells of each attribute that has a secret, and should not.
func secretsStand(t *testing.T, html string) {
	t.Helper()
	allowed := map[string]bool{"value=SECRET": true, "data-secret=SECRET": true, "value=PROOF": true, "data-visit=NAME": true}
	for _, m := range regexp.MustCompile(`([\w:-]+)="([^"]*(?:SECRET|PROOF|NAME)[^"]*)"`).FindAllStringSubmatch(html, -1) {
		if !allowed[m[1]+"="+m[2]] {
			t.Error(m[0])
		}
	}
	if got := strings.Count(html, `<body data-page="PAGE" data-secret="SECRET">`); got != 1 {
		t.Errorf("the body says which page it is %d times", got)
	}
}
