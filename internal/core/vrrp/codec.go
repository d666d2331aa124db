package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Codec makes and reads the advertisements of one virtual router. It belongs to
// one Router and, like it, is used by one thread at a time. Neither Append nor
// Decode allocates memory.
type Codec struct {
	cfg   *Config
	peers []netip.Addr // without zones
	to    []netip.Addr
	own   netip.Addr // what this router sends from

	auth   authenticator
	replay replay
	wall   time.Duration
	form   form // what Append sends

	counters Counters
	ad       Advertisement

	list   []byte // the addresses of the last accepted packet, encoded
	differ bool   // they are not those configured
}

// NewCodec returns the Codec of a virtual router. The configuration is taken as
// checked, and is not changed.
func NewCodec(cfg *Config) *Codec {
	c := &Codec{cfg: cfg, peers: plain(cfg.Peers), to: plain(cfg.To), auth: newAuthenticator(cfg), replay: newReplay(cfg)}
	c.form = c.firstForm()
	c.list = make([]byte, 0, 255*c.addressSize())
	c.ad = Advertisement{Version: cfg.Version, VRID: cfg.VRID, Addresses: make([]netip.Addr, 0, 255)}
	return c
}

// plain returns addresses as they come out of a packet: without zones.
func plain(addrs []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		out = append(out, a.Unmap().WithZone(""))
	}
	return out
}

// SetWall tells what is to be added to an Instant to have the time since 1970.
// Only authentication by HMAC asks for it.
func (c *Codec) SetWall(offset time.Duration) { c.wall = offset }

// Counters returns what was counted.
func (c *Codec) Counters() Counters { return c.counters }

// Inherit takes over what the Codec before a reload has counted, what it knows
// of the others' sequences and of the form of their checksums, and its clock.
func (c *Codec) Inherit(old *Codec) {
	c.counters, c.wall, c.own = old.counters, old.wall, old.own
	if c.learns() && old.learns() {
		c.form = old.form
	}
	c.replay.inherit(&old.replay)
}

// learns reports whether the form of the checksum is mirrored.
func (c *Codec) learns() bool {
	return c.cfg.Version == 3 && c.cfg.Family() == 4 && c.cfg.Checksum == ChecksumAuto
}

// firstForm is the form that is sent until another one is accepted.
func (c *Codec) firstForm() form {
	switch {
	case c.cfg.Version == 2:
		return formMessage
	case c.cfg.Family() == 4 && c.cfg.Checksum == ChecksumMessage:
		return formMessage
	}
	return formHeader
}

// addressSize is the length of an address in the packet.
func (c *Codec) addressSize() int {
	if c.cfg.Family() == 6 {
		return 16
	}
	return 4
}

// Append appends an advertisement as RFC 9568 section 5.2 or, in version 2,
// RFC 3768 section 5.3 lays it out: what follows the IP header of a packet from
// one address to another. Priority 0 says that this router stops. The interval is
// rounded down to what the version can express, within its limits.
func (c *Codec) Append(b []byte, now Instant, from, to netip.Addr, priority uint8, interval time.Duration) []byte {
	from, to = from.Unmap().WithZone(""), to.Unmap().WithZone("")
	c.own = from
	start := len(b)
	b = append(b, byte(c.cfg.Version)<<4|typeAdvertisement, c.cfg.VRID, priority, byte(len(c.cfg.Addresses)))
	b = c.appendInterval(b, interval)
	b = append(b, 0, 0)
	b = appendAddresses(b, c.cfg.Addresses)
	if c.cfg.Version == 2 {
		b = append(b, c.auth.password[:]...)
	}

	counted := len(b) - start
	if c.cfg.Auth.Type == AuthHMAC {
		b = c.auth.sign(b, start, from, c.replay.next(c.since1970(now)))
	}
	if c.cfg.Family() == 6 {
		counted = len(b) - start
	}
	message := b[start : start+counted]
	checksum := c.form.extra(from, to, counted).add(message).fold()
	binary.BigEndian.PutUint16(message[checksumOffset:], checksum)
	return b
}

// appendInterval appends the Max Advertise Interval in centiseconds under four
// reserved bits (RFC 9568 sections 5.2.6 and 5.2.7), or the type of the
// authentication and the interval in seconds (RFC 3768 sections 5.3.6 and 5.3.7).
func (c *Codec) appendInterval(b []byte, interval time.Duration) []byte {
	if c.cfg.Version == 2 {
		kind := byte(v2NoAuth)
		if c.cfg.Auth.Type == AuthPassword {
			kind = v2Password
		}
		return append(b, kind, byte(min(max(interval/time.Second, 1), 255)))
	}
	centiseconds := min(max(interval/centisecond, 1), maxIntervalField)
	return binary.BigEndian.AppendUint16(b, uint16(centiseconds))
}

func appendAddresses(b []byte, addrs []netip.Addr) []byte {
	for _, addr := range addrs {
		if addr.Is4() {
			a := addr.As4()
			b = append(b, a[:]...)
		} else {
			a := addr.As16()
			b = append(b, a[:]...)
		}
	}
	return b
}

// since1970 is the time of day.
func (c *Codec) since1970(now Instant) time.Duration { return time.Duration(now) + c.wall }
