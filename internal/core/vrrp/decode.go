package vrrp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// Decode examines a packet as RFC 9568 section 7.1 and, in version 2, RFC 3768
// section 7.1 ask, and counts the outcome. What it returns is nil unless the
// packet is accepted, and valid until the next call. A refused packet changes
// nothing but its counter.
//
// Bytes beyond the addresses that are no trailer of a configured authentication
// refuse the packet, although section 7.1 asks for no more than completeness:
// the checksum of IPv4 does not count them, and keepalived and FRR refuse them
// too. The padding of a short Ethernet frame is no case of it, for Packet.Bytes
// ends where the IP header says.
func (c *Codec) Decode(now Instant, p *Packet) (*Advertisement, Refusal) {
	refusal := c.decode(now, p)
	c.counters.Packets[refusal]++
	if refusal != Accepted {
		return nil, refusal
	}
	return &c.ad, Accepted
}

func (c *Codec) decode(now Instant, p *Packet) Refusal {
	from, to := p.Source.Unmap().WithZone(""), p.Destination.Unmap().WithZone("")
	if r := c.examine(p, from, to); r != Accepted {
		return r
	}
	message, trailer := c.split(p.Bytes)
	if message == nil {
		return BadLength
	}
	form, ok := c.checksum(p.Bytes, len(message), from, to)
	if !ok {
		return BadChecksum
	}
	interval := c.interval(message)
	if interval == 0 {
		return ZeroInterval
	}
	if r := c.authentic(now, from, p.Bytes, message, trailer); r != Accepted {
		return r
	}
	if c.cfg.Version == 2 && interval != c.cfg.Interval {
		return OtherInterval
	}
	c.accept(message, interval, form)
	return Accepted
}

// examine looks at the IP header and the fixed part. The VRID comes first: what
// else is wrong with packets of other virtual routers is not counted here.
func (c *Codec) examine(p *Packet, from, to netip.Addr) Refusal {
	b, four := p.Bytes, c.cfg.Family() == 4
	switch {
	case from.Is4() != four || to.Is4() != four || !from.IsValid() || !to.IsValid():
		return BadFamily
	case len(b) < headerSize:
		return BadLength
	case b[1] != c.cfg.VRID:
		return BadVRID
	case from == c.own:
		return OwnPacket
	case p.TTL < c.cfg.MinTTL:
		return BadTTL
	case int(b[0]>>4) != c.cfg.Version:
		return BadVersion
	case b[0]&0xf != typeAdvertisement:
		return BadType
	case c.cfg.Unicast && to.IsMulticast(), !c.cfg.Unicast && !slices.Contains(c.to, to):
		return BadDestination
	case c.cfg.Unicast && !slices.Contains(c.peers, from):
		return NotAPeer
	case b[3] == 0:
		return BadAddressCount
	}
	return Accepted
}

// split returns the message and the trailer after it, which may be empty. The
// message is nil when the packet has another length than its parts make it.
func (c *Codec) split(b []byte) (message, trailer []byte) {
	n := headerSize + int(b[3])*c.addressSize()
	if c.cfg.Version == 2 {
		n += passwordSize
	}
	if len(b) != n && len(b) != n+trailerSize {
		return nil, nil
	}
	return b[:n], b[n:]
}

// checksum returns the form in which the checksum is right (RFC 9568 section
// 5.2.8). For IPv4 it ends with the message; for IPv6 it is that of the packet
// (RFC 8200 section 8.1). The form that this router sends is looked at first: a
// sum can be right in two.
func (c *Codec) checksum(packet []byte, message int, from, to netip.Addr) (form, bool) {
	if c.cfg.Family() == 6 {
		return formHeader, header(from, to, len(packet)).add(packet).fold() == 0
	}
	s := sum(0).add(packet[:message])
	right := func(f form) bool { return (s + f.extra(from, to, message)).fold() == 0 }
	if right(c.form) {
		return c.form, true
	}
	for f := formMessage; c.cfg.Version == 3 && f < forms; f++ {
		if (f != formGroup || c.cfg.Unicast) && right(f) {
			return f, true
		}
	}
	return 0, false
}

// interval returns the interval that a message tells (RFC 9568 section 5.2.7,
// where the four bits before it are ignored; RFC 3768 section 5.3.7).
func (c *Codec) interval(message []byte) time.Duration {
	if c.cfg.Version == 2 {
		return time.Duration(message[5]) * time.Second
	}
	return time.Duration(binary.BigEndian.Uint16(message[4:])&maxIntervalField) * centisecond
}

// authentic examines what proves that the sender knows the secret. The time of
// an HMAC is looked at before the HMAC is computed, so that recorded packets cost
// little; it changes nothing until both are right.
func (c *Codec) authentic(now Instant, from netip.Addr, packet, message, trailer []byte) Refusal {
	if c.cfg.Auth.Type != AuthHMAC {
		if len(trailer) > 0 {
			return OtherAuth
		}
		if c.cfg.Version == 2 {
			return c.auth.v2(c.cfg.Auth.Type, message[4], message[len(message)-passwordSize:])
		}
		return Accepted
	}
	if len(trailer) == 0 {
		return NoAuth
	}
	if trailer[0] != trailerType || trailer[2] != 0 || trailer[3] != 0 {
		return BadTrailer
	}
	seq, wall := trailerSequence(trailer), c.since1970(now)
	if !c.replay.timely(now, wall, from, seq) {
		return OutsideWindow
	}
	if r := c.auth.verify(from, packet); r != Accepted {
		return r
	}
	if !c.replay.accept(now, wall, from, seq) {
		return Replayed
	}
	if off := seq.seconds(sequenceAt(wall)); !c.replay.monotonic && max(off, -off) > c.replay.window/2 {
		c.counters.OtherClocks++
	}
	return Accepted
}

// accept reads what an accepted message says, mirrors its checksum and counts
// what differs from the configuration (RFC 9568 section 7.1).
func (c *Codec) accept(message []byte, interval time.Duration, form form) {
	if form != c.form {
		c.counters.OtherChecksum++
		if c.learns() {
			c.form = form
		}
	}
	c.ad.Priority, c.ad.Interval = message[2], interval
	if c.cfg.Version == 3 && interval != c.cfg.Interval {
		c.counters.OtherIntervals++
	}
	n := headerSize + int(message[3])*c.addressSize()
	if list := message[headerSize:n]; !bytes.Equal(list, c.list) {
		c.read(list)
	}
	if c.differ {
		c.counters.OtherAddresses++
	}
}

// read reads the list of addresses (RFC 9568 section 5.2.9), whose order does not matter
// to those that compare it.
func (c *Codec) read(list []byte) {
	c.list = append(c.list[:0], list...)
	addrs := c.ad.Addresses[:0]
	for ; len(list) > 0; list = list[c.addressSize():] {
		if c.cfg.Family() == 4 {
			addrs = append(addrs, netip.AddrFrom4([4]byte(list)))
		} else {
			addrs = append(addrs, netip.AddrFrom16([16]byte(list)))
		}
	}
	c.ad.Addresses = addrs
	c.differ = len(addrs) != len(c.cfg.Addresses)
	for _, addr := range c.cfg.Addresses {
		c.differ = c.differ || !slices.Contains(addrs, addr)
	}
}
