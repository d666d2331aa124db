package vrrp

import (
	"net/netip"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

var noAddr netip.Addr

// yields are the ways to hand over.
var yields = map[string]struct {
	begin func(g *rig)
	why   reason.Reason
	then  Role
}{
	"drain":      {func(g *rig) { g.r.SetDrained(g.now, true, reason.Drained) }, reason.Drained, Initialize},
	"stop":       {func(g *rig) { g.r.Stop(g.now, false, reason.Stopping) }, reason.Stopping, Initialize},
	"switchover": {func(g *rig) { g.r.Switchover(g.now) }, reason.Switchover, Backup},
}

// A handover is make-before-break: the router says at once that it gives up, and
// serves until it has heard another one.
func TestYieldServesUntilAnotherIsHeard(t *testing.T) {
	for name, y := range yields {
		t.Run(name, func(t *testing.T) {
			g := newActiveRig(t, 200)
			g.run(100 * ms)
			g.forget()
			g.do(func() { y.begin(g) })
			g.wantSent(0)
			g.wantChanges()
			if s := g.r.State(g.now); !s.Yielding || !g.r.Leased(g.now) {
				t.Fatalf("%+v", s)
			}
			g.run(600 * ms)
			if !g.r.Leased(g.now) {
				t.Fatal("stopped serving before anybody took over")
			}
			g.hear(addrLow, 100, time.Second)
			g.is(y.then)
			g.wantChanges("deactivated " + string(y.why) + " 192.0.2.1 linger")
			g.wantOpen(0, 0)
			g.wantSent(0)
			if s := g.r.State(g.now); s.ActiveRouter != addrLow || s.Yielding {
				t.Fatalf("%+v", s)
			}
		})
	}
}

// Nobody takes over: a drain and a switchover are given up, a stop is not.
func TestYieldIsGivenUp(t *testing.T) {
	for name, y := range yields {
		t.Run(name, func(t *testing.T) {
			g := newActiveRig(t, 200)
			g.do(func() { y.begin(g) })
			for range 39 {
				g.run(100 * ms)
				if !g.r.Leased(g.now) {
					t.Fatal("stopped serving")
				}
			}
			g.wantSent(0, 0, 0, 0)
			g.wantChanges()
			g.forget()
			g.run(100 * ms)
			if name == "stop" {
				g.is(Initialize)
				g.wantSent(0)
				g.wantChanges("deactivated stopping")
				g.wantOpen(0, 0)
				g.wantDeadline(clock.Never)
				return
			}
			g.is(Active)
			g.wantSent(200)
			g.wantChanges("gave up no-successor")
			if s := g.r.State(g.now); s.Drained || s.Yielding || s.Held {
				t.Fatalf("%+v", s)
			}
		})
	}
}

// What fails while a router hands over ends it at once.
func TestYieldEndsWhenNotReady(t *testing.T) {
	for name, y := range yields {
		g := newActiveRig(t, 200)
		g.do(func() { y.begin(g) })
		g.forget()
		g.do(func() { g.r.SetReady(g.now, false, reason.LinkDown, 200) })
		g.is(Initialize)
		g.wantChanges("deactivated link-down")
		g.wantSent(0)
		g.wantOpen(0, 0)
		_ = name
	}
}

// A hard stop does not wait for a handover.
func TestHardStopWhileYielding(t *testing.T) {
	g := newActiveRig(t, 200)
	g.do(func() { g.r.SetDrained(g.now, true, reason.Drained) })
	g.forget()
	g.do(func() { g.r.Stop(g.now, true, reason.Stopping) })
	g.is(Initialize)
	g.wantSent(0)
	g.wantChanges("deactivated stopping")
	g.do(func() { g.r.SetDrained(g.now, false, reason.Resumed) })
	g.do(func() { g.r.SetReady(g.now, true, reason.None, 200) })
	g.is(Initialize) // for good
}

// Two routers that hand over at the same time do not answer each other for ever.
func TestTwoYieldDoNotStorm(t *testing.T) {
	g := newActiveRig(t, 200)
	g.do(func() { g.r.SetDrained(g.now, true, reason.Drained) })
	g.forget()
	for range 10 {
		g.hear(addrHigh, 0, time.Second)
	}
	g.wantSent()
	g.is(Active)
}

// A drain that is called off is as if it had not been.
func TestDrainCalledOff(t *testing.T) {
	g := newActiveRig(t, 200)
	g.do(func() { g.r.SetDrained(g.now, true, reason.Drained) })
	g.run(time.Second)
	g.forget()
	g.do(func() { g.r.SetDrained(g.now, false, reason.Resumed) })
	g.wantSent(200)
	g.run(10 * time.Second)
	g.is(Active)
	g.wantChanges()
}

// A drained router takes no part until it is resumed, and knows who serves.
func TestDrainedStaysAway(t *testing.T) {
	g := newRig(t, 200)
	g.do(func() { g.r.SetDrained(g.now, true, reason.Drained) })
	g.is(Initialize)
	g.run(time.Minute)
	g.hear(addrLow, 100, time.Second)
	if s := g.r.State(g.now); s.ActiveRouter != addrLow || s.ActivePriority != 100 || s.Why != reason.Drained {
		t.Fatalf("%+v", s)
	}
	g.run(time.Minute)
	if s := g.r.State(g.now); s.ActiveRouter != noAddr {
		t.Fatalf("%+v", s)
	}
	g.wantSent()
	g.do(func() { g.r.SetDrained(g.now, false, reason.Resumed) })
	g.is(Backup)
	g.silentFor(3*time.Second + skewOf(200, time.Second))
}

// After a switchover the router does not preempt, though it has the higher
// priority, until it was active again or is resumed.
func TestSwitchoverHolds(t *testing.T) {
	for _, priority := range []int{200, 255} {
		g := newActiveRig(t, priority)
		g.do(func() {
			if why := g.r.Switchover(g.now); why != reason.None {
				t.Fatal(why)
			}
		})
		for range 20 {
			g.hear(addrLow, 100, time.Second)
			g.run(time.Second)
		}
		g.is(Backup)
		g.do(func() {
			if why := g.r.Switchover(g.now); why != reason.NotActive {
				t.Fatal(why)
			}
		})
		g.do(func() { // as after a check that failed for a moment
			g.r.SetReady(g.now, false, reason.CheckFailed, priority)
			g.r.SetReady(g.now, true, reason.None, priority)
		})
		for range 20 {
			g.hear(addrLow, 100, time.Second)
			g.run(time.Second)
		}
		g.is(Backup)
		g.do(func() { g.r.Resume(g.now) })
		for range 5 {
			g.hear(addrLow, 100, time.Second)
			g.run(time.Second)
		}
		g.is(Active)
	}
}

// The one that took over fails: the router that handed over serves again, and
// preempts as before.
func TestSwitchoverEndsWithTheSuccessor(t *testing.T) {
	g := newActiveRig(t, 200)
	g.do(func() { g.r.Switchover(g.now) })
	g.hear(addrLow, 100, time.Second)
	g.is(Backup)
	g.silentFor(3*time.Second + skewOf(200, time.Second))
	g.hear(addrHigh, 210, time.Second)
	g.is(Backup)
	for range 5 {
		g.hear(addrHigh, 190, time.Second)
		g.run(time.Second)
	}
	g.is(Active)
}

// One who hands over repeats that it gives up. That must not put off whoever is
// about to take over.
func TestRepeatedPriorityZeroDoesNotPutOff(t *testing.T) {
	g := newRig(t, 1) // its Skew_Time is almost an interval
	g.hear(addrHigh, 200, time.Second)
	at := g.now.Add(skewOf(1, time.Second))
	g.hear(addrHigh, 0, time.Second)
	g.run(500 * ms)
	g.hear(addrHigh, 0, time.Second)
	g.run(at.Sub(g.now))
	g.is(Active)
}

// An active router that is late while it hands over is done with it.
func TestLateWhileYielding(t *testing.T) {
	for name, y := range yields {
		g := newActiveRig(t, 200)
		g.do(func() { y.begin(g) })
		g.forget()
		g.tick(g.now.Add(time.Minute))
		g.is(y.then)
		g.wantSent()
		g.wantChanges("deactivated late")
		_ = name
	}
}
