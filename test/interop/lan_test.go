package interop

import (
	"net/netip"
	"testing"
	"time"

	"stead/internal/testns"
)

// patience is how long a test waits for what has to come.
const patience = 15 * time.Second

// lan is the routers and a client on a switch.
type lan struct {
	dir                          testns.Dir
	sw                           *testns.NS
	first, second, third, client *host
}

// host is a machine on the switch; its port is called as the host is.
type host struct {
	lan              *lan
	name             string
	ns               *testns.NS
	address4         netip.Addr
	address6, local6 netip.Addr
	isolated         bool
	init             int        // the first of its processes: see machine
	running          []*process // those that the last start has started
}

// The addresses that move.
var (
	vip4 = netip.MustParseAddr("10.0.1.200")
	vip6 = netip.MustParseAddr("fd00:1::c8")
)

// newLAN builds the network. Nothing runs yet.
func newLAN(t testing.TB) *lan {
	t.Helper()
	testns.Privileged(t)
	n := &lan{dir: testns.NewDir(t), sw: testns.New(t)}
	n.first = n.add(t, "first", "10.0.1.10", "fd00:1::10", "fe80::10")
	n.second = n.add(t, "second", "10.0.1.20", "fd00:1::20", "fe80::20")
	n.third = n.add(t, "third", "10.0.1.30", "fd00:1::30", "fe80::30")
	n.client = n.add(t, "client", "10.0.1.4", "fd00:1::4", "fe80::4")
	testns.Bridge(t, n.sw, "br0", "first", "second", "third", "client")
	// A switch that listens for group membership would keep the first
	// advertisements back until it has heard of the groups.
	n.sw.Sysctl(t, "net/ipv6/conf/br0/disable_ipv6", "1")
	n.sw.Run(t, "ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", "0")
	return n
}

// add adds a host. Its link-local address is given to it, so that it is known and
// needs no duplicate address detection.
func (n *lan) add(t testing.TB, name, address4, address6, local6 string) *host {
	t.Helper()
	h := &host{
		lan: n, name: name, ns: testns.New(t),
		address4: netip.MustParseAddr(address4), address6: netip.MustParseAddr(address6), local6: netip.MustParseAddr(local6),
	}
	h.ns.Sysctl(t, "net/ipv6/conf/default/addr_gen_mode", "1")
	testns.Veth(t, h.ns, "eth1", n.sw, name)
	h.ns.Addr(t, "eth1", address4+"/24")
	h.ns.Addr(t, "eth1", address6+"/64")
	h.ns.Addr(t, "eth1", local6+"/64")
	return h
}

// routers are the hosts that may run one.
func (n *lan) routers() []*host { return []*host{n.first, n.second, n.third} }

// other is the router of a pair that h is not.
func (h *host) other() *host {
	if h == h.lan.first {
		return h.lan.second
	}
	return h.lan.first
}

// cut pulls the host's cable: its carrier goes.
func (h *host) cut(t testing.TB) { h.lan.sw.Down(t, h.name) }

// plug puts the cable back.
func (h *host) plug(t testing.TB) { h.lan.sw.Up(t, h.name) }

// isolate lets everything from and to the host vanish; its carrier stays.
func (h *host) isolate(t testing.TB) {
	t.Helper()
	h.isolated = true
	if err := h.lan.sw.Netlink().LinkSetNoMaster(h.lan.sw.Link(t, h.name)); err != nil {
		t.Fatal(err)
	}
}

// heal undoes isolate.
func (h *host) heal(t testing.TB) {
	t.Helper()
	if err := h.lan.sw.Netlink().LinkSetMaster(h.lan.sw.Link(t, h.name), h.lan.sw.Link(t, "br0")); err != nil {
		t.Fatal(err)
	}
	h.isolated = false
}

// path is that of a file that belongs to the host.
func (h *host) path(name string) string { return h.lan.dir.Path(h.name + "." + name) }

// write writes such a file and returns its path. It is replaced as a whole.
func (h *host) write(t testing.TB, name, text string) string {
	t.Helper()
	return h.lan.dir.Write(t, h.name+"."+name, text)
}

// directory makes an empty directory that belongs to the host and a user, and
// returns its path.
func (h *host) directory(t testing.TB, name, owner string) string {
	t.Helper()
	return h.lan.dir.Make(t, h.name+"."+name, owner)
}

// alone is an address with a prefix that covers nothing else.
func alone(a netip.Addr) string { return netip.PrefixFrom(a, a.BitLen()).String() }

// secret writes a file that only its owner may read, and returns its path.
func (h *host) secret(t testing.TB, name, text string) string {
	t.Helper()
	return h.lan.dir.Secret(t, h.name+"."+name, text)
}
