package show

import (
	"strings"
	"time"

	"github.com/sessionscope/sessionscope/internal/classroom"
	"github.com/sessionscope/sessionscope/internal/say"
	"github.com/sessionscope/sessionscope/views"
)

// ExportAct is an act for everyone, as it is taken home.
func ExportAct(act classroom.PastAct) views.ExportAct {
	v := views.ExportAct{What: say.AfterEveryone(string(act.Kind)), At: act.At.Local().Format(time.TimeOnly)}
	if act.Failed {
		v.Failed = say.FailedForEveryone(string(act.Kind))
	}
	for _, r := range act.Rows {
		f := views.ExportFate{Lived: livedIn(r.Lived).Text, There: r.There, Refused: r.Refused, Ended: r.Ended, NoCookie: r.None, NotHeard: r.Unheard}
		refused, ended := reasons(r.Why), reasons(r.WhyEnded)
		f.WhyRefused, f.WhyEnded, f.Why = strings.Join(refused, "; "), strings.Join(ended, "; "), strings.Join(append(refused, ended...), "; ")
		v.Rows = append(v.Rows, f)
	}
	return v
}
