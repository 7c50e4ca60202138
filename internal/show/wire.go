package show

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// Wire shows one exchange. While the answer is under way, its head is as the handler made
// it, and sizes and duration are missing.
func Wire(s trace.Seen) views.Wire {
	w := views.Wire{N: s.N, Past: s.Past}
	if s.Nothing {
		w.Nothing = nothing(s.By)
		return w
	}
	in, out := s.Request, s.Answer
	w.By = sender(s)
	w.AsSent = in.AsSent
	w.RequestLine, w.Proto = in.Method+" "+say.ShownText(target(in.Target), maxShown), in.Proto
	fields, own := withoutPage(in.Fields)
	ofHead := lineBytes(own)
	w.Request = headers(edit(fields, s.Edited), asItIs)
	pieces, ofBody := withoutSecret(in.Body)
	w.Body = body(in, pieces)
	if ofHead > 0 {
		w.OwnBytes = say.Bytes(ofHead)
	}
	w.LeftOut = leftOut(len(own), ofHead, ofBody)
	w.RequestHeadBytes, w.RequestBytes = "unknown", requestBytes(in)
	if in.HeadBytes > 0 {
		w.RequestHeadBytes, w.RequestShown = say.Bytes(in.HeadBytes), say.Bytes(in.HeadBytes-ofHead)
	}
	w.StatusLine = out.Status
	w.Response = headers(out.Fields, asItIs)
	w.Answer = say.ShownText(out.Body, maxShown)
	if out.Finished {
		w.Finished, w.Took = true, say.Milliseconds(out.Took)
		w.ResponseHeadBytes, w.ResponseBytes = say.Bytes(out.HeadBytes), say.Bytes(int(out.BodyBytes))
	}
	w.Changes = against(s)
	w.Steps = steps(s.Events, s.Cookie.Came)
	return w
}

// target is the address of a request. A proof for one use is shown by its size.
func target(t trace.Text) trace.Text {
	path, query, found := strings.Cut(t.Start, "?")
	if !found {
		return t
	}
	fields := strings.Split(query, "&")
	for i, field := range fields {
		if proof, ok := strings.CutPrefix(field, "x="); ok && proof != "" {
			fields[i] = "x=‹" + hidden(trace.Piece{Kind: trace.Once}, say.Bytes(len(proof))).Text + "›"
		}
	}
	shown := path + "?" + strings.Join(fields, "&")
	return trace.Text{Start: shown, Bytes: t.Bytes + len(shown) - len(t.Start)}
}

// Bare returns the fields of both heads as name and value, with the size of a session cookie
// in place of its value. It treats cookies that a page may show like hidden ones.
func Bare(s trace.Seen) (request, answer [][2]string) {
	return bare(s.Request.Fields), bare(s.Answer.Fields)
}

func bare(fields []trace.Field) [][2]string {
	out := make([][2]string, 0, len(fields))
	all := headers(fields, func(p trace.Piece) trace.Piece {
		switch p.Kind {
		case trace.Token:
			return trace.Piece{Kind: bared, Bytes: len(p.Text)}
		case trace.Hidden:
			p.Kind = bared
		}
		return p
	})
	for _, h := range all {
		if h.Diff == string(trace.Gone) {
			continue
		}
		var b strings.Builder
		for _, p := range h.Parts {
			b.WriteString(p.Text)
		}
		out = append(out, [2]string{h.Name, b.String()})
	}
	return out
}

// bared is the kind of a session cookie's value in Bare, and edited of the part of a copied
// cookie that was changed. asItIs leaves a piece to its kind.
const bared, edited trace.PieceKind = "bared", "edited"

func asItIs(p trace.Piece) trace.Piece { return p }

// nothing says why there is no exchange: by is who acted.
func nothing(by string) string {
	if by == "the clock" {
		return "Nothing travelled: a clock ran out. Nobody tells the browser."
	}
	return "Nothing travelled for this page: " + by + " did this. The lab records only requests of your own pages."
}

// sender says who sent the request, if it was not this page.
func sender(s trace.Seen) string {
	switch {
	case copied(s):
		return s.By
	case s.Of == anotherPage:
		return "a press on another page"
	case s.Of != "":
		return "a press of the " + s.Of
	}
	return ""
}

// withoutPage parts a request's fields from those by which the lab's own page says which visit
// it belongs to.
func withoutPage(fields []trace.Field) (kept, own []trace.Field) {
	for _, f := range fields {
		switch {
		case !ofPage(f):
			kept = append(kept, f)
		case f.Diff != trace.Gone: // only the exchange before had it
			own = append(own, f)
		}
	}
	return kept, own
}

// lineBytes is the size of fields as lines of a head.
func lineBytes(fields []trace.Field) (bytes int) {
	for _, f := range fields {
		bytes += len(f.Name) + len(": \r\n")
		for _, p := range f.Pieces {
			bytes += len(p.Text) + p.Bytes
		}
	}
	return bytes
}

func ofPage(f trace.Field) bool {
	name := canonical(f)
	return name == trace.PageHeader || name == trace.LoadHeader
}

// withoutSecret returns a body's pieces without the field in which a page that has no script
// sends its visit's secret, and the size of that field.
func withoutSecret(body []trace.Piece) (kept []trace.Piece, bytes int) {
	for _, p := range body {
		last := len(kept) - 1
		if p.Kind != trace.Secret || last < 0 {
			if bytes > 0 && last < 0 { // the field stood first
				text, found := strings.CutPrefix(p.Text, "&")
				if p.Text = text; found {
					bytes++
				}
			}
			kept = append(kept, p)
			continue
		}
		text := kept[last].Text
		from := max(0, strings.LastIndex(text, "&"))
		bytes += len(text) - from + p.Bytes
		if kept[last].Text = text[:from]; from == 0 {
			kept = kept[:last]
		}
	}
	return kept, bytes
}

