package vrrp

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// The IPv4 packet of these tests, by hand: version 3 type 1, VRID 10, priority
// 100, 2 addresses, 100 centiseconds. The sum of its words is
// 310a+6402+0064+c000+0264+c000+0265 = 21a39, folded 1a3b; its complement e5c4.
const hand4 = "310a640200" + "64" + "e5c4" + "c0000264" + "c0000265"

// The same with the pseudo-header 192.0.2.1, 224.0.0.18, 112, length 16 in the sum:
// 21a39+c000+0201+e000+0012+0070+0010 = 3bccc, folded bccf; its complement 4330.
const hand4header = "310a640200" + "64" + "4330" + "c0000264" + "c0000265"

// IPv6 from fe80::1 to ff02::12: the words of the message add up to
// 310a+6402+0064 + fe80+0100 + 2001+0db8+0100 = 1c3a9, those of the pseudo-header to
// fe80+0001+ff02+0012+0028+0070 = 1fe2d; together 3c1d6, folded c1d9; its complement 3e26.
const hand6 = "310a640200" + "64" + "3e26" + "fe800000000000000000000000000100" + "20010db8000000000000000000000100"

// transmit returns what a router of the configuration sends.
func transmit(cfg Config, priority uint8, interval time.Duration) []byte {
	from, to := other4, group4
	if cfg.Family() == 6 {
		from, to = other6, group6
	}
	return NewCodec(&cfg).Append(nil, 0, from, to, priority, interval)
}

// "The TTL MUST be set to 255. A VRRP Router receiving a packet with the TTL not
// equal to 255 MUST discard the packet."
func TestRFC9568_5_1_1_3_TTLOf255(t *testing.T) {
	if TTL != 255 {
		t.Errorf("sent with %d", TTL)
	}
	for ttl := range 256 {
		p := sent(v3())
		p.TTL = ttl
		want := BadTTL
		if ttl == 255 {
			want = Accepted
		}
		if got := decode(v3(), p); got != want {
			t.Errorf("TTL %d: %v, want %v", ttl, got, want)
		}
	}
}

// "A VRRP Router receiving a packet with the Hop Limit not equal to 255 MUST
// discard the packet."
func TestRFC9568_5_1_2_3_HopLimitOf255(t *testing.T) {
	for limit := range 256 {
		p := sent(v3ipv6())
		p.TTL = limit
		want := BadTTL
		if limit == 255 {
			want = Accepted
		}
		if got := decode(v3ipv6(), p); got != want {
			t.Errorf("hop limit %d: %v, want %v", limit, got, want)
		}
	}
}

// "A packet with unknown type MUST be discarded." (MUST)
func TestRFC9568_5_2_2_UnknownTypeIsDiscarded(t *testing.T) {
	for kind := range byte(16) {
		p := sent(v3())
		p.Bytes[0] = 0x30 | kind
		repair(p)
		want := BadType
		if kind == 1 {
			want = Accepted
		}
		if got := decode(v3(), p); got != want {
			t.Errorf("type %d: %v, want %v", kind, got, want)
		}
	}
}

// "The priority value zero (0) has special meaning", and each value from 0 to 255 is
// carried as it is. (MUST)
func TestRFC9568_5_2_4_PriorityIsCarried(t *testing.T) {
	cfg := v3()
	codec := NewCodec(&cfg)
	for priority := range 256 {
		p := &Packet{Source: other4, Destination: group4, TTL: TTL, Bytes: transmit(cfg, uint8(priority), time.Second)}
		ad, refusal := codec.Decode(0, p)
		if refusal != Accepted || ad.Priority != uint8(priority) || p.Bytes[2] != uint8(priority) {
			t.Fatalf("priority %d: %+v, %v", priority, ad, refusal)
		}
	}
}

