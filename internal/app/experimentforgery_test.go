package app

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

// stamp is the time of signing of a cookie from now. Its first digits last.
var stamp = fmt.Sprint(time.Now().Unix())

var forgeryCases = []experimentCase{
	{slug: "signed-is-not-secret", chosen: "how=signed", happened: 3, says: []string{"I like Nina", "2 layers", "worth nothing"}, witness: storedBothWays("I like Nina", true)},
	{slug: "signed-is-not-secret", chosen: "how=gorilla", happened: 3, says: []string{"I like Nina", "2 layers", "gob"}, witness: storedBothWays("I like Nina", true)},
	{slug: "signed-is-not-secret", chosen: "how=encrypted", happened: 1, says: []string{"Not read", "gave the text away"}, witness: storedBothWays("I like Nina", false)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "signed", "secret", "Ärger `mit` {Ö}"), happened: 3, says: []string{"Ärger ˋmitˋ {Ö}"}, witness: storedBothWays("Ärger `mit` {Ö}", true)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "signed", "secret", `"x\"<script>|`), happened: 3, witness: storedBothWays(`"x\"<script>|`, true)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "gorilla", "secret", "A"), happened: 3, says: []string{"too short to tell"}, witness: storedBothWays("A", true)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "encrypted", "secret", "A"), happened: 1, witness: storedBothWays("A", false)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "encrypted", "secret", "diary"), happened: 1, witness: storedBothWays("diary", false)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "encrypted", "secret", stamp[:4]), happened: 1, says: []string{"| by chance"}, witness: storedBothWays(stamp[:4], false)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "encrypted", "secret", base64.URLEncoding.EncodeToString([]byte(stamp[:3]))), happened: 1, says: []string{"| by chance"}, witness: storedBothWays(base64.URLEncoding.EncodeToString([]byte(stamp[:3])), false)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "signed", "secret", stamp[:4]), happened: 3, says: []string{"2 layers", "| by chance"}, witness: storedBothWays(stamp[:4], true)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "signed", "secret", strings.Repeat("界", 20)), happened: 3, witness: storedBothWays(strings.Repeat("界", 20), true)},
	{slug: "signed-is-not-secret", chosen: choosing("how", "signed", "secret", ""), says: []string{"you wrote no text"}, witness: func(t *testing.T, all []seen) {
		for _, s := range all {
			if s.setCookie != "" {
				t.Errorf("%s set a cookie", s.path)
			}
		}
	}},

	{slug: "change-one-letter", chosen: "edit=role", happened: 3, says: []string{"no records created", "student again", "untouched", "fit the edited bytes", "teacher"}, witness: edited},
	{slug: "change-one-letter", chosen: "edit=letter", happened: 3, says: []string{"no records created", "student again", "untouched", "fit the edited bytes"}, witness: edited},
	{slug: "change-one-letter", chosen: "edit=deadline", happened: 3, says: []string{"no records created", "deadline"}, witness: edited},
	{slug: "change-one-letter", chosen: "edit=signature", happened: 3, says: []string{"no records created", "student again", "untouched", "The edited signature does not fit"}, witness: edited},
	{slug: "change-one-letter", chosen: choosing("edit", "role", "role", ""), happened: 3, witness: edited},
	{slug: "change-one-letter", chosen: choosing("edit", "role", "role", `"}{`+"`bad} ü"), happened: 3, witness: edited},
	{slug: "change-one-letter", chosen: choosing("edit", "role", "role", "student"), says: []string{"Nothing was edited"}, witness: func(t *testing.T, all []seen) {
		if all[1].cookie != all[0].sent() || all[2].cookie != all[0].sent() || all[2].value() != "student" {
			t.Errorf("the cookie was changed, or not taken: %+v", all[2])
		}
	}},

	{slug: "crack-a-weak-secret", chosen: "secret=weak", happened: 1, says: []string{"Cracked", "a second", "user=admin"}, witness: cracked},
	{slug: "crack-a-weak-secret", chosen: "secret=yours", happened: 1, says: []string{"The secret is Gorilla123!"}, witness: cracked},
	{slug: "crack-a-weak-secret", chosen: "secret=strong", happened: 2, says: []string{"Not cracked", "⁶", " years"}, witness: notCracked},
	{slug: "crack-a-weak-secret", chosen: choosing("secret", "yours", "word", "p4ssw0rd2025"), happened: 1, says: []string{"p4ssw0rd2025"}, witness: cracked},
	{slug: "crack-a-weak-secret", chosen: choosing("secret", "yours", "word", "Gorilla2011!"), happened: 1, says: []string{"Gorilla2011!"}, witness: cracked},
	{slug: "crack-a-weak-secret", chosen: choosing("secret", "yours", "word", "Summer2024!"), happened: 1, says: []string{"Summer2024!"}, witness: cracked},
	{slug: "crack-a-weak-secret", chosen: choosing("secret", "yours", "word", "two words, {and} a `mark`"), happened: 2, says: []string{"does not make it strong"}, witness: notCracked},
	{slug: "crack-a-weak-secret", chosen: choosing("secret", "yours", "word", ""), says: []string{"nothing to crack", "status 500"}, witness: func(t *testing.T, all []seen) {
		if len(all) != 1 || all[0].status != 500 || all[0].setCookie != "" {
			t.Errorf("a server without a secret did more than fail: %+v", all)
		}
	}},

	{slug: "rotate-the-secret", chosen: "keep=while&placement=hybrid", happened: 3, says: []string{"Aisha alone", "Rahim read, and got no new cookie", "Both stayed logged in", "2 of 2"}, witness: rotated(false)},
	{slug: "rotate-the-secret", chosen: "keep=while&placement=cookie", happened: 3, says: []string{"Aisha alone", "Rahim read, and got no new cookie", "Both stayed logged in", "2 of 2"}, witness: rotated(false)},
	{slug: "rotate-the-secret", chosen: "keep=while&placement=server", happened: 4, says: []string{"Aisha and Rahim", "Rahim read, and got a new cookie", "Both stayed logged in"}, witness: rotated(true)},
	{slug: "rotate-the-secret", chosen: "keep=dropped&placement=hybrid", happened: 2, says: []string{"Nobody", "\nAisha | yes", "still holds 3 sessions"}, witness: dropped},
	{slug: "rotate-the-secret", chosen: "keep=dropped&placement=cookie", happened: 2, says: []string{"Nobody"}, witness: dropped},
	{slug: "rotate-the-secret", chosen: "keep=dropped&placement=server", happened: 2, says: []string{"Nobody", "still holds 3 sessions"}, witness: dropped},

	{slug: "replay-an-older-cookie", chosen: "placement=hybrid", happened: 2, says: []string{"10 after it was 5", "version 2", "version 1", "4 purchases of 5, from a credit of 10, and the run stopped there"}, witness: creditAfter(10, 4)},
	{slug: "replay-an-older-cookie", chosen: "placement=cookie", happened: 2, says: []string{"10 after it was 5", "4 purchases of 5"}, witness: creditAfter(10, 4)},
	{slug: "replay-an-older-cookie", chosen: "placement=server", happened: 1, says: []string{"Spent is spent", "letter by letter", "2 purchases of 5"}, witness: creditAfter(5, 2)},
}

