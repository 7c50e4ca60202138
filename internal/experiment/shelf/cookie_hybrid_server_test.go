package shelf_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

var cookieHybridServer = proof{
	slug: "cookie-hybrid-server",
	cases: []testCase{
		{chosen: "", happened: "cookie-and-hybrid", says: []string{"there stood Rahim", `"name":"Rahim"`, "cookie and hybrid"}, witness: carriesValue("Rahim", true, true, false)},
		{chosen: "value=", happened: "cookie-and-hybrid", says: []string{"the empty text"}, witness: carriesValue("", true, true, false)},
		{chosen: url.Values{"value": {braces}}.Encode(), happened: "cookie-and-hybrid", says: []string{"ˋ{bad 1}ˋ"}, witness: carriesValue(braces, true, true, false)},
		{chosen: url.Values{"value": {longText}}.Encode(), happened: "cookie-only", says: []string{"With placement hybrid and server the value was not there"}, witness: carriesValue(longText, true, false, false)},
	},
	controls: []control{
		{happened: "everywhere", handler: placing("cookie")},
		{happened: "nowhere", handler: placing("server")},
		{happened: experiment.None, handler: func(h http.Handler) http.Handler { // nothing is saved
			return onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) { instead(h, w, r, nil) })
		}},
	},
}

func TestCookieHybridServer(t *testing.T) { cookieHybridServer.run(t) }

// placing is a server that puts each value into that place, whatever was set up.
func placing(where string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		return onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) {
			form.Set("placement", where)
			resetForm(r, form)
			h.ServeHTTP(w, r)
		})
	}
}

// peeledByHand takes both layers of base64 off a cookie's value, without a key.
func peeledByHand(cookie string) string {
	outer, _ := base64.URLEncoding.DecodeString(cookie)
	if parts := bytes.SplitN(outer, []byte("|"), 3); len(parts) == 3 {
		inner, _ := base64.URLEncoding.DecodeString(string(parts[1]))
		return string(inner)
	}
	return ""
}

// carriesValue is the witness of "Cookie, hybrid, server": it looks for the value in
// the cookie of each read.
func carriesValue(value string, cookie, hybrid, server bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 12 {
			t.Fatalf("%d requests", len(all))
		}
		written, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{cookie, hybrid, server} {
			read, sets := all[4*i+2], 0
			if got := strings.Contains(peeledByHand(read.cookie), string(written)); got != want {
				t.Errorf("placement %d: the value is in the cookie: %v", i, got)
			}
			if read.value() != value || len(all[4*i+3].value()) != 600 {
				t.Errorf("placement %d: %q and %d bytes were read back", i, read.value(), len(all[4*i+3].value()))
			}
			for _, s := range all[4*i : 4*i+4] {
				if s.setCookie != "" {
					sets++
				}
			}
			if want := []int{2, 2, 1}[i]; sets != want {
				t.Errorf("placement %d: %d answers with Set-Cookie", i, sets)
			}
		}
	}
}

var (
	longText = strings.Repeat("Graz ", 60)
	braces   = "`{bad 1}` \"ü\" \\"
)
