package sim

import (
	"time"

	"stead/internal/core"
)

// FaultKind is what goes wrong, or what somebody does.
type FaultKind uint8

// The kinds of fault.
const (
	Cut           FaultKind = iota + 1 // nothing from Node to Peer over Path (all paths when negative)
	Blackhole                          // nothing from or to Node
	Partition                          // nothing between the nodes in Mask and the others
	Lossy                              // Amount packets of a thousand from Node to Peer get lost
	Slow                               // packets from Node to Peer take Extra longer
	Pause                              // the daemon of Node does not run; its kernel does
	Kill                               // the daemon of Node dies; started again at the end
	PowerOff                           // Node dies with its kernel; boots at the end
	Carrier                            // the interface of Group on Node has no carrier
	SlowApply                          // the actuator of Group on Node takes Extra longer
	BrokenApply                        // the kernel of Node refuses the addresses of Group
	HungApply                          // the actuator of Group on Node does not come back
	Strip                              // a stranger removes the addresses of Group on Node
	Sick                               // check Amount of Group on Node fails
	Blind                              // check Amount of Group on Node cannot be run
	Order                              // an operator gives Verb to Node
	RouterCut                          // nothing between Node and the route server Peer; Amount's bits are ways that are left open
	RouterSlow                         // Amount packets of a thousand between Node and the route server Peer get lost, the others take Extra longer
	RouterRestart                      // the processes of the route server Peer do not run
	RouterOff                          // the route server Peer has no power
	StoreCut                           // nothing between the store and the nodes in Mask, or Node; with an Amount they hear of it at once
	StoreSlow                          // operations of the nodes in Mask, or of Node, take Extra longer
	StoreFlaky                         // Amount requests of a thousand of those take up to Extra longer, and as many answers get lost
	StoreFrozen                        // the store does nothing; what it was asked for it does afterwards
	StoreWiped                         // somebody deletes the register of Group, or that of the vote
)

var faultNames = [...]string{
	Cut: "cut", Blackhole: "black hole", Partition: "partition", Lossy: "loss", Slow: "delay",
	Pause: "pause", Kill: "kill", PowerOff: "power off", Carrier: "carrier lost", SlowApply: "slow actuator",
	BrokenApply: "failing actuator", HungApply: "hung actuator", Strip: "address stripped", Sick: "sick service",
	Blind: "check cannot run", Order: "operator", RouterCut: "route server cut off", RouterSlow: "route server slow",
	RouterRestart: "route server restarts", RouterOff: "route server off",
	StoreCut: "store cut off", StoreSlow: "store slow", StoreFlaky: "store flaky", StoreFrozen: "store frozen", StoreWiped: "store wiped",
}

func (k FaultKind) String() string { return faultNames[k] }

// Fault is one entry of a schedule. It begins at At and, when For is positive, ends after For.
type Fault struct {
	Kind  FaultKind
	At    time.Duration
	For   time.Duration
	Node  int
	Peer  int
	Path  int
	Group int
	Mask  uint64
	// Routers are the route servers on the side of Mask. A Partition with an Amount
	// leaves the way to route servers alone.
	Routers uint64
	// Amount is a number of packets of a thousand, or of a check.
	Amount int
	Extra  time.Duration
	Verb   core.Verb
	To     core.NodeID
}

// fault begins or ends an entry of the schedule.
func (w *World) fault(i int, ends bool) {
	f := &w.setup.Faults[i]
	by := 1
	if ends {
		by = -1
	} else {
		w.aim(f)
		w.result.Faults[f.Kind]++
	}
	if w.store != nil {
		w.meetsRest(f, ends)
	}
	w.trace.add(w.now, f.Node, "fault: "+f.Kind.String(), f.Group, int64(by), int64(f.Peer))
	switch f.Kind {
	case Cut, Blackhole, Partition, Lossy, Slow:
		w.faultInNetwork(f, by)
		w.faultInFarLinks(f, by)
	case RouterCut, RouterSlow:
		w.faultInFarLinks(f, by)
	case RouterRestart, RouterOff:
		w.faultInServer(f, by)
	case StoreCut, StoreSlow, StoreFlaky, StoreFrozen, StoreWiped:
		w.faultInStore(f, by)
	case Pause, Kill, PowerOff:
		w.faultInHost(f, by)
	case Order:
		if ends {
			w.startAgain(w.hosts[f.Node])
		} else {
			w.order(w.hosts[f.Node], f)
		}
	default:
		w.faultInGroup(f, by)
	}
}

