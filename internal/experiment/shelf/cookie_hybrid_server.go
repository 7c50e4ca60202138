package shelf

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var cookieHybridServer = experiment.Experiment{
	Slug: "cookie-hybrid-server", Section: where,
	Choices: []experiment.Choice{{Name: "value", Label: "Your value", Default: "Rahim", Max: 400}},
	Run:     runCookieHybridServer,
}

func runCookieHybridServer(r *experiment.Run) experiment.Outcome {
	s := search{value: r.Choice("value"), out: experiment.Outcome{Happened: experiment.None, Tone: experiment.Held}}
	s.script = experiment.Table{
		Caption: "The same script three times",
		Head:    []string{"placement", "cookie", "hybrid", "server"},
		Rows: [][]string{
			{"{cookie cookie}, name and value, bytes"}, {"{server record}, bytes"}, {"`name` lives in"}, {"`text` lives in"},
			{"`name` can be read from the cookie without a key"}, {"answers with `Set-Cookie`, of two writes and two reads"}, {"both read back"},
		},
	}
	s.peeled = experiment.Table{Caption: "What the Cookie header carries, peeled without a key", Head: []string{"placement", "letters of the header", "what they say, two layers of base64 further in"}}
	for _, p := range []session.Placement{session.InCookie, session.Hybrid, session.OnServer} {
		s.in(r, p)
	}
	s.out.Tables = []experiment.Table{s.script, s.peeled}
	s.judge()
	return s.out
}

// search looks for the learner's value in the Cookie headers of three placements.
type search struct {
	value                string
	script, peeled       experiment.Table
	found, missing, lost []string // placements: the header has the value, or has it not; a read did not bring it back
	bare                 int      // the size of the last cookie without the value
	out                  experiment.Outcome
}

// in runs the script under one placement.
func (s *search) in(r *experiment.Run, p session.Placement) {
	in := r.Boot(experiment.Settings{Placement: p})
	b := in.Client("Rahim's browser")
	all := []*experiment.Exchange{
		b.Set("name", s.value).For("stores your value, placement " + p.String()),
		b.Set("text", longValue).For("stores 600 bytes"),
		b.Get("/get", "key", "name").For("reads your value: look at its Cookie header"),
		b.Get("/get", "key", "text"),
	}
	cookie := all[2].SessionCookie()
	st, has := in.Record(cookie)
	lives := func(member string) string {
		var places []string
		if lettersOf(cookie, member) != "" {
			places = append(places, "{cookie the cookie}")
		}
		if has && strings.Contains(st.Data, member) {
			places = append(places, "{server the record}")
		}
		return cmp.Or(strings.Join(places, " and "), "{bad neither}")
	}
	record := "none"
	if has {
		record = experiment.Comma(len(st.Data))
	}
	back := all[2].Answer().Found && all[2].Value() == s.value && all[3].Value() == longValue
	if !back {
		s.lost = append(s.lost, p.String())
	}
	size, name := cookieSize(experiment.CookieName, cookie), member(r, "name", s.value)
	carried := lettersOf(cookie, name)
	s.note(p, all[2], carried, name)
	for i, cell := range []string{experiment.Comma(size), record, lives(name), lives(member(r, "text", longValue)), experiment.Fact(carried != ""), fmt.Sprint(countCookies(all)), experiment.YesNo(back, true)} {
		s.script.Rows[i] = append(s.script.Rows[i], cell)
	}
}

// note notes whether the Cookie header of a read carried the value. carried are the
// letters that say so, and name is what they say.
func (s *search) note(p session.Placement, read *experiment.Exchange, carried, name string) {
	cookie, says := read.SessionCookie(), "your value stands in it"
	if carried != "" {
		s.found = append(s.found, p.String())
		s.peeled.Rows = append(s.peeled.Rows, []string{"`" + p.String() + "`", "{cookie " + beginning(carried) + "}", experiment.Code(beginning(name))})
	} else {
		says = "your value is not in it"
		s.missing, s.bare = append(s.missing, p.String()), cookieSize(experiment.CookieName, cookie)
		s.peeled.Rows = append(s.peeled.Rows, []string{"`" + p.String() + "`", "none", "your value is not there"})
	}
	// Shown first is a cookie that carries the value and leaves the rest to the
	// server, if there is one: hybrid comes after cookie.
	if s.out.Decisive == nil || carried != "" {
		s.out.Decisive, s.out.Mark = read, cmp.Or(carried, cookie)
	}
	s.out.Pair = append(s.out.Pair, experiment.Shot{Title: "Placement " + p.String(), Cookie: cookie, Exchange: read, Says: says})
}

// judge says where the value was found.
func (s *search) judge() {
	out := &s.out
	if len(s.lost) > 0 {
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Lost.} With placement %s the stored values did not come back.", strings.Join(s.lost, " and "))
		return
	}
	yours := experiment.Code(beginning(s.value))
	if s.value == "" {
		yours = "the empty text"
	}
	switch strings.Join(s.found, " and ") {
	case "":
		out.Happened = "nowhere"
		out.Verdict = "{ok Nowhere.} No Cookie header carried " + yours + ", and every read found the value: it lives on the server."
		return
	case "cookie":
		out.Happened = "cookie-only"
	case "cookie and hybrid":
		out.Happened = "cookie-and-hybrid"
	case "cookie and hybrid and server":
		out.Happened = "everywhere"
	}
	out.Verdict = fmt.Sprintf("{cookie Found in the Cookie header} with placement %s: two layers of base64 came off without a key, and there stood %s.", strings.Join(s.found, " and "), yours)
	if len(s.missing) > 0 {
		out.Verdict += fmt.Sprintf(" With placement %s the value was not there: the cookie had %s bytes, and {server the server} answered from its record.", strings.Join(s.missing, " and "), experiment.Comma(s.bare))
	}
}

// beginning cuts a text that is too long for a cell.
func beginning(s string) string {
	if rs := []rune(s); len(rs) > 48 {
		return string(rs[:48]) + "…"
	}
	return s
}

// member is how a value stands in the payload of a cookie, and in a record.
func member(r *experiment.Run, key, value string) string {
	v, err := session.Text(value)
	if err != nil {
		r.Fail(err)
	}
	return fmt.Sprintf("%q:%s", key, v)
}

// countCookies is how many of the answers set a cookie.
func countCookies(all []*experiment.Exchange) (n int) {
	for _, x := range all {
		if x.SetCookie() != nil {
			n++
		}
	}
	return n
}
