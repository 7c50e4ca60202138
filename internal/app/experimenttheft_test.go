package app

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

// namedIn is the short name of the session whose ID a cookie of ours carries.
func namedIn(cookie string) string {
	l, _ := session.Peel(cookie)
	e, ok := l.Envelope()
	if !ok {
		return ""
	}
	return session.KeyOf(e.ID).Name().String()
}

// afterLogout asserts a login, a logout, and what the kept cookie reads after it.
func afterLogout(user string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 5 {
			t.Fatalf("%d requests", len(all))
		}
		login, before, logout, own, replay := all[0], all[1], all[2], all[3], all[4]
		if login.path != "/login" || login.sent() == "" || before.value() != "Rahim" || before.cookie != login.sent() {
			t.Errorf("no login: %+v, %+v", login, before)
		}
		if logout.path != "/logout" || !strings.Contains(logout.setCookie, "Max-Age=0") {
			t.Errorf("the logout sets %q", logout.setCookie)
		}
		if own.cookies != "" || own.value() != "" {
			t.Errorf("after the logout the browser sent %q and read %q", own.cookies, own.value())
		}
		if replay.client == login.client || replay.cookie != login.sent() {
			t.Errorf("%s replays %q, not what the login set", replay.client, replay.cookie)
		}
		if replay.status != 200 || replay.value() != user || replay.setCookie != "" {
			t.Errorf("the replay was answered %d %s, and sets %q; want the user %q", replay.status, replay.body, replay.setCookie, user)
		}
	}
}

// wroteWithOld asserts a write with a cookie whose session was deleted, and what
// another copy of that cookie reads of it.
func wroteWithOld(city string, more func(t *testing.T, old, set string)) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 5 {
			t.Fatalf("%d requests", len(all))
		}
		old := all[0].sent()
		if all[1].path != "/logout" || !strings.Contains(all[1].setCookie, "Max-Age=0") {
			t.Errorf("the logout sets %q", all[1].setCookie)
		}
		read, write, other := all[2], all[3], all[4]
		if old == "" || read.cookie != old || write.cookie != old || other.cookie != old {
			t.Errorf("not all came with the old cookie %q: %q, %q, %q", old, read.cookie, write.cookie, other.cookie)
		}
		if read.value() != "" || write.status != 200 || write.form.Get("city")+write.form.Get("value") != "Graz" || other.value() != city {
			t.Errorf("read %q, write %d, another copy reads %q; want %q", read.value(), write.status, other.value(), city)
		}
		more(t, old, write.sent())
	}
}

// fixed asserts a planted cookie, a login, and what the attacker reads.
func fixed(path, user string, same bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 6 {
			t.Fatalf("%d requests", len(all))
		}
		born, visit, login, ask, own, later := all[0], all[1], all[2], all[3], all[4], all[5]
		planted := born.sent()
		for _, flag := range []string{"; HttpOnly", "; Secure", "; SameSite=Lax"} {
			if !strings.Contains(born.setCookie, flag) {
				t.Errorf("%q lacks %q", born.setCookie, flag)
			}
		}
		if planted == "" || visit.cookie != planted || login.cookie != planted || visit.client == born.client || login.path != path {
			t.Errorf("the planted cookie %q was not the victim's: %q, %q, %s", planted, visit.cookie, login.cookie, login.path)
		}
		if ask.client != born.client || later.client != born.client || ask.cookie != planted || later.cookie != planted {
			t.Errorf("the attacker asked with %q and %q", ask.cookie, later.cookie)
		}
		if own.value() != "Rahim" || ask.value() != user || later.value() != user {
			t.Errorf("the victim reads %q, the attacker %q and %q; want %q", own.value(), ask.value(), later.value(), user)
		}
		if visit.answer["id"] != namedIn(planted) || (namedIn(own.cookie) == namedIn(planted)) != same {
			t.Errorf("planted %s, visited %v, after the login %s", namedIn(planted), visit.answer["id"], namedIn(own.cookie))
		}
	}
}

