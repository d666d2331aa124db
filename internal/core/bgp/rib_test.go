package bgp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// ribRig is an established session and what its peer learns.
type ribRig struct {
	*rig
	in *ribIn
}

func newRIBRig(t *testing.T, adapt ...func(*Config)) *ribRig {
	g := &ribRig{newRig(t, adapt...), newRIBIn(t, true)}
	g.to(OpenConfirm)
	g.step(func(s *Session) { s.Receive(g.now, ours1, AppendKeepalive(nil)) })
	g.is(EstablishedState)
	g.in.updates = 0
	return g
}

// step runs a step, has the peer read what is written and returns how many bytes
// were withdrawn and announced.
func (g *ribRig) step(input func(s *Session)) (retracted, written int) {
	g.t.Helper()
	g.s.Begin(g.now)
	input(g.s)
	out := g.s.Finish(g.now)
	for _, w := range out.Retracts {
		retracted += len(w.Bytes)
	}
	for _, w := range slices.Concat(out.Retracts, out.Writes) {
		for _, m := range split(g.t, w.Bytes) {
			if MessageType(m[18]) == TypeUpdate {
				g.in.take(m)
			}
		}
		written += len(w.Bytes)
	}
	return retracted, written - retracted
}

func (g *ribRig) announce(paths ...Path) (retracted, written int) {
	g.t.Helper()
	return g.step(func(s *Session) { s.Announce(g.now, paths) })
}

func (g *ribRig) has(want ...string) {
	g.t.Helper()
	if got := g.in.lines(); !slices.Equal(got, want) {
		g.t.Fatalf("the peer has %q, want %q", got, want)
	}
}

// After an UPDATE that says something new only what has changed is sent.
func TestAnnounceSendsDifferences(t *testing.T) {
	g := newRIBRig(t)
	a, b := pathsOf("192.0.2.10/32")[0], pathsOf("192.0.2.11/32")[0]
	g.announce(a, b)
	g.has("192.0.2.10/32 path 65001, via 10.0.1.1", "192.0.2.11/32 path 65001, via 10.0.1.1")
	if g.in.updates != 1 {
		t.Errorf("%d UPDATEs for two prefixes with the same attributes", g.in.updates)
	}
	if r, w := g.announce(a, b); r+w != 0 {
		t.Error("something was sent although nothing has changed")
	}
	b.MED, b.HasMED = 50, true
	if r, _ := g.announce(a, b); r != 0 || g.in.updates != 2 {
		t.Errorf("%d UPDATEs, %d bytes of withdrawals for another MED", g.in.updates, r)
	}
	g.has("192.0.2.10/32 path 65001, via 10.0.1.1", "192.0.2.11/32 med 50, path 65001, via 10.0.1.1")
	if r, w := g.announce(b); r == 0 || w != 0 {
		t.Errorf("a withdrawal: %d bytes before the fence, %d after", r, w)
	}
	g.has("192.0.2.11/32 med 50, path 65001, via 10.0.1.1")
	a.Prepend = 1
	if r, w := g.announce(a); r == 0 || w == 0 {
		t.Errorf("one for the other: %d bytes withdrawn, %d announced", r, w)
	}
	g.has("192.0.2.10/32 path 65001 65001, via 10.0.1.1")
}

// Every attribute of a path is told when it changes, and changes back.
func TestEveryAttributeIsTold(t *testing.T) {
	base := Path{Prefix: netip.MustParsePrefix("192.0.2.10/32"), LocalPref: 100}
	for name, change := range map[string]func(p *Path){
		"next hop":        func(p *Path) { p.NextHop = netip.MustParseAddr("10.0.1.9") },
		"prepend":         func(p *Path) { p.Prepend = 1 },
		"MED":             func(p *Path) { p.HasMED = true },
		"local pref":      func(p *Path) { p.LocalPref = 90 },
		"community":       func(p *Path) { p.Communities = []Community{GracefulShutdown} },
		"large community": func(p *Path) { p.Large = []LargeCommunity{{1, 2, 3}} },
	} {
		internal := func(c *Config) { c.PeerAS = 65001 }
		g := &ribRig{newRig(t, internal).to(OpenSent), newRIBIn(t, true)}
		g.receive(ours1, peerOpen(func(o *Open) { o.AS = 65001 }))
		g.receive(ours1, AppendKeepalive(nil))
		g.is(EstablishedState)
		changed := base
		change(&changed)
		for i, p := range []Path{base, changed, base} {
			if _, w := g.announce(p); w == 0 || g.in.updates != i+1 {
				t.Errorf("%s: %d UPDATEs after %d changes", name, g.in.updates, i+1)
			}
		}
	}
}

