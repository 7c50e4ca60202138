package app

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// steal gives the browser that session cookie, and no other.
func (b *browser) steal(cookie string) {
	u, _ := url.Parse(origin)
	b.jar, _ = cookiejar.New(nil)
	b.jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: cookie, Path: "/"}})
}

// runs starts an experiment that waits for the browser, and returns the run's name, which
// stands in addresses, and the cookie that opens it.
func (b *browser) runs(base, visit string) (token, ticket string) {
	b.t.Helper()
	a := (&browser{b.t, b.h, b.jar, formJSON}).post(base+openSlug+"/run", "page", visit).want(http.StatusAccepted)
	for _, c := range a.Cookies() {
		if strings.HasSuffix(c.Name, "-live") {
			ticket = c.Value
		}
	}
	token, _ = a.json()["run"].(string)
	if token == "" || ticket == "" {
		b.t.Fatalf("no run, or no cookie of it: %s", a.body)
	}
	return token, ticket
}

// A run's address names it and opens nothing, also when somebody makes a cookie of what
// stands there: what they send is neither shown the run, nor does it end it. The browser's
// own cookie opens it, without a session and a page.
func TestRunsAddressMakesNoCookie(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formJSON)
	visit := b.visit("/")
	token, ticket := b.runs("", visit)
	with := func(method, target, form, cookie string) answer {
		stranger := newBrowser(t, a, formJSON)
		r := stranger.request(method, target, form)
		r.Header.Set("Cookie", cookieName+"-live="+cookie)
		return stranger.send(r)
	}
	for _, made := range []string{token, token + ".", token + "." + token, "." + token, ticket[:len(ticket)-1], strings.ToLower(ticket)} {
		with("GET", openSlug, "", made).want(200).wantNo(token)
		with("GET", openSlug+"?run="+token, "", made).want(http.StatusNotFound)
		with("POST", openSlug+"/result", "stop=1&run="+token, made).want(http.StatusNotFound)
		with("POST", openSlug+"/run", "", made).want(http.StatusAccepted).wantNo(token)
	}
	b.get(openSlug+"?run="+token+"&page="+visit).want(http.StatusAccepted, `"state":"open"`) // the control: it waits still
	with("GET", openSlug, "", ticket).want(http.StatusAccepted, token)
	with("GET", openSlug+"?run="+token, "", ticket).want(http.StatusAccepted, token)
	with("POST", openSlug+"/result", "stop=1&run="+token, ticket).want(200, token)
}

// Whoever holds a session's cookie sees its runs while the session lives, and takes part in
// them no longer than that. The page that ran them sees them afterwards, whatever number of
// others looked meanwhile.
func TestHolderOfASessionOwnsNoRun(t *testing.T) {
	t.Parallel()
	for end, fields := range map[string][]string{"/flush": nil, "/login": {"user", "ada"}} {
		a := newExperiments(t, nil)
		b := newBrowser(t, a, formJSON)
		visit := b.visit("/")
		b.post("/set", "key", "a", "value", "1", "page", visit).want(200)
		token, _ := b.runs("", visit)
		sees := func(b *browser, visit string) int {
			return b.get(openSlug + "?run=" + token + "&page=" + visit).StatusCode
		}
		var holders []*browser
		var theirs []string
		for range 10 {
			holder := newBrowser(t, a, formJSON)
			holder.steal(b.cookie())
			holders, theirs = append(holders, holder), append(theirs, holder.visit("/"))
			if status := sees(holder, theirs[len(theirs)-1]); status != http.StatusAccepted {
				t.Errorf("the control: before %s the holder of the session's cookie gets %d", end, status)
			}
			holder.post(openSlug+"/result", "run", token, "page", theirs[len(theirs)-1]).want(http.StatusAccepted)
		}
		b.post(end, append(fields, "page", visit)...).want(200)
		for i, holder := range holders {
			if status := sees(holder, theirs[i]); status != http.StatusNotFound {
				t.Fatalf("after %s the holder of the dead cookie gets %d", end, status)
			}
		}
		own := newBrowser(t, a, formJSON) // without a cookie: the page alone
		if status := sees(own, visit); status != http.StatusAccepted {
			t.Errorf("after %s the page that ran it gets %d", end, status)
		}
		// And the session that its browser has now sees it, since the page has shown that it is its own.
		b.post("/set", "key", "a", "value", "1", "page", visit).want(200)
		sees(b, visit)
		if status := sees(b, ""); status != http.StatusAccepted {
			t.Errorf("after %s the browser's next session gets %d", end, status)
		}
	}
}

// Whoever opens the address of a second browser, without an invitation, is another learner:
// they are not told its runs, and theirs push none of its out.
func TestSecondBrowsersAddressMakesNoLearner(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formJSON)
	base, secret := b.secondOf(b.visit("/"))
	token, _ := b.runs(base, secret)
	b.runs(base, secret)
	b.post(base+openSlug+"/run", "page", secret).want(http.StatusTooManyRequests, "You have 2 experiments running")
	stranger := newBrowser(t, a, formJSON)
	theirs := stranger.visit(base + "/")
	stranger.runs(base, theirs)
	stranger.runs(base, theirs)
	stranger.post(base+openSlug+"/run", "page", theirs).want(http.StatusTooManyRequests, "You have 2 experiments running")
	b.get(base + openSlug + "?run=" + token + "&page=" + secret).want(http.StatusAccepted)
}
