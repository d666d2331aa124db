package vrrp

import (
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/adapter/netspace"
)

// DeviceName returns the name of the device of a router's virtual MAC: its
// family, VRID and interface, such as "vrrp4-51-eth0". Where the interface's name
// is too long for that, four hexadecimal digits of its hash stand for it.
func DeviceName(r Router) string {
	name := fmt.Sprintf("vrrp%d-%d-", r.number(), r.VRID)
	if len(name)+len(r.Interface) <= maxInterfaceName {
		return name + r.Interface
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.Interface))
	return fmt.Sprintf("%s%04x", name, h.Sum32()&0xffff)
}

// number is 4 or 6.
func (r *Router) number() int {
	if r.IPv6 {
		return 6
	}
	return 4
}

// mac is the virtual router's (RFC 9568 section 7.3).
func (r *Router) mac() net.HardwareAddr {
	kind := byte(1)
	if r.IPv6 {
		kind = 2
	}
	return net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, kind, r.VRID}
}

// aliasPrefix, with the device's name behind it, marks a device of ours. What
// follows after a space are the habits of the interface below before us.
const aliasPrefix = "stead:"

// devices are macvlans with virtual MAC addresses over the routers' interfaces.
//
// Their mode is bridge: in the modes private and vepa Linux hands what comes in
// with a macvlan's own MAC as its source to that macvlan alone, and the other
// router's advertisements, which have it, would not be heard by the interface
// below.
type devices struct {
	kernel *kernel
	space  *netspace.Space
	log    *slog.Logger
	known  map[string]*device
	were   map[string]habits // of the interfaces below, before a device was put over them
}

type device struct {
	settled bool // it was as it should be once: what differs now was changed by somebody
	repairs uint64
}

// ensure makes the device of a router as it should be and returns its number.
func (d *devices) ensure(r *Router, below netlink.Link, audit bool) (int32, error) {
	name := DeviceName(*r)
	known := d.known[name]
	if known == nil {
		known = &device{}
		d.known[name] = known
	}
	link, done, err := d.converge(r, name, below, audit || !known.settled)
	if known.settled && len(done) > 0 {
		known.repairs++
		d.log.Warn("device of a virtual MAC repaired", "interface", name, "what", strings.Join(done, ", "))
	}
	if err != nil {
		return 0, fmt.Errorf("device %s of the virtual MAC over %s: %w", name, r.Interface, err)
	}
	known.settled = true
	return int32(link.Attrs().Index), nil
}

// converge does what is to be done and says in words what that was.
func (d *devices) converge(r *Router, name string, below netlink.Link, set bool) (link netlink.Link, done []string, err error) {
	link, err = d.kernel.LinkByName(name)
	var none netlink.LinkNotFoundError
	switch {
	case errors.As(err, &none):
		link = nil
	case err != nil:
		return nil, nil, err
	case !ours(link):
		return nil, nil, fmt.Errorf("there is one that stead has not made (remove it, or set its alias to %q to hand it over)", aliasPrefix+name)
	default:
		if what := r.differs(link, below); what != "" {
			if err := d.kernel.LinkDel(link); err != nil {
				return nil, nil, fmt.Errorf("remove it to make it anew: %w", err)
			}
			done, link = append(done, "made anew: "+what), nil
		}
	}
	if link == nil {
		done, set = append(done, "made"), true
		if link, err = d.make(r, name, below); err != nil {
			return nil, done, err
		}
	}
	// All of this before it is up: it must not say anything of its own accord.
	if set {
		if err := d.settle(r, link, below); err != nil {
			return nil, done, err
		}
	}
	a := link.Attrs()
	if !slices.Equal(a.HardwareAddr, r.mac()) {
		if err := d.kernel.LinkSetHardwareAddr(link, r.mac()); err != nil {
			return nil, done, fmt.Errorf("set its hardware address to %s: %w", r.mac(), err)
		}
		done = append(done, "hardware address")
	}
	if a.Flags&net.FlagUp == 0 {
		if err := d.kernel.LinkSetUp(link); err != nil {
			return nil, done, fmt.Errorf("set it up: %w%s", err, advise(err))
		}
		done = append(done, "set up")
	}
	return link, done, nil
}

