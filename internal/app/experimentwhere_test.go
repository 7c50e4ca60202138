package app

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

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

// wallAt is the witness of "The 4096-byte wall": keeps bytes of text were written and
// read back; one more got status over, and was not.
func wallAt(keeps, over, largestCookie int) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		readBack, tooMuch := 0, 0
		for i, s := range all {
			switch n := len(s.form.Get("value")); {
			case s.form.Get("key") != "text":
			case n == keeps+1:
				if tooMuch++; s.status != over {
					t.Errorf("%d bytes: status %d, want %d", n, s.status, over)
				}
			case n > keeps && s.status < 400 && over >= 400:
				t.Errorf("%d bytes: status %d", n, s.status)
			case n <= keeps && s.status != http.StatusOK:
				t.Errorf("%d bytes: status %d", n, s.status)
			}
			if strings.HasPrefix(s.path, "/get") && s.answer["key"] == "text" {
				if n := len(s.value()); n > keeps {
					t.Errorf("%d bytes were read back", n)
				} else if n == keeps {
					readBack++
				}
			}
			if n := len(experiment.CookieName) + len(s.sent()); s.sent() != "" && n > largestCookie {
				t.Errorf("a cookie of %d bytes was sent", n)
			}
			if n := len(experiment.CookieName) + len(s.cookie); s.cookie != "" && n > 4096 {
				t.Errorf("request %d: a cookie of %d bytes came back", i+1, n)
			}
		}
		if readBack < 2 || tooMuch == 0 { // before the byte too many, and after it
			t.Errorf("%d bytes were read back %d times, and %d were tried %d times", keeps, readBack, keeps+1, tooMuch)
		}
	}
}

// userSeen is who an answer to GET /session knows, "" for nobody.
func userSeen(s seen) string {
	values, _ := s.answer["values"].([]any)
	for _, v := range values {
		if m, _ := v.(map[string]any); m["key"] == "user" {
			user, _ := m["value"].(string)
			return user
		}
	}
	return ""
}

// throughRestart is the witness of "Restart the server": who is known by each look at
// the session, and which one of all answers sets the cookie of later.
func throughRestart(known ...string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var looks []seen
		for _, s := range all {
			if s.path == "/session" {
				looks = append(looks, s)
				if s.cookie == "" || s.status != http.StatusOK {
					t.Errorf("look %d: cookie %q, status %d", len(looks), s.cookie, s.status)
				}
			}
		}
		if len(looks) != len(known) {
			t.Fatalf("%d looks at the session", len(looks))
		}
		for i, s := range looks {
			if got := userSeen(s); got != known[i] {
				t.Errorf("look %d: %q is logged in, want %q", i+1, got, known[i])
			}
		}
		if looks[0].cookie != looks[1].cookie || looks[0].cookie != looks[len(looks)-1].cookie {
			t.Error("it is not the cookie from before the restart that was sent after it, and at last")
		}
	}
}

// signedAnew is throughRestart, and the request whose answer replaces the cookie.
func signedAnew(path string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		throughRestart("Rahim", "Rahim", "Rahim", "")(t, all)
		for i, s := range all {
			if i > 1 && s.setCookie != "" { // after the login and the look before the restart
				if s.path != path {
					t.Errorf("%s %s set the first cookie after the restart", s.method, s.path)
				}
				return
			}
		}
		t.Error("no cookie was sent after the restart")
	}
}

// afterRestart is the witness of "Memory, SQLite, Redis": what the reads after the
// restart found, and whether a cookie that was logged out opens something.
func afterRestart(name, text, revived bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		found := make(map[string][]bool) // by client and key, in order
		for _, s := range all {
			if strings.HasPrefix(s.path, "/get") {
				key, _ := s.answer["key"].(string)
				if s.cookie == "" {
					t.Errorf("%s of %s carried no cookie", s.path, s.client)
				}
				found[s.client+" "+key] = append(found[s.client+" "+key], s.answer["found"] == true)
			}
		}
		want := map[string][]bool{"Rahim's browser name": {true, name}, "Rahim's browser text": {text}, "Lamia's browser user": {false, revived}}
		for k, w := range want {
			if got := found[k]; len(got) != len(w) || got[0] != w[0] || got[len(w)-1] != w[len(w)-1] {
				t.Errorf("%s: %v, want %v", k, got, w)
			}
		}
		first, last := all[0], all[len(all)-1]
		idOf := func(s seen) any { m, _ := s.answer["session"].(map[string]any); return m["id"] }
		if same := idOf(first) == idOf(last); same != name {
			t.Errorf("the session's ID was %v, and is %v", idOf(first), idOf(last))
		}
	}
}

