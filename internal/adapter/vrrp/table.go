package vrrp

import (
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"

	"stead/internal/core"
)

// family is IPv4 or IPv6.
type family int

const (
	ipv4 family = iota
	ipv6
	families
)

func (f family) String() string {
	if f == ipv6 {
		return "IPv6"
	}
	return "IPv4"
}

// table is the routers of a configuration, arranged for lookup. It never changes;
// what the worker learns of a router is in its state.
type table struct {
	routers []*router
	byVRID  [families][256][]*router // unicast first: their address says more than the interface
	byGroup []*router
}

type router struct {
	Router
	*state
	device string // of the virtual MAC
}

// state is what the worker tells the engine's thread of a router. It outlives
// the table.
type state struct {
	arrival atomic.Int32 // number of the interface; 0: there is none
	leaving atomic.Int32 // number of the device that multicast leaves by; 0: there is none
	addr    atomic.Pointer[netip.Addr]
}

// identity is what a router is known by when the configuration changes.
type identity struct {
	iface      string
	family     family
	vrid       uint8
	source     netip.Addr
	virtualMAC bool
}

func (r *Router) identity() identity {
	return identity{r.Interface, r.family(), r.VRID, r.Source, r.VirtualMAC}
}

func (r *Router) family() family {
	if r.IPv6 {
		return ipv6
	}
	return ipv4
}

func (r *Router) unicast() bool { return !r.Multicast.IsValid() }

// maxGroups bounds the numbers of groups: they are the places of a slice.
const maxGroups = 1 << 20

// maxInterfaceName is IFNAMSIZ without its terminating zero.
const maxInterfaceName = 15

func (r *Router) check() error {
	fits := func(a netip.Addr) bool { return !a.IsValid() || a.Is4() != r.IPv6 && !a.Is4In6() }
	switch {
	case r.Group < 0 || r.Group >= maxGroups:
		return fmt.Errorf("%d is not the number of a group", r.Group)
	case r.VRID == 0:
		return fmt.Errorf("VRID 0 is not in 1–255")
	case r.Interface == "" || len(r.Interface) > maxInterfaceName:
		return fmt.Errorf("%q is not an interface name (1 to 15 bytes)", r.Interface)
	case r.TTL < 1 || r.TTL > 255:
		return fmt.Errorf("TTL %d is not in 1–255", r.TTL)
	case !fits(r.Source) || !fits(r.Multicast):
		return fmt.Errorf("source %v and multicast group %v have to be %s", r.Source, r.Multicast, r.family())
	case r.Multicast.IsValid() && !r.Multicast.IsMulticast():
		return fmt.Errorf("%s is not a multicast group", r.Multicast)
	}
	return nil
}

// newTable checks the routers and carries over what an earlier table knows.
func newTable(routers []Router, from *table) (*table, error) {
	known := map[identity]*state{}
	if from != nil {
		for _, r := range from.routers {
			known[r.identity()] = r.state
		}
	}
	t := &table{}
	taken, devices := map[identity]string{}, map[string]string{}
	for _, given := range routers {
		if err := given.check(); err != nil {
			return nil, fmt.Errorf("virtual router of group %q: %w", given.Name, err)
		}
		given.Source = given.Source.WithZone("") // Interface is its zone
		place := given.identity()
		place.virtualMAC = false
		if given.Multicast.IsValid() {
			place.source = netip.Addr{}
		}
		if other, ok := taken[place]; ok {
			return nil, fmt.Errorf("virtual router of group %q: VRID %d over %s is on %s already, of group %q", given.Name, given.VRID, given.family(), given.Interface, other)
		}
		taken[place] = given.Name
		r := &router{Router: given, state: known[given.identity()], device: DeviceName(given)}
		if other, ok := devices[r.device]; ok && given.VirtualMAC {
			return nil, fmt.Errorf("virtual router of group %q: its device would be called %s, as that of group %q: use another VRID", given.Name, r.device, other)
		}
		if given.VirtualMAC {
			devices[r.device] = given.Name
		}
		if r.state == nil {
			r.state = &state{}
		}
		t.add(r)
	}
	return t, nil
}

func (t *table) add(r *router) {
	t.routers = append(t.routers, r)
	same := &t.byVRID[r.family()][r.VRID]
	if r.unicast() {
		*same = slices.Insert(*same, 0, r)
	} else {
		*same = append(*same, r)
	}
	for int(r.Group) >= len(t.byGroup) {
		t.byGroup = append(t.byGroup, nil)
	}
	t.byGroup[r.Group] = r
}

// has tells whether there is a router of a family.
func (t *table) has(f family) bool {
	return slices.ContainsFunc(t.routers, func(r *router) bool { return r.family() == f })
}

// of returns the router of a group, or nil.
func (t *table) of(group core.GroupID) *router {
	if group < 0 || int(group) >= len(t.byGroup) {
		return nil
	}
	return t.byGroup[group]
}

// find returns the router that a packet is for, or nil.
func (t *table) find(f family, vrid uint8, index int32, to netip.Addr) *router {
	for _, r := range t.byVRID[f][vrid] {
		if r.hears(index, to) {
			return r
		}
	}
	return nil
}

// hears tells whether a packet to an address that has arrived on an interface is
// for this router.
func (r *router) hears(index int32, to netip.Addr) bool {
	if r.unicast() && to != r.address() {
		return false
	}
	if r.unicast() && !to.IsLinkLocalUnicast() {
		return true
	}
	return index != 0 && index == r.arrival.Load()
}

func (r *router) address() netip.Addr {
	if a := r.addr.Load(); a != nil {
		return *a
	}
	return netip.Addr{}
}
