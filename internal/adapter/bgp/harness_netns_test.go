package bgp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"stead/internal/core"
	"stead/internal/core/bgp"
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

const (
	patience = 5 * time.Second
	shortly  = 700 * time.Millisecond // in place of connectLimit
)

// told is an event, and whose.
type told struct {
	core.Stream
	peer string
}

// host is a Set in a namespace, and what it has told. The test's goroutine takes
// the place of the engine's thread.
type host struct {
	*Set
	stop func()

	mu   sync.Mutex
	all  []told
	sent map[bgp.Conn]int
	seen int
}

// run opens a Set in a namespace and runs it until the test ends.
func run(t testing.TB, ns *testns.NS, listen uint16, peers ...Peer) *host {
	t.Helper()
	h := &host{sent: map[bgp.Conn]int{}}
	var err error
	ns.Do(func() { h.Set, err = Open(Options{Peers: peers, Listen: listen, Post: h.take}) })
	if err != nil {
		t.Fatal(err)
	}
	h.patience = shortly
	ctx, cancel := context.WithCancel(context.Background())
	finished := make(chan struct{})
	go func() { defer close(finished); h.Run(ctx) }()
	h.stop = sync.OnceFunc(func() { cancel(); <-finished; h.Close() })
	t.Cleanup(h.stop)
	return h
}

// take is Post. It counts what was sent, which comes from two goroutines.
func (h *host) take(peer string, e *core.Stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Kind == core.StreamSent {
		h.sent[e.Conn] += e.Count
		return
	}
	h.all = append(h.all, told{*e, peer})
}

func (h *host) taken(conn bgp.Conn) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sent[conn]
}

// next waits for the next thing that is told, beside bytes that were sent.
func (h *host) next(t testing.TB, kind core.StreamKind) (e told) {
	t.Helper()
	testns.Eventually(t, 3*patience, fmt.Sprintf("an event of kind %d", kind), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.seen >= len(h.all) {
			return false
		}
		e = h.all[h.seen]
		h.seen++
		return true
	})
	if e.Kind != kind {
		t.Fatalf("told %+v, want kind %d", e, kind)
	}
	return e
}

// nothing fails where there is something told that was not looked at.
func (h *host) nothing(t testing.TB) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.seen < len(h.all) {
		t.Fatalf("told %+v", h.all[h.seen:])
	}
}

func (h *host) dials(peer int, conn bgp.Conn) {
	h.Dial(core.StreamConn{Peer: peer, Conn: conn})
}

func (h *host) hangs(peer int, conn bgp.Conn) {
	h.Hangup(core.StreamConn{Peer: peer, Conn: conn})
}

func (h *host) writes(peer int, conn bgp.Conn, b []byte) {
	h.Write(&core.StreamWrite{StreamConn: core.StreamConn{Peer: peer, Conn: conn}, Bytes: b})
}

// status is that of a peer.
func (h *host) status(peer int) Status { return h.Status()[peer] }

// at is a peer with an address.
func at(remote string) Peer {
	return Peer{Name: remote, Remote: netip.MustParseAddrPort(remote), TTL: 64, UserTimeout: 9 * time.Second}
}

func (p Peer) with(change func(*Peer)) Peer {
	change(&p)
	return p
}

func (p Peer) password(key string) Peer { return p.with(func(p *Peer) { p.MD5 = []byte(key) }) }

// cable is two hosts with a cable between them.
//
//	a 192.0.2.1, fd00::1  eth0 ─── eth0  192.0.2.2, fd00::2 b
func cable(t testing.TB) (a, b *testns.NS) {
	t.Helper()
	a, b = testns.New(t), testns.New(t)
	testns.Veth(t, a, "eth0", b, "eth0")
	for i, ns := range []*testns.NS{a, b} {
		ns.Addr(t, "eth0", fmt.Sprintf("192.0.2.%d/24", i+1))
		ns.Addr(t, "eth0", fmt.Sprintf("fd00::%d/64", i+1))
	}
	testns.Eventually(t, patience, "the way is open", func() bool {
		return a.Ping(t, netip.MustParseAddr("fd00::2"), 50*time.Millisecond) == nil
	})
	return a, b
}

// message is one with any body.
func message(kind bgp.MessageType, body string) []byte {
	b := bytes.Repeat([]byte{0xff}, 16)
	length := bgp.HeaderLen + len(body)
	return append(append(b, byte(length>>8), byte(length), byte(kind)), body...)
}

var (
	openMessage  = message(bgp.TypeOpen, "\x04\xfd\xe9\x00\x09\x0a\x00\x00\x01\x00")
	keepalive    = message(bgp.TypeKeepalive, "")
	notification = message(bgp.TypeNotification, "\x06\x02")
	update       = message(bgp.TypeUpdate, "\x00\x00\x00\x00")
)

// listen is a listener of the test's own.
func listen(t testing.TB, ns *testns.NS, addr string) *net.TCPListener {
	t.Helper()
	var l net.Listener
	var err error
	ns.Do(func() { l, err = net.Listen("tcp", addr) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

func accept(t testing.TB, l *net.TCPListener) *net.TCPConn {
	t.Helper()
	_ = l.SetDeadline(time.Now().Add(patience))
	c, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(3 * patience))
	return c
}

func dial(t testing.TB, ns *testns.NS, from, to string) (*net.TCPConn, error) {
	t.Helper()
	var c net.Conn
	var err error
	ns.Do(func() {
		d := net.Dialer{Timeout: patience}
		if from != "" {
			d.LocalAddr = net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))
		}
		c, err = d.Dial("tcp", to)
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(3 * patience))
	return c.(*net.TCPConn), nil
}

// reads reads exactly b from a connection.
func reads(t testing.TB, c io.Reader, b []byte) {
	t.Helper()
	got := make([]byte, len(b))
	if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, b) {
		t.Fatalf("read %d bytes % x: %v\nwant % x", n, got[:min(n, 64)], err, b[:min(len(b), 64)])
	}
}

// meets is a Set on one side, and a connection of the test's own on the other.
func meets(t testing.TB, change func(*Peer)) (h *host, c *net.TCPConn) {
	t.Helper()
	na, nb := cable(t)
	l := listen(t, nb, "192.0.2.2:179")
	h = run(t, na, 0, at("192.0.2.2:179").with(change))
	h.dials(0, 1)
	c = accept(t, l)
	h.next(t, core.StreamOpened)
	return h, c
}

func asIs(*Peer) {}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	if i := slices.IndexFunc(parts, func(p string) bool { return !strings.Contains(text, p) }); i >= 0 {
		t.Errorf("%q does not say %q", text, parts[i])
	}
}
