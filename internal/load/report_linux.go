package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"runtime"
	"slices"
	"time"
)

// The limits that the program promises to keep, on two cores that the learners share with it.
const (
	maxPressMedian = 20 * time.Millisecond
	maxPress99     = 150 * time.Millisecond
	maxBoard99     = 250 * time.Millisecond
	maxMemory      = 300_000_000 // bytes
	maxHeard       = 5 * time.Second
)

// Goroutines and descriptors may differ a little from those of a program that nobody used: the
// runtime starts some of its own, and the class has timers.
const (
	spareGoroutines  = 4
	spareDescriptors = 4
)

// times are durations, from the shortest to the longest.
type times []time.Duration

// at returns the time that the given part, of 0 to 1, is not above.
func (t times) at(part float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[max(0, int(math.Ceil(part*float64(len(t))))-1)]
}

// figures are the times of the presses.
type figures struct {
	press      times // from when it was due until its answer was there
	fromAnswer times // from then until a board had it; 0 if the board had it before
	fromPress  times // from when it was sent until a board had it
	late       int   // presses that left over 50 ms after they were due
	acting     times // the press of those that met something that the teacher did to everybody; they are in no other list
}

// figures returns the times of the presses.
func (r *result) figures() (f figures) {
	for _, s := range r.seats {
		for _, p := range s.done {
			if p.answered.IsZero() {
				continue
			}
			if r.lesson.during(p.due, slices.MaxFunc(append(p.shown[:], p.answered), time.Time.Compare)) {
				f.acting = append(f.acting, p.answered.Sub(p.due))
				continue
			}
			f.press = append(f.press, p.answered.Sub(p.due))
			if p.sent.Sub(p.due) > 50*time.Millisecond {
				f.late++
			}
			for _, at := range p.shown {
				if !at.IsZero() {
					f.fromAnswer = append(f.fromAnswer, max(0, at.Sub(p.answered)))
					f.fromPress = append(f.fromPress, at.Sub(p.sent))
				}
			}
		}
	}
	for _, t := range []times{f.press, f.fromAnswer, f.fromPress, f.acting} {
		slices.Sort(t)
	}
	return f
}

// row is one line of the table. passed tells that the limit was passed.
type row struct {
	what, measured, limit string
	passed                bool
}

// rows are the lines that have a limit.
func (r *result) rows() []row {
	f := r.figures()
	missing, unheard := r.answered*boards-r.shownOnBoards, r.lesson.unheard(len(r.seats))
	rows := []row{
		{"errors", fmt.Sprint(r.faults.n), "0", r.faults.n > 0},
		{"presses that a board did not show", fmt.Sprint(missing), "0", missing > 0},
		{"a press, p50", ms(f.press.at(0.5)), "< " + ms(maxPressMedian), f.press.at(0.5) >= maxPressMedian},
		{"a press, p99", ms(f.press.at(0.99)), "< " + ms(maxPress99), f.press.at(0.99) >= maxPress99},
		{"answer to board, p50", ms(f.fromAnswer.at(0.5)), "", false},
		{"answer to board, p99", ms(f.fromAnswer.at(0.99)), "< " + ms(maxBoard99), f.fromAnswer.at(0.99) >= maxBoard99},
		{"sending to board, p50", ms(f.fromPress.at(0.5)), "", false},
		{"sending to board, p99", ms(f.fromPress.at(0.99)), "< " + ms(maxBoard99), f.fromPress.at(0.99) >= maxBoard99},
		{"memory at its highest (VmHWM)", mb(r.height.highest), "< " + mb(maxMemory), r.height.highest >= maxMemory},
		{fmt.Sprintf("goroutines %v after all left", r.options.after), fmt.Sprint(r.goroutines), fmt.Sprintf("%d unused + %d", r.unloaded, spareGoroutines), r.goroutines > r.unloaded+spareGoroutines},
		{fmt.Sprintf("descriptors %v after all left", r.options.after), fmt.Sprint(r.after.descriptors), fmt.Sprintf("%d before + %d", r.before.descriptors, spareDescriptors), !r.back(r.after)},
		{fmt.Sprintf("memory %v after all left (VmRSS)", r.options.after), mb(r.after.resident), "< " + mb(maxMemory), r.after.resident >= maxMemory},
		{"pages that did not hear of an act", fmt.Sprint(unheard), "0", unheard > 0},
	}
	for _, a := range r.lesson.acts {
		slices.Sort(a.heard)
		last := times(a.heard).at(1)
		rows = append(rows, row{a.what + ": until the last page was heard from", ms(last), "< " + ms(maxHeard), last >= maxHeard})
	}
	return rows
}

