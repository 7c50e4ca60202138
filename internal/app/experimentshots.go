package app

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/trace"
	"github.com/sessionscope/sessionscope/views"
)

// shots shows cookies peeled. What differs from the cookie before is marked. A cookie that an
// earlier shot has is not shown again.
func shots(in []experiment.Shot) (out []views.Shot) {
	var before []views.Part
	for n, s := range in {
		v := views.Shot{Title: s.Title, Says: say.Shown(s.Says, 120), None: s.Cookie == ""}
		if s.Cookie != "" {
			parts := []views.Part{{Kind: "t-data", Text: s.Cookie}}
			if layers, ok := session.Peel(s.Cookie); ok {
				parts = []views.Part{{Kind: "t-time", Text: legible(layers.Time)}, {Kind: "dim", Text: "|"}, {Kind: "t-data", Text: legible(layers.Payload)},
					{Kind: "dim", Text: "|"}, {Kind: "t-mac", Text: base64.URLEncoding.EncodeToString(layers.Signature)}}
				if e, ok := layers.Envelope(); ok {
					v.Values = say.Shown(e.Values, 200)
				}
			}
			if same := slices.IndexFunc(in[:n], func(other experiment.Shot) bool { return other.Cookie == s.Cookie }); same >= 0 {
				v.Same = in[same].Title
			}
			for i, p := range parts {
				var changed trace.Span
				if len(before) == len(parts) {
					changed = trace.Differing(before[i].Text, p.Text)
				}
				v.Token = append(v.Token, split(p, changed.From, changed.To, p.Kind+" flip")...)
			}
			v.Size, before = say.Bytes(len(experiment.CookieName)+len(s.Cookie))+" with its name", parts
		}
		if x := s.Exchange; x != nil {
			v.None = v.None && x.Cookie == "" && x.SetCookie() == nil
			v.Line, v.Status = x.Method+" "+say.Shown(x.Path, 60), strconv.Itoa(x.Status)
		}
		out = append(out, v)
	}
	return out
}

// legible gives each byte that cannot be printed a sign of its own: a letter that was
// changed under base64 can become any byte.
func legible(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c > ' ' && c <= '~' {
			b.WriteByte(c)
		} else {
			b.WriteRune('\u2800' + rune(c)) // a braille pattern: 256 of them
		}
	}
	return b.String()
}

// split cuts p at from and to, and gives the piece between them another kind.
func split(p views.Part, from, to int, kind string) (out []views.Part) {
	if from >= to {
		return []views.Part{p}
	}
	for _, piece := range []views.Part{{Kind: p.Kind, Text: p.Text[:from]}, {Kind: kind, Text: p.Text[from:to]}, {Kind: p.Kind, Text: p.Text[to:]}} {
		if piece.Text != "" {
			out = append(out, piece)
		}
	}
	return out
}

// markDecisive marks in an exchange what decided the outcome: the letters in which the
// cookie differs from the cookie beside it, or the outcome's Mark.
func markDecisive(out experiment.Outcome, x *experiment.Exchange, w *views.Wire) {
	var changed trace.Span
	cookie := ""
	for i, s := range out.Pair {
		if i > 0 && s.Exchange == x && s.Cookie != "" && out.Pair[i-1].Cookie != "" {
			cookie = s.Cookie
			changed = trace.Differing(out.Pair[i-1].Cookie, cookie)
		}
	}
	from, to := changed.From, changed.To
	mark := strings.TrimPrefix(out.Mark, experiment.CookieName+"=") // name and value stand apart
	if from >= to && (strings.Contains(w.Answer, mark) || strings.Contains(w.Body, mark) || strings.Contains(w.RequestLine, mark)) {
		w.Decisive, mark = mark, "" // one mark is enough
	}
	for _, head := range []*[]views.Header{&w.Request, &w.Response} {
		hs := slices.Clone(*head) // other pages show the exchange too
		*head = hs
		for i := range hs {
			var parts []views.Part
			for _, p := range hs[i].Parts {
				a, b := from, to
				if from >= to {
					a = strings.Index(p.Text, mark)
					b = a + len(mark)
				} else if p.Text != cookie {
					a = -1
				}
				if a < 0 || a >= b || b > len(p.Text) {
					parts = append(parts, p)
					continue
				}
				mark = "" // one mark is enough
				parts = append(parts, split(p, a, b, "decisive")...)
			}
			hs[i].Parts = parts
			hs[i].Decisive = mark != "" && hs[i].Name == mark
		}
	}
}
