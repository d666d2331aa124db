package vrrp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

// A standby that forwards IPv6 says nothing of its own accord with a virtual MAC,
// not even when it is asked for its multicast groups: every such frame would move
// the switches' entries for the MAC away from the active router.
//
//	host eth0 ─── eth0 querier
func TestStandbyIsSilent(t *testing.T) {
	na, nb := cable(t)
	na.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	na.Sysctl(t, "net/ipv4/ip_forward", "1")
	wired(t, na, nb)
	w := openTap(t, nb, "eth0")
	h := run(t, na, virtual(multicast(0, 51)), virtual(multicast6(1, 51)))
	h.ready(t, 0)
	h.ready(t, 1)
	own := na.MAC(t, "eth0")
	if got := sysctl(t, na, "ipv6/conf/"+dev6+"/forwarding"); got != "1" {
		t.Errorf("the device's forwarding is %s", got)
	}
	for range 3 {
		w.send(t, listenerQuery())
		for end := time.Now().Add(patience); ; {
			f := w.next(end)
			if f == nil {
				t.Fatal("the host does not answer the query")
			}
			if bytes.HasPrefix(f[6:], []byte{0, 0, 0x5e, 0}) {
				t.Fatalf("from a virtual MAC: % x", f)
			}
			// Its report (RFC 3810 section 5.2), behind a hop-by-hop header.
			if bytes.Equal(f[6:12], own) && len(f) > 62 && f[12] == 0x86 && f[20] == 0 && f[62] == 143 {
				break
			}
		}
	}
}

// listenerQuery asks for all groups, to be answered within a millisecond (RFC
// 3810 section 5.1).
func listenerQuery() []byte {
	from, to := netip.MustParseAddr("fe80::2"), netip.IPv6LinkLocalAllNodes()
	message := make([]byte, 28)
	message[0] = 130
	binary.BigEndian.PutUint16(message[4:], 1)
	pseudo := append(append(from.AsSlice(), to.AsSlice()...), 0, 0, 0, byte(len(message)), 0, 0, 0, 58)
	binary.BigEndian.PutUint16(message[2:], headerChecksum(append(pseudo, message...)))
	f := []byte{0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0, 0, byte(8 + len(message)), 0, 1}
	f = append(append(f, from.AsSlice()...), to.AsSlice()...)
	f = append(f, 58, 0, 5, 2, 0, 0, 1, 0) // router alert (RFC 2711), padding
	return append(f, message...)
}
