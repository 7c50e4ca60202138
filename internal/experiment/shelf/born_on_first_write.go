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
	var v visit
	for _, step := range []struct {
		what string
		send func() *experiment.Exchange
	}{
		{"looks at the session", func() *experiment.Exchange { return b.Get("/session") }},
		{"reads a key", func() *experiment.Exchange { return b.Get("/get", "key", "name") }},
		{"lists the keys", func() *experiment.Exchange { return b.Get("/keys") }},
		{"writes", func() *experiment.Exchange { return b.Set("name", "Rahim") }},
		{"writes again", func() *experiment.Exchange { return b.Set("city", "Graz") }},
	} {
		v = append(v, visited{step.what, step.send().For(step.what), in.Stats().Live})
	}
	forgetful, forgot := forgetfulClient(in)
	out := v.judge(forgot)
	out.Tables = []experiment.Table{v.table(), forgetful}
	return out
}

// visited is one request of the visitor, and how many records there were after it.
type visited struct {
	what    string
	x       *experiment.Exchange
	records int
}

// visit is all five requests. The fourth is the first write.
type visit []visited

const firstWrite = 3

var visitHead = []string{"request", "cookie sent", "Set-Cookie", "records on the server", "ID, hashed"}

func (v visit) table() experiment.Table {
	t := experiment.Table{Caption: "After each request", Head: visitHead}
	for _, s := range v {
		t.Rows = append(t.Rows, []string{s.what, experiment.Fact(s.x.Cookie != ""), experiment.Fact(s.x.SetCookie() != nil), fmt.Sprint(s.records), "`" + s.x.Answer().Session.ID + "`"})
	}
	return t
}

// forgetfulClient writes three times with a client that keeps no cookies, and says what the
// client left behind.
func forgetfulClient(in *experiment.Instance) (t experiment.Table, said string) {
	t = experiment.Table{Caption: "A client that keeps no cookies", Head: visitHead}
	c, before := in.Client("A client that keeps no cookies"), in.Stats().Live
	var ids []string
	for range 3 {
		x := c.Set("name", "Mara").For("writes, and forgets")
		if id := x.Answer().Session.ID; id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
		t.Rows = append(t.Rows, []string{"writes", experiment.Fact(x.Cookie != ""), experiment.Fact(x.SetCookie() != nil), fmt.Sprint(in.Stats().Live), "`" + x.Answer().Session.ID + "`"})
		c.Drop()
	}
	return t, fmt.Sprintf(" A client that keeps no cookies wrote %d times: %s more, %s.",
		len(t.Rows), experiment.Count(in.Stats().Live-before, "record", "records"), experiment.Count(len(ids), "ID", "IDs"))
}

// judge says which request made the session. forgot says what a client without cookies
// left behind.
func (v visit) judge(forgot string) experiment.Outcome {
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Mark: "Set-Cookie"}
	first := slices.IndexFunc(v, func(s visited) bool { return s.x.SetCookie() != nil || s.records > 0 })
	if first >= 0 {
		out.Decisive = v[first].x
	}
	write := v[firstWrite]
	switch set := write.x.SetCookie(); {
	case first == firstWrite && set != nil && write.records > 0:
		out.Happened, out.Tone = "first-write", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Born on the first write.} Three requests that only read left no cookie and no record; the fourth wrote, its answer set {cookie a cookie of %d bytes}, and {server the store} went from 0 to %s.",
			len(set.Name)+len(set.Value), experiment.Count(write.records, "record", "records"))
		if next := v[firstWrite+1].x; next.Cookie != "" && next.Answer().Session.ID == write.x.Answer().Session.ID {
			out.Verdict += " The fifth request was the first to send that cookie, and kept the ID."
		}
		out.Verdict += forgot
	case first == firstWrite:
		sets := "set a cookie"
		if set == nil {
			sets, out.Mark = "set no cookie", write.x.Path
		}
		out.Verdict = fmt.Sprintf("{bad Half created:} the first write's answer %s, and {server the store} held %s.", sets, experiment.Count(write.records, "record", "records"))
	case first > firstWrite:
		out.Verdict = fmt.Sprintf("{bad Not at the first write:} its answer, with status %d, left no cookie and no record. After the second there was a cookie or a record.", write.x.Status)
	case first >= 0:
		out.Happened = "first-read"
		if first == 0 {
			out.Happened = "first-request"
		}
		out.Verdict = fmt.Sprintf("{bad Born before anything was written:} after the browser only %s, there was a cookie or a record.", v[first].what)
	default:
		out.Verdict = "{bad Never created:} two writes left no cookie and no record."
	}
	return out
}
