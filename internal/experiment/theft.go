package experiment

import (
	"cmp"
	"context"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/session"
)

const (
	owaspSessions = "https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html"
	owaspLogins   = "https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html"
)

// theft are the experiments about cookies in the wrong hands.
func theft() []Experiment {
	return []Experiment{
		{
			Number: 16, Slug: "log-out-then-replay", Title: "Log out, then replay",
			Lead: "You log in, somebody copies your cookie, you log out. Then the copy is sent from another browser. Who does the server take it for?",
			Predictions: []string{
				"For nobody: logging out killed the cookie, copies too",
				"For me: the copy is as good as it was before",
				"For nobody at all: the copy is answered with an error",
			},
			Choices: []Choice{{Name: "engine", Label: "The server keeps sessions with", Options: []Option{
				{"gorilla", "plain gorilla CookieStore"}, {"cookie", "this engine, values in the cookie"},
				{"hybrid", "this engine, hybrid"}, {"server", "this engine, values on the server"},
			}}},
			Does: "a login, a logout, and the kept cookie sent again by another client",
			Run:  logOutThenReplay,
			Explain: []string{
				"A cookie is only text: a logout asks {cookie the browser} to drop it (`Max-Age=0`), and a copy somewhere else hears nothing of that.",
				"So a logout ends a session only if it changes something that {server the server} looks at.",
				"gorilla's CookieStore keeps nothing on the server: it believes every cookie with a good {mac signature} that is not too old, by default for 30 days.",
				"This engine deletes {server the record}, and a signed ID without a record opens nothing.",
				"With all values in the cookie there is no record to delete, so it writes {server a marker} under the ID's hash instead, which says that this ID has ended, and keeps it until the cookie would have run out by itself.",
				"Django warns of the same in its cookie-based sessions: they are not ended when a user logs out.",
			},
			Breaks:  "A marker that is lost, say in a memory store that is restarted while the signing secret stays, lets the cookie-held session come back.",
			Sources: []Source{{"Django: cookie-based sessions, “No freshness guarantee”", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#using-cookie-based-sessions"}, {"OWASP: session expiration", owaspSessions + "#session-expiration"}, {"RFC 6265, section 3.1: how a server removes a cookie", "https://www.rfc-editor.org/rfc/rfc6265#section-3.1"}},
		},
		{
			Number: 17, Slug: "a-deleted-id-comes-back", Title: "A deleted ID comes back",
			Lead: "A logout deletes your session on the server. Then something is written with a copy of the old cookie. Under which ID is it stored?",
			Predictions: []string{
				"Under the old ID: the deleted session is back",
				"Under none: the write is refused with an error",
				"Under a new ID: the old one stays dead",
			},
			Choices: []Choice{{Name: "engine", Label: "The server keeps sessions with", Options: []Option{
				{"gorilla", "plain gorilla FilesystemStore, and goes on when Get returns an error"},
				{"gorilla-stops", "plain gorilla FilesystemStore, and stops when Get returns an error"},
				{"engine", "this engine, values on the server"},
			}}},
			Does: "a login, a logout, a write with the old cookie, and a look with another copy of it",
			Run:  deletedIDComesBack,
			Explain: []string{
				"The old cookie still has a good {mac signature}: that proves who made the ID, and not that its session is alive.",
				"gorilla's FilesystemStore takes the ID out of the cookie, does not find {server the file}, and still keeps the ID: the next save writes a file of the same name.",
				"Its `Get` also returns an error: a program that stops there is safe, and one that goes on, as many do and as gorilla's README does, brings the ID back.",
				"What was in the old session is not back, but its ID is, and with it everybody who kept a copy of the cookie: they share what is stored from now on.",
				"This engine treats a signed ID without {server a record} as no cookie at all, so that a write begins a new session under an ID that nobody has seen.",
				"OWASP calls a server strict when it accepts only IDs of sessions that it has, and permissive when it goes on with any ID that it is given.",
			},
			Breaks:  "A store whose save creates what it does not find brings deleted sessions back, also when a slow request ends after the logout: to create and to replace must be two operations.",
			Sources: []Source{{"gorilla/sessions: FilesystemStore", "https://pkg.go.dev/github.com/gorilla/sessions#FilesystemStore"}, {"OWASP: permissive and strict session management", owaspSessions + "#session-id-generation-and-verification-permissive-and-strict-session-management"}},
		},
		{
			Number: 18, Slug: "fixation", Title: "Fixation",
			Lead: "An attacker fetches a session of their own and plants its cookie in your browser: `Secure`, `HttpOnly` and `SameSite` are all set. You log in. Then the attacker asks with the cookie that they know.",
			Predictions: []string{
				"They are nobody: those flags keep the planted cookie out",
				"They are me: the ID that they know is logged in now",
				"They are nobody: my login was given a fresh ID",
			},
			Choices: []Choice{{Name: "rotation", Label: "A login", Options: []Option{
				{"off", "keeps the session's ID"}, {"on", "gives the session a new ID"},
			}}},
			Does: "a visit by the attacker, their cookie planted by hand, as by somebody at the same computer, a login by the victim, and what the attacker gets",
			Run:  fixation,
			Explain: []string{
				"This attack is called session fixation: nothing is stolen, the victim is given {cookie a cookie} that the attacker knows already.",
				"`HttpOnly` stops scripts from reading a cookie, `Secure` keeps it off plain http, `SameSite` holds it back on requests from other sites: none of them asks who put the cookie there.",
				"It can be planted by somebody who used the same computer before, or by a sister site of the same domain; a name that begins with `__Host-` stops the sister site, and not the person at the computer.",
				"No login renews an ID by itself: the program has to ask for it, at each change of what a session may do.",
				"With a new ID the planted cookie names {server a session} that is no more, and the attacker is left with nothing.",
			},
			Breaks:  "A login that renews the ID but leaves the old session alive and logged in.",
			Sources: []Source{{"OWASP: session fixation", "https://owasp.org/www-community/attacks/Session_fixation"}, {"OWASP: renew the session ID after any privilege level change", owaspSessions + "#renew-the-session-id-after-any-privilege-level-change"}, {"RFC 6265, section 8.4: session identifiers", "https://www.rfc-editor.org/rfc/rfc6265#section-8.4"}},
		},
		{
			Number: 19, Slug: "a-stolen-cookie", Title: "A stolen cookie",
			Lead: "Rahim logs in to a small bank with a good password. A thief copies his cookie, and does not know the password. What can the thief do?",
			Predictions: []string{
				"Nothing: without the password the copy is refused",
				"Read and pay: the server asks for the cookie alone",
				"Read, but not pay: the password is in the way",
			},
			Choices: []Choice{{Name: "guard", Label: "To send money", Options: []Option{
				{"cookie", "the cookie is enough"}, {"password", "the password is asked again"},
			}}},
			Does: "a login, requests with a copy of its cookie, and two changes of the password",
			Run:  stolenCookie,
			Explain: []string{
				"A password is checked once, at the login; from then on {cookie the cookie} stands for it, whoever sends it (a bearer token: whoever bears it is served).",
				"That is why a copy reads everything: from {server the server's} side it is the same browser.",
				"Asking for the password again before what matters is called re-authentication: the thief has the cookie and not that.",
				"A new password alone ends no session: the sessions that exist were let in before, and nobody asks them again.",
				"Copies of this session end when its ID is renewed; all other sessions end only if each remembers which password let it in, as in Django.",
			},
			Breaks:  "A thief who can run scripts in the victim's page needs no copy: such a script waits until the password is typed in. Pages that ask for it only now and then leave a gap of just that long.",
			Sources: []Source{{"OWASP: require re-authentication for sensitive features", owaspLogins + "#require-re-authentication-for-sensitive-features"}, {"Django: session invalidation on password change", "https://docs.djangoproject.com/en/stable/topics/auth/default/#session-invalidation-on-password-change"}, {"RFC 6265, section 8.4: session identifiers", "https://www.rfc-editor.org/rfc/rfc6265#section-8.4"}},
		},
		{
			Number: 20, Slug: "guess-the-next-id", Title: "Guess the next ID",
			Lead: "An attacker visits a server ten times and looks at the IDs. Then Rahim logs in. How many guesses does it take to be him?",
			Predictions: []string{
				"One: the ten IDs give the next one away",
				"More, up to 300: the ten IDs only narrow it down",
				"More than 300: the ten IDs are of no use",
			},
			Choices: []Choice{
				{Name: "generator", Label: "The server makes its IDs from", Options: slices.Concat(idRules, []Option{{"drawn", "one of these, drawn by chance"}})},
				{Name: "rule", Label: "Your own guess, after you have seen ten IDs: they are made from", Options: slices.Concat([]Option{{"none", "no guess yet"}}, idRules)},
				{Name: "guess", Label: "Your own guess for Rahim's ID (may stay empty)", Max: 64},
			},
			Does: "ten visits, one login, and up to 300 guesses, each of them a real request",
			Run:  guessTheNextID,
			Explain: []string{
				"Whoever sends {cookie an ID} is taken for its owner, so that an ID is a password which the server thinks up.",
				"A counter gives the next ID away, and a clock leaves as many to try as there are milliseconds between two visits.",
				"A hash only looks random: MD5 is public and turns the same number into the same text everywhere, so whoever finds the number has the ID.",
				"What counts is how many IDs were possible, and not how they look: OWASP asks for at least 64 bits of entropy (so many random coin tosses) from a generator made for secrets.",
				"Go's `rand.Text` has at least 128 bits: no number of samples tells anything of the next.",
			},
			Breaks:  "A perfect ID helps no more once it is known: from a log, an address, or plain http. See the experiment about a stolen cookie.",
			Sources: []Source{{"OWASP: session ID entropy", owaspSessions + "#session-id-entropy"}, {"Go: crypto/rand.Text", "https://pkg.go.dev/crypto/rand#Text"}, {"RFC 6265, section 8.4: session identifiers", "https://www.rfc-editor.org/rfc/rfc6265#section-8.4"}},
		},
	}
}

// loggedIn is who is logged in, by the answer to GET /get?key=user.
func loggedIn(x *Exchange) string { return cmp.Or(x.Value(), "nobody") }

func logOutThenReplay(r *Run) Outcome {
	set := Settings{}
	gorilla := r.Choice("engine") == "gorilla"
	if gorilla {
		set.Twin = cookieTwin(session.NewSecret(), nil)
	} else {
		set.Placement = r.placementOf(r.Choice("engine"))
	}
	in := r.Boot(set)
	b := in.Client("Rahim's browser")
	b.Post("/login", "user", "Rahim").to("logs in")
	kept := b.Cookie()
	// holds is what the server has under the ID of the kept cookie.
	holds := func() string {
		if gorilla {
			return "nothing: it has no store"
		}
		switch st, ok := in.Record(kept); {
		case !ok:
			return "nothing"
		case st.Marker:
			return "{server a marker: this ID has ended}"
		}
		return "{server a record}"
	}
	before := b.Get("/get", "key", "user").to("asks who is logged in")
	had := holds()
	bye := b.Post("/logout").to("logs out")
	has := holds()
	own := b.Get("/get", "key", "user").to("asks again, without a cookie")
	if own.Cookie != "" {
		own.Note = "asks again, still with a cookie"
	}
	thief := in.Client("The thief's browser")
	thief.Put(kept)
	replay := thief.Get("/get", "key", "user").to("replays the kept cookie")

	row := func(what string, x *Exchange, holds string) []string {
		who := loggedIn(x)
		if x.Status >= 400 {
			who = fmt.Sprintf("status %d", x.Status)
		}
		return []string{what, yes(x.Cookie != "", x.Cookie != ""), code(who), holds}
	}
	out := Outcome{
		Happened: None, Decisive: replay, Mark: kept,
		Pair: []Shot{
			{Title: "Before the logout", Cookie: kept, Exchange: before, Says: loggedIn(before)},
			{Title: "The copy, after it", Cookie: kept, Exchange: replay, Says: loggedIn(replay)},
		},
		Tables: []Table{{Caption: "Who am I?", Head: []string{"asked", "with a cookie", "the answer", "the server holds"}, Rows: [][]string{
			row("by Rahim's browser, before the logout", before, had),
			row("by Rahim's browser, after it", own, has),
			row("by the thief's browser, with the kept cookie", replay, has),
		}}},
	}
	told := "The logout did not tell the browser to drop its cookie."
	if c := bye.SetCookie(); c != nil && c.MaxAge < 0 {
		told = "The logout told {cookie Rahim's browser} to drop its cookie (`Max-Age=0`), and asked there again, the server says " + code(loggedIn(own)) + "."
	}
	switch {
	case loggedIn(before) != "Rahim":
		out.Tone, out.Verdict, out.Decisive, out.Mark = Lost, "{bad There was nothing to log out from:} after the login the server did not say that Rahim is logged in.", before, ""
	case replay.Status >= 400:
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{mac Refused with an error.} %s The kept copy, sent by another browser, was answered with status %d.", told, replay.Status)
	case loggedIn(replay) == "Rahim":
		out.Happened, out.Tone, out.Mark = 1, Lost, `"Rahim"`
		out.Verdict = fmt.Sprintf("{bad Logged in all the same.} %s But the kept copy, sent by another browser, was answered with status %d and the user `Rahim`.", told, replay.Status)
	case loggedIn(replay) == "nobody":
		out.Happened, out.Tone, out.Mark = 0, Refused, `"found":false`
		out.Verdict = fmt.Sprintf("{mac The copy opens nothing.} %s The kept copy, sent by another browser, was answered with status %d and no user. Under its ID the server holds %s.", told, replay.Status, has)
	default:
		out.Tone, out.Verdict = Lost, fmt.Sprintf("{bad Somebody else:} the kept copy was answered with the user %s.", code(loggedIn(replay)))
	}
	return out
}

// idsOf are the IDs that a server keeps: this engine, or gorilla's FilesystemStore with that key.
type idsOf struct {
	in      *Instance
	gorilla bool
	key     []byte
}

// id is the ID that a cookie names, "" for none; of ours, its hash.
func (s idsOf) id(cookie string) (id string) {
	if s.gorilla {
		if securecookie.DecodeMulti(CookieName, cookie, &id, securecookie.CodecsFromPairs(s.key)...) != nil {
			return ""
		}
		return id
	}
	if e := envelopeOf(cookie); e.ID != "" {
		return session.KeyOf(e.ID).Name().String()
	}
	return ""
}

// count tells how many sessions there are, and whether the ID of a cookie is one.
func (s idsOf) count(cookie string) (n int, has bool) {
	if !s.gorilla {
		st, ok := s.in.Record(cookie)
		return s.in.Stats().Live, ok && !st.Marker
	}
	id := s.id(cookie)
	_, err := os.Stat(filepath.Join(s.in.dir, "session_"+id))
	return s.in.sessionFiles(), id != "" && err == nil
}

func deletedIDComesBack(r *Run) Outcome {
	gorilla := r.Choice("engine") != "engine"
	// On the server, as in the files: what one copy writes there, another could read.
	key, set := session.NewSecret(), Settings{Placement: session.OnServer}
	if gorilla {
		stops := r.Choice("engine") == "gorilla-stops"
		set.Twin = func(dir func() string) http.Handler { return twin(sessions.NewFilesystemStore(dir(), key), stops) }
	}
	in := r.Boot(set)
	ids := idsOf{in, gorilla, key}
	b := in.Client("Rahim's browser")
	store := "records"
	if gorilla {
		store = "files"
	}
	t := Table{Caption: "After each request", Head: []string{"request", "ID in the cookie sent", "ID in the Set-Cookie", store + " on the server", "one of the old ID"}}
	kept := ""
	did := func(what string, x *Exchange, sent string) *Exchange {
		x.Note = what
		if kept == "" {
			kept = b.Cookie()
		}
		short := func(cookie string) string {
			if id := ids.id(cookie); id != "" {
				return "`" + id[:min(8, len(id))] + "`"
			}
			return "none"
		}
		set := "none"
		if c := x.SetCookie(); c != nil {
			set = short(c.Value)
			if c.Value == "" {
				set = "deleted"
			}
		}
		n, has := ids.count(kept)
		t.Rows = append(t.Rows, []string{x.Client + " " + what, short(sent), set, fmt.Sprint(n), yes(has, len(t.Rows) == 0)})
		return x
	}
	did("logs in", b.Post("/login", "user", "Rahim"), "")
	did("logs out", b.Post("/logout"), kept)
	_, left := ids.count(kept)
	holder := in.Client("A kept copy")
	holder.Put(kept)
	read := did("reads with the old cookie", holder.Get("/get", "key", "user"), kept)
	write := did("writes with it", holder.Set("city", "Graz"), kept)
	other := in.Client("Another kept copy")
	other.Put(kept)
	seen := did("reads with the old cookie", other.Get("/get", "key", "city"), kept).to("reads what the first copy wrote, with the old cookie")

	was, is := ids.id(kept), ids.id(holder.Cookie())
	_, back := ids.count(kept)
	readSays := says(read)
	if read.Status >= 400 {
		readSays = fmt.Sprintf("status %d", read.Status)
	}
	out := Outcome{
		Happened: None, Decisive: seen, Mark: `"found":false`, Tables: []Table{t},
		Pair: []Shot{{Title: "The kept cookie", Cookie: kept, Exchange: read, Says: readSays}, {Title: "After the write", Cookie: holder.Cookie(), Exchange: write, Says: fmt.Sprintf("status %d", write.Status)}},
	}
	name := func(id string) string { return code(id[:min(8, len(id))]) }
	one := strings.TrimSuffix(store, "s")
	switch {
	case was == "":
		out.Tone, out.Verdict, out.Mark = Lost, "{bad There was nothing to delete:} the login set no cookie with an ID.", ""
	case read.Value() == "Rahim" && seen.Value() == "Graz":
		out.Happened, out.Tone, out.Mark = 0, Lost, "Graz"
		out.Verdict = fmt.Sprintf("{bad It had never gone.} After the logout the old cookie still read the user `Rahim`, and what was written with it is there for whoever sends the ID %s.", name(was))
	case write.Status >= 400:
		out.Happened, out.Tone, out.Decisive, out.Mark = 1, Refused, write, kept
		out.Verdict = fmt.Sprintf("{mac The write was refused} with status %d.", write.Status)
		if !back {
			out.Verdict += fmt.Sprintf(" {server The server} still has no %s of the old ID %s.", one, name(was))
		}
	case is == was && seen.Value() == "Graz":
		out.Happened, out.Tone, out.Mark = 0, Lost, "Graz"
		out.Verdict = "{bad It came back.} After the logout the old cookie read nothing"
		if !left {
			out.Verdict += ", and {server the " + one + "} of its ID was gone"
		}
		out.Verdict += fmt.Sprintf(". One write with it, and the ID %s is alive again", name(was))
		if back {
			out.Verdict += ", with {server a " + one + "} of that name"
		}
		out.Verdict += ": another copy of the old cookie reads `Graz`."
	case is != "" && is != was && seen.Value() == "":
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{ok It stayed dead.} The write with the old cookie began a new session: the old ID was %s, the new one is %s. Another copy of the old cookie reads nothing of it.", name(was), name(is))
	default:
		out.Tone, out.Mark = Lost, ""
		out.Verdict = fmt.Sprintf("{bad Neither:} the write was answered with status %d, and another copy of the old cookie then read %s.", write.Status, code(cmp.Or(seen.Value(), "nothing")))
	}
	return out
}

func fixation(r *Run) Outcome {
	in := r.Boot(Settings{Placement: session.OnServer, Secure: true})
	attacker, victim := in.Client("The attacker's browser"), in.Client("Rahim's browser")
	path := "/login"
	if r.Choice("rotation") == "off" {
		path = "/login-keeping-id"
	}
	born := attacker.Set("language", "en").to("gets a session of their own")
	planted := attacker.Cookie()
	victim.Put(planted)
	visit := victim.Get("/session").to("visits with the planted cookie")
	login := victim.Post(path, "user", "Rahim").to("logs in")
	ask := attacker.Get("/get", "key", "user").to("asks who is logged in, with the cookie that was planted")
	own := victim.Get("/get", "key", "user").to("asks the same")
	in.Move(time.Minute)
	later := attacker.Get("/get", "key", "user").to("asks again, a minute later")

	before, after, now := born.Answer().Session.ID, visit.Answer().ID, login.Answer().Session.ID
	flags := func(x *Exchange) string {
		c := x.SetCookie()
		if c == nil {
			return "none sent"
		}
		var on []string
		for _, word := range []string{"HttpOnly", "Secure", "SameSite=Lax"} {
			if strings.Contains(c.Raw, "; "+word) {
				on = append(on, "`"+word+"`")
			}
		}
		return cmp.Or(strings.Join(on, ", "), "none of them")
	}
	name := func(id string) string { return code(cmp.Or(id, "none")) }
	out := Outcome{
		Happened: None, Decisive: ask, Mark: `"found":false`,
		Pair: []Shot{
			{Title: "The planted cookie, before the login", Cookie: planted, Exchange: visit, Says: "ID " + after},
			{Title: "Rahim's, after it", Cookie: victim.Cookie(), Exchange: own, Says: loggedIn(own)},
			{Title: "The attacker's, after it", Cookie: attacker.Cookie(), Exchange: ask, Says: loggedIn(ask)},
		},
		Tables: []Table{{Caption: "The ID at three moments, hashed", Head: []string{"moment", "browser", "ID", "flags in its Set-Cookie"}, Rows: [][]string{
			{"before planting", attacker.name, name(before), flags(born)},
			{"after planting", victim.name, name(after), flags(visit)},
			{"after the login", victim.name, name(now), flags(login)},
		}}},
	}
	switch {
	case loggedIn(own) != "Rahim":
		out.Tone, out.Verdict, out.Decisive, out.Mark = Lost, "{bad There was no login:} asked afterwards, the server did not say that Rahim is logged in.", own, ""
	case loggedIn(ask) == "Rahim":
		out.Happened, out.Tone, out.Mark = 1, Lost, `"Rahim"`
		out.Verdict = fmt.Sprintf("{bad The attacker is Rahim.} The cookie that was planted had come with %s. ", flags(born))
		if before == after && after == now {
			out.Verdict += fmt.Sprintf("Its ID %s was the same at all three moments, so that Rahim's login made the attacker's own session his.", name(now))
		} else {
			out.Verdict += fmt.Sprintf("Its ID was %s, then %s, and %s after the login, and the attacker was let in all the same.", name(before), name(after), name(now))
		}
	case before == "" || after != before:
		out.Happened, out.Tone, out.Decisive, out.Mark = 0, Refused, visit, planted
		out.Verdict = fmt.Sprintf("{ok The planted cookie did not take.} It named the session %s, and Rahim's visit with it was in the session %s. The attacker is %s.", name(before), name(after), Plain(loggedIn(ask)))
	case now != before && loggedIn(ask) == "nobody" && loggedIn(later) == "nobody":
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{ok The attacker is nobody.} Planting worked: Rahim's browser was in the session %s. But the login gave it the new ID %s, and the cookie that the attacker knows opens nothing, then and a minute later.", name(after), name(now))
	default:
		out.Tone, out.Mark = Lost, ""
		out.Verdict = fmt.Sprintf("{bad Something else:} the ID was %s before the login and %s after it. The attacker was %s, and a minute later %s.", name(before), name(now), Plain(loggedIn(ask)), Plain(loggedIn(later)))
	}
	return out
}

// account is what the bank answers.
type account struct {
	Op      string `json:"op"`
	Done    bool   `json:"done"`
	Why     string `json:"why,omitempty"`
	User    string `json:"user,omitempty"`
	Balance int    `json:"balance,omitempty"`
}

// accountIn is what an answer of the bank says; zero if it is none.
func accountIn(x *Exchange) (a account) {
	_ = json.Unmarshal([]byte(x.Body), &a) // what is no JSON says nothing
	return a
}

// bank is a program with a password, over this engine. It has one customer. Its
// password stands there in plain text; a real program keeps a slow hash of it.
type bank struct {
	engine *session.Engine
	again  bool // the password is asked again before money is sent

	mu       sync.Mutex
	password string
	balance  int
}

func (b *bank) handler() http.Handler {
	mux := http.NewServeMux()
	// handle runs f under the lock, with the session of the request and who is logged in.
	handle := func(pattern, op string, f func(r *http.Request, s *session.Session, user string) (status int, why string)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			s, err := b.engine.Load(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			b.mu.Lock()
			defer b.mu.Unlock()
			status, why := f(r, s, customer(s))
			if err := s.Commit(r.Context()); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			s.WriteCookie(w.Header())
			a := account{Op: op, Done: status == http.StatusOK, Why: why}
			if a.Done {
				a.User, a.Balance = customer(s), b.balance
			}
			writeJSON(w, status, a)
		})
	}
	const nobody, wrong = "Nobody is logged in.", "That is not the password."
	handle("POST /login", "login", func(r *http.Request, s *session.Session, _ string) (int, string) {
		if r.PostFormValue("password") != b.password {
			return http.StatusForbidden, wrong
		}
		v, err := session.Text(r.PostFormValue("user"))
		if err == nil {
			err = s.Set("user", v)
		}
		if err != nil {
			return http.StatusUnprocessableEntity, err.Error()
		}
		s.CycleID()
		return http.StatusOK, ""
	})
	handle("GET /me", "me", func(_ *http.Request, _ *session.Session, user string) (int, string) {
		if user == "" {
			return http.StatusUnauthorized, nobody
		}
		return http.StatusOK, ""
	})
	handle("POST /transfer", "transfer", func(r *http.Request, _ *session.Session, user string) (int, string) {
		amount, err := strconv.Atoi(r.PostFormValue("amount"))
		switch {
		case user == "":
			return http.StatusUnauthorized, nobody
		case b.again && r.PostFormValue("password") != b.password:
			return http.StatusForbidden, wrong
		case err != nil || amount < 1 || amount > b.balance:
			return http.StatusUnprocessableEntity, "That is no amount to send."
		}
		b.balance -= amount
		return http.StatusOK, ""
	})
	handle("POST /password", "password", func(r *http.Request, s *session.Session, user string) (int, string) {
		switch {
		case user == "":
			return http.StatusUnauthorized, nobody
		case r.PostFormValue("password") != b.password:
			return http.StatusForbidden, wrong
		}
		b.password = r.PostFormValue("new")
		if r.PostFormValue("new-id") != "" {
			s.CycleID()
		}
		return http.StatusOK, ""
	})
	return mux
}

// customer is who is logged in in s, "" for nobody.
func customer(s *session.Session) string {
	v, _ := s.Get("user")
	user, _ := v.Any().(string)
	return user
}

func stolenCookie(r *Run) Outcome {
	const first, second, third = "seven-trams-to-Graz", "eight-trams-to-Linz", "nine-trams-to-Wien"
	cfg := r.runner.cfg
	backend, _, remove, err := cfg.Stores["memory"](r.ctx, StoreConfig{Name: r.Token, MaxSessions: 100, Now: time.Now})
	if err != nil {
		r.fail(err)
	}
	defer func() { _ = remove() }() // of a memory store: it never fails
	if cfg.WrapStore != nil {
		backend = cfg.WrapStore(r.Experiment.Slug, backend)
	}
	engine, err := session.New(session.Config{Backend: backend, Secrets: [][]byte{session.NewSecret()}, CookieName: CookieName})
	if err != nil {
		r.fail(err)
	}
	program := &bank{engine: engine, again: r.Choice("guard") == "password", password: first, balance: 100}
	in := r.Boot(Settings{Twin: func(func() string) http.Handler { return program.handler() }})

	rahim, thief := in.Client("Rahim's browser"), in.Client("The thief's browser")
	t := Table{Caption: "What was asked", Head: []string{"who", "what", "password sent", "status", "balance read"}}
	did := func(c *Client, what, password string, x *Exchange) *Exchange {
		x.Note = what
		balance := "none"
		if a := accountIn(x); a.Done {
			balance = fmt.Sprint(a.Balance)
		}
		t.Rows = append(t.Rows, []string{c.name, what, password, fmt.Sprint(x.Status), balance})
		return x
	}
	did(rahim, "logs in", "the right one", rahim.Post("/login", "user", "Rahim", "password", first))
	had := did(rahim, "looks at his account", "none", rahim.Get("/me"))
	thief.Put(rahim.Cookie())
	stolen := thief.Cookie()
	read := did(thief, "looks at it with the copied cookie", "none", thief.Get("/me"))
	pay := did(thief, "sends 40 to themselves", "none", thief.Post("/transfer", "to", "thief", "amount", "40"))
	if pay.Status != http.StatusOK {
		pay = did(thief, "tries again with a guess", "a wrong one", thief.Post("/transfer", "to", "thief", "amount", "40", "password", "123456"))
	}
	left := did(rahim, "looks at his account", "none", rahim.Get("/me"))
	did(rahim, "sends 5 to a friend", "the right one", rahim.Post("/transfer", "to", "Sofia", "amount", "5", "password", first))
	did(rahim, "changes his password", "the right one", rahim.Post("/password", "password", first, "new", second))
	still := did(thief, "looks with the copied cookie", "none", thief.Get("/me"))
	did(rahim, "changes it again, with a new session ID", "the right one", rahim.Post("/password", "password", second, "new", third, "new-id", "yes"))
	end := did(thief, "looks with the copied cookie", "none", thief.Get("/me"))
	own := did(rahim, "looks at his account", "none", rahim.Get("/me"))

	balance := func(x *Exchange) string {
		if x.Status != http.StatusOK {
			return ""
		}
		return fmt.Sprintf("balance %d", accountIn(x).Balance)
	}
	knows := func(x *Exchange) bool { a := accountIn(x); return a.Done && a.User == "Rahim" }
	took := accountIn(had).Balance - accountIn(left).Balance
	out := Outcome{
		Happened: None, Decisive: pay, Mark: fmt.Sprint(`"done":`, accountIn(pay).Done), Tables: []Table{t},
		Pair: []Shot{
			{Title: "Rahim's own", Cookie: left.cookie(), Exchange: left, Says: balance(left)},
			{Title: "The thief's copy", Cookie: stolen, Exchange: read, Says: balance(read)},
			{Title: "The copy after the new ID", Cookie: stolen, Exchange: end, Says: balance(end)},
		},
	}
	works := map[bool]string{true: "still read the account", false: "read nothing any more"}
	after := fmt.Sprintf(" After Rahim had changed his password, the copy %s (status %d); after the server had renewed the session's ID as well, it %s (status %d).", works[knows(still)], still.Status, works[knows(end)], end.Status)
	if !knows(own) {
		after += fmt.Sprintf(" Rahim himself was locked out as well: status %d.", own.Status)
	}
	switch {
	case !knows(had) || !knows(left):
		out.Tone, out.Verdict, out.Decisive, out.Mark = Lost, fmt.Sprintf("{bad Rahim himself was not let in:} his account was answered with status %d, and later %d.", had.Status, left.Status), had, ""
	case knows(read) && took == 40:
		out.Happened, out.Tone = 1, Lost
		out.Verdict = fmt.Sprintf("{bad The thief read and paid.} Without the right password {cookie the copied cookie} read a balance of %d, and then Rahim read one of %d.%s", accountIn(read).Balance, accountIn(left).Balance, after)
	case knows(read) && took == 0:
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{mac The thief read, and could not pay.} {cookie The copied cookie} read a balance of %d; sending money was answered with status %d, and Rahim's balance stayed %d.%s", accountIn(read).Balance, pay.Status, accountIn(left).Balance, after)
	case !knows(read) && took == 0:
		out.Happened, out.Tone, out.Decisive, out.Mark = 0, Refused, read, stolen
		out.Verdict = fmt.Sprintf("{ok The thief got nothing.} The copied cookie was answered with status %d, and Rahim's balance stayed %d.", read.Status, accountIn(left).Balance)
	default:
		out.Tone = Lost
		out.Verdict = fmt.Sprintf("{bad Something else:} the thief's look was answered with status %d, and Rahim's balance went from %d to %d.", read.Status, accountIn(had).Balance, accountIn(left).Balance)
	}
	return out
}

const (
	// firstNumber is what the counter begins with in each run: whoever saw one run
	// can guess the next ID themselves.
	firstNumber = 4711
	sampleCount = 10
	maxGuesses  = 300
)

// idRules are what IDs can be made from.
var idRules = []Option{{"counter", "a counter"}, {"hash", "the hash of a counter"}, {"time", "the time"}, {"random", "random letters"}}

// drawn is the one that was drawn by chance. It stays the same as long as the program
// runs: a learner looks at ten IDs in one run, and names the rule in the next.
var drawn = sync.OnceValue(func() string { return idRules[mathrand.IntN(len(idRules))].Name })

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
		writeJSON(w, status, map[string]any{"op": op, "key": "user", "value": user, "found": user != ""})
	}
	issue := func(w http.ResponseWriter, op, user string) {
		mu.Lock()
		id := next()
		users[id] = user
		mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: CookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
		answer(w, http.StatusOK, op, user)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { issue(w, "visit", "") })
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) { issue(w, "login", r.PostFormValue("user")) })
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(CookieName)
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
	fits string             // what speaks for it; "" when the samples do not fit
	next func(k int) string // the k-th guess, from 1
}

