package bgp

import "encoding/binary"

// Optional parameters of OPEN.
const (
	parameterCapabilities = 2   // RFC 5492 section 4
	parameterExtended     = 255 // no parameter: lengths have two bytes (RFC 9072 section 2)
)

// Capability codes that this speaker knows.
const (
	capabilityMultiprotocol   = 1  // RFC 4760 section 8
	capabilityRefresh         = 2  // RFC 2918 section 2
	capabilityExtendedNextHop = 5  // RFC 8950 section 4
	capabilityFourOctet       = 65 // RFC 6793 section 3
)

// nextHopTuple is the length of what capabilityExtendedNextHop says of one address
// family, in bytes: AFI, SAFI and the AFI of the next hop.
const nextHopTuple = 6

// appendParameters appends the optional parameters with their length: one with all
// capabilities.
func (o *Open) appendParameters(b []byte) []byte {
	if o.IPv4 && !o.IPv6 && !o.ExtendedNextHop && !o.FourOctet && !o.Refresh {
		return append(b, 0)
	}
	start := len(b)
	b = append(b, 0, parameterCapabilities, 0)
	if o.IPv4 {
		b = append(b, capabilityMultiprotocol, 4, 0, afiIPv4, 0, safiUnicast)
	}
	if o.IPv6 {
		b = append(b, capabilityMultiprotocol, 4, 0, afiIPv6, 0, safiUnicast)
	}
	if o.Refresh {
		b = append(b, capabilityRefresh, 0)
	}
	if o.ExtendedNextHop {
		b = append(b, capabilityExtendedNextHop, nextHopTuple, 0, afiIPv4, 0, safiUnicast, 0, afiIPv6)
	}
	if o.FourOctet {
		b = append(b, capabilityFourOctet, 4)
		b = binary.BigEndian.AppendUint32(b, o.AS)
	}
	b[start] = uint8(len(b) - start - 1)
	b[start+2] = uint8(len(b) - start - 3)
	return b
}

// parseParameters reads the optional parameters, which begin with their length. One
// that is known and malformed is refused as unspecific (RFC 4271 section 6.2).
func (o *Open) parseParameters(b []byte) *Notification {
	length, b := int(b[0]), b[1:]
	wide := length > 0 && len(b) >= 3 && b[0] == parameterExtended
	if wide {
		length, b = int(binary.BigEndian.Uint16(b[1:])), b[3:]
	}
	if length != len(b) {
		return openError(OpenUnspecific)
	}
	named := false // the peer has named an address family
	for len(b) > 0 {
		kind, value, rest, ok := parameter(b, wide)
		if !ok {
			return openError(OpenUnspecific)
		}
		if kind != parameterCapabilities {
			return openError(UnsupportedOptionalParameter)
		}
		if n := o.parseCapabilities(value, &named); n != nil {
			return n
		}
		b = rest
	}
	if !named {
		o.IPv4 = true
	}
	return nil
}

// parameter splits the first optional parameter from b, which is not empty.
func parameter(b []byte, wide bool) (kind uint8, value, rest []byte, ok bool) {
	head, length := 2, 0
	if wide {
		head = 3
	}
	if len(b) < head {
		return 0, nil, nil, false
	}
	if wide {
		length = int(binary.BigEndian.Uint16(b[1:]))
	} else {
		length = int(b[1])
	}
	if len(b) < head+length {
		return 0, nil, nil, false
	}
	return b[0], b[head : head+length], b[head+length:], true
}

// parseCapabilities reads the capabilities of one parameter. Those that are not
// known are ignored (RFC 5492 section 3).
func (o *Open) parseCapabilities(b []byte, named *bool) *Notification {
	for len(b) > 0 {
		code, value, rest, ok := parameter(b, false)
		if !ok {
			return openError(OpenUnspecific)
		}
		b = rest
		switch code {
		case capabilityMultiprotocol:
			ok = len(value) == 4
			*named = true
			o.addFamily(value)
		case capabilityRefresh:
			ok = len(value) == 0
			o.Refresh = true
		case capabilityExtendedNextHop:
			ok = len(value)%nextHopTuple == 0
			o.addNextHops(value)
		case capabilityFourOctet:
			ok = len(value) == 4
			o.FourOctet = true
			if ok {
				o.AS = binary.BigEndian.Uint32(value)
			}
		}
		if !ok {
			return openError(OpenUnspecific)
		}
		if o.AS == 0 {
			return openError(BadPeerAS)
		}
	}
	return nil
}

// addFamily notes the address family of a multiprotocol capability: AFI, a
// reserved byte, SAFI.
func (o *Open) addFamily(value []byte) {
	if len(value) != 4 || value[3] != safiUnicast {
		return
	}
	switch binary.BigEndian.Uint16(value) {
	case afiIPv4:
		o.IPv4 = true
	case afiIPv6:
		o.IPv6 = true
	}
}

// addNextHops notes whether the tuples have IPv4 unicast with next hops of IPv6.
func (o *Open) addNextHops(tuples []byte) {
	for ; len(tuples) >= nextHopTuple; tuples = tuples[nextHopTuple:] {
		if [nextHopTuple]byte(tuples) == [nextHopTuple]byte{0, afiIPv4, 0, safiUnicast, 0, afiIPv6} {
			o.ExtendedNextHop = true
		}
	}
}