// What was announced before the session is announced when it is established, and
// again in the next session.
func TestAnnouncedBeforeEstablished(t *testing.T) {
	g := &ribRig{newRig(t), newRIBIn(t, true)}
	g.to(OpenConfirm)
	if r, w := g.announce(pathsOf("192.0.2.10/32")...); r+w != 0 {
		t.Fatal("something was sent before the session was established")
	}
	g.step(func(s *Session) { s.Receive(g.now, ours1, AppendKeepalive(nil)) })
	g.has("192.0.2.10/32 path 65001, via 10.0.1.1")
	if want := []string{"IPv4", "IPv6"}; !slices.Equal(g.in.endOfRIB, want) {
		t.Errorf("End-of-RIB of %v, want %v", g.in.endOfRIB, want)
	}
	g.closed(ours1, "EOF")
	if st := g.s.Status(g.now); len(st.Paths) != 0 || st.Unsent {
		t.Errorf("after the session: %+v", st)
	}
	g.tick(time.Second)
	g.opened(2)
	g.receive(2, peerOpen())
	g.in = newRIBIn(t, true)
	g.step(func(s *Session) { s.Receive(g.now, 2, AppendKeepalive(nil)) })
	g.has("192.0.2.10/32 path 65001, via 10.0.1.1")
}

// Withdrawals never overtake an announcement of the same step.
func TestWithdrawalAfterAnnouncementInOneStep(t *testing.T) {
	g := newRIBRig(t)
	g.s.Begin(g.now)
	g.s.Announce(g.now, pathsOf("192.0.2.10/32"))
	g.s.Finish(g.now)
	g.s.Announce(g.now, nil)
	out := g.s.Finish(g.now)
	for _, w := range slices.Concat(out.Retracts, out.Writes) {
		for _, m := range split(t, w.Bytes) {
			g.in.take(m)
		}
	}
	g.has()
}

// Stop in the step of the withdrawal: that goes first.
func TestWithdrawThenStop(t *testing.T) {
	g := newRIBRig(t)
	g.announce(pathsOf("192.0.2.10/32")...)
	g.taken(ours1)
	g.s.Begin(g.now)
	g.s.Announce(g.now, nil)
	g.s.Stop(g.now, Cease(AdministrativeShutdown, "bye"))
	out := g.s.Finish(g.now)
	n := 0
	for _, w := range out.Retracts {
		n += len(w.Bytes)
	}
	g.want(g.words(out), "update, notify 6/2, hang up, told down stopping")
	if n == 0 || !g.s.Status(g.now).Unsent {
		t.Fatalf("%d bytes withdrawn, unsent %v", n, g.s.Status(g.now).Unsent)
	}
	delivered := func(n int) bool {
		g.do(func(s *Session) { s.Sent(g.now, ours1, n) })
		return slices.ContainsFunc(g.s.out.Changes, func(c Change) bool { return c.Kind == Delivered })
	}
	if delivered(n-1) || !delivered(1) || g.s.Status(g.now).Unsent {
		t.Error("the withdrawal is not delivered when its last byte is")
	}
}

// What is announced is unsent until the kernel has taken all of it, by bytes.
func TestDelivered(t *testing.T) {
	g := newRIBRig(t)
	g.taken(ours1)
	_, n := g.announce(pathsOf("192.0.2.10/32", "192.0.2.11/32")...)
	for sent := range n {
		if !g.s.Status(g.now).Unsent {
			t.Fatalf("sent after %d of %d bytes", sent, n)
		}
		g.do(func(s *Session) { s.Sent(g.now, ours1, 1) })
	}
	if g.s.Status(g.now).Unsent || len(g.s.out.Changes) != 1 || g.s.out.Changes[0].Kind != Delivered {
		t.Errorf("after all bytes: %+v", g.s.out.Changes)
	}
	g.announce()
	g.closed(ours1, "EOF")
	if g.s.Status(g.now).Unsent {
		t.Error("unsent without a connection")
	}
}

