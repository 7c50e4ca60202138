package app

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sessionscope/sessionscope/internal/hub"
)

// secondOf opens a second browser beside the page of the secret v, and its page as one of
// the family.
func (b *browser) secondOf(v string) (base, secret string) {
	b.t.Helper()
	before := b.form
	b.form = formJSON
	opened := b.post("/second", "page", v).want(200).json()
	b.form = before
	return strings.TrimSuffix(opened["url"].(string), "/"), b.visit(opened["page"].(string))
}

// Whoever knows the address of a second browser, and makes up a secret of a visit that is
// no more, goes on with a visit of their own: the family that opened that browser does not
// hear of it, nor they of the family. A page of the family whose visit has ended goes on
// in the family.
func TestMadeUpSecretJoinsNoFamily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		defer h.Close()
		b := newBrowser(t, h, formFragment)
		v := b.visit("/")
		base, v2 := b.secondOf(v)
		familyHas := func(key string) bool {
			synctest.Wait()
			return strings.Contains(strings.Join(b.get("/?at=1&page="+v).want(200).entries(), "; "), key)
		}
		rest := func() { // all but the first browser's page
			for range 4 {
				time.Sleep(hub.VisitLife / 3)
				b.get("/keys?page=" + v).want(200)
			}
		}
		stranger := newBrowser(t, h, formPage)
		theirs := stranger.visit(base + "/")
		changed := func(secret string) string { return secret[:len(secret)-1] + "1" }
		for _, madeUp := range []string{"OFAPROGRAMBEFORETHISONE123", changed(v), changed(v2), changed(theirs), v2 + "1", v, theirs + v2[len(theirs):]} {
			next := stranger.post(base+"/set", "key", "of-a-stranger", "value", "x", "page", madeUp).Header.Get("Location")
			b.post("/set", "key", "of-the-family", "value", time.Now().String(), "page", v).want(200)
			secret := stranger.get(next).want(200).wantNo("of-the-family").secret()
			stranger.get(base + "/?page=" + secret).want(200).wantNo("of-the-family")
			time.Sleep(time.Second)
		}
		rest()
		stranger.post(base+"/set", "key", "of-a-stranger", "value", "y", "page", theirs)
		if familyHas("of-a-stranger") {
			t.Error("the family is told what a stranger did")
		}
		// The control: a page of the family that rested is of the family still, however often.
		for range 2 {
			next := b.post(base+"/set", "key", "of-the-second", "value", time.Now().String(), "page", v2).want(200).Header.Get("HX-Redirect")
			v2 = b.visit(next)
			rest()
		}
		if b.post(base+"/set", "key", "at-last", "value", "1", "page", v2).want(200); !familyHas("of-the-second") || !familyHas("at-last") {
			t.Error("the family is not told what its second browser did after a rest")
		}
	})
}
