package overlay

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"stead/internal/config"
	"stead/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

const patience = 5 * time.Second

// trial is the network of these tests.
//
//	primary 10.0.1.10    eth1 ── p0 ┐
//	secondary 10.0.1.20  eth1 ── p1 br0 underlay
//	client 10.0.1.4      eth1 ── p2 ┘
//
//	and over it vxlan0, VNI 10: 192.168.0.10/24, .20, .4 and fd68::10/64, ::20, ::4
type trial struct {
	hosts map[string]*testns.NS
	nodes []config.Node
}

var names = []string{"client", "primary", "secondary"}

func newTrial(t *testing.T, six bool) *trial {
	tr := &trial{hosts: map[string]*testns.NS{}}
	sw := testns.New(t)
	var ports []string
	for i, name := range names {
		port := fmt.Sprintf("p%d", i)
		ns := testns.New(t)
		testns.Veth(t, ns, "eth1", sw, port)
		ports = append(ports, port)
		addr := map[string]string{"primary": "10.0.1.10", "secondary": "10.0.1.20", "client": "10.0.1.4"}[name]
		bits := 24
		if six {
			addr, bits = map[string]string{"primary": "fd01::10", "secondary": "fd01::20", "client": "fd01::4"}[name], 64
		}
		ns.Addr(t, "eth1", fmt.Sprintf("%s/%d", addr, bits))
		tr.hosts[name] = ns
		tr.nodes = append(tr.nodes, config.Node{Name: name, Addresses: []netip.Addr{netip.MustParseAddr(addr)}})
	}
	testns.Bridge(t, sw, "br0", ports...)
	return tr
}

func (tr *trial) options(self string) Options {
	o := config.Overlay{
		Name: "vxlan0", Type: "vxlan", VNI: 10, Port: 4789, Underlay: "eth1",
		Addresses: map[string]netip.Prefix{
			"primary":   netip.MustParsePrefix("192.168.0.10/24"),
			"secondary": netip.MustParsePrefix("192.168.0.20/24"),
			"client":    netip.MustParsePrefix("192.168.0.4/24"),
		},
	}
	return Options{Self: self, Nodes: tr.nodes, Overlays: []config.Overlay{o}}
}

