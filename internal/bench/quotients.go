package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// undisturbed is how much of its core a server has at least that waits for nothing but
// the load, unless something else runs there.
const undisturbed = 0.9

// leasts are what the median of the quotients of each store must be.
var leasts = []struct {
	store string // as contenders are named
	least float64
}{{"memory", 0.95}, {"SQLite", 0.85}}

// pair is the program and the program of an earlier commit, with the same arguments.
type pair struct{ now, before *contender }

// quotients measures the program and the earlier one in turn, and prints the quotients
// of their rates. It returns an error if their median is too small over a store.
func quotients(ctx context.Context, chosen *regexp.Regexp) error {
	var pairs []pair
	dirs := [2]string{filepath.Join(*work, "now"), filepath.Join(*work, "before")}
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	before := programs(*earlier, dirs[1])
	for i, c := range programs(*program, dirs[0]) {
		if !chosen.MatchString(c.name) {
			continue
		}
		p := pair{c, before[i]}
		for _, c := range []*contender{p.now, p.before} {
			defer c.stop()
			if err := c.begin(ctx, &reference{}); err != nil { // their answers may differ
				return err
			}
		}
		pairs = append(pairs, p)
	}
	for round := range *rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, *rounds)
		for i, p := range pairs {
			turn := []*contender{p.now, p.before}
			if (round+i)%2 == 1 { // neither is always the one that comes first
				turn[0], turn[1] = turn[1], turn[0]
			}
			for kind := range p.now.rate {
				for _, c := range turn {
					if err := c.measure(kind); err != nil {
						return err
					}
				}
			}
		}
	}
	return judge(pairs)
}

// rates returns the quotients of a pair's rates, one a round.
func (p pair) rates(kind int) (quotients []float64) {
	for i, rate := range p.now.rate[kind] {
		quotients = append(quotients, rate/p.before.rate[kind][i])
	}
	return quotients
}

// costs returns the quotients of the CPU time that the earlier program and the program
// take for a request, one a round: as with rates, more is better.
func (p pair) costs(kind int) (quotients []float64) {
	for i, cost := range p.now.cost[kind] {
		quotients = append(quotients, p.before.cost[kind][i]/cost)
	}
	return quotients
}

// judge prints the quotients. It returns an error if a median is too small.
func judge(pairs []pair) error {
	fmt.Printf("| now to %s | READ/s | WRITE/s | by rate: READ, WRITE | by CPU time: READ, WRITE | server's core busy |\n", *old)
	fmt.Println("|---|--:|--:|--:|--:|--:|")
	for _, p := range pairs {
		fmt.Printf("| %s | %s | %s | %.2f, %.2f | %.2f, %.2f | %.0f %%, %.0f %% |\n", p.now.name,
			grouped(median(p.now.rate[0])), grouped(median(p.now.rate[1])), median(p.rates(0)), median(p.rates(1)),
			median(p.costs(0)), median(p.costs(1)), 100*median(p.now.busy[0][0]), 100*median(p.now.busy[1][0]))
	}
	fmt.Println()
	var small []string
	for _, store := range leasts {
		var rates, costs, busy []float64
		for _, p := range pairs {
			if !strings.HasPrefix(p.now.name, "Sessionscope, "+store.store) {
				continue
			}
			for kind := range p.now.rate {
				rates = append(rates, p.rates(kind)...)
				costs = append(costs, p.costs(kind)...)
				busy = append(busy, p.now.busy[kind][0]...)
			}
		}
		if rates == nil {
			continue
		}
		quotient := median(rates)
		fmt.Printf("%s: median of %d quotients %.3f by rate, %.3f by CPU time; at least %.2f by rate\n", store.store, len(rates), quotient, median(costs), store.least)
		if store.store == "memory" && median(busy) < undisturbed {
			fmt.Printf("The servers had only %.0f %% of their core: something else ran there.\n", 100*median(busy))
		}
		if quotient < store.least {
			small = append(small, fmt.Sprintf("%s %.3f", store.store, quotient))
		}
	}
	fmt.Printf("%s.\n", circumstances())
	if small != nil {
		return fmt.Errorf("too slow beside %s: %s", *old, strings.Join(small, ", "))
	}
	return nil
}
