package bgp

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// RFC 4271 section 6.1: the marker, the length and the type of a header.
func TestRFC4271_6_1_MessageHeader(t *testing.T) {
	unsynchronized := AppendKeepalive(nil)
	unsynchronized[3] = 0
	for _, c := range []struct {
		name    string
		message []byte
		want    string
		data    []byte
	}{
		{"marker", unsynchronized, "notify 1/1", nil},
		{"too short for a header", headerOf(18, TypeKeepalive), "notify 1/2", []byte{0, 18}},
		{"too long", headerOf(4097, TypeUpdate), "notify 1/2", []byte{0x10, 1}},
		{"OPEN too short", headerOf(28, TypeOpen), "notify 1/2", []byte{0, 28}},
		{"UPDATE too short", headerOf(22, TypeUpdate), "notify 1/2", []byte{0, 22}},
		{"KEEPALIVE with a body", headerOf(20, TypeKeepalive), "notify 1/2", []byte{0, 20}},
		{"length of another message", append(headerOf(23, TypeRouteRefresh), 0), "notify 1/2", []byte{0, 23}},
		{"type", headerOf(19, 6), "notify 1/3", []byte{6}},
	} {
		for _, state := range []State{OpenSent, OpenConfirm, EstablishedState} {
			g := newRig(t).to(state)
			if got := g.receive(ours1, c.message); !strings.HasPrefix(got, c.want+", hang up") || !bytes.Equal(g.data(), c.data) {
				t.Errorf("%s in %v: %s with data %x, want %s with %x", c.name, state, got, g.data(), c.want, c.data)
			}
		}
	}
}

// RFC 4271 section 6.2: what makes an OPEN one that is refused.
func TestRFC4271_6_2_OpenMessage(t *testing.T) {
	for _, c := range []struct {
		name  string
		adapt func(b []byte) []byte
		want  string
		text  string
	}{
		{"version", func(b []byte) []byte { b[19] = 3; return b }, "notify 2/1", "unsupported version number"},
		{"AS", func([]byte) []byte { return peerOpen(func(o *Open) { o.AS = 65516 }) }, "notify 2/2", "the peer is AS 65516, not AS 65515"},
		{"AS by the capability", func([]byte) []byte { return peerOpen(func(o *Open) { o.AS = 4200000000 }) }, "notify 2/2", "the peer is AS 4200000000"},
		{"hold time 1", func(b []byte) []byte { b[23] = 1; b[22] = 0; return b }, "notify 2/6", "unacceptable hold time"},
		{"hold time 2", func(b []byte) []byte { b[23] = 2; b[22] = 0; return b }, "notify 2/6", "unacceptable hold time"},
		{"identifier", func(b []byte) []byte { copy(b[24:28], []byte{0, 0, 0, 0}); return b }, "notify 2/3", "bad BGP identifier"},
		{"optional parameter", func(b []byte) []byte { b[29] = 1; return b }, "notify 2/4", "unsupported optional parameter"},
		{"malformed parameter", func(b []byte) []byte { b[30] = 200; return b }, "notify 2/0", "open message error"},
	} {
		g := newRig(t).to(OpenSent)
		got := g.receive(ours1, c.adapt(peerOpen()))
		if got != c.want+", hang up, told refused notified" || !strings.Contains(g.told(Refused), c.text) {
			t.Errorf("%s: %s, %q; want %s, %q", c.name, got, g.told(Refused), c.want, c.text)
		}
		g.is(Idle)
	}
}

// RFC 4271 section 4.2: the hold time is the lower of the two, and 0 means no keepalives.
func TestRFC4271_4_2_HoldTime(t *testing.T) {
	for offered, want := range map[uint16]int{0: 0, 3: 3, 8: 8, 9: 9, 180: 9} {
		g := newRig(t).to(OpenSent)
		g.want(g.receive(ours1, peerOpen(func(o *Open) { o.HoldTime = offered })), "keepalive")
		g.receive(ours1, AppendKeepalive(nil))
		if got := g.s.Status(g.now).HoldTime; got != want {
			t.Errorf("offered %d: %d s, want %d s", offered, got, want)
		}
		if offered == 0 {
			g.taken(ours1)
			if due := g.s.Deadline(); due != clock.Never {
				t.Errorf("without hold time there is a deadline in %v", due.Sub(g.now))
			}
			g.want(g.tick(24*time.Hour), "")
		}
	}
}

