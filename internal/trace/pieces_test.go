package trace

import (
	"runtime"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/seat"
)

// Comparing a cookie header of thousands of pieces takes one pass. When each piece was copied for every
// other, one request took the server seconds.
func TestManyPiecesCostLittle(t *testing.T) {
	head := []string{"Cookie: " + strings.Repeat(";", 30_000)}
	before := Exchange{Request: Request{Fields: Fields(head, func(string) seat.Kind { return seat.Other })}}
	x := before
	var was, is runtime.MemStats
	runtime.ReadMemStats(&was)
	if same := x.CompareHeads(&before); same != 1 {
		t.Errorf("%d fields are the same", same)
	}
	runtime.ReadMemStats(&is)
	if mb := (is.TotalAlloc - was.TotalAlloc) >> 20; mb > 64 {
		t.Errorf("comparing a header of 30 kB took %d MB", mb)
	}
}

// A cookie's name that was cut says so: two cookies with one beginning would look like one.
func TestCutNamesSaySo(t *testing.T) {
	long := strings.Repeat("n", 300)
	fields := Fields([]string{"Cookie: " + long + "=v"}, func(string) seat.Kind { return seat.Other })
	name := fields[0].Pieces[0].Text
	if !strings.HasSuffix(name, "… (300 B in all)=") || len(name) > maxName+1 {
		t.Errorf("the name is %q", name)
	}
	if got := cut("é"+strings.Repeat("a", 100), 30); got != "é"+strings.Repeat("a", 10)+"… (102 B in all)" {
		t.Errorf("cut: %q", got)
	}
	if got := cut("short", 5); got != "short" {
		t.Errorf("cut: %q", got)
	}
}

// A field that opens a visit is not kept, however its name is written: %70age is page.
func TestEncodedNamesOfSecretFields(t *testing.T) {
	for _, form := range []string{"page=SECRET", "%70age=SECRET", "%70%61%67%65=SECRET", "a=b&%78=SECRET"} {
		for _, p := range formPieces(form, nil) {
			if strings.Contains(p.Text, "SECRET") {
				t.Errorf("of %s is kept %q", form, p.Text)
			}
		}
		if name, _, _ := strings.Cut(form, "="); OpensVisit(name) == (name == "a") {
			t.Errorf("%s: %t", name, OpensVisit(name))
		}
	}
	if got := formPieces("a=SECRET", nil); len(got) != 1 || got[0].Text != "a=SECRET" {
		t.Errorf("of a=SECRET is kept %v", got)
	}
}

// What was pasted, to be checked, may be a line with other programs' cookies: nothing of it is kept.
func TestWhatIsCheckedIsNotKept(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"cookie=SECRET", "c%6fokie=SECRET&a=b", "a=b&cookie=" + strings.Repeat("SECRET", maxText), "cookie=1&cookie=SECRET"} {
		for _, p := range bodyPieces("/check", form) {
			if strings.Contains(p.Text, "SECRET") {
				t.Errorf("of %.40s is kept %q", form, p.Text)
			}
		}
		if got := bodyPieces("/set", form); !strings.Contains(got[0].Text, "SECRET") {
			t.Errorf("the control: of a value that is set is kept %+v", got)
		}
	}
}
