package core

import (
	"net/netip"

	"stead/internal/core/clock"
	"stead/internal/core/peer"
	"stead/internal/core/reason"
	"stead/internal/core/vrrp"
)

// Slots of the fence from firstRouterSlot on are for virtual routers and for leases
// in a store, one each.
// The leases of the peer election have those before, lingering those after.
const (
	firstRouterSlot = FenceSlots / 2
	routerSlots     = FenceSlots - lingerSlots - firstRouterSlot
)

// MaxRouters is the largest number of groups that VRRP and leases in a store may
// decide on one node.
const MaxRouters = routerSlots - 1

// byRouter is the election of one group by VRRP.
type byRouter struct {
	c    *Core
	g    *group
	r    *vrrp.Router
	slot int
	seen seen // of the router's Out in this step

	looked bool // it is known whether there is an address to advertise from
}

// newRouter gives a group its virtual router, with a slot of the fence that no
// other one has.
func (c *Core) newRouter(g *group) {
	e := &byRouter{c: c, g: g, slot: c.freeOwnSlot()}
	e.r = vrrp.New(e.config())
	g.router, g.election = e, e
	c.routers = append(c.routers, e)
}

// config is the router's part of the group's configuration.
func (e *byRouter) config() *vrrp.Config {
	cfg := *e.g.cfg.Router
	cfg.Slot, cfg.Floor = e.slot, max(cfg.Floor, e.g.cfg.EpochFloor)
	return &cfg
}

// freeOwnSlot is a slot that no virtual router and no lease has.
func (c *Core) freeOwnSlot() int {
	var taken [routerSlots]bool
	for _, e := range c.routers {
		taken[e.slot-firstRouterSlot] = true
	}
	for _, e := range c.leases {
		taken[e.slot-firstRouterSlot] = true
	}
	for i, t := range taken {
		if !t {
			return firstRouterSlot + i
		}
	}
	return firstRouterSlot + routerSlots - 1 // more than MaxRouters: the last ones share a lease
}

func (e *byRouter) setReady(now Instant, ready bool, why reason.Reason, priority int) {
	e.c.touched = true
	e.r.SetReady(now, ready, why, priority)
	e.c.spread(now, e.g)
}

// unsourced is why a router without an address to advertise from is not ready.
func (e *byRouter) unsourced() reason.Reason {
	if e.looked {
		return reason.NoSource
	}
	return reason.Starting
}

// A virtual router has no targets that prepare.
func (e *byRouter) setPrepared()          {}
func (e *byRouter) refusePrepare(Instant) {}

// VRRP has a delay, and no other way to wait.
func (e *byRouter) bide(Instant) {}

// A lease that has run out is noticed when a step begins.
func (e *byRouter) look(Instant) {}

func (e *byRouter) leased(now Instant) bool { return e.r.Leased(now) }

// Routers that are Backup say nothing: there may always be one.
func (e *byRouter) hasSuccessor() bool          { return true }
func (e *byRouter) refusesDrain() reason.Reason { return reason.None }

// switchover hands over to whoever comes next by priority. With two members that
// is the other one; among more VRRP leaves no choice.
func (e *byRouter) switchover(now Instant, to NodeID) reason.Reason {
	switch {
	case !e.g.active:
		return reason.NotActive
	case to == e.c.cfg.Self:
		return reason.None
	case to != NoNode && e.c.onlyOther(e.g) != to:
		return reason.PriorityDecides
	}
	for _, s := range e.c.synced(e.g) {
		if why := s.router.r.Switchover(now); why != reason.None && s == e.g {
			return why
		}
	}
	e.c.touched = true
	return reason.None
}

func (e *byRouter) drained() bool { return e.r.Drained() }

func (e *byRouter) setDrained(now Instant, drained bool) {
	for _, s := range e.c.synced(e.g) {
		s.router.r.SetDrained(now, drained, reason.Drained)
		if !drained {
			s.router.r.Resume(now)
		}
	}
	e.c.touched = true
}

// onlyOther is the other member of a group of two; else NoNode.
func (c *Core) onlyOther(g *group) NodeID {
	other := NoNode
	for _, m := range g.cfg.Members {
		switch {
		case m.Node == c.cfg.Self:
		case other != NoNode:
			return NoNode
		default:
			other = m.Node
		}
	}
	return other
}

// advertiser is the node whose advertisements come from an address, as far as
// the configuration tells; else NoNode.
func (c *Core) advertiser(g *group, router netip.Addr) NodeID {
	if !router.IsValid() {
		return NoNode
	}
	for _, m := range g.cfg.Members {
		if m.Router == router {
			return m.Node
		}
	}
	if other := c.onlyOther(g); other != NoNode && !g.cfg.routerOf(other).IsValid() {
		return other
	}
	return NoNode
}

// routerOf is where the advertisements of a member come from; the zero Addr when
// the configuration does not tell.
func (g *Group) routerOf(n NodeID) netip.Addr {
	for _, m := range g.Members {
		if m.Node == n {
			return m.Router
		}
	}
	return netip.Addr{}
}

// silent takes in that the heartbeats of a node are missing. In a group of two it
// need not be known from where the other one advertises.
func (c *Core) silent(now Instant, g *group, node NodeID) {
	from := g.cfg.routerOf(node)
	if from.IsValid() || c.onlyOther(g) == node {
		g.router.r.Silent(now, from)
		c.touched = true
	}
}

