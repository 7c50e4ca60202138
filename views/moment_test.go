package views

import "testing"

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
