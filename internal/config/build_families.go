package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// families finds of which families a session is, and that each path has a next hop.
func (b *builder) families(top, at *value, p *BGPPeer) {
	fixed := at.get("families")
	if fixed != nil && (!fixed.ok() || len(fixed.items) == 0) || !p.Address.IsValid() {
		return
	}
	any4, any6 := false, false
	for i := range b.cfg.Groups {
		g := &b.cfg.Groups[i]
		if g.Routes == nil || !slices.Contains(g.Routes.Peers, p.Name) {
			continue
		}
		v := top.get("groups").get(g.Name).get("bgp")
		for _, prefix := range g.Routes.Prefixes {
			any4, any6 = any4 || prefix.Addr().Is4(), any6 || prefix.Addr().Is6()
			if fixed != nil && (prefix.Addr().Is4() && !p.IPv4 || prefix.Addr().Is6() && !p.IPv6) {
				b.whole(v, fmt.Sprintf("announces %s, which is no family of peer %q", prefix, p.Name), "prefixes of its families",
					"add "+map[bool]string{true: "ipv4", false: "ipv6"}[prefix.Addr().Is4()]+" to the families of the peer, or leave families off")
				continue
			}
			b.reachable(v, prefix, g, p)
		}
	}
	if fixed == nil {
		p.IPv4, p.IPv6 = any4, any6
	}
	if !p.IPv4 && !p.IPv6 {
		p.IPv4, p.IPv6 = p.Address.Is4(), p.Address.Is6()
	}
}

// reachable checks that a path has a next hop of a family that the peer takes.
func (b *builder) reachable(v *value, prefix netip.Prefix, g *Group, p *BGPPeer) {
	four := prefix.Addr().Is4()
	for _, m := range g.Members {
		n, ok := b.cfg.Node(m.Node)
		if !ok {
			continue
		}
		hops := g.Routes.For(m.Node).NextHop
		same := func(a netip.Addr) bool { return a.Is4() == four }
		switch {
		case slices.ContainsFunc(hops, same), p.Address.Is4() == four, slices.ContainsFunc(n.Addresses, same):
			continue
		case four && p.ExtendedNextHop:
			continue
		}
		advice := fmt.Sprintf("add per_node: { %s: { next_hop: … } }", m.Node)
		if four {
			advice += ", or extended_next_hop: true to the peer where it knows RFC 8950"
		}
		b.whole(v, fmt.Sprintf("announces %s to %q over %s, but node %q has no %s address for the next hop", prefix, p.Name, family(p.Address), m.Node, family(prefix.Addr())),
			"a next hop of the same family", advice)
		return
	}
}
