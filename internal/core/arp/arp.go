// Package arp encodes and decodes ARP for IPv4 over Ethernet (RFC 826), as
// whole Ethernet frames.
//
// An address that moves is announced in two forms, because some receivers learn
// only from requests and some only from replies (RFC 5944 §4.6, RFC 5227 §3).
// The reply form carries the sender's hardware address as the target's too:
// Linux takes a reply for gratuitous, and so replaces an entry younger than its
// locktime, only then.
package arp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// MAC is an Ethernet address.
type MAC = [6]byte

// Broadcast is the Ethernet address of every station.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// FrameLen is the length of a frame in bytes, without padding.
const FrameLen = etherLen + messageLen

const (
	etherLen   = 14
	messageLen = 28

	etherTypeARP  = 0x0806
	etherTypeIPv4 = 0x0800
	hardwareEther = 1
)

// Op is the operation of a message.
type Op uint16

// The operations (RFC 826).
const (
	Request Op = 1
	Reply   Op = 2
)

// Message is an ARP message and the Ethernet addresses of its frame.
// SenderIP and TargetIP are IPv4.
type Message struct {
	Dst, Src MAC
	Op       Op
	SenderHW MAC
	SenderIP netip.Addr
	TargetHW MAC
	TargetIP netip.Addr
}

// Errors of Parse.
var (
	ErrShort = errors.New("arp: frame is shorter than 42 bytes")
	ErrKind  = errors.New("arp: not ARP for IPv4 over Ethernet")
	ErrOp    = errors.New("arp: neither a request nor a reply")
)

// Gratuitous reports whether the message announces its sender's own address, as
// Linux decides it (arp_is_garp).
func (m Message) Gratuitous() bool {
	return m.SenderIP == m.TargetIP && (m.Op == Request || m.TargetHW == m.SenderHW)
}

// AppendGratuitousRequest appends the request form of an announcement of addr,
// an IPv4 address, from hw (an ARP Announcement, RFC 5227 §3).
func AppendGratuitousRequest(b []byte, hw MAC, addr netip.Addr) []byte {
	return Append(b, Message{Dst: Broadcast, Src: hw, Op: Request, SenderHW: hw, SenderIP: addr, TargetIP: addr})
}

// AppendGratuitousReply appends the reply form of an announcement of addr,
// an IPv4 address, from hw.
func AppendGratuitousReply(b []byte, hw MAC, addr netip.Addr) []byte {
	return Append(b, Message{Dst: Broadcast, Src: hw, Op: Reply, SenderHW: hw, SenderIP: addr, TargetHW: hw, TargetIP: addr})
}

// AppendWhoHas appends the question who has target, asked by hw. With 0.0.0.0 as
// from it is an ARP Probe (RFC 5227 §2.1.1), which leaves no trace in caches.
func AppendWhoHas(b []byte, hw MAC, from, target netip.Addr) []byte {
	return Append(b, Message{Dst: Broadcast, Src: hw, Op: Request, SenderHW: hw, SenderIP: from, TargetIP: target})
}

// Append appends the frame of m to b. It does not allocate where b has room for
// FrameLen bytes more. It panics where an address of m is not IPv4.
func Append(b []byte, m Message) []byte {
	b = append(b, m.Dst[:]...)
	b = append(b, m.Src[:]...)
	b = binary.BigEndian.AppendUint16(b, etherTypeARP)
	b = binary.BigEndian.AppendUint16(b, hardwareEther)
	b = binary.BigEndian.AppendUint16(b, etherTypeIPv4)
	b = append(b, 6, 4)
	b = binary.BigEndian.AppendUint16(b, uint16(m.Op))
	sender, target := m.SenderIP.As4(), m.TargetIP.As4()
	b = append(b, m.SenderHW[:]...)
	b = append(b, sender[:]...)
	b = append(b, m.TargetHW[:]...)
	return append(b, target[:]...)
}

// Parse decodes an Ethernet frame. Padding behind the message is ignored. The
// result keeps nothing of frame.
func Parse(frame []byte) (Message, error) {
	if len(frame) < FrameLen {
		return Message{}, ErrShort
	}
	p := frame[etherLen:]
	if binary.BigEndian.Uint16(frame[12:]) != etherTypeARP ||
		binary.BigEndian.Uint16(p) != hardwareEther ||
		binary.BigEndian.Uint16(p[2:]) != etherTypeIPv4 || p[4] != 6 || p[5] != 4 {
		return Message{}, ErrKind
	}
	m := Message{
		Dst:      MAC(frame[:6]),
		Src:      MAC(frame[6:12]),
		Op:       Op(binary.BigEndian.Uint16(p[6:])),
		SenderHW: MAC(p[8:14]),
		SenderIP: netip.AddrFrom4([4]byte(p[14:18])),
		TargetHW: MAC(p[18:24]),
		TargetIP: netip.AddrFrom4([4]byte(p[24:28])),
	}
	if m.Op != Request && m.Op != Reply {
		return Message{}, fmt.Errorf("%w: operation %d", ErrOp, m.Op)
	}
	return m, nil
}
