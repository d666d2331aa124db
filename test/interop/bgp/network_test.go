package bgp

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"stead/internal/testns"
)

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// The AS numbers of the servers and of the route servers.
const (
	serverAS = 65010
	routerAS = 65515
)

// The service address.
var (
	vip4 = netip.MustParseAddr("10.1.0.5")
	vip6 = netip.MustParseAddr("fd00:5::5")
)

// network is all hosts and what is between them.
type network struct {
	dir      testns.Dir
	sw       *testns.NS
	a, b, gw *host
	rs1, rs2 *host
}

// host is a server or a route server. Its port of the switch is called as it is.
type host struct {
	net          *network
	name         string
	ns           *testns.NS
	link4, link6 netip.Addr // on the switch
	far4, far6   netip.Addr // route servers: two hops from the servers
	client       *testns.NS // route servers: who is behind it
	router       router     // route servers: what runs on it
	running      []*testns.Process
}

// newNetwork builds the network. Nothing runs yet.
func newNetwork(t testing.TB) *network {
	t.Helper()
	testns.Privileged(t)
	n := &network{dir: testns.NewDir(t), sw: testns.New(t)}
	n.a = n.add(t, "a", "10")
	n.b = n.add(t, "b", "20")
	n.gw = n.add(t, "gw", "1")
	gw := n.gw
	n.rs1 = n.add(t, "rs1", "4")
	n.rs2 = n.add(t, "rs2", "5")
	testns.Bridge(t, n.sw, "br0", "a", "b", "gw", "rs1", "rs2")
	n.sw.Sysctl(t, "net/ipv6/conf/br0/disable_ipv6", "1")
	n.sw.Run(t, "ip", "link", "set", "br0", "type", "bridge", "mcast_snooping", "0")
	forward(t, gw.ns)
	n.rs1.behind(t, gw, "21", "11")
	n.rs2.behind(t, gw, "22", "12")
	for _, s := range []*host{n.a, n.b} {
		for _, rs := range []*host{n.rs1, n.rs2} {
			s.route(t, rs.far4.String()+"/32", gw.link4)
			s.route(t, rs.far6.String()+"/128", gw.link6)
		}
		s.route(t, "10.0.11.0/24", n.rs1.link4)
		s.route(t, "10.0.12.0/24", n.rs2.link4)
		s.route(t, "fd00:11::/64", n.rs1.link6)
		s.route(t, "fd00:12::/64", n.rs2.link6)
	}
	return n
}

// add adds a host on the switch.
func (n *network) add(t testing.TB, name, number string) *host {
	t.Helper()
	h := &host{
		net: n, name: name, ns: testns.New(t),
		link4: netip.MustParseAddr("10.0.1." + number), link6: netip.MustParseAddr("fd00:1::" + number),
	}
	h.ns.Sysctl(t, "net/ipv4/conf/all/rp_filter", "0")
	h.ns.Sysctl(t, "net/ipv4/conf/default/rp_filter", "0")
	// A link-local address can be used at once, not after a second or two.
	h.ns.Sysctl(t, "net/ipv6/conf/default/dad_transmits", "0")
	testns.Veth(t, h.ns, "eth1", n.sw, name)
	h.ns.Addr(t, "eth1", h.link4.String()+"/24")
	h.ns.Addr(t, "eth1", h.link6.String()+"/64")
	return h
}

