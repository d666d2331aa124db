package bfd

import (
	"encoding/binary"
	"time"
)

// The mandatory section of a Control packet (RFC 5880 section 4.1).
//
//	version 3 bits, diagnostic 5, state 2, P F C A D M, detect multiplier 1 byte,
//	length 1, my and your discriminator 4 each, desired min TX, required min RX,
//	required min echo RX interval 4 each, in microseconds
const (
	headSize = 24
	version  = 1

	bitPoll       = 1 << 5
	bitFinal      = 1 << 4
	bitAuth       = 1 << 2
	bitDemand     = 1 << 1
	bitMultipoint = 1 << 0
)

// control is the mandatory section of a Control packet, as values.
type control struct {
	diag          Diag
	state         State
	poll, final   bool
	auth, demand  bool
	mult          uint8
	length        int // of the packet, authentication included
	mine, yours   uint32
	desiredMinTX  time.Duration
	requiredMinRX time.Duration
}

// append appends the mandatory section. Echo packets are not offered: the
// Required Min Echo RX Interval is 0.
func (c *control) append(b []byte) []byte {
	b = append(b, version<<5|byte(c.diag)&0x1f, c.flags(), c.mult, byte(c.length))
	b = binary.BigEndian.AppendUint32(b, c.mine)
	b = binary.BigEndian.AppendUint32(b, c.yours)
	b = binary.BigEndian.AppendUint32(b, uint32(c.desiredMinTX/time.Microsecond))
	b = binary.BigEndian.AppendUint32(b, uint32(c.requiredMinRX/time.Microsecond))
	return append(b, 0, 0, 0, 0)
}

func (c *control) flags() byte {
	flags := byte(c.state) << 6
	for _, f := range [...]struct {
		set bool
		bit byte
	}{{c.poll, bitPoll}, {c.final, bitFinal}, {c.auth, bitAuth}, {c.demand, bitDemand}} {
		if f.set {
			flags |= f.bit
		}
	}
	return flags
}

// parse reads a payload, with the checks of RFC 5880 section 6.8.6 that need no
// session, in their order.
func parse(b []byte) (c control, why Refusal) {
	if len(b) < headSize {
		return c, TooShort
	}
	flags := b[1]
	c = control{
		diag: Diag(b[0] & 0x1f), state: State(flags >> 6),
		poll: flags&bitPoll != 0, final: flags&bitFinal != 0, auth: flags&bitAuth != 0, demand: flags&bitDemand != 0,
		mult: b[2], length: int(b[3]),
		mine: binary.BigEndian.Uint32(b[4:]), yours: binary.BigEndian.Uint32(b[8:]),
		desiredMinTX:  time.Duration(binary.BigEndian.Uint32(b[12:])) * time.Microsecond,
		requiredMinRX: time.Duration(binary.BigEndian.Uint32(b[16:])) * time.Microsecond,
	}
	switch {
	case b[0]>>5 != version:
		why = BadVersion
	case c.length < headSize || c.auth && c.length < headSize+2:
		why = TooShort
	case c.length > len(b):
		why = TooLong
	case c.mult == 0:
		why = ZeroMult
	case flags&bitMultipoint != 0:
		why = Multipoint
	case c.mine == 0:
		why = ZeroDiscriminator
	}
	return c, why
}

// Discriminators returns My and Your Discriminator of a payload that is at least
// as long as a Control packet of this version; ok tells whether it is. A session
// is found by Your Discriminator, or by the addresses where that is 0 (RFC 5880
// section 6.8.6).
func Discriminators(b []byte) (mine, yours uint32, ok bool) {
	if len(b) < headSize || b[0]>>5 != version {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), true
}
