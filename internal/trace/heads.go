package trace

import (
	"cmp"
	"slices"
	"strings"
)

// CompareHeads compares both heads of x with the heads of before, the last exchange of the same
// sender. It marks the fields that differ, adds the fields that only before has, and returns
// how many fields are the same. It marks a copy of the fields: other exchanges that share x's
// fields stay as they are.
func (x *Exchange) CompareHeads(before *Exchange) (same int) {
	same = compareFields(&x.Request.Fields, before.Request.Fields, true)
	return same + compareFields(&x.Answer.Fields, before.Answer.Fields, x.Answer.Finished && before.Answer.Finished)
}

// compareFields compares the head now with the earlier head was, for CompareHeads. Lines of one
// name are compared together, and lines Set-Cookie by the name of the cookie. whole tells that now has all its lines: otherwise a line that is
// missing may still come, and is not marked as gone.
func compareFields(now *[]Field, was []Field, whole bool) (same int) {
	head := slices.Clone(*now)
	names, old := byName(head), byName(was)
	gone := make([]bool, len(was))
	for len(names) > 0 || len(old) > 0 {
		lines, before := sameName(head, &names, was, &old)
		diff := Same
		switch {
		case len(lines) == 0:
			for _, i := range before {
				gone[i] = true
			}
			continue
		case len(before) == 0:
			diff = New
		case !alike(head, lines, was, before):
			diff = Changed
		default:
			same += len(lines)
		}
		for _, i := range lines {
			if head[i].Diff != Gone {
				head[i].Diff = diff
			}
		}
	}
	for i, f := range was {
		if whole && gone[i] {
			f.Diff = Gone
			head = append(head, f)
		}
	}
	*now = head
	return same
}

// byName returns the indexes of fields in the order of their names. A head may have thousands
// of lines, and comparing each line with every other would take seconds.
func byName(fields []Field) []int {
	order := make([]int, len(fields))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compareNames(&fields[i], &fields[j]) })
	return order
}

// compareNames orders fields by their names, and lines Set-Cookie by the names of their cookies.
func compareNames(a, b *Field) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.CookieName(), b.CookieName()))
}

// CookieName is the name of the cookie that a line Set-Cookie sets, "" for any other line.
func (f *Field) CookieName() string {
	if len(f.Pieces) == 0 || !strings.EqualFold(f.Name, "Set-Cookie") {
		return ""
	}
	name, _, _ := strings.Cut(f.Pieces[0].Text, "=")
	return name
}

// Drops tells whether f is a line Set-Cookie that makes the browser drop the cookie.
func (f *Field) Drops() bool {
	if f.CookieName() == "" {
		return false
	}
	for a := range strings.SplitSeq(f.Pieces[len(f.Pieces)-1].Text, ";") {
		if strings.EqualFold(strings.TrimSpace(a), "Max-Age=0") {
			return true
		}
	}
	return false
}

// sameName takes from both orders the lines of the name that comes first.
func sameName(a []Field, as *[]int, b []Field, bs *[]int) (ofA, ofB []int) {
	var first *Field
	if len(*as) > 0 {
		first = &a[(*as)[0]]
	}
	if len(*bs) > 0 && (first == nil || compareNames(&b[(*bs)[0]], first) < 0) {
		first = &b[(*bs)[0]]
	}
	return takeName(a, as, first), takeName(b, bs, first)
}

func takeName(fields []Field, order *[]int, like *Field) (taken []int) {
	n := 0
	for n < len(*order) && compareNames(&fields[(*order)[n]], like) == 0 {
		n++
	}
	taken, *order = (*order)[:n], (*order)[n:]
	return taken
}

// alike tells whether lines as of a and lines bs of b have the same values.
func alike(a []Field, as []int, b []Field, bs []int) bool {
	if len(as) != len(bs) {
		return false
	}
	for n := range as {
		if !slices.EqualFunc(a[as[n]].Pieces, b[bs[n]].Pieces, samePiece) {
			return false
		}
	}
	return true
}

// samePiece tells whether two pieces say the same. The header that carries a visit's secret also
// carries the number of a moment, so that its size differs from press to press.
func samePiece(a, b Piece) bool {
	return a.Kind == b.Kind && a.Text == b.Text && (a.Bytes == b.Bytes || a.Kind == Secret)
}
