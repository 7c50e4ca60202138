package app

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
)

// maxChecked is the longest text in which a cookie is looked for, in bytes: a head may be as
// long.
const maxChecked = 32 << 10

// checkValue is the ID of the field that a refusal of check names.
const checkValue = "check-value"

// check is POST /check: it compares a cookie that somebody has copied with the one that came. The
// copied text may have other programs' cookies: no exchange keeps it.
func (a *App) check(c *call) (out outcome, err error) {
	text, err := field(c.form, "cookie")
	if err != nil {
		return out, err
	}
	name := c.seat.Engine.CookieName()
	value, found := session.CookieIn(text, name)
	switch {
	case len(text) > maxChecked:
		return out, &session.InputError{Field: checkValue, Text: fmt.Sprintf("What was pasted has %s bytes: at most %s are looked at.", say.Number(len(text)), say.Number(maxChecked))}
	case strings.TrimSpace(text) == "":
		return out, &session.InputError{Field: checkValue, Text: fmt.Sprintf("Nothing was pasted. Paste the value of the cookie, %s=value, or the whole Cookie or Set-Cookie line.", name)}
	case !found:
		return out, &session.InputError{Field: checkValue, Text: fmt.Sprintf("There is no cookie %s in what was pasted. Paste its value, %s=value, or the whole Cookie or Set-Cookie line.", name, name)}
	}
	came, check := c.kept(), trace.Check{}
	_, check.Came = c.carried()
	if plain, err := url.PathUnescape(value); err == nil && plain != value {
		if _, peels := session.Peel(plain); peels || plain == came {
			value, check.Decoded = plain, true
		}
	}
	check.Bytes, check.CameBytes = len(value), len(came)
	if out.did.Op = "check"; check.Came && value == came {
		check.Verdict, check.Own, out.did.Same = c.session.Verdict(), c.session.Exists(), true
		out.did.Check = &check
		return out, nil
	}
	if check.Came {
		check.Differs = session.Differ(came, value)
		check.Begins = strings.HasPrefix(came, value)
	}
	opened, err := open(c.ctx(), c.seat, value)
	if err != nil {
		return out, err
	}
	check.Verdict = opened.Verdict()
	out.did.Check = &check
	if !opened.Exists() || !c.session.Exists() {
		return out, nil
	}
	of, own := opened.Info().Cookie, c.session.Info().Cookie
	if check.Own = of.RecordKey() == own.RecordKey(); check.Own { // of another session nothing is told
		check.Version, check.CameVersion = of.Envelope().Version, own.Envelope().Version
		check.Signed, check.CameSigned = of.SignedAt(), own.SignedAt()
	}
	return out, nil
}

// appendChecked appends what became of a value that was checked.
func appendChecked(b []byte, x *trace.Check, same bool) []byte {
	b = strconv.AppendBool(append(b, `,"came":`...), x.Came)
	b = strconv.AppendBool(append(b, `,"same":`...), same)
	if x.Differs.Letter > 0 {
		b = strconv.AppendInt(append(b, `,"differs_at":`...), int64(x.Differs.Letter), 10)
	}
	b, _ = jsontext.AppendQuote(append(b, `,"verdict":`...), x.Verdict)
	return strconv.AppendBool(append(b, `,"own_session":`...), x.Own)
}
