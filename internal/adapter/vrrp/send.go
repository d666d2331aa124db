package vrrp

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// Send sends an advertisement. One that the kernel does not take is lost and
// counted, as on a network; the one after it is as good.
//
// Multicast leaves by the router's interface, or by the device of its virtual
// MAC. Unicast goes where the routes say, with the source that is asked for.
func (s *Set) Send(a *core.Advertise) {
	r := s.table.Load().of(a.Group)
	if r == nil || !a.From.IsValid() || a.From.Is4() != a.To.Is4() || a.From.Is4() == r.IPv6 {
		s.counts.lostOther.Add(1)
		return
	}
	index, bound := r.way(a.To)
	// Without a number the kernel would take an interface of its own choice.
	if bound && index == 0 {
		s.counts.lostNoInterface.Add(1)
		return
	}
	control := s.out.from(a.From, index, r.TTL)
	name := s.out.to(a.To, index)
	s.count(s.out.send(s.sockets[r.family()], a.Bytes, name, control))
}

// way returns the interface that a packet has to leave by, if any one.
func (r *router) way(to netip.Addr) (index int32, bound bool) {
	switch {
	case to.IsMulticast():
		return r.leaving.Load(), true
	case to.IsLinkLocalUnicast() && r.IPv6:
		return r.arrival.Load(), true
	}
	return 0, false
}

// from puts the source, the interface and the TTL into control messages and
// returns their length.
func (m *message) from(source netip.Addr, index int32, ttl int) int {
	if source.Is4() {
		info, at := m.put(0, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		a := source.As4()
		native.PutUint32(info, uint32(index))
		copy(info[4:], a[:]) // ipi_spec_dst is the source of what is sent
		clear(info[8:])
		hops, at := m.put(at, unix.IPPROTO_IP, unix.IP_TTL, 4)
		native.PutUint32(hops, uint32(ttl))
		return at
	}
	info, at := m.put(0, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
	a := source.As16()
	copy(info, a[:])
	native.PutUint32(info[16:], uint32(index))
	hops, at := m.put(at, unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, 4)
	native.PutUint32(hops, uint32(ttl))
	return at
}