// choosing is a form of names and values in turn.
func choosing(words ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(words); i += 2 {
		v.Set(words[i], words[i+1])
	}
	return v.Encode()
}

// payload is what comes out of a cookie's value without a key.
func payload(value string) []byte {
	outer, _ := base64.URLEncoding.DecodeString(value)
	if parts := bytes.SplitN(outer, []byte("|"), 3); len(parts) == 3 {
		inner, _ := base64.URLEncoding.DecodeString(string(parts[1]))
		return inner
	}
	return nil
}

// storedBothWays expects that a text was stored in two cookies: in the first it
// can be read without a key, or else in the second.
func storedBothWays(text string, first bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 6 {
			t.Fatalf("%d requests", len(all))
		}
		for i, readable := range []bool{first, !first} {
			set, get, changed := all[3*i], all[3*i+1], all[3*i+2]
			if set.form.Get("value") != text || get.cookie != set.sent() || get.value() != text {
				t.Errorf("the text was not stored and read: %+v %+v", set, get)
			}
			inside := payload(set.sent())
			quoted, _ := json.Marshal(text)
			var is bool
			if gobbed := map[any]any(nil); bytes.Contains(inside, []byte(`{"diary":`)) {
				_, object, _ := bytes.Cut(inside, []byte(`{"diary":`))
				var back string
				is = json.Unmarshal(bytes.TrimSuffix(object, []byte("}")), &back) == nil && back == text
			} else if gob.NewDecoder(bytes.NewReader(inside)).Decode(&gobbed) == nil {
				is = gobbed["diary"] == text
			}
			if is != readable {
				t.Errorf("cookie %d: %s in %q: %v, want %v", i+1, quoted, inside, is, readable)
			}
			if changed.cookie == set.sent() || changed.answer["found"] != false {
				t.Errorf("cookie %d was taken with a letter changed: %s", i+1, changed.body)
			}
		}
	}
}