// "If the received count is 0, the VRRP advertisement MUST be ignored."
func TestRFC9568_5_2_5_AddressCount(t *testing.T) {
	cfg := v3()
	cfg.Addresses = nil
	for i := range 255 {
		cfg.Addresses = append(cfg.Addresses, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
		b := transmit(cfg, 100, time.Second)
		codec := NewCodec(&cfg)
		ad, refusal := codec.Decode(0, &Packet{Source: other4, Destination: group4, TTL: TTL, Bytes: b})
		if refusal != Accepted || int(b[3]) != i+1 || !slices.Equal(ad.Addresses, cfg.Addresses) {
			t.Fatalf("%d addresses: %v", i+1, refusal)
		}
	}
	p := sent(v3())
	p.Bytes[3], p.Bytes = 0, p.Bytes[:headerSize]
	repair(p)
	if got := decode(v3(), p); got != BadAddressCount {
		t.Errorf("no address: %v", got)
	}
}

// "The Reserve field MUST be set to zero on transmission and ignored on reception."
func TestRFC9568_5_2_6_ReservedBits(t *testing.T) {
	b := transmit(v3(), 100, 40950*time.Millisecond)
	if b[4] != 0x0f || b[5] != 0xff {
		t.Errorf("sent %02x%02x", b[4], b[5])
	}
	for reserved := range byte(16) {
		p := sent(v3())
		p.Bytes[4] |= reserved << 4
		repair(p)
		cfg := v3()
		ad, refusal := NewCodec(&cfg).Decode(0, p)
		if refusal != Accepted || ad.Interval != time.Second {
			t.Errorf("reserved bits %x: %+v, %v", reserved, ad, refusal)
		}
	}
}

// "Max Advertise Interval is a 12-bit field that indicates the time interval (in
// centiseconds) between ADVERTISEMENTS." (MUST)
func TestRFC9568_5_2_7_MaxAdvertiseInterval(t *testing.T) {
	cfg := v3()
	codec := NewCodec(&cfg)
	for field := 1; field <= maxIntervalField; field++ {
		b := transmit(cfg, 100, time.Duration(field)*10*time.Millisecond)
		if got := int(binary.BigEndian.Uint16(b[4:])); got != field {
			t.Fatalf("field %d, want %d", got, field)
		}
		ad, refusal := codec.Decode(0, &Packet{Source: other4, Destination: group4, TTL: TTL, Bytes: b})
		if refusal != Accepted || ad.Interval != time.Duration(field)*10*time.Millisecond {
			t.Fatalf("%d centiseconds: %+v, %v", field, ad, refusal)
		}
	}
	for interval, want := range map[time.Duration]uint16{0: 1, 9 * time.Millisecond: 1, 19 * time.Millisecond: 1, 41 * time.Second: 4095, time.Hour: 4095} {
		if got := binary.BigEndian.Uint16(transmit(v3(), 100, interval)[4:]); got != want {
			t.Errorf("%v: field %d, want %d", interval, got, want)
		}
	}
}

// "For the IPv4 address family, the checksum calculation only includes the VRRP message
// starting with the Version field and ending after the last IPv4 address." (MUST)
func TestRFC9568_5_2_8_ChecksumIPv4(t *testing.T) {
	cfg := v3()
	cfg.Checksum = ChecksumMessage
	if got := hex.EncodeToString(transmit(cfg, 100, time.Second)); got != hand4 {
		t.Errorf("sent\n  %s, want\n  %s", got, hand4)
	}
	p := &Packet{Source: other4, Destination: group4, TTL: TTL, Bytes: unhex(t, hand4)}
	if got := decode(cfg, p); got != Accepted {
		t.Errorf("%v", got)
	}
}

// The form with a pseudo-header, which RFC 5798 section 5.2.8 was read to ask for, is
// accepted too; which of them is sent is configured or mirrored, and the other
// one counted.
func TestRFC9568_5_2_8_ChecksumIPv4OfRFC5798(t *testing.T) {
	message := &Packet{Source: other4, Destination: group4, TTL: TTL, Bytes: unhex(t, hand4)}
	pseudo := &Packet{Source: other4, Destination: group4, TTL: TTL, Bytes: unhex(t, hand4header)}
	for _, test := range []struct {
		name     string
		checksum Checksum
		packets  []*Packet
		other    uint64
		sends    string
	}{
		{"automatic, nobody heard", ChecksumAuto, nil, 0, hand4header},
		{"automatic, message alone heard", ChecksumAuto, []*Packet{message, message}, 1, hand4},
		{"automatic, pseudo-header heard", ChecksumAuto, []*Packet{pseudo, pseudo}, 0, hand4header},
		{"automatic, both heard", ChecksumAuto, []*Packet{pseudo, message}, 1, hand4},
		{"message alone", ChecksumMessage, []*Packet{pseudo, message, pseudo}, 2, hand4},
		{"pseudo-header", ChecksumPseudoHeader, []*Packet{pseudo, message, pseudo}, 1, hand4header},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := v3()
			cfg.Checksum = test.checksum
			codec := NewCodec(&cfg)
			for i, p := range test.packets {
				if _, refusal := codec.Decode(0, p); refusal != Accepted {
					t.Errorf("packet %d: %v", i, refusal)
				}
			}
			if got := codec.Counters().OtherChecksum; got != test.other {
				t.Errorf("counted %d, want %d", got, test.other)
			}
			if got := hex.EncodeToString(codec.Append(nil, 0, other4, group4, 100, time.Second)); got != test.sends {
				t.Errorf("sends\n  %s, want\n  %s", got, test.sends)
			}
		})
	}
}

