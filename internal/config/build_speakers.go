package config

import (
	"fmt"
	"net/netip"
	"slices"
)

// speakers finds what depends on which node announces what to whom.
func (b *builder) speakers(top *value) {
	b.pathSessions(top)
	defer b.sharedPaths(top)
	c := b.cfg.BGP
	if c == nil {
		return
	}
	v := top.get("bgp")
	whole := b.groupsAreWhole(top.get("groups"))
	b.routerIDs(v, whole)
	for i := range c.Peers {
		p := &c.Peers[i]
		at := v.get("peers").get(p.Name)
		names := b.cfg.Speakers(p.Name)
		if len(names) == 0 && whole {
			b.notes.of(at, "no group is announced to it", "", "name it in the peers of a group, or remove it")
		}
		if by, taken := b.owner[p.Address]; taken && by.kind == "group" {
			b.about(at.get("address"), "is an address of "+by.where, "the address of a router", "a service address moves: name the router that is announced to")
		}
		for _, name := range names {
			if n, ok := b.cfg.Node(name); ok && slices.Contains(n.Addresses, p.Address) {
				b.notes.about(at.get("address"), fmt.Sprintf("is that of node %q, which announces to it", name), "", "peers are routers: nodes do not announce to each other")
			}
		}
		p.Sources = b.ownAddresses(at.get("source"), names, p.Address, whole)
		if p.BFD != nil {
			p.BFD.Sources = p.Sources
			if own := at.get("bfd").get("source"); own != nil {
				p.BFD.Sources = b.ownAddresses(own, names, p.Address, whole)
			}
		}
		b.families(top, at, p)
	}
}

// groupsAreWhole tells that no group was refused: nothing is said to be missing that
// may have been meant there.
func (b *builder) groupsAreWhole(v *value) bool {
	if v == nil {
		return true
	}
	if !v.ok() || len(b.cfg.Groups) != len(v.node.Content)/2 {
		return false
	}
	for _, e := range v.children() {
		routes := e.value.get("bgp")
		for _, part := range []*value{routes, routes.get("peers"), e.value.get("members")} {
			if part != nil && (!part.ok() || len(part.items) > 0 && slices.ContainsFunc(part.items, func(item *value) bool { return !item.ok() })) {
				return false
			}
		}
	}
	return true
}

// announcing are the nodes that have a session with any peer.
func (b *builder) announcing() []string {
	var names []string
	for _, n := range b.cfg.Nodes {
		if slices.ContainsFunc(b.cfg.BGP.Peers, func(p BGPPeer) bool { return b.cfg.SpeaksTo(n.Name, p.Name) }) {
			names = append(names, n.Name)
		}
	}
	return names
}

// routerIDs gives each node that announces one of its own.
func (b *builder) routerIDs(bgp *value, whole bool) {
	v, ids, names := bgp.get("router_id"), b.cfg.BGP.RouterIDs, b.announcing()
	if v != nil && !v.ok() {
		return
	}
	if a := or(v, netip.Addr{}); a.IsValid() {
		if len(names) > 1 {
			b.about(v, fmt.Sprintf("is one router ID for %d nodes", len(names)), "a mapping by node", "routers tell speakers apart by it: write router_id: { node: address, … }, or leave it off")
		}
		for _, name := range names {
			ids[name] = a
		}
		return
	}
	for _, e := range sorted(v) {
		b.namesNode(e, v)
		if a := or(e.value, netip.Addr{}); a.IsValid() {
			ids[e.name] = a
		}
	}
	given := map[netip.Addr]string{}
	for _, e := range sorted(v) {
		if other, taken := given[ids[e.name]]; taken && ids[e.name].IsValid() {
			b.about(e.value, fmt.Sprintf("is already the router ID of node %q", other), "a router ID of its own", "routers tell speakers apart by it")
		}
		given[ids[e.name]] = e.name
	}
	for _, name := range names {
		if n, ok := b.cfg.Node(name); ok && v.get(name) == nil {
			b.firstRouterID(bgp, n, given)
		}
	}
}

// firstRouterID is the first IPv4 address of a node.
func (b *builder) firstRouterID(bgp *value, n *Node, given map[netip.Addr]string) {
	i := slices.IndexFunc(n.Addresses, netip.Addr.Is4)
	if i < 0 {
		b.of(bgp, fmt.Sprintf("node %q has no IPv4 address that could be its router ID", n.Name), "a router ID for each node", fmt.Sprintf("add router_id: { %s: 10.0.0.1, … }: any number in that form that no other router of the network has", n.Name))
		return
	}
	if other, taken := given[n.Addresses[i]]; taken {
		b.whole(bgp.get("router_id"), fmt.Sprintf("gives node %q the address of node %q, which names none", other, n.Name), "a router ID of its own", "name that of "+n.Name+" too")
		return
	}
	given[n.Addresses[i]] = n.Name
	b.cfg.BGP.RouterIDs[n.Name] = n.Addresses[i]
}

// ownAddresses is where each node's side of a session is, where the file tells.
func (b *builder) ownAddresses(v *value, nodes []string, remote netip.Addr, whole bool) map[string]netip.Addr {
	if !v.ok() {
		return nil
	}
	own := map[string]netip.Addr{}
	if a := or(v, netip.Addr{}); a.IsValid() {
		if len(nodes) > 1 {
			b.about(v, fmt.Sprintf("is one address for %d nodes", len(nodes)), "a mapping by node", "write source: { node: address, … }")
			return nil
		}
		b.ownAddress(v, a, remote)
		for _, name := range nodes {
			own[name] = a
		}
		return own
	}
	seen := map[netip.Addr]string{}
	for _, e := range sorted(v) {
		b.namesNode(e, v)
		a := or(e.value, netip.Addr{})
		if _, ok := b.cfg.Node(e.name); !ok || !a.IsValid() {
			continue
		}
		if !slices.Contains(nodes, e.name) {
			if whole {
				b.at(e.key, v.place(), fmt.Sprintf("node %q has no such session", e.name), "one of "+listed(nodes), "a member of a group has it: remove it")
			}
			continue
		}
		if other, taken := seen[a]; taken {
			b.about(e.value, fmt.Sprintf("is already the source of node %q", other), "an address of its own", "give each node its own")
			continue
		}
		seen[a] = e.name
		b.ownAddress(e.value, a, remote)
		own[e.name] = a
	}
	return own
}

func (b *builder) ownAddress(v *value, a, remote netip.Addr) {
	if remote.IsValid() && a.Is4() != remote.Is4() {
		b.about(v, fmt.Sprintf("is %s, but the other side is %s", family(a), family(remote)), family(remote), "write an address of the other family")
	}
	if by, taken := b.owner[a]; taken && by.kind == "group" {
		b.about(v, "is an address of "+by.where, "an address that the node always has", "a service address moves: write one that does not")
	}
}
