package core

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/lease"
	"stead/internal/core/peer"
	"stead/internal/core/reason"
)

// byLease is the election of one group by a record in a shared store.
type byLease struct {
	c    *Core
	g    *group
	m    *lease.Machine
	slot int
	seen seen    // of the machine's Out in this step
	open Instant // until when the slot is open, as the fence was told last

	ready    bool
	why      reason.Reason
	priority int
	since    Instant // it has been ready
	heldOff  bool    // by an operator
	stopping bool
	stopWhy  reason.Reason
	startAt  Instant
	waits    Instant // preempts nobody before

	owner      NodeID // who has the lease, as far as it is known
	ownerSince Instant
	pinned     bool          // an operator wanted it here: nobody preempts
	handing    reason.Reason // the lease was given up for another node; None: it was not
	handedAt   Instant
	stoppedAt  Instant
	wakeAt     Instant // settle is due; Never
	dampedBy   Instant // the ownerSince of the change that a preemption was last told to wait for
}

// newLease gives a group an election by a lease, with a slot of the fence that no
// other group has.
func (c *Core) newLease(g *group) {
	e := &byLease{c: c, g: g, slot: c.freeOwnSlot(), owner: NoNode, startAt: clock.Never, wakeAt: clock.Never, why: reason.Starting}
	e.m = lease.New(e.config())
	g.lease, g.election = e, e
	c.leases = append(c.leases, e)
}

// config is the lease's part of the group's configuration.
func (e *byLease) config() *lease.Config {
	cfg := *e.g.cfg.Right
	cfg.Floor = max(cfg.Floor, e.g.cfg.EpochFloor)
	return &cfg
}

// reconfigure takes over other times. The group has its new configuration by then.
func (e *byLease) reconfigure() { e.m.Reconfigure(e.config()) }

func (e *byLease) start(now Instant) {
	e.startAt = now.Add(e.g.cfg.StartDelay)
	e.m.Start(now)
	if e.g.cfg.Pledged {
		e.m.Bide(now.Add(e.g.cfg.Lease())) // a promise of an earlier run may still stand
	}
}

func (e *byLease) setReady(now Instant, ready bool, why reason.Reason, priority int) {
	if ready && !e.ready {
		e.since = now
	}
	e.ready, e.why, e.priority = ready, why, priority
	e.settle(now)
}

// able tells whether this node could serve.
func (e *byLease) able(now Instant) bool {
	return e.ready && e.g.base > 0 && !e.heldOff && !e.stopping && now >= e.startAt
}

// settle makes the lease follow from what is known of this node.
func (e *byLease) settle(now Instant) {
	able := e.able(now)
	e.wakeAt = clock.Never
	if e.ready && now < e.startAt {
		e.wake(e.startAt)
	}
	e.m.SetWilling(able)
	e.m.SetPriority(e.priority)
	if e.pinned {
		e.m.SetPriority(pinnedPriority)
	}
	if e.g.active && !able {
		e.release(now, e.failure(), NoNode)
	}
	if e.g.active && e.g.cfg.HoldWithoutStore {
		e.m.Vouch(now.Add(e.g.cfg.Right.Use)) // as long as this daemon lives
	}
	e.preempt(now)
	e.takeBack(now)
	e.c.touched = true
}

func (e *byLease) wake(at Instant) {
	e.wakeAt = clock.Min(e.wakeAt, at)
	e.c.due = clock.Min(e.c.due, at)
}

// pinnedPriority in a record says that an operator has chosen its holder.
const pinnedPriority = 255

// failure is why a node that was active is not any more.
func (e *byLease) failure() reason.Reason {
	switch {
	case !e.ready:
		return e.why
	case e.stopping:
		return e.stopWhy
	case e.g.base == 0:
		return reason.Reconfigured
	}
	return reason.Drained
}

// release lets go of the group, and then of the lease: for a node, or for any.
func (e *byLease) release(now Instant, why reason.Reason, to NodeID) {
	name := ""
	if to != NoNode {
		name = e.c.cfg.Nodes[to].Name
	}
	e.pinned = false
	e.m.Release(name)
	e.c.deactivated(now, e.g, &peer.Change{Node: int(to), Epoch: e.g.epoch, Reason: why})
	if to != NoNode || why == reason.Drained || why == reason.Switchover {
		e.handing, e.handedAt = why, now
	}
}

// patience is how long a node leaves a lease that it has given up to others, and
// how long one that ends waits for the store to know.
func (e *byLease) patience() time.Duration { return 5 * e.g.cfg.Right.Look }

// takeBack ends a hand-over that nobody has followed.
func (e *byLease) takeBack(now Instant) {
	if e.handing == reason.None {
		return
	}
	s := e.m.Status(now)
	taken := s.Present && s.Record.Holder != e.g.cfg.Right.Self
	switch {
	case taken || e.g.active || e.stopping:
		e.handing = reason.None
	case now < e.handedAt.Add(e.patience()):
		e.wake(e.handedAt.Add(e.patience()))
	default:
		n := Note{At: now, Kind: Refused, Group: e.g.id, Node: e.c.cfg.Self, Epoch: e.g.epoch, Reason: reason.NoSuccessor}
		e.handing = reason.None
		e.m.TakeBack()
		e.c.nobodyTookOver(now, e.g, n)
		if e.heldOff {
			e.setDrained(now, false)
		}
	}
}

