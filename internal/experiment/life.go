package experiment

import "fmt"

// life are the experiments about the life of a session.
func life() []Experiment {
	return []Experiment{
		{
			Number: 1, Slug: "born-on-first-write", Title: "Born on first write",
			Lead: "A visitor arrives with no cookie and looks around. When does the server begin to remember something about them?",
			Predictions: []string{
				"At the first request: every visitor gets a session at once",
				"At the first read of a key: reading creates what it looks for",
				"At the first write, and not before",
			},
			Does: "a visit, three reads and two writes by a browser without cookies",
			Run:  bornOnFirstWrite,
			Explain: []string{
				"Reading asks a question; there is nothing to remember, so nothing is stored and no cookie is sent.",
				"The first write makes a record, and the answer carries `Set-Cookie`: from then on the browser sends the {cookie cookie} along with each request (RFC 6265, section 3).",
				"A second write finds the session by that cookie, so the ID stays.",
				"An engine that creates sessions on reading can be filled by anybody who merely visits: that was Django's CVE-2015-5143.",
			},
			Breaks:  "A page that stores something for every visitor, such as a counter of visits, makes a session for every crawler too.",
			Sources: []Source{{"RFC 6265, section 3", "https://www.rfc-editor.org/rfc/rfc6265#section-3"}, {"Django: when sessions are saved", "https://docs.djangoproject.com/en/stable/topics/http/sessions/#when-sessions-are-saved"}},
		},
	}
}

func bornOnFirstWrite(r *Run) Outcome {
	in := r.Boot(Settings{})
	b := in.Client("Rahim's browser")
	type seen struct {
		what    string
		x       *Exchange
		records int
	}
	var all []seen
	did := func(what string, x *Exchange) {
		x.Note = what
		all = append(all, seen{what, x, in.Stats().Live})
	}
	did("looks at the session", b.Get("/session"))
	did("reads a key", b.Get("/get", "key", "name"))
	did("lists the keys", b.Get("/keys"))
	did("writes", b.Set("name", "Rahim"))
	did("writes again", b.Set("city", "Graz"))

	t := Table{Caption: "After each request", Head: []string{"request", "Set-Cookie", "records on the server", "ID, hashed"}}
	first, out := -1, Outcome{Happened: None, Tone: Held}
	for i, s := range all {
		sent := s.x.SetCookie() != nil
		if first < 0 && (sent || s.records > 0) {
			first = i
		}
		t.Rows = append(t.Rows, []string{s.what, yes(sent, i == 3), fmt.Sprint(s.records), "`" + s.x.Answer().Session.ID + "`"})
	}
	out.Tables = []Table{t}
	switch {
	case first == 3:
		out.Happened, out.Decisive, out.Mark = 2, all[3].x, "Set-Cookie"
		out.Verdict = fmt.Sprintf("{ok Born on the first write.} Three requests that only looked left no cookie and no record. The fourth wrote: its answer set {cookie a cookie of %d bytes}, and {server the store} went from 0 to %s.",
			len("sessionscope")+len(all[3].x.SetCookie().Value), word(all[3].records, "record", "records"))
		if all[4].x.Answer().Session.ID == all[3].x.Answer().Session.ID {
			out.Verdict += " The second write kept the ID."
		}
	case first >= 0 && first < 3:
		out.Happened, out.Tone, out.Decisive = min(first, 1), Lost, all[first].x
		out.Verdict = fmt.Sprintf("{bad Born before anything was written:} after the browser only %s, there was a cookie or a record.", all[first].what)
	default:
		out.Tone, out.Verdict = Lost, "{bad Never born:} two writes left no cookie and no record."
	}
	return out
}
