package app

import (
	"net/http"
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

// A token for one use counts where a page of this program's led, and not in a link that
// somebody else made: who follows that one would go on in a stranger's visit, and the
// stranger would see all that is done there. Elsewhere than under https and localhost a
// browser names only the page that it comes from.
func TestLinkOfOthersOpensNoVisit(t *testing.T) {
	h := newApp(t, nil)
	b := newBrowser(t, h, formPage)
	v := b.visit("/")
	base, _ := b.secondOf(v)
	invite := func() string {
		b := &browser{t, h, b.jar, formJSON}
		return b.post("/second", "page", v, "name", "second").want(200).json()["page"].(string)
	}
	for name, test := range map[string]struct {
		fields []string
		ours   bool
	}{
		"a link of another site":             {[]string{"Sec-Fetch-Site", "cross-site"}, false},
		"a link of another port":             {[]string{"Sec-Fetch-Site", "same-site", "Referer", "http://127.0.0.1:9/"}, false},
		"a link in a message":                {[]string{"Sec-Fetch-Site", "none"}, false},
		"elsewhere, a link in a message":     {[]string{"Upgrade-Insecure-Requests", "1"}, false},
		"elsewhere, a link of another site":  {[]string{"Upgrade-Insecure-Requests", "1", "Referer", "http://evil.example/"}, false},
		"elsewhere, a name like ours":        {[]string{"Upgrade-Insecure-Requests", "1", "Referer", "http://127.0.0.1:8080.evil.example/"}, false},
		"elsewhere, an address that is none": {[]string{"Upgrade-Insecure-Requests", "1", "Referer", "http://%zz/"}, false},
		"our page":                           {[]string{"Sec-Fetch-Site", "same-origin", "Upgrade-Insecure-Requests", "1"}, true},
		"elsewhere, our page":                {[]string{"Upgrade-Insecure-Requests", "1", "Referer", origin + "/?x=used"}, true},
		"no browser":                         {nil, true},
	} {
		follow := func(address string) answer {
			stranger := newBrowser(t, h, formPage)
			r := stranger.request("GET", address, "")
			for i := 0; i < len(test.fields); i += 2 {
				r.Header.Set(test.fields[i], test.fields[i+1])
			}
			a := stranger.send(r)
			if _, next, found := strings.Cut(a.body, `content="0; url=`); found { // as the hop leads on
				next, _, _ = strings.Cut(strings.ReplaceAll(next, "&amp;", "&"), `"`)
				r := stranger.request("GET", next, "")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				a = stranger.send(r)
			}
			return a.want(200)
		}
		result := func() string {
			return b.post("/set", "key", "a", "value", name, "page", v).want(http.StatusSeeOther).Header.Get("Location")
		}
		proof := func() string { return "/?x=" + proved(h, v).Proof() }
		for what, address := range map[string]func() string{
			"a result": result, "a result, by the hop": func() string { return result() + "&hop=1" },
			"a proof": proof, "a proof, by the hop": func() string { return proof() + "&hop=1" }, "a proof on the shelf": func() string { return "/experiments" + proof()[1:] },
		} {
			if got := follow(address()).secret() == v; got != test.ours {
				t.Errorf("%s, with %s: the page is of the visit: %t", name, what, got)
			}
		}
		secret := follow(invite()).secret()
		if visit, _ := h.hub.Prove(secret, h.seats.Root); visit != nil {
			t.Fatal("the page of the second browser has a visit of the first")
		}
		seat, _ := h.seats.Enter(base + "/")
		visit, _ := h.hub.Prove(secret, seat)
		if got := visit.Family == proved(h, v).Name; got != test.ours {
			t.Errorf("%s, with an invitation: the page is of the family: %t", name, got)
		}
	}
}
