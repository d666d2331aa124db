package vrrp

import (
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// RFC 9568 section 6.4.1: on a Startup event a router with priority 255 sends an
// ADVERTISEMENT, sets the Adver_Timer to Advertisement_Interval and transitions to
// Active.
func TestRFC9568_6_4_1_OwnerStartsActive(t *testing.T) {
	g := newRig(t, 255)
	g.is(Active)
	g.wantSent(255)
	g.wantChanges("activated nobody-active")
	g.wantDeadline(g.now.Add(time.Second))
}

// RFC 9568 section 6.4.1: on a Startup event any other router sets Active_Adver_Interval to
// Advertisement_Interval and the Active_Down_Timer to Active_Down_Interval, and
// transitions to Backup.
func TestRFC9568_6_4_1_OthersStartBackup(t *testing.T) {
	for _, priority := range []int{1, 100, 254} {
		g := newRig(t, priority)
		g.is(Backup)
		g.wantSent()
		g.silentFor(3*time.Second + skewOf(priority, time.Second))
		g.wantChanges("activated nobody-active")
	}
}

// RFC 9568 section 6.4.1: the Initialize state waits for a Startup event. Until a router is
// started, ready and has an address to advertise from it says nothing and answers
// for nothing.
func TestRFC9568_6_4_1_InitializeWaits(t *testing.T) {
	g := newIdleRig(t)
	inputs := []func(){
		func() { g.r.SetReady(g.now, true, reason.None, 255) },
		func() { g.r.SetSource(g.now, addrSelf) },
		func() { g.r.Start(g.now) },
	}
	for i, input := range inputs {
		g.is(Initialize)
		g.hear(addrHigh, 0, time.Second)
		g.hear(addrHigh, 10, time.Second)
		g.run(time.Minute)
		g.do(input)
		if last := i == len(inputs)-1; !last && (len(g.sent) > 0 || len(g.slots) > 0 || g.r.Deadline() != clock.Never) {
			t.Fatalf("after input %d: sent %v, slots %v", i, g.sent, g.slots)
		}
	}
	g.is(Active)
}

// RFC 9568 section 6.4.2: while Backup a router MUST NOT respond to ARP requests or ND
// Neighbor Solicitations for the addresses, and MUST NOT accept packets addressed
// to them: its slot of the fence is closed.
func TestRFC9568_6_4_2_NeitherAnswersNorAccepts(t *testing.T) {
	g := newRig(t, 100)
	for range 20 {
		g.hear(addrHigh, 200, time.Second)
		g.run(time.Second)
		if g.r.Leased(g.now) {
			t.Fatal("a Backup has a lease")
		}
	}
	if len(g.slots) != 0 {
		t.Fatalf("slots %+v", g.slots)
	}

	g = newActiveRig(t, 100)
	g.hear(addrHigh, 200, time.Second)
	g.is(Backup)
	g.wantOpen(0, 0)
}

// RFC 9568 section 6.4.2: on a Shutdown event a Backup cancels the Active_Down_Timer and
// transitions to Initialize.
func TestRFC9568_6_4_2_Shutdown(t *testing.T) {
	g := newRig(t, 100)
	g.hear(addrHigh, 200, time.Second)
	g.forget()
	g.do(func() { g.r.SetReady(g.now, false, reason.CheckFailed, 100) })
	g.is(Initialize)
	g.wantDeadline(clock.Never)
	g.wantSent() // it was not active: others have nothing to learn
	g.wantChanges()
}

// RFC 9568 section 6.4.2: when the Active_Down_Timer fires, a Backup sends an ADVERTISEMENT,
// sets the Adver_Timer to Advertisement_Interval and transitions to Active.
func TestRFC9568_6_4_2_ActiveDownTimer(t *testing.T) {
	g := newRig(t, 100)
	g.run(time.Second)
	g.hear(addrHigh, 200, time.Second)
	g.forget()
	g.silentFor(3*time.Second + skewOf(100, time.Second))
	g.wantSent(100)
	g.wantChanges("activated peer-silent")
	g.wantDeadline(g.now.Add(time.Second))
}

// RFC 9568 section 6.4.2: if the Priority in the ADVERTISEMENT is 0, a Backup sets the
// Active_Down_Timer to Skew_Time: it neither jumps at once nor waits longer.
func TestRFC9568_6_4_2_PriorityZero(t *testing.T) {
	for _, priority := range []int{1, 100, 254} {
		g := newRig(t, priority)
		g.hear(addrHigh, 255, 2*time.Second)
		g.run(300 * ms)
		g.forget()
		g.hear(addrHigh, 0, 2*time.Second)
		g.is(Backup)
		g.silentFor(skewOf(priority, 2*time.Second))
		g.wantChanges("activated peer-resigned")
	}
}

// RFC 9568 section 6.4.2: if the Priority in the ADVERTISEMENT is greater than or equal to
// the local Priority, a Backup sets Active_Adver_Interval to the Max Advertise
// Interval in it, recomputes Skew_Time and Active_Down_Interval and sets the
// Active_Down_Timer.
func TestRFC9568_6_4_2_GreaterOrEqual(t *testing.T) {
	for _, priority := range []uint8{100, 101, 255} {
		for _, interval := range []time.Duration{10 * ms, 5 * time.Second} {
			g := newRig(t, 100)
			g.run(3 * time.Second)
			g.hear(addrLow, priority, interval)
			g.silentFor(3*interval + skewOf(100, interval))
		}
	}
}

// RFC 9568 section 6.4.2: if Preempt_Mode is False, the same holds for an ADVERTISEMENT of a
// lower Priority.
func TestRFC9568_6_4_2_NoPreempt(t *testing.T) {
	g := newRig(t, 100, func(c *Config) { c.Preempt = false })
	g.run(3 * time.Second)
	g.hear(addrHigh, 99, 2*time.Second)
	g.silentFor(6*time.Second + skewOf(100, 2*time.Second))
	g.wantChanges("saw 192.0.2.3", "activated peer-silent")
}

// RFC 9568 section 6.4.2: if preempt was true and the priority less than the local Priority,
// a Backup discards the ADVERTISEMENT: the timer runs on, and its interval is not
// adopted.
func TestRFC9568_6_4_2_LowerIsDiscarded(t *testing.T) {
	g := newRig(t, 100)
	g.run(3 * time.Second)
	g.hear(addrHigh, 99, 40*time.Second)
	if got := g.r.backup.interval; got != time.Second {
		t.Fatalf("adopted an interval of %v", got)
	}
	g.silentFor(skewOf(100, time.Second))
	g.wantChanges("saw 192.0.2.3", "activated preempted")
}
