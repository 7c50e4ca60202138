package shelf_test

import (
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var guessTheNextID = proof{
	slug: "guess-the-next-id",
	cases: []testCase{
		{chosen: "generator=counter&guess=+4721+", happened: "one-guess", says: []string{"Your own guess, 4721, was answered with status 200"}, witness: guessed(0, atOnce("4721"))},
		{chosen: "generator=counter&guess=4721&rule=hash", happened: "one-guess", says: []string{"Your own guess, 4721, was answered with status 200", "Your rule is wrong"}, witness: guessed(0, atOnce("4721"))},
		{chosen: "generator=counter&guess=4715", happened: "one-guess", says: []string{"Your own guess, 4715, was answered with status 200: that ID is not Rahim's", "The first guess, 4721"}, witness: guessed(1, atOnce("4721"))},
		{chosen: url.Values{"generator": {"hash"}, "guess": {"4721"}}.Encode(), happened: "one-guess", says: []string{"Your own guess, 4721, was answered with status 401"}, witness: guessed(1, atOnce(md5Hex("4721")))},
		{chosen: url.Values{"generator": {"random"}, "guess": {"a;b\"=, ü`{bad x}\\"}}.Encode(), happened: "too-many", says: []string{"was answered with status 401", "300 guesses"}, witness: guessed(1, func(*testing.T, []string, string, []seen) {})},
	},
	controls: []control{
		// A server that takes every ID for the ID that logged in last.
		{chosen: "generator=random", happened: "one-guess", handler: func(h http.Handler) http.Handler {
			var last string
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/me" {
					r.Header.Set("Cookie", experiment.CookieName+"="+last)
				}
				h.ServeHTTP(w, r)
				if c, err := http.ParseSetCookie(w.Header().Get("Set-Cookie")); err == nil {
					last = c.Value
				}
			})
		}},
		// A server that takes none.
		{chosen: "generator=counter", happened: "too-many", handler: rewriting(func(r *http.Request) { r.Header.Del("Cookie") })},
	},
}

// A rule is drawn by chance, once for the whole program. The ten IDs of a first run show
// which rule it is, and so what all other runs must find.
func TestGuessTheNextID(t *testing.T) {
	var w witness
	run(t, "guess-the-next-id", "generator=drawn", func(cfg *experiment.Config) { cfg.WrapHandler = w.wrap })
	p := guessTheNextID
	p.cases = append(slices.Clone(p.cases), guessCases(ruleOf(w.seen))...)
	p.run(t)
}

// guessed asserts ten samples, a login, and that exactly the guesses at its ID were
// taken for Rahim. The first own guesses are the learner's; check gets the others.
func guessed(own int, check func(t *testing.T, samples []string, victim string, guesses []seen)) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) < 12 {
			t.Fatalf("%d requests", len(all))
		}
		var samples []string
		for _, s := range all[:10] {
			if s.path != "/" || s.cookies != "" || s.sent() == "" {
				t.Errorf("no sample: %+v", s)
			}
			samples = append(samples, s.sent())
		}
		login, guesses := all[10], all[11:]
		if login.path != "/login" || login.client == all[0].client || login.sent() == "" {
			t.Errorf("no login: %+v", login)
		}
		for i, s := range guesses {
			if s.path != "/me" || s.client != all[0].client {
				t.Errorf("guess %d: %+v", i+1, s)
			}
			if hit := s.cookie == login.sent(); hit != (s.value() == "Rahim") || !hit && i >= own && s.status != 401 {
				t.Errorf("guess %d, %q, was answered %d %s", i+1, s.cookie, s.status, s.body)
			}
		}
		check(t, samples, login.sent(), guesses[own:])
	}
}

// atOnce is a check that the first guess was right.
func atOnce(want string) func(*testing.T, []string, string, []seen) {
	return func(t *testing.T, _ []string, victim string, guesses []seen) {
		if victim != want || len(guesses) != 1 || guesses[0].cookie != victim {
			t.Errorf("the ID %q, want %q, and %d guesses: %+v", victim, want, len(guesses), guesses)
		}
	}
}

func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// idRules are what comes of each rule: what is said of its IDs unless the rule is
// hidden, and what travels.
var idRules = []struct {
	name, label string
	happened    string
	says        []string
	check       func(t *testing.T, samples []string, victim string, guesses []seen)
}{
	{"counter", "a counter", "one-guess", []string{"each is 1 more", "The first guess, 4721"}, atOnce("4721")},
	{"hash", "the hash of a counter", "one-guess", []string{"they are the MD5 of 4711 to 4720", "The first guess"}, atOnce(md5Hex("4721"))},
	{"time", "the time", "some-guesses", []string{"milliseconds since 1970"}, func(t *testing.T, samples []string, victim string, guesses []seen) {
		last, _ := strconv.Atoi(samples[9])
		is, _ := strconv.Atoi(victim)
		// The one that was accepted is sent once more, to be shown.
		if n := is - last; n < 2 || len(guesses) != n+1 || guesses[n-1].cookie != victim || guesses[n].cookie != victim {
			t.Errorf("the ID was %d after the last sample, and %d guesses were sent", is-last, len(guesses))
		}
	}},
	{"random", "random letters", "too-many", []string{"300 guesses were sent, and none"}, func(t *testing.T, _ []string, _ string, guesses []seen) {
		different := make(map[string]bool)
		for _, s := range guesses {
			different[s.cookie] = true
		}
		if len(guesses) != 300 || len(different) != 300 {
			t.Errorf("%d guesses, %d different ones", len(guesses), len(different))
		}
	}},
}

