package shelf_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var threeWitnesses = proof{
	slug: "three-witnesses",
	cases: []testCase{
		{chosen: "delete=cookie&placement=cookie", happened: "nothing-stays", says: []string{"Nothing stays", "the whole session"}, witness: witnessed(false, false, true)},
		{chosen: "delete=cookie&placement=hybrid", happened: "half-finds-nothing", says: []string{"The record stays", "nothing | no Cookie header | a record"}, witness: witnessed(false, false, true)},
		{chosen: "delete=cookie&placement=server", happened: "half-finds-nothing", says: []string{"The record stays", "nothing | no Cookie header | a record"}, witness: witnessed(false, false, true)},
		{chosen: "delete=record&placement=cookie", happened: "half-is-enough", says: []string{"There was no record to delete"}, witness: witnessed(true, true, true)},
		{chosen: "delete=record&placement=hybrid", happened: "half-finds-nothing", says: []string{"is refused", "another session", "a cookie, 172 bytes | a cookie, 172 bytes | a record"}, witness: witnessed(true, false, false)},
		{chosen: "delete=record&placement=server", happened: "half-finds-nothing", says: []string{"is refused", "another session"}, witness: witnessed(true, false, false)},
	},
	controls: []control{
		{chosen: "delete=record&placement=server", happened: experiment.None, store: func(b session.Backend) session.Backend { return keepsAll{b} }},
		{chosen: "delete=record&placement=hybrid", happened: experiment.None, store: func(b session.Backend) session.Backend { return adopting{b} }},
		{chosen: "delete=record&placement=server", happened: experiment.None, store: func(b session.Backend) session.Backend { return &unseen{Backend: b} }},
		{chosen: "delete=record&placement=hybrid", happened: experiment.None, store: missedOnce},
		{chosen: "delete=cookie&placement=server", happened: "half-is-enough", handler: func(h http.Handler) http.Handler { // it knows its visitors without their cookies
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
	},
}

func TestThreeWitnesses(t *testing.T) { threeWitnesses.run(t) }

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
