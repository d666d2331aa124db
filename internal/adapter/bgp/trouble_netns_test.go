package bgp

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"stead/internal/core"
	"stead/internal/core/bgp"
	"stead/internal/testns"
)

// A password that both have works; one that is another or is missing on either
// side is silence, and what is told says what it may be.
func TestPassword(t *testing.T) {
	t.Parallel()
	for _, six := range []bool{false, true} {
		na, nb := cable(t)
		here, there := "192.0.2.1:179", "192.0.2.2:179"
		if six {
			here, there = "[fd00::1]:179", "[fd00::2]:179"
		}
		for _, c := range []struct{ dials, listens, want string }{
			{"right", "right", ""},
			{"wrong", "right", "the password (TCP MD5) is another one there, or there is none"},
			{"right", "", "the password (TCP MD5) is another one there, or there is none"},
			{"", "right", "or the peer wants a password (TCP MD5)"},
		} {
			t.Run(fmt.Sprintf("ipv6=%v %q %q", six, c.dials, c.listens), func(t *testing.T) {
				b := run(t, nb, 179, at(here).password(c.listens))
				a := run(t, na, 0, at(there).password(c.dials))
				testns.Eventually(t, patience, "b listens", func() bool { return listens(t, nb, 179) })
				a.dials(0, 1)
				if c.want != "" {
					e := a.next(t, core.StreamClosed)
					contains(t, e.Detail, "connect to "+there+": timed out: ", c.want)
					if e.Detail != a.status(0).Problem {
						t.Errorf("the status says %q, was told %q", a.status(0).Problem, e.Detail)
					}
					b.nothing(t)
				} else {
					a.next(t, core.StreamOpened)
					b.next(t, core.StreamOpened)
					a.writes(0, 1, openMessage)
					b.next(t, core.StreamMessage)
				}
				a.stop()
				b.stop()
			})
		}
	}
}

// A password that is changed while a connection is there is changed on it: what is
// written in between arrives when both have the new one.
func TestPasswordChanges(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	a, b := run(t, na, 0, at("192.0.2.2:179").password("old")), run(t, nb, 179, at("192.0.2.1:179").password("old"))
	testns.Eventually(t, patience, "b listens", func() bool { return listens(t, nb, 179) })
	a.dials(0, 1)
	a.next(t, core.StreamOpened)
	b.next(t, core.StreamOpened)
	replace(t, a, 0, at("192.0.2.2:179").password("new"))
	a.writes(0, 1, keepalive)
	testns.Eventually(t, patience, "the kernel of b has refused it", func() bool { return counter(t, nb, "TcpExtTCPMD5Failure") > 0 })
	b.nothing(t)
	replace(t, b, 179, at("192.0.2.1:179").password("new"))
	b.next(t, core.StreamMessage)
	// And a new connection needs it as well.
	a.dials(0, 2)
	a.next(t, core.StreamOpened)
	b.next(t, core.StreamOpened)
	// Without a password there is none that is left over.
	replace(t, a, 0, at("192.0.2.2:179"))
	replace(t, b, 179, at("192.0.2.1:179"))
	a.hangs(0, 1)
	a.dials(0, 3)
	a.next(t, core.StreamOpened)
}

func replace(t testing.TB, h *host, listen uint16, peers ...Peer) {
	t.Helper()
	if err := h.Replace(peers, listen); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	h.loop.push(func() { close(done) })
	<-done
}

// counter is one of the kernel's of a namespace.
func counter(t testing.TB, ns *testns.NS, name string) (n int) {
	t.Helper()
	out := ns.Run(t, "nstat", "-asz", name)
	for line := range lines(out) {
		if _, err := fmt.Sscanf(line, name+" %d", &n); err == nil {
			return n
		}
	}
	t.Fatalf("no %s in\n%s", name, out)
	return 0
}

func lines(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for at := 0; at < len(text); {
			end := at
			for end < len(text) && text[end] != '\n' {
				end++
			}
			if !yield(text[at:end]) {
				return
			}
			at = end + 1
		}
	}
}

