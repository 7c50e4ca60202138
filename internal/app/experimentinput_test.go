package app

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// What is wrong is refused with words, and nothing starts.
func TestExperimentInput(t *testing.T) {
	a := newExperiments(t, nil)
	const slug = "/experiments/change-one-letter"
	for _, test := range []struct {
		method, target, form string
		status               int
		says                 string
	}{
		{"GET", "/experiments/nope", "", 404, "There is no experiment at this address"},
		{"POST", "/experiments/nope/run", "", 404, "There is no experiment at this address"},
		{"GET", slug + "?run=nope", "", 404, "Its address opens nothing"},
		{"GET", slug + "?run=" + strings.Repeat("A", 4000), "", 404, "Its address opens nothing"},
		{"POST", slug + "/run", "prediction=0", 422, "from 1 to 3"},
		{"POST", slug + "/run", "prediction=4", 422, "from 1 to 3"},
		{"POST", slug + "/run", "prediction=first", 422, "from 1 to 3"},
		{"POST", slug + "/run", "edit=everything", 422, "none of role, letter, deadline, signature"},
		{"POST", slug + "/run", "role=" + strings.Repeat("x", 41), 422, "41 bytes, at most 40"},
		{"POST", slug + "/run", "role=%00", 422, "cannot be seen"},
		{"POST", slug + "/run", "role=%ff", 422, "cannot be seen"},
		{"POST", slug + "/run", "role=%E2%80%AEx", 422, "cannot be seen"},
		{"POST", slug + "/run", "role=%E2%80%A8x", 422, "cannot be seen"},
		{"POST", slug + "/run", "role=%zz", 400, "broken"},
		{"POST", slug + "/run", "role=" + strings.Repeat("x", 300<<10), 413, "too large"},
		{"POST", slug + "/result", "", 404, "Its address opens nothing"},
		{"POST", slug + "/result", "run=nope", 404, "Its address opens nothing"},
		{"GET", slug + "/run", "", 405, "POST"},
		{"POST", slug, "", 405, "method"},
		{"GET", slug + "/live/nope/x", "", 404, "No run waits"},
		{"POST", slug + "/live/nope/x", "", 404, "No run waits"},
		{"GET", "/experiments/nope/", "", 404, "There is no experiment at this address"},
	} {
		w := learn(a, "127.0.0.1", test.method, test.target, test.form)
		if w.Code != test.status || !strings.Contains(w.Body.String(), test.says) {
			t.Errorf("%s %.80s %.40s: status %d, want %d: %.300s", test.method, test.target, test.form, w.Code, test.status, w.Body)
		}
		if w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s %.80s: a refusal sets a cookie", test.method, test.target)
		}
	}
	if w := learn(a, "127.0.0.1", "POST", slug+"/run", "", "Content-Type", "text/plain"); w.Code != 415 && w.Code != 200 { // an empty body is a form without fields
		t.Errorf("status %d", w.Code)
	}
	if w := learn(a, "127.0.0.1", "POST", slug+"/run", "prediction=1", "Content-Type", "application/json"); w.Code != 415 {
		t.Errorf("a JSON body: status %d", w.Code)
	}
	if w := learn(a, "127.0.0.1", "POST", slug+"/run", "prediction=1", "Sec-Fetch-Site", "cross-site"); w.Code != 403 {
		t.Errorf("from another site: status %d", w.Code)
	}
	// As a page the input is kept, and the message is tied to its field.
	w := learn(a, "127.0.0.1", "POST", slug+"/run", "prediction=2&edit=letter&role="+strings.Repeat("x", 41), "Accept", "text/html")
	for _, words := range []string{`id="prediction-2" value="2" checked`, `id="edit-letter" value="letter" checked`, strings.Repeat("x", 41), `aria-invalid="true"`, "41 bytes, at most 40"} {
		if w.Code != 422 || !strings.Contains(w.Body.String(), words) {
			t.Errorf("status %d, the page does not say %q", w.Code, words)
		}
	}
}

// No free text ends a run, becomes markup, or is cut in the middle of a letter.
func TestExperimentHostileText(t *testing.T) {
	t.Parallel()
	texts := []string{
		"", " ", "`", "``{bad x}`", "{cookie ", "}{", `<img src=x onerror=alert(1)>"'&`, "%00%0d%0a", "a=b; c=d", `{"role":"x"}`, "null", "-1", "1e999",
		strings.Repeat("\U0001F600", 10), strings.Repeat("ß", 20), "progress", "_flash", "../../etc/passwd", "' OR 1=1 --",
	}
	// As a secret, each text but the empty one goes through the whole list of guesses.
	secrets := []string{"", "``{bad x}`", `<img src=x onerror=alert(1)>"'&`, strings.Repeat("\U0001F600", 10)}
	var tried atomic.Int32
	t.Cleanup(func() {
		if tried.Load() < 100 {
			t.Errorf("only %d were tried", tried.Load())
		}
	})
	try := func(t *testing.T, e experiment.Experiment, choice experiment.Choice) {
		t.Parallel()
		a := newExperiments(t, nil)
		path, cracks := "/experiments/"+e.Slug, e.Slug == "crack-a-weak-secret"
		for _, text := range texts {
			if len(text) > choice.Max {
				continue
			}
			tried.Add(1)
			form := url.Values{choice.Name: {text}, "prediction": {"9"}}
			if cracks {
				form.Set("secret", "yours")
			}
			// A refusal shows the text too, and runs nothing.
			refused := learn(a, "10.0.0.1", "POST", path+"/run", form.Encode(), "Accept", "text/html")
			if body := refused.Body.String(); refused.Code != http.StatusUnprocessableEntity || strings.Contains(body, "<img") || strings.Contains(body, "\ufffd") {
				t.Errorf("refused with %q: status %d", text, refused.Code)
			}
			if cracks && !slices.Contains(secrets, text) {
				continue
			}
			form.Set("prediction", "1")
			f := runFor(t, a, e.Slug, form.Encode())
			if f.State != "ended" || !utf8.ValidString(f.all()) {
				t.Errorf("with %q: %s %s", text, f.State, f.Error)
			}
			page := learn(a, "10.0.0.1", "GET", path+"?run="+f.Run, "", "Accept", "text/html")
			if body := page.Body.String(); page.Code != http.StatusOK || strings.Contains(body, "<img") || strings.Contains(body, "\ufffd") || !strings.Contains(body, `id="verdict"`) {
				t.Errorf("the page with %q: status %d", text, page.Code)
			}
		}
	}
	for _, section := range newApp(t, nil).shelf.Sections() {
		for _, e := range section.Experiments {
			for _, choice := range e.Choices {
				if len(choice.Options) == 0 {
					t.Run(e.Slug+" "+choice.Name, func(t *testing.T) { try(t, e, choice) })
				}
			}
		}
	}
}
