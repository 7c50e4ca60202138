package e2e

import "regexp"

// knownProblem is a contradiction that the program's pages still have.
type knownProblem struct {
	words string // a regular expression for the problem
	rare  bool   // a run may miss it: it depends on what comes first, or on a tool
	found bool
	re    *regexp.Regexp
}

// known are the contradictions that are to be mended. One that is found no more must leave
// this list.
var known = []*knownProblem{}

// isKnown tells whether a problem is in the list, and marks it as found.
func isKnown(problem string) bool {
	for _, f := range known {
		if f.re == nil {
			f.re = regexp.MustCompile(f.words)
		}
		if f.re.MatchString(problem) {
			f.found = true
			return true
		}
	}
	return false
}
