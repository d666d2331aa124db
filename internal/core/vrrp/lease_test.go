package vrrp

import (
	"slices"
	"testing"
	"time"

	"stead/internal/core/clock"
	"stead/internal/core/reason"
)

// The slot ends before any Backup can have taken over: whatever happens to the
// daemon after an advertisement, its host falls silent in time.
func TestLeaseEndsBeforeABackupTakesOver(t *testing.T) {
	for _, adverts := range []int{1, 2, 3, 10} {
		for _, interval := range []time.Duration{10 * ms, time.Second, 40950 * ms} {
			adapt := func(c *Config) { c.Interval, c.DownAdverts = interval, adverts }
			g := newActiveRig(t, 100, adapt)
			g.run(interval)
			sent := g.sentAt[0]
			until := g.r.State(g.now).Lease
			best := 254
			if adverts == 1 {
				best = 224 // the lease has to reach beyond the next advertisement
			}
			down := sent.Add(time.Duration(adverts)*interval + skewOf(best, interval))
			if until > down || until <= g.r.Deadline() {
				t.Errorf("%d × %v: open until %v, backups take over at %v, next advertisement at %v",
					adverts, interval, until.Sub(sent), down.Sub(sent), g.r.Deadline().Sub(sent))
			}
			if margin := down.Sub(until); adverts > 1 && margin < time.Duration(adverts)*interval/64 {
				t.Errorf("%d × %v: only %v less", adverts, interval, margin)
			}
		}
	}
}

// With a detector the lease is as short as the detector's, and renewed as often
// as it beats.
func TestDetectorLease(t *testing.T) {
	g := newActiveRig(t, 100, func(c *Config) { c.Detector = Detector{Interval: 5 * ms, Lease: 15 * ms} })
	g.run(time.Second)
	if len(g.slots) < 200 || len(g.slots) > 202 {
		t.Fatalf("%d slots in a second", len(g.slots))
	}
	g.wantSent(100)
	if got := g.r.State(g.now).Lease.Sub(g.now); got > 15*ms-15*ms/64 || got < 9*ms {
		t.Fatalf("lease of %v", got)
	}
}

// An active router that wakes after its slot has run out serves no longer. It
// says nothing, and takes part again as a Backup that has just begun to listen.
func TestLateActiveIsBackup(t *testing.T) {
	g := newActiveRig(t, 200)
	until := g.r.State(g.now).Lease
	g.now = until
	g.do(func() { g.r.Tick(g.now) })
	g.is(Backup)
	g.wantSent()
	g.wantOpen(0, 0)
	g.wantChanges("deactivated late")
	g.forget()
	g.silentFor(3*time.Second + skewOf(200, time.Second))
	g.wantChanges("activated nobody-active")
}

// Just before, it is in time.
func TestInTimeActiveGoesOn(t *testing.T) {
	g := newActiveRig(t, 200)
	g.tick(g.r.State(g.now).Lease - 1)
	g.is(Active)
	g.wantSent(200)
}

// Whatever the input that wakes it, a late router finds out before it acts on it.
func TestLateWhateverTheInput(t *testing.T) {
	for name, input := range map[string]func(g *rig){
		"priority zero": func(g *rig) { g.hear(addrHigh, 0, time.Second) },
		"lower":         func(g *rig) { g.hear(addrHigh, 1, time.Second) },
		"falls":         func(g *rig) { g.do(func() { g.r.SetReady(g.now, true, reason.None, 50) }) },
		"not ready":     func(g *rig) { g.do(func() { g.r.SetReady(g.now, false, reason.CheckFailed, 50) }) },
		"switchover":    func(g *rig) { g.do(func() { g.r.Switchover(g.now) }) },
		"stop":          func(g *rig) { g.do(func() { g.r.Stop(g.now, true, reason.Stopping) }) },
		"drain":         func(g *rig) { g.do(func() { g.r.SetDrained(g.now, true, reason.Drained) }) },
	} {
		g := newActiveRig(t, 200)
		g.now = g.now.Add(time.Minute)
		input(g)
		if len(g.sent) > 0 || len(g.changes) == 0 || describe(g.changes[0]) != "deactivated late" {
			t.Errorf("%s: sent %v, changes %+v", name, g.priorities(), g.changes)
		}
	}
}

