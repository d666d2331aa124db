package sim

import (
	"fmt"
	"net/netip"
	"time"

	"stead/internal/core"
	"stead/internal/core/lease"
)

// RandomRightSetup makes up groups whose right is a record in a shared store, and
// what goes wrong with hosts, with the store and with the ways to it. Nodes talk to each
// other only where they promise to leave the right to its holder.
func RandomRightSetup(seed uint64) Setup {
	r := newRandom(seed*2 + 0x5249474854)
	s := Setup{DriftPPM: driftOf(r), Config: core.Config{Keys: [][]byte{make([]byte, 32)}}}
	r.bytes(s.Config.Keys[0])
	members := []int{2, 2, 2, 3, 3, 4}[r.intn(6)]
	s.addNodes(members, 0)
	interval := 10 * time.Millisecond
	s.Config.Interval = interval
	shortest := time.Duration(0)
	for g := range []int{1, 1, 1, 2, 3}[r.intn(5)] {
		cfg := randomRightGroup(r, g, members, interval)
		if shortest == 0 || cfg.Right.TTL < shortest {
			shortest = cfg.Right.TTL
		}
		s.Config.Groups = append(s.Config.Groups, cfg)
	}
	s.surround(r, interval)
	s.Store = &StoreProfile{Timeout: shortest / 3, Watch: r.chance(3)}
	s.Store.Latency = r.duration(100*time.Microsecond, []time.Duration{time.Millisecond, shortest / 100, shortest / 20}[r.intn(3)])
	s.Store.Jitter = r.duration(0, s.Store.Latency)
	for g := range s.Config.Groups {
		// Where a renewal takes as long as the time between two, requests are refused again
		// and again, and no bound holds for a preemption.
		if cfg := &s.Config.Groups[g]; 3*s.Store.worst() > cfg.Right.Renew {
			cfg.Preempt, cfg.PreemptDelay, cfg.Damping = false, 0, 0
		}
	}
	s.schedule(r)
	return s
}

// driftOf is how far clocks may be apart: as quartz is, or as far as the margin of a
// right allows.
func driftOf(r *random) int {
	if r.chance(5) {
		return 7000
	}
	return 200
}

func (s *Setup) addNodes(members, witnesses int) {
	for i := range members + witnesses {
		n := core.Node{Name: fmt.Sprintf("n%d", i+1), Witness: i >= members, Paths: []netip.AddrPort{nodeAddress(false, 0, i)}}
		s.Config.Nodes = append(s.Config.Nodes, n)
	}
}

// surround makes up what is around hosts that share a store.
func (s *Setup) surround(r *random, interval time.Duration) {
	s.Jitter = r.duration(0, interval/20)
	s.Checks = interval * time.Duration(r.between(2, 6))
	s.Network = NetworkProfile{Latency: r.duration(10*time.Microsecond, interval/20), Jitter: r.duration(0, interval/20), Duplicate: []int{0, 0, 10}[r.intn(3)]}
	s.Kernel = KernelProfile{ApplyMin: 20 * time.Microsecond, StoreMax: min(interval, 5*time.Millisecond)}
	s.Kernel.ApplyMax = s.Kernel.ApplyMin + r.duration(0, interval/4)
	s.Clients = append(s.Clients, core.NodeID(r.intn(len(s.Config.Nodes))))
}

func randomRightGroup(r *random, n, nodes int, interval time.Duration) core.Group {
	ttl := interval * time.Duration(r.between(20, 200))
	g := core.Group{
		Name: fmt.Sprintf("g%d", n+1), Store: "s", Preempt: r.chance(2), Interfaces: []string{[]string{"eth0", "eth1"}[r.intn(2)]},
		Right: &lease.Config{TTL: ttl, Use: ttl - ttl/32, Renew: ttl / time.Duration(r.between(3, 8)), Look: ttl / 10},
	}
	switch {
	case r.chance(8):
		g.HoldWithoutStore = true
	case r.chance(3):
		g.Pledged, g.Interval, g.Multiplier = true, interval, r.between(2, 4)
	}
	equal := r.chance(4)
	for i := range nodes {
		p := []int{1, 50, 100, 150, 200, 254, 255}[r.intn(7)]
		if equal {
			p = 100
		}
		g.Members = append(g.Members, core.Member{Node: core.NodeID(i), Priority: p})
	}
	if g.Preempt {
		g.PreemptDelay = r.duration(0, ttl)
		if r.chance(4) {
			g.Damping = r.duration(0, 2*ttl)
		}
	}
	if r.chance(3) {
		g.StartDelay = r.duration(0, ttl)
	}
	for c := range r.between(0, 2) {
		g.Checks = append(g.Checks, randomCheck(r, c))
	}
	return g
}

