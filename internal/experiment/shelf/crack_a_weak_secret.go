package shelf

import (
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"iter"
	"math"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var crackAWeakSecret = experiment.Experiment{
	Slug: "crack-a-weak-secret", Section: trust,
	Choices: []experiment.Choice{
		{Name: "secret", Label: "The secret is", Options: []experiment.Option{
			{Name: "weak", Label: "a common word, drawn by chance, and perhaps decorated"}, {Name: "yours", Label: "what you type below"}, {Name: "strong", Label: "32 random bytes"},
		}},
		{Name: "word", Label: "Your secret", Default: "Gorilla123!", Max: 64},
	},
	Run: runCrackAWeakSecret,
}

// words are the words that people make secrets of.
//
//go:embed words.txt
var words string

// forms are the ways in which people write a word of the list.
var forms = []func(string) string{
	func(w string) string { return w },
	func(w string) string { return strings.ToUpper(w[:1]) + w[1:] },
	strings.ToUpper,
	strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0").Replace,
}

// endings are what people put behind a word: first nothing, then a digit, a year, a mark.
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

// countGuesses returns how many guesses there are.
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
	l, _ := session.Peel(cookie) // a cookie without layers has no signature, and no guess fits
	text := []byte(experiment.CookieName + "|" + l.Time + "|" + l.Payload)
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

func runCrackAWeakSecret(r *experiment.Run) experiment.Outcome {
	secret := []byte(r.Choice("word"))
	switch r.Choice("secret") {
	case "weak":
		secret = []byte(anyGuess())
	case "strong":
		secret = session.NewSecret()
	}
	b := r.Boot(experiment.Settings{Twin: experiment.CookieTwin(secret, nil)}).Client("Attacker's browser")
	login := b.Post("/login", "user", "rahim").For("logs in under a name of their own")
	issued := b.Cookie()
	if issued == "" {
		return experiment.Outcome{Happened: experiment.None, Undecided: true, Tone: experiment.Held, Decisive: login, Verdict: fmt.Sprintf("{bad No cookie, nothing to crack:} with that secret the server could not sign one. It answered with status %d: %s.",
			login.Status, experiment.Plain(visible(strings.TrimSpace(login.Body), 120)))}
	}
	a := &cracking{r: r, b: b, strong: r.Choice("secret") == "strong"}
	a.asIssued = b.Get("/get", "key", "user").For("asks whom the server sees, with the cookie as issued").Shot("As issued", issued)
	a.table = experiment.Table{Caption: "What the attacker did", Head: []string{"step", "where", "how often", "what came of it"}, Rows: [][]string{
		{"logged in under a name of their own", "at the server", "1", "{cookie a cookie of " + fmt.Sprint(len(issued)) + " letters}"},
	}}
	if key := a.guess(issued); key != "" {
		return a.useKey(key)
	}
	return a.sendGuesses()
}

// cracking is what the attacker does with one cookie.
type cracking struct {
	r        *experiment.Run
	b        *experiment.Client
	strong   bool // the secret is 32 random bytes
	asIssued experiment.Shot
	table    experiment.Table

	tried int     // how many guesses were tried on the cookie
	rate  float64 // guesses a second
	speed string  // tried, rate and the time, in words
}

// guess tries the list on the cookie. The attacker does that at home, and asks no server.
// It returns the secret, or "".
func (a *cracking) guess(issued string) (key string) {
	signed, all := signedBy(issued), countGuesses()
	began := time.Now()
	for guess := range guesses() {
		if a.tried%4096 == 0 {
			a.r.Step(a.tried, all, "tries the list on the cookie")
		}
		a.tried++
		if signed(guess) {
			key = guess
			break
		}
	}
	took := max(time.Since(began), time.Microsecond)
	a.rate = float64(a.tried) / took.Seconds()
	word := "guesses"
	if a.tried == 1 {
		word = "guess"
	}
	a.speed = fmt.Sprintf("%s %s in %s, about %s a second", experiment.Comma(a.tried), word, brief(took), experiment.Comma(round(a.rate)))
	return key
}

// forge signs a cookie that says user=admin.
func (a *cracking) forge(secret string) string {
	forged, err := securecookie.New([]byte(secret), nil).Encode(experiment.CookieName, map[any]any{"user": "admin"})
	if err != nil {
		a.r.Fail(err)
	}
	return forged
}

// send asks the server whom it sees, with that cookie.
func (a *cracking) send(cookie, note string) *experiment.Exchange {
	a.b.Put(cookie)
	return a.b.Get("/get", "key", "user").For(note)
}

// useKey sends a cookie that was forged with the secret.
func (a *cracking) useKey(key string) experiment.Outcome {
	forged := a.forge(key)
	x := a.send(forged, "sends the forged cookie")
	a.table.Rows = append(a.table.Rows,
		[]string{"guessed the secret", "at home", experiment.Comma(a.tried), "`" + key + "`"},
		[]string{"signed a forged cookie", "at home", "1", "`user=admin`"},
		[]string{"sent it", "at the server", "1", experiment.Code(x.ShownValue())})
	out := experiment.Outcome{
		Happened: experiment.None, Tone: experiment.Refused, Decisive: x, Mark: forged,
		Pair: []experiment.Shot{a.asIssued, x.Shot("As forged", forged)}, Tables: []experiment.Table{a.table},
	}
	if x.Value() == "admin" {
		out.Happened, out.Tone = "at-home", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Cracked.} The secret is `%s`: found after %s, with one cookie and without asking the server. The forged cookie says `user=admin`, and the server believed it.", key, a.speed)
		return out
	}
	out.Verdict = fmt.Sprintf("{bad Found, and useless.} The secret is `%s`, found after %s. But the server did not believe the forged cookie: its answer, with status %d, was %s.", key, a.speed, x.Status, experiment.Code(x.ShownValue()))
	return out
}

