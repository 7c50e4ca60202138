package shelf

import (
	"slices"
	"strings"
	"testing"

	"github.com/sessionscope/sessionscope/internal/experiment"
	"github.com/sessionscope/sessionscope/internal/session"
)

// The rows that come through all scripts decide which prediction came true. Otherwise the
// verdict names other rows than the prediction.
func TestMatrixOutcome(t *testing.T) {
	for _, test := range []struct{ good, happened string }{
		{"cookie, memory; cookie, Redis", "cookie"},
		{"server, Redis", "lasting-server"},
		{"cookie, memory; cookie, Redis; server, memory; server, Redis", "this-engine"},
		{"", "no-row"},
		{"cookie, memory", experiment.None},
		{"server, memory; server, Redis", experiment.None},
		{"gorilla CookieStore", experiment.None},
	} {
		var rows []*matrixRow
		for _, name := range []string{"cookie, memory", "cookie, Redis", "server, memory", "server, Redis", "gorilla CookieStore"} {
			w := &matrixRow{name: name, tried: true, cells: slices.Repeat([]string{"{ok so}"}, len(matrixScripts))}
			placement, store, engine := strings.Cut(name, ", ")
			if w.set.Store = strings.ToLower(store); !engine {
				w.set.Twin = experiment.CookieTwin(nil, nil)
			} else if placement == "server" {
				w.set.Placement = session.OnServer
			} else {
				w.set.Placement = session.InCookie
			}
			w.good = slices.Contains(strings.Split(test.good, "; "), name)
			rows = append(rows, w)
		}
		if got := matrixOf(rows); got.Happened != test.happened {
			t.Errorf("with the good rows %q the prediction %q came true, want %q: %s", test.good, got.Happened, test.happened, got.Verdict)
		}
	}
}