// witnessed is the witness of "Three witnesses disagree": of the request after the
// deletion, whether it carried the cookie and found the value; and whether the last
// request has to do with the first session.
func witnessed(carried, found, back bool) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		if len(all) != 4 {
			t.Fatalf("%d requests", len(all))
		}
		issued, before, next, last := all[0].sent(), all[1], all[2], all[3]
		if issued == "" || before.cookie != issued || before.value() != "Rahim" {
			t.Fatal("the session was not there before anything was deleted")
		}
		if (next.cookie == issued) != carried || (next.value() == "Rahim") != found || next.setCookie != "" {
			t.Errorf("after the deletion: cookie %q, value %q, Set-Cookie %q", next.cookie, next.value(), next.setCookie)
		}
		id := func(s seen) any { m, _ := s.answer["session"].(map[string]any); return m["id"] }
		if got := id(last) == id(before); got != back {
			t.Errorf("at last it is the session of before: %v", got)
		}
	}
}

var (
	longText = strings.Repeat("Graz ", 60)
	braces   = "`{bad 1}` \"ü\" \\"
)

var whereCases = []experimentCase{
	{slug: "cookie-hybrid-server", chosen: "", happened: 3, says: []string{"there stood Rahim", `"name":"Rahim"`, "cookie and hybrid"}, witness: carriesValue("Rahim", true, true, false)},
	{slug: "cookie-hybrid-server", chosen: "value=", happened: 3, says: []string{"the empty text"}, witness: carriesValue("", true, true, false)},
	{slug: "cookie-hybrid-server", chosen: url.Values{"value": {braces}}.Encode(), happened: 3, says: []string{"ˋ{bad 1}ˋ"}, witness: carriesValue(braces, true, true, false)},
	{slug: "cookie-hybrid-server", chosen: url.Values{"value": {longText}}.Encode(), happened: 2, says: []string{"With placement hybrid and server it was not there"}, witness: carriesValue(longText, true, false, false)},

	{slug: "the-4096-byte-wall", chosen: "where=cookie", happened: 2, says: []string{"between 2,195 and 2,196", "would be 4,100 bytes"}, witness: wallAt(2195, 413, 4096)},
	{slug: "the-4096-byte-wall", chosen: "where=hybrid", happened: 4, says: []string{"between 65,534 and 65,535", "10,000 | 200", "value number 4"}, witness: wallAt(65534, 413, 172)},
	{slug: "the-4096-byte-wall", chosen: "where=server", happened: 4, says: []string{"between 65,534 and 65,535", "10,000 | 200", "would be 262,194 bytes"}, witness: wallAt(65534, 413, 148)},
	{slug: "the-4096-byte-wall", chosen: "where=gorilla-cookie", happened: 3, says: []string{"Lost without an error", "4,100 bytes", "the value is too long: 4104"}, witness: wallAt(2180, 200, 4108)},
	{slug: "the-4096-byte-wall", chosen: "where=gorilla-file", happened: 2, says: []string{"status 500", "the value is too long: 4104", "had 172 bytes"}, witness: wallAt(2189, 500, 172)},

	{slug: "restart", chosen: "placement=cookie&secret=same", happened: 1, says: []string{"keeps no record"}, witness: throughRestart("Rahim", "Rahim", "Rahim", "Rahim")},
	{slug: "restart", chosen: "placement=hybrid&secret=same", happened: 1, says: []string{"still in the store, as it was"}, witness: throughRestart("Rahim", "Rahim", "Rahim", "Rahim")},
	{slug: "restart", chosen: "placement=server&secret=same", happened: 1, says: []string{"still in the store, as it was"}, witness: throughRestart("Rahim", "Rahim", "Rahim", "Rahim")},
	{slug: "restart", chosen: "placement=cookie&secret=new", happened: 3, says: []string{"keeps no record", "logs Rahim in again"}, witness: throughRestart("Rahim", "", "Rahim")},
	{slug: "restart", chosen: "placement=hybrid&secret=new", happened: 3, says: []string{"still in the store, as it was", "sent | 2"}, witness: throughRestart("Rahim", "", "Rahim")},
	{slug: "restart", chosen: "placement=server&secret=new", happened: 3, says: []string{"still in the store, as it was", "sent | 2"}, witness: throughRestart("Rahim", "", "Rahim")},
	{slug: "restart", chosen: "placement=cookie&secret=both", happened: 4, says: []string{"2 of 2", "the first write"}, witness: signedAnew("/set")},
	{slug: "restart", chosen: "placement=hybrid&secret=both", happened: 4, says: []string{"2 of 2", "the first write"}, witness: signedAnew("/set")},
	{slug: "restart", chosen: "placement=server&secret=both", happened: 4, says: []string{"after the answer its cookie is signed by secret", "1 of 2 | sent", "the first read"}, witness: signedAnew("/session")},

	{slug: "stores-through-a-restart", chosen: "placement=cookie&store=memory", happened: 1, says: []string{"0 records before the restart and 0 after", "a logout was forgotten"}, witness: afterRestart(true, true, true)},
	{slug: "stores-through-a-restart", chosen: "placement=cookie&store=redis", happened: 1, says: []string{"came back from the browser"}, witness: afterRestart(true, true, false)},
	{slug: "stores-through-a-restart", chosen: "placement=cookie&store=sqlite", happened: 1, says: []string{"came back from the browser"}, witness: afterRestart(true, true, false)},
	{slug: "stores-through-a-restart", chosen: "placement=hybrid&store=memory", happened: 3, says: []string{"1 record before the restart and 0 after", "Not even the short value"}, witness: afterRestart(false, false, false)},
	{slug: "stores-through-a-restart", chosen: "placement=hybrid&store=redis", happened: 1, says: []string{"The store Redis", "1 record before the restart and 1 after"}, witness: afterRestart(true, true, false)},
	{slug: "stores-through-a-restart", chosen: "placement=hybrid&store=sqlite", happened: 1, says: []string{"The store SQLite", "1 record before the restart and 1 after"}, witness: afterRestart(true, true, false)},
	{slug: "stores-through-a-restart", chosen: "placement=server&store=memory", happened: 3, says: []string{"1 record before the restart and 0 after"}, witness: afterRestart(false, false, false)},
	{slug: "stores-through-a-restart", chosen: "placement=server&store=redis", happened: 1, says: []string{"1 record before the restart and 1 after"}, witness: afterRestart(true, true, false)},
	{slug: "stores-through-a-restart", chosen: "placement=server&store=sqlite", happened: 1, says: []string{"1 record before the restart and 1 after"}, witness: afterRestart(true, true, false)},

	{slug: "three-witnesses", chosen: "delete=cookie&placement=cookie", happened: 2, says: []string{"Nothing stays", "the whole session"}, witness: witnessed(false, false, true)},
	{slug: "three-witnesses", chosen: "delete=cookie&placement=hybrid", happened: 3, says: []string{"The record stays", "nothing | no Cookie header | a record"}, witness: witnessed(false, false, true)},
	{slug: "three-witnesses", chosen: "delete=cookie&placement=server", happened: 3, says: []string{"The record stays", "nothing | no Cookie header | a record"}, witness: witnessed(false, false, true)},
	{slug: "three-witnesses", chosen: "delete=record&placement=cookie", happened: 1, says: []string{"There was no record to delete"}, witness: witnessed(true, true, true)},
	{slug: "three-witnesses", chosen: "delete=record&placement=hybrid", happened: 3, says: []string{"is refused", "another session", "a cookie, 172 bytes | a cookie, 172 bytes | a record"}, witness: witnessed(true, false, false)},
	{slug: "three-witnesses", chosen: "delete=record&placement=server", happened: 3, says: []string{"is refused", "another session"}, witness: witnessed(true, false, false)},
}

