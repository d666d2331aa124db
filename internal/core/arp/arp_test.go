package arp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

var (
	hw     = MAC{0x02, 0x00, 0x5e, 0x10, 0x00, 0x01}
	vip    = netip.MustParseAddr("192.168.0.200")
	own    = netip.MustParseAddr("192.168.0.10")
	golden = []struct {
		name       string
		frame      []byte
		hex        string
		gratuitous bool
	}{
		{
			"RFC 5227 §3 announcement: request, target hardware address zero",
			AppendGratuitousRequest(nil, hw, vip),
			"ffffffffffff 02005e100001 0806  0001 0800 06 04 0001  02005e100001 c0a800c8  000000000000 c0a800c8",
			true,
		},
		{
			"reply form: target hardware address is the sender's",
			AppendGratuitousReply(nil, hw, vip),
			"ffffffffffff 02005e100001 0806  0001 0800 06 04 0002  02005e100001 c0a800c8  02005e100001 c0a800c8",
			true,
		},
		{
			"who-has",
			AppendWhoHas(nil, hw, own, vip),
			"ffffffffffff 02005e100001 0806  0001 0800 06 04 0001  02005e100001 c0a8000a  000000000000 c0a800c8",
			false,
		},
		{
			"RFC 5227 §2.1.1 probe: sender address zero",
			AppendWhoHas(nil, hw, netip.IPv4Unspecified(), vip),
			"ffffffffffff 02005e100001 0806  0001 0800 06 04 0001  02005e100001 00000000  000000000000 c0a800c8",
			false,
		},
	}
)

func TestGoldenBytes(t *testing.T) {
	for _, g := range golden {
		want, err := hex.DecodeString(strings.ReplaceAll(g.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(g.frame, want) {
			t.Errorf("%s:\n got %x\nwant %x", g.name, g.frame, want)
		}
		m, err := Parse(append(want, make([]byte, 18)...)) // padded to 60 bytes, as on a wire
		if err != nil {
			t.Errorf("%s: %v", g.name, err)
		}
		if m.Gratuitous() != g.gratuitous {
			t.Errorf("%s: gratuitous = %v", g.name, m.Gratuitous())
		}
	}
}

// An independent decoder reads the same.
func TestGopacketAgrees(t *testing.T) {
	for _, g := range golden {
		m, err := Parse(g.frame)
		if err != nil {
			t.Fatal(err)
		}
		p := gopacket.NewPacket(g.frame, layers.LayerTypeEthernet, gopacket.Default)
		if e := p.ErrorLayer(); e != nil {
			t.Fatalf("%s: %v", g.name, e.Error())
		}
		ether := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
		a := p.Layer(layers.LayerTypeARP).(*layers.ARP)
		got := Message{
			Dst: MAC(ether.DstMAC), Src: MAC(ether.SrcMAC), Op: Op(a.Operation),
			SenderHW: MAC(a.SourceHwAddress), SenderIP: netip.AddrFrom4([4]byte(a.SourceProtAddress)),
			TargetHW: MAC(a.DstHwAddress), TargetIP: netip.AddrFrom4([4]byte(a.DstProtAddress)),
		}
		if got != m {
			t.Errorf("%s:\n gopacket %+v\n we       %+v", g.name, got, m)
		}
	}
}

// We read what an independent encoder writes.
func TestParseGopacketFrame(t *testing.T) {
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{SrcMAC: hw[:], DstMAC: net.HardwareAddr(Broadcast[:]), EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation: layers.ARPReply, SourceHwAddress: hw[:], SourceProtAddress: vip.AsSlice(),
			DstHwAddress: hw[:], DstProtAddress: vip.AsSlice(),
		})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Append(nil, m), AppendGratuitousReply(nil, hw, vip)) {
		t.Errorf("got %+v", m)
	}
}

func TestParseRefuses(t *testing.T) {
	whole := AppendGratuitousRequest(nil, hw, vip)
	changed := func(at int, to byte) []byte {
		b := bytes.Clone(whole)
		b[at] = to
		return b
	}
	for _, c := range []struct {
		name  string
		frame []byte
		want  error
	}{
		{"nothing", nil, ErrShort},
		{"one byte short", whole[:FrameLen-1], ErrShort},
		{"IPv4 in Ethernet", changed(13, 0x00), ErrKind},
		{"another hardware type", changed(15, 6), ErrKind},
		{"another protocol", changed(16, 0x86), ErrKind},
		{"eight-byte hardware addresses", changed(18, 8), ErrKind},
		{"sixteen-byte addresses", changed(19, 16), ErrKind},
		{"reverse ARP", changed(21, 3), ErrOp},
	} {
		if _, err := Parse(c.frame); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// A reply whose target hardware address is broadcast is not gratuitous to Linux.
func TestGratuitousReplyToBroadcastIsNone(t *testing.T) {
	m := Message{Op: Reply, SenderHW: hw, SenderIP: vip, TargetHW: Broadcast, TargetIP: vip}
	if m.Gratuitous() {
		t.Error("taken for gratuitous")
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	b := make([]byte, 0, 2*FrameLen)
	if n := testing.AllocsPerRun(100, func() {
		b = AppendGratuitousReply(AppendGratuitousRequest(b[:0], hw, vip), hw, vip)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, g := range golden {
		f.Add(g.frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := Parse(frame)
		if err != nil {
			return
		}
		if got := Append(nil, m); !bytes.Equal(got, frame[:FrameLen]) {
			t.Errorf("round trip:\n in  %x\n out %x", frame[:FrameLen], got)
		}
	})
}