func randomCheck(r *random, n int) core.Check {
	check := core.Check{Name: fmt.Sprintf("c%d", n+1), Rise: r.between(1, 3), Fall: r.between(1, 3), Fatal: r.chance(2)}
	if !check.Fatal {
		check.Weight = []int{-150, -20, 20, 100}[r.intn(4)]
	}
	return check
}

// RandomVoteSetup makes up groups of nodes that elect among themselves, with a store
// as one more voter: pairs mostly.
func RandomVoteSetup(seed uint64) Setup {
	r := newRandom(seed*2 + 0x564f5445)
	s := Setup{DriftPPM: driftOf(r), Config: core.Config{Keys: [][]byte{make([]byte, 32)}}}
	r.bytes(s.Config.Keys[0])
	members := []int{2, 2, 2, 2, 2, 3}[r.intn(6)]
	witnesses := 0
	if members == 2 && r.chance(5) {
		witnesses = 1
	}
	s.addNodes(members, witnesses)
	base := timings[2+r.intn(len(timings)-2)]
	base.interval = min(max(base.interval, 5*time.Millisecond), 50*time.Millisecond)
	for g := range []int{1, 1, 1, 2, 3}[r.intn(5)] {
		cfg := randomGroup(r, g, members, witnesses, base.interval, base.multiplier)
		if len(cfg.Members) < 2 {
			cfg.Members = append(cfg.Members, core.Member{Node: 1, Priority: 100})
			cfg.Voters = append(cfg.Voters, 1)
		}
		cfg.Quorum, cfg.HoldOnQuorumLoss, cfg.StoreVotes = true, false, true
		s.Config.Groups = append(s.Config.Groups, cfg)
	}
	s.Config.Interval = base.interval
	longest := s.longestLease()
	ttl := max(longest*time.Duration(r.between(8, 40)), 500*time.Millisecond)
	s.Config.Witness = &lease.Config{TTL: ttl, Use: ttl - ttl/32, Renew: ttl / 5, Look: ttl / 10, Ready: true}
	s.surround(r, base.interval)
	s.Store = &StoreProfile{Timeout: ttl / 3, Watch: r.chance(4)}
	lease := base.interval * time.Duration(base.multiplier)
	s.Store.Latency = min(r.duration(100*time.Microsecond, []time.Duration{time.Millisecond, time.Millisecond, lease / 10, lease, 3 * lease}[r.intn(5)]), ttl/16)
	s.Store.Jitter = min(r.duration(0, s.Store.Latency), ttl/16)
	s.schedule(r)
	return s
}

// mostTTL is the longest time for which a right, or the vote of the store, is kept.
func (s *Setup) mostTTL() time.Duration {
	most := time.Duration(0)
	if s.Config.Witness != nil {
		most = s.Config.Witness.TTL
	}
	for g := range s.Config.Groups {
		if right := s.Config.Groups[g].Right; right != nil {
			most = max(most, right.TTL)
		}
	}
	return most
}

// scheduleStore makes up the faults of a world with a store.
func (s *Setup) scheduleStore(r *random) {
	settle, ttl := s.settleTime(), s.mostTTL()
	s.Length = settle + 6*ttl
	switch r.intn(20) {
	case 0:
		// No fault at all: calm is a world too.
	case 1, 2, 3, 4, 5, 6, 7, 8:
		at := s.restTime()
		for range r.between(1, 2) {
			at += s.addStore(r, at) + s.restTime()
		}
	default:
		for range r.between(3, 12) {
			s.addStore(r, r.duration(0, s.Length*4/5))
		}
	}
	for i := range s.Faults {
		s.Length = max(s.Length, s.Faults[i].At+s.Faults[i].For)
	}
	s.Quiet = s.restTime() + ttl
}

// restTime is after which time nothing moves any more.
func (s *Setup) restTime() time.Duration {
	w := &World{setup: *s}
	most := time.Duration(0)
	for g := range s.Config.Groups {
		most = max(most, w.calmBound(g))
	}
	return most + 4*s.Config.Interval + s.Checks*4
}

