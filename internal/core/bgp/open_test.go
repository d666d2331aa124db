package bgp

import (
	"bytes"
	"net/netip"
	"testing"
)

// openCases are OPENs with their bytes: what AppendOpen makes and ParseOpen reads.
var openCases = []struct {
	name    string
	open    Open
	message string
}{
	{
		"IPv4 and nothing else",
		Open{AS: 65001, HoldTime: 9, RouterID: netip.MustParseAddr("192.0.2.1"), IPv4: true},
		ones + "001d 01 04 fde9 0009 c0000201 00",
	},
	{
		"all capabilities",
		Open{AS: 4200000001, HoldTime: 180, RouterID: netip.MustParseAddr("192.0.2.1"),
			IPv4: true, IPv6: true, ExtendedNextHop: true, FourOctet: true, Refresh: true},
		ones + `003b 01 04 5ba0 00b4 c0000201 1e
			02 1c 0104 0001 00 01 0104 0002 00 01 0200 0506 0001 0001 0002 4104 fa56ea01`,
	},
	{
		"IPv6 alone",
		Open{AS: 65001, HoldTime: 0, RouterID: netip.MustParseAddr("255.255.255.255"), IPv6: true, FourOctet: true},
		ones + "002b 01 04 fde9 0000 ffffffff 0e 02 0c 0104 0002 00 01 4104 0000fde9",
	},
	{
		"two bytes",
		Open{AS: 65535, HoldTime: 65535, RouterID: netip.MustParseAddr("0.0.0.1"), IPv4: true, Refresh: true},
		ones + "0027 01 04 ffff ffff 00000001 0a 02 08 0104 0001 00 01 0200",
	},
}

func TestOpen(t *testing.T) {
	for _, c := range openCases {
		t.Run(c.name, func(t *testing.T) {
			want := octets(t, c.message)
			if got := AppendOpen([]byte("x"), &c.open); !bytes.Equal(got[1:], want) {
				t.Errorf("sent %x\nwant %x", got[1:], want)
			}
			kind, length, n := ParseHeader(want)
			if kind != TypeOpen || length != len(want) || n != nil {
				t.Errorf("header: type %d, length %d, %v", kind, length, n)
			}
			if got, n := ParseOpen(want); n != nil || got != c.open {
				t.Errorf("read %+v, %v\nwant %+v", got, n, c.open)
			}
		})
	}
}

// routerID is the identifier in the OPENs that other implementations send.
func routerID(last byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, last}) }

// capturedOpens are what BIRD 2.0.12, FRR 8.4.4 and ExaBGP 4.2.21 sent in network
// namespaces, with graceful restart, add-path and other capabilities beside those
// that are known here.
var capturedOpens = []struct {
	name    string
	message string
	open    Open
}{
	{"bird", ones + "003b0104fdf200f0c00002091e021c01040001000101040002000102004002007841040000fdf246004700",
		Open{AS: 65010, HoldTime: 240, RouterID: routerID(9), IPv4: true, IPv6: true, FourOctet: true, Refresh: true}},
	{"bird with extended next hops", ones + "00430104fdf200f0c0000209260224010400010001010400020001020005060001000100024002007841040000fdf246004700",
		Open{AS: 65010, HoldTime: 240, RouterID: routerID(9), IPv4: true, IPv6: true, ExtendedNextHop: true, FourOctet: true, Refresh: true}},
	{"bird, enable as4 off", ones + "00350104fdf200f0c000020918021601040001000101040002000102004002007846004700",
		Open{AS: 65010, HoldTime: 240, RouterID: routerID(9), IPv4: true, IPv6: true, Refresh: true}},
	{"bird, capabilities off", ones + "001d0104fdf200f0c000020900",
		Open{AS: 65010, HoldTime: 240, RouterID: routerID(9), IPv4: true}},
	{"frr", ones + `00710104fdf200b4c00002085402060104000100010206010400020001020280000202020002024600020641040000fdf2
		02020600020a450800010101000201010206490402766d0002044002c0780210470e0001018000000000020180000000`,
		Open{AS: 65010, HoldTime: 180, RouterID: routerID(8), IPv4: true, IPv6: true, FourOctet: true, Refresh: true}},
	{"frr with extended next hops", ones + `007b0104fdf200b4c00002085e0206010400010001020805060001000100020206010400020001020280000202020002024600020641040000fdf2
		02020600020a450800010101000201010206490402766d0002044002c0780210470e0001018000000000020180000000`,
		Open{AS: 65010, HoldTime: 180, RouterID: routerID(8), IPv4: true, IPv6: true, ExtendedNextHop: true, FourOctet: true, Refresh: true}},
	{"frr, dont-capability-negotiate", ones + "001d0104fdf200b4c000020800",
		Open{AS: 65010, HoldTime: 180, RouterID: routerID(8), IPv4: true}},
	{"exabgp", ones + "00390104fdf2001ec00002071c02060104000100010206010400020001020641040000fdf202020600",
		Open{AS: 65010, HoldTime: 30, RouterID: routerID(7), IPv4: true, IPv6: true, FourOctet: true}},
}

