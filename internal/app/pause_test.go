package app

import (
	"strings"
	"testing"
)

// While the class is paused nothing that a seat sends changes anything, in whatever form, from each of its
// browsers; what it looks at, and the beat of its page, go on. The control is the class that goes on.
// If it failed, a student could go on during a pause, or would count as asleep after one.
func TestPauseRefusesWhatASeatSends(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	p.post(base+"/set", "key", "name", "value", "Rahim").want(303)
	page := fieldOf(p.get(base+"/").want(200).body, "page")
	second := p.post(base+"/second", "page", page).want(303).Header.Get("Location")
	second, _, _ = strings.Cut(second, "/?")
	w.class.together.Ask(t.Context(), "cookie-or-server", nil, 3, 0)
	posts := map[string][]string{
		base + "/set": {"key", "name", "value", "Eve"}, base + "/flush": nil, base + "/class/answer": {"prediction", "1"}, base + "/second": {"page", page}, second + "/set": {"key", "name", "value", "Eve"},
		base + "/experiments/cookie-or-server/run": nil, base + "/lesson": nil, base + "/nothing": nil, base + "/experiments/cookie-or-server/live/x/y": nil, base + "/class/heard/": nil,
	}
	w.teacher.post("/classroom/pause").want(303)
	for _, p.form = range []answerForm{formPage, formFragment, formJSON} {
		for target, fields := range posts {
			if target == base+"/class/heard/" {
				p.post(target).want(204)
				continue
			}
			p.post(target, fields...).want(403, "Eyes up")
		}
		p.get(base + "/").want(200)
	}
	p.form = formJSON
	p.get(base+"/get?key=name").want(200, "Rahim")
	p.post(base + "/class/heard").want(204)
	if id := w.seatAt(base).ID; w.class.together.AnswerOf(id) != 0 {
		t.Error("an answer was taken")
	}
	w.teacher.post("/classroom/resume").want(303)
	p.post(base+"/class/answer", "prediction", "1").want(200, `"prediction":1`)
	p.post(base+"/set", "key", "name", "value", "Eve").want(200, "Eve")
}

// Without scripts the page that says so leads back to the class page, by itself too: a refusal alone would
// never learn that the class goes on.
func TestPauseLeadsBackToTheClass(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	w.teacher.post("/classroom/pause").want(303)
	for _, path := range []string{"/class/answer", "/set"} {
		p.post(base+path, "prediction", "1").want(403, "Eyes up", `<noscript><meta http-equiv="refresh" content="5;url=`+base+`/class"></noscript>`, `<a href="`+base+`/class">Back to the class page</a>`)
	}
	w.teacher.post("/classroom/resume").want(303)
	p.get(base+"/nothing").want(404, "Back to the class page").wantNo(`http-equiv="refresh"`)
	w.teacher.get("/nothing").want(404).wantNo("class page")
}

// A run in the learner's own browser takes no form during a pause, not even one of another site, which it
// counts otherwise although it is refused. The control is the same form afterwards.
func TestPauseHasLiveRunsWait(t *testing.T) {
	t.Parallel()
	w := openClassWorld(t, nil)
	p := w.phone()
	base := p.join()
	p.form = formJSON
	started := p.post(base+"/experiments/normal-lax-strict/run", "prediction", "1")
	_, token, _ := strings.Cut(started.body, `"run":"`)
	token, _, _ = strings.Cut(token, `"`)
	run := base + "/experiments/normal-lax-strict/live/" + token
	p.form = formPage
	foreign := func() answer {
		r := p.request("POST", run+"/land?from=site&how=post", "")
		r.Header.Set("Origin", "http://evil.example")
		return p.send(r)
	}
	p.post(run + "/cookies").want(303)
	w.teacher.post("/classroom/pause").want(303)
	foreign().want(403).wantNo("It arrived")
	p.post(run+"/cookies").want(403, "Eyes up")
	w.teacher.post("/classroom/resume").want(303)
	foreign().want(403, "It arrived")
}
