package bfd

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/testns"
)

func TestMain(m *testing.M) {
	code := testns.Run(m)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

const patience = 5 * time.Second

// host is a Set in a namespace.
type host struct {
	*Set
	stop func()
}

// run opens a Set in a namespace and runs it until the test ends.
func run(t testing.TB, ns *testns.NS, sessions ...Session) *host {
	t.Helper()
	h := &host{}
	var err error
	ns.Do(func() { h.Set, err = Open(Options{Sessions: sessions}) })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); h.Run(ctx) }()
	h.stop = sync.OnceFunc(func() { cancel(); <-ended; h.Close() })
	t.Cleanup(h.stop)
	return h
}

// to is a session with a remote address.
func to(remote string) Session {
	return Session{Name: remote, Remote: netip.MustParseAddr(remote)}
}

func (s Session) from(local string) Session {
	s.Local = netip.MustParseAddr(local)
	return s
}

func (s Session) far() Session {
	s.Multihop = true
	s.Name += " far"
	return s
}

func (s Session) on(iface string) Session {
	s.Interface = iface
	return s
}

// sends sends a packet of a session and fails where the kernel does not take it.
func (h *host) sends(t testing.TB, session int, text string) {
	t.Helper()
	before := h.Status()[session]
	h.Send(&core.ControlSend{Session: session, Bytes: []byte(text)})
	if after := h.Status()[session]; after.Sent != before.Sent+1 {
		t.Fatalf("%q was not sent: %+v", text, after)
	}
}

// poll waits for input and returns what came.
func (h *host) poll(wait time.Duration) (all []core.Control) {
	fds := []unix.PollFd{{Fd: int32(h.Files()[0]), Events: unix.POLLIN}}
	_, _ = unix.Poll(fds, int(wait/time.Millisecond))
	var buf [2048]byte
	h.Receive(buf[:], 64, func(c *core.Control) {
		one := *c
		one.Bytes = bytes.Clone(c.Bytes)
		all = append(all, one)
	})
	return all
}

// hears waits for one packet and fails where another comes first.
func (h *host) hears(t testing.TB, text string) core.Control {
	t.Helper()
	var all []core.Control
	for end := time.Now().Add(patience); len(all) == 0; {
		if time.Now().After(end) {
			t.Fatalf("%q was not heard; %+v; %+v", text, h.Counters(), h.Status())
		}
		all = h.poll(100 * time.Millisecond)
	}
	if len(all) > 1 || string(all[0].Bytes) != text {
		t.Fatalf("heard %+v, want %q", all, text)
	}
	return all[0]
}

// problem waits until a session's problem is the text.
func (h *host) problem(t testing.TB, session int, want string) {
	t.Helper()
	got := "not looked at"
	defer func() {
		if t.Failed() {
			t.Logf("the problem is %q", got)
		}
	}()
	testns.Eventually(t, patience, fmt.Sprintf("problem %q", want), func() bool {
		got = h.Status()[session].Problem
		return got == want
	})
}

// cable is two hosts with a cable between them.
//
//	a 192.0.2.1, fd00::1, fe80::1  eth0 ─── eth0  192.0.2.2, fd00::2, fe80::2 b
func cable(t testing.TB) (a, b *testns.NS) {
	t.Helper()
	a, b = testns.New(t), testns.New(t)
	testns.Veth(t, a, "eth0", b, "eth0")
	for i, ns := range []*testns.NS{a, b} {
		ns.Addr(t, "eth0", fmt.Sprintf("192.0.2.%d/24", i+1))
		ns.Addr(t, "eth0", fmt.Sprintf("fd00::%d/64", i+1))
		ns.Addr(t, "eth0", fmt.Sprintf("fe80::%d/64", i+1))
	}
	reaches(t, a, "fd00::2")
	return a, b
}

// reaches waits until the way to an address is open.
func reaches(t testing.TB, ns *testns.NS, addr string) {
	t.Helper()
	testns.Eventually(t, patience, addr+" answers", func() bool {
		return ns.Ping(t, netip.MustParseAddr(addr), 50*time.Millisecond) == nil
	})
}

// stranger sends n packets to a port from any address of a namespace.
func stranger(t testing.TB, ns *testns.NS, from, to string, n int) {
	t.Helper()
	var conn net.Conn
	var err error
	ns.Do(func() {
		d := net.Dialer{LocalAddr: net.UDPAddrFromAddrPort(netip.MustParseAddrPort(from))}
		conn, err = d.Dial("udp", to)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range n {
		if _, err := conn.Write([]byte("stranger")); err != nil {
			t.Fatal(err)
		}
	}
}

// frame waits for a frame with a UDP packet to a port, and returns what follows
// its Ethernet header.
func frame(t testing.TB, ns *testns.NS, ipv6 bool, send func()) []byte {
	t.Helper()
	kind, offset := uint16(unix.ETH_P_IP), 9
	if ipv6 {
		kind, offset = unix.ETH_P_IPV6, 6
	}
	all := kind<<8 | kind>>8
	fd := -1
	var err error
	ns.Do(func() { fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(all)) })
	if err != nil {
		testns.Lacking(t, "CAP_NET_RAW", err)
	}
	defer unix.Close(fd)
	send()
	buf := make([]byte, 2048)
	for end := time.Now().Add(patience); time.Now().Before(end); {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		_, _ = unix.Poll(fds, 100)
		n, _, err := unix.Recvfrom(fd, buf, unix.MSG_DONTWAIT)
		if err == nil && n > 48 && buf[offset] == unix.IPPROTO_UDP || err == nil && !ipv6 && n > 28 && buf[offset] == unix.IPPROTO_UDP {
			return buf[:n]
		}
	}
	t.Fatal("no packet on the wire")
	return nil
}
