package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"stead/bench/world"
	"stead/internal/lab/routeserver"
)

// The settings that are compared. A hold time of 180 s, which ExaBGP has by
// default and Azure's route servers offer, makes a silent fault last as long: it
// is not waited for here.
func routedClasses(binary, only string) []class {
	bfd := func(interval time.Duration) routeserver.BFD {
		return routeserver.BFD{Interval: interval, Multiplier: 3}
	}
	plain := func(kind string, hold time.Duration) world.Routing { return world.Routing{Kind: kind, Hold: hold} }
	watched := func(kind string, interval time.Duration) world.Routing {
		return world.Routing{Kind: kind, Hold: 9 * time.Second, BFD: bfd(interval)}
	}
	const usual, short = 9 * time.Second, 3 * time.Second
	fast, faster := 10*time.Millisecond, 5*time.Millisecond
	list := []class{
		{routeserver.BIRD, 1, []world.Pair{
			world.ExaBGP(plain(routeserver.BIRD, usual)),
			world.ExaBGP(plain(routeserver.BIRD, short)),
			world.FRRSpeaker(watched(routeserver.BIRD, 50*time.Millisecond)),
			world.FRRSpeaker(watched(routeserver.BIRD, fast)),
			world.SteadBGP(binary, "fast", plain(routeserver.BIRD, usual)),
			world.SteadBGP(binary, "", plain(routeserver.BIRD, usual)),
			world.SteadBGP(binary, "", watched(routeserver.BIRD, fast)),
			world.SteadBGP(binary, "", watched(routeserver.BIRD, faster)),
		}},
		// FRR knows no BFD below 10 ms, and adds some 70 ms to every change.
		{routeserver.FRR, 1, []world.Pair{
			world.ExaBGP(plain(routeserver.FRR, usual)),
			world.FRRSpeaker(watched(routeserver.FRR, fast)),
			world.SteadBGP(binary, "fast", plain(routeserver.FRR, usual)),
			world.SteadBGP(binary, "", watched(routeserver.FRR, fast)),
		}},
	}
	return slices.DeleteFunc(list, func(c class) bool { return only != "" && c.name != only })
}

// runBGP measures what announces an address to two route servers.
func runBGP(o *options, binary string) error {
	for _, kind := range routeserver.Kinds {
		if err := routeserver.Installed(kind); err != nil {
			return err
		}
	}
	var all []row
	var costs []cost
	list := routedClasses(binary, o.router)
	for i := range list {
		c := &list[i]
		c.pairs = slices.DeleteFunc(c.pairs, func(p world.Pair) bool { return !strings.HasPrefix(p.Name, o.pair) })
		var rows []row
		for _, f := range routedFaults {
			if strings.HasPrefix(f.name, o.fault) && len(c.pairs) > 0 {
				rows = append(rows, c.measure(f, o.trials)...)
			}
		}
		if !o.json && len(rows) > 0 {
			fmt.Printf("\nTwo route servers, %s.\n\n", strings.ToUpper(c.name))
			printRows(os.Stdout, rows)
		}
		all = append(all, rows...)
	}
	if o.idle > 0 && len(list) > 0 {
		for _, pair := range list[0].pairs {
			costs = append(costs, idleCost(pair, o.idle))
		}
	}
	if o.json {
		return json.NewEncoder(os.Stdout).Encode(map[string]any{"faults": all, "idle": costs})
	}
	printCosts(os.Stdout, costs)
	return failed(all)
}
