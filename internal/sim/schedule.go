package sim

import (
	"time"

	"stead/internal/core"
)

// schedule makes up the faults and how long the world lasts: long enough for
// the faults, and at its end long enough to converge.
func (s *Setup) schedule(r *random) {
	if s.speaks() {
		s.scheduleRoutes(r)
		return
	}
	if s.Store != nil {
		s.scheduleStore(r)
		return
	}
	interval := s.Config.Interval
	settle := s.settleTime()
	pairs := len(s.Config.Nodes) * (len(s.Config.Nodes) - 1) * s.mostPaths()
	// About as many packets in every world, so that big clusters do not eat up the time of many small ones.
	s.Length = settle + interval*time.Duration(min(max(4000/pairs, 150), 900))
	switch r.intn(20) {
	case 0:
		// No fault at all: calm is a world too.
	case 1, 2, 3, 4, 5, 6, 7, 8:
		s.oneByOne(r, settle)
	default:
		s.storm(r)
	}
	s.Quiet = settle + 14*s.longestLease()
	for i := range s.Faults {
		s.Length = max(s.Length, s.Faults[i].At+s.Faults[i].For)
	}
}

// settleTime is the longest settling time of the groups.
func (s *Setup) settleTime() time.Duration {
	w := &World{setup: *s}
	var most time.Duration
	for g := range s.Config.Groups {
		most = max(most, w.settleBound(g))
	}
	return most
}

func (s *Setup) longestLease() time.Duration {
	var most time.Duration
	for g := range s.Config.Groups {
		most = max(most, s.lease(g))
	}
	return most
}

// oneByOne schedules faults that each meet a cluster at rest.
func (s *Setup) oneByOne(r *random, settle time.Duration) {
	at := settle + 4*s.longestLease()
	for range r.between(1, 3) {
		at += s.add(r, at) + settle + s.Config.Interval*time.Duration(r.between(2, 30))
	}
}

// storm schedules faults at any time, on top of each other.
func (s *Setup) storm(r *random) {
	for range r.between(3, 15) {
		s.add(r, r.duration(0, s.Length*4/5))
	}
}

// add makes up one fault at about that time and returns how long it lasts.
func (s *Setup) add(r *random, at time.Duration) time.Duration {
	if s.Store != nil {
		return s.addStore(r, at)
	}
	g := r.intn(len(s.Config.Groups))
	lease := s.lease(g)
	f := Fault{
		At: at, Group: g, Node: r.intn(len(s.Config.Nodes)), Peer: r.intn(len(s.Config.Nodes)), Path: -1,
		For: max(time.Microsecond, lease*time.Duration([]int{2, 5, 10, 15, 30, 60}[r.intn(6)])/10+r.duration(0, lease/4)),
	}
	if r.chance(2) {
		f.Node = Holder
	}
	f.Kind = FaultKind(r.between(int(Cut), int(Order)))
	if s.speaks() {
		f.Kind = FaultKind(r.between(int(Cut), int(RouterOff)))
		if r.chance(5) {
			f.Kind = Order
		}
		if r.chance(2) {
			f.For = r.duration(lease, 2*s.longestStale())
		}
		s.addFar(r, &f)
	}
	s.detail(r, &f)
	s.Faults = append(s.Faults, f)
	return f.For
}

// detail makes up what a fault of a kind needs beside.
func (s *Setup) detail(r *random, f *Fault) {
	cfg, lease := &s.Config.Groups[f.Group], s.lease(f.Group)
	switch f.Kind {
	case Cut:
		if s.mostPaths() > 1 && r.chance(2) {
			f.Path = r.intn(s.mostPaths())
		}
	case Partition:
		if f.Node != Holder {
			f.Mask = r.uint64() & (1<<len(s.Config.Nodes) - 1)
		}
	case Lossy:
		f.Amount = r.between(20, 700)
	case Slow, SlowApply:
		f.Extra = r.duration(lease/10, 2*lease)
	case Carrier, BrokenApply, HungApply, Strip:
		s.onMember(r, f)
	case Sick, Blind:
		s.onMember(r, f)
		if len(cfg.Checks) == 0 {
			f.Kind = Pause
		} else {
			f.Amount = r.intn(len(cfg.Checks))
			f.For += 4 * s.Checks
		}
	case Order:
		s.onMember(r, f)
		s.command(r, f)
	}
}

// onMember aims a fault at a member of its group.
func (s *Setup) onMember(r *random, f *Fault) {
	if f.Node != Holder {
		m := s.Config.Groups[f.Group].Members
		f.Node = int(m[r.intn(len(m))].Node)
	}
}

// command makes up what an operator orders, and what ends it.
func (s *Setup) command(r *random, f *Fault) {
	m := s.Config.Groups[f.Group].Members
	f.To = core.NoNode
	f.Verb = []core.Verb{core.Switchover, core.Switchover, core.Drain, core.Stop}[r.intn(4)]
	switch f.Verb {
	case core.Switchover:
		f.For = 0
		if r.chance(2) {
			f.To = m[r.intn(len(m))].Node
		}
	case core.Drain:
		// The same node has to be resumed, whoever holds the group by then.
		f.Node = int(m[r.intn(len(m))].Node)
		resume := *f
		resume.At += f.For
		resume.For, resume.Verb, resume.Group = 0, core.Resume, f.Group
		s.Faults = append(s.Faults, resume)
		f.For = 0
	case core.Stop:
		f.For += 6 * s.longestLease()
	}
}
