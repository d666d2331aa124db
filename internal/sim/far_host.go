package sim

import (
	"encoding/binary"
	"slices"
	"time"

	"stead/internal/core"
	"stead/internal/core/bgp"
)

// pendingWrite is bytes that a daemon has written and its kernel has not taken.
// Without bytes it is the end of the connection.
type pendingWrite struct{ bytes []byte }

// retract carries out what comes before the fence.
func (w *World) retract(h *host, a *core.Actions) {
	for i := range a.Retract {
		w.write(h, &a.Retract[i])
	}
}

// speak carries out what comes after it.
func (w *World) speak(h *host, a *core.Actions) {
	for i := range a.Control {
		w.control(h, &a.Control[i])
	}
	for i := range a.Write {
		w.write(h, &a.Write[i])
	}
	for i := range a.Hangup {
		if c := w.conn(h, a.Hangup[i].Peer, a.Hangup[i].Conn); c != nil {
			w.trace.add(w.now, h.id, "hangs up on "+w.serverName(c.server), -1, int64(c.id), 0)
			w.pend(h, c, nil)
		}
	}
	for i := range a.Dial {
		w.dial(h, a.Dial[i])
	}
}

// conn finds a connection of the daemon of a host.
func (w *World) conn(h *host, peer int, number bgp.Conn) *tcp {
	for i := len(w.far.conns) - 1; i >= 0; i-- {
		if c := w.far.conns[i]; c.host == h.id && c.life == h.life && c.peer == peer && c.number[near] == number && c.open[near] {
			return c
		}
	}
	return nil
}

// write gives bytes to the kernel of a host, which takes them now or a little later.
func (w *World) write(h *host, x *core.StreamWrite) {
	w.trace.mix(uint64(x.Peer)<<32 | uint64(x.Conn))
	w.trace.mixBytes(x.Bytes)
	c := w.conn(h, x.Peer, x.Conn)
	if c == nil {
		return // it has ended, and the daemon is about to hear of it
	}
	if !c.joined {
		w.violate(checkContract, h.id, -1, "writes to a connection that is not there", int64(x.Conn))
		return
	}
	w.checkWritten(h, c, x.Bytes)
	w.pend(h, c, slices.Clone(x.Bytes))
}

// pend queues what the kernel takes next.
func (w *World) pend(h *host, c *tcp, bytes []byte) {
	if bytes == nil && !c.joined {
		c.open[near] = false // nothing is there to be closed
		return
	}
	c.closing = c.closing || bytes == nil
	c.pending = append(c.pending, pendingWrite{bytes})
	c.takenAt = max(c.takenAt, w.now.add(w.far.draw.duration(0, w.setup.SendLag)))
	w.queue.push(entry{at: c.takenAt, what: atTaken, a: int32(c.id), life: h.life})
}

// taken is the kernel that takes what was written first.
func (w *World) taken(c *tcp, life uint32) {
	h := w.hosts[c.host]
	if len(c.pending) == 0 || h.life != life {
		return
	}
	bytes := c.pending[0].bytes
	c.pending = c.pending[1:]
	if bytes == nil {
		w.shut(c, near)
		return
	}
	c.told.apply(bytes)
	w.push(c, near, bytes)
	w.post(h, &core.Stream{Peer: c.peer, Conn: c.number[near], Kind: core.StreamSent, Count: len(bytes)})
}

// dial asks for a connection.
func (w *World) dial(h *host, d core.StreamConn) {
	e := h.peers[d.Peer]
	c := &tcp{id: len(w.far.conns), host: h.id, server: e.server, peer: d.Peer, life: h.life, told: told{}}
	c.number[near], c.open[near] = d.Conn, true
	w.far.conns = append(w.far.conns, c)
	w.queue.push(entry{at: w.now, what: atAsk, a: int32(c.id), b: near})
}

// joined is an end that has a connection.
func (w *World) joined(c *tcp, end int) {
	e := w.far.servers[c.server].ends[c.host]
	if end == remote {
		e.opened(c)
		return
	}
	h := w.hosts[c.host]
	switch {
	case c.number[near] == 0: // a connection of the route server
		if !h.up {
			c.gone[near] = true
			return
		}
		h.incoming++
		c.life, c.number[near], c.open[near] = h.life, bgp.FirstIncoming+h.incoming, true
	case !c.open[near] || c.life != h.life:
		if !c.gone[near] {
			w.push(c, near, nil)
		}
		return
	}
	w.heardChanged(h.id)
	local := w.hostAddress(h.id, w.far.servers[c.server].address)
	w.post(h, &core.Stream{Peer: c.peer, Conn: c.number[near], Kind: core.StreamOpened, Local: local})
}

// refused is an end that hears that nobody takes its connection.
func (w *World) refused(c *tcp, end int) {
	if c.open[end] {
		w.ended(c, end, "connection refused")
	}
}

