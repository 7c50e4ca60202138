package shelf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var countToFive = proof{
	slug: "count-to-five",
	cases: []testCase{
		{chosen: "placement=hybrid", happened: "same-session", says: []string{"versions 1 to 7", "with 0 keys in it", "got new bytes 6 times", "and read 5"}, witness: sixPresses(true)},
		{chosen: "placement=cookie", happened: "same-session", says: []string{"versions 1 to 7", "with 0 keys in it", "got new bytes 6 times", "and read 5"}, witness: sixPresses(true)},
		{chosen: "placement=server", happened: "same-session", says: []string{"versions 1 to 7", "with 0 keys in it", "byte for byte", "and read 1"}, witness: sixPresses(false)},
	},
	controls: []control{
		{chosen: "placement=hybrid", happened: "new-session", handler: rerouted("/delete", "/flush")},
		{chosen: "placement=cookie", happened: "session-a-press", handler: answering(dropCookies)},
		{chosen: "placement=server", happened: experiment.None, handler: unwritten("/delete", 1)},
		{happened: experiment.None, says: "Not every write left a session", handler: unwritten("/set", 1)},
		{happened: experiment.None, says: "Not every write left a session", handler: unwritten("/set", 6)},
		{happened: experiment.None, says: "Its deletion left 1 key", handler: unwritten("/delete", 1)},
	},
}

func TestCountToFive(t *testing.T) { countToFive.run(t) }

// sixPresses sees one session through six presses, and whether its cookie changes
// with every write.
func sixPresses(changes bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var requests, reads, versions []string
		ids, cookies := make(map[any]bool), make(map[string]bool)
		for i, s := range all {
			path, _, _ := strings.Cut(s.path, "?")
			requests = append(requests, strings.TrimPrefix(path, "/"))
			of, _ := s.answer["session"].(map[string]any)
			if i > 0 {
				ids[of["id"]] = true
			}
			switch path {
			case "/get":
				reads = append(reads, fmt.Sprint(s.answer["value"]))
			case "/keys":
				if of["exists"] != true || fmt.Sprint(s.answer["keys"]) != "[]" {
					t.Errorf("after the deletion: %s", s.body)
				}
			default:
				versions = append(versions, fmt.Sprint(of["version"]))
				if sets := s.sent() != ""; sets != (changes || i == 1) {
					t.Errorf("%s: Set-Cookie %q", path, s.setCookie)
				} else if sets {
					cookies[s.sent()] = true
				}
			}
		}
		last := "1" // by the cookie of the fifth press
		if changes {
			last = "5"
		}
		if got := strings.Join(requests, " "); got != strings.Repeat("get set ", 5)+"get delete keys set get" {
			t.Errorf("the requests were %s", got)
		}
		if got := strings.Join(reads, " "); got != "<nil> 1 2 3 4 5 "+last {
			t.Errorf("the page read %s", got)
		}
		if got := strings.Join(versions, " "); got != "1 2 3 4 5 6 7" || len(ids) != 1 {
			t.Errorf("versions %s under the IDs %v", got, ids)
		}
		if want := map[bool]int{true: 7, false: 1}[changes]; len(cookies) != want {
			t.Errorf("%d different cookies, want %d", len(cookies), want)
		}
	}
}
