package peer

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Retire lets go of the groups that a new configuration does not have, or in
// which this node has no part any more. It is a step before Reconfigure, so that
// the others hear of it.
func (m *Machine) Retire(now Instant, keep func(name string) bool) {
	for _, g := range m.groups {
		if keep(g.cfg.Name) {
			continue
		}
		g.ready, g.whyNot = false, reason.Reconfigured
		if g.phase == Active {
			m.deactivate(now, g, reason.Reconfigured, m.bestSuccessor(g), false)
		}
		m.touch(g)
	}
}

// Reconfigure replaces the groups. One that keeps its name keeps its role, its
// epoch and its votes. The nodes and their addresses stay as they are.
func (m *Machine) Reconfigure(now Instant, cfg *Config) {
	if len(cfg.Keys) > 0 {
		m.sealer = NewSealer(cfg.Keys)
	}
	old := m.byHash
	was := m.groups
	m.groups, m.byHash, m.wanting = nil, map[uint64]*group{}, 0
	from := make([]int, len(cfg.Groups)) // where a group stood before; -1: it is new
	var fresh []*group
	for i := range cfg.Groups {
		c := &cfg.Groups[i]
		g := old[GroupHash(c.Name)]
		from[i] = -1
		if g == nil {
			g = m.addGroup(i, c)
			fresh = append(fresh, g)
		} else {
			from[i] = g.index
			delete(old, g.hash)
			m.changeLease(now, g, c.Lease)
			g.configure(i, c, m.self)
			g.wants = false
		}
		m.groups = append(m.groups, g)
		m.byHash[g.hash] = g
	}
	for _, g := range was {
		if old[g.hash] == g {
			m.forget(g)
		}
	}
	for i, n := range m.nodes {
		m.reseat(now, n, &cfg.Nodes[i], from)
	}
	for _, g := range fresh {
		m.startGroup(now, g)
	}
	for _, g := range m.groups {
		m.touch(g)
	}
}

// changeLease takes a new length over. Others may count on a promise of the old
// length that was given just now: a shorter one is kept only from its end on.
func (m *Machine) changeLease(now Instant, g *group, lease time.Duration) {
	if lease >= m.leases[g.timing] {
		g.timing, g.timingAt = m.timingOf(lease), clock.Never
		return
	}
	g.timingAt = now.Add(m.leases[g.timing])
}

// settlePatience takes a shorter lease over when the last promise of the longer
// one has ended.
func (m *Machine) settlePatience(now Instant, g *group) {
	switch {
	case g.timingAt == clock.Never:
	case now >= g.timingAt:
		g.timing, g.timingAt = m.timingOf(g.lease), clock.Never
		for _, n := range m.nodes {
			m.relateTimings(n)
		}
	default:
		m.wake(g, g.timingAt)
	}
}

// forget takes a group out of everything that points to it.
func (m *Machine) forget(g *group) {
	m.timers.set(g, clock.Never)
	m.unlink(g)
	if g.phase == Active {
		m.leave(g)
		m.active--
		g.phase = Standby
	}
	g.version, g.takesPart = 0, false
}

// reseat moves what is known of a node to the groups' new places.
func (m *Machine) reseat(now Instant, n *node, c *Node, from []int) {
	rec, known := n.rec, n.known
	m.relate(n)
	for i, f := range from {
		if f >= 0 {
			n.rec[i], n.known[i] = rec[f], known[f]
		}
	}
	if n.index == m.store {
		if n.inc != 0 {
			m.fillStoreVote(n, 0)
		}
		return
	}
	if n.paths == nil && len(n.groups) > 0 && n.index != m.self {
		n.paths = make([]path, c.Paths)
	}
	if len(n.paths) == 0 {
		return
	}
	n.interval = c.Interval
	m.repace(n)
	n.nextSend = clock.Min(n.nextSend, now)
	// What it has said of groups that were not known here has to come again, and
	// it may not have known some of ours.
	n.applied, n.acked, n.sentTop = 0, 0, 0
}
