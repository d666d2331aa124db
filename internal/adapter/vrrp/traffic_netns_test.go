package vrrp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/testns"
)

// Both families, on a cable and through a bridge. Nobody hears himself: what he
// sent would have come before the answer.
//
//	a eth0 ─── eth0 b        a eth0 ─── p0 br0 p1 ─── eth0 b
func TestMulticast(t *testing.T) {
	for _, bridged := range []bool{false, true} {
		t.Run(fmt.Sprintf("bridged=%v", bridged), func(t *testing.T) {
			na, nb := testns.New(t), testns.New(t)
			if bridged {
				sw := testns.New(t)
				testns.Veth(t, na, "eth0", sw, "p0")
				testns.Veth(t, nb, "eth0", sw, "p1")
				testns.Bridge(t, sw, "br0", "p0", "p1")
			} else {
				testns.Veth(t, na, "eth0", nb, "eth0")
			}
			for i, ns := range []*testns.NS{na, nb} {
				ns.Addr(t, "eth0", fmt.Sprintf("192.0.2.%d/24", i+1))
				ns.Addr(t, "eth0", fmt.Sprintf("fe80::%d/64", i+1))
			}
			a, b := run(t, na, multicast(0, 51), multicast6(1, 51)), run(t, nb, multicast(4, 51), multicast6(7, 51))
			for i, group := range []netip.Addr{group4, group6} {
				ga, gb := core.GroupID(i), core.GroupID(4+3*i)
				b.ready(t, gb)
				a.advertise(t, ga, group, 51, "from a")
				got := b.hears(t, gb, "from a")
				if got.TTL != 255 || got.Destination != group || got.Source != a.Source(ga) || !bytes.Equal(got.Bytes, advert(51, "from a")) {
					t.Errorf("b has heard %+v", got)
				}
				b.advertise(t, gb, group, 51, "from b")
				a.hears(t, ga, "from b")
			}
			if c := a.Counters(); c.Received != 2 || c.Strangers != 0 || c.Malformed != 0 || c.Sent != 2 {
				t.Errorf("a counts %+v", c)
			}
		})
	}
}

// What is on the wire: the Ethernet destination, CS6, the TTL asked for, and the
// message with the checksum that it came with.
func TestOnTheWire(t *testing.T) {
	na, nb := cable(t)
	four, six := multicast(0, 9), multicast6(1, 9)
	four.TTL, six.TTL = 255, 64
	a := run(t, na, four, six)
	a.ready(t, 0)
	a.ready(t, 1)
	w := openTap(t, nb, "eth0")
	a.advertise(t, 0, group4, 9, "four")
	a.advertise(t, 1, group6, 9, "six")
	f := w.sees(t, "IPv4 advertisement", func(f []byte) bool { return f[12] == 8 && f[23] == protocol })
	if !bytes.Equal(f[:6], []byte{1, 0, 0x5e, 0, 0, 0x12}) || f[15] != dscp || f[22] != 255 || f[14] != 0x45 ||
		!bytes.Equal(f[26:34], []byte{192, 0, 2, 1, 224, 0, 0, 18}) || !bytes.Equal(f[34:], advert(9, "four")) {
		t.Errorf("IPv4: % x", f)
	}
	f = w.sees(t, "IPv6 advertisement", func(f []byte) bool { return f[12] == 0x86 && f[20] == protocol })
	if !bytes.Equal(f[:6], []byte{0x33, 0x33, 0, 0, 0, 0x12}) || f[14]<<4|f[15]>>4 != dscp || f[21] != 64 || !bytes.Equal(f[54:], advert(9, "six")) {
		t.Errorf("IPv6: % x", f)
	}
}