// TTL security over a router: one hop is allowed or is not, on either side. And a
// TTL of 1 does not get over it, which the router says.
//
//	a 10.0.1.1, fd01::1  eth0 ─── r0 r r1 ─── eth0  10.0.2.1, fd02::1 b
func TestTTL(t *testing.T) {
	t.Parallel()
	na, nr, nb := testns.New(t), testns.New(t), testns.New(t)
	testns.Veth(t, na, "eth0", nr, "r0")
	testns.Veth(t, nb, "eth0", nr, "r1")
	nr.Sysctl(t, "net/ipv4/ip_forward", "1")
	nr.Sysctl(t, "net/ipv6/conf/all/forwarding", "1")
	for i, ns := range []*testns.NS{na, nb} {
		ns.Addr(t, "eth0", fmt.Sprintf("10.0.%d.1/24", i+1))
		ns.Addr(t, "eth0", fmt.Sprintf("fd0%d::1/64", i+1))
		nr.Addr(t, fmt.Sprintf("r%d", i), fmt.Sprintf("10.0.%d.254/24", i+1))
		nr.Addr(t, fmt.Sprintf("r%d", i), fmt.Sprintf("fd0%d::254/64", i+1))
		ns.Run(t, "ip", "route", "add", "default", "via", fmt.Sprintf("10.0.%d.254", i+1))
		ns.Run(t, "ip", "route", "add", "default", "via", fmt.Sprintf("fd0%d::254", i+1))
	}
	testns.Eventually(t, patience, "the way is open", func() bool { return na.Ping(t, netip.MustParseAddr("fd02::1"), 50*time.Millisecond) == nil })
	limited := func(addr string, ttl, least int) Peer {
		return at(addr).with(func(p *Peer) { p.TTL, p.MinTTL = ttl, least })
	}
	for i, here := range []string{"10.0.1.1:179", "[fd01::1]:179"} {
		there := []string{"10.0.2.1:179", "[fd02::1]:179"}[i]
		for _, c := range []struct {
			what                     string
			ttl, least, ttlB, leastB int
			opens                    bool
			detail                   []string
		}{
			{"right", 255, 254, 255, 254, true, nil},
			{"a is too far for b", 255, 254, 255, 255, false, []string{"timed out"}},
			{"b is too far for a", 255, 255, 255, 254, false, []string{"timed out", "its packets come with a TTL below 255"}},
			{"b needs more than a sends", 64, 0, 255, 254, false, []string{"timed out", "or has TTL security"}},
			{"TTL 1", 1, 0, 255, 0, false, []string{"no route to host", "further away than 1 hop: see multihop"}},
		} {
			t.Run(there+" "+c.what, func(t *testing.T) {
				b := run(t, nb, 179, limited(here, c.ttlB, c.leastB))
				a := run(t, na, 0, limited(there, c.ttl, c.least))
				testns.Eventually(t, patience, "b listens", func() bool { return listens(t, nb, 179) })
				// The kernel may forget an answer of the router that comes while it
				// still sends: the next attempt of its own is after a second.
				if c.ttl == 1 {
					a.loop.push(func() { a.patience = patience })
				}
				a.dials(0, 1)
				if !c.opens {
					contains(t, a.next(t, core.StreamClosed).Detail, c.detail...)
				} else {
					a.next(t, core.StreamOpened)
					a.writes(0, 1, keepalive)
					b.next(t, core.StreamOpened)
					b.next(t, core.StreamMessage)
					b.writes(0, bgp.FirstIncoming, keepalive)
					a.next(t, core.StreamMessage)
				}
				a.stop()
				b.stop()
			})
		}
	}
}

// Attempts that fail at once say why, and the next one works when that has gone.
func TestDialFails(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	a := run(t, na, 0, at("192.0.2.2:179"), at("203.0.113.1:179"), at("192.0.2.2:1179").with(func(p *Peer) { p.Source = netip.MustParseAddr("192.0.2.7") }), at("192.0.2.77:179"))
	for i, want := range []string{
		"connect to 192.0.2.2:179: connection refused: nothing listens there, or not for this node",
		"connect to 203.0.113.1:179: no route: see the routes and whether the interface is up",
		"connect to 192.0.2.2:1179: source 192.0.2.7 is not an address of this host that can be used: add it, or correct source in the configuration",
	} {
		a.dials(i, 1)
		if e := a.next(t, core.StreamClosed); e.Detail != want || e.Conn != 1 || a.status(i).Problem != want {
			t.Errorf("told %+v, status %+v\nwant %s", e, a.status(i), want)
		}
	}
	l := listen(t, nb, "192.0.2.2:179")
	a.dials(0, 2)
	accept(t, l)
	if e := a.next(t, core.StreamOpened); e.Conn != 2 || a.status(0).Problem != "" {
		t.Errorf("told %+v, status %+v", e, a.status(0))
	}
	// An attempt that is hung up is over without a word.
	a.dials(3, 1)
	a.hangs(3, 1)
	a.hangs(0, 99)
	a.dials(0, 3)
	accept(t, l)
	a.next(t, core.StreamOpened)
	a.nothing(t)
}

