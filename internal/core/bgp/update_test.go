package bgp

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"
)

var (
	this4 = netip.MustParseAddr("10.0.0.2")
	this6 = netip.MustParseAddr("fd00::2")

	vip4 = netip.MustParsePrefix("192.0.2.80/32")
	vip6 = netip.MustParsePrefix("2001:db8::80/128")
)

// external4, external6, internal4 and twoBytes are sessions of the kinds that write
// UPDATEs in another way.
func external4() Speaker {
	return Speaker{LocalAS: 65001, FourOctet: true, IPv4: true, IPv6: true, Local: this4, NextHop6: this6}
}

func external6() Speaker {
	return Speaker{LocalAS: 65001, FourOctet: true, ExtendedNextHop: true, IPv4: true, IPv6: true, Local: this6}
}

func internal4() Speaker {
	return Speaker{LocalAS: 65010, Internal: true, FourOctet: true, IPv4: true, IPv6: true, Local: this4, NextHop6: this6}
}

func twoBytes() Speaker {
	return Speaker{LocalAS: 4200000001, IPv4: true, IPv6: true, Local: this4, NextHop6: this6}
}

// full is a path with every attribute.
func full(prefix netip.Prefix) Path {
	return Path{
		Prefix: prefix, Prepend: 1, MED: 7, HasMED: true, LocalPref: 200,
		Communities: []Community{65010<<16 | 100, GracefulShutdown},
		Large:       []LargeCommunity{{4200000000, 1, 2}},
	}
}

// TestAnnounce has the bytes of UPDATEs. Those of full paths to external peers were
// read by BIRD 2.0.12 and FRR 8.4.4, which then showed these attributes.
func TestAnnounce(t *testing.T) {
	const communities = "c008 08 fdf20064 ffff0000"
	const large = "c020 0c fa56ea00 00000001 00000002"
	other := full(vip4)
	other.NextHop = netip.MustParseAddr("10.0.0.5")
	for _, c := range []struct {
		name    string
		speaker Speaker
		path    Path
		message string
	}{
		{"the least", external4(), Path{Prefix: vip4},
			ones + "0030 02 0000 0014 4001 01 00 4002 06 0201 0000fde9 4003 04 0a000002 20 c0000250"},
		{"IPv4", external4(), full(vip4),
			ones + "0055 02 0000 0039 4001 01 00 4002 0a 0202 0000fde9 0000fde9 4003 04 0a000002 8004 04 00000007" + communities + large + "20 c0000250"},
		{"IPv6", external4(), full(vip6),
			ones + `0072 02 0000 005b 800e 26 0002 01 10 fd000000000000000000000000000002 00 80 20010db8000000000000000000000080
				4001 01 00 4002 0a 0202 0000fde9 0000fde9 8004 04 00000007` + communities + large},
		{"IPv4 over IPv6 (RFC 8950)", external6(), full(vip4),
			ones + `0066 02 0000 004f 800e 1a 0001 01 10 fd000000000000000000000000000002 00 20 c0000250
				4001 01 00 4002 0a 0202 0000fde9 0000fde9 8004 04 00000007` + communities + large},
		{"IPv4 over IPv6 with a next hop of IPv4", external6(), other,
			ones + "0055 02 0000 0039 4001 01 00 4002 0a 0202 0000fde9 0000fde9 4003 04 0a000005 8004 04 00000007" + communities + large + "20 c0000250"},
		{"internal", internal4(), full(vip4),
			ones + "0052 02 0000 0036 4001 01 00 4002 00 4003 04 0a000002 8004 04 00000007 4005 04 000000c7" + communities + large + "20 c0000250"},
		{"two bytes (RFC 6793)", twoBytes(), full(vip4),
			ones + `005e 02 0000 0042 4001 01 00 4002 06 0202 5ba0 5ba0 4003 04 0a000002 8004 04 00000007` + communities +
				`c011 0a 0202 fa56ea01 fa56ea01` + large + "20 c0000250"},
		{"two bytes, internal", Speaker{LocalAS: 4200000001, Internal: true, IPv4: true, Local: this4}, Path{Prefix: vip4, LocalPref: 100},
			ones + "0031 02 0000 0015 4001 01 00 4002 00 4003 04 0a000002 4005 04 00000064 20 c0000250"},
		{"two bytes that are not enough", Speaker{LocalAS: 65536, IPv4: true, Local: this4}, Path{Prefix: vip4},
			ones + "0037 02 0000 001b 4001 01 00 4002 04 0201 5ba0 4003 04 0a000002 c011 06 0201 00010000 20 c0000250"},
		{"two bytes that are enough", Speaker{LocalAS: 65535, IPv4: true, Local: this4}, Path{Prefix: vip4},
			ones + "002e 02 0000 0012 4001 01 00 4002 04 0201 ffff 4003 04 0a000002 20 c0000250"},
		{"a network", external4(), Path{Prefix: netip.MustParsePrefix("192.0.2.129/25")},
			ones + "0030 02 0000 0014 4001 01 00 4002 06 0201 0000fde9 4003 04 0a000002 19 c0000280"},
		{"everything", external4(), Path{Prefix: netip.MustParsePrefix("0.0.0.0/0")},
			ones + "002c 02 0000 0014 4001 01 00 4002 06 0201 0000fde9 4003 04 0a000002 00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := octets(t, c.message)
			got := c.speaker.AppendAnnounce([]byte("x"), &c.path, []netip.Prefix{c.path.Prefix})
			if !bytes.Equal(got[1:], want) {
				t.Errorf("sent %x\nwant %x", got[1:], want)
			}
		})
	}
}

