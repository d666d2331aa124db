package assemble

import "net/netip"

// mixed makes a number of this run of the daemon for something with a name: the same
// after a reload, another after a restart.
func mixed(incarnation uint64, name string) uint64 {
	x := incarnation
	for _, c := range []byte(name) {
		x = scrambled(x ^ uint64(c))
	}
	return scrambled(x)
}

// scrambled spreads what differs in x over all bits (splitmix64).
func scrambled(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// path tells one BFD session of a node from another.
type path struct {
	local, remote netip.Addr // local: the zero Addr for any
	multihop      bool
}

func (p path) name() string {
	name := p.local.String() + " " + p.remote.String()
	if p.multihop {
		name += " multihop"
	}
	return name
}

// discriminator is a number that no other session of taken has, and not zero
// (RFC 5880 section 6.8.1).
func discriminator(incarnation uint64, of path, taken map[uint32]bool) uint32 {
	n := uint32(mixed(incarnation, "discriminator "+of.name()))
	for n == 0 || taken[n] {
		n++
	}
	taken[n] = true
	return n
}