// robbed asserts what the copy of a cookie could do: pay says the status of each try.
func robbed(pay []int, balances []float64) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var paid, looked []int
		var own []float64
		stolen, cycled := "", ""
		for _, s := range all {
			thief := s.client != all[0].client
			switch {
			case s.path == "/login":
				stolen = s.sent()
			case thief && s.cookie != stolen:
				t.Errorf("the thief sent %q, not the stolen cookie", s.cookie)
			case thief && s.form.Has("password") && s.form.Get("password") == all[0].form.Get("password"):
				t.Error("the thief knows the password")
			case thief && s.path == "/transfer":
				paid = append(paid, s.status)
			case thief:
				looked = append(looked, s.status)
			case s.path == "/me":
				n, _ := s.answer["balance"].(float64)
				own = append(own, n)
			case s.path == "/password" && s.form.Get("new-id") != "":
				cycled = s.sent()
			case s.path == "/password" && s.setCookie != "":
				t.Errorf("a new password alone sets %q", s.setCookie)
			}
			if !thief && s.status != 200 {
				t.Errorf("%s %s of the owner was answered %d", s.method, s.path, s.status)
			}
		}
		if fmt.Sprint(paid, looked, own) != fmt.Sprint(pay, []int{200, 200, 401}, balances) {
			t.Errorf("the thief paid %v and looked %v; the owner read %v; want %v, %v", paid, looked, own, pay, balances)
		}
		if stolen == "" || cycled == "" || namedIn(stolen) == namedIn(cycled) {
			t.Errorf("the ID was %q and is %q", namedIn(stolen), namedIn(cycled))
		}
	}
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

var stealCases = []experimentCase{
	{slug: "log-out-then-replay", chosen: "engine=gorilla", happened: 2, says: []string{"status 200 and the user Rahim"}, witness: afterLogout("Rahim")},
	{slug: "log-out-then-replay", chosen: "engine=cookie", happened: 1, says: []string{"and no user", "a marker: this ID has ended"}, witness: afterLogout("")},
	{slug: "log-out-then-replay", chosen: "engine=hybrid", happened: 1, says: []string{"and no user", "| a record", "the server holds nothing"}, witness: afterLogout("")},
	{slug: "log-out-then-replay", chosen: "engine=server", happened: 1, says: []string{"and no user", "| a record", "the server holds nothing"}, witness: afterLogout("")},

	{slug: "a-deleted-id-comes-back", chosen: "engine=gorilla", happened: 1, says: []string{"is alive again, with a file of that name", "reads Graz"},
		witness: wroteWithOld("Graz", func(t *testing.T, old, set string) {
			was, _ := session.Peel(old)
			is, _ := session.Peel(set)
			if was.Payload == "" || was.Payload != is.Payload { // the ID, encoded by gorilla
				t.Errorf("the ID was %q and is %q", was.Payload, is.Payload)
			}
		})},
	{slug: "a-deleted-id-comes-back", chosen: "engine=gorilla-stops", happened: 2, says: []string{"refused with status 500", "still has no file of the old ID"},
		witness: func(t *testing.T, all []seen) {
			if len(all) != 5 {
				t.Fatalf("%d requests", len(all))
			}
			for _, s := range all[2:] {
				if s.cookie != all[0].sent() || s.cookie == "" || s.status != 500 || s.setCookie != "" {
					t.Errorf("%s %s with %q: %d, sets %q", s.method, s.path, s.cookie, s.status, s.setCookie)
				}
			}
		}},
	{slug: "a-deleted-id-comes-back", chosen: "engine=engine", happened: 3, says: []string{"began a new session"},
		witness: wroteWithOld("", func(t *testing.T, old, set string) {
			if namedIn(old) == "" || namedIn(set) == "" || namedIn(old) == namedIn(set) {
				t.Errorf("the ID was %q and is %q", namedIn(old), namedIn(set))
			}
		})},

	{slug: "fixation", chosen: "rotation=off", happened: 2, says: []string{"HttpOnly, Secure, SameSite=Lax", "the same at all three moments"}, witness: fixed("/login-keeping-id", "Rahim", true)},
	{slug: "fixation", chosen: "rotation=on", happened: 3, says: []string{"HttpOnly, Secure, SameSite=Lax", "the login gave it the new ID"}, witness: fixed("/login", "", false)},

	{slug: "a-stolen-cookie", chosen: "guard=cookie", happened: 2, says: []string{"a balance of 100, and then Rahim read one of 60", "still read the account (status 200)", "(status 401)"},
		witness: robbed([]int{200}, []float64{100, 60, 55})},
	{slug: "a-stolen-cookie", chosen: "guard=password", happened: 3, says: []string{"answered with status 403, and Rahim's balance stayed 100", "still read the account (status 200)", "(status 401)"},
		witness: robbed([]int{403, 403}, []float64{100, 100, 95})},
}

