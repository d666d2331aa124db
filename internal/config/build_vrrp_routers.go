package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// The groups of VRRP: RFC 9568 sections 5.1.1.2 and 5.1.2.2.
var (
	vrrpGroup4 = netip.AddrFrom4([4]byte{224, 0, 0, 18})
	vrrpGroup6 = netip.MustParseAddr("ff02::12")
)

// routers finds where advertisements come from and go to.
func (b *builder) routers(group *value, g *Group, r *VRRP) {
	v := group.get("election")
	r.Sources = b.sources(v.get("source"), g, r)
	to, peers := v.get("group"), v.get("peers")
	if unicast := v.get("unicast"); unicast != nil && unicast.bad {
		return
	}
	if r.Unicast {
		if to != nil {
			b.whole(to, "stands beside unicast: true", "group, or unicast: true", "advertisements go to the group or to the peers: remove one")
		}
		b.peers(group, g, r)
		return
	}
	if peers != nil {
		b.whole(peers, "has no meaning without unicast: true", "unicast: true beside it", "add unicast: true, or remove it: a multicast group needs no list")
	}
	def := vrrpGroup4
	if r.IPv6 {
		def = vrrpGroup6
	}
	r.Group = or(to, def)
	if to.ok() && r.Group.Is6() != r.IPv6 {
		b.about(to, fmt.Sprintf("is %s, but the virtual router is %s", family(r.Group), familyOf(r)), familyOf(r), "write "+def.String()+", or leave it off")
	}
}

// sources is where each member's advertisements come from, where the file tells.
func (b *builder) sources(v *value, g *Group, r *VRRP) map[string]netip.Addr {
	sources := map[string]netip.Addr{}
	if !v.ok() {
		return sources
	}
	if a := or(v, netip.Addr{}); a.IsValid() {
		if len(g.Members) > 1 {
			b.about(v, fmt.Sprintf("is one address for %d members", len(g.Members)), "a mapping by node", "write source: { node: address, … }")
			return sources
		}
		for _, m := range g.Members {
			b.source(v, m.Node, a, g, r)
			sources[m.Node] = a
		}
		return sources
	}
	seen := map[netip.Addr]string{}
	for _, e := range sorted(v) {
		b.namesNode(e, v)
		a := or(e.value, netip.Addr{})
		if _, ok := b.cfg.Node(e.name); !ok || !a.IsValid() {
			continue
		}
		if !slices.ContainsFunc(g.Members, func(m Member) bool { return m.Node == e.name }) {
			b.at(e.key, v.place(), fmt.Sprintf("node %q is not a member of the group", e.name), "a member", "remove it, or add the node to members")
			continue
		}
		if other, taken := seen[a]; taken {
			b.about(e.value, fmt.Sprintf("is already the source of node %q", other), "an address of its own", "give each node its own")
			continue
		}
		seen[a] = e.name
		b.source(e.value, e.name, a, g, r)
		sources[e.name] = a
	}
	return sources
}

// source checks where one node's advertisements come from.
func (b *builder) source(v *value, node string, a netip.Addr, g *Group, r *VRRP) {
	if a.Is6() != r.IPv6 {
		b.about(v, fmt.Sprintf("is %s, but the virtual router is %s", family(a), familyOf(r)), familyOf(r), "write an address of the other family")
		return
	}
	if holds(g, a) && !owns(g, node) {
		b.about(v, "is an address of this group", "an address that the node always has", "a service address moves: write one that does not")
	}
	if a.Is6() && !r.Unicast && !a.IsLinkLocalUnicast() {
		b.notes.about(v, "is not link-local", "", "RFC 9568 section 5.1.2.1 wants advertisements from the link-local address of the interface")
	}
}

func holds(g *Group, a netip.Addr) bool {
	return slices.ContainsFunc(g.Addresses, func(x Address) bool { return x.Prefix.Addr() == a })
}

// owns tells whether a node is the owner of the addresses: they are its own.
func owns(g *Group, node string) bool {
	return slices.ContainsFunc(g.Members, func(m Member) bool { return m.Node == node && m.Priority == 255 })
}

// peers are the routers that advertisements go to one by one.
func (b *builder) peers(group *value, g *Group, r *VRRP) {
	v := group.get("election").get("peers")
	if v != nil && !v.ok() {
		return
	}
	if v == nil {
		b.memberPeers(group, g, r)
		return
	}
	b.unique(v)
	broken := false
	for _, item := range v.items {
		a := or(item, netip.Addr{})
		switch {
		case !a.IsValid():
			broken = true
			continue
		case a.Is6() != r.IPv6:
			b.about(item, fmt.Sprintf("is %s, but the virtual router is %s", family(a), familyOf(r)), familyOf(r), "write the router's address of the other family")
			broken = true
			continue
		case holds(g, a) && !slices.ContainsFunc(g.Members, func(m Member) bool { return m.Priority == 255 }):
			b.about(item, "is an address of this group", "an address that the router always has", "a service address moves: write one that does not")
		}
		if !slices.Contains(r.Peers, a) {
			r.Peers = append(r.Peers, a)
		}
	}
	if !broken && b.top.get("nodes").ok() {
		b.ownPeers(v, g, r)
	}
}

// ownPeers finds each member among the peers: a router does not send to itself.
func (b *builder) ownPeers(v *value, g *Group, r *VRRP) {
	others := len(r.Peers)
	for _, m := range g.Members {
		n, ok := b.cfg.Node(m.Node)
		if !ok {
			return
		}
		own, given := r.Sources[m.Node]
		if given && slices.Contains(r.Peers, own) {
			others--
			continue
		}
		if !given {
			if i := slices.IndexFunc(n.Addresses, func(a netip.Addr) bool { return slices.Contains(r.Peers, a) }); i >= 0 {
				r.Sources[m.Node] = n.Addresses[i]
				others--
				continue
			}
		}
		if len(g.Members) > 1 {
			b.whole(v, fmt.Sprintf("has no address of node %q", m.Node), "every router of the group",
				"add its address; where it advertises from another one than its own, name that one in source")
		}
	}
	if len(g.Members) == 1 && others < 1 {
		b.whole(v, "has no other router", "another router", "add the address of the other router, or use multicast")
	}
}

// memberPeers are the members, where the file lists no peers.
func (b *builder) memberPeers(group *value, g *Group, r *VRRP) {
	members := group.get("members")
	if !members.ok() || !b.top.get("nodes").ok() {
		return
	}
	if len(g.Members) == 1 {
		b.of(group.get("election"), "unicast without peers, and no other member", "another router", "add peers: [ address of the other router, … ]")
		return
	}
	for _, m := range g.Members {
		n, ok := b.cfg.Node(m.Node)
		if !ok {
			continue
		}
		if _, given := r.Sources[m.Node]; !given {
			i := slices.IndexFunc(n.Addresses, func(a netip.Addr) bool { return a.Is6() == r.IPv6 })
			if i < 0 {
				b.of(group.get("election"), fmt.Sprintf("unicast, but node %q has no %s address", m.Node, familyOf(r)), "an address of each router",
					"add peers: [ … ] and source: { node: address, … }")
				continue
			}
			r.Sources[m.Node] = n.Addresses[i]
		}
		r.Peers = append(r.Peers, r.Sources[m.Node])
	}
}
