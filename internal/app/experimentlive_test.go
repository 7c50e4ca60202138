package app

import (
	"net/http"
	"strings"
	"testing"
)

// visitor is a browser of the test's own for experiments of the learner's browser.
type visitor struct {
	t     *testing.T
	a     *App
	slug  string
	token string
	jar   map[string]string
}

func openLive(t *testing.T, slug string) *visitor {
	t.Helper()
	a := newExperiments(t, nil)
	return &visitor{t, a, slug, tokenOf(t, learn(a, "10.0.0.1", "POST", "/experiments/"+slug+"/run", "prediction=1")), map[string]string{}}
}

// visit sends a request below the run's path, with the named cookies of the jar.
func (v *visitor) visit(method, path string, cookies []string, more ...string) int {
	v.t.Helper()
	var pairs []string
	for _, name := range cookies {
		if value, ok := v.jar[name]; ok {
			pairs = append(pairs, name+"="+value)
		}
	}
	w := learn(v.a, "10.0.0.1", method, "/experiments/"+v.slug+"/live/"+v.token+path, "", append(more, "Cookie", strings.Join(pairs, "; "))...)
	for _, line := range w.Header()["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			v.t.Fatal(err)
		}
		if want := "/experiments/" + v.slug + "/live/" + v.token; c.Path != want || !c.HttpOnly {
			v.t.Errorf("%s has the path %q, want %q, HttpOnly %t", c.Name, c.Path, want, c.HttpOnly)
		}
		v.jar[c.Name] = c.Value
	}
	return w.Code
}

// end ends the run and checks what it found.
func (v *visitor) end(happened int, says ...string) {
	v.t.Helper()
	w := learn(v.a, "10.0.0.1", "POST", "/experiments/"+v.slug+"/result", "stop=1&run="+v.token)
	f := runFoundIn(v.t, w.Body.Bytes())
	if f.State != "ended" || f.Happened != happened {
		v.t.Errorf("state %q, prediction %d came true, want %d: %s", f.State, f.Happened, happened, f.all())
	}
	for _, words := range says {
		if !strings.Contains(f.all(), words) {
			v.t.Errorf("it does not say %q: %s", words, f.all())
		}
	}
	if code := v.visit("POST", "/look", nil); code != http.StatusNotFound {
		v.t.Errorf("after its end the run answers with status %d", code)
	}
}

// What comes from another site is written down and refused all the same.
func TestLiveSameSite(t *testing.T) {
	all := []string{"normal", "lax", "strict"}
	for _, test := range []struct {
		sends    []string
		happened int
		says     string
	}{
		{all, 1, "All three cookies came"},
		{all[:1], 2, "The cookie without SameSite came"},
		{nil, 3, "None of the three cookies came"},
		{all[:2], 0, "normal, lax"},
	} {
		v := openLive(t, "normal-lax-strict")
		v.visit("POST", "/cookies", nil)
		if code := v.visit("POST", "/land?from=site&how=post", test.sends, "Origin", "http://evil.example", "Sec-Fetch-Site", "cross-site"); code != http.StatusForbidden {
			t.Errorf("status %d, want 403", code)
		}
		if code := v.visit("POST", "/cookies", nil, "Sec-Fetch-Site", "cross-site"); code != http.StatusForbidden {
			t.Errorf("fresh cookies for another site: status %d", code)
		}
		for _, path := range []string{"/land?from=moon&how=post", "/land?from=site&how=get", "/land", "/nothing", "/"} { // nothing of the grid
			if code := v.visit("POST", path, all); code != http.StatusSeeOther {
				t.Errorf("%s: status %d", path, code)
			}
		}
		v.end(test.happened, test.says, "refused (403)", "refused with 403")
	}
	// A form that says so, and that no other site's page submitted, is not counted.
	v := openLive(t, "normal-lax-strict")
	v.visit("POST", "/cookies", nil)
	for _, headers := range [][]string{{}, {"Sec-Fetch-Site", "same-origin", "Origin", origin}} {
		if code := v.visit("POST", "/land?from=site&how=post", all, headers...); code != http.StatusOK {
			t.Errorf("with %q: status %d", headers, code)
		}
	}
	v.end(0, "was not submitted from another site", "not counted: a request said it came from another site; Sec-Fetch-Site says")
}

// Who submits the foreign form would stand on a page that says nothing of the experiment.
func TestAForeignFormIsAnsweredWithWhatCame(t *testing.T) {
	v := openLive(t, "normal-lax-strict")
	v.visit("POST", "/cookies", nil)
	b := newBrowser(t, v.a, formPage)
	post := func(path string, headers ...string) answer {
		r := b.request("POST", "/experiments/normal-lax-strict/live/"+v.token+path, "")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return b.send(r)
	}
	foreign := []string{"Origin", "http://evil.example", "Cookie", "normal=yours; mood=dark"}
	const back = `href="/experiments/normal-lax-strict"`
	post("/land?from=site&how=post", append(foreign, "Sec-Fetch-Site", "cross-site")...).
		want(403, "It arrived, and is refused", "These came with this request:", ">normal<", "cross-site", "Close this tab", back).wantNo("mood", "none came", "No <code")
	post("/land?from=site&how=post", foreign...).
		want(403, "It arrived, and is refused", "over plain http, browsers send it to localhost and 127.0.0.1 only", back)
	post("/land?from=here&how=post", append(foreign, "Sec-Fetch-Site", "cross-site")...).want(403, "It is not counted", "is refused")

	// Only what the run has seen is answered so, and only for a browser.
	post("/cookies", foreign...).want(403, "page of another origin").wantNo("It arrived")
	b.form = formJSON
	post("/land?from=site&how=post", foreign...).want(403, "page of another origin").wantNo("It arrived")
	v.end(2, "The cookie without SameSite came", "refused (403)")
}
