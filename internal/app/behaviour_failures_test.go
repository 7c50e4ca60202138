package app

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sessionscope/sessionscope/internal/session"
)

func settleCommit(w *world) {
	for _, test := range []struct {
		target string
		status int
		saved  bool
	}{
		{"/test/no-body", 200, true}, {"/test/404", 404, true}, {"/test/twice", 200, true},
		{"/test/500", 500, false}, {"/test/error", 500, false}, {"/set", 500, false}, {"/test/late", 200, false}, {"/test/refuse", 422, false},
	} {
		for _, exists := range []bool{false, true} {
			w.start(0, nil)
			b := w.browser()
			want := []string{}
			if exists {
				b = w.born()
				want = append(want, "big", "name")
			}
			kept := b.cookie()
			a := b.post(test.target, "key", "staged", "value", "x", "fail", "500").want(test.status)
			if test.saved {
				want = append(want, "staged")
				if test.target == "/test/twice" {
					want = slices.Sorted(slices.Values(append(want, "more")))
				}
			} else if a.Header.Get("Set-Cookie") != "" || b.cookie() != kept {
				w.Errorf("%s sent a cookie", test.target)
			}
			if got := len(a.Header["Set-Cookie"]); !exists && test.saved && got != 1 {
				w.Errorf("%s sent %d cookies", test.target, got)
			}
			w.wantKeys(b, want...)
		}
	}
}

func limits(w *world) {
	w.start(0, nil)
	b := w.browser()
	b.post("/set", "key", "name", "value", "Rahim").want(200)
	type limit struct {
		limit string
		max   float64
		key   string
	}
	refused := func(want limit, pairs ...string) {
		w.Helper()
		p := w.quiet(b, "POST", "/set", pairs...).want(413).json()
		if p["limit"] != want.limit || p["max"] != want.max || p["key"] != want.key || p["size"].(float64) <= want.max {
			w.Errorf("problem %v, want %+v", p, want)
		}
	}
	refused(limit{"value", 65536, "v"}, "key", "v", "value", strings.Repeat("x", 65535))
	w.quiet(b, "POST", "/set", "key", strings.Repeat("k", 129), "value", "1").want(422, "at most 128")
	if w.placement == "cookie" {
		refused(limit{"cookie", 4096, "v"}, "key", "v", "value", strings.Repeat("x", 2300))
		w.wantKeys(b, "name")
		return
	}
	b.post("/set", "key", strings.Repeat("k", 128), "value", strings.Repeat("x", 65534)).want(200)
	b.post("/delete", "key", strings.Repeat("k", 128)).want(200)
	for n := range 3 {
		b.post("/set", "key", fmt.Sprint("v", n), "value", strings.Repeat("x", 65534)).want(200)
	}
	refused(limit{"session", 262144, "v3"}, "key", "v3", "value", strings.Repeat("x", 65534))
	w.wantKeys(b, "name", "v0", "v1", "v2")
	b = w.browser()
	keys := []string{}
	for n := range 256 {
		keys = append(keys, fmt.Sprintf("k%03d", n))
		b.post("/set", "key", keys[n], "value", "1").want(200)
	}
	refused(limit{"keys", 256, "one more"}, "key", "one more", "value", "1")
	w.wantKeys(b, keys...)
	if n := len(cookieName) + len(b.cookie()); n > 4096 {
		w.Errorf("a cookie of %d bytes", n)
	}
}

func fullStore(w *world) {
	w.start(1, nil)
	b, late := w.born(), w.browser()
	if a := late.post("/set", "key", "a", "value", "1").want(507); a.Header.Get("Retry-After") == "" || late.cookie() != "" {
		w.Errorf("headers %v", a.Header)
	}
	b.post("/set", "key", "more", "value", "x").want(200)
	b.post("/login", "user", "ada").want(200)
	inCookie := w.browser() // needs no record, and its logout a marker only
	inCookie.post("/set", "key", "a", "value", "1", "placement", "cookie").want(200)
	old := w.holding(inCookie.cookie())
	for _, placement := range []string{"hybrid", "server"} { // a record of its own would be one too many
		if a := inCookie.post("/placement", "placement", placement).want(507); a.Header.Get("Set-Cookie") != "" {
			w.Error("a move that was refused sent a cookie")
		}
	}
	w.wantKeys(inCookie, "a")
	inCookie.post("/logout").want(200)
	w.wantKeys(old)
	w.wantKeys(b, "big", "more", "name", "user")
	b.post("/logout").want(200)
	late.post("/set", "key", "a", "value", "1").want(200)
}

