package peer

import (
	"time"

	"stead/internal/core/clock"
)

// Machine is the election of all groups of one node. A step is Begin, any
// number of inputs (Start, Receive, Tick, SetReady...), and Finish, which tells
// what is to be done.
type Machine struct {
	self   int
	inc    uint64
	sealer *Sealer
	nodes  []*node
	groups []*group
	byHash map[uint64]*group
	nodeBy map[uint32]int
	leases []time.Duration // the distinct leases; a timing is an index

	version uint64 // of the newest record of this node
	newest  *group // the records by version, linked through older and newer
	oldest  *group
	batch   []*group
	classes []*class
	active  int // groups in which this node is active
	dirty   []*group
	timers  timers

	startedAt Instant
	started   bool
	stopping  bool
	drained   bool
	settled   []*class // whose suspension has ended in this step
	step      uint64
	due       Instant // the deadline that was given out last
	noticedAt Instant // lateness up to then is accounted for
	lateUntil Instant // this node was late not long ago

	store      int     // the node that stands for a store that votes; nobody
	storeUntil Instant // until when its vote is this node's
	storeDown  bool    // its vote cannot be had soon
	wanting    int     // groups that need it

	counters Counters
	out      Out
	buf      []byte
}

// Counters count what arrives and what is refused.
type Counters struct {
	Sent, Received                               uint64
	BadLength, BadVersion, BadTag                uint64
	NotForUs, Stale, Unproved, UnknownGroup, Gap uint64
	Late                                         uint64
}

// New returns the Machine of a checked configuration.
func New(cfg *Config) *Machine {
	m := &Machine{
		self: cfg.Self, inc: cfg.Incarnation, sealer: NewSealer(cfg.Keys),
		byHash: map[uint64]*group{}, nodeBy: map[uint32]int{},
		due: clock.Never, buf: make([]byte, 0, 4096), store: nobody,
	}
	if cfg.Store {
		m.store = len(cfg.Nodes) - 1
	}
	for i := range cfg.Groups {
		g := m.addGroup(i, &cfg.Groups[i])
		m.groups = append(m.groups, g)
		m.byHash[g.hash] = g
	}
	for i := range cfg.Nodes {
		m.addNode(i, &cfg.Nodes[i])
	}
	return m
}

func (m *Machine) addGroup(i int, c *Group) *group {
	g := &group{hash: GroupHash(c.Name), seen: c.Floor, ceiling: c.Floor, owner: nobody, heapAt: -1}
	g.vote = vote{epoch: c.Floor, node: nobody}
	g.target, g.ask, g.rival = nobody, nobody, nobody
	g.timerAt, g.timingAt = clock.Never, clock.Never
	g.timing = m.timingOf(c.Lease)
	g.configure(i, c, m.self)
	return g
}

// configure takes over what the configuration says of a group.
func (g *group) configure(i int, c *Group, self int) {
	g.index, g.cfg, g.lease = i, c, c.Lease
	g.member = c.Priorities[self] > 0
	g.voters, g.others, g.need = 0, 0, 0
	for _, v := range c.Voters {
		g.voters |= 1 << v
	}
	g.others = g.voters
	for n, p := range c.Priorities {
		if p > 0 {
			g.others |= 1 << n
		}
	}
	g.takesPart = g.others&(1<<self) != 0
	g.others &^= 1 << self
	if c.Quorum {
		g.need = len(c.Voters) / 2
	}
}

func (m *Machine) addNode(i int, c *Node) {
	n := &node{index: i, name: c.Name, hash: NodeHash(c.Name), interval: c.Interval, pace: c.Interval, paths: make([]path, c.Paths), silent: ^uint64(0)}
	m.nodes = append(m.nodes, n)
	m.nodeBy[n.hash] = i
	m.relate(n)
	if i == m.self || i == m.store || len(n.groups) == 0 {
		n.paths = nil
	}
}

// relate gives a node its place in every group.
func (m *Machine) relate(n *node) {
	n.rec, n.known, n.fresh, n.groups = make([]Record, len(m.groups)), make([]bool, len(m.groups)), make([]bool, len(m.groups)), nil
	for _, g := range m.groups {
		if g.takesPart && g.others&(1<<n.index) != 0 {
			n.groups = append(n.groups, g.index)
		}
	}
	m.relateTimings(n)
}

// relateTimings finds out which leases hang on a node: its heartbeats may be too
// rare for the others.
func (m *Machine) relateTimings(n *node) {
	n.timings, n.nearest = 0, 0
	if n.index == m.store {
		return // it has no heartbeats to be late
	}
	for _, i := range n.groups {
		t := m.groups[i].timing
		if n.timings == 0 || m.leases[t] < m.leases[n.nearest] {
			n.nearest = t
		}
		n.timings |= 1 << t
	}
}

// maxTimings is how many leases are told apart: they are bits of a word.
const maxTimings = 64

