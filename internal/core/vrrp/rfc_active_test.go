package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// RFC 9568 section 6.4.3: while Active a router MUST respond to ARP requests and ND Neighbor
// Solicitations for the addresses: its slot of the fence is open for answers, and
// is moved with every ADVERTISEMENT before it closes.
func TestRFC9568_6_4_3_Answers(t *testing.T) {
	g := newActiveRig(t, 100)
	for range 100 {
		g.run(100 * ms)
		if !g.r.Leased(g.now) {
			t.Fatalf("no lease %v after the start", g.now.Sub(boot))
		}
	}
	if len(g.slots) != 10 {
		t.Fatalf("%d slots in ten intervals", len(g.slots))
	}
}

// RFC 9568 section 6.4.3: while Active a router MUST accept packets addressed to the
// addresses if it is their owner or if Accept_Mode is True; otherwise it MUST NOT.
func TestRFC9568_6_4_3_AcceptMode(t *testing.T) {
	for _, c := range []struct {
		accept   bool
		priority int
		accepts  bool
	}{{true, 100, true}, {false, 100, false}, {true, 255, true}, {false, 255, true}} {
		g := newRig(t, c.priority, func(cfg *Config) { cfg.Accept = c.accept })
		g.run(4 * time.Second)
		g.is(Active)
		last := g.slots[len(g.slots)-1]
		if last.Answer <= g.now || (last.Serve == last.Answer) != c.accepts || (last.Serve == 0) == c.accepts {
			t.Errorf("accept %v, priority %d: slot %+v", c.accept, c.priority, last)
		}
	}
}

// RFC 9568 section 6.4.3: on a Shutdown event an Active Router cancels the Adver_Timer,
// sends an ADVERTISEMENT with Priority 0 and transitions to Initialize. Its slot
// is closed in the same step, which the caller does first.
func TestRFC9568_6_4_3_Shutdown(t *testing.T) {
	for name, input := range map[string]func(*Router, Instant){
		"not ready":  func(r *Router, now Instant) { r.SetReady(now, false, reason.CheckFailed, 100) },
		"stopped":    func(r *Router, now Instant) { r.Stop(now, true, reason.CheckFailed) },
		"sync group": func(r *Router, now Instant) { r.SetSync(now, true) },
	} {
		g := newActiveRig(t, 100)
		g.do(func() { input(g.r, g.now) })
		g.is(Initialize)
		g.wantSent(0)
		g.wantOpen(0, 0)
		g.wantDeadline(clock.Never)
		if len(g.changes) != 1 || g.changes[0].Kind != Deactivated || g.changes[0].Linger {
			t.Errorf("%s: %+v", name, g.changes)
		}
		g.forget()
		g.run(time.Minute)
		g.wantSent()
	}
}

// RFC 9568 section 6.4.3: when the Adver_Timer fires, an Active Router sends an
// ADVERTISEMENT and resets the timer to Advertisement_Interval.
func TestRFC9568_6_4_3_AdverTimer(t *testing.T) {
	for _, interval := range []time.Duration{10 * ms, time.Second, 40950 * ms} {
		g := newActiveRig(t, 100, func(c *Config) { c.Interval = interval })
		g.run(10 * interval)
		g.wantSent(100, 100, 100, 100, 100, 100, 100, 100, 100, 100)
		for i := 1; i < len(g.sentAt); i++ {
			if got := g.sentAt[i].Sub(g.sentAt[i-1]); got != interval {
				t.Fatalf("%v between two advertisements, want %v", got, interval)
			}
		}
	}
}

// RFC 9568 section 6.4.3: if the Priority in the ADVERTISEMENT is 0, an Active Router sends
// an ADVERTISEMENT and resets the Adver_Timer to Advertisement_Interval.
func TestRFC9568_6_4_3_PriorityZero(t *testing.T) {
	g := newActiveRig(t, 100)
	g.run(100 * ms)
	g.forget()
	g.hear(addrHigh, 0, time.Second)
	g.is(Active)
	g.wantSent(100)
	g.wantDeadline(g.now.Add(time.Second))
}

// RFC 9568 section 6.4.3: if the Priority in the ADVERTISEMENT is greater than the local
// Priority, an Active Router cancels the Adver_Timer, adopts the interval, sets
// the Active_Down_Timer to Active_Down_Interval and transitions to Backup.
func TestRFC9568_6_4_3_GreaterPriority(t *testing.T) {
	g := newActiveRig(t, 100)
	g.hear(addrLow, 101, 2*time.Second)
	g.is(Backup)
	g.wantSent(100) // its last word: see giveWay
	g.wantOpen(0, 0)
	g.wantChanges("deactivated higher-priority 192.0.2.1 linger")
	g.silentFor(6*time.Second + skewOf(100, 2*time.Second))
	g.wantSent(100, 100)
}

// RFC 9568 section 6.4.3: if the Priority in the ADVERTISEMENT is equal to the local one and
// the primary address of the sender is greater (compared as unsigned integers in
// network byte order), an Active Router becomes Backup; otherwise it stays.
func TestRFC9568_6_4_3_EqualPriority(t *testing.T) {
	for _, c := range []struct {
		self, other string
		stays       bool
	}{
		{"192.0.2.2", "192.0.2.3", false},
		{"192.0.2.2", "192.0.2.1", true},
		{"192.0.2.9", "192.0.2.10", false},
		{"10.0.0.200", "200.0.0.1", false}, // signed bytes would compare otherwise
		{"127.255.255.255", "128.0.0.0", false},
		{"fe80::2", "fe80::10", false},
		{"fe80::ffff", "fe80::1:0", false},
		{"fe80::8000:0:0:1", "fe80::7fff:0:0:1", true},
	} {
		self, other := netip.MustParseAddr(c.self), netip.MustParseAddr(c.other)
		g := newIdleRig(t, func(cfg *Config) {
			if self.Is6() {
				cfg.Addresses, cfg.To = []netip.Addr{netip.MustParseAddr("fe80::100")}, []netip.Addr{allRouters6}
			}
		})
		g.do(func() {
			g.r.Start(g.now)
			g.r.SetSource(g.now, self)
			g.r.SetReady(g.now, true, reason.None, 100)
		})
		g.run(4 * time.Second)
		g.is(Active)
		g.forget()
		g.hear(other, 100, time.Second)
		if stays := g.r.State(g.now).Role == Active; stays != c.stays {
			t.Errorf("%v hears %v: stays %v", self, other, stays)
		}
		g.wantSent(100) // the answer, or the last word: see giveWay
	}
}

// RFC 9568 section 6.4.3: an Active Router discards an ADVERTISEMENT of a lower Priority and
// sends one immediately, to assert the Active state to the sending router and to
// update learning bridges. The Adver_Timer runs on.
func TestRFC9568_6_4_3_LowerPriority(t *testing.T) {
	g := newActiveRig(t, 100)
	g.run(time.Second)
	due := g.r.Deadline()
	g.run(200 * ms)
	g.forget()
	g.hear(addrHigh, 99, time.Second)
	g.is(Active)
	g.wantSent(100)
	if g.sentAt[0] != g.now {
		t.Fatal("not at once")
	}
	g.wantChanges("dual dual-active 192.0.2.3", "healed dual-active 192.0.2.3")
	g.wantDeadline(due)
}
