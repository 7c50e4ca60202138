package shelf

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var secureOnPlainHTTP = experiment.Experiment{
	Slug: "secure-on-plain-http", Section: together,
	Live: runSecureOnPlainHTTP,
}

type secure struct {
	run *experiment.Run
	in  *experiment.Instance

	mu      sync.Mutex
	presses []press
}

type press struct {
	host, id string
	came     bool
	set      *http.Cookie // that the answer sets; nil for none
	status   int
	records  int
}

// secureName is the cookie's name: it is beside the learner's own session cookie.
const secureName = "secure-session"

func runSecureOnPlainHTTP(r *experiment.Run) experiment.Live {
	return &secure{run: r, in: r.Boot(experiment.Settings{Secure: true, CookieName: secureName, CookiePath: r.Base()})}
}

// Visit implements Live.
func (l *secure) Visit(v experiment.Visit) experiment.Reply {
	l.mu.Lock()
	defer l.mu.Unlock()
	back := experiment.Reply{To: l.run.Page() + "#run"}
	if v.Foreign || v.Method != http.MethodPost || v.Path != "/set" || len(l.presses) >= 50 {
		return back
	}
	b := l.in.Client("the program, for your browser").Under(v.Host)
	value, came := v.Cookies[secureName]
	if came {
		b.Put(value)
	}
	x := b.Set("press", fmt.Sprint(len(l.presses)+1))
	back.SetCookies = x.Header["Set-Cookie"]
	l.presses = append(l.presses, press{v.Host, x.Answer().Session.ID, came, x.SetCookie(), x.Status, l.in.Stats().Live})
	return back
}

// Cookies implements Live.
func (l *secure) Cookies() []string { return []string{secureName} }

// Stage implements Live.
func (l *secure) Stage(host string) experiment.Stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return experiment.Stage{
		Text: []string{
			fmt.Sprintf("You reached this page under `%s`. Press three times: each is `session['press'] = n`, and its answer sets a cookie with `Secure`.", experiment.Plain(host)),
		},
		Actions: []experiment.Action{{Label: "Set", Method: "POST", URL: l.run.Base() + "/set", Here: true}},
		Tables:  l.tables(),
	}
}

func (l *secure) tables() []experiment.Table {
	if len(l.presses) == 0 {
		return nil
	}
	t := experiment.Table{Caption: "Each press", Head: []string{"press", "your browser sent a cookie", "session, hashed", "records on the server"}}
	for i, p := range l.presses {
		t.Rows = append(t.Rows, []string{fmt.Sprint(i + 1), experiment.YesNo(p.came, i > 0), "`" + p.id + "`", fmt.Sprint(p.records)})
	}
	return []experiment.Table{t}
}

// Outcome implements Live.
func (l *secure) Outcome() experiment.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := experiment.Outcome{Happened: experiment.None, Undecided: true, Tone: experiment.Lost, Tables: l.tables(), Verdict: "Press at least twice: at the first press the browser has no cookie to send. Open it again."}
	n := len(l.presses)
	if n < 2 {
		return out
	}
	out.Undecided = false
	came, refused := 0, 0
	for _, p := range l.presses[1:] {
		if p.came {
			came++
		}
		if p.status >= 400 {
			refused++
		}
	}
	last := l.presses[n-1]
	under := "`http://" + experiment.Plain(last.host) + "`"
	switch {
	case refused > 0:
		out.Happened, out.Tone = "refused", experiment.Refused
		out.Verdict = fmt.Sprintf("{bad The server answered %s with an error.}", experiment.Count(refused, "press", "presses"))
	case l.presses[0].set == nil || !l.presses[0].set.Secure:
		out.Verdict = "{bad The server set no cookie with Secure} at the first press, so this run shows nothing."
	case came == n-1 && last.records == 1:
		out.Happened, out.Tone = "kept", experiment.Held
		out.Verdict = fmt.Sprintf("{ok The cookie came back} with each of the %s after the first: under %s your browser counts plain http as trustworthy. {server The server has %s.} Now try it from another device.",
			experiment.Count(n-1, "press", "presses"), under, experiment.Count(last.records, "record", "records"))
	case came == 0 && last.records == n:
		out.Happened = "dropped"
		out.Verdict = fmt.Sprintf("{bad The cookie never came back.} Under %s your browser dropped it each time, without a word: %s made {server %s}.", under, experiment.Count(n, "press", "presses"), experiment.Count(last.records, "record", "records"))
	default:
		out.Verdict = fmt.Sprintf("The cookie came back with %d of the %s after the first, and the server has %s.", came, experiment.Count(n-1, "press", "presses"), experiment.Count(last.records, "record", "records"))
	}
	return out
}