// TestWithdraw has the bytes of UPDATEs that BIRD 2.0.12 and FRR 8.4.4 acted on.
func TestWithdraw(t *testing.T) {
	const plain = ones + "001c 02 0005 20 c0000250 0000"
	const mp4 = ones + "0022 02 0000 000b 800f 08 0001 01 20 c0000250"
	const mp6 = ones + "002e 02 0000 0017 800f 14 0002 01 80 20010db8000000000000000000000080"
	no4, no6 := external4(), external4()
	no4.IPv4, no6.IPv6 = false, false
	for _, c := range []struct {
		name     string
		speaker  Speaker
		prefixes []netip.Prefix
		messages string
	}{
		{"IPv4", external4(), []netip.Prefix{vip4}, plain},
		{"IPv6", external4(), []netip.Prefix{vip6}, mp6},
		{"both", external4(), []netip.Prefix{vip6, vip4}, plain + mp6},
		{"IPv4 with extended next hops", external6(), []netip.Prefix{vip4}, mp4},
		{"both with extended next hops", external6(), []netip.Prefix{vip6, vip4}, mp4 + mp6},
		{"both where IPv6 was not agreed on", no6, []netip.Prefix{vip6, vip4}, plain},
		{"both where IPv4 was not agreed on", no4, []netip.Prefix{vip6, vip4}, mp6},
		{"nothing", external4(), nil, ""},
		{"no prefix", external4(), []netip.Prefix{{}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := octets(t, c.messages)
			if got := c.speaker.AppendWithdraw([]byte("x"), c.prefixes); !bytes.Equal(got[1:], want) {
				t.Errorf("sent %x\nwant %x", got[1:], want)
			}
		})
	}
}

// TestWithdrawFull fills a message to its last byte, and then has one byte too many.
func TestWithdrawFull(t *testing.T) {
	s := external4()
	for _, c := range []struct{ bits, first, all int }{{16, MaxMessage, MaxMessage}, {24, MaxMessage - 3, MaxMessage - 3 + minUpdate + 4}} {
		var prefixes []netip.Prefix
		for i := range 814 {
			prefixes = append(prefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32))
		}
		prefixes = append(prefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{11}), c.bits))
		b := s.AppendWithdraw(nil, prefixes)
		if _, length, n := ParseHeader(b); length != c.first || n != nil || len(b) != c.all {
			t.Errorf("/%d: first message %d of %d bytes, %v", c.bits, length, len(b), n)
		}
	}
}

// TestEndOfRIB is RFC 4724 section 2, in the bytes that BIRD 2.0.12 sends too.
func TestEndOfRIB(t *testing.T) {
	for _, s := range []Speaker{external4(), external6()} {
		if got, want := s.AppendEndOfRIB(nil, false), octets(t, ones+"00170200000000"); !bytes.Equal(got, want) {
			t.Errorf("IPv4: %x, want %x", got, want)
		}
		if got, want := s.AppendEndOfRIB(nil, true), octets(t, ones+"001d0200000006800f03000201"); !bytes.Equal(got, want) {
			t.Errorf("IPv6: %x, want %x", got, want)
		}
	}
}

