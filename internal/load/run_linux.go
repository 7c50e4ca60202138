package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// run measures in a network of its own, if it can make one, and prints the table.
func run(o options) error {
	if !o.same && os.Getenv(inNetwork) == "" {
		if entered, err := enterNetwork(); entered {
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				os.Exit(exit.ExitCode()) // it has said why
			}
			return err
		}
		fmt.Fprintln(os.Stderr, "No network can be made here for the class: all learners are one device, whose seats take a while.")
	}
	if os.Getenv(inNetwork) != "" {
		if err := makeNetwork(); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "sessionscope-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		os.RemoveAll(dir)
		os.Exit(130) // the program ends with this process
	}()
	r, err := measure(o, dir)
	if err != nil {
		return err
	}
	r.print(os.Stdout)
	if r.passed() {
		return errLimit
	}
	return nil
}

// result is what was measured.
type result struct {
	options
	devices bool // each learner has an address of its own
	faults  faults
	seats   []*seat
	joined  time.Duration // from the first seat until the last has all its streams

	before, height, after   state
	goroutines, unloaded    int // a while after all have left, and of a program that nobody used
	used                    ticks
	took                    time.Duration // of the presses
	boardBytes              [boards]int64
	warnings                []string
	answered, shownOnBoards int
	lesson                  lesson
}

// progress says how far it is.
func (r *result) progress(format string, args ...any) {
	if !r.quiet {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
}

// measure opens a class that nobody uses, for comparison, and then one with learners. The program
// and its files are in dir.
func measure(o options, dir string) (*result, error) {
	file, err := build(o, dir)
	if err != nil {
		return nil, err
	}
	r := &result{options: o}
	// Each class has a moment until its first clocks have run, and it has its addresses.
	idle, err := startChild(file, dir, o)
	if err != nil {
		return nil, err
	}
	defer idle.kill()
	if _, err := newTeacher(idle.at); err != nil {
		return nil, err
	}
	time.Sleep(time.Second)
	if r.unloaded, err = idle.goroutines(); err != nil {
		return nil, err
	}
	c, err := startChild(file, dir, o)
	if err != nil {
		return nil, err
	}
	defer c.kill()
	if err := r.load(c); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, c.said())
	}
	return r, nil
}

// load fills the class of c with learners, has them press, has them leave, and looks at what
// is left.
func (r *result) load(c *child) error {
	t, err := newTeacher(c.at)
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	at, err := t.classAt()
	if err != nil {
		return err
	}
	r.before = c.state()
	gone := make(chan struct{})
	var leave []func()
	defer func() {
		for _, l := range leave {
			l()
		}
	}()
	if err := r.join(at, gone); err != nil {
		return err
	}
	byName := make(map[string]*seat)
	for _, s := range r.seats {
		byName[s.name] = s
	}
	for n := range boards {
		close, err := t.openBoard(n, byName, &r.faults, gone)
		if err != nil {
			return err
		}
		leave = append(leave, close)
	}
	time.Sleep(time.Second) // all streams are open, and have said what they begin with
	sent := [boards]int64{t.bytes[0].Load(), t.bytes[1].Load()}
	r.progress("%d learners have joined in %.1f s, and press for %g s", len(r.seats), r.joined.Seconds(), r.seconds)
	r.lesson.teacher, r.lesson.faults, r.lesson.think = t, &r.faults, time.Duration(r.seconds*float64(time.Second)/8)
	r.pressAll(c)
	for n := range boards {
		r.boardBytes[n] = t.bytes[n].Load() - sent[n]
	}
	close(gone)
	for _, s := range r.seats {
		s.leave()
	}
	for _, l := range leave {
		l()
	}
	r.progress("all have left; the program rests for %v", r.options.after)
	time.Sleep(r.options.after)
	for end := time.Now().Add(patience); !r.back(c.state()) && time.Now().Before(end); { // on a busy machine
		time.Sleep(100 * time.Millisecond)
	}
	r.after, r.warnings = c.state(), c.warnings()
	r.goroutines, err = c.goroutines()
	return err
}

// back tells whether the program has no more open files and connections than before.
func (r *result) back(now state) bool {
	return now.descriptors <= r.before.descriptors+spareDescriptors
}

// join seats the learners, who open their pages, at most 32 at the same moment.
func (r *result) join(at *net.TCPAddr, gone <-chan struct{}) error {
	began := time.Now()
	places := make(chan struct{}, 32)
	errs := make(chan error, r.options.seats)
	for i := range r.options.seats {
		from := addressOf(i, at)
		r.devices = from != nil
		s := &seat{cookies: make(map[string]string), faults: &r.faults, asks: make(chan func()), gone: gone, lesson: &r.lesson}
		for _, w := range []*wire{&s.presses, &s.lab, &s.class} {
			w.from, w.to = from, at
		}
		r.seats = append(r.seats, s)
		go func() {
			places <- struct{}{}
			defer func() { <-places }()
			err := s.join()
			if err == nil {
				err = s.open(gone)
			}
			errs <- err
		}()
	}
	for range r.options.seats {
		if err := <-errs; err != nil {
			return fmt.Errorf("a learner does not get in: %w", err)
		}
	}
	r.joined = time.Since(began)
	return nil
}

// pressAll has all learners press, and waits until the boards have shown it.
func (r *result) pressAll(c *child) {
	before, begin := c.readTicks(), time.Now()
	end := begin.Add(time.Duration(r.seconds * float64(time.Second)))
	var pressing sync.WaitGroup
	for _, s := range r.seats {
		pressing.Go(func() { s.work(begin, end, r.rate) })
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for tick := time.Tick(100 * time.Millisecond); time.Now().Before(end); <-tick {
			now := c.state()
			r.height.resident, r.height.descriptors = max(r.height.resident, now.resident), max(r.height.descriptors, now.descriptors)
		}
	}()
	pressing.Go(func() { r.lesson.teach(begin, end) })
	pressing.Wait()
	r.took, r.used = time.Since(begin), c.readTicks().minus(before)
	<-watched
	r.height.highest = c.state().highest
	for _, s := range r.seats {
		go s.rest()
	}
	for wait := time.Now().Add(patience); time.Now().Before(wait); time.Sleep(10 * time.Millisecond) {
		if r.answered, r.shownOnBoards = r.count(); r.shownOnBoards == r.answered*boards && r.lesson.unheard(len(r.seats)) == 0 {
			return
		}
	}
}

// count returns how many presses were answered, and how often one of them was shown on a board.
func (r *result) count() (answered, shown int) {
	for _, s := range r.seats {
		s.mu.Lock()
		for _, p := range s.done {
			if p.answered.IsZero() {
				continue
			}
			answered++
			for _, at := range p.shown {
				if !at.IsZero() {
					shown++
				}
			}
		}
		s.mu.Unlock()
	}
	return answered, shown
}
