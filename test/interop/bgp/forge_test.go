package bgp

import (
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"stead/internal/testns"
)

// forges sends a BFD Control packet in the name of another router: Down, with the
// discriminators of a session that is up.
func (h *host) forges(t testing.TB, from, to netip.Addr, ttl uint8, mine, theirs uint32) {
	t.Helper()
	ip := &layers.IPv4{Version: 4, TTL: ttl, Protocol: layers.IPProtocolUDP, SrcIP: from.AsSlice(), DstIP: to.AsSlice()}
	udp := &layers.UDP{SrcPort: 49152, DstPort: 3784}
	_ = udp.SetNetworkLayerForChecksum(ip) // IPv4 is one
	control := &layers.BFD{
		Version: 1, State: layers.BFDStateDown, DetectMultiplier: 5,
		MyDiscriminator: layers.BFDDiscriminator(mine), YourDiscriminator: layers.BFDDiscriminator(theirs),
		DesiredMinTxInterval: 50000, RequiredMinRxInterval: 50000,
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, udp, control); err != nil {
		t.Fatal(err)
	}
	var fd int
	var err error
	h.ns.Do(func() { fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW) })
	if err != nil {
		testns.Lacking(t, "CAP_NET_RAW", err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, buf.Bytes(), 0, &unix.SockaddrInet4{Addr: to.As4()}); err != nil {
		t.Fatalf("send a forged packet: %v", err)
	}
}
