package vrrp

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"stead/internal/core"
	"stead/internal/testns"
)

// The source is the primary address of the interface and no group's, and every
// change of it is told.
func TestSourceFollowsAddresses(t *testing.T) {
	a, _ := testns.New(t), testns.New(t)
	testns.Bridge(t, a, "eth0")
	h := run(t, a, multicast(0, 51))
	h.comesFrom(t, 0, "")
	serve(t, a, "eth0", "192.0.2.100/24")
	a.Run(t, "ip", "address", "add", "192.0.2.1/24", "dev", "eth0")
	h.comesFrom(t, 0, "192.0.2.1") // the kernel has it as secondary to the group's
	a.Run(t, "ip", "address", "add", "198.51.100.1/24", "dev", "eth0")
	h.comesFrom(t, 0, "198.51.100.1")
	a.Run(t, "ip", "address", "del", "198.51.100.1/24", "dev", "eth0")
	h.comesFrom(t, 0, "192.0.2.1")
	a.Sysctl(t, "net/ipv4/conf/eth0/promote_secondaries", "1")
	a.Run(t, "ip", "address", "del", "192.0.2.100/24", "dev", "eth0")
	h.comesFrom(t, 0, "192.0.2.1")
	a.Run(t, "ip", "address", "add", "192.0.2.9/24", "dev", "eth0", "label", "eth0:stead")
	a.Run(t, "ip", "address", "add", "192.0.2.7/24", "dev", "eth0")
	a.Run(t, "ip", "address", "del", "192.0.2.1/24", "dev", "eth0")
	h.comesFrom(t, 0, "192.0.2.7")
	a.Down(t, "eth0")
	h.comesFrom(t, 0, "")
	a.Up(t, "eth0")
	h.comesFrom(t, 0, "192.0.2.7")
	a.Run(t, "ip", "link", "del", "eth0")
	h.comesFrom(t, 0, "")
	if s := h.Status()[0]; !strings.HasPrefix(s.Problem, "eth0: no such interface: ") {
		t.Errorf("%+v", s)
	}
}

// Of IPv6 it is the link-local address, once that is known to be no duplicate.
func TestSourceIPv6(t *testing.T) {
	a, _ := testns.New(t), testns.New(t)
	testns.Bridge(t, a, "eth0")
	a.Addr(t, "eth0", "2001:db8::1/64")
	h := run(t, a, multicast6(0, 51))
	h.comesFrom(t, 0, "")
	if s := h.Status()[0]; !strings.HasPrefix(s.Problem, "eth0 has no link-local address that is ready: ") {
		t.Errorf("%+v", s)
	}
	// Without a carrier the address stays tentative for ever.
	a.Run(t, "ip", "address", "add", "fe80::7/64", "dev", "eth0")
	a.Addr(t, "eth0", "fe80::1/64")
	h.comesFrom(t, 0, "fe80::1")
	a.Addr(t, "eth0", "fe80::9/64")
	a.Addr(t, "eth0", "fe80::5/64")
	a.Run(t, "ip", "address", "del", "fe80::9/64", "dev", "eth0")
	a.Run(t, "ip", "address", "del", "fe80::1/64", "dev", "eth0")
	h.comesFrom(t, 0, "fe80::5")
}

// A source that is configured has to be on this host, and may be on another interface.
func TestSourceConfigured(t *testing.T) {
	a, _ := testns.New(t), testns.New(t)
	testns.Bridge(t, a, "eth0")
	a.Addr(t, "eth0", "192.0.2.1/24")
	r := multicast(0, 51)
	r.Source = netip.MustParseAddr("203.0.113.9")
	h := run(t, a, r)
	h.comesFrom(t, 0, "")
	a.Addr(t, "lo", "203.0.113.9/32")
	h.comesFrom(t, 0, "203.0.113.9")
	serve(t, a, "lo", "203.0.113.9/32")
	a.Run(t, "ip", "address", "del", "203.0.113.9/32", "dev", "lo")
	h.comesFrom(t, 0, "")
}

// An interface that goes and comes back, with another number or with the same,
// is joined again.
func TestInterfaceReturns(t *testing.T) {
	na, nb := cable(t)
	a, b := run(t, na, multicast(0, 51), multicast6(1, 51)), run(t, nb, multicast(0, 51), multicast6(1, 51))
	talk := func(when string) {
		t.Helper()
		for i, group := range []netip.Addr{group4, group6} {
			g := core.GroupID(i)
			a.ready(t, g)
			b.ready(t, g)
			a.advertise(t, g, group, 51, when)
			b.hears(t, g, when)
		}
	}
	talk("at first")
	for _, sameNumber := range []bool{false, true} {
		index := nb.Link(t, "eth0").Attrs().Index
		nb.Run(t, "ip", "link", "del", "eth0")
		for _, h := range []*host{a, b} {
			h.comesFrom(t, 0, "")
			h.comesFrom(t, 1, "")
		}
		attrs := netlink.NewLinkAttrs()
		attrs.Name = "eth0"
		if sameNumber {
			attrs.Index = index
		}
		err := nb.Netlink().LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(na.FD())})
		if err != nil {
			t.Fatal(err)
		}
		if got := nb.Link(t, "eth0").Attrs().Index; sameNumber != (got == index) {
			t.Fatalf("number %d came back as %d", index, got)
		}
		for i, ns := range []*testns.NS{na, nb} {
			ns.Up(t, "eth0")
			ns.Addr(t, "eth0", []string{"192.0.2.1/24", "192.0.2.2/24"}[i])
			ns.Addr(t, "eth0", []string{"fe80::1/64", "fe80::2/64"}[i])
		}
		wired(t, na, nb)
		talk("again")
	}
}

