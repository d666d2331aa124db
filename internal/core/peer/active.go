package peer

import (
	"time"

	"stead/internal/core/reason"
)

// rivalAnnounce is how often the winner announces itself while a rival that
// cannot hear it goes on.
const rivalAnnounce = 100 * time.Millisecond

// activate makes this node the active one.
func (m *Machine) activate(now Instant, g *group, epoch uint64, cause Cause) {
	g.phase, g.epoch, g.cause, g.changedAt = Active, epoch, cause, now
	g.first, g.bid, g.bidAt = epoch, 0, now
	g.seen = max(g.seen, epoch)
	g.pinned = cause.Reason() == reason.Switchover
	g.target, g.ask, g.rival = nobody, nobody, nobody
	g.refuses, g.refusing = 0, false // what failed has succeeded since
	m.active++
	m.join(now, g, g.need, m.grants(g, g.first))
	m.change(Change{Kind: Activated, Group: g.index, Node: m.self, Slot: g.class.slot, Epoch: epoch, Reason: cause.Reason()})
	m.compareStall(now, g, false)
	m.touch(g)
}

// deactivate lets go. The successor, if there is one, need not wait for its turn.
func (m *Machine) deactivate(now Instant, g *group, why reason.Reason, successor int, linger bool) {
	g.phase, g.cause, g.changedAt, g.vacantSince = Standby, causeOf(why), now, now
	g.target, g.pinned, g.prepared, g.bid = successor, false, false, 0
	g.reserved = now.Add(g.lease)
	m.leave(g)
	m.active--
	m.change(Change{Kind: Deactivated, Group: g.index, Node: successor, Epoch: g.epoch, Reason: why, Linger: linger})
	m.touch(g)
}

// grants returns the other voters that stand by this node at an epoch from
// first on: a voter's promise goes on when it votes for the same node again.
func (m *Machine) grants(g *group, first uint64) uint64 {
	mask := uint64(0)
	for i, n := range m.nodes {
		if g.voters&(1<<i) == 0 || i == m.self || n.inc == 0 || !n.known[g.index] {
			continue
		}
		r := &n.rec[g.index]
		if r.VoteNode == m.nodes[m.self].hash && r.VoteEpoch >= first {
			mask |= 1 << i
		}
	}
	return mask
}

func (m *Machine) whileActive(now Instant, g *group) {
	if g.owner != nobody && m.yields(now, g) {
		return
	}
	if !g.ready {
		m.deactivate(now, g, g.whyNot, m.bestSuccessor(g), false)
		return
	}
	m.endRivalry(now, g)
	if !m.keepsLease(now, g) {
		return
	}
	m.considerHandover(now, g)
}

// yields handles another active node and tells whether this one gave way.
func (m *Machine) yields(now Instant, g *group) bool {
	n := m.nodes[g.owner]
	r := &n.rec[g.index]
	if higher(r.Epoch, r.Priority, n.name, g.epoch, uint8(g.priority), m.nodes[m.self].name) {
		m.deactivate(now, g, reason.Superseded, nobody, false)
		return true
	}
	if g.rival == nobody || now >= g.announceAt {
		g.rival, g.announceAt = g.owner, now.Add(rivalAnnounce)
		m.change(Change{Kind: Healed, Group: g.index, Node: g.owner, Epoch: g.epoch})
	}
	m.wake(g, g.announceAt)
	return false
}

// endRivalry notes that a rival has given way and how long both have served.
func (m *Machine) endRivalry(now Instant, g *group) {
	if g.rival == nobody || g.owner != nobody || !m.nodes[g.rival].alive(g.timing) {
		return
	}
	if g.need == 0 {
		m.change(Change{Kind: DualSeen, Group: g.index, Node: g.rival, Epoch: g.epoch, Reason: reason.DualActive, Took: now.Sub(g.changedAt)})
	}
	m.change(Change{Kind: Healed, Group: g.index, Node: g.rival, Epoch: g.epoch})
	g.rival = nobody
}

