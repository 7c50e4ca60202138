package show

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// peeled shows the three parts under a cookie's outer base64, as of now. check adds
// the verdict on the signature.
func peeled(l session.Layers, now time.Time) *views.Layers {
	signed := l.SignedAt()
	ahead := ""
	if signed.After(now) {
		ahead = "in the future"
	}
	return &views.Layers{
		Time: say.Shown(l.Time, maxName), Payload: say.Shown(l.Payload, maxCookie), Signature: base64.URLEncoding.EncodeToString(l.Signature),
		TimeBytes: say.Bytes(len(l.Time)), PayloadBytes: say.Bytes(len(l.Payload)), SignatureBytes: say.Bytes(len(l.Signature)),
		SignedAt: say.Clock(signed), Ahead: ahead,
	}
}

// check says what the server found out about the signature.
func check(l *views.Layers, s trace.Seen) {
	switch c := s.Cookie; {
	case s.Store.Down:
		l.Verdict = "not checked"
	case c.Key > 0:
		l.Valid, l.Verdict, l.Key = true, "valid", fmt.Sprintf("%d of %d", c.Key, c.Keys)
	default:
		l.Verdict = "does not fit"
	}
}

// payload shows what lies under the inner base64.
func payload(l *views.Layers, e session.Envelope) {
	l.Keys, l.Values = say.List(trace.KeysOf(e.Keys)), say.Shown(e.Values, maxShown)
	l.Fields = []views.Field{
		{Name: "placement", Value: e.Placement.String()},
		{Name: "session ID", Value: say.Shown(e.ID, maxName)},
		{Name: "its SHA-256", Value: session.KeyOf(e.ID).Name().String() + "…"},
		{Name: "version", Value: versionOf(e)},
		{Name: "created", Value: say.Clock(e.Created)},
		{Name: "deadline", Value: say.Clock(e.Deadline)},
	}
}

func versionOf(e session.Envelope) string {
	if e.Placement == session.OnServer {
		return "none: the record has it"
	}
	return strconv.FormatUint(e.Version, 10)
}
