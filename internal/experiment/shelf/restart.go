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

// whoIs is who is logged in, by an answer to GET /session.
func whoIs(x *experiment.Exchange) string {
	user := ""
	for _, v := range x.Answer().Values {
		if v.Key == "user" {
			_ = json.Unmarshal(v.Value, &user) // what is no text is no user
		}
	}
	return cmp.Or(user, "nobody")
}

func runRestart(r *experiment.Run) experiment.Outcome {
	const user = "Rahim"
	old := session.NewSecret()
	secrets := [][]byte{old}
	switch r.Choice("secret") {
	case "new":
		secrets = [][]byte{session.NewSecret()}
	case "both":
		secrets = [][]byte{session.NewSecret(), old}
	}
	in := r.Boot(experiment.Settings{Store: "sqlite", Placement: r.Placement(), Secrets: [][]byte{old}})
	b := in.Client("Rahim's browser")

	t := experiment.Table{Caption: "The same browser through the restarts", Head: []string{"request", "logged in as", "after the answer its cookie is signed by secret", "Set-Cookie", "records on the server"}}
	look := func(what, note string) *experiment.Exchange {
		x := b.Get("/session").For(note)
		key := cmp.Or(x.Answer().CookieInfo.Key, "none")
		t.Rows = append(t.Rows, []string{what, experiment.Plain(whoIs(x)), key, setOrNot(x), experiment.Comma(in.Stats().Live)})
		return x
	}
	b.Post("/login", "user", user).For("logs in")
	look("before the restart", "looks at the session")
	kept := b.Cookie()
	record, had := in.Record(kept)

	in.Restart(func(s *experiment.Settings) { s.Secrets = secrets })
	first := look("the first one after it", "sends the cookie from before the restart")
	now, has := in.Record(kept)
	still := has && now.Data == record.Data
	wrote := b.Set("city", "Graz").For("writes")
	t.Rows = append(t.Rows, []string{"then a write", "", "", setOrNot(wrote), experiment.Comma(in.Stats().Live)})

	out := experiment.Outcome{Happened: experiment.None, Decisive: first}
	stored := "This placement keeps {server no record}, so none was lost"
	switch {
	case had && still:
		stored = "{server The record} is still in the store, as it was"
	case had && has:
		stored = "{server The record} is still in the store, but not as it was"
	case had:
		stored = "{server The record} is no longer in the store"
	}
	if whoIs(first) != user {
		in.Restart(func(s *experiment.Settings) { s.Secrets = [][]byte{old} })
		b.Put(kept)
		back := look("the kept cookie, with the old secret back", "sends the first cookie again, after another restart with the old secret")
		out.Mark = `"exists":false`
		out.Pair = []experiment.Shot{{Title: "After the restart", Cookie: kept, Exchange: first, Says: "nobody is logged in"}, {Title: "With the old secret back", Cookie: kept, Exchange: back, Says: whoIs(back) + " is logged in"}}
		switch {
		case whoIs(back) == user:
			out.Happened, out.Tone = "signature-refused", experiment.Refused
			out.Verdict = fmt.Sprintf("{mac Logged out: the signature is refused.} The browser sent its cookie, and the server, with status %d, knew nobody. %s. With the old secret back, the same cookie logs `%s` in again: the secret was all that was missing.", first.Status, stored, user)
		case had && !has:
			out.Happened, out.Tone = "record-gone", experiment.Lost
			out.Verdict = fmt.Sprintf("{bad Logged out: the record is gone.} The browser sent its cookie, and the server, with status %d, knew nobody. %s, and the old secret does not bring it back.", first.Status, stored)
		default:
			out.Tone = experiment.Lost
			out.Verdict = fmt.Sprintf("{bad Logged out}, and the old secret does not help: status %d, and nobody is logged in. %s.", back.Status, stored)
		}
		if id := wrote.Answer().Session.ID; id != "" {
			out.Verdict += fmt.Sprintf(" The write in between began another session, %s.", experiment.Code(id))
		}
		out.Tables = []experiment.Table{t}
		return out
	}

	// The cookie of now, and the one from before the restart, where only the
	// secret that signs is left: this tells under which of them each was signed.
	signed := b.Cookie()
	in.Restart(func(s *experiment.Settings) { s.Secrets = secrets[:1] })
	alone := look("after another restart, with the signing secret alone", "sends the cookie of now")
	b.Put(kept)
	replay := look("the kept cookie, there", "sends the cookie from before the first restart")
	out.Tables = []experiment.Table{t}
	out.Mark = user
	out.Pair = []experiment.Shot{{Title: "From before the restart", Cookie: kept, Exchange: replay, Says: whoIs(replay) + " is logged in"}, {Title: "The cookie of now", Cookie: signed, Exchange: alone, Says: whoIs(alone) + " is logged in"}}
	when := ""
	if first.SetCookie() != nil {
		when = "with the answer to the first read"
	} else if wrote.SetCookie() != nil {
		when = "with the answer to the first write"
	}
	switch {
	case whoIs(alone) != user:
		out.Tone = experiment.Lost
		out.Verdict = "{bad Logged in, but not for long:} with the signing secret alone, the browser's cookie is refused. "
		if when == "" {
			out.Verdict += "No new one ever came."
		} else {
			out.Verdict += "A new one came " + when + "."
		}
	case whoIs(replay) == user:
		out.Happened, out.Tone = "logged-in", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Still logged in} as `%s`: the cookie from before the restart was accepted right after it, and after one more. %s.", user, stored)
	default:
		out.Happened, out.Tone, out.Decisive = "signed-anew", experiment.Held, alone
		out.Verdict = fmt.Sprintf("{ok Still logged in, and signed anew.} The cookie from before the restart was accepted once more, and a new one came %s. With the new secret alone that one still logs `%s` in, and {mac the one from before is refused}. %s.", when, user, stored)
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
