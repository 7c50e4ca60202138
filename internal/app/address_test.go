package app

import (
	"fmt"
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
		h, b, v := openLab(t, formFragment)
		defer h.Close()
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
	t.Parallel()
	h, b, v := openLab(t, formPage)
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

// Whoever holds a session's cookie, and no more, sees the moments of that session, and in
// them nothing of another: not of the other browsers of its family, nor of a session that
// its browser had before.
func TestSessionsMomentsTellOfNoOther(t *testing.T) {
	t.Parallel()
	h, b, v := openLab(t, formJSON)
	press := func(target string, pairs ...string) (session string) {
		t.Helper()
		session, _ = about(b.post(target, append(pairs, "page", v)...).want(200))["id"].(string)
		return session
	}
	// all is what a page of that secret shows of its moments.
	all := func(b *browser, secret string, moments int) (text string) {
		b = &browser{t, h, b.jar, formPage}
		for n := range moments {
			text += b.get(fmt.Sprintf("/?at=%d&page=%s", n+1, secret)).want(200).body
			text += b.get(fmt.Sprintf("/exchanges/%d?page=%s", n+1, secret)).want(200).body
		}
		return text
	}
	holderSees := func(moments int, session string, others ...string) {
		t.Helper()
		holder := &browser{t, h, b.jar, formPage}
		page := holder.get("/").want(200)
		if n := len(page.entries()); n != moments {
			t.Fatalf("the holder of %s has %d moments, want %d: %q", session, n, moments, page.entries())
		}
		text := all(holder, page.secret(), moments)
		if !strings.Contains(text, session) {
			t.Errorf("the control: the holder of %s does not see it", session)
		}
		for _, word := range others {
			if strings.Contains(text, word) {
				t.Errorf("the holder of %s sees %q of another", session, word)
			}
		}
	}
	first := press("/set", "key", "name", "value", "Rahim")
	press("/pin")
	press("/drop-cookie")
	other := press("/set", "key", "of-another", "value", "not for others")
	cookie := b.cookie()
	press("/put-back", "pin", "1")
	base, v2 := b.secondOf(v)
	second := about(b.post(base+"/set", "key", "a", "value", "1", "page", v2).want(200))["id"].(string)
	press("/set", "key", "name", "value", "Karim")
	holderSees(5, first, other, second, "of-another", "not for others", "second browser", cookie)
	r := (&browser{t, h, b.jar, formJSON}).request("POST", "/flush", "")
	r.Header.Set("Cookie", cookieName+"="+cookie)
	newBrowser(t, h, formJSON).send(r).want(200)
	holderSees(6, first, other, second, "of-another", "not for others", "second browser", cookie) // it opens nothing, and holds values
	last := press("/login", "user", "ada")
	holderSees(2, last, other, second, "of-another", "not for others", "second browser")

	words := []string{cookie, first, other, second, last, "of-another", "not for others", "second browser"}
	text := all(b, v, 8)
	for _, word := range words {
		if !strings.Contains(text, word) {
			t.Errorf("the control: the page that pressed does not see %q", word)
		}
	}
}

// Whoever saw a session, by its cookie, is told when it ends, and nothing of what its
// browser does afterwards: not when that sends a pinned copy, nor when a dead cookie that
// somebody planted goes along with its requests. That another client sent a dead cookie the
// page hears still, and not what session that client got in its place.
func TestEndedSessionTellsNoMore(t *testing.T) {
	for end, fields := range map[string][]string{"/flush": nil, "/login": {"user", "ada"}, "/cycle-id": nil} {
		synctest.Test(t, func(t *testing.T) {
			h, b, v := openLab(t, formJSON)
			defer h.Close()
			b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
			b.post("/pin", "page", v).want(200)
			dead := b.cookie()
			holder := &browser{t, h, b.jar, formPage}
			theirs := holder.visit("/")
			holder.jar = newBrowser(t, h, formPage).jar
			told := func() []string { synctest.Wait(); return holder.get("/?at=1&page=" + theirs).want(200).entries() }
			time.Sleep(time.Second)
			b.post("/set", "key", "name", "value", "Karim", "page", v).want(200)
			b.post(end, append(fields, "page", v)...).want(200)
			before := told()
			if n := len(before); n != 5 {
				t.Errorf("%s: the control: the holder was told %q", end, before)
			}
			b.post("/set", "key", "later", "value", "1", "page", v).want(200)
			b.post("/replay", "pin", "1", "page", v).want(200)
			for _, target := range []string{"GET /get?key=later&page=" + v, "GET /?page=" + v, "POST /set", "POST /delete", "POST /login", "POST /pin", "POST /tamper", "POST /flush"} {
				method, target, _ := strings.Cut(target, " ")
				r := b.request(method, target, "key=later&value=2&user=ada&part=letter&page="+v)
				r.Header.Set("Cookie", cookieName+"="+dead)
				b.send(r)
			}
			if after := told(); len(after) != len(before) {
				t.Errorf("%s: afterwards the holder was told %q", end, after[len(before):])
			}
			for _, press := range []string{"GET /keys ", "POST /set key=of-a-thief&value=1"} {
				method, rest, _ := strings.Cut(press, " ")
				target, form, _ := strings.Cut(rest, " ")
				r := newBrowser(t, h, formJSON).request(method, target, form)
				r.Header.Set("Cookie", cookieName+"="+dead)
				newBrowser(t, h, formJSON).send(r)
				synctest.Wait()
				got := (&browser{t, h, b.jar, formFragment}).get("/?at=1&page=" + v).entries()
				if last := got[len(got)-1]; !strings.Contains(last, "another client") || !strings.Contains(last, "refused") || strings.Contains(last, "of-a-thief") {
					t.Errorf("%s: of another client's dead cookie the page was told %q", end, last)
				}
			}
		})
	}
}

// Of an ID that was replaced the store keeps which one came after it. Whoever looks with the
// old cookie, or has seen the old session, is not shown that one.
func TestDeadCookieNamesNoLaterSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newApp(t, nil)
		defer h.Close()
		b := newBrowser(t, h, formJSON)
		b.post("/set", "key", "name", "value", "Rahim").want(200)
		old := b.cookie()
		with := func(target string) answer {
			holder := newBrowser(t, h, formPage)
			r := holder.request("GET", target, "")
			r.Header.Set("Cookie", cookieName+"="+old)
			return holder.send(r).want(200)
		}
		secret := with("/").secret()
		later := about(b.post("/login", "user", "ada").want(200))["id"].(string)
		synctest.Wait()
		for _, target := range []string{"/", "/keys", "/?at=2&page=" + secret, "/?page=" + secret} {
			with(target).want(200, "{&#34;cycled&#34;:").wantNo(later) // the control: the headstone is shown
		}
	})
}