// The learner's own guesses; every other combination is in guessCases.
var ownGuessCases = []experimentCase{
	{slug: "guess-the-next-id", chosen: "generator=counter&guess=+4721+", happened: 1, says: []string{"Your own guess, 4721, was answered with status 200"}, witness: guessed(0, atOnce("4721"))},
	{slug: "guess-the-next-id", chosen: "generator=counter&guess=4721&rule=hash", happened: 1, says: []string{"Your own guess, 4721, was answered with status 200", "Your rule is wrong"}, witness: guessed(0, atOnce("4721"))},
	{slug: "guess-the-next-id", chosen: "generator=counter&guess=4715", happened: 1, says: []string{"Your own guess, 4715, was answered with status 200: it is not Rahim's", "The first guess, 4721"}, witness: guessed(1, atOnce("4721"))},
	{slug: "guess-the-next-id", chosen: url.Values{"generator": {"hash"}, "guess": {"4721"}}.Encode(), happened: 1, says: []string{"Your own guess, 4721, was answered with status 401"}, witness: guessed(1, atOnce(md5Hex("4721")))},
	{slug: "guess-the-next-id", chosen: url.Values{"generator": {"random"}, "guess": {"a;b\"=, ü`{bad x}\\"}}.Encode(), happened: 3, says: []string{"was answered with status 401", "300 guesses"}, witness: guessed(1, func(*testing.T, []string, string, []seen) {})},
}

// idRules are what comes of each rule: what is said of its IDs unless the rule is
// hidden, and what travels.
var idRules = []struct {
	name, label string
	happened    int
	says        []string
	check       func(t *testing.T, samples []string, victim string, guesses []seen)
}{
	{"counter", "a counter", 1, []string{"each is 1 more", "The first guess, 4721"}, atOnce("4721")},
	{"hash", "the hash of a counter", 1, []string{"they are the MD5 of 4711 to 4720", "The first guess"}, atOnce(md5Hex("4721"))},
	{"time", "the time", 2, []string{"milliseconds since 1970"}, func(t *testing.T, samples []string, victim string, guesses []seen) {
		last, _ := strconv.Atoi(samples[9])
		is, _ := strconv.Atoi(victim)
		// The one that was accepted is sent once more, to be shown.
		if n := is - last; n < 2 || len(guesses) != n+1 || guesses[n-1].cookie != victim || guesses[n].cookie != victim {
			t.Errorf("the ID was %d after the last sample, and %d guesses were sent", is-last, len(guesses))
		}
	}},
	{"random", "random letters", 3, []string{"300 guesses were sent, and none"}, func(t *testing.T, _ []string, _ string, guesses []seen) {
		different := make(map[string]bool)
		for _, s := range guesses {
			different[s.cookie] = true
		}
		if len(guesses) != 300 || len(different) != 300 {
			t.Errorf("%d guesses, %d different ones", len(guesses), len(different))
		}
	}},
}

