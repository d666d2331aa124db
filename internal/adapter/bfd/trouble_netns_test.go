package bfd

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/testns"
)

// An address that comes late, goes, and comes again.
func TestSourceThatComesAndGoes(t *testing.T) {
	t.Parallel()
	for _, local := range []string{"192.0.2.7", "fd00::7"} {
		t.Run(local, func(t *testing.T) {
			na, nb := cable(t)
			remote, length := "192.0.2.2", "/24"
			if netip.MustParseAddr(local).Is6() {
				remote, length = "fd00::2", "/64"
			}
			a, b := run(t, na, to(remote).from(local)), run(t, nb, to(local))
			missing := "source " + local + " is not an address of this host that can be used: add it, or correct source in the configuration"
			a.problem(t, 0, missing)
			a.Send(&core.ControlSend{Bytes: []byte("too early")})
			if st := a.Status()[0]; st.Failed != 1 || st.Sent != 0 {
				t.Errorf("%+v", st)
			}
			na.Addr(t, "eth0", local+length)
			a.problem(t, 0, "")
			a.sends(t, 0, "there")
			b.hears(t, "there")
			source := a.Status()[0].SourcePort

			na.Run(t, "ip", "addr", "del", local+length, "dev", "eth0")
			a.Send(&core.ControlSend{Bytes: []byte("gone")})
			a.problem(t, 0, missing)
			na.Addr(t, "eth0", local+length)
			a.sends(t, 0, "again")
			b.hears(t, "again")
			a.problem(t, 0, "")
			if st := a.Status()[0]; st.SourcePort != source || st.LastErrorCode != "" {
				t.Errorf("source port %d became %+v", source, st)
			}
		})
	}
}

// A route that is not there is told, and that it is there again.
func TestNoRoute(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	a, b := run(t, na, to("192.0.2.2")), run(t, nb, to("192.0.2.1"))
	na.Run(t, "ip", "addr", "del", "192.0.2.1/24", "dev", "eth0")
	a.Send(&core.ControlSend{Bytes: []byte("lost")})
	a.problem(t, 0, "send to 192.0.2.2: network is unreachable: see the routes and whether the interface is up")
	if st := a.Status()[0]; st.LastErrorCode != "ENETUNREACH" || st.Failed != 1 {
		t.Errorf("%+v", st)
	}
	na.Addr(t, "eth0", "192.0.2.1/24")
	a.sends(t, 0, "there")
	b.hears(t, "there")
	a.problem(t, 0, "")
}

