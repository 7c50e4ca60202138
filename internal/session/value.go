package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"
)

// Value is one value of a session as canonical JSON: no white space, object members
// sorted, numbers as they were written, nothing escaped that need not be. Two values are
// the same exactly when their text is the same. Only Text, ParseJSON, ParseValue and
// ValueOf make values.
type Value string

// The types that a value can have.
const (
	TypeText    = "text"
	TypeNumber  = "number"
	TypeBoolean = "boolean"
	TypeList    = "list"
	TypeObject  = "object"
	TypeNull    = "null"
)

// canonical are the options of every canonical value. By default jsontext refuses duplicate
// names, since one of the two values would be lost, and invalid UTF-8.
var canonical = []jsontext.Options{
	jsontext.ReorderRawObjects(true),
}

// Text returns s as a value. It returns an *InputError if s is not valid UTF-8.
func Text(s string) (Value, error) {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		return "", &InputError{"value", "The value is not valid UTF-8 text."}
	}
	return Value(b), nil
}

// ParseJSON returns the canonical form of a JSON text. If it does not parse, the
// *InputError gives the position.
func ParseJSON(text string) (Value, error) {
	b, err := jsontext.AppendFormat(nil, []byte(text), canonical...)
	if err == nil {
		if depth(b) > MaxDepth {
			return "", &InputError{"value", fmt.Sprintf("The value is nested more than %d deep.", MaxDepth)}
		}
		return Value(b), nil
	}
	at := len(text)
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
		at = min(int(syntax.ByteOffset), len(text))
	}
	line := 1 + strings.Count(text[:at], "\n")
	column := 1 + utf8.RuneCountInString(text[strings.LastIndexByte(text[:at], '\n')+1:at])
	reason := "it is not JSON from here on"
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		reason = "an object has two members of the same name"
	case at == len(text):
		reason = "it ends too early"
	case !utf8.ValidString(text):
		reason = "it is not valid UTF-8"
	}
	return "", &InputError{"value", fmt.Sprintf("The value does not parse as JSON at line %d, column %d: %s.", line, column, reason)}
}

// depth returns how deep the lists and objects of a JSON text are nested.
func depth(b []byte) (deepest int) {
	level, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			level++
			deepest = max(deepest, level)
		case c == ']' || c == '}':
			level--
		}
	}
	return deepest
}

// ParseValue returns the value that a form field of the given type ("text", the
// default, "number", "boolean" or "json") stands for, or an *InputError.
func ParseValue(kind, text string) (Value, error) {
	switch kind {
	case "", TypeText:
		return Text(text)
	case TypeNumber:
		if v, err := ParseJSON(text); err == nil && v.Type() == TypeNumber {
			return v, nil
		}
		return "", &InputError{"value", "The value is not a number as JSON writes it, such as 7, -2.5 or 1e6."}
	case TypeBoolean:
		switch strings.TrimSpace(text) { // each case returns a constant: a part of text would keep all of text in memory
		case "true":
			return "true", nil
		case "false":
			return "false", nil
		}
		return "", &InputError{"value", "The value is not a boolean: write true or false."}
	case "json":
		return ParseJSON(text)
	}
	return "", &InputError{"type", "The type is unknown: allowed are text, number, boolean and json."}
}

// Type returns the name of v's type: TypeText, …
func (v Value) Type() string {
	switch v[0] {
	case '"':
		return TypeText
	case '{':
		return TypeObject
	case '[':
		return TypeList
	case 't', 'f':
		return TypeBoolean
	case 'n':
		return TypeNull
	}
	return TypeNumber
}

// Any returns v as encoding/json decodes it into an any, with json.Number for numbers.
func (v Value) Any() any {
	d := json.NewDecoder(strings.NewReader(string(v)))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return nil // never: the functions that make a Value check that it is JSON
	}
	return x
}

// ValueOf returns x as a value, as encoding/json writes it. It returns an *InputError if x
// has no JSON form.
func ValueOf(x any) (Value, error) {
	b, err := json.Marshal(x)
	if err != nil {
		return "", &InputError{"value", fmt.Sprintf("A %T cannot be kept in a session: it has no JSON form.", x)}
	}
	return ParseJSON(string(b))
}

// isPlain tells whether s consists of printable ASCII.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Unseen tells whether a character cannot be seen or reverses the text around it: a
// control or direction character, or a separator of lines or paragraphs.
func Unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// CheckKey returns an *InputError that says what is wrong with key, or nil.
func CheckKey(key string) error {
	bad := func(format string, args ...any) error {
		return &InputError{"key", fmt.Sprintf(format, args...)}
	}
	switch {
	case key == "":
		return bad("The key is empty: it needs 1 to %d bytes.", MaxKeyBytes)
	case len(key) > MaxKeyBytes:
		return bad("The key has %d bytes: at most %d are allowed.", len(key), MaxKeyBytes)
	case isPlain(key):
		return nil
	case !utf8.ValidString(key):
		return bad("The key is not valid UTF-8 text.")
	case !norm.NFC.IsNormalString(key):
		return bad("The key is not in Unicode normal form C, so that two keys could look alike and differ.")
	}
	for _, r := range key {
		if Unseen(r) {
			return bad("The key holds the invisible character %U: control and direction characters are not allowed.", r)
		}
	}
	return nil
}
