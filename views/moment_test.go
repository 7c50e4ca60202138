package views

import (
	"regexp"
	"strings"
	"testing"
)

// A phone would show the panel in which nothing is new.
func TestPanelThatChangedMost(t *testing.T) {
	cookie, record := Change{Kind: "cookie"}, Change{Kind: "server"}
	for _, test := range []struct {
		name         string
		moment       Moment
		want, marked string
	}{
		{"before any press", Moment{N: 1, First: true}, "browser", ""},
		{"the cookie and the record", Moment{N: 2, Changes: []Change{record, cookie}}, "browser", "browser wire server "},
		{"only the record", Moment{N: 2, Changes: []Change{record}}, "server", "wire server "},
		{"neither", Moment{N: 2}, "wire", "wire "},
		{"a copy", Moment{N: 2, Aside: "a pinned copy"}, "wire", "wire "},
	} {
		chosen, marked := "", ""
		for _, o := range test.moment.panels() {
			if o.Chosen {
				chosen += o.Name
			}
			if o.Marked {
				marked += o.Name + " "
			}
		}
		if chosen != test.want || marked != test.marked {
			t.Errorf("%s: %s is chosen, %smarked; want %s, and %smarked", test.name, chosen, marked, test.want, test.marked)
		}
	}
}

// The strip would mark no moment as the one that the panels show, or two. CSS marks the last
// entry; where entries beside it stand at the end, the row before them is marked here.
func TestLatestMoment(t *testing.T) {
	beside := func(n int) Entry { return Entry{N: n, Beside: true} }
	for _, test := range []struct {
		name    string
		entries []Entry
		want    string
		lacking bool // a page with all entries before the last needs more than that one
	}{
		{"none", nil, "", false},
		{"the last", []Entry{{N: 1}, beside(2), {N: 3}}, "", false},
		{"before others", []Entry{{N: 1}, {N: 2}, beside(3), beside(4)}, "e2", true},
		{"only others", []Entry{beside(1), beside(2)}, "", true},
	} {
		var b strings.Builder
		if err := TimelinePanel(Place{}, Timeline{Entries: test.entries}).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, m := range regexp.MustCompile(`<li id="(e\d+)" class="[^"]*\blatest\b`).FindAllStringSubmatch(b.String(), -1) {
			got += m[1]
		}
		if got != test.want {
			t.Errorf("%s: %q is marked, want %q", test.name, got, test.want)
		}
		if len(test.entries) > 0 {
			next := Timeline{Next: true, Entries: test.entries[len(test.entries)-1:]}
			if got := next.NextBeside(); got != test.lacking {
				t.Errorf("%s: its last entry is beside the moment of the panels: %t", test.name, got)
			}
		}
	}
}
