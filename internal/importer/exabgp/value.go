package exabgp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// flag reads an optional enable or disable.
func (c *converter) flag(d *Directive) bool {
	d.use(0)
	switch strings.ToLower(d.Arg(1)) {
	case "", "true", "enable", "enabled":
		d.use(1)
		return true
	case "false", "disable", "disabled":
		d.use(1)
		return false
	}
	c.refuse(d, "write enable or disable", "%q is neither", d.Arg(1))
	return false
}

// number reads a whole number.
func (c *converter) number(d *Directive, word int, low, high uint64) uint64 {
	n, err := strconv.ParseUint(d.Arg(word), 10, 64)
	if err != nil || n < low || n > high {
		c.refuse(d, "correct it", "%q is not a number from %d to %d", d.Arg(word), low, high)
		return low
	}
	d.use(0, word)
	return n
}

// asn reads an AS number, as a whole number or in two parts (RFC 5396).
func asn(s string) (uint32, bool) {
	if high, low, dotted := strings.Cut(s, "."); dotted {
		h, err := strconv.ParseUint(high, 10, 16)
		l, err2 := strconv.ParseUint(low, 10, 16)
		return uint32(h<<16 | l), err == nil && err2 == nil && h<<16|l != 0
	}
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil && n != 0
}

func (c *converter) asn(d *Directive) uint32 {
	if d.Arg(1) == "auto" {
		c.refuse(d, "write the number", "Stead learns no AS number from its peer")
		return 0
	}
	n, ok := asn(d.Arg(1))
	if !ok {
		c.refuse(d, "write a number from 1 to 4294967295", "%q is not an AS number", d.Arg(1))
		return 0
	}
	if n == 23456 || n == 65535 || n == 1<<32-1 {
		c.refuse(d, "write that of the network, such as one of the private 64512-65534", "%d is reserved, and no number of an AS", n)
		return 0
	}
	d.use(0, 1)
	return n
}

// address reads an IP address of a host.
func (c *converter) address(d *Directive, word int) netip.Addr {
	a, err := netip.ParseAddr(d.Arg(word))
	if err != nil || a.Zone() != "" || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() {
		c.refuse(d, "correct it", "%q is not the IP address of a host", d.Arg(word))
		return netip.Addr{}
	}
	d.use(0, word)
	return a
}

// prefix reads a prefix, or an address that means itself alone.
func prefix(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" || a.Is4In6() {
			return netip.Prefix{}, false
		}
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil && p == p.Masked() && !p.Addr().Is4In6()
}

// The well-known communities that ExaBGP knows by name, as Stead names them.
var communityNames = map[string]string{
	"no-export": "no-export", "no-advertise": "no-advertise", "no-export-subconfed": "65535:65283",
	"nopeer": "65535:65284", "no-peer": "65535:65284", "blackhole": "blackhole",
}

// community reads a community, and returns it as Stead writes it.
func community(s string) (string, bool) {
	if name, ok := communityNames[strings.ToLower(s)]; ok {
		return name, true
	}
	if high, low, ok := strings.Cut(s, ":"); ok {
		h, err := strconv.ParseUint(high, 10, 16)
		l, err2 := strconv.ParseUint(low, 10, 16)
		return fmt.Sprintf("%d:%d", h, l), err == nil && err2 == nil
	}
	n, err := parseNumber(s, 32)
	return fmt.Sprintf("%d:%d", n>>16, n&0xffff), err == nil
}

// largeCommunity reads a large community (RFC 8092).
func largeCommunity(s string) (string, bool) {
	parts := strings.Split(s, ":")
	if len(parts) != 3 {
		return "", false
	}
	var n [3]uint64
	for i, p := range parts {
		var err error
		if n[i], err = strconv.ParseUint(p, 10, 32); err != nil {
			return "", false
		}
	}
	return fmt.Sprintf("%d:%d:%d", n[0], n[1], n[2]), true
}

// parseNumber reads a number, hexadecimal behind 0x.
func parseNumber(s string, bits int) (uint64, error) {
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		return strconv.ParseUint(hex, 16, bits)
	}
	return strconv.ParseUint(s, 10, bits)
}

// hosts are the single addresses of a prefix, where there are few.
func hosts(p netip.Prefix, most int) ([]netip.Prefix, bool) { return parts(p, p.Addr().BitLen(), most) }

// parts are the prefixes of a length that a prefix consists of, where there are few.
func parts(p netip.Prefix, bits, most int) ([]netip.Prefix, bool) {
	if bits <= p.Bits() || bits > p.Addr().BitLen() {
		return []netip.Prefix{p}, true
	}
	if bits-p.Bits() > 30 || 1<<(bits-p.Bits()) > most {
		return nil, false
	}
	var list []netip.Prefix
	for n := range uint32(1) << (bits - p.Bits()) {
		list = append(list, netip.PrefixFrom(nth(p.Addr(), n, p.Addr().BitLen()-bits), bits))
	}
	return list, true
}

// nth is the address with n added, shifted to the left.
func nth(a netip.Addr, n uint32, shift int) netip.Addr {
	if a.Is4() {
		b := a.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])|n<<shift)
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	for i := range 32 {
		if n>>i&1 != 0 {
			at := i + shift
			b[15-at/8] |= 1 << (at % 8)
		}
	}
	return netip.AddrFrom16(b)
}

// length writes a duration without the zeros that time.Duration prints.
func length(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return strings.ReplaceAll(s, "µs", "us")
}
