package experiment

import (
	"encoding/json"
	"fmt"
	"strings"
)

// forgery are the experiments about what a signature proves.
func forgery() []Experiment {
	return []Experiment{
		{
			Number: 14, Slug: "change-one-letter", Title: "Change one letter",
			Lead: "Your cookie says `\"role\":\"student\"` and you can read it. So edit it to say `\"teacher\"`, or turn one letter over, and send it back.",
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
			Does: "two real requests, the cookie as issued and as edited",
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
	}
}

func changeOneLetter(r *Run) Outcome {
	in := r.Boot(Settings{})
	b := in.Client("Rahim's browser")
	b.Set("role", "student").Note = "logs in as a student"
	issued := b.Cookie()
	before := in.Stats()

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
	as := b.Get("/get", "key", "role")
	as.Note = "asks with the cookie as issued"
	b.Put(edited)
	is := b.Get("/get", "key", "role")
	is.Note = "asks with the edited cookie"
	b.Put(issued)
	again := b.Get("/get", "key", "role")
	again.Note = "asks with the first cookie again"

	out := Outcome{
		Happened: None, Decisive: is, Mark: edited,
		Pair: []Shot{{Title: "As issued", Cookie: issued, Exchange: as, Says: says(as)}, {Title: "As edited", Cookie: edited, Exchange: is, Says: says(is)}},
	}
	made := in.Stats().Live - before.Live
	switch {
	case edited == issued:
		out.Verdict = "{bad Nothing was edited:} both requests carried the same cookie. Write another role."
	case is.Status >= 400:
		out.Happened, out.Tone = 1, Refused
		out.Verdict = fmt.Sprintf("{bad An error:} the edited cookie was answered with status %d.", is.Status)
	case is.Answer().Found:
		out.Happened, out.Tone = 0, Lost
		out.Verdict = fmt.Sprintf("{bad Believed.} The edited cookie was accepted: the server says the role is `%s`.", Plain(is.Value()))
	default:
		out.Happened, out.Tone = 2, Refused
		out.Verdict = fmt.Sprintf("{mac Signature refused.} The signature that the cookie carries does not fit the edited bytes. The server treated the visit as one with no session: status %d, role missing, %s created. With the cookie as issued the role is still `%s`.",
			is.Status, strings.Replace(word(made, "record", "records"), "0", "no", 1), Plain(again.Value()))
	}
	return out
}

// says is the answer to a /get in short.
func says(x *Exchange) string {
	if a := x.Answer(); a.Found {
		return string(a.Value)
	}
	return "(missing)"
}
