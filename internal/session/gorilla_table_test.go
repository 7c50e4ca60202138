package session_test

import (
	"errors"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/sessions"

	"github.com/sessionscope/sessionscope/internal/session"
	"github.com/sessionscope/sessionscope/internal/store/stores"
	"github.com/sessionscope/sessionscope/internal/store/storetest"
)

// If it failed, code in gorilla's idiom would not get the engine's guarantees in every
// placement and over every store.
func TestGorillaTable(t *testing.T) {
	for _, test := range []struct {
		name  string
		check func(t *testing.T, b *browser, p session.Placement, clock *storetest.Clock)
	}{
		{"Values come back", gorillaValuesComeBack},
		{"nothing is kept without Save", gorillaKeepsNothingWithoutSave},
		{"MaxAge -1 is flush", gorillaNegativeMaxAgeFlushes},
		{"MaxAge 0 ends with the browser", gorillaZeroMaxAgeEndsWithTheBrowser},
		{"MaxAge n ends n seconds after the last write", gorillaMaxAgeCountsFromTheLastWrite},
		{"flashes are read once", gorillaFlashesAreReadOnce},
		{"different keys of two requests survive", gorillaKeysOfTwoRequestsSurvive},
		{"Save revives nothing", gorillaSaveRevivesNothing},
		{"an ID cannot be chosen", gorillaIDCannotBeChosen},
		{"what is no JSON is an error", gorillaWhatIsNoJSONIsAnError},
		{"a limit is an error", gorillaLimitIsAnError},
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

// maxAgeOf returns the Max-Age of the one cookie that w sets.
func maxAgeOf(t *testing.T, w *httptest.ResponseRecorder) int {
	t.Helper()
	if cookies := w.Result().Cookies(); len(cookies) == 1 {
		return cookies[0].MaxAge
	}
	t.Errorf("%d cookies, want one", len(w.Result().Cookies()))
	return -100
}

// saveMaxAge is a request that sets Options.MaxAge.
func (b *browser) saveMaxAge(n int) *httptest.ResponseRecorder {
	return b.gorilla(func(gs *sessions.Session, save func() error) {
		gs.Options.MaxAge = n
		must(b.t, save())
	})
}

func gorillaValuesComeBack(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
	b.gorilla(func(gs *sessions.Session, save func() error) {
		if gs.Values["name"] != "Rahim" || gs.IsNew || len(gs.ID) != 8 {
			t.Errorf("%+v", gs)
		}
		gs.Values["name"] = "Karim"
		delete(gs.Values, "big")
		must(t, save())
	})
	b.wantKeys("name")
}

func gorillaKeepsNothingWithoutSave(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
	w := b.gorilla(func(gs *sessions.Session, _ func() error) { gs.Values["more"] = "x" })
	if len(w.Header()["Set-Cookie"]) != 0 {
		t.Error("a cookie was sent")
	}
	b.wantKeys("big", "name")
}

func gorillaNegativeMaxAgeFlushes(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
	old := b.twin()
	if got := maxAgeOf(t, b.saveMaxAge(-1)); got != -1 || b.cookie != "" {
		t.Errorf("Max-Age %d, cookie %q", got, b.cookie)
	}
	old.wantKeys()
	b.e.wantStats(t, 0, 0)
}

func gorillaZeroMaxAgeEndsWithTheBrowser(t *testing.T, b *browser, _ session.Placement, clock *storetest.Clock) {
	if got := maxAgeOf(t, b.saveMaxAge(0)); got != 0 {
		t.Errorf("Max-Age %d", got)
	}
	clock.Move(2*time.Hour - time.Millisecond) // for the server the policy holds
	b.wantKeys("big", "name")
	clock.Move(time.Millisecond)
	b.wantKeys()
}

func gorillaMaxAgeCountsFromTheLastWrite(t *testing.T, b *browser, _ session.Placement, clock *storetest.Clock) {
	if got := maxAgeOf(t, b.saveMaxAge(60)); got != 60 {
		t.Errorf("Max-Age %d", got)
	}
	clock.Move(59 * time.Second)
	w := b.gorilla(func(gs *sessions.Session, save func() error) {
		gs.Values["more"] = "x"
		must(t, save())
	})
	if got := maxAgeOf(t, w); got != 60 {
		t.Errorf("after a write Max-Age is %d", got)
	}
	clock.Move(time.Minute - time.Millisecond)
	b.wantKeys("big", "more", "name")
	clock.Move(time.Millisecond)
	b.wantKeys()
}

func gorillaFlashesAreReadOnce(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
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
}

func gorillaKeysOfTwoRequestsSurvive(t *testing.T, b *browser, p session.Placement, _ *storetest.Clock) {
	if p == session.InCookie {
		return // there the last writer wins: nothing but the browser holds them
	}
	tab := b.twin()
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
}

func gorillaSaveRevivesNothing(t *testing.T, b *browser, p session.Placement, _ *storetest.Clock) {
	for name, end := range map[string]func(b *browser){
		"flush": func(b *browser) { b.saveMaxAge(-1) },
		"a new ID": func(b *browser) {
			b.gorilla(func(gs *sessions.Session, save func() error) { gs.ID = ""; must(t, save()) })
		},
	} {
		b := b.e.browser(t)
		b.born(p)
		tab := b.twin()
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
}

func gorillaIDCannotBeChosen(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
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
}

func gorillaWhatIsNoJSONIsAnError(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
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
}

func gorillaLimitIsAnError(t *testing.T, b *browser, _ session.Placement, _ *storetest.Clock) {
	b.gorilla(func(gs *sessions.Session, save func() error) {
		gs.Values["good"], gs.Values["huge"] = "x", strings.Repeat("x", session.MaxValueBytes)
		limit := (*session.LimitError)(nil)
		if err := save(); !errors.As(err, &limit) || limit.Limit != session.LimitValue || limit.Key != "huge" {
			t.Errorf("%v, want the value's limit", err)
		}
	})
	b.wantKeys("big", "name")
}
