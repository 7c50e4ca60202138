// Package rehearsal has small browsers with which a teacher practises before the class comes: they take
// seats, press, and answer what is asked.
//
// Begin with Play. A browser is a client of the class's own address, over TCP as a phone is, with a
// cookie jar of its own: what the board shows of it comes from its requests. It has no page and runs no
// script; it sends what the class page of a phone sends. It knows of the class only what its seat is
// told. tempers say how the browsers differ.
package rehearsal

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"time"
)

// Browsers is how many play.
const Browsers = 6

// Config is what Play needs.
type Config struct {
	// Addresses are those of the class, as "http://192.168.1.20:8080". The first at which a browser
	// gets an answer is used.
	Addresses []string
	// Visitors are the fields by which the browsers take their seats, one for each browser: at most
	// as many as tempers.
	Visitors []string
	// Transport makes the connections of one browser; nil is TCP.
	Transport func() http.RoundTripper
	Seed      uint64 // of all that happens at random
	// Left is told of each browser that plays no more, by its visitor's field, and why: nil if ctx has
	// ended, or if its seat was taken away. It may be nil.
	Left func(visitor string, why error)
}

// temper is how a browser behaves. Its times are means: each time is drawn between half and one and a
// half of them.
type temper struct {
	placement string        // where its values live
	press     time.Duration // between two presses
	answer    time.Duration // from a question to its answer; 0 if it never answers
	leaning   int           // what it answers, see browser.prediction
	doubts    bool          // it changes its mind once
	awake     time.Duration // until it falls asleep; 0 if it never does
	asleep    time.Duration
}

var tempers = [Browsers]temper{
	{placement: "cookie", press: 6 * time.Second, answer: 6 * time.Second, leaning: 0},
	{placement: "hybrid", press: 9 * time.Second, answer: 10 * time.Second, leaning: 1, doubts: true},
	{placement: "server", press: 5 * time.Second, answer: 8 * time.Second, leaning: 0},
	{placement: "hybrid", press: 8 * time.Second, answer: 14 * time.Second, leaning: 2, awake: 90 * time.Second, asleep: 60 * time.Second},
	{placement: "cookie", press: 12 * time.Second, answer: 18 * time.Second, leaning: 1},
	{placement: "server", press: 10 * time.Second},
}

const (
	arrival  = time.Second      // the mean time between two browsers that join
	patience = 10 * time.Second // how long an answer may take
	again    = 2 * time.Second  // before it asks again what became of its session
	rest     = 5 * time.Second  // after a refusal that says wait, and before a stream that broke is opened again
)

// errLeft tells that the browser's seat is not there any more.
var errLeft = errors.New("the seat was taken away")

// Play has the browsers join, one after another within seconds, and plays until ctx ends or all their
// seats are gone. What they began is over when it returns.
func Play(ctx context.Context, cfg Config) {
	var playing sync.WaitGroup
	for i, visitor := range cfg.Visitors {
		b := newBrowser(cfg, i, visitor)
		playing.Go(func() {
			err := b.play(ctx, time.Duration(i)*arrival)
			b.client.CloseIdleConnections()
			if errors.Is(err, errLeft) || ctx.Err() != nil {
				err = nil
			}
			if cfg.Left != nil {
				cfg.Left(visitor, err)
			}
		})
	}
	playing.Wait()
}

// newBrowser returns the i-th browser, which nobody has heard of yet.
func newBrowser(cfg Config, i int, visitor string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // cannot happen: it takes no options
	}
	b := &browser{
		temper: tempers[i], addresses: cfg.Addresses, visitor: visitor, random: rand.New(rand.NewPCG(cfg.Seed, uint64(i))),
		client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	if cfg.Transport != nil {
		b.client.Transport = cfg.Transport()
	} else {
		b.client.Transport = &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute} // and no proxy
	}
	return b
}