func edited(t *testing.T, all []seen) {
	if len(all) != 4 {
		t.Fatalf("%d requests", len(all))
	}
	issued := all[0].sent()
	if all[1].cookie != issued || all[1].value() != "student" || all[3].cookie != issued || all[3].value() != "student" {
		t.Error("the cookie as issued does not work")
	}
	if x := all[2]; x.cookie == issued || x.cookie == "" || x.status != 200 || x.answer["found"] != false || x.setCookie != "" {
		t.Errorf("the edited cookie %s was answered with %d %s %s", x.cookie, x.status, x.body, x.setCookie)
	}
}

// forgedIn are the requests whose cookie no answer had set.
func forgedIn(all []seen) (out []seen) {
	issued := map[string]bool{"": true}
	for _, s := range all {
		if !issued[s.cookie] {
			out = append(out, s)
		}
		issued[s.sent()] = true
	}
	return out
}

func cracked(t *testing.T, all []seen) {
	forged := forgedIn(all)
	if len(all) != 3 || len(forged) != 1 || forged[0].status != 200 || forged[0].value() != "admin" || all[1].value() != "rahim" {
		t.Errorf("not one forged cookie that was believed: %+v", all)
	}
	if !bytes.Contains(payload(forged[0].cookie), []byte("admin")) || bytes.Contains(payload(all[0].sent()), []byte("admin")) {
		t.Error("admin does not stand in the forged cookie alone")
	}
}

func notCracked(t *testing.T, all []seen) {
	forged := forgedIn(all)
	if len(forged) == 0 {
		t.Error("nothing was tried at the server")
	}
	for _, s := range forged {
		if s.answer["found"] != false || !bytes.Contains(payload(s.cookie), []byte("admin")) {
			t.Errorf("a guess was answered with %s", s.body)
		}
	}
}

// rotated expects that Aisha is logged in at the end, Rahim if his read got him a
// new cookie, and Mina not.
func rotated(byRead bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 14 {
			t.Fatalf("%d requests", len(all))
		}
		write, read, aisha, rahim, mina, old := all[6], all[8], all[10], all[11], all[12], all[13]
		if write.setCookie == "" || (read.setCookie != "") != byRead || read.value() != "Rahim" {
			t.Errorf("the write set %q, the read %q", write.setCookie, read.setCookie)
		}
		if aisha.cookie != write.sent() || aisha.value() != "Aisha" || (rahim.value() == "Rahim") != byRead || mina.answer["found"] != false {
			t.Errorf("at the end: %s%s%s", aisha.body, rahim.body, mina.body)
		}
		if old.cookie != all[0].sent() || old.answer["found"] != false {
			t.Errorf("the cookie of the old secret: %s", old.body)
		}
	}
}

func dropped(t *testing.T, all []seen) {
	if len(all) != 9 {
		t.Fatalf("%d requests", len(all))
	}
	for i, name := range []string{"Aisha", "Rahim", "Mina"} {
		login, before, after := all[2*i], all[2*i+1], all[6+i]
		if before.value() != name || after.answer["found"] != false || after.cookie != login.sent() || after.status != 200 {
			t.Errorf("%s: before %s, after %s", name, before.body, after.body)
		}
	}
}

