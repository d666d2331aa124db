package bgp

import (
	"net/netip"
	"testing"
	"time"
)

// collisionRig has a connection of its own and one of the peer, both in OpenSent.
func collisionRig(t *testing.T, adapt ...func(*Config)) *rig {
	g := newRig(t, adapt...).to(OpenSent)
	g.want(g.connects(), "open")
	return g
}

func identified(id string, as uint32) []byte {
	return peerOpen(func(o *Open) { o.RouterID, o.AS = netip.MustParseAddr(id), as })
}

// RFC 4271 section 6.8 and RFC 6286 section 2.3: the connection stays that was
// opened by the speaker with the higher identifier, or AS number, whichever OPEN
// arrives first.
func TestRFC4271_6_8_CollisionDetection(t *testing.T) {
	for _, c := range []struct {
		name     string
		open     []byte
		as       uint32
		oursStay bool
	}{
		{"the peer's identifier is higher", identified("10.0.1.2", 65515), 65515, false},
		{"the peer's identifier is lower", identified("10.0.1.0", 65515), 65515, true},
		{"identifiers count as numbers", identified("9.255.255.255", 65515), 65515, true},
		{"the peer's AS is higher", identified("10.0.1.1", 65515), 65515, false},
		{"the peer's AS is lower", identified("10.0.1.1", 64512), 64512, true},
	} {
		for _, oursFirst := range []bool{true, false} {
			g := collisionRig(t, func(cfg *Config) { cfg.PeerAS = c.as })
			first, second := ours1, g.theirs
			if !oursFirst {
				first, second = second, first
			}
			g.want(g.receive(first, c.open), "keepalive")
			survivor, want := second, "notify 6/7, keepalive, hang up"
			if oursFirst == c.oursStay {
				survivor, want = first, "notify 6/7, hang up"
			}
			if got := g.receive(second, c.open); got != want {
				t.Errorf("%s, ours first %v: %s, want %s", c.name, oursFirst, got, want)
			}
			g.receive(survivor, AppendKeepalive(nil))
			g.is(EstablishedState)
			if (g.s.established() == &g.s.ours) != c.oursStay {
				t.Errorf("%s, ours first %v: the other one stayed", c.name, oursFirst)
			}
		}
	}
}

// RFC 4271 section 6.8: an established session stays, whoever has the higher identifier.
func TestRFC4271_6_8_EstablishedStays(t *testing.T) {
	g := collisionRig(t)
	g.receive(ours1, peerOpen())
	g.receive(ours1, AppendKeepalive(nil))
	g.is(EstablishedState)
	g.want(g.receive(g.theirs, peerOpen()), "notify 6/7, hang up")
	g.is(EstablishedState)
}

// A connection that closes beside another one is no failure: nothing is told, and
// no attempt is put off.
func TestCollisionIsNoFailure(t *testing.T) {
	for name, end := range map[string]func(g *rig) string{
		"closed":  func(g *rig) string { return g.closed(ours1, "EOF") },
		"refused": func(g *rig) string { return g.receive(ours1, make([]byte, HeaderLen)) },
		"notified": func(g *rig) string {
			return g.receive(ours1, AppendNotification(nil, Cease(CollisionResolution, "")))
		},
	} {
		g := collisionRig(t)
		end(g)
		g.is(OpenSent)
		if got := g.told(Refused); got != "" || g.s.failures != 0 {
			t.Errorf("%s: told %q, %d failures", name, got, g.s.failures)
		}
		g.want(g.receive(g.theirs, peerOpen()), "keepalive")
	}
}

// Both ends may decide against the connection that the other one keeps, where
// messages cross. Then there is an attempt again, and the peer's is taken at once.
func TestBothConnectionsLost(t *testing.T) {
	g := collisionRig(t)
	g.receive(ours1, peerOpen())
	g.closed(g.theirs, "EOF")
	g.want(g.receive(ours1, AppendNotification(nil, Cease(CollisionResolution, ""))), "hang up, told refused notified")
	g.is(ActiveState)
	g.want(g.connects(), "open")
}

// A peer that connects again has forgotten the connection that it opened before.
func TestNewConnectionOfPeerReplacesOlder(t *testing.T) {
	g := newRig(t, func(c *Config) { c.Passive = true })
	g.start()
	g.want(g.connects(), "open")
	g.want(g.connects(), "notify 6/7, open, hang up")
	g.want(g.receive(g.theirs-1, peerOpen()), "")
	g.want(g.receive(g.theirs, peerOpen()), "keepalive")
}

// A connection of the peer beside an established session waits until it is known
// whether that one lives.
func TestConnectionBesideEstablished(t *testing.T) {
	t.Run("which lives", func(t *testing.T) {
		g := newRig(t).to(EstablishedState)
		g.want(g.connects(), "keepalive")
		g.want(g.receive(g.theirs, peerOpen()), "")
		g.want(g.do(func(s *Session) { s.Updates(g.now, ours1, 1) }), "notify 6/7, hang up")
		g.is(EstablishedState)
	})
	t.Run("which is gone", func(t *testing.T) {
		g := newRig(t).to(EstablishedState)
		g.tick(2 * time.Second)
		g.want(g.connects(), "keepalive")
		g.want(g.receive(g.theirs, peerOpen()), "")
		g.s.upAt = g.s.upAt.Add(-stableTime)
		g.want(g.closed(ours1, "connection reset by peer"), "open, keepalive, told down disconnected")
		g.want(g.receive(g.theirs, AppendKeepalive(nil)), "update, update, told established")
	})
	t.Run("which hardly lived", func(t *testing.T) {
		g := newRig(t).to(EstablishedState)
		g.connects()
		g.want(g.closed(ours1, "connection reset by peer"), "told down disconnected")
		g.want(g.tick(time.Second), "open")
	})
	t.Run("of which nothing is heard", func(t *testing.T) {
		g := newRig(t).to(EstablishedState)
		g.connects()
		g.want(g.tick(9*time.Second), "notify 4/0, hang up, told down hold-time-expired")
		g.want(g.tick(time.Second), "open")
	})
	t.Run("and another one", func(t *testing.T) {
		g := newRig(t).to(EstablishedState)
		g.connects()
		g.want(g.connects(), "hang up") // and no KEEPALIVE for each
		g.want(g.closed(g.theirs, "EOF"), "")
		g.want(g.receive(ours1, AppendKeepalive(nil)), "")
	})
	t.Run("and talks nonsense", func(t *testing.T) {
		for _, nonsense := range [][]byte{AppendKeepalive(nil), make([]byte, HeaderLen), AppendNotification(nil, Cease(0, ""))} {
			g := newRig(t).to(EstablishedState)
			g.connects()
			g.want(g.receive(g.theirs, nonsense), "hang up")
			g.is(EstablishedState)
		}
	})
	t.Run("without hold time", func(t *testing.T) {
		g := newRig(t).to(OpenSent)
		g.receive(ours1, peerOpen(func(o *Open) { o.HoldTime = 0 }))
		g.receive(ours1, AppendKeepalive(nil))
		g.connects()
		g.want(g.tick(parkTime), "hang up")
		g.is(EstablishedState)
	})
}
