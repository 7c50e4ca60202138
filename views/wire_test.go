package views

import (
	"strings"
	"testing"
)

// What decides an experiment would stand in a closed fold only, or its mark would not be in
// view; and a text would be cut instead of being shortened for the eye.
func TestShortBlock(t *testing.T) {
	long := strings.Repeat("v", 120)
	w := Wire{Request: []Header{
		{Name: "Accept", Parts: []Part{{"", "a"}}},
		{Name: "cookie", Parts: []Part{{"", "a="}, {"token", long}, {"decisive", "X"}, {"token", long}, {"hidden", long}}},
		{Name: "X-Decides", Decisive: true}, {Name: "X-Marked", Parts: []Part{{"decisive", "m"}}},
		{Name: "Location", Diff: "gone"}, {Name: "Set-Cookie", Diff: "gone"},
	}}
	lines := short(w.Request)
	names := ""
	for _, h := range lines {
		names += h.Name + " "
	}
	if names != "cookie X-Decides X-Marked " {
		t.Fatalf("the short block has %q", names)
	}
	whole, view := "", ""
	for _, p := range ofValue.inShort(lines[0].Parts) {
		if whole += p.Text; strings.HasSuffix(p.Kind, "mid") {
			p.Text = "…"
		}
		view += p.Text
	}
	if want := "a=" + long + "X" + long + long; whole != want {
		t.Errorf("copied, the line is %q, want %q", whole, want)
	}
	if want := "a=" + long[:28] + "…" + "vvvvXvvvv" + "…" + long[:8] + long; view != want {
		t.Errorf("the line shows %q, want %q", view, want)
	}
	for _, test := range []struct {
		text, decisive string
		want           bool
	}{{long, "", false}, {strings.Repeat("é", 300), "", true}, {strings.Repeat(long, 5) + "{no}" + long, "{no}", true}} {
		if got := shortens(test.text, test.decisive); got != test.want {
			t.Errorf("%.20s is shortened: %v", test.text, got)
		}
		view := ""
		for _, p := range ofText.inShort(cut(test.text, test.decisive)) {
			if p.Kind != "mid" {
				view += p.Text
			}
		}
		if !strings.Contains(view, test.decisive) || strings.ToValidUTF8(view, "?") != view {
			t.Errorf("%.20s shows %q", test.text, view)
		}
	}
	for _, test := range []struct {
		name, want string
		gone       bool
	}{{"Cookie", "", false}, {"Set-Cookie", "Set-Cookie: none", true}, {"Vary", "Vary: none", false}} {
		if got, gone := none(w.Request, test.name); got != test.want || gone != test.gone {
			t.Errorf("%s: %q, %v", test.name, got, gone)
		}
	}
}

// The fold would count another number of cookies than it has.
func TestBrowserFold(t *testing.T) {
	for want, b := range map[string]Browser{
		"What came with the request · no other cookie came":           {Jar: []JarCookie{{Kind: "session", Session: true}, {Kind: "ended", Session: true}}},
		"What scripts see · attributes · 1 other cookie came":         {Scripts: true, Flags: []Flag{{}}, Jar: []JarCookie{{Kind: "session", Session: true}, {Kind: "pins"}}},
		"What scripts see · 2 other cookies came":                     {Scripts: true, Jar: []JarCookie{{Kind: "ended"}, {Kind: "readable"}}},
		"What came with the request · more than 2 other cookies came": {Jar: []JarCookie{{Kind: "other"}, {Kind: "other"}, {Kind: "more"}}},
		"What scripts see · no other cookie came, 1 was set":          {Scripts: true, Sets: 1},
		"What scripts see · 1 other cookie came, 2 were set":          {Scripts: true, Jar: []JarCookie{{Kind: "other"}}, Sets: 2},
	} {
		if got := b.fold(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
