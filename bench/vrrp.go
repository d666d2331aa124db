package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"stead/bench/world"
)

// class is pairs with the same advertisement interval; the first is the measure
// of the others.
type class struct {
	name  string
	once  int // trials at once: at long intervals they mostly wait
	pairs []world.Pair
}

func classes(binary string) []class {
	const slow, usual, fast = time.Second, 100 * time.Millisecond, 10 * time.Millisecond
	return []class{
		{"1 s", 8, []world.Pair{world.Keepalived(slow), world.SteadVRRP(binary, slow, false)}},
		{"100 ms", 2, []world.Pair{world.Keepalived(usual), world.SteadVRRP(binary, usual, false)}},
		{"10 ms", 1, []world.Pair{world.Keepalived(fast), world.SteadVRRP(binary, fast, false), world.SteadVRRP(binary, fast, true)}},
	}
}

// vrrpFaults are what happens to VRRP pairs. A planned switchover is a drain.
func vrrpFaults() (list []fault) {
	for _, f := range faults {
		if !f.heals {
			list = append(list, f)
		}
	}
	return append(list, check)
}

// runVRRP measures both by VRRP.
func runVRRP(o *options, binary string) error {
	var all []row
	var costs []cost
	list := classes(binary)
	for i := range list {
		c := &list[i]
		c.pairs = slices.DeleteFunc(c.pairs, func(p world.Pair) bool { return !strings.HasPrefix(p.Name, o.pair) })
		var rows []row
		for _, f := range vrrpFaults() {
			if strings.HasPrefix(f.name, o.fault) && len(c.pairs) > 0 {
				rows = append(rows, c.measure(f, o.trials)...)
			}
		}
		if !o.json && len(rows) > 0 {
			fmt.Printf("\nVRRP, an advertisement every %s.\n\n", c.name)
			printRows(os.Stdout, rows)
		}
		all = append(all, rows...)
	}
	if o.idle > 0 {
		costs = idleTogether(list, o.idle)
	}
	if o.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"faults": all, "idle": costs})
	}
	printCosts(os.Stdout, costs)
	return failed(all)
}

// measure goes through n trials of a fault, some at once, the pairs in turn.
func (c *class) measure(f fault, n int) []row {
	rows := make([]row, len(c.pairs))
	var mu sync.Mutex
	var running sync.WaitGroup
	room := make(chan struct{}, c.once)
	for i, pair := range c.pairs {
		rows[i] = row{Fault: f.name, Pair: pair.Name}
	}
	for round := range n {
		for i, pair := range c.pairs {
			if f.name == "planned switchover" && pair.Switchover == nil {
				continue
			}
			room <- struct{}{}
			progress(fmt.Sprintf("%s, %d of %d: %s", f.name, round+1, n, pair.Name))
			running.Go(func() {
				got, err := try(pair, f)
				mu.Lock()
				rows[i].add(got, err)
				mu.Unlock()
				<-room
			})
		}
	}
	running.Wait()
	progress("")
	return rows
}

// idleTogether measures what every pair takes on the host that serves, all at the
// same time and with no client.
func idleTogether(classes []class, length time.Duration) []cost {
	progress("idle")
	defer progress("")
	var pairs []world.Pair
	for _, c := range classes {
		pairs = append(pairs, c.pairs...)
	}
	costs := make([]cost, len(pairs))
	var running sync.WaitGroup
	for i, pair := range pairs {
		running.Go(func() {
			t, err := begin(pair, false)
			if err != nil {
				costs[i] = cost{Pair: pair.Name, Error: err.Error()}
				return
			}
			defer t.end()
			t.cancel() // the client
			costs[i] = t.idle(length)
		})
	}
	running.Wait()
	return costs
}
