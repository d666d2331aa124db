package core

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"stead/internal/core/bfd"
	"stead/internal/core/bgp"
)

// vip is the prefix that the benches announce.
var vip = netip.MustParsePrefix("192.0.2.200/32")

// routeServer is a BGP peer of all nodes of a bench. It installs what they
// announce and knows who has the best path.
type routeServer struct {
	ends []*serverEnd // by node
	down bool         // takes no connections
}

// serverEnd is the route server's end of the session with one node.
type serverEnd struct {
	owner        *bench
	server, node int
	session      *bgp.Session
	conn         bgp.Conn             // at the node
	at           bgp.Conn             // here
	alive        bool                 // the connection is there
	paths        map[netip.Prefix]int // the length of AS_PATH
	graceful     bool                 // the last announcement was marked
	bfd          *bfd.Session         // nil: none
	cease        string               // the NOTIFICATION that ended the session last
}

// serve gives a bench route servers. It is called before the nodes start.
func (b *bench) serve(n int, hold time.Duration) {
	for s := range n {
		rs := &routeServer{}
		for i := range b.nodes {
			rs.ends = append(rs.ends, &serverEnd{owner: b, server: s, node: i, session: bgp.New(bgp.Config{
				LocalAS: 65515, PeerAS: 65010, RouterID: netip.AddrFrom4([4]byte{10, 0, 1, byte(200 + s)}), Peer: routerAt(i),
				HoldTime: hold, Retry: time.Second, MaxRetry: time.Second, Passive: true, IPv4: true, IPv6: true, Seed: uint64(100*s + i),
			}), paths: map[netip.Prefix]int{}})
		}
		for _, e := range rs.ends {
			e.session.Begin(b.now)
			e.session.Start(b.now)
			e.session.Finish(b.now)
		}
		b.servers = append(b.servers, rs)
	}
}

// withRoutes adds to a configuration what a group announces to n route servers.
func withRoutes(cfg *Config, n int, hold time.Duration) {
	r := &Routes{
		Paths:   []bgp.Path{{Prefix: vip}},
		Prepend: Prepend{Active: 2, Standby: Withdrawn, Unhealthy: Withdrawn, Drain: Withdrawn},
		Room:    2, Stale: hold + time.Second, Needed: true,
	}
	for s := range n {
		cfg.Peers = append(cfg.Peers, Peer{Name: "rs" + string(rune('1'+s)), BFD: -1, Session: bgp.Config{
			LocalAS: 65010, PeerAS: 65515, RouterID: routerAt(int(cfg.Self)), Peer: netip.AddrFrom4([4]byte{10, 0, 1, byte(200 + s)}),
			HoldTime: hold, Retry: 100 * time.Millisecond, MaxRetry: time.Second, IPv4: true, IPv6: true, Seed: uint64(int(cfg.Self)*10 + s + 1),
		}})
		r.Peers = append(r.Peers, s)
		r.Graceful = append(r.Graceful, true)
	}
	cfg.Groups[0].Routes = r
}

// firstServed is the number of the first route server in a cut: its links are
// named like those of nodes.
const firstServed = 100

func (e *serverEnd) cut(b *bench) bool {
	return b.cut(e.node, firstServed+e.server) || b.nodes[e.node].dead
}

// watchPaths has BFD look after the sessions of a bench, at 10 ms x 3. It is called
// before the nodes start; paths are numbered as the peers are.
func (b *bench) watchPaths() {
	for i, n := range b.nodes {
		for s := range n.cfg.Peers {
			p := &n.cfg.Peers[s]
			p.BFD, p.Session.WaitForBFD = len(n.cfg.BFD), true
			n.cfg.BFD = append(n.cfg.BFD, Path{Name: p.Name, Remote: p.Session.Peer, Multihop: true, Session: watching(uint32(1 + s))})
			b.servers[s].ends[i].bfd = bfd.New(watching(uint32(1000 + 10*s + i)))
		}
	}
	for _, s := range b.servers {
		for _, e := range s.ends {
			if e.bfd != nil {
				e.bfd.Begin(b.now)
				e.bfd.Start(b.now)
				e.flushBFD()
			}
		}
	}
}

