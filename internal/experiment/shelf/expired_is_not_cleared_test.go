package shelf_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var expiredIsNotCleared = proof{
	slug: "expired-is-not-cleared",
	cases: []testCase{
		{chosen: "seconds=5&store=memory", happened: "refused-and-stays", says: []string{"counted 1 expired session", "with the name Rahim in it", "The clear-up removed 1"}, witness: expiredAfter(5)},
		{chosen: "seconds=5&store=sqlite", happened: "refused-and-stays", says: []string{"counted 1 expired session", "The clear-up removed 1"}, witness: expiredAfter(5)},
		{chosen: "seconds=3600&store=memory", happened: "refused-and-stays", says: []string{"counted 1 expired session", "The clear-up removed 1"}, witness: expiredAfter(3600)},
		{chosen: "seconds=3600&store=sqlite", happened: "refused-and-stays", says: []string{"counted 1 expired session", "The clear-up removed 1"}, witness: expiredAfter(3600)},
		{chosen: "seconds=1209600&store=memory", happened: "refused-and-stays", says: []string{"It asked for 1209600 seconds and got 28800", "absolute lifetime of 8 h"}, witness: expiredAfter(8 * 3600)},
		{chosen: "seconds=1209600&store=sqlite", happened: "refused-and-stays", says: []string{"It asked for 1209600 seconds and got 28800", "absolute lifetime of 8 h"}, witness: expiredAfter(8 * 3600)},
	},
	controls: []control{
		{chosen: "seconds=5&store=memory", happened: experiment.None, store: func(b session.Backend) session.Backend { return removing{b} }},
		{chosen: "seconds=5&store=memory", happened: "removed-at-once", store: func(b session.Backend) session.Backend { return prompt{b} }},
		{chosen: "seconds=5&store=sqlite", happened: "still-served", store: func(b session.Backend) session.Backend { return timeless{b} }},
		{happened: experiment.None, says: "still held the record, and counted 1 expired session", store: func(b session.Backend) session.Backend { return removing{b} }},
	},
}

func TestExpiredIsNotCleared(t *testing.T) { expiredIsNotCleared.run(t) }

// expiredAfter sees a session of that many seconds end, and its record stay.
func expiredAfter(seconds int) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		kept := ""
		var reads, figures []string
		for _, s := range all {
			switch {
			case s.path == "/expiry":
				c, err := http.ParseSetCookie(s.setCookie)
				if err != nil || c.MaxAge != seconds {
					t.Fatalf("Set-Cookie %q, want Max-Age=%d", s.setCookie, seconds)
				}
				kept = c.Value
			case s.path == "/get?key=name" && s.cookie == kept && s.client != "Rahim's browser":
				reads = append(reads, s.value())
			case s.path == "/get?key=name" && s.client == "Rahim's browser":
				if s.cookie != "" || s.answer["found"] != false {
					t.Errorf("after the end the browser sent %q, and got %s", s.cookie, s.body)
				}
			case s.path == "/get?key=name" && s.value() != "Mara":
				t.Errorf("the other session: %s", s.body)
			case s.path == "/session" && s.client == "Mara's browser":
				stats, _ := s.answer["stats"].(map[string]any)
				figures = append(figures, fmt.Sprint(stats["sessions"], "+", stats["expired"]))
			case s.path == "/clear-expired" && s.answer["removed"] != 1.0:
				t.Errorf("the clear-up: %s", s.body)
			}
		}
		if got := fmt.Sprintf("%q", reads); got != `["Rahim" "" ""]` {
			t.Errorf("the kept cookie read %s", got)
		}
		if got := strings.Join(figures, " "); got != "1+0 0+1 0+1 0+1 1+0" {
			t.Errorf("live and expired were %s", got)
		}
	}
}

// removing is a store that removes what has expired as soon as it meets it.
type removing struct{ session.Backend }

func (b removing) Load(ctx context.Context, k session.Key) (session.Record, error) {
	rec, err := b.Backend.Load(ctx, k)
	if errors.Is(err, session.ErrExpired) {
		err = errors.Join(err, b.Delete(ctx, k))
	}
	return rec, err
}

// prompt is a store that removes what has expired before anybody can see it.
type prompt struct{ session.Backend }

func (b prompt) Stats(ctx context.Context) (session.Stats, error) {
	var keys []session.Key
	for e, err := range b.All(ctx) {
		if err != nil {
			return session.Stats{}, err
		}
		keys = append(keys, e.Key)
	}
	for _, k := range keys {
		if _, err := removing(b).Load(ctx, k); err != nil && !errors.Is(err, session.ErrExpired) {
			return session.Stats{}, err
		}
	}
	return b.Backend.Stats(ctx)
}

// timeless is a store that looks at no clock.
type timeless struct{ session.Backend }

func (b timeless) Load(ctx context.Context, k session.Key) (session.Record, error) {
	rec, err := b.Backend.Load(ctx, k)
	if errors.Is(err, session.ErrExpired) {
		st, err := b.Peek(ctx, k)
		return st.Record, err
	}
	return rec, err
}
