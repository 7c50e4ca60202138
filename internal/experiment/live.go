package experiment

import (
	"maps"
	"net/url"
	"slices"
	"time"
)

// Live is an experiment that the learner's own browser does: its requests come to
// a path of the run's own on the main listener. The methods may be called
// concurrently.
type Live interface {
	// Visit answers a request of the learner's browser below the run's path.
	Visit(Visit) Reply
	// Cookies are the names of the cookies that the experiment wants to see.
	Cookies() []string
	// Stage is what the experiment's page shows while the run is open, to a
	// browser that reached it under that host, "localhost:8080".
	Stage(host string) Stage
	// Outcome is what the experiment has found until now.
	Outcome() Outcome
}

// Visit is a request of the learner's browser.
type Visit struct {
	Method  string
	Host    string // HOST:PORT, as in the address bar
	Path    string // below the run's path: "/land"
	Query   url.Values
	Cookies map[string]string // values by name, of the cookies that Live.Cookies names
	Site    string            // Sec-Fetch-Site, "" when none came
	Foreign bool              // another origin's page sent it: it may change nothing
}

// Reply is what the learner's browser gets.
type Reply struct {
	SetCookies []string // Set-Cookie lines
	To         string   // the address that the browser goes on to; "" to show Stage
	Stage      Stage
	// Answered, when set, is told the status of the answer that the browser really gets.
	Answered func(status int)
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
	Here   bool   // the answer replaces this page; otherwise it opens in a tab of its own
	Group  string // actions of one group stand together, under this heading
}

// Ends returns until when a live run waits.
func (r *Run) Ends() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ends
}

// Base returns where the run's own addresses begin on the main listener.
func (r *Run) Base() string { return r.base }

// Page returns the address of the run's page on the main listener.
func (r *Run) Page() string { return r.page }

// Visit lets a live run answer a request of the learner's browser. ok is false when the
// run does not wait for a browser, or no longer.
func (r *Run) Visit(v Visit) (reply Reply, ok bool) {
	live := r.Progress().Live
	if live == nil {
		return reply, false
	}
	maps.DeleteFunc(v.Cookies, func(name, _ string) bool { return !slices.Contains(live.Cookies(), name) })
	err := contain(func() { reply = live.Visit(v) })
	return reply, err == nil // an error: the run's instance ended meanwhile
}