func watching(discriminator uint32) bfd.Config {
	every := 10 * time.Millisecond
	return bfd.Config{Discriminator: discriminator, DesiredMinTX: every, RequiredMinRX: every, DetectMult: 3, MinTTL: 254, Seed: uint64(discriminator)}
}

// carryControls carries the BFD packets of a node.
func (b *bench) carryControls(i int, a *Actions) {
	for _, x := range a.Control {
		if x.Session >= len(b.servers) {
			continue // nobody is there
		}
		e, bytes := b.servers[x.Session].ends[i], slices.Clone(x.Bytes)
		b.after(oneWay, func() {
			if !e.cut(b) || b.nodes[i].dead {
				e.bfd.Begin(b.now)
				e.bfd.Receive(b.now, &bfd.Packet{TTL: 254, Bytes: bytes})
				e.flushBFD()
			}
		})
	}
}

// flushBFD carries the BFD packets of the route server.
func (e *serverEnd) flushBFD() {
	b := e.owner
	out := e.bfd.Finish(b.now)
	for _, c := range out.Changes {
		e.session.Begin(b.now)
		e.session.BFD(b.now, c.To == bfd.Up, c.PeerAdmin || c.To == bfd.AdminDown)
		e.flush()
	}
	for _, x := range out.Sends {
		bytes := slices.Clone(x)
		b.after(oneWay, func() {
			if !e.cut(b) {
				from := netip.AddrFrom4([4]byte{10, 0, 1, byte(200 + e.server)})
				b.step(e.node, &Control{Local: routerAt(e.node), Remote: from, Multihop: true, TTL: 254, Bytes: bytes})
			}
		})
	}
}

// carryStreams carries what a node does with its connections.
func (b *bench) carryStreams(i int, a *Actions) {
	for _, w := range a.Retract {
		b.carryWrite(i, w)
	}
	for _, w := range a.Write {
		b.carryWrite(i, w)
	}
	for _, h := range a.Hangup {
		e := b.servers[h.Peer].ends[i]
		b.after(oneWay, func() {
			if e.conn == h.Conn && !e.cut(b) {
				e.lose("closed by the node")
			}
		})
	}
	for _, d := range a.Dial {
		e := b.servers[d.Peer].ends[i]
		b.after(2*oneWay, func() { e.dialled(d.Conn) })
	}
}

// dialled makes a connection, or has the node told that there is none.
func (e *serverEnd) dialled(conn bgp.Conn) {
	b := e.owner
	if e.cut(b) || b.servers[e.server].down {
		b.after(time.Second, func() { b.step(e.node, &Stream{Peer: e.server, Conn: conn, Kind: StreamClosed, Detail: "timed out"}) })
		return
	}
	if e.alive {
		e.lose("replaced")
	}
	e.conn, e.at, e.alive = conn, e.at+1, true
	if e.at < bgp.FirstIncoming {
		e.at = bgp.FirstIncoming
	}
	e.session.Begin(b.now)
	e.session.Opened(b.now, e.at, netip.AddrFrom4([4]byte{10, 0, 1, byte(200 + e.server)}))
	e.flush()
	b.step(e.node, &Stream{Peer: e.server, Conn: conn, Kind: StreamOpened, Local: routerAt(e.node)})
}

func (b *bench) carryWrite(i int, w StreamWrite) {
	e := b.servers[w.Peer].ends[i]
	if b.deafWriter {
		return
	}
	bytes := slices.Clone(w.Bytes)
	b.after(10*time.Microsecond, func() {
		b.step(i, &Stream{Peer: w.Peer, Conn: w.Conn, Kind: StreamSent, Count: len(bytes)})
	})
	b.after(oneWay, func() {
		if e.alive && e.conn == w.Conn && !e.cut(b) {
			e.take(bytes)
		}
	})
}

// take reads what a node has sent: UPDATEs itself, the rest by its session.
func (e *serverEnd) take(bytes []byte) {
	b := e.owner
	e.session.Begin(b.now)
	for len(bytes) >= bgp.HeaderLen {
		length := int(binary.BigEndian.Uint16(bytes[16:]))
		message := bytes[:length]
		bytes = bytes[length:]
		switch bgp.MessageType(message[18]) {
		case bgp.TypeUpdate:
			e.session.Updates(b.now, e.at, 1)
			e.update(message[bgp.HeaderLen:])
		case bgp.TypeNotification:
			n := bgp.ParseNotification(message)
			e.cease = n.String()
			e.session.Receive(b.now, e.at, message)
		default:
			e.session.Receive(b.now, e.at, message)
		}
	}
	e.flush()
}

