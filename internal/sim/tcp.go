package sim

import (
	"time"

	"stead/internal/core/bgp"
)

// The ends of a connection: the host's and the route server's.
const (
	near   = 0
	remote = 1
)

// tcp is a connection between a host and a route server. Inside it nothing is lost:
// what does not get through is sent again, later and later, until the other end
// answers or the user timeout is over.
type tcp struct {
	id           int
	host, server int
	peer         int
	life         uint32 // of the daemon at the host's end
	number       [2]bgp.Conn
	open         [2]bool // a process has it
	gone         [2]bool // the kernel knows nothing of it any more
	joined       bool    // the handshake is over
	flow         [2]flow
	closing      bool           // the host's process has no use for it any more
	pending      []pendingWrite // of the host: the kernel has not taken it yet
	takenAt      moment
	told         told
}

// flow is what one end sends.
type flow struct {
	queue   []segment
	rto     time.Duration
	retries bool   // one is queued
	late    bool   // something has not got through yet
	stuck   moment // nothing has been acknowledged since
	arrives moment // the last segment under way
}

// segment is bytes that have not been acknowledged; without bytes it is the end.
type segment struct {
	bytes []byte
	sent  bool // it has got through
}

// firstRTO is after how long something is sent again for the first time (RFC 6298
// has 1 s before there is an estimate, Linux at least 200 ms after).
const firstRTO = 200 * time.Millisecond

// machineOn tells whether the kernel at an end of a connection runs.
func (w *World) machineOn(c *tcp, end int) bool {
	if end == near {
		return !w.hosts[c.host].off
	}
	return w.far.servers[c.server].off == 0
}

// push sends bytes, or the end of the connection when there are none.
func (w *World) push(c *tcp, end int, bytes []byte) {
	f := &c.flow[end]
	if c.gone[end] {
		return
	}
	if len(f.queue) == 0 {
		f.stuck, f.rto = w.now, firstRTO
	}
	f.queue = append(f.queue, segment{bytes: bytes})
	w.pump(c, end)
}

// pump sends what can be sent, and sets when the rest is tried again.
func (w *World) pump(c *tcp, end int) {
	f, l := &c.flow[end], w.farLink(c.host, c.server)
	late := f.late
	f.late = false
	other := w.machineOn(c, 1-end)
	for i := range f.queue {
		g := &f.queue[i]
		if g.sent {
			continue
		}
		if l.way[end].cuts > 0 || !other || w.far.draw.permille(l.way[end].loss) {
			w.result.Lost++
			f.late = true
			break
		}
		w.result.Packets++
		f.arrives = max(f.arrives, w.now.add(w.farFlight(&l.way[end])))
		e := entry{at: f.arrives, what: atSegment, a: int32(c.id), b: int32(end), buf: -1}
		if g.bytes != nil {
			e.buf = w.buffers.keep(g.bytes)
		}
		w.queue.push(e)
		g.sent = true
	}
	if l.way[1-end].cuts == 0 && other {
		for len(f.queue) > 0 && f.queue[0].sent {
			f.queue = f.queue[1:]
			f.stuck, f.rto = w.now, firstRTO
		}
	}
	if len(f.queue) > 0 && !f.retries {
		f.retries = true
		w.queue.push(entry{at: min(w.now.add(f.rto), f.stuck.add(w.userTimeout(c))), what: atRetry, a: int32(c.id), b: int32(end)})
		f.rto *= 2
	}
	if f.late != late {
		w.heardChanged(c.host)
	}
}

func (w *World) farFlight(l *link) time.Duration {
	return w.setup.Network.Latency + w.far.draw.duration(0, w.setup.Network.Jitter) + l.extra
}

// userTimeout is how long an end waits for an acknowledgement.
func (w *World) userTimeout(c *tcp) time.Duration {
	return w.setup.host(c.host).Peers[c.peer].Session.HoldTime
}

// retried is a retransmission, or the end of patience.
func (w *World) retried(c *tcp, end int) {
	f := &c.flow[end]
	f.retries = false
	if len(f.queue) == 0 || !w.machineOn(c, end) {
		return
	}
	if w.now.sub(f.stuck) >= w.userTimeout(c) {
		w.broken(c, end, "connection timed out")
		return
	}
	w.pump(c, end)
}

