package shelf

import (
	"fmt"
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

// On a machine without a place for files, the rows of SQLite and of gorilla's FilesystemStore would be told as
// stores that do not answer, or the run
// would say that no row comes through.
func TestMatrixWithoutFolder(t *testing.T) {
	t.Parallel()
	fine := slices.Repeat([]string{"{ok so}"}, len(matrixScripts))
	out := matrixOf([]*matrixRow{
		{name: "server, memory", set: experiment.Settings{Placement: session.OnServer, Store: "memory"}, tried: true, cells: fine},
		{name: "server, SQLite", lacks: fmt.Errorf("%w in /tmp: no such file or directory", experiment.ErrNoFolder)},
		{name: "server, Redis", lacks: experiment.ErrUnavailable},
		{name: "gorilla FilesystemStore", lacks: experiment.ErrNoFolder},
	})
	for i, want := range []string{"{ok so}", "{bad no folder for its files}", "{bad no Redis answers}", "{bad no folder for its files}"} {
		if got := out.Tables[0].Rows[i]; got[1] != want || len(got) != len(matrixScripts)+1 {
			t.Errorf("row %d is %q, want %q", i, got, want)
		}
	}
	if !out.Undecided || out.Happened != experiment.None { // the answer would be told to be wrong
		t.Errorf("%q came true without a store that lasts", out.Happened)
	}
	for _, want := range []string{"Not one of 1 row", "this run decides nothing", "since their store does not answer: server, Redis.", "no folder can be made for them: server, SQLite; gorilla FilesystemStore."} {
		if !strings.Contains(out.Verdict, want) {
			t.Errorf("the verdict does not say %q: %s", want, out.Verdict)
		}
	}
}
