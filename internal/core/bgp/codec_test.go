package bgp

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// ones is the marker of every message.
const ones = "ffffffffffffffffffffffffffffffff"

// octets reads hex with spaces and line ends in it.
func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeepalive(t *testing.T) {
	before := []byte("before")
	got := AppendKeepalive(before)
	if want := append([]byte("before"), octets(t, ones+"0013 04")...); !bytes.Equal(got, want) {
		t.Errorf("keepalive: %x, want %x", got, want)
	}
}

// TestHeader is RFC 4271 section 6.1.
func TestHeader(t *testing.T) {
	for _, c := range []struct {
		name, header string
		kind         MessageType
		length       int
		says         string
		data         string
	}{
		{"keepalive", ones + "0013 04", TypeKeepalive, 19, "", ""},
		{"least open", ones + "001d 01", TypeOpen, 29, "", ""},
		{"longest update", ones + "1000 02", TypeUpdate, 4096, "", ""},
		{"least update", ones + "0017 02", TypeUpdate, 23, "", ""},
		{"least notification", ones + "0015 03", TypeNotification, 21, "", ""},
		{"route refresh", ones + "0017 05", TypeRouteRefresh, 23, "", ""},
		{"first bit of the marker", "7f" + ones[2:] + "0013 04", TypeKeepalive, 19, "message header error: connection not synchronized", ""},
		{"last bit of the marker", ones[2:] + "fe" + "0013 04", TypeKeepalive, 19, "message header error: connection not synchronized", ""},
		{"shorter than a header", ones + "0012 04", TypeKeepalive, 18, "message header error: bad message length", "0012"},
		{"no length", ones + "0000 02", TypeUpdate, 0, "message header error: bad message length", "0000"},
		{"longer than a message", ones + "1001 02", TypeUpdate, 4097, "message header error: bad message length", "1001"},
		{"short open", ones + "001c 01", TypeOpen, 28, "message header error: bad message length", "001c"},
		{"short update", ones + "0016 02", TypeUpdate, 22, "message header error: bad message length", "0016"},
		{"short notification", ones + "0014 03", TypeNotification, 20, "message header error: bad message length", "0014"},
		{"long keepalive", ones + "0014 04", TypeKeepalive, 20, "message header error: bad message length", "0014"},
		{"short route refresh", ones + "0016 05", TypeRouteRefresh, 22, "message header error: bad message length", "0016"},
		{"type 0", ones + "0013 00", 0, 19, "message header error: bad message type", "00"},
		{"type 6", ones + "0013 06", 6, 19, "message header error: bad message type", "06"},
		{"type 6, longer than a message", ones + "1001 06", 6, 4097, "message header error: bad message length", "1001"},
		{"type 128", ones + "0017 80", 128, 23, "message header error: bad message type", "80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			kind, length, n := ParseHeader(octets(t, c.header))
			if kind != c.kind || length != c.length {
				t.Errorf("type %d, length %d, want %d, %d", kind, length, c.kind, c.length)
			}
			expectNotification(t, n, c.says, c.data)
		})
	}
}

// expectNotification compares what a peer is told with its words and its data; "" is nothing.
func expectNotification(t *testing.T, n *Notification, says, data string) {
	t.Helper()
	if n == nil {
		if says != "" {
			t.Errorf("accepted, want %q", says)
		}
		return
	}
	if n.String() != says {
		t.Errorf("says %q, want %q", n, says)
	}
	if got := hex.EncodeToString(n.Data); got != data {
		t.Errorf("data %s, want %s", got, data)
	}
}

// TestRefresh is RFC 2918 section 3 and RFC 7313 section 3.2.
func TestRefresh(t *testing.T) {
	for _, c := range []struct {
		name, message string
		afi           uint16
		safi          uint8
		ok            bool
	}{
		{"IPv4 unicast", ones + "0017 05 0001 00 01", 1, 1, true},
		{"IPv6 unicast", ones + "0017 05 0002 00 01", 2, 1, true},
		{"another family", ones + "0017 05 0001 00 80", 1, 128, true},
		{"begin of a refresh", ones + "0017 05 0001 01 01", 1, 1, false},
		{"end of a refresh", ones + "0017 05 0001 02 01", 1, 1, false},
		{"with a filter", ones + "001f 05 0001 00 01 01 80 0004 00000000", 1, 1, true},
		{"short", ones + "0016 05 0001 00", 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			afi, safi, ok := ParseRefresh(octets(t, c.message))
			if afi != c.afi || safi != c.safi || ok != c.ok {
				t.Errorf("%d/%d %v, want %d/%d %v", afi, safi, ok, c.afi, c.safi, c.ok)
			}
		})
	}
}