// byHand opens a Set whose worker does a round when the test says so. The test's
// goroutine stays in the namespace.
func byHand(t *testing.T, ns *testns.NS, routers ...Router) (*Set, *worker) {
	t.Helper()
	var s *Set
	var err error
	ns.Do(func() { s, err = Open(Options{Routers: routers, Report: func(core.Event) {}}) })
	if err != nil {
		testns.Lacking(t, "CAP_NET_RAW", err)
	}
	t.Cleanup(s.Close)
	w, err := newWorker(s)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); s.links.listen(s.table.Load, func() {}) }()
	t.Cleanup(func() { s.links.close(); <-ended })
	return s, w
}

// An interface that went and came back with its number between two looks was gone
// all the same.
func TestInterfaceReturnsUnseen(t *testing.T) {
	ns := testns.New(t)
	testns.Bridge(t, ns, "eth0")
	s, w := byHand(t, ns, multicast(0, 51))
	defer w.close()
	member := func() bool {
		return strings.Contains(ns.Run(t, "ip", "maddress", "show", "dev", "eth0"), "224.0.0.18")
	}
	w.round(false)
	if !member() {
		t.Fatal("not joined")
	}
	index := ns.Link(t, "eth0").Attrs().Index
	ns.Run(t, "ip", "link", "del", "eth0")
	ns.Run(t, "ip", "link", "add", "eth0", "index", strconv.Itoa(index), "type", "bridge")
	testns.Eventually(t, patience, "it is heard of", func() bool {
		s.links.mu.Lock()
		defer s.links.mu.Unlock()
		return s.links.gone[int32(index)]
	})
	w.round(false)
	if !member() {
		t.Error("not joined again")
	}
}

// A membership outlives a link that flaps, and messages of the kernel that were lost.
func TestLinkFlaps(t *testing.T) {
	na, nb := cable(t)
	a, b := run(t, na, multicast(0, 51)), run(t, nb, multicast(0, 51))
	a.ready(t, 0)
	b.ready(t, 0)
	for range 3 {
		nb.Down(t, "eth0")
		b.comesFrom(t, 0, "")
		nb.Up(t, "eth0")
		b.comesFrom(t, 0, "192.0.2.2")
		wired(t, na, nb)
		a.advertise(t, 0, group4, 51, "after a flap")
		b.hears(t, 0, "after a flap")
	}
	b.links.note(true)
	b.nudge()
	testns.Eventually(t, patience, "a round that knows", func() bool {
		b.links.mu.Lock()
		defer b.links.mu.Unlock()
		return !b.links.lost
	})
	nb.Addr(t, "eth0", "198.51.100.2/24")
	a.advertise(t, 0, group4, 51, "after a loss")
	b.hears(t, 0, "after a loss")
}

// More interfaces than one socket may have memberships, in one Set.
func TestManyInterfaces(t *testing.T) {
	na, nb := testns.New(t), testns.New(t)
	const many = 25
	var ra, rb []Router
	for i := range many {
		name := "e" + string(rune('a'+i))
		testns.Veth(t, na, name, nb, name)
		na.Addr(t, name, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 1}), 24).String())
		nb.Addr(t, name, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i), 2}), 24).String())
		r := multicast(core.GroupID(i), 51)
		r.Interface = name
		ra, rb = append(ra, r), append(rb, r)
	}
	a, b := run(t, na, ra...), run(t, nb, rb...)
	for i := range core.GroupID(many) {
		b.ready(t, i)
		a.advertise(t, i, group4, 51, "x")
		b.hears(t, i, "x")
	}
}

// Routers are replaced while they run: what stays keeps its source at once, under
// its new number, and every address is told anew.
func TestReplace(t *testing.T) {
	na, nb := cable(t)
	a, b := run(t, na, multicast(0, 51)), run(t, nb, multicast(0, 51), multicast(1, 52))
	a.ready(t, 0)
	b.ready(t, 0)
	b.ready(t, 1)
	reports := func() int { b.mu.Lock(); defer b.mu.Unlock(); return b.reports }
	before := reports()
	if err := b.Replace([]Router{multicast(7, 51), multicast(0, 53)}); err != nil {
		t.Fatal(err)
	}
	if got := b.Source(7); got != netip.MustParseAddr("192.0.2.2") {
		t.Errorf("source %v at once", got)
	}
	testns.Eventually(t, patience, "both are told", func() bool { return reports() == before+2 })
	b.comesFrom(t, 7, "192.0.2.2")
	a.advertise(t, 0, group4, 51, "to seven")
	b.hears(t, 7, "to seven")
	if err := b.Replace([]Router{multicast(7, 0)}); err == nil || err.Error() != `virtual router of group "g7": VRID 0 is not in 1–255` {
		t.Errorf("VRID 0: %v", err)
	}
	if err := b.Replace(nil); err != nil {
		t.Fatal(err)
	}
	testns.Eventually(t, patience, "the group is left", func() bool {
		return !strings.Contains(nb.Run(t, "ip", "maddress", "show", "dev", "eth0"), "224.0.0.18")
	})
}
