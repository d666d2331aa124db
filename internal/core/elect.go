package core

import (
	"stead/internal/core/peer"
	"stead/internal/core/reason"
)

// election is what decides the role of this node in one group. What it decides
// comes as changes when a step is finished.
type election interface {
	// setReady tells whether this node could serve, why not, and with which priority.
	setReady(now Instant, ready bool, why reason.Reason, priority int)
	// setPrepared tells that the addresses of a target wait behind the closed fence.
	setPrepared()
	// refusePrepare tells that this node can be no target until a moment.
	refusePrepare(until Instant)
	// bide has this node preempt nobody until a moment.
	bide(until Instant)
	// look notices a lease that has run out since it was looked at last.
	look(now Instant)
	// leased tells whether this node is active and may answer for the addresses.
	leased(now Instant) bool
	// hasSuccessor tells whether another node may be ready to take the group.
	hasSuccessor() bool
	// switchover begins to hand over, or says why not.
	switchover(now Instant, to NodeID) reason.Reason
	// refusesDrain says why this node cannot be kept away.
	refusesDrain() reason.Reason
	setDrained(now Instant, drained bool)
	// drained tells whether an operator keeps this node away.
	drained() bool
	state(now Instant) peer.GroupState
}

// byPeers is the election among the nodes of the configuration.
type byPeers struct {
	m     *peer.Machine
	index int // of the group in m
}

func (e byPeers) setReady(now Instant, ready bool, why reason.Reason, priority int) {
	e.m.SetReady(now, e.index, ready, why, priority)
}

func (e byPeers) setPrepared()                { e.m.SetPrepared(e.index) }
func (e byPeers) refusePrepare(until Instant) { e.m.RefusePrepare(e.index, until) }
func (e byPeers) bide(until Instant)          { e.m.Bide(e.index, until) }
func (e byPeers) look(now Instant)            { e.m.Look(now, e.index) }
func (e byPeers) leased(now Instant) bool     { return e.m.Leased(now, e.index) }
func (e byPeers) hasSuccessor() bool          { return e.m.HasSuccessor(e.index) }
func (e byPeers) refusesDrain() reason.Reason { return e.m.RefusesDrain(e.index) }

func (e byPeers) switchover(now Instant, to NodeID) reason.Reason {
	target := peer.Nobody
	if to != NoNode {
		target = int(to)
	}
	return e.m.Switchover(now, e.index, target)
}

func (e byPeers) state(Instant) peer.GroupState { return e.m.Group(e.index) }

func (e byPeers) drained() bool { return e.m.Drained(e.index) }

func (e byPeers) setDrained(now Instant, drained bool) { e.m.SetDrained(now, e.index, drained) }
