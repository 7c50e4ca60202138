package shelf

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var signedIsNotSecret = experiment.Experiment{
	Slug: "signed-is-not-secret", Section: trust,
	Choices: []experiment.Choice{
		{Name: "how", Label: "The cookie is", Options: []experiment.Option{
			{Name: "signed", Label: "signed, by this program's engine"}, {Name: "gorilla", Label: "signed, by gorilla's CookieStore"}, {Name: "encrypted", Label: "signed and encrypted, by the same"},
		}},
		{Name: "secret", Label: "Your text", Default: "I like Nina", Max: 60},
	},
	Run: runSignedIsNotSecret,
}

// layer is the text of a cookie after some layers were taken off. took names the layer that was
// taken off last.
type layer struct{ took, text string }

// diary is the key under which the learner's text is stored.
const diary = "diary"

// peel takes off all layers of a cookie that come off without a key. text is the value of
// the key diary, and read tells whether it was found.
func peel(cookie string) (layers []layer, text string, read bool) {
	layers = []layer{{"nothing, it is the cookie as sent", cookie}}
	l, ok := session.Peel(cookie)
	if !ok {
		return layers, "", false
	}
	layers = append(layers, layer{"base64: a time, the payload, the signature", l.Time + "|" + l.Payload + "|" + string(l.Signature)})
	payload, err := base64.URLEncoding.DecodeString(l.Payload)
	if err != nil {
		return layers, "", false
	}
	layers = append(layers, layer{"the payload's own base64", string(payload)})
	notation := "JSON"
	if e, ok := l.Envelope(); ok {
		var values map[string]any
		if json.Unmarshal([]byte(e.Values), &values) == nil {
			text, read = values[diary].(string)
		}
	} else {
		notation = "gob, Go's own notation"
		var values map[any]any
		if gob.NewDecoder(bytes.NewReader(payload)).Decode(&values) == nil {
			text, read = values[diary].(string)
		}
	}
	if read {
		layers = append(layers, layer{notation, text})
	}
	return layers, text, read
}

// minFound is how many bytes a text must have to count as found: a shorter text may stand in a
// cookie by chance.
const minFound = 4

// entrusted is a text in a cookie, and what somebody without a key makes of it.
type entrusted struct {
	how              string
	x                *experiment.Exchange // the request that stored the text
	cookie           string               // "" if none came
	layers           []layer
	read, named      bool                 // without a key: the text, and the name under which it is stored
	answer, tampered *experiment.Exchange // the server's answers to the cookie, and to the cookie with a changed signature
}

func sealed(how string) string {
	if how == "encrypted" {
		return "signed and encrypted"
	}
	return "signed"
}

// entrust stores text in a cookie of that kind.
func entrust(r *experiment.Run, text, how string) entrusted {
	k, set := entrusted{how: how}, experiment.Settings{Placement: session.InCookie}
	switch how {
	case "gorilla":
		set.Twin = experiment.CookieTwin(session.NewSecret(), nil)
	case "encrypted":
		set.Twin = experiment.CookieTwin(session.NewSecret(), session.NewSecret())
	}
	b := r.Boot(set).Client("Rahim's browser")
	k.x = b.Set(diary, text).For("stores the text, " + sealed(how))
	if k.cookie = b.Cookie(); k.cookie == "" {
		return k
	}
	var found string
	k.layers, found, k.read = peel(k.cookie)
	k.read = k.read && found == text
	k.named = slices.ContainsFunc(k.layers, func(l layer) bool { return strings.Contains(l.text, diary) })
	k.answer = b.Get("/get", "key", diary).For("asks for the text: this server has the key")
	part := "signature"
	if _, ok := session.Peel(k.cookie); !ok {
		part = "letter"
	}
	b.Put(b.Tamper(k.cookie, part, "", 1))
	k.tampered = b.Get("/get", "key", diary).For("asks with the signature of the cookie changed")
	return k
}

