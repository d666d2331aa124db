package main

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"stead/bench/world"
	"stead/internal/core/clock"
	"stead/internal/workload"
)

// flows are the client's sockets, which take turns: the route servers carry some
// of them each.
const flows = 16

// settledFlows is how many requests in a row the same host has to answer before a
// change is over: every flow has had its turn several times.
const settledFlows = 10 * flows

// routedFaults are what happens to the host that is preferred.
var routedFaults = []fault{
	{"planned switchover", faults[0].strike, false},
	{"graceful stop", faults[1].strike, false},
	{"SIGKILL", faults[2].strike, false},
	{"freeze", faults[3].strike, false},
	{"black hole", faults[5].strike, false},
	{"link cut", faults[4].strike, false},
	{"return", leave, true},
}

// leave stops the preferred host, and waits until the other one serves.
func leave(t *trial) error {
	at := workload.Now()
	if err := t.w.Signal(t.victim, syscall.SIGTERM, false); err != nil {
		return err
	}
	t.w.Ended(t.victim)
	if !t.awaitHost(t.other, at, t.limit()) {
		return fmt.Errorf("%s: %s does not serve after %s was stopped\n%s", t.pair.Name, t.other, t.victim, t.w.Log(t.other))
	}
	time.Sleep(time.Second)
	return nil
}

// limit is how long a change may take: what waits for the hold time waits no longer.
func (t *trial) limit() time.Duration { return t.pair.Routing.Hold*4/3 + 3*time.Second }

func tryRouted(pair world.Pair, f fault) (outcome, error) {
	t, err := begin(pair, false)
	if err != nil {
		return outcome{}, err
	}
	defer t.end()
	at, next := workload.Now(), t.other
	if err := f.strike(t); err != nil {
		return outcome{}, err
	}
	if f.heals {
		at, next = workload.Now(), t.victim
		if err := t.pair.Again(t.w, t.victim); err != nil {
			return outcome{}, err
		}
	}
	moved := t.awaitHost(next, at, t.limit())
	o := t.judgeRouted(at, next)
	o.unserved = o.unserved || !moved
	return o, nil
}

// settleRouted starts to ask through the route servers, and waits until the
// preferred host has answered for a while, alone.
func (t *trial) settleRouted(deadline time.Time) error {
	err := t.w.In(world.Client, func() (err error) {
		t.client, err = workload.NewPinger(workload.Options{
			Target: netip.AddrPortFrom(t.pair.VIP, 3000), Proto: workload.UDP, Flows: flows,
			Interval: time.Millisecond, Timeout: 100 * time.Millisecond, Realtime: true,
		})
		return err
	})
	if err != nil {
		return err
	}
	go t.client.Run(t.ctx)
	t.victim, t.other = world.Primary, world.Secondary
	for time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
		if t.soleHolder() != t.victim {
			continue
		}
		// The other one has to be there too.
		time.Sleep(time.Second)
		if t.soleHolder() == t.victim && t.w.RoutesReady(*t.pair.Routing) {
			return nil
		}
	}
	return fmt.Errorf("%s: not served by the primary for %v within %v", t.pair.Name, settled(&t.pair), startup)
}

// awaitHost waits until a host has answered enough requests in a row that were
// sent after a moment.
func (t *trial) awaitHost(host string, from clock.Instant, limit time.Duration) bool {
	for end := workload.Now().Add(limit); workload.Now() < end; time.Sleep(10 * time.Millisecond) {
		now := workload.Now()
		samples := t.client.Samples(max(from, now.Add(-4*settledFlows*time.Millisecond)), now.Add(-20*time.Millisecond))
		if len(samples) < settledFlows {
			continue
		}
		steady := true
		for i := range samples[len(samples)-settledFlows:] {
			steady = steady && samples[len(samples)-1-i].ID == host
		}
		if steady {
			time.Sleep(200 * time.Millisecond) // for what comes after the change
			return true
		}
	}
	return false
}

// judgeRouted tells what the client saw since a moment. Flows go through different
// route servers: while one of them is behind, some requests are answered and some
// are not, and that is one outage.
func (t *trial) judgeRouted(at clock.Instant, next string) (o outcome) {
	end := workload.Now().Add(-100 * time.Millisecond)
	seen := t.client.Samples(at.Add(-10*time.Millisecond), end)
	report := workload.Analyze(seen, time.Millisecond)
	for _, outage := range workload.Together(report.Outages, 2*flows*time.Millisecond) {
		o.outage = max(o.outage, outage.Length)
	}
	o.lost = report.Lost
	o.unserved = len(seen) == 0 || !seen[len(seen)-1].Answered()
	for i := range seen {
		if seen[i].ID == next && seen[i].Sent >= at {
			o.takeover = seen[i].Sent.Sub(at)
			break
		}
	}
	for i := range report.Dual {
		o.both += report.Dual[i].Length(time.Millisecond)
	}
	return o
}
