// Command soak runs a pair and its witness for a while beside busy loops, with
// nothing wrong at all, and counts what happens anyway: changes of role (false
// failovers), moments in which the fence closed for want of a renewal (stalls),
// and how late the daemons met their deadlines.
//
//	go run ./bench/soak -for 10m -busy 4 -timing fast
//	go run ./bench/soak -bfd -for 2m
//
// It fails when there was a false failover. With -bfd it runs two nodes with BFD
// at 10 ms x 3 between them and to two route servers, and counts the sessions that
// went down; it fails when one did of which both ends are Stead.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"stead/bench/world"
	"stead/internal/report"
)

type options struct {
	length  time.Duration
	busy    int
	timing  string
	binary  string
	overlay bool
	bfd     bool
}

func main() {
	var o options
	flag.DurationVar(&o.length, "for", 10*time.Minute, "how long")
	flag.IntVar(&o.busy, "busy", 4, "how many busy loops run beside it")
	flag.StringVar(&o.timing, "timing", "fast", "timing preset of the group")
	flag.StringVar(&o.binary, "stead", "bin/stead", "the binary to run")
	flag.BoolVar(&o.overlay, "overlay", false, "serve the address on a VXLAN overlay")
	flag.BoolVar(&o.bfd, "bfd", false, "two nodes with BFD at 10 ms x 3, and two route servers")
	spin := flag.Bool("spin", false, "be one of the busy loops")
	flag.Parse()
	for spun := 0; *spin; spun++ { // until it is killed
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return err
	}
	if err := world.Isolate(); err != nil {
		return err
	}
	if o.bfd {
		return runBFD(o, binary)
	}
	w, err := world.New()
	if err != nil {
		return err
	}
	defer w.Close()
	s := &soak{w: w, binary: binary, pair: world.Stead(binary, o.timing, o.overlay, true)}
	if err := s.begin(); err != nil {
		return err
	}
	end, err := spinning(o.busy)
	defer end()
	if err != nil {
		return err
	}
	before, err := s.statuses()
	if err != nil {
		return err
	}
	fmt.Printf("%s: a pair and a witness for %v beside %d busy loops\n", s.pair.Name, o.length, o.busy)
	time.Sleep(o.length)
	after, err := s.statuses()
	if err != nil {
		return err
	}
	return s.tell(before, after)
}

// spinning starts busy loops, and returns what ends them.
func spinning(loops int) (end func(), err error) {
	var running []*exec.Cmd
	for range loops {
		loop := exec.Command("/proc/self/exe", "-spin")
		if err = loop.Start(); err != nil {
			break
		}
		running = append(running, loop)
	}
	return func() {
		for _, loop := range running {
			_ = loop.Process.Kill()
			_ = loop.Wait()
		}
	}, err
}

type soak struct {
	w      *world.World
	binary string
	pair   world.Pair
}

// begin starts the pair and waits until the preferred node is active and the other
// ready. Where the other one was first, the group is moved: it would be on its own
// later, with nothing wrong either, when the preemption delay is over.
func (s *soak) begin() error {
	if err := s.pair.Start(s.w); err != nil {
		return err
	}
	deadline := time.Now().Add(15 * time.Second)
	for time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
		all, err := s.statuses()
		if err != nil {
			continue
		}
		primary, secondary := all[0].Group("web"), all[1].Group("web")
		switch {
		case primary.Role == report.RoleActive && secondary.Ready:
			time.Sleep(time.Second)
			return nil
		case secondary.Role == report.RoleActive && primary.Ready:
			if err := s.pair.Switchover(s.w, world.Secondary, world.Primary); err != nil {
				return err
			}
		}
	}
	return errors.New("no node became active beside a ready one\n" + s.w.Log(world.Primary) + s.w.Log(world.Secondary))
}

// statuses asks every daemon, in the order of world.Hosts.
func (s *soak) statuses() (all []report.Status, err error) {
	for _, host := range world.Hosts {
		text, err := exec.Command(s.binary, "status", "--json", "--socket", s.w.Dir+"/"+host.Name+".sock").Output()
		if err != nil {
			return nil, fmt.Errorf("status of %s: %w", host.Name, err)
		}
		var status report.Status
		if err := json.Unmarshal(text, &status); err != nil {
			return nil, fmt.Errorf("status of %s: %w", host.Name, err)
		}
		all = append(all, status)
	}
	return all, nil
}

// tell prints what has changed between two rounds of statuses.
func (s *soak) tell(before, after []report.Status) error {
	var failovers uint64
	for i, status := range after {
		g, was := status.Group("web"), before[i].Group("web")
		if g == nil || was == nil {
			continue
		}
		failovers = max(failovers, g.Epoch-was.Epoch)
		if g.Epoch == was.Epoch && g.Role != was.Role {
			failovers = max(failovers, 1)
		}
	}
	fmt.Printf("false failovers: %d\n\n", failovers)
	fmt.Println("| Node | role | stalls | real time | deadlines | late p50 | p99 | p99.9 | max |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|")
	for i, status := range after {
		role := report.RoleWitness
		if g := status.Group("web"); g != nil {
			role = g.Role
		}
		late := since(status.Loop.Late, before[i].Loop.Late)
		fmt.Printf("| %s | %s | %d | %t | %d | %s | %s | %s | %v |\n", status.Node, role,
			status.Fence.Stalls-before[i].Fence.Stalls, status.Realtime.Active, late.Total(),
			quantile(late, 0.5), quantile(late, 0.99), quantile(late, 0.999),
			time.Duration(late.MaxUS)*time.Microsecond)
	}
	if failovers > 0 {
		for _, host := range world.Hosts {
			fmt.Printf("\nwhat %s wrote, at the end:\n%s", host.Name, tail(s.w.Log(host.Name), 40))
		}
		return fmt.Errorf("%d changes of role with nothing wrong", failovers)
	}
	return nil
}

// tail is the last lines of a text.
func tail(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}

// since is what was counted after an earlier state. The maximum is of the whole run.
func since(now, then report.Lateness) report.Lateness {
	for i := range now.Counts {
		now.Counts[i] -= then.Counts[i]
	}
	return now
}

// quantile names the bucket in which a share q of the deadlines ends.
func quantile(late report.Lateness, q float64) string {
	var sum uint64
	for i, count := range late.Counts {
		sum += count
		if i < len(report.LatenessBounds) && float64(sum) >= q*float64(late.Total()) {
			return "≤ " + report.LatenessBounds[i].String()
		}
	}
	return "> " + report.LatenessBounds[len(report.LatenessBounds)-1].String()
}
