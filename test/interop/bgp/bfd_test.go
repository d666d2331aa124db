package bgp

import (
	"fmt"
	"testing"
	"time"

	"stead/internal/testns"
)

// watched waits until all route servers, and a server's daemon, say that BFD
// between them is up.
func (n *network) watched(t testing.TB, with *terms, servers ...*host) {
	t.Helper()
	for _, rs := range n.routers() {
		for _, server := range servers {
			testns.Eventually(t, patience, fmt.Sprintf("BFD between %s and %s is up", rs.router, server.name), func() bool {
				return rs.router.bfd(t, rs, with, server).Up
			})
		}
	}
}

// BFD finds a silent server within its detection time, long before the hold time
// is over, over one hop and over several, authenticated or not; both routers then
// send everything to the other server. That no election takes place shows that it
// is BFD that does it.
func TestBFD(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		interval time.Duration
		oneHop   bool
		over6    bool
	}{
		{10 * time.Millisecond, true, false},
		{10 * time.Millisecond, false, false},
		{50 * time.Millisecond, true, true},
		{50 * time.Millisecond, false, false},
	} {
		t.Run(fmt.Sprintf("%v, one hop %t, IPv6 %t", tt.interval, tt.oneHop, tt.over6), func(t *testing.T) {
			t.Parallel()
			with := terms{oneHop: tt.oneHop, over6: tt.over6, share: true, hold: 90, bfd: &bfdWith{interval: tt.interval, multiplier: 3}}
			n := newRouters(t, with)
			p := &pair{net: n, with: with, election: "{ type: none }"}
			for _, h := range n.servers() {
				h.stead(t, p)
			}
			n.sends(t, vip4, "a", "b")
			n.watched(t, &with, n.a, n.b)
			probes := []*probe{n.rs1.flows(t, vip4, 64), n.rs2.flows(t, vip4, 64)}
			for _, p := range probes {
				p.shared(t)
			}
			before := now()
			n.a.isolate(t)
			for _, p := range probes {
				p.servedBy(t, n.b, window)
				r := p.around(before)
				t.Logf("black hole through %s: %d lost in %v", p.router.router, r.Lost, out(&r))
				if out(&r) > 2*time.Second {
					t.Errorf("through %s: out for %v", p.router.router, out(&r))
				}
			}
			n.comes(t, map[string]int{"b": 1})
			n.a.heal(t)
			n.sends(t, vip4, "a", "b")
			n.watched(t, &with, n.a, n.b)
		})
	}
}

// shared waits until both servers have answered.
func (p *probe) shared(t testing.TB) {
	t.Helper()
	testns.Eventually(t, patience, "both servers answer through "+p.router.name, func() bool {
		r := p.lately(now().Add(-300 * time.Millisecond))
		return r.Lost == 0 && len(r.ByID) == 2
	})
}

// BIRD's authentication is understood, and a wrong key keeps the session from
// coming up. FRR has none.
func TestAuthenticatedBFD(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		auth, secret string
		up           bool
	}{
		{"keyed sha1", "open sesame", true},
		{"meticulous keyed sha1", "open sesame", true},
		{"meticulous keyed sha1", "open barley", false},
	} {
		t.Run(tt.auth+" "+tt.secret, func(t *testing.T) {
			t.Parallel()
			theirs := terms{hold: 90, bfd: &bfdWith{interval: 20 * time.Millisecond, multiplier: 3, auth: tt.auth, secret: "open sesame"}}
			ours, key := theirs, *theirs.bfd
			key.secret = tt.secret
			ours.bfd = &key
			n := newNetwork(t)
			n.serve(t)
			for _, rs := range n.routers() {
				rs.runs(t, bird{}, theirs)
			}
			n.a.stead(t, &pair{net: n, with: ours, alone: "a"})
			n.sends(t, vip4, "a")
			if tt.up {
				n.watched(t, &theirs, n.a)
				before := now()
				n.a.isolate(t)
				n.comes(t, map[string]int{})
				t.Logf("BIRD has withdrawn the path %v after", now().Sub(before))
				return
			}
			// BIRD has had time to hear of it, and the BGP session does without.
			for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
				for _, rs := range n.routers() {
					if rs.router.bfd(t, rs, &theirs, n.a).Up {
						t.Fatal("a session came up by a wrong key")
					}
				}
			}
			n.established(t, n.a)
		})
	}
}

// bare is a network whose routers have BFD sessions with the servers that mean
// nothing to their BGP, so that what Stead makes of BFD is all that happens.
func bare(t testing.TB, with terms) *network {
	t.Helper()
	with.bfd.bare = true
	return newRouters(t, with)
}

