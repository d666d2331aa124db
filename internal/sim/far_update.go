package sim

import (
	"encoding/binary"
	"net/netip"

	"stead/internal/core/bgp"
)

// route is what a route server knows of a path.
type route struct {
	length     int // of AS_PATH
	med        int
	preference int // LOCAL_PREF, or 100 in external sessions
	graceful   bool
}

// told is what a connection has said of paths.
type told map[netip.Prefix]route

// apply reads the UPDATEs among messages.
func (t told) apply(bytes []byte) {
	eachMessage(bytes, func(message []byte) {
		if bgp.MessageType(message[18]) == bgp.TypeUpdate {
			readUpdate(message, t)
		}
	})
}

func eachMessage(bytes []byte, what func(message []byte)) {
	for len(bytes) >= bgp.HeaderLen {
		length := int(binary.BigEndian.Uint16(bytes[16:]))
		what(bytes[:length])
		bytes = bytes[length:]
	}
}

// The path attributes that are read (RFC 4271 section 5, RFC 1997, RFC 4760).
const (
	attributeASPath      = 2
	attributeMED         = 4
	attributeLocalPref   = 5
	attributeCommunities = 8
	attributeReach       = 14
	attributeUnreach     = 15
)

// readUpdate takes an UPDATE in. It reads what the codec of this repository writes
// in sessions with AS numbers of four octets.
func readUpdate(message []byte, into map[netip.Prefix]route) {
	withdrawn, rest := field(message[bgp.HeaderLen:])
	attributes, announced := field(rest)
	for _, p := range prefixes(withdrawn, true) {
		delete(into, p)
	}
	r := route{preference: 100}
	reach := prefixes(announced, true)
	for len(attributes) > 0 {
		size, head := int(attributes[2]), 3
		if attributes[0]&0x10 != 0 {
			size, head = int(binary.BigEndian.Uint16(attributes[2:])), 4
		}
		kind, value := attributes[1], attributes[head:head+size]
		attributes = attributes[head+size:]
		switch kind {
		case attributeReach:
			reach = append(reach, prefixes(value[5+value[3]:], value[1] == 1)...)
		case attributeUnreach:
			for _, p := range prefixes(value[3:], value[1] == 1) {
				delete(into, p)
			}
		default:
			r.read(kind, value)
		}
	}
	for _, p := range reach {
		into[p] = r
	}
}

// read takes an attribute of a path in.
func (r *route) read(kind byte, value []byte) {
	switch kind {
	case attributeASPath:
		for len(value) > 0 {
			r.length += int(value[1])
			value = value[2+4*int(value[1]):]
		}
	case attributeMED:
		r.med = int(binary.BigEndian.Uint32(value))
	case attributeLocalPref:
		r.preference = int(binary.BigEndian.Uint32(value))
	case attributeCommunities:
		for ; len(value) > 0; value = value[4:] {
			r.graceful = r.graceful || binary.BigEndian.Uint32(value) == uint32(bgp.GracefulShutdown)
		}
	}
}

// field splits what has its length in two bytes before it.
func field(b []byte) (value, rest []byte) {
	n := int(binary.BigEndian.Uint16(b))
	return b[2 : 2+n], b[2+n:]
}

func prefixes(b []byte, four bool) (all []netip.Prefix) {
	for len(b) > 0 {
		bits := int(b[0])
		var address [16]byte
		n := copy(address[:], b[1:1+(bits+7)/8])
		a := netip.AddrFrom16(address)
		if four {
			a = netip.AddrFrom4([4]byte(address[:4]))
		}
		all = append(all, netip.PrefixFrom(a, bits))
		b = b[1+n:]
	}
	return all
}

// better tells whether a router prefers a path to another one: 1, 0 for both alike,
// -1 for the other.
func (r *route) better(o *route, honours bool) int {
	a, b := *r, *o
	if honours && a.graceful { // RFC 8326 section 4.1
		a.preference = 0
	}
	if honours && b.graceful {
		b.preference = 0
	}
	for _, d := range [...]int{a.preference - b.preference, b.length - a.length, b.med - a.med} {
		if d != 0 {
			return d
		}
	}
	return 0
}

// best are the hosts to which a route server sends packets for a prefix, and one of
// their paths.
func (s *routeServer) best(p netip.Prefix) (hosts uint64, r route) {
	for id, e := range s.ends {
		if e == nil {
			continue
		}
		this, ok := e.routes[p]
		if !ok {
			continue
		}
		d := 1
		if hosts != 0 {
			d = this.better(&r, s.honours)
		}
		switch {
		case d > 0:
			hosts, r = 1<<id, this
		case d == 0:
			hosts |= 1 << id
		}
	}
	return hosts, r
}
