package bgp

import (
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// attempt makes the next attempt of a session that waits for it, and returns how
// long it has waited.
func (g *rig) attempt() time.Duration {
	g.t.Helper()
	pause := g.s.Deadline().Sub(g.now)
	g.want(g.tick(pause), "dial")
	return pause
}

// RFC 4271 section 8.2.1.1 and section 10: the pauses double up to the longest one,
// and are 75 to 100 % of what they are.
func TestBackOff(t *testing.T) {
	for name, fail := range map[string]func(g *rig, conn Conn){
		"refused by the kernel": func(g *rig, conn Conn) { g.closed(conn, "connection refused") },
		"closed at OPEN":        func(g *rig, conn Conn) { g.opened(conn); g.closed(conn, "EOF") },
		"another AS": func(g *rig, conn Conn) {
			g.opened(conn)
			g.receive(conn, peerOpen(func(o *Open) { o.AS = 1 }))
		},
		"notified": func(g *rig, conn Conn) {
			g.opened(conn)
			g.receive(conn, AppendNotification(nil, Cease(ConnectionRejected, "")))
		},
		"an end soon after": func(g *rig, conn Conn) {
			g.opened(conn)
			g.receive(conn, peerOpen())
			g.receive(conn, AppendKeepalive(nil))
			g.closed(conn, "EOF")
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newRig(t)
			g.want(g.start(), "dial")
			for i, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30, 30} {
				fail(g, Conn(i+1))
				if pause := g.attempt(); pause > want*time.Second || pause < want*time.Second*3/4 {
					t.Errorf("pause %d is %v, want %v", i+1, pause, want*time.Second)
				}
			}
		})
	}
}

// After a session that has lasted the first attempt is made soon, and the back-off
// starts again.
func TestSoonAfterStableSession(t *testing.T) {
	g := newRig(t)
	g.s.failures = 7
	g.to(EstablishedState)
	g.now = g.now.Add(stableTime)
	g.closed(ours1, "EOF")
	g.is(ActiveState)
	if pause := g.attempt(); pause > soon {
		t.Errorf("after %v", pause)
	}
	g.closed(2, "connection refused")
	if pause := g.attempt(); pause > time.Second {
		t.Errorf("then after %v", pause)
	}
}

// Connections of a peer that this node has refused wait as long as its own attempts.
func TestPeerIsPacedToo(t *testing.T) {
	g := newRig(t, func(c *Config) { c.Passive = true })
	g.start()
	for i := range 5 {
		g.connects()
		g.receive(g.theirs, peerOpen(func(o *Open) { o.AS = 1 }))
		g.is(Idle)
		g.want(g.connects(), "")
		if pause, want := g.s.Deadline().Sub(g.now), time.Second<<i*3/4; pause < want {
			t.Errorf("refused %d times: answered after %v, want at least %v", i+1, pause, want)
		}
		g.want(g.tick(g.s.Deadline().Sub(g.now)), "open")
		g.closed(g.theirs, "EOF")
		g.tick(time.Minute)
	}
}

// The same while an attempt of this node is under way.
func TestPeerIsPacedWhileConnecting(t *testing.T) {
	g := newRig(t).to(Connect)
	g.connects()
	g.receive(g.theirs, peerOpen(func(o *Open) { o.AS = 1 }))
	g.is(Connect)
	g.want(g.connects(), "")
	g.want(g.opened(ours1), "open")
	g.is(OpenSent)
}

// A connection that leads nowhere does not keep this node from trying itself.
func TestStuckConnectionOfPeer(t *testing.T) {
	g := newRig(t).to(ActiveState)
	g.want(g.connects(), "open")
	g.want(g.tick(time.Second), "dial")
	g.want(g.opened(2), "open")
	g.want(g.receive(2, peerOpen()), "keepalive")
	g.want(g.receive(2, AppendKeepalive(nil)), "update, update, told established")
	g.want(g.tick(9*time.Second-1), "keepalive")
}

// A path that BFD finds up again is tried at once, even when an attempt has been
// waiting for an answer for long.
func TestPathBack(t *testing.T) {
	up := func(g *rig) string { return g.do(func(s *Session) { s.BFD(g.now, true, false) }) }
	g := newRig(t).to(ActiveState)
	g.want(up(g), "dial")
	g = newRig(t).to(Connect)
	g.want(up(g), "") // it has only begun
	g = newRig(t).to(Connect)
	g.tick(slowDial)
	g.want(up(g), "dial, hang up")
	g = newRig(t).to(OpenSent)
	g.receive(ours1, peerOpen(func(o *Open) { o.AS = 1 }))
	g.want(up(g), "") // the peer refuses, whatever the path
}

