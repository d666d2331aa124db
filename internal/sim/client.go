package sim

// client is a machine that uses the addresses. It stands beside a node and
// shares that node's links. Its neighbour table changes only when an
// announcement reaches it: a real one also asks again, but only after tens of
// seconds, and no promise may hang on that.
type client struct {
	site  int
	entry []int    // by group: the host that it believes to hold the addresses, or nobody
	since []moment // by group: since when
}

const nobody = -1

func newClient(site, groups int) client {
	c := client{site: site, entry: make([]int, groups), since: make([]moment, groups)}
	for g := range c.entry {
		c.entry[g] = nobody
	}
	return c
}

// announce sends gratuitous ARP and NA through the overlay. A kernel sends them
// whether it answers or not; a host that announces what it does not hold
// misleads every client.
func (w *World) announce(h *host, g int) {
	w.trace.add(w.now, h.id, "announces", g, 0, 0)
	h.holdings[g].watch.announced = true
	for i := range w.clients {
		site := w.clients[i].site
		at := w.now
		if site != h.id {
			l := w.open(h.id, site)
			if l == nil || w.draw.network.permille(l.loss) {
				continue
			}
			// Not the delay of a fault: an announcement that comes seconds late is beyond any promise.
			at = at.add(w.setup.Network.Latency + w.draw.network.duration(0, w.setup.Network.Jitter))
		}
		w.queue.push(entry{at: at, what: atAnnounce, a: int32(i), b: int32(g), c: int32(h.id)})
	}
}

// open is the first link between two nodes that is not cut, or nil. The tunnel
// is taken to follow the path that works: that a node notices the mending of
// one path while another carries its heartbeats is not promised.
func (w *World) open(from, to int) *link {
	for path := range w.network.paths {
		if l := w.network.link(from, to, path); l.cuts == 0 && path < w.setup.paths(from, to) {
			return l
		}
	}
	return nil
}

func (w *World) heardAnnounce(e entry) {
	c := &w.clients[e.a]
	if c.entry[e.b] != int(e.c) {
		c.entry[e.b], c.since[e.b] = int(e.c), w.now
		w.trace.add(w.now, c.site, "client learns holder", int(e.b), int64(e.c), 0)
	}
}
