package peer

import (
	"time"

	"stead/internal/core/reason"
)

func (m *Machine) whileStandby(now Instant, g *group) {
	heir := m.inherits(g)
	if !g.eligible || !g.member {
		m.unprepare(g)
		m.decline(g)
		if g.ask == m.self {
			g.ask = nobody
		}
		m.dropAsk(now, g)
		return
	}
	switch {
	case heir != nobody:
		r := &m.nodes[heir].rec[g.index]
		m.claim(now, g, r.VoteEpoch, r.Cause)
		return
	case g.owner != nobody:
		m.besideOwner(now, g)
	default:
		m.whileVacant(now, g)
	}
	if g.phase == Standby || g.phase == Preparing {
		m.decline(g)
		m.dropAsk(now, g)
	}
}

// inherits returns the node that has handed the group over to this one.
func (m *Machine) inherits(g *group) int {
	if g.owner != nobody || m.promised(g, nobody) {
		return nobody
	}
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 || !n.alive(g.timing) || !n.known[g.index] {
			continue
		}
		r := &n.rec[g.index]
		if n.fresh[g.index] && r.Role == RoleStandby && r.Target == m.nodes[m.self].hash && r.Epoch > g.epoch && r.Epoch >= m.lastHeld(g) {
			return i
		}
	}
	return nobody
}

// lastHeld is the highest epoch that any node says it holds or has held.
func (m *Machine) lastHeld(g *group) uint64 {
	top := uint64(0)
	for i, n := range m.nodes {
		if g.others&(1<<i) != 0 && n.known[g.index] {
			top = max(top, n.rec[g.index].Epoch)
		}
	}
	return top
}

// decline says to voters that an epoch granted to this node will not be used:
// from then on they are free.
func (m *Machine) decline(g *group) {
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 || !n.known[g.index] || i == m.store {
			continue
		}
		if r := &n.rec[g.index]; r.VoteNode == m.nodes[m.self].hash && r.VoteEpoch > g.epoch {
			g.epoch = r.VoteEpoch
		}
	}
}

// dropAsk ends a request that was answered or has taken too long.
func (m *Machine) dropAsk(now Instant, g *group) {
	switch {
	case g.ask == nobody || g.ask == m.self && g.askCause.Reason() == reason.Preempted:
	case g.owner == g.ask || now >= g.askUntil:
		g.ask = nobody
	default:
		m.wake(g, g.askUntil)
	}
}

// besideOwner is what a node does that could serve while another one does.
func (m *Machine) besideOwner(now Instant, g *group) {
	n := m.nodes[g.owner]
	r := &n.rec[g.index]
	if r.Target == m.nodes[m.self].hash && !g.refusing {
		if g.phase != Preparing {
			g.phase, g.prepared = Preparing, false
			m.change(Change{Kind: Prepare, Group: g.index, Node: g.owner, Epoch: r.Epoch, Reason: r.Cause.Reason()})
		}
		return
	}
	m.unprepare(g)
	if g.need == 0 && n.deafTo&(1<<g.timing) != 0 && !m.heldBack(now, g) {
		m.claim(now, g, 0, causeOf(reason.PeerDeaf))
		return
	}
	m.considerPreempt(now, g, r)
}

// considerPreempt asks a running node with a lower priority to hand over.
func (m *Machine) considerPreempt(now Instant, g *group, owner *Record) {
	wants := g.cfg.Preempt && g.priority > int(owner.Priority) && owner.Flags&recPinned == 0
	at := max(max(g.readySince, g.startAt, g.ownerSince).Add(g.cfg.PreemptDelay), max(g.refuses, g.biding))
	damped := g.ownerSince.Add(g.cfg.Damping)
	if (!wants || now < max(at, damped)) && g.ask == m.self && g.askCause.Reason() == reason.Preempted {
		g.ask = nobody
	}
	switch {
	case !wants:
	case now >= at && now < damped:
		if g.dampedBy != g.ownerSince {
			g.dampedBy = g.ownerSince
			m.change(Change{Kind: Damped, Group: g.index, Node: g.owner, Epoch: owner.Epoch, Reason: reason.Damping, Took: damped.Sub(now)})
		}
		m.wake(g, damped)
	case now >= at:
		g.ask, g.askCause = m.self, causeOf(reason.Preempted)
	default:
		m.wake(g, at)
	}
}

func (m *Machine) unprepare(g *group) {
	if g.phase == Preparing {
		g.phase, g.prepared = Standby, false
		m.change(Change{Kind: Unprepare, Group: g.index, Node: m.self, Epoch: g.epoch})
	}
}