// TestSendable has what makes a path one that cannot be sent, and its next hop where it can.
func TestSendable(t *testing.T) {
	addr := netip.MustParseAddr
	change := func(s Speaker, f func(*Speaker)) Speaker { f(&s); return s }
	noENH := change(external6(), func(s *Speaker) { s.ExtendedNextHop = false })
	for _, c := range []struct {
		name    string
		speaker Speaker
		path    Path
		hop     string
		why     string
	}{
		{"own address", external4(), Path{Prefix: vip4}, "10.0.0.2", ""},
		{"own address in IPv6", change(external4(), func(s *Speaker) { s.Local = addr("::ffff:10.0.0.2") }), Path{Prefix: vip4}, "10.0.0.2", ""},
		{"the path's", external4(), Path{Prefix: vip4, NextHop: addr("10.0.0.5")}, "10.0.0.5", ""},
		{"of the other family", external4(), Path{Prefix: vip6}, "fd00::2", ""},
		{"link-local of IPv4, as clouds have it", external4(), Path{Prefix: vip4, NextHop: addr("169.254.169.2")}, "169.254.169.2", ""},
		{"extended", external6(), Path{Prefix: vip4}, "fd00::2", ""},
		{"one of IPv4 before an extended one", change(external6(), func(s *Speaker) { s.NextHop4 = this4 }), Path{Prefix: vip4}, "10.0.0.2", ""},
		{"one of IPv4 where extended ones are not agreed on", change(noENH, func(s *Speaker) { s.NextHop4 = this4 }), Path{Prefix: vip4}, "10.0.0.2", ""},
		{"none for IPv4", noENH, Path{Prefix: vip4}, "", "no next hop for IPv4: the session's own address is fd00::2: give next_hop"},
		{"none for IPv6", change(external4(), func(s *Speaker) { s.NextHop6 = netip.Addr{} }), Path{Prefix: vip6}, "",
			"no next hop for IPv6: the session's own address is 10.0.0.2: give next_hop"},
		{"extended without agreement", noENH, Path{Prefix: vip4, NextHop: this6}, "",
			"next hop fd00::2 of IPv4: extended next hops were not agreed on with the peer"},
		{"IPv6 through IPv4", external4(), Path{Prefix: vip6, NextHop: this4}, "", "next hop 10.0.0.2 of IPv6: give one of IPv6"},
		{"link-local", external6(), Path{Prefix: vip6, NextHop: addr("fe80::1%eth0")}, "",
			"next hop fe80::1 is no address to which a router of another link can send"},
		{"multicast", external4(), Path{Prefix: vip4, NextHop: addr("224.0.0.1")}, "",
			"next hop 224.0.0.1 is no address to which a router of another link can send"},
		{"unspecified", external4(), Path{Prefix: vip4, NextHop: addr("0.0.0.0")}, "",
			"next hop 0.0.0.0 is no address to which a router of another link can send"},
		{"no IPv4", change(external4(), func(s *Speaker) { s.IPv4 = false }), Path{Prefix: vip4}, "", "IPv4 was not agreed on with the peer"},
		{"no IPv6", change(external4(), func(s *Speaker) { s.IPv6 = false }), Path{Prefix: vip6}, "", "IPv6 was not agreed on with the peer"},
		{"no prefix", external4(), Path{}, "", "no prefix"},
		{"too many communities", external4(), Path{Prefix: vip4, Large: make([]LargeCommunity, 340)}, "",
			"its attributes have no room in one message: give fewer communities"},
	} {
		t.Run(c.name, func(t *testing.T) {
			hop, asPath, why := c.speaker.Sendable(&c.path)
			if why != c.why {
				t.Fatalf("why: %q\nwant %q", why, c.why)
			}
			sent := c.speaker.AppendAnnounce(nil, &c.path, []netip.Prefix{c.path.Prefix})
			if why != "" {
				if hop.IsValid() || asPath != nil || len(sent) > 0 {
					t.Errorf("not sendable, but next hop %v, AS_PATH %v, %x", hop, asPath, sent)
				}
				return
			}
			if hop.String() != c.hop || !slices.Equal(asPath, []uint32{65001}) || len(sent) == 0 {
				t.Errorf("next hop %v, AS_PATH %v, %x", hop, asPath, sent)
			}
		})
	}
}

// TestPreference sends prepended paths: to an external peer the AS_PATH is longer, to
// an internal one, who would drop such a path, LOCAL_PREF is less.
func TestPreference(t *testing.T) {
	external, internal := external4(), internal4()
	for _, c := range []struct {
		localPref uint32
		prepend   int
		want      uint32
	}{{100, 0, 100}, {100, 2, 98}, {3, 4, 0}, {1<<32 - 1, 100, 1<<32 - 101}} {
		p := Path{Prefix: vip4, LocalPref: c.localPref, Prepend: c.prepend}
		if _, asPath, _ := external.Sendable(&p); len(asPath) != c.prepend+1 {
			t.Errorf("%+v: external AS_PATH %v", c, asPath)
		}
		if _, asPath, _ := internal.Sendable(&p); len(asPath) != 0 {
			t.Errorf("%+v: internal AS_PATH %v", c, asPath)
		}
		if got := internal.LocalPref(&p); got != c.want {
			t.Errorf("%+v: LOCAL_PREF %d", c, got)
		}
	}
}

