package core

import (
	"stead/internal/core/clock"
	"stead/internal/core/peer"
	"stead/internal/core/reason"
)

// everyoneSlot of the fence is always open: groups without an election are under
// it. Nobody is to fall silent because another node serves; routers choose.
const everyoneSlot = firstRouterSlot - 1

// byItself is the election of a group that has none: a node that is ready is
// active, whatever others do.
type byItself struct {
	c *Core
	g *group

	ready    bool
	why      reason.Reason
	priority int
	heldOff  bool // by an operator
	stopping bool
	stopWhy  reason.Reason
	startAt  Instant
	count    uint64 // activations
}

// newItself gives a group no election.
func (c *Core) newItself(g *group) {
	e := &byItself{c: c, g: g, why: reason.Starting, startAt: clock.Never, count: g.cfg.EpochFloor}
	g.everyone, g.election = e, e
}

// start begins, or goes on with a later end of the start-up delay.
func (e *byItself) start(now Instant) {
	e.startAt = now.Add(e.g.cfg.StartDelay)
	e.c.acts.Fence = append(e.c.acts.Fence, FenceSlot{Slot: everyoneSlot, Answer: clock.Never, Serve: clock.Never})
}

func (e *byItself) setReady(now Instant, ready bool, why reason.Reason, priority int) {
	e.ready, e.why, e.priority = ready, why, priority
	e.settle(now)
}

// settle makes the role follow from what is known of this node.
func (e *byItself) settle(now Instant) {
	able := e.ready && !e.heldOff && !e.stopping && now >= e.startAt
	switch {
	case able && !e.g.active:
		e.count++
		e.c.acts.Persist = append(e.c.acts.Persist, Persist{Group: e.g.id, EpochCeiling: e.count, HeldOff: e.c.drained})
		e.c.activated(now, e.g, &peer.Change{Slot: everyoneSlot, Epoch: e.count, Reason: reason.NoElection})
		e.c.touched = true
	case !able && e.g.active:
		e.c.deactivated(now, e.g, &peer.Change{Node: int(e.c.cfg.Self), Epoch: e.count, Reason: e.failure(), Linger: e.ready})
		e.c.touched = true
	}
	e.c.due = clock.Min(e.c.due, e.due(now))
}

// failure is why a node that was active is not any more.
func (e *byItself) failure() reason.Reason {
	switch {
	case !e.ready:
		return e.why
	case e.stopping:
		return e.stopWhy
	}
	return reason.Drained
}

// due is when the start-up delay is over; Never when nothing waits for that.
func (e *byItself) due(now Instant) Instant {
	if e.g.active || !e.ready || now >= e.startAt {
		return clock.Never
	}
	return e.startAt
}

func (e *byItself) stop(now Instant, why reason.Reason) {
	e.stopping, e.stopWhy = true, why
	e.settle(now)
}

func (e *byItself) setDrained(now Instant, drained bool) {
	e.heldOff = drained
	e.settle(now)
}

// Nobody prepares, no lease ends, and nobody is known who could follow.
func (e *byItself) setPrepared()                {}
func (e *byItself) refusePrepare(Instant)       {}
func (e *byItself) bide(Instant)                {}
func (e *byItself) look(Instant)                {}
func (e *byItself) leased(Instant) bool         { return e.g.active }
func (e *byItself) drained() bool               { return e.heldOff }
func (e *byItself) hasSuccessor() bool          { return false }
func (e *byItself) refusesDrain() reason.Reason { return reason.None }

func (e *byItself) switchover(Instant, NodeID) reason.Reason { return reason.NoElection }

func (e *byItself) state(now Instant) peer.GroupState {
	out := peer.GroupState{
		Epoch: e.count, Owner: peer.Nobody, Cause: e.g.cause, Eligible: e.ready && !e.heldOff && now >= e.startAt,
		Starting: e.ready && now < e.startAt, Drained: e.heldOff, Priority: e.priority,
	}
	if e.g.active {
		out.Phase, out.Owner = peer.Active, int(e.c.cfg.Self)
	}
	for _, m := range e.g.cfg.Members {
		if m.Node == e.c.cfg.Self { // nothing is heard of the others
			out.Members = append(out.Members, peer.MemberState{Node: int(m.Node), Priority: e.priority, Ready: out.Eligible, Alive: true})
		}
	}
	return out
}