// A number that was hung up may be used again at once, also while the old
// connection is still going away.
func TestNumberUsedAgain(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	l := listen(t, nb, "192.0.2.2:179")
	a := run(t, na, 0, at("192.0.2.2:179"))
	a.dials(0, 1)
	first := accept(t, l)
	a.next(t, core.StreamOpened)
	a.writes(0, 1, notification)
	a.hangs(0, 1)
	a.dials(0, 1)
	second := accept(t, l)
	a.next(t, core.StreamOpened)
	a.writes(0, 1, openMessage)
	reads(t, second, openMessage)
	reads(t, first, notification)
	if _, err := first.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the first one: %v", err)
	}
	_ = first.Close()
	a.writes(0, 1, keepalive)
	reads(t, second, keepalive)
	a.nothing(t)
}

// A write to a connection that the peer has reset ends it, and is told once.
func TestWriteAfterReset(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	l := listen(t, nb, "192.0.2.2:179")
	h := run(t, na, 0, at("192.0.2.2:179"))
	for conn := range bgp.Conn(50) {
		h.dials(0, conn)
		c := accept(t, l)
		h.next(t, core.StreamOpened)
		_ = c.SetLinger(0)
		_ = c.Close()
		for range 100 {
			h.writes(0, conn, keepalive)
		}
		if e := h.next(t, core.StreamClosed); e.Detail != "reset by the peer" || e.Conn != conn {
			t.Fatalf("told %+v", e)
		}
	}
	h.stop()
	h.nothing(t)
}

// Whoever is no peer is shown out and counted; a peer has two connections and no more.
func TestIncoming(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	na.Addr(t, "eth0", "192.0.2.9/24")
	b := run(t, nb, 179, at("192.0.2.1:179"))
	testns.Eventually(t, patience, "b listens", func() bool { return listens(t, nb, 179) })
	shown := func(from string) {
		t.Helper()
		c, err := dial(t, na, from, "192.0.2.2:179")
		if err != nil {
			t.Fatal(err)
		}
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("read %d, %v", n, err)
		}
	}
	shown("192.0.2.9:0")
	if c := b.Counters(); c.Strangers != 1 || c.LastStranger != netip.MustParseAddr("192.0.2.9") {
		t.Errorf("%+v", c)
	}
	b.nothing(t)
	var conns []*net.TCPConn
	for i := range bgp.Conn(maxPending) {
		c, err := dial(t, na, "192.0.2.1:0", "192.0.2.2:179")
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		if e := b.next(t, core.StreamOpened); e.Conn != bgp.FirstIncoming+i {
			t.Errorf("told %+v", e)
		}
	}
	shown("192.0.2.1:0")
	if st := b.status(0); st.Refused != 1 || len(st.Connections) != 2 {
		t.Errorf("%+v", st)
	}
	_ = conns[0].Close()
	b.next(t, core.StreamClosed)
	if _, err := dial(t, na, "192.0.2.1:0", "192.0.2.2:179"); err != nil {
		t.Fatal(err)
	}
	if e := b.next(t, core.StreamOpened); e.Conn != bgp.FirstIncoming+2 {
		t.Errorf("told %+v", e)
	}
	b.writes(0, bgp.FirstIncoming+1, keepalive)
	reads(t, conns[1], keepalive)
	b.nothing(t)
}

// A port that another daemon has is a problem of the peers that have to connect,
// and none of the others; it is taken as soon as that ends.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	l := listen(t, nb, "0.0.0.0:179")
	peer := listen(t, na, "192.0.2.1:1179")
	b := run(t, nb, 179, at("192.0.2.1:179").with(func(p *Peer) { p.Passive = true }), at("192.0.2.1:1179"))
	const problem = "listen on TCP port 179 of IPv4: address already in use: another BGP daemon has it: end it, or set bgp.port"
	testns.Eventually(t, patience, "it is told", func() bool { return b.Listening() == problem })
	if st := b.Status(); st[0].Problem != problem || st[1].Problem != "" {
		t.Errorf("%+v", st)
	}
	b.dials(1, 1)
	accept(t, peer)
	b.next(t, core.StreamOpened)
	_ = l.Close()
	testns.Eventually(t, patience, "the port is taken", func() bool { return b.Listening() == "" })
	if _, err := dial(t, na, "192.0.2.1:0", "192.0.2.2:179"); err != nil {
		t.Fatal(err)
	}
	if e := b.next(t, core.StreamOpened); e.peer != "192.0.2.1:179" {
		t.Errorf("told %+v", e)
	}
}

