package testns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Ping sends one ICMP echo request from the namespace and waits for its answer.
// An IPv6 link-local address carries its zone.
func (ns *NS) Ping(t testing.TB, to netip.Addr, wait time.Duration) error {
	t.Helper()
	return ns.PingSize(t, to, 56, wait)
}

// PingSize is Ping with a number of bytes behind the 8 of the ICMP header.
func (ns *NS) PingSize(t testing.TB, to netip.Addr, size int, wait time.Duration) error {
	t.Helper()
	network, protocol := "ip4:icmp", 1
	request := icmp.Message{Type: ipv4.ICMPTypeEcho}
	answer := icmp.Type(ipv4.ICMPTypeEchoReply)
	if to.Is6() {
		network, protocol = "ip6:ipv6-icmp", 58
		request.Type, answer = ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply
	}
	var conn *icmp.PacketConn
	var err error
	ns.Do(func() { conn, err = icmp.ListenPacket(network, "") })
	if err != nil {
		Lacking(t, "CAP_NET_RAW to ping", err)
	}
	defer conn.Close()

	// Every raw socket of the namespace hears every answer: the id tells ours.
	echo := &icmp.Echo{ID: int(time.Now().UnixNano()>>4) & 0xffff, Seq: 1, Data: make([]byte, size)}
	request.Body = echo
	packet, err := request.Marshal(nil)
	if err != nil {
		t.Fatalf("echo request: %v", err)
	}
	if err := conn.SetDeadline(time.Now().Add(wait)); err != nil {
		t.Fatalf("deadline of the ping: %v", err)
	}
	if _, err := conn.WriteTo(packet, &net.IPAddr{IP: to.AsSlice(), Zone: to.Zone()}); err != nil {
		return fmt.Errorf("ping %s: %w", to, err)
	}
	buf := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return fmt.Errorf("ping %s: no answer within %v: %w", to, wait, err)
		}
		m, err := icmp.ParseMessage(protocol, buf[:n])
		if err != nil {
			continue
		}
		if body, ok := m.Body.(*icmp.Echo); ok && m.Type == answer && body.ID == echo.ID {
			return nil
		}
	}
}

// Silent reports whether an error of Ping means that nobody answered.
func Silent(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
