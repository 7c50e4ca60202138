package shelf_test

import (
	"bytes"
	"encoding/base64"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var signedIsNotSecret = proof{
	slug: "signed-is-not-secret",
	cases: []testCase{
		{chosen: "how=signed", happened: "readable", says: []string{"I like Nina", "2 layers", "worth nothing"}, witness: storedBothWays("I like Nina", true)},
		{chosen: "how=gorilla", happened: "readable", says: []string{"I like Nina", "2 layers", "gob"}, witness: storedBothWays("I like Nina", true)},
		{chosen: "how=encrypted", happened: "unreadable", says: []string{"Not read", "gave the text away"}, witness: storedBothWays("I like Nina", false)},
		{chosen: choosing("how", "signed", "secret", "Ärger `mit` {Ö}"), happened: "readable", says: []string{"Ärger ˋmitˋ {Ö}"}, witness: storedBothWays("Ärger `mit` {Ö}", true)},
		{chosen: choosing("how", "signed", "secret", `"x\"<script>|`), happened: "readable", witness: storedBothWays(`"x\"<script>|`, true)},
		{chosen: choosing("how", "gorilla", "secret", "A"), happened: "readable", says: []string{"too short to tell"}, witness: storedBothWays("A", true)},
		{chosen: choosing("how", "encrypted", "secret", "A"), happened: "unreadable", witness: storedBothWays("A", false)},
		{chosen: choosing("how", "encrypted", "secret", "diary"), happened: "unreadable", witness: storedBothWays("diary", false)},
		{chosen: choosing("how", "encrypted", "secret", stamp[:4]), happened: "unreadable", says: []string{"| by chance"}, witness: storedBothWays(stamp[:4], false)},
		{chosen: choosing("how", "encrypted", "secret", base64.URLEncoding.EncodeToString([]byte(stamp[:3]))), happened: "unreadable", says: []string{"| by chance"}, witness: storedBothWays(base64.URLEncoding.EncodeToString([]byte(stamp[:3])), false)},
		{chosen: choosing("how", "signed", "secret", stamp[:4]), happened: "readable", says: []string{"2 layers", "| by chance"}, witness: storedBothWays(stamp[:4], true)},
		{chosen: choosing("how", "signed", "secret", strings.Repeat("界", 20)), happened: "readable", witness: storedBothWays(strings.Repeat("界", 20), true)},
		{chosen: choosing("how", "signed", "secret", ""), says: []string{"you wrote no text"}, witness: func(t *testing.T, all []seen) {
			for _, s := range all {
				if s.setCookie != "" {
					t.Errorf("%s set a cookie", s.path)
				}
			}
		}},
	},
	controls: []control{
		{chosen: "how=encrypted", happened: "readable", handler: notEncrypted},
		{chosen: "how=signed", happened: "unreadable", handler: remembering(func(n int, key, value string) string { return fmt.Sprintf("id-%d", n) })},
		{chosen: "how=signed", happened: "names-only", handler: remembering(func(n int, key, value string) string {
			return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%d|%s|signature", n, base64.URLEncoding.EncodeToString([]byte(key))))
		})},
		{chosen: "how=encrypted", happened: "readable", handler: remembering(func(n int, key, value string) string { // base64 and no encryption
			return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%d|%s|signature", n, base64.URLEncoding.EncodeToString([]byte(value))))
		})},
	},
}

func TestSignedIsNotSecret(t *testing.T) { signedIsNotSecret.run(t) }

// stamp is the time of signing of a cookie from now. Its first digits last.
var stamp = fmt.Sprint(time.Now().Unix())

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
