package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// form is what a checksum counts beside the message.
type form uint8

const (
	formMessage form = iota // nothing: IPv4 by RFC 9568 section 5.2.8, and version 2
	formHeader              // the pseudo-header: IPv6, and IPv4 by RFC 5798 section 5.2.8 as most read it
	formGroup               // IPv4 unicast: the pseudo-header of a multicast packet, as keepalived up to 1.3.6 sends it
	forms
)

// sum is a one's complement sum that was not folded yet (RFC 1071). The parts of a
// packet are added in any order.
type sum uint64

// add returns the sum with b counted in, whose length is a multiple of 4: every
// part of a packet has such a length.
func (s sum) add(b []byte) sum {
	for ; len(b) >= 4; b = b[4:] {
		s += sum(binary.BigEndian.Uint32(b))
	}
	return s
}

// fold returns the 16 bits that stand in the packet.
func (s sum) fold() uint16 {
	for s > 0xffff {
		s = s&0xffff + s>>16
	}
	return ^uint16(s)
}

// header returns the sum of the pseudo-header: addresses, length of what follows
// the IP header in bytes, and protocol (RFC 8200 section 8.1; for IPv4 RFC 9293
// section 3.1, whose fields add up alike).
func header(from, to netip.Addr, length int) sum {
	s := sum(length) + Protocol
	if from.Is4() && to.Is4() {
		f, t := from.As4(), to.As4()
		return s.add(f[:]).add(t[:])
	}
	f, t := from.As16(), to.As16()
	return s.add(f[:]).add(t[:])
}

// group4 is the IPv4 multicast group of VRRP (RFC 9568 section 5.1.1.2).
var group4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})

// extra returns what a form counts beside the message.
func (f form) extra(from, to netip.Addr, length int) sum {
	switch f {
	case formHeader:
		return header(from, to, length)
	case formGroup:
		return header(from, group4, length)
	}
	return 0
}
