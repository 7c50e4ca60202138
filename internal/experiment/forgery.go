package experiment

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	mathrand "math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gorilla/securecookie"

	"github.com/sessionscope/sessionscope/internal/session"
)

// forgery are the experiments about what a signature proves.
func forgery() []Experiment {
	return []Experiment{
		{
			Number: 13, Slug: "signed-is-not-secret", Title: "Signed is not secret",
			Lead: "You entrust a text to a session that lives in the cookie. Somebody without any key finds that cookie. Can your text be read?",
			Predictions: []string{
				"No: without the key the cookie is just noise",
				"In part: the names of what is stored, not the texts",
				"Yes: your text can be read from start to end",
			},
			Choices: []Choice{
				{Name: "how", Label: "The cookie is", Options: []Option{
					{"signed", "signed, by this program's engine"}, {"gorilla", "signed, by gorilla's CookieStore"}, {"encrypted", "signed and encrypted, by the same"},
				}},
				{Name: "secret", Label: "Your text", Default: "I like Nina", Max: 60},
			},
			Does: "your text is stored twice, signed and encrypted, and both cookies are peeled without a key",
			Run:  signedIsNotSecret,
			Explain: []string{
				"Base64 is a way of writing bytes down in letters that a {cookie cookie} can carry: it has no key, and anybody can undo it (RFC 4648).",
				"A {mac signature} is added to the text and hides none of it: it only shows whether somebody has changed it.",
				"Encryption is what hides: without the key the payload looks like random bytes, and the server needs the key to read its own cookie.",
				"Both cookies here refuse a changed letter, since both are signed; only one of them keeps a secret.",
				"What nobody but the server should know belongs {server on the server}, or encrypted into the cookie: RFC 6265, section 8.3, asks for signed and encrypted.",
			},
			Breaks:  "Encryption without a signature: the text cannot be read then, and yet it can be changed.",
			Sources: []Source{{"RFC 6265, section 8.3: clear text", "https://www.rfc-editor.org/rfc/rfc6265#section-8.3"}, {"Django: cookie-based sessions are signed, not encrypted", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#using-cookie-based-sessions"}, {"gorilla/sessions: NewCookieStore", "https://pkg.go.dev/github.com/gorilla/sessions#NewCookieStore"}},
		},
		{
			Number: 14, Slug: "change-one-letter", Title: "Change one letter",
			Lead: "Your cookie says `\"role\":\"student\"` and you can read it. So edit it to say `\"teacher\"`, or change one letter of it, and send it back.",
			Predictions: []string{
				"The server believes it: I am what I wrote",
				"The server answers with an error page",
				"The server ignores the cookie: I am nobody",
			},
			Choices: []Choice{
				{Name: "edit", Label: "Edit", Options: []Option{
					{"role", "the role in the payload"}, {"letter", "one letter of the cookie as it stands"}, {"deadline", "the deadline: one year more"}, {"signature", "the signature"},
				}},
				{Name: "role", Label: "The new role", Default: "teacher", Max: 40},
			},
			Does: "real requests with the cookie as issued, as edited, and as issued again",
			Run:  changeOneLetter,
			Explain: []string{
				"Anyone can read a signed cookie; only the holder of the key can write one.",
				"The {mac signature} is an HMAC over the purpose, the time and the payload (RFC 2104), so no byte of them can change alone.",
				"A cookie whose signature does not fit counts as none: the answer is no error, it is that of a visit with no session, and nothing is created from it.",
				"The record on the server is untouched, and the cookie as it was issued goes on working.",
			},
			Breaks:  "Whoever has the key can sign what they like: a leaked or guessed secret breaks it. See the experiments about a weak secret, and about rotating it.",
			Sources: []Source{{"RFC 2104: HMAC", "https://www.rfc-editor.org/rfc/rfc2104"}, {"gorilla/securecookie", "https://pkg.go.dev/github.com/gorilla/securecookie"}},
		},
		{
			Number: 15, Slug: "crack-a-weak-secret", Title: "Crack a weak secret",
			Lead: "A server signs its cookies with a secret that the attacker does not know. All they have is one cookie, their own. Can they make one that says `admin`?",
			Predictions: []string{
				"Yes: at home, since one cookie shows when a guess is right",
				"No: without the secret nobody can make a signature that fits",
				"Yes: only by sending guesses, since a cookie alone shows nothing",
			},
			Choices: []Choice{
				{Name: "secret", Label: "The secret is", Options: []Option{
					{"weak", "a word from our list, drawn by chance, and perhaps decorated"}, {"yours", "what you type below"}, {"strong", "32 random bytes"},
				}},
				{Name: "word", Label: "Your secret", Default: "Gorilla123!", Max: 64},
			},
			Does: "one login, a list of guesses tried on its cookie without the server, and what can be forged with that",
			Run:  crackAWeakSecret,
			Explain: []string{
				"The {mac signature} is computed from the cookie and the secret. Whoever holds one cookie can compute it with a guessed secret, and compare: no request is needed, so the server notices nothing.",
				"A common word with a capital, a recent year and an exclamation mark is one of a list that a computer goes through in the blink of an eye.",
				"With the secret found, a forged cookie is as genuine as any other; no check of signatures can tell it apart.",
				"32 random bytes are one of 2²⁵⁶ possible secrets, and no list holds them: keys for HMAC are to be chosen at random (RFC 2104, section 3).",
			},
			Breaks:  "A strong secret that leaks, in a repository or a backup, is as good as a weak one. Then it must be rotated. This program takes no secret of fewer than 32 bytes.",
			Sources: []Source{{"RFC 2104, section 3: keys", "https://www.rfc-editor.org/rfc/rfc2104#section-3"}, {"gorilla/securecookie: GenerateRandomKey", "https://pkg.go.dev/github.com/gorilla/securecookie#GenerateRandomKey"}, {"OWASP: secrets management", "https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html"}},
		},
		{
			Number: 21, Slug: "rotate-the-secret", Title: "Rotate the secret",
			Lead: "The signing secret must be changed, on a running server with three people logged in: Aisha writes, Rahim only reads, Mina is away. Who is still logged in when the old secret is gone?",
			Predictions: []string{
				"All three: a login does not depend on a secret",
				"Nobody: a new secret makes every old cookie worthless",
				"Aisha alone: only a write renews the signature",
				"Aisha and Rahim: any visit renews the signature",
			},
			Choices: []Choice{
				{Name: "keep", Label: "The old secret", Options: []Option{{"while", "still verifies for an hour"}, {"dropped", "is dropped at once"}}},
				placements,
			},
			Does: "three logins, a change of secrets while the server runs, and a visit of each when the old one is gone",
			Run:  rotateTheSecret,
			Explain: []string{
				"The first secret of the list signs, and all of them {mac verify}: so the new one is put before the old one, and nobody notices (Django calls the old ones `SECRET_KEY_FALLBACKS`).",
				"Whoever writes gets a {cookie new cookie}, signed with the new secret.",
				"A read renews the signature only when the cookie carries no values, that is, when they all live on the server: a late answer to a read must not undo a newer cookie.",
				"When the old secret goes, all cookies that it signed are refused, even those whose {server record} still exists.",
				"So the old secret should stay in the list for as long as a session may live, 8 hours here: the run that keeps it for one hour drops it too early for Mina.",
			},
			Breaks:  "After a leak there is no waiting: while the old secret verifies, the thief can sign with it. Then it is dropped at once, and everybody logs in again.",
			Sources: []Source{{"RFC 2104, section 3: keys are refreshed", "https://www.rfc-editor.org/rfc/rfc2104#section-3"}, {"Django: SECRET_KEY_FALLBACKS", "https://docs.djangoproject.com/en/stable/ref/settings/#secret-key-fallbacks"}, {"gorilla/sessions: NewCookieStore, key rotation", "https://pkg.go.dev/github.com/gorilla/sessions#NewCookieStore"}},
		},
		{
			Number: 22, Slug: "replay-an-older-cookie", Title: "The credit that came back",
			Lead: "You have a credit of 10 in your session, and keep a copy of the cookie. You spend 5. Then you put the older cookie back. How much credit have you got?",
			Predictions: []string{
				"5: what is spent stays spent, whatever I send",
				"10: the older cookie is as genuine as the newer",
				"None: a cookie that was replaced is refused",
			},
			Choices: []Choice{placements},
			Does:    "a credit, a purchase, the older cookie put back, and purchases until the credit is used up",
			Run:     replayAnOlderCookie,
			Explain: []string{
				"A {mac signature} proves that the server once said so. It does not prove that this is the last thing it said.",
				"Values in the {cookie cookie} go back in time with the cookie, and nobody forges anything: Django's documentation warns of the same (no guarantee of freshness).",
				"With placement hybrid a {server record} counts the versions, so that the server can tell that a cookie is stale; it goes on using it, since one lost answer would otherwise lock an honest browser out.",
				"Values {server on the server} do not move with a copied cookie, which carries nothing but the ID.",
			},
			Breaks:  "Signing, encrypting and HttpOnly do not help: the copy is genuine. Credit, stock and one-time codes belong on the server.",
			Sources: []Source{{"Django: cookie-based sessions, no guarantee of freshness", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#using-cookie-based-sessions"}, {"RFC 6265, section 8.3: replaying a cookie", "https://www.rfc-editor.org/rfc/rfc6265#section-8.3"}},
		},
	}
}

// layer is what there is of a cookie after so many layers were taken off.
type layer struct{ took, text string }

// diary is the key under which the learner's text is stored.
const diary = "diary"

// peel takes off a cookie's value what comes off without any key. text is what
// stands under the key diary in the end, and read whether it came to that.
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

// visible writes down bytes for people, at most max of what is left then.
func visible(b string, max int) string {
	out := []rune(strings.ToValidUTF8(b, "·"))
	for i, c := range out {
		if !unicode.IsPrint(c) {
			out[i] = '·'
		}
	}
	if len(out) > max {
		return string(out[:max]) + "…"
	}
	return string(out)
}

// minFound is how long a text must be, in bytes, to stand nowhere by chance.
const minFound = 4

// entrusted is a text in a cookie, and what somebody without a key makes of it.
type entrusted struct {
	how              string
	x                *Exchange // that stored it
	cookie           string    // "" if none came
	layers           []layer
	read, named      bool      // by that somebody: the text, and its name
	answer, tampered *Exchange // of the server, the second one with a letter changed
}

func sealed(how string) string {
	if how == "encrypted" {
		return "signed and encrypted"
	}
	return "signed"
}

// entrust stores text in a cookie of that kind.
func (r *Run) entrust(text, how string) entrusted {
	k, set := entrusted{how: how}, Settings{Placement: session.InCookie}
	switch how {
	case "gorilla":
		set.Twin = cookieTwin(session.NewSecret(), nil)
	case "encrypted":
		set.Twin = cookieTwin(session.NewSecret(), session.NewSecret())
	}
	b := r.Boot(set).Client("Rahim's browser")
	k.x = b.Set(diary, text).to("stores the text, " + sealed(how))
	if k.cookie = b.Cookie(); k.cookie == "" {
		return k
	}
	var found string
	k.layers, found, k.read = peel(k.cookie)
	k.read = k.read && found == text
	k.named = slices.ContainsFunc(k.layers, func(l layer) bool { return strings.Contains(l.text, diary) })
	k.answer = b.Get("/get", "key", diary).to("asks for the text: this server has the key")
	part := "signature"
	if _, ok := session.Peel(k.cookie); !ok {
		part = "letter"
	}
	b.Put(b.Tamper(k.cookie, part, "", 1))
	k.tampered = b.Get("/get", "key", diary).to("asks with the signature of the cookie changed")
	return k
}

// peeled is the table of the layers. at is the first one of the payload in which text
// stands, -1 for none: elsewhere, in the time, the signature or the letters of base64,
// one that is short may stand by chance.
func (k entrusted) peeled(text string) (t Table, at int) {
	at = -1
	t = Table{Caption: "The cookie, peeled without any key", Head: []string{"layers off", "taken off last", "bytes", "what there is", "your text in it"}}
	for i, l := range k.layers {
		in := strings.Contains(l.text, text)
		cell := yes(in, false)
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
		t.Rows = append(t.Rows, []string{fmt.Sprint(i), l.took, fmt.Sprint(len(l.text)), code(visible(l.text, max)), cell})
	}
	if !k.read && len(k.layers) == 3 {
		t.Rows = append(t.Rows, []string{"–", "nothing more: it is neither JSON nor gob", "–", "–", yes(false, false)})
	}
	return t, at
}

func signedIsNotSecret(r *Run) Outcome {
	text, how := r.Choice("secret"), r.Choice("how")
	if text == "" {
		in := r.Boot(Settings{})
		x := in.Client("Rahim's browser").Get("/session")
		return Outcome{Happened: None, Undecided: true, Tone: Held, Decisive: x, Verdict: "{bad There is nothing to find:} you wrote no text, so that none was stored. Write one."}
	}
	other := "encrypted"
	if how == "encrypted" {
		other = "gorilla"
	}
	k, o := r.entrust(text, how), r.entrust(text, other)
	if k.cookie == "" || o.cookie == "" {
		return Outcome{Happened: None, Tone: Lost, Decisive: k.x, Verdict: fmt.Sprintf("{bad No cookie came:} the text was answered with status %d, and with %d for the other kind.", k.x.Status, o.x.Status)}
	}

	peeled, at := k.peeled(text)
	both := Table{Caption: "The same text both ways", Head: []string{"the cookie is", "bytes", "read without a key", "read by its server", "taken with its signature changed"}}
	for _, k := range []entrusted{k, o} {
		both.Rows = append(both.Rows, []string{sealed(k.how), fmt.Sprint(len(k.cookie)), yes(k.read, false), yes(k.answer.Value() == text, true), yes(k.tampered.Answer().Found, false)})
	}
	found := map[bool]string{true: "read without a key", false: "not read without a key"}
	out := Outcome{
		Happened: None, Decisive: k.x, Mark: k.cookie, Tables: []Table{peeled, both},
		Pair: []Shot{
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
		out.Happened, out.Tone = 2, Lost
		if carry := lettersOf(k.cookie, text); carry != "" && len(text) >= minFound {
			out.Mark = carry
		}
		out.Verdict = fmt.Sprintf("{bad Read without any key.} With %s taken off there stood: %s.", word(at, "layer", "layers"), code(text))
		if !k.tampered.Answer().Found {
			out.Verdict += " {mac Changing} is another matter: with one byte of its signature changed the same cookie was worth nothing."
		}
	case at >= 0:
		out.Happened, out.Tone = 2, Lost
		out.Verdict = fmt.Sprintf("{bad Read without any key.} With %s taken off your text stands among the %d bytes that are left.", word(at, "layer", "layers"), len(k.layers[at].text))
	case k.named:
		out.Happened, out.Tone = 1, Held
		out.Verdict = fmt.Sprintf("{ok The name alone.} `%s` stands in what was peeled, and your text does not. %s.", diary, server)
	default:
		out.Happened, out.Tone = 0, Held
		out.Verdict = fmt.Sprintf("{ok Not read.} %s came off, and from the %d bytes that are left nothing could be read. %s.", word(len(k.layers)-1, "layer", "layers"), len(k.layers[len(k.layers)-1].text), server)
		if o.read {
			out.Verdict += " The other cookie, which is signed only, gave the text away."
		}
	}
	return out
}

func changeOneLetter(r *Run) Outcome {
	in := r.Boot(Settings{})
	b := in.Client("Rahim's browser")
	login := b.Set("role", "student").to("logs in as a student")
	issued := b.Cookie()
	if _, ok := session.Peel(issued); !ok {
		return Outcome{Happened: None, Tone: Lost, Decisive: login, Verdict: fmt.Sprintf("{bad There is no cookie to edit:} the login was answered with status %d.", login.Status)}
	}
	before := in.Stats()
	was, _ := in.Record(issued)
	t := Table{Caption: "The record meanwhile", Head: []string{"request", "the role is", "the server's record"}}
	untouched := true
	look := func(what string, x *Exchange) {
		st, ok := in.Record(issued)
		untouched = untouched && ok && st.Record == was.Record
		record := "{bad gone}"
		if ok {
			record = fmt.Sprintf("{server version %d, %d bytes}", st.Version, len(st.Data))
		}
		t.Rows = append(t.Rows, []string{what, code(says(x)), record})
	}

	role := r.Choice("role")
	edited := ""
	switch edit := r.Choice("edit"); edit {
	case "role":
		values, err := json.Marshal(map[string]string{"role": role})
		if err != nil {
			r.fail(err)
		}
		edited = b.Tamper(issued, "values", string(values), 0)
	case "letter":
		edited = b.Tamper(issued, "letter", "", (len(issued)+1)/2)
	default:
		edited = b.Tamper(issued, edit, "", 0)
	}
	as := b.Get("/get", "key", "role").to("asks with the cookie as issued")
	look("with the cookie as issued", as)
	b.Put(edited)
	is := b.Get("/get", "key", "role").to("asks with the edited cookie")
	look("with the edited cookie", is)
	b.Put(issued)
	again := b.Get("/get", "key", "role").to("asks with the first cookie again")
	look("with the first cookie put back", again)

	out := Outcome{
		Happened: None, Tone: Held, Decisive: is, Mark: edited,
		Pair:   []Shot{as.shot("As issued", issued), is.shot("As edited", edited)},
		Tables: []Table{editTable(issued, edited), t},
	}
	made := in.Stats().Live - before.Live
	switch {
	case edited == issued:
		out.Tables = nil
		out.Undecided = true
		out.Verdict = "{bad Nothing was edited:} both requests carried the same cookie. Write another role."
	case as.Value() != "student":
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad The cookie as issued was not taken either} (status %d), so that nothing can be said of the edited one.", as.Status)
	case is.Status >= 400:
		out.Happened, out.Tone = 1, Refused
		out.Verdict = fmt.Sprintf("{bad An error:} the edited cookie was answered with status %d.", is.Status)
	case is.Answer().Found:
		out.Happened, out.Tone = 0, Lost
		out.Verdict = fmt.Sprintf("{bad Believed.} The edited cookie was accepted: the server says the role is %s.", code(is.Value()))
	case again.Value() != "student" || !untouched:
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Refused, but not ignored.} With the edited cookie the role is missing. With the first cookie put back it is %s, and {server the record} is %s.",
			code(says(again)), map[bool]string{true: "as it was", false: "not as it was"}[untouched])
	default:
		out.Happened, out.Tone = 2, Refused
		misfit := "The signature that the cookie carries does not fit the edited bytes."
		if r.Choice("edit") == "signature" {
			misfit = "The edited signature does not fit the bytes, which nobody edited."
		}
		out.Verdict = fmt.Sprintf("{bad Signature refused.} %s The server treated the visit as one with no session: status %d, role missing, %s created. With the first cookie put back the role is %s again: {server the record} was untouched meanwhile.",
			misfit, is.Status, strings.Replace(word(made, "record", "records"), "0", "no", 1), code(again.Value()))
	}
	return out
}

// editTable says in which parts two cookies differ.
func editTable(issued, edited string) Table {
	t := Table{Caption: "What was edited, peeled without a key", Head: []string{"part", "as issued", "as edited"}}
	parts := func(cookie string) []string {
		l, ok := session.Peel(cookie)
		if !ok {
			return slices.Repeat([]string{"cannot be peeled"}, 4)
		}
		at, values := "unreadable", "unreadable"
		if e, ok := l.Envelope(); ok {
			at, values = e.Deadline.Format(time.DateTime), e.Values
		}
		return []string{l.Time, at, code(values), fmt.Sprintf("`%x…`", l.Signature[:min(8, len(l.Signature))])}
	}
	was, is := parts(issued), parts(edited)
	for i, part := range []string{"time of signing", "deadline", "values", "signature"} {
		if was[i] != is[i] {
			t.Rows = append(t.Rows, []string{part, was[i], is[i]})
		}
	}
	for i := range min(len(issued), len(edited)) {
		if issued[i] != edited[i] {
			t.Rows = append(t.Rows, []string{fmt.Sprintf("letter %d, the first that differs", i+1), "`" + issued[i:i+1] + "`", "`" + edited[i:i+1] + "`"})
			break
		}
	}
	return t
}

// code shows words from outside as they are. Within it only its own mark means anything.
func code(s string) string { return "`" + strings.ReplaceAll(s, "`", "ˋ") + "`" }

// says is the answer to a /get in short.
func says(x *Exchange) string {
	if a := x.Answer(); a.Found {
		return string(a.Value)
	}
	return "(missing)"
}

// words are those that people make secrets of.
//
//go:embed words.txt
var words string

// forms are how people write such a word.
var forms = []func(string) string{
	func(w string) string { return w },
	func(w string) string { return strings.ToUpper(w[:1]) + w[1:] },
	strings.ToUpper,
	strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0").Replace,
}

// endings are what they put behind it: nothing first, a digit, a year, both.
func endings() []string {
	out := []string{"", "1", "!", "123", "12", "1234", "1!", "123!"}
	for n := range 10 {
		if n != 1 {
			out = append(out, strconv.Itoa(n))
		}
	}
	for _, mark := range []string{"", "!"} {
		for year := 2005; year <= 2027; year++ {
			out = append(out, strconv.Itoa(year)+mark)
		}
	}
	return out
}

// guesses yields the secrets that an attacker tries, likely ones first.
func guesses() iter.Seq[string] {
	return func(yield func(string) bool) {
		var written []string
		for i, form := range forms {
			for w := range strings.FieldsSeq(words) {
				if g := form(w); i == 0 || g != w {
					written = append(written, g)
				}
			}
		}
		for _, ending := range endings() {
			for _, w := range written {
				if !yield(w + ending) {
					return
				}
			}
		}
	}
}

// countGuesses returns how many there are.
var countGuesses = sync.OnceValue(func() (n int) {
	for range guesses() {
		n++
	}
	return n
})

// signedBy returns a function that tells whether a secret signed that cookie, named
// CookieName, with gorilla's securecookie. The cookie is peeled once, so that a guess
// costs its HMAC and nothing more: an attacker would not do it slower.
func signedBy(cookie string) func(secret string) bool {
	l, _ := session.Peel(cookie) // without layers there is no signature, which nothing equals
	text := []byte(CookieName + "|" + l.Time + "|" + l.Payload)
	return func(secret string) bool {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(text)
		return hmac.Equal(mac.Sum(nil), l.Signature)
	}
}

// anyGuess returns one of the guesses.
func anyGuess() string {
	ws, es := strings.Fields(words), endings()
	return forms[mathrand.IntN(len(forms))](ws[mathrand.IntN(len(ws))]) + es[mathrand.IntN(len(es))]
}

// online is how many guesses the attacker tries on the server itself, if the others fail.
const online = 5

func crackAWeakSecret(r *Run) Outcome {
	kind, secret := r.Choice("secret"), []byte(r.Choice("word"))
	switch kind {
	case "weak":
		secret = []byte(anyGuess())
	case "strong":
		secret = session.NewSecret()
	}
	b := r.Boot(Settings{Twin: cookieTwin(secret, nil)}).Client("Attacker's browser")
	login := b.Post("/login", "user", "rahim").to("logs in under a name of their own")
	issued := b.Cookie()
	if issued == "" {
		return Outcome{Happened: None, Undecided: true, Tone: Held, Decisive: login, Verdict: fmt.Sprintf("{bad No cookie, nothing to crack:} with that secret the server could not sign one. It answered with status %d: %s.",
			login.Status, Plain(visible(strings.TrimSpace(login.Body), 120)))}
	}
	own := b.Get("/get", "key", "user").to("asks whom the server sees, with the cookie as issued")

	// From here on the attacker is alone with the cookie, and asks no server.
	signed, all := signedBy(issued), countGuesses()
	key, tried, first := "", 0, []string{}
	began := time.Now()
	for guess := range guesses() {
		if tried%4096 == 0 {
			r.Step(tried, all, "tries the list on the cookie")
		}
		if tried < online {
			first = append(first, guess)
		}
		tried++
		if signed(guess) {
			key = guess
			break
		}
	}
	took := max(time.Since(began), time.Microsecond)
	rate := float64(tried) / took.Seconds()
	speed := fmt.Sprintf("%s in %s, about %s a second", comma(tried)+" "+map[bool]string{true: "guess", false: "guesses"}[tried == 1], brief(took), comma(round(rate)))

	forge := func(secret string) string {
		forged, err := securecookie.New([]byte(secret), nil).Encode(CookieName, map[any]any{"user": "admin"})
		if err != nil {
			r.fail(err)
		}
		return forged
	}
	send := func(cookie, note string) *Exchange {
		b.Put(cookie)
		return b.Get("/get", "key", "user").to(note)
	}
	t := Table{Caption: "What the attacker did", Head: []string{"step", "where", "how often", "what came of it"}, Rows: [][]string{
		{"logged in under a name of their own", "at the server", "1", "{cookie a cookie of " + fmt.Sprint(len(issued)) + " letters}"},
	}}
	out := Outcome{Happened: None}
	asIssued := own.shot("As issued", issued)
	if key != "" {
		forged := forge(key)
		x := send(forged, "sends the forged cookie")
		out.Decisive, out.Mark = x, forged
		out.Pair = []Shot{asIssued, x.shot("As forged", forged)}
		t.Rows = append(t.Rows,
			[]string{"guessed the secret", "at home", comma(tried), "`" + key + "`"},
			[]string{"signed a forged cookie", "at home", "1", "`user=admin`"},
			[]string{"sent it", "at the server", "1", code(says(x))})
		out.Tables = []Table{t}
		if x.Value() == "admin" {
			out.Happened, out.Tone = 0, Lost
			out.Verdict = fmt.Sprintf("{bad Cracked.} The secret is `%s`: found after %s, with one cookie and without asking the server. The forged cookie says `user=admin`, and the server believed it.", key, speed)
			return out
		}
		out.Tone = Refused
		out.Verdict = fmt.Sprintf("{bad Found, and of no use.} The secret is `%s`, found after %s. But the forged cookie was not believed: the server's answer, with status %d, was %s.", key, speed, x.Status, code(says(x)))
		return out
	}

	sent, believed := 0, false
	spent := time.Duration(0)
	for _, guess := range first {
		forged := forge(guess)
		x := send(forged, "sends a cookie that was signed with a guess")
		sent++
		spent += x.Took
		out.Decisive, out.Mark = x, forged
		out.Pair = []Shot{asIssued, x.shot("Signed with a guess", forged)}
		if x.Value() == "admin" {
			believed = true
			break
		}
	}
	result := map[bool]string{true: "{bad believed}", false: "{ok not believed}"}[believed]
	t.Rows = append(t.Rows,
		[]string{"guessed the secret", "at home", comma(tried), "{ok not found}"},
		[]string{"sent cookies signed with a guess", "at the server", fmt.Sprint(sent), result})
	out.Tables = []Table{t}
	if believed {
		out.Happened, out.Tone = 2, Lost
		out.Verdict = fmt.Sprintf("{bad The server believed a guess.} At home there were %s, and none fitted the cookie. Yet the server took the forged cookie number %d, and says `user=admin`.", speed, sent)
		return out
	}
	out.Happened, out.Tone = 1, Held
	out.Verdict = fmt.Sprintf("{ok Not cracked:} %s, and none fitted. %s sent to the server, where one takes %s, and not believed.", speed, word(sent, "of them was", "of them were"), brief(spent/time.Duration(sent)))
	switch kind {
	case "strong":
		years := 255*math.Log10(2) - math.Log10(rate) - math.Log10((365.25 * 24 * time.Hour).Seconds())
		out.Verdict += fmt.Sprintf(" To try half of all secrets of 256 bits at this rate takes about 10%s years.", superscript(int(years)))
	default:
		out.Verdict += fmt.Sprintf(" That does not make it strong: in a day this one computer tries %s million, and attackers have longer lists.", comma(round(rate*24*60*60/1e6)))
	}
	return out
}

// brief is a short time for people.
func brief(d time.Duration) string {
	if d < time.Millisecond {
		return fmt.Sprintf("%.2g ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// round leaves two digits of a measured number: the others are chance.
func round(f float64) int {
	unit := math.Pow(10, math.Floor(math.Log10(max(f, 1)))-1)
	return int(math.Round(f/unit) * unit)
}

// superscript writes n as an exponent.
func superscript(n int) string {
	return strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸", "9", "⁹").Replace(strconv.Itoa(n))
}

func rotateTheSecret(r *Run) Outcome {
	before, after := session.NewSecret(), session.NewSecret()
	in := r.Boot(Settings{Placement: r.Placement(), Secrets: [][]byte{before}})
	type person struct {
		name, did   string
		b           *Client
		issued      string    // the cookie of the login
		first, last *Exchange // who the server says it is: before the change, and after all
		renewed     bool      // in between, by a Set-Cookie
		with        string    // the secret that verified the cookie then
	}
	var ps []*person
	for _, p := range []*person{{name: "Aisha", did: "wrote"}, {name: "Rahim", did: "read"}, {name: "Mina", did: "was away"}} {
		p.b = in.Client(p.name + "'s browser")
		p.b.Post("/login", "user", p.name).to("logs in")
		p.issued = p.b.Cookie()
		p.first = p.b.Get("/get", "key", "user").to("asks who it is, before the change")
		p.with = "–"
		ps = append(ps, p)
	}
	undisturbed, keep := true, r.Choice("keep") == "while"
	if keep {
		in.SetSecrets(after, before)
		for i, p := range ps[:2] {
			var x *Exchange
			if i == 0 {
				x = p.b.Set("city", "Graz").to("writes, while both secrets verify")
			} else {
				x = p.b.Get("/get", "key", "user").to("reads, while both secrets verify")
			}
			p.renewed = x.SetCookie() != nil
			look := p.b.Get("/session").to("looks which secret verifies the cookie")
			p.with = look.Answer().CookieInfo.Key
			undisturbed = undisturbed && look.Answer().Exists && look.Answer().ID == p.first.Answer().Session.ID
		}
		in.Move(time.Hour)
	}
	in.SetSecrets(after)
	t := Table{Caption: "Who is logged in", Head: []string{"who", "before the change", "new cookie in between", "it verified with secret", "when the old secret is gone"}}
	var stay, out, came []string
	known := true
	for _, p := range ps {
		p.last = p.b.Get("/get", "key", "user").to("asks who it is, now that the old secret is gone")
		known = known && p.first.Value() == p.name
		if p.last.Value() == p.name {
			stay = append(stay, p.name)
		} else {
			out = append(out, p.name)
		}
		renewed := "–"
		if p.with != "–" {
			renewed = yes(p.renewed, true)
			came = append(came, p.name+" "+p.did+map[bool]string{true: ", and got {cookie a new cookie}", false: ", and got no new cookie"}[p.renewed])
		}
		who := p.name
		if keep {
			who += " " + p.did
		}
		t.Rows = append(t.Rows, []string{who, yes(p.first.Value() == p.name, true), renewed, p.with, yes(p.last.Value() == p.name, true)})
	}
	o := Outcome{Happened: None, Tone: Held, Tables: []Table{t}, Decisive: ps[1].last, Mark: `"found":` + strconv.FormatBool(ps[1].last.Answer().Found)}
	o.Pair = []Shot{
		ps[1].first.shot("Rahim, before", ps[1].issued),
		ps[1].last.shot("Rahim, after", ps[1].b.Cookie()),
	}
	if len(stay) > 0 && ps[0].b.Cookie() != ps[0].issued {
		// The one that was renewed still has the old cookie in a drawer.
		renewed := ps[0].b.Cookie()
		ps[0].b.Put(ps[0].issued)
		old := ps[0].b.Get("/get", "key", "user").to("replays the cookie of the login, which the old secret signed")
		o.Pair = []Shot{
			old.shot("Aisha, old secret", ps[0].issued),
			ps[0].last.shot("Aisha, new secret", renewed),
		}
	}
	switch {
	case !known:
		o.Tone, o.Verdict = Lost, "{bad Not all three were logged in before the change,} so that nothing can be said of it."
		return o
	case len(out) == 0:
		o.Happened, o.Verdict = 0, "{ok All three are logged in,} with no secret left that signed their first cookies."
	case len(stay) == 0:
		o.Happened, o.Tone = 1, Refused
		o.Verdict = "{bad Nobody is logged in any more:} all three cookies are signed with a secret that the server does not know now."
		if n := in.Stats().Live; n > 0 {
			o.Verdict += fmt.Sprintf(" {server The store} still holds %s, which no cookie opens.", word(n, "session", "sessions"))
		}
	case len(stay) == 1 && stay[0] == "Aisha":
		o.Happened, o.Verdict = 2, "{ok Aisha alone is logged in.}"
	case len(stay) == 2 && out[0] == "Mina":
		o.Happened, o.Verdict = 3, "{ok Aisha and Rahim are logged in,} and {bad Mina is not.}"
	default:
		o.Tone, o.Verdict = Lost, fmt.Sprintf("{bad None of what was predicted:} logged in are %s, and not %s.", strings.Join(stay, " and "), strings.Join(out, " and "))
	}
	if len(came) > 0 {
		o.Verdict += " While both secrets verified: " + strings.Join(came, "; ") + "."
	}
	if keep {
		if undisturbed {
			o.Verdict += " Both stayed logged in."
		} else {
			o.Verdict += " {bad Not both of them stayed logged in.}"
		}
	}
	return o
}

const (
	credit   = 10
	price    = 5
	mostBuys = 4 // where a credit that comes back for ever is left alone
)

func replayAnOlderCookie(r *Run) Outcome {
	in := r.Boot(Settings{Placement: r.Placement()})
	b := in.Client("Rahim's browser")
	t := Table{Caption: "Where the credit stands", Head: []string{"what happened", "in the cookie that the browser keeps", "in the server's record", "the server answers"}}
	at := func(what string, x *Exchange) {
		x.Note = what
		answered := "(missing)"
		if v := string(x.Answer().Value); v != "" && v != "null" {
			answered = Plain(v)
		}
		t.Rows = append(t.Rows, []string{what, "{cookie " + inCookie(b.Cookie()) + "}", "{server " + in.inRecord(b.Cookie()) + "}", answered})
	}
	set := func(n int) *Exchange {
		return b.Post("/set", "key", "credit", "value", strconv.Itoa(n), "type", "number")
	}
	ask := func() *Exchange { return b.Get("/get", "key", "credit") }
	// buy does what a shop's page would: it looks at the credit, and takes the price off.
	bought := 0
	buy := func() bool {
		look := ask()
		look.Note = "the shop looks whether the credit will do"
		had, err := strconv.Atoi(look.Value())
		if err != nil || had < price {
			return false
		}
		x := set(had - price)
		if x.Status != 200 {
			x.Note = "buys, and is refused"
			return false
		}
		bought++
		at(fmt.Sprintf("purchase %d: %d − %d", bought, had, price), x)
		return true
	}

	at("the credit is given", set(credit))
	older := b.Cookie()
	buy()
	newer := b.Cookie()
	spent := ask()
	spent.Note = "asks for the credit after the purchase"
	b.Put(older)
	back := ask()
	at("the older cookie is put back", back)
	said := envelopeOf(older).Version
	record, stored := in.Record(older)
	for bought < mostBuys && buy() {
		b.Put(older)
	}

	out := Outcome{
		Happened: None, Decisive: back, Mark: `"found":false`, Tables: []Table{t},
		Pair: []Shot{spent.shot("The newer cookie", newer), back.shot("The older cookie", older)},
	}
	if back.Answer().Found {
		out.Mark = `"value":` + string(back.Answer().Value)
	}
	purchases := fmt.Sprintf("In all there were %s of %d, from a credit of %d", word(bought, "purchase", "purchases"), price, credit)
	if bought == mostBuys {
		purchases += ", and the run stopped there"
	}
	switch {
	case older == "" || spent.Value() != strconv.Itoa(credit-price):
		out.Tone, out.Verdict = Lost, fmt.Sprintf("{bad The purchase did not go well:} after it the server answers %s, so that nothing can be said of the older cookie.", Plain(says(spent)))
	case back.Value() == spent.Value():
		out.Happened, out.Tone = 0, Held
		out.Verdict = fmt.Sprintf("{ok Spent is spent.} With the older cookie the credit is %s, as before. ", back.Value())
		if older == newer {
			out.Verdict += "Both cookies are the same, letter by letter: the purchase changed {server the record} alone. "
		}
		out.Verdict += purchases + "."
	case back.Value() == strconv.Itoa(credit):
		out.Happened, out.Tone = 1, Lost
		out.Verdict = fmt.Sprintf("{bad The credit is back:} %s after it was %s, and nothing was forged. ", back.Value(), spent.Value())
		if stored && said > 0 && said < record.Version {
			out.Verdict += fmt.Sprintf("{server The record} has version %d and {cookie the cookie} version %d: it is stale, the server can tell, and still uses its values. ", record.Version, said)
		}
		out.Verdict += purchases + "."
	case !back.Answer().Found:
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{mac The older cookie was refused:} status %d, no credit at all. %s.", back.Status, purchases)
	default:
		out.Tone, out.Verdict = Lost, fmt.Sprintf("{bad Another credit:} %s, which was neither given nor left.", Plain(says(back)))
	}
	return out
}

// inCookie says what credit a cookie holds.
func inCookie(cookie string) string {
	e := envelopeOf(cookie)
	if e.Values == "" {
		return "no values"
	}
	return fmt.Sprintf("%s, version %d", creditIn(e.Values), e.Version)
}

// inRecord says what credit the store holds for the session of a cookie.
func (in *Instance) inRecord(cookie string) string {
	st, ok := in.Record(cookie)
	if !ok {
		return "there is none"
	}
	var data struct {
		Values json.RawMessage `json:"values"`
	}
	_ = json.Unmarshal([]byte(st.Data), &data) // a record that says nothing holds no credit
	return fmt.Sprintf("%s, version %d", creditIn(string(data.Values)), st.Version)
}

func creditIn(values string) string {
	var v struct {
		Credit json.RawMessage `json:"credit"`
	}
	if json.Unmarshal([]byte(values), &v) != nil || v.Credit == nil {
		return "no credit"
	}
	return "credit " + Plain(string(v.Credit))
}
