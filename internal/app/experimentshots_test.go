package app

import (
	"fmt"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// What differs is found between whole letters, and never beyond the end.
func TestDiffering(t *testing.T) {
	for _, test := range []struct{ a, b, want string }{
		{"", "", ""}, {"a", "a", ""}, {"", "abc", ""}, {"abcdef", "abXdef", "X"}, {"abcdef", "abcdef!!", "!!"}, {"abcdefgh", "abcgh", ""}, {"xxxxxx", "yyyyyy", ""},
		{"abcd⠀efgh", "abcd⠁efgh", "⠁"}, {"aaaaaa", "aaaaaaa", "a"}, {"⠀⠀⠀⠀", "⠀⠀⠀⠁", "⠁"},
	} {
		span := trace.Differing(test.a, test.b)
		from, to := span.From, span.To
		if got := test.b[from:to]; got != test.want {
			t.Errorf("in %q, after %q, %q differs, want %q", test.b, test.a, got, test.want)
		}
		whole := ""
		for _, p := range split(views.Part{Kind: "t-data", Text: test.b}, from, to, "flip") {
			whole += p.Text
		}
		if whole != test.b {
			t.Errorf("%q is shown as %q", test.b, whole)
		}
	}
}

// Two cookies that are equal byte for byte would stand there twice, and nobody would see that
// they are equal.
func TestEqualCookiesAreShownOnce(t *testing.T) {
	var same []string
	for _, s := range shots([]experiment.Shot{{Title: "one", Cookie: "abc"}, {Title: "none"}, {Title: "two", Cookie: "abd"}, {Title: "three", Cookie: "abc"}, {Title: "none again"}}) {
		same = append(same, fmt.Sprintf("%s=%s", s.Title, s.Same))
	}
	if got, want := fmt.Sprint(same), "[one= none= two= three=one none again=]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
