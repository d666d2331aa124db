package bgp

import (
	"bytes"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"stead/internal/testns"
)

// beside runs stead on a with FRR as one peer, and stubs as the others.
func beside(t testing.TB, count int) (n *network, stubs []*stub) {
	t.Helper()
	n = newNetwork(t)
	n.serve(t)
	p := &pair{net: n, alone: "a"}
	for at := netip.MustParseAddr("10.0.1.101"); len(stubs) < count; at = at.Next() {
		stubs = append(stubs, n.rs1.stub(t, at))
		p.stubs = append(p.stubs, at)
	}
	n.rs2.runs(t, frr{}, p.with)
	n.a.stead(t, p)
	n.rs2.sends(t, vip4, "a")
	return n, stubs
}

// oddities are what peers do that no peer may, and what they are told.
var oddities = []struct {
	name string
	does func(c *talk)
	told [2]byte
}{
	{"garbage", func(c *talk) { c.establish(9); c.send(bytes.Repeat([]byte("stead?"), 30)) }, [2]byte{1, 1}},
	{"garbage instead of an OPEN", func(c *talk) { c.send(bytes.Repeat([]byte{0}, 64)) }, [2]byte{1, 1}},
	{"a message that is too long", func(c *talk) { c.establish(9); c.send(append(bytes.Repeat([]byte{0xff}, 16), 0x40, 0, msgUpdate)) }, [2]byte{1, 2}},
	{"a message of no known type", func(c *talk) { c.establish(9); c.say(77) }, [2]byte{1, 3}},
	{"version 3", func(c *talk) { open := opening(routerAS, 9, 4); open[0] = 3; c.say(msgOpen, open...) }, [2]byte{2, 1}},
	{"another AS", func(c *talk) { c.say(msgOpen, opening(64999, 9, 4)...) }, [2]byte{2, 2}},
	{"an identifier of zeroes", func(c *talk) {
		open := opening(routerAS, 9, 4)
		copy(open[5:9], []byte{0, 0, 0, 0})
		c.say(msgOpen, open...)
	}, [2]byte{2, 3}},
	{"a hold time of 2 s", func(c *talk) { c.say(msgOpen, opening(routerAS, 2, 4)...) }, [2]byte{2, 6}},
	{"a KEEPALIVE instead of an OPEN", func(c *talk) { c.say(msgKeepalive) }, [2]byte{5, 1}},
	{"a second OPEN", func(c *talk) { c.establish(9); c.say(msgOpen, opening(routerAS, 9, 4)...) }, [2]byte{5, 3}},
	{"silence", func(c *talk) { c.establish(9) }, [2]byte{4, 0}},
}

// A peer that says what no peer may is told so, and tried again; the session with
// another one, and who is served by it, notices nothing.
func TestOddPeers(t *testing.T) {
	t.Parallel()
	n, stubs := beside(t, len(oddities))
	probe := n.rs2.probe(t, vip4)
	probe.servedBy(t, n.a, window)
	from := now()
	for i, odd := range oddities {
		t.Run(odd.name, func(t *testing.T) {
			c := stubs[i].accept(t)
			odd.does(c)
			since := now()
			if told := c.notified(); told != odd.told {
				t.Errorf("the peer is told %v, want %v", told, odd.told)
			}
			if took := now().Sub(since); odd.told == [2]byte{4, 0} && took < 2500*time.Millisecond {
				t.Errorf("the hold time of 3 s was over after %v", took)
			}
			_ = c.Close()
			stubs[i].accept(t)
		})
	}
	if r := probe.since(from); r.Lost > 0 {
		t.Errorf("the client of the other router has lost %d of %d", r.Lost, r.Sent)
	}
	if !n.rs2.router.session(t, n.rs2, n.a).Established {
		t.Error("the session with the other router has ended")
	}
}

// A peer that closes each connection on OPEN is tried again less and less often.
func TestBackOff(t *testing.T) {
	t.Parallel()
	n, stubs := beside(t, 1)
	s := stubs[0]
	for range 6 {
		c := s.accept(t)
		c.read()
		_ = c.Close()
	}
	times := s.times()
	for i := range 5 {
		// 200 ms, doubled each time, less 25 % of jitter (RFC 4271 section 10).
		gap, least := times[i+1].Sub(times[i]), 140*time.Millisecond<<i
		t.Logf("attempt %d came %v after the one before", i+2, gap)
		if gap < least {
			t.Errorf("attempt %d came %v after the one before: want %v or more", i+2, gap, least)
		}
	}
	if !n.rs2.router.session(t, n.rs2, n.a).Established {
		t.Error("the other router has no session")
	}
}

// BIRD refuses a peer for a while after an error: its default is a minute, here 4 s.
// The server keeps trying, and has its session soon after that time.
func TestErrorWait(t *testing.T) {
	t.Parallel()
	with := terms{hold: 3, errorWait: "4,8", passive: true}
	n := newRouters(t, with)
	n.a.stead(t, &pair{net: n, with: with, alone: "a"})
	n.established(t, n.a)
	n.a.isolate(t)
	testns.Eventually(t, patience, "BIRD has lost its session", func() bool { return !n.rs1.router.session(t, n.rs1, n.a).Established })
	lost := now()
	n.a.heal(t)
	n.established(t, n.a)
	took := now().Sub(lost)
	t.Logf("BIRD has its session again after %v", took)
	if took < 3*time.Second || took > 16*time.Second {
		t.Errorf("BIRD has its session again after %v, want soon after the 4 s for which it refuses", took)
	}
	n.sends(t, vip4, "a")
}