// beat tells the virtual routers that heartbeats watch since when every other
// member has had one.
func (c *Core) beat(now Instant) {
	if len(c.acts.Send) == c.beaten {
		return
	}
	c.beaten = len(c.acts.Send)
	for _, e := range c.routers {
		if !e.g.cfg.watched() {
			continue
		}
		at := now
		for _, m := range e.g.cfg.Members {
			if m.Node != c.cfg.Self {
				at = clock.Min(at, c.machine.SentAt(int(m.Node)))
			}
		}
		e.r.Beat(now, at)
	}
}

// absorbRouter turns what a virtual router says into actions.
func (c *Core) absorbRouter(now Instant, e *byRouter) {
	out := e.r.Finish(now)
	for ; e.seen.slots < len(out.Slots); e.seen.slots++ {
		s := &out.Slots[e.seen.slots]
		c.acts.Fence = append(c.acts.Fence, FenceSlot{Slot: s.Slot, Answer: s.Answer, Serve: s.Serve})
	}
	for ; e.seen.changes < len(out.Changes); e.seen.changes++ {
		c.routerChanged(now, e.g, &out.Changes[e.seen.changes])
	}
	for ; e.seen.sends < len(out.Sends); e.seen.sends++ {
		s := &out.Sends[e.seen.sends]
		c.acts.Advertise = append(c.acts.Advertise, Advertise{Group: e.g.id, From: s.From, To: s.To, Bytes: s.Bytes})
	}
	for ; e.seen.persist < len(out.Persist); e.seen.persist++ {
		c.acts.Persist = append(c.acts.Persist, Persist{Group: e.g.id, EpochCeiling: out.Persist[e.seen.persist], HeldOff: c.drained})
	}
}

// routerChanged takes a change of a virtual router in.
func (c *Core) routerChanged(now Instant, g *group, ch *vrrp.Change) {
	n := Note{At: now, Group: g.id, Node: c.advertiser(g, ch.Router), Epoch: g.epoch, Reason: ch.Reason, Took: ch.Took}
	if ch.Router.IsValid() {
		n.Detail = ch.Router.String()
	}
	switch ch.Kind {
	case vrrp.Activated:
		c.activated(now, g, &peer.Change{Slot: g.router.slot, Epoch: ch.Count, Reason: ch.Reason})
		c.follow(now, g, true)
	case vrrp.Deactivated:
		followed := ch.Reason == reason.SyncGroup && !g.blocked() // another router takes over this moment
		c.deactivated(now, g, &peer.Change{Node: int(n.Node), Epoch: ch.Count, Reason: ch.Reason, Linger: ch.Linger || followed})
		c.acts.Note[len(c.acts.Note)-1].Detail = n.Detail
		if ch.Reason == reason.HigherPriority || ch.Reason == reason.Late {
			c.follow(now, g, false)
		}
	case vrrp.SawActive:
		n.Kind, n.Epoch = SawActive, 0
		c.note(n)
		c.succeeds(now, g, int(n.Node), ch.Reason, 0)
	case vrrp.Stalled:
		g.stalled, g.stallsAt = true, now.Add(-ch.Took)
		n.Kind, n.Took = Stalled, 0
		c.note(n)
	case vrrp.Renewed:
		c.renewed(now, g, n)
	case vrrp.DualSeen:
		n.Kind = DualSeen
		c.note(n)
	case vrrp.Healed:
		c.reannounce(now, g)
	case vrrp.GaveUp:
		c.nobodyTookOver(now, g, n)
	}
}

// nobodyTookOver takes a drain or a switchover back that found no successor.
func (c *Core) nobodyTookOver(now Instant, g *group, n Note) {
	n.Kind, n.Node = Refused, c.cfg.Self
	c.note(n)
	if c.drained {
		c.setDrained(now, AllGroups, false)
	}
	c.reroute(g)
}

// state is what status shows of the group's election.
func (e *byRouter) state(now Instant) peer.GroupState {
	s := e.r.State(now)
	ready := e.g.ready && s.Why == reason.None
	out := peer.GroupState{
		Epoch: s.Count, Owner: peer.Nobody, Cause: e.g.cause, Eligible: ready && !s.Drained,
		Drained: s.Drained, Priority: s.Priority, Until: s.Lease, Stalled: e.g.stalled,
	}
	if e.g.active {
		out.Phase, out.Owner = peer.Active, int(e.c.cfg.Self)
	} else if n := e.c.advertiser(e.g, s.ActiveRouter); n != NoNode {
		out.Owner = int(n)
	}
	for _, m := range e.g.cfg.Members {
		if m.Node == e.c.cfg.Self {
			out.Members = append(out.Members, peer.MemberState{Node: int(m.Node), Priority: s.Priority, Ready: ready, Alive: true})
		} else if int(m.Node) == out.Owner { // those that are Backup say nothing
			out.Members = append(out.Members, peer.MemberState{Node: int(m.Node), Priority: s.ActivePriority, Ready: true, Alive: true})
		}
	}
	return out
}

// routersDue is when the first virtual router waits for something.
func (c *Core) routersDue() Instant {
	due := clock.Never
	for _, e := range c.routers {
		due = clock.Min(due, e.r.Deadline())
	}
	return due
}