// whileVacant is what a node does that could serve while nobody is heard to.
func (m *Machine) whileVacant(now Instant, g *group) {
	if m.catchingUp(g) || g.need > 0 && (m.promised(g, nobody) || !m.majorityHears(now, g)) {
		m.unprepare(g)
		return
	}
	if m.heldBack(now, g) {
		return
	}
	rank, claimed, reserved := m.rank(now, g)
	if claimed {
		return
	}
	at := g.vacantSince.Add(time.Duration(rank) * 2 * g.cfg.Interval)
	if reserved {
		at = max(at, g.vacantSince.Add(g.lease))
	}
	if now < at {
		m.wake(g, at)
		return
	}
	m.claim(now, g, 0, m.vacancy(g))
}

// heldBack tells whether this node has handed over just now, and its successor is heard.
func (m *Machine) heldBack(now Instant, g *group) bool {
	if now >= g.reserved || g.target == nobody || g.target == m.self || !m.nodes[g.target].alive(g.timing) {
		return false
	}
	m.wake(g, g.reserved)
	return true
}

// rank counts the better nodes that could serve. claimed tells that one of them
// claims already, reserved that the last holder has named one.
func (m *Machine) rank(now Instant, g *group) (rank int, claimed, reserved bool) {
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 || !n.alive(g.timing) || !n.known[g.index] {
			continue
		}
		r := &n.rec[g.index]
		better := r.Priority > uint8(g.priority) || r.Priority == uint8(g.priority) && n.name > m.nodes[m.self].name
		claimed = claimed || better && r.Role == RoleClaiming
		if (n.ready(g) || r.Flags&recStarting != 0) && better {
			rank++
		}
		if to := m.nodeOf(r.Target); r.Role == RoleStandby && to != nobody && to != m.self && r.Epoch > g.epoch && r.Epoch >= m.lastHeld(g) &&
			m.nodes[to].index != i && m.nodes[to].alive(g.timing) && m.nodes[to].ready(g) {
			reserved = true
		}
	}
	return rank, claimed, reserved
}

// vacancy is why nobody is active.
func (m *Machine) vacancy(g *group) Cause {
	why := reason.NobodyActive
	top := uint64(0)
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 || !n.known[g.index] || n.rec[g.index].Epoch < top {
			continue
		}
		r := &n.rec[g.index]
		switch {
		case r.Role == RoleActive && !n.alive(g.timing):
			why, top = reason.PeerSilent, r.Epoch
		case r.Role == RoleStandby && r.Epoch > 0 && r.Cause != 0:
			why, top = reason.PeerResigned, r.Epoch
		}
	}
	if top < g.epoch {
		why = reason.NobodyActive
	}
	return causeOf(why)
}

// catchingUp tells whether a node that is heard has news that are still on their way.
func (m *Machine) catchingUp(g *group) bool {
	for i, n := range m.nodes {
		if g.others&(1<<i) != 0 && n.behind && n.alive(g.timing) {
			return true
		}
	}
	return false
}

// majorityHears tells whether enough voters are heard, and hear this node, to
// grant anything: a deaf node's claim would only keep others from theirs. After
// a lease was lost, only what they have heard since counts.
func (m *Machine) majorityHears(now Instant, g *group) bool {
	hear, waiting := 0, false
	for i, n := range m.nodes {
		if g.voters&(1<<i) == 0 || i == m.self || !n.alive(g.timing) || n.deafTo&(1<<g.timing) != 0 {
			continue
		}
		if g.cause.Reason() == reason.QuorumLost && n.reachedAt <= g.changedAt {
			waiting = true
			continue
		}
		hear++
	}
	if hear < g.need && waiting {
		m.wake(g, now.Add(g.cfg.Interval))
	}
	return hear >= g.need
}

// promised tells whether this node's vote still binds it to a node other than except.
func (m *Machine) promised(g *group, except int) bool {
	v := g.vote.node
	if g.need == 0 || v == nobody || v == m.self || v == except {
		return false
	}
	n := m.nodes[v]
	if !n.alive(g.timing) {
		return false
	}
	r := &n.rec[g.index]
	switch {
	case !n.known[g.index]:
		return true
	case r.Role == RoleStandby:
		return r.Epoch < g.vote.epoch && n.inc == g.vote.inc
	case r.Role == RoleClaiming:
		return r.Epoch <= g.vote.epoch
	}
	return true
}
