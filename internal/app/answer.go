package app

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// outcome is what a handler did. Nothing of it is shown before the session is committed.
type outcome struct {
	did  trace.Did
	kept trace.Kept // what it did to the browser's cookies, apart from the engine's own Set-Cookie

	cookies []*http.Cookie // to set, beside the engine's own
	owner   string         // of the pins, if this answer sets the cookie that names it
	opened  *session.Info  // the session behind the cookie that replaces the browser's, mostly nil
	discard bool           // the session is neither saved nor its cookie sent
	copied  *copied        // the exchange of a copy that was sent, mostly nil

	keys     []string // for op "keys"
	messages []string // for op "flashes"
}

// appendJSON appends the JSON answer of out, with the state of s after the commit. It does
// without encoding/json, whose reflection would cost more than the rest of the answer.
func (out *outcome) appendJSON(b []byte, s *session.Session) []byte {
	text := func(name, text string) {
		b = append(append(append(b, ',', '"'), name...), '"', ':')
		b, _ = jsontext.AppendQuote(b, text) // what is not UTF-8 is replaced
	}
	did := &out.did
	b = append(append(append(b, `{"op":"`...), did.Op...), '"')
	switch did.Op {
	case "get", "delete":
		text("key", did.Key)
		b = strconv.AppendBool(append(b, `,"found":`...), did.Found)
	case "set":
		text("key", did.Key)
	case "keys":
		b = appendList(append(b, `,"keys":`...), out.keys)
	case "flashes":
		b = appendList(append(b, `,"messages":`...), out.messages)
	case "flush":
		if did.Away {
			b = out.appendStartOver(b, s)
		}
	case "check":
		b = appendChecked(b, did.Check, did.Same)
	case "clear-expired":
		b = strconv.AppendInt(append(b, `,"removed":`...), int64(did.Count), 10)
	case "expiry":
		if s.Exists() {
			text("expires", s.Info().Expires.Format(time.RFC3339Nano))
		}
	}
	if did.Op == "get" || did.Op == "set" {
		if v, ok := s.Get(did.Key); ok {
			b = append(append(b, `,"value":`...), v...)
			text("type", v.Type())
			b = strconv.AppendInt(append(b, `,"bytes":`...), int64(len(v)), 10)
			text("lives", s.Lives(did.Key))
		} else {
			b = append(b, `,"value":null`...)
		}
	}
	if did.Before != "" {
		text("id_before", did.Before)
	}
	if became := did.Copy; became != nil {
		b = strconv.AppendBool(append(b, `,"accepted":`...), became.Accepted)
		text("verdict", string(became.Verdict))
		if became.Reason != "" {
			text("reason", became.Reason)
		}
		b = strconv.AppendInt(append(b, `,"status":`...), int64(became.Status), 10)
	}
	b = append(out.appendSession(append(b, `,"session":`...), s), "}\n"...)
	if bytes.ContainsAny(b, "<>&") { // never markup, should a script put the answer into a page
		var escaped bytes.Buffer
		json.HTMLEscape(&escaped, b)
		b = escaped.Bytes()
	}
	return b
}

// appendStartOver appends what a page that starts over took away: the names of the cookies that
// the answer ends, and the number of pins.
func (out *outcome) appendStartOver(b []byte, s *session.Session) []byte {
	dropped := []string{}
	if set := s.Info().Sent; set != nil && !out.discard {
		dropped = append(dropped, set.Name)
	}
	for _, cookie := range out.cookies {
		dropped = append(dropped, cookie.Name)
	}
	b = appendList(append(b, `,"dropped":`...), dropped)
	return strconv.AppendInt(append(b, `,"pins_removed":`...), int64(out.did.Over.Pins), 10)
}

// appendSession appends the object "session" of every JSON answer: the session that the browser's
// cookie opens now.
func (out *outcome) appendSession(b []byte, s *session.Session) []byte {
	if info := out.opened; info != nil { // the press made another cookie the browser's
		return appendSessionOf(b, info.ID, info.Verdict, info.Version, info.Placement)
	}
	return appendSessionOf(b, s.ID(), s.Verdict(), s.Version(), s.Placement())
}

// appendSessionOf appends a session. id is "" if there is none.
func appendSessionOf(b []byte, id string, verdict session.Verdict, version uint64, placement session.Placement) []byte {
	b = strconv.AppendBool(append(b, `{"exists":`...), id != "")
	if verdict == session.VerdictStale { // a later cookie may carry values that did not come
		b = append(b, `,"stale":true`...)
	}
	if id != "" {
		b, _ = jsontext.AppendQuote(append(b, `,"id":`...), id)
		b = strconv.AppendUint(append(b, `,"version":`...), version, 10)
		b, _ = jsontext.AppendQuote(append(b, `,"placement":`...), placement.String())
	}
	return append(b, '}')
}

// appendList appends texts as a JSON array.
func appendList(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, text)
	}
	return append(b, ']')
}

