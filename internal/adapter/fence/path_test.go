package fence

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/testns"
)

// What a host routes onward is not its own, be the address closed here or not.
//
//	client ── eth0 ─── eth0 standby eth1 ─── eth0 holder
//	192.0.2.9    192.0.2.1   198.51.100.1    198.51.100.2, 192.0.2.200
func TestKernelFenceLetsRoutedPacketsPass(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		s := &scene{host: testns.New(t), client: testns.New(t)}
		holder := testns.New(t)
		testns.Veth(t, s.client, "eth0", s.host, "eth0")
		testns.Veth(t, s.host, "eth1", holder, "eth0")
		s.addresses(t, "eth0", "lo")
		s.host.Run(t, "ip", "addr", "del", "192.0.2.200/32", "dev", "lo")
		s.host.Run(t, "ip", "addr", "del", "2001:db8::200/128", "dev", "lo")
		s.host.Addr(t, "eth1", "198.51.100.1/24")
		s.host.Addr(t, "eth1", "fd00::1/64")
		holder.Addr(t, "eth0", "198.51.100.2/24")
		holder.Addr(t, "eth0", "fd00::2/64")
		holder.Addr(t, "eth0", "192.0.2.200/32")
		holder.Addr(t, "eth0", "2001:db8::200/128")
		s.host.Sysctl(t, "net/ipv4/ip_forward", "1")
		s.host.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
		s.host.Run(t, "ip", "route", "add", "192.0.2.200", "via", "198.51.100.2")
		s.host.Run(t, "ip", "route", "add", "2001:db8::200", "via", "fd00::2")
		holder.Run(t, "ip", "route", "add", "192.0.2.0/24", "via", "198.51.100.1")
		holder.Run(t, "ip", "route", "add", "2001:db8::/64", "via", "fd00::1")
		s.client.Run(t, "ip", "route", "add", "192.0.2.200", "via", "192.0.2.1")
		s.client.Run(t, "ip", "route", "add", "2001:db8::200", "via", "2001:db8::1")

		f := s.fence(t, config.FenceKernel, opts)
		bind(t, f, "eth0", 0)
		if err := s.client.Ping(t, service4, seeWithin); err != nil {
			t.Errorf("through the standby: %v", err)
		}
		if err := s.client.Ping(t, service6, seeWithin); err != nil {
			t.Errorf("through the standby: %v", err)
		}
		s.host.Addr(t, "lo", "192.0.2.200/32")
		s.host.Addr(t, "lo", "2001:db8::200/128")
		for _, addr := range []netip.Addr{service4, service6} {
			before := f.Status().Dropped.Packet
			_ = s.client.Ping(t, addr, 20*time.Millisecond)
			testns.Eventually(t, seeWithin, "the packet to the closed address is dropped", func() bool {
				return f.Status().Dropped.Packet > before
			})
		}
	})
}

// A host that lost its lease must not send from the address either: switches and
// caches would take it for the holder again.
func TestKernelFenceHoldsBackWhatTheHostSends(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		s := newScene(t, "eth0")
		f := s.fence(t, config.FenceKernel, opts)
		bind(t, f, "eth0", 1)
		sendTo := func(from, to string) {
			t.Helper()
			s.host.Do(func() {
				conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, &net.UDPAddr{IP: net.ParseIP(to), Port: 9})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				_, _ = conn.Write([]byte("x"))
			})
		}
		// askedFrom is the first sender of an ARP request that the client hears.
		askedFrom := func() netip.Addr {
			buf := make([]byte, 2048)
			for end := time.Now().Add(seeWithin); time.Now().Before(end); {
				f := s.arp.receive(buf)
				if len(f) >= 42 && binary.BigEndian.Uint16(f[12:]) == etherTypeARP && f[21] == 1 {
					return netip.AddrFrom4([4]byte(f[28:32]))
				}
			}
			return netip.Addr{}
		}
		sendTo("192.0.2.200", "192.0.2.77") // nobody: the host asks who has it
		sendTo("192.0.2.1", "192.0.2.78")
		if from := askedFrom(); from != other4 {
			t.Errorf("closed: the first ARP request is from %v, want %v", from, other4)
		}
		if f.Status().Dropped.SentNeighbor == 0 {
			t.Error("the held back ARP request is not counted")
		}
		s.client.Run(t, "ip", "neigh", "flush", "all")
		s.host.Run(t, "ip", "neigh", "replace", "192.0.2.9", "lladdr", s.client.MAC(t, "eth0").String(), "dev", "eth0")
		before := f.Status().Dropped.SentPacket
		sendTo("192.0.2.200", "192.0.2.9")
		if after := f.Status().Dropped.SentPacket; after != before+1 {
			t.Errorf("packets held back: %d, want 1", after-before)
		}
		if err := f.Slot(open(1)); err != nil {
			t.Fatal(err)
		}
		sendTo("192.0.2.200", "192.0.2.79")
		if from := askedFrom(); from != service4 {
			t.Errorf("open: the ARP request is from %v, want %v", from, service4)
		}
	})
}

