package vrrp

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"stead/internal/adapter/link"
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

var (
	group4 = netip.MustParseAddr("224.0.0.18")
	group6 = netip.MustParseAddr("ff02::12")
)

// host is a Set in a namespace, and what it has told.
type host struct {
	*Set
	ns   *testns.NS
	stop func()

	mu      sync.Mutex
	sources map[core.GroupID]netip.Addr
	reports int
}

// multicast is a router of IPv4 on eth0.
func multicast(group core.GroupID, vrid uint8) Router {
	return Router{Group: group, Name: fmt.Sprintf("g%d", group), VRID: vrid, Interface: "eth0", Multicast: group4, TTL: 255}
}

func multicast6(group core.GroupID, vrid uint8) Router {
	r := multicast(group, vrid)
	r.IPv6, r.Multicast = true, group6
	return r
}

// run opens a Set in a namespace and runs it until the test ends.
func run(t testing.TB, ns *testns.NS, routers ...Router) *host {
	t.Helper()
	h := &host{ns: ns, sources: map[core.GroupID]netip.Addr{}}
	var err error
	ns.Do(func() { h.Set, err = Open(Options{Routers: routers, Report: h.report}) })
	if err != nil {
		testns.Lacking(t, "CAP_NET_RAW", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); h.Run(ctx) }()
	h.stop = sync.OnceFunc(func() { cancel(); <-ended; h.Close() })
	t.Cleanup(h.stop)
	return h
}

