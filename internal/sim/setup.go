package sim

import (
	"time"

	"stead/internal/core"
)

// Machine is what a host runs: the core, or the core with a planted bug.
type Machine interface {
	Start(now core.Instant) *core.Actions
	Step(now core.Instant, e core.Event) *core.Actions
	Deadline() core.Instant
}

// Setup is all that decides a world beside its seed.
type Setup struct {
	Config core.Config // Self, Incarnation and the epoch floors are filled in for each host
	Faults []Fault
	Length time.Duration // of the time in which faults happen
	Quiet  time.Duration // of the time after, in which all has to converge

	Network  NetworkProfile
	Kernel   KernelProfile
	Checks   time.Duration // between two results of a check
	DriftPPM int           // the clocks of hosts run up to this much too fast or too slow
	Jitter   time.Duration // by which a host wakes up late at most
	Clients  []core.NodeID // beside which node each client stands: they share its links
	Hostile  bool          // an adversary records, replays, forges and garbles packets

	// Hosts are what each host has configured of its own: BGP and BFD sessions, and of
	// its groups Routes, Router and Checks. Empty: there is nothing of that.
	Hosts   []core.Config
	SendLag time.Duration // kernels take what is written to BGP peers up to this much later

	Store *StoreProfile // that hosts share: of groups with a Right, and of those in which it votes; nil: there is none

	// Vary changes what one host has configured of a group; nil changes nothing.
	Vary func(host int, g *core.Group)

	// Build makes the machine of a host; nil builds the core.
	Build func(cfg core.Config) Machine
}

// NetworkProfile is how links behave when nothing is wrong with them.
type NetworkProfile struct {
	Latency   time.Duration // one way
	Jitter    time.Duration // added, from 0 to this: packets overtake each other
	Duplicate int           // packets of a thousand that arrive twice
	Loss      int           // packets of a thousand that do not arrive
}

// KernelProfile is how long actuators and storage take when nothing is wrong.
type KernelProfile struct {
	ApplyMin, ApplyMax time.Duration
	StoreMax           time.Duration
}

// worst is the longest that a packet is under way on a clean link.
func (n NetworkProfile) worst() time.Duration { return n.Latency + n.Jitter }

func (s *Setup) build(cfg core.Config) Machine {
	if s.Build != nil {
		return s.Build(cfg)
	}
	return core.New(cfg)
}

// paths is the number of paths between two nodes.
func (s *Setup) paths(a, b int) int {
	return min(len(s.Config.Nodes[a].Paths), len(s.Config.Nodes[b].Paths))
}

// mostPaths is the largest number of paths of any node.
func (s *Setup) mostPaths() int {
	most := 1
	for i := range s.Config.Nodes {
		most = max(most, len(s.Config.Nodes[i].Paths))
	}
	return most
}
