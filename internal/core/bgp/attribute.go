package bgp

import (
	"encoding/binary"
	"net/netip"
)

// Flags of path attributes (RFC 4271 section 4.3).
const (
	flagOptional   = 0x80
	flagTransitive = 0x40
	flagExtended   = 0x10 // the length has two bytes
)

// Types of path attributes.
const (
	attributeOrigin           = 1
	attributeASPath           = 2
	attributeNextHop          = 3
	attributeMED              = 4
	attributeLocalPref        = 5
	attributeCommunities      = 8  // RFC 1997
	attributeReach            = 14 // MP_REACH_NLRI, RFC 4760 section 3
	attributeUnreach          = 15 // MP_UNREACH_NLRI, RFC 4760 section 4
	attributeAS4Path          = 17 // RFC 6793
	attributeLargeCommunities = 32 // RFC 8092
)

const (
	originIGP     = 0   // the prefix is of the AS itself (RFC 4271 section 4.3)
	asSequence    = 2   // an ordered segment of AS_PATH
	maxSegment    = 255 // AS numbers in a segment
	reachHead     = 21  // MP_REACH_NLRI up to the prefixes, with a next hop of IPv6, in bytes
	unreachHead   = 3   // MP_UNREACH_NLRI up to the prefixes, in bytes
	attributeHead = 4   // flags, type and length at their longest, in bytes
)

// hops is the length of a path's AS_PATH: to an external peer the local AS stands
// in it once before it is prepended, to an internal one not at all (RFC 4271 section
// 5.1.2): a router takes a path with its own AS in it for a loop and drops it.
func (s *Speaker) hops(p *Path) int {
	if s.Internal {
		return 0
	}
	return 1 + max(p.Prepend, 0)
}

// LocalPref is the LOCAL_PREF that is sent with a path to an internal peer. What
// would be prepended is less preference here, so that the order of several nodes'
// paths is the same for internal and external peers.
func (s *Speaker) LocalPref(p *Path) uint32 {
	return p.LocalPref - min(p.LocalPref, uint32(max(p.Prepend, 0)))
}

// bound is the length that an UPDATE with the path and one prefix has at most, in bytes.
func (s *Speaker) bound(p *Path) int {
	const (
		prefix = 17
		fixed  = minUpdate + attributeHead + reachHead + prefix +
			4 + 7 + 7 + 7 // ORIGIN, NEXT_HOP, MULTI_EXIT_DISC, LOCAL_PREF
	)
	asPath := attributeHead + pathLen(s.hops(p), s.asLen())
	if s.as4() {
		asPath += attributeHead + pathLen(s.hops(p), 4)
	}
	return fixed + asPath + attributeHead + 4*len(p.Communities) + attributeHead + 12*len(p.Large)
}

// asLen is the length of an AS number in AS_PATH, in bytes.
func (s *Speaker) asLen() int {
	if s.FourOctet {
		return 4
	}
	return 2
}

// as4 tells whether AS4_PATH has to say what has no room in AS_PATH (RFC 6793
// section 4.2.2).
func (s *Speaker) as4() bool { return !s.Internal && !s.FourOctet && s.LocalAS > 0xffff }

// pathLen is the length of an AS_PATH in its attribute, in bytes.
func pathLen(hops, asLen int) int {
	segments := (hops + maxSegment - 1) / maxSegment
	return 2*segments + asLen*hops
}

// appendAttributes appends the attributes of a path in the order of their types
// (RFC 4271 section 5), all but MP_REACH_NLRI. A next hop of IPv6 is in that one.
func (s *Speaker) appendAttributes(b []byte, p *Path, hop netip.Addr) []byte {
	b = append(b, flagTransitive, attributeOrigin, 1, originIGP)
	b = s.appendASPath(b, p)
	if hop.Is4() {
		octets := hop.As4()
		b = append(b, flagTransitive, attributeNextHop, 4)
		b = append(b, octets[:]...)
	}
	if p.HasMED {
		b = append(b, flagOptional, attributeMED, 4)
		b = binary.BigEndian.AppendUint32(b, p.MED)
	}
	if s.Internal {
		b = append(b, flagTransitive, attributeLocalPref, 4)
		b = binary.BigEndian.AppendUint32(b, s.LocalPref(p))
	}
	if len(p.Communities) > 0 {
		b = appendHead(b, flagOptional|flagTransitive, attributeCommunities, 4*len(p.Communities))
		for _, c := range p.Communities {
			b = binary.BigEndian.AppendUint32(b, uint32(c))
		}
	}
	if s.as4() {
		b = s.appendAS4Path(b, p)
	}
	return appendLarge(b, p.Large)
}

