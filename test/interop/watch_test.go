package interop

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"stead/internal/core/clock"
	"stead/internal/testns"
	"stead/internal/workload"
)

func now() clock.Instant { return workload.Now() }

// asking is how often the client asks who has the service address.
const asking = 2 * time.Millisecond

// watch sees what the routers do: at their ports of the switch it hears their
// advertisements, and their answers to the client, who asks in rounds who has the
// service address. A round has a number that comes back in the answers, so that
// an answer is judged by when its question was sent.
type watch struct {
	vip    netip.Addr
	client int // socket that asks
	index  int // of the client's interface
	ports  []port
	stop   chan struct{}
	ended  sync.WaitGroup

	mu        sync.Mutex
	rounds    []round
	adverts   []advert
	announced []announcement
}

// announcement is a frame that tells everybody where the service address is: a
// gratuitous ARP, or an unsolicited neighbour advertisement.
type announcement struct {
	host string // behind the port
	at   clock.Instant
}

// port is a packet socket at a host's port of the switch.
type port struct {
	fd   int
	host string
}

// round is a question to all, and who has answered it.
type round struct {
	sent clock.Instant
	by   [2]string // hosts, in the order of their answers
}

// watched starts to watch.
func (n *lan) watched(t testing.TB, vip netip.Addr) *watch {
	t.Helper()
	w := &watch{vip: vip, index: n.client.ns.Link(t, "eth1").Attrs().Index, stop: make(chan struct{})}
	n.client.ns.Do(func() { w.client = packets(t, w.index, 0) })
	for _, h := range n.routers() {
		index := n.sw.Link(t, h.name).Attrs().Index
		n.sw.Do(func() { w.ports = append(w.ports, port{packets(t, index, unix.ETH_P_ALL), h.name}) })
	}
	w.ended.Add(2)
	go w.ask()
	go w.listen()
	t.Cleanup(func() {
		close(w.stop)
		w.ended.Wait()
		for _, p := range append(w.ports, port{fd: w.client}) {
			_ = unix.Close(p.fd)
		}
	})
	return w
}

// packets opens a packet socket at an interface.
func packets(t testing.TB, index int, protocol uint16) int {
	t.Helper()
	network := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, protocol))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		testns.Lacking(t, "CAP_NET_RAW", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: network, Ifindex: index}); err != nil {
		t.Fatal(err)
	}
	return fd
}

func (w *watch) ask() {
	defer w.ended.Done()
	tick := time.NewTicker(asking)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
		}
		w.mu.Lock()
		frame := w.question(uint32(len(w.rounds)))
		w.rounds = append(w.rounds, round{sent: now()})
		w.mu.Unlock()
		// A full queue or a link that is down loses the question.
		_ = unix.Sendto(w.client, frame, 0, &unix.SockaddrLinklayer{Ifindex: w.index})
	}
}

// numbered is a hardware address that nobody has and that tells a round.
func numbered(round uint32) net.HardwareAddr {
	return binary.BigEndian.AppendUint32([]byte{2, 1}, round)
}

// stranger is a link-local address that nobody has.
var stranger = netip.MustParseAddr("fe80::beef")

// question asks in the name of nobody, so that no host learns from it.
func (w *watch) question(number uint32) []byte {
	from := numbered(number)
	if w.vip.Is4() {
		return serialize(
			&layers.Ethernet{SrcMAC: from, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
			&layers.ARP{
				AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
				Operation: layers.ARPRequest, SourceHwAddress: from, SourceProtAddress: make([]byte, 4),
				DstHwAddress: make([]byte, 6), DstProtAddress: w.vip.AsSlice(),
			})
	}
	target := w.vip.As16()
	group := netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: target[13], 14: target[14], 15: target[15]})
	ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: stranger.AsSlice(), DstIP: group.AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}
	_ = icmp.SetNetworkLayerForChecksum(ip) // IPv6 is one
	return serialize(
		&layers.Ethernet{SrcMAC: from, DstMAC: net.HardwareAddr{0x33, 0x33, 0xff, target[13], target[14], target[15]}, EthernetType: layers.EthernetTypeIPv6},
		ip, icmp,
		&layers.ICMPv6NeighborSolicitation{TargetAddress: target[:], Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: from}}})
}

func serialize(parts ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, parts...); err != nil {
		panic(err) // a mistake of the test
	}
	return buf.Bytes()
}

func (w *watch) listen() {
	defer w.ended.Done()
	buf, stamp := make([]byte, 2048), make([]byte, 128)
	var fds []unix.PollFd
	for _, p := range w.ports {
		fds = append(fds, unix.PollFd{Fd: int32(p.fd), Events: unix.POLLIN})
	}
	for {
		select {
		case <-w.stop:
			return
		default:
		}
		if n, err := unix.Poll(fds, 10); n == 0 || err != nil {
			continue
		}
		for _, p := range w.ports {
			for {
				n, control, _, from, err := unix.Recvmsg(p.fd, buf, stamp, unix.MSG_DONTWAIT)
				if err != nil {
					break
				}
				// What the switch sends to the host passes here too.
				if at, ok := from.(*unix.SockaddrLinklayer); ok && at.Pkttype != unix.PACKET_OUTGOING {
					w.hear(p.host, buf[:n], stamped(stamp[:control]))
				}
			}
		}
	}
}

// stamped is when the kernel has seen a frame, by the control message that it has
// put beside it: this program may be late.
func stamped(control []byte) clock.Instant {
	read := now()
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return read
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			at := time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			return read.Add(-time.Since(at))
		}
	}
	return read
}

// hear notes a frame that a host has sent.
func (w *watch) hear(host string, f []byte, at clock.Instant) {
	if a, ok := readAdvert(f); ok {
		if a.from.Is6() != w.vip.Is6() {
			return // of another virtual router with the same number
		}
		a.host, a.at = host, at
		w.mu.Lock()
		defer w.mu.Unlock()
		w.adverts = append(w.adverts, a)
		return
	}
	if w.announces(f) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.announced = append(w.announced, announcement{host, at})
		return
	}
	if len(f) < 42 || [2]byte(f[0:2]) != [2]byte{2, 1} {
		return
	}
	switch binary.BigEndian.Uint16(f[12:]) {
	case unix.ETH_P_ARP:
		if f[21] == byte(layers.ARPReply) && string(f[28:32]) == string(w.vip.AsSlice()) {
			w.answered(host, binary.BigEndian.Uint32(f[2:]))
		}
	case unix.ETH_P_IPV6:
		if len(f) >= 78 && f[20] == 58 && f[54] == layers.ICMPv6TypeNeighborAdvertisement && string(f[62:78]) == string(w.vip.AsSlice()) {
			w.answered(host, binary.BigEndian.Uint32(f[2:]))
		}
	}
}

// announces tells whether a frame to all is about the service address.
func (w *watch) announces(f []byte) bool {
	if len(f) < 42 || f[0]&1 == 0 {
		return false
	}
	switch binary.BigEndian.Uint16(f[12:]) {
	case unix.ETH_P_ARP:
		return string(f[28:32]) == string(w.vip.AsSlice())
	case unix.ETH_P_IPV6:
		return len(f) >= 78 && f[20] == 58 && f[54] == layers.ICMPv6TypeNeighborAdvertisement && string(f[62:78]) == string(w.vip.AsSlice())
	}
	return false
}

func (w *watch) answered(host string, number uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if int(number) >= len(w.rounds) {
		return
	}
	by := &w.rounds[number].by
	switch {
	case by[0] == "":
		by[0] = host
	case by[0] != host:
		by[1] = host
	}
}
