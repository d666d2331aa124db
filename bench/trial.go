package main

import (
	"context"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"stead/bench/world"
	"stead/internal/core/clock"
	"stead/internal/workload"
)

// The lengths of a trial's parts.
const (
	startup   = 15 * time.Second // until the address is served at all
	afterHeal = 2 * time.Second
)

// interval is that of the client's requests and of the question who holds.
func interval(pair *world.Pair) time.Duration {
	if pair.Slow >= time.Second {
		return 5 * time.Millisecond // several of these run at once
	}
	return time.Millisecond
}

// settled is how long the address has to be served without a change before the
// fault: longer than the kernel waits with what it asks its neighbours.
func settled(pair *world.Pair) time.Duration { return max(time.Second, 3*pair.Slow/2) }

// observed is how long is looked at after the fault.
func observed(pair *world.Pair) time.Duration { return max(700*time.Millisecond, 5*pair.Slow) }

// fault is something that happens to the host that serves.
type fault struct {
	name   string
	strike func(t *trial) error
	heals  bool // what is measured begins when it is mended
}

var faults = []fault{
	{"planned switchover", func(t *trial) error { return t.pair.Switchover(t.w, t.victim, t.other) }, false},
	{"graceful stop", func(t *trial) error { return t.w.Signal(t.victim, syscall.SIGTERM, false) }, false},
	{"SIGKILL", func(t *trial) error { return t.w.Signal(t.victim, syscall.SIGKILL, true) }, false},
	{"freeze", func(t *trial) error { return t.w.Signal(t.victim, syscall.SIGSTOP, true) }, false},
	{"link cut", func(t *trial) error { return t.w.Cut(t.victim) }, false},
	{"black hole", func(t *trial) error { return t.w.BlackHole(t.victim) }, false},
	{"black hole heals", func(t *trial) error { return t.w.BlackHole(t.victim) }, true},
}

// check is a fault of pairs that have one.
var check = fault{"check", func(t *trial) error { return t.pair.Fail(t.w, t.victim) }, false}

// outcome is what one trial showed.
type outcome struct {
	outage   time.Duration // the longest time without an answer
	lost     int
	takeover time.Duration // until the other host held the address; 0: it did not
	both     time.Duration // in which two hosts held it
	unserved bool          // nobody answered at the end
}

// trial is one fault that happens to one pair in a new world.
type trial struct {
	pair          world.Pair
	w             *world.World
	client        *workload.Pinger
	holders       *workload.Pinger
	victim, other string
	cancel        context.CancelFunc
	ctx           context.Context
}

func try(pair world.Pair, f fault) (outcome, error) {
	if pair.Routing != nil {
		return tryRouted(pair, f)
	}
	t, err := begin(pair, f.name == check.name)
	if err != nil {
		return outcome{}, err
	}
	defer t.end()
	at := workload.Now()
	if err := f.strike(t); err != nil {
		return outcome{}, err
	}
	time.Sleep(observed(&t.pair))
	if f.heals {
		at = workload.Now()
		if err := t.w.Mend(t.victim); err != nil {
			return outcome{}, err
		}
		time.Sleep(afterHeal)
	}
	return t.judge(at), nil
}

// begin starts the world, the pair, with its health checks or without, and the
// client, and waits until one host has served for a while.
func begin(pair world.Pair, checked bool) (*trial, error) {
	w, err := build(pair)
	if err != nil {
		return nil, err
	}
	w.Checked = checked
	t := &trial{pair: pair, w: w}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	if err := t.serve(); err != nil {
		t.end()
		return nil, err
	}
	if err := t.settle(); err != nil {
		err = fmt.Errorf("%w\n%s\n%s", err, w.Log(world.Primary), w.Log(world.Secondary))
		t.end()
		return nil, err
	}
	return t, nil
}

func build(pair world.Pair) (*world.World, error) {
	if pair.Routing != nil {
		return world.NewRouted(*pair.Routing)
	}
	return world.New()
}