// guessCases are all generators with all guesses of the rule. drawn is the rule that
// was drawn by chance.
func guessCases(drawn string) (cases []testCase) {
	for _, generator := range []string{"counter", "hash", "time", "random", "drawn"} {
		for _, rule := range []string{"none", "counter", "hash", "time", "random"} {
			made := generator
			if generator == "drawn" {
				made = drawn
			}
			c := testCase{chosen: "generator=" + generator + "&rule=" + rule}
			for _, row := range idRules {
				if row.name != made {
					continue
				}
				if generator == "drawn" { // with numbers that nobody knows before
					row.says = nil
					if row.happened == "one-guess" {
						row.check = func(t *testing.T, _ []string, victim string, guesses []seen) {
							if len(guesses) == 0 || guesses[0].cookie != victim {
								t.Errorf("the ID was %s, and %d guesses were sent", victim, len(guesses))
							}
						}
					}
				}
				c.happened, c.witness = row.happened, guessed(0, row.check)
				switch {
				case rule == "none" && generator == "drawn":
					c.says = []string{"Look at the ten IDs, choose what they are made from"}
				case rule == "none":
					c.says = row.says
				case rule == made:
					c.says = append([]string{"Your rule is right: the IDs are made from " + row.label + "."}, row.says...)
				default:
					c.says = append([]string{"Your rule is wrong: the IDs are made from " + row.label + ", and not from"}, row.says...)
				}
			}
			cases = append(cases, c)
		}
	}
	return cases
}

// ruleOf is what ten IDs are made from.
func ruleOf(samples []seen) string {
	first := samples[0].sent()
	_, err := strconv.Atoi(first)
	switch {
	case err == nil && len(first) < 10:
		return "counter"
	case err == nil:
		return "time"
	case len(first) == len(md5Hex("")):
		return "hash"
	}
	return "random"
}

// renaming is a server with another before it, which gives out the IDs of next in
// the place of its own.
func renaming(next func(n int) string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		given := make(map[string]string) // the server's own IDs, by those that were given out
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := r.Cookie(experiment.CookieName); err == nil {
				r.Header.Set("Cookie", experiment.CookieName+"="+given[c.Value])
			}
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, r)
			if c, err := http.ParseSetCookie(answer.Header().Get("Set-Cookie")); err == nil {
				id := next(len(given))
				given[id] = c.Value
				http.SetCookie(w, &http.Cookie{Name: c.Name, Value: id, Path: "/"})
			}
			w.WriteHeader(answer.Code)
			_, _ = w.Write(answer.Body.Bytes())
		})
	}
}

// The page would let a learner guess from ten IDs, and then guess about ten others.
func TestTenIDsOfTheNextRun(t *testing.T) {
	t.Parallel()
	for _, generator := range []string{"counter", "hash", "time", "random", "drawn"} {
		t.Run(generator, func(t *testing.T) {
			t.Parallel()
			var ids [2]string
			var f found
			for i := range ids {
				var w witness
				f = run(t, "guess-the-next-id", "generator="+generator, func(cfg *experiment.Config) { cfg.WrapHandler = w.wrap })
				for _, s := range w.seen[:10] {
					ids[i] += s.sent() + " "
				}
			}
			kept, says := ids[0] == ids[1], "the next run gets ten new IDs"
			switch {
			case generator == "drawn":
				says = "if it counts, the next run gets the same ten IDs, and otherwise ten new IDs"
				if counts := slices.Contains([]string{"counter", "hash"}, ruleOf([]seen{{setCookie: experiment.CookieName + "=" + strings.Fields(ids[0])[0]}})); counts != kept {
					t.Errorf("it counts: %t, the same ten: %t", counts, kept)
				}
			case kept:
				says = "since it counts from the same number, the next run gets the same ten IDs"
			}
			if !strings.Contains(f.words(), says) {
				t.Errorf("the ten IDs were\n%s\nand then\n%s\nand it says %s", ids[0], ids[1], f.words())
			}
		})
	}
}

// Until the learner has guessed the rule, nothing says which one was drawn.
func TestDrawnRuleIsNotNamed(t *testing.T) {
	t.Parallel()
	began := time.Now().UnixMilli()
	for name, next := range map[string]func(n int) string{
		"counter": func(n int) string { return strconv.Itoa(n + 100) },
		"hash":    func(n int) string { return md5Hex(strconv.Itoa(n + 100)) },
		"time":    func(n int) string { return strconv.FormatInt(began+int64(7*n+n*n), 10) },
		"random":  func(int) string { return rand.Text() },
	} {
		t.Run(name, func(t *testing.T) {
			findIn := func(form string) (found, string) {
				f := run(t, "guess-the-next-id", form, func(cfg *experiment.Config) {
					cfg.WrapHandler = func(_ string, h http.Handler) http.Handler { return renaming(next)(h) }
				})
				text := f.words()
				for _, x := range f.Exchanges {
					text += "\n" + x.Note
				}
				return f, text
			}
			hints := func(text string) (found []string) {
				text = regexp.MustCompile(`\S{17,}`).ReplaceAllString(text, "") // IDs, in which any letters can stand
				for _, hint := range []string{"counter", "hash", "MD5", "time", "millisecond", "random", " fit", "1 more"} {
					if strings.Contains(text, hint) {
						found = append(found, hint)
					}
				}
				return found
			}
			f, text := findIn("generator=drawn")
			for _, rule := range idRules {
				if rule.name == name && f.Outcome.Happened != rule.happened {
					t.Errorf("the prediction %q came true, want %q: %s", f.Outcome.Happened, rule.happened, text)
				}
			}
			if found := hints(text); found != nil {
				t.Errorf("it says %q: %s", found, text)
			}
			if _, text := findIn("generator=drawn&rule=hash"); hints(text) == nil {
				t.Errorf("after a guess it tells nothing: %s", text)
			}
		})
	}
}