// Route servers that restart get everything again, one after the other; whoever
// asks through the other one notices nothing.
func TestRestart(t *testing.T) {
	t.Parallel()
	with := terms{}
	n := newRouters(t, with)
	p := &pair{net: n, with: with}
	p.starts(t)
	for i, rs := range n.routers() {
		other := n.routers()[1-i].probe(t, vip4)
		other.servedBy(t, n.a, window)
		from := now()
		for _, how := range []string{"SIGTERM", "SIGKILL"} {
			if how == "SIGTERM" {
				rs.terminate(t)
			} else {
				rs.kill(t)
			}
			rs.runs(t, rs.router, with)
			n.established(t, n.a)
			n.established(t, n.b)
			n.sends(t, vip4, "a")
			rs.probe(t, vip4).servedBy(t, n.a, window)
		}
		if r := other.since(from); r.Lost > 0 || len(r.Changes) > 0 {
			t.Errorf("while %s restarted, the client of the other router lost %d, changes %v", rs.router, r.Lost, r.Changes)
		}
	}
}

// A route server may tell what it knows, again and again: nobody listens, and
// nobody is late for it.
func TestFullTable(t *testing.T) {
	t.Parallel()
	with := terms{table: 50000}
	n := newRouters(t, with)
	p := &pair{net: n, with: with}
	p.starts(t)
	probes := []*probe{n.rs1.probe(t, vip4), n.rs2.probe(t, vip4)}
	for _, p := range probes {
		p.servedBy(t, n.a, window)
	}
	from := now()
	for range 3 {
		for _, word := range []string{"disable", "enable"} {
			heard := n.a.received(t, "rs1")
			bird{}.ctl(t, n.rs1, word, "known")
			testns.Eventually(t, patience, "a has heard of it", func() bool { return n.a.received(t, "rs1") > heard+20 })
		}
	}
	for _, p := range probes {
		if r := p.since(from); r.Lost > 0 || len(r.Changes) > 0 {
			t.Errorf("through %s: %d lost, changes %v", p.router.name, r.Lost, r.Changes)
		}
	}
	n.established(t, n.a)
	n.established(t, n.b)
}

// received is how many messages a server has had from a router.
func (h *host) received(t testing.TB, router string) int {
	t.Helper()
	s, _ := h.status(t)
	for _, p := range s.BGP {
		if p.Name == router {
			return p.Received
		}
	}
	t.Fatalf("%s knows no session with %s", h.name, router)
	return 0
}

// A router that reads nothing any more keeps nobody from handing over: the other
// one and its client notice nothing of it. When it reads again, all is told.
func TestFrozenRouter(t *testing.T) {
	t.Parallel()
	with := terms{hold: 30}
	n := newRouters(t, with)
	p := &pair{net: n, with: with, routes: "linger: 300ms", group: "    damping: { window: 0s }\n    preempt: { enabled: false }\n"}
	p.starts(t)
	probe := n.rs2.probe(t, vip4)
	probe.servedBy(t, n.a, window)
	n.rs1.running[0].Signal(t, syscall.SIGSTOP)
	for _, to := range []*host{n.b, n.a, n.b} {
		before := now()
		to.cli(t, "switchover", "web", "--to", to.name)
		probe.servedBy(t, to, window)
		n.rs2.sends(t, vip4, to.name)
		if r := probe.around(before); r.Lost > 0 {
			t.Errorf("through %s: %d of %d lost", probe.router.router, r.Lost, r.Sent)
		}
	}
	n.a.terminate(t)
	n.rs1.running[0].Signal(t, syscall.SIGCONT)
	n.sends(t, vip4, "b")
	n.comes(t, map[string]int{"b": 3})
}

// Routers from before 4-octet AS numbers: BIRD without that capability, FRR
// without any. What does not fit is AS_TRANS to them, and stands beside the AS_PATH
// (AS4_PATH, RFC 6793), from which BIRD puts it back. FRR does not, because the
// server could have sent 4 octets had FRR said that it can, too.
func TestOldRouters(t *testing.T) {
	t.Parallel()
	for _, as := range []int{serverAS, 4200000010} {
		t.Run(fmt.Sprint(as), func(t *testing.T) {
			t.Parallel()
			with := terms{noAS4: true, serverAS: as}
			n := newRouters(t, with)
			n.a.stead(t, &pair{net: n, with: with, alone: "a", only4: true})
			n.sends(t, vip4, "a")
			for _, rs := range n.routers() {
				seen := as
				if rs.router == (frr{}) && as > 1<<16-1 {
					seen = 23456
				}
				got := rs.router.paths(t, rs, prefixOf(vip4))
				if want := fmt.Sprint([]int{seen, seen, seen}); len(got) != 1 || fmt.Sprint(got[0].ASPath) != want {
					t.Errorf("%s has %+v, want the AS_PATH %v", rs.router, got, want)
				}
				rs.probe(t, vip4).servedBy(t, n.a, window)
			}
		})
	}
}
