package shelf

import (
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var guessTheNextID = experiment.Experiment{
	Slug: "guess-the-next-id", Section: trust,
	Choices: []experiment.Choice{
		{Name: "generator", Label: "The server makes its IDs from", Options: slices.Concat(idRules, []experiment.Option{{Name: "drawn", Label: "one of these, drawn by chance"}})},
		{Name: "rule", Label: "Your own guess at the rule, from the ten IDs of a run before: they are made from", Options: slices.Concat([]experiment.Option{{Name: "none", Label: "no guess yet"}}, idRules)},
		{Name: "guess", Label: "Your own guess for Rahim's ID, from the ten IDs of a run before (may stay empty)", Max: 64},
	},
	Run: runGuessTheNextID,
}

const (
	// firstNumber is what the counter begins with in each run that names the rule: whoever saw
	// one run can guess the next ID themselves.
	firstNumber = 4711
	sampleCount = 10
	maxGuesses  = 300
)

// idRules are what IDs can be made from.
var idRules = []experiment.Option{{Name: "counter", Label: "a counter"}, {Name: "hash", Label: "the hash of a counter"}, {Name: "time", Label: "the time"}, {Name: "random", Label: "random letters"}}

// drawn is the rule that was drawn by chance. It stays the same as long as the program
// runs: a learner looks at ten IDs in one run, and names the rule in the next.
var drawn = sync.OnceValue(func() string { return idRules[mathrand.IntN(len(idRules))].Name })

// drawnNumber is what the counter begins with when the rule was drawn. It stays the same too:
// the ten IDs of one run are those of the next, as far as a server counts.
var drawnNumber = sync.OnceValue(func() int { return 1000 + mathrand.IntN(50_000) })

// generators make the ID of visitor n at a time.
var generators = map[string]func(n int, at time.Time) string{
	"counter": func(n int, _ time.Time) string { return strconv.Itoa(n) },
	"hash":    func(n int, _ time.Time) string { return md5Of(n) },
	"time":    func(_ int, at time.Time) string { return strconv.FormatInt(at.UnixMilli(), 10) },
	"random":  func(int, time.Time) string { return rand.Text() },
}

func md5Of(n int) string {
	sum := md5.Sum([]byte(strconv.Itoa(n)))
	return hex.EncodeToString(sum[:])
}

func sha1Of(n int) string {
	sum := sha1.Sum([]byte(strconv.Itoa(n)))
	return hex.EncodeToString(sum[:])
}

// issuer is a program that thinks up IDs, and takes whoever sends one for its owner.
func issuer(next func() string) http.Handler {
	var mu sync.Mutex
	users := make(map[string]string) // by ID; "" is a visitor
	answer := func(w http.ResponseWriter, status int, op, user string) {
		experiment.WriteJSON(w, status, map[string]any{"op": op, "key": "user", "value": user, "found": user != ""})
	}
	issue := func(w http.ResponseWriter, op, user string) {
		mu.Lock()
		id := next()
		users[id] = user
		mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: experiment.CookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		answer(w, http.StatusOK, op, user)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { issue(w, "visit", "") })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) { issue(w, "login", r.PostFormValue("user")) })
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(experiment.CookieName)
		if err != nil {
			answer(w, http.StatusUnauthorized, "me", "")
			return
		}
		mu.Lock()
		user, ok := users[c.Value]
		mu.Unlock()
		if !ok {
			answer(w, http.StatusUnauthorized, "me", "")
			return
		}
		answer(w, http.StatusOK, "me", user)
	})
	return mux
}

// hypothesis is a guess at how IDs are made.
type hypothesis struct {
	name string
	fits string             // what speaks for the hypothesis; "" when the samples do not fit it
	next func(k int) string // the k-th guess, from 1
}

// hypotheses are the guesses of an attacker who knows only the samples and the time.
func hypotheses(samples []string, now time.Time) []hypothesis {
	return []hypothesis{counted(samples), timed(samples, now), hashed(samples)}
}

// counted reads the samples as numbers, be it in base 36, and goes on counting.
func counted(samples []string) hypothesis {
	h := hypothesis{name: "a counter"}
	last := samples[len(samples)-1]
	base := 36
	if allDigits(samples) {
		base = 10
	}
	var numbers []*big.Int
	for _, s := range samples {
		n, ok := new(big.Int).SetString(s, base)
		if !ok {
			h.next = func(k int) string { return last + strconv.Itoa(k) }
			return h
		}
		numbers = append(numbers, n)
	}
	step, even := big.NewInt(1), true
	for i := 1; i < len(numbers); i++ {
		d := new(big.Int).Sub(numbers[i], numbers[i-1])
		if i == 1 {
			step = d
		}
		even = even && d.Cmp(step) == 0
	}
	if even && step.Sign() > 0 {
		h.fits = fmt.Sprintf("each is %v more than the one before", step)
	} else {
		step = big.NewInt(1)
	}
	h.next = func(k int) string {
		n := new(big.Int).Mul(step, big.NewInt(int64(k)))
		text := n.Add(n, numbers[len(numbers)-1]).Text(base)
		if last == strings.ToUpper(last) {
			text = strings.ToUpper(text)
		}
		return strings.Repeat("0", max(0, len(last)-len(text))) + text
	}
	return h
}