// onSet is a server that does something else with POST /set.
func onSet(h http.Handler, f func(w http.ResponseWriter, r *http.Request, form url.Values)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/set" {
			h.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		f(w, r, form)
	})
}

// instead answers with JSON in h's place. h is asked for something harmless
// meanwhile: an exchange ends when the application has seen its request.
func instead(h http.Handler, w http.ResponseWriter, r *http.Request, answer any) {
	r = r.Clone(r.Context())
	r.Method, r.URL.Path, r.Body = http.MethodGet, "/keys", http.NoBody
	h.ServeHTTP(httptest.NewRecorder(), r)
	_ = json.NewEncoder(w).Encode(answer)
}

// forgetful is a store that is empty whenever its program starts.
func forgetful(b session.Backend) session.Backend {
	ctx := context.Background()
	var keys []session.Key
	for e, err := range b.All(ctx) {
		if err == nil {
			keys = append(keys, e.Key)
		}
	}
	for _, k := range keys {
		_ = b.Delete(ctx, k) // what stays is found by the run
	}
	return b
}

// keepsAll is a store that deletes nothing.
type keepsAll struct{ session.Backend }

func (keepsAll) Delete(context.Context, session.Key) error { return nil }

// adopting is a store that makes what it does not find.
type adopting struct{ session.Backend }