func appendLarge(b []byte, large []LargeCommunity) []byte {
	if len(large) == 0 {
		return b
	}
	b = appendHead(b, flagOptional|flagTransitive, attributeLargeCommunities, 12*len(large))
	for _, c := range large {
		b = binary.BigEndian.AppendUint32(b, c.Global)
		b = binary.BigEndian.AppendUint32(b, c.Local1)
		b = binary.BigEndian.AppendUint32(b, c.Local2)
	}
	return b
}

// appendHead appends what comes before an attribute's value. The length has two
// bytes only where it needs them (RFC 4271 section 4.3).
func appendHead(b []byte, flags, kind uint8, length int) []byte {
	if length > 255 {
		b = append(b, flags|flagExtended, kind)
		return binary.BigEndian.AppendUint16(b, uint16(length))
	}
	return append(b, flags, kind, uint8(length))
}

// appendASPath appends the AS_PATH. To a peer that knows no AS numbers of four
// bytes, asTrans stands for those (RFC 6793 section 4.2.2).
func (s *Speaker) appendASPath(b []byte, p *Path) []byte {
	hops := s.hops(p)
	b = appendHead(b, flagTransitive, attributeASPath, pathLen(hops, s.asLen()))
	return appendSegments(b, s.LocalAS, hops, s.asLen())
}

// appendAS4Path appends the AS_PATH as it is (RFC 6793 section 4.2.2).
func (s *Speaker) appendAS4Path(b []byte, p *Path) []byte {
	hops := s.hops(p)
	b = appendHead(b, flagOptional|flagTransitive, attributeAS4Path, pathLen(hops, 4))
	return appendSegments(b, s.LocalAS, hops, 4)
}

// appendSegments appends an AS number so many times, in asLen bytes each. A segment
// that is not full comes first, where one more would be prepended (RFC 4271
// section 5.1.2).
func appendSegments(b []byte, as uint32, hops, asLen int) []byte {
	for hops > 0 {
		count := (hops-1)%maxSegment + 1
		b = append(b, asSequence, uint8(count))
		for range count {
			if asLen == 2 {
				b = binary.BigEndian.AppendUint16(b, twoOctets(as))
			} else {
				b = binary.BigEndian.AppendUint32(b, as)
			}
		}
		hops -= count
	}
	return b
}

// appendReach appends all attributes of a path, MP_REACH_NLRI first (RFC 7606
// section 5.1) with as many prefixes as have room, and returns those that had none.
func (s *Speaker) appendReach(b []byte, p *Path, hop netip.Addr, prefixes []netip.Prefix) (out []byte, rest []netip.Prefix) {
	four := p.Prefix.Addr().Is4()
	start := len(b)
	b = s.appendAttributes(b, p, hop) // to see how long they are
	others := len(b) - start
	b = b[:start]
	length := fitting(prefixes, four, MaxMessage-minUpdate-attributeHead-reachHead-others)
	b = appendHead(b, flagOptional, attributeReach, reachHead+length)
	octets := hop.As16()
	b = append(b, 0, afi(four), safiUnicast, uint8(len(octets)))
	b = append(b, octets[:]...)
	b = append(b, 0) // reserved
	b, rest = appendPrefixes(b, prefixes, four, length)
	return s.appendAttributes(b, p, hop), rest
}

// appendUnreach appends UPDATEs with MP_UNREACH_NLRI for the prefixes of a family.
func appendUnreach(b []byte, prefixes []netip.Prefix, four bool) []byte {
	for prefixes = skip(prefixes, four); len(prefixes) > 0; prefixes = skip(prefixes, four) {
		start := len(b)
		b = append(openMessage(b, TypeUpdate), 0, 0, 0, 0) // no withdrawn routes; the attributes' length
		attributes := len(b)
		length := fitting(prefixes, four, MaxMessage-minUpdate-attributeHead-unreachHead)
		b = appendHead(b, flagOptional, attributeUnreach, unreachHead+length)
		b = append(b, 0, afi(four), safiUnicast)
		b, prefixes = appendPrefixes(b, prefixes, four, length)
		binary.BigEndian.PutUint16(b[attributes-2:], uint16(len(b)-attributes))
		b = closeMessage(b, start)
	}
	return b
}

// afi is the number of an address family.
func afi(four bool) uint8 {
	if four {
		return afiIPv4
	}
	return afiIPv6
}

// fitting is how many bytes the first prefixes of a family take that have room.
func fitting(prefixes []netip.Prefix, four bool, room int) (length int) {
	for _, p := range prefixes {
		if !isFamily(p, four) {
			continue
		}
		if length+prefixLen(p) > room {
			break
		}
		length += prefixLen(p)
	}
	return length
}