// RFC 4271 section 4.4: KEEPALIVEs at a third of the hold time, section 10: less jitter.
func TestRFC4271_4_4_KeepaliveInterval(t *testing.T) {
	g := newRig(t).to(EstablishedState)
	seen := map[time.Duration]bool{}
	for range 1000 {
		pause := g.s.Deadline().Sub(g.now)
		if pause < 2250*time.Millisecond || pause > 3*time.Second {
			t.Fatalf("a KEEPALIVE after %v", pause)
		}
		seen[pause.Round(50*time.Millisecond)] = true
		g.want(g.tick(pause-1), "")
		g.want(g.tick(1), "keepalive")
		g.taken(ours1)
		g.receive(ours1, AppendKeepalive(nil))
	}
	if len(seen) < 15 {
		t.Errorf("the pauses are %d different ones", len(seen))
	}
}

// RFC 4271 section 8.2.2: an UPDATE stands for a KEEPALIVE.
func TestRFC4271_8_2_2_UpdateRestartsKeepaliveTimer(t *testing.T) {
	g := newRig(t).to(EstablishedState)
	g.tick(2 * time.Second)
	g.want(g.do(func(s *Session) { s.Announce(g.now, pathsOf("192.0.2.10/32")) }), "update")
	g.want(g.tick(2200*time.Millisecond), "")
}

// RFC 4271 section 6.4: an error in a NOTIFICATION is not answered.
func TestRFC4271_6_4_NotificationIsNotAnswered(t *testing.T) {
	for _, message := range [][]byte{
		AppendNotification(nil, &Notification{Code: 99, Subcode: 99}),
		headerOf(20, TypeNotification),
		AppendNotification(nil, &Notification{Code: CodeCease, Subcode: AdministrativeShutdown, Data: []byte{200, 'x'}}),
	} {
		g := newRig(t).to(EstablishedState)
		g.want(g.receive(ours1, message), "hang up, told down notified")
	}
}

// RFC 4271 section 6.5: nothing was heard for the hold time.
func TestRFC4271_6_5_HoldTimerExpired(t *testing.T) {
	for _, state := range []State{OpenConfirm, EstablishedState} {
		g := newRig(t).to(state)
		end := g.now.Add(9 * time.Second)
		for g.s.Deadline() < end {
			g.want(g.tick(g.s.Deadline().Sub(g.now)), "keepalive")
		}
		g.tick(end.Sub(g.now) - 1)
		g.is(state)
		if got := g.tick(1); !strings.HasPrefix(got, "notify 4/0, hang up, told") {
			t.Errorf("in %v: %s", state, got)
		}
	}
}

// RFC 4271 section 6.5: a KEEPALIVE, an UPDATE and whatever else arrives restart the timer.
func TestRFC4271_6_5_HoldTimerRestarts(t *testing.T) {
	for name, input := range map[string]func(g *rig){
		"KEEPALIVE":     func(g *rig) { g.receive(ours1, AppendKeepalive(nil)) },
		"UPDATE":        func(g *rig) { g.do(func(s *Session) { s.Updates(g.now, ours1, 1) }) },
		"ROUTE-REFRESH": func(g *rig) { g.receive(ours1, refresh(afiIPv4, safiUnicast)) },
	} {
		g := newRig(t).to(EstablishedState)
		for range 10 {
			g.tick(8 * time.Second)
			input(g)
		}
		if g.s.Status(g.now).State != EstablishedState {
			t.Errorf("%s does not restart the timer", name)
		}
	}
}

// A node that was late itself waits a little longer for the peer, each time, and not
// for ever.
func TestLateNodeDoesNotBlamePeer(t *testing.T) {
	g := newRig(t).to(EstablishedState)
	for range 3 {
		g.want(g.tick(20*time.Second), "keepalive")
		g.want(g.receive(ours1, AppendKeepalive(nil)), "")
	}
	g.want(g.tick(20*time.Second), "keepalive")
	g.want(g.tick(graceTime), "notify 4/0, hang up, told down hold-time-expired")
}

