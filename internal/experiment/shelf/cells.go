package shelf

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// visible shows bytes as text: at most max letters, with a dot for each letter that cannot be
// printed.
func visible(b string, max int) string {
	out := []rune(strings.ToValidUTF8(b, "·"))
	for i, c := range out {
		if !unicode.IsPrint(c) {
			out[i] = '·'
		}
	}
	if len(out) > max {
		return string(out[:max]) + "…"
	}
	return string(out)
}

// keyList is a list of keys, or "nothing".
func keyList(keys []string) string {
	var out []string
	for _, key := range keys {
		out = append(out, experiment.Code(key))
	}
	return cmp.Or(strings.Join(out, ", "), "nothing")
}

// span is a duration in words, to the second: "1 h 30 min".
func span(d time.Duration) string {
	seconds := int(d.Round(time.Second) / time.Second)
	if seconds == 0 {
		return "0 min"
	}
	var parts []string
	for _, unit := range []struct {
		name string
		size int
	}{{"h", 3600}, {"min", 60}, {"s", 1}} {
		if n := seconds / unit.size; n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
		}
		seconds %= unit.size
	}
	return strings.Join(parts, " ")
}

// loggedIn returns who is logged in, as the answer to GET /get?key=user says; "nobody" for nobody.
func loggedIn(x *experiment.Exchange) string { return cmp.Or(x.Value(), "nobody") }
