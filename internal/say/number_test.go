package say

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// A moment of another day would be shown without its date.
func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for _, test := range []struct {
			at   time.Time
			want string
		}{
			{now, now.Local().Format("15:04:05")},
			{now.In(time.FixedZone("", 9*60*60)), now.Local().Format("15:04:05")},
			{now.AddDate(-1, 0, 0), now.AddDate(-1, 0, 0).Local().Format("2006-01-02 15:04:05")},
			{now.AddDate(0, 0, 3), now.AddDate(0, 0, 3).Local().Format("2006-01-02 15:04:05")},
		} {
			if got := Clock(test.at); got != test.want {
				t.Errorf("%v: %q, want %q", test.at, got, test.want)
			}
		}
	})
}

// A number would be rounded, grouped or counted wrongly.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ got, want string }{
		{Left(-time.Second), "0 s"}, {Left(0), "0 s"}, {Left(1), "1 s"}, {Left(time.Second), "1 s"}, {Left(time.Second + 1), "2 s"},
		{Left(59 * time.Second), "59 s"}, {Left(time.Minute), "1 m 0 s"}, {Left(8*time.Hour + 1), "8 h 0 m 1 s"}, {Left(100 * time.Hour), "100 h 0 m 0 s"},
		{Number(0), "0"}, {Number(-1), "-1"}, {Number(999), "999"}, {Number(-999), "-999"}, {Number(1000), "1,000"}, {Number(-1000), "-1,000"}, {Number(1234567), "1,234,567"},
		{Size(0), "0 B"}, {Size(9_999), "9,999 B"}, {Size(10_000), "10 kB"}, {Size(9_999_999), "9999 kB"}, {Size(10_000_000), "10 MB"},
		{Bytes(1), "1 B"}, {Bytes(70_002), "70,002 B"},
		{Seconds(time.Second), "1 second"}, {Seconds(0), "0 seconds"}, {Seconds(time.Hour), "3,600 seconds"},
		{Milliseconds(0), "0.0 ms"}, {Milliseconds(1540 * time.Microsecond), "1.5 ms"}, {Milliseconds(10 * time.Millisecond), "10 ms"}, {Milliseconds(2 * time.Second), "2000 ms"},
		{Plural(1, "key", "keys"), "key"}, {Plural(0, "key", "keys"), "keys"}, {Plural(2, "key", "keys"), "keys"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}

// A visitor's text would reorder the sentence around it, or break in the middle of a character.
func TestShown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ got, want string }{
		{Shown("", 5), ""}, {Shown("Rahim", 5), "Rahim"}, {Shown("Rahims", 5), "Rahim… (6 B in all)"},
		{Shown("né", 2), "n… (3 B in all)"}, {Shown("€", 2), "… (3 B in all)"}, // whole letters
		{Shown("a\u202eb\x00\n", 20), `a\u202eb\u0000` + "\n"}, {Shown("a\xffb", 20), "a\ufffdb"},
		{ShownText(trace.Cut("Rahim", 400), 5), "Rahim"}, {ShownText(trace.Cut("Rahims", 400), 5), "Rahim… (6 B in all)"},
		{ShownText(trace.Cut(strings.Repeat("a", 1000), 400), 3), "aaa… (1,000 B in all)"},
		{ShownText(trace.Cut("Rahims", 5), 80), "Rahim… (6 B in all)"}, // of which no more is kept
		{List(trace.KeysOf(nil)), ""}, {List(trace.KeysOf([]string{"a", "b"})), "a, b"},
		{List(trace.KeysOf(strings.Split("a b c d e f g h i j k l m n", " "))), "a, b, c, d, e, f, g, h, i, j, k, l and 2 more"},
		{List(trace.KeysOf([]string{strings.Repeat("a", 399), "bcd"})), strings.Repeat("a", 399) + ",… (404 B in all)"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