// A Backup that could not listen does not take that for silence of the active
// router, which it would hear soon.
func TestLateBackupListensOn(t *testing.T) {
	g := newRig(t, 100)
	g.hear(addrHigh, 200, time.Second)
	g.run(500 * ms)
	g.tick(g.now.Add(time.Minute))
	g.is(Backup)
	g.run(time.Second)
	g.hear(addrHigh, 200, time.Second)
	g.is(Backup)
	if got := g.r.State(g.now).Late; got != 1 {
		t.Fatalf("late %d times", got)
	}
	g.silentFor(3*time.Second + skewOf(100, time.Second))
}

// A little lateness is none: the timer fires.
func TestBackupOnTime(t *testing.T) {
	g := newRig(t, 100)
	g.hear(addrHigh, 200, time.Second)
	g.run(3*time.Second + 600*ms)
	g.tick(g.r.Deadline().Add(400 * ms))
	g.is(Active)
}

// The same lateness is accounted for once, whatever the number of inputs that
// waited.
func TestLatenessCountsOnce(t *testing.T) {
	g := newRig(t, 100)
	g.hear(addrHigh, 200, time.Second)
	g.now = g.now.Add(10 * time.Second)
	down := g.r.downAt
	due := g.r.Deadline()
	for range 5 {
		g.r.Begin(g.now) // inputs in one go, before the next deadline is computed
	}
	if got, want := g.r.downAt, down.Add(g.now.Sub(due)); got != want {
		t.Fatalf("the timer was put off to %v, want %v", got.Sub(g.now), want.Sub(g.now))
	}
}

// Activations count up from the floor, and a ceiling is asked to be stored before
// any beyond the last one is used.
func TestCountNeverComesBack(t *testing.T) {
	g := newIdleRig(t, func(c *Config) { c.Floor = 500 })
	g.do(func() {
		g.r.Start(g.now)
		g.r.SetSource(g.now, addrSelf)
		g.r.SetReady(g.now, true, reason.None, 255)
	})
	for want := uint64(501); want < 800; want++ {
		g.is(Active)
		if got := g.changes[len(g.changes)-1]; got.Kind != Activated || got.Count != want {
			t.Fatalf("%+v, want activation %d", got, want)
		}
		if ceiling := g.persist[len(g.persist)-1]; ceiling <= want {
			t.Fatalf("activation %d, stored up to %d", want, ceiling)
		}
		g.do(func() { g.r.SetReady(g.now, false, reason.CheckFailed, 255) })
		g.do(func() { g.r.SetReady(g.now, true, reason.None, 255) })
	}
	if !slices.IsSorted(g.persist) || len(g.persist) > 12 {
		t.Fatalf("asked to store %v", g.persist)
	}
}

// A router that begins to own the addresses serves them whatever Accept_Mode says.
func TestSlotFollowsPriority(t *testing.T) {
	g := newActiveRig(t, 100, func(c *Config) { c.Accept = false })
	until := g.r.State(g.now).Lease
	g.do(func() { g.r.SetReady(g.now, true, reason.None, 255) })
	g.wantOpen(until, until)
	g.wantSent() // from the next advertisement on
	g.run(time.Second)
	g.wantSent(255)
}

// A priority that falls is told at once, so that a better router preempts without
// waiting for the next advertisement.
func TestFallingPriorityIsToldAtOnce(t *testing.T) {
	g := newActiveRig(t, 100)
	g.run(100 * ms)
	g.forget()
	g.do(func() { g.r.SetReady(g.now, true, reason.None, 50) })
	g.wantSent(50)
	g.forget()
	g.do(func() { g.r.SetReady(g.now, true, reason.None, 150) })
	g.wantSent()
	g.run(time.Second)
	g.wantSent(150)
}

// An active router without an address to advertise from cannot be told from a
// dead one; with another one it goes on.
func TestSourceComesAndGoes(t *testing.T) {
	g := newActiveRig(t, 100)
	g.do(func() { g.r.SetSource(g.now, addrHigh) })
	g.is(Active)
	g.wantChanges()
	g.run(time.Second)
	if got := g.r.State(g.now).ActiveRouter; got != addrHigh {
		t.Fatalf("advertises from %v", got)
	}
	g.forget()
	g.do(func() { g.r.SetSource(g.now, noAddr) })
	g.is(Initialize)
	g.wantSent()
	g.wantOpen(0, 0)
	g.wantChanges("deactivated no-source-address")
	if s := g.r.State(g.now); s.Why != reason.NoSource {
		t.Fatalf("state %+v", s)
	}
	g.do(func() { g.r.SetSource(g.now, addrSelf) })
	g.is(Backup)
	if g.r.Deadline() == clock.Never {
		t.Fatal("waits for nothing")
	}
}