// peeled is the table of the layers. at is the first layer of the payload in which text
// stands, -1 for none. A short text can stand by chance in the time, in the signature or in
// the letters of base64: these do not count.
func (k entrusted) peeled(text string) (t experiment.Table, at int) {
	at = -1
	t = experiment.Table{Caption: "The cookie, peeled without any key", Head: []string{"layers off", "taken off last", "bytes", "what there is", "your text in it"}}
	for i, l := range k.layers {
		in := strings.Contains(l.text, text)
		cell := experiment.YesNo(in, false)
		if len(text) < minFound && i < 3 {
			in, cell = false, "too short to tell"
		} else if in && i < 2 && i < len(k.layers)-1 { // what cannot be peeled further is its own payload
			in, cell = false, "by chance"
		}
		if in && at < 0 {
			at = i
		}
		max := 48
		if i >= 2 {
			max = 200
		}
		t.Rows = append(t.Rows, []string{fmt.Sprint(i), l.took, fmt.Sprint(len(l.text)), experiment.Code(visible(l.text, max)), cell})
	}
	if !k.read && len(k.layers) == 3 {
		t.Rows = append(t.Rows, []string{"–", "nothing more: it is neither JSON nor gob", "–", "–", experiment.YesNo(false, false)})
	}
	return t, at
}

func runSignedIsNotSecret(r *experiment.Run) experiment.Outcome {
	text, how := r.Choice("secret"), r.Choice("how")
	if text == "" {
		in := r.Boot(experiment.Settings{})
		x := in.Client("Rahim's browser").Get("/session")
		return experiment.Outcome{Happened: experiment.None, Undecided: true, Tone: experiment.Held, Decisive: x, Verdict: "{bad There is nothing to find:} you wrote no text, and the server stored none. Write a text."}
	}
	other := "encrypted"
	if how == "encrypted" {
		other = "gorilla"
	}
	k, o := entrust(r, text, how), entrust(r, text, other)
	if k.cookie == "" || o.cookie == "" {
		return experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Decisive: k.x, Verdict: fmt.Sprintf("{bad No cookie came:} the text was answered with status %d, and with %d for the other kind.", k.x.Status, o.x.Status)}
	}

	peeled, at := k.peeled(text)
	both := experiment.Table{Caption: "The same text both ways", Head: []string{"the cookie is", "bytes", "read without a key", "read by its server", "taken with its signature changed"}}
	for _, k := range []entrusted{k, o} {
		both.Rows = append(both.Rows, []string{sealed(k.how), fmt.Sprint(len(k.cookie)), experiment.YesNo(k.read, false), experiment.YesNo(k.answer.Value() == text, true), experiment.YesNo(k.tampered.Answer().Found, false)})
	}
	found := map[bool]string{true: "read without a key", false: "not read without a key"}
	out := experiment.Outcome{
		Happened: experiment.None, Decisive: k.x, Mark: k.cookie, Tables: []experiment.Table{peeled, both},
		Pair: []experiment.Shot{
			{Title: both.Rows[0][0], Cookie: k.cookie, Exchange: k.x, Says: found[k.read]},
			{Title: both.Rows[1][0], Cookie: o.cookie, Exchange: o.x, Says: found[o.read]},
		},
	}
	server := "The server, asked for it, gave another answer"
	if k.answer.Value() == text {
		server = "The server itself read it and answered with it"
	}
	switch {
	case k.read:
		out.Happened, out.Tone = "readable", experiment.Lost
		if carry := lettersOf(k.cookie, text); carry != "" && len(text) >= minFound {
			out.Mark = carry
		}
		out.Verdict = fmt.Sprintf("{bad Read without any key.} With %s taken off there stood: %s.", experiment.Count(at, "layer", "layers"), experiment.Code(text))
		if !k.tampered.Answer().Found {
			out.Verdict += " {mac Changing} is another matter: with one byte of its signature changed the same cookie was worth nothing."
		}
	case at >= 0:
		out.Happened, out.Tone = "readable", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Read without any key.} With %s taken off your text stands among the %d bytes that are left.", experiment.Count(at, "layer", "layers"), len(k.layers[at].text))
	case k.named:
		out.Happened, out.Tone = "names-only", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Only the name.} `%s` stands in what was peeled, and your text does not. %s.", diary, server)
	default:
		out.Happened, out.Tone = "unreadable", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Not read.} %s came off, and from the %d bytes that are left nothing could be read. %s.", experiment.Count(len(k.layers)-1, "layer", "layers"), len(k.layers[len(k.layers)-1].text), server)
		if o.read {
			out.Verdict += " The other cookie, which is signed only, gave the text away."
		}
	}
	return out
}
