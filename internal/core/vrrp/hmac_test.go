package vrrp

import (
	"encoding/hex"
	"net/netip"
	"testing"
	"time"
)

// The vectors of draft-cassen-vrrp-auth-hmac, as keepalived from 2.4.2 tests
// itself with them: key 000102…1f, VRID 51, priority 200, sequence
// 0x6800000080000000. The checksum of the second is for the destination fe80::20.
var vectors = []struct {
	name     string
	from, to string
	address  string
	want     string
}{
	{
		name: "IPv4", from: "198.51.100.10", to: "192.0.2.10", address: "192.0.2.100",
		want: "3133c80100644402c0000264" + "010100006800000080000000" + "1b84bc4e8e43892dc6d98448f8ee2265",
	},
	{
		name: "IPv6", from: "fe80::10", to: "fe80::20", address: "fe80::100",
		want: "3133c8010064a2e9" + "fe800000000000000000000000000100" + "010100006800000080000000" + "c8c56146ebfd66ee10ec4d8186461b78",
	},
}

// vectorWall is the time in the vectors: half a second after 0x68000000 since 1970.
const vectorWall = 0x68000000*time.Second + 500*time.Millisecond

// key returns a secret of 32 bytes that counts up from first.
func key(id, first byte) Key {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = first + byte(i)
	}
	return Key{ID: id, Secret: secret}
}

// hmacConfig is a virtual router of the vectors.
func hmacConfig(address, from, to string) *Config {
	peers := []netip.Addr{netip.MustParseAddr(from), netip.MustParseAddr(to)}
	return &Config{
		VRID: 51, Version: 3, Interval: time.Second, Addresses: []netip.Addr{netip.MustParseAddr(address)},
		Unicast: true, To: peers, Peers: peers, MinTTL: 255, Checksum: ChecksumMessage,
		Auth: Auth{Type: AuthHMAC, Keys: []Key{key(1, 0)}},
	}
}

func TestKeepalivedVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			from, to := netip.MustParseAddr(v.from), netip.MustParseAddr(v.to)
			sender := NewCodec(hmacConfig(v.address, v.from, v.to))
			sender.SetWall(vectorWall)
			got := sender.Append(nil, 0, from, to, 200, time.Second)
			if hex.EncodeToString(got) != v.want {
				t.Errorf("sent\n  %x, want\n  %s", got, v.want)
			}

			receiver := NewCodec(hmacConfig(v.address, v.from, v.to))
			receiver.SetWall(vectorWall)
			ad, refusal := receiver.Decode(0, &Packet{Source: from, Destination: to, TTL: 255, Bytes: unhex(t, v.want)})
			if refusal != Accepted || ad.Priority != 200 || ad.Interval != time.Second {
				t.Errorf("received %+v, %v", ad, refusal)
			}
		})
	}
}

// unhex decodes hex digits.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatalf("hex: %v", err)
	}
	return b
}
