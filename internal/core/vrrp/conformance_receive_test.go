package vrrp

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// "It MUST verify that the VRRP version is 3."
func TestRFC9568_7_1_Version(t *testing.T) {
	for version := range byte(16) {
		p := sent(v3())
		p.Bytes[0] = version<<4 | 1
		repair(p)
		want := BadVersion
		if version == 3 {
			want = Accepted
		}
		if got := decode(v3(), p); got != want {
			t.Errorf("version %d: %v, want %v", version, got, want)
		}
	}
}

// "It MUST verify that the VRRP packet type is 1 (ADVERTISEMENT)."
func TestRFC9568_7_1_Type(t *testing.T) {
	p := sent(v3())
	p.Bytes[0] = 0x30
	repair(p)
	if got := decode(v3(), p); got != BadType {
		t.Errorf("type 0: %v", got)
	}
}

// "It MUST verify that the received packet contains the complete VRRP packet (including
// fixed fields and the IPvX address)."
func TestRFC9568_7_1_CompletePacket(t *testing.T) {
	for _, cfg := range []Config{v3(), v3ipv6(), v2(), v3hmac(key(1, 0))} {
		whole := sent(cfg).Bytes
		for n := range whole {
			p := sent(cfg)
			p.Bytes = whole[:n:n]
			want := BadLength
			if cfg.Auth.Type == AuthHMAC && n == len(whole)-trailerSize {
				want = NoAuth
			}
			if got := decode(cfg, p); got != want {
				t.Errorf("version %d family %d, %d of %d bytes: %v, want %v", cfg.Version, cfg.Family(), n, len(whole), got, want)
			}
		}
	}
}

// "It MUST verify the VRRP checksum."
func TestRFC9568_7_1_Checksum(t *testing.T) {
	for _, cfg := range []Config{v3(), v3ipv6()} {
		right := sent(cfg)
		for value := range 1 << 16 {
			p := sent(cfg)
			p.Bytes = slices.Clone(right.Bytes)
			p.Bytes[6], p.Bytes[7] = byte(value>>8), byte(value)
			got := decode(cfg, p)
			if p.Bytes[6] == right.Bytes[6] && p.Bytes[7] == right.Bytes[7] || cfg.Family() == 4 && value == 0x4330 {
				if got != Accepted {
					t.Fatalf("family %d: checksum %04x: %v", cfg.Family(), value, got)
				}
			} else if got != BadChecksum {
				t.Fatalf("family %d: checksum %04x: %v", cfg.Family(), value, got)
			}
		}
	}
}

// "It MUST verify that the VRID is configured on the receiving interface."
func TestRFC9568_7_1_VRID(t *testing.T) {
	for vrid := range 256 {
		p := sent(v3())
		p.Bytes[1] = byte(vrid)
		repair(p)
		want := BadVRID
		if vrid == 10 {
			want = Accepted
		}
		if got := decode(v3(), p); got != want {
			t.Errorf("VRID %d: %v, want %v", vrid, got, want)
		}
	}
}

// "It MUST verify that the Max Advertise Interval is non zero." (erratum 8301)
func TestRFC9568_7_1_IntervalIsNotZero(t *testing.T) {
	p := sent(v3())
	p.Bytes[4], p.Bytes[5] = 0, 0
	repair(p)
	if got := decode(v3(), p); got != ZeroInterval {
		t.Errorf("%v", got)
	}
}

// "If any one of the above checks fails, the receiver MUST discard the packet": nothing is
// learned from it, and a counter tells which check it was.
func TestRFC9568_7_1_RefusedPacketChangesNothing(t *testing.T) {
	cfg := v3()
	codec := NewCodec(&cfg)
	if _, refusal := codec.Decode(0, sent(v3())); refusal != Accepted {
		t.Fatal(refusal)
	}
	before := codec.ad
	p := &Packet{Source: other4, Destination: group4, TTL: TTL, Bytes: unhex(t, hand4header)}
	p.Bytes[1] = 11
	p.Bytes[7]--
	for range 3 {
		if ad, refusal := codec.Decode(0, p); ad != nil || refusal != BadVRID {
			t.Errorf("%v, %v", ad, refusal)
		}
	}
	if codec.ad.Priority != before.Priority || codec.form != formMessage || codec.Counters().Packets[BadVRID] != 3 {
		t.Errorf("changed: %+v, %+v", codec.ad, codec.Counters())
	}
}

// "A receiver SHOULD also verify that the Max Advertise Interval in the received VRRP packet
// matches the Advertisement_Interval configured for the VRID": it is counted and followed.
func TestRFC9568_7_1_OtherIntervalIsCounted(t *testing.T) {
	cfg := v3()
	cfg.Interval = 20 * time.Millisecond
	codec := NewCodec(&cfg)
	ad, refusal := codec.Decode(0, sent(v3()))
	if refusal != Accepted || ad.Interval != time.Second || codec.Counters().OtherIntervals != 1 {
		t.Errorf("%+v, %v, counted %+v", ad, refusal, codec.Counters())
	}
}

// "A receiver MAY also verify that IPvX Addr Count and the list of IPvX address(es) match
// the IPvX address(es) configured for the VRID": it is counted, whatever their order.
func TestRFC9568_7_1_OtherAddressesAreCounted(t *testing.T) {
	a, b, c := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101"), netip.MustParseAddr("192.0.2.102")
	for _, test := range []struct {
		list   []netip.Addr
		differ uint64
	}{
		{[]netip.Addr{a, b}, 0},
		{[]netip.Addr{b, a}, 0},
		{[]netip.Addr{a}, 2},
		{[]netip.Addr{a, c}, 2},
		{[]netip.Addr{a, a}, 2},
		{[]netip.Addr{a, b, c}, 2},
	} {
		cfg, other := v3(), v3()
		other.Addresses = test.list
		codec := NewCodec(&cfg)
		for range 2 {
			ad, refusal := codec.Decode(0, sent(other))
			if refusal != Accepted || !slices.Equal(ad.Addresses, test.list) {
				t.Errorf("%v: %+v, %v", test.list, ad, refusal)
			}
		}
		if got := codec.Counters().OtherAddresses; got != test.differ {
			t.Errorf("%v: counted %d, want %d", test.list, got, test.differ)
		}
		if _, refusal := codec.Decode(0, sent(v3())); refusal != Accepted || codec.Counters().OtherAddresses != test.differ {
			t.Errorf("%v: the list as configured is counted after it", test.list)
		}
	}
}

// "The following operations MUST be performed when transmitting a VRRP packet: fill in the
// VRRP packet fields with the appropriate Virtual Router configuration state; compute the
// VRRP checksum." What stood in the buffer before is left alone.
func TestRFC9568_7_2_Transmit(t *testing.T) {
	cfg := v3()
	codec := NewCodec(&cfg)
	b := codec.Append([]byte("before"), 0, other4, group4, 100, time.Second)
	if string(b[:6]) != "before" || hex.EncodeToString(b[6:]) != hand4 {
		t.Errorf("sent %x", b)
	}
}
