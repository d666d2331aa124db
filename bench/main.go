// Command bench measures Stead against keepalived, in the same run, in the same
// network, one trial of each in turn, so that what the machine does meanwhile
// happens to both.
//
//	go run ./bench -n 10              # every fault ten times for each pair
//	go run ./bench -fault freeze      # one fault
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

func main() {
	n := flag.Int("n", 10, "trials of each fault for each pair")
	fault := flag.String("fault", "", "this fault only; its name, or the start of it")
	only := flag.String("pair", "", "this pair only; the start of its name")
	idle := flag.Duration("idle", 10*time.Second, "how long the idle cost is measured; 0: not at all")
	binary := flag.String("stead", "bin/stead", "the binary to measure")
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	if err := run(*binary, *fault, *only, *n, *idle, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(binary, fault, only string, n int, idle time.Duration, asJSON bool) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	if err := world.Isolate(); err != nil {
		return err
	}
	pairs := []world.Pair{
		world.Keepalived(),
		world.Stead(binary, "fast", false, true),
		world.Stead(binary, "fast", true, true),
		world.Stead(binary, "fast", false, false),
	}
	pairs = slices.DeleteFunc(pairs, func(p world.Pair) bool { return !strings.HasPrefix(p.Name, only) })
	var rows []row
	for _, f := range faults {
		if strings.HasPrefix(f.name, fault) {
			rows = append(rows, measure(pairs, f, n)...)
		}
	}
	var costs []cost
	for _, pair := range pairs {
		if idle > 0 {
			costs = append(costs, idleCost(pair, idle))
		}
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"faults": rows, "idle": costs})
	}
	printRows(os.Stdout, rows)
	printCosts(os.Stdout, costs)
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