// sendGuesses sends cookies that were signed with the first guesses, when no guess
// fitted the cookie.
func (a *cracking) sendGuesses() experiment.Outcome {
	out := experiment.Outcome{Happened: experiment.None}
	sent, believed, spent := 0, false, time.Duration(0)
	for guess := range guesses() {
		if sent == online || believed {
			break
		}
		forged := a.forge(guess)
		x := a.send(forged, "sends a cookie that was signed with a guess")
		sent++
		spent += x.Took
		out.Decisive, out.Mark = x, forged
		out.Pair = []experiment.Shot{a.asIssued, x.Shot("Signed with a guess", forged)}
		believed = x.Value() == "admin"
	}
	result := "{ok not believed}"
	if believed {
		result = "{bad believed}"
	}
	a.table.Rows = append(a.table.Rows,
		[]string{"guessed the secret", "at home", experiment.Comma(a.tried), "{ok not found}"},
		[]string{"sent cookies signed with a guess", "at the server", fmt.Sprint(sent), result})
	out.Tables = []experiment.Table{a.table}
	if believed {
		out.Happened, out.Tone = "by-sending", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad The server believed a guess.} At home there were %s, and no guess fitted the cookie. Yet the server took the forged cookie number %d, and says `user=admin`.", a.speed, sent)
		return out
	}
	out.Happened, out.Tone = "not-listed", experiment.Held
	out.Verdict = fmt.Sprintf("{ok Not cracked:} %s, and no guess fitted. %s sent to the server, where each took %s, and the server believed none.", a.speed, experiment.Count(sent, "of them was", "of them were"), brief(spent/time.Duration(sent)))
	if a.strong {
		years := 255*math.Log10(2) - math.Log10(a.rate) - math.Log10((365.25 * 24 * time.Hour).Seconds())
		out.Verdict += fmt.Sprintf(" To try half of all secrets of 256 bits at this rate takes about 10%s years.", superscript(int(years)))
	} else {
		out.Verdict += fmt.Sprintf(" That does not make it strong: in a day this one computer tries %s million, and attackers have longer lists.", experiment.Comma(round(a.rate*24*60*60/1e6)))
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
