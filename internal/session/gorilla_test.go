package session_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
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
		id := ""
		b.gorilla(func(gs *sessions.Session, save func() error) {
			id = gs.ID
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
			time.Sleep(1500 * time.Millisecond) // time passing alone is no change
			must(t, save())
		})
		if got := w.Header()["Set-Cookie"]; len(got) != 0 {
			t.Errorf("saving no change sent %v", got)
		}

		b.gorilla(func(gs *sessions.Session, save func() error) {
			gs.ID = ""
			must(t, save())
			if gs.ID == "" || gs.ID == id {
				t.Errorf("after ID = \"\" the ID is %q, before %q", gs.ID, id)
			}
		})
		b.wantKeys("list", "name")

		w = b.gorilla(func(gs *sessions.Session, save func() error) {
			gs.Options.MaxAge = 60
			must(t, save())
		})
		if got := w.Result().Cookies()[0].MaxAge; got != 60 {
			t.Errorf("Max-Age %d, want 60", got)
		}
		w = b.gorilla(func(gs *sessions.Session, save func() error) {
			gs.Options.MaxAge = 0
			must(t, save())
		})
		if got := w.Result().Cookies()[0].MaxAge; got != 0 || !b.do(nil).Info().BrowserClose {
			t.Errorf("Max-Age %d, want none", got)
		}
		kept := b.cookie
		w = b.gorilla(func(gs *sessions.Session, save func() error) {
			gs.Options.MaxAge = -1
			must(t, save())
		})
		if got := w.Result().Cookies()[0]; got.MaxAge != -1 || got.Value != "" {
			t.Errorf("flush sends %+v", got)
		}
		b.cookie = kept
		b.wantKeys()
	})
}

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

