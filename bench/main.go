// Command bench measures Stead against keepalived, in the same run, in the same
// network, one trial of each in turn, so that what the machine does meanwhile
// happens to both.
//
//	go run ./bench -n 10              # every fault ten times for each pair
//	go run ./bench -fault freeze      # one fault
//	go run ./bench -vrrp -n 5         # both by VRRP, at 1 s, 100 ms and 10 ms
//	go run ./bench -bgp -n 5          # against ExaBGP and FRR, through route servers
//
// The client sends a request each millisecond over UDP. An outage is the longest
// time without an answer; "takes over" is when the other host first answered an
// ARP probe for the address; "both" is how long two hosts answered them.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"stead/bench/world"
)

// options are what a user may choose.
type options struct {
	trials, rounds      int
	fault, pair, binary string
	idle                time.Duration
	router              string
	json, vrrp, bgp     bool
}

func main() {
	var o options
	flag.IntVar(&o.trials, "n", 10, "trials of each fault for each pair")
	flag.StringVar(&o.fault, "fault", "", "this fault only; its name, or the start of it")
	flag.StringVar(&o.pair, "pair", "", "this pair only; the start of its name")
	flag.DurationVar(&o.idle, "idle", 10*time.Second, "how long the idle cost is measured; 0: not at all")
	flag.IntVar(&o.rounds, "rounds", 15, "rounds in which the overlay is compared with a tunnel made by hand; 0: not at all")
	flag.StringVar(&o.binary, "stead", "bin/stead", "the binary to measure")
	flag.BoolVar(&o.vrrp, "vrrp", false, "both by VRRP, at several advertisement intervals")
	flag.BoolVar(&o.bgp, "bgp", false, "through route servers, by BGP")
	flag.StringVar(&o.router, "router", "", "with -bgp: these route servers only, bird or frr")
	flag.BoolVar(&o.json, "json", false, "print JSON")
	flag.Parse()
	if err := run(&o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o *options) error {
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return err
	}
	if err := world.Isolate(); err != nil {
		return err
	}
	if o.vrrp {
		return runVRRP(o, binary)
	}
	if o.bgp {
		return runBGP(o, binary)
	}
	pairs := []world.Pair{
		world.Keepalived(10 * time.Millisecond),
		world.Stead(binary, "fast", false, true),
		world.Stead(binary, "fast", true, true),
		world.Stead(binary, "fast", false, false),
	}
	pairs = slices.DeleteFunc(pairs, func(p world.Pair) bool { return !strings.HasPrefix(p.Name, o.pair) })
	var rows []row
	for _, f := range faults {
		if strings.HasPrefix(f.name, o.fault) {
			rows = append(rows, measure(pairs, f, o.trials)...)
		}
	}
	var costs []cost
	for _, pair := range pairs {
		if o.idle > 0 {
			costs = append(costs, idleCost(pair, o.idle))
		}
	}
	var paths []path
	if i := slices.IndexFunc(pairs, func(p world.Pair) bool { return p.Device == "vxlan0" }); i >= 0 && o.rounds > 0 {
		if paths, err = measurePaths(pairs[i], o.rounds); err != nil {
			return fmt.Errorf("path: %w", err)
		}
	}
	if o.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"faults": rows, "idle": costs, "paths": paths})
	}
	printRows(os.Stdout, rows)
	printCosts(os.Stdout, costs)
	printPaths(os.Stdout, paths)
	return failed(rows)
}

// failed names the first trial that went wrong, or is nil.
func failed(rows []row) error {
	if i := slices.IndexFunc(rows, func(r row) bool { return len(r.Errors) > 0 }); i >= 0 {
		return fmt.Errorf("%s, %s: %s", rows[i].Fault, rows[i].Pair, rows[i].Errors[0])
	}
	return nil
}

// measure goes through n trials of a fault, the pairs in turn.
func measure(pairs []world.Pair, f fault, n int) []row {
	rows := make([]row, len(pairs))
	for i, pair := range pairs {
		rows[i] = row{Fault: f.name, Pair: pair.Name}
	}
	for round := range n {
		for i, pair := range pairs {
			if f.name == "planned switchover" && pair.Switchover == nil {
				continue
			}
			progress(fmt.Sprintf("%s, %d of %d: %s", f.name, round+1, n, pair.Name))
			got, err := try(pair, f)
			rows[i].add(got, err)
		}
	}
	progress("")
	return rows
}

// progress shows a person where it is.
func progress(text string) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "\r%-70s\r", text)
	}
}
