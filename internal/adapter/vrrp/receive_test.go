package vrrp

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// packetInfo puts the number of the interface of arrival where recvmsg would.
func (m *message) packetInfo(index int32) {
	info, end := m.put(0, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
	clear(info)
	native.PutUint32(info, uint32(index))
	m.header.SetControllen(end)
}

// What an IPv4 header says of its packet, against what was read.
func TestReadIPv4(t *testing.T) {
	for what, c := range map[string]struct{ packet, want string }{
		"as it should be":              {"45c000200001000 0ff700000c0000201e0000012 3133640100640000c0000264", "3133640100640000c0000264"},
		"padding behind it":            {"45c000200001000 0ff700000c0000201e0000012 3133640100640000c0000264 eeeeeeeeeeee", "3133640100640000c0000264"},
		"options":                      {"46c000240001000 0ff700000c0000201e0000012 01010101 3133640100640000c0000264", "3133640100640000c0000264"},
		"says more than was read":      {"45c000210001000 0ff700000c0000201e0000012 3133640100640000c0000264", ""},
		"says less than its header":    {"45c000130001000 0ff700000c0000201e0000012 3133640100640000c0000264", ""},
		"header shorter than it is":    {"44c000200001000 0ff700000c0000201e0000012 3133640100640000c0000264", ""},
		"header longer than the whole": {"4fc000200001000 0ff700000c0000201e0000012 3133640100640000c0000264", ""},
		"cut off in the header":        {"45c000200001000 0ff700000c0000201e00000", ""},
		"another version":              {"65c000200001000 0ff700000c0000201e0000012 3133640100640000c0000264", ""},
		"no VRID":                      {"45c000150001000 0ff700000c0000201e0000012 31", ""},
		"a VRID and no more":           {"45c000160001000 0ff700000c0000201e0000012 3133", "3133"},
		"nothing":                      {"", ""},
	} {
		b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(c.packet), []byte(" "), nil)))
		if err != nil {
			t.Fatal(err)
		}
		s := testSet(t)
		s.in.packetInfo(7)
		if ok := s.accept(ipv4, b); ok != (c.want != "") || ok && hex.EncodeToString(s.heard.Bytes) != c.want {
			t.Errorf("%s: %v %x", what, ok, s.heard.Bytes)
		}
		if got := s.Counters(); c.want == "" && got.Malformed != 1 {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

// testSet has one router, on interface 7, and no socket.
func testSet(t testing.TB) *Set {
	t.Helper()
	s := &Set{}
	table, err := newTable([]Router{multicast(0, 0x33), multicast6(1, 0x33)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range table.routers {
		r.arrival.Store(7)
	}
	s.table.Store(table)
	return s
}

// Whatever arrives, with whatever the kernel says of it, nothing is read beyond it.
func FuzzAccept(f *testing.F) {
	f.Add(false, []byte("\x45\xc0\x00\x200123456789abcdef3301"), []byte{}, 0)
	f.Add(true, []byte("\x31\x33\x64\x01"), bytes.Repeat([]byte{0x10}, 64), 64)
	f.Fuzz(func(t *testing.T, six bool, packet, control []byte, length int) {
		s := testSet(t)
		fam := ipv4
		if six {
			fam = ipv6
		}
		copy(s.in.bytes(), control)
		s.in.header.SetControllen(max(length, 0))
		if s.accept(fam, packet[:len(packet):len(packet)]) && (len(s.heard.Bytes) > len(packet) || s.heard.Bytes[1] != 0x33) {
			t.Errorf("%+v", s.heard)
		}
	})
}

func TestTableRefuses(t *testing.T) {
	with := func(change func(*Router)) Router {
		r := multicast(0, 51)
		change(&r)
		return r
	}
	for want, routers := range map[string][]Router{
		`virtual router of group "g0": VRID 0 is not in 1–255`:                                                            {multicast(0, 0)},
		`virtual router of group "g0": TTL 0 is not in 1–255`:                                                             {with(func(r *Router) { r.TTL = 0 })},
		`virtual router of group "g0": -1 is not the number of a group`:                                                   {with(func(r *Router) { r.Group = -1 })},
		`virtual router of group "g0": "" is not an interface name (1 to 15 bytes)`:                                       {with(func(r *Router) { r.Interface = "" })},
		`virtual router of group "g0": source fe80::1 and multicast group 224.0.0.18 have to be IPv4`:                     {with(func(r *Router) { r.Source = netip.MustParseAddr("fe80::1") })},
		`virtual router of group "g0": 192.0.2.1 is not a multicast group`:                                                {with(func(r *Router) { r.Multicast = netip.MustParseAddr("192.0.2.1") })},
		`virtual router of group "g1": VRID 51 over IPv4 is on eth0 already, of group "g0"`:                               {multicast(0, 51), multicast(1, 51)},
		`virtual router of group "g0": its device would be called vrrp4-51-ad15, as that of group "g0": use another VRID`: {with(func(r *Router) { r.VirtualMAC, r.Interface = true, "ad15" }), with(func(r *Router) { r.VirtualMAC, r.Interface = true, "enp3s0f1" })},
	} {
		if _, err := newTable(routers, nil); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}