// Unicast through a router costs one hop of the TTL, in both families, and is
// heard by whatever interface it comes.
//
//	a 10.0.1.1, fd01::1  eth0 ─── r0 r r1 ─── eth0  10.0.2.1, fd02::1 b
func TestUnicastAcrossRouter(t *testing.T) {
	na, nr, nb := testns.New(t), testns.New(t), testns.New(t)
	testns.Veth(t, na, "eth0", nr, "r0")
	testns.Veth(t, nb, "eth0", nr, "r1")
	nr.Sysctl(t, "net/ipv4/ip_forward", "1")
	nr.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	for i, ns := range []*testns.NS{na, nb} {
		ns.Addr(t, "eth0", fmt.Sprintf("10.0.%d.1/24", i+1))
		ns.Addr(t, "eth0", fmt.Sprintf("fd0%d::1/64", i+1))
		nr.Addr(t, fmt.Sprintf("r%d", i), fmt.Sprintf("10.0.%d.254/24", i+1))
		nr.Addr(t, fmt.Sprintf("r%d", i), fmt.Sprintf("fd0%d::254/64", i+1))
		ns.Run(t, "ip", "route", "add", "default", "via", fmt.Sprintf("10.0.%d.254", i+1))
		ns.Run(t, "ip", "route", "add", "default", "via", fmt.Sprintf("fd0%d::254", i+1))
		testns.Eventually(t, patience, "the way is open", func() bool {
			return ns.Ping(t, netip.MustParseAddr(fmt.Sprintf("fd0%d::254", i+1)), patience) == nil
		})
	}
	// The address of b's routers is not on the interface that brings the packets.
	testns.Bridge(t, nb, "inner")
	at := func(group core.GroupID, iface, source string) Router {
		addr := netip.MustParseAddr(source)
		return Router{Group: group, Name: source, VRID: 51, IPv6: addr.Is6(), Interface: iface, Source: addr, TTL: 200}
	}
	a := run(t, na, at(0, "eth0", "10.0.1.1"), at(1, "eth0", "fd01::1"))
	b := run(t, nb, at(2, "inner", "10.0.2.1"), at(3, "inner", "fd02::1"))
	for i, text := range []string{"10.0.2.1", "fd02::1"} {
		to, group := netip.MustParseAddr(text), core.GroupID(2+i)
		b.ready(t, group)
		a.advertise(t, core.GroupID(i), to, 51, "far")
		if got := b.hears(t, group, "far"); got.TTL != 199 || got.Destination != to || got.Source != a.Source(core.GroupID(i)) {
			t.Errorf("b has heard %+v", got)
		}
		b.advertise(t, group, a.Source(core.GroupID(i)), 51, "back")
		a.hears(t, core.GroupID(i), "back")
	}
}

// One interval of a router: an advertisement to the other host, and its reading
// there.
func BenchmarkAdvertisement(b *testing.B) {
	na, nb := cable(b)
	sender, receiver := run(b, na, multicast(0, 51)), run(b, nb, multicast(0, 51))
	a := core.Advertise{Group: 0, From: sender.ready(b, 0), To: group4, Bytes: advert(51, "x")}
	receiver.ready(b, 0)
	buf := make([]byte, 2048)
	take := func(*core.Advertisement) {}
	b.ReportAllocs()
	for b.Loop() {
		sender.Send(&a)
		receiver.Receive(buf, 1, take)
	}
}

// Unicast between link-local addresses goes by the router's interface.
func TestUnicastLinkLocal(t *testing.T) {
	na, nb := cable(t)
	router := func(group core.GroupID, source string) Router {
		return Router{Group: group, Name: source, VRID: 3, IPv6: true, Interface: "eth0", Source: netip.MustParseAddr(source + "%eth0"), TTL: 255}
	}
	a, b := run(t, na, router(0, "fe80::1")), run(t, nb, router(1, "fe80::2"))
	b.ready(t, 1)
	a.advertise(t, 0, netip.MustParseAddr("fe80::2"), 3, "near")
	b.hears(t, 1, "near")
}

// The same VRID on two interfaces is two routers, and what comes by an interface
// without a router is a stranger's.
//
//	a eth0 ─── eth0 b
//	a eth1 ─── eth1 b
//	a eth2 ─── eth2 b
func TestSameVRIDOnTwoInterfaces(t *testing.T) {
	na, nb := cable(t)
	for i := 1; i <= 2; i++ {
		name := fmt.Sprintf("eth%d", i)
		testns.Veth(t, na, name, nb, name)
		na.Addr(t, name, fmt.Sprintf("198.51.%d.1/24", i))
		nb.Addr(t, name, fmt.Sprintf("198.51.%d.2/24", i))
	}
	on := func(group core.GroupID, iface string) Router {
		r := multicast(group, 51)
		r.Interface = iface
		return r
	}
	other := on(2, "eth2")
	other.VRID = 52
	a, b := run(t, na, on(0, "eth0"), on(1, "eth1"), on(2, "eth2")), run(t, nb, on(0, "eth0"), on(1, "eth1"), other)
	for group := range core.GroupID(3) {
		b.ready(t, group)
	}
	a.advertise(t, 1, group4, 51, "one")
	b.hears(t, 1, "one")
	a.advertise(t, 2, group4, 51, "of nobody")
	a.advertise(t, 0, group4, 51, "zero")
	b.hears(t, 0, "zero")
	testns.Eventually(t, patience, "the stranger is counted", func() bool {
		b.poll(0)
		return b.Counters().Strangers == 1
	})
}