// timed reads the samples as milliseconds since 1970.
func timed(samples []string, now time.Time) hypothesis {
	h := hypothesis{name: "the time"}
	near, last := allDigits(samples), now.UnixMilli()
	for _, s := range samples {
		n, err := strconv.ParseInt(s, 10, 64)
		near = near && err == nil && now.Sub(time.UnixMilli(n)).Abs() < time.Minute
	}
	if near {
		h.fits = "all are milliseconds since 1970, less than a minute from now"
		last, _ = strconv.ParseInt(samples[len(samples)-1], 10, 64) // it parsed above
	}
	h.next = func(k int) string { return strconv.FormatInt(last+int64(k), 10) }
	return h
}

// hashed looks for small numbers, in a row, whose hashes the samples are.
func hashed(samples []string) hypothesis {
	h := hypothesis{name: "the hash of a counter", next: md5Of}
	for _, of := range []struct {
		name string
		sum  func(int) string
	}{{"MD5", md5Of}, {"SHA-1", sha1Of}} {
		if len(samples[0]) != len(of.sum(0)) {
			continue
		}
		for n := range 100_000 {
			if of.sum(n) != samples[0] {
				continue
			}
			end := n + len(samples) - 1
			if of.sum(end) == samples[len(samples)-1] {
				h.fits = fmt.Sprintf("they are the %s of %d to %d", of.name, n, end)
				h.next = func(k int) string { return of.sum(end + k) }
			}
			return h
		}
	}
	return h
}

func allDigits(samples []string) bool {
	return !slices.ContainsFunc(samples, func(s string) bool { return s == "" || strings.Trim(s, "0123456789") != "" })
}

// tryID sends one guess, and tells whether it is taken for Rahim's.
func tryID(c *experiment.Client, id, note string) (*experiment.Exchange, bool) {
	c.Put(id)
	x := c.Get("/me").For(note)
	return x, x.Value() == "Rahim"
}

// attack is what came of an attacker's guesses.
type attack struct {
	table    experiment.Table
	sent     int
	accepted string               // the guess that was accepted; "" for none
	x        *experiment.Exchange // the guess to show, as it was sent; mark is its ID
	mark     string
}

// attackBy sends the guesses of the hypothesis that fits, or some of each if none does.
// Its notes do not name the rule when it is hidden.
func attackBy(c *experiment.Client, all []hypothesis, fit int, hidden bool) (a attack) {
	a.table = experiment.Table{Caption: "What the attacker made of them", Head: []string{"IDs made from", "do the ten fit?", "guesses sent", "accepted"}}
	share := maxGuesses
	if fit < 0 {
		share /= len(all)
	}
	for i, h := range all {
		sent, took := 0, "–"
		if a.accepted == "" && (fit < 0 || fit == i) {
			var cookies []string
			for k := range share {
				cookies = append(cookies, h.next(k+1))
			}
			note := "sends the first guess: " + h.name
			if hidden {
				note = fmt.Sprintf("sends guess %d", a.sent+1)
			}
			var hit bool
			a.x, hit = tryID(c, cookies[0], note)
			sent, a.mark = 1, cookies[0]
			if !hit {
				var more int
				if more, hit = c.GetEach("/me", cookies[1:], func(x *experiment.Exchange) bool { return x.Value() == "Rahim" }); hit {
					a.mark = cookies[more]
					a.x, _ = tryID(c, a.mark, fmt.Sprintf("sends guess %d, which was accepted, once more", a.sent+more+1))
				}
				sent += more
			}
			if a.sent += sent; hit {
				a.accepted = a.mark
			}
			took = experiment.YesNo(hit, false)
		}
		a.table.Rows = append(a.table.Rows, []string{h.name, cmp.Or(h.fits, "no"), fmt.Sprint(sent), took})
	}
	return a
}

