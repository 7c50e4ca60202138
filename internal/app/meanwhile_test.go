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
		h := newApp(t, nil)
		defer h.Close()
		b := newBrowser(t, h, formPage)
		v := b.visit("/")
		b.post("/set", "key", "a", "value", "1", "page", v)
		page := b.get("/")
		(&browser{t, h, b.jar, formJSON}).post("/set", "key", "meanwhile", "value", "1").want(200)
		synctest.Wait()
		b.proves(v, "/", page).want(200).wantEntries("opened no session cookie", "created a → cookie", "set meanwhile → cookie another client", "opened")
	})
}