// update takes an UPDATE for IPv4 in.
func (e *serverEnd) update(body []byte) {
	n := int(binary.BigEndian.Uint16(body))
	for _, p := range prefixes(body[2 : 2+n]) {
		delete(e.paths, p)
	}
	body = body[2+n:]
	n = int(binary.BigEndian.Uint16(body))
	attributes, nlri := body[2:2+n], body[2+n:]
	length := 0
	e.graceful = false
	for len(attributes) > 0 {
		size, head := int(attributes[2]), 3
		if attributes[0]&0x10 != 0 {
			size, head = int(binary.BigEndian.Uint16(attributes[2:])), 4
		}
		value := attributes[head : head+size]
		switch attributes[1] {
		case 2:
			if size > 0 {
				length = int(value[1])
			}
		case 8:
			for ; len(value) > 0; value = value[4:] {
				e.graceful = e.graceful || binary.BigEndian.Uint32(value) == uint32(bgp.GracefulShutdown)
			}
		}
		attributes = attributes[head+size:]
	}
	for _, p := range prefixes(nlri) {
		e.paths[p] = length
	}
}

func prefixes(b []byte) (out []netip.Prefix) {
	for len(b) > 0 {
		bits := int(b[0])
		var a [4]byte
		n := copy(a[:], b[1:1+(bits+7)/8])
		out = append(out, netip.PrefixFrom(netip.AddrFrom4(a), bits))
		b = b[1+n:]
	}
	return out
}

// flush carries what the route server's session asks for.
func (e *serverEnd) flush() {
	b := e.owner
	out := e.session.Finish(b.now)
	for _, w := range out.Writes {
		bytes := slices.Clone(w.Bytes)
		conn := e.conn
		e.session.Sent(b.now, w.Conn, len(bytes))
		b.after(oneWay, func() {
			for !e.cut(b) && e.conn == conn && len(bytes) >= bgp.HeaderLen {
				length := int(binary.BigEndian.Uint16(bytes[16:]))
				b.step(e.node, &Stream{Peer: e.server, Conn: conn, Kind: StreamMessage, Bytes: bytes[:length]})
				bytes = bytes[length:]
			}
		})
	}
	for _, c := range out.Changes {
		if c.Kind == bgp.Down {
			clear(e.paths)
		}
	}
	if len(out.Hangups) > 0 {
		e.alive = false
		conn := e.conn
		b.after(2*oneWay, func() {
			if !e.cut(b) {
				b.step(e.node, &Stream{Peer: e.server, Conn: conn, Kind: StreamClosed, Detail: "closed by the peer"})
			}
		})
	}
}

// lose ends the connection as the node's end has.
func (e *serverEnd) lose(why string) {
	if !e.alive {
		return
	}
	e.alive = false
	e.session.Begin(e.owner.now)
	e.session.Closed(e.owner.now, e.at, why)
	e.flush()
}

// best are the nodes to which a route server sends packets for the VIP: those
// with the shortest path.
func (s *routeServer) best() (nodes []int) {
	least := 1 << 30
	for i, e := range s.ends {
		if n, ok := e.paths[vip]; ok && n <= least {
			if n < least {
				nodes, least = nodes[:0], n
			}
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// serverDue brings next forward to the first deadline of a route server, and
// returns whose that is.
func (b *bench) serverDue(next *Instant) (due *serverEnd) {
	for _, s := range b.servers {
		for _, e := range s.ends {
			if at := e.due(); at < *next {
				*next, due = at, e
			}
		}
	}
	return due
}

func (e *serverEnd) due() Instant {
	if e.bfd == nil {
		return e.session.Deadline()
	}
	return min(e.session.Deadline(), e.bfd.Deadline())
}

func (e *serverEnd) tick() {
	if e.bfd != nil {
		e.bfd.Begin(e.owner.now)
		e.bfd.Tick(e.owner.now)
		e.flushBFD()
	}
	e.session.Begin(e.owner.now)
	e.session.Tick(e.owner.now)
	e.flush()
}
