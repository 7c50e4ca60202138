package shelf

import (
	"fmt"
	"slices"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var bornOnFirstWrite = experiment.Experiment{
	Slug: "born-on-first-write", Section: life,
	Run: runBornOnFirstWrite,
}

func runBornOnFirstWrite(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{})
	b := in.Client("Rahim's browser")
	type seen struct {
		what    string
		x       *experiment.Exchange
		records int
	}
	var all []seen
	did := func(what string, x *experiment.Exchange) {
		x.Note = what
		all = append(all, seen{what: what, x: x, records: in.Stats().Live})
	}
	did("looks at the session", b.Get("/session"))
	did("reads a key", b.Get("/get", "key", "name"))
	did("lists the keys", b.Get("/keys"))
	did("writes", b.Set("name", "Rahim"))
	did("writes again", b.Set("city", "Graz"))

	t := experiment.Table{Caption: "After each request", Head: []string{"request", "cookie sent", "Set-Cookie", "records on the server", "ID, hashed"}}
	first, out := -1, experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Mark: "Set-Cookie"}
	for i, s := range all {
		sets := s.x.SetCookie() != nil
		if first < 0 && (sets || s.records > 0) {
			first = i
		}
		t.Rows = append(t.Rows, []string{s.what, experiment.YesNo(s.x.Cookie != "", i == 4), experiment.YesNo(sets, i == 3), fmt.Sprint(s.records), "`" + s.x.Answer().Session.ID + "`"})
	}

	forgetful := experiment.Table{Caption: "A client that keeps no cookies", Head: t.Head}
	c, before := in.Client("A client that keeps no cookies"), in.Stats().Live
	var ids []string
	for range 3 {
		x := c.Set("name", "Mara").For("writes, and forgets")
		if id := x.Answer().Session.ID; id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		forgetful.Rows = append(forgetful.Rows, []string{"writes", experiment.YesNo(x.Cookie != "", false), experiment.YesNo(x.SetCookie() != nil, true), fmt.Sprint(in.Stats().Live), "`" + x.Answer().Session.ID + "`"})
		c.Drop()
	}
	out.Tables = []experiment.Table{t, forgetful}
	if first >= 0 {
		out.Decisive = all[first].x
	}
	switch {
	case first == 3 && all[3].x.SetCookie() != nil && all[3].records > 0:
		set := all[3].x.SetCookie()
		out.Happened, out.Tone = "first-write", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Born on the first write.} Three requests that only looked left no cookie and no record; the fourth wrote, its answer set {cookie a cookie of %d bytes}, and {server the store} went from 0 to %s.",
			len(set.Name)+len(set.Value), experiment.Count(all[3].records, "record", "records"))
		if all[4].x.Cookie != "" && all[4].x.Answer().Session.ID == all[3].x.Answer().Session.ID {
			out.Verdict += " The fifth request was the first to send that cookie, and kept the ID."
		}
		out.Verdict += fmt.Sprintf(" A client that keeps no cookies wrote %d times: %s more, %s.",
			len(forgetful.Rows), experiment.Count(in.Stats().Live-before, "record", "records"), experiment.Count(len(ids), "ID", "IDs"))
	case first == 3:
		sets := "set a cookie"
		if all[3].x.SetCookie() == nil {
			sets, out.Mark = "set no cookie", all[3].x.Path
		}
		out.Verdict = fmt.Sprintf("{bad Half born:} the first write's answer %s, and {server the store} held %s.", sets, experiment.Count(all[3].records, "record", "records"))
	case first == 4:
		out.Verdict = fmt.Sprintf("{bad Not at the first write:} its answer, with status %d, left no cookie and no record. After the second there was a cookie or a record.", all[3].x.Status)
	case first >= 0:
		out.Happened = "first-read"
		if first == 0 {
			out.Happened = "first-request"
		}
		out.Verdict = fmt.Sprintf("{bad Born before anything was written:} after the browser only %s, there was a cookie or a record.", all[first].what)
	default:
		out.Verdict = "{bad Never born:} two writes left no cookie and no record."
	}
	return out
}
