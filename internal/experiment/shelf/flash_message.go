package shelf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var flashMessage = experiment.Experiment{
	Slug: "flash-message", Section: life,
	Choices: []experiment.Choice{{Name: "message", Label: "Message", Default: "Your homework was saved.", Max: 120}, experiment.Placements},
	Run:     runFlashMessage,
}

func runFlashMessage(r *experiment.Run) experiment.Outcome {
	in := r.Boot(experiment.Settings{Placement: r.Placement()})
	b, stranger := in.Client("Rahim's browser"), in.Client("Mara's browser")
	f := flash{message: r.Choice("message")}
	f.put = b.Post("/flash", "message", f.message).For("leaves a message for the next page")
	f.before = b.Cookie()
	f.waiting = b.Get("/session").For("looks at the session")
	f.theirs = stranger.Post("/flashes").For("asks for messages")
	f.first = b.Post("/flashes").For("asks for messages")
	f.gone = b.Get("/session").For("looks at the session")
	f.second = b.Post("/flashes").For("asks again")
	copied := in.Client("A copy of Rahim's browser")
	copied.Put(f.before)
	f.replay = copied.Post("/flashes").For("asks with the cookie of before")
	out := f.judge()
	out.Tables = []experiment.Table{f.table()}
	return out
}

// flash is a message that waits in the session for the next page.
type flash struct {
	message               string
	before                string               // Rahim's cookie while the message waits
	put, waiting          *experiment.Exchange // Rahim leaves the message, and looks at the session
	theirs, first, second *experiment.Exchange // Mara asks for messages, then Rahim, and Rahim again
	gone                  *experiment.Exchange // the session after Rahim asked
	replay                *experiment.Exchange // a copy asks with the cookie of before
}

// got tells whether an answer has the message.
func (f flash) got(x *experiment.Exchange) bool {
	return slices.Contains(x.Answer().Messages, f.message)
}

// livesAt says where a value lives.
func livesAt(lives string) string {
	return map[string]string{"cookie": "in {cookie the cookie}", "server": "on {server the server}"}[lives]
}

func (f flash) table() experiment.Table {
	holds := func(x *experiment.Exchange) (keys, places string) {
		var all, where []string
		for _, v := range x.Answer().Values {
			all, where = append(all, v.Key), append(where, livesAt(v.Lives))
		}
		return keyList(all), strings.Join(where, ", ")
	}
	read := func(x *experiment.Exchange) string {
		var all []string
		for _, m := range x.Answer().Messages {
			if m != "" {
				m = experiment.Code(m)
			}
			all = append(all, cmp.Or(m, "an empty text"))
		}
		return cmp.Or(strings.Join(all, ", "), "none")
	}
	keys, places := holds(f.waiting)
	left, leftPlaces := holds(f.gone)
	return experiment.Table{
		Caption: "Where it waits, and who reads it", Head: []string{"request", "messages", "keys in the session then", "they live"},
		Rows: [][]string{
			{"Rahim leaves it", "", keys, places}, {"Mara asks", read(f.theirs), "", ""}, {"Rahim asks", read(f.first), left, leftPlaces},
			{"Rahim asks again", read(f.second), "", ""}, {"a copy asks with the cookie of before", read(f.replay), "", ""},
		},
	}
}

// judge says who read the message, and how often.
func (f flash) judge() experiment.Outcome {
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Decisive: f.first, Mark: `"messages"`}
	if text := fmt.Sprintf(`"messages":["%s"]`, f.message); strings.Contains(f.first.Body, text) {
		out.Mark = text
	}
	first, second := len(f.first.Answer().Messages), len(f.second.Answer().Messages)
	switch {
	case f.put.Status >= 400:
		out.Tone, out.Decisive, out.Mark = experiment.Refused, f.put, `"detail"`
		out.Verdict = fmt.Sprintf("{mac Refused:} the message was answered with status %d. %s", f.put.Status, experiment.Plain(f.put.Answer().Detail))
	case f.got(f.theirs):
		out.Happened, out.Decisive = "by-anybody", f.theirs
		out.Verdict = "{bad Read by whoever asked first.} Mara asked before Rahim did, and got the message that was for him."
	case f.got(f.first) && f.got(f.second):
		out.Happened, out.Decisive = "every-time", f.second
		out.Verdict = "{bad Read twice.} Rahim asked two times, and got the message both times."
	case f.got(f.first) && second == 0:
		out.Happened, out.Tone = "once", experiment.Held
		out.Pair = []experiment.Shot{
			{Title: "Rahim asks", Cookie: f.before, Exchange: f.first, Says: experiment.Count(first, "message", "messages")},
			{Title: "Rahim asks again", Cookie: f.second.SessionCookie(), Exchange: f.second, Says: experiment.Count(second, "message", "messages")},
		}
		out.Verdict = f.once()
	default:
		out.Verdict = fmt.Sprintf("{bad Lost:} Rahim got %s when he asked, and %d when he asked again; what he left was not among them.", experiment.Count(first, "message", "messages"), second)
	}
	return out
}

// once says that the message was read once, where it waited, and what the cookie of
// before brings back.
func (f flash) once() string {
	text := fmt.Sprintf("{ok Read once.} Mara, who asked first, got %s; Rahim got %d, and %d when he asked again.", experiment.Count(len(f.theirs.Answer().Messages), "message", "messages"), len(f.first.Answer().Messages), len(f.second.Answer().Messages))
	lives := ""
	for _, v := range slices.Concat(f.waiting.Answer().Values, f.gone.Answer().Values) {
		if v.Key == "_flash" {
			lives = livesAt(v.Lives)
		}
	}
	if lives != "" {
		text += fmt.Sprintf(" In between it waited under the key `_flash` %s.", lives)
	}
	if f.got(f.replay) {
		return text + " {bad The cookie of before}, put back, read it once more: the message was in it."
	}
	return text + " The cookie of before, put back, did not bring it again."
}
