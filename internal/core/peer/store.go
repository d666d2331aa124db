package peer

import (
	"math"
	"time"

	"stead/internal/core/clock"
)

// A store that several nodes reach can be one more voter. It has no heartbeats:
// its vote is a lease on a record there, which one node has at a time, and which
// counts in all groups that have the store as a voter. A node asks for it only
// where the nodes alone make no majority for it, and gives it back soon after
// they do.
//
// To the rest of the machine the store is a node that is heard and stands by this
// one while the vote is here, and that is not heard else.

// epochsPerVote is how many epochs the claims of a node may use while it has the
// vote: the next one to have it starts above them.
const epochsPerVote = 1 << 10

// HasStore tells whether a store votes.
func (m *Machine) HasStore() bool { return m.store != nobody }

// SetStoreVote tells until when the vote of the store is this node's; 0: it is
// not. Number grows each time a node gets it.
func (m *Machine) SetStoreVote(now, until Instant, number uint64) {
	n := m.nodes[m.store]
	had := n.inc != 0
	m.storeUntil = until
	if until == 0 {
		n.inc, n.confirmedAt, n.reachedAt = 0, 0, 0
		clear(n.known)
	} else {
		n.inc, n.silent = 1, 0
		m.fillStoreVote(n, number)
		m.refreshStore(now)
	}
	if had != (n.inc != 0) {
		m.touchAll(n.groups)
	}
}

func (m *Machine) fillStoreVote(n *node, number uint64) {
	for _, i := range n.groups {
		g := m.groups[i]
		n.known[i] = true
		n.rec[i] = Record{Group: g.hash, VoteEpoch: math.MaxUint64, VoteNode: m.nodes[m.self].hash, LeaseUS: math.MaxUint32}
		g.seen = max(g.seen, number*epochsPerVote)
	}
}

// StoreNumber is the least number of the store's vote whose epochs are above all
// that this node knows of.
func (m *Machine) StoreNumber() uint64 {
	top := uint64(0)
	for _, i := range m.nodes[m.store].groups {
		top = max(top, m.groups[i].seen)
	}
	return top/epochsPerVote + 1
}

// refreshStore counts the vote as confirmed now, as long as no lease that hangs on
// it can outlast it.
func (m *Machine) refreshStore(now Instant) {
	if m.store == nobody || m.nodes[m.store].inc == 0 || now.Add(m.longestLease()) > m.storeUntil {
		return
	}
	n := m.nodes[m.store]
	n.confirmedAt, n.reachedAt = now, now
}

// storeVotes tells whether the store is a voter of a group.
func (m *Machine) storeVotes(g *group) bool { return m.store != nobody && g.voters&(1<<m.store) != 0 }

// carried tells whether the vote of the store is among those that a lease hangs on.
func (m *Machine) carried(c *class) bool {
	return m.store != nobody && c.need > 0 && c.mask&(1<<m.store) != 0
}

// alarmAt is when the vote of the store is asked for, for a lease that its voters
// do not renew: early enough to have it, with luck, before the lease has ended.
func (c *class) alarmAt() Instant {
	if !c.backed || c.alarmed || c.need == 0 || c.until == 0 {
		return clock.Never
	}
	return c.until.Add(-c.lease / 3)
}

// storeGrace is for how long an active node whose lease has run out waits for the
// vote of the store behind its closed fence before it gives its role up.
const storeGrace = time.Second

// alarm asks for the vote of the store when it makes a majority together with the
// voters that have not fallen silent. A part of the nodes that is too small even with it
// would only keep it from those who could use it.
func (m *Machine) alarm(now Instant, c *class) {
	heard := 0
	for i, n := range m.nodes {
		if c.mask&(1<<i) != 0 && i != m.store && n.confirmedAt != 0 && now.Sub(n.confirmedAt) < c.lease/2 {
			heard++
		}
	}
	c.alarmed, c.calls = true, heard+1 >= c.need
}

// recall asks for the vote of the store no more when it is of no use: so many voters
// have fallen silent that it makes no majority.
func (m *Machine) recall(now Instant, c *class) {
	if !c.calls {
		return
	}
	heard := 0
	for i, n := range m.nodes {
		if c.mask&(1<<i) != 0 && i != m.store && n.alive(c.timing) {
			heard++
		}
	}
	if heard+1 < c.need {
		c.calls, c.graceUntil = false, clock.Min(c.graceUntil, now)
	}
}

// StoreHelps tells whether there is a group in which the vote of the store makes a
// majority, or would if another node fell silent.
func (m *Machine) StoreHelps() bool {
	for _, i := range m.nodes[m.store].groups {
		if g := m.groups[i]; m.storeVotes(g) && m.hearing(g)+1 >= g.need {
			return true
		}
	}
	return false
}

// SetStoreDown tells whether the vote of the store cannot be had soon: the store does
// not answer, or another node has it. Who waits for it waits no longer.
func (m *Machine) SetStoreDown(now Instant, down bool) {
	if m.store == nobody || down == m.storeDown {
		return
	}
	m.storeDown = down
	for _, c := range m.classes {
		if down && c.refs > 0 && c.calls && c.stalled && now >= m.lateUntil && now < c.graceUntil {
			c.graceUntil = now
			m.eachInClass(c, m.touch)
		}
	}
}

// WantsStore tells whether this node needs the vote of the store.
func (m *Machine) WantsStore() bool {
	if m.stopping || m.store == nobody {
		return false
	}
	for _, c := range m.classes {
		if c.refs > 0 && c.calls {
			return true
		}
	}
	return m.wanting > 0
}

// wantStore finds out whether a group needs the vote of the store: without it no
// majority stands by this node, or would hear its claim, and with it one does.
func (m *Machine) wantStore(now Instant, g *group) {
	wants := false
	if m.storeVotes(g) && g.eligible {
		store := uint64(1) << m.store
		if g.phase == Active {
			wants = m.standing(now, g, m.grants(g, g.first)&^store)+1 == g.need
		} else {
			wants = g.owner == nobody && !m.promised(g, nobody) && m.hearing(g)+1 == g.need
		}
	}
	if wants != g.wants {
		g.wants = wants
		m.wanting += map[bool]int{true: 1, false: -1}[wants]
	}
	if wants {
		m.wake(g, now.Add(max(10*g.cfg.Interval, 100*time.Millisecond))) // whether it still does
	}
}

// hearing counts the voters beside this node and the store that are heard.
func (m *Machine) hearing(g *group) (count int) {
	for i, n := range m.nodes {
		if g.voters&(1<<i) != 0 && i != m.self && i != m.store && n.alive(g.timing) && n.deafTo&(1<<g.timing) == 0 {
			count++
		}
	}
	return count
}
