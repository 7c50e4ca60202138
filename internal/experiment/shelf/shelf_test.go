package shelf_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment/shelf"
)

// keptIDs are the IDs that were given out. A new experiment adds its line.
var keptIDs = map[string]int{
	"born-on-first-write": 1, "missing-is-not-an-error": 2, "delete-clear-flush": 3, "expired-is-not-cleared": 4, "two-clocks": 5,
	"closes-with-the-browser": 6, "flash-message": 7, "cookie-hybrid-server": 8, "the-4096-byte-wall": 9, "restart": 10,
	"stores-through-a-restart": 11, "three-witnesses": 12, "signed-is-not-secret": 13, "change-one-letter": 14,
	"crack-a-weak-secret": 15, "log-out-then-replay": 16, "a-deleted-id-comes-back": 17, "fixation": 18, "a-stolen-cookie": 19,
	"guess-the-next-id": 20, "rotate-the-secret": 21, "replay-an-older-cookie": 22, "two-tabs": 23, "save-after-write": 24,
	"normal-lax-strict": 25, "secure-on-plain-http": 26, "matrix": 27, "count-to-five": 28,
}

// Each experiment has an ID of its own, and an ID that was given out stays. Otherwise the
// progress of one experiment is shown for another.
func TestIDs(t *testing.T) {
	all, err := shelf.Open()
	if err != nil {
		t.Fatal(err)
	}
	of := make(map[int]string)
	for _, e := range all.All() {
		if other, taken := of[e.ID]; taken {
			t.Errorf("%s and %s have the ID %d", other, e.Slug, e.ID)
		}
		of[e.ID] = e.Slug
		if keptIDs[e.Slug] == 0 {
			t.Errorf("keptIDs has no line for %s, with the ID %d", e.Slug, e.ID)
		}
		if e.ID < 1 || e.ID > len(all.All()) {
			t.Errorf("%s has the ID %d: IDs go from 1 to the number of experiments, %d", e.Slug, e.ID, len(all.All()))
		}
	}
	for slug, id := range keptIDs {
		if of[id] != slug {
			t.Errorf("the ID %d is kept for %s, and names %q", id, slug, of[id])
		}
	}
}

// The README says how many experiments there are. Otherwise it is untrue after the next one.
func TestTheReadmeCountsTheExperiments(t *testing.T) {
	all, err := shelf.Open()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("a shelf of %d questions", len(all.All())); !strings.Contains(string(readme), want) {
		t.Errorf("README.md does not say %q", want)
	}
}