// guessCases are all generators with all guesses of the rule. drawn is what the one
// that is drawn by chance makes its IDs from.
func guessCases(drawn string) (cases []experimentCase) {
	for _, generator := range []string{"counter", "hash", "time", "random", "drawn"} {
		for _, rule := range []string{"none", "counter", "hash", "time", "random"} {
			made := generator
			if generator == "drawn" {
				made = drawn
			}
			c := experimentCase{slug: "guess-the-next-id", chosen: "generator=" + generator + "&rule=" + rule}
			for _, is := range idRules {
				if is.name != made {
					continue
				}
				if generator == "drawn" { // with numbers that nobody knows before
					is.says = nil
					if is.happened == 1 {
						is.check = func(t *testing.T, _ []string, victim string, guesses []seen) {
							if len(guesses) == 0 || guesses[0].cookie != victim {
								t.Errorf("the ID was %s, and %d guesses were sent", victim, len(guesses))
							}
						}
					}
				}
				c.happened, c.witness = is.happened, guessed(0, is.check)
				switch {
				case rule == "none" && generator == "drawn":
					c.says = []string{"Look at the ten IDs, choose what they are made from"}
				case rule == "none":
					c.says = is.says
				case rule == made:
					c.says = append([]string{"Your rule is right: the IDs are made from " + is.label + "."}, is.says...)
				default:
					c.says = append([]string{"Your rule is wrong: the IDs are made from " + is.label + ", and not from"}, is.says...)
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

// theftCases are all of them; what is drawn is not known before the first run.
var theftCases = slices.Concat(stealCases, ownGuessCases, guessCases(""))

// undying is a store that deletes nothing.
type undying struct{ session.Backend }

func (undying) Delete(context.Context, session.Key) error { return nil }

// rewriting is a server with something before it that changes what comes in.
func rewriting(change func(r *http.Request)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			change(r)
			h.ServeHTTP(w, r)
		})
	}
}

// resetForm puts form in the place of r's body.
func resetForm(r *http.Request, form url.Values) {
	body := form.Encode()
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
}

var theftControls = []control{
	// A logout that tells the browser alone.
	{slug: "log-out-then-replay", chosen: "engine=hybrid", happened: 2, handler: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/logout" {
				http.SetCookie(w, &http.Cookie{Name: experiment.CookieName, Path: "/", MaxAge: -1})
				r.Header.Del("Cookie")
			}
			h.ServeHTTP(w, r)
		})
	}},
	// A server that remembers which cookies were logged out.
	{slug: "log-out-then-replay", chosen: "engine=gorilla", happened: 3, handler: func(h http.Handler) http.Handler {
		var ended sync.Map
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, ok := ended.Load(r.Header.Get("Cookie")); ok && r.Header.Get("Cookie") != "" {
				http.Error(w, "ended", http.StatusForbidden)
				return
			}
			if r.URL.Path == "/logout" {
				ended.Store(r.Header.Get("Cookie"), true)
			}
			h.ServeHTTP(w, r)
		})
	}},
	// A store that deletes nothing: what the logout leaves is there for the old cookie.
	{slug: "a-deleted-id-comes-back", chosen: "engine=engine", happened: 1, store: func(b session.Backend) session.Backend { return undying{b} }},
	// A server that refuses a write with a cookie that opens nothing.
	{slug: "a-deleted-id-comes-back", chosen: "engine=gorilla", happened: 2, handler: func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/set" {
				http.Error(w, "gone", http.StatusConflict)
				return
			}
			h.ServeHTTP(w, r)
		})
	}},
	// A login that forgets to renew the ID.
	{slug: "fixation", chosen: "rotation=on", happened: 2, handler: rewriting(func(r *http.Request) {
		if r.URL.Path == "/login" {
			r.URL.Path = "/login-keeping-id"
		}
	})},
	// A server that takes a cookie from the browser alone that it gave it to.
	{slug: "fixation", chosen: "rotation=off", happened: 1, handler: rewriting(func(r *http.Request) {
		if strings.HasPrefix(r.UserAgent(), "Rahim") && r.URL.Path == "/session" {
			r.Header.Del("Cookie")
		} else if strings.HasPrefix(r.UserAgent(), "The attacker") && r.URL.Path == "/get" {
			r.Header.Del("Cookie")
		}
	})},
	// A server that takes a cookie from one browser only.
	{slug: "a-stolen-cookie", chosen: "guard=cookie", happened: 1, handler: rewriting(func(r *http.Request) {
		if strings.HasPrefix(r.UserAgent(), "The thief") {
			r.Header.Del("Cookie")
		}
	})},
	// A server whose question for the password answers itself.
	{slug: "a-stolen-cookie", chosen: "guard=password", happened: 2, handler: func(h http.Handler) http.Handler {
		var password string
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			form, _ := url.ParseQuery(string(body))
			switch r.URL.Path {
			case "/login":
				password = form.Get("password")
			case "/transfer":
				form.Set("password", password)
				resetForm(r, form)
			}
			h.ServeHTTP(w, r)
		})
	}},
	// A server that takes every ID for the one that was logged in last.
	{slug: "guess-the-next-id", chosen: "generator=random", happened: 1, handler: func(h http.Handler) http.Handler {
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
	{slug: "guess-the-next-id", chosen: "generator=counter", happened: 3, handler: rewriting(func(r *http.Request) { r.Header.Del("Cookie") })},
}

// The first run shows ten IDs; by these it is known what all others are to say.
func TestTheft(t *testing.T) {
	var w witness
	a := newExperiments(t, func(cfg *experiment.Config) { cfg.WrapHandler = w.wrap })
	runFor(t, a, "guess-the-next-id", "generator=drawn")
	runCases(t, slices.Concat(stealCases, ownGuessCases, guessCases(ruleOf(w.seen))))
}

func TestTheftControls(t *testing.T) { runControls(t, theftControls) }

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
			run := func(form string) (foundJSON, string) {
				a := newExperiments(t, func(cfg *experiment.Config) {
					cfg.WrapHandler = func(_ string, h http.Handler) http.Handler { return renaming(next)(h) }
				})
				f := runFor(t, a, "guess-the-next-id", form)
				text := f.all()
				for _, x := range f.Exchanges {
					text += "\n" + x.Note
				}
				return f, text
			}
			hints := func(text string) (found []string) {
				for _, hint := range []string{"counter", "hash", "MD5", "time", "millisecond", "random", " fit", "1 more"} {
					if strings.Contains(text, hint) {
						found = append(found, hint)
					}
				}
				return found
			}
			f, text := run("generator=drawn")
			for _, rule := range idRules {
				if rule.name == name && f.Happened != rule.happened {
					t.Errorf("prediction %d came true, want %d: %s", f.Happened, rule.happened, text)
				}
			}
			if found := hints(text); found != nil {
				t.Errorf("it says %q: %s", found, text)
			}
			if _, text := run("generator=drawn&rule=hash"); hints(text) == nil {
				t.Errorf("after a guess it tells nothing: %s", text)
			}
		})
	}
}