func corrupt(w *world) {
	w.start(0, nil)
	for _, data := range []string{`{"placement":"hybrid","values":[]}`, `{"values":{}}`, `null`, `{"placement":"cookie","values":{}}`} {
		b := w.born()
		lost := id(b.get("/keys"))
		for e, err := range w.backend.All(w.Context()) {
			if err != nil {
				w.Fatal(err)
			}
			if e.Key.Name().String() == lost {
				e.Data = data
				if _, err := w.backend.Save(w.Context(), e.Key, e.Record); err != nil {
					w.Fatal(err)
				}
			}
		}
		warnings := func() int { return strings.Count(w.log.String(), `level=WARN msg="a session record is corrupt`) }
		before := warnings()
		b.get("/keys").want(200, `"keys":[]`)
		if n := warnings() - before; n != 1 {
			w.Errorf("%s: %d warnings, want 1", data, n)
		}
		if id(b.post("/set", "key", "a", "value", "1").want(200)) == lost {
			w.Errorf("%s: the corrupt record's ID is used again", data)
		}
		w.wantKeys(b, "a")
	}
}

func outage(w *world) {
	w.start(0, nil)
	b := w.born()
	kept := b.cookie()
	w.hook = func(context.Context, string) (before, after error) { return errDown, nil }
	for _, step := range [][]string{
		{"/set", "key", "a", "value", "1"}, {"/flush"}, {"/logout"}, {"/cycle-id"}, {"/delete", "key", "name"}, {"/clear"},
		{"/expiry", "seconds", "5"}, {"/placement", "placement", "server"}, {"/clear-expired"},
	} {
		a := b.post(step[0], step[1:]...).want(503)
		if a.Header.Get("Retry-After") == "" || a.Header.Get("Set-Cookie") != "" || strings.Contains(a.body, errDown.Error()) {
			w.Errorf("%s: headers %v, %s", step[0], a.Header, a.body)
		}
	}
	for _, target := range []string{"/", "/keys", "/session", "/get?key=name", "/healthz"} {
		if a := b.get(target).want(503); a.Header.Get("Retry-After") == "" || a.Header.Get("Set-Cookie") != "" {
			w.Errorf("%s: headers %v", target, a.Header)
		}
	}
	w.hook = nil
	if b.cookie() != kept {
		w.Error("the outage changed the cookie")
	}
	w.wantKeys(b, "big", "name")
}

func idStaysInCookie(w *world) {
	w.start(0, nil)
	b := w.browser()
	var seen strings.Builder
	look := func(a answer) answer { seen.WriteString(a.body); return a }
	look(b.post("/set", "key", "name", "value", "Rahim"))
	look(b.post("/set", "key", "big", "value", large))
	look(b.post("/cycle-id"))
	look(b.get("/session"))
	look(b.get("/"))
	look(b.post("/set", "key", "a", "value", "1", "fail", "500"))
	s, err := w.app.seats.Root.Engine.Load(b.request("GET", "/", ""))
	if err != nil {
		w.Fatal(err)
	}
	secret := s.Info().Cookie.Envelope().ID
	for e, err := range w.backend.All(w.Context()) {
		fmt.Fprintf(&seen, "%v %+v", err, e)
	}
	all := seen.String() + w.log.String()
	if len(secret) != 26 || strings.Contains(all, secret) {
		w.Errorf("the ID %q is seen outside the cookie", secret)
	}
	if !strings.Contains(all, session.KeyOf(secret).Name().String()) {
		w.Error("the control: its short name is not seen either")
	}
	b.form = formPage // on the page of the browser that sent it, and no other's
	b.get("/").want(200, secret)
	other := w.born()
	other.form = formPage
	other.get("/").want(200).wantNo(secret)
}

func secretsRotate(w *world) {
	w.start(0, nil)
	b := w.born()
	old := []byte("a secret of at least 32 bytes, for tests only")
	fresh := []byte(strings.Repeat("a fresh secret ", 3))
	rotate := func(secrets ...[]byte) {
		if err := w.app.SetSecrets(secrets); err != nil {
			w.Fatal(err)
		}
	}
	rotate(fresh, old)
	carries := w.placement != "server"
	a := b.get("/keys").want(200, `"big","name"`)
	if got := a.Header.Get("Set-Cookie") != ""; got == carries { // a late answer to a read must not undo newer values
		w.Errorf("a read re-signed: %v", got)
	}
	b.post("/set", "key", "more", "value", "x").want(200)
	rotate(fresh)
	w.wantKeys(b, "big", "more", "name")
	rotate([]byte(strings.Repeat("another secret ", 3))) // the control
	w.wantKeys(b)
}
