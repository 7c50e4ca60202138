package session

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// entry is one value of a session and where it lives.
type entry struct {
	key string
	Value
	onServer bool
}

// entries are sorted by key. Entries that were loaded or written are shared, also with the
// cookies that the codec remembers, and never change: a draft that changes has a copy.
type entries []entry

func (es entries) find(key string) (at int, ok bool) {
	return slices.BinarySearchFunc(es, key, func(e entry, key string) int { return strings.Compare(e.key, key) })
}

// get returns the entry of that key, or the zero entry and false.
func (es entries) get(key string) (entry, bool) {
	if at, ok := es.find(key); ok {
		return es[at], true
	}
	return entry{}, false
}

// put sets the entry of that key.
func (es *entries) put(e entry) {
	at, ok := es.find(e.key)
	if ok {
		(*es)[at] = e
		return
	}
	*es = slices.Insert(*es, at, e)
}

// half returns the entries that live on the server or, without onServer, in the cookie. It
// returns es itself if all entries live there.
func (es entries) half(onServer bool) (half entries) {
	n := 0
	for _, e := range es {
		if e.onServer == onServer {
			n++
		}
	}
	if n == len(es) {
		return es
	}
	for _, e := range es {
		if e.onServer == onServer {
			half = append(half, e)
		}
	}
	return half
}

func (e entry) lives() string {
	if e.onServer {
		return "server"
	}
	return "cookie"
}

// appendTo appends es as a canonical JSON object.
func (es entries) appendTo(dst []byte) []byte {
	dst = append(dst, '{')
	for i, e := range es {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst, _ = jsontext.AppendQuote(dst, e.key) // keys are valid UTF-8: CheckKey
		dst = append(dst, ':')
		dst = append(dst, e.Value...)
	}
	return append(dst, '}')
}

// bytes returns how many bytes e takes in a JSON object, with one comma or brace.
func (e entry) bytes() int {
	var buf [2 * MaxKeyBytes]byte
	quoted, _ := jsontext.AppendQuote(buf[:0], e.key)
	return len(quoted) + len(e.Value) + 2
}

// checkJSON returns an error unless text is JSON in valid UTF-8, and no object in it has two
// members of the same name.
func checkJSON(text string) error {
	if !jsontext.Value(text).IsValid() {
		return errors.New("it is not JSON, or has two members of one name")
	}
	return nil
}

// parseEntries reads a JSON object that checkJSON has accepted. onServer says where all its
// values live.
func parseEntries(object string, onServer bool) (es entries, err error) {
	for name, value := range members(object) {
		if name, err = unquote(name); err != nil {
			return nil, err
		}
		if n := len(es); n == 0 || es[n-1].key < name {
			if es == nil {
				es = make(entries, 0, 4)
			}
			es = append(es, entry{name, Value(value), onServer})
		} else if _, twice := es.find(name); twice {
			return nil, fmt.Errorf("the name %q stands there twice", name)
		} else {
			es.put(entry{name, Value(value), onServer})
		}
	}
	return es, nil
}

// members yields the names and values of a JSON object as they are written, the names in
// quotes. checkJSON has accepted the text; if it is not an object it has no members.
func members(object string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		rest := skipSpace(object)
		if rest == "" || rest[0] != '{' {
			return
		}
		for {
			rest = skipSpace(rest[1:]) // behind the brace or the comma
			if rest == "" || rest[0] == '}' {
				return
			}
			var name, value string
			name, rest = cutValue(rest)
			rest = skipSpace(rest)
			value, rest = cutValue(skipSpace(rest[1:]))
			if !yield(name, value) {
				return
			}
			rest = skipSpace(rest)
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func skipSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// cutValue cuts off the first value of valid JSON.
func cutValue(s string) (value, rest string) {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted:
			if c == '\\' {
				i++
			} else if quoted = c != '"'; !quoted && depth == 0 {
				return s[:i+1], s[i+1:]
			}
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth == 0 {
				return s[:i], s[i:] // behind a number or a word
			}
			if depth--; depth == 0 {
				return s[:i+1], s[i+1:]
			}
		case depth == 0 && (c == ',' || isSpace(c)):
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// unquote returns the text of a JSON string.
func unquote(quoted string) (string, error) {
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], nil
	}
	b, err := jsontext.AppendUnquote(nil, quoted)
	return string(b), err
}

// text returns the text of a member's value, or an error if the value is not text.
func text(value string) (string, error) {
	if value[0] != '"' {
		return "", fmt.Errorf("there is %.20s where text should be", value)
	}
	return unquote(value)
}