// RFC 2918: a peer may ask for a family again. It gets that once it has taken what
// it was sent before.
func TestRFC2918_RouteRefresh(t *testing.T) {
	g := newRIBRig(t, func(c *Config) { c.NextHop6 = netip.MustParseAddr("2001:db8::1") })
	g.announce(pathsOf("192.0.2.10/32", "192.0.2.11/32", "2001:db8::10/128")...)
	g.in.paths = map[netip.Prefix]string{}
	ask := func(afi byte) (int, int) {
		return g.step(func(s *Session) { s.Receive(g.now, ours1, refresh(afi, safiUnicast)) })
	}
	if r, w := ask(afiIPv4); r+w != 0 {
		t.Error("sent again before the peer had taken what was sent")
	}
	g.step(func(s *Session) { s.Sent(g.now, ours1, 1<<20) })
	g.has("192.0.2.10/32 path 65001, via 10.0.1.1", "192.0.2.11/32 path 65001, via 10.0.1.1")
	g.step(func(s *Session) { s.Sent(g.now, ours1, 1<<20) })
	g.in.paths = map[netip.Prefix]string{}
	ask(afiIPv6)
	g.has("2001:db8::10/128 path 65001, via 2001:db8::1")
	g.taken(ours1)
	if r, w := ask(25); r+w != 0 {
		t.Error("an address family was sent that was not agreed on")
	}
}

// A path that the peer cannot be told of is left out, and said; when it was
// announced before, it is withdrawn.
func TestUnsendable(t *testing.T) {
	g := newRIBRig(t, func(c *Config) { c.NextHop6 = netip.MustParseAddr("2001:db8::1") })
	paths := pathsOf("192.0.2.10/32", "2001:db8::10/128")
	g.announce(paths...)
	if st := g.s.Status(g.now); len(st.Paths) != 2 || len(st.Unsendable) != 0 {
		t.Fatalf("%+v", st)
	}
	cfg := g.s.cfg
	cfg.NextHop6 = netip.Addr{}
	r, _ := g.step(func(s *Session) {
		if !s.Reconfigure(g.now, cfg) {
			t.Error("a changed next hop ends the session")
		}
	})
	g.has("192.0.2.10/32 path 65001, via 10.0.1.1")
	st := g.s.Status(g.now)
	if r == 0 || len(st.Unsendable) != 1 || !strings.HasPrefix(st.Unsendable[0], "2001:db8::10/128: no next hop") {
		t.Errorf("%d bytes withdrawn, %q", r, st.Unsendable)
	}
	if got := g.told(Announced); !strings.Contains(got, "withdrew 2001:db8::10/128; cannot announce 2001:db8::10/128: no next hop") {
		t.Errorf("told %q", got)
	}
}

// Many prefixes share UPDATEs by their attributes, in whatever order they come, and
// what is told of them stays short.
func TestManyPrefixes(t *testing.T) {
	const many = 3000
	g := newRIBRig(t)
	var paths []Path
	for i := range many {
		p := pathsOf(fmt.Sprintf("198.18.%d.%d/32", i/250, i%250))[0]
		p.Prepend = i % 3
		paths = append(paths, p)
	}
	slices.Reverse(paths) // sorted by the session
	g.announce(paths...)
	if len(g.in.paths) != many {
		t.Fatalf("the peer has %d of %d", len(g.in.paths), many)
	}
	if g.in.updates > 3*(many*5/3/(MaxMessage-100)+1) {
		t.Errorf("%d UPDATEs", g.in.updates)
	}
	if detail := g.told(Announced); len(detail) > 1000 {
		t.Errorf("told %d bytes: %s", len(detail), detail)
	}
	paths[7].Prepend = 9
	g.in.updates = 0
	if g.announce(paths...); g.in.updates != 1 {
		t.Errorf("%d UPDATEs for one change", g.in.updates)
	}
	g.in.updates = 0
	if r, w := g.announce(); g.in.updates != many*5/(MaxMessage-minUpdate)+1 || r == 0 || w != 0 || len(g.in.paths) != 0 {
		t.Errorf("%d UPDATEs, %d bytes of withdrawals and %d others; the peer has %d", g.in.updates, r, w, len(g.in.paths))
	}
}

// The paths are copied, sorted and without repetition whatever the caller does.
func TestAnnounceCopies(t *testing.T) {
	g := newRIBRig(t)
	communities := []Community{1}
	p := Path{Prefix: netip.MustParsePrefix("192.0.2.77/24"), Communities: communities}
	g.announce(p, p)
	communities[0] = 2
	if r, w := g.announce(p, p); r != 0 || w == 0 {
		t.Error("a changed community was not announced: it is shared with the caller")
	}
	g.has("192.0.2.0/24 community 0:2, path 65001, via 10.0.1.1")
}
