package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// form is which of the three answers a request gets.
type form int

const (
	formPage form = iota
	formFragment
	formJSON
)

// formOf is the only reader of Accept and HX-Request. A boosted or restored
// request of htmx wants a whole page.
func formOf(r *http.Request) form {
	// Names in net/http's spelling: any other is a new string for each look-up.
	if r.Header.Get("Hx-Request") == "true" && r.Header.Get("Hx-Boosted") == "" && r.Header.Get("Hx-History-Restore-Request") == "" {
		return formFragment
	}
	if accept := r.Header["Accept"]; len(accept) == 1 && accept[0] == "application/json" {
		return formJSON // what scripts send
	}
	var asJSON, asHTML float64
	for _, part := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		kind, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			q, _ = strconv.ParseFloat(text, 64)
		}
		switch kind {
		case "application/json", "application/problem+json":
			asJSON = max(asJSON, q)
		case "text/html":
			asHTML = max(asHTML, q)
		}
	}
	if asJSON > 0 && asJSON >= asHTML {
		return formJSON
	}
	return formPage
}

// outcome is what an action did.
type outcome struct {
	op       string
	key      string // of set, get and delete
	found    bool   // of get and delete
	keys     []string
	messages []string // of flashes
	removed  int      // by clear-expired
	idBefore string   // the ID that ended

	// say makes the sentence under the buttons, of what was committed.
	say func(info session.Info) views.Sentence
	// startOver empties the composer back to its first state.
	startOver bool
	// copy is what became of one, of tamper and replay.
	copy *copyOf
}

