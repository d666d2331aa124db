package bgp

import (
	"encoding/binary"
	"net/netip"
)

// Speaker writes the UPDATEs of a session (RFC 4271 section 4.3): what its two ends
// have agreed on, and what this end is.
type Speaker struct {
	LocalAS         uint32
	Internal        bool // the peer is in the same AS
	FourOctet       bool // agreed on (RFC 6793)
	ExtendedNextHop bool // agreed on for IPv4 (RFC 8950)
	IPv4, IPv6      bool // agreed on (RFC 4760)

	Local              netip.Addr // the session's own address: the next hop of a path that names none
	NextHop4, NextHop6 netip.Addr // those of paths that name none where Local is of the other family
}

// Sendable tells how a path is sent in this session: its next hop and its AS_PATH.
// Where why is not empty it cannot be sent, and why says why, for people.
func (s *Speaker) Sendable(p *Path) (nextHop netip.Addr, asPath []uint32, why string) {
	nextHop, why = s.nextHop(p)
	if why != "" {
		return netip.Addr{}, nil, why
	}
	asPath = make([]uint32, s.hops(p))
	for i := range asPath {
		asPath[i] = s.LocalAS
	}
	return nextHop, asPath, ""
}

// nextHop chooses the next hop of a path.
func (s *Speaker) nextHop(p *Path) (hop netip.Addr, why string) {
	four := p.Prefix.Addr().Is4()
	switch {
	case !p.Prefix.IsValid():
		return hop, "no prefix"
	case four && !s.IPv4:
		return hop, "IPv4 was not agreed on with the peer"
	case !four && !s.IPv6:
		return hop, "IPv6 was not agreed on with the peer"
	case s.bound(p) > MaxMessage:
		return hop, "its attributes have no room in one message: give fewer communities"
	}
	hop = p.NextHop
	if !hop.IsValid() {
		hop = s.own(four)
	}
	hop = hop.Unmap().WithZone("")
	return hop, s.unusable(hop, four)
}

// own is the next hop of a path that names none.
func (s *Speaker) own(four bool) netip.Addr {
	local := s.Local.Unmap()
	switch {
	case local.IsValid() && local.Is4() == four:
		return local
	case four && s.NextHop4.IsValid():
		return s.NextHop4
	case four && s.ExtendedNextHop:
		return local
	case four:
		return netip.Addr{}
	}
	return s.NextHop6
}

// unusable tells why a path cannot have a next hop; "" where it can.
func (s *Speaker) unusable(hop netip.Addr, four bool) string {
	family := "IPv6"
	if four {
		family = "IPv4"
	}
	switch {
	case !hop.IsValid():
		return "no next hop for " + family + ": the session's own address is " + s.Local.String() + ": give next_hop"
	case hop.IsUnspecified() || hop.IsMulticast() || hop.IsLinkLocalUnicast() && hop.Is6():
		return "next hop " + hop.String() + " is no address to which a router of another link can send"
	case !four && hop.Is4():
		return "next hop " + hop.String() + " of IPv6: give one of IPv6"
	case four && hop.Is6() && !s.ExtendedNextHop:
		return "next hop " + hop.String() + " of IPv4: extended next hops were not agreed on with the peer"
	}
	return ""
}

// AppendAnnounce appends UPDATEs that announce the prefixes, all with the attributes
// of p: as many as it takes, none over MaxMessage. Prefixes of another family than
// that of p.Prefix are left out, and a path that is not Sendable altogether.
//
// IPv4 with a next hop of IPv4 goes where it went before there were other families,
// which every peer reads; the rest goes in MP_REACH_NLRI.
func (s *Speaker) AppendAnnounce(b []byte, p *Path, prefixes []netip.Prefix) []byte {
	hop, why := s.nextHop(p)
	if why != "" {
		return b
	}
	four := p.Prefix.Addr().Is4()
	for prefixes = skip(prefixes, four); len(prefixes) > 0; prefixes = skip(prefixes, four) {
		start, before := len(b), len(prefixes)
		b = append(openMessage(b, TypeUpdate), 0, 0, 0, 0) // no withdrawn routes; the attributes' length
		attributes := len(b)
		if hop.Is4() {
			b = s.appendAttributes(b, p, hop)
			binary.BigEndian.PutUint16(b[attributes-2:], uint16(len(b)-attributes))
			b, prefixes = appendPrefixes(b, prefixes, four, MaxMessage-(len(b)-start))
		} else {
			b, prefixes = s.appendReach(b, p, hop, prefixes)
			binary.BigEndian.PutUint16(b[attributes-2:], uint16(len(b)-attributes))
		}
		if len(prefixes) == before { // no room for one: it never ends
			return b[:start]
		}
		b = closeMessage(b, start)
	}
	return b
}