// What stands behind the IP packet in a frame is no part of it. A packet with IP
// options is read behind them.
func TestPadding(t *testing.T) {
	na, nb := cable(t)
	b := run(t, nb, multicast(0, 51))
	b.ready(t, 0)
	w := openTap(t, na, "eth0")
	for words, text := range map[byte]string{5: "abcd", 6: "wxyz"} {
		f := []byte{1, 0, 0x5e, 0, 0, 0x12, 2, 0, 0, 0, 0, 1, 8, 0}
		header := []byte{0x40 | words, dscp, 0, words*4 + 12, 0, 1, 0, 0, 255, protocol, 0, 0, 192, 0, 2, 77, 224, 0, 0, 18}
		for len(header) < int(words)*4 {
			header = append(header, 1) // no operation (RFC 791)
		}
		binary.BigEndian.PutUint16(header[10:], headerChecksum(header))
		f = append(append(f, header...), advert(51, text)...)
		f = append(f, bytes.Repeat([]byte{0xee}, 80-len(f))...)
		w.send(t, f)
		if got := b.hears(t, 0, text); !bytes.Equal(got.Bytes, advert(51, text)) || got.Source != netip.MustParseAddr("192.0.2.77") {
			t.Errorf("%+v", got)
		}
	}
}

func headerChecksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// What cannot be sent is counted by why, and nothing waits.
func TestLost(t *testing.T) {
	na, _ := cable(t)
	gone := multicast(1, 2)
	gone.Interface = "eth7"
	a := run(t, na, multicast(0, 51), gone)
	a.ready(t, 0)
	a.comesFrom(t, 1, "")
	send := func(group core.GroupID, from, to string) Lost {
		before := a.Counters().Lost
		a.Send(&core.Advertise{Group: group, From: netip.MustParseAddr(from), To: netip.MustParseAddr(to), Bytes: advert(51, "x")})
		after := a.Counters().Lost
		return Lost{
			after.NoInterface - before.NoInterface, after.Unreachable - before.Unreachable, after.NoBuffer - before.NoBuffer,
			after.Refused - before.Refused, after.Other - before.Other,
		}
	}
	for _, c := range []struct {
		group    core.GroupID
		from, to string
		want     Lost
	}{
		{1, "192.0.2.1", "224.0.0.18", Lost{NoInterface: 1}},
		{0, "192.0.2.1", "203.0.113.1", Lost{Unreachable: 1}},
		{0, "192.0.2.99", "224.0.0.18", Lost{Unreachable: 1}},
		{9, "192.0.2.1", "224.0.0.18", Lost{Other: 1}},
		{0, "192.0.2.1", "ff02::12", Lost{Other: 1}},
	} {
		if got := send(c.group, c.from, c.to); got != c.want {
			t.Errorf("group %d from %s to %s: %+v, want %+v", c.group, c.from, c.to, got, c.want)
		}
	}
	na.Down(t, "eth0")
	if got := send(0, "192.0.2.1", "224.0.0.18"); got != (Lost{Unreachable: 1}) {
		t.Errorf("interface down: %+v", got)
	}
}

// The engine's thread must not allocate.
func TestNoAllocation(t *testing.T) {
	na, nb := cable(t)
	a, b := run(t, na, multicast(0, 51), multicast6(1, 51)), run(t, nb, multicast(0, 51), multicast6(1, 51))
	sends := []core.Advertise{
		{Group: 0, From: a.ready(t, 0), To: group4, Bytes: advert(51, "x")},
		{Group: 1, From: a.ready(t, 1), To: group6, Bytes: advert(51, "x")},
	}
	b.ready(t, 0)
	b.ready(t, 1)
	buf := make([]byte, 2048)
	count, rounds := 0, 0
	take := func(*core.Advertisement) { count++ }
	// The workers allocate, and may be at it during a measurement.
	testns.Eventually(t, patience, "no allocation", func() bool {
		rounds++
		return testing.AllocsPerRun(100, func() {
			for i := range sends {
				a.Send(&sends[i])
			}
			b.Receive(buf, 8, take)
		}) == 0
	})
	testns.Eventually(t, patience, "all are heard", func() bool { b.Receive(buf, 64, take); return count == rounds*101*2 })
}

// A family without routers does not wake anybody.
func TestNoRoutersNoInput(t *testing.T) {
	na, nb := cable(t)
	a, b := run(t, na, multicast(0, 51)), run(t, nb)
	a.ready(t, 0)
	// Some other program of the host listens to the group.
	var fd int
	var err error
	nb.Do(func() { fd, err = join(int32(nb.Link(t, "eth0").Attrs().Index), group4) })
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	a.advertise(t, 0, group4, 51, "unheard")
	if err := b.Replace([]Router{multicast(3, 51)}); err != nil {
		t.Fatal(err)
	}
	b.ready(t, 3)
	a.advertise(t, 0, group4, 51, "heard")
	b.hears(t, 3, "heard")
	if c := b.Counters(); c.Received != 1 {
		t.Errorf("%+v", c)
	}
}
