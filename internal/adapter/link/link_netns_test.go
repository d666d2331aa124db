package link

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"stead/internal/core"
	"stead/internal/testns"
)

// pair is a host and a neighbour on one cable.
//
//	host eth0 ─── eth0 neighbour
//	10.0.0.1/24        10.0.0.9/24
//	fd00::1/64         fd00::9/64
func pair(t testing.TB) (host, neighbour *testns.NS) {
	host, neighbour = testns.New(t), testns.New(t)
	testns.Veth(t, host, "eth0", neighbour, "eth0")
	host.Addr(t, "eth0", "10.0.0.1/24")
	host.Addr(t, "eth0", "fd00::1/64")
	neighbour.Addr(t, "eth0", "10.0.0.9/24")
	neighbour.Addr(t, "eth0", "fd00::9/64")
	return host, neighbour
}

// Addresses come and go with the Want, marked, and never as a source by accident.
//
//	host eth0 10.0.0.1/24 fd00::1/64, wanted 10.0.0.200/24 10.7.0.5/32 fd00::c8/64 fd07::5/128
func TestWant(t *testing.T) {
	host, _ := pair(t)
	l, r := start(t, host, one("web", "10.0.0.200/24", "10.7.0.5/32", "fd00::c8/64", "fd07::5/128"))
	l.Want(0, 7, true)
	r.await(t, core.Applied{Group: 0, Generation: 7})

	have := addresses(t, host, "eth0")
	for prefix, want := range map[string]shown{
		"10.0.0.200/24": {Scope: "global", Secondary: true, NoRoute: true},
		"10.7.0.5/32":   {Scope: "host", NoRoute: true},
		"fd00::c8/64":   {Scope: "global", NoRoute: true, NoDAD: true, Depr: true},
		"fd07::5/128":   {Scope: "global", NoRoute: true, NoDAD: true, Depr: true},
	} {
		got, ok := have[prefix]
		if !ok {
			t.Errorf("%s is missing", prefix)
			continue
		}
		got.Local, got.Prefix, got.Label, got.Protocol = "", 0, "", ""
		if got != want {
			t.Errorf("%s: %+v, want %+v", prefix, got, want)
		}
		if !marked(t, host, "eth0", prefix) {
			t.Errorf("%s carries no mark", prefix)
		}
	}
	for _, c := range []struct{ to, from string }{{"10.0.0.9", "10.0.0.1"}, {"fd00::9", "fd00::1"}} {
		if out := host.Run(t, "ip", "route", "get", c.to); !strings.Contains(out, "src "+c.from+" ") {
			t.Errorf("source towards %s: %s", c.to, out)
		}
	}

	l.Want(0, 8, false)
	r.await(t, core.Applied{Group: 0, Generation: 8})
	if have := addresses(t, host, "eth0"); len(have) != 2 {
		t.Errorf("left after release: %+v", have)
	}
	if r.repairs() != 0 || len(r.failures()) != 0 {
		t.Errorf("repairs %d, failures %v", r.repairs(), r.failures())
	}
}

