package shelf_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

var twoClocks = proof{
	slug: "two-clocks",
	cases: []testCase{
		{chosen: "rolling=off", happened: "writes-only", says: []string{"left its end at 2 h, the write moved it to 3 h 30 min", "refused after 3 h.", "served after 7 h 59 min and refused after 8 h 1 min", "with 5 h left on it"},
			witness: clocksAt([]int{120, 120, 120, 210, 480}, []string{"Mara", ""})},
		{chosen: "rolling=on", happened: "reads-and-writes", says: []string{"moved its end to 3 h, the write to 3 h 30 min", "still served after 7 h 30 min", "served after 7 h 59 min and refused after 8 h 1 min", "with 5 h left on it"},
			witness: clocksAt([]int{120, 150, 180, 210, 480}, []string{"Mara", "Mara", "Mara", "Mara", "Mara"})},
	},
	controls: []control{
		{chosen: "rolling=on", happened: "writes-only", store: func(b session.Backend) session.Backend { return untouchable{b, session.ErrConflict} }},
		{chosen: "rolling=on", happened: experiment.None, store: func(b session.Backend) session.Backend { return untouchable{b, nil} }},
		{chosen: "rolling=off", happened: "label", handler: answering(cookieAlone)},
		{chosen: "rolling=off", happened: "for-ever", handler: answering(func(r *http.Request, w *httptest.ResponseRecorder) {
			cookieAlone(r, w)
			if line := w.Header().Get("Set-Cookie"); line != "" { // and no label ends it
				value, _, _ := strings.Cut(line, ";")
				w.Header().Set("Set-Cookie", value+"; Path=/")
			}
		})},
	},
}

func TestTwoClocks(t *testing.T) { twoClocks.run(t) }

// clocksAt sees where the idle clock ends at each look, in minutes from birth, and
// what the browser that only reads got.
func clocksAt(idle []int, read []string) func(*testing.T, []seen) {
	return func(t *testing.T, all []seen) {
		var ends []int
		var reads, ali []string
		for i, s := range all {
			switch {
			case s.path == "/session":
				at := func(name string) time.Time {
					text, _ := s.answer[name].(string)
					at, err := time.Parse(time.RFC3339Nano, text)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					return at
				}
				ends = append(ends, int(at("idle_expires").Sub(at("created")).Round(time.Minute)/time.Minute))
				if absolute := at("expires").Sub(at("created")); absolute != 8*time.Hour {
					t.Errorf("request %d: the absolute end is after %v", i+1, absolute)
				}
			case s.path == "/get?key=name" && s.client == "Mara's browser":
				if reads = append(reads, s.value()); s.cookie == "" {
					t.Error("the reader sent no cookie")
				}
			case s.path == "/get?key=name" && strings.HasPrefix(s.client, "Ali's browser"):
				ali = append(ali, fmt.Sprintf("%v %s", s.cookie != "", s.value()))
			}
		}
		if !slices.Equal(ends, idle) || !slices.Equal(reads, read) {
			t.Errorf("the idle clock ended after %v min, want %v; the reader got %q, want %q", ends, idle, reads, read)
		}
		if want := []string{"true Ali", "false ", "true Ali", "true ", "false ", "true "}; !slices.Equal(ali, want) {
			t.Errorf("under the three labels: %q, want %q", ali, want)
		}
		n := len(all)
		before, own, after := all[n-3], all[n-2], all[n-1]
		if before.value() != "Rahim" || own.cookie != "" || after.cookie != before.cookie || after.answer["found"] != false {
			t.Errorf("the last three: %s %s %s", before.body, own.body, after.body)
		}
	}
}

// cookieAlone serves whoever has a cookie, and looks at no clock.
func cookieAlone(r *http.Request, w *httptest.ResponseRecorder) {
	if _, err := r.Cookie(experiment.CookieName); err == nil && r.URL.Path == "/get" {
		w.Body.Reset()
		w.Body.WriteString(`{"op":"get","found":true,"value":"Rahim"}`)
	}
}

// untouchable is a store whose Touch moves nothing.
type untouchable struct {
	session.Backend
	err error
}

func (b untouchable) Touch(context.Context, session.Key, uint64, time.Time) error { return b.err }
