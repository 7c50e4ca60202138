package shelf_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

var aStolenCookie = proof{
	slug: "a-stolen-cookie",
	cases: []testCase{
		{chosen: "guard=cookie", happened: "read-and-pay", says: []string{"a balance of 100, and then Rahim read one of 60", "still read the account (status 200)", "(status 401)"},
			witness: robbed([]int{200}, []float64{100, 60, 55})},
		{chosen: "guard=password", happened: "read-only", says: []string{"answered with status 403, and Rahim's balance stayed 100", "still read the account (status 200)", "(status 401)"},
			witness: robbed([]int{403, 403}, []float64{100, 100, 95})},
	},
	controls: []control{
		// A server that takes a cookie from one browser only.
		{chosen: "guard=cookie", happened: "nothing", handler: rewriting(func(r *http.Request) {
			if strings.HasPrefix(r.UserAgent(), "The thief") {
				r.Header.Del("Cookie")
			}
		})},
		// A server whose question for the password answers itself.
		{chosen: "guard=password", happened: "read-and-pay", handler: func(h http.Handler) http.Handler {
			var password string
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				form, _ := url.ParseQuery(string(body))
				switch r.URL.Path {
				case "/login":
					password = form.Get("password")
				case "/transfer":
					form.Set("password", password)
					resetForm(r, form)
				}
				h.ServeHTTP(w, r)
			})
		}},
	},
}

func TestAStolenCookie(t *testing.T) { aStolenCookie.run(t) }

// robbed asserts what the copy of a cookie could do: pay says the status of each try.
func robbed(pay []int, balances []float64) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var paid, looked []int
		var own []float64
		stolen, cycled := "", ""
		for _, s := range all {
			if s.client != all[0].client { // the thief
				if s.cookie != stolen || s.form.Get("password") == all[0].form.Get("password") {
					t.Errorf("the thief sent the cookie %q and the password %q", s.cookie, s.form.Get("password"))
				}
				if s.path == "/transfer" {
					paid = append(paid, s.status)
				} else {
					looked = append(looked, s.status)
				}
				continue
			}
			switch {
			case s.path == "/login":
				stolen = s.sent()
			case s.path == "/me":
				n, _ := s.answer["balance"].(float64)
				own = append(own, n)
			case s.path == "/password" && s.form.Get("new-id") != "":
				cycled = s.sent()
			case s.path == "/password" && s.setCookie != "":
				t.Errorf("a new password by itself sets %q", s.setCookie)
			}
			if s.status != 200 {
				t.Errorf("%s %s of the owner was answered %d", s.method, s.path, s.status)
			}
		}
		if fmt.Sprint(paid, looked, own) != fmt.Sprint(pay, []int{200, 200, 401}, balances) {
			t.Errorf("the thief paid %v and looked %v; the owner read %v; want %v, %v", paid, looked, own, pay, balances)
		}
		if stolen == "" || cycled == "" || namedIn(stolen) == namedIn(cycled) {
			t.Errorf("the ID was %q and is %q", namedIn(stolen), namedIn(cycled))
		}
	}
}
