package shelf_test

import (
	"slices"
	"strings"
	"testing"
)

// factColumns are the columns that say what travelled or lies in the store.
var factColumns = []string{"cookie sent", "with a cookie", "Set-Cookie", "new cookie in between"}

// A cookie that travels as it should would stand there as bad news.
func TestWhatTravelsIsNoNews(t *testing.T) {
	t.Parallel()
	for _, slug := range []string{"born-on-first-write", "log-out-then-replay", "rotate-the-secret", "two-tabs", "save-after-write"} {
		t.Run(slug, func(t *testing.T) {
			t.Parallel()
			cells := 0
			for _, table := range run(t, slug, "", nil).Outcome.Tables {
				for at, head := range table.Head {
					if !slices.Contains(factColumns, head) {
						continue
					}
					for _, row := range table.Rows {
						if cells++; strings.ContainsAny(row[at], "{}") {
							t.Errorf("%s, %s: %s", row[0], head, row[at])
						}
					}
				}
			}
			if cells == 0 {
				t.Error("it has no such column any more")
			}
		})
	}
}
