package fence

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/clock"
	"stead/internal/testns"
)

var (
	service4 = netip.MustParseAddr("192.0.2.200")
	service6 = netip.MustParseAddr("2001:db8::200")
	other4   = netip.MustParseAddr("192.0.2.1")
	other6   = netip.MustParseAddr("2001:db8::1")
)

// frame builds an Ethernet frame from an EtherType and what follows.
func frame(etherType uint16, parts ...[]byte) []byte {
	f := make([]byte, 12, 128) // to the loopback's address of zeros, from the same
	f = binary.BigEndian.AppendUint16(f, etherType)
	for _, p := range parts {
		f = append(f, p...)
	}
	return f
}

func ipv4Packet(from, to netip.Addr) []byte {
	p := []byte{0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0}
	p = append(append(p, from.AsSlice()...), to.AsSlice()...)
	return append(p, make([]byte, 8)...)
}

func ipv6Packet(next byte, from, to netip.Addr, body ...byte) []byte {
	p := []byte{0x60, 0, 0, 0, 0, byte(len(body)), next, 255}
	p = append(append(p, from.AsSlice()...), to.AsSlice()...)
	return append(p, body...)
}

func neighborDiscovery(kind byte, from, to, target netip.Addr) []byte {
	body := append([]byte{kind, 0, 0, 0, 0, 0, 0, 0}, target.AsSlice()...)
	return ipv6Packet(58, from, to, append(body, 1, 1, 2, 0, 0, 0, 0, 1)...)
}

func arpMessage(op byte, sender, target netip.Addr) []byte {
	p := []byte{0, 1, 8, 0, 6, 4, 0, op, 2, 0, 0, 0, 0, 1}
	p = append(append(p, sender.AsSlice()...), 0, 0, 0, 0, 0, 0)
	return append(p, target.AsSlice()...)
}

func tag(vid byte, etherType uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{0, vid}, etherType)
}

// loaded is both programs in the kernel, attached nowhere.
type loaded struct {
	maps    *mapSet
	in, out *ebpf.Program
}

func load(t testing.TB) loaded {
	t.Helper()
	set, err := newMapSet()
	if err != nil {
		testns.Lacking(t, "CAP_BPF to load eBPF programs", err)
	}
	t.Cleanup(set.close)
	l := loaded{maps: set}
	for spec, place := range map[*ebpf.ProgramSpec]**ebpf.Program{
		ingressProgram(set.descriptors()): &l.in,
		egressProgram(set.descriptors()):  &l.out,
	} {
		p, err := ebpf.NewProgram(spec)
		if err != nil {
			t.Fatalf("load %s: %+v", spec.Name, err)
		}
		t.Cleanup(func() { _ = p.Close() })
		*place = p
	}
	return l
}

// bindBoth puts the service addresses under slot 1.
func (l loaded) bindBoth(t testing.TB) {
	t.Helper()
	for _, addr := range []netip.Addr{service4, service6} {
		if err := l.maps.bind(addr, 1); err != nil {
			t.Fatal(err)
		}
	}
}

// run gives a frame to a program and returns whether it passes.
func run(t testing.TB, p *ebpf.Program, f []byte) bool {
	t.Helper()
	verdict, err := p.Run(&ebpf.RunOptions{Data: f, DataOut: make([]byte, len(f)+256)})
	if err != nil {
		t.Fatalf("run the program on %x: %v", f, err)
	}
	switch int32(verdict) {
	case verdictNext:
		return true
	case verdictDrop:
		return false
	}
	t.Fatalf("verdict %d on %x", int32(verdict), f)
	return false
}

// needs says which deadline lets a frame pass.
type needs int

const (
	nothing needs = iota
	answer
	serve
)

func TestIngressProgram(t *testing.T) {
	multicast := netip.MustParseAddr("ff02::1:ff00:200")
	for _, c := range []struct {
		name  string
		frame []byte
		needs needs
	}{
		{"IPv4 to the address", frame(0x0800, ipv4Packet(other4, service4)), serve},
		{"IPv4 to another", frame(0x0800, ipv4Packet(other4, other4)), nothing},
		{"IPv4 from the address", frame(0x0800, ipv4Packet(service4, other4)), nothing},
		{"IPv4 behind one tag", frame(0x8100, tag(5, 0x0800), ipv4Packet(other4, service4)), serve},
		{"IPv4 behind two tags", frame(0x88a8, tag(5, 0x8100), tag(6, 0x0800), ipv4Packet(other4, service4)), serve},
		{"IPv6 to the address", frame(0x86dd, ipv6Packet(17, other6, service6, make([]byte, 8)...)), serve},
		{"IPv6 without a body", frame(0x86dd, ipv6Packet(59, other6, service6)), serve},
		{"IPv6 to another", frame(0x86dd, ipv6Packet(17, other6, other6)), nothing},
		{"IPv6 behind a tag", frame(0x8100, tag(5, 0x86dd), ipv6Packet(17, other6, service6)), serve},
		{"ICMPv6 echo to the address", frame(0x86dd, ipv6Packet(58, other6, service6, 128, 0, 0, 0, 0, 0, 0, 0)), serve},
		{"solicitation by multicast", frame(0x86dd, neighborDiscovery(135, other6, multicast, service6)), answer},
		{"solicitation by unicast", frame(0x86dd, neighborDiscovery(135, other6, service6, service6)), answer},
		{"solicitation behind a tag", frame(0x8100, tag(5, 0x86dd), neighborDiscovery(135, other6, multicast, service6)), answer},
		{"solicitation for another", frame(0x86dd, neighborDiscovery(135, other6, multicast, other6)), nothing},
		{"advertisement of the address", frame(0x86dd, neighborDiscovery(136, service6, netip.MustParseAddr("ff02::1"), service6)), nothing},
		{"solicitation cut short", frame(0x86dd, neighborDiscovery(135, other6, multicast, service6)[:60]), nothing},
		{"ARP request", frame(0x0806, arpMessage(1, other4, service4)), answer},
		{"ARP request behind a tag", frame(0x8100, tag(0, 0x0806), arpMessage(1, other4, service4)), answer},
		{"ARP request for another", frame(0x0806, arpMessage(1, other4, other4)), nothing},
		{"gratuitous ARP request of another host", frame(0x0806, arpMessage(1, service4, service4)), answer},
		{"gratuitous ARP reply of another host", frame(0x0806, arpMessage(2, service4, service4)), nothing},
		{"ARP of an unknown operation", frame(0x0806, arpMessage(9, other4, service4)), answer},
		{"ARP cut short", frame(0x0806, arpMessage(1, other4, service4)[:20]), nothing},
		{"ARP with long hardware addresses", frame(0x0806, []byte{0, 32, 8, 0, 20, 4, 0, 1}, make([]byte, 20+4+20), service4.AsSlice()), answer},
		{"an unknown protocol", frame(0x88cc, ipv4Packet(other4, service4)), nothing},
		{"for another host", append([]byte{2, 0, 0, 0, 0, 9}, frame(0x0800, ipv4Packet(other4, service4))[6:]...), nothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := load(t)
			if !run(t, l.in, c.frame) {
				t.Error("dropped, and no address is bound")
			}
			l.bindBoth(t)
			l.verdicts(t, l.in, c.frame, c.needs)
		})
	}
}