// hypotheses are what an attacker makes of the samples, who knows nothing but
// them and the time.
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
		last, _ = strconv.ParseInt(samples[len(samples)-1], 10, 64) // it did parse
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

// guess sends GET /me with one cookie after the other over one connection, until an
// answer says that user is logged in. It returns how many it sent. These requests
// are too many to be shown.
func (c *Client) guess(user string, cookies []string) (sent int, found bool) {
	r, address := c.in.run, c.in.listener.Addr().String()
	transport := &http.Transport{
		DisableCompression: true, MaxConnsPerHost: 1,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		},
	}
	defer transport.CloseIdleConnections()
	for i, cookie := range cookies {
		req, err := http.NewRequestWithContext(r.ctx, http.MethodGet, "http://"+address+"/me", nil)
		if err != nil {
			r.fail(err)
		}
		req.Header.Set("User-Agent", c.name)
		req.Header.Set("Cookie", CookieName+"="+cookie)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			r.fail(err)
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // to its end: then the connection serves again
		resp.Body.Close()
		if err != nil {
			r.fail(err)
		}
		if x := (&Exchange{Body: string(body)}); x.Value() == user {
			return i + 1, true
		}
	}
	return len(cookies), false
}

// try sends one guess, and tells whether it is taken for Rahim's.
func (c *Client) try(id, note string) (*Exchange, bool) {
	c.Put(id)
	x := c.Get("/me").to(note)
	return x, x.Value() == "Rahim"
}