// A host prefix answers to its neighbours though it is nobody's source, also on
// a host that answers ARP only for the addresses of the interface asked.
//
//	host eth0, wanted 10.7.0.5/32 ─── eth0 neighbour 10.0.0.9/24, route to 10.7.0.5
func TestHostPrefixAnswers(t *testing.T) {
	host, neighbour := pair(t)
	host.Sysctl(t, "net/ipv4/conf/eth0/arp_ignore", "1")
	host.Sysctl(t, "net/ipv4/conf/eth0/arp_announce", "2")
	neighbour.Run(t, "ip", "route", "add", "10.7.0.5/32", "dev", "eth0")
	l, r := start(t, host, one("web", "10.7.0.5/32"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	if err := neighbour.Ping(t, netip.MustParseAddr("10.7.0.5"), time.Second); err != nil {
		t.Error(err)
	}
	// Even where it is the interface's only address.
	host.Run(t, "ip", "address", "del", "10.0.0.1/24", "dev", "eth0")
	host.Run(t, "ip", "route", "add", "10.0.0.0/24", "dev", "eth0")
	if out := host.Run(t, "ip", "route", "get", "10.0.0.9"); strings.Contains(out, "src 10.7.0.5") {
		t.Errorf("it became the source: %s", out)
	}
}

// The latest Want wins, whatever came before it.
func TestWantLatestWins(t *testing.T) {
	host, _ := pair(t)
	l, r := start(t, host, one("web", "10.0.0.200/24", "fd00::c8/64"))
	for g := uint64(1); g <= 501; g++ {
		l.Want(0, g, g%2 == 1)
	}
	r.await(t, core.Applied{Group: 0, Generation: 501})
	if have := addresses(t, host, "eth0"); len(have) != 4 {
		t.Errorf("not held: %+v", have)
	}
	l.Want(0, 502, false)
	r.await(t, core.Applied{Group: 0, Generation: 502})
	if r.repairs() != 0 {
		t.Errorf("%d of our own removals were taken for a stranger's", r.repairs())
	}
}

// A stranger that removes an address sees it come back, also when it removes the
// one on which ours depends.
func TestForeignRemoval(t *testing.T) {
	host, _ := pair(t)
	l, r := start(t, host, one("web", "10.0.0.200/24", "fd00::c8/64"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	for n, p := range []string{"10.0.0.200/24", "fd00::c8/64", "10.0.0.200/24"} {
		host.Run(t, "ip", "address", "del", p, "dev", "eth0")
		testns.Eventually(t, patience, p+" is back", func() bool {
			_, ok := addresses(t, host, "eth0")[p]
			return ok && r.repairs() == n+1
		})
		if !marked(t, host, "eth0", p) {
			t.Errorf("%s is back without its mark", p)
		}
	}
	if n := r.count(core.AddressRepaired{Group: 0, Address: netip.MustParsePrefix("10.0.0.200/24")}); n != 2 {
		t.Errorf("%d reports of 10.0.0.200/24", n)
	}
	// The flush may give up: what it removes is back before it looks again.
	_, _ = host.Try(t, "ip", "address", "flush", "dev", "eth0")
	testns.Eventually(t, patience, "both are back after a flush", func() bool { return len(addresses(t, host, "eth0")) == 2 })
	if n := r.count(core.Applied{Group: 0, Generation: 1}); n != 1 {
		t.Errorf("%d reports of Applied: a repair is no change", n)
	}
}

// A stranger that removes an address over and over does not keep the worker
// busy, and does not win.
func TestForeignRemovalEndless(t *testing.T) {
	host, _ := pair(t)
	l, r := start(t, host, one("web", "10.0.0.200/24"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	index := host.Link(t, "eth0").Attrs().Index
	var stranger *rtnl
	host.Do(func() {
		var err error
		if stranger, err = openRTNL(); err != nil {
			t.Fatal(err)
		}
	})
	defer stranger.close()
	rounds := 0
	for end := time.Now().Add(600 * time.Millisecond); time.Now().Before(end); rounds++ {
		stranger.removeAddress(index, netip.MustParsePrefix("10.0.0.200/24"))
		stranger.flush()
	}
	if n := r.repairs(); n < maxTouches/2 || n > maxTouches+60 {
		t.Errorf("%d repairs in %d rounds", n, rounds)
	}
	testns.Eventually(t, patience, "the address is back in the end", func() bool {
		_, ok := addresses(t, host, "eth0")["10.0.0.200/24"]
		return ok
	})
}

// The host's own address may come back after ours: it is the source again, and
// our leaving does not take it along.
func TestOwnAddressComesLater(t *testing.T) {
	host, _ := pair(t)
	host.Run(t, "ip", "address", "del", "10.0.0.1/24", "dev", "eth0")
	l, r := start(t, host, one("web", "10.0.0.200/24", "10.0.0.201/24"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	host.Addr(t, "eth0", "10.0.0.1/24")
	testns.Eventually(t, patience, "10.0.0.1 is the source", func() bool {
		return strings.Contains(host.Run(t, "ip", "route", "get", "10.0.0.9"), "src 10.0.0.1 ")
	})
	testns.Eventually(t, patience, "ours are behind it", func() bool {
		have := addresses(t, host, "eth0")
		return have["10.0.0.200/24"].Secondary && have["10.0.0.201/24"].Secondary && !have["10.0.0.1/24"].Secondary
	})
	l.Want(0, 2, false)
	r.await(t, core.Applied{Group: 0, Generation: 2})
	if have := addresses(t, host, "eth0"); len(have) != 2 {
		t.Errorf("after release: %+v", have)
	}
	if r.repairs() != 0 {
		t.Errorf("%d repairs were reported", r.repairs())
	}
}

// An address that a stranger adds while its group is not held goes away again.
func TestForeignAddition(t *testing.T) {
	host, _ := pair(t)
	l, r := start(t, host, one("web", "10.0.0.200/24"))
	l.Want(0, 1, false)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	host.Addr(t, "eth0", "10.0.0.200/24")
	testns.Eventually(t, patience, "10.0.0.200 is gone", func() bool {
		_, there := addresses(t, host, "eth0")["10.0.0.200/24"]
		return !there
	})
}

// An address that was there already becomes ours when it is wanted.
func TestTakeOver(t *testing.T) {
	host, _ := pair(t)
	host.Addr(t, "eth0", "10.0.0.200/24")
	host.Addr(t, "eth0", "fd00::c8/64")
	l, r := start(t, host, one("web", "10.0.0.200/24", "fd00::c8/64"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	for _, p := range []string{"10.0.0.200/24", "fd00::c8/64"} {
		if !marked(t, host, "eth0", p) {
			t.Errorf("%s carries no mark", p)
		}
	}
}

// Leftovers of an earlier run are removed, also those marked by a label for want
// of IFA_PROTO; what is wanted now, and what belongs
// to others, stays.
//
//	host eth0 own 10.0.0.1/24, left 10.0.0.200/24 10.0.0.201/24 fd00::c8/64; lo left 10.7.0.5/32
func TestClean(t *testing.T) {
	for _, old := range []bool{false, true} {
		host, _ := pair(t)
		l, r := start(t, host,
			one("web", "10.0.0.200/24", "fd00::c8/64"), one("db", "10.0.0.201/24"), on("lo", "any", "10.7.0.5/32"))
		if old {
			_ = l.ask(t.Context(), func(w *worker) error { l.old = true; return nil })
		}
		for g := range 3 {
			l.Want(core.GroupID(g), 1, true)
			r.await(t, core.Applied{Group: core.GroupID(g), Generation: 1})
		}
		l.Close()

		l, r = start(t, host, one("db", "10.0.0.201/24"))
		if old {
			if have := addresses(t, host, "eth0")["10.0.0.200/24"]; have.Label != "eth0:stead" {
				t.Errorf("label %q", have.Label)
			}
		}
		l.Want(0, 1, true)
		if err := l.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		have := addresses(t, host, "eth0")
		for _, p := range []string{"10.0.0.1/24", "fd00::1/64", "10.0.0.201/24"} {
			if _, ok := have[p]; !ok {
				t.Errorf("%s was removed", p)
			}
		}
		if len(have) != 3 {
			t.Errorf("left: %+v", have)
		}
		if lo := addresses(t, host, "lo"); len(lo) != 0 && lo["10.7.0.5/32"].Local != "" {
			t.Errorf("left on lo: %+v", lo)
		}
		if r.repairs() != 0 {
			t.Errorf("%d repairs", r.repairs())
		}
	}
}

// What cannot be done is reported in words once, tried again, and done when it can be.
func TestApplyFailed(t *testing.T) {
	host, _ := pair(t)
	host.Sysctl(t, "net/ipv6/conf/eth0/disable_ipv6", "1")
	l, r := start(t, host, one("six", "fd00::c8/64"), on("vxlan0", "away", "10.9.0.1/24"))
	l.Want(0, 3, true)
	l.Want(1, 4, true)
	r.await(t, core.ApplyFailed{Group: 1, Generation: 4, Detail: "add 10.9.0.1/24 to vxlan0: no such interface"})
	testns.Eventually(t, patience, "a failure of IPv6", func() bool { return len(r.failures()) == 2 })
	if all := strings.Join(r.failures(), "\n"); !strings.Contains(all, "disable_ipv6") {
		t.Errorf("no advice in:\n%s", all)
	}
	host.Sysctl(t, "net/ipv6/conf/eth0/disable_ipv6", "0")
	r.await(t, core.Applied{Group: 0, Generation: 3})
	if n := len(r.failures()); n != 2 {
		t.Errorf("%d failures reported, want each once: %v", n, r.failures())
	}
}

// An interface that is deleted and made again gets its addresses again.
func TestRecreatedInterface(t *testing.T) {
	host, neighbour := pair(t)
	l, r := start(t, host, one("web", "10.0.0.200/24", "fd00::c8/64"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	host.Run(t, "ip", "link", "del", "eth0")
	r.await(t, core.LinkState{Interface: "eth0", Up: false})
	testns.Eventually(t, patience, "a failure", func() bool { return len(r.failures()) == 1 })

	testns.Veth(t, host, "eth0", neighbour, "eth0")
	r.awaitCount(t, core.LinkState{Interface: "eth0", Up: true}, 2)
	r.awaitCount(t, core.Applied{Group: 0, Generation: 1}, 2)
	if have := addresses(t, host, "eth0"); len(have) != 2 {
		t.Errorf("after the interface came back: %+v", have)
	}
}

// Carrier and administrative state are told apart from nothing else.
func TestLinkState(t *testing.T) {
	host, neighbour := pair(t)
	_, r := start(t, host, one("web", "10.0.0.200/24"), on("lo", "any", "10.7.0.5/32"), on("none0", "away", "10.9.0.1/24"))
	r.await(t, core.LinkState{Interface: "eth0", Up: true})
	r.await(t, core.LinkState{Interface: "lo", Up: true})
	r.await(t, core.LinkState{Interface: "none0", Up: false})

	neighbour.Down(t, "eth0")
	r.awaitCount(t, core.LinkState{Interface: "eth0", Up: false}, 1)
	neighbour.Up(t, "eth0")
	r.awaitCount(t, core.LinkState{Interface: "eth0", Up: true}, 2)
	host.Down(t, "eth0")
	r.awaitCount(t, core.LinkState{Interface: "eth0", Up: false}, 2)
	host.Run(t, "ip", "link", "set", "eth0", "name", "none0")
	host.Up(t, "none0")
	r.awaitCount(t, core.LinkState{Interface: "none0", Up: true}, 1)
}

// An interface that goes down and comes up again has its IPv6 addresses, which
// the kernel throws away with the link.
func TestLinkDownAndUp(t *testing.T) {
	host, neighbour := pair(t)
	l, r := start(t, host, one("web", "10.0.0.200/24", "fd00::c8/64"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	host.Down(t, "eth0")
	r.await(t, core.LinkState{Interface: "eth0", Up: false})
	host.Up(t, "eth0")
	r.awaitCount(t, core.LinkState{Interface: "eth0", Up: true}, 2)
	host.Addr(t, "eth0", "fd00::1/64") // the host's own went too, and with it the way back
	for _, to := range []string{"10.0.0.200", "fd00::c8"} {
		testns.Eventually(t, patience, to+" answers", func() bool {
			return neighbour.Ping(t, netip.MustParseAddr(to), 200*time.Millisecond) == nil
		})
	}
}

// A reload removes what left the configuration, keeps what stayed, under its new
// number, and never lets it go in between.
func TestReconfigure(t *testing.T) {
	host, _ := pair(t)
	l, r := start(t, host, one("gone", "10.0.0.200/24"), one("stays", "10.0.0.201/24", "10.0.0.202/24"))
	l.Want(0, 1, true)
	l.Want(1, 1, true)
	r.await(t, core.Applied{Group: 1, Generation: 1})
	err := l.Reconfigure([]Group{one("stays", "10.0.0.201/24", "10.0.0.203/24"), one("new", "10.0.0.204/24")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	testns.Eventually(t, patience, "the new set", func() bool {
		have := addresses(t, host, "eth0")
		_, kept := have["10.0.0.201/24"]
		_, added := have["10.0.0.203/24"]
		return kept && added && len(have) == 4
	})
	if err := l.Reconfigure([]Group{{Name: "bad", Addresses: []Address{{Interface: "eth0"}}}}, nil); err == nil {
		t.Error("a group with an invalid address was taken")
	}
}

// ReleaseAll removes everything and holds nothing afterwards, with the worker and without.
func TestReleaseAll(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		host, _ := pair(t)
		l, r := start(t, host, one("web", "10.0.0.200/24", "fd00::c8/64"), on("lo", "any", "10.7.0.5/32"))
		l.Want(0, 1, true)
		l.Want(1, 1, true)
		r.await(t, core.Applied{Group: 0, Generation: 1})
		r.await(t, core.Applied{Group: 1, Generation: 1})
		free := make(chan struct{})
		if hangs {
			hung := make(chan struct{})
			go func() {
				_ = l.ask(context.Background(), func(*worker) error { close(hung); <-free; return nil })
			}()
			<-hung
		}
		err := l.ReleaseAll(200 * time.Millisecond)
		if err != nil {
			t.Error(err)
		}
		if have := addresses(t, host, "eth0"); len(have) != 2 {
			t.Errorf("hangs=%v: left %+v", hangs, have)
		}
		close(free)
		l.Want(0, 2, true)
		if err := l.Clean(t.Context()); err != nil { // the worker has seen the Want
			t.Fatal(err)
		}
		if have := addresses(t, host, "eth0"); len(have) != 2 {
			t.Errorf("hangs=%v: came back %+v", hangs, have)
		}
	}
}

// Lost messages of the kernel are made up for by reading everything anew.
func TestOverrun(t *testing.T) {
	host, _ := pair(t)
	l, r := start(t, host, one("web", "10.0.0.200/24"))
	l.Want(0, 1, true)
	r.await(t, core.Applied{Group: 0, Generation: 1})
	err := l.ask(t.Context(), func(w *worker) error {
		// The kernel doubles what it is given, and has a floor of its own.
		if err := unix.SetsockoptInt(w.monitor.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1); err != nil {
			return err
		}
		for range 20 { // more than the buffer takes
			host.Run(t, "ip", "address", "add", "10.0.0.250/32", "dev", "eth0")
			host.Run(t, "ip", "address", "del", "10.0.0.250/32", "dev", "eth0")
		}
		host.Run(t, "ip", "address", "del", "10.0.0.200/24", "dev", "eth0")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.await(t, core.AddressRepaired{Group: 0, Address: netip.MustParsePrefix("10.0.0.200/24")})
	_ = l.ask(t.Context(), func(w *worker) error {
		if w.resyncs == 0 {
			t.Error("no message was lost: the test shows nothing")
		}
		return nil
	})
}
