package app

import (
	"net/url"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// Who knows the path of another's seat, and even the token of its run, but neither its page's secret nor
// its cookies, gets no value, no moment, no run, no stream, no second browser's page of it, with the
// secret and the cookies of their own seat. The control is the owner. (The path opens the class page
// and the strip: that is what a seat is known by.)
func TestASeatsPathOpensNoValuesMomentsOrRuns(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	slug := w.app.shelf.All()[0].Slug
	owner, thief := w.phone(), w.phone()
	base, own := owner.join(), thief.join()
	secret, mine := owner.get(base+"/").secret(), thief.get(own+"/").secret()
	at := owner.post(base+"/set", "page", secret, "key", "diary", "value", "dear-diary").want(303).Header.Get("Location")
	if shown := owner.get(at).want(200); !strings.Contains(shown.body, "dear-diary") {
		t.Fatal("the control: the owner does not see the value")
	}
	pending := owner.post(base+"/set", "page", secret, "key", "note", "value", "dear-diary-2").want(303).Header.Get("Location") // not looked at yet
	run := owner.post(base+"/experiments/"+slug+"/run", "page", secret, "prediction", "1").want(303).Header.Get("Location")
	token := mustURL(t, run).Query().Get("run")
	second, invite, _ := strings.Cut(owner.post(base+"/second", "page", secret).want(303).Header.Get("Location"), "?x=")
	second = strings.TrimSuffix(second, "/")
	beside := owner.get(second + "/?x=" + invite).secret()
	owner.post(second+"/set", "page", beside, "key", "b", "value", "dear-diary-3").want(303)
	thief.post(own+"/set", "page", mine, "key", "a", "value", "b").want(303)
	stolen := thief.cookie(own+"/", cookieName+"~"+w.seatAt(own).Name)
	victims, theirs := cookieName+"~"+w.seatAt(base).Name, cookieName+"~"+w.seatAt(own).Name
	value := owner.cookie(base+"/", victims)

	got := 0
	ask := func(path, page, cookies string, form answerForm) {
		for _, route := range w.class.lab.echo.Routes() {
			below := strings.NewReplacer(":n", "1", ":slug", slug, ":run", token, "*", "").Replace(route.Path)
			if below == "/class/events" || below == "/class" || below == "/events" && path == own || route.Method == "HEAD" {
				continue
			}
			thief.form = form
			body := ""
			if route.Method == "POST" {
				body = url.Values{"page": {page}, "key": {"diary"}, "value": {"x"}, "at": {"1"}, "run": {token}, "prediction": {"1"}, "name": {"second"}, "user": {"eve"}}.Encode()
			}
			r := thief.request(route.Method, "/x", body)
			r.URL = mustURL(t, path+below+"?key=diary&at=1&run="+token+"&since=0&after=load")
			r.Header.Del("Cookie")
			if cookies != "" {
				r.Header.Set("Cookie", cookies)
			}
			if page != "" {
				r.Header.Set(trace.PageHeader, page)
			}
			w.class.lab.uses.Store(seatAt(w.app, base), newSeatUse())
			w.class.lab.uses.Store(seatAt(w.app, own), newSeatUse())
			a := thief.send(r)
			got++
			for what, private := range map[string]string{"a value": "dear-diary", "a secret of a page": secret, "the other page's secret": beside, "a cookie": value} {
				if strings.Contains(a.body+strings.Join(a.Header["Set-Cookie"], " "), private) {
					t.Errorf("%s %s%s with page %.4q and cookies %.30q: %d has %s", route.Method, path, below, page, cookies, a.StatusCode, what)
				}
			}
		}
	}
	for _, path := range []string{base, second, own} {
		for _, page := range []string{"", mine} {
			for _, cookies := range []string{"", theirs + "=" + stolen, victims + "=" + stolen, victims + "~second=" + stolen} {
				for _, form := range []answerForm{formPage, formFragment, formJSON} {
					ask(path, page, cookies, form)
				}
			}
		}
	}
	thief.form = formPage
	// The owner's cookie and page mean nothing at the thief's own path, so that nobody can be led there.
	ask(own, secret, theirs+"="+value, formJSON)
	ask(own, secret, victims+"="+value, formPage)
	if got < 1000 {
		t.Errorf("only %d requests", got)
	}
	if shown := owner.get(pending).want(200); !strings.Contains(shown.body, "dear-diary-2") {
		t.Error("the control: the owner's result is gone")
	}
	if keys := owner.get(base + "/get?key=diary").want(200); !strings.Contains(keys.body, "dear-diary") {
		t.Error("the control: the owner's value is gone")
	}
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
