package shelf

import (
	"bytes"
	"encoding/base64"
	"strings"

	"github.com/sessionscope/sessionscope/internal/session"
)

// longValue is a value of 600 bytes: too long for a hybrid session's cookie.
var longValue = strings.Repeat("0123456789", 60)

// cookieSize is what browsers count of a cookie: its name and its value.
func cookieSize(name, value string) int { return len(name) + len(value) }

// lettersOf returns the letters of a cookie's value that carry text in the payload, where
// text stands under two layers of base64; "" if the payload does not have text.
func lettersOf(cookie, text string) string {
	l, _ := session.Peel(cookie)
	raw, err := base64.URLEncoding.DecodeString(l.Payload)
	at := bytes.Index(raw, []byte(text))
	if err != nil || at < 0 {
		return ""
	}
	// Base64 makes four letters of three bytes: a text that begins or ends within three bytes takes their other bytes along.
	letters := func(from, to int) (int, int) { return from / 3 * 4, (to + 2) / 3 * 4 }
	from, to := letters(at, at+len(text))
	before := len(l.Time) + len("|")
	from, to = letters(before+from, before+to)
	return cookie[from:min(to, len(cookie))]
}