func (t *trial) end() {
	t.cancel()
	t.w.Close()
}

func (t *trial) serve() error {
	for _, host := range []string{world.Primary, world.Secondary} {
		err := t.w.In(host, func() error {
			server, err := workload.Listen(host, netip.Addr{}, 3000)
			if err == nil {
				go func() { _ = server.Serve(t.ctx) }()
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return t.pair.Start(t.w)
}

// settle waits for the devices, starts to ask, and waits until one host alone
// has answered for a while.
func (t *trial) settle() error {
	deadline := time.Now().Add(startup)
	if t.pair.Routing != nil {
		return t.settleRouted(deadline)
	}
	names := map[string]string{}
	for _, host := range world.Hosts {
		mac, err := t.w.MAC(host.Name, t.pair.Device)
		for ; err != nil; mac, err = t.w.MAC(host.Name, t.pair.Device) {
			if time.Now().After(deadline) {
				return err
			}
			time.Sleep(5 * time.Millisecond)
		}
		names[mac] = host.Name
	}
	if err := t.ask(names); err != nil {
		return err
	}
	return t.awaitSole(deadline)
}

// awaitSole waits until one host has served alone for a while.
func (t *trial) awaitSole(deadline time.Time) error {
	for time.Now().Before(deadline) {
		time.Sleep(20 * time.Millisecond)
		if t.victim = t.soleHolder(); t.victim != "" {
			t.other = world.Primary
			if t.victim == world.Primary {
				t.other = world.Secondary
			}
			return nil
		}
	}
	return fmt.Errorf("%s: not served by one host for %v within %v", t.pair.Name, settled(&t.pair), startup)
}

func (t *trial) ask(names map[string]string) error {
	err := t.w.In(world.Client, func() (err error) {
		t.client, err = workload.NewPinger(workload.Options{
			Target: netip.AddrPortFrom(t.pair.VIP, 3000), Proto: workload.UDP,
			Interval: interval(&t.pair), Timeout: 100 * time.Millisecond, Realtime: true,
		})
		return err
	})
	if err != nil {
		return err
	}
	go t.client.Run(t.ctx)
	err = t.w.In(world.Client, func() (err error) {
		t.holders, err = workload.NewHolderProber(workload.HolderOptions{
			Interface: t.pair.Device, Address: t.pair.VIP,
			Interval: interval(&t.pair), Timeout: 100 * time.Millisecond, Names: names, Realtime: true,
		})
		return err
	})
	if err == nil {
		go t.holders.Run(t.ctx)
	}
	return err
}

// soleHolder is the host that has answered every request for a while, or empty.
func (t *trial) soleHolder() string {
	now := workload.Now()
	from := now.Add(-settled(&t.pair))
	samples := t.client.Samples(from, now.Add(-20*time.Millisecond))
	if len(samples) == 0 || samples[0].Sent.Sub(from) > 50*time.Millisecond {
		return ""
	}
	for i := range samples {
		if samples[i].ID == "" || samples[i].ID != samples[0].ID {
			return ""
		}
	}
	return samples[0].ID
}

// judge tells what the client and the holder prober saw since a moment.
func (t *trial) judge(at clock.Instant) (o outcome) {
	end := workload.Now().Add(-100 * time.Millisecond)
	seen := t.client.Samples(at.Add(-10*time.Millisecond), end)
	report := workload.Analyze(seen, interval(&t.pair))
	o.outage, o.lost = report.Longest, report.Lost
	o.unserved = len(seen) == 0 || !seen[len(seen)-1].Answered()
	held := t.holders.Samples(at.Add(-10*time.Millisecond), end)
	for i := range held {
		if held[i].ID == t.other || held[i].Second == t.other {
			o.takeover = held[i].Sent.Sub(at)
			break
		}
	}
	for _, dual := range workload.Analyze(held, interval(&t.pair)).Dual {
		o.both += dual.Length(interval(&t.pair))
	}
	return o
}