// Both idioms see one session in one request.
func TestGorillaAndEngineShare(t *testing.T) {
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

// What code in gorilla's idiom relies on, for each placement and each store.
func TestGorillaTable(t *testing.T) {
	maxAge := func(w *httptest.ResponseRecorder) int {
		t.Helper()
		if cookies := w.Result().Cookies(); len(cookies) == 1 {
			return cookies[0].MaxAge
		}
		t.Errorf("%d cookies, want one", len(w.Result().Cookies()))
		return -100
	}
	label := func(b *browser, n int) *httptest.ResponseRecorder {
		return b.gorilla(func(gs *sessions.Session, save func() error) {
			gs.Options.MaxAge = n
			must(b.t, save())
		})
	}
	// twin is the same browser's other tab: it holds the cookie of now.
	twin := func(b *browser) *browser { return &browser{b.t, b.e, b.cookie} }

	for _, test := range []struct {
		name  string
		check func(t *testing.T, b *browser, p session.Placement, clock *storetest.Clock)
	}{
		{"Values come back", func(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
			b.gorilla(func(gs *sessions.Session, save func() error) {
				if gs.Values["name"] != "Rahim" || gs.IsNew || len(gs.ID) != 8 {
					t.Errorf("%+v", gs)
				}
				gs.Values["name"] = "Karim"
				delete(gs.Values, "big")
				must(t, save())
			})
			b.wantKeys("name")
		}},
		{"nothing is kept without Save", func(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
			w := b.gorilla(func(gs *sessions.Session, _ func() error) { gs.Values["more"] = "x" })
			if len(w.Header()["Set-Cookie"]) != 0 {
				t.Error("a cookie was sent")
			}
			b.wantKeys("big", "name")
		}},
		{"MaxAge -1 is flush", func(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
			old := twin(b)
			if got := maxAge(label(b, -1)); got != -1 || b.cookie != "" {
				t.Errorf("Max-Age %d, cookie %q", got, b.cookie)
			}
			old.wantKeys()
			b.e.wantStats(t, 0, 0)
		}},
		{"MaxAge 0 ends with the browser", func(t *testing.T, b *browser, _ session.Placement, clock *storetest.Clock) {
			if got := maxAge(label(b, 0)); got != 0 {
				t.Errorf("Max-Age %d", got)
			}
			clock.Move(2*time.Hour - time.Millisecond) // for the server the policy holds
			b.wantKeys("big", "name")
			clock.Move(time.Millisecond)
			b.wantKeys()
		}},
		{"MaxAge n ends n seconds after the last write", func(t *testing.T, b *browser, _ session.Placement, clock *storetest.Clock) {
			if got := maxAge(label(b, 60)); got != 60 {
				t.Errorf("Max-Age %d", got)
			}
			clock.Move(59 * time.Second)
			w := b.gorilla(func(gs *sessions.Session, save func() error) {
				gs.Values["more"] = "x"
				must(t, save())
			})
			if got := maxAge(w); got != 60 {
				t.Errorf("after a write Max-Age is %d", got)
			}
			clock.Move(time.Minute - time.Millisecond)
			b.wantKeys("big", "more", "name")
			clock.Move(time.Millisecond)
			b.wantKeys()
		}},
		{"flashes are read once", func(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
			b.gorilla(func(gs *sessions.Session, save func() error) {
				gs.AddFlash("one")
				gs.AddFlash("two")
				gs.AddFlash("other", "mine")
				must(t, save())
			})
			b.wantKeys("_flash", "big", "mine", "name")
			b.gorilla(func(gs *sessions.Session, save func() error) {
				if diff := cmp.Diff([]any{"one", "two"}, gs.Flashes()); diff != "" {
					t.Errorf("flashes (-want +got):\n%s", diff)
				}
				must(t, save())
			})
			b.gorilla(func(gs *sessions.Session, save func() error) {
				if got := gs.Flashes(); len(got) != 0 {
					t.Errorf("the flashes come again: %v", got)
				}
				if got := gs.Flashes("mine"); len(got) != 1 || got[0] != "other" {
					t.Errorf("flashes under a key of their own: %v", got)
				}
				must(t, save())
			})
			b.wantKeys("big", "name")
		}},
		{"different keys of two requests survive", func(t *testing.T, b *browser, p session.Placement, _ *storetest.Clock) {
			if p == session.InCookie {
				return // there the last writer wins: nothing but the browser holds them
			}
			tab := twin(b)
			b.gorilla(func(gs *sessions.Session, save func() error) {
				tab.gorilla(func(gs *sessions.Session, save func() error) {
					gs.Values["theirs"] = strings.Repeat("t", 300)
					delete(gs.Values, "big")
					must(t, save())
				})
				gs.Values["ours"] = strings.Repeat("o", 300)
				must(t, save())
				if _, ok := gs.Values["theirs"]; !ok {
					t.Error("after Save the other's value is not in Values")
				}
			})
			b.wantKeys("name", "ours", "theirs")
		}},
		{"Save revives nothing", func(t *testing.T, b *browser, p session.Placement, _ *storetest.Clock) {
			for name, end := range map[string]func(b *browser){
				"flush": func(b *browser) { label(b, -1) },
				"a new ID": func(b *browser) {
					b.gorilla(func(gs *sessions.Session, save func() error) { gs.ID = ""; must(t, save()) })
				},
			} {
				b := b.e.browser(t)
				b.born(p)
				tab := twin(b)
				w := tab.gorilla(func(gs *sessions.Session, save func() error) {
					end(b)
					gs.Values["late"] = "x"
					if err := save(); !errors.Is(err, session.ErrGone) {
						t.Errorf("after %s: %v, want ErrGone", name, err)
					}
				})
				if len(w.Header()["Set-Cookie"]) != 0 {
					t.Errorf("after %s the late Save sent a cookie", name)
				}
				tab.wantKeys()
			}
		}},
		{"an ID cannot be chosen", func(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
			for _, b := range []*browser{b, b.e.browser(t)} {
				w := b.gorilla(func(gs *sessions.Session, save func() error) {
					gs.ID, gs.Values["more"] = "AAAAAAAAAAAAAAAAAAAAAAAAAA", "x"
					if err := save(); err == nil {
						t.Error("an ID was chosen")
					}
				})
				if len(w.Header()["Set-Cookie"]) != 0 {
					t.Error("a cookie was sent")
				}
			}
			b.wantKeys("big", "name")
		}},
		{"what is no JSON is an error", func(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
			for name, change := range map[string]func(gs *sessions.Session){
				"a key that is no string": func(gs *sessions.Session) { gs.Values[struct{ int }{1}] = "x" },
				"a function":              func(gs *sessions.Session) { gs.Values["f"] = func() {} },
				"a channel":               func(gs *sessions.Session) { gs.Values["f"] = []any{make(chan int)} },
				"infinity":                func(gs *sessions.Session) { gs.Values["f"] = math.Inf(1) },
				"a flash":                 func(gs *sessions.Session) { gs.AddFlash(func() {}) },
			} {
				b.gorilla(func(gs *sessions.Session, save func() error) {
					gs.Values["good"] = "x"
					change(gs)
					input := (*session.InputError)(nil)
					if err := save(); !errors.As(err, &input) {
						t.Errorf("%s: %v, want an InputError", name, err)
					}
				})
				b.wantKeys("big", "name")
			}
		}},
		{"a limit is an error", func(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
			b.gorilla(func(gs *sessions.Session, save func() error) {
				gs.Values["good"], gs.Values["huge"] = "x", strings.Repeat("x", session.MaxValueBytes)
				limit := (*session.LimitError)(nil)
				if err := save(); !errors.As(err, &limit) || limit.Limit != session.LimitValue || limit.Key != "huge" {
					t.Errorf("%v, want the value's limit", err)
				}
			})
			b.wantKeys("big", "name")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachStore(t, func(t *testing.T, store stores.Store) {
				for _, p := range placements {
					t.Run(p.String(), func(t *testing.T) {
						e, clock := newEngineOn(t, store, nil)
						b := e.browser(t)
						b.born(p)
						test.check(t, b, p, clock)
					})
				}
			})
		})
	}
}
