package views

import (
	"strings"
	"testing"
)

// A learner would look for exchanges that were not kept, and read no reason.
func TestRunWithoutItsExchanges(t *testing.T) {
	page := func(r Run) string {
		var b strings.Builder
		if err := observe(Lesson{Run: &r}, r).Render(t.Context(), &b); err != nil {
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
