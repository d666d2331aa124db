package workload

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
)

const (
	etherTypeARP  = 0x0806
	etherTypeIPv6 = 0x86dd
	etherHeader   = 14
)

// askerMAC is the hardware address that a round is asked from: locally
// administered, nobody's, and telling the round.
func askerMAC(b []byte, round uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0x02, 0x5d), round)
}

// askedIn reads the round from a hardware address.
func askedIn(mac []byte) (round uint32, ok bool) {
	return binary.BigEndian.Uint32(mac[2:6]), mac[0] == 0x02 && mac[1] == 0x5d
}

var broadcast = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// arpFrames asks by ARP probes: requests whose sender protocol address is zero
// (RFC 5227, section 2.1.1), answered to the sender hardware address in them.
type arpFrames struct {
	source net.HardwareAddr
	target netip.Addr
}

func (arpFrames) etherType() uint16 { return etherTypeARP }

func (a arpFrames) question(b []byte, round uint32) []byte {
	b = append(append(b, broadcast...), a.source...)
	b = append(b, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1) // Ethernet, IPv4, request
	b = append(askerMAC(b, round), 0, 0, 0, 0)
	b = append(b, 0, 0, 0, 0, 0, 0)
	return append(b, a.target.AsSlice()...)
}

func (a arpFrames) answer(frame []byte, _ uint32) (uint32, net.HardwareAddr, bool) {
	if len(frame) < etherHeader+28 || !bytes.Equal(frame[12:22], []byte{0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 2}) {
		return 0, nil, false
	}
	if !bytes.Equal(frame[28:32], a.target.AsSlice()) {
		return 0, nil, false
	}
	round, ok := askedIn(frame[32:38])
	return round, net.HardwareAddr(frame[22:28]), ok
}

// ndpFrames asks by neighbour solicitations (RFC 4861, section 4.3). The host
// that is asked makes a neighbour entry for each source, so that there are only
// ndpSources of them.
type ndpFrames struct {
	source net.HardwareAddr
	target netip.Addr
}

const ndpSources = 64

func (ndpFrames) etherType() uint16 { return etherTypeIPv6 }

// askerIP is the link-local address that a round is asked from.
func askerIP(b []byte, round uint32) []byte {
	b = append(b, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x5d, 0x5d, 0, 0)
	return binary.BigEndian.AppendUint32(b, round)
}

func (n ndpFrames) question(b []byte, round uint32) []byte {
	source := round % ndpSources
	target := n.target.As16()
	group := []byte{0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, target[13], target[14], target[15]}

	b = append(b, 0x33, 0x33, 0xff, target[13], target[14], target[15])
	b = append(append(b, n.source...), 0x86, 0xdd)
	ip := len(b)
	b = append(b, 0x60, 0, 0, 0, 0, 32, 58, 255)
	b = append(askerIP(b, source), group...)
	icmp := len(b)
	b = append(b, 135, 0, 0, 0, 0, 0, 0, 0)
	b = append(b, target[:]...)
	b = askerMAC(append(b, 1, 1), source) // source link-layer address
	binary.BigEndian.PutUint16(b[icmp+2:], icmpv6Checksum(b[ip+8:ip+40], b[icmp:]))
	return b
}

func (n ndpFrames) answer(frame []byte, newest uint32) (uint32, net.HardwareAddr, bool) {
	const ip, icmp = etherHeader, etherHeader + 40
	target := n.target.As16()
	if len(frame) < icmp+24 || frame[ip+6] != 58 || frame[icmp] != 136 || !bytes.Equal(frame[icmp+8:icmp+24], target[:]) {
		return 0, nil, false
	}
	prefix := askerIP(nil, 0)[:12]
	if !bytes.Equal(frame[ip+24:ip+36], prefix) {
		return 0, nil, false
	}
	low := binary.BigEndian.Uint32(frame[ip+36 : ip+40])
	if low >= ndpSources {
		return 0, nil, false
	}
	// The newest round that was asked from this source.
	back := (newest - low) % ndpSources
	if back > newest {
		return 0, nil, false
	}
	return newest - back, net.HardwareAddr(frame[6:12]), true
}

// icmpv6Checksum covers the pseudo-header too (RFC 4443, section 2.3).
func icmpv6Checksum(addresses, message []byte) uint16 {
	sum := uint32(len(message)) + 58
	for _, part := range [][]byte{addresses, message} {
		for i := 0; i+1 < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
		if len(part)%2 == 1 {
			sum += uint32(part[len(part)-1]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
