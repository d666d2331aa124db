package world

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/vishvananda/netlink"
)

// Tunnel makes a VXLAN tunnel between two hosts, as one would by hand: a device
// on each with an entry for the other. Its MTU is that of the device like.
func (w *World) Tunnel(like string, ends map[string]string) error {
	for host := range ends {
		var others []net.IP
		for _, h := range Hosts {
			if _, ok := ends[h.Name]; ok && h.Name != host {
				ip, _, err := net.ParseCIDR(h.Address)
				if err != nil {
					return err
				}
				others = append(others, ip)
			}
		}
		if err := w.hosts[host].tunnel(like, ends[host], others); err != nil {
			return fmt.Errorf("tunnel on %s: %w", host, err)
		}
	}
	return nil
}

func (s *space) tunnel(like, address string, others []net.IP) error {
	under, err := s.link.LinkByName("eth0")
	if err != nil {
		return err
	}
	model, err := s.link.LinkByName(like)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU = "byhand", model.Attrs().MTU
	device := &netlink.Vxlan{LinkAttrs: attrs, VxlanId: 11, Port: 4790, VtepDevIndex: under.Attrs().Index, Learning: true}
	if err := s.link.LinkAdd(device); err != nil {
		return err
	}
	for _, ip := range others {
		err = errors.Join(err, s.link.NeighAppend(&netlink.Neigh{
			LinkIndex: device.Index, Family: syscall.AF_BRIDGE, Flags: netlink.NTF_SELF, State: netlink.NUD_PERMANENT,
			IP: ip, HardwareAddr: make(net.HardwareAddr, 6),
		}))
	}
	addr, parse := netlink.ParseAddr(address)
	if err = errors.Join(err, parse); err != nil {
		return err
	}
	return errors.Join(s.link.AddrAdd(device, addr), s.link.LinkSetUp(device))
}