// leftOut says how many bytes of a request are not shown because the lab's own page added them.
func leftOut(n, ofHead, ofBody int) string {
	var what []string
	if n > 0 {
		what = append(what, "this page's own "+say.Plural(n, "header", "headers")+", "+say.Bytes(ofHead))
	}
	if ofBody > 0 {
		what = append(what, "this page's own field in the body, "+say.Bytes(ofBody))
	}
	if len(what) == 0 {
		return ""
	}
	return "Left out: " + strings.Join(what, ", and ") + ", by which the lab knows its timeline."
}

// edit returns fields with the cookie taken apart where a copy of it was changed.
func edit(fields []trace.Field, at trace.Span) []trace.Field {
	i := slices.IndexFunc(fields, func(f trace.Field) bool { return canonical(f) == "Cookie" })
	if at.To <= at.From || i < 0 {
		return fields
	}
	fields = slices.Clone(fields)
	n := slices.IndexFunc(fields[i].Pieces, func(p trace.Piece) bool { return p.Kind == trace.Token })
	if n < 0 || len(fields[i].Pieces[n].Text) < at.To {
		return fields
	}
	text, parts := fields[i].Pieces[n].Text, []trace.Piece(nil)
	for _, p := range []trace.Piece{{Kind: trace.Token, Text: text[:at.From]}, {Kind: edited, Text: text[at.From:at.To]}, {Kind: trace.Token, Text: text[at.To:]}} {
		if p.Text != "" {
			parts = append(parts, p)
		}
	}
	fields[i].Pieces = slices.Concat(fields[i].Pieces[:n], parts, fields[i].Pieces[n+1:])
	return fields
}

// body is the beginning of the request's body, which are the pieces.
func body(in trace.Request, pieces []trace.Piece) string {
	kept := 0
	for _, p := range in.Body {
		kept += len(p.Text) + p.Bytes
	}
	var b strings.Builder
	for _, p := range pieces {
		if p.Kind == trace.Plain || p.Kind == trace.Token {
			b.WriteString(p.Text)
		} else {
			b.WriteString("‹" + hidden(p, say.Bytes(p.Bytes)).Text + "›")
		}
	}
	tail := ""
	if in.BodyBytes > kept {
		tail = fmt.Sprintf("… (%s in all)", say.Bytes(in.BodyBytes))
	}
	return say.Shown(b.String(), 2*maxShown) + tail
}

// requestBytes is the size of the request's body.
func requestBytes(in trace.Request) string {
	switch {
	case in.Length < 0:
		return say.Bytes(in.BodyBytes) + " in chunks, whose framing is not counted,"
	case int(in.Length) > in.BodyBytes:
		return say.Bytes(int(in.Length)) + " (not all read)"
	}
	return say.Bytes(in.BodyBytes)
}

func canonical(f trace.Field) string { return http.CanonicalHeaderKey(f.Name) }

// headers shows a head, in its order. as may replace a piece before it is shown.
func headers(fields []trace.Field, as func(trace.Piece) trace.Piece) (out []views.Header) {
	for _, f := range fields {
		out = append(out, views.Header{Name: say.Shown(f.Name, maxName), Parts: partsOf(f, as), Diff: string(f.Diff)})
	}
	return out
}

// maxField is the most bytes of a plain piece: what trace keeps of a field, and its note on
// how much it left out.
const maxField = maxCookie + 100

// partsOf shows a field's value. For a hidden cookie it shows the size of the value; the
// table of cookies counts the name too.
func partsOf(f trace.Field, as func(trace.Piece) trace.Piece) (out []views.Part) {
	cookie := canonical(f) == "Cookie" || canonical(f) == "Set-Cookie"
	name, named := "", false // of the cookie, which ends the piece before
	for _, p := range f.Pieces {
		switch p := as(p); {
		case p.Kind == trace.Plain:
			out = append(out, views.Part{Text: say.Shown(p.Text, maxField)})
		case p.Kind == trace.Token:
			out = append(out, views.Part{Kind: "token", Text: say.Shown(p.Text, maxCookie)})
		case p.Kind == edited:
			out = append(out, views.Part{Kind: "flip", Text: say.Shown(p.Text, maxCookie)})
		case cookie && named && p.Kind == trace.Kin:
			out = append(out, views.Part{Kind: "hidden", Text: say.Bytes(p.Bytes) + " of value, " + whoseKin(name)})
		case cookie && named:
			out = append(out, hidden(p, say.Bytes(p.Bytes)+" of value"))
		case cookie && p.Bytes > 0:
			out = append(out, hidden(p, say.Bytes(p.Bytes)+" without a name"))
		case !cookie:
			out = append(out, hidden(p, say.Bytes(p.Bytes)))
		}
		name, named = strings.CutSuffix(p.Text, "=")
		named = named && p.Kind == trace.Plain
	}
	return out
}

// hidden stands for a piece whose text is not shown.
func hidden(p trace.Piece, size string) views.Part {
	why := whys[p.Kind]
	if why == "" {
		why = "not shown"
	}
	return views.Part{Kind: "hidden", Text: size + ", " + why}
}

// whys say why the text of a piece is not shown.
var whys = map[trace.PieceKind]string{
	trace.Hidden: "hidden: the request for this page came without it", trace.Foreign: "of another program", trace.Pins: "says which browser pinned", trace.Live: "finds the run that waits for this browser",
	trace.Once: "for one use", trace.Secret: "opens this visit", trace.Checked: "what was pasted: it is not kept", bared: "the session cookie",
}
