package config

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"
)

func (b *builder) groups(v *value) {
	hashes := map[uint64]string{}
	for _, e := range sorted(v) {
		b.groupHash(e, v, hashes)
		if !e.value.ok() {
			continue
		}
		g := Group{Name: e.name}
		kind := or(e.value.get("election").get("type"), ElectionPeer)
		g.Members = b.members(e.value.get("members"), kind)
		if len(g.Members) == 1 && (kind == ElectionPeer || kind == ElectionLease) {
			b.notes.whole(e.value.get("members"), "names one node", "", "nobody takes over when it fails")
		}
		g.Addresses = b.addresses(e, g.Members)
		g.Election = b.election(e, &g)
		if kind != ElectionNone {
			g.Preempt = Preempt{
				Enabled: or(e.value.get("preempt").get("enabled"), true),
				Delay:   or(e.value.get("preempt").get("delay"), g.Election.preemptDelay()),
			}
		}
		g.Sync = or(e.value.get("sync"), "")
		g.StartDelay = or(e.value.get("start_delay"), g.StartDelay)
		g.Linger = or(e.value.get("linger"), defaultLinger)
		g.Announce.Refresh = or(e.value.get("announce").get("refresh"), g.Election.refresh())
		g.Checks = b.checks(e.value.get("checks"), &g)
		g.Routes = b.routes(e, &g)
		g.Damping = or(e.value.get("damping").get("window"), g.damping())
		b.damping(e.value.get("damping"), &g)
		g.Hooks = b.hooks(e.value.get("hooks"))
		if len(g.Addresses) == 0 && len(g.Hooks) == 0 {
			b.notes.at(e.key, e.value.place(), "holds no addresses and runs no hooks", "",
				"only /active/"+e.name+" and the command line tell who is active")
		}
		b.cfg.Groups = append(b.cfg.Groups, g)
	}
	if len(b.cfg.Groups) == 0 && b.cfg.Gate == nil && (v == nil || v.ok()) {
		b.notes.of(b.top, "no group is given", "", "this node builds the overlays and answers votes, and nothing else")
	}
}

// damping refuses a window where nothing waits for it.
func (b *builder) damping(v *value, g *Group) {
	window := v.get("window")
	switch {
	case !window.ok() || g.Damping == 0:
	case g.Election.Type == ElectionVRRP:
		b.about(window, "has no meaning with election type vrrp", "type: peer or none", "a router with a higher priority waits for preempt: { delay: … }")
	case g.Election.Type == ElectionNone && g.Routes == nil:
		b.notes.about(window, "changes nothing without bgp", "", "only what is announced can be damped where nobody is elected")
	}
}

// groupHash refuses names that packets could not tell apart.
func (b *builder) groupHash(e entry, v *value, seen map[uint64]string) {
	h := fnv.New64a()
	h.Write([]byte(e.name))
	if other, taken := seen[h.Sum64()]; taken {
		b.at(e.key, v.place(), fmt.Sprintf("the names %q and %q have the same hash", other, e.name),
			"names with different hashes", "rename one: packets carry a 64-bit hash of the name")
		return
	}
	seen[h.Sum64()] = e.name
}

func (b *builder) members(v *value, kind string) []Member {
	if v.ok() && len(v.node.Content) == 0 {
		b.whole(v, "names no node", "one node or more", "add a node with its priority: primary: 200")
	}
	if v.ok() && len(v.items) > 0 {
		return b.equals(v, kind)
	}
	var members []Member
	owner := ""
	for _, e := range sorted(v) {
		b.mayHold(e, v)
		m := Member{Node: e.name, Priority: or(e.value, 0)}
		if m.Priority == 255 {
			if owner != "" {
				b.about(e.value, fmt.Sprintf("is also the priority of node %q", owner), "255 for one node at most", "a node with 255 yields to nobody: give one of them 254 or less")
			}
			owner = e.name
		}
		members = append(members, m)
	}
	return members
}

// equals are members without priorities: nobody is preferred where nobody is elected.
func (b *builder) equals(v *value, kind string) []Member {
	if kind != ElectionNone {
		b.whole(v, "is a list, without priorities", "a mapping of nodes to priorities", "write { node: 200, other: 100 }: the election prefers the highest")
		return nil
	}
	b.unique(v)
	var members []Member
	for _, item := range v.items {
		name := or(item, "")
		if name == "" || slices.ContainsFunc(members, func(m Member) bool { return m.Node == name }) {
			continue
		}
		b.mayHold(entry{name: name, key: item.node, value: item}, v)
		members = append(members, Member{Node: name, Priority: equalPriority})
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.Node, b.Node) })
	return members
}

// mayHold refuses a member that is not a node, or not one that may hold a group.
func (b *builder) mayHold(e entry, in *value) {
	n, ok := b.cfg.Node(e.name)
	if !ok {
		b.namesNode(e, in)
		return
	}
	if n.Role != RoleMember {
		b.at(e.key, in.place(), fmt.Sprintf("node %q is a %s, which never holds a group", n.Name, n.Role),
			"one of "+listed(b.nodeNames(RoleMember)), "remove it here, or leave its role off")
	}
}

func (b *builder) addresses(e entry, members []Member) []Address {
	v := e.value.get("addresses")
	if !v.ok() {
		return nil
	}
	var list []Address
	for _, item := range v.items {
		where, on := item.get("address"), item.get("interface")
		if !where.ok() || !on.ok() {
			continue
		}
		a := Address{Prefix: or(where, netip.Prefix{}), Interface: or(on, ""), Excluded: !or(item.get("advertised"), true)}
		b.claim(where, scoped(a), owned{"group", e.name, fmt.Sprintf("group %q", e.name)})
		b.onOverlay(where, a, members)
		list = append(list, a)
	}
	return list
}

// scoped is a service address with the interface that a link-local one is of: two
// interfaces may have the same.
func scoped(a Address) netip.Addr {
	if addr := a.Prefix.Addr(); addr.Is6() && addr.IsLinkLocalUnicast() {
		return addr.WithZone(a.Interface)
	}
	return a.Prefix.Addr()
}

// onOverlay checks a service address against the overlay that carries it.
func (b *builder) onOverlay(v *value, a Address, members []Member) {
	for i := range b.cfg.Overlays {
		o := &b.cfg.Overlays[i]
		if o.Name != a.Interface {
			continue
		}
		if a.Prefix.Addr().Is6() && o.MTU > 0 && o.MTU < 1280 {
			b.about(v, fmt.Sprintf("needs an MTU of 1280 or more, but that of overlay %q is %d", o.Name, o.MTU), "an IPv4 address, or a larger mtu", "IPv6 does not work below 1280")
		}
		for _, m := range members {
			if _, ok := o.Addresses[m.Node]; !ok && len(o.Addresses) > 0 {
				b.notes.about(v, fmt.Sprintf("is in overlay %q, where node %q has no address", o.Name, m.Node), "", "add one to the overlay's addresses")
			}
		}
	}
}