// keepsLease follows the votes, and lets go when the majority is lost.
func (m *Machine) keepsLease(now Instant, g *group) bool {
	if g.need == 0 {
		m.rejoin(now, g, 0, 0)
		return true
	}
	m.raise(now, g)
	need, mask := g.need, m.grants(g, g.first)
	if g.class.need == 0 && m.standing(now, g, mask) < need {
		m.rejoin(now, g, 0, 0)
		return true // holds without a majority, as the user chose
	}
	m.rejoin(now, g, need, mask)
	if c := g.class; !c.lost && !(c.stalled && c.calls && (now >= c.graceUntil || m.barred(g))) {
		return true // a voter that is back can grant another claim sooner than the store votes
	}
	if g.cfg.HoldOnQuorumLoss {
		m.rejoin(now, g, 0, 0)
		return true
	}
	m.deactivate(now, g, reason.QuorumLost, nobody, false)
	return false
}

// standing counts the voters among mask whose promises would carry a lease now.
func (m *Machine) standing(now Instant, g *group, mask uint64) int {
	lease := usable(m.patience(g, g.need, mask))
	count := 0
	for i, n := range m.nodes {
		if mask&(1<<i) != 0 && n.confirmedAt != 0 && now < n.confirmedAt.Add(lease) {
			count++
		}
	}
	return count
}

// rejoin moves the lease to the promises that it hangs on now.
func (m *Machine) rejoin(now Instant, g *group, need int, mask uint64) {
	was := g.class.stalled
	if m.join(now, g, need, mask) {
		m.change(Change{Kind: SlotMoved, Group: g.index, Node: m.self, Slot: g.class.slot, Epoch: g.epoch})
		m.compareStall(now, g, was)
	}
}

// raise asks for a higher epoch when a voter that is heard cannot vote for this
// one: it has restarted and may have granted it before, or did grant it to
// another. Without it, a restart of each voter in turn would end the lease.
func (m *Machine) raise(now Instant, g *group) {
	if g.class == nil || g.class.stalled {
		return // another may hold a higher epoch by now
	}
	if g.bid != 0 {
		if popCount(m.grants(g, g.bid)) >= g.need {
			g.epoch, g.bid = g.bid, 0
			m.change(Change{Kind: EpochRaised, Group: g.index, Node: m.self, Epoch: g.epoch})
			return
		}
		if m.canGrant(g, g.bid) {
			return
		}
	}
	if !m.barred(g) {
		return
	}
	if at := g.bidAt.Add(4 * g.lease); now < at {
		m.wake(g, at)
		return
	}
	g.bid, g.bidAt = g.seen+1, now
	g.seen = g.bid
	g.vote = vote{epoch: g.bid, node: m.self, inc: m.inc}
}

// barred tells whether a voter that is heard, and hears this node, cannot vote for
// this epoch any more.
func (m *Machine) barred(g *group) bool {
	mask := m.grants(g, g.first)
	for i, n := range m.nodes {
		if g.voters&(1<<i) != 0 && i != m.self && mask&(1<<i) == 0 && n.alive(g.timing) && n.deafTo&(1<<g.timing) == 0 &&
			n.known[g.index] && n.rec[g.index].VoteEpoch >= g.epoch {
			return true
		}
	}
	return false
}

// canGrant tells whether a bid can still be granted by a majority.
func (m *Machine) canGrant(g *group, epoch uint64) bool {
	return popCount(m.grants(g, epoch))+m.undecided(g, epoch) >= g.need
}

func popCount(mask uint64) int {
	n := 0
	for ; mask != 0; mask &= mask - 1 {
		n++
	}
	return n
}