// creditAfter expects a credit with the older cookie, and so many purchases.
func creditAfter(credit float64, bought int) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		given, spent, back := all[0], all[3], all[4]
		if given.form.Get("value") != "10" || spent.answer["value"] != 5.0 {
			t.Errorf("given %v, after the purchase %s", given.form, spent.body)
		}
		if back.cookie != given.sent() || back.answer["value"] != credit {
			t.Errorf("with the older cookie: %s", back.body)
		}
		writes := 0
		for _, s := range all[1:] {
			if s.path == "/set" && s.status == 200 {
				writes++
			}
		}
		if writes != bought {
			t.Errorf("%d purchases, want %d", writes, bought)
		}
	}
}

var forgeryControls = []control{
	{slug: "signed-is-not-secret", chosen: "how=encrypted", happened: 3, handler: notEncrypted},
	{slug: "signed-is-not-secret", chosen: "how=signed", happened: 1, handler: remembering(func(n int, key, value string) string { return fmt.Sprintf("id-%d", n) })},
	{slug: "signed-is-not-secret", chosen: "how=signed", happened: 2, handler: remembering(func(n int, key, value string) string {
		return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%d|%s|signature", n, base64.URLEncoding.EncodeToString([]byte(key))))
	})},
	{slug: "signed-is-not-secret", chosen: "how=encrypted", happened: 3, handler: remembering(func(n int, key, value string) string { // base64 alone
		return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%d|%s|signature", n, base64.URLEncoding.EncodeToString([]byte(value))))
	})},
	{slug: "change-one-letter", chosen: "edit=role", happened: 1, handler: believing},
	{slug: "change-one-letter", chosen: "edit=signature", happened: 1, handler: believing},
	{slug: "change-one-letter", chosen: "edit=letter", happened: 2, handler: passing(func(issued []string, sent string) (string, int) {
		if sent != issued[0] {
			return "", http.StatusBadRequest
		}
		return sent, 0
	})},
	{slug: "change-one-letter", chosen: "edit=role", happened: 0, handler: endingIt},
	{slug: "change-one-letter", chosen: "edit=letter", happened: 0, handler: passing(func([]string, string) (string, int) { return "", 0 })},
	{slug: "crack-a-weak-secret", chosen: "secret=strong", happened: 3, handler: believing},
	{slug: "crack-a-weak-secret", chosen: "secret=weak", happened: 0, handler: passing(func(issued []string, sent string) (string, int) { // a list of what was issued
		for _, c := range issued {
			if c == sent {
				return sent, 0
			}
		}
		return "", 0
	})},
	{slug: "rotate-the-secret", chosen: "keep=while&placement=hybrid", happened: 1, handler: byName},
	{slug: "rotate-the-secret", chosen: "keep=dropped&placement=server", happened: 1, handler: byName},
	{slug: "rotate-the-secret", chosen: "keep=while&placement=server", happened: 2, handler: losing},
	{slug: "replay-an-older-cookie", chosen: "placement=cookie", happened: 3, handler: passing(func(issued []string, sent string) (string, int) { // the last one alone
		if sent != issued[len(issued)-1] {
			return "", 0
		}
		return sent, 0
	})},
	{slug: "replay-an-older-cookie", chosen: "placement=hybrid", happened: 1, handler: passing(func(issued []string, sent string) (string, int) {
		return issued[len(issued)-1], 0 // of whatever was sent
	})},
	{slug: "replay-an-older-cookie", chosen: "placement=server", happened: 0, handler: passing(func(issued []string, sent string) (string, int) { return "", 0 })},
}

// notEncrypted is a server whose CookieStore was made without the second key.
func notEncrypted(http.Handler) http.Handler {
	store := sessions.NewCookieStore(bytes.Repeat([]byte("k"), 32))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, _ := store.Get(r, experiment.CookieName)
		*s.Options = sessions.Options{Path: "/", MaxAge: 60}
		if r.Method == "POST" {
			s.Values[r.PostFormValue("key")] = r.PostFormValue("value")
			_ = s.Save(r, w)
		}
		answerGet(w, s.Values["diary"])
	})
}