// rightFaults and voteFaults are what goes wrong in worlds with a store, the more
// often the more telling.
var (
	rightFaults = []FaultKind{
		Partition, Pause, Pause, Kill, Kill, PowerOff, PowerOff, Carrier, SlowApply, BrokenApply, HungApply, Strip, Sick, Sick, Blind,
		Order, Order, Order, StoreCut, StoreCut, StoreCut, StoreCut, StoreSlow, StoreSlow, StoreFlaky, StoreFlaky, StoreFlaky, StoreFrozen, StoreWiped,
	}
	voteFaults = []FaultKind{
		Cut, Blackhole, Partition, Partition, Partition, Partition, Lossy, Slow, Pause, Pause, Kill, Kill, Kill, PowerOff, PowerOff, PowerOff, Carrier, SlowApply,
		BrokenApply, Strip, Sick, Blind, Order, Order, StoreCut, StoreCut, StoreCut, StoreSlow, StoreFlaky, StoreFlaky, StoreFrozen, StoreWiped,
	}
)

// addStore makes up one fault of a world with a store, at about that time, and
// returns how long it lasts.
func (s *Setup) addStore(r *random, at time.Duration) time.Duration {
	f := Fault{
		At: at, Group: r.intn(len(s.Config.Groups)), Node: r.intn(len(s.Config.Nodes)), Peer: r.intn(len(s.Config.Nodes)), Path: -1,
	}
	if r.chance(2) {
		f.Node = Holder
	}
	length := s.mostTTL()
	kinds := rightFaults
	if s.Config.Witness != nil {
		kinds = voteFaults
		if r.chance(2) {
			length = s.lease(f.Group)
		}
	}
	f.For = max(time.Microsecond, length*time.Duration([]int{1, 5, 10, 15, 30, 60}[r.intn(6)])/10+r.duration(0, length/4))
	switch f.Kind = kinds[r.intn(len(kinds))]; f.Kind {
	case StoreCut:
		f.Amount = b2i(r.chance(3))
		s.someHosts(r, &f)
	case StoreSlow:
		f.Extra = r.duration(s.Store.Timeout/20, 2*s.Store.Timeout)
		s.someHosts(r, &f)
	case StoreFlaky:
		f.Amount, f.Extra = r.between(50, 700), r.duration(s.Store.Timeout, 3*s.mostTTL())
		s.someHosts(r, &f)
	case StoreFrozen:
	case StoreWiped:
		f.For = 0
		if !r.chance(4) {
			f.Kind = Pause
			f.For = s.mostTTL()
		}
	default:
		s.detail(r, &f)
	}
	if r.chance(3) {
		s.addSecond(r, &f)
	}
	s.Faults = append(s.Faults, f)
	return f.For
}

// addSecond adds a fault that only means something while the first one lasts: who is
// answered late dies, who serves alone by the vote of the store loses the store.
func (s *Setup) addSecond(r *random, f *Fault) {
	second := Fault{At: f.At + r.duration(0, f.For), For: s.mostTTL() + r.duration(0, s.mostTTL()), Group: f.Group, Node: Holder, Path: -1}
	switch {
	case f.Kind == StoreSlow && s.Config.Witness == nil:
		f.Node, f.Mask, f.Extra = Holder, 0, s.Store.Timeout/2+r.duration(0, s.Store.Timeout/3)
		f.For = max(f.For, s.mostTTL())
		second.Kind = []FaultKind{Kill, Pause, StoreCut}[r.intn(3)]
	case f.Kind == Partition && s.Config.Witness != nil:
		second.Kind = StoreCut
		f.For = max(f.For, 4*s.mostTTL())
	case f.Kind == StoreCut && s.Config.Witness == nil:
		second.Kind = []FaultKind{Partition, Blackhole, Cut}[r.intn(3)]
	default:
		return
	}
	s.Faults = append(s.Faults, second)
}

// someHosts aims a fault of the store at one host, several or all.
func (s *Setup) someHosts(r *random, f *Fault) {
	switch r.intn(4) {
	case 0:
		f.Mask = 1<<len(s.Config.Nodes) - 1
	case 1:
		f.Mask = r.uint64() & (1<<len(s.Config.Nodes) - 1)
	}
}