// behind gives a route server its cable to gw, over which it reaches servers from
// its far address, and its client.
func (h *host) behind(t testing.TB, gw *host, cable, clients string) {
	t.Helper()
	forward(t, h.ns)
	testns.Veth(t, h.ns, "eth2", gw.ns, h.name)
	for _, p := range []struct{ family, before, after, length string }{{"-4", "10.0." + cable + ".", "10.0." + clients + ".", "/24"}, {"-6", "fd00:" + cable + "::", "fd00:" + clients + "::", "/64"}} {
		h.ns.Addr(t, "eth2", p.before+"2"+p.length)
		gw.ns.Addr(t, h.name, p.before+"1"+p.length)
		h.ns.Run(t, "ip", p.family, "rule", "add", "from", p.before+"2", "lookup", "100")
		h.ns.Run(t, "ip", p.family, "route", "add", "default", "via", p.before+"1", "table", "100")
	}
	h.far4, h.far6 = netip.MustParseAddr("10.0."+cable+".2"), netip.MustParseAddr("fd00:"+cable+"::2")
	h.client = testns.New(t)
	h.client.Sysctl(t, "net/ipv6/conf/default/dad_transmits", "0")
	testns.Veth(t, h.ns, "eth3", h.client, "eth1")
	for _, p := range []struct{ family, before, length string }{{"-4", "10.0." + clients + ".", "/24"}, {"-6", "fd00:" + clients + "::", "/64"}} {
		h.ns.Addr(t, "eth3", p.before+"1"+p.length)
		h.client.Addr(t, "eth1", p.before+"2"+p.length)
		h.client.Run(t, "ip", p.family, "route", "add", "default", "via", p.before+"1")
	}
}

// forward makes a router of a host. Of several paths, each connection takes one.
func forward(t testing.TB, ns *testns.NS) {
	t.Helper()
	for _, name := range []string{"net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding", "net/ipv4/fib_multipath_hash_policy", "net/ipv6/fib_multipath_hash_policy"} {
		ns.Sysctl(t, name, "1")
	}
}

func (h *host) route(t testing.TB, to string, via netip.Addr) {
	t.Helper()
	h.ns.Run(t, "ip", "route", "add", to, "via", via.String())
}

// link is the host's address on the switch, of a family.
func (h *host) link(six bool) netip.Addr {
	if six {
		return h.link6
	}
	return h.link4
}

// path is that of a file that belongs to the host.
func (h *host) path(name string) string { return h.net.dir.Path(h.name + "." + name) }

// write writes such a file and returns its path.
func (h *host) write(t testing.TB, name, text string) string {
	t.Helper()
	return h.net.dir.Write(t, h.name+"."+name, text)
}

// secret writes one that only its owner may read.
func (h *host) secret(t testing.TB, name, text string) string {
	t.Helper()
	return h.net.dir.Secret(t, h.name+"."+name, text)
}

// begin starts a program on the host. What runs when the test ends is killed.
func (h *host) begin(t testing.TB, program string, args ...string) *testns.Process {
	t.Helper()
	p := h.ns.Begin(t, h.name, program, args...)
	h.running = append(h.running, p)
	return p
}

// urgently is begin for a router's BFD, which has to be in time on a busy machine.
// BIRD and FRR leave that to whoever starts them.
func (h *host) urgently(t testing.TB, program string, args ...string) *testns.Process {
	t.Helper()
	p := h.begin(t, "chrt", append([]string{"--rr", "20", program}, args...)...)
	p.Name = filepath.Base(program)
	return p
}

// cut pulls the host's cable: its carrier goes.
func (h *host) cut(t testing.TB) { h.net.sw.Down(t, h.name) }

// plug puts the cable back.
func (h *host) plug(t testing.TB) { h.net.sw.Up(t, h.name) }

// isolate lets everything from and to the host vanish; its carrier stays.
func (h *host) isolate(t testing.TB) {
	t.Helper()
	if err := h.net.sw.Netlink().LinkSetNoMaster(h.net.sw.Link(t, h.name)); err != nil {
		t.Fatal(err)
	}
}

// heal undoes isolate.
func (h *host) heal(t testing.TB) {
	t.Helper()
	if err := h.net.sw.Netlink().LinkSetMaster(h.net.sw.Link(t, h.name), h.net.sw.Link(t, "br0")); err != nil {
		t.Fatal(err)
	}
}

// kill ends the programs of the host by SIGKILL. They are gone on return.
func (h *host) kill(t testing.TB) {
	t.Helper()
	for _, p := range h.running {
		p.Kill(t, patience)
	}
	h.running = nil
}

// terminate asks the programs of the host to end, the last one first, and waits for each.
func (h *host) terminate(t testing.TB) {
	t.Helper()
	for i := len(h.running) - 1; i >= 0; i-- {
		h.running[i].Terminate(t, patience)
	}
	h.running = nil
}
