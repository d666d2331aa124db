package sim

import (
	"net/netip"
	"slices"
	"time"

	"stead/internal/core"
	"stead/internal/core/bfd"
	"stead/internal/core/bgp"
)

// far is what is on the other side of the BGP and BFD sessions of a world's hosts.
type far struct {
	servers []*routeServer
	links   []farLink // by host and server
	conns   []*tcp
	draw    *random
}

// routeServer is a router: a BGP peer of hosts, or what BFD sessions lead to.
type routeServer struct {
	id      int
	name    string
	address netip.Addr
	honours bool // GRACEFUL_SHUTDOWN
	down    int  // faults because of which its processes do not run
	off     int  // faults because of which it has no power
	since   moment
	ends    []*farEnd // by host
}

func (s *routeServer) runs() bool { return s.down == 0 && s.off == 0 }

// farLink joins a host and a route server: what the host sends, and what it receives.
type farLink struct {
	way   [2]link
	since moment // nothing has changed about it since
}

func (l *farLink) clean() bool { return l.way[near].clean() && l.way[remote].clean() }

// farEnd is what a route server has for one host: its end of the BGP session, and
// of BFD sessions.
type farEnd struct {
	w            *World
	host, server int
	peer         int          // place in the host's Peers; -1: they have no BGP session
	s            *bgp.Session // nil while the route server is down
	last         bgp.Conn
	up           bool // established
	upSince      moment
	paths        []*farPath
	dueAt        moment
	routes       map[netip.Prefix]route // that the host has announced
}

// farPath is the route server's end of a BFD session.
type farPath struct {
	index    int // in the host's BFD
	cfg      bfd.Config
	forPeer  bool
	multihop bool
	s        *bfd.Session
}

// newFar makes the other side of all sessions; nil when there are none.
func (w *World) newFar() *far {
	f := &far{draw: newRandom(w.seed ^ 0x424750)}
	for _, h := range w.hosts {
		own := w.setup.host(h.id)
		for i := range own.Peers {
			e := f.end(w, own.Peers[i].Session.Peer, own.Peers[i].Name, h.id)
			e.peer = i
			h.peers = append(h.peers, e)
		}
		for i := range own.BFD {
			p := &own.BFD[i]
			e := f.end(w, p.Remote, p.Name, h.id)
			cfg := p.Session
			cfg.DesiredMinTX, cfg.RequiredMinRX, cfg.Passive = cfg.RequiredMinRX, cfg.DesiredMinTX, false
			e.paths = append(e.paths, &farPath{index: i, cfg: cfg, multihop: p.Multihop, forPeer: e.peer >= 0 && own.Peers[e.peer].BFD == i})
			h.paths = append(h.paths, e)
		}
	}
	if len(f.servers) == 0 {
		return nil
	}
	f.links = make([]farLink, len(w.hosts)*len(f.servers))
	for i := range f.links {
		f.links[i].way[near].loss, f.links[i].way[remote].loss = w.setup.Network.Loss, w.setup.Network.Loss
	}
	return f
}

// end is what the router with an address has for a host.
func (f *far) end(w *World, address netip.Addr, name string, host int) *farEnd {
	i := slices.IndexFunc(f.servers, func(s *routeServer) bool { return s.address == address })
	if i < 0 {
		i = len(f.servers)
		f.servers = append(f.servers, &routeServer{id: i, name: name, address: address, honours: f.draw.chance(2), ends: make([]*farEnd, len(w.hosts))})
	}
	s := f.servers[i]
	if s.ends[host] == nil {
		s.ends[host] = &farEnd{w: w, host: host, server: i, peer: -1, dueAt: never, routes: map[netip.Prefix]route{}}
	}
	return s.ends[host]
}

func (w *World) farLink(host, server int) *farLink {
	return &w.far.links[host*len(w.far.servers)+server]
}

// farNow is the clock of the route servers.
func (w *World) farNow() core.Instant { return core.Instant(w.now) + core.Instant(time.Hour) }

// startFar starts the processes of all route servers.
func (w *World) startFar() {
	if w.far == nil {
		return
	}
	for _, s := range w.far.servers {
		w.startServer(s)
	}
}

