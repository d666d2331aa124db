package peer

import (
	"time"

	"stead/internal/core/reason"
)

// GroupState is what a node knows of a group.
type GroupState struct {
	Phase    Phase
	Epoch    uint64
	Owner    int // who serves as far as this node hears; Nobody
	Cause    reason.Reason
	Eligible bool
	Starting bool
	Damped   Instant // this node could do better, but waits until then; 0: not
	Drained  bool
	Priority int
	Until    Instant // the end of the lease; 0 without one
	Stalled  bool
	Held     bool // without a majority, as the user chose
	Needed   int  // voters with this node; 0 without quorum
	Granted  int
	Voters   int
	Members  []MemberState
}

// MemberState is a node that may hold a group.
type MemberState struct {
	Node     int
	Priority int
	Ready    bool
	Alive    bool
	Unknown  bool // nodes do not talk to each other in this group: neither is known
}

// Group returns what is known of a group.
func (m *Machine) Group(index int) GroupState {
	g := m.groups[index]
	s := GroupState{
		Phase: g.phase, Epoch: g.epoch, Owner: g.owner, Cause: g.cause.Reason(), Eligible: g.eligible,
		Starting: g.starting, Drained: g.drained || m.drained, Priority: g.priority, Voters: popCount(g.voters),
	}
	if g.cfg.Quorum {
		s.Needed = g.need + 1
	}
	switch {
	case g.phase == Active:
		s.Owner = m.self
		s.Granted = popCount(m.grants(g, g.first)) + 1
		s.Until, s.Stalled, s.Held = g.class.until, g.class.stalled, g.class.need == 0 && g.need > 0
	case g.owner != nobody:
		s.Epoch = m.nodes[g.owner].rec[index].Epoch
		s.Cause = m.nodes[g.owner].rec[index].Cause.Reason()
	}
	if g.owner != nobody && g.dampedBy == g.ownerSince {
		s.Damped = g.ownerSince.Add(g.cfg.Damping)
	}
	for i, p := range g.cfg.Priorities {
		if p == 0 {
			continue
		}
		ms := MemberState{Node: i, Priority: p, Alive: true, Ready: g.able}
		if i == m.self {
			ms.Priority = g.priority
		} else {
			n := m.nodes[i]
			ms.Alive, ms.Ready = n.alive(g.timing), n.alive(g.timing) && n.ready(g)
			if n.known[index] {
				ms.Priority = int(n.rec[index].Priority)
			}
		}
		s.Members = append(s.Members, ms)
	}
	return s
}

// NodeState is what is known of another node.
type NodeState struct {
	Alive   bool
	HeardAt Instant // 0: never
	RTT     time.Duration
	Loss    float64 // the share of its last packets that did not arrive, on the worst path
	Paths   []PathState
}

// PathState is what is known of a path to a node.
type PathState struct {
	HeardAt Instant
	Alive   bool
	Deaf    bool // the node is heard over it, but has not heard this one for long
}

// Hears tells whether a node is heard.
func (m *Machine) Hears(index int) bool { return !m.nodes[index].missed() }

// Node returns what is known of a node at a moment.
func (m *Machine) Node(now Instant, index int) NodeState {
	n := m.nodes[index]
	s := NodeState{Alive: !n.missed(), HeardAt: n.heardAt, RTT: n.rtt}
	patience := m.longestLease()
	for i := range n.paths {
		p := &n.paths[i]
		s.Loss = max(s.Loss, p.window.loss)
		alive := p.heardAt != 0 && now.Sub(p.heardAt) < patience
		s.Paths = append(s.Paths, PathState{HeardAt: p.heardAt, Alive: alive, Deaf: alive && n.deafTo != 0})
	}
	return s
}

// Leased tells whether this node is active in a group and its lease still runs.
func (m *Machine) Leased(now Instant, group int) bool {
	g := m.groups[group]
	return g.phase == Active && now < g.class.until
}

// SentAt returns when a node was sent a heartbeat last; 0: never.
func (m *Machine) SentAt(node int) Instant { return m.nodes[node].lastSent }

// Count returns the counters.
func (m *Machine) Count() Counters { return m.counters }
