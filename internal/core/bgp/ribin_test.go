package bgp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// ribIn is what a peer has learned in a session: for every prefix its attributes,
// as text. It reads UPDATEs with its own eyes, apart from what writes them.
type ribIn struct {
	t         *testing.T
	fourOctet bool
	paths     map[netip.Prefix]string
	endOfRIB  []string // families
	updates   int
}

func newRIBIn(t *testing.T, fourOctet bool) *ribIn {
	return &ribIn{t: t, fourOctet: fourOctet, paths: map[netip.Prefix]string{}}
}

// take reads an UPDATE.
func (r *ribIn) take(message []byte) {
	r.t.Helper()
	r.updates++
	body := message[HeaderLen:]
	withdrawn, body := r.field(body)
	attributes, nlri := r.field(body)
	if len(withdrawn) == 0 && len(attributes) == 0 && len(nlri) == 0 {
		r.endOfRIB = append(r.endOfRIB, "IPv4")
		return
	}
	for _, p := range r.prefixes(withdrawn, true) {
		delete(r.paths, p)
	}
	text, reach := r.attributes(attributes)
	for _, p := range r.prefixes(nlri, true) {
		r.paths[p] = text
	}
	for _, p := range reach {
		r.paths[p] = text
	}
}

// field splits what has its length in two bytes before it.
func (r *ribIn) field(b []byte) (value, rest []byte) {
	r.t.Helper()
	n := int(binary.BigEndian.Uint16(b))
	if len(b) < 2+n {
		r.t.Fatalf("a field of %d bytes in %d", n, len(b))
	}
	return b[2 : 2+n], b[2+n:]
}

func (r *ribIn) prefixes(b []byte, four bool) (all []netip.Prefix) {
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

// attributes reads path attributes; reach are the prefixes of MP_REACH_NLRI. What
// MP_UNREACH_NLRI withdraws is gone at once.
func (r *ribIn) attributes(b []byte) (text string, reach []netip.Prefix) {
	r.t.Helper()
	var words []string
	for len(b) > 0 {
		flags, kind, n, head := b[0], b[1], int(b[2]), 3
		if flags&flagExtended != 0 {
			n, head = int(binary.BigEndian.Uint16(b[2:])), 4
		}
		value := b[head : head+n]
		b = b[head+n:]
		switch kind {
		case attributeASPath:
			words = append(words, "path "+r.asPath(value))
		case attributeNextHop:
			words = append(words, "via "+netip.AddrFrom4([4]byte(value)).String())
		case attributeMED:
			words = append(words, fmt.Sprintf("med %d", binary.BigEndian.Uint32(value)))
		case attributeLocalPref:
			words = append(words, fmt.Sprintf("pref %d", binary.BigEndian.Uint32(value)))
		case attributeCommunities:
			for ; len(value) > 0; value = value[4:] {
				words = append(words, fmt.Sprintf("community %d:%d", binary.BigEndian.Uint16(value), binary.BigEndian.Uint16(value[2:])))
			}
		case attributeReach:
			hop, _ := netip.AddrFromSlice(value[4 : 4+value[3]])
			words = append(words, "via "+hop.String())
			reach = append(reach, r.prefixes(value[5+value[3]:], value[1] == afiIPv4)...)
		case attributeUnreach:
			r.unreach(value)
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", "), reach
}

func (r *ribIn) unreach(value []byte) {
	if len(value) == 3 {
		r.endOfRIB = append(r.endOfRIB, "IPv6")
	}
	for _, p := range r.prefixes(value[3:], value[1] == afiIPv4) {
		delete(r.paths, p)
	}
}

func (r *ribIn) asPath(b []byte) string {
	size := 2
	if r.fourOctet {
		size = 4
	}
	var path []string
	for len(b) > 0 {
		n := int(b[1])
		for b = b[2:]; n > 0; n-- {
			as := uint32(binary.BigEndian.Uint16(b))
			if size == 4 {
				as = binary.BigEndian.Uint32(b)
			}
			path = append(path, fmt.Sprint(as))
			b = b[size:]
		}
	}
	return strings.Join(path, " ")
}

// lines are the paths in the order of their prefixes.
func (r *ribIn) lines() (all []string) {
	var prefixes []netip.Prefix
	for p := range r.paths {
		prefixes = append(prefixes, p)
	}
	slices.SortFunc(prefixes, netip.Prefix.Compare)
	for _, p := range prefixes {
		all = append(all, p.String()+" "+r.paths[p])
	}
	return all
}
