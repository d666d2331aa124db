package vrrp

import (
	"testing"
	"time"

	"stead/internal/core/reason"
)

// A Backup that may preempt waits for the delay, counted from when it heard the
// lower one first.
func TestPreemptDelay(t *testing.T) {
	g := newRig(t, 200, func(c *Config) { c.PreemptDelay = 10 * time.Second })
	for g.now.Sub(boot) < 10*time.Second {
		g.hear(addrLow, 100, time.Second)
		g.run(time.Second)
		g.is(Backup)
	}
	for range 3 {
		g.hear(addrLow, 100, time.Second)
		g.run(time.Second)
	}
	g.run(skewOf(200, time.Second))
	g.is(Active)
	g.wantChanges("saw 192.0.2.1", "activated preempted")
}

// When the active router falls silent the delay is no reason to wait.
func TestPreemptDelayIsNoneInSilence(t *testing.T) {
	g := newRig(t, 200, func(c *Config) { c.PreemptDelay = time.Hour })
	g.hear(addrLow, 100, time.Second)
	g.silentFor(3*time.Second + skewOf(200, time.Second))
	g.wantChanges("saw 192.0.2.1", "activated peer-silent")
}

// The delay begins anew with each stretch in which a lower one is active.
func TestPreemptDelayBeginsAnew(t *testing.T) {
	g := newRig(t, 200, func(c *Config) { c.PreemptDelay = 10 * time.Second })
	for i := range 40 {
		priority := uint8(100)
		if i%8 == 7 {
			priority = 210
		}
		g.hear(addrLow, priority, time.Second)
		g.run(time.Second)
	}
	g.is(Backup)
}

// A router that has just started leaves the addresses to others for the delay,
// the owner of the addresses too.
func TestStartDelay(t *testing.T) {
	for _, priority := range []int{100, 255} {
		g := newRig(t, priority, func(c *Config) { c.StartDelay = 30 * time.Second })
		g.silentFor(30 * time.Second)
		g.wantSent(priority)
	}
}

// A delay that is shorter than Active_Down_Interval changes nothing, and neither
// does one that has passed when the router becomes ready.
func TestStartDelayIsNoShortCut(t *testing.T) {
	g := newRig(t, 100, func(c *Config) { c.StartDelay = time.Second })
	g.silentFor(3*time.Second + skewOf(100, time.Second))
	g.do(func() { g.r.SetReady(g.now, false, reason.CheckFailed, 100) })
	g.run(time.Minute)
	g.do(func() { g.r.SetReady(g.now, true, reason.None, 100) })
	g.silentFor(3*time.Second + skewOf(100, time.Second))
}

// During the delay a higher priority does not preempt.
func TestStartDelayHoldsPreemptionBack(t *testing.T) {
	g := newRig(t, 200, func(c *Config) { c.StartDelay = 30 * time.Second })
	for g.now.Sub(boot) < 30*time.Second {
		g.hear(addrLow, 100, time.Second)
		g.run(time.Second)
		g.is(Backup)
	}
	for range 4 {
		g.hear(addrLow, 100, time.Second)
		g.run(time.Second)
	}
	g.is(Active)
}

var fast = Detector{Interval: 5 * ms, Lease: 15 * ms}

// The detector has lost the active router: its Backup waits for the skew of the
// heartbeats only.
func TestDetector(t *testing.T) {
	for _, router := range []string{"192.0.2.3", "::ffff:192.0.2.3", ""} {
		g := newRig(t, 100, func(c *Config) { c.Detector = fast })
		g.hear(addrHigh, 200, time.Second)
		g.run(time.Second / 2)
		g.do(func() { g.r.Silent(g.now, parse(router)) })
		g.silentFor(skewOf(100, 5*ms))
		g.wantChanges("saw 192.0.2.3", "activated peer-silent")
	}
}

// It changes nothing for others than the active router, for who has resigned and
// where nobody was active, nor where no detector is configured.
func TestDetectorOfOthers(t *testing.T) {
	g := newRig(t, 100, func(c *Config) { c.Detector = fast })
	g.do(func() { g.r.Silent(g.now, noAddr) })
	g.hear(addrHigh, 200, time.Second)
	g.do(func() { g.r.Silent(g.now, addrLow) })
	g.silentFor(3*time.Second + skewOf(100, time.Second))
	g.do(func() { g.r.Silent(g.now, noAddr) })
	g.is(Active)

	g = newRig(t, 100, func(c *Config) { c.Detector = fast })
	g.hear(addrHigh, 200, time.Second)
	g.hear(addrHigh, 0, time.Second)
	g.do(func() { g.r.Silent(g.now, addrHigh) })
	g.silentFor(skewOf(100, time.Second))

	g = newRig(t, 100)
	g.hear(addrHigh, 200, time.Second)
	g.do(func() { g.r.Silent(g.now, addrHigh) })
	g.silentFor(3*time.Second + skewOf(100, time.Second))
}