// AppendWithdraw appends UPDATEs that withdraw the prefixes, of both families:
// as many as it takes, none over MaxMessage. Those of a family that was not agreed
// on are left out.
//
// IPv4 is withdrawn by MP_UNREACH_NLRI where its next hops may be of IPv6, as BIRD
// and FRR do it too. A peer keeps one path for a prefix of IPv4, however it came, so
// that this also withdraws what was announced without MP_REACH_NLRI.
func (s *Speaker) AppendWithdraw(b []byte, prefixes []netip.Prefix) []byte {
	if s.IPv4 && s.ExtendedNextHop {
		b = appendUnreach(b, prefixes, true)
	} else if s.IPv4 {
		b = appendWithdrawn(b, prefixes)
	}
	if s.IPv6 {
		b = appendUnreach(b, prefixes, false)
	}
	return b
}

// appendWithdrawn withdraws prefixes of IPv4 in the field of their own.
func appendWithdrawn(b []byte, prefixes []netip.Prefix) []byte {
	for prefixes = skip(prefixes, true); len(prefixes) > 0; prefixes = skip(prefixes, true) {
		start := len(b)
		b = append(openMessage(b, TypeUpdate), 0, 0)
		field := len(b)
		b, prefixes = appendPrefixes(b, prefixes, true, MaxMessage-minUpdate)
		binary.BigEndian.PutUint16(b[field-2:], uint16(len(b)-field))
		b = closeMessage(append(b, 0, 0), start) // no attributes
	}
	return b
}

// AppendEndOfRIB appends the UPDATE that says that everything has been announced
// (RFC 4724 section 2). That of IPv4 is the empty UPDATE, whatever was agreed on.
func (s *Speaker) AppendEndOfRIB(b []byte, ipv6 bool) []byte {
	start := len(b)
	b = append(openMessage(b, TypeUpdate), 0, 0, 0, 0)
	if ipv6 {
		b[len(b)-1] = 6
		b = append(b, flagOptional, attributeUnreach, 3, 0, afiIPv6, safiUnicast)
	}
	return closeMessage(b, start)
}

// skip leaves out the prefixes of another family before the first of this one.
func skip(prefixes []netip.Prefix, four bool) []netip.Prefix {
	for len(prefixes) > 0 && !isFamily(prefixes[0], four) {
		prefixes = prefixes[1:]
	}
	return prefixes
}

func isFamily(p netip.Prefix, four bool) bool { return p.IsValid() && p.Addr().Is4() == four }

// appendPrefixes appends prefixes of a family (RFC 4271 section 4.3) in at most room
// bytes, and returns those that had none.
func appendPrefixes(b []byte, prefixes []netip.Prefix, four bool, room int) (out []byte, rest []netip.Prefix) {
	for i, p := range prefixes {
		if !isFamily(p, four) {
			continue
		}
		if room -= prefixLen(p); room < 0 {
			return b, prefixes[i:]
		}
		b = appendPrefix(b, p)
	}
	return b, nil
}

// prefixLen is how long a prefix is in a message, in bytes.
func prefixLen(p netip.Prefix) int { return 1 + (p.Bits()+7)/8 }

func appendPrefix(b []byte, p netip.Prefix) []byte {
	b = append(b, uint8(p.Bits()))
	address := p.Masked().Addr()
	if address.Is4() {
		octets := address.As4()
		return append(b, octets[:prefixLen(p)-1]...)
	}
	octets := address.As16()
	return append(b, octets[:prefixLen(p)-1]...)
}