// RFC 4271 section 6.6 and RFC 6608: what does not belong in a state, with its type.
func TestRFC4271_6_6_FiniteStateMachine(t *testing.T) {
	for _, c := range []struct {
		state   State
		message []byte
		want    string
	}{
		{OpenSent, AppendKeepalive(nil), "notify 5/1"},
		{OpenSent, refresh(afiIPv4, safiUnicast), "notify 5/1"},
		{OpenConfirm, peerOpen(), "notify 5/2"},
		{OpenConfirm, refresh(afiIPv4, safiUnicast), "notify 5/2"},
		{EstablishedState, peerOpen(), "notify 5/3"},
	} {
		g := newRig(t).to(c.state)
		got := g.receive(ours1, c.message)
		if !strings.HasPrefix(got, c.want) || !bytes.Equal(g.data(), c.message[18:19]) {
			t.Errorf("message of type %d in %v: %s with data %x", c.message[18], c.state, got, g.data())
		}
	}
}

// RFC 4271 section 6.7 and RFC 4486: every way in which this node ends a session.
func TestRFC4271_6_7_Cease(t *testing.T) {
	for _, c := range []struct {
		do   func(g *rig) string
		want string
		why  reason.Reason
	}{
		{func(g *rig) string {
			return g.do(func(s *Session) { s.Stop(g.now, Cease(AdministrativeShutdown, "")) })
		}, "notify 6/2", reason.Stopping},
		{func(g *rig) string { return g.do(func(s *Session) { s.Stop(g.now, Cease(PeerDeconfigured, "")) }) }, "notify 6/3", reason.Reconfigured},
		{func(g *rig) string { return g.do(func(s *Session) { s.Reset(g.now, Cease(AdministrativeReset, "")) }) }, "notify 6/4", reason.Notified},
		{func(g *rig) string {
			cfg := g.s.cfg
			cfg.HoldTime = 30 * time.Second
			return g.do(func(s *Session) {
				if s.Reconfigure(g.now, cfg) {
					t.Error("the session is said to be kept")
				}
			})
		}, "notify 6/6", reason.Reconfigured},
	} {
		g := newRig(t).to(EstablishedState)
		g.want(c.do(g), c.want+", hang up, told down "+string(c.why))
	}
}

// RFC 4271 section 6.7 and RFC 9384: BFD down is subcode 10.
func TestRFC9384_BFDDown(t *testing.T) {
	for _, wait := range []bool{false, true} {
		g := newRig(t, func(c *Config) { c.WaitForBFD = wait }).to(EstablishedState)
		bfd := func(up, admin bool) string { return g.do(func(s *Session) { s.BFD(g.now, up, admin) }) }
		g.want(bfd(false, false), "") // it never was up
		g.want(bfd(true, false), "")
		g.want(bfd(false, true), "") // turned off
		g.want(bfd(false, false), "")
		g.want(bfd(true, false), "")
		g.want(bfd(false, false), "notify 6/10, hang up, told down bfd-down")
		if got := g.tick(30*time.Second) == "dial"; got == wait {
			t.Errorf("waiting %v: tried again %v", wait, got)
		}
		if wait {
			g.want(bfd(false, true), "dial") // turned off: it will not say any more that the path is up
		}
	}
}

