package doctor

import (
	"context"
	"fmt"
	"slices"

	"stead/internal/config"
)

var (
	noInterface = &Problem{"no-interface", Fatal, "an interface of the configuration does not exist",
		"the address cannot be added on it: a takeover by this node fails", "ip -br link; then correct `interface` or `underlay` in {file}"}
	linkDown = &Problem{"interface-down", Fatal, "an interface is down",
		"nobody reaches this node over it: a takeover by this node would serve nobody", "ip link set {interface} up"}
	noCarrier = &Problem{"no-carrier", Fatal, "an interface has no carrier",
		"nobody reaches this node over it: a takeover by this node would serve nobody", "ethtool {interface}; then the cable, the switch port or the virtual network"}
	noNodeAddress = &Problem{"no-node-address", Fatal, "this node's own address is on no interface",
		"heartbeats over this path cannot be sent: the others take this node for dead", "ip -br addr; then correct the address under `nodes` in {file}, or `stead doctor --node NAME`"}
	overlayNoIPv6 = &Problem{"overlay-mtu-ipv6", Fatal, "the overlay is too small for IPv6",
		"the kernel switches IPv6 off on an interface with an MTU below 1280: the address cannot be added, a takeover by this node fails",
		"raise the MTU of {underlay} to {least} or more, on the way to the other nodes, too"}
	overlayMTU = &Problem{"overlay-mtu", Warning, "the MTU of the overlay does not fit into its underlay",
		"large packets to the service address are dropped while small ones pass: connections open and then hang", "set overlays.{overlay}.mtu to {most} or less in {file}, or leave it out"}
)

// overhead is what VXLAN adds to a packet: Ethernet 14, VXLAN 8, UDP 8 and the outer IP header.
func overhead(underIPv6 bool) int {
	if underIPv6 {
		return 70
	}
	return 50
}

var interfaces = Check{
	Name:     "interfaces",
	Problems: []*Problem{noInterface, linkDown, noCarrier, noNodeAddress, overlayMTU, overlayNoIPv6},
	Run: func(_ context.Context, e *Env) []Finding {
		self := e.self()
		if self == nil {
			return nil
		}
		links, err := e.Links()
		if err != nil {
			return []Finding{unchecked("interfaces", err.Error())}
		}
		var out []Finding
		names := e.interfaceNames()
		for _, name := range names {
			out = append(out, e.look(links, name)...)
		}
		for _, a := range self.Addresses {
			if self.Role != config.RoleClient && !slices.ContainsFunc(links, func(l Link) bool { return l.has(a) }) {
				out = append(out, noNodeAddress.at(a.String(), "no interface has it", "file", e.File))
			}
		}
		out = append(out, e.overlayMTUs(links)...)
		if len(out) == 0 {
			out = append(out, fine("", fmt.Sprint(names)))
		}
		return out
	},
}

// interfaceNames are those that have to be there: underlays, and where addresses
// go but for the overlays, which the daemon makes.
func (e *Env) interfaceNames() []string {
	var names []string
	for _, o := range e.Config.Overlays {
		names = append(names, o.Underlay)
	}
	for _, v := range e.vips() {
		if e.overlay(v.Interface) == nil || e.Status != nil {
			names = append(names, v.Interface)
		}
	}
	for _, g := range e.routers() {
		if e.overlay(g.Election.VRRP.Interface) == nil {
			names = append(names, g.Election.VRRP.Interface)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (e *Env) look(links []Link, name string) []Finding {
	l := link(links, name)
	switch {
	case l == nil:
		return []Finding{noInterface.at(name, "no such interface", "file", e.File)}
	case !l.Up:
		return []Finding{linkDown.at(name, "it is down", "interface", name)}
	case !l.Carrier && !l.Loopback:
		return []Finding{noCarrier.at(name, "it is up and has no carrier", "interface", name)}
	}
	return nil
}

func (e *Env) overlayMTUs(links []Link) (out []Finding) {
	for _, o := range e.Config.Overlays {
		under := link(links, o.Underlay)
		if under == nil {
			continue
		}
		most := under.MTU - overhead(e.self().Addresses[0].Is6())
		mtu, where := o.MTU, "configured"
		if device := link(links, o.Name); device != nil {
			mtu, where = device.MTU, "of the device"
			if o.MTU > most {
				mtu, where = o.MTU, "configured"
			}
		}
		if mtu > most {
			out = append(out, overlayMTU.at(o.Name, fmt.Sprintf("MTU %d (%s); underlay %s has %d, less %d for the tunnel is %d", mtu, where, o.Underlay, under.MTU, under.MTU-most, most),
				"overlay", o.Name, "most", fmt.Sprint(most), "file", e.File))
		}
		if mtu == 0 {
			mtu = most
		}
		if mtu < leastMTU && slices.ContainsFunc(e.vips(), func(v vip) bool { return v.Interface == o.Name && v.Prefix.Addr().Is6() }) {
			out = append(out, overlayNoIPv6.at(o.Name, fmt.Sprintf("MTU %d", mtu), "underlay", o.Underlay, "least", fmt.Sprint(leastMTU+under.MTU-most)))
		}
	}
	return out
}
