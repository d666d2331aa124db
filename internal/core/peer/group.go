package peer

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// Phase is what a node does in a group.
type Phase uint8

// The phases.
const (
	Standby Phase = iota
	Preparing
	Claiming
	Active
)

// String returns the phase as in logs.
func (p Phase) String() string {
	return [...]string{"standby", "preparing", "claiming", "active"}[p]
}

// vote is what this node has granted last. It binds while the node is heard.
type vote struct {
	epoch uint64
	node  int
	inc   uint64 // the run of the node that got it
}

// group is the election of one group, as this node takes part in it.
type group struct {
	index     int
	cfg       *Group
	hash      uint64
	lease     time.Duration
	timing    int     // index of the lease for which others are waited for
	timingAt  Instant // a shorter one is waited for from then on; Never
	voters    uint64  // nodes, as bits
	others    uint64  // all that have a part, without this node
	need      int     // grants beside the own one; 0 without quorum
	member    bool
	takesPart bool

	phase       Phase
	epoch       uint64 // of the claim or the activation; of the last one on standby
	first       uint64 // the epoch with which this activation began
	bid         uint64 // a higher epoch that it asks for, so that every voter can stand by it
	bidAt       Instant
	seen        uint64
	ceiling     uint64
	vote        vote
	class       *class
	cause       Cause
	pinned      bool
	changedAt   Instant
	vacantSince Instant
	ownerSince  Instant
	dampedBy    Instant // the ownerSince of the change that a preemption was last told to wait for
	owner       int     // who is heard to be active, other than this node
	rival       int     // an owner beside this active node
	announceAt  Instant

	ready      bool
	whyNot     reason.Reason
	priority   int
	readySince Instant
	startAt    Instant
	voterAt    Instant // no vote is given before: one given in an earlier run may still bind
	drained    bool
	eligible   bool
	able       bool // eligible, and heard by those whose grants it would need
	starting   bool // would be eligible, but the start-up delay runs
	prepared   bool
	refusing   bool
	refuses    Instant // is no target of a hand-over until then
	biding     Instant // preempts nobody until then

	target      int // active: hands over to it; standby: has handed over to it
	targetBy    Instant
	targetCause Cause
	reserved    Instant // others than the successor hold back until then
	ask         int     // who is to become active, as this node asks
	askCause    Cause
	askUntil    Instant

	holding      uint64 // with Pledge: the epoch with which this node has it
	pledging     bool   // with Pledge: this node can promise it
	wants        bool   // the vote of the store
	watched      uint64 // with Watch: the nodes that were heard
	said         Record
	version      uint64
	older, newer *group
	dirty        bool
	timerAt      Instant
	heapAt       int
}

// maxHandover is how long the target of a hand-over may take to be ready.
const maxHandover = 5 * time.Second

// stopHandover is how long a node that ends waits for its successor.
const stopHandover = 500 * time.Millisecond

// epochReserve is how many epochs are reserved on disk ahead of use.
const epochReserve = 64

// evaluate decides what the group's state asks for now.
func (m *Machine) evaluate(now Instant, g *group) {
	if !g.takesPart {
		return
	}
	m.timers.set(g, clock.Never)
	m.settlePatience(now, g)
	if g.cfg.Watch {
		m.watch(g)
		return
	}
	if g.cfg.Pledge {
		m.pledge(g)
		return
	}
	m.observe(now, g)
	g.eligible = m.isEligible(now, g)
	if g.refusing = now < g.refuses; g.refusing {
		m.wake(g, g.refuses)
	}
	switch g.phase {
	case Active:
		m.whileActive(now, g)
	case Claiming:
		m.whileClaiming(now, g)
	default:
		m.whileStandby(now, g)
	}
	m.considerVote(now, g)
	m.wantStore(now, g)
	g.able = g.eligible && (g.phase == Active || m.majorityHears(now, g))
	m.reserve(g)
	m.publish(g)
}

