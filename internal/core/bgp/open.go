package bgp

import (
	"encoding/binary"
	"net/netip"
)

// version is that of the protocol.
const version = 4

// asTrans stands for an AS number that has no room in two bytes (RFC 6793 section 9).
const asTrans = 23456

// minHoldTime is the least hold time that is not zero, in seconds (RFC 4271 section 4.2).
const minHoldTime = 3

// Open is what an OPEN says (RFC 4271 section 4.2).
type Open struct {
	AS       uint32     // of the sender; never 0
	HoldTime uint16     // in seconds: 0, or 3 and more
	RouterID netip.Addr // IPv4, not zero (RFC 6286)

	IPv4, IPv6      bool // address families for unicast (RFC 4760)
	ExtendedNextHop bool // IPv4 prefixes may have IPv6 next hops (RFC 8950)
	FourOctet       bool // AS numbers have four bytes (RFC 6793)
	Refresh         bool // may be asked for everything again (RFC 2918)
}

// AppendOpen appends an OPEN. One that has IPv4 and nothing else carries no
// capabilities, for the peer that knows none (RFC 5492 section 3).
func AppendOpen(b []byte, o *Open) []byte {
	start := len(b)
	b = append(openMessage(b, TypeOpen), version)
	b = binary.BigEndian.AppendUint16(b, twoOctets(o.AS))
	b = binary.BigEndian.AppendUint16(b, o.HoldTime)
	id := o.RouterID.As4()
	b = append(b, id[:]...)
	return closeMessage(o.appendParameters(b), start)
}

// twoOctets is an AS number for a field of two bytes.
func twoOctets(as uint32) uint16 {
	if as > 0xffff {
		return asTrans
	}
	return uint16(as)
}

// ParseOpen reads an OPEN and refuses it as RFC 4271 section 6.2 asks. Whether the
// peer is the one that is expected, by its AS and its identifier, is not judged.
// A peer that names no address family speaks IPv4 alone.
func ParseOpen(message []byte) (Open, *Notification) {
	if len(message) < minOpen {
		return Open{}, badLength(len(message))
	}
	body := message[HeaderLen:]
	o := Open{
		AS:       uint32(binary.BigEndian.Uint16(body[1:])),
		HoldTime: binary.BigEndian.Uint16(body[3:]),
		RouterID: netip.AddrFrom4([4]byte(body[5:9])),
	}
	switch {
	case body[0] != version:
		return Open{}, openError(UnsupportedVersion, 0, version)
	case o.AS == 0: // RFC 7607 section 2
		return Open{}, openError(BadPeerAS)
	case o.HoldTime != 0 && o.HoldTime < minHoldTime:
		return Open{}, openError(UnacceptableHoldTime, body[3:5]...)
	case o.RouterID.IsUnspecified(): // RFC 6286 section 2.2
		return Open{}, openError(BadIdentifier, body[5:9]...)
	}
	if n := o.parseParameters(body[9:]); n != nil {
		return Open{}, n
	}
	return o, nil
}

// openError is what is wrong with an OPEN. The data is copied.
func openError(subcode uint8, data ...byte) *Notification {
	return &Notification{Code: CodeOpen, Subcode: subcode, Data: append([]byte(nil), data...)}
}