// open makes the Overlays of a host.
func (tr *trial) open(t *testing.T, o Options) *Overlays {
	t.Helper()
	var v *Overlays
	var err error
	tr.hosts[o.Self].Do(func() { v, err = New(o) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

// run ensures and runs the Overlays of a host until the test ends.
func (tr *trial) run(t *testing.T, o Options) *Overlays {
	t.Helper()
	v := tr.open(t, o)
	if err := v.Ensure(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); v.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	return v
}

// reach waits until an address answers.
func reach(t *testing.T, from *testns.NS, to string) {
	t.Helper()
	testns.Eventually(t, patience, to+" answers", func() bool {
		return from.Ping(t, netip.MustParseAddr(to), 200*time.Millisecond) == nil
	})
}

// floods returns to whom vxlan0 of a host floods, as bridge tells it.
func floods(t *testing.T, ns *testns.NS) []string {
	var all []string
	for _, line := range strings.Split(ns.Run(t, "bridge", "fdb", "show", "dev", "vxlan0"), "\n") {
		f := strings.Fields(line)
		if len(f) > 2 && f[0] == "00:00:00:00:00:00" && f[1] == "dst" {
			all = append(all, f[2])
		}
	}
	slices.Sort(all)
	return all
}

// Three hosts reach each other through the overlay, over IPv4 and over IPv6, and
// with packets as large as its MTU says.
func TestOverlayReach(t *testing.T) {
	for _, six := range []bool{false, true} {
		tr := newTrial(t, six)
		mtu := 1450
		if six {
			mtu = 1430
		}
		for _, name := range names {
			v := tr.run(t, tr.options(name))
			s := v.Status()[0]
			if s.State != Up || s.MTU != mtu || len(s.Remotes) != 2 || s.Problem != "" || s.Repairs != 0 {
				t.Errorf("six=%v %s: %+v", six, name, s)
			}
		}
		for _, from := range names {
			for to, addr := range map[string]string{"primary": "192.168.0.10", "secondary": "192.168.0.20", "client": "192.168.0.4"} {
				if from != to {
					reach(t, tr.hosts[from], addr)
				}
			}
		}
		if err := tr.hosts["client"].PingSize(t, netip.MustParseAddr("192.168.0.10"), mtu-28, time.Second); err != nil {
			t.Errorf("six=%v: a packet of %d bytes: %v", six, mtu, err)
		}
	}
}

// What a third party deletes or changes comes back and is counted.
func TestOverlayRepairs(t *testing.T) {
	tr := newTrial(t, false)
	v := tr.run(t, tr.options("primary"))
	tr.run(t, tr.options("client"))
	host := tr.hosts["primary"]
	before := uint64(0)
	repaired := func(what string, ok func() bool) {
		t.Helper()
		testns.Eventually(t, patience, what, func() bool {
			s := v.Status()[0]
			return ok() && s.Repairs > before && s.Problem == ""
		})
		before = v.Status()[0].Repairs
	}
	show := func(part string) func() bool {
		return func() bool {
			out, err := host.Try(t, "ip", "-d", "address", "show", "dev", "vxlan0")
			return err == nil && strings.Contains(out, part)
		}
	}
	both := func() bool { return slices.Equal(floods(t, host), []string{"10.0.1.20", "10.0.1.4"}) }

	host.Run(t, "bridge", "fdb", "del", "00:00:00:00:00:00", "dev", "vxlan0", "dst", "10.0.1.4")
	repaired("the deleted entry", both)
	host.Run(t, "bridge", "fdb", "append", "00:00:00:00:00:00", "dev", "vxlan0", "dst", "10.0.1.99")
	repaired("the added entry is gone", both)
	host.Run(t, "ip", "link", "set", "vxlan0", "mtu", "1300")
	repaired("the MTU", show("mtu 1450"))
	host.Down(t, "vxlan0")
	repaired("up again", show(",UP"))
	host.Run(t, "ip", "address", "flush", "dev", "vxlan0", "scope", "global")
	repaired("the address", show("192.168.0.10/24"))
	host.Run(t, "ip", "link", "del", "vxlan0")
	repaired("the device", func() bool { return show("192.168.0.10/24")() && both() })
	host.Run(t, "ip", "link", "set", "eth1", "mtu", "1400")
	repaired("an MTU that follows the underlay", show("mtu 1350"))
	reach(t, tr.hosts["client"], "192.168.0.10")
}

// The underlay may go and come back.
func TestOverlayUnderlayReturns(t *testing.T) {
	tr := newTrial(t, false)
	v := tr.run(t, tr.options("primary"))
	host := tr.hosts["primary"]
	host.Run(t, "ip", "link", "del", "eth1")
	testns.Eventually(t, patience, "the problem is told", func() bool {
		s := v.Status()[0]
		return s.State == Missing && strings.Contains(s.Problem, "underlay eth1: no such interface")
	})
	testns.Veth(t, host, "eth1", testns.New(t), "far0")
	testns.Eventually(t, patience, "the overlay is back", func() bool { return v.Status()[0].State == Up })
}

// A device that somebody else has made and that differs is named and left alone,
// as is one that does not differ; ours is changed.
func TestOverlayForeignDevice(t *testing.T) {
	tr := newTrial(t, false)
	host := tr.hosts["primary"]
	host.Run(t, "ip", "link", "add", "vxlan0", "type", "vxlan", "id", "11", "dstport", "4789", "local", "10.0.1.10", "dev", "eth1", "nolearning")
	before := host.Run(t, "ip", "-d", "link", "show", "dev", "vxlan0")
	v := tr.open(t, tr.options("primary"))
	err := v.Ensure()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"VNI is 11, want 10", "learning is false, want true", "it is down", "no flood entry for 10.0.1.4", "has no address 192.168.0.10/24"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in: %v", part, err)
		}
	}
	if s := v.Status()[0]; s.State != Foreign || s.Problem == "" {
		t.Errorf("%+v", s)
	}
	if after := host.Run(t, "ip", "-d", "link", "show", "dev", "vxlan0"); after != before {
		t.Errorf("it was touched:\n%s\n%s", before, after)
	}

	host.Run(t, "ip", "link", "set", "vxlan0", "alias", "stead:vxlan0") // handed over
	if err := v.Ensure(); err != nil {
		t.Fatal(err)
	}
	if out := host.Run(t, "ip", "-d", "link", "show", "dev", "vxlan0"); !strings.Contains(out, "vxlan id 10 ") {
		t.Errorf("ours was not changed:\n%s", out)
	}

	host.Run(t, "ip", "link", "set", "vxlan0", "alias", "by hand") // right, and not ours
	if err := v.Ensure(); err != nil {
		t.Errorf("a device that does not differ: %v", err)
	}
}

// A reload removes our devices that left the configuration, and nobody else's,
// changes addresses and remotes in place, and a restart finds all as it was.
func TestOverlayReconfigure(t *testing.T) {
	tr := newTrial(t, false)
	host := tr.hosts["primary"]
	host.Run(t, "ip", "link", "add", "other0", "type", "vxlan", "id", "99", "dstport", "4790", "local", "10.0.1.10", "dev", "eth1")
	o := tr.options("primary")
	second := o.Overlays[0]
	second.Name, second.VNI, second.Addresses = "vxlan1", 20, nil
	second.MAC = map[string]string{"primary": "02:00:00:00:00:10"}
	second.MTU = 1200
	o.Overlays = append(o.Overlays, second)
	v := tr.open(t, o)
	if err := v.Ensure(); err != nil {
		t.Fatal(err)
	}
	out := host.Run(t, "ip", "link", "show", "dev", "vxlan1")
	if !strings.Contains(out, "02:00:00:00:00:10") || !strings.Contains(out, "mtu 1200") {
		t.Error(out)
	}
	index := host.Link(t, "vxlan0").Attrs().Index

	changed := tr.options("primary")
	changed.Nodes = slices.DeleteFunc(slices.Clone(changed.Nodes), func(n config.Node) bool { return n.Name == "client" })
	changed.Overlays[0].Addresses = map[string]netip.Prefix{"primary": netip.MustParsePrefix("192.168.0.11/24")}
	if err := v.Reconfigure(changed); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Try(t, "ip", "link", "show", "dev", "vxlan1"); err == nil {
		t.Error("vxlan1 is still there")
	}
	host.Link(t, "other0")
	if got := host.Link(t, "vxlan0").Attrs().Index; got != index {
		t.Error("vxlan0 was made anew where a change would do")
	}
	if got := floods(t, host); !slices.Equal(got, []string{"10.0.1.20"}) {
		t.Errorf("floods to %v", got)
	}
	out = host.Run(t, "ip", "-o", "address", "show", "dev", "vxlan0")
	if !strings.Contains(out, "192.168.0.11/24") || strings.Contains(out, "192.168.0.10/24") {
		t.Error(out)
	}

	v.Close()
	again := tr.open(t, changed)
	if err := again.Ensure(); err != nil {
		t.Fatal(err)
	}
	if got := host.Link(t, "vxlan0").Attrs().Index; got != index {
		t.Error("a restart made vxlan0 anew")
	}
}

// An MTU that does not fit is told, and the overlay works with what fits.
func TestOverlayMTUTooLarge(t *testing.T) {
	tr := newTrial(t, false)
	o := tr.options("primary")
	o.Overlays[0].MTU = 1500
	v := tr.open(t, o)
	err := v.Ensure()
	if err == nil || !strings.Contains(err.Error(), "1450 is used") {
		t.Errorf("error: %v", err)
	}
	if s := v.Status()[0]; s.MTU != 1450 || s.State != Broken {
		t.Errorf("%+v", s)
	}
	tr.run(t, tr.options("client"))
	reach(t, tr.hosts["client"], "192.168.0.10")
}

// Over IPv6 UDP checksums are sent, and tunnels without them are accepted.
func TestOverlayIPv6Checksums(t *testing.T) {
	tr := newTrial(t, true)
	v := tr.open(t, tr.options("primary"))
	if err := v.Ensure(); err != nil {
		t.Fatal(err)
	}
	out := tr.hosts["primary"].Run(t, "ip", "-d", "link", "show", "dev", "vxlan0")
	if !strings.Contains(out, "noudp6zerocsumtx") || !strings.Contains(out, " udp6zerocsumrx") {
		t.Error(out)
	}
	hand := tr.hosts["client"] // made by hand, without checksums
	hand.Run(t, "ip", "link", "add", "vxlan0", "type", "vxlan", "id", "10", "dstport", "4789",
		"local", "fd01::4", "remote", "fd01::10", "dev", "eth1", "udp6zerocsumtx", "udp6zerocsumrx")
	hand.Up(t, "vxlan0")
	hand.Addr(t, "vxlan0", "192.168.0.4/24")
	reach(t, hand, "192.168.0.10")
}
