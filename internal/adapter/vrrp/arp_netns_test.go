package vrrp

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/adapter/fence"
	"stead/internal/config"
	"stead/internal/core"
	"stead/internal/core/arp"
	"stead/internal/core/ndp"
	"stead/internal/testns"
)

// segment is a host with virtual MACs and a client that asks who has an address.
//
//	host                                              client
//	192.0.2.1, fe80::1    eth0 ─────────────── eth0   192.0.2.2, fe80::2
//	192.0.2.66, fe80::66  probe over eth0
//
// What is asked of the host comes to its devices in order, so that it has been
// answered when the question for the probe has been.
type segment struct {
	*host
	client *testns.NS
	wire   *tap
}

var (
	service4, service6 = netip.MustParseAddr("192.0.2.200"), netip.MustParseAddr("fd00::200")
	probe4, probe6     = netip.MustParseAddr("192.0.2.66"), netip.MustParseAddr("fd00::66")
	probeMAC           = arp.MAC{2, 0, 0, 0, 0, 0x66}
	clientMAC          = arp.MAC{2, 0, 0, 0, 0, 2}
)

func newSegment(t *testing.T) *segment {
	t.Helper()
	na, nb := cable(t)
	nb.Run(t, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:02")
	na.Run(t, "ip", "link", "add", "probe", "link", "eth0", "address", "02:00:00:00:00:66", "type", "macvlan", "mode", "bridge")
	na.Sysctl(t, "net/ipv4/conf/probe/arp_ignore", "1")
	// Hosts that were hardened by an old rule look so.
	na.Sysctl(t, "net/ipv4/conf/probe/rp_filter", "2")
	na.Sysctl(t, "net/ipv4/conf/all/rp_filter", "1")
	na.Addr(t, "eth0", "fd00::1/64")
	na.Addr(t, "probe", "192.0.2.66/32")
	na.Addr(t, "probe", "fd00::66/128")
	na.Up(t, "probe")
	nb.Addr(t, "eth0", "fd00::2/64")
	s := &segment{host: run(t, na, virtual(multicast(0, 51)), virtual(multicast6(1, 51))), client: nb}
	s.ready(t, 0)
	s.ready(t, 1)
	wired(t, na, nb)
	s.wire = openTap(t, nb, "eth0")
	return s
}

// answers returns who says that an address is at him, in order.
func (s *segment) answers(t *testing.T, addr netip.Addr) (all []arp.MAC) {
	t.Helper()
	probe := probe4
	if addr.Is6() {
		probe = probe6
	}
	// Twice: a device may take the first question late.
	for range 2 {
		for _, target := range []netip.Addr{addr, probe} {
			s.wire.send(t, question(target))
		}
		for end := time.Now().Add(patience); ; {
			f := s.wire.next(end)
			if f == nil {
				t.Fatalf("%s is silent", probe)
			}
			at, from := answer(f)
			if at == addr && !slices.Contains(all, from) {
				all = append(all, from)
			}
			if at == probe && from == probeMAC {
				break
			}
		}
	}
	return all
}

func question(target netip.Addr) []byte {
	if target.Is4() {
		return arp.AppendWhoHas(nil, clientMAC, netip.MustParseAddr("192.0.2.2"), target)
	}
	return ndp.AppendSolicitation(nil, clientMAC, netip.MustParseAddr("fd00::2"), target)
}

// answer reads who says that he has which address.
func answer(f []byte) (netip.Addr, arp.MAC) {
	if m, err := arp.Parse(f); err == nil && m.Op == arp.Reply {
		return m.SenderIP, m.SenderHW
	}
	if m, err := ndp.Parse(f); err == nil && m.Type == ndp.Advertisement {
		return m.Target, m.LinkAddr
	}
	return netip.Addr{}, arp.MAC{}
}

func (s *segment) expect(t *testing.T, when string, addr netip.Addr, want ...arp.MAC) {
	t.Helper()
	if got := s.answers(t, addr); !slices.Equal(got, want) {
		t.Errorf("%s: %s is said to be at %x, want %x", when, addr, got, want)
	}
}

// A standby answers for the service addresses with no MAC, and for its own with
// that of its interface alone. The active one answers with the virtual MAC alone.
func TestWhoAnswers(t *testing.T) {
	s := newSegment(t)
	own := arp.MAC(s.ns.MAC(t, "eth0"))
	others := func(when string) {
		t.Helper()
		s.expect(t, when, netip.MustParseAddr("192.0.2.1"), own)
		s.expect(t, when, netip.MustParseAddr("fd00::1"), own)
	}
	s.expect(t, "standby", service4)
	s.expect(t, "standby", service6)
	others("standby")
	serve(t, s.ns, dev4, "192.0.2.200/32")
	serve(t, s.ns, dev6, "fd00::200/128")
	s.expect(t, "active", service4, arp.MAC(mac(1, 51)))
	s.expect(t, "active", service6, arp.MAC(mac(2, 51)))
	others("active")
	for _, addr := range []netip.Addr{service4, service6} {
		if err := s.client.Ping(t, addr, patience); err != nil {
			t.Error(err)
		}
	}
}

// Asking for a neighbour from a service address must not tell that it is at the
// MAC of the interface.
func TestAsksAsItself(t *testing.T) {
	s := newSegment(t)
	serve(t, s.ns, dev4, "192.0.2.200/32")
	s.ns.Run(t, "ip", "neigh", "flush", "dev", "eth0")
	s.ns.Do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: service4.As4()}); err != nil {
			t.Fatal(err)
		}
		if err := unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 2}, Port: 9}); err != nil {
			t.Fatal(err)
		}
	})
	f := s.wire.sees(t, "request for the client", func(f []byte) bool {
		m, err := arp.Parse(f)
		return err == nil && m.Op == arp.Request && m.TargetIP == netip.MustParseAddr("192.0.2.2")
	})
	if m, _ := arp.Parse(f); m.SenderIP == service4 {
		t.Errorf("%x asks as %s", m.SenderHW, m.SenderIP)
	}
}

// A closed fence silences the addresses on the devices, and opening it is enough.
func TestFenceCoversDevices(t *testing.T) {
	testns.Privileged(t)
	s := newSegment(t)
	var f fence.Fence
	var err error
	s.ns.Do(func() { f, err = fence.Open(config.FenceKernel, fence.Options{}) })
	if err != nil {
		testns.Lacking(t, "CAP_BPF and CAP_NET_ADMIN", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	for addr, device := range map[netip.Addr]string{service4: dev4, service6: dev6} {
		if err := f.Bind(fence.Address{Prefix: netip.PrefixFrom(addr, addr.BitLen()), Interface: device}, 1); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Unbind(addr) })
	}
	serve(t, s.ns, dev4, "192.0.2.200/32")
	serve(t, s.ns, dev6, "fd00::200/128")
	s.expect(t, "closed", service4)
	s.expect(t, "closed", service6)
	if got := f.Status().Dropped; got.ARP == 0 || got.Solicitation == 0 {
		t.Errorf("%+v", got)
	}
	never := core.Instant(1 << 62)
	if err := f.Slot(core.FenceSlot{Slot: 1, Answer: never, Serve: never}); err != nil {
		t.Fatal(err)
	}
	s.expect(t, "open", service4, arp.MAC(mac(1, 51)))
	s.expect(t, "open", service6, arp.MAC(mac(2, 51)))
}
