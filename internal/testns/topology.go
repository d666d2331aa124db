package testns

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"
)

// Veth lays a cable between an interface of a and an interface of b, both up.
func Veth(t testing.TB, a *NS, nameA string, b *NS, nameB string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = nameA
	cable := &netlink.Veth{LinkAttrs: attrs, PeerName: nameB, PeerNamespace: netlink.NsFd(b.FD())}
	if err := a.link.LinkAdd(cable); err != nil {
		t.Fatalf("add veth %s to %s: %v", nameA, nameB, err)
	}
	a.Up(t, nameA)
	b.Up(t, nameB)
}

// Bridge makes a bridge in ns, up, with the named interfaces as its ports.
func Bridge(t testing.TB, ns *NS, name string, ports ...string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	if err := ns.link.LinkAdd(bridge); err != nil {
		t.Fatalf("add bridge %s: %v", name, err)
	}
	for _, port := range ports {
		if err := ns.link.LinkSetMaster(ns.Link(t, port), bridge); err != nil {
			t.Fatalf("add port %s to bridge %s: %v", port, name, err)
		}
	}
	ns.Up(t, name)
}

// Link returns an interface of the namespace.
func (ns *NS) Link(t testing.TB, name string) netlink.Link {
	t.Helper()
	link, err := ns.link.LinkByName(name)
	if err != nil {
		t.Fatalf("interface %s: %v", name, err)
	}
	return link
}

// MAC returns the hardware address of an interface.
func (ns *NS) MAC(t testing.TB, name string) net.HardwareAddr {
	t.Helper()
	return ns.Link(t, name).Attrs().HardwareAddr
}

// Up sets an interface up.
func (ns *NS) Up(t testing.TB, name string) {
	t.Helper()
	if err := ns.link.LinkSetUp(ns.Link(t, name)); err != nil {
		t.Fatalf("set %s up: %v", name, err)
	}
}

// Down sets an interface down.
func (ns *NS) Down(t testing.TB, name string) {
	t.Helper()
	if err := ns.link.LinkSetDown(ns.Link(t, name)); err != nil {
		t.Fatalf("set %s down: %v", name, err)
	}
}

// Addr adds an address such as 10.0.0.1/24 or fd00::1/64 to an interface. An
// IPv6 address is usable at once: no duplicate address detection.
func (ns *NS) Addr(t testing.TB, name, prefix string) {
	t.Helper()
	addr, err := netlink.ParseAddr(prefix)
	if err != nil {
		t.Fatalf("address %s: %v", prefix, err)
	}
	if addr.IP.To4() == nil {
		addr.Flags = 0x02 // IFA_F_NODAD
	}
	if err := ns.link.AddrAdd(ns.Link(t, name), addr); err != nil {
		t.Fatalf("add %s to %s: %v", prefix, name, err)
	}
}
