package peer

import (
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// class is a lease that all groups share whose promises come from the same
// voters: one deadline, one fence slot, however many groups.
type class struct {
	lease   time.Duration
	need    int    // how many others have to stand by their promises; 0: nobody has to
	mask    uint64 // the nodes that have voted for this node
	slot    int
	timing  int // of the groups in it
	refs    int
	until   Instant
	stalled bool
	freedIn uint64 // the step in which the last group left
	backed  bool   // the store can vote in its groups
	alarmed bool   // its voters do not renew it
	calls   bool   // and with the vote of the store they could: it is asked for

	renewAt    Instant // when a lease that needs nobody, or has the vote of the store, is renewed
	graceUntil Instant // a stalled lease is given up then
	lost       bool    // it was

	// suspended holds back a lease that needs nobody after this node was late:
	// until another node was heard again or nobody was for one lease.
	suspended      bool
	suspendedUntil Instant
}

// classFor returns the class with these promises, made if need be.
func (m *Machine) classFor(lease time.Duration, timing, need int, mask uint64, backed bool) *class {
	var free *class
	for _, c := range m.classes {
		if c.refs == 0 {
			// A slot that was closed in this step may still have addresses
			// bound to it until the step is carried out.
			if free == nil && c.freedIn != m.step {
				free = c
			}
			continue
		}
		if c.lease == lease && c.timing == timing && c.need == need && c.mask == mask && c.backed == backed {
			return c
		}
	}
	if free == nil {
		free = &class{slot: len(m.classes) + 1}
		m.classes = append(m.classes, free)
	}
	*free = class{lease: lease, timing: timing, need: need, mask: mask, slot: free.slot, backed: backed}
	return free
}

// join moves a group's lease to the class of the promises that it has now.
func (m *Machine) join(now Instant, g *group, need int, mask uint64) (moved bool) {
	lease := m.patience(g, need, mask)
	if need == 0 {
		mask = 0
	}
	if c := g.class; c != nil && c.need == need && c.mask == mask && c.lease == lease && c.timing == g.timing && c.backed == m.storeVotes(g) {
		return false
	}
	var old class
	if g.class != nil {
		old = *g.class
	}
	m.leave(g)
	c := m.classFor(lease, g.timing, need, mask, m.storeVotes(g))
	c.refs++
	if c.refs == 1 {
		c.suspended, c.suspendedUntil = old.suspended && need == 0, old.suspendedUntil
		c.graceUntil = max(old.until, old.graceUntil) // what was promised before still holds
		c.stalled = old.stalled
		c.alarmed, c.calls = old.stalled && old.alarmed, old.stalled && old.calls
	}
	g.class = c
	m.renew(now, c)
	return true
}

// compareStall tells of a group that has come from a lease that had run out to
// one that runs, or the other way round. Of the first one in a class that runs
// again renew has told.
func (m *Machine) compareStall(now Instant, g *group, was bool) {
	c := g.class
	switch {
	case !c.stalled && now >= c.until:
		m.stall(now, c, reason.LeaseStalled)
	case c.refs == 1 || c.stalled == was:
	case was:
		m.change(Change{Kind: Renewed, Group: g.index, Node: m.self, Epoch: g.epoch})
	default:
		m.change(Change{Kind: Stalled, Group: g.index, Node: m.self, Epoch: g.epoch, Reason: reason.LeaseStalled, Took: c.closedFor(now)})
	}
}

// leastLease is the shortest promise that any configuration can give.
const leastLease = time.Millisecond

// patience is the shortest promise on which a lease hangs: a voter whose
// configuration has a shorter one keeps no longer than that, and without quorum
// another member waits no longer.
func (m *Machine) patience(g *group, need int, mask uint64) time.Duration {
	if need == 0 {
		mask = g.others
	}
	shortest := g.lease
	for i, n := range m.nodes {
		if mask&(1<<i) != 0 && n.known[g.index] {
			shortest = min(shortest, max(time.Duration(n.rec[g.index].LeaseUS)*time.Microsecond, leastLease))
		}
	}
	return shortest
}

// leave gives a group's part in its class back.
func (m *Machine) leave(g *group) {
	if g.class == nil {
		return
	}
	g.class.refs--
	if g.class.refs == 0 {
		m.setSlot(g.class, 0)
		g.class.freedIn = m.step
	}
	g.class = nil
}

// renew moves the end of a class to what the promises cover now.
func (m *Machine) renew(now Instant, c *class) {
	if c.refs == 0 {
		return
	}
	if c.need == 0 {
		if !c.suspended {
			m.extend(now, c, m.lastHeartbeat(now, c.timing).Add(usable(c.lease)))
			c.renewAt = now.Add(c.lease / selfRenewals)
		}
		return
	}
	c.renewAt = clock.Never
	if m.carried(c) {
		c.renewAt = now.Add(c.lease / selfRenewals)
	}
	if at, ok := m.majorityAt(c); ok {
		m.extend(now, c, at.Add(usable(c.lease)))
	}
}

// lastHeartbeat is the moment up to which every other node on which leases of a
// timing hang can have heard this one: a lease that needs nobody must not outlast
// their patience.
func (m *Machine) lastHeartbeat(now Instant, timing int) Instant {
	at := now
	for _, n := range m.nodes {
		if n.paths != nil && n.timings&(1<<timing) != 0 {
			at = clock.Min(at, n.lastSent)
		}
	}
	return at
}

// extend moves the end of a class forward, never back.
func (m *Machine) extend(now Instant, c *class, until Instant) {
	if until <= c.until {
		return
	}
	if c.until != 0 && c.until <= now && until > now && !c.stalled {
		m.stall(now, c, reason.LeaseStalled) // nobody has looked since it closed
	}
	m.setSlot(c, until)
	c.alarmed, c.calls = false, false
	if c.stalled && until > now {
		c.stalled, c.lost, c.graceUntil = false, false, 0
		m.eachInClass(c, func(g *group) {
			m.change(Change{Kind: Renewed, Group: g.index, Node: m.self, Epoch: g.epoch})
			m.touch(g)
		})
	}
}

func (m *Machine) setSlot(c *class, until Instant) {
	c.until = until
	m.out.Slots = append(m.out.Slots, Slot{Slot: c.slot, Until: until})
}

// majorityAt returns the moment up to which enough voters stand by their
// promises: the need-th latest of what they have confirmed.
func (m *Machine) majorityAt(c *class) (Instant, bool) {
	var latest [MaxNodes]Instant
	n := 0
	for i := range m.nodes {
		if c.mask&(1<<i) == 0 {
			continue
		}
		at := m.nodes[i].confirmedAt
		j := n
		for ; j > 0 && latest[j-1] < at; j-- {
			latest[j] = latest[j-1]
		}
		latest[j] = at
		n++
	}
	if n < c.need || latest[c.need-1] == 0 {
		return 0, false
	}
	return latest[c.need-1], true
}

// selfRenewals is how often within its length a lease that needs nobody is
// renewed: the daemon has to live for that, and nothing else.
const selfRenewals = 4

// nextDue is when the class needs attention next.
func (c *class) nextDue() Instant {
	switch {
	case c.suspended:
		return c.suspendedUntil
	case c.need == 0:
		return c.renewAt
	case c.lost:
		return c.renewAt
	case c.stalled:
		return clock.Min(c.graceUntil, c.renewAt)
	}
	return clock.Min(clock.Min(c.until, c.renewAt), c.alarmAt())
}

// tickClass renews a lease that needs nobody and gives up one that ran out.
func (m *Machine) tickClass(now Instant, c *class) {
	switch {
	case c.suspended:
		m.resume(now, c)
	case c.need == 0:
		if now >= c.renewAt {
			m.renew(now, c)
		}
	default:
		if now >= c.renewAt {
			m.renew(now, c)
		}
		if now >= c.alarmAt() {
			m.alarm(now, c)
		}
		m.recall(now, c)
		if now >= c.until && !c.lost {
			m.runOut(now, c)
		}
	}
}

// runOut handles a lease that its voters have not renewed. It is given up at
// once, unless this node itself was late: then it asks again first. So it does where
// the store has been asked for its vote and may take longer than the lease.
func (m *Machine) runOut(now Instant, c *class) {
	if !c.stalled {
		m.stall(now, c, reason.LeaseStalled)
	}
	if now >= c.graceUntil {
		c.lost = true
		m.eachInClass(c, m.touch)
	}
}

// stall notes that the fence of a class has closed because nothing renewed it.
func (m *Machine) stall(now Instant, c *class, why reason.Reason) {
	c.stalled = true
	c.graceUntil = max(c.graceUntil, now)
	if now < m.lateUntil {
		c.graceUntil = max(c.graceUntil, now.Add(c.lease))
	}
	if c.calls && !m.storeDown {
		c.graceUntil = max(c.graceUntil, now.Add(storeGrace))
	}
	m.eachInClass(c, func(g *group) {
		m.change(Change{Kind: Stalled, Group: g.index, Node: m.self, Epoch: g.epoch, Reason: why, Took: c.closedFor(now)})
	})
}

// closedFor is for how long the fence of a stalled class has been closed.
func (c *class) closedFor(now Instant) time.Duration {
	if c.until == 0 {
		return 0 // it was never open
	}
	return now.Sub(c.until)
}

// suspend handles a lease that ran out while this node could not watch it. The
// fence has closed by itself; it opens again only when the lease is confirmed.
func (m *Machine) suspend(now Instant, c *class) {
	if c.need == 0 {
		c.suspended, c.suspendedUntil = true, now.Add(c.lease)
	}
	if !c.stalled {
		m.stall(now, c, reason.Late)
	}
}

// resume ends the suspension of a lease that needs nobody: when every node that
// is heard has said what it does since, or nobody was heard for one lease.
func (m *Machine) resume(now Instant, c *class) {
	if now < c.suspendedUntil {
		since, timing, heard := c.suspendedUntil.Add(-c.lease), c.timing, false
		for _, n := range m.nodes {
			if n.timings&(1<<timing) == 0 || !n.alive(timing) {
				continue
			}
			if n.confirmedAt < since {
				return
			}
			heard = true
		}
		if !heard {
			return
		}
	}
	c.suspended = false
	m.eachInClass(c, m.touch)
	m.settled = append(m.settled, c)
}

// eachInClass calls f for the groups whose lease is in c.
func (m *Machine) eachInClass(c *class, f func(*group)) {
	for _, g := range m.groups {
		if g.class == c {
			f(g)
		}
	}
}

// MaxNodes is the largest number of nodes: they are bits of a word.
const MaxNodes = 64
