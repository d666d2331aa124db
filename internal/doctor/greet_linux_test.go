package doctor

import (
	"bytes"
	"net/netip"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/core/peer"
	"stead/internal/engine"
	"stead/internal/testns"
)

var (
	ourKey   = bytes.Repeat([]byte{1}, 32)
	otherKey = bytes.Repeat([]byte{2}, 32)
)

// greetScene is a host that greets, and one that is greeted.
//
//	a eth0 ─── eth0 b
type greetScene struct {
	a, b *testns.NS
	path Path
}

func newGreetScene(t *testing.T, from, to string, bits string) *greetScene {
	t.Helper()
	s := &greetScene{a: testns.New(t), b: testns.New(t), path: Path{
		Node:  "secondary",
		Local: netip.AddrPortFrom(netip.MustParseAddr(from), 9176), Remote: netip.AddrPortFrom(netip.MustParseAddr(to), 9176),
	}}
	testns.Veth(t, s.a, "eth0", s.b, "eth0")
	s.a.Addr(t, "eth0", from+bits)
	s.b.Addr(t, "eth0", to+bits)
	if err := s.a.Ping(t, s.path.Remote.Addr(), 5e9); err != nil { // the cable is up
		t.Fatal(err)
	}
	return s
}

// socket opens the heartbeat port of one end.
func socket(t *testing.T, ns *testns.NS, local, remote netip.AddrPort) (fd int) {
	t.Helper()
	ns.Do(func() {
		domain := unix.AF_INET
		if local.Addr().Is6() {
			domain = unix.AF_INET6
		}
		var err error
		if fd, err = unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		if err := unix.Bind(fd, sockaddr(local)); err != nil {
			t.Fatal(err)
		}
		if err := unix.Connect(fd, sockaddr(remote)); err != nil {
			t.Fatal(err)
		}
	})
	return fd
}

// listens makes b do with each greeting what a daemon would: answer gets its
// header and returns what is sent, or nil.
func (s *greetScene) listens(t *testing.T, answer func(h peer.Header) []byte) {
	t.Helper()
	fd := socket(t, s.b, s.path.Remote, s.path.Local)
	done := make(chan struct{})
	go func() {
		defer close(done)
		sealer := peer.NewSealer([][]byte{ourKey})
		buf := make([]byte, peer.MaxPacket)
		for {
			n, err := unix.Read(fd, buf)
			if err == unix.ECONNREFUSED || err == unix.EINTR {
				continue
			}
			if err != nil || n == 0 {
				return
			}
			h, _, err := sealer.Open(buf[:n])
			if err != nil || h.Sender != peer.NodeHash("primary") || h.Receiver != peer.NodeHash("secondary") || h.EchoInc != 0 || h.Version != 0 {
				t.Errorf("a greeting that says too much: %+v, %v", h, err)
			}
			if b := answer(h); b != nil {
				_, _ = unix.Write(fd, b)
			}
		}
	}()
	t.Cleanup(func() {
		_ = unix.Shutdown(fd, unix.SHUT_RD)
		<-done
	})
}

func sealed(key []byte, h peer.Header) []byte {
	return peer.NewSealer([][]byte{key}).Seal(h.Append(nil), 0)
}

func (s *greetScene) greet(t *testing.T) (g Greeting, err error) {
	s.a.Do(func() { g, err = greet(t.Context(), engine.Now, [][]byte{ourKey}, "primary", s.path) })
	return g, err
}