// answerGet answers as a /get is answered; nil is a missing value.
func answerGet(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"found": value != nil, "value": value})
}

// aside lets the real server see a request that was answered already: a private
// instance's client waits for what it shows of each.
func aside(h http.Handler, r *http.Request) { h.ServeHTTP(httptest.NewRecorder(), r) }

// remembering is a server that keeps each value under the cookie that write makes of it.
func remembering(write func(n int, key, value string) string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		var mu sync.Mutex
		values := make(map[string]string)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if r.Method == "POST" {
				cookie := write(len(values), r.PostFormValue("key"), r.PostFormValue("value"))
				values[cookie] = r.PostFormValue("value")
				http.SetCookie(w, &http.Cookie{Name: experiment.CookieName, Value: cookie})
			}
			var value any
			if c, err := r.Cookie(experiment.CookieName); err == nil && values[c.Value] != "" {
				value = values[c.Value]
			}
			answerGet(w, value)
			aside(h, r)
		})
	}
}

// believing is a server that reads its cookies and does not verify them.
func believing(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := r.Cookie(experiment.CookieName)
		if err != nil {
			h.ServeHTTP(w, r)
			return
		}
		var byJSON map[string]any
		var byGob map[any]any
		l, _ := session.Peel(c.Value)
		if e, ok := l.Envelope(); ok {
			_ = json.Unmarshal([]byte(e.Values), &byJSON)
			answerGet(w, byJSON[r.URL.Query().Get("key")])
			aside(h, r)
			return
		}
		_ = gob.NewDecoder(bytes.NewReader(payload(c.Value))).Decode(&byGob)
		answerGet(w, byGob[r.URL.Query().Get("key")])
	})
}

// endingIt is a server on which a cookie that nobody issued ends the session it names.
func endingIt(h http.Handler) http.Handler {
	issued := ""
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(experiment.CookieName); err == nil && c.Value != issued {
			out := httptest.NewRequest("POST", "http://"+r.Host+"/logout", nil)
			out.Header.Set("Cookie", experiment.CookieName+"="+issued)
			aside(h, out)
		}
		copied := &copying{ResponseWriter: w, status: http.StatusOK}
		h.ServeHTTP(copied, r)
		if value := (seen{setCookie: copied.sent}).sent(); value != "" {
			issued = value
		}
	})
}

// passing gives the server another cookie, or none, in the place of the one that
// was sent, or answers with a status: as f says of it and of what was issued.
func passing(f func(issued []string, sent string) (string, int)) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		var mu sync.Mutex
		var issued []string
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if c, err := r.Cookie(experiment.CookieName); err == nil {
				mu.Lock()
				value, status := f(issued, c.Value)
				mu.Unlock()
				if status != 0 {
					http.Error(w, "no", status)
					aside(h, r)
					return
				}
				r.Header.Del("Cookie")
				if value != "" {
					r.Header.Set("Cookie", experiment.CookieName+"="+value)
				}
			}
			copied := &copying{ResponseWriter: w, status: http.StatusOK}
			h.ServeHTTP(copied, r)
			if value := (seen{setCookie: copied.sent}).sent(); value != "" {
				mu.Lock()
				issued = append(issued, value)
				mu.Unlock()
			}
		})
	}
}

// byName is a server that takes a browser's word for who it is.
func byName(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/get" {
			name, _, _ := strings.Cut(r.UserAgent(), "'")
			answerGet(w, name)
			aside(h, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// losing is a server whose cookies get lost on the way, except those of a login.
func losing(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/login" {
			w = withoutCookie{w}
		}
		h.ServeHTTP(w, r)
	})
}

type withoutCookie struct{ http.ResponseWriter }

func (w withoutCookie) WriteHeader(status int) {
	w.Header().Del("Set-Cookie")
	w.ResponseWriter.WriteHeader(status)
}

func (w withoutCookie) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func TestForgery(t *testing.T)         { runCases(t, forgeryCases) }
func TestForgeryControls(t *testing.T) { runControls(t, forgeryControls) }
