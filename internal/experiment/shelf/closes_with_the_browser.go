package shelf

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var closesWithTheBrowser = experiment.Experiment{
	Slug: "closes-with-the-browser", Section: life,
	Live: runClosesWithTheBrowser,
}

// The names of the two cookies.
const (
	labelled   = "with-max-age"
	unlabelled = "until-close"
)

// closing is one run: the two cookies, and what the presses on Look found.
type closing struct {
	run *experiment.Run
	in  *experiment.Instance

	mu          sync.Mutex
	given       time.Time // when the browser got the two cookies
	kept        string    // a copy of the cookie without Max-Age, which the server's own client sends
	labelsRight bool      // one of the two cookies had Max-Age, and the other had not
	looks       []look
}

// look is what one press on Look found.
type look struct {
	at          time.Time
	quit        bool            // the learner says that the browser was quit before the press
	came, opens map[string]bool // by the cookie's name: the cookie came, and opens its session
	copyOpens   bool            // a copy of the cookie without Max-Age, which somebody else kept, opens its session
	records     int             // live records on the server
}

func runClosesWithTheBrowser(r *experiment.Run) experiment.Live {
	return &closing{run: r, in: r.Boot(experiment.Settings{})}
}

// Visit implements Live.
func (l *closing) Visit(v experiment.Visit) experiment.Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	back := experiment.Reply{To: l.run.Page() + "#run"}
	switch {
	case v.Foreign || v.Method != http.MethodPost:
	case v.Path == "/cookies":
		keeps, ends := l.in.Client("the session with Max-Age"), l.in.Client("the session until close")
		one := keeps.Set("name", "Rahim")
		ends.Set("name", "Ada")
		two := ends.Post("/expiry", "seconds", "0")
		l.labelsRight = true
		for name, x := range map[string]*experiment.Exchange{labelled: one, unlabelled: two} {
			c := x.SetCookie()
			if l.labelsRight = l.labelsRight && c != nil; c == nil {
				continue
			}
			c.Name, c.Path = name, l.run.Base()
			back.SetCookies = append(back.SetCookies, c.String())
			l.labelsRight = l.labelsRight && (c.MaxAge > 0) == (name == labelled)
		}
		l.given, l.kept, l.looks = l.in.Now(), ends.Cookie(), nil
	case (v.Path == "/look" || v.Path == "/look-again") && !l.given.IsZero() && len(l.looks) < 50:
		now := look{at: l.in.Now(), quit: v.Path == "/look-again", came: make(map[string]bool), opens: make(map[string]bool)}
		for _, name := range []string{labelled, unlabelled} {
			value, came := v.Cookies[name]
			now.came[name] = came
			if came {
				asks := l.in.Client("the program, for your browser, with " + name)
				asks.Put(value)
				now.opens[name] = asks.Get("/session").Answer().Exists
			}
		}
		thief := l.in.Client("somebody with a copy of until-close")
		thief.Put(l.kept)
		now.copyOpens = thief.Get("/session").Answer().Exists
		now.records = l.in.Stats().Live
		l.looks = append(l.looks, now)
	}
	return back
}

// Cookies implements Live.
func (l *closing) Cookies() []string { return []string{labelled, unlabelled} }

// Stage implements Live.
func (l *closing) Stage(string) experiment.Stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.given.IsZero() {
		return experiment.Stage{
			Text:    []string{"First let a server give your browser two cookies, each of a session of its own."},
			Actions: []experiment.Action{{Label: "Give my browser the two cookies", Method: "POST", URL: l.run.Base() + "/cookies", Here: true}},
		}
	}
	return experiment.Stage{
		Text: []string{
			"Your browser was given {cookie two cookies}. Look once, to see them come. Then quit the whole browser, open it again, come back to this page and look again.",
			"The address of this page, in case it is not in your history: `" + l.run.Page() + "`",
		},
		Actions: []experiment.Action{
			{Label: "Look what my browser sends", Method: "POST", URL: l.run.Base() + "/look", Here: true},
			{Label: "I quit it and came back: look again", Method: "POST", URL: l.run.Base() + "/look-again", Here: true},
		},
		Tables: l.tables(),
	}
}

func (l *closing) tables() []experiment.Table {
	if len(l.looks) == 0 {
		return nil
	}
	t := experiment.Table{Caption: "Each look", Head: []string{"after", "quit before, you say", labelled, unlabelled, "a copy of " + unlabelled, "records on the server"}}
	cell := func(k look, name string) string {
		switch {
		case k.opens[name]:
			return "{ok came, and opens its session}"
		case k.came[name]:
			return "{bad came, and opens nothing}"
		}
		return "{bad did not come}"
	}
	for _, k := range l.looks {
		quit, copied := "no", "opens nothing"
		if k.quit {
			quit = "yes"
		}
		if k.copyOpens {
			copied = "opens the session"
		}
		t.Rows = append(t.Rows, []string{k.at.Sub(l.given).Round(time.Second).String(), quit, cell(k, labelled), cell(k, unlabelled), copied, fmt.Sprint(k.records)})
	}
	return []experiment.Table{t}
}

// Outcome implements Live.
func (l *closing) Outcome() experiment.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := experiment.Outcome{Happened: experiment.None, Undecided: true, Tone: experiment.Lost, Tables: l.tables(), Verdict: "You did not quit the browser and look again, so this run shows nothing. Open it again."}
	if len(l.looks) == 0 || !l.looks[len(l.looks)-1].quit {
		return out
	}
	out.Undecided = false
	last := l.looks[len(l.looks)-1]
	records := experiment.Count(last.records, "record", "records")
	if last.copyOpens {
		records += ", and a copy of the cookie without Max-Age is still let in"
	}
	switch with, without := last.came[labelled], last.came[unlabelled]; {
	case !l.labelsRight:
		out.Verdict = "{bad The server did not give the two cookies that it should}, one with Max-Age and one without, so this run shows nothing."
	case with && without:
		out.Happened, out.Tone = "both", experiment.Held
		out.Verdict = fmt.Sprintf("{cookie Both cookies came back.} If your browser was quit, it restored what it had open. {server The server has %s.}", records)
	case with && last.copyOpens:
		out.Happened = "labelled-only"
		out.Verdict = fmt.Sprintf("{ok Only the cookie with Max-Age came back.} Your browser forgot the other, and the server did not: {server the server still has %s}.", records)
	case with && last.records < 2:
		out.Happened = "other-ended"
		out.Verdict = fmt.Sprintf("Only the cookie with Max-Age came back, and {server the server has %s}.", records)
	case with:
		out.Verdict = fmt.Sprintf("The cookie with Max-Age came back and the other did not. {server The server has %s}, and a copy of the other cookie opens nothing.", records)
	case !without:
		out.Happened = "neither"
		out.Verdict = fmt.Sprintf("{bad Neither cookie came back}, as after a private window. {server The server still has %s.}", records)
	default:
		out.Verdict = fmt.Sprintf("The cookie without Max-Age came back and the other did not. {server The server has %s.}", records)
	}
	return out
}
