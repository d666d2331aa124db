package peer

import (
	"slices"
	"time"

	"stead/internal/core/clock"
)

// receive takes one packet. Whatever is wrong with it changes nothing but a counter.
func (m *Machine) receive(now Instant, from, over int, b []byte) {
	h, records, err := m.sealer.Open(b)
	if err != nil {
		m.countBad(err)
		return
	}
	if from < 0 || from >= len(m.nodes) || h.Sender != m.nodes[from].hash || h.Receiver != m.nodes[m.self].hash ||
		over < 0 || over >= len(m.nodes[from].paths) || int(h.Path) != over || h.Inc == 0 {
		m.counters.NotForUs++
		return
	}
	n := m.nodes[from]
	if h.Inc != n.inc && !m.meet(now, n, over, &h) {
		return
	}
	newest, first := n.paths[over].arrived(h.Seq)
	if !first {
		m.counters.Stale++
		return
	}
	m.counters.Received++
	if newest {
		m.hear(now, n, over, &h)
	}
	gap := m.learn(n, &h, records)
	if newest {
		m.takeState(now, n, &h)
	}
	if h.Flags&flagGap != 0 && h.EchoInc == m.inc {
		n.sentTop = n.acked
	}
	// One that was overtaken on its way is answered, too: what overtook it may
	// have been an answer, on which no lease of its sender hangs.
	switch {
	case gap:
		m.answer(now, n, over, flagGap)
	case h.Flags&flagAsk != 0:
		m.answer(now, n, over, 0)
	}
}

// hear notes that the newest packet of a path has arrived.
func (m *Machine) hear(now Instant, n *node, over int, h *Header) {
	p := &n.paths[over]
	if now.Sub(p.heardAt) > m.leases[n.nearest] {
		m.healed(n)
	}
	p.heardAt = now
	p.window.count(h.Seq)
	n.lastPath = over
	m.heard(now, n)
}

// takeState takes what the newest packet of a node says about the state of both.
func (m *Machine) takeState(now Instant, n *node, h *Header) {
	if h.EchoInc == m.inc {
		m.acknowledge(n, h)
	}
	if behind := h.Version > n.applied; behind != n.behind {
		n.behind = behind
		if !behind {
			m.touchAll(n.groups)
		}
	}
	m.confirm(now, n, h)
}

func (m *Machine) countBad(err error) {
	switch err {
	case ErrLength:
		m.counters.BadLength++
	case ErrVersion:
		m.counters.BadVersion++
	default:
		m.counters.BadTag++
	}
}

// meet handles a packet of a run of the node that is not the one known: it is
// admitted once it echoes something that was sent after it first appeared.
func (m *Machine) meet(now Instant, n *node, over int, h *Header) bool {
	if slices.Contains(n.past[:], h.Inc) {
		m.counters.Unproved++
		return false
	}
	if n.newcomer.inc == h.Inc && h.Seq <= n.newcomer.seen[over] {
		m.counters.Stale++
		return false
	}
	if n.newcomer.inc == h.Inc && n.proves(h, m.inc) {
		n.admit(now, h.Inc)
		m.touchAll(n.groups)
		return true
	}
	m.counters.Unproved++
	n.challenge(h.Inc)
	n.newcomer.seen[over] = max(n.newcomer.seen[over], h.Seq)
	if n.newcomer.askedAt == 0 || now.Sub(n.newcomer.askedAt) >= n.interval/2 || h.EchoInc == m.inc {
		n.newcomer.askedAt = now
		m.send(now, n, over, &Header{Flags: flagAnswer | flagAsk, EchoInc: h.Inc, EchoSeq: h.Seq, EchoPath: uint8(over)}, nil)
	}
	return false
}

// healed has everything announced that this node holds when another one is heard
// again over a path, also groups of which that one knows nothing: clients near it
// may have learnt another holder, or none, while the network was cut.
func (m *Machine) healed(n *node) {
	for _, g := range m.groups {
		if g.phase == Active {
			m.change(Change{Kind: Healed, Group: g.index, Node: n.index, Epoch: g.epoch})
		}
	}
}

// heard notes that a good packet has arrived.
func (m *Machine) heard(now Instant, n *node) {
	n.heardAt, n.watchedAt = now, now
	if n.silent&n.timings == 0 {
		return
	}
	if n.missed() || !n.everHeard {
		n.everHeard = true
		m.change(Change{Kind: PeerUp, Group: -1, Node: n.index})
	}
	n.silent = 0
	n.deafTo, n.reachWatchedAt = 0, now // it has to be given the time to hear us, too
	m.touchAll(n.groups)
}

// acknowledge notes which of our records the node has. One that has fewer than
// before has met groups that it did not know, and gets all of them again.
func (m *Machine) acknowledge(n *node, h *Header) {
	ack := h.Ack
	if ack < n.acked {
		n.acked, n.sentTop = ack, ack
	}
	if ack > n.acked && ack <= m.version {
		n.acked = ack
		n.sentTop = max(n.sentTop, ack)
		n.sentTopAt = n.heardAt
	}
}

