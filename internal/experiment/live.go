package experiment

import (
	"net/url"
	"time"
)

// Live is an experiment that the learner's own browser does: its requests come to
// a path of the run's own on the main listener. The methods may be called
// concurrently.
type Live interface {
	// Visit answers a request of the learner's browser below the run's path.
	Visit(Visit) Reply
	// Stage is what the experiment's page shows while the run is open, to a
	// browser that reached it under that host, "localhost:8080".
	Stage(host string) Stage
	// Outcome is what came of it until now.
	Outcome() Outcome
}

// Visit is a request of the learner's browser.
type Visit struct {
	Method  string
	Host    string // HOST:PORT, as in the address bar
	Path    string // below the run's own: "/land"
	Query   url.Values
	Cookies map[string]string // that arrived, those of the run alone
	Site    string            // Sec-Fetch-Site, "" when none came
	Origin  string
	Refused bool // it comes from another origin's page: whatever is replied, the answer is a 403
}

// Reply is what the learner's browser gets.
type Reply struct {
	SetCookies []string // Set-Cookie lines
	To         string   // where it goes on; "" for Stage
	Stage      Stage
	Targets    []string // origins that the page's forms may go to, beside its own
}

// Stage is a page, or a part of one, on which the learner acts.
type Stage struct {
	Title   string
	Text    []string
	Actions []Action
	Tables  []Table
}

// Action is a link, or a form of one button.
type Action struct {
	Label  string
	Method string // "link", "GET" or "POST"
	URL    string
	Group  string // actions of one group stand together, under this heading
}

// Ends returns until when a live run waits.
func (r *Run) Ends() time.Time { t, _ := r.ctx.Deadline(); return t }

// Base is where the run's own addresses begin on the main listener.
func (r *Run) Base() string { return r.base }
