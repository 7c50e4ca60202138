package session_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/session"
)

// gorilla runs a handler written in gorilla's idiom and keeps the cookie.
func (b *browser) gorilla(handle func(gs *sessions.Session, save func() error)) *httptest.ResponseRecorder {
	b.t.Helper()
	st := session.Store{Engine: b.e.Engine}
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "sessionscope", Value: b.cookie})
	}
	gs, err := st.Get(r, "sessionscope")
	must(b.t, err)
	handle(gs, func() error { return gs.Save(r, w) })
	if cookies := w.Result().Cookies(); len(cookies) > 1 {
		b.t.Fatalf("%d Set-Cookie headers", len(cookies))
	} else if len(cookies) == 1 {
		b.cookie = cookies[0].Value
	}
	return w
}

// If it failed, code in gorilla's idiom would lose values or flash messages, or save when
// nothing changed.
func TestGorillaIdiom(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		e := newEngine(t, func(c *session.Config) { c.Placement = p })
		b := e.browser(t)
		b.gorilla(func(gs *sessions.Session, save func() error) {
			if !gs.IsNew || gs.ID != "" || len(gs.Values) != 0 {
				t.Errorf("a new session is %+v", gs)
			}
			must(t, save()) // nothing to save: nothing is born
		})
		if b.cookie != "" {
			t.Fatal("saving nothing set a cookie")
		}
		b.gorilla(func(gs *sessions.Session, save func() error) {
			gs.Values["name"] = "Rahim"
			must(t, save())
			gs.Values["n"] = 7
			gs.Values["list"] = []any{"a", map[string]any{"b": true}}
			gs.AddFlash("hello")
			must(t, save()) // a second save replaces the first's cookie
		})
		b.gorilla(func(gs *sessions.Session, save func() error) {
			want := map[any]any{
				"name": "Rahim", "n": json.Number("7"),
				"list": []any{"a", map[string]any{"b": true}}, "_flash": []any{"hello"},
			}
			if diff := cmp.Diff(want, gs.Values); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			if got := gs.Flashes(); len(got) != 1 || got[0] != "hello" || gs.IsNew {
				t.Errorf("flashes %v, new %v", got, gs.IsNew)
			}
			gs.Values["list"].([]any)[1].(map[string]any)["b"] = false // inside a nested value
			delete(gs.Values, "n")
			must(t, save())
		})
		b.wantKeys("list", "name") // the flash was read once
		if v, _ := b.do(nil).Get("list"); v != `["a",{"b":false}]` {
			t.Errorf("list is %s", v)
		}

		w := b.gorilla(func(gs *sessions.Session, save func() error) {
			time.Sleep(1500 * time.Millisecond) // that time passes is no change
			must(t, save())
		})
		if got := w.Header()["Set-Cookie"]; len(got) != 0 {
			t.Errorf("saving no change sent %v", got)
		}
	})
}

// If it failed, a login in gorilla's idiom would keep the old ID, or lose the data.
func TestGorillaEmptyIDAsksForANewOne(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		b := newEngine(t, func(c *session.Config) { c.Placement = p }).browser(t)
		id := b.set("name", "Rahim").ID()
		b.gorilla(func(gs *sessions.Session, save func() error) {
			gs.ID = ""
			must(t, save())
			if gs.ID == "" || gs.ID == id {
				t.Errorf("after ID = \"\" the ID is %q, before %q", gs.ID, id)
			}
		})
		b.wantKeys("name")
	})
}

// If it failed, Options.MaxAge would not be what gorilla's own stores make of it.
func TestGorillaMaxAge(t *testing.T) {
	eachPlacement(t, func(t *testing.T, p session.Placement) {
		b := newEngine(t, func(c *session.Config) { c.Placement = p }).browser(t)
		b.set("name", "Rahim")
		w := b.saveMaxAge(60)
		if got := maxAgeOf(t, w); got != 60 {
			t.Errorf("Max-Age %d, want 60", got)
		}
		w = b.saveMaxAge(0)
		if got := maxAgeOf(t, w); got != 0 || !b.do(nil).Info().BrowserClose {
			t.Errorf("Max-Age %d, want none", got)
		}
		kept := b.cookie
		w = b.saveMaxAge(-1)
		if got := w.Result().Cookies()[0]; got.MaxAge != -1 || got.Value != "" {
			t.Errorf("flush sends %+v", got)
		}
		b.cookie = kept
		b.wantKeys()
	})
}

// If it failed, a key or value that a session cannot have would be dropped silently or saved
// in part, or code could choose an ID.
func TestGorillaErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEngine(t, nil)
		b := e.browser(t)
		b.set("name", "Rahim")
		for name, change := range map[string]func(gs *sessions.Session){
			"a key that is no string":  func(gs *sessions.Session) { gs.Values[7] = "x" },
			"a value that is not JSON": func(gs *sessions.Session) { gs.Values["f"] = func() {} },
			"an impossible key":        func(gs *sessions.Session) { gs.Values[""] = "x" },
			"an invalid text":          func(gs *sessions.Session) { gs.Values["a\xff"] = "x" },
		} {
			w := b.gorilla(func(gs *sessions.Session, save func() error) {
				gs.Values["good"] = "too" // all or nothing
				change(gs)
				input := (*session.InputError)(nil)
				if err := save(); !errors.As(err, &input) {
					t.Errorf("%s: %v, want an InputError", name, err)
				}
			})
			if len(w.Header()["Set-Cookie"]) != 0 {
				t.Errorf("%s: a cookie was sent", name)
			}
			b.wantKeys("name")
		}
		b.gorilla(func(gs *sessions.Session, save func() error) {
			gs.ID = "chosen"
			if err := save(); err == nil {
				t.Error("an ID was chosen")
			}
		})
		st := session.Store{Engine: e.Engine}
		if gs, err := st.Get(httptest.NewRequest("GET", "/", nil), "other"); err == nil || gs == nil {
			t.Errorf("another cookie's name gives %v, %v; want a session and an error", gs, err)
		}
		down := session.Store{Engine: newEngine(t, func(c *session.Config) { c.Backend = failing{e.backend} }).Engine}
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "sessionscope", Value: b.cookie})
		store := (*session.StoreError)(nil)
		if gs, err := down.Get(r, "sessionscope"); !errors.As(err, &store) || gs == nil {
			t.Errorf("a store that is down gives %v, %v; want a session and a StoreError", gs, err)
		}
	})
}

// If it failed, a request that uses both idioms would have two sessions, and one would
// overwrite the other.
func TestGorillaAndEngineShareASession(t *testing.T) {
	e := newEngine(t, nil)
	st := session.Store{Engine: e.Engine}
	r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
	gs, err := st.Get(r, "sessionscope")
	must(t, err)
	gs.Values["a"] = "1"
	must(t, gs.Save(r, w))
	s, err := e.Load(r)
	must(t, err)
	if v, _ := s.Get("a"); v != `"1"` {
		t.Errorf("the engine's session has %q", v)
	}
}
