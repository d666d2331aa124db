package socket

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/testns"
)

func TestMain(m *testing.M) { testns.Main(m) }

const patience = 5 * time.Second

// pair is two hosts on one cable, each with an address of both families.
//
//	a 192.0.2.1, fd00::1  eth0 ─── eth0  b 192.0.2.2, fd00::2
type pair struct{ a, b *testns.NS }

const port = 9176

func newPair(t testing.TB) *pair {
	t.Helper()
	p := &pair{testns.New(t), testns.New(t)}
	testns.Veth(t, p.a, "eth0", p.b, "eth0")
	for i, ns := range []*testns.NS{p.a, p.b} {
		ns.Addr(t, "eth0", fmt.Sprintf("192.0.2.%d/24", i+1))
		ns.Addr(t, "eth0", fmt.Sprintf("fd00::%d/64", i+1))
	}
	return p
}

func at(address string) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(address), port)
}

// The paths of a to b and back: path 0 is IPv4, path 1 is IPv6.
func toB() []Path {
	return []Path{{Node: 7, Path: 0, Local: at("192.0.2.1"), Remote: at("192.0.2.2")}, {Node: 7, Path: 1, Local: at("fd00::1"), Remote: at("fd00::2")}}
}

func toA() []Path {
	return []Path{{Node: 3, Path: 0, Local: at("192.0.2.2"), Remote: at("192.0.2.1")}, {Node: 3, Path: 1, Local: at("fd00::2"), Remote: at("fd00::1")}}
}

func open(t testing.TB, ns *testns.NS, paths []Path) *Set {
	t.Helper()
	var s *Set
	var err error
	ns.Do(func() { s, err = Open(paths) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// plain opens an ordinary socket: a program that is not stead.
func plain(t testing.TB, ns *testns.NS, local netip.AddrPort) int {
	t.Helper()
	domain := unix.AF_INET
	if local.Addr().Is6() {
		domain = unix.AF_INET6
	}
	var fd int
	var err error
	ns.Do(func() {
		if fd, err = unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
			err = unix.Bind(fd, sockaddr(local))
		}
	})
	if err != nil {
		t.Fatalf("socket at %s: %v", local, err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

// got is what Receive gave: "node/path text".
func (s *Set) got(burst int) []string {
	var all []string
	var buf [2048]byte
	s.Receive(buf[:], burst, func(node, path int, b []byte) { all = append(all, fmt.Sprintf("%d/%d %s", node, path, b)) })
	return all
}

// gets waits for datagrams.
func (s *Set) gets(t testing.TB, want ...string) {
	t.Helper()
	var all []string
	for end := time.Now().Add(patience); len(all) < len(want) && time.Now().Before(end); {
		s.Wait(100 * time.Millisecond)
		all = append(all, s.got(MaxBurst)...)
	}
	if strings.Join(all, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(all, "\n"), strings.Join(want, "\n"))
	}
}

func TestBothFamiliesBothWays(t *testing.T) {
	p := newPair(t)
	a, b := open(t, p.a, toB()), open(t, p.b, toA())
	for path := range 2 {
		a.Send(7, path, []byte("ping"), 0)
		b.gets(t, fmt.Sprintf("3/%d ping", path))
		b.Send(3, path, []byte("pong"), 0)
		a.gets(t, fmt.Sprintf("7/%d pong", path))
	}
	a.Send(7, 2, []byte("no such path"), 0)
	a.Send(8, 0, []byte("no such node"), 0)
	a.Send(7, 0, []byte("last"), 0)
	b.gets(t, "3/0 last")
}

// Heartbeats carry the mark of network control, and enough hops for a routed
// network.
func TestMarkedAsNetworkControl(t *testing.T) {
	p := newPair(t)
	var tap int
	var err error
	p.b.Do(func() {
		tap, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(htons(unix.ETH_P_ALL)))
	})
	if err != nil {
		testns.Lacking(t, "CAP_NET_RAW", err)
	}
	defer unix.Close(tap)
	if err := unix.SetsockoptTimeval(tap, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
		t.Fatal(err)
	}
	a := open(t, p.a, toB())
	a.Send(7, 0, []byte("beat"), 0)
	a.Send(7, 1, []byte("beat"), 0)
	seen := map[byte]bool{}
	buf := make([]byte, 2048)
	for len(seen) < 2 {
		n, _, err := unix.Recvfrom(tap, buf, 0)
		if err == unix.EINTR { // a signal of the runtime
			continue
		}
		if err != nil {
			t.Fatalf("heartbeats seen: %v; then %v", seen, err)
		}
		f := buf[:n]
		switch version := f[0] >> 4; {
		case version == 4 && f[9] == unix.IPPROTO_UDP:
			seen[4] = true
			if f[1] != dscp || f[8] != 64 {
				t.Errorf("IPv4: TOS %#x, TTL %d", f[1], f[8])
			}
		case version == 6 && f[6] == unix.IPPROTO_UDP:
			seen[6] = true
			if class := f[0]<<4 | f[1]>>4; class != dscp || f[7] != 64 {
				t.Errorf("IPv6: traffic class %#x, hop limit %d", class, f[7])
			}
		}
	}
}

func htons(v uint16) uint16 { return v<<8&0xff00 | v>>8 }

// A connected socket takes nothing from a third address or another port.
func TestStrangersAreNotHeard(t *testing.T) {
	p := newPair(t)
	p.a.Addr(t, "eth0", "192.0.2.3/24")
	b := open(t, p.b, toA())
	for _, from := range []netip.AddrPort{at("192.0.2.3"), netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port+1)} {
		if err := unix.Sendto(plain(t, p.a, from), []byte("stranger"), 0, sockaddr(at("192.0.2.2"))); err != nil {
			t.Fatal(err)
		}
	}
	open(t, p.a, toB()).Send(7, 0, []byte("known"), 0)
	b.gets(t, "3/0 known")
}

// The other daemon is not there, and its host says so for every datagram. That
// costs neither a datagram that is sent when it is there again, nor time.
func TestPortUnreachable(t *testing.T) {
	p := newPair(t)
	p.b.Sysctl(t, "net/ipv4/icmp_ratelimit", "0") // every datagram is answered
	p.b.Sysctl(t, "net/ipv6/icmp/ratelimit", "0")
	a := open(t, p.a, toB())
	for i := range 5 {
		for path := range 2 {
			a.Send(7, path, []byte("to nobody"), 0)
		}
		a.Wait(100 * time.Millisecond) // for the refusal
		if all := a.got(MaxBurst); len(all) != 0 {
			t.Fatalf("a refusal came as a datagram: %q", all)
		}
		for path := range 2 {
			a.Send(7, path, []byte("to nobody"), 0)
		}
		testns.Eventually(t, patience, "the refusals are in", func() bool { return a.refused(t, 0) && a.refused(t, 1) })
		b := open(t, p.b, toA())
		for path := range 2 {
			text := fmt.Sprintf("%d over %d", i, path)
			a.Send(7, path, []byte(text), 0)
			b.gets(t, fmt.Sprintf("3/%d %s", path, text))
		}
		b.Close()
		b.paths, b.wake = nil, -1
	}
}

// refused tells whether an error waits at the socket of a path, and leaves it there.
func (s *Set) refused(t testing.TB, i int) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(s.paths[i].fd)}}
	if _, err := unix.Poll(fds, 0); err != nil && err != unix.EINTR {
		t.Fatal(err)
	}
	return fds[0].Revents&unix.POLLERR != 0
}

