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
		"IPv4 alone, nothing else",
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