func (h *host) report(e core.Event) {
	s, ok := e.(core.SourceAddress)
	if !ok {
		panic(fmt.Sprintf("%T was reported", e))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sources[s.Group] = s.Address
	h.reports++
}

// told returns the source reported last, and whether there was a report.
func (h *host) told(group core.GroupID) (netip.Addr, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a, ok := h.sources[group]
	return a, ok
}

// comesFrom waits until a source is reported; the empty text is none.
func (h *host) comesFrom(t testing.TB, group core.GroupID, want string) {
	t.Helper()
	var addr netip.Addr
	if want != "" {
		addr = netip.MustParseAddr(want)
	}
	testns.Eventually(t, patience, fmt.Sprintf("source %q of group %d", want, group), func() bool {
		got, ok := h.told(group)
		return ok && got == addr
	})
}

// ready waits until a group has any source, and returns it.
func (h *host) ready(t testing.TB, group core.GroupID) netip.Addr {
	t.Helper()
	var got netip.Addr
	testns.Eventually(t, patience, fmt.Sprintf("a source of group %d", group), func() bool {
		got, _ = h.told(group)
		return got.IsValid()
	})
	return got
}

// message is an advertisement as far as this package reads one.
func advert(vrid uint8, text string) []byte {
	return append([]byte{0x31, vrid, 100, 1, 0, 100, 0xbe, 0xef}, text...)
}

func (h *host) advertise(t testing.TB, group core.GroupID, to netip.Addr, vrid uint8, text string) {
	t.Helper()
	before := h.Counters()
	h.Send(&core.Advertise{Group: group, From: h.ready(t, group), To: to, Bytes: advert(vrid, text)})
	if after := h.Counters(); after.Sent != before.Sent+1 {
		t.Fatalf("the advertisement was not sent: %+v", after.Lost)
	}
}

// heard is an advertisement that has come in.
type heard struct {
	core.Advertisement
	text string
}

// poll waits for input and returns what came.
func (h *host) poll(wait time.Duration) (all []heard) {
	var fds []unix.PollFd
	for _, fd := range h.Files() {
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	_, _ = unix.Poll(fds, int(wait/time.Millisecond))
	var buf [2048]byte
	h.Receive(buf[:], 64, func(a *core.Advertisement) {
		one := heard{Advertisement: *a}
		one.Bytes = bytes.Clone(a.Bytes)
		if len(a.Bytes) > 8 {
			one.text = string(a.Bytes[8:])
		}
		all = append(all, one)
	})
	return all
}

// hears waits for one advertisement and fails where another comes first.
func (h *host) hears(t testing.TB, group core.GroupID, text string) heard {
	t.Helper()
	var all []heard
	for end := time.Now().Add(patience); len(all) == 0; {
		if time.Now().After(end) {
			t.Fatalf("%q was not heard; %+v; %+v", text, h.Counters(), h.Status())
		}
		all = h.poll(100 * time.Millisecond)
	}
	if len(all) > 1 || all[0].Group != group || all[0].text != text {
		t.Fatalf("heard %+v, want %q for group %d", all, text, group)
	}
	return all[0]
}

// cable is two hosts with a cable between them.
//
//	a 192.0.2.1  eth0 ─── eth0  192.0.2.2 b
func cable(t testing.TB) (a, b *testns.NS) {
	t.Helper()
	a, b = testns.New(t), testns.New(t)
	testns.Veth(t, a, "eth0", b, "eth0")
	for i, ns := range []*testns.NS{a, b} {
		ns.Addr(t, "eth0", fmt.Sprintf("192.0.2.%d/24", i+1))
		ns.Addr(t, "eth0", fmt.Sprintf("fe80::%d/64", i+1))
	}
	return a, b
}

// wired waits until the cable between the hosts carries frames.
func wired(t testing.TB, hosts ...*testns.NS) {
	t.Helper()
	for _, ns := range hosts {
		testns.Eventually(t, patience, "a carrier", func() bool { return ns.Link(t, "eth0").Attrs().OperState == netlink.OperUp })
	}
}

// serve adds an address as package link does a group's, or takes one over.
func serve(t testing.TB, ns *testns.NS, device, prefix string) {
	t.Helper()
	p := netip.MustParsePrefix(prefix)
	f := ipv4
	if p.Addr().Is6() {
		f = ipv6
	}
	req := nl.NewNetlinkRequest(unix.RTM_NEWADDR, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	header := nl.NewIfAddrmsg(f.domain())
	header.Index, header.Prefixlen = uint32(ns.Link(t, device).Attrs().Index), uint8(p.Bits())
	req.AddData(header)
	req.AddData(nl.NewRtAttr(unix.IFA_LOCAL, p.Addr().AsSlice()))
	req.AddData(nl.NewRtAttr(unix.IFA_ADDRESS, p.Addr().AsSlice()))
	req.AddData(nl.NewRtAttr(unix.IFA_FLAGS, nl.Uint32Attr(unix.IFA_F_NODAD)))
	req.AddData(nl.NewRtAttr(ifaProto, []byte{link.Mark}))
	var err error
	ns.Do(func() { _, err = req.Execute(unix.NETLINK_ROUTE, 0) })
	if err != nil {
		t.Fatalf("add %s to %s: %v", prefix, device, err)
	}
}

// tap is a packet socket on an interface, which sees every frame.
type tap struct {
	fd    int
	index int
}

func openTap(t testing.TB, ns *testns.NS, device string) *tap {
	t.Helper()
	w := &tap{index: ns.Link(t, device).Attrs().Index}
	ns.Do(func() {
		all := binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})
		var err error
		if w.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			testns.Lacking(t, "CAP_NET_RAW", err)
		}
		if err = unix.Bind(w.fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: w.index}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { _ = unix.Close(w.fd) })
	return w
}

func (w *tap) send(t testing.TB, f []byte) {
	t.Helper()
	if err := unix.Sendto(w.fd, f, 0, &unix.SockaddrLinklayer{Ifindex: w.index}); err != nil {
		t.Fatalf("send a frame: %v", err)
	}
}

// next returns the next frame that came in, or nil when the time is over.
func (w *tap) next(end time.Time) []byte {
	buf := make([]byte, 2048)
	for time.Now().Before(end) {
		fds := []unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}
		_, _ = unix.Poll(fds, 10)
		n, from, err := unix.Recvfrom(w.fd, buf, unix.MSG_DONTWAIT)
		if err != nil {
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue
		}
		return buf[:n]
	}
	return nil
}

// sees waits for a frame that fits.
func (w *tap) sees(t testing.TB, what string, fits func(f []byte) bool) []byte {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		f := w.next(end)
		if f == nil {
			t.Fatalf("no %s on the wire", what)
		}
		if len(f) >= 14 && fits(f) {
			return f
		}
	}
}