// A reload: who stays keeps the connection under a new number, who goes is hung up
// with what was written, who has another address as well, and another port is
// listened on.
func TestReplace(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	stays, goes, moves := listen(t, nb, "192.0.2.2:1001"), listen(t, nb, "192.0.2.2:1002"), listen(t, nb, "192.0.2.2:1003")
	named := func(name, addr string) Peer { return at(addr).with(func(p *Peer) { p.Name = name }) }
	a := run(t, na, 2000, named("goes", "192.0.2.2:1002"), named("stays", "192.0.2.2:1001"), named("moves", "192.0.2.2:1003"))
	var conns []*net.TCPConn
	for i, l := range []*net.TCPListener{goes, stays, moves} {
		a.dials(i, 5)
		conns = append(conns, accept(t, l))
		a.next(t, core.StreamOpened)
	}
	a.writes(0, 5, notification)
	replace(t, a, 2001, named("new", "[fd00::2]:1004"), named("stays", "192.0.2.2:1001"), named("moves", "192.0.2.2:1005"))
	reads(t, conns[0], notification)
	for _, i := range []int{0, 2} {
		if _, err := conns[i].Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	details := map[string]string{}
	for range 2 {
		e := a.next(t, core.StreamClosed)
		details[e.peer] = e.Detail
	}
	if details["goes"] != "hung up: the configuration has not got the peer" || details["moves"] != "hung up: the configuration has other addresses" {
		t.Errorf("told %v", details)
	}
	a.writes(1, 5, keepalive)
	reads(t, conns[1], keepalive)
	if _, err := conns[1].Write(keepalive); err != nil {
		t.Fatal(err)
	}
	if e := a.next(t, core.StreamMessage); e.peer != "stays" || e.Conn != 5 {
		t.Errorf("told %+v", e)
	}
	testns.Eventually(t, patience, "another port is listened on", func() bool { return listens(t, na, 2001) && !listens(t, na, 2000) })
	replace(t, a, 0, named("stays", "192.0.2.2:1001"))
	testns.Eventually(t, patience, "none is listened on", func() bool { return !listens(t, na, 2001) })
	a.writes(0, 5, keepalive)
	reads(t, conns[1], keepalive)
	if err := a.Replace([]Peer{{Name: "bad"}}, 0); err == nil || a.status(0).Name != "stays" {
		t.Errorf("%v, %+v", err, a.Status())
	}
}

// The end sends what is queued, closes everything, and leaves no descriptor.
func TestStop(t *testing.T) {
	na, nb := cable(t)
	before := descriptors(t)
	l := listen(t, nb, "192.0.2.2:179")
	a := run(t, na, 179, at("192.0.2.2:179"), at("[fd00::2]:179"), at("192.0.2.77:179"))
	a.dials(0, 1)
	c := accept(t, l)
	a.next(t, core.StreamOpened)
	a.dials(2, 1) // which nobody answers
	a.writes(0, 1, notification)
	ended := make(chan struct{})
	go func() { defer close(ended); a.stop() }()
	reads(t, c, notification)
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the notification: %v", err)
	}
	_ = c.Close()
	<-ended
	a.nothing(t)
	_ = l.Close()
	testns.Eventually(t, patience, "no descriptor is left", func() bool { return descriptors(t) <= before })
}

func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

func TestCheckRefuses(t *testing.T) {
	good := at("192.0.2.1:179")
	for want, peers := range map[string][]Peer{
		`bgp peer "0.0.0.0:179": 0.0.0.0:179 is not the address of a router`:           {at("0.0.0.0:179")},
		`bgp peer "192.0.2.1:0": 192.0.2.1:0 is not the address of a router`:           {at("192.0.2.1:0")},
		`bgp peer "192.0.2.1:179": fd00::1 is no source for a connection to 192.0.2.1`: {good.with(func(p *Peer) { p.Source = netip.MustParseAddr("fd00::1") })},
		`bgp peer "192.0.2.1:179": TTL 0 is not in 1–255`:                              {good.with(func(p *Peer) { p.TTL = 0 })},
		`bgp peer "192.0.2.1:179": least TTL 256 is not in 0–255`:                      {good.with(func(p *Peer) { p.MinTTL = 256 })},
		`bgp peer "192.0.2.1:179": a password of 81 bytes is longer than 80`:           {good.password(string(make([]byte, 81)))},
		`bgp peer "192.0.2.1:179": user timeout -1s is negative`:                       {good.with(func(p *Peer) { p.UserTimeout = -time.Second })},
		`bgp peer "192.0.2.1:179": there is another one with this name`:                {good, good},
	} {
		if err := Check(peers); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	if err := Check([]Peer{good, at("[::ffff:192.0.2.1]:179")}); err != nil {
		t.Error(err)
	}
}