func TestEgressProgram(t *testing.T) {
	all := netip.MustParseAddr("ff02::1")
	for _, c := range []struct {
		name  string
		frame []byte
		needs needs
	}{
		{"IPv4 from the address", frame(0x0800, ipv4Packet(service4, other4)), serve},
		{"IPv4 to the address", frame(0x0800, ipv4Packet(other4, service4)), nothing},
		{"IPv6 from the address", frame(0x86dd, ipv6Packet(17, service6, other6, make([]byte, 8)...)), serve},
		{"ICMPv6 echo from the address", frame(0x86dd, ipv6Packet(58, service6, other6, 129, 0, 0, 0)), serve},
		{"advertisement from the address", frame(0x86dd, neighborDiscovery(136, service6, all, service6)), answer},
		{"solicitation from the address", frame(0x86dd, neighborDiscovery(135, service6, all, other6)), answer},
		{"solicitation for the address", frame(0x86dd, neighborDiscovery(135, other6, all, service6)), nothing},
		{"ARP from the address", frame(0x0806, arpMessage(1, service4, other4)), answer},
		{"ARP for the address", frame(0x0806, arpMessage(1, other4, service4)), nothing},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := load(t)
			l.bindBoth(t)
			l.verdicts(t, l.out, c.frame, c.needs)
		})
	}
}

// verdicts opens and closes each deadline and compares.
func (l loaded) verdicts(t *testing.T, p *ebpf.Program, f []byte, n needs) {
	t.Helper()
	past := core.Instant(1)
	for _, s := range []struct {
		slot core.FenceSlot
		pass bool
	}{
		{core.FenceSlot{Slot: 1}, n == nothing},
		{core.FenceSlot{Slot: 1, Answer: past, Serve: past}, n == nothing},
		{core.FenceSlot{Slot: 1, Answer: clock.Never, Serve: past}, n == nothing || n == answer && !solicitedByUnicast(f)},
		{core.FenceSlot{Slot: 1, Answer: past, Serve: clock.Never}, n != answer},
		{core.FenceSlot{Slot: 1, Answer: clock.Never, Serve: clock.Never}, true},
	} {
		l.maps.table().move(s.slot)
		if pass := run(t, p, f); pass != s.pass {
			t.Errorf("answer %d, serve %d: passes %t, want %t", s.slot.Answer, s.slot.Serve, pass, s.pass)
		}
	}
}

// solicitedByUnicast tells of a solicitation that is a packet to the address, too.
func solicitedByUnicast(f []byte) bool {
	return binary.BigEndian.Uint16(f[12:]) == 0x86dd && netip.AddrFrom16([16]byte(f[38:54])) == service6
}

// Odd frames must neither be refused by the program nor, without an address of
// ours in them, be dropped.
func FuzzIngressProgram(f *testing.F) {
	l := load(f)
	l.bindBoth(f)
	f.Add(frame(0x0800, ipv4Packet(other4, other4)))
	f.Add(frame(0x0806, arpMessage(1, other4, other4)))
	f.Add(frame(0x88a8, tag(5, 0x8100), tag(6, 0x8100), tag(7, 0x0800), ipv4Packet(other4, other4)))
	f.Add(frame(0x86dd, neighborDiscovery(135, other6, other6, other6)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 14 || len(data) > 2000 {
			return // no Ethernet frame
		}
		at := hex.EncodeToString(data)
		verdict, err := l.in.Run(&ebpf.RunOptions{Data: data, DataOut: make([]byte, len(data)+256)})
		if errors.Is(err, unix.EINVAL) {
			return // the kernel does not take every frame for a trial
		}
		if err != nil {
			t.Fatalf("run the program on %s: %v", at, err)
		}
		if int32(verdict) != verdictNext && !contains(at, service4) && !contains(at, service6) {
			t.Errorf("dropped %s", at)
		}
	})
}

// contains tells whether the hex text has an address in it.
func contains(text string, addr netip.Addr) bool {
	return strings.Contains(text, hex.EncodeToString(addr.AsSlice()))
}
