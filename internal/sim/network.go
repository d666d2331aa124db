package sim

import (
	"time"

	"stead/internal/core"
)

// link carries packets in one direction between two nodes over one path.
// Faults add to it and take away what they added, so that they may overlap.
type link struct {
	cuts  int           // faults that let nothing through
	loss  int           // packets of a thousand that get lost
	extra time.Duration // of latency
}

// clean tells whether nothing is wrong with the link.
func (l *link) clean() bool { return l.cuts == 0 && l.loss == 0 && l.extra == 0 }

// network is all links, by sender, receiver and path.
type network struct {
	nodes, paths int
	links        []link
}

func newNetwork(s *Setup) network {
	n := network{nodes: len(s.Config.Nodes), paths: s.mostPaths()}
	n.links = make([]link, n.nodes*n.nodes*n.paths)
	for i := range n.links {
		n.links[i].loss = s.Network.Loss
	}
	return n
}

func (n *network) link(from, to, path int) *link {
	return &n.links[(from*n.nodes+to)*n.paths+path]
}

// send puts a datagram on its way.
func (w *World) send(h *host, s *core.Send) {
	w.trace.send(w.now, h.id, s)
	to := int(s.To)
	if to >= len(w.hosts) || to == h.id || s.Path < 0 || s.Path >= w.setup.paths(h.id, to) {
		w.violate(checkContract, h.id, -1, "datagram to nowhere", int64(to))
		return
	}
	w.result.Packets++
	w.countHeartbeat(h, s)
	if w.hostile != nil {
		w.hostile.record(h, s)
	}
	w.transmit(h.id, to, s.Path, s.Bytes)
	if p := w.setup.Network.Duplicate; w.draw.network.permille(p) {
		w.transmit(h.id, to, s.Path, s.Bytes)
	}
}

func (w *World) transmit(from, to, path int, b []byte) {
	l := w.network.link(from, to, path)
	if l.cuts > 0 || w.draw.network.permille(l.loss) {
		w.result.Lost++
		return
	}
	w.queue.push(entry{
		at: w.now.add(w.flight(l)), what: atDeliver,
		a: int32(to), b: int32(from), c: int32(path), buf: w.buffers.keep(b),
	})
}

// flight is how long a packet is under way.
func (w *World) flight(l *link) time.Duration {
	return w.setup.Network.Latency + w.draw.network.duration(0, w.setup.Network.Jitter) + l.extra
}

// receiveBuffer is how many packets wait for a daemon that does not run; the
// kernel drops those that come later.
const receiveBuffer = 512

// deliver gives a packet to the daemon of a host, or to its receive buffer
// while the daemon does not run.
func (w *World) deliver(h *host, e entry) {
	switch {
	case h.off || !h.up:
		w.buffers.release(e.buf)
	case !h.running():
		if len(h.inbox) >= receiveBuffer {
			w.buffers.release(e.buf)
			return
		}
		h.inbox = append(h.inbox, input{from: core.NodeID(e.b), path: int(e.c), buf: e.buf, group: -1})
	default:
		w.stepPacket(h, core.NodeID(e.b), int(e.c), e.buf)
		if w.hostile != nil {
			w.hostile.delivered(h, int(e.b), w.buffers.bytes(e.buf))
		}
		w.buffers.release(e.buf)
		if h.up {
			w.sleep(h)
		}
	}
}
