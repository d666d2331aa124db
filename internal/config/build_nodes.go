package config

import (
	"fmt"
	"hash/fnv"
	"net/netip"
)

// owned tells whose an address is.
type owned struct {
	kind  string // node, overlay, remote or group
	name  string
	where string // in words: `node "primary"`
}

// claim notes whose an address is, and refuses a second owner.
func (b *builder) claim(v *value, a netip.Addr, by owned) {
	first, taken := b.owner[a]
	if !taken {
		b.owner[a] = by
		return
	}
	what, advice := "is already the address of "+first.where, "give each its own"
	if by.kind == "group" && first.kind != "group" {
		advice = "a service address moves: take one that no machine has as its own"
	}
	b.about(v, what, "an address that nobody else has", advice)
}

func (b *builder) nodes(v *value) {
	if v.ok() && len(v.node.Content) == 0 {
		b.whole(v, "names no node", "one node or more", "add name: { address: … }")
	}
	for _, e := range sorted(v) {
		n := Node{Name: e.name, Role: Role(or(e.value.get("role"), string(RoleMember)))}
		n.Addresses = b.nodeAddresses(e)
		for i, a := range n.Addresses {
			b.claim(b.nodeAddress(e, i), a, owned{"node", e.name, fmt.Sprintf("node %q", e.name)})
		}
		b.cfg.Nodes = append(b.cfg.Nodes, n)
	}
	b.nodeHashes(v)
	b.nodePaths(v)
}

// nodeAddresses takes `address:` or `addresses:`, whichever is there.
func (b *builder) nodeAddresses(e entry) []netip.Addr {
	single, several := e.value.get("address"), e.value.get("addresses")
	switch {
	case !e.value.ok():
		return nil
	case single != nil && several != nil:
		b.whole(several, "stands beside address", "address or addresses", "put all of them into addresses")
	case single == nil && several == nil:
		if !e.value.meant["address"] && !e.value.meant["addresses"] {
			b.of(e.value, "address is missing", "an IP address", "add address: …")
		}
	case several.ok() && len(several.items) == 0:
		b.whole(several, "is empty", "one address or more", "add one")
	case single.ok():
		return []netip.Addr{single.scalar.(netip.Addr)}
	}
	list := scalars[netip.Addr](several)
	if several.ok() && len(list) != len(several.items) {
		return nil
	}
	return list
}

// nodeAddress is where the i-th address of a node stands.
func (b *builder) nodeAddress(e entry, i int) *value {
	if several := e.value.get("addresses"); several.ok() && i < len(several.items) {
		return several.items[i]
	}
	return e.value.get("address")
}

// nodeHashes refuses names that packets could not tell apart.
func (b *builder) nodeHashes(v *value) {
	seen := map[uint32]string{}
	for _, e := range sorted(v) {
		h := fnv.New32a()
		h.Write([]byte(e.name))
		if other, taken := seen[h.Sum32()]; taken {
			b.at(e.key, v.place(), fmt.Sprintf("the names %q and %q have the same hash", other, e.name),
				"names with different hashes", "rename one: packets carry a 32-bit hash of the name")
			continue
		}
		seen[h.Sum32()] = e.name
	}
}

// nodePaths checks that path i of any two nodes joins addresses of one family.
// A client sends no heartbeats: only its first address, the underlay's, matters.
func (b *builder) nodePaths(v *value) {
	var first *Node
	for _, e := range sorted(v) {
		n, ok := b.cfg.Node(e.name)
		if !ok || len(n.Addresses) == 0 {
			continue
		}
		if first == nil {
			if n.Role != RoleClient || len(b.cfg.Nodes) == 1 {
				first = n
			}
			continue
		}
		b.samePaths(e, first, n)
	}
	if first == nil {
		return
	}
	for _, e := range sorted(v) { // clients whose names sort before the first member's
		if n, ok := b.cfg.Node(e.name); ok && n.Name < first.Name && len(n.Addresses) > 0 {
			b.samePaths(e, first, n)
		}
	}
}

func (b *builder) samePaths(e entry, first, n *Node) {
	paths := n.Addresses
	if n.Role == RoleClient {
		paths = paths[:1]
	} else if len(paths) != len(first.Addresses) {
		b.at(e.key, e.value.place(), fmt.Sprintf("number of addresses, %d, is not that of node %q, %d", len(paths), first.Name, len(first.Addresses)),
			"as many addresses as every other node", "address i of each node is path i between them")
		return
	}
	for i, a := range paths {
		if a.Is4() != first.Addresses[i].Is4() {
			b.about(b.nodeAddress(e, i), fmt.Sprintf("is %s, but path %d of node %q is %s", family(a), i+1, first.Name, family(first.Addresses[i])),
				family(first.Addresses[i]), "address i of each node is path i between them")
		}
	}
}

func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// nodeNames are the names of the nodes with one of the roles.
func (b *builder) nodeNames(roles ...Role) []string {
	var names []string
	for _, n := range b.cfg.Nodes {
		for _, r := range roles {
			if n.Role == r {
				names = append(names, n.Name)
			}
		}
	}
	return names
}
