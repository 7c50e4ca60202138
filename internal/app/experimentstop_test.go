package app

import (
	"testing"
	"time"

	"github.com/sessionscope/sessionscope/internal/experiment"
)

// A run that is stopped while its client connects ends in order. The race detector found that the
// connection was still being made when the run's server was taken down.
func TestRunsAreStoppedAtAnyTime(t *testing.T) {
	t.Parallel()
	a := newApp(t, nil)
	e := a.shelf.All()[0]
	for i := range 60 {
		r, err := a.experiments.Start(e, "", "address", experiment.None, nil, "/experiments/"+e.Slug)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Duration(i)*150*time.Microsecond, func() { r.Stop() })
		if !r.Wait(t.Context(), 20*time.Second) {
			t.Fatal("the run goes on")
		}
	}
}
