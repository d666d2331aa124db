package sim

import (
	"fmt"
	"net/netip"
	"time"

	"stead/internal/core"
	"stead/internal/core/vrrp"
)

// advertIntervals are how often the routers of a world advertise; some of them up
// to five times more seldom.
var advertIntervals = []time.Duration{
	10 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, time.Second, time.Second,
}

// RandomRouterSetup makes up virtual routers, their network and its faults from a
// seed: groups of both versions and families, with intervals that differ from
// router to router, equal and close priorities, multicast and unicast, some of them
// watched by heartbeats.
func RandomRouterSetup(seed uint64) Setup {
	r := newRandom(seed*2 + 0x56525250)
	s := Setup{DriftPPM: 200, Config: core.Config{Keys: [][]byte{make([]byte, 32)}}}
	r.bytes(s.Config.Keys[0])
	for i := range []int{2, 2, 2, 3, 3, 4}[r.intn(6)] {
		s.Config.Nodes = append(s.Config.Nodes, core.Node{Name: fmt.Sprintf("n%d", i+1), Paths: []netip.AddrPort{nodeAddress(false, 0, i)}})
	}
	intervals := map[[2]int]time.Duration{}
	base := advertIntervals[r.intn(len(advertIntervals))]
	s.Config.Interval = base
	for g := range []int{1, 1, 1, 2, 3}[r.intn(5)] {
		cfg := randomRouter(r, g, len(s.Config.Nodes), base)
		mixed := cfg.Router.Version == 3 && r.chance(3)
		for _, m := range cfg.Members {
			every := cfg.Router.Interval
			if mixed {
				every = base * time.Duration([]int{1, 1, 2, 5}[r.intn(4)])
			}
			intervals[[2]int{g, int(m.Node)}] = every
		}
		if cfg.Interval > 0 {
			s.Config.Interval = min(s.Config.Interval, cfg.Interval)
		}
		s.Config.Groups = append(s.Config.Groups, cfg)
	}
	s.Vary = func(host int, g *core.Group) { varyRouter(intervals, host, g) }
	interval := s.Config.Interval
	s.Jitter = r.duration(0, interval/100)
	s.Checks = interval * time.Duration(r.between(2, 6))
	s.Network = NetworkProfile{Latency: r.duration(10*time.Microsecond, interval/100), Jitter: r.duration(0, interval/100), Duplicate: []int{0, 0, 10, 200}[r.intn(4)]}
	if r.chance(10) {
		s.Network.Loss = r.between(1, 50)
	}
	s.Kernel = KernelProfile{ApplyMin: 20 * time.Microsecond, StoreMax: min(interval, 5*time.Millisecond)}
	s.Kernel.ApplyMax = s.Kernel.ApplyMin + r.duration(0, interval/4)
	s.Clients = append(s.Clients, core.NodeID(r.intn(len(s.Config.Nodes))))
	s.schedule(r)
	return s
}

// varyRouter gives a router the interval and the peers that its host has configured.
func varyRouter(intervals map[[2]int]time.Duration, host int, g *core.Group) {
	router := *g.Router
	var index int
	if _, err := fmt.Sscanf(g.Name, "g%d", &index); err != nil {
		return
	}
	if every, ok := intervals[[2]int{index - 1, host}]; ok {
		router.Interval = every
	}
	if router.Unicast {
		router.To = nil
		for _, m := range g.Members {
			if int(m.Node) != host {
				router.To = append(router.To, m.Router)
			}
		}
		router.Peers = router.To
	}
	g.Router = &router
}

func randomRouter(r *random, n, nodes int, interval time.Duration) core.Group {
	ipv6 := r.chance(3)
	c := &vrrp.Config{VRID: uint8(51 + n), Version: 3, MinTTL: 255, DownAdverts: 3, Accept: true, Interval: interval}
	c.Addresses, c.To = []netip.Addr{netip.MustParseAddr("198.51.100.1")}, []netip.Addr{netip.MustParseAddr("224.0.0.18")}
	if ipv6 {
		c.Addresses, c.To = []netip.Addr{netip.MustParseAddr("fe80::1")}, []netip.Addr{netip.MustParseAddr("ff02::12")}
	} else if interval == time.Second && r.chance(2) {
		c.Version = 2
	}
	g := core.Group{
		Name: fmt.Sprintf("g%d", n+1), Router: c, Linger: 20 * time.Millisecond, Preempt: !r.chance(3),
		Interfaces: []string{[]string{"eth0", "eth1"}[r.intn(2)]},
	}
	equal, close := r.chance(4), r.chance(3)
	for i := range nodes {
		p := []int{1, 50, 100, 150, 200, 254, 255}[r.intn(7)]
		switch {
		case equal:
			p = 100
		case close:
			p = 101 - i
		case p == 255 && i > 0:
			p = 253 - i
		}
		g.Members = append(g.Members, core.Member{Node: core.NodeID(i), Priority: p, Router: routerAt(ipv6, i)})
	}
	if c.Unicast = r.chance(3); c.Unicast {
		c.To = []netip.Addr{g.Members[1].Router}
	}
	if g.Preempt && r.chance(3) {
		g.PreemptDelay = r.duration(0, 10*c.Interval)
	}
	if r.chance(4) {
		g.StartDelay = r.duration(0, 8*c.Interval)
	}
	if r.chance(4) {
		g.Interval, g.Multiplier = interval/2, 3
		c.Detector = vrrp.Detector{Interval: g.Interval, Lease: g.Lease()}
	}
	if r.chance(2) {
		check := core.Check{Name: "c1", Rise: r.between(1, 3), Fall: r.between(1, 3), Fatal: r.chance(2)}
		if !check.Fatal {
			check.Weight = []int{-150, -20, 2, 20}[r.intn(4)]
		}
		g.Checks = append(g.Checks, check)
	}
	c.Preempt, c.PreemptDelay, c.StartDelay = g.Preempt, g.PreemptDelay, g.StartDelay
	return g
}