// considerHandover looks for a reason to hand over, and hands over when the
// target is ready.
func (m *Machine) considerHandover(now Instant, g *group) {
	if g.target == nobody {
		m.chooseTarget(now, g)
	}
	if g.target == nobody {
		if m.stopping {
			m.deactivate(now, g, reason.Stopping, nobody, false)
		}
		return
	}
	n := m.nodes[g.target]
	switch {
	case !n.alive(g.timing) || !n.canPrepare(g) || now >= g.targetBy:
		failed := g.target
		g.target = nobody
		m.change(Change{Kind: GaveUpOn, Group: g.index, Node: failed, Epoch: g.epoch, Reason: reason.SwitchoverLate})
		if m.stopping {
			m.deactivate(now, g, reason.Stopping, m.bestSuccessor(g), false)
		}
	case n.rec[g.index].Flags&recPrepared != 0:
		m.giveOver(now, g)
	default:
		m.wake(g, g.targetBy)
	}
}

// chooseTarget finds out whether another node is to take over.
func (m *Machine) chooseTarget(now Instant, g *group) {
	switch {
	case m.stopping:
		m.aim(now, g, m.bestSuccessor(g), reason.Stopping, stopHandover)
	case m.drained || g.drained:
		m.aim(now, g, m.bestSuccessor(g), reason.Drained, maxHandover)
	case g.ask != nobody && now < g.askUntil:
		m.aim(now, g, g.ask, g.askCause.Reason(), maxHandover)
		g.ask = nobody
	default:
		for i, n := range m.nodes {
			if g.others&(1<<i) == 0 || !n.known[g.index] || !n.alive(g.timing) || n.rec[g.index].Role == RoleActive {
				continue
			}
			r := &n.rec[g.index]
			to := m.nodeOf(r.Ask)
			if to == nobody || to == m.self || r.Cause.Reason() == reason.Preempted && !m.givesWay(now, g, r) {
				continue
			}
			m.aim(now, g, to, r.Cause.Reason(), maxHandover)
			return
		}
	}
}

// givesWay tells whether a node that asks for the group because it is better may have
// it. It may have asked the one before, and not have heard yet of this one.
func (m *Machine) givesWay(now Instant, g *group, r *Record) bool {
	at := g.changedAt.Add(max(g.cfg.PreemptDelay, g.cfg.Damping))
	if now < at {
		m.wake(g, at)
	}
	return now >= at && int(r.Priority) > g.priority && !g.pinned
}

// aim begins a hand-over to a node that is ready for it.
func (m *Machine) aim(now Instant, g *group, to int, why reason.Reason, within time.Duration) {
	if to == nobody || !m.nodes[to].alive(g.timing) || !m.nodes[to].canPrepare(g) {
		return
	}
	g.target, g.targetCause, g.targetBy = to, causeOf(why), now.Add(within)
	m.wake(g, g.targetBy)
}

// giveOver grants the next epoch to the target and lets go.
func (m *Machine) giveOver(now Instant, g *group) {
	to := g.target
	why := g.targetCause.Reason()
	if g.need > 0 {
		g.vote = vote{epoch: g.seen + 1, node: to, inc: m.nodes[to].inc}
		g.seen = g.vote.epoch
	}
	m.deactivate(now, g, why, to, true)
}

// ready tells whether the node says that it could serve the group.
func (n *node) ready(g *group) bool {
	return n.known[g.index] && n.rec[g.index].Flags&recReady != 0 && g.cfg.Priorities[n.index] > 0
}

// canPrepare tells whether the node can be the target of a hand-over.
func (n *node) canPrepare(g *group) bool {
	return n.ready(g) && n.rec[g.index].Flags&recRefuses == 0
}

// bestSuccessor is the ready node with the highest priority, the higher name
// where priorities are equal.
func (m *Machine) bestSuccessor(g *group) int {
	best := nobody
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 || !n.alive(g.timing) || !n.ready(g) {
			continue
		}
		if best == nobody || m.succeeds(g, n, m.nodes[best]) {
			best = i
		}
	}
	return best
}

// succeeds tells whether a is a better successor than b, which comes before it by
// name: one that can prepare, then the higher priority.
func (m *Machine) succeeds(g *group, a, b *node) bool {
	if x, y := a.canPrepare(g), b.canPrepare(g); x != y {
		return x
	}
	return a.rec[g.index].Priority >= b.rec[g.index].Priority
}
