package overlay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// everyone is the hardware address of the entries that a device floods to.
var everyone = net.HardwareAddr{0, 0, 0, 0, 0, 0}

// floodEntry is the forwarding entry that has a device flood to a remote.
func floodEntry(index int, remote netip.Addr) *netlink.Neigh {
	return &netlink.Neigh{
		LinkIndex: index, Family: unix.AF_BRIDGE, State: netlink.NUD_PERMANENT, Flags: netlink.NTF_SELF,
		HardwareAddr: everyone, IP: net.IP(remote.AsSlice()),
	}
}

// floodList returns to whom a device floods.
func (v *Overlays) floodList(index int) ([]netip.Addr, error) {
	entries, err := v.handle.NeighListExecute(netlink.Ndmsg{Family: unix.AF_BRIDGE, Index: uint32(index)})
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil, fmt.Errorf("list forwarding entries: %w", err)
	}
	var all []netip.Addr
	for _, e := range entries {
		if addr, ok := netip.AddrFromSlice(e.IP); ok && slices.Equal(e.HardwareAddr, everyone) {
			all = append(all, addr.Unmap())
		}
	}
	return all, nil
}

// flood makes a device flood to its remotes and to nobody else.
func (v *Overlays) flood(d device, index int) (done []string, err error) {
	have, err := v.floodList(index)
	if err != nil {
		return nil, err
	}
	for _, r := range d.remotes {
		if slices.Contains(have, r) {
			continue
		}
		if err := v.handle.NeighAppend(floodEntry(index, r)); err != nil && !errors.Is(err, unix.EEXIST) {
			return done, fmt.Errorf("have %s flood to %s: %w", d.name, r, advise(err))
		}
		done = append(done, fmt.Sprintf("flood entry for %s added", r))
	}
	for _, r := range have {
		if slices.Contains(d.remotes, r) {
			continue
		}
		if err := v.handle.NeighDel(floodEntry(index, r)); err != nil && !errors.Is(err, unix.ENOENT) {
			return done, fmt.Errorf("stop %s flooding to %s: %w", d.name, r, advise(err))
		}
		done = append(done, fmt.Sprintf("flood entry for %s removed", r))
	}
	return done, nil
}

// advise adds what may help.
func advise(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w (needs CAP_NET_ADMIN)", err)
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w (does the kernel have the vxlan module?)", err)
	case errors.Is(err, unix.EEXIST):
		return fmt.Errorf("%w (another device has this VNI and port)", err)
	}
	return err
}
