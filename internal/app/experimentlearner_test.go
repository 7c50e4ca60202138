package app

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

const openSlug = "/experiments/secure-on-plain-http" // whose runs stay open

// Who shares an address with others is not told that their runs are its own, nor what
// they are. Each browser's session, or its page without one, has runs of its own.
func TestNeighboursRunsAreNotTheLearners(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	const tooMany = "You have 2 experiments running"
	run := func(b *browser, base, visit string) answer { return b.post(base+openSlug+"/run", "page", visit) }

	stranger := newBrowser(t, a, formJSON)
	for range 3 { // neither session nor page says who it is
		run(stranger, "", "").want(http.StatusAccepted)
	}
	page := newBrowser(t, a, formJSON)
	visit := page.visit("/")
	run(page, "", visit).want(http.StatusAccepted)
	run(page, "", visit).want(http.StatusAccepted)
	run(page, "", visit).want(http.StatusTooManyRequests, tooMany, "“Secure on plain http”, “Secure on plain http”")

	other := newBrowser(t, a, formJSON)
	run(other, "", other.visit("/")).want(http.StatusAccepted)
	other.post("/set", "key", "a", "value", "b").want(200)
	run(other, "", "").want(http.StatusAccepted) // a session

	// The ninth of one address: whoever asks learns nothing of the others.
	run(other, "", "").want(http.StatusAccepted)
	for _, b := range []*browser{stranger, newBrowser(t, a, formJSON)} {
		run(b, "", "").want(http.StatusTooManyRequests, "8 experiments are running for browsers at your address", "Nothing was started").wantNo("You have", "Secure")
	}
}

// Who is told of too many runs could not find them: those that the page or its session owns
// are linked, in each form, and no others; and a browser that never ran anything reads that
// the runs are of its address.
func TestTooManyRunsAreLinked(t *testing.T) {
	t.Parallel()
	links := func(a answer, f answerForm) int {
		if f == formJSON {
			running, _ := a.json()["running"].([]any)
			return len(running)
		}
		problem, _, _ := strings.Cut(a.body[strings.Index(a.body, `id="problem"`):], "</p>")
		return strings.Count(problem, `<a href="`+openSlug+`?run=`)
	}
	for name, f := range forms {
		a := newExperiments(t, nil)
		mine := newBrowser(t, a, f)
		visit := mine.visit("/")
		token, _ := mine.runs("", visit)
		mine.jar = newBrowser(t, a, f).jar // with its cookie the second run would end the first
		mine.runs("", visit)
		if a := mine.post(openSlug+"/run", "page", visit).want(429, "You have 2 experiments running", token); links(a, f) != 2 {
			t.Errorf("%s: %d links to the page's own runs", name, links(a, f))
		}
		for range 6 {
			newBrowser(t, a, formJSON).post(openSlug + "/run").want(http.StatusAccepted)
		}
		never := newBrowser(t, a, f)
		refused := never.post(openSlug+"/run", "page", never.visit("/")).want(429, "8 experiments are running for browsers at your address", "None of them was started by this page").wantNo(token, "You have")
		if after, err := strconv.Atoi(refused.Header.Get("Retry-After")); err != nil || after < 60 || after > 300 { // live runs last five minutes
			t.Errorf("%s: Retry-After %d, %v", name, after, err)
		}
		if f != formJSON { // the address of a link is one that a browser can open
			mine.form = formPage
			r := mine.request("GET", linkTo(mine.post(openSlug+"/run", "page", visit), token), "")
			mine.send(r).want(200, `id="run"`)
		}
	}
}

// linkTo is the address of the link to a run.
func linkTo(a answer, token string) string {
	a.t.Helper()
	_, rest, found := strings.Cut(a.body, `<a href="`+openSlug+"?run="+token)
	if !found {
		a.t.Fatalf("no link to the run %s", token)
	}
	rest, _, _ = strings.Cut(rest, `"`)
	return openSlug + "?run=" + token + strings.ReplaceAll(rest, "&amp;", "&")
}

// A second browser's runs are its own, and who knows nothing but its address has none of them.
func TestSecondBrowsersRunsAreItsOwn(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formJSON)
	visit := b.visit("/")
	opened := b.post("/second", "page", visit).want(200).json()
	base := strings.TrimSuffix(opened["url"].(string), "/")
	seat := b.visit(opened["page"].(string))
	for range 2 {
		b.post(openSlug+"/run", "page", visit).want(http.StatusAccepted)
		b.post(base+openSlug+"/run", "page", seat).want(http.StatusAccepted)
	}
	b.post(openSlug+"/run", "page", visit).want(http.StatusTooManyRequests, "You have 2 experiments running")
	b.post(base+openSlug+"/run", "page", seat).want(http.StatusTooManyRequests, "You have 2 experiments running")
	newBrowser(t, a, formJSON).post(base + openSlug + "/run").want(http.StatusAccepted)
}

// What a learner's run found stays, whatever number of strangers at the same address run
// something too, each with a fresh session: from some run on, theirs are refused.
func TestFreshSessionsPushNoRunOut(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	const slug = "/experiments/change-one-letter"
	last := ""
	run := func(address string) *httptest.ResponseRecorder {
		last = sessionAt(a, address)
		return learn(a, address, "POST", slug+"/run", "", "Cookie", last)
	}
	found := []string{tokenOf(t, run("10.0.0.1"))}
	owner := map[string]string{found[0]: last} // the cookies of those that ran
	refused := 0
	for range 80 {
		w := run("10.0.0.1")
		if w.Code == http.StatusOK {
			found = append(found, tokenOf(t, w))
			owner[found[len(found)-1]] = last
			continue
		}
		refused++
		said := w.Body.String()
		if w.Code != http.StatusTooManyRequests || !strings.Contains(said, "room for 50 experiments for browsers at your address") || !strings.Contains(said, "Nothing was started") {
			t.Fatalf("status %d: %s", w.Code, said)
		}
		if strings.Contains(said, "You have") || strings.Contains(said, "letter") {
			t.Errorf("the refusal speaks of others' runs: %s", said)
		}
	}
	for n, token := range found {
		if w := learn(a, "10.0.0.1", "GET", slug+"?run="+token, "", "Cookie", owner[token]); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"exchanges":[`) {
			t.Fatalf("what run %d found is gone: status %d, %.300s", n+1, w.Code, w.Body)
		}
	}
	if len(found) < 20 || refused == 0 {
		t.Errorf("the control: of 80 runs %d were refused", refused)
	}
	tokenOf(t, run("10.0.0.2")) // elsewhere there is room
}

// Who has no more than a copy of a session's cookie sees its runs as long as the session
// lives, and not afterwards by the page that the copy opened.
func TestARunIsNotPassedOnByItsSession(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formJSON)
	visit := b.visit("/")
	b.post("/set", "key", "a", "value", "b", "page", visit).want(200)
	run, _ := b.post(openSlug+"/run", "page", visit).want(http.StatusAccepted).json()["run"].(string)
	target := openSlug + "?run=" + run

	thief := newBrowser(t, a, formPage)
	copied := func(target string) answer {
		r := thief.request("GET", target, "")
		r.Header.Set("Cookie", cookieName+"="+b.cookie())
		return thief.send(r)
	}
	page := copied(target).want(200).secret() // the control: the session opens it
	if page == "" {
		t.Fatal("the page has no visit")
	}
	copied(target + "&page=" + page).want(200)
	b.post("/flush", "page", visit).want(200)
	copied(target + "&page=" + page).want(http.StatusNotFound)
	b.get(target + "&page=" + visit).want(http.StatusAccepted) // whose run it is
}
