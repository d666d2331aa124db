// Package ndp encodes and decodes the two messages of IPv6 neighbour discovery
// that move an address: the Neighbor Advertisement that announces it and the
// Neighbor Solicitation that asks for it (RFC 4861 §4.3, §4.4), as whole
// Ethernet frames.
package ndp

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// MAC is an Ethernet address.
type MAC = [6]byte

// FrameLen is the length in bytes of a frame with its link-layer address
// option. One without is 8 bytes shorter.
const FrameLen = etherLen + ipLen + messageLen + optionLen

const (
	etherLen   = 14
	ipLen      = 40
	messageLen = 24
	optionLen  = 8

	etherTypeIPv6 = 0x86dd
	protoICMPv6   = 58
	hopLimit      = 255 // RFC 4861 §7.1: proof that no router forwarded it

	optionSource = 1
	optionTarget = 2
)

// Type is the ICMPv6 type of a message.
type Type uint8

// The types (RFC 4861 §4.3, §4.4).
const (
	Solicitation  Type = 135
	Advertisement Type = 136
)

// allNodes is ff02::1.
var allNodes = netip.IPv6LinkLocalAllNodes()

// Message is a neighbour discovery message and the addresses of its frame.
type Message struct {
	DstHW, SrcHW MAC
	Src, Dst     netip.Addr
	Type         Type
	Router       bool // of an Advertisement: the sender forwards
	Solicited    bool // of an Advertisement: it answers a Solicitation
	Override     bool // of an Advertisement: replace what the cache holds
	Target       netip.Addr
	LinkAddr     MAC // of the source in a Solicitation, of the target in an Advertisement
	HasLinkAddr  bool
}

// Errors of Parse: the checks of RFC 4861 §7.1.1 and §7.1.2.
var (
	ErrShort    = errors.New("ndp: frame is cut off")
	ErrKind     = errors.New("ndp: neither a neighbor solicitation nor a neighbor advertisement")
	ErrHopLimit = errors.New("ndp: hop limit is not 255: a router has forwarded it")
	ErrChecksum = errors.New("ndp: wrong ICMPv6 checksum")
	ErrTarget   = errors.New("ndp: target is a multicast address")
	ErrOption   = errors.New("ndp: bad option")
	ErrSource   = errors.New("ndp: source, destination, flags and options do not go together")
)

// AppendAdvertisement appends an unsolicited Neighbor Advertisement that says
// that addr is at hw: Override set, to all nodes (RFC 4861 §7.2.6). router is
// whether the node forwards IPv6: a host that claims to be none is taken out of
// its neighbours' router lists.
func AppendAdvertisement(b []byte, hw MAC, addr netip.Addr, router bool) []byte {
	return Append(b, Message{
		DstHW: multicastMAC(allNodes), SrcHW: hw, Src: addr, Dst: allNodes,
		Type: Advertisement, Router: router, Override: true,
		Target: addr, LinkAddr: hw, HasLinkAddr: true,
	})
}

// AppendSolicitation appends the question who has target, asked by hw from the
// address from. With :: as from it is the probe of duplicate address detection
// (RFC 4862 §5.4.2), which leaves no trace in caches.
func AppendSolicitation(b []byte, hw MAC, from, target netip.Addr) []byte {
	group := SolicitedNode(target)
	return Append(b, Message{
		DstHW: multicastMAC(group), SrcHW: hw, Src: from, Dst: group,
		Type: Solicitation, Target: target, LinkAddr: hw, HasLinkAddr: !from.IsUnspecified(),
	})
}

// SolicitedNode returns the solicited-node multicast address of addr (RFC 4291 §2.7.1).
func SolicitedNode(addr netip.Addr) netip.Addr {
	a := addr.As16()
	return netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]})
}

// multicastMAC maps an IPv6 multicast address to Ethernet (RFC 2464 §7).
func multicastMAC(group netip.Addr) MAC {
	a := group.As16()
	return MAC{0x33, 0x33, a[12], a[13], a[14], a[15]}
}

// Append appends the frame of m to b, with its checksum. It does not allocate
// where b has room for FrameLen bytes more.
func Append(b []byte, m Message) []byte {
	payload := messageLen
	if m.HasLinkAddr {
		payload += optionLen
	}
	src, dst, target := m.Src.As16(), m.Dst.As16(), m.Target.As16()
	b = append(b, m.DstHW[:]...)
	b = append(b, m.SrcHW[:]...)
	b = binary.BigEndian.AppendUint16(b, etherTypeIPv6)
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(payload))
	b = append(b, protoICMPv6, hopLimit)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)

	start := len(b)
	b = append(b, byte(m.Type), 0, 0, 0, m.flags(), 0, 0, 0)
	b = append(b, target[:]...)
	if m.HasLinkAddr {
		option := byte(optionSource)
		if m.Type == Advertisement {
			option = optionTarget
		}
		b = append(b, option, 1)
		b = append(b, m.LinkAddr[:]...)
	}
	binary.BigEndian.PutUint16(b[start+2:], checksum(src, dst, b[start:]))
	return b
}

func (m Message) flags() byte {
	if m.Type != Advertisement {
		return 0
	}
	var f byte
	for bit, set := range [3]bool{m.Router, m.Solicited, m.Override} {
		if set {
			f |= 0x80 >> bit
		}
	}
	return f
}

// checksum is that of ICMPv6 (RFC 4443 §2.3) over message, with the
// pseudo-header of RFC 8200 §8.1. Over a message that carries its right checksum it is 0.
func checksum(src, dst [16]byte, message []byte) uint16 {
	sum := uint32(len(message)) + protoICMPv6
	for _, part := range [3][]byte{src[:], dst[:], message} {
		for ; len(part) >= 2; part = part[2:] {
			sum += uint32(binary.BigEndian.Uint16(part))
		}
		if len(part) == 1 {
			sum += uint32(part[0]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
