package link

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/core/arp"
	"stead/internal/core/ndp"
	"stead/internal/testns"
)

// listenFrames hears all frames on an interface.
func listenFrames(t testing.TB, ns *testns.NS, iface string) (next func() []byte) {
	t.Helper()
	index := ns.Link(t, iface).Attrs().Index
	var fd int
	ns.Do(func() {
		var err error
		all := uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(all)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		// In a user namespace the system's limit has to do, and a portion of a burst fits.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 16<<20)
		}
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: index}); err != nil {
			t.Fatal(err)
		}
	})
	wait := unix.NsecToTimeval(patience.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	return func() []byte {
		t.Helper()
		n, _, err := unix.Recvfrom(fd, buf, 0)
		for err == unix.EINTR { // a signal of the runtime
			n, _, err = unix.Recvfrom(fd, buf, 0)
		}
		if err != nil {
			t.Fatalf("no frame: %v", err)
		}
		return buf[:n]
	}
}

// neighbourEntry returns the hardware address that ns has for addr.
func neighbourEntry(t testing.TB, ns *testns.NS, addr string) string {
	fields := strings.Fields(ns.Run(t, "ip", "neigh", "show", addr))
	for n, f := range fields {
		if f == "lladdr" {
			return fields[n+1]
		}
	}
	return ""
}

// A client's neighbour entries move from one host to the other when the other
// takes the addresses and announces them.
//
//	a eth0 ── p1 ┐
//	b eth0 ── p2 br0 switch       client 10.0.0.9 fd00::9
//	client eth0 ── p3 ┘           10.0.0.200 fd00::c8: first on a, then on b
func TestAnnounceMovesNeighbourEntries(t *testing.T) {
	a, b, client, sw := testns.New(t), testns.New(t), testns.New(t), testns.New(t)
	for n, ns := range []*testns.NS{a, b, client} {
		testns.Veth(t, ns, "eth0", sw, fmt.Sprintf("p%d", n+1))
	}
	testns.Bridge(t, sw, "br0", "p1", "p2", "p3")
	for n, ns := range []*testns.NS{a, b, client} {
		ns.Addr(t, "eth0", fmt.Sprintf("10.0.0.%d/24", 7+n))
		ns.Addr(t, "eth0", fmt.Sprintf("fd00::%d/64", 7+n))
	}
	web := one("web", "10.0.0.200/24", "fd00::c8/64")
	la, ra := start(t, a, web)
	lb, rb := start(t, b, web)
	addrs := []string{"10.0.0.200", "fd00::c8"}

	la.Want(0, 1, true)
	ra.await(t, core.Applied{Group: 0, Generation: 1})
	la.Announce(0)
	for _, to := range addrs {
		testns.Eventually(t, patience, to+" answers", func() bool {
			return client.Ping(t, netip.MustParseAddr(to), 200*time.Millisecond) == nil
		})
		if got := neighbourEntry(t, client, to); got != a.MAC(t, "eth0").String() {
			t.Fatalf("%s is at %s at first", to, got)
		}
	}

	la.Want(0, 2, false)
	ra.await(t, core.Applied{Group: 0, Generation: 2})
	lb.Want(0, 1, true)
	rb.await(t, core.Applied{Group: 0, Generation: 1})
	lb.Announce(0)
	for _, to := range addrs {
		testns.Eventually(t, patience, to+" has moved", func() bool {
			return neighbourEntry(t, client, to) == b.MAC(t, "eth0").String()
		})
		// More than one try: shortly after a link has come up the kernel drops
		// the first answer to a solicitation.
		testns.Eventually(t, patience, to+" answers from b", func() bool {
			return client.Ping(t, netip.MustParseAddr(to), 200*time.Millisecond) == nil
		})
	}
}

// An announcement is a request, a reply that names its sender as target, and an
// NA with Override; the Router flag follows forwarding. A group that is not held
// is not announced.
//
//	host eth0 ─── eth0 neighbour (hears)
func TestAnnounceFrames(t *testing.T) {
	host, neighbour := pair(t)
	l, r := start(t, host, one("held", "10.0.0.200/24", "fd00::c8/64"), one("not", "10.0.0.201/24"))
	l.Want(0, 1, true)
	l.Want(1, 1, false)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	next := listenFrames(t, neighbour, "eth0")
	mac := [6]byte(host.MAC(t, "eth0"))

	await := func(router bool) {
		t.Helper()
		l.Announce(1)
		l.Announce(0)
		var request, reply, na bool
		for !request || !reply || !na {
			frame := next()
			if m, err := arp.Parse(frame); err == nil {
				if m.SenderIP != netip.MustParseAddr("10.0.0.200") || m.SenderHW != mac || !m.Gratuitous() {
					t.Fatalf("unexpected %+v", m)
				}
				request, reply = request || m.Op == arp.Request, reply || m.Op == arp.Reply
			}
			if m, err := ndp.Parse(frame); err == nil && m.Target == netip.MustParseAddr("fd00::c8") && m.Type == ndp.Advertisement {
				if !m.Override || m.Router != router || m.Solicited || m.LinkAddr != mac {
					t.Fatalf("unexpected %+v", m)
				}
				na = true
			}
		}
	}
	await(false)
	host.Sysctl(t, "net/ipv6/conf/eth0/forwarding", "1")
	testns.Eventually(t, patience, "the worker knows of the forwarding", func() bool {
		router := false
		_ = l.ask(t.Context(), func(w *worker) error { router = w.mirror.byName["eth0"].router; return nil })
		return router
	})
	await(true)
	host.Run(t, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:77")
	testns.Eventually(t, patience, "the worker knows of the new address", func() bool {
		_ = l.ask(t.Context(), func(w *worker) error { mac = w.mirror.byName["eth0"].mac; return nil })
		return mac[5] == 0x77
	})
	await(true)
}

// A thousand groups are announced whole, though in portions.
//
//	host eth0 ─── eth0 neighbour (hears)
func TestAnnounceMany(t *testing.T) {
	host, neighbour := pair(t)
	const many = 1000
	groups := manyGroups(many)
	l, r := start(t, host, groups...)
	next := listenFrames(t, neighbour, "eth0")
	generation := uint64(0)
	r.await(t, core.LinkState{Interface: "eth0", Up: true})
	move(l, r, many, &generation, true)
	for g := range many {
		l.Announce(core.GroupID(g))
	}
	heard := map[netip.Addr]map[arp.Op]bool{}
	for whole := 0; whole < many; {
		m, err := arp.Parse(next())
		if err != nil || !m.Gratuitous() {
			continue
		}
		if heard[m.SenderIP] == nil {
			heard[m.SenderIP] = map[arp.Op]bool{}
		}
		if !heard[m.SenderIP][m.Op] {
			heard[m.SenderIP][m.Op] = true
			if len(heard[m.SenderIP]) == 2 {
				whole++
			}
		}
	}
}
