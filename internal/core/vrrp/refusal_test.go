package vrrp

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// The addresses of the tests' routers: this one, another, and the group.
var (
	this4, other4 = netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.1")
	this6, other6 = netip.MustParseAddr("fe80::2"), netip.MustParseAddr("fe80::1")
	group6        = netip.MustParseAddr("ff02::12")
)

// v3 is a virtual router of version 3 over IPv4 multicast.
func v3() Config {
	return Config{
		VRID: 10, Version: 3, Interval: time.Second, MinTTL: TTL, To: []netip.Addr{group4}, Checksum: ChecksumMessage,
		Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101")},
	}
}

// v3ipv6 is one over IPv6 multicast.
func v3ipv6() Config {
	cfg := v3()
	cfg.To = []netip.Addr{group6}
	cfg.Addresses = []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("2001:db8::100")}
	return cfg
}

// v3unicast is one over IPv4 unicast.
func v3unicast() Config {
	cfg := v3()
	cfg.Unicast, cfg.To, cfg.Peers = true, []netip.Addr{other4}, []netip.Addr{other4}
	return cfg
}

// v2 is a virtual router of version 2.
func v2() Config {
	cfg := v3()
	cfg.Version = 2
	return cfg
}

func v2password(password string) Config {
	cfg := v2()
	cfg.Auth = Auth{Type: AuthPassword, Keys: []Key{{Secret: []byte(password)}}}
	return cfg
}

// v3hmac authenticates by keys, of which the first signs.
func v3hmac(keys ...Key) Config {
	cfg := v3()
	cfg.Auth = Auth{Type: AuthHMAC, Keys: keys}
	return cfg
}

// sent is what another router of the configuration sends, with priority 100.
func sent(cfg Config) *Packet {
	p := &Packet{Source: other4, Destination: group4, TTL: TTL}
	if cfg.Family() == 6 {
		p.Source, p.Destination = other6, group6
	}
	if cfg.Unicast {
		p.Destination = this4
	}
	codec := NewCodec(&cfg)
	codec.SetWall(vectorWall)
	p.Bytes = codec.Append(nil, 0, p.Source, p.Destination, 100, cfg.Interval)
	return p
}

// repair makes the checksum of an IPv4 packet right: of the message alone.
func repair(p *Packet) {
	n := headerSize + 4*int(p.Bytes[3])
	if p.Bytes[0]>>4 == 2 {
		n += passwordSize
	}
	n = min(n, len(p.Bytes))
	binary.BigEndian.PutUint16(p.Bytes[checksumOffset:], 0)
	binary.BigEndian.PutUint16(p.Bytes[checksumOffset:], sum(0).add(p.Bytes[:n]).fold())
}

// decode reads a packet with a fresh codec.
func decode(cfg Config, p *Packet) Refusal {
	codec := NewCodec(&cfg)
	codec.SetWall(vectorWall)
	_, refusal := codec.Decode(0, p)
	return refusal
}

// spoiled is what was done to a packet that would be accepted.
type spoiled struct {
	name   string
	cfg    Config
	spoil  func(*Packet)
	refuse Refusal
}

var key1, key2 = key(1, 0), key(2, 100)

