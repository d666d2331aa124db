package overlay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
)

// converge makes a device as it should be. It returns in words what it did, also
// when it could not do everything.
func (v *Overlays) converge(d device) (done []string, state State, mtu int, err error) {
	underlay, err := v.handle.LinkByName(d.underlay)
	if err != nil {
		return nil, Missing, 0, fmt.Errorf("underlay %s: %w", d.underlay, noSuchInterface(err))
	}
	most := underlay.Attrs().MTU - d.overhead()
	var tooLarge error
	if d.mtu > most {
		tooLarge = fmt.Errorf("mtu %d does not fit into underlay %s, whose MTU is %d: %d is used, the most that fits",
			d.mtu, d.underlay, underlay.Attrs().MTU, most)
	}
	if d.mtu == 0 || d.mtu > most {
		d.mtu = most
	}
	link, err := v.handle.LinkByName(d.name)
	var gone netlink.LinkNotFoundError
	if err != nil && !errors.As(err, &gone) {
		return nil, Missing, 0, fmt.Errorf("look for %s: %w", d.name, err)
	}
	if err == nil && link.Attrs().Alias != alias(d.name) {
		if err := v.compareForeign(d, link, underlay); err != nil {
			return nil, Foreign, link.Attrs().MTU, err
		}
		return nil, Up, link.Attrs().MTU, nil
	}
	if err == nil {
		if fixed := d.fixedDifferences(link, underlay.Attrs().Index); len(fixed) > 0 {
			if err := v.handle.LinkDel(link); err != nil {
				return nil, Broken, link.Attrs().MTU, fmt.Errorf("remove %s to make it anew: %w", d.name, err)
			}
			done, link = append(done, "made anew: "+strings.Join(fixed, ", ")), nil
		}
	} else {
		done, link = append(done, "made"), nil
	}
	if link == nil {
		if link, err = v.make(d, underlay); err != nil {
			return nil, Missing, 0, err
		}
	}
	more, err := v.adjust(d, link)
	done = append(done, more...)
	if err != nil {
		return done, Broken, link.Attrs().MTU, err
	}
	if tooLarge != nil {
		return done, Broken, d.mtu, tooLarge
	}
	return done, Up, d.mtu, nil
}

// make makes the device, marked, still down.
func (v *Overlays) make(d device, underlay netlink.Link) (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.HardwareAddr = d.name, d.mtu, d.mac
	link := &netlink.Vxlan{
		LinkAttrs:    attrs,
		VxlanId:      int(d.vni),
		Port:         int(d.port),
		SrcAddr:      net.IP(d.local.AsSlice()),
		VtepDevIndex: underlay.Attrs().Index,
		Learning:     true,
		// We send UDP checksums over IPv6, as RFC 8200 §8.1 demands, and accept
		// tunnels that follow RFC 6935 and leave them out.
		UDP6ZeroCSumRx: d.local.Is6(),
	}
	if err := v.handle.LinkAdd(link); err != nil {
		return nil, fmt.Errorf("make vxlan device %s (VNI %d, port %d, over %s from %s): %w", d.name, d.vni, d.port, d.underlay, d.local, advise(err))
	}
	if err := v.handle.LinkSetAlias(link, alias(d.name)); err != nil {
		return nil, errors.Join(fmt.Errorf("mark %s as ours: %w", d.name, err), v.handle.LinkDel(link))
	}
	made, err := v.handle.LinkByName(d.name)
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", d.name, err)
	}
	return made, nil
}

