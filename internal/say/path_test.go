package say

import (
	"testing"

	"github.com/sessionscope/sessionscope/internal/session"
)

// A learner would believe that a part of a value was set, when a key of another name was; or
// be warned of a dot that is meant.
func TestKeysThatLookLikePaths(t *testing.T) {
	t.Parallel()
	s := sessionOf(now, session.Hybrid, riding("user", "{}"), riding("cart", "{}"), riding("a.b", "{}"), riding("tags", "[]"))
	for _, test := range []struct {
		key, root string
		is        bool
	}{
		{"cart['items'][0]['qty']", "cart", true}, {`cart["items"]`, "cart", true}, {"list[0]", "list", true}, {"session['name']", "session", true},
		{"user.name", "user", true}, {"cart.items[0]", "cart", true}, {"a.b.c", "a.b", true}, {"a.b[1]", "a.b", true}, {"tags[]", "tags", true},
		{key: "name"}, {key: "shop.name"}, {key: "users.name"}, {key: ".user"}, {key: "[0]"}, {key: "a.c"}, {key: "items[]"}, {key: "5]3["}, {key: "user"}, {key: "a[b"}, {key: "v1.2"}, {key: ""},
	} {
		root, is := pathLike(test.key, s)
		if is != test.is || is && root != test.root {
			t.Errorf("%q: root %q, %t; want %q, %t", test.key, root, is, test.root, test.is)
		}
	}
}
