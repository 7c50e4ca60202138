package session

import (
	"strings"
	"testing"
	"unsafe"
)

// If it failed, the cache of known cookies would keep a whole request or record in memory for
// one value of it.
func TestValuesOwnTheirText(t *testing.T) {
	within := func(part, whole string) bool {
		at, from := uintptr(unsafe.Pointer(unsafe.StringData(part))), uintptr(unsafe.Pointer(unsafe.StringData(whole)))
		return at >= from && at < from+uintptr(len(whole))
	}
	padded := strings.Repeat(" ", 1000) + "true"
	if trimmed := strings.TrimSpace(padded); !within(trimmed, padded) {
		t.Fatal("the control: a trimmed text is a part of the whole")
	}
	v, err := ParseValue(TypeBoolean, padded)
	if err != nil || within(string(v), padded) {
		t.Errorf("a boolean keeps its padding, %v", err)
	}

	data := strings.Clone(`{"placement":"server","values":{"a":"x","large":"` + strings.Repeat("x", 1000) + `"}}`)
	c, err := parseContents(data)
	if err != nil || !within(string(c.values[0].Value), data) {
		t.Fatalf("the control: values are parts of the record, %v", err)
	}
	s := &Session{base: draft{placement: OnServer, values: c.values}}
	s.SetPlacement(InCookie)
	for _, e := range s.work.values {
		if within(string(e.Value), data) || within(e.key, data) {
			t.Errorf("%s keeps the whole record", e.key)
		}
	}
}