func TestCapturedOpen(t *testing.T) {
	for _, c := range capturedOpens {
		t.Run(c.name, func(t *testing.T) {
			message := octets(t, c.message)
			if _, length, n := ParseHeader(message); length != len(message) || n != nil {
				t.Errorf("length %d of %d, %v", length, len(message), n)
			}
			if got, n := ParseOpen(message); n != nil || got != c.open {
				t.Errorf("read %+v, %v\nwant %+v", got, n, c.open)
			}
		})
	}
}

// withParameters is an OPEN of AS 65001 with optional parameters, given with their length.
func withParameters(t *testing.T, parameters string) []byte {
	t.Helper()
	b := octets(t, ones+"0000 01 04 fde9 0009 c0000201"+parameters)
	return closeMessage(b, 0)
}

// TestOpenParameters is what RFC 5492, RFC 9072 and the RFCs of the capabilities let
// a peer send.
func TestOpenParameters(t *testing.T) {
	plain := Open{AS: 65001, HoldTime: 9, RouterID: netip.MustParseAddr("192.0.2.1"), IPv4: true}
	with := func(change func(*Open)) Open {
		o := plain
		change(&o)
		return o
	}
	for _, c := range []struct {
		name, parameters string
		want             Open
	}{
		{"none", "00", plain},
		{"empty parameter", "02 0200", plain},
		{"no address family: IPv4 (RFC 4760 section 8)", "04 0202 0200", with(func(o *Open) { o.Refresh = true })},
		{"another address family: not IPv4", "08 0206 0104 0019 00 41", with(func(o *Open) { o.IPv4 = false })},
		{"multicast is another", "08 0206 0104 0001 00 02", with(func(o *Open) { o.IPv4 = false })},
		{"reserved byte of a family", "08 0206 0104 0002 ff 01", with(func(o *Open) { o.IPv4, o.IPv6 = false, true })},
		{"one parameter each", "14 0206 0104 0001 00 01 0202 0200 0206 0104 0002 00 01",
			with(func(o *Open) { o.IPv6, o.Refresh = true, true })},
		{"the same twice", "10 020e 0104 0001 00 01 0200 0104 0001 00 01", with(func(o *Open) { o.Refresh = true })},
		{"unknown capability", "09 0207 fe03 010203 8000", plain},
		{"four octets", "08 0206 4104 fa56ea01", with(func(o *Open) { o.AS, o.FourOctet = 4200000001, true })},
		{"next hops of other families", "10 020e 050c 0001 0080 0002 0002 0001 0001", plain},
		{"next hops of several families", "10 020e 050c 0001 0080 0002 0001 0001 0002", with(func(o *Open) { o.ExtendedNextHop = true })},
		{"next hops of none", "04 0202 0500", plain},
		{"extended length, none", "ff ff 0000", plain},
		{"extended length", "ff ff 0009 02 0006 4104 fa56ea01", with(func(o *Open) { o.AS, o.FourOctet = 4200000001, true })},
		{"extended length where the short one is wrong", "01 ff 0009 02 0006 4104 fa56ea01",
			with(func(o *Open) { o.AS, o.FourOctet = 4200000001, true })},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, n := ParseOpen(withParameters(t, c.parameters)); n != nil || got != c.want {
				t.Errorf("read %+v, %v\nwant %+v", got, n, c.want)
			}
		})
	}
}

