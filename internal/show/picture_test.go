package show

import (
	"slices"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// A picture that was drawn for one exchange is shown for another only if it would look the
// same: otherwise a page would show figures of other moments.
func TestPicturesAreShared(t *testing.T) { // not parallel: the picture that was drawn last is one for all
	now := noon()
	points := []trace.Point{{At: now.Add(-2 * time.Minute), Live: 1}, {At: now.Add(-time.Minute), Live: 2}}
	f := trace.Figures{Known: true, Plot: points}
	first := pictureOf(&f, now)
	if again := pictureOf(&f, now.Add(pictureLife-1)); again != first || drawn.Load().plot != first {
		t.Error("the same picture is drawn again")
	}
	for name, c := range map[string]struct {
		f   trace.Figures
		now time.Time
	}{
		"later":          {f, now.Add(time.Minute)},
		"earlier":        {f, now.Add(-time.Minute)},
		"a point less":   {trace.Figures{Plot: points[:1]}, now},
		"the last alone": {trace.Figures{Plot: points[1:]}, now},
		"one more now":   {trace.Figures{Plot: points, Last: trace.Point{At: now, Live: 3}}, now},
	} {
		pictureOf(&f, now)
		if got, want := pictureOf(&c.f, c.now), plot(c.f.Points(), c.now); got != want || got == first {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	if !slices.Equal(f.Points(), points) {
		t.Error("drawing changed the points")
	}
}
