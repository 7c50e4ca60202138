package shelf

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var restart = experiment.Experiment{
	Slug: "restart", Section: where,
	Choices: []experiment.Choice{
		{Name: "secret", Label: "The server starts with", Options: []experiment.Option{{Name: "same", Label: "the same secret"}, {Name: "new", Label: "a new secret"}, {Name: "both", Label: "a new secret that signs, and the old one to verify"}}},
		experiment.Placements,
	},
	Run: runRestart,
}

// whoIs returns who is logged in, as an answer to GET /session says.
func whoIs(x *experiment.Exchange) string {
	user := ""
	for _, v := range x.Answer().Values {
		if v.Key == "user" {
			_ = json.Unmarshal(v.Value, &user) // a value that is no text names no user
		}
	}
	return cmp.Or(user, "nobody")
}

func runRestart(r *experiment.Run) experiment.Outcome {
	s := restarts{old: session.NewSecret()}
	s.secrets = [][]byte{s.old}
	switch r.Choice("secret") {
	case "new":
		s.secrets = [][]byte{session.NewSecret()}
	case "both":
		s.secrets = [][]byte{session.NewSecret(), s.old}
	}
	s.in = r.Boot(experiment.Settings{Store: "sqlite", Placement: r.Placement(), Secrets: [][]byte{s.old}})
	s.b = s.in.Client("Rahim's browser")
	s.table = experiment.Table{Caption: "The same browser through the restarts", Head: []string{"request", "logged in as", "after the answer its cookie is signed by secret", "Set-Cookie", "records on the server"}}

	s.b.Post("/login", "user", restarted).For("logs in")
	s.look("before the restart", "looks at the session")
	s.kept = s.b.Cookie()
	s.record, s.had = s.in.Record(s.kept)
	s.restart(s.secrets)
	s.first = s.look("the first one after it", "sends the cookie from before the restart")
	now, has := s.in.Record(s.kept)
	s.has, s.same = has, has && now.Data == s.record.Data
	s.wrote = s.b.Set("city", "Graz").For("writes")
	s.table.Rows = append(s.table.Rows, []string{"then a write", "", "", setOrNot(s.wrote), experiment.Comma(s.in.Stats().Live)})

	var out experiment.Outcome
	if whoIs(s.first) != restarted {
		out = s.putOldSecretBack()
	} else {
		out = s.dropOldSecret()
	}
	out.Tables = []experiment.Table{s.table}
	return out
}

// restarted is the user who is logged in through the restarts.
const restarted = "Rahim"

// restarts is one browser, and a server that is restarted.
type restarts struct {
	in      *experiment.Instance
	b       *experiment.Client
	table   experiment.Table
	old     []byte
	secrets [][]byte // the secrets of the restarted server

	kept           string // the cookie from before the restart
	record         session.Stored
	had, has, same bool                 // there was a record; there is one after the restart; it has the same bytes
	first, wrote   *experiment.Exchange // the first read after the restart, and the first write
}

// restart restarts the server with these secrets.
func (s *restarts) restart(secrets [][]byte) {
	s.in.Restart(func(set *experiment.Settings) { set.Secrets = secrets })
}

// look asks who is logged in.
func (s *restarts) look(what, note string) *experiment.Exchange {
	x := s.b.Get("/session").For(note)
	key := cmp.Or(x.Answer().CookieInfo.Key, "none")
	s.table.Rows = append(s.table.Rows, []string{what, experiment.Plain(whoIs(x)), key, setOrNot(x), experiment.Comma(s.in.Stats().Live)})
	return x
}

// stored says what became of the record.
func (s *restarts) stored() string {
	switch {
	case s.had && s.same:
		return "{server The record} is still in the store, as it was"
	case s.had && s.has:
		return "{server The record} is still in the store, but not as it was"
	case s.had:
		return "{server The record} is no longer in the store"
	}
	return "This placement keeps {server no record}, so none was lost"
}

