package fence

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"stead/internal/config"
	"stead/internal/testns"
)

// scene is a host with service addresses and addresses of its own, and a client.
//
//	client                                    host
//	192.0.2.9  ── eth0 ─────────── eth0 ── 192.0.2.1, 2001:db8::1
//	2001:db8::9                            192.0.2.200, 2001:db8::200 (the service)
type scene struct {
	host, client *testns.NS
	device       string // of the host, to which the client's frames come
	arp          *wire  // the client's
	echo         *net.UDPConn
}

const (
	echoPort  = 7
	seeWithin = 3 * time.Second

	// A busy machine may lose a frame: who gets no answer asks again.
	attempts = 6
	askAgain = 500 * time.Millisecond
)

// newScene builds the network. The service addresses are on serviceDevice.
func newScene(t testing.TB, serviceDevice string) *scene {
	t.Helper()
	s := &scene{host: testns.New(t), client: testns.New(t), device: "eth0"}
	testns.Veth(t, s.client, "eth0", s.host, "eth0")
	s.addresses(t, "eth0", serviceDevice)
	s.start(t, "eth0")
	return s
}

// addresses gives the host and the client theirs.
func (s *scene) addresses(t testing.TB, device, serviceDevice string) {
	t.Helper()
	s.host.Addr(t, device, "192.0.2.1/24")
	s.host.Addr(t, device, "2001:db8::1/64")
	s.host.Addr(t, serviceDevice, "192.0.2.200/32")
	s.host.Addr(t, serviceDevice, "2001:db8::200/128")
	s.client.Addr(t, "eth0", "192.0.2.9/24")
	s.client.Addr(t, "eth0", "2001:db8::9/64")
}

// start opens the client's sockets and the host's echo service. The client
// knows the host's hardware address: what it sends does not depend on ARP.
func (s *scene) start(t testing.TB, device string) {
	t.Helper()
	s.device = device
	for _, addr := range []netip.Addr{service4, service6, other4, other6} {
		err := s.client.Netlink().NeighSet(&netlink.Neigh{
			LinkIndex: s.client.Link(t, "eth0").Attrs().Index, State: netlink.NUD_PERMANENT,
			IP: addr.AsSlice(), HardwareAddr: s.host.MAC(t, device),
		})
		if err != nil {
			t.Fatalf("set the neighbour %s: %v", addr, err)
		}
	}
	s.arp = openWire(t, s.client, "eth0")
	serveEcho(t, s.host)
	s.client.Do(func() {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		s.echo = conn
	})
}

// serveEcho answers datagrams from the address to which they came, in their order.
func serveEcho(t testing.TB, ns *testns.NS) {
	t.Helper()
	for network, option := range map[string][2]int{
		"udp4": {unix.IPPROTO_IP, unix.IP_PKTINFO},
		"udp6": {unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO},
	} {
		var conn *net.UDPConn
		ns.Do(func() {
			var err error
			if conn, err = net.ListenUDP(network, &net.UDPAddr{Port: echoPort}); err != nil {
				t.Fatal(err)
			}
			raw, err := conn.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			if err := raw.Control(func(fd uintptr) {
				if err := unix.SetsockoptInt(int(fd), option[0], option[1], 1); err != nil {
					t.Error(err)
				}
			}); err != nil {
				t.Fatal(err)
			}
		})
		t.Cleanup(func() { _ = conn.Close() })
		go func() {
			var buf, control [64]byte
			for {
				n, c, _, from, err := conn.ReadMsgUDPAddrPort(buf[:], control[:])
				if errors.Is(err, net.ErrClosed) {
					return
				}
				if err == nil {
					// What tells the address of arrival sets, sent back, the source.
					_, _, _ = conn.WriteMsgUDPAddrPort(buf[:n], control[:c], from)
				}
			}
		}()
	}
}

