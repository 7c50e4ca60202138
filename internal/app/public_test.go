package app

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/trace"
)

// stranger sends random requests that are made of what is publicly known.
type stranger struct {
	*browser
	rand   *rand.Rand
	known  []string // words that may stand wherever a secret, a token or a number may
	bases  []string // of the paths
	hidden []string // words that no answer may contain
	sent   int
}

func (s *stranger) any(of ...string) string { return of[s.rand.IntN(len(of))] }

// word returns one of the known words, as it is or changed.
func (s *stranger) word() string {
	word := s.any(s.known...)
	switch cut := s.rand.IntN(len(word) + 1); s.rand.IntN(12) {
	case 0:
		return word[:cut]
	case 1:
		return word[cut:]
	case 2:
		return word + s.any(s.known...)
	case 3:
		return word[:cut] + s.any(" ", "A", "%00", ",", ";", "\t", "é") + word[cut:]
	case 4:
		return strings.ToLower(word)
	case 5:
		return strings.Repeat(word, 1+s.rand.IntN(20))
	}
	return word
}

// fields returns a form of known words and of numbers.
func (s *stranger) fields() url.Values {
	values := url.Values{"key": {s.any("theirs", "name")}, "value": {"1"}}
	for _, name := range []string{"x", "at", "v", "run", "page", "pin", "name", "since", "stop", "experiment"} {
		switch s.rand.IntN(4) {
		case 0:
			values.Set(name, s.word())
		case 1:
			values.Set(name, fmt.Sprint(s.rand.IntN(9)))
		}
	}
	if s.rand.IntN(3) > 0 {
		values.Set("page", s.word())
	}
	return values
}

// made returns one request, with known words in its address, form, header and cookies.
func (s *stranger) made() (r *http.Request, body string) {
	s.t.Helper()
	base := s.any(s.bases...)
	method, target, _ := strings.Cut(s.any(
		"GET /", "GET /", "GET /session?after=load", "GET /session", "GET /exchanges/"+s.any("1", "2", "3", url.PathEscape(s.word())), "GET /experiments", "GET /experiments/change-one-letter", "GET /keys", "HEAD /",
		"POST /set", "POST /moment", "POST /pin", "POST /replay", "POST /put-back", "POST /tamper", "POST /check", "POST /second", "POST /projector", "POST /experiments/change-one-letter/result", "POST /drop-cookie", "POST /get",
	), " ")
	if values := s.fields(); method == http.MethodPost {
		body = values.Encode()
	} else {
		path, query, _ := strings.Cut(target, "?")
		target = path + "?" + query + "&" + values.Encode()
	}
	r = s.request(method, "/", body)
	var err error
	if r.URL, err = url.Parse(origin + base + target); err != nil {
		s.t.Fatal(err)
	}
	r.RequestURI = r.URL.RequestURI()
	r.Header.Del(trace.PageHeader)
	if s.rand.IntN(2) == 0 {
		r.Header.Set(trace.PageHeader, s.any(s.word(), s.word()+" "+s.word()+" "+s.word(), " "+s.word(), s.word()+"  "+s.word()))
	}
	if s.rand.IntN(3) == 0 {
		r.Header.Set(trace.LoadHeader, s.word())
	}
	run := origin + base + "/experiments/change-one-letter?run="
	for _, field := range [][2]string{{"Hx-Current-Url", run}, {"Referer", run}, {"Last-Event-Id", ""}} {
		if s.rand.IntN(3) == 0 {
			r.Header.Set(field[0], field[1]+s.word())
		}
	}
	for _, name := range []string{cookieName, cookieName + "-pins", cookieName + "-live", cookieName + "~second"} {
		if s.rand.IntN(4) == 0 {
			r.Header.Set("Cookie", strings.TrimPrefix(r.Header.Get("Cookie")+"; "+name+"="+s.word(), "; "))
		}
	}
	return r, body
}