// TestSegments prepends more than one segment of AS_PATH has room for: the one that
// is not full comes first.
func TestSegments(t *testing.T) {
	s := external4()
	p := Path{Prefix: vip4, Prepend: 299}
	b := s.AppendAnnounce(nil, &p, []netip.Prefix{vip4})
	at := minUpdate + 4 // after ORIGIN
	want := octets(t, "5002 04b4 022d")
	if !bytes.Equal(b[at:at+6], want) {
		t.Errorf("AS_PATH begins with %x, want %x", b[at:at+6], want)
	}
	at += 6 + 45*4
	if want := octets(t, "02ff 0000fde9"); !bytes.Equal(b[at:at+6], want) {
		t.Errorf("second segment begins with %x, want %x", b[at:at+6], want)
	}
}

// TestExtendedLength has attributes of 255 bytes and of one more: a length of two
// bytes is only for the latter (RFC 4271 section 4.3).
func TestExtendedLength(t *testing.T) {
	prefixes := func(count, bits int) (out []netip.Prefix) {
		for i := range count {
			out = append(out, netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfd, 15: byte(i)}), 128))
		}
		return append(out, netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe}), bits))
	}
	s, p := external4(), Path{Prefix: vip6}
	for _, c := range []struct {
		name string
		got  []byte
		want string
	}{
		{"MP_REACH_NLRI of 255", s.AppendAnnounce(nil, &p, prefixes(13, 96)), "800e ff 0002 01"},
		{"MP_REACH_NLRI of 256", s.AppendAnnounce(nil, &p, prefixes(13, 104)), "900e 0100 0002"},
		{"MP_UNREACH_NLRI of 255", s.AppendWithdraw(nil, prefixes(14, 104)), "800f ff 0002 01"},
		{"MP_UNREACH_NLRI of 256", s.AppendWithdraw(nil, prefixes(14, 112)), "900f 0100 0002"},
	} {
		want := octets(t, c.want)
		if got := c.got[minUpdate:][:len(want)]; !bytes.Equal(got, want) {
			t.Errorf("%s begins with %x, want %x", c.name, got, want)
		}
	}
}

// TestLongestAttributes announces with more and more communities, up to where they
// have no room: no message is too long, and those that are refused nearly were.
func TestLongestAttributes(t *testing.T) {
	for _, s := range []Speaker{external4(), external6(), internal4(), twoBytes()} {
		longest := 0
		for n := range 360 {
			p := Path{Prefix: vip6, Prepend: 100, HasMED: true, LocalPref: 100, Communities: make([]Community, 8), Large: make([]LargeCommunity, n)}
			prefixes := []netip.Prefix{vip6, netip.MustParsePrefix("::/0")}
			b := s.AppendAnnounce(nil, &p, prefixes)
			_, _, why := s.Sendable(&p)
			if (why == "") != (len(b) > 0) {
				t.Fatalf("%d communities: sendable %q, but %d bytes", n, why, len(b))
			}
			messages, err := splitUpdates(b)
			if err != nil {
				t.Fatal(err)
			}
			for _, message := range messages {
				longest = max(longest, len(message))
			}
		}
		if longest < MaxMessage-40 {
			t.Errorf("%+v: longest message %d", s, longest)
		}
	}
}

// TestAnnounceOneFamily leaves out what is of another family than the path.
func TestAnnounceOneFamily(t *testing.T) {
	s := external4()
	p := Path{Prefix: vip4}
	want := s.AppendAnnounce(nil, &p, []netip.Prefix{vip4})
	if got := s.AppendAnnounce(nil, &p, []netip.Prefix{vip6, {}, vip4, vip6}); !bytes.Equal(got, want) {
		t.Errorf("sent %x\nwant %x", got, want)
	}
	if got := s.AppendAnnounce(nil, &p, []netip.Prefix{vip6}); len(got) > 0 {
		t.Errorf("sent %x, want nothing", got)
	}
}

// TestUpdateAllocates writes UPDATEs into room that is there.
func TestUpdateAllocates(t *testing.T) {
	b := make([]byte, 0, MaxMessage)
	prefixes := []netip.Prefix{vip4}
	for _, s := range []Speaker{external4(), external6(), internal4(), twoBytes()} {
		p := full(vip4)
		if n := testing.AllocsPerRun(100, func() {
			s.AppendAnnounce(b, &p, prefixes)
			s.AppendWithdraw(b, prefixes)
			s.AppendEndOfRIB(b, true)
		}); n != 0 {
			t.Errorf("%+v: %v allocations", s, n)
		}
	}
}
