package views

import (
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

// runFragments are the regions of an experiment that a run changes.
func runFragments() map[string]templ.Component {
	run := Run{
		Token: "RUN", Tone: "refused", Verdict: []Part{{"bad", "Refused."}, {"wire", evil}, {"mac", evil}, {"ok", evil}}, Judgement: evil, Remark: evil, Unnoted: true, Dropped: 3,
		Shots: []Shot{
			{Title: "As issued", Token: []Part{{"t-time", "179"}, {"dim", "|"}, {"t-data", "cG"}, {"t-data flip", evil}, {"t-mac", "bWFj"}}, Size: "160 B", Values: evil, Line: "GET /get", Status: "200", Says: evil},
			{Title: "As kept", Token: []Part{{"t-time", "179"}}, Same: "As issued" + evil, Size: "160 B"}, {Title: "none", None: true},
		},
		Tables: []Table{
			{Caption: evil, Head: []string{"what", "is"}, Rows: [][][]Part{{{{"", "a"}}, {{"code", evil}, {"decisive", evil}}}}},
			{Caption: "wide", Head: []string{"what", "1", "2", "3", "4"}, Rows: [][][]Part{{{{"", "a"}}, {{"bad", "no"}}}}, Note: []Part{{"code", evil}}},
		},
		Exchanges: []ExchangeLine{
			{N: 1, URL: "/experiments/x?run=RUN&at=1", Client: evil, Note: evil, Line: "POST /set", Status: "200", SetCookie: "180 B"},
			{N: 2, URL: "/experiments/x?run=RUN&at=2", Client: "Rahim", Line: "GET /get", Status: "404", Bad: true, Cookie: "180 B", Current: true, Decisive: true},
		},
		Panels: &RunPanels{N: 2, Client: evil, Wire: Wire{RequestLine: "GET /get", Finished: true, By: evil, Past: true, Decisive: "yes", Answer: `{"found":yes}`}},
	}
	lesson := Lesson{Slug: "x", Run: &run, SoWhat: [][]Part{{{"", "Do "}, {"code", evil}}, {{"", "Leave that."}}}, Explain: [][]Part{{{"", evil}}}, Breaks: []Part{{"", "A fault."}}, Sources: []Link{{URL: "https://example.org/", Text: evil}}}
	before := lesson
	before.Run, before.Done, before.Right = nil, true, true
	kept := before
	kept.Right, kept.Last = false, &LastRun{URL: "/experiments/x?run=RUN#run", Kept: "15 minutes", Predicted: []Part{{"", evil}}}
	return map[string]templ.Component{
		"observe": observe(lesson, run), "evidence": evidence(lesson, run), "explain": explain(lesson), "done-before": runRegion(before), "done-kept": doneBefore(kept),
		"card": shelfMain(Shelf{Sections: []ShelfSection{{Title: "Trust", Entries: []ShelfEntry{
			{Number: "1", Title: "One", URL: "/experiments/one", Lead: []Part{{"", evil}}, Done: true, Answer: evil, SoWhat: lesson.SoWhat}, {Number: "2", Title: "Two", URL: "/experiments/two"},
		}}}}),
	}
}

// What follows from a run would stand below all that travelled, where nobody scrolls to.
func TestSoWhatStandsUnderTheVerdict(t *testing.T) {
	var b strings.Builder
	lesson := Lesson{
		SoWhat: [][]Part{{{"", "Do this."}}}, Explain: [][]Part{{{"", "Since."}}},
		Run: &Run{Verdict: []Part{{"", "Held."}}, Tables: []Table{{Caption: "A table"}}, Exchanges: []ExchangeLine{{N: 1}}},
	}
	if err := runRegion(lesson).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	var at []int
	for _, words := range []string{"Held.", "Do this.", "<details", "Since.", "</details>", "Sources:", "A table", "All that travelled"} {
		at = append(at, strings.Index(b.String(), words))
	}
	if at[0] < 0 || !slices.IsSorted(at) {
		t.Errorf("the order is %d: %s", at, &b)
	}
}

// A learner would look for exchanges that were not kept, and read no reason.
func TestRunWithoutItsExchanges(t *testing.T) {
	page := func(r Run) string {
		var b strings.Builder
		if err := runRegion(Lesson{Run: &r}).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	const none = "No exchange of this run is kept"
	if got := page(Run{Verdict: []Part{{"ok", "Held."}}, Dropped: 7}); !strings.Contains(got, none+": there was no room for the 7 that travelled. Run it again") || !strings.Contains(got, "Held.") || strings.Contains(got, "press an exchange") {
		t.Errorf("it says %s", got)
	}
	if got := page(Run{Dropped: 7, Exchanges: []ExchangeLine{{N: 8}}}); strings.Contains(got, none) || !strings.Contains(got, "7 earlier exchanges are not kept") {
		t.Errorf("the control, with one that is kept, says %s", got)
	}
	if got := page(Run{}); strings.Contains(got, "kept") {
		t.Errorf("the control, in which nothing travelled, says %s", got)
	}
}