// answer commits the session, then renders out: nothing is shown that was not saved. After
// the commit a failure to render does not become an error status.
func (a *App) answer(c *call, out outcome) error {
	s, h := c.session, c.Response().Header()
	if out.discard {
		s.Discard(c.ctx(), "the cookie itself is replaced")
	}
	if err := s.Commit(c.ctx()); err != nil {
		return err
	}
	if s.WriteCookie(h); out.discard {
		h.Del("Set-Cookie")
	}
	for _, cookie := range out.cookies {
		h.Add("Set-Cookie", cookie.String())
	}
	if out.copied != nil { // the moment is the copy's exchange, not this one
		c.quiet()
	}
	if c.wants == formJSON {
		body := out.appendJSON(make([]byte, 0, 512), s)
		a.recordJSON(c, http.StatusOK, &out, body)
		h["Content-Type"] = jsonType
		if len(body) > 2<<10 { // net/http sets the header of shorter answers itself
			h.Set("Content-Length", strconv.Itoa(len(body)))
		}
		c.Response().WriteHeader(http.StatusOK)
		_, err := c.Response().Write(body)
		return err
	}
	err := contain(func() error { return a.showOutcome(c, &out) })
	if c.Request().Method != http.MethodPost {
		return err // a read: an error status denies nothing that was done
	}
	return a.orPlain(c, out.did.Op, err)
}

// showOutcome answers with a page or a fragment. It redirects to the page that shows the
// outcome after a POST without a script, after a press that replaced the browser's cookie,
// and for a press on a page whose visit has ended.
func (a *App) showOutcome(c *call, out *outcome) error {
	elsewhere := c.lost != "" && c.wants == formFragment && !out.did.Asked || out.kept.Put != nil
	if c.wants == formPage && c.Request().Method == http.MethodPost || elsewhere {
		return a.redirect(c, out)
	}
	seen := a.record(c, http.StatusOK, out)
	l := a.labOf(c, seen, out)
	if out.copied != nil {
		l.panels, l.wire = seen, out.copied.seen
		l.curl = out.copied.curl
	}
	return a.writeLab(c, http.StatusOK, l)
}

// maxEchoed is the most bytes of a value that a page without JavaScript puts
// back into the field after it was accepted: Get sends the field along in its
// URL, and a head has at most 32 KiB.
const maxEchoed = 8 << 10

// redirect keeps the result of this exchange under a one-time token, and answers with the
// address that shows it.
func (a *App) redirect(c *call, out *outcome) error {
	resp := c.Response()
	h := resp.Header()
	h.Set("Content-Length", "0")
	token := rand.Text()
	location, status := c.seat.Base+"/?x="+token, http.StatusSeeOther
	toClass := a.of != nil && c.form.Get("to") == "class" // that page says what the press did, and shows what its own request finds
	if toClass {
		location = c.seat.Base + "/class?x=" + token
	}
	if c.wants == formFragment {
		h.Set("HX-Redirect", location)
		status = http.StatusOK
	} else {
		h.Set("Location", withHop(c, location))
	}
	a.visitOf(c)
	seen := a.record(c, status, out)
	left := result{
		sentence: say.Press(seen), composer: a.composer(c, startsOver(out)), packed: c.x.Pack(), plot: c.x.Store.Figures.Plot, n: seen.N, beside: seen.Beside,
		curl: a.curl(c, seen), seat: c.seat, visit: c.visit, owner: out.owner,
	}
	if out.copied != nil {
		left.wire, left.curl = out.copied.packed, out.copied.curl
		left.n, left.wireBeside = out.copied.seen.N, out.copied.seen.Beside
	}
	left.composer = ownText(left.composer)
	if toClass {
		left = result{sentence: left.sentence, seat: left.seat, visit: left.visit}
	}
	a.results.put(token, left)
	resp.WriteHeader(status)
	return nil
}

// ownText returns typed with copies of its texts, without a text that is too long to be put back
// into its field.
func ownText(typed views.Composer) views.Composer {
	for _, text := range []*string{&typed.Key, &typed.Value, &typed.Seconds, &typed.User} {
		if len(*text) > maxEchoed {
			*text = ""
		}
		*text = strings.Clone(*text) // a substring would keep the whole body in memory
	}
	return typed
}

// startsOver reports whether the composer goes back to its first state.
func startsOver(out *outcome) bool { return out.did.Op == "flush" && out.did.Away }

// orPlain answers without a template when rendering failed with err after the commit. done
// names what was done. The error is logged; the status stays 200.
func (a *App) orPlain(c *call, done string, err error) error {
	if err == nil || c.Response().Committed {
		return err
	}
	a.cfg.Log.Error("an answer could not be rendered after the commit", "done", done, "error", err)
	for _, name := range []string{"Content-Length", "Location"} { // of the answer that failed
		c.Response().Header().Del(name)
	}
	return c.HTML(http.StatusOK, "<!doctype html><html lang=\"en\"><title>Sessionscope</title>"+
		"<p>Done: "+done+". The page that shows it could not be made; the session is as you asked.</p>"+
		"<p><a href=\"/\">Back to the lab</a></p></html>")
}
