package config

import (
	"fmt"
	"net"
	"net/netip"
)

func (b *builder) overlays(v *value) {
	tunnels := map[string]string{}
	for _, e := range sorted(v) {
		if !e.value.ok() {
			b.cfg.Overlays = append(b.cfg.Overlays, Overlay{Name: e.name})
			continue
		}
		o := Overlay{
			Name: e.name, Type: or(e.value.get("type"), "vxlan"),
			VNI:      uint32(or(e.value.get("vni"), 0)),
			Port:     uint16(or(e.value.get("port"), defaultVXLANPort)),
			Underlay: or(e.value.get("underlay"), ""),
			MTU:      or(e.value.get("mtu"), 0),
		}
		b.tunnel(e, &o, tunnels)
		b.remotes(e, &o)
		b.overlayAddresses(e, &o)
		b.overlayMACs(e, &o)
		b.cfg.Overlays = append(b.cfg.Overlays, o)
	}
	b.noRings(v)
}

// noRings refuses overlays that carry themselves, directly or over others.
func (b *builder) noRings(v *value) {
	under := map[string]string{}
	for _, o := range b.cfg.Overlays {
		under[o.Name] = o.Underlay
	}
	for _, o := range b.cfg.Overlays {
		at := under[o.Name]
		for range b.cfg.Overlays {
			if at == o.Name {
				b.about(v.get(o.Name).get("underlay"), "leads back to this overlay", "an interface of the machine", "name the interface that carries it, such as eth0")
				break
			}
			at = under[at]
		}
	}
}

// tunnel checks what tells one tunnel from another.
func (b *builder) tunnel(e entry, o *Overlay, tunnels map[string]string) {
	if port := e.value.get("port"); o.Port == b.cfg.Heartbeat.Port {
		const what, expected, advice = "is also the port of the heartbeats", "a port of its own", "VXLAN's own port is 4789"
		if port != nil {
			b.about(port, what, expected, advice)
		} else {
			b.of(e.value, fmt.Sprintf("port %d %s", o.Port, what), expected, advice)
		}
	}
	vni := e.value.get("vni")
	if !vni.ok() {
		return
	}
	key := fmt.Sprintf("%d/%d", o.VNI, o.Port)
	if other, taken := tunnels[key]; taken {
		b.about(vni, fmt.Sprintf("with port %d is already that of overlay %q", o.Port, other), "a VNI of its own", "give each overlay its own VNI")
		return
	}
	tunnels[key] = o.Name
}

func (b *builder) remotes(e entry, o *Overlay) {
	remotes := e.value.get("remotes")
	if !remotes.ok() {
		return
	}
	b.unique(remotes)
	for _, item := range remotes.items {
		a := or(item, netip.Addr{})
		if !a.IsValid() {
			continue
		}
		o.Remotes = append(o.Remotes, a)
		if by, taken := b.owner[a]; taken && by.kind == "node" {
			b.about(item, "is already the address of "+by.where, "an endpoint that is not a node", "nodes are endpoints by themselves: remove it")
		}
		if under := b.underlayFamily(); under.IsValid() && under.Is4() != a.Is4() {
			b.about(item, fmt.Sprintf("is %s, but the nodes' first addresses are %s", family(a), family(under)), family(under), "a tunnel has one family")
		}
	}
}

// underlayFamily is some node's first address: all have one family.
func (b *builder) underlayFamily() netip.Addr {
	for _, n := range b.cfg.Nodes {
		if len(n.Addresses) > 0 {
			return n.Addresses[0]
		}
	}
	return netip.Addr{}
}

func (b *builder) overlayAddresses(e entry, o *Overlay) {
	o.Addresses = map[string]netip.Prefix{}
	var first netip.Prefix
	for _, a := range sorted(e.value.get("addresses")) {
		b.namesNode(a, e.value.get("addresses"))
		p := or(a.value, netip.Prefix{})
		if !p.IsValid() {
			continue
		}
		o.Addresses[a.name] = p
		// A further path of a node may lead through the overlay.
		if by := b.owner[p.Addr()]; by.kind != "node" || by.name != a.name {
			b.claim(a.value, p.Addr(), owned{"overlay", a.name, fmt.Sprintf("node %q in overlay %q", a.name, o.Name)})
		}
		if !first.IsValid() {
			first = p
		}
		if first.Masked() != p.Masked() {
			b.notes.about(a.value, fmt.Sprintf("is in another network than %s", first), "", "nodes of one overlay usually share one network")
		}
		if p.Addr().Is6() && o.MTU > 0 && o.MTU < 1280 {
			b.about(a.value, fmt.Sprintf("needs an MTU of 1280 or more, but mtu is %d", o.MTU), "an IPv4 address, or a larger mtu", "IPv6 does not work below 1280")
		}
	}
}

func (b *builder) overlayMACs(e entry, o *Overlay) {
	o.MAC = map[string]string{}
	seen := map[string]string{}
	for _, m := range sorted(e.value.get("mac")) {
		b.namesNode(m, e.value.get("mac"))
		mac, err := net.ParseMAC(or(m.value, ""))
		if err != nil {
			continue
		}
		if other, taken := seen[mac.String()]; taken {
			b.about(m.value, fmt.Sprintf("is already that of node %q", other), "a MAC address of its own", "give each node its own")
		}
		seen[mac.String()] = m.name
		o.MAC[m.name] = mac.String()
	}
}

// namesNode refuses a key that is not a node's name.
func (b *builder) namesNode(e entry, in *value) {
	if _, ok := b.cfg.Node(e.name); ok || !b.top.get("nodes").ok() {
		return
	}
	var names []string
	for _, n := range b.cfg.Nodes {
		names = append(names, n.Name)
	}
	b.at(e.key, in.place(), fmt.Sprintf("%q is not a node", clipped(e.name)), "one of "+listed(names), didYouMean(e.name, names))
}
