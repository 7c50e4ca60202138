package trace

import (
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// Over is what was taken away beside the session, for a page that starts over.
type Over struct {
	Pins     int  // pinned copies of this browser, in all of its tabs
	Owner    bool // the cookie that says which browser pinned
	Readable bool // the readable cookie
}

// Check is what a value is that somebody has pasted, beside the session cookie that came. The value
// itself is not kept: it may be another browser's cookie.
type Check struct {
	Came      bool // a session cookie came
	Bytes     int  // the size of the pasted value
	CameBytes int
	Decoded   bool               // %-escapes were decoded in the pasted value
	Begins    bool               // the pasted value is the beginning of the one that came
	Differs   session.Difference `json:",omitzero"` // of the pasted value from the one that came
	Verdict   session.Verdict    // on the pasted value
	Own       bool               // both values open the same session

	// Only of a value that opens the same session: their versions, 0 with placement server, and
	// when they were signed.
	Version, CameVersion uint64
	Signed, CameSigned   time.Time `json:",omitzero"`
}