// passed tells whether a limit was passed.
func (r *result) passed() bool {
	return slices.ContainsFunc(r.rows(), func(l row) bool { return l.passed })
}

// print prints the table, and what was around it.
func (r *result) print(w io.Writer) {
	fmt.Fprintf(w, "%d learners, %g presses a second each, for %g s, over %s\n\n| | measured | to keep | |\n|---|--:|--:|---|\n", len(r.seats), r.rate, r.seconds, r.store)
	for _, l := range r.rows() {
		mark := "✓"
		switch {
		case l.limit == "":
			mark = ""
		case l.passed:
			mark = "✗"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", l.what, l.measured, l.limit, mark)
	}
	f := r.figures()
	for _, a := range r.lesson.acts {
		fmt.Fprintf(w, "\n%s took %s; half of the pages were heard from after %s.", a.what, ms(a.end.Sub(a.begin)), ms(times(a.heard).at(0.5)))
	}
	fmt.Fprintf(w, "\n%d presses met one of them: p50 %s, the slowest %s. They are not in the times above; %d more were refused, and told why. %d answers came late, and were told so.\n", len(f.acting), ms(f.acting.at(0.5)), ms(f.acting.at(1)), r.lesson.told, r.lesson.late)
	cpus := float64(runtime.NumCPU())
	whole := r.used.all + r.used.idle + r.used.steal
	share := func(t float64) float64 { return 100 * t / max(whole, 1) * cpus }
	fmt.Fprintf(w, "\n%d presses answered in %.1f s, %d left over 50 ms late; the slowest %s, to the board %s. CPU time of the program %.2f ms a press.\n",
		r.answered, r.took.Seconds(), f.late, ms(f.press.at(1)), ms(f.fromPress.at(1)), 10*r.used.program/float64(max(r.answered, 1)))
	fmt.Fprintf(w, "CPU meanwhile, of %.0f %%: the program %.0f, the load %.0f, others %.0f, stolen %.0f, idle %.0f.\n",
		100*cpus, share(r.used.program), share(r.used.load), max(0, share(r.used.all-r.used.program-r.used.load)), share(r.used.steal), share(r.used.idle))
	fmt.Fprintf(w, "Memory (VmRSS) %s before, %s at the height, %s %v after; descriptors %d, %d, %d.\n",
		mb(r.before.resident), mb(r.height.resident), mb(r.after.resident), r.options.after, r.before.descriptors, r.height.descriptors, r.after.descriptors)
	fmt.Fprintf(w, "Each board was sent %.0f kB a second. All were seated, with their pages and streams, in %.1f s", float64(r.boardBytes[0])/1e3/max(r.took.Seconds(), 1), r.joined.Seconds())
	if !r.devices {
		fmt.Fprint(w, ", as one device: the program seats 60 at once and then ten a second")
	}
	fmt.Fprintln(w, ".")
	for _, kind := range slices.Sorted(maps.Keys(r.faults.kind)) {
		fmt.Fprintf(w, "%d × %s\n", r.faults.kind[kind], kind)
	}
	for _, line := range r.warnings[:min(10, len(r.warnings))] {
		fmt.Fprintln(w, "logged:", line)
	}
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

func mb(bytes int) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }
