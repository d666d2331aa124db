package vrrp

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// capture is a file of testdata/captures: what another implementation put on
// the wire in network namespaces, first as Active Router and then when it stops.
type capture struct {
	name    string
	cfg     Config
	form    form
	packets []captured
}

type captured struct {
	packet   Packet
	priority uint8
}

// readCaptures reads all of them.
func readCaptures(t testing.TB) []capture {
	t.Helper()
	files, err := filepath.Glob("testdata/captures/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("captures: %d files, %v", len(files), err)
	}
	var captures []capture
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		captures = append(captures, parseCapture(t, strings.TrimSuffix(filepath.Base(file), ".txt"), string(text)))
	}
	return captures
}

func parseCapture(t testing.TB, name, text string) capture {
	t.Helper()
	c := capture{name: name}
	var p captured
	number := func(s string) int {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return n
	}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch key {
		case "", "#":
		case "version":
			c.cfg.Version = number(value)
		case "vrid":
			c.cfg.VRID = uint8(number(value))
		case "interval":
			d, err := time.ParseDuration(value)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			c.cfg.Interval = d
		case "addresses":
			for word := range strings.FieldsSeq(value) {
				c.cfg.Addresses = append(c.cfg.Addresses, netip.MustParseAddr(word))
			}
		case "checksum":
			c.form = map[string]form{"message": formMessage, "header": formHeader, "group": formGroup}[value]
		case "password":
			c.cfg.Auth = Auth{Type: AuthPassword, Keys: []Key{{Secret: []byte(value)}}}
		case "from":
			p = captured{packet: Packet{Source: netip.MustParseAddr(value)}}
		case "to":
			p.packet.Destination = netip.MustParseAddr(value)
		case "ttl":
			p.packet.TTL = number(value)
		case "priority":
			p.priority = uint8(number(value))
		case "hex":
			p.packet.Bytes = unhex(t, value)
			c.packets = append(c.packets, p)
		default:
			t.Fatalf("%s: unknown key %q", name, key)
		}
	}
	first := c.packets[0].packet
	c.cfg.To, c.cfg.MinTTL = []netip.Addr{first.Destination}, first.TTL
	if !first.Destination.IsMulticast() {
		c.cfg.Unicast, c.cfg.Peers = true, []netip.Addr{first.Source}
	}
	return c
}

// What keepalived and FRR send is accepted and understood, and what a router
// of the same configuration sends is the same to the last bit: the form of the
// checksum is mirrored.
func TestCaptures(t *testing.T) {
	for _, c := range readCaptures(t) {
		t.Run(c.name, func(t *testing.T) {
			codec := NewCodec(&c.cfg)
			mirrored := codec.form != c.form
			for i := range c.packets {
				p := &c.packets[i].packet
				ad, refusal := codec.Decode(0, p)
				if refusal != Accepted {
					t.Fatalf("packet %d: %v", i, refusal)
				}
				if ad.Version != c.cfg.Version || ad.VRID != c.cfg.VRID || ad.Priority != c.packets[i].priority ||
					ad.Interval != c.cfg.Interval || !slices.Equal(ad.Addresses, c.cfg.Addresses) {
					t.Errorf("packet %d says %+v", i, *ad)
				}
				if codec.form != c.form {
					t.Errorf("packet %d: sends form %d of the checksum, want %d", i, codec.form, c.form)
				}
				got := codec.Append(nil, 0, p.Source, p.Destination, ad.Priority, ad.Interval)
				codec.own = netip.Addr{}
				if !bytes.Equal(got, p.Bytes) {
					t.Errorf("packet %d encoded again:\n  %x, captured\n  %x", i, got, p.Bytes)
				}
			}
			counters := codec.Counters()
			if want := uint64(len(c.packets)); counters.Packets[Accepted] != want || (counters.OtherChecksum == 1) != mirrored {
				t.Errorf("counted %+v", counters)
			}
			if counters.OtherAddresses != 0 || counters.OtherIntervals != 0 {
				t.Errorf("counted %+v", counters)
			}
		})
	}
}

// Each captured packet with any one bit turned is refused or says something
// else, and no bit makes the codec fail.
func TestCapturesWithOneBitTurned(t *testing.T) {
	for _, c := range readCaptures(t) {
		t.Run(c.name, func(t *testing.T) {
			p := c.packets[0].packet
			for bit := range len(p.Bytes) * 8 {
				turned := p
				turned.Bytes = slices.Clone(p.Bytes)
				turned.Bytes[bit/8] ^= 0x80 >> (bit % 8)
				codec := NewCodec(&c.cfg)
				if _, refusal := codec.Decode(0, &turned); refusal == Accepted {
					t.Errorf("bit %d turned: accepted", bit)
				}
			}
		})
	}
}

// keepalived 2.2.7 sends unicast over IPv6 with the hop limit of the interface,
// 64, and over IPv4 with 255: MinTTL has to allow for it.
func TestCaptureOfUnicastIPv6HopLimit(t *testing.T) {
	for _, c := range readCaptures(t) {
		want := 255
		if c.name == "keepalived-v3-ipv6-unicast" {
			want = 64
		}
		if got := c.packets[0].packet.TTL; got != want {
			t.Errorf("%s: TTL %d, want %d", c.name, got, want)
		}
		c.cfg.MinTTL = 255
		_, refusal := NewCodec(&c.cfg).Decode(0, &c.packets[0].packet)
		if (refusal == BadTTL) != (want < 255) {
			t.Errorf("%s: %v with a least TTL of 255", c.name, refusal)
		}
	}
}