// preempt asks a holder with a lower priority for the lease.
func (e *byLease) preempt(now Instant) {
	s := e.m.Status(now)
	if !e.g.cfg.Preempt || !e.able(now) || e.g.active || !s.Present || s.Record.State != lease.Held ||
		s.Record.Holder == e.g.cfg.Right.Self || s.Record.Priority >= e.priority {
		return
	}
	at := max(max(e.since, e.startAt, e.ownerSince).Add(e.g.cfg.PreemptDelay), e.waits)
	damped := e.ownerSince.Add(e.g.cfg.Damping)
	switch {
	case now < at:
		e.wake(at)
	case now < damped:
		if e.dampedBy != e.ownerSince {
			e.dampedBy = e.ownerSince
			e.c.note(Note{At: now, Kind: Damped, Group: e.g.id, Node: e.owner, Epoch: s.Record.Epoch, Reason: reason.Damping, Took: damped.Sub(now)})
		}
		e.wake(damped)
	case s.Record.To != e.g.cfg.Right.Self:
		e.m.Request(e.g.cfg.Right.Self)
	}
}

// The addresses of a target follow when it has the lease.
func (e *byLease) setPrepared()          {}
func (e *byLease) refusePrepare(Instant) {}

func (e *byLease) bide(until Instant) { e.waits = max(e.waits, until) }

// A lease that has run out is noticed when a step begins.
func (e *byLease) look(Instant) {}

func (e *byLease) leased(now Instant) bool { return e.m.Held(now) }

// Nodes that do not have the lease say nothing: there may always be one.
func (e *byLease) hasSuccessor() bool          { return len(e.g.cfg.Members) > 1 }
func (e *byLease) refusesDrain() reason.Reason { return reason.None }

func (e *byLease) switchover(now Instant, to NodeID) reason.Reason {
	switch {
	case !e.g.active:
		return reason.NotActive
	case to == e.c.cfg.Self:
		return reason.None
	case to == NoNode:
		to = e.c.onlyOther(e.g)
	}
	if to != NoNode && e.g.cfg.priority(to) == 0 || len(e.g.cfg.Members) < 2 {
		return reason.NoSuccessor
	}
	e.release(now, reason.Switchover, to)
	e.c.touched = true
	return reason.None
}

func (e *byLease) drained() bool { return e.heldOff }

func (e *byLease) setDrained(now Instant, drained bool) {
	e.heldOff = drained
	if !drained && e.handing == reason.Drained {
		e.handing = reason.None
		e.m.TakeBack()
	}
	e.settle(now)
}

func (e *byLease) stop(now Instant, why reason.Reason) {
	if !e.stopping {
		e.stoppedAt = now
	}
	e.stopping, e.stopWhy = true, why
	e.settle(now)
}

// gaveUp tells whether the store knows that this node has ended, or need not be
// waited for any more.
func (e *byLease) gaveUp(now Instant) bool {
	end := e.stoppedAt.Add(e.patience())
	if e.m.Given() || now >= end || e.c.aborting {
		return true
	}
	e.wake(end)
	return false
}

// stored takes the end of an operation on the register in.
func (c *Core) stored(now Instant, e *Stored) {
	c.registerOf(e.Group).Done(now, &e.Result)
	if e.Group == WitnessGroup {
		c.witness.looks = false
	} else {
		c.groups[e.Group].lease.settle(now)
	}
}

// registerOf is the machine of a group's lease or of the store's vote; nil: there
// is none.
func (c *Core) registerOf(g GroupID) *lease.Machine {
	switch {
	case g == WitnessGroup && c.witness != nil:
		return c.witness.m
	case c.has(g) && c.groups[g].lease != nil:
		return c.groups[g].lease.m
	}
	return nil
}

// absorbLease turns what the machine of a lease says into actions.
func (c *Core) absorbLease(now Instant, e *byLease) {
	e.pledge(now)
	out := e.m.Finish(now)
	for ; e.seen.changes < len(out.Changes); e.seen.changes++ {
		c.leaseChanged(now, e, &out.Changes[e.seen.changes])
	}
	if until := out.Until; until != e.open {
		e.open = until
		c.acts.Fence = append(c.acts.Fence, FenceSlot{Slot: e.slot, Answer: until, Serve: until})
	}
	if e.g.cfg.Pledged {
		c.machine.SetPledging(e.g.peered, e.m.Quiet())
	}
	for ; e.seen.sends < len(out.Ops); e.seen.sends++ {
		c.acts.Store = append(c.acts.Store, StoreOp{Group: e.g.id, Op: out.Ops[e.seen.sends]})
	}
}

