package experiment

import (
	"fmt"
	"strconv"
	"strings"
)

// Plain keeps words from outside from being read as markup.
func Plain(s string) string {
	return strings.NewReplacer("`", "ˋ", "{", "❴", "}", "❵").Replace(s)
}

// Count returns n and its noun: one for 1, many for any other number.
func Count(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Fact is a cell that says yes or no, where neither is good news or bad.
func Fact(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// YesNo is a cell that says yes or no, as good news when yes equals
// good.
func YesNo(yes, good bool) string {
	if yes == good {
		return "{ok " + Fact(yes) + "}"
	}
	return "{bad " + Fact(yes) + "}"
}

// Code shows words from outside as they are. The mark that ends code is replaced in them.
func Code(s string) string { return "`" + strings.ReplaceAll(s, "`", "ˋ") + "`" }

// Comma writes n as people read it: 65,536.
func Comma(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