// A port that another daemon has is taken as soon as that ends.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	fd := -1
	var err error
	nb.Do(func() {
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
			err = unix.Bind(fd, &unix.SockaddrInet4{Port: 3784})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	a, b := run(t, na, to("192.0.2.2")), run(t, nb, to("192.0.2.1"))
	b.problem(t, 0, "UDP port 3784 of IPv4: address already in use: another BFD daemon has it: end it, or its BFD")
	b.sends(t, 0, "sending works")
	a.hears(t, "sending works")
	if err := unix.Close(fd); err != nil {
		t.Fatal(err)
	}
	b.problem(t, 0, "")
	a.sends(t, 0, "receiving too")
	b.hears(t, "receiving too")
}

// An interface that is made anew is the session's again.
func TestInterfaceComesAndGoes(t *testing.T) {
	t.Parallel()
	na, nb := testns.New(t), testns.New(t)
	a, b := run(t, na, to("fe80::2%eth7"), to("192.0.2.2").on("eth7")), run(t, nb, to("fe80::1").on("eth0"), to("192.0.2.1"))
	a.problem(t, 0, "eth7: no such interface: make it, or correct interface in the configuration")
	var sources [2]uint16
	for round := range 2 {
		// Another one in between, so that the number is another one as well.
		testns.Bridge(t, na, fmt.Sprintf("br%d", round))
		testns.Veth(t, na, "eth7", nb, "eth0")
		for i, ns := range []*testns.NS{na, nb} {
			ns.Addr(t, []string{"eth7", "eth0"}[i], []string{"fe80::1/64", "fe80::2/64"}[i])
		}
		na.Addr(t, "eth7", "192.0.2.1/24")
		nb.Addr(t, "eth0", "192.0.2.2/24")
		reaches(t, na, "192.0.2.2")
		for i := range 2 {
			a.problem(t, i, "")
		}
		b.problem(t, 0, "")
		for i := range 2 {
			a.sends(t, i, "hello")
			b.hears(t, "hello")
			b.sends(t, i, "back")
			a.hears(t, "back")
		}
		sources[round] = a.Status()[0].SourcePort
		if round == 0 {
			na.Run(t, "ip", "link", "del", "eth7")
			a.problem(t, 0, "eth7: no such interface: make it, or correct interface in the configuration")
		}
	}
	if sources[0] != sources[1] {
		t.Errorf("the source port %d became %d", sources[0], sources[1])
	}
}

// A session on one interface hears nothing from another.
func TestOtherInterface(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	testns.Bridge(t, nb, "br0")
	a, b := run(t, na, to("192.0.2.2")), run(t, nb, to("192.0.2.1").on("br0"))
	a.sends(t, 0, "by eth0")
	testns.Eventually(t, patience, "it is counted", func() bool {
		for _, c := range b.poll(0) {
			t.Fatalf("heard %+v", c)
		}
		return b.Counters().Strangers == 1
	})
}

// A reload keeps what stays, with its socket and its source port under its new
// number, opens what comes and closes what goes.
func TestReplace(t *testing.T) {
	t.Parallel()
	na, nb := cable(t)
	a, b := run(t, na, to("fd00::2"), to("192.0.2.2")), run(t, nb, to("192.0.2.1"))
	files := a.Files()
	kept := a.Status()[1].SourcePort
	if err := a.Replace([]Session{to("192.0.2.2"), to("192.0.2.2").far()}); err != nil {
		t.Fatal(err)
	}
	a.sends(t, 0, "stays")
	b.hears(t, "stays")
	a.problem(t, 1, "")
	testns.Eventually(t, patience, "the new session has a socket", func() bool { return a.Status()[1].SourcePort != 0 })
	if st := a.Status(); len(st) != 2 || st[0].SourcePort != kept || st[1].SourcePort == kept || st[0].Sent != 1 {
		t.Errorf("%+v, was %d", st, kept)
	}
	testns.Eventually(t, patience, "the port that nobody needs is free", func() bool { return free(na, unix.AF_INET6, 3784) })
	if free(na, unix.AF_INET, 3784) || free(na, unix.AF_INET, 4784) {
		t.Error("the ports that are needed are not open")
	}
	if err := b.Replace([]Session{to("192.0.2.1"), to("192.0.2.1").far()}); err != nil {
		t.Fatal(err)
	}
	testns.Eventually(t, patience, "b has opened its port", func() bool { return !free(nb, unix.AF_INET, 4784) })
	a.sends(t, 1, "comes")
	if got := b.hears(t, "comes"); !got.Multihop {
		t.Errorf("b has heard %+v", got)
	}
	b.sends(t, 1, "back")
	a.hears(t, "back")
	if now := a.Files(); len(now) != 1 || now[0] != files[0] {
		t.Errorf("files %v became %v", files, now)
	}
	// An address that is new at a port that is open.
	na.Addr(t, "eth0", "192.0.2.9/24")
	if err := b.Replace([]Session{to("192.0.2.1"), to("192.0.2.9")}); err != nil {
		t.Fatal(err)
	}
	testns.Eventually(t, patience, "b has closed its other port", func() bool { return free(nb, unix.AF_INET, 4784) })
	testns.Eventually(t, patience, "its session has a socket", func() bool { return b.Status()[1].SourcePort != 0 })
	const many = 4 * sample
	stranger(t, na, "192.0.2.9:50000", "192.0.2.2:3784", many)
	heard := 0
	testns.Eventually(t, patience, "all are heard", func() bool { heard += len(b.poll(0)); return heard == many })
	if err := a.Replace([]Session{to("224.0.0.1")}); err == nil || len(a.Status()) != 2 {
		t.Errorf("%v, %+v", err, a.Status())
	}
	if err := a.Replace(nil); err != nil {
		t.Fatal(err)
	}
	testns.Eventually(t, patience, "all ports are free", func() bool { return free(na, unix.AF_INET, 3784) && free(na, unix.AF_INET, 4784) })
}

// Nothing is open after Close that was not before.
func TestCloseLeavesNothing(t *testing.T) {
	na, _ := cable(t)
	before := descriptors(t)
	a := run(t, na, to("192.0.2.2"), to("fd00::2"), to("fd00::2").far())
	if descriptors(t) < before+7 {
		t.Fatal("the sockets are not among the descriptors")
	}
	a.stop()
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors became %d", before, after)
	}
}

func descriptors(t testing.TB) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// free tells whether nobody has a UDP port.
func free(ns *testns.NS, domain, port int) (is bool) {
	ns.Do(func() {
		fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return
		}
		defer unix.Close(fd)
		var name unix.Sockaddr = &unix.SockaddrInet4{Port: port}
		if domain == unix.AF_INET6 {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
			name = &unix.SockaddrInet6{Port: port}
		}
		is = unix.Bind(fd, name) == nil
	})
	return is
}

func TestCheckRefuses(t *testing.T) {
	for want, sessions := range map[string][]Session{
		`bfd session "0.0.0.0": 0.0.0.0 is not the address of a system`:                        {to("0.0.0.0")},
		`bfd session "": invalid IP is not the address of a system`:                            {{}},
		`bfd session "192.0.2.1": fd00::1 is no source for packets to 192.0.2.1`:               {to("192.0.2.1").from("fd00::1")},
		`bfd session "fe80::1": fe80::1 is link-local: name the interface`:                     {to("fe80::1")},
		`bfd session "192.0.2.1": "sixteen-bytes-no" is not an interface name (1 to 15 bytes)`: {to("192.0.2.1").on("sixteen-bytes-no")},
		`bfd session "::ffff:192.0.2.1": the same addresses as those of "192.0.2.1"`:           {to("192.0.2.1"), to("::ffff:192.0.2.1")},
	} {
		if err := Check(sessions); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	if err := Check([]Session{to("192.0.2.1"), to("192.0.2.1").far(), to("192.0.2.1").from("192.0.2.2")}); err != nil {
		t.Error(err)
	}
}
