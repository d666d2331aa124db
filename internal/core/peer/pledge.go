package peer

// A group with Pledge is decided elsewhere, by a lease in a store. Its nodes only
// tell each other who has it, and promise that one not to take it while they hear
// it and for a lease after: with the promises of all of them the holder can go on
// when the store is not reached.

// SetHolding tells with which epoch this node has a group that is decided
// elsewhere; 0: it does not have it.
func (m *Machine) SetHolding(group int, epoch uint64) {
	if g := m.groups[group]; g.holding != epoch {
		g.holding = epoch
		m.touch(g)
	}
}

// SetPledging tells whether this node can promise a group to another: not while it
// may have asked for it itself.
func (m *Machine) SetPledging(group int, can bool) {
	if g := m.groups[group]; g.pledging != can {
		g.pledging = can
		m.touch(g)
	}
}

// pledge promises the group to the node that has it.
func (m *Machine) pledge(g *group) {
	best := nobody
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 || !n.alive(g.timing) || !n.known[g.index] || n.rec[g.index].Role != RoleActive {
			continue
		}
		if best == nobody || n.rec[g.index].Epoch > m.nodes[best].rec[g.index].Epoch {
			best = i
		}
	}
	g.vote.node = nobody
	if best != nobody && g.pledging {
		g.vote = vote{epoch: m.nodes[best].rec[g.index].Epoch, node: best, inc: m.nodes[best].inc}
	}
	m.publish(g)
}

// Pledged tells whether this node has promised a group to another.
func (m *Machine) Pledged(group int) bool { return m.groups[group].vote.node != nobody }

// PledgedUntil is up to when all other nodes have promised a group to this one; 0
// where one has not.
func (m *Machine) PledgedUntil(group int) Instant {
	g := m.groups[group]
	if g.holding == 0 || g.others == 0 {
		return 0
	}
	lease := usable(m.patience(g, 0, 0))
	var until Instant
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 {
			continue
		}
		if !n.alive(g.timing) || !n.known[g.index] || n.confirmedAt == 0 {
			return 0
		}
		if r := &n.rec[g.index]; r.VoteNode != m.nodes[m.self].hash || r.VoteEpoch != g.holding {
			return 0
		}
		if at := n.confirmedAt.Add(lease); until == 0 || at < until {
			until = at
		}
	}
	return until
}
