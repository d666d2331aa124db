package bfd

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/testns"
)

// Both families, both kinds, both ways on a cable. What the core is told is what
// the packet has.
func TestSingleHop(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	a := run(t, na, to("192.0.2.2"), to("fd00::2").from("fd00::1"), to("::ffff:192.0.2.2").from("192.0.2.1").far(), to("fe80::2%eth0"))
	b := run(t, nb, to("192.0.2.1"), to("fd00::1"), to("192.0.2.1").far(), to("fe80::1%eth0"))
	for i, want := range []core.Control{
		{Local: netip.MustParseAddr("192.0.2.2"), Remote: netip.MustParseAddr("192.0.2.1")},
		{Local: netip.MustParseAddr("fd00::2"), Remote: netip.MustParseAddr("fd00::1")},
		{Local: netip.MustParseAddr("192.0.2.2"), Remote: netip.MustParseAddr("192.0.2.1"), Multihop: true},
		{Local: netip.MustParseAddr("fe80::2"), Remote: netip.MustParseAddr("fe80::1")},
	} {
		text := fmt.Sprintf("packet %d", i)
		a.sends(t, i, text)
		got := b.hears(t, text)
		if got.Local != want.Local || got.Remote != want.Remote || got.Multihop != want.Multihop || got.TTL != 255 {
			t.Errorf("b has heard %+v, want %+v", got, want)
		}
		b.sends(t, i, "back")
		a.hears(t, "back")
	}
	for i, st := range a.Status() {
		if st.Sent != 1 || st.Received != 1 || st.Failed != 0 || st.Problem != "" || st.LastErrorCode != "" {
			t.Errorf("%d: %+v", i, st)
		}
	}
	if c := b.Counters(); c.Received != 4 || c.Strangers+c.Malformed+c.Dropped != 0 {
		t.Errorf("b counts %+v", c)
	}
}

// What is on the wire: TTL 255, CS6, the ports of RFC 5881 section 4, the same
// source port for the life of a session and another one for each.
func TestOnTheWire(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	a := run(t, na, to("192.0.2.2"), to("fd00::2"), to("192.0.2.2").far())
	seen := map[uint16]bool{}
	for i := range 3 {
		var first uint16
		for range 2 {
			f := frame(t, nb, i == 1, func() { a.sends(t, i, "control") })
			class, hops, udp := f[1], f[8], f[20:]
			if i == 1 {
				class, hops, udp = f[0]<<4|f[1]>>4, f[7], f[40:]
			}
			source, port := binary.BigEndian.Uint16(udp), binary.BigEndian.Uint16(udp[2:])
			if want := map[int]uint16{0: 3784, 1: 3784, 2: 4784}[i]; class != dscp || hops != 255 || port != want || string(udp[8:15]) != "control" {
				t.Errorf("%d: DSCP %x, TTL %d, port %d, % x", i, class, hops, port, f)
			}
			if source < 49152 || source != a.Status()[i].SourcePort || first != 0 && source != first {
				t.Errorf("%d: source port %d after %d, status %+v", i, source, first, a.Status()[i])
			}
			first = source
		}
		if seen[first] {
			t.Errorf("%d: source port %d is another session's", i, first)
		}
		seen[first] = true
	}
}

// Over a router a packet loses one of its TTL.
//
//	a 10.0.1.1, fd01::1  eth0 ─── r0 r r1 ─── eth0  10.0.2.1, fd02::1 b
func TestMultihop(t *testing.T) {
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
	reaches(t, na, "10.0.2.1")
	reaches(t, na, "fd02::1")
	a := run(t, na, to("10.0.2.1").far(), to("fd02::1").far())
	b := run(t, nb, to("10.0.1.1").far().from("10.0.2.1"), to("fd01::1").far().from("fd02::1"))
	for i := range 2 {
		a.sends(t, i, "far")
		if got := b.hears(t, "far"); got.TTL != 254 || !got.Multihop {
			t.Errorf("b has heard %+v", got)
		}
		b.sends(t, i, "back")
		if got := a.hears(t, "back"); got.TTL != 254 {
			t.Errorf("a has heard %+v", got)
		}
	}
}