// ours tells whether a device is one that stead has made.
func ours(link netlink.Link) bool {
	a := link.Attrs()
	return link.Type() == "macvlan" && (a.Alias == aliasPrefix+a.Name || strings.HasPrefix(a.Alias, aliasPrefix+a.Name+" "))
}

// differs names what the kernel does not let one change on a device.
func (r *Router) differs(link, below netlink.Link) string {
	m, ok := link.(*netlink.Macvlan)
	switch {
	case !ok || m.Mode != netlink.MACVLAN_MODE_BRIDGE:
		return "its mode is not bridge"
	case link.Attrs().ParentIndex != below.Attrs().Index:
		return "it is over another interface"
	case r.IPv6 && link.Attrs().RawFlags&unix.IFF_MULTICAST != 0:
		return "it has the flag for multicast"
	}
	return ""
}

// noIPv6 is an MTU in bytes at which Linux has no IPv6 on a device (RFC 8200
// section 5 asks for 1280).
const noIPv6 = 1000

// make makes the device, marked, still down.
func (d *devices) make(r *Router, name string, below netlink.Link) (netlink.Link, error) {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex, attrs.HardwareAddr = name, below.Attrs().Index, r.mac()
	if r.IPv6 {
		attrs.MTU = noIPv6
	}
	link := &netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE}
	if err := d.kernel.LinkAdd(link); err != nil {
		return nil, fmt.Errorf("make it: %w%s", err, advise(err))
	}
	err := d.kernel.LinkSetAlias(link, aliasPrefix+name)
	if err == nil && r.IPv6 {
		err = d.hush(link, below.Attrs().MTU)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare it: %w", err), d.kernel.LinkDel(link))
	}
	return d.kernel.LinkByName(name)
}

// hush begins IPv6 on a device without the flag for multicast. With it the kernel
// joins the group of all routers, where it forwards, and says so with the virtual
// MAC, which would move the switches' entries for that to a standby. The groups of
// the device's addresses are joined, and multicast is sent, without the flag too.
func (d *devices) hush(link netlink.Link, mtu int) error {
	if err := d.kernel.LinkSetMulticastOff(link); err != nil {
		return err
	}
	return d.kernel.LinkSetMTU(link, mtu)
}

func advise(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return " (needs CAP_NET_ADMIN)"
	case errors.Is(err, unix.EOPNOTSUPP):
		return " (the kernel has no macvlan)"
	case errors.Is(err, unix.EBUSY), errors.Is(err, unix.EADDRINUSE):
		return " (another device has the same MAC, or the interface is a port of a bridge or bond: name that one)"
	}
	return ""
}

// keepOnly removes all devices of ours but those of routers, and gives the
// interfaces below their habits back.
func (d *devices) keepOnly(routers []*router) {
	keep, over := map[string]bool{}, map[string]bool{}
	for _, r := range routers {
		if r.VirtualMAC {
			keep[DeviceName(r.Router)] = true
			over[r.Interface] = over[r.Interface] || !r.IPv6
		}
	}
	all, err := d.kernel.LinkList()
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		d.log.Warn("list interfaces", "problem", err)
	}
	for _, link := range all {
		a := link.Attrs()
		if !ours(link) || keep[a.Name] || !strings.HasPrefix(a.Name, "vrrp") {
			continue
		}
		d.remember(link, nameOf(all, a.ParentIndex))
		if err := d.kernel.LinkDel(link); err != nil {
			d.log.Warn("remove the device of a virtual MAC", "interface", a.Name, "problem", err)
		}
	}
	for name := range d.known {
		if !keep[name] {
			delete(d.known, name)
		}
	}
	for below, were := range d.were {
		if over[below] {
			continue
		}
		delete(d.were, below)
		if err := d.giveBack(below, were); err != nil {
			d.log.Warn("give an interface its settings back", "interface", below, "problem", err)
		}
	}
}

func nameOf(all []netlink.Link, index int) string {
	for _, l := range all {
		if l.Attrs().Index == index {
			return l.Attrs().Name
		}
	}
	return ""
}
