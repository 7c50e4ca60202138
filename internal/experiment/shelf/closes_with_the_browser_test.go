package shelf_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

const closing = "closes-with-the-browser"

// Each way in which a browser can come back has its outcome. Otherwise a learner is told
// that a browser did what it did not do.
func TestClosesWithTheBrowser(t *testing.T) {
	both := []string{"with-max-age", "until-close"}
	for _, test := range []struct {
		name     string
		sends    []string
		forged   bool
		happened string
		says     string
	}{
		{"quit", both[:1], false, "labelled-only", "Only the cookie with Max-Age came back"},
		{"not quit", both, false, "both", "Both cookies came back"},
		{"private window", nil, false, "neither", "Neither cookie came back"},
		{"odd", both[1:], false, experiment.None, "without Max-Age came back"},
		{"forged", both[:1], true, "labelled-only", "came, and opens nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := openLive(t, closing, nil)
			v.post("/cookies")
			if len(v.jar) != 2 {
				t.Fatalf("cookies: %v", v.jar)
			}
			if test.forged {
				v.jar["with-max-age"] = "forged"
			}
			v.post("/look", both...)
			v.post("/look-again", test.sends...)
			v.end(test.happened, test.says, "2 records, and a copy of the cookie without Max-Age is still let in")
		})
	}
}

// A run whose browser was not quit says so and judges no prediction.
func TestClosesWithoutAnotherLook(t *testing.T) {
	openLive(t, closing, nil).end(experiment.None, "You did not quit the browser and look again")
	v := openLive(t, closing, nil)
	v.post("/cookies")
	v.post("/look", "with-max-age", "until-close")
	v.end(experiment.None, "You did not quit the browser and look again", "came, and opens its session")
}

// A server that gives the wrong cookies is found out.
func TestClosesControls(t *testing.T) {
	v := openLive(t, closing, cookieless)
	v.post("/cookies")
	v.post("/look-again", "with-max-age")
	v.end(experiment.None, "The server did not give the two cookies that it should", "came, and opens nothing", "opens nothing")

	v = openLive(t, closing, rewriting(func(r *http.Request) { // both cookies have Max-Age
		if r.URL.Path == "/expiry" {
			resetForm(r, url.Values{"seconds": {"60"}})
		}
	}))
	v.post("/cookies")
	v.post("/look-again", "with-max-age", "until-close")
	v.end(experiment.None, "The server did not give the two cookies that it should")
}