// appendJSON appends out in the words of the contract, with what is known of s
// after the commit. It is written by hand: an answer costs less than a reflection.
func (out *outcome) appendJSON(b []byte, s *session.Session) []byte {
	text := func(name, text string) {
		b = append(append(append(b, ',', '"'), name...), '"', ':')
		b, _ = jsontext.AppendQuote(b, text) // what is not UTF-8 is replaced
	}
	b = append(append(append(b, `{"op":"`...), out.op...), '"')
	switch out.op {
	case "get", "delete":
		text("key", out.key)
		b = strconv.AppendBool(append(b, `,"found":`...), out.found)
	case "set":
		text("key", out.key)
	case "keys":
		b = appendList(append(b, `,"keys":`...), out.keys)
	case "flashes":
		b = appendList(append(b, `,"messages":`...), out.messages)
	case "clear-expired":
		b = strconv.AppendInt(append(b, `,"removed":`...), int64(out.removed), 10)
	case "expiry":
		if s.Exists() {
			text("expires", s.Info().Expires.Format(time.RFC3339Nano))
		}
	}
	if out.op == "get" || out.op == "set" {
		if v, ok := s.Get(out.key); ok {
			b = append(append(b, `,"value":`...), v...)
			text("type", v.Type())
			b = strconv.AppendInt(append(b, `,"bytes":`...), int64(len(v)), 10)
			text("lives", s.Lives(out.key))
		} else {
			b = append(b, `,"value":null`...)
		}
	}
	if out.idBefore != "" {
		text("id_before", out.idBefore)
	}
	if out.copy != nil {
		b = strconv.AppendBool(append(b, `,"accepted":`...), out.copy.Accepted)
		text("verdict", out.copy.Verdict)
		if out.copy.Reason != "" {
			text("reason", out.copy.Reason)
		}
		b = strconv.AppendInt(append(b, `,"status":`...), int64(out.copy.Status), 10)
	}
	b = strconv.AppendBool(append(b, `,"session":{"exists":`...), s.Exists())
	if s.Verdict() == session.VerdictStale { // there may be values that this request does not know
		b = append(b, `,"stale":true`...)
	}
	if s.Exists() {
		text("id", s.ID())
		b = strconv.AppendUint(append(b, `,"version":`...), s.Version(), 10)
		text("placement", s.Placement().String())
	}
	b = append(b, "}}\n"...)
	if bytes.ContainsAny(b, "<>&") { // never markup, should a script put the answer into a page
		var escaped bytes.Buffer
		json.HTMLEscape(&escaped, b)
		b = escaped.Bytes()
	}
	return b
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

// answer commits the session, then renders what was done: nothing is shown that
// was not saved. After the commit no failure becomes an error status.
func (a *App) answer(c echo.Context, s *session.Session, out outcome) error {
	ctx := c.Request().Context()
	if err := s.Commit(ctx); err != nil {
		return err
	}
	s.WriteCookie(c.Response().Header())
	mem := remembered(ctx)
	if mem.wants != formJSON || a.visits.any() {
		known := out
		mem.outcome = &known
	}
	if out.copy != nil {
		mem.recorded, mem.quiet = true, true // what is shown is the copy's exchange
	}
	if wants(c) == formJSON {
		body := out.appendJSON(make([]byte, 0, 512), s)
		a.recordJSON(c, http.StatusOK, s, body)
		h := c.Response().Header()
		h["Content-Type"] = jsonType
		if len(body) > 2<<10 { // net/http counts smaller ones itself
			h.Set("Content-Length", strconv.Itoa(len(body)))
		}
		c.Response().WriteHeader(http.StatusOK)
		_, err := c.Response().Write(body)
		return err
	}
	info := s.Info()
	err := contain(func() error { return a.showOutcome(c, s, out, info) })
	if c.Request().Method != http.MethodPost {
		return err // nothing was done that must not be denied
	}
	return a.orPlain(c, out.op, err)
}

func (a *App) showOutcome(c echo.Context, s *session.Session, out outcome, info session.Info) error {
	sentence := out.say(info)
	if wants(c) == formPage && c.Request().Method == http.MethodPost || remembered(c.Request().Context()).lost != "" && wants(c) == formFragment {
		return a.redirect(c, s, sentence, out, info)
	}
	lab := a.labView(c, s, sentence, out.startOver)
	if out.copy != nil {
		lab.Wire, lab.Wire.Past, lab.Tools.Curl = out.copy.wire, true, out.copy.curl
		lab.Moment.N = lab.Wire.N
	}
	return a.writeLab(c, http.StatusOK, s, lab)
}

// maxEchoed is the most bytes of a value that a page without JavaScript puts
// back into the field after it was accepted: Get sends the field along in its
// URL, and a head has at most 32 KiB.
const maxEchoed = 8 << 10

// redirect answers a POST without JavaScript, and a press on a page whose visit has
// ended: the page that follows shows this exchange, once.
func (a *App) redirect(c echo.Context, s *session.Session, sentence views.Sentence, out outcome, info session.Info) error {
	resp := c.Response()
	h := resp.Header()
	h.Set("Content-Length", "0")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	composer := a.composer(c, out.startOver)
	for _, text := range []*string{&composer.Key, &composer.Value, &composer.Seconds, &composer.User} {
		if len(*text) > maxEchoed {
			*text = ""
		}
		*text = strings.Clone(*text) // not a part of the whole body, which would be kept with it
	}
	token := rand.Text()
	mem := remembered(c.Request().Context())
	location, status := mem.id.base+"/?x="+token, http.StatusSeeOther
	if a.visitOf(c); mem.lost != "" {
		sentence.Parts = append(sentence.Parts, text(" The program was restarted, or this page was idle for half an hour: a new timeline begins."))
	}
	if wants(c) == formFragment {
		h.Set("HX-Redirect", location)
		status = http.StatusOK
	} else {
		h.Set("Location", withHop(c, location))
	}
	left := result{sentence: sentence, composer: composer, events: mem.events, sent: info.Sent, op: out.op, curl: a.curl(c, info), cookie: kept(c, info), id: mem.id, visit: mem.visit}
	if out.copy != nil {
		left.wire, left.moment.N, left.source = out.copy.wire, out.copy.wire.N, out.copy.source
		left.curl, left.cookie = out.copy.curl, out.copy.source
	} else {
		p := panels{}
		if mem.visit != nil {
			p = a.panels(c, s)
			mark(&p, mem.events)
		}
		p.Wire = a.wire(c, status)
		left.moment = a.record(c, status, s, &p)
		left.wire = p.Wire
	}
	left.jar, _ = a.jar(c, false)
	a.results.put(token, left)
	resp.WriteHeader(status)
	return nil
}

// orPlain answers without a template if err tells that an answer could not be
// rendered although the action is done: that is no error any more.
func (a *App) orPlain(c echo.Context, done string, err error) error {
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

// writeLab renders lab, with the exchange that it is part of unless it has another,
// and makes that a moment of the visit.
func (a *App) writeLab(c echo.Context, status int, s *session.Session, lab views.Lab) error {
	return a.writeLabOf(c, status, s, lab, idOf(c), "")
}

// writeLabOf is writeLab with panels that may be of another side of the lab, or of a
// copy of the cookie source.
func (a *App) writeLabOf(c echo.Context, status int, s *session.Session, lab views.Lab, id *identity, source string) error {
	mem := remembered(c.Request().Context())
	if !lab.Wire.Past {
		h := c.Response().Header()
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		h.Set("Content-Type", echo.MIMETextHTMLCharsetUTF8)
		p := panels{lab.Browser, a.wire(c, status), lab.Server}
		lab.Moment = a.record(c, status, s, &p)
		lab.Wire = p.Wire
	}
	if v := mem.visit; v != nil && lab.Timeline.Shown == 0 {
		lab.Timeline = v.timeline(0)
		lab.Timeline.Seen = mem.seen
	}
	a.guard(c, s, id, source, &lab.Browser, &lab.Wire)
	if wants(c) == formFragment {
		return a.write(c, status, views.Fragments(lab))
	}
	return a.write(c, status, views.LabPage(lab))
}

// recordJSON makes an exchange whose answer shows no panels a moment of its visit,
// if it has one. After a commit, no failure of this becomes an error.
func (a *App) recordJSON(c echo.Context, status int, s *session.Session, body []byte) {
	mem := remembered(c.Request().Context())
	if mem.visit == nil && mem.by == "" || mem.recorded {
		return
	}
	err := contain(func() error {
		p := panels{Wire: a.wire(c, status)}
		p.Wire.Answer = shown(strings.TrimSpace(string(body)), maxShown)
		if s != nil {
			p.Browser, p.Server = a.browser(c, s.Info()), a.server(c.Request().Context(), mem.id, mem.visit, s.Info(), mem.lastSession())
		} else {
			p.Browser, p.Server = a.unknown(c)
		}
		mark(&p, mem.events)
		if mem.by != "" && s != nil && !s.Exists() && mem.visit != nil {
			p.Server.Empty = "The copy opened nothing."
		}
		a.record(c, status, s, &p)
		return nil
	})
	if err != nil {
		a.cfg.Log.Error("an exchange could not be recorded", "error", err)
	}
}

// renderer renders a component; tests put a failing one in its place.
type renderer func(ctx context.Context, w io.Writer, component templ.Component) error

func renderTempl(ctx context.Context, w io.Writer, component templ.Component) error {
	// A page about a failure must come out although the request's context is done.
	return component.Render(context.WithoutCancel(ctx), w)
}

// write renders into a buffer, then writes once, compressed if the client takes that.
func (a *App) write(c echo.Context, status int, component templ.Component) error {
	buf := templ.GetBuffer()
	defer templ.ReleaseBuffer(buf)
	if err := a.render(c.Request().Context(), buf, component); err != nil {
		return err
	}
	body := buf.Bytes()
	h := c.Response().Header()
	if len(body) >= minGzip && acceptsGzip(c.Request()) {
		small := templ.GetBuffer()
		defer templ.ReleaseBuffer(small)
		z := gzips.Get().(*gzip.Writer)
		defer gzips.Put(z)
		z.Reset(small)
		z.Write(body) // into memory: it cannot fail
		z.Close()
		h.Set("Content-Encoding", "gzip")
		body = small.Bytes()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	return c.HTMLBlob(status, body)
}

// minGzip is the least that is worth it: less fits into one packet anyway.
const minGzip = 1400

var gzips = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, 3) // a page is a tenth larger than at the default level, in half the time
	return z
}}

// acceptsGzip tells whether the client takes gzip (RFC 9110, section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";q=")
		if strings.EqualFold(name, "gzip") {
			weight, err := strconv.ParseFloat(q, 64)
			return q == "" || err == nil && weight > 0
		}
	}
	return false
}

var jsonType = []string{"application/json"}

func writeJSON(c echo.Context, status int, kind string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writeJSONText(c, status, kind, body)
}

func writeJSONText(c echo.Context, status int, kind string, body []byte) error {
	body = append(body, '\n')
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(body)))
	return c.Blob(status, kind, body)
}
