package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// reservedAS are the numbers that no AS may have, with who says so.
var reservedAS = map[uint32]string{
	0:          "RFC 7607 reserves it",
	23456:      "RFC 6793 reserves it for numbers that a peer cannot hold",
	65535:      "RFC 7300 reserves it",
	4294967295: "RFC 7300 reserves it",
}

// asNumber is the number of an autonomous system, plain or in dots (RFC 5396).
func asNumber() *scalar {
	const expected = "1–4294967295"
	parse := func(text string) (any, *fault) {
		n, ok := asOf(text)
		if !ok {
			return nil, &fault{"is not an AS number", expected, "write a number such as 65010, or 1.10 for 65546"}
		}
		if why, reserved := reservedAS[n]; reserved {
			return nil, &fault{"is no number of an AS", expected, why + ": write the number that the network has, such as one of the private 64512–65534"}
		}
		return n, nil
	}
	return &scalar{words: "AS number, " + expected + ", also as 1.10", parse: parse, schema: map[string]any{"anyOf": []any{
		map[string]any{"type": "number", "exclusiveMinimum": 0, "maximum": 4294967295},
		map[string]any{"type": "string", "pattern": `^[0-9]+(\.[0-9]+)?$`}}}}
}

func asOf(text string) (uint32, bool) {
	high, low, dotted := strings.Cut(text, ".")
	if !dotted {
		n, err := strconv.ParseUint(text, 10, 32)
		return uint32(n), err == nil && integerText.MatchString(text)
	}
	h, err := strconv.ParseUint(high, 10, 16)
	l, err2 := strconv.ParseUint(low, 10, 16)
	return uint32(h<<16 | l), err == nil && err2 == nil && integerText.MatchString(high) && integerText.MatchString(low)
}

// routerID names a speaker (RFC 6286): it looks like an IPv4 address.
func routerID() *scalar {
	parse := func(text string) (any, *fault) {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() || a.IsUnspecified() {
			return nil, &fault{"is not a router ID", "four bytes such as 10.0.1.10, not all 0", "write an IPv4 address of the node, or leave it off"}
		}
		return a, nil
	}
	return &scalar{words: "IPv4 address", parse: parse, schema: map[string]any{"type": "string", "pattern": `^[0-9.]+$`}}
}

// holdTime is after how long a silent peer is given up (RFC 4271 section 4.2).
func holdTime() *scalar {
	plain := duration(3*time.Second, 65535*time.Second, true)
	parse := func(text string) (any, *fault) {
		d, f := plain.parse(text)
		switch of, _ := d.(time.Duration); {
		case f != nil && strings.HasPrefix(f.what, "is not in"):
			return nil, &fault{"is not in 3s–65535s", "3s–65535s", "RFC 4271 section 4.2 allows no less than 3 s: bfd finds a fault sooner"}
		case f != nil:
			return nil, f
		case of == 0:
			return nil, &fault{"turns the hold time off", "3s–65535s", "a silent peer would be kept for ever, and so would the paths of a silent node: write 3s or more"}
		case of%time.Second != 0:
			return nil, &fault{"is not in whole seconds", "3s–65535s", "write " + length(of.Round(time.Second))}
		}
		return d, nil
	}
	return &scalar{words: "duration, 3s–65535s, whole seconds", parse: parse, schema: plain.schema}
}

// bfdInterval is a time between Control packets: they count microseconds.
func bfdInterval() *scalar {
	plain := duration(leastBFD, mostBFD, false)
	parse := func(text string) (any, *fault) {
		d, f := plain.parse(text)
		if f != nil {
			return nil, f
		}
		if f := wholeMicroseconds(d.(time.Duration)); f != nil {
			return nil, f
		}
		return d, nil
	}
	return &scalar{words: plain.words, parse: parse, schema: plain.schema}
}

func wholeMicroseconds(d time.Duration) *fault {
	if d%time.Microsecond == 0 {
		return nil
	}
	return &fault{"is not in whole microseconds", "whole microseconds", "BFD counts microseconds: write " + length(d.Round(time.Microsecond))}
}

// network is what can be announced: a prefix of hosts, not of everything.
func network() *scalar {
	parse := func(text string) (any, *fault) {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			f := &fault{"is not a prefix", "a prefix such as 10.1.0.5/32", "write one such as 10.1.0.5/32 or fd00::5/128"}
			if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
				f.advice = "add the prefix length: " + netip.PrefixFrom(a, a.BitLen()).String()
			}
			return nil, f
		}
		if p.Addr().Is4In6() {
			return nil, unmapped(p.Addr())
		}
		return p, networkFault(p)
	}
	return &scalar{words: "prefix", parse: parse,
		schema: map[string]any{"type": "string", "pattern": `^[0-9a-fA-F.:]+/[0-9]{1,3}$`}}
}

