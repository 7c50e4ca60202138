package show

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/views"
)

// EveryoneActs are the buttons of what can be done to every session of a class.
func EveryoneActs() (out []views.EveryoneAct) {
	for _, a := range say.EveryoneActs {
		out = append(out, views.EveryoneAct{Name: a.Name, Label: a.Label, Does: a.Does, Ends: a.Name == "flush" || a.Name == "forget"})
	}
	return out
}

// Sure is what the teacher is asked before an act. after is how many acts were done.
func Sure(act, store string, seats, awake, after int) *views.Sure {
	v := &views.Sure{Act: act, Title: say.EveryoneLabel(act), After: strconv.Itoa(after), Button: say.SureButton(act), Reaches: say.Reaches(seats, awake)}
	for p := session.InCookie; p <= session.OnServer; p++ {
		v.Becomes = append(v.Becomes, views.WillBecome{Lived: livedIn(p), Text: say.WillBecome(act, p, store)})
	}
	return v
}

// livedIn says where values live, in the colour of the place.
func livedIn(p session.Placement) views.Part {
	switch p {
	case session.InCookie:
		return views.Part{Kind: "cookie", Text: "the cookie"}
	case session.OnServer:
		return views.Part{Kind: "server", Text: "the server"}
	case session.Hybrid:
		return views.Part{Text: "hybrid"}
	}
	return views.Part{Text: "no session known"}
}

// Survivors is the table of what became of the sessions of a class. asleep is how many of the seats that
// were not heard since the act are asleep, and rehearsing how many seats are the program's own browsers'.
func Survivors(act classroom.Act, rows []classroom.Row, asleep, rehearsing int) *views.Survivors {
	v := &views.Survivors{Title: say.AfterEveryone(string(act.Kind)), At: say.Clock(act.At)}
	seats, heard := 0, 0
	for _, r := range rows {
		seats, heard = seats+r.Seats, heard+r.Seats-r.Unheard
		v.None = v.None || r.None > 0
		v.Ended = v.Ended || r.Ended > 0
		row := views.Survived{
			Lived: livedIn(r.Lived), Seats: say.Number(r.Seats), There: say.Number(r.There), Refused: say.Number(r.Refused), Ended: say.Number(r.Ended),
			None: say.Number(r.None), Unheard: say.Number(r.Unheard),
		}
		row.Why, row.WhyEnded = alone(reasons(r.Why)), alone(reasons(r.WhyEnded))
		v.Rows = append(v.Rows, row)
	}
	v.Sent = say.PhonesSent(seats, heard, rehearsing)
	if asleep > 0 {
		v.Asleep = fmt.Sprintf("%d asleep", asleep)
	}
	if act.Failed {
		v.Failed = say.FailedForEveryone(string(act.Kind))
	}
	return v
}

// reasons says how many there are for each reason.
func reasons(why map[string]int) (out []string) {
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		out = append(out, fmt.Sprintf("%d: %s", why[reason], say.Shown(reason, 80)))
	}
	return out
}

// alone returns reasons without a number if there is one: it stands below the number of all.
func alone(reasons []string) []string {
	if len(reasons) == 1 {
		_, only, _ := strings.Cut(reasons[0], ": ")
		reasons[0] = only
	}
	return reasons
}

// Became is what a page of a seat says of what became of its session. n counts the acts, and has tells that there is a session now.
func Became(n int, f say.Fate, showed say.Witnesses, has bool) *views.BecameView {
	if f.Server != nil {
		showed.Server = f.Server
	}
	return &views.BecameView{
		N:    strconv.Itoa(n),
		Tone: f.Tone, Title: f.Title, Text: f.Text, Gone: !has,
		Browser: Parts(showed.Browser), Wire: Parts(showed.Wire), Server: Parts(showed.Server),
	}
}
