package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"stead/internal/core"
	"stead/internal/core/bfd"
	"stead/internal/core/bgp"
)

// routeIntervals are how often the nodes of a world with routes send heartbeats: not
// too often, since what happens at hold times takes seconds.
var routeIntervals = []time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond}

// RandomRoutesSetup makes up nodes that announce addresses by BGP, the route servers
// that hear them, their network and its faults from a seed: elected among themselves
// or every one that is ready, with a witness or not, with BFD beside the sessions or
// not, and with any paths by role that a configuration may have.
func RandomRoutesSetup(seed uint64) Setup {
	r := newRandom(seed*2 + 0x424750)
	members := r.between(2, 3)
	witnesses := b2i(r.chance(2))
	cfg := core.Config{Keys: [][]byte{make([]byte, 32)}, Interval: routeIntervals[r.intn(len(routeIntervals))]}
	r.bytes(cfg.Keys[0])
	for i := range members + witnesses {
		n := core.Node{Name: fmt.Sprintf("n%d", i+1), Witness: i >= members, Paths: []netip.AddrPort{nodeAddress(false, 0, i)}}
		if n.Witness {
			n.Name = "w1"
		}
		cfg.Nodes = append(cfg.Nodes, n)
	}
	servers := r.between(1, 3)
	for g := range []int{1, 1, 2}[r.intn(3)] {
		cfg.Groups = append(cfg.Groups, randomRouted(r, g, members, witnesses, cfg.Interval))
	}
	s := Setup{Config: cfg, DriftPPM: 200, Jitter: r.duration(0, cfg.Interval/20), Checks: cfg.Interval * time.Duration(r.between(2, 6))}
	s.Hosts = randomSessions(r, &cfg, members, servers)
	s.Network = NetworkProfile{Latency: r.duration(10*time.Microsecond, cfg.Interval/20), Jitter: r.duration(0, cfg.Interval/20), Duplicate: []int{0, 0, 10}[r.intn(3)]}
	if r.chance(10) {
		s.Network.Loss = r.between(1, 30)
	}
	s.Kernel = KernelProfile{ApplyMin: 20 * time.Microsecond, ApplyMax: 20*time.Microsecond + r.duration(0, cfg.Interval/4), StoreMax: 5 * time.Millisecond}
	s.SendLag = []time.Duration{0, 0, time.Millisecond, 20 * time.Millisecond}[r.intn(4)]
	s.Clients = []core.NodeID{0}
	s.schedule(r)
	return s
}

func randomRouted(r *random, n, members, witnesses int, interval time.Duration) core.Group {
	g := core.Group{
		Name: fmt.Sprintf("g%d", n+1), Interval: interval, Multiplier: r.between(3, 4), Interfaces: []string{"eth0"},
		Linger: []time.Duration{100 * time.Millisecond, 500 * time.Millisecond, time.Second}[r.intn(3)],
	}
	for i := range members + witnesses {
		g.Voters = append(g.Voters, core.NodeID(i))
		if i < members {
			g.Members = append(g.Members, core.Member{Node: core.NodeID(i), Priority: []int{50, 100, 150, 200}[r.intn(4)]})
		}
	}
	if r.chance(4) {
		g.Everyone, g.Interval, g.Multiplier, g.Voters = true, 0, 0, nil
	} else {
		g.Quorum = len(g.Voters) >= 3 && !r.chance(4)
		g.Preempt = r.chance(2)
		g.PrepareHook = r.chance(8)
		if g.Preempt {
			g.PreemptDelay = r.duration(0, 10*interval)
		}
	}
	if r.chance(4) {
		g.StartDelay = r.duration(0, 10*interval)
	}
	g.Damping = []time.Duration{0, 2 * time.Second, 6 * time.Second}[r.intn(3)]
	for c := range r.between(0, 2) {
		check := core.Check{Name: fmt.Sprintf("c%d", c+1), Rise: r.between(1, 3), Fall: r.between(1, 3), Fatal: r.chance(2)}
		if !check.Fatal {
			check.Weight = []int{-120, -20}[r.intn(2)]
		}
		g.Checks = append(g.Checks, check)
	}
	return g
}

