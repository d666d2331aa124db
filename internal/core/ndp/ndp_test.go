package ndp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

var (
	hw  = MAC{0x02, 0x00, 0x5e, 0x10, 0x00, 0x01}
	vip = netip.MustParseAddr("2001:db8::c8")
	own = netip.MustParseAddr("fe80::1")

	golden = []struct {
		name  string
		frame []byte
		hex   string
	}{
		{
			"RFC 4861 §7.2.6 unsolicited advertisement of a host",
			AppendAdvertisement(nil, hw, vip, false),
			`333300000001 02005e100001 86dd  60000000 0020 3a ff
			 20010db80000000000000000000000c8 ff020000000000000000000000000001
			 88 00 998c 20000000 20010db80000000000000000000000c8 02 01 02005e100001`,
		},
		{
			"and of a router",
			AppendAdvertisement(nil, hw, vip, true),
			`333300000001 02005e100001 86dd  60000000 0020 3a ff
			 20010db80000000000000000000000c8 ff020000000000000000000000000001
			 88 00 198c a0000000 20010db80000000000000000000000c8 02 01 02005e100001`,
		},
		{
			"RFC 4861 §4.3 solicitation",
			AppendSolicitation(nil, hw, own, vip),
			`3333ff0000c8 02005e100001 86dd  60000000 0020 3a ff
			 fe800000000000000000000000000001 ff0200000000000000000001ff0000c8
			 87 00 ebc2 00000000 20010db80000000000000000000000c8 01 01 02005e100001`,
		},
		{
			"RFC 4862 §5.4.2 probe: no source, no option",
			AppendSolicitation(nil, hw, netip.IPv6Unspecified(), vip),
			`3333ff0000c8 02005e100001 86dd  60000000 0018 3a ff
			 00000000000000000000000000000000 ff0200000000000000000001ff0000c8
			 87 00 4b5f 00000000 20010db80000000000000000000000c8`,
		},
	}
)

func TestGoldenBytes(t *testing.T) {
	for _, g := range golden {
		want, err := hex.DecodeString(strings.Join(strings.Fields(g.hex), ""))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(g.frame, want) {
			t.Errorf("%s:\n got %x\nwant %x", g.name, g.frame, want)
		}
		m, err := Parse(append(g.frame, 0, 0, 0, 0)) // padding
		if err != nil {
			t.Errorf("%s: %v", g.name, err)
		}
		if got := Append(nil, m); !bytes.Equal(got, g.frame) {
			t.Errorf("%s: round trip:\n got %x\nwant %x", g.name, got, g.frame)
		}
	}
}

// An independent encoder computes the same checksum and the same bytes.
func TestGopacketAgrees(t *testing.T) {
	for _, g := range golden {
		p := gopacket.NewPacket(g.frame, layers.LayerTypeEthernet, gopacket.Default)
		if e := p.ErrorLayer(); e != nil {
			t.Fatalf("%s: %v", g.name, e.Error())
		}
		ip := p.Layer(layers.LayerTypeIPv6).(*layers.IPv6)
		icmp := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
		if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		parts := []gopacket.SerializableLayer{p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet), ip, icmp}
		if na := p.Layer(layers.LayerTypeICMPv6NeighborAdvertisement); na != nil {
			parts = append(parts, na.(*layers.ICMPv6NeighborAdvertisement))
		} else {
			parts = append(parts, p.Layer(layers.LayerTypeICMPv6NeighborSolicitation).(*layers.ICMPv6NeighborSolicitation))
		}
		buf := gopacket.NewSerializeBuffer()
		opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
		if err := gopacket.SerializeLayers(buf, opts, parts...); err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		if !bytes.Equal(buf.Bytes(), g.frame) {
			t.Errorf("%s:\n gopacket %x\n we       %x", g.name, buf.Bytes(), g.frame)
		}
	}
}

// fixed repairs the checksum of a frame that a test has changed.
func fixed(frame []byte) []byte {
	body := frame[etherLen+ipLen:]
	body[2], body[3] = 0, 0
	sum := checksum([16]byte(frame[22:38]), [16]byte(frame[38:54]), body)
	body[2], body[3] = byte(sum>>8), byte(sum)
	return frame
}

func changed(frame []byte, at int, to byte) []byte {
	b := bytes.Clone(frame)
	b[at] = to
	return b
}

func TestParseRefuses(t *testing.T) {
	na := AppendAdvertisement(nil, hw, vip, false)
	probe := AppendSolicitation(nil, hw, netip.IPv6Unspecified(), vip)
	withOption := Append(nil, Message{
		Src: netip.IPv6Unspecified(), Dst: SolicitedNode(vip), Type: Solicitation,
		Target: vip, LinkAddr: hw, HasLinkAddr: true,
	})
	for _, c := range []struct {
		name  string
		frame []byte
		want  error
	}{
		{"nothing", nil, ErrShort},
		{"one byte short", na[:FrameLen-1], ErrShort},
		{"no room for a message", changed(na, 19, 23), ErrShort},
		{"IPv4", changed(na, 12, 0x08), ErrKind},
		{"UDP", changed(na, 20, 17), ErrKind},
		{"router advertisement", fixed(changed(na, 54, 134)), ErrKind},
		{"code 1", fixed(changed(na, 55, 1)), ErrKind},
		{"forwarded", changed(na, 21, 254), ErrHopLimit},
		{"a flipped bit", changed(na, 80, 1), ErrChecksum},
		{"multicast target", fixed(changed(na, 62, 0xff)), ErrTarget},
		{"option of length 0", fixed(changed(na, 79, 0)), ErrOption},
		{"option longer than the packet", fixed(changed(na, 79, 2)), ErrOption},
		{"solicited to everybody", fixed(changed(na, 58, 0x60)), ErrSource},
		{"probe to all nodes", fixed(changed(probe, 49, 0)), ErrSource},
		{"probe with a link-layer address", withOption, ErrSource},
	} {
		if _, err := Parse(c.frame); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	b := make([]byte, 0, FrameLen)
	if n := testing.AllocsPerRun(100, func() { b = AppendAdvertisement(b[:0], hw, vip, true) }); n != 0 {
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
		again, err := Parse(Append(nil, m))
		if err != nil || again != m {
			t.Errorf("round trip: %v\n in  %+v\n out %+v", err, m, again)
		}
	})
}
