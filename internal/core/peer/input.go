package peer

import (
	"stead/internal/core/reason"
)

// SetReady tells whether this node could serve the group, why not, and with
// which priority (1 to 255).
func (m *Machine) SetReady(now Instant, group int, ready bool, why reason.Reason, priority int) {
	g := m.groups[group]
	if ready && !g.ready {
		g.readySince = now
	}
	if g.ready != ready || g.priority != priority || g.whyNot != why {
		g.ready, g.whyNot, g.priority = ready, why, priority
		m.touch(g)
	}
}

// SetPrepared tells that the addresses of a target wait behind the closed fence.
func (m *Machine) SetPrepared(group int) {
	if g := m.groups[group]; g.phase == Preparing && !g.prepared {
		g.prepared = true
		m.touch(g)
	}
}

// Bide has this node preempt nobody in a group before a moment. It may still be
// handed the group, and takes it over when nobody is active.
func (m *Machine) Bide(group int, until Instant) {
	if g := m.groups[group]; g.biding != until {
		g.biding = until
		m.touch(g)
	}
}

// RefusePrepare tells that this node could not get ready as a target, and is
// none for a while. It still takes over when nobody serves.
func (m *Machine) RefusePrepare(group int, until Instant) {
	g := m.groups[group]
	g.refuses = until
	m.touch(g)
}

// Switchover asks for the group to be handed over to a node, or to the best one.
// The answer is why it cannot be begun, or none.
func (m *Machine) Switchover(now Instant, group, to int) reason.Reason {
	g := m.groups[group]
	if to == nobody {
		to = m.bestSuccessor(g)
		if g.phase != Active && g.eligible {
			to = m.self
		}
	}
	refused := m.refuses(g, to)
	if refused == reason.None {
		g.ask, g.askCause, g.askUntil = to, causeOf(reason.Switchover), now.Add(maxHandover)
		m.touch(g)
	}
	return refused
}

// refuses tells why a group cannot be handed over to a node.
func (m *Machine) refuses(g *group, to int) reason.Reason {
	switch {
	case to == nobody:
		return reason.NoSuccessor
	case to == m.self && g.phase == Active, to == g.owner:
		return reason.None
	case to == m.self && !g.eligible:
		return reason.NoSuccessor
	case to != m.self && (!m.nodes[to].alive(g.timing) || !m.nodes[to].canPrepare(g)):
		return reason.NoSuccessor
	case g.phase != Active && g.owner == nobody:
		return reason.NobodyActive
	}
	return reason.None
}

// RefusesDrain tells why this node cannot be kept away from a group, or from all
// when group is negative: nobody else is ready to take what it serves.
func (m *Machine) RefusesDrain(group int) reason.Reason {
	for _, g := range m.groups {
		if (group < 0 || g.index == group) && g.phase == Active && m.bestSuccessor(g) == nobody {
			return reason.NoSuccessor
		}
	}
	return reason.None
}

// Drained tells whether an operator keeps this node away from a group, or from all.
func (m *Machine) Drained(group int) bool { return m.drained || m.groups[group].drained }

// SetDrained keeps this node away from a group, or from all when group is
// negative, after a hand-over; or lets it take part again.
func (m *Machine) SetDrained(now Instant, group int, drained bool) {
	for _, g := range m.groups {
		if group >= 0 && g.index != group {
			continue
		}
		g.drained = drained
		if !drained {
			g.readySince = now
		}
		m.touch(g)
	}
	if group < 0 {
		m.drained = drained
	}
}

// Resign lets go of a group at once.
func (m *Machine) Resign(now Instant, group int, why reason.Reason) {
	if g := m.groups[group]; g.phase == Active {
		m.deactivate(now, g, why, m.bestSuccessor(g), false)
	}
}

// Stop hands everything over where somebody is ready, lets go of the rest, and
// takes no part any more. With hard it lets go of everything at once.
func (m *Machine) Stop(now Instant, hard bool, why reason.Reason) {
	m.stopping = true
	for _, g := range m.groups {
		if hard && g.phase == Active {
			m.deactivate(now, g, why, m.bestSuccessor(g), false)
		}
		m.touch(g)
	}
}

// Look notices a lease that has run out since it was looked at last.
func (m *Machine) Look(now Instant, group int) {
	if c := m.groups[group].class; c != nil && !c.stalled && now >= c.until {
		m.stall(now, c, reason.LeaseStalled)
	}
}

// HasSuccessor tells whether another node is ready to take the group.
func (m *Machine) HasSuccessor(group int) bool { return m.bestSuccessor(m.groups[group]) != nobody }
