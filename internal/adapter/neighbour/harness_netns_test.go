package neighbour

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"stead/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

// patience is how long a test waits for what has to happen.
const patience = 5 * time.Second

// pair is two hosts on a cable, of which b has no address yet: nobody answers for it.
//
//	a eth0 ─── eth0 b
type pair struct {
	a, b     *testns.NS
	path     Path
	addressB string
}

// families are the addresses of a and b in each of them.
var families = []struct{ name, a, b string }{
	{"ipv4", "10.0.0.1/24", "10.0.0.2/24"},
	{"ipv6", "fd00::1/64", "fd00::2/64"},
}

func newPair(t testing.TB, addressA, addressB string) *pair {
	t.Helper()
	p := &pair{a: testns.New(t), b: testns.New(t), addressB: addressB}
	testns.Veth(t, p.a, "eth0", p.b, "eth0")
	p.a.Addr(t, "eth0", addressA)
	p.path = Path{
		Local:  netip.AddrPortFrom(netip.MustParsePrefix(addressA).Addr(), 4000),
		Remote: netip.AddrPortFrom(netip.MustParsePrefix(addressB).Addr(), 4000),
	}
	return p
}

// come gives b its address.
func (p *pair) come(t testing.TB) { p.b.Addr(t, "eth0", p.addressB) }

// keep runs a Keeper on a until the test ends, and sees that it leaves nothing behind.
func (p *pair) keep(t *testing.T) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	k := p.open(t, func(err error) { t.Errorf("complaint: %v", err) })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(patience):
			t.Error("Run goes on after its context has ended")
		}
		if err := goleak.Find(before); err != nil {
			t.Error(err)
		}
	})
}

func (p *pair) open(t testing.TB, complain func(error)) (k *Keeper) {
	t.Helper()
	var err error
	p.a.Do(func() { k, err = Open([]Path{p.path}, complain) })
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// send sends one datagram from a to b.
func (p *pair) send(t testing.TB) {
	t.Helper()
	var err error
	p.a.Do(func() {
		var c *net.UDPConn
		if c, err = net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(p.path.Remote)); err == nil {
			_, err = c.Write([]byte("heartbeat"))
			_ = c.Close()
		}
	})
	if err != nil {
		t.Fatalf("send to b: %v", err)
	}
}

// awaitCarrier waits until a's interface has a carrier, or has none.
func (p *pair) awaitCarrier(t testing.TB, want bool) {
	t.Helper()
	testns.Eventually(t, patience, "the change of the carrier", func() bool {
		return p.a.Link(t, "eth0").Attrs().RawFlags&unix.IFF_RUNNING != 0 == want
	})
}

// listen returns b's socket for datagrams.
func (p *pair) listen(t testing.TB) (c *net.UDPConn) {
	t.Helper()
	var err error
	p.b.Do(func() { c, err = net.ListenUDP("udp", &net.UDPAddr{Port: 4000}) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// requests hears the questions for b's address that arrive at b.
type requests struct {
	fd  int
	ask []byte // the address, as it stands in a question
}

func (p *pair) requests(t testing.TB) *requests {
	t.Helper()
	r := &requests{ask: p.path.Remote.Addr().AsSlice()}
	index := p.b.Link(t, "eth0").Attrs().Index
	var err error
	p.b.Do(func() { r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) })
	if err != nil {
		testns.Lacking(t, "CAP_NET_RAW to hear ARP", err)
	}
	t.Cleanup(func() { _ = unix.Close(r.fd) })
	kind := uint16(unix.ETH_P_ARP)
	if len(r.ask) == 16 {
		kind = unix.ETH_P_IPV6
	}
	if err := unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: kind<<8 | kind>>8, Ifindex: index}); err != nil {
		t.Fatal(err)
	}
	return r
}

// next waits for the next question and reports whether it came within a time.
func (r *requests) next(t testing.TB, within time.Duration) bool {
	t.Helper()
	b := make([]byte, 2048)
	for end := time.Now().Add(within); ; {
		left := time.Until(end)
		if left <= 0 {
			return false
		}
		wait := unix.NsecToTimeval(max(left, time.Millisecond).Nanoseconds())
		if err := unix.SetsockoptTimeval(r.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
			t.Fatal(err)
		}
		n, _, err := unix.Recvfrom(r.fd, b, 0)
		if err == nil && r.is(b[:n]) {
			return true
		}
	}
}

// is reports whether a packet is an ARP request (RFC 826) or a neighbour
// solicitation (RFC 4861 §4.3) for the address.
func (r *requests) is(b []byte) bool {
	if len(r.ask) == 4 {
		return len(b) >= 28 && binary.BigEndian.Uint16(b[6:]) == 1 && string(b[24:28]) == string(r.ask)
	}
	return len(b) >= 64 && b[6] == unix.IPPROTO_ICMPV6 && b[40] == 135 && string(b[48:64]) == string(r.ask)
}

// count waits for n questions and returns how long they took.
func (r *requests) count(t testing.TB, n int) time.Duration {
	t.Helper()
	start := time.Now()
	for i := range n {
		if !r.next(t, patience) {
			t.Fatalf("question %d of %d did not come within %v", i+1, n, patience)
		}
	}
	return time.Since(start)
}