// attack is what came of an attacker's guesses.
type attack struct {
	table    Table
	sent     int
	accepted string    // the guess that was; "" for none
	x        *Exchange // the one to show, and its guess
	mark     string
}

// attack sends the guesses of the hypothesis that fits, or some of each if none does.
// Its notes do not name the rule when it is hidden.
func (c *Client) attack(all []hypothesis, fit int, hidden bool) (a attack) {
	a.table = Table{Caption: "What the attacker made of them", Head: []string{"IDs made from", "do the ten fit?", "guesses sent", "accepted"}}
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
			a.x, hit = c.try(cookies[0], note)
			sent, a.mark = 1, cookies[0]
			if !hit {
				var more int
				if more, hit = c.guess("Rahim", cookies[1:]); hit {
					a.mark = cookies[more]
					a.x, _ = c.try(a.mark, fmt.Sprintf("sends guess %d, which was accepted, once more", a.sent+more+1))
				}
				sent += more
			}
			if a.sent += sent; hit {
				a.accepted = a.mark
			}
			took = yes(hit, false)
		}
		a.table.Rows = append(a.table.Rows, []string{h.name, cmp.Or(h.fits, "no"), fmt.Sprint(sent), took})
	}
	return a
}

func guessTheNextID(r *Run) Outcome {
	// This clock is moved by hand alone: how busy the machine is shall not decide
	// how many guesses it takes.
	var clock atomic.Int64
	clock.Store(time.Now().UnixMilli())
	made, named := r.Choice("generator"), r.Choice("rule")
	hidden := made == "drawn" && named == "none" // nothing may say the rule
	n := firstNumber - 1
	if made == "drawn" { // with other numbers than the runs that name the rule
		made, n = drawn(), 1000+mathrand.IntN(50_000)
	}
	generate := generators[made]
	in := r.Boot(Settings{Twin: func(func() string) http.Handler {
		return issuer(func() string { n++; return generate(n, time.UnixMilli(clock.Load())) })
	}})
	attacker, victim := in.Client("The attacker's browser"), in.Client("Rahim's browser")

	t := Table{Caption: "Ten samples", Head: []string{"visit", "ID", "more than the one before"}}
	var samples []string
	for i := range sampleCount {
		clock.Add(3 + mathrand.Int64N(38))
		attacker.Drop()
		attacker.Get("/").to(fmt.Sprintf("visit %d", i+1))
		id, more := attacker.Cookie(), ""
		if i > 0 && allDigits([]string{samples[i-1], id}) {
			a, _ := new(big.Int).SetString(samples[i-1], 10)
			b, _ := new(big.Int).SetString(id, 10)
			more = b.Sub(b, a).String()
		}
		samples = append(samples, id)
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), code(id), cmp.Or(more, "–")})
	}
	clock.Add(20 + mathrand.Int64N(180))
	login := victim.Post("/login", "user", "Rahim").to("logs in")

	out := Outcome{Happened: None, Tone: Lost, Decisive: login, Tables: []Table{t}}
	if slices.Contains(samples, "") {
		out.Verdict = "{bad No IDs:} a visit was answered without a cookie, so that there is nothing to guess from."
		return out
	}
	label := func(rule string) string {
		return idRules[slices.IndexFunc(idRules, func(o Option) bool { return o.Name == rule })].Label
	}
	said := ""
	switch {
	case hidden:
		said = " Look at the ten IDs, choose what they are made from, and run it again: the rule stays the same as long as this program runs."
	case named == made:
		said = fmt.Sprintf(" {ok Your rule is right:} the IDs are made from %s.", label(made))
	case named != "none":
		said = fmt.Sprintf(" {bad Your rule is wrong:} the IDs are made from %s, and not from %s.", label(made), label(named))
	}
	if own := strings.TrimSpace(r.Choice("guess")); own != "" {
		x, hit := attacker.try(own, "sends your guess")
		if hit {
			out.Happened, out.Decisive, out.Mark = 0, x, own
			out.Verdict = fmt.Sprintf("{bad You guessed it.} Your own guess, %s, was answered with status %d and the user `Rahim`. That is one guess, and no password.", code(own), x.Status) + said
			return out
		}
		said = fmt.Sprintf(" Your own guess, %s, was answered with status %d: it is not Rahim's.", code(own), x.Status) + said
	}

	all := hypotheses(samples, time.Now())
	fit := slices.IndexFunc(all, func(h hypothesis) bool { return h.fits != "" })
	a := attacker.attack(all, fit, hidden)
	tried, sent, accepted := a.table, a.sent, a.accepted
	out.Decisive, out.Mark = a.x, a.mark
	rule := " The ten IDs fit no rule that the attacker tried."
	switch {
	case hidden:
		tried, rule = Table{Caption: "The attacker's guesses", Head: []string{"guesses sent", "accepted"}, Rows: [][]string{{fmt.Sprint(sent), yes(accepted != "", false)}}}, ""
	case fit >= 0:
		rule = fmt.Sprintf(" The ten IDs give their rule away, %s: %s.", all[fit].name, all[fit].fits)
	}
	out.Tables = append(out.Tables, tried)
	switch {
	case accepted == "":
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{ok Not guessed.}%s %s were sent, and none was taken for Rahim.", rule, word(sent, "guess", "guesses"))
	case sent == 1:
		out.Happened = 0
		out.Verdict = fmt.Sprintf("{bad Guessed at once.}%s The first guess, %s, was answered with status %d and the user `Rahim`.", rule, code(accepted), out.Decisive.Status)
	default:
		out.Happened = 1
		out.Verdict = fmt.Sprintf("{bad Guessed after a while.}%s Guess %d, %s, was taken for Rahim; sent once more, it was answered with status %d.", rule, sent, code(accepted), out.Decisive.Status)
	}
	out.Verdict += said
	return out
}