// What comes from no configured address, or to the other kind's port, is counted
// and goes no further; most of it the kernel drops.
func TestStrangers(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	na.Addr(t, "eth0", "192.0.2.9/24")
	na.Addr(t, "eth0", "fd00::9/64")
	a := run(t, na, to("192.0.2.2"), to("fd00::2").far())
	b := run(t, nb, to("192.0.2.1"), to("fd00::1").far(), to("fd00::8"))
	const n = 320
	stranger(t, na, "192.0.2.9:50000", "192.0.2.2:3784", n)
	stranger(t, na, "[fd00::9]:50000", "[fd00::2]:4784", n)
	stranger(t, na, "[fd00::1]:50000", "[fd00::2]:3784", n)
	a.sends(t, 0, "known")
	heard := 0
	testns.Eventually(t, patience, "the strangers are counted", func() bool {
		for _, c := range b.poll(0) {
			heard++
			if string(c.Bytes) != "known" {
				t.Fatalf("heard %+v", c)
			}
		}
		c := b.Counters()
		return heard == 1 && c.Strangers+c.Dropped == 3*n
	})
	if c := b.Counters(); c.Strangers == 0 || c.Strangers > n || !c.LastStranger.IsValid() {
		t.Errorf("b counts %+v: the kernel has dropped next to nothing, or all", c)
	}
}

// More addresses than a filter has room for: those that are not configured do not
// get further then either.
func TestManyAddresses(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	na.Addr(t, "eth0", "192.0.2.9/24")
	sessions := []Session{to("192.0.2.1")}
	for i := range maxInstructions {
		sessions = append(sessions, to(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}).String()))
	}
	a, b := run(t, na, to("192.0.2.2")), run(t, nb, sessions...)
	stranger(t, na, "192.0.2.9:50000", "192.0.2.2:3784", 10)
	a.sends(t, 0, "known")
	var all []core.Control
	testns.Eventually(t, patience, "all is read", func() bool { all = append(all, b.poll(0)...); return b.Counters().Received == 11 })
	if c := b.Counters(); len(all) != 1 || string(all[0].Bytes) != "known" || c.Strangers != 10 {
		t.Errorf("heard %+v, counts %+v", all, c)
	}
	taken := map[uint16]bool{}
	for _, st := range b.Status() {
		if taken[st.SourcePort] || st.SourcePort < 49152 {
			t.Fatalf("%s: source port %d", st.Name, st.SourcePort)
		}
		taken[st.SourcePort] = true
	}
}

// What does not fit is malformed and goes no further.
func TestTooLong(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	a, b := run(t, na, to("192.0.2.2")), run(t, nb, to("192.0.2.1"))
	a.sends(t, 0, "more than there is room for")
	var buf [8]byte
	testns.Eventually(t, patience, "it is counted", func() bool {
		b.Receive(buf[:], 1, func(c *core.Control) { t.Errorf("heard %+v", c) })
		return b.Counters().Malformed == 1
	})
}

func BenchmarkSendReceive(bench *testing.B) {
	na, nb := cable(bench)
	a, b := run(bench, na, to("192.0.2.2")), run(bench, nb, to("192.0.2.1"))
	packet, buf := make([]byte, 24), make([]byte, 2048)
	fds := []unix.PollFd{{Fd: int32(b.Files()[0]), Events: unix.POLLIN}}
	got := 0
	count := func(*core.Control) { got++ }
	bench.ReportAllocs()
	bench.ResetTimer()
	for range bench.N {
		a.Send(&core.ControlSend{Session: 0, Bytes: packet})
		_, _ = unix.Poll(fds, 1000)
		b.Receive(buf, 1, count)
	}
	if got < bench.N-1 {
		bench.Errorf("%d of %d arrived", got, bench.N)
	}
}

// Neither way allocates.
func TestNoAllocation(t *testing.T) {
	na, nb := cable(t)
	a, b := run(t, na, to("192.0.2.2"), to("fd00::2").from("fd00::1")), run(t, nb, to("192.0.2.1"), to("fd00::1"))
	buf, got := make([]byte, 2048), 0
	send := &core.ControlSend{Bytes: make([]byte, 24)}
	count := func(*core.Control) { got++ }
	for session := range 2 {
		send.Session = session
		if n := testing.AllocsPerRun(100, func() { a.Send(send); b.Receive(buf, 8, count) }); n != 0 {
			t.Errorf("session %d: %v allocations", session, n)
		}
	}
	if got < 150 {
		t.Errorf("only %d arrived", got)
	}
}
