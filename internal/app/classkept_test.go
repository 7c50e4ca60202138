package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/classroom"
)

// What a school is told must be so: each cookie that the server sets in a phone or in the teacher's
// browser is on the page by its name and path, with its lifetime, and so are the limits and the file.
func TestKept(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, func(c *Config) {
		open := c.Class.Open
		c.Class.Open = func(ctx context.Context) (ClassParts, error) {
			parts, err := open(ctx)
			parts.File, parts.Durable = "/somewhere/a.db.class", true
			return parts, err
		}
	})
	page := w.teacher.get("/classroom/data").want(200,
		"/somewhere/a.db.class", "each seat, 30 at most", fmt.Sprintf("%d sessions at most", partLimits.Sessions), fmt.Sprintf("%d requests at most", seatMoments), fmt.Sprintf("%d lines at most", classroom.FeedLines),
		"Until then it stands in /somewhere/a.db.class", "This class was started with --log-requests", "2 hours after its last write, 8 hours at most, or the end of the class", "30 minutes after its last request",
	)
	cookies := map[string]*http.Cookie{}
	note := func(a answer) answer {
		for _, c := range a.Cookies() {
			if c.MaxAge >= 0 {
				cookies[c.Name] = c
			}
		}
		return a
	}
	p := w.phone()
	offer := note(p.get("/join").want(200))
	base := strings.TrimSuffix(note(p.post("/join", "visitor", fieldOf(offer.body, "visitor")).want(303)).Header.Get("Location"), "/class")
	note(p.post(base+"/set", "key", "a", "value", "b").want(303))
	note(w.teacher.get(w.app.TeacherLink()).want(303))
	w.teacher.post("/classroom/browsers").want(303)
	note(p.get(base + "/class").want(200))
	name := w.seatAt(base).Name
	if len(cookies) != 7 {
		t.Errorf("%d cookies: %v", len(cookies), cookies)
	}
	for _, c := range cookies {
		shown, path := strings.Replace(c.Name, "~"+name, "~NICKNAME", 1), strings.Replace(c.Path, base+"/", "/s/NICKNAME-…/", 1)
		row := fmt.Sprintf("<code>%s</code></th><td><code>%s</code></td>", shown, path)
		if !strings.Contains(page.body, row) {
			t.Errorf("%s is not on the page", row)
		}
		_, rest, _ := strings.Cut(page.body, row)
		rest, _, _ = strings.Cut(rest, "</tr>")
		lives := map[int]string{int(seatCookieLife.Seconds()): "12 hours", int(classroom.OfferLife.Seconds()): "30 minutes", int(probeLife.Seconds()): "1 minute"}[c.MaxAge]
		if strings.HasSuffix(c.Name, "~"+name) {
			lives = "8 hours at most"
		} else if c.MaxAge == 0 {
			lives = "the browser is closed"
		}
		if lives == "" || !strings.Contains(rest, lives) {
			t.Errorf("%s lives %d s, and the page says %s", c.Name, c.MaxAge, rest)
		}
	}
}

// A class in memory, and one in Redis, are told as what they are.
func TestKeptElsewhere(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{"": "nothing is written to a disk", "class:ABC:": "in Redis under keys that begin with class:ABC:"} {
		w := openClassWorld(t, func(c *Config) {
			open := c.Class.Open
			c.Class.LogRequests = false
			c.Class.Open = func(ctx context.Context) (ClassParts, error) {
				parts, err := open(ctx)
				parts.Prefix = prefix
				return parts, err
			}
		})
		w.teacher.get("/classroom/data").want(200, want, "no line a request")
		w.teacher.get("/classroom?ending=1").want(200, w.class.whereKept())
	}
}
