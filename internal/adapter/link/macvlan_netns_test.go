package link

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/testns"
)

// over puts a device with a MAC of its own over eth0, as a virtual router has it.
func over(t testing.TB, host *testns.NS) {
	t.Helper()
	host.Run(t, "ip", "link", "add", "link", "eth0", "name", "vrrp0", "type", "macvlan", "mode", "bridge")
	host.Sysctl(t, "net/ipv4/conf/vrrp0/rp_filter", "0")
	host.Sysctl(t, "net/ipv4/conf/vrrp0/arp_ignore", "1")
	host.Sysctl(t, "net/ipv4/conf/vrrp0/arp_announce", "2")
	host.Sysctl(t, "net/ipv4/conf/eth0/arp_ignore", "1")
	host.Sysctl(t, "net/ipv4/conf/eth0/arp_announce", "2")
	host.Sysctl(t, "net/ipv4/conf/all/rp_filter", "0")
	host.Sysctl(t, "net/ipv6/conf/vrrp0/addr_gen_mode", "1")
	host.Up(t, "vrrp0")
}

// A device over an interface brings no second route to the subnet of that: it
// would make the service address a source, and answers leave by either of two ways.
func TestDeviceOverAnInterface(t *testing.T) {
	host, neighbour := pair(t)
	over(t, host)
	l, r := start(t, host, on("vrrp0", "lan", "10.0.0.200/24", "fd00::c8/64"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	for prefix, have := range addresses(t, host, "vrrp0") {
		if !have.NoRoute {
			t.Errorf("%s: %+v", prefix, have)
		}
	}
	for _, family := range []string{"-4", "-6"} {
		routes := host.Run(t, "ip", family, "route", "show", "dev", "vrrp0")
		if strings.Contains(routes, "10.0.0.0/24") || strings.Contains(routes, "fd00::/64") {
			t.Errorf("a second route: %s", routes)
		}
	}
	for _, c := range []struct{ to, from string }{{"10.0.0.9", "10.0.0.1"}, {"fd00::9", "fd00::1"}} {
		if out := host.Run(t, "ip", "route", "get", c.to); !strings.Contains(out, "dev eth0") || !strings.Contains(out, "src "+c.from+" ") {
			t.Errorf("the way to %s: %s", c.to, out)
		}
	}
	for _, address := range []string{"10.0.0.200", "fd00::c8"} {
		testns.Eventually(t, patience, address+" answers", func() bool {
			return neighbour.Ping(t, netip.MustParseAddr(address), time.Second) == nil
		})
	}
	// What is the macvlan's is found by its MAC, not by that of the interface below.
	if seen := neighbour.Run(t, "ip", "neighbour", "show", "10.0.0.200"); !strings.Contains(seen, host.MAC(t, "vrrp0").String()) {
		t.Errorf("the neighbour has %s", seen)
	}
	l.Want(0, 2, false)
	r.await(t, core.Applied{Group: 0, Generation: 2})
	if left := addresses(t, host, "vrrp0"); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// Where the interface below is in another subnet, and for link-local addresses, the
// device's own route is the only way back.
func TestDeviceOverAnInterfaceInAnotherSubnet(t *testing.T) {
	host, neighbour := pair(t)
	over(t, host)
	neighbour.Addr(t, "eth0", "10.9.0.9/24")
	neighbour.Addr(t, "eth0", "fd09::9/64")
	l, r := start(t, host, on("vrrp0", "lan", "10.9.0.1/24", "fd09::1/64", "fe80::51/64"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	zone := strconv.Itoa(neighbour.Link(t, "eth0").Attrs().Index) // the name is looked up in the namespace of the test
	for _, address := range []string{"10.9.0.1", "fd09::1", "fe80::51%" + zone} {
		testns.Eventually(t, patience, address+" answers", func() bool {
			return neighbour.Ping(t, netip.MustParseAddr(address), time.Second) == nil
		})
	}
}

// The other end of a cable is another network, although the kernel calls it the
// interface below: that it has an address of the subnet is no way into it.
func TestCableKeepsItsRoute(t *testing.T) {
	host := testns.New(t)
	testns.Veth(t, host, "near", host, "far")
	host.Addr(t, "far", "10.0.0.1/24")
	l, r := start(t, host, on("near", "lan", "10.0.0.200/24"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	if have := addresses(t, host, "near")["10.0.0.200/24"]; have.Local == "" || have.NoRoute {
		t.Errorf("%+v", have)
	}
}
