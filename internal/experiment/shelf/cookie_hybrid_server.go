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
	value := r.Choice("value")
	short := func(s string) string {
		if rs := []rune(s); len(rs) > 48 {
			return string(rs[:48]) + "…"
		}
		return s
	}
	yours := experiment.Code(short(value))
	if value == "" {
		yours = "the empty text"
	}
	text := strings.Repeat("0123456789", 60)
	// member is how a value stands in the payload of a cookie, and in a record.
	member := func(key, value string) string {
		v, err := session.Text(value)
		if err != nil {
			r.Fail(err)
		}
		return fmt.Sprintf("%q:%s", key, v)
	}

	t := experiment.Table{
		Caption: "The same script three times",
		Head:    []string{"placement", "cookie", "hybrid", "server"},
		Rows: [][]string{
			{"{cookie cookie}, name and value, bytes"}, {"{server record}, bytes"}, {"`name` lives in"}, {"`text` lives in"},
			{"`name` can be read from the cookie without a key"}, {"answers with `Set-Cookie`, of two writes and two reads"}, {"both read back"},
		},
	}
	peeled := experiment.Table{Caption: "What the Cookie header carries, peeled without a key", Head: []string{"placement", "letters of the header", "what they say, two layers of base64 further in"}}
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Held}
	var found, missing, lost []string
	bare := 0 // the size of the last cookie without the value
	for _, p := range []session.Placement{session.InCookie, session.Hybrid, session.OnServer} {
		in := r.Boot(experiment.Settings{Placement: p})
		b := in.Client("Rahim's browser")
		all := []*experiment.Exchange{
			b.Set("name", value).For("stores your value, placement " + p.String()),
			b.Set("text", text).For("stores 600 bytes"),
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
		sent := 0
		for _, x := range all {
			if x.SetCookie() != nil {
				sent++
			}
		}
		back := all[2].Answer().Found && all[2].Value() == value && all[3].Value() == text
		if !back {
			lost = append(lost, p.String())
		}
		size := cookieSize(experiment.CookieName, cookie)
		carried := lettersOf(cookie, member("name", value))
		says := "your value stands in it"
		if carried != "" {
			found = append(found, p.String())
			peeled.Rows = append(peeled.Rows, []string{"`" + p.String() + "`", "{cookie " + short(carried) + "}", experiment.Code(short(member("name", value)))})
		} else {
			says = "your value is not in it"
			missing, bare = append(missing, p.String()), size
			peeled.Rows = append(peeled.Rows, []string{"`" + p.String() + "`", "none", "your value is not there"})
		}
		// Shown first is a cookie that carries the value and leaves the rest to the
		// server, if there is one: hybrid comes after cookie.
		if out.Decisive == nil || carried != "" {
			out.Decisive, out.Mark = all[2], cmp.Or(carried, cookie)
		}
		out.Pair = append(out.Pair, experiment.Shot{Title: "Placement " + p.String(), Cookie: cookie, Exchange: all[2], Says: says})
		for i, cell := range []string{experiment.Comma(size), record, lives(member("name", value)), lives(member("text", text)), experiment.YesNo(carried != "", false), fmt.Sprint(sent), experiment.YesNo(back, true)} {
			t.Rows[i] = append(t.Rows[i], cell)
		}
	}
	out.Tables = []experiment.Table{t, peeled}

	if len(lost) > 0 {
		out.Tone = experiment.Lost
		out.Verdict = fmt.Sprintf("{bad Lost.} With placement %s what was stored did not come back.", strings.Join(lost, " and "))
		return out
	}
	switch strings.Join(found, " and ") {
	case "":
		out.Happened = "nowhere"
		out.Verdict = "{ok Nowhere.} No Cookie header carried " + yours + ", and every read found it: it lives on the server."
		return out
	case "cookie":
		out.Happened = "cookie-only"
	case "cookie and hybrid":
		out.Happened = "cookie-and-hybrid"
	case "cookie and hybrid and server":
		out.Happened = "everywhere"
	}
	out.Verdict = fmt.Sprintf("{cookie Found in the Cookie header} with placement %s: two layers of base64 came off without a key, and there stood %s.", strings.Join(found, " and "), yours)
	if len(missing) > 0 {
		out.Verdict += fmt.Sprintf(" With placement %s it was not there: the cookie had %s bytes, and {server the server} answered from its record.", strings.Join(missing, " and "), experiment.Comma(bare))
	}
	return out
}