// RFC 9003: the text that goes with a shutdown, and that of a peer.
func TestRFC9003_ShutdownCommunication(t *testing.T) {
	g := newRig(t).to(EstablishedState)
	g.do(func(s *Session) { s.Stop(g.now, Cease(AdministrativeShutdown, "moved to node b")) })
	if got := string(g.data()); got != "\x0fmoved to node b" {
		t.Errorf("sent %q", got)
	}
	g = newRig(t).to(EstablishedState)
	g.receive(ours1, AppendNotification(nil, Cease(AdministrativeShutdown, "maintenance")))
	if got, want := g.told(Down), `received cease: administrative shutdown: "maintenance"`; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

// RFC 6286 section 2.2: the peer of an internal session must have another
// identifier; that of an external one may have the same.
func TestRFC6286_2_2_SameIdentifier(t *testing.T) {
	same := func(as uint32) func(*Open) {
		return func(o *Open) { o.AS, o.RouterID = as, localAddr }
	}
	g := newRig(t, func(c *Config) { c.PeerAS = c.LocalAS }).to(OpenSent)
	g.want(g.receive(ours1, peerOpen(same(65001))), "notify 2/3, hang up, told refused notified")
	g = newRig(t).to(OpenSent)
	g.want(g.receive(ours1, peerOpen(same(65515))), "keepalive")
}

// RFC 5492 section 5: a peer that shares no address family is told which are wanted.
func TestRFC5492_5_NoFamilyInCommon(t *testing.T) {
	g := newRig(t, func(c *Config) { c.IPv4 = false }).to(OpenSent)
	g.want(g.receive(ours1, peerOpen(func(o *Open) { o.IPv6 = false })), "notify 2/7, hang up, told refused notified")
	if want := []byte{1, 4, 0, 2, 0, 1}; !bytes.Equal(g.data(), want) {
		t.Errorf("the data is %x, want %x", g.data(), want)
	}
}

// RFC 5492 section 3: after "unsupported optional parameter" the next OPEN has no
// capabilities, and after the session that follows it has them again.
func TestRFC5492_3_WithoutCapabilities(t *testing.T) {
	g := newRig(t).to(OpenSent)
	capable := func() bool { return len(g.s.out.Writes[0].Bytes) > minOpen }
	g.receive(ours1, AppendNotification(nil, &Notification{Code: CodeOpen, Subcode: UnsupportedOptionalParameter}))
	g.want(g.tick(time.Second), "dial")
	g.want(g.opened(2), "open")
	if capable() {
		t.Error("the second OPEN has capabilities")
	}
	g.receive(2, peerOpen(func(o *Open) { o.IPv6, o.FourOctet, o.Refresh = false, false, false }))
	g.receive(2, AppendKeepalive(nil))
	g.is(EstablishedState)
	g.closed(2, "EOF")
	g.want(g.tick(5*time.Second), "dial")
	g.want(g.opened(3), "open")
	if !capable() {
		t.Error("the OPEN after that session has no capabilities")
	}
}

// RFC 6793: the AS number of a peer is that of the capability, else of the field.
func TestRFC6793_PeerAS(t *testing.T) {
	for _, c := range []struct {
		as        uint32
		fourOctet bool
		want      string
	}{
		{4200000000, true, "keepalive"},
		{4200000000, false, "notify 2/2, hang up, told refused notified"}, // AS_TRANS is nobody's
		{65515, false, "keepalive"},
	} {
		g := newRig(t, func(cfg *Config) { cfg.PeerAS = c.as }).to(OpenSent)
		g.want(g.receive(ours1, peerOpen(func(o *Open) { o.AS, o.FourOctet = c.as, c.fourOctet })), c.want)
	}
}

// RFC 9687: a peer that takes nothing is given up although it is heard, after 8
// minutes or twice the hold time.
func TestRFC9687_SendHoldTimer(t *testing.T) {
	g := newRig(t).to(EstablishedState)
	g.taken(ours1)
	g.do(func(s *Session) { s.Announce(g.now, pathsOf("192.0.2.10/32")) })
	end := g.now.Add(8 * time.Minute)
	for g.s.Deadline() < end {
		g.tick(g.s.Deadline().Sub(g.now))
		g.receive(ours1, AppendKeepalive(nil))
		g.is(EstablishedState)
	}
	g.want(g.tick(end.Sub(g.now)), "notify 8/0, hang up, told down notified")
	if !g.s.Status(g.now).Unsent {
		t.Error("what was announced may still be sent")
	}
	g.tick(time.Second)
	if g.s.Status(g.now).Unsent {
		t.Error("what was announced is still to be sent")
	}
}

// pathsOf are paths with these prefixes and no attributes of their own.
func pathsOf(prefixes ...string) (paths []Path) {
	for _, p := range prefixes {
		paths = append(paths, Path{Prefix: netip.MustParsePrefix(p)})
	}
	return paths
}