// startServer starts the processes of a route server, which know nothing.
func (w *World) startServer(s *routeServer) {
	s.since = w.now
	for _, e := range s.ends {
		if e == nil {
			continue
		}
		if e.peer >= 0 {
			e.s = bgp.New(e.config())
			e.s.Begin(w.farNow())
			e.s.Start(w.farNow())
		}
		for _, p := range e.paths {
			p.cfg.Discriminator, p.cfg.Seed = uint32(w.far.draw.uint64())|1, w.far.draw.uint64()
			p.s = bfd.New(p.cfg)
			p.s.Begin(w.farNow())
			p.s.Start(w.farNow())
		}
		e.flush()
	}
}

// config is the route server's view of the session with a host.
func (e *farEnd) config() bgp.Config {
	at := e.w.setup.host(e.host).Peers[e.peer].Session
	return bgp.Config{
		LocalAS: at.PeerAS, PeerAS: at.LocalAS, RouterID: netip.AddrFrom4([4]byte{203, 0, 113, byte(e.server + 1)}),
		Peer: e.w.hostAddress(e.host, at.Peer), HoldTime: at.HoldTime, Retry: time.Second, MaxRetry: 4 * time.Second, Passive: !at.Passive,
		IPv4: at.IPv4, IPv6: at.IPv6, ExtendedNextHop: at.ExtendedNextHop, Seed: e.w.far.draw.uint64(),
	}
}

// hostAddress is the address that a host has towards another one.
func (w *World) hostAddress(host int, to netip.Addr) netip.Addr {
	for _, p := range w.setup.Config.Nodes[host].Paths {
		if p.Addr().Is4() == to.Is4() {
			return p.Addr()
		}
	}
	return routerAt(to.Is6(), host)
}

// stopServer ends the processes of a route server. Its kernel closes their
// connections, unless the power goes with it.
func (w *World) stopServer(s *routeServer, power bool) {
	s.since = w.now
	for _, c := range w.far.conns {
		if c.server == s.id {
			w.endOfProcess(c, remote, power)
		}
	}
	for _, e := range s.ends {
		if e == nil {
			continue
		}
		e.s, e.up, e.dueAt = nil, false, never
		clear(e.routes)
		for _, p := range e.paths {
			p.s = nil
		}
		w.heardChanged(e.host)
	}
}

// faultInServer begins or ends a fault of a route server.
func (w *World) faultInServer(f *Fault, by int) {
	s := w.far.servers[f.Peer]
	ran := s.runs()
	if f.Kind == RouterOff {
		s.off += by
	} else {
		s.down += by
	}
	switch {
	case ran:
		w.stopServer(s, f.Kind == RouterOff)
	case f.Kind == RouterOff && by > 0:
		w.stopServer(s, true)
	case s.runs():
		w.startServer(s)
	}
	for _, e := range s.ends {
		if e != nil {
			w.unsound(1 << e.host)
			w.resettle(1 << e.host)
		}
	}
}

// faultInFarLinks begins or ends what a fault does to links with route servers.
func (w *World) faultInFarLinks(f *Fault, by int) {
	if w.far == nil {
		return
	}
	for _, s := range w.far.servers {
		for host := range w.hosts {
			if s.ends[host] == nil || !f.touchesFar(host, s.id) {
				continue
			}
			l := w.farLink(host, s.id)
			for way := range l.way {
				switch {
				case f.Kind == RouterSlow:
					l.way[way].loss += by * f.Amount
					l.way[way].extra += time.Duration(by) * f.Extra
				case f.Kind != RouterCut || f.Amount>>way&1 == 0:
					l.way[way].cuts += by
				}
			}
			l.since = w.now
			w.unsound(1 << host)
			w.heardChanged(host)
		}
	}
}

// touchesFar tells whether a fault in the network is one of the link between a host
// and a route server.
func (f *Fault) touchesFar(host, server int) bool {
	switch f.Kind {
	case Blackhole:
		return host == f.Node
	case Partition:
		return f.Amount == 0 && f.Mask>>host&1 != f.Routers>>server&1
	case RouterCut, RouterSlow:
		return host == f.Node && server == f.Peer
	}
	return false
}