// lost tells a daemon that a connection has ended.
func (w *World) lost(c *tcp, why string) {
	if h := w.hosts[c.host]; c.life == h.life {
		w.trace.add(w.now, h.id, "loses the connection with "+w.serverName(c.server)+": "+why, -1, int64(c.id), 0)
		w.post(h, &core.Stream{Peer: c.peer, Conn: c.number[near], Kind: core.StreamClosed, Detail: why})
	}
}

// hear gives a daemon what has arrived, message by message.
func (w *World) hear(c *tcp, bytes []byte) {
	h := w.hosts[c.host]
	for len(bytes) >= bgp.HeaderLen && c.open[near] {
		length := int(binary.BigEndian.Uint16(bytes[16:]))
		e := &core.Stream{Peer: c.peer, Conn: c.number[near], Kind: core.StreamMessage}
		if bgp.MessageType(bytes[18]) == bgp.TypeUpdate {
			e.Kind, e.Count = core.StreamUpdates, 1
		} else {
			e.Bytes = slices.Clone(bytes[:length])
		}
		bytes = bytes[length:]
		w.post(h, e)
	}
}

// hangUpAll is the end of a daemon. What it wrote before it was asked to end goes
// out first; what a killed one had not given to its kernel is lost.
func (w *World) hangUpAll(h *host, killed bool) {
	if w.far == nil {
		return
	}
	for _, c := range w.far.conns {
		if c.host != h.id || c.life != h.life {
			continue
		}
		for _, p := range c.pending {
			if !killed && p.bytes != nil {
				w.push(c, near, p.bytes)
			}
		}
		w.endOfProcess(c, near, false)
	}
}

// powerLost is a host whose kernel forgets all connections.
func (w *World) powerLost(h *host) {
	if w.far == nil {
		return
	}
	for _, c := range w.far.conns {
		if c.host == h.id && c.number[near] != 0 {
			w.endOfProcess(c, near, true)
		}
	}
}

// ownConfig gives a daemon what its host has configured of its own, with numbers of
// this run.
func (w *World) ownConfig(h *host, cfg *core.Config) {
	own := w.setup.host(h.id)
	if len(own.Groups) == 0 {
		return
	}
	cfg.Peers, cfg.BFD = slices.Clone(own.Peers), slices.Clone(own.BFD)
	for i := range cfg.Peers {
		cfg.Peers[i].Session.Seed = w.far.draw.uint64()
	}
	taken := map[uint32]bool{0: true}
	for i := range cfg.BFD {
		s := &cfg.BFD[i].Session
		s.Seed = w.far.draw.uint64()
		for s.Discriminator = 0; taken[s.Discriminator]; {
			s.Discriminator = uint32(w.far.draw.uint64())
		}
		taken[s.Discriminator] = true
	}
	for g := range cfg.Groups {
		to, from := &cfg.Groups[g], &own.Groups[g]
		to.Routes, to.Router, to.Checks = from.Routes, from.Router, from.Checks
	}
}

// control puts a BFD packet on its way to a router.
func (w *World) control(h *host, x *core.ControlSend) {
	w.trace.mix(uint64(x.Session))
	w.trace.mixBytes(x.Bytes)
	w.fly(h.id, h.paths[x.Session].server, near, x.Session, x.Bytes)
}

// fly carries a BFD packet, if it gets through.
func (w *World) fly(host, server, from, session int, bytes []byte) {
	l := &w.farLink(host, server).way[from]
	w.result.Packets++
	if l.cuts > 0 || w.far.draw.permille(l.loss) {
		w.result.Lost++
		return
	}
	w.queue.push(entry{at: w.now.add(w.farFlight(l)), what: atControl, a: int32(host), b: int32(session), c: int32(1 - from), buf: w.buffers.keep(bytes)})
}

// controlArrived is a BFD packet at a host or a router.
func (w *World) controlArrived(h *host, session, to int, buf int32) {
	defer w.buffers.release(buf)
	bytes := w.buffers.bytes(buf)
	if to == remote {
		h.paths[session].control(session, bytes)
		return
	}
	if h.off || !h.up || !h.running() && len(h.inbox) >= receiveBuffer {
		return
	}
	p := &w.setup.host(h.id).BFD[session]
	local := p.Local
	if !local.IsValid() {
		local = w.hostAddress(h.id, p.Remote)
	}
	w.post(h, &core.Control{Local: local, Remote: p.Remote, Multihop: p.Multihop, TTL: 255, Bytes: slices.Clone(bytes)})
}

func (w *World) serverName(server int) string { return w.far.servers[server].name }

// sendPatience is how long addresses wait for a withdrawal that the kernel does not
// take: a second, by a clock that may run fast.
const sendPatience = time.Second - 10*time.Millisecond