// pledge tells the other nodes who has the group, keeps what this node has promised,
// and counts on what it was promised while the store is not reached.
func (e *byLease) pledge(now Instant) {
	if !e.g.cfg.Pledged {
		return
	}
	machine, at := e.c.machine, e.g.peered
	holding := uint64(0)
	if e.g.active {
		holding = e.g.epoch
		e.m.Vouch(machine.PledgedUntil(at))
	}
	machine.SetHolding(at, holding)
	if machine.Pledged(at) {
		e.m.Bide(now.Add(e.g.cfg.Lease()))
	}
}

// leasesDue is when the first lease waits for something.
func (c *Core) leasesDue() Instant {
	due := clock.Never
	for _, e := range c.leases {
		due = clock.Min(due, e.m.Deadline())
	}
	return due
}

// leaseChanged takes a change of a lease in.
func (c *Core) leaseChanged(now Instant, e *byLease, ch *lease.Change) {
	g, node := e.g, c.nodeNamed(ch.Holder)
	n := Note{At: now, Group: g.id, Node: node, Epoch: ch.Epoch, Reason: ch.Reason, Detail: ch.Detail}
	switch ch.Kind {
	case lease.Acquired:
		e.owns(now, c.cfg.Self)
		e.pinned, e.handing = ch.Reason == reason.Switchover && e.wantedByOperator(), reason.None
		c.acts.Persist = append(c.acts.Persist, Persist{Group: g.id, EpochCeiling: ch.Epoch, HeldOff: c.drained})
		c.activated(now, g, &peer.Change{Slot: e.slot, Epoch: ch.Epoch, Reason: ch.Reason})
		e.settle(now)
	case lease.Lost:
		c.deactivated(now, g, &peer.Change{Node: int(c.cfg.Self), Epoch: ch.Epoch, Reason: ch.Reason})
		c.acts.Note[len(c.acts.Note)-1].Detail = ch.Detail
	case lease.SawHolder:
		e.owns(now, node)
		if node != NoNode && node != c.cfg.Self {
			n.Kind = SawActive
			c.note(n)
			c.succeeds(now, g, int(node), ch.Reason, ch.Epoch)
		}
		e.settle(now)
	case lease.Asked:
		if node != NoNode && node != c.cfg.Self && g.active {
			e.release(now, reason.Preempted, node)
		}
	case lease.Unreachable, lease.Unreadable:
		n.Kind, n.Node = StoreDown, c.cfg.Self
		if ch.Kind == lease.Unreadable {
			n.Detail = "the lease is not readable: " + ch.Detail
		}
		c.note(n)
	case lease.Reachable:
		n.Kind, n.Node = StoreUp, c.cfg.Self
		c.note(n)
	case lease.Stretched:
		n.Kind, n.Node, n.Reason = Stretched, c.cfg.Self, reason.StoreLost
		c.note(n)
	}
}

// wantedByOperator tells whether the lease came by a switchover rather than because
// this node had asked for it.
func (e *byLease) wantedByOperator() bool { return !e.m.Requested() }

func (e *byLease) owns(now Instant, node NodeID) {
	if node != e.owner {
		e.owner, e.ownerSince = node, now
	}
}

// nodeNamed finds a node by its name; else NoNode.
func (c *Core) nodeNamed(name string) NodeID {
	for i := range c.cfg.Nodes {
		if name != "" && c.cfg.Nodes[i].Name == name {
			return NodeID(i)
		}
	}
	return NoNode
}

// stretches tells whether a holder may go on when its lease is over.
func (e *byLease) stretches() bool { return e.g.cfg.HoldWithoutStore || e.g.cfg.Pledged }

func (e *byLease) state(now Instant) peer.GroupState {
	s := e.m.Status(now)
	out := peer.GroupState{
		Epoch: s.Record.Epoch, Owner: peer.Nobody, Cause: e.g.cause, Eligible: e.able(now), Drained: e.heldOff,
		Starting: e.ready && now < e.startAt, Priority: e.priority, Until: s.Until,
	}
	if other := e.owner != NoNode && e.owner != e.c.cfg.Self; other && (s.Age <= s.Record.TTL || e.stretches()) {
		out.Owner = int(e.owner)
	}
	if e.g.active {
		out.Phase, out.Owner, out.Epoch = peer.Active, int(e.c.cfg.Self), e.g.epoch
	}
	for _, m := range e.g.cfg.Members {
		switch {
		case m.Node == e.c.cfg.Self:
			out.Members = append(out.Members, peer.MemberState{Node: int(m.Node), Priority: e.priority, Ready: out.Eligible, Alive: true})
		case int(m.Node) == out.Owner:
			out.Members = append(out.Members, peer.MemberState{Node: int(m.Node), Priority: s.Record.Priority, Ready: true, Alive: true})
		default: // those that do not have the lease say nothing
			out.Members = append(out.Members, peer.MemberState{Node: int(m.Node), Priority: m.Priority, Unknown: true})
		}
	}
	return out
}
