package daemon

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

	"stead/internal/core"
	"stead/internal/engine"
	"stead/internal/testns"
)

// kind is a way in which a host may answer for a service address.
type kind byte

const (
	arp   kind = 1 + iota // an ARP reply
	nd                    // a neighbour advertisement
	echo4                 // an answer to a packet that was sent to the host's hardware address
	echo6
)

var kinds = map[kind]string{arp: "ARP", nd: "NS", echo4: "ICMP", echo6: "ICMPv6"}

// asker asks the network for the service addresses every millisecond: who has
// them, and, host by host, whether it takes packets for them. Every question has
// a number that comes back in the answer, so that an answer is judged by when its
// question was sent, however late it comes.
type asker struct {
	fd, index int
	mac       net.HardwareAddr
	own4      netip.Addr
	own6      netip.Addr
	service4  netip.Addr
	service6  netip.Addr
	hosts     map[string]net.HardwareAddr // by name
	stop      chan struct{}
	ended     sync.WaitGroup

	mu      sync.Mutex
	sent    []core.Instant // by number
	answers []answer
}

type answer struct {
	host string
	kind kind
	sent core.Instant // not later than the question was
	at   core.Instant // not earlier than the answer came
}

// ask starts to ask from the client.
func (tr *trial) ask(t testing.TB) *asker {
	t.Helper()
	device := tr.conf.device()
	own4, own6 := "10.0.1.4", "fd00:1::4"
	if tr.conf.overlay {
		own4, own6 = "192.168.0.4", "fd68::3"
	}
	v4, v6 := tr.conf.service()
	a := &asker{
		mac: tr.client.ns.MAC(t, device), index: tr.client.ns.Link(t, device).Attrs().Index,
		own4: netip.MustParseAddr(own4), own6: netip.MustParseAddr(own6),
		service4: netip.MustParseAddr(v4), service6: netip.MustParseAddr(v6),
		hosts: map[string]net.HardwareAddr{}, stop: make(chan struct{}),
	}
	for _, h := range []*host{tr.primary, tr.secondary} {
		a.hosts[h.name] = h.ns.MAC(t, device)
	}
	tr.client.ns.Do(func() {
		all := int(binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL}))
		var err error
		if a.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, all); err != nil {
			testns.Lacking(t, "CAP_NET_RAW", err)
		}
		_ = unix.SetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
		if err = unix.Bind(a.fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: a.index}); err != nil {
			t.Fatal(err)
		}
	})
	a.ended.Add(2)
	go a.listen()
	go a.talk()
	t.Cleanup(a.end)
	return a
}

// end stops asking. It may be called twice.
func (a *asker) end() {
	select {
	case <-a.stop:
		return
	default:
		close(a.stop)
	}
	a.ended.Wait()
	_ = unix.Close(a.fd)
}

func (a *asker) talk() {
	defer a.ended.Done()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-a.stop:
			return
		case <-tick.C:
		}
		a.mu.Lock()
		number := uint32(len(a.sent))
		a.sent = append(a.sent, engine.Now())
		a.mu.Unlock()
		a.send(a.whoHas(number))
		a.send(a.solicit(number))
		for _, mac := range a.hosts {
			a.send(a.ping4(number, mac))
			a.send(a.ping6(number, mac))
		}
	}
}

func (a *asker) send(frame []byte) {
	// A full queue or a link that is down loses the question.
	_ = unix.Sendto(a.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: a.index})
}

// numbered is a hardware address that carries a number.
func numbered(number uint32) net.HardwareAddr {
	return binary.BigEndian.AppendUint32([]byte{2, 1}, number)
}

// whoHas asks as one who has no address yet, so that nobody learns from it
// (RFC 5227 section 2.1.1).
func (a *asker) whoHas(number uint32) []byte {
	from := numbered(number)
	return serialize(
		&layers.Ethernet{SrcMAC: from, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: layers.ARPRequest, SourceHwAddress: from, SourceProtAddress: make([]byte, 4),
			DstHwAddress: make([]byte, 6), DstProtAddress: a.service4.AsSlice(),
		})
}

// stranger is the address of one who asks by neighbour solicitation: the
// hardware address in the option is where the answer goes.
var stranger = netip.MustParseAddr("fe80::beef")

