package say

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// Clock shows a moment in the server's time zone: its date only when it is not today's.
func Clock(t time.Time) string {
	t = t.Local()
	if now := time.Now(); t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return t.Format("2006-01-02 15:04:05")
	}
	return t.Format("15:04:05")
}

// Left shows a duration as people count down: whole seconds, rounded up, so that "0 s"
// means over.
func Left(d time.Duration) string {
	if d <= 0 {
		return "0 s"
	}
	s := int((d + time.Second - 1) / time.Second)
	switch {
	case s >= 3600:
		return fmt.Sprintf("%d h %d m %d s", s/3600, s/60%60, s%60)
	case s >= 60:
		return fmt.Sprintf("%d m %d s", s/60, s%60)
	}
	return fmt.Sprintf("%d s", s)
}

// Seconds shows a duration in whole seconds: "1 second", "3,600 seconds".
func Seconds(d time.Duration) string {
	n := int(d / time.Second)
	return Number(n) + " " + Plural(n, "second", "seconds")
}

// Milliseconds shows how long an answer took.
func Milliseconds(d time.Duration) string {
	if ms := d.Seconds() * 1000; ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// Number groups the digits of n by three.
func Number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Size shows n bytes: in kB from 10,000 on, in MB from 10,000,000 on.
func Size(n int64) string {
	switch {
	case n < 10_000:
		return Bytes(int(n))
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

// Bytes shows n bytes exactly.
func Bytes(n int) string { return Number(n) + " B" }

// Plural returns one when n is 1, and many for every other n.
func Plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// counted shows n and the noun for it: "1 key", "3 keys".
func counted(n int, one, many string) string {
	return fmt.Sprintf("%d %s", n, Plural(n, one, many))
}

// Shown prepares a visitor's text for the screen: at most n bytes, whole characters,
// and invisible characters, which could reorder the sentence around them, as escapes.
func Shown(s string, n int) string { return shown(s, n, len(s)) }

// ShownText is Shown for a text of which only the beginning is kept.
func ShownText(t trace.Text, n int) string { return shown(t.Start, n, t.Bytes) }

// shown is Shown for a text that has whole bytes and begins with s.
func shown(s string, n, whole int) string {
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	tail := ""
	if whole > len(s) {
		tail = "… (" + Bytes(whole) + " in all)"
	}
	escaped := func(r rune) bool { return session.Unseen(r) && r != '\n' }
	if utf8.ValidString(s) && !strings.ContainsFunc(s, escaped) {
		return s + tail
	}
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\ufffd") {
		if escaped(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String() + tail
}

// maxList is how much of a list of keys is shown, in bytes.
const maxList = 400

// List names the first of k, and counts the others.
func List(k trace.Keys) string {
	more := ""
	if n := k.Count - len(k.First); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return Shown(strings.Join(k.First, ", "), maxList) + more
}