// TestLongParameters reads optional parameters that have no room in one byte of
// length (RFC 9072 section 2).
func TestLongParameters(t *testing.T) {
	b := octets(t, ones+"0000 01 04 fde9 0009 c0000201 ff ff 0000")
	start := len(b)
	b = append(b, 2, 0, 0)
	for range 200 {
		b = append(b, 0xfe, 2, 1, 2)
	}
	b = append(b, capabilityMultiprotocol, 4, 0, afiIPv6, 0, safiUnicast)
	b[start+1], b[start+2] = byte((len(b)-start-3)>>8), byte(len(b)-start-3)
	b[start-2], b[start-1] = byte((len(b)-start)>>8), byte(len(b)-start)
	want := Open{AS: 65001, HoldTime: 9, RouterID: netip.MustParseAddr("192.0.2.1"), IPv6: true}
	if got, n := ParseOpen(closeMessage(b, 0)); n != nil || got != want {
		t.Errorf("read %+v, %v\nwant %+v", got, n, want)
	}
}

// TestOpenErrors is RFC 4271 section 6.2.
func TestOpenErrors(t *testing.T) {
	for _, c := range []struct{ name, message, says, data string }{
		{"shorter than an OPEN", ones + "001c 01 04 fde9 0009 c0000201", "message header error: bad message length", "001c"},
		{"version 3", ones + "001d 01 03 fde9 0009 c0000201 00", "open message error: unsupported version number: supports version 4", "0004"},
		{"version 5", ones + "001d 01 05 fde9 0009 c0000201 00", "open message error: unsupported version number: supports version 4", "0004"},
		{"AS 0 (RFC 7607)", ones + "001d 01 04 0000 0009 c0000201 00", "open message error: bad peer AS", ""},
		{"AS 0 in four octets", ones + "0025 01 04 fde9 0009 c0000201 08 0206 4104 00000000", "open message error: bad peer AS", ""},
		{"hold time 1", ones + "001d 01 04 fde9 0001 c0000201 00", "open message error: unacceptable hold time", "0001"},
		{"hold time 2", ones + "001d 01 04 fde9 0002 c0000201 00", "open message error: unacceptable hold time", "0002"},
		{"identifier 0 (RFC 6286)", ones + "001d 01 04 fde9 0003 00000000 00", "open message error: bad BGP identifier", "00000000"},
		{"authentication", ones + "0020 01 04 fde9 0003 c0000201 03 01 01 00", "open message error: unsupported optional parameter", ""},
		{"extended length after the first", ones + "0021 01 04 fde9 0003 c0000201 04 0200 ff00", "open message error: unsupported optional parameter", ""},
		{"parameters longer than the message", ones + "001f 01 04 fde9 0003 c0000201 03 0200", "open message error", ""},
		{"parameters shorter than the message", ones + "001f 01 04 fde9 0003 c0000201 01 0200", "open message error", ""},
		{"bytes after no parameters", ones + "001f 01 04 fde9 0003 c0000201 00 0200", "open message error", ""},
		{"extended length after no parameters", ones + "0020 01 04 fde9 0003 c0000201 00 ff 0000", "open message error", ""},
		{"parameter without a length", ones + "001e 01 04 fde9 0003 c0000201 01 02", "open message error", ""},
		{"parameter that ends too late", ones + "001f 01 04 fde9 0003 c0000201 02 0201", "open message error", ""},
		{"capability without a length", ones + "0020 01 04 fde9 0003 c0000201 03 0201 41", "open message error", ""},
		{"capability that ends too late", ones + "0021 01 04 fde9 0003 c0000201 04 0202 4104", "open message error", ""},
		{"short family", ones + "0024 01 04 fde9 0003 c0000201 07 0205 0103 0001 00", "open message error", ""},
		{"refresh with a value", ones + "0022 01 04 fde9 0003 c0000201 05 0203 0201 00", "open message error", ""},
		{"short next hops", ones + "0026 01 04 fde9 0003 c0000201 09 0207 0505 0001 0001 00", "open message error", ""},
		{"short AS number", ones + "0023 01 04 fde9 0003 c0000201 06 0204 4102 fde9", "open message error", ""},
		{"extended length that ends too late", ones + "0020 01 04 fde9 0003 c0000201 ff ff 0001", "open message error", ""},
		{"extended parameter without a length", ones + "0022 01 04 fde9 0003 c0000201 ff ff 0002 02 00", "open message error", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, n := ParseOpen(octets(t, c.message))
			if n == nil {
				t.Fatalf("accepted %+v", got)
			}
			expectNotification(t, n, c.says, c.data)
			if got != (Open{}) {
				t.Errorf("read %+v from what is refused", got)
			}
		})
	}
}