func runGuessTheNextID(r *experiment.Run) experiment.Outcome {
	made, named := r.Choice("generator"), r.Choice("rule")
	hidden := made == "drawn" && named == "none" // nothing may say the rule
	n := firstNumber - 1
	if made == "drawn" { // with other numbers than the runs that name the rule
		made, n = drawn(), drawnNumber()-1
	}
	generate, c := generators[made], newClock()
	in := r.Boot(experiment.Settings{Twin: func(func() string) http.Handler {
		return issuer(func() string { n++; return generate(n, c.now()) })
	}})
	attacker, victim := in.Client("The attacker's browser"), in.Client("Rahim's browser")
	samples, t := takeSamples(attacker, c)
	t.Note = ofTheNextRun(made, hidden)
	c.wait(20, 200)
	login := victim.Post("/login", "user", "Rahim").For("logs in")

	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Decisive: login, Tables: []experiment.Table{t}}
	if slices.Contains(samples, "") {
		out.Verdict = "{bad No IDs:} the server answered a visit without a cookie, so there is nothing to guess from."
		return out
	}
	said := judgeRule(made, named, hidden)
	if own := strings.TrimSpace(r.Choice("guess")); own != "" {
		x, hit := tryID(attacker, own, "sends your guess")
		if hit {
			out.Happened, out.Decisive, out.Mark = "one-guess", x, own
			out.Verdict = fmt.Sprintf("{bad You guessed it.} Your own guess, %s, was answered with status %d and the user `Rahim`. That is one guess, and no password.", experiment.Code(own), x.Status) + said
			return out
		}
		said = fmt.Sprintf(" Your own guess, %s, was answered with status %d: that ID is not Rahim's.", experiment.Code(own), x.Status) + said
	}

	all := hypotheses(samples, time.Now())
	fit := slices.IndexFunc(all, func(h hypothesis) bool { return h.fits != "" })
	a := attackBy(attacker, all, fit, hidden)
	rule := " The ten IDs fit no rule that the attacker tried."
	switch {
	case hidden:
		a.table = experiment.Table{Caption: "The attacker's guesses", Head: []string{"guesses sent", "accepted"}, Rows: [][]string{{fmt.Sprint(a.sent), experiment.YesNo(a.accepted != "", false)}}}
		rule = ""
	case fit >= 0:
		rule = fmt.Sprintf(" The ten IDs give their rule away, %s: %s.", all[fit].name, all[fit].fits)
	}
	a.judge(&out, rule)
	out.Verdict += said
	return out
}

// clock is moved by hand only: a busy machine must not change how many guesses it takes. Its methods may be called concurrently.
type clock struct{ milliseconds atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.milliseconds.Store(time.Now().UnixMilli())
	return c
}

func (c *clock) now() time.Time { return time.UnixMilli(c.milliseconds.Load()) }

// wait moves the clock by at least from and less than to milliseconds.
func (c *clock) wait(from, to int64) { c.milliseconds.Add(from + mathrand.Int64N(to-from)) }

// takeSamples visits the server ten times without a cookie, and returns the IDs.
func takeSamples(attacker *experiment.Client, c *clock) (samples []string, t experiment.Table) {
	t = experiment.Table{Caption: "Ten samples", Head: []string{"visit", "ID", "more than the one before"}}
	for i := range sampleCount {
		c.wait(3, 41)
		attacker.Drop()
		attacker.Get("/").For(fmt.Sprintf("visit %d", i+1))
		id, more := attacker.Cookie(), ""
		if i > 0 && allDigits([]string{samples[i-1], id}) {
			a, _ := new(big.Int).SetString(samples[i-1], 10)
			b, _ := new(big.Int).SetString(id, 10)
			more = b.Sub(b, a).String()
		}
		samples = append(samples, id)
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), experiment.Code(id), cmp.Or(more, "–")})
	}
	return samples, t
}

// ofTheNextRun says whether the next run has the same ten IDs. When the rule is hidden, that
// does not say it.
func ofTheNextRun(made string, hidden bool) string {
	switch {
	case hidden:
		return "Each run has a new server: if it counts, the next run gets the same ten IDs, and otherwise ten new IDs."
	case made == "counter", made == "hash":
		return "Each run has a new server: since it counts from the same number, the next run gets the same ten IDs."
	}
	return "Each run has a new server, and the next run gets ten new IDs."
}

// judgeRule says whether the learner named the rule that the IDs were made by.
func judgeRule(made, named string, hidden bool) string {
	label := func(rule string) string {
		return idRules[slices.IndexFunc(idRules, func(o experiment.Option) bool { return o.Name == rule })].Label
	}
	switch {
	case hidden:
		return " Look at the ten IDs, choose what they are made from, and run it again: the rule stays the same as long as this program runs."
	case named == made:
		return fmt.Sprintf(" {ok Your rule is right:} the IDs are made from %s.", label(made))
	case named != "none":
		return fmt.Sprintf(" {bad Your rule is wrong:} the IDs are made from %s, and not from %s.", label(made), label(named))
	}
	return ""
}

// judge says how many guesses it took. rule says what the attacker found in the samples.
func (a attack) judge(out *experiment.Outcome, rule string) {
	out.Decisive, out.Mark = a.x, a.mark
	out.Tables = append(out.Tables, a.table)
	switch {
	case a.accepted == "":
		out.Happened, out.Tone = "too-many", experiment.Refused
		out.Verdict = fmt.Sprintf("{ok Not guessed.}%s %s were sent, and none was taken for Rahim.", rule, experiment.Count(a.sent, "guess", "guesses"))
	case a.sent == 1:
		out.Happened = "one-guess"
		out.Verdict = fmt.Sprintf("{bad Guessed at once.}%s The first guess, %s, was answered with status %d and the user `Rahim`.", rule, experiment.Code(a.accepted), a.x.Status)
	default:
		out.Happened = "some-guesses"
		out.Verdict = fmt.Sprintf("{bad Guessed after a while.}%s Guess %d, %s, was taken for Rahim; sent once more, it was answered with status %d.", rule, a.sent, experiment.Code(a.accepted), a.x.Status)
	}
}