// watch tells which nodes have fallen silent.
func (m *Machine) watch(g *group) {
	heard := uint64(0)
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 {
			continue
		}
		if n.alive(g.timing) {
			heard |= 1 << i
		} else if g.watched&(1<<i) != 0 {
			m.change(Change{Kind: Silent, Group: g.index, Node: i, Reason: reason.PeerSilent})
		}
	}
	g.watched = heard
}

// isEligible tells whether this node could serve the group.
func (m *Machine) isEligible(now Instant, g *group) bool {
	g.starting = false
	if !g.member || !g.ready || g.drained || m.drained || m.stopping {
		return false
	}
	if now < g.startAt {
		g.starting = true
		m.wake(g, g.startAt)
		return false
	}
	return true
}

// observe finds out who is heard to be active.
func (m *Machine) observe(now Instant, g *group) {
	best := nobody
	for i, n := range m.nodes {
		if g.others&(1<<i) == 0 || !n.known[g.index] || n.rec[g.index].Role != RoleActive || !n.alive(g.timing) {
			continue
		}
		if best == nobody || m.outranks(n, m.nodes[best], g) {
			best = i
		}
	}
	if best == g.owner {
		return
	}
	if best == nobody {
		g.vacantSince = now
	} else {
		rec := &m.nodes[best].rec[g.index]
		m.change(Change{Kind: SawActive, Group: g.index, Node: best, Epoch: rec.Epoch, Reason: rec.Cause.Reason()})
	}
	g.owner, g.ownerSince = best, now
}

// outranks orders two active nodes that meet: epoch, priority, name.
func (m *Machine) outranks(a, b *node, g *group) bool {
	x, y := &a.rec[g.index], &b.rec[g.index]
	return higher(x.Epoch, x.Priority, a.name, y.Epoch, y.Priority, b.name)
}

func higher(epochA uint64, prioA uint8, nameA string, epochB uint64, prioB uint8, nameB string) bool {
	if epochA != epochB {
		return epochA > epochB
	}
	if prioA != prioB {
		return prioA > prioB
	}
	return nameA > nameB
}

// compose makes the record that says what this node is in the group.
func (m *Machine) compose(g *group) Record {
	r := Record{
		Group: g.hash, Seen: g.seen, VoteEpoch: g.vote.epoch, VoteNode: m.hashOf(g.vote.node),
		Epoch: g.epoch, Bid: g.bid, Target: m.hashOf(g.target), Ask: m.hashOf(g.ask),
		Priority: uint8(g.priority), Cause: g.cause, LeaseUS: uint32(g.lease / time.Microsecond),
	}
	switch g.phase {
	case Claiming:
		r.Role = RoleClaiming
	case Active:
		r.Role = RoleActive
	}
	if g.holding > 0 {
		r.Role, r.Epoch = RoleActive, g.holding
	}
	switch {
	case g.phase == Active && g.target != nobody:
		r.Cause = g.targetCause
	case g.phase != Active && g.ask != nobody:
		r.Cause = g.askCause
	}
	r.Flags = flagIf(g.able, recReady) | flagIf(g.starting, recStarting) | flagIf(g.refusing, recRefuses) | flagIf(g.drained || m.drained, recDrained) |
		flagIf(g.prepared && g.phase == Preparing, recPrepared) | flagIf(g.pinned, recPinned)
	return r
}

func flagIf(on bool, flag uint8) uint8 {
	if on {
		return flag
	}
	return 0
}

func (m *Machine) hashOf(node int) uint32 {
	if node == nobody {
		return 0
	}
	return m.nodes[node].hash
}

func (m *Machine) nodeOf(hash uint32) int {
	if i, ok := m.nodeBy[hash]; ok && hash != 0 {
		return i
	}
	return nobody
}

// reserve has a ceiling of epochs stored before any is used.
func (m *Machine) reserve(g *group) {
	if g.seen+epochReserve/4 < g.ceiling {
		return
	}
	g.ceiling = g.seen + epochReserve
	m.out.Persist = append(m.out.Persist, Persist{Group: g.index, Ceiling: g.ceiling})
}