func (a adopting) Load(ctx context.Context, k session.Key) (session.Record, error) {
	now := time.Now().Truncate(time.Millisecond)
	// It fails for a key that is taken, as it should.
	_ = a.Create(ctx, k, session.Record{Created: now, Expires: now.Add(time.Hour), Data: `{"placement":"server","values":{}}`})
	return a.Backend.Load(ctx, k)
}

// unseen is a store that finds records where there are none, from the time on when
// as many were missing as spare says. A save makes them.
type unseen struct {
	session.Backend
	spare atomic.Int32
}

func (u *unseen) Load(ctx context.Context, k session.Key) (session.Record, error) {
	r, err := u.Backend.Load(ctx, k)
	if errors.Is(err, session.ErrNotFound) && u.spare.Add(-1) < 0 {
		now := time.Now().Truncate(time.Millisecond)
		return session.Record{Version: 1, Created: now, Expires: now.Add(time.Hour), Data: `{"placement":"server","values":{}}`}, nil
	}
	return r, err
}

func (u *unseen) Save(ctx context.Context, k session.Key, r session.Record) (uint64, error) {
	version, err := u.Backend.Save(ctx, k, r)
	if errors.Is(err, session.ErrNotFound) {
		return r.Version, u.Create(ctx, k, r)
	}
	return version, err
}

// missedOnce finds nothing at the first look, as a read after the deletion takes it.
func missedOnce(b session.Backend) session.Backend {
	u := &unseen{Backend: b}
	u.spare.Store(1)
	return u
}

// halved is a store whose records have lost their values.
type halved struct{ session.Backend }

func (h halved) Load(ctx context.Context, k session.Key) (session.Record, error) {
	r, err := h.Backend.Load(ctx, k)
	if err == nil && !r.Marker {
		r.Data = `{"placement":"hybrid","values":{}}`
	}
	return r, err
}

