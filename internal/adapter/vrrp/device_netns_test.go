package vrrp

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"stead/internal/core"
	"stead/internal/testns"
)

func virtual(r Router) Router {
	r.VirtualMAC = true
	return r
}

func mac(kind, vrid byte) []byte { return []byte{0, 0, 0x5e, 0, kind, vrid} }

// isAdvertisement tells whether a frame is an advertisement of a family.
func isAdvertisement(f []byte, six bool) bool {
	if six {
		return len(f) > 54 && f[12] == 0x86 && f[20] == protocol
	}
	return len(f) > 34 && f[12] == 8 && f[13] == 0 && f[23] == protocol
}

// Advertisements come from the virtual MAC and from the address of the interface
// below, and another router that has the same MAC hears them.
//
//	a eth0 ─── p0 br0 p1 ─── eth0 b
//	              p2 ─── eth0 w
func TestVirtualMAC(t *testing.T) {
	na, nb, nw, sw := testns.New(t), testns.New(t), testns.New(t), testns.New(t)
	for i, ns := range []*testns.NS{na, nb, nw} {
		port := "p" + string(rune('0'+i))
		testns.Veth(t, ns, "eth0", sw, port)
		ns.Addr(t, "eth0", "192.0.2."+string(rune('1'+i))+"/24")
		ns.Addr(t, "eth0", "fe80::"+string(rune('1'+i))+"/64")
	}
	testns.Bridge(t, sw, "br0", "p0", "p1", "p2")
	routers := []Router{virtual(multicast(0, 51)), virtual(multicast6(1, 51))}
	a, b := run(t, na, routers...), run(t, nb, routers...)
	w := openTap(t, nw, "eth0")
	for i, group := range []netip.Addr{group4, group6} {
		g := core.GroupID(i)
		b.ready(t, g)
		a.advertise(t, g, group, 51, "from a")
		got := b.hears(t, g, "from a")
		if got.Source != a.Source(g) || got.Source != netip.MustParseAddr([]string{"192.0.2.1", "fe80::1"}[i]) {
			t.Errorf("from %s", got.Source)
		}
		f := w.sees(t, "advertisement", func(f []byte) bool { return isAdvertisement(f, i == 1) })
		if !bytes.Equal(f[6:12], mac(byte(1+i), 51)) {
			t.Errorf("from MAC % x", f[6:12])
		}
		b.advertise(t, g, group, 51, "from b")
		a.hears(t, g, "from b")
	}
}

func TestDeviceName(t *testing.T) {
	for want, r := range map[string]Router{
		"vrrp4-51-eth0":   {VRID: 51, Interface: "eth0"},
		"vrrp6-7-ens192":  {VRID: 7, Interface: "ens192", IPv6: true},
		"vrrp6-255-eth0":  {VRID: 255, Interface: "eth0", IPv6: true},
		"vrrp4-51-ad15":   {VRID: 51, Interface: "enp3s0f1"},
		"vrrp4-255-008f":  {VRID: 255, Interface: "eth0.1000"},
		"vrrp4-255-57b2f": {VRID: 255, Interface: "57b2f"},
	} {
		if got := DeviceName(r); got != want {
			t.Errorf("%+v: %s, want %s", r, got, want)
		}
	}
}

func sysctl(t *testing.T, ns *testns.NS, name string) string {
	t.Helper()
	return strings.TrimSpace(ns.Run(t, "cat", "/proc/sys/net/"+name))
}

const dev4, dev6 = "vrrp4-51-eth0", "vrrp6-51-eth0"