// The first attempt is made at the start, and a session that is stopped does nothing.
func TestStartAndStop(t *testing.T) {
	g := newRig(t)
	if g.s.Deadline() != clock.Never {
		t.Error("a session that was not started has a deadline")
	}
	g.want(g.start(), "dial")
	g.want(g.start(), "")
	g.want(g.do(func(s *Session) { s.Stop(g.now, Cease(AdministrativeShutdown, "")) }), "hang up")
	if g.s.Deadline() != clock.Never {
		t.Error("a session that was stopped has a deadline")
	}
	g.want(g.do(func(s *Session) { s.Stop(g.now, Cease(AdministrativeShutdown, "")) }), "")
	g.want(g.do(func(s *Session) { s.Reset(g.now, Cease(AdministrativeReset, "")) }), "")
	g.want(g.start(), "dial")
	if g.s.last != 2 {
		t.Errorf("the second connection is %d", g.s.last)
	}
}

// A changed configuration ends the session only where the peer has agreed to
// something else.
func TestReconfigure(t *testing.T) {
	for name, c := range map[string]struct {
		change func(c *Config)
		kept   bool
	}{
		"nothing":           {func(*Config) {}, true},
		"retry":             {func(c *Config) { c.Retry, c.MaxRetry = time.Minute, time.Hour }, true},
		"BFD":               {func(c *Config) { c.WaitForBFD = true }, true},
		"next hop":          {func(c *Config) { c.NextHop6 = remoteAddr }, true},
		"passive":           {func(c *Config) { c.Passive = true }, true},
		"seed":              {func(c *Config) { c.Seed++ }, true},
		"local AS":          {func(c *Config) { c.LocalAS++ }, false},
		"peer AS":           {func(c *Config) { c.PeerAS++ }, false},
		"router ID":         {func(c *Config) { c.RouterID = remoteAddr }, false},
		"peer":              {func(c *Config) { c.Peer = localAddr }, false},
		"hold time":         {func(c *Config) { c.HoldTime *= 2 }, false},
		"IPv4":              {func(c *Config) { c.IPv4 = false }, false},
		"IPv6":              {func(c *Config) { c.IPv6 = false }, false},
		"extended next hop": {func(c *Config) { c.ExtendedNextHop = true }, false},
	} {
		g := newRig(t).to(EstablishedState)
		cfg := g.s.cfg
		c.change(&cfg)
		var kept bool
		did := g.do(func(s *Session) { kept = s.Reconfigure(g.now, cfg) })
		want := ""
		if !c.kept {
			want = "notify 6/6, hang up, told down " + string(reason.Reconfigured)
		}
		if kept != c.kept || did != want {
			t.Errorf("%s: kept %v, %q; want %v, %q", name, kept, did, c.kept, want)
		}
		if !c.kept {
			g.want(g.tick(soon), "dial")
		}
	}
}

// A session that is not established takes its new configuration with the next attempt.
func TestReconfigureWithoutSession(t *testing.T) {
	g := newRig(t)
	g.to(ActiveState)
	g.s.failures, g.s.retryAt = 9, g.now.Add(time.Hour)
	cfg := g.s.cfg
	cfg.MaxRetry = 2 * time.Second
	g.do(func(s *Session) { s.Reconfigure(g.now, cfg) })
	if pause := g.attempt(); pause > 2*time.Second {
		t.Errorf("the next attempt is made after %v", pause)
	}
	cfg.Passive = true
	g.want(g.do(func(s *Session) { s.Reconfigure(g.now, cfg) }), "hang up")
	g.is(ActiveState)
	cfg.Passive = false
	g.do(func(s *Session) { s.Reconfigure(g.now, cfg) })
	g.attempt()
	cfg.HoldTime = time.Minute
	var kept bool
	g.want(g.do(func(s *Session) { kept = s.Reconfigure(g.now, cfg) }), "hang up")
	if !kept {
		t.Error("no session is said to have been ended")
	}
	g.attempt()
}