func TestGreet(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(h peer.Header) []byte
		want   Greeting
	}{
		"a daemon": {func(h peer.Header) []byte {
			return sealed(ourKey, peer.Header{Inc: 7, Seq: 1, EchoInc: h.Inc, EchoSeq: h.Seq})
		}, GreetAnswered},
		"a daemon that hears nothing": {func(peer.Header) []byte { return sealed(ourKey, peer.Header{Inc: 7, Seq: 1, EchoInc: 99}) }, GreetHeard},
		"a daemon with another key":   {func(h peer.Header) []byte { return sealed(otherKey, peer.Header{Inc: 7, Seq: 1, EchoInc: h.Inc}) }, GreetStrange},
		"noise":                       {func(peer.Header) []byte { return []byte("hello") }, GreetStrange},
		"nothing":                     {func(peer.Header) []byte { return nil }, GreetSilent},
	} {
		for family, at := range map[string][3]string{"IPv4": {"10.0.1.10", "10.0.1.20", "/24"}, "IPv6": {"fd00::10", "fd00::20", "/64"}} {
			t.Run(name+" "+family, func(t *testing.T) {
				t.Parallel() // each has networks of its own
				s := newGreetScene(t, at[0], at[1], at[2])
				s.listens(t, c.answer)
				if got, err := s.greet(t); got != c.want || err != nil {
					t.Errorf("got %d, %v, want %d", got, err, c.want)
				}
			})
		}
	}
}

func TestGreetNobody(t *testing.T) {
	t.Parallel()
	s := newGreetScene(t, "10.0.1.10", "10.0.1.20", "/24")
	expect := func(name string, want Greeting, text string) {
		t.Helper()
		got, err := s.greet(t)
		if got != want || oneLine(err) != text {
			t.Errorf("%s: got %d, %q, want %d, %q", name, got, oneLine(err), want, text)
		}
	}
	expect("no daemon", GreetRefused, "")
	s.b.Run(t, "ip", "link", "set", "eth0", "down")
	expect("a cable that is cut", GreetSilent, "")
	s.a.Run(t, "ip", "link", "set", "eth0", "down")
	expect("no route", GreetNoWay, "send to 10.0.1.20:9176: network is unreachable")
	s.path.Local = netip.MustParseAddrPort("10.0.9.9:9176")
	expect("no such address here", GreetNoWay, "send from 10.0.9.9:9176: cannot assign requested address")
}

// The port of a daemon is not taken from it, and one that starts during a greeting gets it.
func TestGreetLeavesThePort(t *testing.T) {
	t.Parallel()
	s := newGreetScene(t, "10.0.1.10", "10.0.1.20", "/24")
	s.listens(t, func(peer.Header) []byte {
		s.a.Do(func() {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = unix.Close(fd) }()
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil { // as the daemon does
				t.Error(err)
			}
			if err := unix.Bind(fd, sockaddr(s.path.Local)); err != nil {
				t.Errorf("a daemon that starts meanwhile: %v", err)
			}
		})
		return nil
	})
	if g, err := s.greet(t); g != GreetSilent || err != nil {
		t.Errorf("got %d, %v", g, err)
	}
	socket(t, s.a, s.path.Local, s.path.Remote)
	if g, err := s.greet(t); g != GreetBusy || err != nil {
		t.Errorf("a port in use: %d, %v", g, err)
	}
}

// nft's own text is understood.
func TestPacketFilterOfTheKernel(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		testns.Lacking(t, "the program nft", err)
	}
	ns := testns.New(t)
	e := kernelEnv(t)
	e.Firewall = nftRules
	look := func() (out []Finding) {
		ns.Do(func() { out = firewall.Run(t.Context(), e) })
		return out
	}
	if f := look(); len(f) != 1 || f[0].Severity != OK {
		t.Errorf("no rules: %+v", f)
	}
	ns.Run(t, "nft", "add table inet t; add chain inet t in { type filter hook input priority 0; }; add rule inet t in meta l4proto udp udp dport {9176, 123} counter drop")
	if f := look(); len(f) != 1 || f[0].ID != portBlocked.ID || f[0].Subject != "UDP port 9176" {
		t.Errorf("a rule against heartbeats: %+v", f)
	}
	ns.Run(t, "nft", "flush ruleset; add table inet t; add chain inet t in { type filter hook input priority 0; policy drop; }; add rule inet t in udp dport 9100-9200 accept")
	if f := look(); len(f) != 1 || f[0].ID != portBlocked.ID || f[0].Subject != "UDP port 4789" {
		t.Errorf("closed but for heartbeats: %+v", f)
	}
}
