package sim

import (
	"fmt"
	"net/netip"
	"time"

	"stead/internal/core"
	"stead/internal/core/vrrp"
)

// partakers are the nodes that have a part in deciding a group: its voters, or
// the members where VRRP or a lease decides.
func partakers(g *core.Group) []core.NodeID {
	if g.Router == nil && !g.Everyone && g.Right == nil {
		return g.Voters
	}
	var all []core.NodeID
	for _, m := range g.Members {
		all = append(all, m.Node)
	}
	return all
}

// lease is within which time a silent holder is found out about. With VRRP that is
// the Active_Down_Interval of the slowest router, with the largest skew.
func (s *Setup) lease(g int) time.Duration {
	cfg := &s.Config.Groups[g]
	switch {
	case cfg.Everyone:
		return 3 * s.Config.Interval
	case cfg.Right != nil:
		return cfg.Right.TTL
	case cfg.Router == nil:
		return cfg.Lease()
	}
	_, slowest := s.routerIntervals(g)
	return time.Duration(cfg.Router.DownAdverts+1) * slowest
}

// interval is the time between two packets of the slowest holder.
func (s *Setup) interval(g int) time.Duration {
	switch {
	case s.Config.Groups[g].Everyone, s.Config.Groups[g].Right != nil:
		return s.Config.Interval
	case s.Config.Groups[g].Router == nil:
		return s.Config.Groups[g].Interval
	}
	_, slowest := s.routerIntervals(g)
	return slowest
}

// routerIntervals are the shortest and the longest interval that any host has
// configured for a virtual router.
func (s *Setup) routerIntervals(g int) (shortest, longest time.Duration) {
	for _, m := range s.Config.Groups[g].Members {
		every := s.routerOf(g, int(m.Node)).Interval
		if shortest == 0 || every < shortest {
			shortest = every
		}
		longest = max(longest, every)
	}
	return shortest, longest
}

// routerOf is the virtual router of a group as one host has it configured.
func (s *Setup) routerOf(g, host int) *vrrp.Config {
	cfg := s.Config.Groups[g]
	if own := s.host(host); len(own.Groups) > g {
		return own.Groups[g].Router
	}
	if s.Vary != nil {
		s.Vary(host, &cfg)
	}
	return cfg.Router
}

func (w *World) lease(g int) time.Duration    { return w.setup.lease(g) }
func (w *World) interval(g int) time.Duration { return w.setup.interval(g) }

// source is where the advertisements of a host come from.
func (w *World) source(g, host int) netip.Addr {
	cfg := w.group(g)
	for _, m := range cfg.Members {
		if int(m.Node) == host && m.Router.IsValid() {
			return m.Router
		}
	}
	return routerAt(cfg.Router.Family() == 6, host)
}

// routerAt is that of a host whose configuration does not tell.
func routerAt(ipv6 bool, host int) netip.Addr {
	if ipv6 {
		return netip.MustParseAddr(fmt.Sprintf("fe80::%x", host+16))
	}
	return netip.AddrFrom4([4]byte{198, 51, 100, byte(host + 10)})
}

// wallClock is the time of day when a world begins: all hosts have been told.
const wallClock = time.Duration(1_800_000_000) * time.Second

// tellSources tells a daemon that has just started where its advertisements come from.
func (w *World) tellSources(h *host) {
	for g := range w.setup.Config.Groups {
		if r := w.group(g).Router; r != nil && memberOf(w.group(g), h.id) {
			if r.Auth.Type == vrrp.AuthHMAC {
				w.step(h, core.WallClock{Offset: wallClock + time.Duration(w.now) - time.Duration(w.hostNow(h))})
			}
			w.step(h, core.SourceAddress{Group: core.GroupID(g), Address: w.source(g, h.id)})
		}
	}
}

// advertise puts an advertisement on its way to everybody in the LAN, or to one.
func (w *World) advertise(h *host, a *core.Advertise) {
	w.trace.mix(uint64(w.now)<<8 | uint64(h.id))
	w.trace.mixBytes(a.Bytes)
	g := int(a.Group)
	if a.From != w.source(g, h.id) {
		w.violate(checkContract, h.id, g, "advertises from "+a.From.String(), 0)
	}
	w.result.Packets++
	for to := range w.hosts {
		if to != h.id && (a.To.IsMulticast() || memberOf(w.group(g), to) && a.To == w.source(g, to)) {
			w.transmitAdvertisement(h.id, to, g, a.Bytes)
			if w.draw.network.permille(w.setup.Network.Duplicate) {
				w.transmitAdvertisement(h.id, to, g, a.Bytes)
			}
		}
	}
}

func (w *World) transmitAdvertisement(from, to, g int, b []byte) {
	l := w.network.link(from, to, 0)
	if l.cuts > 0 || w.draw.network.permille(l.loss) {
		w.result.Lost++
		return
	}
	w.queue.push(entry{at: w.now.add(w.flight(l)), what: atAdvert, a: int32(to), b: int32(from), c: int32(g), buf: w.buffers.keep(b)})
}

// deliverAdvertisement gives an advertisement to the daemon of a host, or to its
// receive buffer while the daemon does not run.
func (w *World) deliverAdvertisement(h *host, e entry) {
	switch {
	case h.off || !h.up || !memberOf(w.group(int(e.c)), h.id):
		w.buffers.release(e.buf)
	case !h.running():
		if len(h.inbox) >= receiveBuffer {
			w.buffers.release(e.buf)
			return
		}
		h.inbox = append(h.inbox, input{from: core.NodeID(e.b), group: e.c, buf: e.buf})
	default:
		w.stepAdvertisement(h, int(e.b), int(e.c), e.buf)
		w.buffers.release(e.buf)
		if h.up {
			w.sleep(h)
		}
	}
}

func (w *World) stepAdvertisement(h *host, from, g int, buf int32) {
	r := w.group(g).Router
	to := w.source(g, h.id)
	if !r.Unicast {
		to = r.To[0]
	}
	h.advert = core.Advertisement{Group: core.GroupID(g), Source: w.source(g, from), Destination: to, TTL: 255, Bytes: w.buffers.bytes(buf)}
	w.step(h, &h.advert)
}