// Frames that are cut short anywhere, or are odd, do no harm.
func TestKernelFenceStandsOddFrames(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		s := newScene(t, "eth0")
		f := s.fence(t, config.FenceKernel, opts)
		bind(t, f, "eth0", 1)
		whole := [][]byte{
			arpRequest(other4).frame,
			solicitation(s, t, other6).frame,
			frame(0x0800, ipv4Packet(other4, other4)),
			frame(0x88a8, tag(5, 0x8100), tag(6, 0x8100), tag(7, 0x0806), arpMessage(1, other4, service4)),
			frame(0x86dd, ipv6Packet(0, other6, other6, 58, 0, 5, 2, 0, 0, 1, 0, 135, 0, 0, 0)),
		}
		for _, w := range whole {
			for n := 15; n <= len(w); n++ {
				s.arp.send(t, w[:n])
			}
		}
		s.expect(t, "after odd frames, closed", silent)
		if err := f.Slot(open(1)); err != nil {
			t.Fatal(err)
		}
		s.expect(t, "after odd frames, open", everything)
	})
}

// device is a tun or tap device, whose other end is the test.
func openDevice(t *testing.T, ns *testns.NS, name string, flags uint16) *os.File {
	t.Helper()
	var file *os.File
	ns.Do(func() {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			testns.Lacking(t, "/dev/net/tun", err)
		}
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			t.Fatal(err)
		}
		ifr.SetUint16(flags | unix.IFF_NO_PI)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
			testns.Lacking(t, "CAP_NET_ADMIN to make "+name, err)
		}
		file = os.NewFile(uintptr(fd), name)
	})
	t.Cleanup(func() { _ = file.Close() })
	ns.Up(t, name)
	return file
}

// A device without Ethernet headers: packets begin with IP.
func TestKernelFenceOnDeviceWithoutEthernet(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		host := testns.New(t)
		device := openDevice(t, host, "tun0", unix.IFF_TUN)
		host.Addr(t, "tun0", "192.0.2.200/32")
		host.Addr(t, "tun0", "2001:db8::200/128")
		f := (&scene{host: host}).fence(t, config.FenceKernel, opts)
		bind(t, f, "tun0", 1)
		dropped := func() uint64 { return f.Status().Dropped.Packet }
		packets := [][]byte{
			ipv4Packet(netip.MustParseAddr("198.51.100.9"), service4),
			ipv6Packet(17, other6, service6, make([]byte, 8)...),
		}
		write := func() {
			for _, p := range packets {
				if _, err := device.Write(p); err != nil {
					t.Fatal(err)
				}
			}
		}
		write()
		testns.Eventually(t, seeWithin, "both packets are dropped", func() bool { return dropped() == 2 })
		if err := f.Slot(open(1)); err != nil {
			t.Fatal(err)
		}
		write()
		if n := dropped(); n != 2 {
			t.Errorf("open: %d packets dropped", n-2)
		}
	})
}

// A driver may leave everything behind the Ethernet header in fragments of the
// buffer.
func TestKernelFenceReadsFragmentedBuffers(t *testing.T) {
	eachMethod(t, func(t *testing.T, opts Options) {
		host := testns.New(t)
		device := openDevice(t, host, "tap0", unix.IFF_TAP|unix.IFF_NAPI|unix.IFF_NAPI_FRAGS)
		host.Addr(t, "tap0", "192.0.2.200/32")
		f := (&scene{host: host}).fence(t, config.FenceKernel, opts)
		bind(t, f, "tap0", 1)
		q := arpRequest(service4).frame
		copy(q, host.MAC(t, "tap0"))
		write := func() {
			if _, err := unix.Writev(int(device.Fd()), [][]byte{q[:14], q[14:]}); err != nil {
				t.Fatal(err)
			}
		}
		write()
		testns.Eventually(t, seeWithin, "the request is dropped", func() bool { return f.Status().Dropped.ARP == 1 })
		if err := f.Slot(open(1)); err != nil {
			t.Fatal(err)
		}
		write()
		if n := f.Status().Dropped.ARP; n != 1 {
			t.Errorf("open: %d requests dropped", n-1)
		}
	})
}
