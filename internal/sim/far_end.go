package sim

import (
	"encoding/binary"

	"stead/internal/core"
	"stead/internal/core/bfd"
	"stead/internal/core/bgp"
)

// opened is a connection that the route server has.
func (e *farEnd) opened(c *tcp) {
	if c.number[remote] == 0 {
		e.last++
		c.number[remote] = bgp.FirstIncoming + e.last
	}
	if e.s == nil {
		c.gone[remote] = true
		return
	}
	c.open[remote] = true
	e.s.Opened(e.w.farNow(), c.number[remote], e.w.far.servers[e.server].address)
	e.flush()
}

// closed is a connection that the route server has no longer.
func (e *farEnd) closed(c *tcp, why string) {
	if e.s == nil {
		return
	}
	e.s.Closed(e.w.farNow(), c.number[remote], why)
	e.flush()
}

// take reads what a host has sent: UPDATEs itself, the rest by its session.
func (e *farEnd) take(c *tcp, bytes []byte) {
	if e.s == nil {
		return
	}
	changed := false
	for len(bytes) >= bgp.HeaderLen {
		length := int(binary.BigEndian.Uint16(bytes[16:]))
		message := bytes[:length]
		bytes = bytes[length:]
		if bgp.MessageType(message[18]) != bgp.TypeUpdate {
			e.s.Receive(e.w.farNow(), c.number[remote], message)
			continue
		}
		e.s.Updates(e.w.farNow(), c.number[remote], 1)
		if e.s.Established() {
			readUpdate(message, e.routes)
			changed = true
		}
	}
	e.flush()
	if changed {
		e.w.trace.add(e.w.now, e.host, "route server "+e.w.serverName(e.server)+" knows of paths", -1, int64(len(e.routes)), int64(e.shortest()))
		e.w.routesMoved(e.server)
	}
}

// shortest is the length of the shortest of the paths, for the trace; 0: none.
func (e *farEnd) shortest() int {
	least := 0
	for _, r := range e.routes {
		if least == 0 || r.length < least {
			least = r.length
		}
	}
	return least
}

// flush carries out what the sessions ask for, begins their next step and sets when
// they wake up.
func (e *farEnd) flush() {
	if e.s != nil {
		e.flushBGP()
	}
	for _, p := range e.paths {
		if p.s != nil {
			e.flushBFD(p)
		}
	}
	e.arm()
}

func (e *farEnd) flushBGP() {
	w := e.w
	out := e.s.Finish(w.farNow())
	for _, x := range out.Changes {
		if x.Kind == bgp.Established || x.Kind == bgp.Down {
			e.up, e.upSince = x.Kind == bgp.Established, w.now
			clear(e.routes)
			w.trace.add(w.now, e.host, "session at route server "+w.serverName(e.server)+" "+x.Detail, -1, int64(b2i(e.up)), 0)
			w.heardChanged(e.host)
			w.routesMoved(e.server)
		}
	}
	for _, x := range out.Writes {
		if c := e.conn(x.Conn); c != nil {
			bytes := append([]byte(nil), x.Bytes...)
			w.push(c, remote, bytes)
			e.s.Sent(w.farNow(), x.Conn, len(bytes))
		}
	}
	for _, number := range out.Dials {
		c := &tcp{id: len(w.far.conns), host: e.host, server: e.server, peer: e.peer, told: told{}}
		c.number[remote], c.open[remote] = number, true
		w.far.conns = append(w.far.conns, c)
		w.queue.push(entry{at: w.now, what: atAsk, a: int32(c.id), b: remote})
	}
	for _, number := range out.Hangups {
		if c := e.conn(number); c != nil && c.joined {
			w.shut(c, remote)
		} else if c != nil {
			c.open[remote] = false
		}
	}
	e.s.Begin(w.farNow())
}

func (e *farEnd) conn(number bgp.Conn) *tcp {
	for i := len(e.w.far.conns) - 1; i >= 0; i-- {
		if c := e.w.far.conns[i]; c.host == e.host && c.server == e.server && c.number[remote] == number && c.open[remote] {
			return c
		}
	}
	return nil
}

func (e *farEnd) flushBFD(p *farPath) {
	w := e.w
	out := p.s.Finish(w.farNow())
	for _, x := range out.Changes {
		w.trace.add(w.now, e.host, "BFD at "+w.serverName(e.server)+" is "+x.To.String(), -1, int64(p.index), 0)
		if p.forPeer && e.s != nil {
			e.s.BFD(w.farNow(), x.To == bfd.Up, x.PeerAdmin || x.To == bfd.AdminDown)
			e.flushBGP()
		}
		w.heardChanged(e.host)
	}
	for _, bytes := range out.Sends {
		w.fly(e.host, e.server, remote, p.index, bytes)
	}
	p.s.Begin(w.farNow())
}

// control takes a BFD packet of a host in.
func (e *farEnd) control(session int, bytes []byte) {
	if e.w.far.servers[e.server].off > 0 {
		return
	}
	for _, p := range e.paths {
		if p.index == session && p.s != nil {
			p.s.Receive(e.w.farNow(), &bfd.Packet{TTL: 255, Bytes: bytes})
			e.flush()
		}
	}
}

func (e *farEnd) deadline() core.Instant {
	at := core.Instant(never)
	if e.s != nil {
		at = e.s.Deadline()
	}
	for _, p := range e.paths {
		if p.s != nil {
			at = min(at, p.s.Deadline())
		}
	}
	return at
}

// arm has the end woken up for its next deadline.
func (e *farEnd) arm() {
	w := e.w
	deadline := e.deadline()
	if deadline >= core.Instant(never)/4 {
		return
	}
	at := max(w.now, w.now.add(deadline.Sub(w.farNow())))
	if at < e.dueAt {
		e.dueAt = at
		w.queue.push(entry{at: at, what: atFar, a: int32(e.host), b: int32(e.server)})
	}
}

// wake steps the deadline of the end, if it is still there.
func (e *farEnd) wake() {
	if e.dueAt != e.w.now {
		return
	}
	e.dueAt = never
	now := e.w.farNow()
	if e.s != nil && e.s.Deadline() <= now {
		e.s.Tick(now)
	}
	for _, p := range e.paths {
		if p.s != nil && p.s.Deadline() <= now {
			p.s.Tick(now)
		}
	}
	e.flush()
}