// timingOf returns the index of a lease among the distinct ones. When there are
// too many it is that of the next longer one: waiting longer breaks no promise.
func (m *Machine) timingOf(lease time.Duration) int {
	longer, longest := -1, 0
	for i, l := range m.leases {
		if l == lease {
			return i
		}
		if l > lease && (longer < 0 || l < m.leases[longer]) {
			longer = i
		}
		if l > m.leases[longest] {
			longest = i
		}
	}
	switch {
	case len(m.leases) < maxTimings:
		m.leases = append(m.leases, lease)
		return len(m.leases) - 1
	case longer >= 0:
		return longer
	}
	m.leases[longest] = lease
	return longest
}

// Start begins. Nothing may be held by then: leftovers of an earlier run are gone.
func (m *Machine) Start(now Instant) {
	m.started, m.startedAt = true, now
	for _, g := range m.groups {
		m.startGroup(now, g)
	}
	for _, n := range m.nodes {
		n.nextSend = clock.Never
		if n.paths != nil {
			n.nextSend = now
		}
	}
}

func (m *Machine) startGroup(now Instant, g *group) {
	if g.cfg.Watch || g.cfg.Pledge {
		m.touch(g)
		return
	}
	g.voterAt = now.Add(g.lease)
	g.startAt = now.Add(max(g.cfg.StartDelay, g.lease))
	g.changedAt, g.vacantSince = now, g.startAt
	m.reserve(g)
	m.publish(g)
	m.wake(g, g.startAt)
}

// Receive takes a packet that arrived from a node over a path.
func (m *Machine) Receive(now Instant, from, over int, b []byte) {
	m.receive(now, from, over, b)
}

// Tick does what is due.
func (m *Machine) Tick(now Instant) {
	m.expire(now)
	m.tickGroups(now)
}

// Deadline is when Tick is to be called next.
func (m *Machine) Deadline() Instant { return m.due }

// Begin starts a step: what the last one asked for is forgotten. Whatever the
// input, a node that is late finds that out before it does or says anything.
func (m *Machine) Begin(now Instant) {
	m.step++
	m.out.Slots = m.out.Slots[:0]
	m.out.Sends = m.out.Sends[:0]
	m.out.Changes = m.out.Changes[:0]
	m.out.Persist = m.out.Persist[:0]
	m.buf = m.buf[:0]
	m.notice(now)
	m.refreshStore(now)
}

// Pending tells whether an input since the last Finish asks for another.
func (m *Machine) Pending() bool { return len(m.dirty) > 0 }

// Finish settles all groups that something has happened to, sends what is due
// and computes the next deadline. Within a step it may be called again after
// further inputs; Out grows then.
func (m *Machine) Finish(now Instant) *Out {
	// A group may be touched again by the evaluation of itself: a claim that is
	// granted by its own vote. Each pass moves an epoch or a role, so a few are enough.
	for pass := 0; len(m.dirty) > 0 && pass < 8; pass++ {
		todo := m.dirty
		m.dirty = nil
		for _, g := range todo {
			g.dirty = false
		}
		for _, g := range todo {
			m.evaluate(now, g)
		}
		if m.dirty == nil {
			m.dirty = todo[:0]
		}
	}
	// Only now: a group that has met a better claim has left its class.
	for _, c := range m.settled {
		m.renew(now, c)
	}
	m.settled = m.settled[:0]
	m.transmit(now)
	m.due = m.nextDue()
	return &m.out
}

func (m *Machine) change(c Change) { m.out.Changes = append(m.out.Changes, c) }

func (m *Machine) touch(g *group) {
	if !g.dirty {
		g.dirty = true
		m.dirty = append(m.dirty, g)
	}
}

func (m *Machine) touchAll(groups []int) {
	for _, i := range groups {
		m.touch(m.groups[i])
	}
}

// notice finds out whether this node was late: paused, frozen or starved. Time
// in which it could not listen is no evidence that others were silent.
func (m *Machine) notice(now Instant) {
	if m.due == clock.Never || now <= m.due {
		return
	}
	late := now.Sub(max(m.due, m.noticedAt))
	shortest := m.shortestInterval()
	if late < shortest/2 {
		return
	}
	m.counters.Late++
	m.noticedAt = now
	m.lateUntil = now.Add(m.longestLease())
	for _, n := range m.nodes {
		if n.inc != 0 {
			n.watchedAt = clock.Min(n.watchedAt.Add(late), now)
			n.reachWatchedAt = clock.Min(n.reachWatchedAt.Add(late), now)
		}
	}
	for _, c := range m.classes {
		if c.refs == 0 || now < c.until {
			continue
		}
		m.suspend(now, c)
	}
}

func (m *Machine) shortestInterval() time.Duration {
	shortest := time.Duration(1<<62 - 1)
	for _, n := range m.nodes {
		if n.paths != nil && n.interval < shortest {
			shortest = n.interval
		}
	}
	return shortest
}

func (m *Machine) longestLease() time.Duration {
	longest := time.Duration(0)
	for _, l := range m.leases {
		longest = max(longest, l)
	}
	return longest
}
