package show

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// namedFields are the fields that a sentence names. It counts the others.
var namedFields = map[string]bool{"Cookie": true, "Set-Cookie": true, "Content-Type": true, "Location": true, "Retry-After": true, "Accept": true, "User-Agent": true}

// against says which fields of both heads differ from the exchange before, or "" when there
// was no exchange before.
func against(s trace.Seen) string {
	if s.Beside.N == 0 {
		return ""
	}
	var says []string
	request, _ := withoutPage(s.Request.Fields)
	same := s.Beside.Same
	for _, f := range s.Request.Fields { // the page's own fields are not shown
		if f.Diff == trace.Same && ofPage(f) {
			same--
		}
	}
	if said := differing(request); said != "" {
		says = append(says, "request: "+said)
	}
	if said := differing(s.Answer.Fields); said != "" {
		says = append(says, "response: "+said)
	}
	if len(says) == 0 {
		return fmt.Sprintf("Compared with exchange %d, no header changed.", s.Beside.N)
	}
	return fmt.Sprintf("Compared with exchange %d, %s. The other %d headers are the same.", s.Beside.N, strings.Join(says, "; "), same)
}

// differing says which fields of one head differ.
func differing(fields []trace.Field) string {
	names := make(map[trace.Diff][]string)
	for _, cookies := range []bool{true, false} { // what counts comes first
		for _, f := range fields {
			if name := canonical(f); (name == "Cookie" || name == "Set-Cookie") == cookies {
				names[f.Diff] = append(names[f.Diff], f.Name)
			}
		}
	}
	var says []string
	for _, diff := range []trace.Diff{trace.Changed, trace.New, trace.Gone} {
		if len(names[diff]) > 0 {
			says = append(says, string(diff)+" "+someOf(names[diff]))
		}
	}
	return strings.Join(says, "; ")
}

// someOf names those of namedFields, and counts the others.
func someOf(names []string) string {
	names = slices.Compact(names)
	all := len(names)
	names = slices.DeleteFunc(names, func(name string) bool { return !namedFields[canonical(trace.Field{Name: name})] })
	switch rest := all - len(names); {
	case len(names) == 0:
		return strconv.Itoa(rest)
	case rest > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(names, ", "), rest)
	}
	return strings.Join(names, ", ")
}
