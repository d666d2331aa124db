package peer

import "stead/internal/core/reason"

// claim asks the voters for the right to serve; without quorum it takes it.
// epoch is one that was granted already, or 0.
func (m *Machine) claim(now Instant, g *group, epoch uint64, cause Cause) {
	if g.need == 0 {
		m.activate(now, g, g.seen+1, cause)
		return
	}
	if epoch <= g.vote.epoch || epoch < g.seen {
		epoch = g.seen + 1
	}
	g.phase, g.epoch, g.cause, g.ask = Claiming, epoch, cause, nobody
	g.seen = max(g.seen, epoch)
	g.vote = vote{epoch: epoch, node: m.self, inc: m.inc}
	m.change(Change{Kind: Claimed, Group: g.index, Node: m.self, Epoch: epoch, Reason: cause.Reason()})
	m.touch(g)
}

func (m *Machine) whileClaiming(now Instant, g *group) {
	if !g.eligible || g.owner != nobody || !m.majorityHears(now, g) || m.betterClaims(g) {
		m.withdraw(g)
		return
	}
	grants := m.grants(g, g.epoch)
	granted := popCount(grants)
	switch {
	case m.standing(now, g, grants) >= g.need:
		m.activate(now, g, g.epoch, g.cause)
		return
	case granted >= g.need:
		m.wake(g, now.Add(g.cfg.Interval)) // they were given too long ago, and may have been given to others since
		return
	}
	if granted+m.undecided(g, g.epoch) < g.need {
		m.claim(now, g, 0, g.cause)
	}
}

// withdraw ends a claim. Votes given for it bind nobody any more.
func (m *Machine) withdraw(g *group) {
	g.phase, g.prepared = Standby, false
	m.change(Change{Kind: Unprepare, Group: g.index, Node: m.self, Epoch: g.epoch, Reason: reason.Superseded})
	m.touch(g)
}

// betterClaims tells whether a node with a higher priority, or a higher name,
// claims as well.
func (m *Machine) betterClaims(g *group) bool {
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 || !n.alive(g.timing) || !n.known[g.index] || n.rec[g.index].Role != RoleClaiming {
			continue
		}
		r := &n.rec[g.index]
		if r.Priority > uint8(g.priority) || r.Priority == uint8(g.priority) && n.name > m.nodes[m.self].name {
			return true
		}
	}
	return false
}

// undecided counts the voters that are heard and could still grant an epoch.
func (m *Machine) undecided(g *group, epoch uint64) int {
	count := 0
	for i, n := range m.nodes {
		if g.voters&(1<<i) == 0 || i == m.self || !n.alive(g.timing) {
			continue
		}
		if !n.known[g.index] || n.rec[g.index].VoteEpoch < epoch {
			count++
		}
	}
	return count
}

// wanted is the epoch for which the sender of a record asks for votes, or 0.
func (r *Record) wanted() uint64 {
	switch r.Role {
	case RoleClaiming:
		return r.Epoch
	case RoleActive:
		// A voter that came too late for the claim stands by the outcome.
		return max(r.Epoch, r.Bid)
	}
	return 0
}

// precedes orders two nodes that ask for votes: one that serves before one that
// claims; then the higher epoch of those that serve, the higher priority of those
// that claim. Equal ones come in the order of their names.
func (r *Record) precedes(o *Record) bool {
	switch {
	case r.Role != o.Role:
		return r.Role == RoleActive
	case r.Role == RoleActive:
		return r.Epoch > o.Epoch
	}
	return r.Priority >= o.Priority
}

// considerVote grants the best claim, if no promise stands against it.
func (m *Machine) considerVote(now Instant, g *group) {
	if g.need == 0 || g.voters&(1<<m.self) == 0 || g.phase == Active || g.phase == Claiming {
		return
	}
	if now < g.voterAt {
		m.wake(g, g.voterAt)
		return
	}
	best := nobody
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 || !n.alive(g.timing) || !n.known[g.index] {
			continue
		}
		r := &n.rec[g.index]
		if r.wanted() <= g.vote.epoch {
			continue
		}
		if best == nobody || r.precedes(&m.nodes[best].rec[g.index]) {
			best = i
		}
	}
	if best == nobody || m.promised(g, best) {
		return
	}
	g.vote = vote{epoch: m.nodes[best].rec[g.index].wanted(), node: best, inc: m.nodes[best].inc}
	g.seen = max(g.seen, g.vote.epoch)
}
