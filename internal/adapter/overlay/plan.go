package overlay

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"stead/internal/config"
)

// What VXLAN adds to a packet: Ethernet 14, VXLAN 8, UDP 8, and IPv4 20 or IPv6 40.
const (
	overhead4 = 50
	overhead6 = 70
)

// device is what an overlay is to be on this node.
type device struct {
	name     string
	vni      uint32
	port     uint16
	underlay string
	local    netip.Addr
	mtu      int // 0: the underlay's less the overhead
	mac      net.HardwareAddr
	address  netip.Prefix // invalid: none
	remotes  []netip.Addr // sorted
}

// overhead returns how much smaller than the underlay's the device's MTU has to be.
func (d device) overhead() int {
	if d.local.Is4() {
		return overhead4
	}
	return overhead6
}

// plan works out the devices of a node from the configuration.
func plan(o Options) ([]device, error) {
	self := slices.IndexFunc(o.Nodes, func(n config.Node) bool { return n.Name == o.Self })
	if len(o.Overlays) > 0 && (self < 0 || len(o.Nodes[self].Addresses) == 0) {
		return nil, fmt.Errorf("node %q has no address to end tunnels at: add it to nodes", o.Self)
	}
	var all []device
	for _, c := range o.Overlays {
		d := device{
			name: c.Name, vni: c.VNI, port: c.Port, underlay: c.Underlay, mtu: c.MTU,
			local: o.Nodes[self].Addresses[0].Unmap(), address: c.Addresses[o.Self],
		}
		if mac := c.MAC[o.Self]; mac != "" {
			var err error
			if d.mac, err = net.ParseMAC(mac); err != nil || len(d.mac) != 6 {
				return nil, fmt.Errorf("overlay %q: %q is not a hardware address", c.Name, mac)
			}
		}
		remotes := slices.Clone(c.Remotes)
		for _, n := range o.Nodes {
			if n.Name != o.Self && len(n.Addresses) > 0 {
				remotes = append(remotes, n.Addresses[0])
			}
		}
		for _, r := range remotes {
			r = r.Unmap()
			if r.Is4() != d.local.Is4() {
				return nil, fmt.Errorf("overlay %q: tunnel from %s to %s: both ends have to be IPv4 or both IPv6", c.Name, d.local, r)
			}
			if r != d.local {
				d.remotes = append(d.remotes, r)
			}
		}
		slices.SortFunc(d.remotes, netip.Addr.Compare)
		d.remotes = slices.Compact(d.remotes)
		all = append(all, d)
	}
	return all, nil
}
