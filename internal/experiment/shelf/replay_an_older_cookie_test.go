package shelf_test

import (
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var replayAnOlderCookie = proof{
	slug: "replay-an-older-cookie",
	cases: []testCase{
		{chosen: "placement=hybrid", happened: "back", says: []string{"10 after it was 5", "version 2", "version 1", "4 purchases of 5, from a credit of 10, and the run stopped there"}, witness: creditAfter(10, 4)},
		{chosen: "placement=cookie", happened: "back", says: []string{"10 after it was 5", "4 purchases of 5"}, witness: creditAfter(10, 4)},
		{chosen: "placement=server", happened: "spent", says: []string{"Spent is spent", "letter by letter", "2 purchases of 5"}, witness: creditAfter(5, 2)},
	},
	controls: []control{
		{chosen: "placement=cookie", happened: "refused", handler: passing(func(issued []string, sent string) (string, int) { // only the last cookie
			if sent != issued[len(issued)-1] {
				return "", 0
			}
			return sent, 0
		})},
		{chosen: "placement=hybrid", happened: "spent", handler: passing(func(issued []string, sent string) (string, int) {
			return issued[len(issued)-1], 0 // of whatever was sent
		})},
		{chosen: "placement=server", happened: experiment.None, handler: passing(func(issued []string, sent string) (string, int) { return "", 0 })},
	},
}

func TestReplayAnOlderCookie(t *testing.T) { replayAnOlderCookie.run(t) }

// creditAfter expects a credit with the older cookie, and so many purchases.
func creditAfter(credit float64, bought int) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		given, spent, back := all[0], all[3], all[4]
		if given.form.Get("value") != "10" || spent.answer["value"] != 5.0 {
			t.Errorf("given %v, after the purchase %s", given.form, spent.body)
		}
		if back.cookie != given.sent() || back.answer["value"] != credit {
			t.Errorf("with the older cookie: %s", back.body)
		}
		writes := 0
		for _, s := range all[1:] {
			if s.path == "/set" && s.status == 200 {
				writes++
			}
		}
		if writes != bought {
			t.Errorf("%d purchases, want %d", writes, bought)
		}
	}
}