// arrived is a segment at the other end of its connection.
func (w *World) arrived(c *tcp, from int, buf int32) {
	to := 1 - from
	switch {
	case !w.machineOn(c, to):
	case c.gone[to] || !c.open[to]:
		if l := w.farLink(c.host, c.server); l.way[to].cuts == 0 && buf >= 0 {
			w.queue.push(entry{at: w.now.add(w.farFlight(&l.way[to])), what: atReset, a: int32(c.id), b: int32(from)})
		}
	case buf < 0:
		w.ended(c, to, "closed by the peer")
	case to == near:
		w.hear(c, w.buffers.bytes(buf))
	default:
		w.far.servers[c.server].ends[c.host].take(c, w.buffers.bytes(buf))
	}
	if buf >= 0 {
		w.buffers.release(buf)
	}
}

// broken is a connection of which an end finds that it does not exist.
func (w *World) broken(c *tcp, end int, why string) {
	c.flow[end].queue = nil
	c.gone[end] = true
	if c.open[end] {
		w.ended(c, end, why)
	}
}

// ended tells the process at an end that the connection is not there any more.
func (w *World) ended(c *tcp, end int, why string) {
	c.open[end] = false
	if end == near {
		c.pending = nil
		w.lost(c, why)
	} else {
		w.far.servers[c.server].ends[c.host].closed(c, why)
	}
	w.heardChanged(c.host)
}

// shut is a process that closes its end.
func (w *World) shut(c *tcp, end int) {
	if !c.open[end] {
		return
	}
	c.open[end] = false
	w.push(c, end, nil)
	w.heardChanged(c.host)
}

// endOfProcess is what becomes of a connection when the process at an end dies: its
// kernel closes it, unless that dies as well.
func (w *World) endOfProcess(c *tcp, end int, power bool) {
	if power {
		c.open[end], c.gone[end], c.flow[end].queue = false, true, nil
	} else if c.open[end] || end == near && len(c.pending) > 0 {
		c.open[end] = false
		w.push(c, end, nil)
	}
	if end == near {
		c.pending = nil
	}
}

// synAfter is when a connection is asked for again.
var synAfter = [...]time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}

// asked is the request for a connection, by an end.
func (w *World) asked(c *tcp, by, attempt int) {
	if !c.open[by] || c.joined {
		return
	}
	l, to := w.farLink(c.host, c.server), 1-by
	if !w.machineOn(c, to) || l.way[by].cuts+l.way[to].cuts > 0 || w.far.draw.permille(l.way[by].loss) || w.far.draw.permille(l.way[to].loss) {
		if attempt+1 < len(synAfter) {
			w.queue.push(entry{at: w.now.add(synAfter[attempt+1] - synAfter[attempt]), what: atAsk, a: int32(c.id), b: int32(by), c: int32(attempt + 1)})
		}
		return
	}
	there := w.now.add(w.farFlight(&l.way[by]))
	back := there.add(w.farFlight(&l.way[to]))
	if to == near && !w.hosts[c.host].up || to == remote && !w.far.servers[c.server].runs() {
		w.queue.push(entry{at: back, what: atRefused, a: int32(c.id), b: int32(by)})
		return
	}
	c.joined = true
	c.flow[by].arrives, c.flow[to].arrives = there, back
	w.queue.push(entry{at: there, what: atJoined, a: int32(c.id), b: int32(to)})
	w.queue.push(entry{at: back, what: atJoined, a: int32(c.id), b: int32(by)})
}

// happenTo is what happens to a connection.
func (w *World) happenTo(c *tcp, e *entry) {
	end := int(e.b)
	switch e.what {
	case atSegment:
		w.arrived(c, end, e.buf)
	case atRetry:
		w.retried(c, end)
	case atReset:
		if w.machineOn(c, end) && !c.gone[end] {
			w.broken(c, end, "connection reset by peer")
		}
	case atAsk:
		w.asked(c, end, int(e.c))
	case atJoined:
		w.joined(c, end)
	case atRefused:
		w.refused(c, end)
	case atTaken:
		w.taken(c, e.life)
	}
}
