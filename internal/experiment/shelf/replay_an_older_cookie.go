package shelf

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var replayAnOlderCookie = experiment.Experiment{
	Slug: "replay-an-older-cookie", Section: trust,
	Choices: []experiment.Choice{experiment.Placements},
	Run:     runReplayAnOlderCookie,
}

const (
	credit   = 10
	price    = 5
	mostBuys = 4 // purchases after which the run stops, when the credit comes back for ever
)

func runReplayAnOlderCookie(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{Placement: r.Placement()})
	s := shop{in: in, b: in.Client("Rahim's browser")}
	s.table = experiment.Table{Caption: "Where the credit stands", Head: []string{"what happened", "in the cookie that the browser keeps", "in the server's record", "the server answers"}}
	s.row("the credit is given", s.set(credit))
	s.older = s.b.Cookie()
	s.buy()
	s.newer = s.b.Cookie()
	s.spent = s.ask("asks for the credit after the purchase")
	s.b.Put(s.older)
	s.back = s.ask("")
	s.row("the older cookie is put back", s.back)
	s.record, s.stored = in.Record(s.older)
	for s.bought < mostBuys && s.buy() {
		s.b.Put(s.older)
	}
	return s.judge()
}

// shop is a shop that keeps a visitor's credit in the session.
type shop struct {
	in     *experiment.Instance
	b      *experiment.Client
	table  experiment.Table
	bought int // how many purchases there were

	older, newer string               // the cookies from before and after the first purchase
	spent, back  *experiment.Exchange // the credit after the purchase, and with the older cookie put back
	record       session.Stored       // the record when the older cookie was put back
	stored       bool                 // there was a record
}

// row notes where the credit stands.
func (s *shop) row(what string, x *experiment.Exchange) {
	x.Note = what
	answered := "(missing)"
	if v := string(x.Answer().Value); v != "" && v != "null" {
		answered = experiment.Plain(v)
	}
	s.table.Rows = append(s.table.Rows, []string{what, "{cookie " + inCookie(s.b.Cookie()) + "}", "{server " + creditInRecord(s.in, s.b.Cookie()) + "}", answered})
}

func (s *shop) set(n int) *experiment.Exchange {
	return s.b.Post("/set", "key", "credit", "value", strconv.Itoa(n), "type", "number")
}

func (s *shop) ask(note string) *experiment.Exchange {
	return s.b.Get("/get", "key", "credit").For(note)
}

// buy does what a shop's page would: it looks at the credit, and takes the price off. It
// returns whether something was bought.
func (s *shop) buy() bool {
	had, err := strconv.Atoi(s.ask("the shop looks whether the credit will do").Value())
	if err != nil || had < price {
		return false
	}
	x := s.set(had - price)
	if x.Status != 200 {
		x.Note = "buys, and is refused"
		return false
	}
	s.bought++
	s.row(fmt.Sprintf("purchase %d: %d − %d", s.bought, had, price), x)
	return true
}

// judge says what the credit is with the older cookie.
func (s *shop) judge() experiment.Outcome {
	spent, back := s.spent, s.back
	out := experiment.Outcome{
		Happened: experiment.None, Decisive: back, Mark: `"found":false`, Tables: []experiment.Table{s.table},
		Pair: []experiment.Shot{spent.Shot("The newer cookie", s.newer), back.Shot("The older cookie", s.older)},
	}
	if back.Answer().Found {
		out.Mark = `"value":` + string(back.Answer().Value)
	}
	purchases := fmt.Sprintf("In all there were %s of %d, from a credit of %d", experiment.Count(s.bought, "purchase", "purchases"), price, credit)
	if s.bought == mostBuys {
		purchases += ", and the run stopped there"
	}
	switch {
	case s.older == "" || spent.Value() != strconv.Itoa(credit-price):
		out.Tone, out.Verdict = experiment.Lost, fmt.Sprintf("{bad The purchase did not go well:} after it the server answers %s. This run says nothing about the older cookie.", experiment.Plain(spent.ShownValue()))
	case back.Value() == spent.Value():
		out.Happened, out.Tone = "spent", experiment.Held
		out.Verdict = fmt.Sprintf("{ok Spent is spent.} With the older cookie the credit is %s, as before. ", back.Value())
		if s.older == s.newer {
			out.Verdict += "Both cookies are the same, letter by letter: the purchase changed only {server the record}. "
		}
		out.Verdict += purchases + "."
	case back.Value() == strconv.Itoa(credit):
		out.Happened, out.Tone = "back", experiment.Lost
		out.Verdict = fmt.Sprintf("{bad The credit is back:} %s after it was %s, and nothing was forged. ", back.Value(), spent.Value())
		if said := experiment.EnvelopeOf(s.older).Version; s.stored && said > 0 && said < s.record.Version {
			out.Verdict += fmt.Sprintf("{server The record} has version %d and {cookie the cookie} version %d: the cookie is stale, the server can tell, and still uses its values. ", s.record.Version, said)
		}
		out.Verdict += purchases + "."
	case !back.Answer().Found:
		out.Happened, out.Tone = "refused", experiment.Refused
		out.Verdict = fmt.Sprintf("{mac The older cookie was refused:} status %d, no credit at all. %s.", back.Status, purchases)
	default:
		out.Tone, out.Verdict = experiment.Lost, fmt.Sprintf("{bad Another credit:} %s, which is neither the first credit nor what was left of it.", experiment.Plain(back.ShownValue()))
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
	_ = json.Unmarshal([]byte(st.Data), &data) // a record that is no JSON holds no credit
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