var whereControls = []control{
	{slug: "cookie-hybrid-server", happened: 4, handler: func(h http.Handler) http.Handler { // all goes to the cookie, whatever was set up
		return onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) {
			form.Set("placement", "cookie")
			body := form.Encode()
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			h.ServeHTTP(w, r)
		})
	}},
	{slug: "cookie-hybrid-server", happened: 0, handler: func(h http.Handler) http.Handler { // nothing is saved
		return onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) { instead(h, w, r, nil) })
	}},
	{slug: "the-4096-byte-wall", chosen: "where=server", happened: 3, handler: func(h http.Handler) http.Handler { // what is large is dropped in silence
		return onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) {
			if len(form.Get("value")) > 3000 {
				instead(h, w, r, nil)
				return
			}
			h.ServeHTTP(w, r)
		})
	}},
	{slug: "the-4096-byte-wall", chosen: "where=server", happened: 1, handler: func(h http.Handler) http.Handler { // no limit
		var kept sync.Map
		set := onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) {
			kept.Store(form.Get("key"), form.Get("value"))
			instead(h, w, r, nil)
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/get" {
				set.ServeHTTP(w, r)
				return
			}
			value, found := kept.Load(r.URL.Query().Get("key"))
			instead(h, w, r, map[string]any{"found": found, "value": value})
		})
	}},
	{slug: "the-4096-byte-wall", chosen: "where=cookie", happened: 0, handler: func(h http.Handler) http.Handler { // a refusal ends the session
		var ended sync.Map // by its cookie
		set := onSet(h, func(w http.ResponseWriter, r *http.Request, form url.Values) {
			if len(form.Get("value")) > 2195 {
				ended.Store(r.Header.Get("Cookie"), true)
			} else {
				ended.Delete(r.Header.Get("Cookie"))
			}
			h.ServeHTTP(w, r)
		})
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, is := ended.Load(r.Header.Get("Cookie")); is && r.URL.Path == "/get" {
				r.Header.Del("Cookie")
			}
			set.ServeHTTP(w, r)
		})
	}},
	{slug: "restart", chosen: "placement=hybrid&secret=same", happened: 2, store: forgetful},
	{slug: "restart", chosen: "placement=server&secret=new", happened: 2, store: forgetful},
	{slug: "restart", chosen: "placement=server&secret=both", happened: 0, handler: func(h http.Handler) http.Handler { // no cookie is ever replaced
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie") != "" {
				w = &noCookie{ResponseWriter: w}
			}
			h.ServeHTTP(w, r)
		})
	}},
	{slug: "stores-through-a-restart", chosen: "placement=hybrid&store=sqlite", happened: 3, store: forgetful},
	{slug: "stores-through-a-restart", chosen: "placement=hybrid&store=sqlite", happened: 2, store: func(b session.Backend) session.Backend {
		if st, err := b.Stats(context.Background()); err != nil || st.Live == 0 { // the first start
			return b
		}
		return halved{b}
	}},
	{slug: "three-witnesses", chosen: "delete=record&placement=server", happened: 0, store: func(b session.Backend) session.Backend { return keepsAll{b} }},
	{slug: "three-witnesses", chosen: "delete=record&placement=hybrid", happened: 0, store: func(b session.Backend) session.Backend { return adopting{b} }},
	{slug: "three-witnesses", chosen: "delete=record&placement=server", happened: 0, store: func(b session.Backend) session.Backend { return &unseen{Backend: b} }},
	{slug: "three-witnesses", chosen: "delete=record&placement=hybrid", happened: 0, store: missedOnce},
	{slug: "three-witnesses", chosen: "delete=cookie&placement=server", happened: 1, handler: func(h http.Handler) http.Handler { // it knows its visitors by something else
		var last string
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Cookie") == "" && last != "" {
				r.Header.Set("Cookie", last)
			}
			h.ServeHTTP(w, r)
			if c, err := http.ParseSetCookie(w.Header().Get("Set-Cookie")); err == nil {
				last = c.Name + "=" + c.Value
			}
		})
	}},
}

// noCookie is a ResponseWriter that sets none.
type noCookie struct{ http.ResponseWriter }

func (n *noCookie) WriteHeader(status int) {
	n.Header().Del("Set-Cookie")
	n.ResponseWriter.WriteHeader(status)
}

func (n *noCookie) Write(p []byte) (int, error) {
	n.Header().Del("Set-Cookie")
	return n.ResponseWriter.Write(p)
}

func (n *noCookie) Unwrap() http.ResponseWriter { return n.ResponseWriter }

func TestWhere(t *testing.T)         { runCases(t, whereCases) }
func TestWhereControls(t *testing.T) { runControls(t, whereControls) }