// learn takes the records of a packet, if none before them is missing; it tells
// whether one is.
func (m *Machine) learn(n *node, h *Header, records []byte) (gap bool) {
	if h.Top <= n.applied || h.Top > h.Version {
		return false
	}
	if h.Base > n.applied {
		m.counters.Gap++
		return true
	}
	for ; len(records) > 0; records = records[recordSize:] {
		r := parseRecord(records)
		g := m.byHash[r.Group]
		if g == nil || !g.takesPart || g.others&(1<<n.index) == 0 {
			m.counters.UnknownGroup++
			continue
		}
		if n.known[g.index] && n.rec[g.index].equal(&r) {
			continue
		}
		wait := n.rec[g.index].LeaseUS
		n.keep(g.index, &r)
		if r.LeaseUS != wait {
			m.repace(n)
		}
		g.seen = max(g.seen, r.Seen, r.Epoch, r.VoteEpoch)
		m.touch(g)
	}
	n.applied = h.Top
	return false
}

// repace finds out how often a node has to be sent heartbeats: as configured, or
// more often while its own configuration still has, or already has, a shorter
// lease than this node's.
func (m *Machine) repace(n *node) {
	n.pace = n.interval
	for _, i := range n.groups {
		if g := m.groups[i]; n.known[i] {
			lease := max(time.Duration(n.rec[i].LeaseUS)*time.Microsecond, leastLease)
			n.pace = min(n.pace, lease/(g.lease/g.cfg.Interval))
		}
	}
	n.pace = max(n.pace, leastLease/4)
	n.nextSend = clock.Min(n.nextSend, n.lastSent.Add(n.pace))
}

// confirm counts the echo: the node has heard what we sent then. Its promises
// are renewed by that only if we know every vote it had given by now.
func (m *Machine) confirm(now Instant, n *node, h *Header) {
	if h.EchoInc != m.inc || int(h.EchoPath) >= len(n.paths) {
		return
	}
	at, ok := n.paths[h.EchoPath].sentAt(h.EchoSeq)
	if !ok {
		return
	}
	if at > n.reachedAt {
		n.reachedAt = at
		n.reachWatchedAt = max(n.reachWatchedAt, at)
		if n.deafTo != 0 {
			n.deafTo = 0
			m.touchAll(n.groups)
			m.healed(n)
		}
		if rtt := now.Sub(at) - time.Duration(h.EchoDelay)*time.Microsecond; rtt > 0 {
			n.rtt = rtt
		}
	}
	if h.Version != n.applied || at <= n.confirmedAt {
		return
	}
	n.confirmedAt = at
	for _, c := range m.classes {
		if c.refs > 0 && c.need > 0 && c.mask&(1<<n.index) != 0 {
			m.renew(now, c)
		}
		if c.refs > 0 && c.suspended {
			m.resume(now, c)
		}
	}
}

// expire notes the nodes that have not been heard for a lease.
func (m *Machine) expire(now Instant) {
	for _, n := range m.nodes {
		if n.inc == 0 {
			continue
		}
		for t, lease := range m.leases {
			if n.timings&(1<<t) == 0 {
				continue
			}
			if n.silent&(1<<t) == 0 && n.deafTo&(1<<t) == 0 && now >= n.deafAt(lease) {
				n.deafTo |= 1 << t
				m.touchTiming(n, t)
			}
			if n.silent&(1<<t) != 0 || now < n.watchedAt.Add(lease) {
				continue
			}
			n.silent |= 1 << t
			m.touchTiming(n, t)
			if t == n.nearest {
				m.change(Change{Kind: PeerDown, Group: -1, Node: n.index, Took: now.Sub(n.heardAt)})
			}
		}
	}
	for _, c := range m.classes {
		if c.refs > 0 {
			m.tickClass(now, c)
		}
	}
}

func (m *Machine) touchTiming(n *node, timing int) {
	for _, i := range n.groups {
		if m.groups[i].timing == timing {
			m.touch(m.groups[i])
		}
	}
}

// nextDue is the earliest moment at which something has to be done.
func (m *Machine) nextDue() Instant {
	due := m.timers.next()
	for _, n := range m.nodes {
		if n.paths == nil {
			continue
		}
		due = clock.Min(due, n.nextSend)
		if n.inc == 0 {
			continue
		}
		for t, lease := range m.leases {
			if n.timings&^n.silent&(1<<t) != 0 {
				due = clock.Min(due, n.watchedAt.Add(lease))
				if n.deafTo&(1<<t) == 0 {
					due = clock.Min(due, n.deafAt(lease))
				}
			}
		}
		if n.acked < n.sentTop {
			due = clock.Min(due, n.sentTopAt.Add(m.resendAfter(n)))
		}
	}
	for _, c := range m.classes {
		if c.refs > 0 {
			due = clock.Min(due, c.nextDue())
		}
	}
	return due
}
