package shelf

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var aStolenCookie = experiment.Experiment{
	Slug: "a-stolen-cookie", Section: trust,
	Choices: []experiment.Choice{{Name: "guard", Label: "To send money", Options: []experiment.Option{
		{Name: "cookie", Label: "the cookie is enough"}, {Name: "password", Label: "the password is asked again"},
	}}},
	Run: runAStolenCookie,
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
func accountIn(x *experiment.Exchange) (a account) {
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
			experiment.WriteJSON(w, status, a)
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

func runAStolenCookie(r *experiment.Run) experiment.Outcome {
	const first, second, third = "seven-trams-to-Graz", "eight-trams-to-Linz", "nine-trams-to-Wien"
	program := &bank{engine: r.Engine(), again: r.Choice("guard") == "password", password: first, balance: 100}
	in := r.Boot(experiment.Settings{Twin: func(func() string) http.Handler { return program.handler() }})

	rahim, thief := in.Client("Rahim's browser"), in.Client("The thief's browser")
	t := experiment.Table{Caption: "What was asked", Head: []string{"who", "what", "password sent", "status", "balance read"}}
	did := func(c *experiment.Client, what, password string, x *experiment.Exchange) *experiment.Exchange {
		x.Note = what
		balance := "none"
		if a := accountIn(x); a.Done {
			balance = fmt.Sprint(a.Balance)
		}
		t.Rows = append(t.Rows, []string{c.Name(), what, password, fmt.Sprint(x.Status), balance})
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

	balance := func(x *experiment.Exchange) string {
		if x.Status != http.StatusOK {
			return ""
		}
		return fmt.Sprintf("balance %d", accountIn(x).Balance)
	}
	knows := func(x *experiment.Exchange) bool { a := accountIn(x); return a.Done && a.User == "Rahim" }
	took := accountIn(had).Balance - accountIn(left).Balance
	out := experiment.Outcome{
		Happened: experiment.None, Decisive: pay, Mark: fmt.Sprint(`"done":`, accountIn(pay).Done), Tables: []experiment.Table{t},
		Pair: []experiment.Shot{
			{Title: "Rahim's own", Cookie: left.SessionCookie(), Exchange: left, Says: balance(left)},
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
		out.Tone, out.Verdict, out.Decisive, out.Mark = experiment.Lost, fmt.Sprintf("{bad Rahim himself was not let in:} his account was answered with status %d, and later %d.", had.Status, left.Status), had, ""
	case knows(read) && took == 40:
		out.Happened, out.Tone = "read-and-pay", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad The thief read and paid.} Without the right password {cookie the copied cookie} read a balance of %d, and then Rahim read one of %d.%s", accountIn(read).Balance, accountIn(left).Balance, after)
	case knows(read) && took == 0:
		out.Happened, out.Tone = "read-only", experiment.Refused
		out.Verdict = fmt.Sprintf("{mac The thief read, and could not pay.} {cookie The copied cookie} read a balance of %d; sending money was answered with status %d, and Rahim's balance stayed %d.%s", accountIn(read).Balance, pay.Status, accountIn(left).Balance, after)
	case !knows(read) && took == 0:
		out.Happened, out.Tone, out.Decisive, out.Mark = "nothing", experiment.Refused, read, stolen
		out.Verdict = fmt.Sprintf("{ok The thief got nothing.} The copied cookie was answered with status %d, and Rahim's balance stayed %d.", read.Status, accountIn(left).Balance)
	default:
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Something else:} the thief's look was answered with status %d, and Rahim's balance went from %d to %d.", read.Status, accountIn(had).Balance, accountIn(left).Balance)
	}
	return out
}