func (a *asker) solicit(number uint32) []byte {
	from, target := numbered(number), a.service6.As16()
	group := netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: target[13], 14: target[14], 15: target[15]})
	ip := &layers.IPv6{Version: 6, HopLimit: 255, NextHeader: layers.IPProtocolICMPv6, SrcIP: stranger.AsSlice(), DstIP: group.AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}
	_ = icmp.SetNetworkLayerForChecksum(ip) // IPv6 is one
	return serialize(
		&layers.Ethernet{SrcMAC: from, DstMAC: net.HardwareAddr{0x33, 0x33, 0xff, target[13], target[14], target[15]}, EthernetType: layers.EthernetTypeIPv6},
		ip, icmp,
		&layers.ICMPv6NeighborSolicitation{
			TargetAddress: a.service6.AsSlice(),
			Options:       layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: from}},
		})
}

// echoID tells our echo requests from others.
const echoID = 0x57ed

func (a *asker) ping4(number uint32, to net.HardwareAddr) []byte {
	return serialize(
		&layers.Ethernet{SrcMAC: a.mac, DstMAC: to, EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: a.own4.AsSlice(), DstIP: a.service4.AsSlice()},
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: echoID},
		gopacket.Payload(binary.BigEndian.AppendUint32(nil, number)))
}

func (a *asker) ping6(number uint32, to net.HardwareAddr) []byte {
	ip := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolICMPv6, SrcIP: a.own6.AsSlice(), DstIP: a.service6.AsSlice()}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeEchoRequest, 0)}
	_ = icmp.SetNetworkLayerForChecksum(ip) // IPv6 is one
	return serialize(
		&layers.Ethernet{SrcMAC: a.mac, DstMAC: to, EthernetType: layers.EthernetTypeIPv6},
		ip, icmp, &layers.ICMPv6Echo{Identifier: echoID},
		gopacket.Payload(binary.BigEndian.AppendUint32(nil, number)))
}

func serialize(parts ...gopacket.SerializableLayer) []byte {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, parts...); err != nil {
		panic(err) // a mistake of the test
	}
	return buf.Bytes()
}

func (a *asker) listen() {
	defer a.ended.Done()
	buf := make([]byte, 2048)
	fds := []unix.PollFd{{Fd: int32(a.fd), Events: unix.POLLIN}}
	for {
		select {
		case <-a.stop:
			return
		default:
		}
		if n, err := unix.Poll(fds, 10); n == 0 || err != nil {
			continue
		}
		for {
			n, _, err := unix.Recvfrom(a.fd, buf, unix.MSG_DONTWAIT)
			if err != nil {
				break
			}
			a.hear(buf[:n], engine.Now())
		}
	}
}

// hear notes a frame that answers a question.
func (a *asker) hear(f []byte, now core.Instant) {
	if len(f) < 42 {
		return
	}
	from, ours := "", [2]byte(f[0:2]) == [2]byte{2, 1}
	for name, mac := range a.hosts {
		if string(f[6:12]) == string(mac) {
			from = name
		}
	}
	if from == "" {
		return
	}
	switch ethertype := binary.BigEndian.Uint16(f[12:]); {
	case ethertype == unix.ETH_P_ARP && ours && f[21] == byte(layers.ARPReply) && string(f[28:32]) == string(a.service4.AsSlice()):
		a.note(from, arp, binary.BigEndian.Uint32(f[2:]), now)
	case ethertype == unix.ETH_P_IP && len(f) >= 46 && f[23] == 1 && f[34] == layers.ICMPv4TypeEchoReply &&
		binary.BigEndian.Uint16(f[38:]) == echoID && string(f[26:30]) == string(a.service4.AsSlice()):
		a.note(from, echo4, binary.BigEndian.Uint32(f[42:]), now)
	case ethertype != unix.ETH_P_IPV6 || len(f) < 66 || f[20] != 58:
	case f[54] == layers.ICMPv6TypeNeighborAdvertisement && ours && len(f) >= 78 && string(f[62:78]) == string(a.service6.AsSlice()):
		a.note(from, nd, binary.BigEndian.Uint32(f[2:]), now)
	case f[54] == layers.ICMPv6TypeEchoReply && binary.BigEndian.Uint16(f[58:]) == echoID && string(f[22:38]) == string(a.service6.AsSlice()):
		a.note(from, echo6, binary.BigEndian.Uint32(f[62:]), now)
	}
}

func (a *asker) note(from string, k kind, number uint32, now core.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if int(number) < len(a.sent) {
		a.answers = append(a.answers, answer{from, k, a.sent[number], now})
	}
}
