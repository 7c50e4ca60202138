package app

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/session"
)

// A learner pastes a cookie, and hears whether it is the browser's, in every form.
func TestCheckAValue(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		for _, placement := range session.Placements() {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t)
				defer l.h.(*App).Close()
				other := newBrowser(t, l.h, formJSON)
				other.post("/set", "key", "theirs", "value", "secret", "placement", placement).want(200)
				l.press("/set", "key", "name", "value", "Rahim", "placement", placement).want(200)
				early := l.cookie()
				time.Sleep(2 * time.Second)
				l.press("/set", "key", "more", "value", "1").want(200)
				if placement == "server" { // whose cookie does not change with a value
					l.press("/expiry", "seconds", "100").want(200)
				}
				own := l.cookie()
				forged := own[:len(own)-10] + strings.Trim("AB", own[len(own)-10:len(own)-9])[:1] + own[len(own)-9:]
				for _, test := range []struct{ pasted, says, json string }{
					{own, "byte for byte", `"came":true,"same":true,"verdict":"ok","own_session":true`},
					{"  \"" + own + "\"\n", "byte for byte", `"same":true`},
					{cookieName + "=" + own, "byte for byte", `"same":true`},
					{"Cookie: theirs=private; " + cookieName + "=" + own, "byte for byte", `"same":true`},
					{"Set-Cookie: " + cookieName + "=" + own + "; Path=/; HttpOnly", "byte for byte", `"same":true`},
					{url.QueryEscape(own), "byte for byte", `"same":true`},
					{early, "It is an earlier cookie of the same session", `"same":false,"differs_at":`},
					{other.cookie(), "opens another session", `"verdict":"ok","own_session":false`},
					{forged, "its signature does not fit", `"verdict":"forged","own_session":false`},
					{"garbled", "it carries no signature of this server", `"verdict":"garbled"`},
				} {
					before := l.cookie()
					a := l.shows(f, "/check", "cookie", test.pasted)
					if l.cookie() != before {
						t.Errorf("%s, %s: the check of %.40s changed the cookie", name, placement, test.pasted)
					}
					if f == formJSON {
						a.want(200, `"op":"check"`, test.json)
						continue
					}
					timeline := "checked a value: another"
					if test.says == "byte for byte" {
						timeline = "checked a value: the same"
					}
					a.wantNo("private").story(map[string][]string{"result": {test.says}, "timeline": {timeline}, "wire": {"cookie=‹", "what was pasted: it is not kept"}})
					if f == formPage && !strings.Contains(a.body, `value="Rahim"`) {
						t.Errorf("%s: the composer has what was pasted", name)
					}
				}
			})
		}
	}
}

// Of somebody else's cookie no more is told than that it is accepted, and nothing shows it.
func TestCheckTellsNothingOfAnotherSession(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		l := newLab(t)
		other := newBrowser(t, l.h, formJSON)
		theirs := other.post("/set", "key", "theirs", "value", "very-private").want(200).id()
		layers, _ := session.Peel(other.cookie())
		secret := []string{theirs, "very-private", other.cookie(), layers.Payload, url.QueryEscape(other.cookie())}
		l.press("/set", "key", "name", "value", "Rahim").want(200)
		a := l.shows(f, "/check", "cookie", other.cookie())
		for _, word := range secret {
			if strings.Contains(a.body, word) {
				t.Errorf("%s: the answer has %q", name, word)
			}
		}
		// Nor does the timeline of another page of the visit, or the exchange.
		l.form = formFragment
		l.get("/?at=3").want(200, "a value: another").wantNo(secret...)
		l.get("/exchanges/3").want(200).wantNo(secret...)
		l.form = formJSON
		l.get("/exchanges/3").want(200).wantNo(secret...)
	}
}

// The value that was pasted, even this browser's own live cookie, is on no other screen and in no
// log.
func TestCheckedValueIsNowhere(t *testing.T) {
	t.Parallel()
	var log lines
	h := newApp(t, func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	b := newBrowser(t, h, formFragment)
	v := b.visit("/")
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	cookie := b.cookie()
	pasted := "Cookie: theirs=very-private; " + cookieName + "=" + cookie
	for _, f := range []answerForm{formFragment, formPage, formJSON} {
		b.form = f
		b.post("/check", "cookie", pasted, "page", v)
		b.post("/check", "cookie", "theirs=very-private", "page", v) // refused
	}
	thief := newBrowser(t, h, formFragment)
	for _, n := range []string{"3", "4", "5", "6", "7", "8"} {
		thief.get("/?at="+n+"&page="+v).want(200).wantNo(cookie, "very-private", url.QueryEscape(cookie))
		b.form = formFragment
		b.get("/exchanges/"+n+"?page="+v).want(200).wantNo("very-private", "Cookie%3A")
	}
	if said := log.String(); said == "" || strings.Contains(said, cookie) || strings.Contains(said, "very-private") {
		t.Errorf("the log says %.300s", said)
	}
}

// What cannot be a cookie is refused, and so is what is too long; without a cookie the check says
// that there is none.
func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for name, f := range forms {
		l := newLab(t)
		l.shows(f, "/check", "cookie", "garbled").want(200) // no cookie came: that is no error
		l.form = f
		for _, test := range []struct {
			pasted string
			status int
			says   string
		}{
			{" \n", 422, "Nothing was pasted."},
			{"theirs=very-private", 422, "Paste its value, sessionscope=value, or the whole Cookie or Set-Cookie line"},
			{strings.Repeat("a", maxChecked+1), 422, "at most 32,768 are looked at"},
			{strings.Repeat("a", maxBodyBytes), 413, "too large"},
		} {
			a := l.post("/check", "cookie", test.pasted, "page", l.secret).want(test.status, test.says).wantNo("very-private")
			_, at, _ := strings.Cut(a.body, `id="check-value"`)
			if field, _, _ := strings.Cut(at, ">"); f != formJSON && !strings.Contains(field, `aria-invalid="true"`) {
				t.Errorf("%s: the field is not marked: %s", name, field)
			}
		}
		l.post("/check", "page", l.secret).want(400)
	}
	l := newLab(t)
	l.press("/check", "cookie", "garbled").want(200).story(map[string][]string{"result": {"No session cookie came with this request", "carries no signature"}})
}