// putOldSecretBack finds out why nobody is logged in any more: with the old secret back,
// only a lost record keeps the kept cookie out.
func (s *restarts) putOldSecretBack() experiment.Outcome {
	s.restart([][]byte{s.old})
	s.b.Put(s.kept)
	back := s.look("the kept cookie, with the old secret back", "sends the first cookie again, after another restart with the old secret")
	out := experiment.Outcome{Happened: experiment.None, Decisive: s.first, Mark: `"exists":false`, Pair: []experiment.Shot{
		{Title: "After the restart", Cookie: s.kept, Exchange: s.first, Says: "nobody is logged in"},
		{Title: "With the old secret back", Cookie: s.kept, Exchange: back, Says: whoIs(back) + " is logged in"},
	}}
	switch {
	case whoIs(back) == restarted:
		out.Happened, out.Tone = "signature-refused", experiment.Refused
		out.Verdict = fmt.Sprintf("{mac Logged out: the signature is refused.} The browser sent its cookie, and the server, with status %d, knew nobody. %s. With the old secret back, the same cookie logs `%s` in again: only the secret was missing.", s.first.Status, s.stored(), restarted)
	case s.had && !s.has:
		out.Happened, out.Tone = "record-gone", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Logged out: the record is gone.} The browser sent its cookie, and the server, with status %d, knew nobody. %s, and the old secret does not bring it back.", s.first.Status, s.stored())
	default:
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Logged out}, and the old secret does not help: status %d, and nobody is logged in. %s.", back.Status, s.stored())
	}
	if id := s.wrote.Answer().Session.ID; id != "" {
		out.Verdict += fmt.Sprintf(" The write in between began another session, %s.", experiment.Code(id))
	}
	return out
}

// dropOldSecret finds out which secret signed the newest cookie, and which signed the cookie
// from before the restart: it leaves only the secret that signs.
func (s *restarts) dropOldSecret() experiment.Outcome {
	signed := s.b.Cookie()
	s.restart(s.secrets[:1])
	alone := s.look("after another restart, with only the signing secret", "sends the cookie of now")
	s.b.Put(s.kept)
	replay := s.look("the kept cookie, there", "sends the cookie from before the first restart")
	out := experiment.Outcome{Happened: experiment.None, Decisive: s.first, Mark: restarted, Pair: []experiment.Shot{
		{Title: "From before the restart", Cookie: s.kept, Exchange: replay, Says: whoIs(replay) + " is logged in"},
		{Title: "The cookie of now", Cookie: signed, Exchange: alone, Says: whoIs(alone) + " is logged in"},
	}}
	when := ""
	if s.first.SetCookie() != nil {
		when = "with the answer to the first read"
	} else if s.wrote.SetCookie() != nil {
		when = "with the answer to the first write"
	}
	switch {
	case whoIs(alone) != restarted:
		out.Tone = experiment.Lost
		out.Verdict = "{bad Logged in, but not for long:} with only the signing secret the server refuses the browser's cookie. "
		if when == "" {
			out.Verdict += "No new cookie ever came."
		} else {
			out.Verdict += "A new cookie came " + when + "."
		}
	case whoIs(replay) == restarted:
		out.Happened, out.Tone = "logged-in", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Still logged in} as `%s`: the server accepted the cookie from before the restart right after it, and after another restart. %s.", restarted, s.stored())
	default:
		out.Happened, out.Tone, out.Decisive = "signed-anew", experiment.Held, alone
		out.Verdict = fmt.Sprintf("{ok Still logged in, and signed again.} The server accepted the cookie from before the restart once more, and sent a new cookie %s. With only the new secret the new cookie still logs `%s` in, and {mac the old cookie is refused}. %s.", when, restarted, s.stored())
	}
	return out
}

// setOrNot is a cell that says whether an answer set a cookie.
func setOrNot(x *experiment.Exchange) string {
	if x.SetCookie() == nil {
		return "none"
	}
	return "{cookie sent}"
}
