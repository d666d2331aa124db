package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// announcement is a prefix that a peer is told of.
type announcement struct {
	prefix netip.Prefix
	peer   string
}

// routes is what a group announces; nil where it announces nothing. g has its
// members, addresses and election.
func (b *builder) routes(e entry, g *Group) *Routes {
	v := e.value.get("bgp")
	if !v.ok() {
		return nil
	}
	if b.cfg.BGP == nil {
		if b.top.get("bgp") == nil && !b.top.meant["bgp"] {
			b.whole(v, "has nobody to announce to", "bgp at the top of the file", "add bgp: { local_as: …, peers: { name: { address: …, as: … } } }")
		}
		return nil
	}
	r := &Routes{Linger: or(v.get("linger"), defaultPathLinger)}
	r.Peers = b.routePeers(v.get("peers"))
	r.Prefixes = b.prefixes(e, g, r)
	b.attributes(v, r)
	b.perNode(v, g, r)
	b.onLoopback(e, g)
	return r
}

// routePeers are the peers that the group is announced to.
func (b *builder) routePeers(v *value) []string {
	var all []string
	for _, p := range b.cfg.BGP.Peers {
		all = append(all, p.Name)
	}
	if !v.ok() {
		return all
	}
	b.unique(v)
	if len(v.items) == 0 {
		b.whole(v, "is empty", "one peer or more", "leave it off for all")
	}
	var names []string
	known := b.top.get("bgp").get("peers")
	for _, item := range v.items {
		name := or(item, "")
		switch {
		case name == "":
		case known.get(name) == nil && known.ok():
			b.about(item, "is not a peer", "one of "+listed(all), didYouMean(name, all))
		case slices.Contains(all, name) && !slices.Contains(names, name):
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// prefixes are what is announced: of the file, or the addresses of the group.
func (b *builder) prefixes(e entry, g *Group, r *Routes) []netip.Prefix {
	v := e.value.get("bgp").get("prefixes")
	var list []netip.Prefix
	add := func(at *value, p netip.Prefix) {
		if slices.Contains(list, p) {
			return
		}
		list = append(list, p)
		b.announce(at, p, g, r)
	}
	if v == nil {
		addresses := e.value.get("addresses")
		for _, item := range addresses.listed() {
			if p := or(item.get("address"), netip.Prefix{}); p.IsValid() && !p.Addr().IsLinkLocalUnicast() {
				add(item.get("address"), netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
			}
		}
		if len(list) == 0 && (addresses == nil || addresses.ok() && len(g.Addresses) == len(addresses.items)) {
			b.whole(e.value.get("bgp"), "has nothing to announce", "addresses or prefixes", "add addresses to the group, or prefixes: [ … ]")
		}
	} else if v.ok() {
		b.unique(v)
		if len(v.items) == 0 {
			b.whole(v, "is empty", "one prefix or more", "leave it off for the addresses of the group")
		}
		for _, item := range v.items {
			if p := or(item, netip.Prefix{}); p.IsValid() {
				b.covered(item, p, g)
				add(item, p)
			}
		}
	}
	slices.SortFunc(list, comparePrefixes)
	return list
}

func comparePrefixes(a, b netip.Prefix) int {
	if c := a.Addr().Compare(b.Addr()); c != 0 {
		return c
	}
	return a.Bits() - b.Bits()
}

// announce refuses a prefix that another group announces to the same peer: the one
// would withdraw it while the other serves.
func (b *builder) announce(at *value, p netip.Prefix, g *Group, r *Routes) {
	for _, peer := range r.Peers {
		key := announcement{p, peer}
		if other, taken := b.announced[key]; taken {
			b.about(at, fmt.Sprintf("is already announced to %s by group %q", peer, other), "a prefix that no other group announces", "put it into one group: it is announced while that one is active")
			return
		}
		b.announced[key] = g.Name
	}
}

// covered notes a prefix for which this node does not answer by the group's addresses.
func (b *builder) covered(at *value, p netip.Prefix, g *Group) {
	if !slices.ContainsFunc(g.Addresses, func(a Address) bool { return p.Contains(a.Prefix.Addr()) }) {
		b.notes.about(at, "holds no address of the group", "", "packets for it arrive here: another program has to have its addresses, or forward them")
	}
}

// onLoopback notes an address on lo that makes the node take a whole network for its own.
func (b *builder) onLoopback(e entry, g *Group) {
	for _, item := range e.value.get("addresses").listed() {
		p := or(item.get("address"), netip.Prefix{})
		if p.IsValid() && or(item.get("interface"), "") == "lo" && !p.IsSingleIP() {
			b.notes.about(item.get("address"), "makes all of "+p.Masked().String()+" local to the node", "",
				"on lo the kernel takes every address of the prefix for its own: write "+netip.PrefixFrom(p.Addr(), p.Addr().BitLen()).String())
		}
	}
}

// attributes reads those of the paths that a node may have for itself.
func (b *builder) attributes(v *value, r *Routes) {
	if hop := v.get("next_hop"); hop.ok() {
		r.NextHop = b.nextHops(hop)
	}
	if med := v.get("med"); med.ok() {
		n := or(med, uint32(0))
		r.MED = &n
	}
	if pref := v.get("local_pref"); pref.ok() {
		n := or(pref, uint32(0))
		r.LocalPref = &n
		if kinds := b.kinds(r); len(kinds) > 0 && !slices.Contains(kinds, true) {
			b.notes.about(pref, "reaches nobody", "", "LOCAL_PREF goes to internal peers only, and none has the AS of this network: use prepend or med")
		}
	}
	if list := v.get("communities"); list.ok() {
		b.unique(list)
		r.Communities, r.Large = scalars[uint32](list), scalars[[3]uint32](list)
		slices.Sort(r.Communities)
		slices.SortFunc(r.Large, func(a, b [3]uint32) int { return slices.Compare(a[:], b[:]) })
		r.Communities, r.Large = slices.Compact(r.Communities), slices.Compact(r.Large)
	}
}

// nextHops is one address, or one of each family.
func (b *builder) nextHops(v *value) []netip.Addr {
	if a := or(v, netip.Addr{}); a.IsValid() {
		return []netip.Addr{a}
	}
	var list []netip.Addr
	for _, item := range v.items {
		a := or(item, netip.Addr{})
		if !a.IsValid() {
			continue
		}
		if i := slices.IndexFunc(list, func(o netip.Addr) bool { return o.Is4() == a.Is4() }); i >= 0 {
			b.about(item, "is a second "+family(a)+" address", "one of each family", "paths of a family have one next hop: remove one")
			continue
		}
		list = append(list, a)
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return list
}

// kinds are those of the peers that a group is announced to: internal or not.
func (b *builder) kinds(r *Routes) (internal []bool) {
	for _, p := range b.cfg.BGP.Peers {
		if is := p.AS == b.cfg.BGP.LocalAS; slices.Contains(r.Peers, p.Name) && p.AS != 0 && b.cfg.BGP.LocalAS != 0 && !slices.Contains(internal, is) {
			internal = append(internal, is)
		}
	}
	return internal
}