// A peer whose hardware address nobody answers for, and one behind a cable that
// was pulled, hold up nothing: not the sender, not the others.
func TestUnreachablePeerDoesNotStall(t *testing.T) {
	p := newPair(t)
	paths := append(toB(), Path{Node: 8, Local: at("192.0.2.1"), Remote: at("192.0.2.99")}, Path{Node: 9, Local: at("192.0.2.1"), Remote: at("198.51.100.1")})
	a, b := open(t, p.a, paths), open(t, p.b, toA())
	flood := func(what string) {
		t.Helper()
		begin := time.Now()
		for range 20_000 {
			a.Send(8, 0, make([]byte, 200), 0)
			a.Send(9, 0, make([]byte, 200), 0)
		}
		// A socket that blocked would wait for seconds, each time.
		if took := time.Since(begin); took > patience {
			t.Fatalf("%s: 40,000 datagrams to nobody took %v", what, took)
		}
	}
	flood("no answer to ARP")
	a.Send(7, 0, []byte("beat"), 0)
	b.gets(t, "3/0 beat")
	p.b.Down(t, "eth0")
	flood("no carrier")
	p.a.Down(t, "eth0")
	flood("no route")
	p.a.Up(t, "eth0")
	p.b.Up(t, "eth0")
	testns.Eventually(t, patience, "heartbeats go again", func() bool {
		a.Send(7, 0, []byte("again"), 0)
		b.Wait(10 * time.Millisecond)
		return len(b.got(MaxBurst)) > 0
	})
}
