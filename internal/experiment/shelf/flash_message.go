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
	message := r.Choice("message")
	in := r.Boot(experiment.Settings{Placement: r.Placement()})
	b, stranger := in.Client("Rahim's browser"), in.Client("Mara's browser")
	put := b.Post("/flash", "message", message).For("leaves a message for the next page")
	before := b.Cookie()
	waiting := b.Get("/session").For("looks at the session")
	theirs := stranger.Post("/flashes").For("asks for messages")
	first := b.Post("/flashes").For("asks for messages")
	gone := b.Get("/session").For("looks at the session")
	second := b.Post("/flashes").For("asks again")
	copied := in.Client("A copy of Rahim's browser")
	copied.Put(before)
	replay := copied.Post("/flashes").For("asks with the cookie of before")

	t := experiment.Table{Caption: "Where it waits, and who reads it", Head: []string{"request", "messages", "keys in the session then", "they live"}}
	lives := ""
	holds := func(x *experiment.Exchange) (keys, places string) {
		var all, where []string
		for _, v := range x.Answer().Values {
			all = append(all, v.Key)
			place := map[string]string{"cookie": "in {cookie the cookie}", "server": "on {server the server}"}[v.Lives]
			if where = append(where, place); v.Key == "_flash" {
				lives = place
			}
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
	keys, places := holds(waiting)
	t.Rows = append(t.Rows, []string{"Rahim leaves it", "", keys, places})
	t.Rows = append(t.Rows, []string{"Mara asks", read(theirs), "", ""})
	keys, places = holds(gone)
	t.Rows = append(t.Rows, []string{"Rahim asks", read(first), keys, places},
		[]string{"Rahim asks again", read(second), "", ""}, []string{"a copy asks with the cookie of before", read(replay), "", ""})

	got := func(x *experiment.Exchange) bool { return slices.Contains(x.Answer().Messages, message) }
	out := experiment.Outcome{Happened: experiment.None, Tone: experiment.Lost, Tables: []experiment.Table{t}, Decisive: first, Mark: `"messages"`}
	if text := fmt.Sprintf(`"messages":["%s"]`, message); strings.Contains(first.Body, text) {
		out.Mark = text
	}
	switch {
	case put.Status >= 400:
		out.Tone, out.Decisive, out.Mark = experiment.Refused, put, `"detail"`
		out.Verdict = fmt.Sprintf("{mac Refused:} the message was answered with status %d. %s", put.Status, experiment.Plain(put.Answer().Detail))
	case got(theirs):
		out.Happened, out.Decisive = "by-anybody", theirs
		out.Verdict = "{bad Read by whoever asked first.} Mara asked before Rahim did, and got the message that was for him."
	case got(first) && got(second):
		out.Happened, out.Decisive = "every-time", second
		out.Verdict = "{bad Read twice.} Rahim asked two times, and got the message both times."
	case got(first) && len(second.Answer().Messages) == 0:
		out.Happened, out.Tone = "once", experiment.Held
		out.Pair = []experiment.Shot{
			{Title: "Rahim asks", Cookie: before, Exchange: first, Says: experiment.Count(len(first.Answer().Messages), "message", "messages")},
			{Title: "Rahim asks again", Cookie: second.SessionCookie(), Exchange: second, Says: experiment.Count(len(second.Answer().Messages), "message", "messages")},
		}
		out.Verdict = fmt.Sprintf("{ok Read once.} Mara, who asked first, got %s; Rahim got %d, and %d when he asked again.", experiment.Count(len(theirs.Answer().Messages), "message", "messages"), len(first.Answer().Messages), len(second.Answer().Messages))
		if lives != "" {
			out.Verdict += fmt.Sprintf(" In between it waited under the key `_flash` %s.", lives)
		}
		if got(replay) {
			out.Verdict += " {bad The cookie of before}, put back, read it once more: the message was in it."
		} else {
			out.Verdict += " The cookie of before, put back, did not bring it again."
		}
	default:
		out.Verdict = fmt.Sprintf("{bad Lost:} Rahim got %s when he asked, and %d when he asked again; what he left was not among them.", experiment.Count(len(first.Answer().Messages), "message", "messages"), len(second.Answer().Messages))
	}
	return out
}
