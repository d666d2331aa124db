package vrrp

import (
	"net/netip"
	"slices"
	"testing"
	"time"
)

// kinds are virtual routers of every kind that reads packets in another way.
func kinds() []Config {
	unicast6 := v3ipv6()
	unicast6.Unicast, unicast6.To, unicast6.Peers = true, []netip.Addr{other6}, []netip.Addr{other6}
	hmac2 := v2()
	hmac2.Auth = Auth{Type: AuthHMAC, Keys: []Key{key(1, 0), key(2, 9)}}
	hmac6 := v3ipv6()
	hmac6.Auth = Auth{Type: AuthHMAC, Keys: []Key{key(1, 0)}, Monotonic: true}
	return []Config{v3(), v3ipv6(), v3unicast(), unicast6, v2(), v2password("secret"), v3hmac(key(1, 0)), hmac2, hmac6}
}

// between returns the addresses between which a packet of the kind travels.
func between(cfg *Config) (from, to netip.Addr) {
	switch {
	case cfg.Family() == 6 && cfg.Unicast:
		return other6, this6
	case cfg.Family() == 6:
		return other6, group6
	case cfg.Unicast:
		return other4, this4
	}
	return other4, group4
}

// FuzzDecode decodes anything. It never fails, and whatever is accepted says the
// same when it is encoded and decoded once more.
func FuzzDecode(f *testing.F) {
	for i, cfg := range kinds() {
		from, to := between(&cfg)
		codec := NewCodec(&cfg)
		codec.SetWall(vectorWall)
		f.Add(uint8(i), 255, codec.Append(nil, 0, from, to, 100, cfg.Interval))
	}
	for _, c := range readCaptures(f) {
		f.Add(uint8(0), 255, c.packets[0].packet.Bytes)
	}
	f.Fuzz(func(t *testing.T, kind uint8, ttl int, b []byte) {
		cfgs := kinds()
		cfg := cfgs[int(kind)%len(cfgs)]
		if len(b) > 1 {
			cfg.VRID = b[1]
		}
		from, to := between(&cfg)
		codec := NewCodec(&cfg)
		codec.SetWall(vectorWall)
		ad, refusal := codec.Decode(0, &Packet{Source: from, Destination: to, TTL: ttl, Bytes: b})
		if codec.Counters().Packets[refusal] != 1 {
			t.Fatalf("%v is not counted", refusal)
		}
		if refusal != Accepted {
			if ad != nil {
				t.Fatalf("%v, and %+v", refusal, ad)
			}
			return
		}
		encodeAgain(t, cfg, from, to, ad)
	})
}

// encodeAgain checks that an accepted advertisement survives a round.
func encodeAgain(t *testing.T, cfg Config, from, to netip.Addr, ad *Advertisement) {
	t.Helper()
	if ad.Interval <= 0 || ad.Interval > 255*time.Second || len(ad.Addresses) == 0 || len(ad.Addresses) > 255 {
		t.Fatalf("accepted %+v", ad)
	}
	cfg.Addresses = slices.Clone(ad.Addresses)
	sender, receiver := NewCodec(&cfg), NewCodec(&cfg)
	b := sender.Append(nil, 0, from, to, ad.Priority, ad.Interval)
	again, refusal := receiver.Decode(0, &Packet{Source: from, Destination: to, TTL: TTL, Bytes: b})
	if refusal != Accepted {
		t.Fatalf("%+v encoded again: %v", ad, refusal)
	}
	if again.Version != ad.Version || again.VRID != ad.VRID || again.Priority != ad.Priority ||
		again.Interval != ad.Interval || !slices.Equal(again.Addresses, ad.Addresses) {
		t.Fatalf("%+v encoded again says %+v", ad, again)
	}
}

// FuzzAuthentic changes an authentic packet in one place: it is refused. What
// the HMAC leaves out, the checksum, is verified by itself.
func FuzzAuthentic(f *testing.F) {
	f.Add(uint8(0), uint16(0), uint8(1))
	f.Add(uint8(2), uint16(30), uint8(0x80))
	f.Fuzz(func(t *testing.T, kind uint8, at uint16, bits uint8) {
		signed := kinds()[6:]
		cfg := signed[int(kind)%len(signed)]
		from, to := between(&cfg)
		sender, receiver := NewCodec(&cfg), NewCodec(&cfg)
		sender.SetWall(vectorWall)
		receiver.SetWall(vectorWall)
		b := sender.Append(nil, 0, from, to, 100, cfg.Interval)
		b[int(at)%len(b)] ^= bits
		_, refusal := receiver.Decode(0, &Packet{Source: from, Destination: to, TTL: TTL, Bytes: b})
		if (refusal == Accepted) != (bits == 0) {
			t.Errorf("byte %d changed by %02x: %v", int(at)%len(b), bits, refusal)
		}
	})
}
