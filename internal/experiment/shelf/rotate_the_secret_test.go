package shelf_test

import (
	"net/http"
	"strings"
	"testing"
)

var rotateTheSecret = proof{
	slug: "rotate-the-secret",
	cases: []testCase{
		{chosen: "keep=while&placement=hybrid", happened: "writer", says: []string{"Only Aisha", "Rahim read, and got no new cookie", "Both stayed logged in", "2 of 2"}, witness: rotated(false)},
		{chosen: "keep=while&placement=cookie", happened: "writer", says: []string{"Only Aisha", "Rahim read, and got no new cookie", "Both stayed logged in", "2 of 2"}, witness: rotated(false)},
		{chosen: "keep=while&placement=server", happened: "visitors", says: []string{"Aisha and Rahim", "Rahim read, and got a new cookie", "Both stayed logged in"}, witness: rotated(true)},
		{chosen: "keep=dropped&placement=hybrid", happened: "nobody", says: []string{"Nobody", "\nAisha | yes", "still holds 3 sessions"}, witness: dropped},
		{chosen: "keep=dropped&placement=cookie", happened: "nobody", says: []string{"Nobody"}, witness: dropped},
		{chosen: "keep=dropped&placement=server", happened: "nobody", says: []string{"Nobody", "still holds 3 sessions"}, witness: dropped},
	},
	controls: []control{
		{chosen: "keep=while&placement=hybrid", happened: "all-three", handler: byName},
		{chosen: "keep=dropped&placement=server", happened: "all-three", handler: byName},
		{chosen: "keep=while&placement=server", happened: "nobody", handler: losing},
	},
}

func TestRotateTheSecret(t *testing.T) { rotateTheSecret.run(t) }

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

// losing is a server whose cookies get lost on the way, except the cookie of a login.
func losing(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/login" {
			w = &noCookie{w}
		}
		h.ServeHTTP(w, r)
	})
}
