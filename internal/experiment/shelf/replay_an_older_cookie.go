package shelf

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var replayAnOlderCookie = experiment.Experiment{
	Slug: "replay-an-older-cookie", Section: trust,
	Choices: []experiment.Choice{experiment.Placements},
	Run:     runReplayAnOlderCookie,
}

const (
	credit   = 10
	price    = 5
	mostBuys = 4 // where a credit that comes back for ever is left alone
)

func runReplayAnOlderCookie(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{Placement: r.Placement()})
	b := in.Client("Rahim's browser")
	t := experiment.Table{Caption: "Where the credit stands", Head: []string{"what happened", "in the cookie that the browser keeps", "in the server's record", "the server answers"}}
	at := func(what string, x *experiment.Exchange) {
		x.Note = what
		answered := "(missing)"
		if v := string(x.Answer().Value); v != "" && v != "null" {
			answered = experiment.Plain(v)
		}
		t.Rows = append(t.Rows, []string{what, "{cookie " + inCookie(b.Cookie()) + "}", "{server " + creditInRecord(in, b.Cookie()) + "}", answered})
	}
	set := func(n int) *experiment.Exchange {
		return b.Post("/set", "key", "credit", "value", strconv.Itoa(n), "type", "number")
	}
	ask := func() *experiment.Exchange { return b.Get("/get", "key", "credit") }
	// buy does what a shop's page would: it looks at the credit, and takes the price off.
	bought := 0
	buy := func() bool {
		look := ask()
		look.Note = "the shop looks whether the credit will do"
		had, err := strconv.Atoi(look.Value())
		if err != nil || had < price {
			return false
		}
		x := set(had - price)
		if x.Status != 200 {
			x.Note = "buys, and is refused"
			return false
		}
		bought++
		at(fmt.Sprintf("purchase %d: %d − %d", bought, had, price), x)
		return true
	}

	at("the credit is given", set(credit))
	older := b.Cookie()
	buy()
	newer := b.Cookie()
	spent := ask()
	spent.Note = "asks for the credit after the purchase"
	b.Put(older)
	back := ask()
	at("the older cookie is put back", back)
	said := experiment.EnvelopeOf(older).Version
	record, stored := in.Record(older)
	for bought < mostBuys && buy() {
		b.Put(older)
	}

	out := experiment.Outcome{
		Happened: experiment.None, Decisive: back, Mark: `"found":false`, Tables: []experiment.Table{t},
		Pair: []experiment.Shot{spent.Shot("The newer cookie", newer), back.Shot("The older cookie", older)},
	}
	if back.Answer().Found {
		out.Mark = `"value":` + string(back.Answer().Value)
	}
	purchases := fmt.Sprintf("In all there were %s of %d, from a credit of %d", experiment.Count(bought, "purchase", "purchases"), price, credit)
	if bought == mostBuys {
		purchases += ", and the run stopped there"
	}
	switch {
	case older == "" || spent.Value() != strconv.Itoa(credit-price):
		out.Tone, out.Verdict = experiment.Lost, fmt.Sprintf("{bad The purchase did not go well:} after it the server answers %s, so that nothing can be said of the older cookie.", experiment.Plain(spent.ShownValue()))
	case back.Value() == spent.Value():
		out.Happened, out.Tone = "spent", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Spent is spent.} With the older cookie the credit is %s, as before. ", back.Value())
		if older == newer {
			out.Verdict += "Both cookies are the same, letter by letter: the purchase changed {server the record} alone. "
		}
		out.Verdict += purchases + "."
	case back.Value() == strconv.Itoa(credit):
		out.Happened, out.Tone = "back", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad The credit is back:} %s after it was %s, and nothing was forged. ", back.Value(), spent.Value())
		if stored && said > 0 && said < record.Version {
			out.Verdict += fmt.Sprintf("{server The record} has version %d and {cookie the cookie} version %d: it is stale, the server can tell, and still uses its values. ", record.Version, said)
		}
		out.Verdict += purchases + "."
	case !back.Answer().Found:
		out.Happened, out.Tone = "refused", experiment.Refused
		out.Verdict = fmt.Sprintf("{mac The older cookie was refused:} status %d, no credit at all. %s.", back.Status, purchases)
	default:
		out.Tone, out.Verdict = experiment.Lost, fmt.Sprintf("{bad Another credit:} %s, which was neither given nor left.", experiment.Plain(back.ShownValue()))
	}
	return out
}

// inCookie says what credit a cookie holds.
func inCookie(cookie string) string {
	e := experiment.EnvelopeOf(cookie)
	if e.Values == "" {
		return "no values"
	}
	return fmt.Sprintf("%s, version %d", creditIn(e.Values), e.Version)
}

// creditInRecord says what credit the store holds for the session of a cookie.
func creditInRecord(in *experiment.Instance, cookie string) string {
	st, ok := in.Record(cookie)
	if !ok {
		return "there is none"
	}
	var data struct {
		Values json.RawMessage `json:"values"`
	}
	_ = json.Unmarshal([]byte(st.Data), &data) // a record that says nothing holds no credit
	return fmt.Sprintf("%s, version %d", creditIn(string(data.Values)), st.Version)
}

func creditIn(values string) string {
	var v struct {
		Credit json.RawMessage `json:"credit"`
	}
	if json.Unmarshal([]byte(values), &v) != nil || v.Credit == nil {
		return "no credit"
	}
	return "credit " + experiment.Plain(string(v.Credit))
}