// Holder as the Node of a Fault means the node that holds its Group when it begins.
const Holder = -1

// aim finds the node of a fault that is meant for whoever holds the group.
func (w *World) aim(f *Fault) {
	if f.Node == Holder {
		f.Node = int(w.group(f.Group).Members[0].Node)
		if at := w.groups[f.Group].holder; at != nobody {
			f.Node = at
		}
	}
	if f.Peer == f.Node && f.Kind < RouterCut {
		f.Peer = (f.Node + 1) % len(w.hosts)
	}
	if f.Kind == Partition && f.Mask == 0 {
		f.Mask = 1 << f.Node
	}
}

func (w *World) faultInNetwork(f *Fault, by int) {
	for a := range w.hosts {
		for b := range w.hosts {
			if a == b || !f.touches(a, b) {
				continue
			}
			for path := range w.network.paths {
				if f.Path >= 0 && f.Path != path {
					continue
				}
				l := w.network.link(a, b, path)
				switch f.Kind {
				case Lossy:
					l.loss += by * f.Amount
				case Slow:
					l.extra += time.Duration(by) * f.Extra
				default:
					l.cuts += by
				}
			}
			w.linkChanged(a, b)
		}
	}
}

// touches tells whether a fault in the network is one of the link from a to b.
func (f *Fault) touches(a, b int) bool {
	switch f.Kind {
	case Blackhole:
		return a == f.Node || b == f.Node
	case Partition:
		return f.Mask>>a&1 != f.Mask>>b&1
	default:
		return a == f.Node && b == f.Peer
	}
}

func (w *World) faultInHost(f *Fault, by int) {
	h := w.hosts[f.Node]
	switch {
	case f.Kind == Pause && by > 0:
		w.pause(h)
	case f.Kind == Pause:
		w.unpause(h)
	case by > 0:
		h.outages++
		if f.Kind == PowerOff {
			w.powerLost(h)
		}
		w.killDaemon(h)
		if f.Kind == PowerOff {
			w.powerOff(h)
		}
	default:
		h.outages--
		if f.Kind == PowerOff {
			h.off = h.powerCuts > 1
			h.powerCuts--
		}
		w.startDaemon(h)
	}
}

// powerOff ends a machine with all that its kernel held.
func (w *World) powerOff(h *host) {
	h.powerCuts++
	h.off = true
	w.closeKernel(h)
	w.truthChanged(h.id)
}

func (w *World) faultInGroup(f *Fault, by int) {
	h := w.hosts[f.Node]
	o := &h.holdings[f.Group]
	switch f.Kind {
	case Carrier:
		for _, name := range w.group(f.Group).Interfaces {
			w.setLink(h, name, int8(by))
		}
		return
	case Strip:
		w.strip(h, f.Group)
		return
	case Sick:
		h.checks[f.Group][f.Amount].sick += by
		return
	case Blind:
		h.checks[f.Group][f.Amount].blind += by
		return
	case SlowApply:
		o.slow += time.Duration(by) * f.Extra
	case BrokenApply:
		o.broken += by
	case HungApply:
		o.hung += by
		if o.hung == 0 && o.busy {
			w.actuate(h, f.Group)
		}
	}
	w.truthChanged(h.id)
}

// startAgain is an operator who starts a daemon that was stopped.
func (w *World) startAgain(h *host) {
	h.stopped = false
	h.startAgain = h.stopping
	w.startDaemon(h)
}