// The device is made before a source is told, put right when others change it
// without the source being lost, and gone at the end with all that it needed.
func TestDeviceLifeCycle(t *testing.T) {
	na, _ := cable(t)
	h := run(t, na, virtual(multicast(0, 51)), virtual(multicast6(1, 51)))
	h.ready(t, 0)
	h.ready(t, 1)
	for name, want := range map[string]string{
		"ipv4/conf/" + dev4 + "/arp_ignore": "1", "ipv4/conf/" + dev4 + "/arp_announce": "2", "ipv4/conf/" + dev4 + "/rp_filter": "0",
		"ipv6/conf/" + dev4 + "/disable_ipv6": "1", "ipv4/conf/" + dev6 + "/arp_ignore": "8",
		"ipv6/conf/" + dev6 + "/accept_ra": "0", "ipv6/conf/" + dev6 + "/addr_gen_mode": "1",
		"ipv4/conf/eth0/arp_ignore": "1", "ipv4/conf/eth0/arp_announce": "2",
	} {
		if got := sysctl(t, na, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	reports := func() int { h.mu.Lock(); defer h.mu.Unlock(); return h.reports }
	before := reports()
	repairs := uint64(0)
	repaired := func(what string, ok func(l netlink.Link) bool) {
		t.Helper()
		repairs++
		testns.Eventually(t, patience, what, func() bool {
			l, err := na.Netlink().LinkByName(dev4)
			return err == nil && ok(l) && h.Status()[0].Repairs == repairs
		})
	}
	good := func(l netlink.Link) bool {
		m, ok := l.(*netlink.Macvlan)
		return ok && m.Mode == netlink.MACVLAN_MODE_BRIDGE && bytes.Equal(l.Attrs().HardwareAddr, mac(1, 51)) &&
			l.Attrs().Flags&1 != 0 && strings.HasPrefix(l.Attrs().Alias, "stead:"+dev4)
	}
	na.Run(t, "ip", "link", "del", dev4)
	repaired("the device is back", good)
	na.Down(t, dev4)
	repaired("it is up", good)
	na.Run(t, "ip", "link", "set", dev4, "address", "02:00:00:00:00:07")
	repaired("the MAC is back", good)
	na.Run(t, "ip", "link", "set", dev4, "type", "macvlan", "mode", "private")
	repaired("the mode is back", good)
	if after := reports(); after != before {
		t.Errorf("%d reports while the source stayed", after-before)
	}
	if got := na.Run(t, "ip", "-6", "address", "show", "dev", dev6); got != "" {
		t.Errorf("it has made up an address: %s", got)
	}
	h.stop()
	for _, name := range []string{dev4, dev6} {
		if _, err := na.Netlink().LinkByName(name); err == nil {
			t.Errorf("%s is left", name)
		}
	}
	if i, a := sysctl(t, na, "ipv4/conf/eth0/arp_ignore"), sysctl(t, na, "ipv4/conf/eth0/arp_announce"); i != "0" || a != "0" {
		t.Errorf("eth0 is left with arp_ignore %s, arp_announce %s", i, a)
	}
}

// The interface below goes and comes back.
func TestDeviceFollowsInterface(t *testing.T) {
	na, nb := cable(t)
	h := run(t, na, virtual(multicast(0, 51)))
	h.ready(t, 0)
	na.Run(t, "ip", "link", "del", "eth0")
	h.comesFrom(t, 0, "")
	testns.Veth(t, na, "eth0", nb, "eth0")
	na.Addr(t, "eth0", "192.0.2.1/24")
	h.comesFrom(t, 0, "192.0.2.1")
	if got := sysctl(t, na, "ipv4/conf/"+dev4+"/arp_ignore") + sysctl(t, na, "ipv4/conf/eth0/arp_ignore"); got != "11" {
		t.Errorf("arp_ignore of both: %s", got)
	}
}

// What a run that was killed has left is taken over or removed, and what it had
// changed is given back in the end.
func TestDeviceAdopted(t *testing.T) {
	na, _ := cable(t)
	crash := func(routers ...Router) {
		t.Helper()
		_, w := byHand(t, na, routers...)
		w.round(false)
		w.leave(nil)
		w.kernel.close()
	}
	crash(virtual(multicast(0, 51)), virtual(multicast(1, 52)))
	index := na.Link(t, dev4).Attrs().Index
	na.Run(t, "ip", "link", "show", "vrrp4-52-eth0")
	h := run(t, na, virtual(multicast(0, 51)))
	h.ready(t, 0)
	if got := na.Link(t, dev4).Attrs().Index; got != index {
		t.Errorf("number %d was made anew as %d", index, got)
	}
	if _, err := na.Netlink().LinkByName("vrrp4-52-eth0"); err == nil {
		t.Error("a device of no router is left")
	}
	if s := h.Status()[0]; s.Repairs != 0 || s.Device != dev4 {
		t.Errorf("%+v", s)
	}
	if err := h.Replace([]Router{multicast(0, 51)}); err != nil {
		t.Fatal(err)
	}
	testns.Eventually(t, patience, "eth0 is as it was before the first run", func() bool {
		_, err := na.Netlink().LinkByName(dev4)
		return err != nil && sysctl(t, na, "ipv4/conf/eth0/arp_ignore") == "0" && sysctl(t, na, "ipv4/conf/eth0/arp_announce") == "0"
	})
	h.ready(t, 0)
}

// A device of somebody else that has the name is told of and left alone.
func TestDeviceForeign(t *testing.T) {
	na, _ := cable(t)
	na.Run(t, "ip", "link", "add", dev4, "link", "eth0", "type", "macvlan", "mode", "private")
	index := na.Link(t, dev4).Attrs().Index
	h := run(t, na, virtual(multicast(0, 51)))
	h.comesFrom(t, 0, "")
	if s := h.Status()[0]; !strings.Contains(s.Problem, "stead has not made") || !strings.Contains(s.Problem, `"stead:vrrp4-51-eth0"`) {
		t.Errorf("%+v", s)
	}
	na.Run(t, "ip", "link", "set", dev4, "alias", "stead:"+dev4)
	h.ready(t, 0)
	if na.Link(t, dev4).Attrs().Index == index {
		t.Error("its mode was not changed")
	}
	h.stop()
	if _, err := na.Netlink().LinkByName(dev4); err == nil {
		t.Error("it is left")
	}
}

// The settings of an interface that somebody else has changed meanwhile are not
// given back, and those that are strict enough are not touched.
func TestHabitsOfOthers(t *testing.T) {
	na, _ := cable(t)
	na.Sysctl(t, "net/ipv4/conf/eth0/arp_ignore", "2")
	na.Sysctl(t, "net/ipv4/conf/all/rp_filter", "1")
	h := run(t, na, virtual(multicast(0, 51)))
	h.ready(t, 0)
	if got := sysctl(t, na, "ipv4/conf/"+dev4+"/rp_filter"); got != "2" {
		t.Errorf("rp_filter %s does not loosen that of all", got)
	}
	na.Sysctl(t, "net/ipv4/conf/eth0/arp_announce", "1")
	h.stop()
	if i, a := sysctl(t, na, "ipv4/conf/eth0/arp_ignore"), sysctl(t, na, "ipv4/conf/eth0/arp_announce"); i != "2" || a != "1" {
		t.Errorf("eth0 is left with arp_ignore %s, arp_announce %s", i, a)
	}
}

// The worker ends with its context, also before it has begun.
func TestRunEnds(t *testing.T) {
	na, _ := cable(t)
	var s *Set
	var err error
	na.Do(func() {
		s, err = Open(Options{Routers: []Router{virtual(multicast(0, 51))}, Report: func(core.Event) {}})
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.Run(ctx)
	s.Close()
	s.Close()
	if _, err := na.Netlink().LinkByName(dev4); err == nil {
		t.Error("the device is left")
	}
}
