package session

import (
	"encoding/base64"
	"strings"
)

// Difference is where two cookies' values first differ. It counts from 1.
type Difference struct {
	Letter int    // of the value as it is sent
	Part   string // the part under the outer base64: "time", "payload" or "signature"; "" if the letter belongs to none
	In     int    // the letter of the time or of the payload, or the byte of the signature
}

// Differ returns where b first differs from a, which may be cut short. The parts are those of a.
// It returns the zero Difference if the values are equal.
func Differ(a, b string) (d Difference) {
	if a == b {
		return d
	}
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	d.Letter = at + 1
	l, ok := Peel(a)
	was, now := fourLetters(a, at), fourLetters(b, at)
	if !ok || len(was) == 0 || len(now) == 0 {
		return d
	}
	first := 0 // four letters are three bytes
	for first < min(len(was), len(now)) && was[first] == now[first] {
		first++
	}
	if first == len(was) { // only bits that belong to no byte differ
		return d
	}
	n := at/4*3 + first
	for _, part := range []struct {
		name string
		size int
	}{{"time", len(l.Time)}, {"payload", len(l.Payload)}, {"signature", len(l.Signature)}} {
		switch {
		case n < part.size:
			d.Part, d.In = part.name, n+1
			return d
		case n == part.size: // the bar behind the part
			return d
		}
		n -= part.size + 1
	}
	return d
}

// fourLetters decodes the four letters of base64 that letter at is one of, counted from 0. It
// returns nil if they do not decode.
func fourLetters(value string, at int) []byte {
	begin := min(at/4*4, len(value))
	letters := strings.TrimRight(value[begin:min(begin+4, len(value))], "=")
	decoded, err := base64.RawURLEncoding.DecodeString(letters)
	if err != nil {
		return nil
	}
	return decoded
}

// quotes are the marks that may stand around a cookie that somebody has copied.
const quotes = "\"'`"

// CookieIn finds the value of the cookie of that name in what somebody has copied: the value
// itself, name=value, or a line of a head with its cookies. In a line without that name it takes
// the first value that peels, since another port's session cookie has another name. It returns
// false if there is neither.
func CookieIn(text, name string) (value string, ok bool) {
	text = strings.Trim(strings.TrimSpace(text), quotes)
	if header, rest, found := strings.Cut(text, ":"); found && isCookieHeader(header) {
		text = strings.TrimSpace(rest)
	}
	peels, sole := "", ""
	for pair := range strings.SplitSeq(text, ";") {
		pair = strings.TrimSpace(pair)
		p := ParsePair(pair)
		p.Value = strings.Trim(p.Value, quotes)
		if p.Name == name {
			return p.Value, true
		}
		for _, candidate := range []string{pair, p.Value} {
			if _, ok := Peel(candidate); ok && peels == "" {
				peels = candidate
			}
		}
		if sole == "" && !strings.Contains(strings.TrimRight(pair, "="), "=") {
			sole = pair
		}
	}
	if peels != "" {
		return peels, true
	}
	return sole, sole != "" && !strings.Contains(text, ";")
}

func isCookieHeader(name string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	return name == "cookie" || name == "set-cookie"
}