// Heartbeats are lost, advertisements are not: the active router is there.
func TestDetectorIsContradicted(t *testing.T) {
	g := newRig(t, 100, func(c *Config) { c.Detector = fast })
	g.hear(addrHigh, 200, time.Second)
	g.do(func() { g.r.Silent(g.now, addrHigh) })
	g.hear(addrHigh, 200, time.Second)
	g.silentFor(3*time.Second + skewOf(100, time.Second))
}

// Groups of a sync set change together.
func TestForce(t *testing.T) {
	g := newRig(t, 100)
	g.hear(addrHigh, 200, time.Second)
	g.forget()
	g.do(func() { g.r.Force(g.now, true, reason.SyncGroup) })
	g.is(Active)
	g.wantSent(100)
	g.wantChanges("activated sync-group")
	g.forget()
	g.do(func() { g.r.Force(g.now, false, reason.SyncGroup) })
	g.is(Backup)
	g.wantSent(0)
	g.wantOpen(0, 0)
	g.wantChanges("deactivated sync-group")
	g.forget()
	g.do(func() { g.r.Force(g.now, false, reason.SyncGroup) })
	g.wantChanges()
	g.silentFor(3*time.Second + skewOf(100, time.Second))
}

// Nothing makes a router active that is not ready.
func TestForceNeedsReadiness(t *testing.T) {
	for name, input := range map[string]func(g *rig){
		"not ready": func(g *rig) { g.r.SetReady(g.now, false, reason.CheckFailed, 100) },
		"drained":   func(g *rig) { g.r.SetDrained(g.now, true, reason.Drained) },
		"no source": func(g *rig) { g.r.SetSource(g.now, noAddr) },
		"sync":      func(g *rig) { g.r.SetSync(g.now, true) },
		"stopped":   func(g *rig) { g.r.Stop(g.now, false, reason.Stopping) },
	} {
		g := newRig(t, 100)
		g.do(func() { input(g) })
		g.do(func() { g.r.Force(g.now, true, reason.SyncGroup) })
		if s := g.r.State(g.now); s.Role != Initialize || len(g.sent) > 0 || s.Why == reason.None {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// A group that is drained when its set becomes Backup takes no part any more.
func TestForceWhileDraining(t *testing.T) {
	g := newActiveRig(t, 100)
	g.do(func() { g.r.SetDrained(g.now, true, reason.Drained) })
	g.do(func() { g.r.Force(g.now, false, reason.SyncGroup) })
	g.is(Initialize)
}

// A group whose set is blocked is not ready, and says why.
func TestSyncBlocks(t *testing.T) {
	g := newActiveRig(t, 100)
	g.do(func() { g.r.SetSync(g.now, true) })
	g.is(Initialize)
	g.wantChanges("deactivated sync-group")
	if s := g.r.State(g.now); s.Why != reason.SyncGroup {
		t.Fatalf("%+v", s)
	}
	g.do(func() { g.r.SetSync(g.now, false) })
	g.is(Backup)
}

// A router that goes on claiming the addresses has clients told again where they
// are, but not with every packet.
func TestHealedIsLimited(t *testing.T) {
	g := newActiveRig(t, 100, func(c *Config) { c.Interval = 10 * ms })
	for range 200 {
		g.hear(addrLow, 50, 10*ms)
		g.run(10 * ms)
	}
	kinds := map[Kind]int{}
	for _, c := range g.changes {
		kinds[c.Kind]++
	}
	if kinds[DualSeen] != 1 || kinds[Healed] != 2 {
		t.Fatalf("%v", kinds)
	}
	answered := len(g.sent)
	if answered < 400 {
		t.Fatalf("%d advertisements", answered)
	}
	g.forget()
	g.hear(addrLow, 0, 10*ms) // it has let go: clients may have its hardware address
	g.wantChanges("healed peer-resigned 192.0.2.1")
	g.run(time.Second)
	g.forget()
	g.hear(addrLow, 50, 10*ms)
	g.wantChanges("dual dual-active 192.0.2.1", "healed dual-active 192.0.2.1")
}

// What is looped back is no other router.
func TestOwnPacketsAreNone(t *testing.T) {
	g := newActiveRig(t, 100)
	g.hear(addrSelf, 200, time.Second)
	g.hear(addrSelf, 0, time.Second)
	g.is(Active)
	g.wantChanges()
	g.wantSent()
	g = newRig(t, 100)
	for range 4 {
		g.hear(addrSelf, 200, time.Second)
		g.run(time.Second)
	}
	g.is(Active)
}
