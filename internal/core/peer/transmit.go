package peer

import (
	"time"
)

// send appends one packet to Out. Sequence, addresses and state are filled in.
func (m *Machine) send(now Instant, n *node, over int, h *Header, records []*group) {
	p := &n.paths[over]
	p.txSeq++
	p.sent[p.txSeq&255] = now
	n.lastSent = now
	h.Path, h.Sender, h.Receiver = uint8(over), m.nodes[m.self].hash, n.hash
	h.Inc, h.Seq, h.Version = m.inc, p.txSeq, m.version
	if h.EchoInc == n.inc {
		h.Ack = n.applied // an acknowledgement is for the run that is echoed, no other
	}
	if m.active > 0 {
		h.Flags |= flagAsk
	}
	if h.Flags&flagAnswer != 0 && h.EchoInc == n.inc {
		h.Flags &^= flagAsk
	}
	from := len(m.buf)
	m.buf = h.Append(m.buf)
	for _, g := range records {
		m.buf = g.said.Append(m.buf)
	}
	m.buf = m.sealer.Seal(m.buf, from)
	m.out.Sends = append(m.out.Sends, Send{Node: n.index, Path: over, Bytes: m.buf[from:len(m.buf):len(m.buf)]})
	m.counters.Sent++
}

// echo fills in what this node has heard last of another, on the path over
// which it came, or on any.
func (n *node) echo(now Instant, h *Header, over int) {
	if n.inc == 0 {
		return
	}
	p := &n.paths[over]
	h.EchoInc, h.EchoPath, h.EchoSeq = n.inc, uint8(over), p.rxSeq
	h.EchoDelay = uint32(min(now.Sub(p.heardAt)/time.Microsecond, 1<<32-1))
}

// answer confirms a packet at once: a lease of its sender hangs on it.
func (m *Machine) answer(now Instant, n *node, over int, flags uint8) {
	h := Header{Flags: flagAnswer | flags}
	n.echo(now, &h, over)
	m.send(now, n, over, &h, nil)
	if m.active == 0 && len(n.paths) == 1 {
		// The answer is as good as a heartbeat. With several paths the
		// heartbeats go on, or the silence of one path would stay unseen.
		n.nextSend = now.Add(n.pace)
	}
}

// transmit sends the heartbeats that are due and the records that are new.
func (m *Machine) transmit(now Instant) {
	for _, n := range m.nodes {
		if n.paths == nil {
			continue
		}
		if n.inc != 0 {
			m.sendRecords(now, n)
		}
		if now < n.nextSend {
			continue
		}
		for over := range n.paths {
			h := Header{}
			n.echo(now, &h, n.lastPath)
			m.send(now, n, over, &h, nil)
		}
		n.nextSend = n.nextSend.Add(n.pace)
		if n.nextSend <= now {
			n.nextSend = now.Add(n.pace)
		}
	}
	for _, c := range m.classes {
		if c.refs > 0 && c.need == 0 && !c.suspended {
			m.renew(now, c)
		}
	}
}

// resendAfter is how long an acknowledgement may take.
func (m *Machine) resendAfter(n *node) time.Duration { return max(n.interval, 2*n.rtt) }

// sendRecords sends what the node does not know yet, oldest first, over every
// path. What it has not acknowledged in time is sent again.
func (m *Machine) sendRecords(now Instant, n *node) {
	if n.acked < n.sentTop && now >= n.sentTopAt.Add(m.resendAfter(n)) {
		n.sentTop = n.acked
	}
	if n.sentTop >= m.version {
		return
	}
	g := m.newest
	for g != nil && g.version > n.sentTop {
		g = g.older
	}
	if g == nil {
		g = m.oldest
	} else {
		g = g.newer
	}
	for n.sentTop < m.version {
		g = m.sendBatch(now, n, g)
	}
	n.sentTopAt = now
}

// sendBatch sends the records from g on that fit a packet and returns the next.
func (m *Machine) sendBatch(now Instant, n *node, g *group) *group {
	batch := m.batch[:0]
	top := n.sentTop
	for ; g != nil && len(batch) < maxRecords; g = g.newer {
		top = g.version
		if g.takesPart && g.others&(1<<n.index) != 0 {
			batch = append(batch, g)
		}
	}
	if g == nil {
		top = m.version
	}
	m.batch = batch
	for over := range n.paths {
		h := Header{Base: n.sentTop, Top: top}
		n.echo(now, &h, n.lastPath)
		m.send(now, n, over, &h, batch)
	}
	n.sentTop = top
	return g
}

// publish makes a changed record the newest one.
func (m *Machine) publish(g *group) {
	r := m.compose(g)
	if g.version != 0 && r.equal(&g.said) {
		return
	}
	m.unlink(g)
	m.version++
	g.said, g.version = r, m.version
	g.older, g.newer = m.newest, nil
	if m.newest != nil {
		m.newest.newer = g
	} else {
		m.oldest = g
	}
	m.newest = g
}

func (m *Machine) unlink(g *group) {
	if g.version == 0 {
		return
	}
	if g.older != nil {
		g.older.newer = g.newer
	} else {
		m.oldest = g.newer
	}
	if g.newer != nil {
		g.newer.older = g.older
	} else {
		m.newest = g.older
	}
}
