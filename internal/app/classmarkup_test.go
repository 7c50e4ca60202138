package app

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

// marker is in everything that the student of these tests sends: markup, what ends a line, what a
// terminal obeys, and letters that turn a line around.
const marker = "mark'\"><img src=x onerror=alert(1)>\x1b[2J\x1b]0;owned\x07\u202e\u2028mark"

// sendsMarkup sends marker in every place that a request has, and returns the student's seat.
func sendsMarkup(w *classWorld, p *guest) (base string) {
	base = p.join()
	escaped := url.QueryEscape(marker)
	forms := []string{
		"key=" + escaped + "&value=" + escaped + "&type=" + escaped + "&placement=" + escaped, "key=a&value=" + escaped, "key=" + escaped + "&value=b&hold=" + escaped + "&fail=" + escaped,
		"user=" + escaped, "seconds=" + escaped, "to=" + escaped + "&at=1", "name=" + escaped, "on=" + escaped, "page=" + escaped, "prediction=" + escaped + "&run=" + escaped, "visitor=" + escaped,
		"nickname=" + escaped + "&code=" + escaped, "own=" + escaped, "a=%zz" + escaped, "nickname=" + url.QueryEscape(w.seatAt(base).Nickname) + "&code=" + escaped,
	}
	for _, app := range []*App{w.app, w.class.lab} {
		for _, route := range app.echo.Routes() {
			path := strings.NewReplacer(":n", "1", ":slug", app.shelf.All()[0].Slug, ":run", url.PathEscape(marker), "*", url.PathEscape(marker)).Replace(route.Path)
			if app == w.class.lab {
				path = base + path
			}
			if strings.HasSuffix(path, "/events") || strings.HasPrefix(route.Path, "/classroom") {
				continue
			}
			for _, form := range forms {
				r := p.request(route.Method, "/x", form)
				r.URL, _ = url.Parse(path + "?" + strings.ReplaceAll(form, "%zz", ""))
				if r.Method == "GET" {
					r.Body, r.ContentLength = nil, 0
				}
				for _, name := range []string{"User-Agent", "Referer", "Cookie", "X-Forwarded-For", "Sessionscope-Page", "Hx-Current-Url", "Accept-Language"} {
					r.Header.Set(name, marker)
				}
				r.Header.Add("Cookie", cookieName+"~"+w.seatAt(base).Name+"="+marker+"; "+cookieName+"-seat="+marker+"; "+cookieName+"-visitor="+marker+"; "+marker+"="+marker)
				w.class.lab.uses.Store(seatAt(w.app, base), newSeatUse()) // the rate is not what is asked about
				p.send(r)
			}
		}
	}
	for _, host := range []string{marker, "<img>", "\x1b[2J", "evil.example"} {
		r := p.request("GET", "/join", "")
		r.Host = host
		p.send(r)
	}
	p.post(base+"/set", "key", "a", "value", marker).want(303)
	return base
}

// Nothing that a student can send stands on the board, on the beamer, in their JSON or stream, or in
// the log, and neither does the seat's address, code or cookie. The control is that it stands,
// escaped, on the page of the student. If it failed, a student could act as the teacher, or be
// another.
func TestNothingOfAStudentStandsOnTheBoardOrInTheLog(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var log lines
		w := openClassWorld(t, func(c *Config) {
			c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			if format == "json" {
				c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			}
		})
		stream := w.teacher.stream("/classroom/events")
		p := w.phone()
		base := sendsMarkup(w, p)
		s := w.seatAt(base)
		if own := p.get(base + "/").body; !strings.Contains(own, "&lt;img src=x") || strings.Contains(own, "<img src=x") || !strings.Contains(own, s.Code) {
			t.Errorf("the control: the student's page has the marker %t, as markup %t, and the code %t", strings.Contains(own, "&lt;img src=x"), strings.Contains(own, "<img src=x"), strings.Contains(own, s.Code))
		}
		waitFor(t, func() bool { return strings.Contains(stream.told.String(), s.Nickname) })
		w.teacher.post("/classroom/door", "close", "1").want(303)
		p2 := w.phone()
		p2.post("/join", "visitor", marker)
		p2.post("/join", "visitor", fieldOf(p2.get("/join").body, "visitor"))
		board := w.teacher.get("/classroom?seat=" + s.Name).want(200).body
		w.teacher.form = formJSON
		places := map[string]string{
			"the board": board, "the board's JSON": w.teacher.get("/classroom").body, "the beamer": w.teacher.get("/classroom/screen").body, "the stream": stream.told.String(), "the log": log.String(),
		}
		w.teacher.form = formPage
		places["the page for the beamer"] = w.teacher.get("/classroom/screen").body
		secrets := map[string]string{
			"what the student sent": "owned", "markup": "<img src=x", "an escape": "\x1b", "the suffix": s.Suffix, "the code": ">" + s.Code + "<", "the code, quoted": `"` + s.Code + `"`,
			"the seat cookie": p.cookie("/join", cookieName+"-seat"), "the session cookie": p.cookie(base+"/", cookieName+"~"+s.Name), "the seat's ID": string(s.ID),
		}
		for what, secret := range secrets {
			for place, text := range places {
				if secret == "" || strings.Contains(text, secret) {
					t.Errorf("%s, log as %s: has %s (%q)", place, format, what, secret)
				}
			}
		}
		for line := range strings.SplitSeq(log.String(), "\n") {
			if strings.Contains(line, "ERROR") && !strings.Contains(line, "fail=500") || strings.Contains(line, "panic") {
				t.Errorf("the log as %s: %s", format, line)
			}
		}
		if !strings.Contains(log.String(), "route") || !strings.Contains(board, s.Nickname) {
			t.Error("the control: the log or the board is empty")
		}
		stream.stop()
	}
}
