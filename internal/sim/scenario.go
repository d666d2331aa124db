package sim

import (
	"fmt"
	"net/netip"
	"time"

	"stead/internal/core"
)

// timings are the presets and some further ones, as interval and multiplier.
var timings = []struct {
	interval   time.Duration
	multiplier int
}{
	{5 * time.Millisecond, 3}, {5 * time.Millisecond, 3}, {10 * time.Millisecond, 4}, {50 * time.Millisecond, 4},
	{500 * time.Millisecond, 4}, {2 * time.Millisecond, 5}, {20 * time.Millisecond, 3}, {7 * time.Millisecond, 2},
}

// RandomSetup makes up a configuration, its network and its faults from a seed.
func RandomSetup(seed uint64) Setup {
	r := newRandom(seed*2 + 1)
	s := Setup{Config: randomConfig(r), DriftPPM: 200}
	interval := s.Config.Interval
	if r.chance(5) {
		// As far apart as the margin that a lease takes off allows: 1/64 between two clocks.
		s.DriftPPM = 7000
	}
	s.Jitter = r.duration(0, interval/10)
	s.Checks = interval * time.Duration(r.between(2, 6))
	s.Network = NetworkProfile{
		Latency:   r.duration(10*time.Microsecond, interval/20),
		Jitter:    r.duration(0, interval/10),
		Duplicate: []int{0, 0, 10, 200}[r.intn(4)],
	}
	if r.chance(8) {
		s.Network.Loss = r.between(1, 50)
	}
	s.Kernel = KernelProfile{ApplyMin: 20 * time.Microsecond, StoreMax: min(interval, 5*time.Millisecond)}
	s.Kernel.ApplyMax = s.Kernel.ApplyMin + r.duration(0, interval/4)
	for range r.between(1, 2) {
		s.Clients = append(s.Clients, core.NodeID(r.intn(len(s.Config.Nodes))))
	}
	s.Hostile = r.chance(2)
	s.schedule(r)
	return s
}

func randomConfig(r *random) core.Config {
	members := []int{2, 2, 2, 2, 3, 3, 3, 4, 4, 5}[r.intn(10)]
	witnesses := []int{0, 0, 0, 0, 1, 1, 1, 1, 1, 2}[r.intn(10)]
	paths := 1 + b2i(r.chance(4))
	cfg := core.Config{Keys: [][]byte{make([]byte, 32)}}
	r.bytes(cfg.Keys[0])
	ipv6 := r.chance(3)
	for i := range members + witnesses {
		n := core.Node{Name: fmt.Sprintf("n%d", i+1), Witness: i >= members}
		if n.Witness {
			n.Name = fmt.Sprintf("w%d", i-members+1)
		}
		for p := range paths {
			n.Paths = append(n.Paths, nodeAddress(ipv6, p, i))
		}
		cfg.Nodes = append(cfg.Nodes, n)
	}
	base := timings[r.intn(len(timings))]
	groups := []int{1, 1, 1, 2, 2, 3, 5, 8}[r.intn(8)]
	for g := range groups {
		cfg.Groups = append(cfg.Groups, randomGroup(r, g, members, witnesses, base.interval, base.multiplier))
	}
	cfg.Interval = cfg.Groups[0].Interval
	for _, g := range cfg.Groups {
		cfg.Interval = min(cfg.Interval, g.Interval)
	}
	return cfg
}

func nodeAddress(ipv6 bool, path, node int) netip.AddrPort {
	if ipv6 {
		return netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:%x::%x", path+1, node+16)), 9176)
	}
	return netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", path*100+node+10)), 9176)
}

func randomGroup(r *random, n, members, witnesses int, interval time.Duration, multiplier int) core.Group {
	g := core.Group{
		Name:       fmt.Sprintf("g%d", n+1),
		Interval:   interval * time.Duration([]int{1, 1, 1, 1, 2, 4}[r.intn(6)]),
		Multiplier: multiplier,
		Linger:     []time.Duration{0, 20 * time.Millisecond, 20 * time.Millisecond}[r.intn(3)],
		Preempt:    r.chance(2),
		Interfaces: []string{[]string{"vxlan0", "eth1"}[r.intn(2)]},
	}
	if n == 0 {
		g.Interval = interval
	}
	equal := r.chance(4)
	for i := range members {
		if i >= 2 && r.chance(4) || i == 1 && members > 2 && r.chance(8) {
			continue
		}
		p := []int{1, 50, 100, 150, 200, 254, 255}[r.intn(7)]
		if equal {
			p = 100
		}
		g.Members = append(g.Members, core.Member{Node: core.NodeID(i), Priority: p})
		g.Voters = append(g.Voters, core.NodeID(i))
	}
	for i := range witnesses {
		g.Voters = append(g.Voters, core.NodeID(members+i))
	}
	g.Quorum = len(g.Voters) >= 3 && !r.chance(4) || len(g.Voters) == 2 && r.chance(6)
	g.HoldOnQuorumLoss = g.Quorum && r.chance(10)
	if g.Preempt {
		g.PreemptDelay = r.duration(0, 20*interval)
	}
	if r.chance(3) {
		g.StartDelay = r.duration(0, 2*g.Lease())
	}
	g.PrepareHook = r.chance(5)
	if r.chance(3) {
		g.Refresh = 10 * interval
	}
	for c := range r.between(0, 2) {
		check := core.Check{Name: fmt.Sprintf("c%d", c+1), Rise: r.between(1, 3), Fall: r.between(1, 3)}
		if r.chance(2) {
			check.Fatal = true
		} else {
			check.Weight = []int{-150, -20, 20, 100}[r.intn(4)]
		}
		g.Checks = append(g.Checks, check)
	}
	return g
}
