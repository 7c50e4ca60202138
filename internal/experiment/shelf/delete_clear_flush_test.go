package shelf_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var deleteClearFlush = proof{
	slug: "delete-clear-flush",
	cases: []testCase{
		{chosen: "placement=hybrid", happened: "three-things", says: []string{"Of 3 keys, delete left 2 and clear none", "still read name", "note | version 3"}, witness: threePresses("city name note", "", "")},
		{chosen: "placement=cookie", happened: "three-things", says: []string{"name after delete, 3 keys after clear", "none, then a marker: this ID has ended"}, witness: threePresses("city name note", "city name note", "")},
		{chosen: "placement=server", happened: "three-things", says: []string{"2 keys and 0 keys", "flush | nothing | version 3"}, witness: threePresses("city note", "", "")},
	},
	controls: []control{
		{chosen: "placement=hybrid", happened: "clear-ends-it", handler: rerouted("/clear", "/flush")},
		{chosen: "placement=cookie", happened: "session-stays", handler: rerouted("/flush", "/clear")},
		{chosen: "placement=server", happened: experiment.None, store: func(b session.Backend) session.Backend { return undeletable{b} }},
	},
}

func TestDeleteClearFlush(t *testing.T) { deleteClearFlush.run(t) }

// threePresses sees what each press leaves, and what the cookie of before still reads.
func threePresses(deleted, cleared, flushed string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		for _, want := range []struct{ path, left, replay string }{{"/delete", "city note", deleted}, {"/clear", "", cleared}, {"/flush", "", flushed}} {
			i := slices.IndexFunc(all, func(s seen) bool { return s.path == want.path })
			if i < 1 || i+2 >= len(all) {
				t.Fatalf("no %s between others", want.path)
			}
			before, press, after, replay := all[i-1], all[i], all[i+1], all[i+2]
			sessionIn := func(s seen) (exists bool, id string) {
				of, _ := s.answer["session"].(map[string]any)
				exists, _ = of["exists"].(bool)
				id, _ = of["id"].(string)
				return exists, id
			}
			keys := func(s seen) string { return strings.Trim(fmt.Sprint(s.answer["keys"]), "[]") }
			_, oldID := sessionIn(before)
			exists, id := sessionIn(after)
			opened, _ := sessionIn(replay)
			ends := want.path == "/flush"
			if keys(before) != "city name note" || keys(after) != want.left || exists == ends || exists && id != oldID {
				t.Errorf("%s: before %s, after %s", want.path, before.body, after.body)
			}
			if thrown := strings.Contains(press.setCookie, "=; ") && strings.Contains(press.setCookie, "Max-Age=0"); thrown != ends || (after.cookie == "") != ends {
				t.Errorf("%s: Set-Cookie %q, and then Cookie %q", want.path, press.setCookie, after.cookie)
			}
			if replay.cookie != press.cookie || press.cookie == "" || opened == ends || keys(replay) != want.replay {
				t.Errorf("%s: the cookie of before: %s", want.path, replay.body)
			}
		}
	}
}

// undeletable is a store that forgets to delete.
type undeletable struct{ session.Backend }

func (undeletable) Delete(context.Context, session.Key) error { return nil }