// When BFD finds the path down, the session is ended at once, and the router is
// told why (RFC 9384). It comes back when BFD is up again.
func TestBFDEndsTheSession(t *testing.T) {
	t.Parallel()
	with := terms{hold: 90, bfd: &bfdWith{interval: 20 * time.Millisecond, multiplier: 3}}
	n := bare(t, with)
	p := &pair{net: n, with: with, alone: "a"}
	n.a.stead(t, p)
	n.sends(t, vip4, "a")
	n.watched(t, &with, n.a)
	wire := n.a.listen(t)
	before := now()
	n.a.ns.Run(t, "nft", "add table inet lost; add chain inet lost in { type filter hook input priority 0; }; add rule inet lost in udp dport { 3784, 4784 } drop")
	for _, rs := range n.routers() {
		testns.Eventually(t, patience, "the session with "+rs.router.String()+" ends", func() bool { return !rs.router.session(t, rs, n.a).Established })
		rs.wrote(t, `(?i)BFD[ -]down|error 6\.10`)
	}
	wire.ceased(t, before, [2]byte{6, 10}, 500*time.Millisecond)
	n.sends(t, vip4)
	n.a.ns.Run(t, "nft", "delete table inet lost")
	n.watched(t, &with, n.a)
	n.sends(t, vip4, "a")
}

// A router whose BFD is taken down on purpose says so: it is no fault of the path,
// and nothing happens (RFC 5882 section 3.2).
func TestBFDAdminDown(t *testing.T) {
	t.Parallel()
	with := terms{hold: 90, oneHop: true, bfd: &bfdWith{interval: 20 * time.Millisecond, multiplier: 3}}
	n := bare(t, with)
	n.a.stead(t, &pair{net: n, with: with, alone: "a"})
	n.sends(t, vip4, "a")
	n.watched(t, &with, n.a)
	wire := n.a.listen(t)
	probe := n.rs2.probe(t, vip4)
	from := probe.servedBy(t, n.a, window)
	frr{}.shutBFD(t, n.rs2, n.a, true)
	testns.Eventually(t, patience, "FRR's BFD is down", func() bool { return !n.rs2.router.bfd(t, n.rs2, &with, n.a).Up })
	probe.servedBy(t, n.a, 500*time.Millisecond)
	if r := probe.since(from); r.Lost > 0 {
		t.Errorf("%d of %d lost", r.Lost, r.Sent)
	}
	if !n.rs2.router.session(t, n.rs2, n.a).Established {
		t.Error("the BGP session has ended")
	}
	wire.silent(t)
	frr{}.shutBFD(t, n.rs2, n.a, false)
	n.watched(t, &with, n.a)
}

// A Control packet that came from further away than it may is not believed, even
// where everything else in it is right (RFC 5881 section 5).
func TestForgedBFD(t *testing.T) {
	t.Parallel()
	with := terms{hold: 90, oneHop: true, bfd: &bfdWith{interval: 50 * time.Millisecond, multiplier: 5}}
	n := bare(t, with)
	n.a.stead(t, &pair{net: n, with: with, alone: "a"})
	n.sends(t, vip4, "a")
	n.watched(t, &with, n.a)
	s := n.rs2.router.bfd(t, n.rs2, &with, n.a)
	for range 20 {
		n.rs1.forges(t, n.rs2.link4, n.a.link4, 254, s.Mine, s.Theirs)
	}
	if probe := n.rs2.probe(t, vip4); probe.servedBy(t, n.a, 300*time.Millisecond) == 0 || !n.rs2.router.session(t, n.rs2, n.a).Established {
		t.Fatal("a packet from two hops away took the session down")
	}
	// The same from next door is taken for the router's own word.
	n.rs1.forges(t, n.rs2.link4, n.a.link4, 255, s.Mine, s.Theirs)
	testns.Eventually(t, patience, "a packet from next door takes the session down", func() bool {
		return !n.rs2.router.session(t, n.rs2, n.a).Established
	})
}

// BFD as a check of a group, with no BGP session that it belongs to: a server
// whose path to the routers is down is not ready, and the other one takes over.
func TestBFDCheck(t *testing.T) {
	t.Parallel()
	with := terms{hold: 90, bfd: &bfdWith{interval: 20 * time.Millisecond, multiplier: 3}}
	n := bare(t, with)
	quiet := with
	quiet.bfd = nil // not of the BGP sessions
	check := fmt.Sprintf("    checks:\n      path: { bfd: %s, interval: 20ms, multiplier: 3, multihop: 2, fatal: true }\n", with.local(n.rs1))
	p := &pair{net: n, with: quiet, group: check + "    preempt: { enabled: true, delay: 500ms }\n    damping: { window: 0s }\n"}
	p.starts(t)
	probe := n.rs2.probe(t, vip4)
	probe.servedBy(t, n.a, window)
	before := now()
	n.a.ns.Run(t, "nft", "add table inet lost; add chain inet lost in { type filter hook input priority 0; }; add rule inet lost in udp dport { 3784, 4784 } drop")
	probe.servedBy(t, n.b, window)
	r := probe.around(before)
	t.Logf("b serves; out for %v, %d lost", r.Longest, r.Lost)
	if len(r.Changes) != 1 || r.Longest > time.Second {
		t.Errorf("changes %v, out for %v", r.Changes, r.Longest)
	}
	n.a.ns.Run(t, "nft", "delete table inet lost")
	probe.servedBy(t, n.a, window)
}