// randomSessions makes up what each host has configured of its own.
func randomSessions(r *random, cfg *core.Config, members, servers int) []core.Config {
	hold := time.Duration([]int{3, 3, 4, 9}[r.intn(4)]) * time.Second
	watch := r.chance(2)
	every := []time.Duration{20 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond}[r.intn(4)]
	passive, retry := r.chance(6), r.duration(100*time.Millisecond, time.Second)
	mult := uint8(r.between(3, 5))
	var routes []*core.Routes
	for g := range cfg.Groups {
		routes = append(routes, randomRoutes(r, &cfg.Groups[g], g, servers, hold))
	}
	hosts := make([]core.Config, len(cfg.Nodes))
	for i := range hosts {
		hosts[i].Groups = slices.Clone(cfg.Groups)
		if i >= members {
			continue
		}
		for g := range routes {
			hosts[i].Groups[g].Routes = routes[g]
		}
		for s := range servers {
			at := netip.AddrFrom4([4]byte{203, 0, 113, byte(200 + s)})
			p := core.Peer{Name: fmt.Sprintf("rs%d", s+1), BFD: -1, Session: bgp.Config{
				LocalAS: 65010, PeerAS: 65515, RouterID: netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)}), Peer: at, HoldTime: hold,
				Retry: retry, MaxRetry: 2 * time.Second, Passive: passive, IPv4: true, IPv6: true, NextHop6: routerAt(false, i), WaitForBFD: watch,
			}}
			if watch {
				p.BFD = s
				hosts[i].BFD = append(hosts[i].BFD, core.Path{Name: p.Name, Remote: at, Multihop: true, Session: bfd.Config{
					DesiredMinTX: every, RequiredMinRX: every, DetectMult: mult, MinTTL: 254,
				}})
			}
			hosts[i].Peers = append(hosts[i].Peers, p)
		}
	}
	return hosts
}

// randomRoutes makes up what all members announce of a group: no path of a node that
// does not serve is as short as that of one that does.
func randomRoutes(r *random, g *core.Group, n, servers int, hold time.Duration) *core.Routes {
	out := &core.Routes{Room: r.between(0, 2), Stale: hold + time.Second, Needed: !g.Everyone}
	if g.Everyone {
		out.Room = 0
	}
	active := out.Room + r.between(0, 1)
	other := func(chance int) int {
		if !r.chance(chance) {
			return core.Withdrawn
		}
		return active + r.between(1, 4)
	}
	out.Prepend = core.Prepend{Active: active, Standby: core.Withdrawn, Unhealthy: other(3), Drain: other(3)}
	if !g.Everyone {
		out.Prepend.Standby = other(2)
	}
	for s := range servers {
		out.Peers = append(out.Peers, s)
		out.Graceful = append(out.Graceful, r.chance(2))
	}
	out.Paths = []bgp.Path{{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + n)}), 32), LocalPref: 100}}
	return out
}

// scheduleRoutes makes up the faults of a world with BGP or BFD, and how long it
// lasts: hold times and attempts to have a session again set the pace.
func (s *Setup) scheduleRoutes(r *random) {
	settle := s.settleTime() + 2*time.Second
	unit := max(s.longestStale(), 2*time.Second)
	s.Length = settle + unit
	switch r.intn(12) {
	case 0:
		// No fault at all.
	case 1, 2, 3, 4, 5, 6:
		at := settle + unit
		for range r.between(1, 3) {
			rest := settle
			if !r.chance(3) {
				rest = min(settle, unit) // not all that is damped has to have happened
			}
			at += s.add(r, at) + rest + unit + r.duration(0, unit)
		}
	default:
		s.Length += 2 * unit
		for range r.between(3, 12) {
			s.add(r, r.duration(0, s.Length))
		}
	}
	s.Quiet = settle + 3*unit
	if r.chance(2) {
		s.Quiet += s.longestRetry() // long enough for every session to come back
	}
	for i := range s.Faults {
		s.Length = max(s.Length, s.Faults[i].At+s.Faults[i].For)
	}
}

// addFar makes up a fault of route servers, or of the way to them.
func (s *Setup) addFar(r *random, f *Fault) {
	servers := s.servers()
	f.Peer = r.intn(servers)
	switch f.Kind {
	case RouterCut:
		f.Amount = r.intn(3)
	case RouterSlow:
		f.Amount, f.Extra = r.between(20, 400), r.duration(0, 2*s.longestLease())
	case RouterRestart, RouterOff:
		f.Node = 0
	case Partition:
		f.Amount = r.intn(2)
		if f.Node != Holder {
			f.Routers = r.uint64()
		}
	}
}

// servers is how many routers the sessions lead to.
func (s *Setup) servers() int {
	var all []netip.Addr
	add := func(a netip.Addr) {
		if !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	for i := range s.Hosts {
		for p := range s.Hosts[i].Peers {
			add(s.Hosts[i].Peers[p].Session.Peer)
		}
		for p := range s.Hosts[i].BFD {
			add(s.Hosts[i].BFD[p].Remote)
		}
	}
	return len(all)
}