// spoiledPackets are refused, but for the first, whoever sent them.
var spoiledPackets = []spoiled{
	{"nothing", v3(), func(*Packet) {}, Accepted},
	{"source of the other family", v3(), func(p *Packet) { p.Source = other6 }, BadFamily},
	{"destination of the other family", v3(), func(p *Packet) { p.Destination = group6 }, BadFamily},
	{"no source", v3ipv6(), func(p *Packet) { p.Source = netip.Addr{} }, BadFamily},
	{"no destination", v3ipv6(), func(p *Packet) { p.Destination = netip.Addr{} }, BadFamily},
	{"nothing at all", v3(), func(p *Packet) { p.Bytes = nil }, BadLength},
	{"half a header", v3(), func(p *Packet) { p.Bytes = p.Bytes[:7] }, BadLength},
	{"no room for its addresses", v3(), func(p *Packet) { p.Bytes = p.Bytes[:15] }, BadLength},
	{"more addresses than announced", v3(), func(p *Packet) { p.Bytes = append(p.Bytes, 192, 0, 2, 102) }, BadLength},
	{"no room for its authentication", v2(), func(p *Packet) { p.Bytes = p.Bytes[:16] }, BadLength},
	{"255 addresses announced", v3ipv6(), func(p *Packet) { p.Bytes[3] = 255 }, BadLength},
	{"other virtual router", v3(), func(p *Packet) { p.Bytes[1] = 11; repair(p) }, BadVRID},
	{"TTL 254", v3(), func(p *Packet) { p.TTL = 254 }, BadTTL},
	{"hop limit 254", v3ipv6(), func(p *Packet) { p.TTL = 254 }, BadTTL},
	{"version 2 to a router of version 3", v3(), func(p *Packet) { *p = *sent(v2()) }, BadVersion},
	{"version 3 to a router of version 2", v2(), func(p *Packet) { *p = *sent(v3()) }, BadVersion},
	{"version 4", v3(), func(p *Packet) { p.Bytes[0] = 0x41; repair(p) }, BadVersion},
	{"type 2", v3(), func(p *Packet) { p.Bytes[0] = 0x32; repair(p) }, BadType},
	{"other group", v3(), func(p *Packet) { p.Destination = netip.MustParseAddr("224.0.0.19") }, BadDestination},
	{"unicast to a router that listens to a group", v3(), func(p *Packet) { p.Destination = this4 }, BadDestination},
	{"group to a router that is told of its peers", v3unicast(), func(p *Packet) { p.Destination = group4 }, BadDestination},
	{"not a peer", v3unicast(), func(p *Packet) { p.Source = netip.MustParseAddr("192.0.2.3") }, NotAPeer},
	{"no addresses", v3(), func(p *Packet) { p.Bytes = p.Bytes[:8]; p.Bytes[3] = 0; repair(p) }, BadAddressCount},
	{"checksum", v3(), func(p *Packet) { p.Bytes[7]++ }, BadChecksum},
	{"checksum over IPv6", v3ipv6(), func(p *Packet) { p.Bytes[7]++ }, BadChecksum},
	{"checksum over IPv6 for another source", v3ipv6(), func(p *Packet) { p.Source = netip.MustParseAddr("fe80::3") }, BadChecksum},
	{"checksum in version 2", v2(), func(p *Packet) { p.Bytes[7]++ }, BadChecksum},
	{"interval 0", v3(), func(p *Packet) { p.Bytes[4], p.Bytes[5] = 0, 0; repair(p) }, ZeroInterval},
	{"interval 0 under reserved bits", v3(), func(p *Packet) { p.Bytes[4], p.Bytes[5] = 0xf0, 0; repair(p) }, ZeroInterval},
	{"interval 0 in version 2", v2(), func(p *Packet) { p.Bytes[5] = 0; repair(p) }, ZeroInterval},
	{"other interval in version 2", v2(), func(p *Packet) { p.Bytes[5] = 2; repair(p) }, OtherInterval},
}

// spoiledSecrets are refused because the sender has not shown that it knows the secret.
var spoiledSecrets = []spoiled{
	{"no password", v2password("secret"), func(p *Packet) { *p = *sent(v2()) }, NoAuth},
	{"wrong password", v2password("secret"), func(p *Packet) { *p = *sent(v2password("Secret")) }, BadAuth},
	{"longer password", v2password("secret"), func(p *Packet) { *p = *sent(v2password("secret1")) }, BadAuth},
	{"a password that nobody asked for", v2(), func(p *Packet) { *p = *sent(v2password("secret")) }, OtherAuth},
	{"authentication header", v2password("secret"), func(p *Packet) { p.Bytes[4] = 2; repair(p) }, OtherAuth},
	{"no trailer", v3hmac(key1), func(p *Packet) { *p = *sent(v3()) }, NoAuth},
	{"a trailer that nobody asked for", v3(), func(p *Packet) { *p = *sent(v3hmac(key1)) }, OtherAuth},
	{"half a trailer", v3hmac(key1), func(p *Packet) { p.Bytes = p.Bytes[:30] }, BadLength},
	{"other kind of trailer", v3hmac(key1), func(p *Packet) { p.Bytes[16] = 2 }, BadTrailer},
	{"reserved bits of the trailer", v3hmac(key1), func(p *Packet) { p.Bytes[19] = 1 }, BadTrailer},
	{"unknown key", v3hmac(key1), func(p *Packet) { *p = *sent(v3hmac(key2)) }, UnknownKey},
	{"other secret of the same number", v3hmac(key1), func(p *Packet) { *p = *sent(v3hmac(key(1, 1))) }, BadAuth},
	{"changed priority", v3hmac(key1), func(p *Packet) { p.Bytes[2]++; repair(p) }, BadAuth},
	{"changed address", v3hmac(key1), func(p *Packet) { p.Bytes[15]++; repair(p) }, BadAuth},
	{"changed counter", v3hmac(key1), func(p *Packet) { p.Bytes[27]++ }, BadAuth},
	{"changed HMAC", v3hmac(key1), func(p *Packet) { p.Bytes[43] ^= 1 }, BadAuth},
	{"source that did not sign", v3hmac(key1), func(p *Packet) { p.Source = netip.MustParseAddr("192.0.2.3") }, BadAuth},
	{"time", v3hmac(key1), func(p *Packet) { p.Bytes[23] += 6 }, OutsideWindow},
}