// All multicast addresses.
var (
	multicast4 = netip.MustParsePrefix("224.0.0.0/4")
	multicast6 = netip.MustParsePrefix("ff00::/8")
)

func networkFault(p netip.Prefix) *fault {
	const expected = "the prefix of a service"
	a := p.Addr()
	switch {
	case p.Bits() == 0:
		return &fault{"is a default route", expected, "it would draw all traffic of the network to this node: write the prefix of the service"}
	case p != p.Masked():
		return &fault{"has bits beyond its length", expected, "write " + p.Masked().String() + ", or " + netip.PrefixFrom(a, a.BitLen()).String()}
	case p.Overlaps(multicast4) || p.Overlaps(multicast6):
		return &fault{"is multicast", expected, "unicast prefixes are announced"}
	case a.IsLoopback(), a.IsUnspecified(), a.IsLinkLocalUnicast():
		return &fault{"cannot be reached through a router", expected, "write the prefix of an address that others can reach"}
	}
	return nil
}

// wellKnown are the communities with names: RFC 1997, 3765, 7999, 8326.
var wellKnown = map[string]uint32{
	"no-export":           0xffffff01,
	"no-advertise":        0xffffff02,
	"no-export-subconfed": 0xffffff03,
	"no-peer":             0xffffff04,
	"blackhole":           0xffff029a,
	"graceful-shutdown":   0xffff0000,
}

func wellKnownNames() []string {
	names := make([]string, 0, len(wellKnown))
	for name := range wellKnown {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// communityName is how a community is written.
func communityName(c uint32) string {
	for _, name := range wellKnownNames() {
		if wellKnown[name] == c {
			return name
		}
	}
	return fmt.Sprintf("%d:%d", c>>16, c&0xffff)
}

// community is one of RFC 1997, as a uint32, or a large one of RFC 8092, as a [3]uint32.
func community() *scalar {
	const expected = `"65010:100", "65010:1:2" or a name`
	parse := func(text string) (any, *fault) {
		if c, ok := wellKnown[text]; ok {
			return c, nil
		}
		parts := strings.Split(text, ":")
		bits := map[int]int{2: 16, 3: 32}[len(parts)]
		if bits == 0 {
			return nil, &fault{"is not a community", expected, didYouMean(text, wellKnownNames())}
		}
		var n [3]uint32
		for i, part := range parts {
			of, err := strconv.ParseUint(part, 10, bits)
			if err != nil || !integerText.MatchString(part) {
				return nil, &fault{"is not a community", expected, fmt.Sprintf("write %d numbers of %d bits", len(parts), bits)}
			}
			n[i] = uint32(of)
		}
		if len(parts) == 2 {
			return n[0]<<16 | n[1], nil
		}
		return n, nil
	}
	return &scalar{words: "community: `a:b`, large `a:b:c`, or `" + strings.Join(wellKnownNames(), "`, `") + "`", parse: parse, quoted: true,
		schema: map[string]any{"type": "string", "pattern": `^([0-9]+:[0-9]+(:[0-9]+)?|[a-z-]+)$`}}
}

// number32 is any number of 32 bits.
func number32(what string) *scalar {
	const expected = "0–4294967295"
	parse := func(text string) (any, *fault) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || !integerText.MatchString(text) {
			return nil, &fault{"is not in " + expected, expected, what}
		}
		return uint32(n), nil
	}
	return &scalar{words: "integer, " + expected, bare: true, parse: parse,
		schema: map[string]any{"type": "integer", "minimum": 0, "maximum": 4294967295}}
}

// withdrawnWord says that nothing is announced in a role.
const withdrawnWord = "none"

// prependCount is how often the local AS is prepended, or Withdrawn.
func prependCount() *scalar {
	number := integer("how often the local AS is prepended", 0, maxPrepend)
	parse := func(text string) (any, *fault) {
		if text == withdrawnWord {
			return Withdrawn, nil
		}
		n, f := number.parse(text)
		if f != nil {
			f.advice = "write how often the local AS is prepended, or none: nothing is announced then"
			return nil, f
		}
		return n, nil
	}
	return &scalar{words: fmt.Sprintf("integer, 0–%d, or `%s`", maxPrepend, withdrawnWord), parse: parse, schema: map[string]any{"anyOf": []any{
		number.schema, map[string]any{"const": withdrawnWord}}}}
}
