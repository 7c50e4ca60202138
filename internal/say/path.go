package say

import (
	"strings"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// pathLike tells whether a key looks like a path into the value of another key, as in
// cart['items'][0] or user.name: whoever writes it may mean that value. root is the key at the
// path's beginning. A dot is usual in a key, and empty brackets end the name of a list in some
// forms: they make a path only if the session has that other key.
func pathLike(key string, s trace.Session) (root string, is bool) {
	for i := 1; i < len(key); i++ { // the longest key that is there
		if key[i] != '.' && key[i] != '[' {
			continue
		}
		if _, has := s.Find(key[:i]); has {
			root, is = key[:i], true
		}
	}
	if is {
		return root, true
	}
	root, rest, found := strings.Cut(key, "[")
	inside, _, closed := strings.Cut(rest, "]")
	return root, found && closed && root != "" && inside != ""
}

// noPath says that a key is a name, and no path into the value of root; there says what
// became of root if it is a key of the session.
func noPath(root string, s trace.Session, there string) []Part {
	if _, has := s.Find(root); !has {
		return []Part{Text(" A key is a name, and no path: there is no key "), Code(root), Text(".")}
	}
	return []Part{Text(" A key is a name, and no path: "), Code(root), Text(there)}
}
