package vrrp

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"stead/internal/core"
)

// Receive calls f with the advertisements that have arrived, up to burst of each
// family. buf takes one packet; what does not fit into it is counted as malformed.
// The advertisement, and buf, are used again for the next one.
func (s *Set) Receive(buf []byte, burst int, f func(*core.Advertisement)) {
	for fam, fd := range s.sockets {
		for n := 0; fd >= 0 && n < burst; n++ {
			size, errno := s.in.receive(fd, buf)
			if errno == unix.EINTR {
				continue
			}
			if errno != 0 {
				break
			}
			if s.accept(family(fam), buf[:size]) {
				f(&s.heard)
			}
		}
	}
}

// accept fills heard from a packet and tells whether it is for one of the routers.
func (s *Set) accept(f family, b []byte) bool {
	s.counts.received.Add(1)
	var index int32
	var ok bool
	if s.in.header.Flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) == 0 {
		if f == ipv4 {
			index, ok = s.readIPv4(b)
		} else {
			index, ok = s.readIPv6(b)
		}
	}
	// The VRID is the second byte in all versions.
	if !ok || len(s.heard.Bytes) < 2 {
		s.counts.malformed.Add(1)
		return false
	}
	r := s.table.Load().find(f, s.heard.Bytes[1], index, s.heard.Destination)
	if r == nil {
		s.counts.strangers.Add(1)
		return false
	}
	s.heard.Group = r.Group
	return true
}

const (
	ipv4Header   = 20
	ipv4Total    = 2
	ipv4TTL      = 8
	ipv4Source   = 12
	ipv4Receiver = 16
)

// readIPv4 reads a packet that begins with its IP header. What is behind the
// length that this states is padding of a short frame.
func (s *Set) readIPv4(b []byte) (index int32, ok bool) {
	if len(b) < ipv4Header || b[0]>>4 != 4 {
		return 0, false
	}
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[ipv4Total:]))
	if header < ipv4Header || total < header || total > len(b) {
		return 0, false
	}
	h := &s.heard
	h.Source = netip.AddrFrom4([4]byte(b[ipv4Source:]))
	h.Destination = netip.AddrFrom4([4]byte(b[ipv4Receiver:]))
	h.TTL = int(b[ipv4TTL])
	h.Bytes = b[header:total]
	for c := s.in.controls(); len(c) > 0; {
		level, kind, data, rest := next(c)
		if level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo {
			index = int32(native.Uint32(data))
		}
		c = rest
	}
	return index, index != 0
}

// readIPv6 reads a packet whose header the kernel has taken off.
func (s *Set) readIPv6(b []byte) (index int32, ok bool) {
	h := &s.heard
	h.Source = netip.AddrFrom16(s.in.name.Addr)
	h.Bytes = b
	hops := -1
	for c := s.in.controls(); len(c) > 0; {
		level, kind, data, rest := next(c)
		switch {
		case level != unix.IPPROTO_IPV6:
		case kind == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			h.Destination = netip.AddrFrom16([16]byte(data))
			index = int32(native.Uint32(data[16:]))
		case kind == unix.IPV6_HOPLIMIT && len(data) >= 4:
			hops = int(native.Uint32(data))
		}
		c = rest
	}
	h.TTL = hops
	return index, index != 0 && hops >= 0
}
