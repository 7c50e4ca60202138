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
	Choices: []experiment.Choice{{Name: "guard", Label: "Before it sends money, the server asks for", Options: []experiment.Option{
		{Name: "cookie", Label: "nothing more"}, {Name: "password", Label: "the password"},
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

// accountIn returns what an answer of the bank says; zero if the body is no JSON.
func accountIn(x *experiment.Exchange) (a account) {
	_ = json.Unmarshal([]byte(x.Body), &a)
	return a
}

// bank is a program with a password, over this engine. It has one customer. The
// customer's password is kept in plain text; a real program keeps a slow hash of it.
type bank struct {
	engine *session.Engine
	again  bool // the password is asked again before money is sent

	mu       sync.Mutex
	password string
	balance  int
}

// What the bank says to whomever it refuses.
const (
	bankNobody = "Nobody is logged in."
	bankWrong  = "That is not the password."
)

func (b *bank) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", b.serve("login", b.login))
	mux.HandleFunc("GET /me", b.serve("me", b.me))
	mux.HandleFunc("POST /transfer", b.serve("transfer", b.transfer))
	mux.HandleFunc("POST /password", b.serve("password", b.changePassword))
	return mux
}

// serve runs act under the lock, with the session of the request, and answers.
func (b *bank) serve(op string, act func(*http.Request, *session.Session) (status int, why string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := b.engine.Load(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		status, why := act(r, s)
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
	}
}

func (b *bank) login(r *http.Request, s *session.Session) (status int, why string) {
	if r.PostFormValue("password") != b.password {
		return http.StatusForbidden, bankWrong
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
}

func (b *bank) me(_ *http.Request, s *session.Session) (status int, why string) {
	if customer(s) == "" {
		return http.StatusUnauthorized, bankNobody
	}
	return http.StatusOK, ""
}

func (b *bank) transfer(r *http.Request, s *session.Session) (status int, why string) {
	amount, err := strconv.Atoi(r.PostFormValue("amount"))
	switch {
	case customer(s) == "":
		return http.StatusUnauthorized, bankNobody
	case b.again && r.PostFormValue("password") != b.password:
		return http.StatusForbidden, bankWrong
	case err != nil || amount < 1 || amount > b.balance:
		return http.StatusUnprocessableEntity, "That is no amount to send."
	}
	b.balance -= amount
	return http.StatusOK, ""
}

func (b *bank) changePassword(r *http.Request, s *session.Session) (status int, why string) {
	switch {
	case customer(s) == "":
		return http.StatusUnauthorized, bankNobody
	case r.PostFormValue("password") != b.password:
		return http.StatusForbidden, bankWrong
	}
	b.password = r.PostFormValue("new")
	if r.PostFormValue("new-id") != "" {
		s.CycleID()
	}
	return http.StatusOK, ""
}

// customer returns the name of the user who is logged in with s, "" for nobody.
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
	var s theft
	did(rahim, "logs in", "the right one", rahim.Post("/login", "user", "Rahim", "password", first))
	s.had = did(rahim, "looks at his account", "none", rahim.Get("/me"))
	thief.Put(rahim.Cookie())
	s.stolen = thief.Cookie()
	s.read = did(thief, "looks at it with the copied cookie", "none", thief.Get("/me"))
	s.pay = did(thief, "sends 40 to themselves", "none", thief.Post("/transfer", "to", "thief", "amount", "40"))
	if s.pay.Status != http.StatusOK {
		s.pay = did(thief, "tries again with a guess", "a wrong one", thief.Post("/transfer", "to", "thief", "amount", "40", "password", "123456"))
	}
	s.left = did(rahim, "looks at his account", "none", rahim.Get("/me"))
	did(rahim, "sends 5 to a friend", "the right one", rahim.Post("/transfer", "to", "Sofia", "amount", "5", "password", first))
	did(rahim, "changes his password", "the right one", rahim.Post("/password", "password", first, "new", second))
	s.still = did(thief, "looks with the copied cookie", "none", thief.Get("/me"))
	did(rahim, "changes it again, with a new session ID", "the right one", rahim.Post("/password", "password", second, "new", third, "new-id", "yes"))
	s.end = did(thief, "looks with the copied cookie", "none", thief.Get("/me"))
	s.own = did(rahim, "looks at his account", "none", rahim.Get("/me"))
	out := s.judge()
	out.Tables = []experiment.Table{t}
	return out
}

// theft is what a thief could do with a copied cookie.
type theft struct {
	stolen         string               // the cookie
	had, left, own *experiment.Exchange // Rahim's looks: before the thief, after the thief, and after the new ID
	read, pay      *experiment.Exchange // the thief's look, and the last try to send money
	still, end     *experiment.Exchange // the thief's looks after the new password, and after the new ID
}

// showsRahim tells whether an answer shows Rahim's account.
func showsRahim(x *experiment.Exchange) bool {
	a := accountIn(x)
	return a.Done && a.User == "Rahim"
}

// afterwards says how long the copy worked.
func (s theft) afterwards() string {
	works := func(x *experiment.Exchange) string {
		if showsRahim(x) {
			return "still read the account"
		}
		return "read nothing any more"
	}
	text := fmt.Sprintf(" After Rahim had changed his password, the copy %s (status %d); after the server had renewed the session's ID as well, it %s (status %d).", works(s.still), s.still.Status, works(s.end), s.end.Status)
	if !showsRahim(s.own) {
		text += fmt.Sprintf(" Rahim himself was locked out as well: status %d.", s.own.Status)
	}
	return text
}

// judge says whether the thief read, and whether the thief paid.
func (s theft) judge() experiment.Outcome {
	balance := func(x *experiment.Exchange) string {
		if x.Status != http.StatusOK {
			return ""
		}
		return fmt.Sprintf("balance %d", accountIn(x).Balance)
	}
	had, left, read, pay := s.had, s.left, s.read, s.pay
	took := accountIn(had).Balance - accountIn(left).Balance
	out := experiment.Outcome{
		Happened: experiment.None, Decisive: pay, Mark: fmt.Sprint(`"done":`, accountIn(pay).Done),
		Pair: []experiment.Shot{
			{Title: "Rahim's own", Cookie: left.SessionCookie(), Exchange: left, Says: balance(left)},
			{Title: "The thief's copy", Cookie: s.stolen, Exchange: read, Says: balance(read)},
			{Title: "The copy after the new ID", Cookie: s.stolen, Exchange: s.end, Says: balance(s.end)},
		},
	}
	switch {
	case !showsRahim(had) || !showsRahim(left):
		out.Tone, out.Verdict, out.Decisive, out.Mark = experiment.Lost, fmt.Sprintf("{bad Rahim himself was not let in:} his account was answered with status %d, and later %d.", had.Status, left.Status), had, ""
	case showsRahim(read) && took == 40:
		out.Happened, out.Tone = "read-and-pay", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad The thief read and paid.} Without the right password {cookie the copied cookie} read a balance of %d, and then Rahim read one of %d.%s", accountIn(read).Balance, accountIn(left).Balance, s.afterwards())
	case showsRahim(read) && took == 0:
		out.Happened, out.Tone = "read-only", experiment.Refused
		out.Verdict = fmt.Sprintf("{mac The thief read, and could not pay.} {cookie The copied cookie} read a balance of %d; sending money was answered with status %d, and Rahim's balance stayed %d.%s", accountIn(read).Balance, pay.Status, accountIn(left).Balance, s.afterwards())
	case !showsRahim(read) && took == 0:
		out.Happened, out.Tone, out.Decisive, out.Mark = "nothing", experiment.Refused, read, s.stolen
		out.Verdict = fmt.Sprintf("{ok The thief got nothing.} The copied cookie was answered with status %d, and Rahim's balance stayed %d.", read.Status, accountIn(left).Balance)
	default:
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Another outcome:} the thief's look was answered with status %d, and Rahim's balance went from %d to %d.", read.Status, accountIn(had).Balance, accountIn(left).Balance)
	}
	return out
}
