package app

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// proves asks for the older visit of the secret v, as the script does of the page at target
// that was loaded without proof.
func (b *browser) proves(v, target string, loaded answer) answer {
	b.t.Helper()
	f := &browser{b.t, b.h, b.jar, formFragment}
	r := f.request("GET", "/session?after=load", "")
	_, page, _ := strings.Cut(loaded.body, `data-page="`)
	page, _, _ = strings.Cut(page, `"`)
	r.Header.Set(trace.PageHeader, v+" "+page+" 0")
	r.Header.Set(trace.LoadHeader, loaded.secret())
	r.Header.Set("Hx-Current-Url", origin+target)
	return f.send(r)
}

// What others do between a page's load and its proof is told once.
func TestMeanwhileIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, b, v := openLab(t, formPage)
		defer h.Close()
		b.post("/set", "key", "a", "value", "1", "page", v)
		page := b.get("/")
		(&browser{t, h, b.jar, formJSON}).post("/set", "key", "meanwhile", "value", "1").want(200)
		synctest.Wait()
		b.proves(v, "/", page).want(200).wantEntries("opened no session cookie", "created a → cookie", "set meanwhile → cookie another client", "opened")
	})
}

// The page of a run that is loaded without its cookies, and so without proof, shows the run
// once its script has proved the visit that ran it: one that waits, and one that has ended.
func TestRunIsShownAfterTheProof(t *testing.T) {
	t.Parallel()
	a := newExperiments(t, nil)
	b := newBrowser(t, a, formJSON)
	v := b.visit("/")
	for slug, shows := range map[string]string{openSlug: `id="waiting"`, "/experiments/change-one-letter": `id="verdict"`} {
		run, _ := b.post(slug+"/run", "prediction", "1", "page", v).json()["run"].(string)
		target := slug + "?run=" + run
		bare := newBrowser(t, a, formPage)
		loaded := bare.get(target).want(404).wantNo(shows)
		bare.proves(v, target, loaded).want(200, shows, `hx-target="#run"`, `hx-target="#problem"`).wantNo("refused (404)")
		bare.proves(loaded.secret(), target, loaded).want(204) // the control: a visit that did not run it
	}
}
