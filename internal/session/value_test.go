package session_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// If it failed, a form would store another value than was typed, or refuse a good one.
func TestParseValue(t *testing.T) {
	for _, test := range []struct {
		kind, text string
		want       session.Value
		wantType   string
		wantErr    string
	}{
		{"", "Rahim", `"Rahim"`, "text", ""},
		{"text", "", `""`, "text", ""},
		{"text", `<b>"&\`, `"<b>\"&\\"`, "text", ""},
		{"text", "a\xff", "", "", "UTF-8"},
		{"number", "7", "7", "number", ""},
		{"number", " -2.50 ", "-2.50", "number", ""},
		{"number", "123456789012345678901234567890", "123456789012345678901234567890", "number", ""},
		{"number", "1e400", "1e400", "number", ""},
		{"number", "007", "", "", "number"},
		{"number", "+5", "", "", "number"},
		{"number", "NaN", "", "", "number"},
		{"number", `"7"`, "", "", "number"},
		{"number", "", "", "", "number"},
		{"boolean", "true", "true", "boolean", ""},
		{"boolean", " false ", "false", "boolean", ""},
		{"boolean", "True", "", "", "true or false"},
		{"json", `{"b": 1.0, "a": [ true, null ]}`, `{"a":[true,null],"b":1.0}`, "object", ""},
		{"json", `[1, "\u00e9"]`, `[1,"é"]`, "list", ""},
		{"json", "null", "null", "null", ""},
		{"json", "", "", "", "ends too early"},
		{"json", `{"a":`, "", "", "ends too early"},
		{"json", "{\n  \"a\": nil}", "", "", "line 2, column 9"},
		{"json", `{"a":1,"a":2}`, "", "", "same name"},
		{"json", `["\ud800"]`, "", "", "does not parse"},
		{"json", `1 2`, "", "", "does not parse"},
		{"json", strings.Repeat("[", 20000), "", "", "does not parse"},
		{"yaml", "a", "", "", "text, number, boolean and json"},
	} {
		got, err := session.ParseValue(test.kind, test.text)
		if test.wantErr != "" {
			input := (*session.InputError)(nil)
			if !errors.As(err, &input) || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("%s %.40q: error %v, want %q", test.kind, test.text, err, test.wantErr)
			}
			continue
		}
		if err != nil || got != test.want || got.Type() != test.wantType {
			t.Errorf("%s %q: %q, %v; want %q", test.kind, test.text, got, err, test.want)
		}
	}
}

// If it failed, two keys could look alike and differ, or a key could hold characters that
// nobody sees.
func TestCheckKey(t *testing.T) {
	for key, want := range map[string]string{
		"name":                   "",
		"a b/c?d":                "",
		"ключ":                   "",
		"é":                      "",
		strings.Repeat("k", 128): "",
		"":                       "empty",
		strings.Repeat("k", 129): "129 bytes",
		"a\xff":                  "UTF-8",
		"e\u0301":                "normal form C",
		"a\x00":                  "U+0000",
		"a\nb":                   "U+000A",
		"a\u202eb":               "U+202E",
		"a\u2028b":               "U+2028",
		"a\u007fb":               "U+007F",
	} {
		err := session.CheckKey(key)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", key, err, want)
		}
	}
}