// Every cause of a refusal.
func TestRefusals(t *testing.T) {
	for _, test := range append(slices.Clone(spoiledPackets), spoiledSecrets...) {
		t.Run(test.name, func(t *testing.T) {
			p := sent(test.cfg)
			test.spoil(p)
			codec := NewCodec(&test.cfg)
			codec.SetWall(vectorWall)
			form := codec.form
			ad, refusal := codec.Decode(0, p)
			if refusal != test.refuse || (ad == nil) != (refusal != Accepted) {
				t.Errorf("%v, want %v", refusal, test.refuse)
			}
			want := Counters{}
			want.Packets[test.refuse] = 1
			if codec.Counters() != want {
				t.Errorf("counted %+v", codec.Counters())
			}
			known := slices.ContainsFunc(codec.replay.senders, func(s sender) bool { return s.used != 0 })
			if codec.form != form || known {
				t.Error("the packet was remembered")
			}
		})
	}
}

// No cause of a refusal is without a test.
func TestRefusalsAreAllTested(t *testing.T) {
	tested := map[Refusal]bool{OwnPacket: true, Replayed: true} // elsewhere: they need a packet before
	for _, test := range append(slices.Clone(spoiledPackets), spoiledSecrets...) {
		tested[test.refuse] = true
	}
	for r := range Refusal(Refusals) {
		if !tested[r] {
			t.Errorf("%v", r)
		}
	}
}

// A packet from the address that this router sends from is its own.
func TestRefusesOwnPacket(t *testing.T) {
	cfg := v3()
	codec := NewCodec(&cfg)
	p := &Packet{Source: this4, Destination: group4, TTL: TTL}
	p.Bytes = codec.Append(nil, 0, this4, group4, 100, time.Second)
	if _, refusal := codec.Decode(0, p); refusal != OwnPacket {
		t.Errorf("%v", refusal)
	}
}

func TestRefusalNames(t *testing.T) {
	names := map[string]Refusal{}
	for r := range Refusal(Refusals) {
		if other, ok := names[r.String()]; ok || r.String() == "" {
			t.Errorf("%d is called %q like %d", r, r.String(), other)
		}
		names[r.String()] = r
	}
	if got := Refusal(Refusals).String(); got != "unknown" {
		t.Errorf("a value that does not exist is called %q", got)
	}
}

// An address may come with its zone, and an IPv4 address as IPv6.
func TestZonesAreNoPartOfAddresses(t *testing.T) {
	cfg := v3ipv6()
	cfg.Unicast, cfg.To, cfg.Peers = true, []netip.Addr{other6.WithZone("eth0")}, []netip.Addr{other6.WithZone("eth0")}
	p := sent(v3ipv6())
	p.Destination = this6
	codec := NewCodec(&cfg)
	p.Bytes = codec.Append(nil, 0, other6.WithZone("eth1"), this6, 100, time.Second)
	p.Source = other6.WithZone("eth7")
	if got := decode(cfg, p); got != Accepted {
		t.Errorf("%v", got)
	}
	q := sent(v3())
	q.Source = netip.AddrFrom16(q.Source.As16())
	if got := decode(v3(), q); got != Accepted {
		t.Errorf("IPv4 in IPv6: %v", got)
	}
}