// fence opens a fence in the host.
func (s *scene) fence(t testing.TB, mode config.FenceMode, opts Options) Fence {
	t.Helper()
	if opts.Guard == nil {
		opts.Guard = []string{"/proc/self/exe", "guard"}
	}
	var f Fence
	var err error
	s.host.Do(func() { f, err = Open(mode, opts) })
	if err != nil {
		testns.Lacking(t, "CAP_BPF and CAP_NET_ADMIN", err)
	}
	t.Cleanup(func() {
		for _, addr := range f.Bound() {
			_ = f.Unbind(addr)
		}
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// bind puts both service addresses under a slot.
func bind(t testing.TB, f Fence, device string, slot int) {
	t.Helper()
	for _, prefix := range []string{"192.0.2.200/32", "2001:db8::200/128"} {
		if err := f.Bind(Address{Prefix: netip.MustParsePrefix(prefix), Interface: device}, slot); err != nil {
			t.Fatal(err)
		}
	}
}

// seen is what the client gets from a service address.
type seen struct{ neighbor4, neighbor6, packet4, packet6 bool }

var (
	silent     = seen{}
	everything = seen{true, true, true, true}
	lingering  = seen{packet4: true, packet6: true}
)

// see asks for everything once. It asks the host's own address after the service
// address: when that has answered, the service address would have. So it also
// shows that the fence leaves other addresses alone.
func (s *scene) see(t testing.TB) seen {
	t.Helper()
	return seen{
		neighbor4: s.arp.asks(t, arpRequest(service4), arpRequest(other4), arpReplyFrom),
		neighbor6: s.arp.asks(t, solicitation(s, t, service6), solicitation(s, t, other6), advertisementOf),
		packet4:   s.datagram(t, service4, other4),
		packet6:   s.datagram(t, service6, other6),
	}
}

// expect waits until the client sees what is wanted.
func (s *scene) expect(t testing.TB, when string, want seen) {
	t.Helper()
	var got seen
	for end := time.Now().Add(seeWithin); time.Now().Before(end); {
		if got = s.see(t); got == want {
			return
		}
	}
	t.Fatalf("%s: the client sees %+v, want %+v", when, got, want)
}

// datagram tells whether the address answers before the other does.
func (s *scene) datagram(t testing.TB, addr, other netip.Addr) bool {
	t.Helper()
	answered := false
	for range attempts {
		token := binary.NativeEndian.AppendUint64(nil, uint64(bootTime()))
		for _, to := range []netip.Addr{addr, other} {
			if _, err := s.echo.WriteToUDPAddrPort(token, netip.AddrPortFrom(to, echoPort)); err != nil {
				t.Fatalf("send to %s: %v", to, err)
			}
		}
		_ = s.echo.SetReadDeadline(time.Now().Add(askAgain))
		var buf [64]byte
		for {
			n, from, err := s.echo.ReadFromUDPAddrPort(buf[:])
			if err != nil {
				break
			}
			if string(buf[:n]) != string(token) {
				continue
			}
			answered = answered || from.Addr().Unmap() == addr
			if from.Addr().Unmap() == other {
				return answered
			}
		}
	}
	t.Fatalf("the host's own address %s is silent", other)
	return false
}

// wire is a packet socket on an interface.
type wire struct {
	fd    int
	index int
}

func openWire(t testing.TB, ns *testns.NS, device string) *wire {
	t.Helper()
	w := &wire{index: ns.Link(t, device).Attrs().Index}
	ns.Do(func() {
		all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
		var err error
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			testns.Lacking(t, "CAP_NET_RAW", err)
		}
		if err = unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: w.index}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { _ = unix.Close(w.fd) })
	return w
}

func (w *wire) send(t testing.TB, f []byte) {
	t.Helper()
	if err := unix.Sendto(w.fd, f, 0, &unix.SockaddrLinklayer{Ifindex: w.index}); err != nil {
		t.Fatalf("send a frame: %v", err)
	}
}

// receive returns a frame, or nil after half a millisecond without one. (The
// time-out of a socket would be rounded up to the kernel's tick.)
func (w *wire) receive(buf []byte) []byte {
	fds := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
	if n, err := unix.Ppoll(fds, &unix.Timespec{Nsec: 500_000}, nil); n == 0 || err != nil {
		return nil
	}
	n, _, err := unix.Recvfrom(w.fd, buf, unix.MSG_DONTWAIT)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// asks sends two questions and tells whether the first is answered before the second.
func (w *wire) asks(t testing.TB, first, second question, from func([]byte) netip.Addr) bool {
	t.Helper()
	answered := false
	buf := make([]byte, 2048)
	for range attempts {
		w.send(t, first.frame)
		w.send(t, second.frame)
		for end := time.Now().Add(askAgain); time.Now().Before(end); {
			switch from(w.receive(buf)) {
			case first.addr:
				answered = true
			case second.addr:
				return answered
			}
		}
	}
	t.Fatalf("the host's own address %s is silent", second.addr)
	return false
}

// question is a frame that asks for the hardware address of an address.
type question struct {
	addr  netip.Addr
	frame []byte
}

var broadcast = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// arpRequest asks as one who has no address yet, so that nobody learns from it
// (RFC 5227 section 2.1.1).
func arpRequest(addr netip.Addr) question {
	return arpRequestNumber(addr, 0)
}

// arpRequestNumber carries a number in its sender's hardware address, to which
// the answer goes.
func arpRequestNumber(addr netip.Addr, number uint32) question {
	sender := binary.BigEndian.AppendUint32([]byte{2, 1}, number)
	f := append(append([]byte{}, broadcast...), sender...)
	f = binary.BigEndian.AppendUint16(f, etherTypeARP)
	f = append(f, 0, 1, 8, 0, 6, 4, 0, 1)
	f = append(append(f, sender...), 0, 0, 0, 0)
	f = append(append(f, make([]byte, 6)...), addr.AsSlice()...)
	return question{addr, f}
}

// arpReplyFrom is the sender of an ARP reply.
func arpReplyFrom(f []byte) netip.Addr {
	if len(f) < 42 || binary.BigEndian.Uint16(f[12:]) != etherTypeARP || f[21] != arpReply {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(f[28:32]))
}

// solicitation asks for the hardware address of an IPv6 address, as the client.
func solicitation(s *scene, t testing.TB, addr netip.Addr) question {
	t.Helper()
	mac := s.client.MAC(t, "eth0")
	client := netip.MustParseAddr("2001:db8::9")
	target := addr.As16()
	group := netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: target[13], 14: target[14], 15: target[15]})
	body := append([]byte{ndSolicitation, 0, 0, 0, 0, 0, 0, 0}, target[:]...)
	body = append(append(body, 1, 1), mac...)
	sum := checksum(client, group, body)
	binary.BigEndian.PutUint16(body[2:], sum)
	f := append([]byte{0x33, 0x33, 0xff, target[13], target[14], target[15]}, mac...)
	f = binary.BigEndian.AppendUint16(f, etherTypeIPv6)
	return question{addr, append(f, ipv6Packet(protocolICMPv6, client, group, body...)...)}
}

// checksum is that of ICMPv6 (RFC 4443 section 2.3).
func checksum(from, to netip.Addr, body []byte) uint16 {
	data := append(append(from.AsSlice(), to.AsSlice()...), 0, 0, 0, byte(len(body)), 0, 0, 0, protocolICMPv6)
	data = append(data, body...)
	sum := uint32(0)
	for i := 0; i < len(data); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(data[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// advertisementOf is the target of a neighbour advertisement.
func advertisementOf(f []byte) netip.Addr {
	if len(f) < 78 || binary.BigEndian.Uint16(f[12:]) != etherTypeIPv6 || f[20] != protocolICMPv6 || f[54] != ndAdvertisement {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte(f[62:78]))
}

// pathOf is a file for a process that a test starts.
func pathOf(t testing.TB, name string) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Name()
}
