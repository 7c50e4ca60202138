package app

import "testing"

// The cookie that says which browser pinned is counted alike wherever cookies are counted.
func TestPinsCookieIsCounted(t *testing.T) {
	l := newLab(t)
	l.press("/set", "key", "name", "value", "Rahim")
	l.press("/pin").story(map[string][]string{
		"browser": {"no other cookie came, 1 was set"}, "wire": {"-pins="}, "moment": {"neither the browser's session cookie nor"},
	})
	l.press("/flush")
	l.press("/flush", "start-over", "1").want(200, "the cookie that says which browser pinned").story(map[string][]string{
		"browser": {"carried 1 other cookie, listed under “What scripts see”", "What scripts see · 1 other cookie came"}, "wire": {"no session cookie to read"},
	})
}

// A browser that has a pinned copy is not told to pin one.
func TestDropWithAPin(t *testing.T) {
	l := newLab(t)
	l.press("/set", "key", "name", "value", "Rahim")
	l.press("/pin")
	l.press("/drop-cookie").want(200, "Put back makes a pinned copy the cookie of this browser again").wantNo("Pin a copy first")
}

// A new ID has a new version too, and a move into the cookie takes a record away.
func TestChangesOfANewIDAndAMove(t *testing.T) {
	l := newLab(t)
	l.press("/set", "key", "name", "value", "Rahim")
	l.press("/cycle-id").want(200, "The hash of the ID").story(map[string][]string{"moment": {"version 1 → 2"}})
	l.press("/placement", "placement", "cookie").story(map[string][]string{"moment": {"live records 1 → 0"}})
}