// "For the IPv6 address family, the checksum calculation also includes a prepended
// pseudo-header, as defined in Section 8.1 of [RFC8200]." (MUST)
func TestRFC9568_5_2_8_ChecksumIPv6(t *testing.T) {
	for _, checksum := range []Checksum{ChecksumAuto, ChecksumMessage, ChecksumPseudoHeader} {
		cfg := v3ipv6()
		cfg.Checksum = checksum
		if got := hex.EncodeToString(transmit(cfg, 100, time.Second)); got != hand6 {
			t.Errorf("sent\n  %s, want\n  %s", got, hand6)
		}
	}
	p := &Packet{Source: other6, Destination: group6, TTL: TTL, Bytes: unhex(t, hand6)}
	if got := decode(v3ipv6(), p); got != Accepted {
		t.Errorf("%v", got)
	}
	binary.BigEndian.PutUint16(p.Bytes[6:], 0)
	binary.BigEndian.PutUint16(p.Bytes[6:], sum(0).add(p.Bytes).fold())
	if got := decode(v3ipv6(), p); got != BadChecksum {
		t.Errorf("without a pseudo-header: %v", got)
	}
}

// The destination in the pseudo-header is that of the packet, a group or not. (MUST)
func TestRFC9568_5_2_8_ChecksumIPv6OfUnicast(t *testing.T) {
	cfg := v3ipv6()
	cfg.Unicast, cfg.To, cfg.Peers = true, []netip.Addr{other6}, []netip.Addr{other6}
	codec := NewCodec(&cfg)
	b := codec.Append(nil, 0, other6, this6, 100, time.Second)
	if got := decode(cfg, &Packet{Source: other6, Destination: this6, TTL: TTL, Bytes: b}); got != Accepted {
		t.Errorf("%v", got)
	}
	b = codec.Append(nil, 0, other6, group6, 100, time.Second)
	if got := decode(cfg, &Packet{Source: other6, Destination: this6, TTL: TTL, Bytes: b}); got != BadChecksum {
		t.Errorf("with the group in the pseudo-header: %v", got)
	}
}

// "For IPv6, the first address MUST be the IPv6 link-local address associated with
// the Virtual Router": addresses are sent and read in the order of the configuration.
func TestRFC9568_5_2_9_AddressesInOrder(t *testing.T) {
	for _, cfg := range []Config{v3(), v3ipv6(), v2()} {
		codec := NewCodec(&cfg)
		ad, refusal := codec.Decode(0, sent(cfg))
		if refusal != Accepted || !slices.Equal(ad.Addresses, cfg.Addresses) {
			t.Errorf("version %d family %d: %v, %v", cfg.Version, cfg.Family(), ad, refusal)
		}
	}
}

// "The address family of the addresses MUST be the same as the VRRP packet's IPvX header
// address family."
func TestRFC9568_5_2_9_FamilyOfTheHeader(t *testing.T) {
	p := sent(v3())
	p.Source, p.Destination = other6, group6
	if got := decode(v3(), p); got != BadFamily {
		t.Errorf("IPv4 addresses over IPv6: %v", got)
	}
	p = sent(v3ipv6())
	p.Source, p.Destination = other4, group4
	if got := decode(v3ipv6(), p); got != BadFamily {
		t.Errorf("IPv6 addresses over IPv4: %v", got)
	}
}
