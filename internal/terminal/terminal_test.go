package terminal

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// If this fails, the program outlives its terminal, or a SIGHUP by the operator ends it.
func TestWatch(t *testing.T) {
	for _, test := range []struct {
		name  string
		begin bool // with a terminal
		steps string
		want  string
	}{
		{"a service without a terminal is asked each time", false, "hup 5s hup", "asked asked"},
		{"an operator's signal while the terminal is there", true, "hup 5s hup 5s", "asked asked"},
		{"a window is closed", true, "5s gone hup", "hungUp"},
		{"a window is closed at once", true, "gone hup", "hungUp"},
		{"the shell takes its time to pass the signal on", true, "5s gone 2s hup", "hungUp"},
		{"the shell sends its own signal, and then the terminal goes", true, "5s hup gone 2s", "asked hungUp"},
		{"a disowned program outlives its terminal, and is asked", true, "5s gone 60s hup 60s hup", "asked asked"},
		{"an operator's signal long before the terminal goes without one", true, "5s hup 60s gone 60s", "asked"},
		{"under nohup the signal comes twice", true, "5s gone hup hup 60s hup", "hungUp asked asked"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var attached atomic.Bool
				attached.Store(test.begin)
				var got []string
				hangups := make(chan os.Signal, 1)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					Watch(ctx, hangups, attached.Load, func() { got = append(got, "hungUp") }, func() { got = append(got, "asked") })
				}()
				synctest.Wait()
				for step := range strings.FieldsSeq(test.steps) {
					switch step {
					case "hup":
						hangups <- syscall.SIGHUP
					case "gone":
						attached.Store(false)
					default:
						d, err := time.ParseDuration(step)
						if err != nil {
							t.Fatal(err)
						}
						time.Sleep(d)
					}
					synctest.Wait()
				}
				cancel()
				<-ended
				if got := strings.Join(got, " "); got != test.want {
					t.Errorf("%s: %q, want %q", test.steps, got, test.want)
				}
			})
		})
	}
}

// A program was stopped with Ctrl+Z for an hour. The terminal goes meanwhile, and its
// signal wakes the program. If this fails, the signal counts as an operator's.
func TestStoppedProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		hangups, looking, goOn, hungUp := make(chan os.Signal, 1), make(chan struct{}), make(chan bool), make(chan struct{})
		attached := func() bool {
			select {
			case looking <- struct{}{}: // the program is stopped here
				return <-goOn
			case <-ctx.Done():
				return false
			}
		}
		go Watch(ctx, hangups, attached, func() { close(hungUp) }, func() { t.Error("taken for an operator's signal") })
		<-looking
		goOn <- true
		<-looking
		time.Sleep(time.Hour)
		hangups <- syscall.SIGHUP
		goOn <- false
		for {
			select {
			case <-looking:
				goOn <- false
			case <-hungUp:
				return
			}
		}
	})
}
