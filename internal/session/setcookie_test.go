package session

import "testing"

// If it failed, the Set-Cookie line that the engine writes by itself would differ from
// net/http's.
func TestSetCookieLineIsAsNetHTTPWritesIt(t *testing.T) {
	for _, cfg := range []Config{
		{CookieName: "sessionscope"},
		{CookieName: "__Host-sessionscope", Secure: true},
		{CookieName: "sessionscope~ada", CookiePath: "/s/ada-x/"},
	} {
		cfg.Backend, cfg.Secrets = struct{ Backend }{}, [][]byte{make([]byte, MinSecretBytes)}
		e, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		for _, age := range []int{-1, 0, 1, 28800} {
			for _, value := range []string{"", "TWFu_-=="} {
				c := e.header(value, age)
				if got, want := e.line(c), c.String(); got != want {
					t.Errorf("%q, want %q", got, want)
				}
			}
		}
	}
}
