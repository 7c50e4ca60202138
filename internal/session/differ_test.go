package session

import (
	"strings"
	"testing"
)

// A learner would look for a letter in a text in which it has another number.
func TestDiffer(t *testing.T) {
	t.Parallel()
	l := Layers{Time: "1795734282", Payload: "AQJUZkpVUjY3QU9U", Signature: []byte("0123456789abcdefghijklmnopqrstuv")}
	value := l.Value()
	changed := func(change func(*Layers)) string {
		c := Layers{l.Time, l.Payload, []byte(string(l.Signature))}
		change(&c)
		return c.Value()
	}
	for _, test := range []struct {
		name, other string
		want        Difference // without Letter
	}{
		{"equal", value, Difference{}},
		{"the first letter of the time", changed(func(l *Layers) { l.Time = "2795734282" }), Difference{Part: "time", In: 1}},
		{"the last letter of the time", changed(func(l *Layers) { l.Time = "1795734283" }), Difference{Part: "time", In: 10}},
		{"the first letter of the payload", changed(func(l *Layers) { l.Payload = "B" + l.Payload[1:] }), Difference{Part: "payload", In: 1}},
		{"a letter of the payload", changed(func(l *Layers) { l.Payload = l.Payload[:7] + "z" + l.Payload[8:] }), Difference{Part: "payload", In: 8}},
		{"the first byte of the signature", changed(func(l *Layers) { l.Signature[0] = 'x' }), Difference{Part: "signature", In: 1}},
		{"the last byte of the signature", changed(func(l *Layers) { l.Signature[31] = 'x' }), Difference{Part: "signature", In: 32}},
		{"the bar", strings.Replace(value, value[12:16], "MnxB", 1), Difference{}},
		{"what is no base64", value[:20] + "!" + value[21:], Difference{}},
		{"the beginning", value[:20], Difference{}},
		{"nothing", "", Difference{}},
	} {
		got := Differ(value, test.other)
		if (got.Letter == 0) != (value == test.other) || got.Letter > 0 && (value[:got.Letter-1] != test.other[:got.Letter-1] || got.Letter <= len(test.other) && value[got.Letter-1] == test.other[got.Letter-1]) {
			t.Errorf("%s: letter %d is not the first that differs", test.name, got.Letter)
		}
		if got.Letter = 0; test.name != "the bar" && got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
	if got := Differ("no cookie", "no lookie"); got != (Difference{Letter: 4}) {
		t.Errorf("what does not peel: %+v", got)
	}
}

// What developer tools and curl copy would be compared with its name, or not be found.
func TestCookieIn(t *testing.T) {
	t.Parallel()
	value := Layers{Time: "1795734282", Payload: "AQJUZkpVUjY3QU9U", Signature: []byte("0123456789abcdefghijklmnopqrstu")}.Value()
	if !strings.HasSuffix(value, "=") {
		t.Fatalf("%s has no padding, which looks like name=value", value)
	}
	for text, want := range map[string]string{
		value:                                 value,
		"  " + value + "\n":                   value,
		`"` + value + `"`:                     value,
		"sid=" + value:                        value,
		`sid="` + value + `"`:                 value,
		"Cookie: sid=" + value:                value,
		"cookie: a=b; sid=" + value + "; c=d": value,
		"Set-Cookie: sid=" + value + "; Path=/; HttpOnly": value,
		"'Cookie: sid=" + value + "'":                     value,
		"a=b; sid=x":                                      "x",
		"sid=":                                            "",
		"sid-9090=" + value:                               value,
		"Cookie: theirs=" + strings.Repeat("a", 9) + "; s=" + value: value,
		"garbled": "garbled",
		"abc=":    "abc=",
	} {
		if got, ok := CookieIn(text, "sid"); !ok || got != want {
			t.Errorf("%q: %q %v, want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "  ", `""`, "theirs=private", "Cookie: theirs=private; more=private", "Cookie:", "a; b"} {
		if got, ok := CookieIn(text, "sid"); ok {
			t.Errorf("%q has the value %q", text, got)
		}
	}
}
