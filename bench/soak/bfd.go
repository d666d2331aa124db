package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"stead/bench/world"
	"stead/internal/lab/routeserver"
	"stead/internal/report"
)

// runBFD counts BFD sessions that go down with nothing wrong.
func runBFD(o options, binary string) error {
	r := world.Routing{Kind: routeserver.BIRD, Hold: 9 * time.Second, BFD: routeserver.BFD{Interval: 10 * time.Millisecond, Multiplier: 3}}
	if err := routeserver.Installed(r.Kind); err != nil {
		return err
	}
	w, err := world.NewRouted(r)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := world.SteadPaths(binary, r).Start(w); err != nil {
		return err
	}
	before, err := upEverywhere(w, binary)
	if err != nil {
		return fmt.Errorf("%w\n%s\n%s", err, w.Log(world.Primary), w.Log(world.Secondary))
	}
	end, err := spinning(o.busy)
	defer end()
	if err != nil {
		return err
	}
	fmt.Printf("BFD at 10 ms x 3, for %v beside %d busy loops\n\n", o.length, o.busy)
	time.Sleep(o.length)
	after, err := paths(w, binary)
	if err != nil {
		return err
	}
	return tellPaths(before, after)
}

// path is a BFD session of a node.
type path struct {
	node string
	report.BFDSession
}

// ours tells whether both ends of the session are Stead: sessions with route
// servers are named as those are.
func (p *path) ours() bool { return p.Name != world.RS1 && p.Name != world.RS2 }

func paths(w *world.World, binary string) (all []path, err error) {
	for _, host := range []string{world.Primary, world.Secondary} {
		text, err := exec.Command(binary, "status", "--json", "--socket", w.Dir+"/"+host+".sock").Output()
		if err != nil {
			return nil, fmt.Errorf("status of %s: %w", host, err)
		}
		var status report.Status
		if err := json.Unmarshal(text, &status); err != nil {
			return nil, fmt.Errorf("status of %s: %w", host, err)
		}
		for _, session := range status.BFD {
			all = append(all, path{host, session})
		}
	}
	return all, nil
}

// sessions is how many there are: each node has one with the other and one with
// each route server.
const sessions = 6

func upEverywhere(w *world.World, binary string) (all []path, err error) {
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if all, err = paths(w, binary); err != nil {
			continue
		}
		up := 0
		for i := range all {
			if all[i].Up() {
				up++
			}
		}
		if up == sessions && len(all) == sessions {
			time.Sleep(time.Second) // for the negotiated interval
			return paths(w, binary)
		}
	}
	return nil, errors.Join(errors.New("not every BFD session is up"), err)
}

func tellPaths(before, after []path) error {
	fmt.Println("| Node | session with | went down | packets heard | longest gap, ms |")
	fmt.Println("|---|---|---|---|---|")
	var ours, theirs uint64
	for i := range after {
		p := &after[i]
		downs := p.Downs - before[i].Downs
		if p.ours() {
			ours += downs
		} else {
			theirs += downs
		}
		fmt.Printf("| %s | %s | %d | %d | %.1f |\n", p.node, p.Name, downs, p.Received-before[i].Received, float64(p.MaxGap)/1000)
	}
	fmt.Printf("\nfalse downs: %d between nodes, %d with route servers\n", ours, theirs)
	if ours > 0 {
		return fmt.Errorf("%d sessions between nodes went down with nothing wrong", ours)
	}
	return nil
}