// press sends one request and follows where its answers lead. No answer may contain a hidden
// word or be a 5xx.
func (s *stranger) press() {
	s.t.Helper()
	s.form = answerForm(s.rand.IntN(3))
	r, body := s.made()
	what := fmt.Sprintf("%s %s %s %v", r.Method, r.URL, body, r.Header)
	for range 3 {
		s.sent++
		w := s.send(r)
		text := w.body + fmt.Sprint(w.Header)
		for _, word := range s.hidden {
			if strings.Contains(text, word) {
				s.t.Fatalf("%s: an answer has %q", what, word)
			}
		}
		if w.StatusCode >= 500 {
			s.t.Fatalf("%s: status %d", what, w.StatusCode)
		}
		if secret := w.secret(); secret != "" { // of the stranger's own visit: the next requests use it
			s.known[0] = secret
		}
		next := w.Header.Get("Location") + w.Header.Get("HX-Redirect")
		if next == "" {
			return
		}
		what += " → " + next
		s.form = formPage
		r = s.request("GET", next, "")
	}
}

// A stranger who knows all that is public of somebody's work in the lab sees nothing of that
// work and takes no part in it, whatever requests they make of it: of addresses, the visit's
// name, numbers, the addresses of a second browser and a run, a dead cookie, used tokens.
func TestNothingPublicOpensAVisit(t *testing.T) {
	t.Parallel()
	h := newExperiments(t, nil)
	b := newBrowser(t, h, formJSON)
	v := b.visit("/")
	b.post("/set", "key", "name", "value", "Rahim", "page", v).want(200)
	base, v2 := b.secondOf(v)
	dead := b.cookie()
	b.post("/flush", "page", v).want(200)
	used := proved(h, v).Proof()
	h.hub.Redeem(used, h.seats.Root)

	id := about(b.post("/set", "key", "LATER-KEY", "value", "LATER-VALUE", "page", v).want(200))["id"].(string)
	b.post("/pin", "page", v).want(200)
	b.post("/projector", "on", "1", "page", v).want(200)
	run := b.post("/experiments/change-one-letter/run", "prediction", "1", "page", v).json()["run"].(string)
	id2 := about(b.post(base+"/set", "key", "LATER-BESIDE", "value", "LATER-VALUE", "page", v2).want(200))["id"].(string)
	visit := proved(h, v)

	s := &stranger{
		browser: newBrowser(t, h, formPage), rand: rand.New(rand.NewPCG(1, 2)), bases: []string{"", base},
		known:  []string{"-", visit.Name, visit.Family, v[:len(v)-26], v2[:len(v2)-2], run, used, dead, strings.TrimPrefix(base, "/s/"), "OFAPROGRAMBEFORETHISONE123", "second", "null", "undefined", "0"},
		hidden: []string{"LATER-", id, id2, b.cookie(), v, v2, "data-projector", "Signature refused"},
	}
	moments := func() (n int) {
		for _, e := range visit.Timeline(0).Entries {
			if e.Kin == "" && !e.Gist.Nothing {
				n++
			}
		}
		return n
	}
	before := moments()
	for i := range 60 {
		for range 20 {
			s.press()
		}
		if i%2 == 0 {
			b.post(base+"/set", "key", "LATER-BESIDE", "value", fmt.Sprint("LATER-", i), "page", v2).want(200)
			continue
		}
		b.post("/set", "key", "LATER-KEY", "value", fmt.Sprint("LATER-", i), "page", v).want(200)
		before++
	}
	if s.sent < 1200 {
		t.Errorf("only %d requests were sent", s.sent)
	}
	// The control: it is all there, for the page whose work it is.
	if n := moments(); n != before {
		t.Errorf("the visit has %d moments, want %d", n, before)
	}
	b.form = formPage
	b.get("/?page="+v).want(200, "LATER-KEY", "LATER-BESIDE", id, id2, "data-projector", "Put back")
	b.get("/experiments/change-one-letter?run="+run+"&page="+v).want(200, "Signature refused")
}