// adjust changes what the kernel lets one change on a device of ours.
func (v *Overlays) adjust(d device, link netlink.Link) (done []string, err error) {
	a := link.Attrs()
	if a.MTU != d.mtu {
		if err := v.handle.LinkSetMTU(link, d.mtu); err != nil {
			return done, fmt.Errorf("set the MTU of %s to %d: %w", d.name, d.mtu, err)
		}
		done = append(done, fmt.Sprintf("mtu %d to %d", a.MTU, d.mtu))
		a.MTU = d.mtu
	}
	if d.mac != nil && !slices.Equal(a.HardwareAddr, d.mac) {
		if err := v.handle.LinkSetHardwareAddr(link, d.mac); err != nil {
			return done, fmt.Errorf("set the hardware address of %s to %s: %w", d.name, d.mac, err)
		}
		done = append(done, fmt.Sprintf("hardware address %s to %s", a.HardwareAddr, d.mac))
	}
	// The flood list comes before the device is up: what is sent first is often
	// the announcement of an address.
	more, err := v.flood(d, a.Index)
	done = append(done, more...)
	if err != nil {
		return done, err
	}
	if a.Flags&net.FlagUp == 0 {
		if err := v.handle.LinkSetUp(link); err != nil {
			return done, fmt.Errorf("set %s up: %w", d.name, advise(err))
		}
		done = append(done, "set up")
	}
	more, err = v.requests.settleAddress(a.Index, d)
	return append(done, more...), err
}

// fixedDifferences names what the kernel does not let one change on a device.
func (d device) fixedDifferences(link netlink.Link, underlay int) []string {
	x, ok := link.(*netlink.Vxlan)
	if !ok {
		return []string{fmt.Sprintf("type is %s, want vxlan", link.Type())}
	}
	var all []string
	differ := func(what string, have, want any) {
		if have != want {
			all = append(all, fmt.Sprintf("%s is %v, want %v", what, have, want))
		}
	}
	local, _ := netip.AddrFromSlice(x.SrcAddr)
	differ("VNI", uint32(x.VxlanId), d.vni)
	differ("port", uint16(x.Port), d.port)
	differ("local address", local.Unmap(), d.local)
	differ("underlay interface number", x.VtepDevIndex, underlay)
	differ("learning", x.Learning, true)
	differ("ARP proxy", x.Proxy, false)
	differ("external mode", x.FlowBased, false)
	if len(x.Group) > 0 && !x.Group.IsUnspecified() {
		differ("remote", x.Group.String(), "none")
	}
	if d.local.Is6() {
		differ("zero UDP checksums sent", x.UDP6ZeroCSumTx, false)
		differ("zero UDP checksums accepted", x.UDP6ZeroCSumRx, true)
	}
	return all
}

// compareForeign names everything in which somebody else's device differs.
func (v *Overlays) compareForeign(d device, link, underlay netlink.Link) error {
	all := d.fixedDifferences(link, underlay.Attrs().Index)
	a := link.Attrs()
	if a.MTU > d.mtu {
		all = append(all, fmt.Sprintf("MTU is %d, want %d", a.MTU, d.mtu))
	}
	if a.Flags&net.FlagUp == 0 {
		all = append(all, "it is down")
	}
	if d.mac != nil && !slices.Equal(a.HardwareAddr, d.mac) {
		all = append(all, fmt.Sprintf("hardware address is %s, want %s", a.HardwareAddr, d.mac))
	}
	have, err := v.floodList(a.Index)
	if err != nil {
		return err
	}
	for _, r := range d.remotes {
		if !slices.Contains(have, r) {
			all = append(all, fmt.Sprintf("no flood entry for %s", r))
		}
	}
	if d.address.IsValid() {
		addrs, err := v.requests.addresses(a.Index)
		if err != nil {
			return err
		}
		if _, ok := addrs[d.address]; !ok {
			all = append(all, fmt.Sprintf("it has no address %s", d.address))
		}
	}
	if len(all) == 0 {
		return nil // as we would have made it: it serves as well
	}
	return fmt.Errorf("a device that stead has not made differs: %s (remove it, or set its alias to %q to hand it over)",
		strings.Join(all, ", "), alias(d.name))
}

// noSuchInterface words the library's error as the kernel would.
func noSuchInterface(err error) error {
	var gone netlink.LinkNotFoundError
	if errors.As(err, &gone) {
		return errors.New("no such interface")
	}
	return err
}
